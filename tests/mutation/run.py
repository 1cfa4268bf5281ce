"""Mutation testing by hand: do the tests notice when a line of the core is broken?

Run it from the root of the repository; it is no part of CI::

    pip install cosmic-ray
    python tests/mutation/run.py --rooms numerics refine measure --sample 300 --seed 0 --workers 2

A *mutant* is the source with one small error: another number, ``<`` for ``<=``, ``-`` for ``+``,
a loop that does not run. `cosmic-ray` makes them. This runner draws a sample of them, applies each
to a private copy of the source in a temporary directory, and runs tests until one fails. Then the
mutant is *killed*. A mutant that passes all tests *survived*.

The sample is drawn place by place: first a place in the source, then one of the mutants there. So
an operator that can be replaced by ten others counts as much as a number. Mutants that no test can
see are left out: those that change only annotations or protocols, and ``*`` for ``&`` between
arrays of bool.

The tests of a mutant of ``checkgrad/<room>/<module>.py`` are, in this order:

1. ``tests/<room>/test_<module>.py`` or ``tests/<room>/test_<room>_<module>.py``;
2. the other tests in ``tests/<room>``, and those in the folders of the other rooms asked for;
3. some golden cases for NumPy, spread over all of them (``--golden``; 0 for none).

How to read the output. Each line is a mutant: killed, and by which of these three; a timeout, which
counts as killed; or survived. The table gives the score room by room and module by module: the part
of the mutants that was killed. Survivors follow with their diffs (``--survivors FILE`` writes them
to a file as well). A survivor is one of three things: a behaviour without a test, which needs one;
code without an effect, which may go; or an *equivalent*, which computes the same in another way,
for example ``x <= y`` for ``x < y`` where x never equals y. Equivalents are why 100% is out of
reach.

``--only TEXT`` keeps mutants whose module path contains a text. The same ``--seed`` draws the same
mutants, as long as the source does not change.
"""

from __future__ import annotations

import argparse
import collections
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mutants import PACKAGE, ROOT, Mutant, drawn

OWN_TESTS, ROOM_TESTS, GOLDEN_TESTS = "own tests", "room tests", "golden cases"
TIMEOUT, SURVIVED, FAULTY = "timeout", "survived", "tests could not be run"
PASSED = (0, 5)  # how pytest exits if all tests pass, or if there are none
FAILED = (1, 2, 3)  # ... if one fails, or the source cannot even be imported


def test_sets(mutant: Mutant, rooms: list[str], golden: int) -> Iterator[tuple[str, list[str]]]:
    """Yield names of test sets, and what pytest is to be given for each."""
    room, module = mutant.room, mutant.path.stem
    names = (f"test_{module}.py", f"test_{room}_{module}.py")
    folders = [f"tests/{each}" for each in [room, *(other for other in rooms if other != room)]]
    folders = [folder for folder in folders if (ROOT / folder).is_dir()]
    own = sorted(str(f) for n in names for f in (ROOT / "tests").rglob(n) if _is_of(f, room))
    if own:
        yield OWN_TESTS, own
    if folders:
        yield ROOM_TESTS, [*folders, *(f"--ignore={file}" for file in own)]
    if golden:
        plugin = Path(__file__).parent / "golden_sample.py"
        yield GOLDEN_TESTS, ["-p", plugin.stem, f"--golden-sample={golden}", "tests/golden"]


def _is_of(file: Path, room: str) -> bool:
    """Return whether a test file belongs to a room; the top level of tests has those of none."""
    folder = file.relative_to(ROOT / "tests").parent
    return room in folder.parts or folder == Path()


def outcome_of(mutant: Mutant, rooms: list[str], golden: int, timeout: float) -> str:
    """Return how a mutant fares: the set that killed it, a timeout, or that it survived."""
    with tempfile.TemporaryDirectory(prefix="checkgrad-mutant-") as folder:
        shutil.copytree(PACKAGE, Path(folder) / "checkgrad", ignore=_no_caches)
        (Path(folder) / "checkgrad" / mutant.path).write_text(mutant.code, encoding="utf-8")
        for name, arguments in test_sets(mutant, rooms, golden):
            status = _run_tests(folder, arguments, timeout)
            if status is None:
                return TIMEOUT
            if status in FAILED:
                return name
            if status not in PASSED:
                return FAULTY
    return SURVIVED


