"""Every golden case still gives its recorded verdict, at the recorded number of evaluations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from cases import MODULES, Case, cases_of, is_installed
from fingerprint import fingerprint
from observe import COUNTS, observe
from record import BY_HAND, load
from sampling import rotation

FACTOR, EXTRA = 1.5, 4  # what evaluation counts may differ by where functions round otherwise
FULL = os.environ.get("CHECKGRAD_FULL") == "1"
LIBRARIES = os.environ.get("CHECKGRAD_TEST_LIBRARIES", ",".join(MODULES)).split(",")
# A plain run takes one case of so many. In JAX, each case compiles its own func.
TAKES_ONE_IN = {"numpy": 2, "jax": 3}
X64 = os.environ.get("JAX_ENABLE_X64", "").lower() in ("1", "on", "t", "true", "y", "yes")


def chosen() -> Iterator[Any]:
    for library in MODULES:
        if library not in LIBRARIES or not is_installed(library):
            continue
        if library in BY_HAND and not FULL:
            continue
        needs_x64 = pytest.mark.skipif(
            library in ("jax", "cutest") and not X64, reason="recorded with JAX_ENABLE_X64=1"
        )
        for case in cases_of(library):
            # What concerns NumPy alone runs in its session only.
            marks = [needs_x64, *([pytest.mark.numpy] if library == "numpy" else [])]
            if rotation(case.name) % TAKES_ONE_IN.get(library, 1):
                marks.append(pytest.mark.full)
            yield pytest.param(library, case, id=case.name, marks=marks)


@pytest.mark.parametrize(("library", "case"), list(chosen()))
def test_outcome_is_as_recorded(library: str, case: Case) -> None:
    recorded = load(library)
    before, now = recorded["cases"][case.name], observe(case, estimates=False)
    for key in ("verdict", "exception"):
        assert now.get(key) == before.get(key), now
    rounds_alike = recorded["fingerprint"] == fingerprint(library)
    for key in (*COUNTS, "calls"):
        if key in before:
            assert_count(now[key], before[key], rounds_alike)


def assert_count(now: int, before: int, rounds_alike: bool) -> None:
    if rounds_alike:
        assert now == before
    else:
        assert now <= FACTOR * before + EXTRA
        assert before <= FACTOR * now + EXTRA
