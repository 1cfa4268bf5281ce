"""Forms that people have from elsewhere: SciPy's arguments and bounds, sparse Jacobians, tangents.

Each is the same check as in the form of this package, in every array library.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad import (
    Verdict,
    assert_grad,
    assert_jac,
    verify_autodiff,
    verify_grad,
    verify_jac,
    verify_jvp,
    verify_vjp,
)

if TYPE_CHECKING:
    from conftest import Library

VALUES = [1.5, -0.75, 2.0]
NUMPY = pytest.mark.numpy
OF_PEOPLE = pytest.mark.libraries("numpy", "jax", "torch")


def cubes(x: Any, factor: Any) -> Any:
    return (factor * x**3).sum()


def slopes(x: Any, factor: Any) -> Any:
    return 3 * factor * x**2


def pair(x: Any, factor: Any = 1.0) -> Any:
    return cubes(x, factor), slopes(x, factor)


def symmetric(tangent: Any) -> Any:
    return (tangent + tangent.T) / 2


# args


@OF_PEOPLE
def test_args_may_be_passed_together(xp: Library) -> None:
    x0 = xp.asarray(VALUES)
    assert verify_grad(cubes, slopes, x0, args=(2.0,)) == verify_grad(cubes, slopes, x0, 2.0)
    assert verify_grad(cubes, slopes, x0, args=2.0).verdict is Verdict.CORRECT
    assert_grad(cubes, slopes, x0, args=(2.0,))


@NUMPY
def test_args_reach_every_form() -> None:
    x0 = np.asarray(VALUES)
    args = (np.asarray([1.0, 2.0, 3.0]),)
    func = lambda x, a: a * x**2  # noqa: E731
    assert verify_jac(func, lambda x, a: np.diag(2 * a * x), x0, args=args)
    assert verify_jvp(func, lambda x, v, a: 2 * a * x * v, x0, args=args)
    assert verify_vjp(func, lambda x, w, a: 2 * a * x * w, x0, args=args)
    assert_jac(func, lambda x, a: np.diag(2 * a * x), x0, args=args)


@pytest.mark.libraries("jax", "torch")
def test_args_reach_func_in_automatic_differentiation(xp: Library) -> None:
    report = verify_autodiff(lambda x, a: a * x**2, xp.asarray(VALUES), args=(2.0,))
    assert report == verify_autodiff(lambda x, a: a * x**2, xp.asarray(VALUES), 2.0)


# bounds


class Bounds:
    """The attributes of ``scipy.optimize.Bounds``: a number is an array of one entry."""

    def __init__(self, lb: Any = -np.inf, ub: Any = np.inf) -> None:
        self.lb = np.atleast_1d(lb)
        self.ub = np.atleast_1d(ub)
        self.keep_feasible = False


@pytest.mark.parametrize(
    ("bounds", "same"),
    [
        (Bounds(0, 4), (0, 4)),
        (Bounds([1, 2, 3], 9), ([1, 2, 3], 9)),
        (Bounds(ub=3), (-np.inf, 3)),
    ],
)
@NUMPY
def test_bounds_of_scipy(bounds: Any, same: Any) -> None:
    seen: list[Any] = []

    def func(x: Any) -> Any:
        seen.append(x)
        return np.sum(np.sqrt(x))

    x0, grad = np.asarray([1.0, 2.0, 3.0]), lambda x: 0.5 / np.sqrt(x)
    assert verify_grad(func, grad, x0, bounds=bounds) == verify_grad(func, grad, x0, bounds=same)
    assert np.all(np.asarray(seen) <= same[1])


@NUMPY
def test_real_bounds_of_scipy_for_a_tree() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    x0 = {"a": np.asarray([1.0, 2.0]), "b": np.asarray(3.0)}
    report = verify_grad(
        lambda p: np.sum(np.sqrt(3 - p["a"])) + p["b"],
        lambda p: {"a": -0.5 / np.sqrt(3 - p["a"]), "b": 1.0},
        x0,
        bounds=optimize.Bounds(0, 3),
    )
    assert report.verdict is Verdict.CORRECT


@NUMPY
def test_two_lists_are_two_sides() -> None:
    report = verify_grad(cubes, slopes, np.asarray([1.0, 2.0]), 1.0, bounds=[[0, 0], [4, 4]])
    assert report.verdict is Verdict.CORRECT


# One func of value and gradient


@OF_PEOPLE
def test_one_func_may_return_value_and_gradient(xp: Library) -> None:
    x0 = xp.asarray(VALUES)
    assert verify_grad(pair, True, x0).verdict is Verdict.CORRECT
    assert verify_grad(pair, True, x0, args=(2.0,)).verdict is Verdict.CORRECT
    wrong = verify_grad(lambda x: (cubes(x, 1.0), x), True, x0)
    assert wrong.verdict is Verdict.WRONG
    assert wrong.mismatches[0].where.startswith("x[")
    assert_grad(pair, True, x0)


@pytest.mark.libraries("numpy", "jax", "torch")
def test_one_func_of_float32_is_evaluated_in_float64(xp: Library) -> None:
    report = verify_grad(pair, True, xp.asarray(VALUES, "float32"))
    assert (report.verdict, report.evaluated_in) == (Verdict.CORRECT, "float64")


@NUMPY
@pytest.mark.parametrize("factor", [1, 2], ids=["right", "wrong"])
def test_one_func_that_minimize_takes(factor: int) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    x0 = np.asarray([1.3, 0.7])

    def func(x: Any) -> Any:
        return optimize.rosen(x), factor * optimize.rosen_der(x)

    assert bool(verify_grad(func, True, x0)) == (factor == 1)


# sparse Jacobians


def _squares(x: Any) -> Any:
    return x**2


@NUMPY
@pytest.mark.parametrize("factor", [2, 3], ids=["right", "wrong"])
@pytest.mark.parametrize(
    "form", ["csr_matrix", "coo_array", "dia_matrix", "LinearOperator", "lil_array"]
)
def test_jacobians_of_scipy(form: str, factor: int) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    linalg = pytest.importorskip("scipy.sparse.linalg")
    make = linalg.aslinearoperator if form == "LinearOperator" else getattr(sparse, form)
    x0 = np.asarray(VALUES)
    report = verify_jac(_squares, lambda x: make(np.diag(factor * x)), x0)
    assert bool(report) == (factor == 2)
    tree = verify_jac(lambda p: p["a"] ** 2, lambda p: {"a": make(np.diag(2 * p["a"]))}, {"a": x0})
    assert tree.verdict is Verdict.CORRECT


@pytest.mark.libraries("torch")
@pytest.mark.parametrize("method", ["to_sparse", "to_sparse_csr", "to_dense"])
@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_jacobians_of_torch_sparse(xp: Library, dtype: str, method: str) -> None:
    def jac(x: Any, factor: int) -> Any:
        return getattr((factor * x).diag(), method)()

    x0 = xp.asarray(VALUES, dtype)
    for factor in (2, 3):
        report = verify_jac(_squares, functools.partial(jac, factor=factor), x0)
        assert bool(report) == (factor == 2)


@pytest.mark.libraries("torch")
def test_sparse_gradients_of_torch(xp: Library) -> None:
    x0 = xp.asarray(VALUES)
    report = verify_grad(
        lambda x: (x[:2] ** 2).sum(), lambda x: (2 * x * _first_two(x)).to_sparse(), x0
    )
    assert report.verdict is Verdict.CORRECT


def _first_two(x: Any) -> Any:
    return x * 0 + x.new_tensor([1.0, 1.0, 0.0])


@pytest.mark.libraries("jax")
@pytest.mark.parametrize("container", ["alone", "in x0", "in func"])
def test_jacobians_of_jax_sparse(xp: Library, container: str) -> None:
    sparse = pytest.importorskip("jax.experimental.sparse")
    jnp = pytest.importorskip("jax.numpy")
    x0 = xp.asarray(VALUES)

    def jac(x: Any, factor: int) -> Any:
        return sparse.BCOO.fromdense(jnp.diag(factor * x), nse=3)

    for factor in (2, 3):
        if container == "alone":
            report = verify_jac(_squares, lambda x, f=factor: jac(x, f), x0)
        elif container == "in x0":
            report = verify_jac(
                lambda p: p["a"] ** 2, lambda p, f=factor: {"a": jac(p["a"], f)}, {"a": x0}
            )
        else:
            report = verify_jac(lambda x: [x**2], lambda x, f=factor: [jac(x, f)], x0)
        assert bool(report) == (factor == 2)


# direction: a function, or a list


MATRIX = [[2.0, 0.5, -0.25], [0.5, 3.0, 1.0], [-0.25, 1.0, 4.0]]


def log_det(xp: Library) -> Any:
    def func(matrix: Any) -> Any:
        apart = xp.max(xp.abs(matrix - matrix.T))
        if not bool(apart <= 1e-6):
            raise ValueError("not symmetric")
        return xp.linalg.slogdet(matrix)[1]

    return func


@pytest.mark.libraries("numpy", "torch")
def test_along_projected_tangents_func_is_evaluated_at_allowed_points(xp: Library) -> None:
    x0 = xp.asarray(MATRIX)
    right = verify_grad(log_det(xp), xp.linalg.inv, x0, direction=symmetric)
    assert (right.verdict, right.direction) == (Verdict.CORRECT, "10 projected tangents")
    assert "raised" not in str(right)
    wrong = verify_grad(log_det(xp), lambda a: 2 * xp.linalg.inv(a), x0, direction=symmetric)
    assert wrong.verdict is Verdict.WRONG
    assert "direction='all'" not in str(wrong)


@OF_PEOPLE
def test_only_what_allowed_tangents_show_is_judged(xp: Library) -> None:
    # The gradient plus an antisymmetric matrix says the same of every symmetric tangent.
    x0 = xp.asarray(MATRIX)
    off = xp.asarray([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    func = lambda a: xp.sum(a**2)  # noqa: E731
    claim = lambda a: 2 * a + off  # noqa: E731
    assert verify_grad(func, claim, x0).verdict is Verdict.WRONG
    assert verify_grad(func, claim, x0, direction=symmetric).verdict is Verdict.CORRECT


@NUMPY
@pytest.mark.parametrize("factor", [2, 3], ids=["right", "wrong"])
def test_projected_tangents_in_every_form(factor: int) -> None:
    x0, simplex = np.asarray([0.2, 0.3, 0.5]), lambda v: v - np.mean(v)

    def on_simplex(x: Any) -> Any:
        if abs(np.sum(x) - 1) > 1e-9:
            raise ValueError("not on the simplex")
        return x**2

    checks = [
        verify_jac(on_simplex, lambda x: np.diag(factor * x), x0, direction=simplex),
        verify_jvp(on_simplex, lambda x, v: factor * x * v, x0, direction=simplex),
        verify_vjp(on_simplex, lambda x, w: factor * x * w, x0, direction=simplex),
    ]
    assert [bool(report) for report in checks] == [factor == 2] * 3


@pytest.mark.libraries("jax", "torch")
def test_projected_tangents_in_automatic_differentiation(xp: Library) -> None:
    report = verify_autodiff(lambda a: a @ a, xp.asarray(MATRIX), direction=symmetric)
    assert report.verdict is Verdict.CORRECT
    assert report.direction == "10 projected tangents"


@NUMPY
def test_projected_tangents_of_a_tree() -> None:
    x0 = {"a": np.asarray(MATRIX), "b": np.asarray([1.0, 2.0])}
    report = verify_grad(
        lambda p: np.linalg.slogdet(p["a"])[1] + np.sum(p["b"] ** 2),
        lambda p: {"a": np.linalg.inv(p["a"]), "b": 2 * p["b"]},
        x0,
        direction=lambda v: {"a": symmetric(v["a"]), "b": v["b"]},
    )
    assert report.verdict is Verdict.CORRECT


@OF_PEOPLE
def test_a_list_of_tangents_is_checked_one_by_one(xp: Library) -> None:
    x0 = xp.asarray(VALUES)
    tangents = [xp.asarray([1.0, 0.0, 0.0]), xp.asarray([0.0, 1.0, 1.0])]
    factors = xp.asarray([1.0, 2.0, 1.0])
    report = verify_grad(
        lambda x: cubes(x, 1.0), lambda x: slopes(x, 1.0) * factors, x0, direction=tangents
    )
    assert (report.n_checked, report.n_wrong) == (2, 1)
    assert report.mismatches[0].where == "tangent 1"
    assert report.direction == "2 given tangents"


@NUMPY
def test_a_list_of_numbers_is_one_tangent() -> None:
    report = verify_grad(cubes, slopes, np.asarray(VALUES), 1.0, direction=[1.0, 0.0, 2.0])
    assert (report.n_checked, report.direction) == (1, "the given tangent")


@NUMPY
def test_a_tree_that_is_a_list_is_one_tangent() -> None:
    x0 = [np.asarray(VALUES), np.asarray(VALUES)]
    func = lambda p: cubes(p[0], 1.0) + cubes(p[1], 2.0)  # noqa: E731
    grad = lambda p: [slopes(p[0], 1.0), slopes(p[1], 2.0)]  # noqa: E731
    assert verify_grad(func, grad, x0, direction=x0).n_checked == 1
    assert verify_grad(func, grad, x0, direction=[x0, x0, x0]).n_checked == 3


@NUMPY
@pytest.mark.parametrize("factor", [2, 3], ids=["right", "wrong"])
def test_a_list_of_cotangents(factor: int) -> None:
    x0 = np.asarray(VALUES)
    report = verify_vjp(
        _squares, lambda x, w: factor * x * w, x0, direction=[x0, np.asarray([1.0, 0, 0])]
    )
    assert report.n_checked == 6
    assert bool(report) == (factor == 2)


@NUMPY
def test_no_constant_factor_is_read_from_a_single_tangent() -> None:
    x0 = np.asarray(VALUES)
    for direction, expected in ((x0, False), (2, True)):
        wrong = verify_grad(cubes, lambda x, a: 2 * slopes(x, a), x0, 1.0, direction=direction)
        assert ("a constant factor" in str(wrong)) == expected
