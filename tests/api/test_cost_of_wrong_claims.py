"""What a wrong claim costs: not much more than a right one, and the worst entries are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad import Report, Verdict, verify_grad, verify_jac

pytestmark = pytest.mark.libraries("numpy")
linalg = pytest.importorskip("scipy.linalg")

Array = Any
SIZES = [200, *(pytest.param(n, marks=pytest.mark.full) for n in (1000, 5000))]
MOST = 4  # times the evaluations of a right claim


def sines(x: Array) -> float:
    return np.sum(np.sin(x))


def heat(x: Array) -> float:
    """Return the energy of a field behind a solver, whose conductivity is exp(x / 10)."""
    return np.sum(_field(x, np.ones(x.size)) ** 2)


def heat_gradient(x: Array) -> Array:
    field = _field(x, np.ones(x.size))
    return -0.2 * np.exp(x / 10) * field * _field(x, 2 * field)


def _field(x: Array, source: Array) -> Array:
    bands = np.zeros((3, x.size))
    bands[1] = 2 * np.exp(x / 10) + 1
    bands[0, 1:] = bands[2, :-1] = -1
    return linalg.solve_banded((1, 1), bands, source)


def double(claim: Array) -> Array:
    return 2 * claim


def one_sign(claim: Array) -> Array:
    changed = claim.copy()
    changed.flat[claim.size // 3] *= -1
    return changed


def a_tenth_by_1_percent(claim: Array) -> Array:
    changed = claim.copy()
    changed.flat[::10] *= 1.01
    return changed


BREAKAGES = [double, one_sign, a_tenth_by_1_percent]
FUNCTIONS = {"sines": (sines, np.cos), "heat": (heat, heat_gradient)}


def checked(
    function: Callable[..., Any], claim: Any, broken: Any, x0: Array, **options: Any
) -> tuple[Report, Report]:
    """Return the reports on a right claim and on a broken one."""
    right = verify_grad(function, claim, x0, **options)
    return right, verify_grad(function, lambda x: broken(claim(x)), x0, **options)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("broken", BREAKAGES)
@pytest.mark.parametrize(("function", "claim"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_along_all_coordinates(function, claim, broken, n):
    x0 = np.random.default_rng(n).normal(size=n)
    right, wrong = checked(function, claim, broken, x0, direction="all")
    assert right.verdict is Verdict.CORRECT
    assert wrong.verdict is Verdict.WRONG
    assert wrong.n_func <= MOST * right.n_func
    changed = broken(claim(x0)) != claim(x0)
    named = [int(each.where[2:-1]) for each in wrong.mismatches if each.wrong]
    assert changed[named].all()
    # Of many that are wrong, some are named: as many as four times the cost allows.
    assert len(named) >= min(4, np.count_nonzero(changed))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("broken", BREAKAGES)
def test_along_tangents_a_wrong_claim_costs_what_one_tangent_costs(broken, n):
    x0 = np.random.default_rng(n).normal(size=n)
    right, wrong = checked(sines, np.cos, broken, x0, direction=10, locate="off")
    assert right.verdict is Verdict.CORRECT
    assert wrong.verdict is Verdict.WRONG
    alone = verify_grad(sines, lambda x: 2 * np.cos(x), x0, direction="random", locate="off")
    assert wrong.n_func <= right.n_func + alone.n_func


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("broken", BREAKAGES)
@pytest.mark.parametrize(("function", "claim"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_along_ten_tangents_with_a_search_for_wrong_entries(function, claim, broken, n):
    x0 = np.random.default_rng(n).normal(size=n)
    right, wrong = checked(function, claim, broken, x0, direction=10)
    assert right.verdict is Verdict.CORRECT
    assert wrong.verdict is Verdict.WRONG
    assert wrong.n_func <= MOST * right.n_func
    named = [int(each.where[2:-1]) for each in wrong.mismatches if each.wrong]
    assert named
    assert (broken(claim(x0)) != claim(x0))[named].all()


@pytest.mark.parametrize("broken", BREAKAGES)
def test_for_a_jacobian(broken):
    rng = np.random.default_rng(1)
    matrix, x0 = rng.normal(size=(75, 75)), rng.normal(size=75)

    def function(x):
        return np.sin(matrix @ x)

    def claim(x):
        return np.cos(matrix @ x)[:, None] * matrix

    right = verify_jac(function, claim, x0)
    wrong = verify_jac(function, lambda x: broken(claim(x)), x0)
    assert right.verdict is Verdict.CORRECT
    assert wrong.verdict is Verdict.WRONG
    assert wrong.n_func <= MOST * right.n_func
