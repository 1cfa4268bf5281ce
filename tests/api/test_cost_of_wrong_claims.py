"""What a wrong claim costs: not much more than a right one, and the worst entries are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from checkgrad import Report, Verdict, verify_grad, verify_jac

if TYPE_CHECKING:
    from conftest import Library

pytestmark = [pytest.mark.libraries("numpy", "torch"), pytest.mark.one_setting]
linalg = pytest.importorskip("scipy.linalg")

Array = Any
SIZES: list[Any] = [200, *(pytest.param(n, marks=pytest.mark.full) for n in (1000, 5000))]
DTYPES = ["float64", "float32"]
MOST = 4  # times the evaluations of a right claim
SEED = 1  # of x0, and of what a check draws


class Case(NamedTuple):
    """A func, its derivative, and x0."""

    func: Callable[[Array], Array]
    claim: Callable[[Array], Array]
    x0: Array


def sines(xp: Library, n: int, dtype: str) -> Case:
    x0 = xp.asarray(np.random.default_rng([n, SEED]).normal(size=n), dtype)
    return Case(lambda x: xp.sum(xp.sin(x)), xp.cos, x0)


def softmax(xp: Library, n: int, dtype: str) -> Case:
    """Return a func whose derivatives are of very different sizes."""

    def claim(x: Array) -> Array:
        exponentials = xp.exp(x)
        return exponentials / xp.sum(exponentials)

    x0 = xp.asarray(np.random.default_rng([n, SEED]).normal(size=n), dtype)
    return Case(lambda x: xp.log(xp.sum(xp.exp(x))), claim, x0)


def heat(xp: Library, n: int, dtype: str) -> Case:
    """Return the energy of a field behind a solver, whose conductivity is exp(x / 10)."""
    if xp.name != "numpy":
        pytest.skip("the solver takes NumPy arrays")
    x0 = np.random.default_rng([n, SEED]).normal(size=n).astype(dtype)
    return Case(_energy, _energy_gradient, x0)


def _energy(x: Array) -> Any:
    return np.sum(_field(x, np.ones_like(x)) ** 2)


def _energy_gradient(x: Array) -> Array:
    field = _field(x, np.ones_like(x))
    return -np.exp(x / 10) / 5 * field * _field(x, 2 * field)


def _field(x: Array, source: Array) -> Array:
    bands = np.zeros((3, x.size), dtype=x.dtype)
    bands[1] = 2 * np.exp(x / 10) + 1
    bands[0, 1:] = bands[2, :-1] = -1
    return linalg.solve_banded((1, 1), bands, source)


def double(size: int) -> Array:
    return np.full(size, 2.0)


def one_sign(size: int) -> Array:
    factors = np.ones(size)
    factors[size // 3] = -1
    return factors


def a_tenth_by_1_percent(size: int) -> Array:
    factors = np.ones(size)
    factors[::10] = 1.01
    return factors


BREAKAGES = [double, one_sign, a_tenth_by_1_percent]
FUNCTIONS = [sines, softmax, heat]


def checked(
    xp: Library, case: Case, broken: Callable[[int], Array], **options: Any
) -> tuple[Report, Report, Any]:
    """Return the reports on a right claim and on a broken one, and the entries that are broken."""
    factors = broken(case.x0.shape[0])
    right = verify_grad(case.func, case.claim, case.x0, **options)

    def claim(x: Array) -> Array:
        # The dtype of the right claim, which may be evaluated in float64.
        return case.claim(x) * xp.astype(xp.asarray(factors, "float64"), x.dtype)

    wrong = verify_grad(case.func, claim, case.x0, **options)
    assert right.verdict is Verdict.CORRECT
    assert wrong.verdict is Verdict.WRONG
    return right, wrong, factors != 1


def named(report: Report) -> list[int]:
    """Return the entries that a report calls wrong."""
    return [int(each.where[2:-1]) for each in report.mismatches if each.wrong]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("broken", BREAKAGES)
@pytest.mark.parametrize("make", FUNCTIONS)
@pytest.mark.parametrize("precision", DTYPES)
def test_along_all_coordinates(xp, precision, make, broken, n):
    case = make(xp, n, precision)
    right, wrong, changed = checked(xp, case, broken, direction="all", rng=SEED)
    assert wrong.n_func <= MOST * right.n_func
    assert changed[named(wrong)].all()
    # Of many that are wrong, some are named: as many as four times the cost allows.
    assert len(named(wrong)) >= min(4, np.count_nonzero(changed))


@pytest.mark.parametrize("make", FUNCTIONS)
@pytest.mark.parametrize("precision", DTYPES)
def test_along_all_coordinates_if_a_tenth_is_slightly_wrong(xp, precision, make):
    """Float32 may have too few digits to tell, if nobody sees inside of func."""
    case = make(xp, SIZES[0], precision)
    right, wrong, changed = checked(xp, case, a_tenth_by_1_percent, direction="all", rng=SEED)
    assert wrong.n_func <= MOST * right.n_func
    assert changed[named(wrong)].all()
    assert len(named(wrong)) >= 5


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("broken", BREAKAGES)
@pytest.mark.libraries("numpy")
def test_along_tangents_a_wrong_claim_costs_what_one_tangent_costs(xp, broken, n):
    case = sines(xp, n, "float64")
    right, wrong, _ = checked(xp, case, broken, direction=10, locate="off")
    off = {"direction": "random", "locate": "off"}
    alone = verify_grad(case.func, lambda x: 2 * case.claim(x), case.x0, **off)
    assert wrong.n_func <= right.n_func + alone.n_func


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("broken", BREAKAGES)
@pytest.mark.parametrize("make", FUNCTIONS)
@pytest.mark.parametrize("precision", DTYPES)
def test_along_ten_tangents_with_a_search_for_wrong_entries(xp, precision, make, broken, n):
    case = make(xp, n, precision)
    right, wrong, changed = checked(xp, case, broken, direction=10, rng=SEED)
    assert wrong.n_func <= MOST * right.n_func
    assert named(wrong)
    assert changed[named(wrong)].all()


@pytest.mark.parametrize("broken", BREAKAGES)
def test_along_one_tangent_a_wrong_claim_costs_no_more_than_along_ten(xp, broken):
    """A search takes ten tangents, however few were asked for."""
    case = sines(xp, 200, "float32")
    ten, *_ = checked(xp, case, broken, direction=10, rng=SEED)
    _, wrong, changed = checked(xp, case, broken, direction="random", rng=SEED)
    assert wrong.n_func <= MOST * ten.n_func
    assert changed[named(wrong)].all()


@pytest.mark.parametrize("broken", BREAKAGES)
@pytest.mark.parametrize("precision", DTYPES)
def test_for_a_jacobian(xp, precision, broken):
    rng = np.random.default_rng(1)
    matrix = xp.asarray(rng.normal(size=(75, 75)), precision)
    x0 = xp.asarray(rng.normal(size=75), precision)
    factors = xp.asarray(broken(75 * 75).reshape(75, 75), precision)

    def claim(x):
        return xp.cos(matrix @ x)[:, None] * matrix

    def function(x):
        return xp.sin(matrix @ x)

    right = verify_jac(function, claim, x0)
    wrong = verify_jac(function, lambda x: claim(x) * factors, x0)
    assert right.verdict is Verdict.CORRECT
    assert wrong.verdict is Verdict.WRONG
    assert wrong.n_func <= MOST * right.n_func