def _no_caches(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def _run_tests(source: str, arguments: list[str], timeout: float) -> int | None:
    """Return how pytest exits; None if it takes too long."""
    switches = ["-x", "-q", "--no-header", "-p", "no:xdist", "-p", "no:cacheprovider"]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([source, str(Path(__file__).parent)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CHECKGRAD_TEST_LIBRARIES": "numpy",
    }
    try:
        return subprocess.run(
            [sys.executable, "-m", "pytest", *switches, *arguments],
            cwd=ROOT,
            env=environment,
            timeout=timeout,
            capture_output=True,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return None


def require_passing(mutants: list[Mutant], rooms: list[str], golden: int, timeout: float) -> None:
    """Exit unless the tests pass on the source as it is: else they would kill everything."""
    for room in sorted({mutant.room for mutant in mutants}):
        first = next(mutant for mutant in mutants if mutant.room == room)
        for name, arguments in test_sets(first, rooms, golden):
            status = _run_tests(str(PACKAGE.parent), arguments, timeout)
            if status not in PASSED:
                sys.exit(f"the {name} of {room} do not pass on the source as it is ({status})")


def score(outcomes: list[tuple[Mutant, str]], key: Any) -> Iterator[str]:
    """Yield a line for each group of mutants: how many of them were killed, and by what."""
    groups = collections.defaultdict(list)
    for mutant, outcome in outcomes:
        groups[key(mutant)].append(outcome)
    for name, found in sorted(groups.items()):
        counts = collections.Counter(found)
        valid = len(found) - counts[FAULTY]
        killed = valid - counts[SURVIVED]
        share = killed / valid if valid else 0.0
        by = ", ".join(f"{outcome} {count}" for outcome, count in counts.most_common())
        yield f"{name:28} {killed:4} of {valid:4} killed  {share:6.1%}   ({by})"


def survivors(outcomes: list[tuple[Mutant, str]]) -> str:
    """Return the survivors with their diffs."""
    left = [mutant for mutant, outcome in outcomes if outcome == SURVIVED]
    return "\n".join(f"{mutant}\n{mutant.diff}\n" for mutant in left)


def parsed_arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description="Mutation testing; see the head of this file.")
    parser.add_argument("--rooms", nargs="+", default=["numerics", "refine", "measure"])
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for a test set")
    parser.add_argument("--golden", type=int, default=60, help="golden cases, the last resort")
    parser.add_argument("--only", default="", help="keep modules whose path contains this")
    parser.add_argument("--survivors", type=Path, help="a file for the survivors")
    return parser.parse_args()


def main() -> None:
    """Draw mutants, run the tests of each, and print the score and the survivors."""
    given = parsed_arguments()
    mutants = list(drawn(given.rooms, given.only, given.sample, given.seed))
    require_passing(mutants, given.rooms, given.golden, given.timeout)
    outcomes: list[tuple[Mutant, str]] = []

    def judge(mutant: Mutant) -> None:
        start = time.monotonic()
        outcome = outcome_of(mutant, given.rooms, given.golden, given.timeout)
        outcomes.append((mutant, outcome))
        spent = time.monotonic() - start
        print(f"{len(outcomes):4}/{len(mutants)} {outcome:22} {spent:5.1f} s  {mutant}", flush=True)

    with ThreadPoolExecutor(given.workers) as pool:
        list(pool.map(judge, mutants))
    print()
    print("\n".join(score(outcomes, lambda mutant: str(mutant.path))), end="\n\n")
    print("\n".join(score(outcomes, lambda mutant: mutant.room)), end="\n\n")
    print("\n".join(score(outcomes, lambda mutant: "all")), end="\n\n")
    print(survivors(outcomes))
    if given.survivors:
        given.survivors.write_text(survivors(outcomes), encoding="utf-8")


if __name__ == "__main__":
    main()
