"""Every golden case still gives its recorded verdict, at the recorded number of evaluations."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from cases import MODULES, Case, cases_of, is_installed
from fingerprint import fingerprint
from observe import COUNTS, observe
from record import BY_HAND, load
from sampling import rotation

FACTOR = 1.5  # what the evaluations of a group may differ by where functions round otherwise
KEYS_OF_COUNTS = (*COUNTS, "calls")
GROUP = 12  # cases in one test
FULL = os.environ.get("CHECKGRAD_FULL") == "1"
LIBRARIES = os.environ.get("CHECKGRAD_TEST_LIBRARIES", ",".join(MODULES)).split(",")
# A plain run takes one case of so many. In JAX, each case compiles its own func.
TAKES_ONE_IN = {"numpy": 4, "jax": 6, "torch": 3}
DTYPES = ("bfloat16", "float16", "float32", "float64")
X64 = os.environ.get("JAX_ENABLE_X64", "").lower() in ("1", "on", "t", "true", "y", "yes")


def sample(cases: Sequence[Case], one_in: int) -> set[str]:
    """Name one case of so many, at random, and at least one of each door and dtype."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for case in sorted(cases, key=lambda case: rotation(case.name)):
        dtype = next((dtype for dtype in DTYPES if dtype in case.name), "")
        groups[case.make().door, dtype].append(case.name)
    return {name for names in groups.values() for name in names[::one_in]}


def chosen() -> Iterator[Any]:
    for library in MODULES:
        if library not in LIBRARIES or not is_installed(library):
            continue
        if library in BY_HAND and not FULL:
            continue
        if library in ("jax", "cutest") and not X64:
            skipped = pytest.mark.skip(reason="recorded with JAX_ENABLE_X64=1")
            yield pytest.param(library, [], id=library, marks=skipped)  # no case can be made
            continue
        # What concerns NumPy alone runs in its session only.
        marks = [pytest.mark.numpy] if library == "numpy" else []
        every = [*cases_of(library)]
        plain, full = every, []
        if library in TAKES_ONE_IN:
            taken = sample(every, TAKES_ONE_IN[library])
            plain = [case for case in every if case.name in taken]
            full = [case for case in every if case.name not in taken]
        for cases, more in ((plain, []), (full, [pytest.mark.full])):
            for start in range(0, len(cases), GROUP):
                group = cases[start : start + GROUP]
                yield pytest.param(library, group, id=group[0].name, marks=[*marks, *more])


@pytest.mark.parametrize(("library", "cases"), list(chosen()))
def test_outcomes_are_as_recorded(library: str, cases: Sequence[Case]) -> None:
    """Where functions round otherwise, one case may take more or fewer evaluations by far.

    So there the evaluations of a group of cases are compared together.
    """
    recorded = load(library)
    pairs = {case.name: (recorded["cases"][case.name], observe(case, False)) for case in cases}
    rounds_alike = recorded["fingerprint"] == fingerprint(library)
    exact = ("verdict", "exception", *(KEYS_OF_COUNTS if rounds_alike else ()))
    differing = {
        f"{name}: {key}": (before.get(key), now.get(key))
        for name, (before, now) in pairs.items()
        for key in exact
        if before.get(key) != now.get(key)
    }
    assert not differing
    for key in KEYS_OF_COUNTS:
        before, now = (
            sum(each.get(key, 0) for each in one) for one in zip(*pairs.values(), strict=True)
        )
        assert now <= FACTOR * before
        assert before <= FACTOR * now
