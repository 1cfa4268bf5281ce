"""Writes the record of the golden cases, or compares what they give now with the record.

Run from the root of the repository::

    python tests/golden/record.py write
    python tests/golden/record.py compare --strict

A record is one JSON file for each library, with one case on each line.
"""

from __future__ import annotations

import os

if __name__ == "__main__":
    # Before any array library is imported: sums in one order, and JAX with float64.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    os.environ.update({"MKL_NUM_THREADS": "1", "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"})

import argparse
import json
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from cases import MODULES, cases_of, is_installed
from fingerprint import fingerprint
from observe import COUNTS, observe

FOLDER = Path(__file__).parent / "record"
LOOSE = ("verdict", "exception", *COUNTS, "calls")
BY_HAND = ("cutest",)  # takes minutes: only where it is asked for


@cache
def load(library: str, folder: Path = FOLDER) -> dict[str, Any]:
    """Read the record of a library."""
    return json.loads((folder / f"{library}.json").read_text())


def write(library: str, folder: Path, only: str) -> None:
    """Run the cases of a library and write its record."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(seen, separators=(',', ':'))}"
        for name, seen in _observations(library, only)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    prints = json.dumps(fingerprint(library))
    text = f'{{"fingerprint": {prints},\n"cases": {{\n' + ",\n".join(lines) + "\n}}\n"
    (folder / f"{library}.json").write_text(text)


def compare(library: str, folder: Path, only: str, strict: bool, hints: bool) -> int:
    """Run the cases of a library, print every difference, and return how many cases differ."""
    recorded = load(library, folder)
    if recorded["fingerprint"] != fingerprint(library):
        print(f"{library}: elementary functions round otherwise here than where it was recorded")
    old = {name: seen for name, seen in recorded["cases"].items() if only in name}
    count = 0
    for name, seen in _observations(library, only):
        # What JSON makes of it, so that lists and tuples compare equal.
        now = json.loads(json.dumps(seen))
        before = old.pop(name, None)
        if before is None:
            print(f"{name}: not in the record")
            count += 1
            continue
        found = list(differences(before, now, strict, hints))
        for path, one, other in found:
            print(f"{name}: {path}: {one} -> {other}")
        count += bool(found)
    for name in old:
        print(f"{name}: in the record, but no longer a case")
    return count + len(old)


def differences(
    before: dict[str, Any], now: dict[str, Any], strict: bool, hints: bool = False
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the path, the recorded value and the new value of everything that differs.

    Parameters
    ----------
    before, now : dict
        Two observations of a case.
    strict : bool
        Whether to compare every number. Otherwise verdicts and evaluation counts only.
    hints : bool
        Whether to compare the texts of the hints, too.
    """
    for key in {**before, **now}:
        if (key == "hints" and not hints) or not (strict or key in LOOSE or key == "hints"):
            continue
        yield from _unequal(key, before.get(key), now.get(key))


def _unequal(path: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            yield from _unequal(f"{path}.{key}", one.get(key), other.get(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from _unequal(f"{path}[{place}]", first, second)
    elif one != other:
        yield path, one, other


def _observations(library: str, only: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for case in cases_of(library):
        if only in case.name:
            yield case.name, observe(case)


def main() -> int:
    """Return how many cases differ from the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("write", "compare"))
    parser.add_argument("--library", choices=tuple(MODULES), action="append")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder of the record")
    parser.add_argument("--only", default="", help="cases whose names contain this text")
    parser.add_argument("--strict", action="store_true", help="compare every number")
    parser.add_argument("--hints", action="store_true", help="compare the texts of hints, too")
    options = parser.parse_args()
    count = 0
    for library in options.library or [each for each in MODULES if each not in BY_HAND]:
        if not is_installed(library):
            print(f"{library}: not installed, left out")
            continue
        start = time.perf_counter()
        if options.action == "write":
            write(library, options.output, options.only)
            print(f"{library}: written in {time.perf_counter() - start:.1f} s")
        else:
            differing = compare(
                library, options.output, options.only, options.strict, options.hints
            )
            count += differing
            print(f"{library}: {differing} differ, {time.perf_counter() - start:.1f} s")
    return count


if __name__ == "__main__":
    sys.exit(min(main(), 1))
