"""`verify_jac`, `verify_jvp` and `verify_vjp` on right claims, and on what goes wrong with each."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from sampling import draws, spread

from checkgrad import Report, Verdict, verify_grad, verify_jac, verify_jvp, verify_vjp

if TYPE_CHECKING:
    from conftest import Library

Function = Callable[..., Any]

CORRECT, WRONG, INCONCLUSIVE = Verdict.CORRECT, Verdict.WRONG, Verdict.INCONCLUSIVE
VERIFY: dict[str, Function] = {"jac": verify_jac, "jvp": verify_jvp, "vjp": verify_vjp}
VALUES = [1.3, 1.2, -2.0]
WIDE = ("float32", "float64")


def assert_verdict(report: Report, wanted: Verdict) -> None:
    assert report.verdict is wanted, str(report)


def plain(xp: Library, values: Any, dtype: str | None = None) -> Any:
    """A new array as the user's functions make one: writable, without a history."""
    kind = getattr(xp.namespace, dtype or xp.default_dtype)
    return xp.namespace.asarray(values, dtype=kind, device=xp.device)


def eye(xp: Library, like: Any) -> Any:
    return xp.eye(like.shape[0], dtype=like.dtype, device=xp.device)


def complex_of(xp: Library, x: Any) -> Any:
    """An array as a complex one."""
    wide = "float64" in str(x.dtype)
    return xp.astype(x, xp.complex128 if wide else xp.complex64)


def wrong_places(report: Report) -> set[str]:
    return {mismatch.where for mismatch in report.mismatches if mismatch.wrong}


# A func of three numbers that returns three, and one that returns two, with points along any axes


def square(xp: Library) -> Function:
    def func(x: Any) -> Any:
        a, b, c = (x[..., i] for i in range(3))
        parts = [a**2 * b + 0.7 * c, xp.sin(c) + 1.5 * a + b**3, b * c**2 + 2.5 * a]
        return xp.stack(parts, axis=-1)

    return func


def jacobian(xp: Library, x: Any) -> Any:
    """That of `square`."""
    a, b, c = (xp.detach(x)[i] for i in range(3))
    return xp.stack(
        [
            xp.stack([2 * a * b, a**2, 0 * a + 0.7]),
            xp.stack([0 * a + 1.5, 3 * b**2, xp.cos(c)]),
            xp.stack([0 * a + 2.5, c**2, 2 * b * c]),
        ]
    )


def pushed(xp: Library, matrix: Any, tangent: Any) -> Any:
    return xp.sum(matrix * tangent, axis=-1)


def pulled(xp: Library, cotangent: Any, matrix: Any) -> Any:
    return xp.sum(matrix * cotangent[:, None], axis=0)


def claim_of(form: str, xp: Library, matrix: Function) -> Function:
    """The claim of some form that has a Jacobian, ``matrix(xp, x)``."""
    if form == "jac":
        return lambda x: matrix(xp, x)
    if form == "jvp":
        return lambda x, tangent: pushed(xp, matrix(xp, x), xp.detach(tangent))
    return lambda x, cotangent: pulled(xp, cotangent, matrix(xp, x))


# Right claims


@dataclass(frozen=True)
class Case:
    """A func, its derivative in all three forms, and a point."""

    func: Function
    jac: Function
    jvp: Function
    vjp: Function
    x0: Any

    def verify(self, form: str, **options: Any) -> Report:
        report: Report = VERIFY[form](self.func, getattr(self, form), self.x0, **options)
        return report


def scalar_of_scalar(xp: Library, dtype: str) -> Case:
    return Case(xp.exp, xp.exp, lambda x, t: xp.exp(x) * t, lambda x, c: c * xp.exp(x),
                xp.asarray(0.7, dtype))  # fmt: skip


def scalar_of_vector(xp: Library, dtype: str) -> Case:
    return Case(
        lambda x: xp.sum(x**3),
        lambda x: 3 * x**2,
        lambda x, t: xp.sum(3 * x**2 * t),
        lambda x, c: c * 3 * x**2,
        xp.asarray(VALUES, dtype),
    )


def vector_of_scalar(xp: Library, dtype: str) -> Case:
    slopes = lambda x: xp.stack([2 * x, xp.cos(x), 0 * x + 3])  # noqa: E731
    return Case(
        lambda x: xp.stack([x**2, xp.sin(x), 3 * x]),
        slopes,
        lambda x, t: slopes(x) * t,
        lambda x, c: xp.sum(c * slopes(x)),
        xp.asarray(0.7, dtype),
    )


def vector_of_vector(xp: Library, dtype: str) -> Case:
    claims = [claim_of(form, xp, jacobian) for form in VERIFY]
    return Case(square(xp), *claims, x0=xp.asarray(VALUES, dtype))


def elementwise(xp: Library, dtype: str) -> Case:
    slopes = lambda x: 3 * x**2  # noqa: E731
    return Case(
        lambda x: x**3,
        lambda x: eye(xp, x) * slopes(x),
        lambda x, t: slopes(x) * t,
        lambda x, c: slopes(x) * c,
        xp.asarray(VALUES, dtype),
    )


def matrix_of_matrix(xp: Library, dtype: str) -> Case:
    def jac(x: Any) -> Any:
        same = eye(xp, x)
        turned = xp.matrix_transpose(x)
        return (
            same[:, None, :, None] * turned[None, :, None, :]
            + x[:, None, :, None] * same[None, :, None, :]
        )

    def vjp(x: Any, c: Any) -> Any:
        turned = xp.matrix_transpose(x)
        return xp.matmul(c, turned) + xp.matmul(turned, c)

    return Case(
        lambda x: xp.matmul(x, x),
        jac,
        lambda x, t: xp.matmul(t, x) + xp.matmul(x, t),
        vjp,
        xp.asarray([[1.3, -0.4], [0.8, 2.1]], dtype),
    )


def matrix_of_vector(xp: Library, dtype: str) -> Case:
    def jac(x: Any) -> Any:
        same = eye(xp, x)
        return same[:, None, :] * x[None, :, None] + x[:, None, None] * same[None, :, :]

    return Case(
        lambda x: x[:, None] * x[None, :],
        jac,
        lambda x, t: t[:, None] * x[None, :] + x[:, None] * t[None, :],
        lambda x, c: xp.sum(c * x[None, :], axis=1) + xp.sum(c * x[:, None], axis=0),
        xp.asarray(VALUES, dtype),
    )


def vector_of_matrix(xp: Library, dtype: str) -> Case:
    return Case(
        lambda x: xp.sum(x**2, axis=1),
        lambda x: eye(xp, x)[:, :, None] * 2 * x[None, :, :],
        lambda x, t: xp.sum(2 * x * t, axis=1),
        lambda x, c: 2 * x * c[:, None],
        xp.asarray([[1.3, -0.4, 0.5], [0.8, 2.1, -1.1]], dtype),
    )


def tuple_of_dict(xp: Library, dtype: str) -> Case:
    """A layer and its penalty."""

    def jac(params: Any) -> Any:
        w, b = params["w"], params["b"]
        zeros = plain(xp, [0.0, 0.0], dtype)
        weight = eye(xp, b)[:, :, None] * plain(xp, [0.5, 2.0, -1.0], dtype)
        return {"w": weight, "b": eye(xp, b)}, {"w": 2 * w, "b": zeros}

    def jvp(params: Any, t: Any) -> Any:
        inputs = plain(xp, [0.5, 2.0, -1.0], dtype)
        return xp.sum(t["w"] * inputs, axis=1) + t["b"], xp.sum(2 * params["w"] * t["w"])

    def vjp(params: Any, cotangent: Any) -> Any:
        of_layer, of_penalty = cotangent
        inputs = plain(xp, [0.5, 2.0, -1.0], dtype)
        return {
            "w": of_layer[:, None] * inputs + 2 * of_penalty * params["w"],
            "b": of_layer,
        }

    def func(params: Any) -> Any:
        inputs = plain(xp, [0.5, 2.0, -1.0], dtype)
        return xp.sum(params["w"] * inputs, axis=1) + params["b"], xp.sum(params["w"] ** 2)

    weight = xp.asarray([[1.3, -0.4, 0.5], [0.8, 2.1, -1.1]], dtype)
    return Case(func, jac, jvp, vjp, {"w": weight, "b": xp.asarray([0.3, -0.7], dtype)})


def dict_of_vector(xp: Library, dtype: str) -> Case:
    return Case(
        lambda x: {"cubes": x**3, "sums": [xp.sum(x), xp.sum(x**2)]},
        lambda x: {"cubes": eye(xp, x) * 3 * x**2, "sums": [0 * x + 1, 2 * x]},
        lambda x, t: {"cubes": 3 * x**2 * t, "sums": [xp.sum(t), xp.sum(2 * x * t)]},
        lambda x, c: c["cubes"] * 3 * x**2 + c["sums"][0] + c["sums"][1] * 2 * x,
        xp.asarray(VALUES, dtype),
    )


def list_of_0d_arrays(xp: Library, dtype: str) -> Case:
    return Case(
        lambda x: [x[0] * x[1], x[2] ** 2],
        lambda x: [[x[1], x[0], 0 * x[2]], [0 * x[0], 0 * x[0], 2 * x[2]]],
        lambda x, t: [x[1] * t[0] + x[0] * t[1], 2 * x[2] * t[2]],
        lambda x, c: [c[0] * x[1], c[0] * x[0], 2 * c[1] * x[2]],
        xp.asarray(VALUES, dtype),
    )


CASES: dict[str, Callable[..., Case]] = {
    function.__name__: function
    for function in (
        scalar_of_scalar,
        scalar_of_vector,
        vector_of_scalar,
        vector_of_vector,
        elementwise,
        matrix_of_matrix,
        matrix_of_vector,
        vector_of_matrix,
        tuple_of_dict,
        dict_of_vector,
        list_of_0d_arrays,
    )
}


@pytest.mark.sampled("jax")
@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("name", CASES)
def test_a_right_claim_is_correct(xp: Library, form: str, name: str) -> None:
    for dtype in (name for name in xp.float_dtypes if name in WIDE):
        report = CASES[name](xp, dtype).verify(form)
        assert_verdict(report, CORRECT)
        assert report.form == form
        assert report.mismatches == ()
        assert report.dtype == dtype


@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("name", ["vector_of_vector", "tuple_of_dict"])
def test_a_right_claim_is_correct_on_every_device_and_kind_of_array(
    xp: Library, form: str, name: str
) -> None:
    case = CASES[name](xp, xp.default_dtype)
    for direction in ("all", 3):
        assert_verdict(case.verify(form, direction=direction), CORRECT)


@pytest.mark.sampled
@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_a_right_claim_in_half_precision_is_never_wrong(
    xp: Library, form: str, name: str, half: str
) -> None:
    if "float16" in xp.float_dtypes and half not in xp.float_dtypes:
        half = "float16"
    if half not in xp.float_dtypes:
        pytest.skip(f"no {half} here")
    report = CASES[name](xp, half).verify(form, precision="native")
    assert report.verdict is not WRONG, str(report)
    assert_verdict(CASES[name](xp, half).verify(form), CORRECT)


@pytest.mark.sampled("jax")
@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("name", CASES)
def test_a_right_claim_is_correct_along_random_tangents(xp: Library, form: str, name: str) -> None:
    case = CASES[name](xp, xp.default_dtype)
    for direction in ("random", 2):
        assert_verdict(case.verify(form, direction=direction), CORRECT)


@pytest.mark.one_setting
@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_a_hessian_is_the_jacobian_of_the_gradient(xp: Library, factor: float) -> None:
    def grad(x: Any) -> Any:
        return xp.stack([2 * x[0] * x[1] ** 3, 3 * x[0] ** 2 * x[1] ** 2])

    def hess(x: Any) -> Any:
        a, b = xp.detach(x)[0], xp.detach(x)[1]
        mixed = 6 * a * b**2
        corner = factor * 6 * a**2 * b
        return xp.stack([xp.stack([2 * b**3, mixed]), xp.stack([mixed, corner])])

    x0 = xp.asarray([1.3, -0.4])
    wanted = CORRECT if factor == 1 else WRONG
    reports = [
        verify_jac(grad, hess, x0),
        verify_jvp(grad, lambda x, t: pushed(xp, hess(x), t), x0),
        verify_vjp(grad, lambda x, c: pulled(xp, c, hess(x)), x0),
    ]
    for report in reports:
        assert_verdict(report, wanted)
        if wanted is WRONG:
            assert "d func[1] / d x[1]" in wrong_places(report)


# Wrong claims

Wrong = Callable[["Library", Any], Any]


def changed(xp: Library, matrix: Any, factors: Any) -> Any:
    name = xp.dtype_name(matrix)
    return matrix * plain(xp, factors, name)


def rows_in_order(order: list[int]) -> Wrong:
    return lambda xp, x: xp.stack([jacobian(xp, x)[i, :] for i in order])


def columns_in_order(order: list[int]) -> Wrong:
    return lambda xp, x: xp.stack([jacobian(xp, x)[:, i] for i in order], axis=1)


def entrywise(factors: Any) -> Wrong:
    return lambda xp, x: changed(xp, jacobian(xp, x), factors)


def swapped_entries(xp: Library, x: Any) -> Any:
    matrix = jacobian(xp, x)
    rows = [[matrix[i, j] for j in range(3)] for i in range(3)]
    rows[0][0], rows[1][1] = rows[1][1], rows[0][0]
    return xp.stack([xp.stack(row) for row in rows])


def other_point(xp: Library, x: Any) -> Any:
    """As with an index off by one: every entry as if x were in another order."""
    return jacobian(xp, xp.roll(xp.detach(x), 1))


def nan_entry(xp: Library, x: Any) -> Any:
    matrix = jacobian(xp, x)
    broken = plain(xp, [[0, 0, 0], [0, 0, 1], [0, 0, 0]]) > 0
    return xp.where(broken, xp.full_like(matrix, math.nan), matrix)


# As a matrix, from which a claim of each form is made: with the hint that names the slip.
WRONG_MATRICES: dict[str, tuple[Wrong, str]] = {
    "transposed": (lambda xp, x: xp.matrix_transpose(jacobian(xp, x)), "transpose"),
    "flipped sign": (lambda xp, x: -jacobian(xp, x), "flipped sign"),
    "twice": (lambda xp, x: 2 * jacobian(xp, x), "claim is 2 times the estimate"),
    "half": (lambda xp, x: jacobian(xp, x) / 2, "claim is 1/2 times the estimate"),
    "mean for sum": (lambda xp, x: jacobian(xp, x) / 3, r"1/3|0\.3333"),
    "zero": (lambda xp, x: 0 * jacobian(xp, x), "claim is 0 at every coordinate"),
    "row zeroed": (
        entrywise([[1, 1, 1], [0, 0, 0], [1, 1, 1]]),
        r"claim is 0 at jac\[1, :\], .* a row",
    ),
    "column zeroed": (
        entrywise([[0, 1, 1], [0, 1, 1], [0, 1, 1]]),
        r"claim is 0 at jac\[:, 0\], .* a column",
    ),
    "entry zeroed": (
        entrywise([[1, 1, 1], [1, 1, 1], [1, 0, 1]]),
        r"claim is 0 at jac\[2, 1\]",
    ),
    "row's sign": (
        entrywise([[1, 1, 1], [1, 1, 1], [-1, -1, -1]]),
        r"-1 times the estimate at jac\[2, :\]: a flipped sign",
    ),
    "column's sign": (
        entrywise([[1, -1, 1], [1, -1, 1], [1, -1, 1]]),
        r"-1 times the estimate at jac\[:, 1\]: a flipped sign",
    ),
    "rows swapped": (rows_in_order([1, 0, 2]), "swapped"),
    "columns swapped": (columns_in_order([0, 2, 1]), "swapped"),
    "entries swapped": (swapped_entries, r"swapped .* jac\[0, 0\] with jac\[1, 1\]"),
    "rows rolled": (rows_in_order([2, 0, 1]), "rolled by 1 along axis 0"),
    "columns reversed": (columns_in_order([2, 1, 0]), "swapped|reversed"),
    "one percent": (entrywise([[1, 1, 1], [1, 1, 1.01], [1, 1, 1]]), ""),
    "not a number": (nan_entry, r"not finite in 1 entry of 9, at jac\[1, 2\]"),
    "constant added": (lambda xp, x: jacobian(xp, x) + 0.25, "constant added"),
    "another point": (other_point, ""),
    "diagonal only": (
        lambda xp, x: jacobian(xp, x) * eye(xp, jacobian(xp, x)),
        r"claim is 0 at",
    ),
}


@pytest.mark.sampled
@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("name", WRONG_MATRICES)
def test_a_wrong_claim_is_found_and_its_slip_named(xp: Library, form: str, name: str) -> None:
    matrix, hint = WRONG_MATRICES[name]
    if name == "not a number" and form != "jac":
        hint = "not finite"  # a NaN times 0 is a NaN
    x0 = xp.asarray(VALUES)
    report = VERIFY[form](square(xp), claim_of(form, xp, matrix), x0)
    assert_verdict(report, WRONG)
    assert re.search(hint, " ".join(report.hints)), str(report)
    if name == "one percent":
        assert "d func[1] / d x[2]" in wrong_places(report)


@pytest.mark.sampled
@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("name", spread([*WRONG_MATRICES], 2))
def test_a_wrong_claim_is_found_along_random_tangents(xp: Library, form: str, name: str) -> None:
    report = VERIFY[form](
        square(xp), claim_of(form, xp, WRONG_MATRICES[name][0]), xp.asarray(VALUES), direction=3
    )
    assert_verdict(report, WRONG)


def test_a_wrong_claim_is_found_on_every_device_and_kind_of_array(xp: Library, dtype: str) -> None:
    if dtype not in WIDE:
        pytest.skip("one setting of each half precision will do")
    x0 = xp.asarray(VALUES, dtype)
    for form, verify in VERIFY.items():
        report = verify(square(xp), claim_of(form, xp, lambda xp, x: -jacobian(xp, x)), x0)
        assert_verdict(report, WRONG)


@pytest.mark.one_setting
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_a_flipped_sign_in_half_precision_is_never_correct(xp: Library, half: str) -> None:
    if half not in xp.float_dtypes:
        pytest.skip(f"no {half} here")
    x0 = xp.asarray(VALUES, half)
    for form, verify in VERIFY.items():
        flipped = claim_of(form, xp, lambda xp, x: -jacobian(xp, x))
        report = verify(square(xp), flipped, x0, precision="native")
        assert report.verdict is not CORRECT, str(report)
        assert_verdict(verify(square(xp), flipped, x0), WRONG)


def length(xp: Library, x: Any) -> Any:
    return xp.sqrt(xp.sum(x**2))


# What is wrong with products only: of jvp and vjp each.
WRONG_JVPS: dict[str, tuple[Function, str]] = {
    "sizes of the tangent": (
        lambda xp, x, t: pushed(xp, jacobian(xp, x), xp.abs(t)),
        "not linear in its tangent",
    ),
    "tangent squared": (
        lambda xp, x, t: pushed(xp, jacobian(xp, x), t * t),
        "not linear in its tangent",
    ),
    "tangent normalised": (
        lambda xp, x, t: pushed(xp, jacobian(xp, x), t / length(xp, t)),
        "not linear in its tangent",
    ),
    "length of the tangent": (
        lambda xp, x, t: length(xp, t) * pushed(xp, jacobian(xp, x), 0 * t + 1),
        "",
    ),
    "size of the product": (lambda xp, x, t: xp.abs(pushed(xp, jacobian(xp, x), t)), ""),
    "affine": (lambda xp, x, t: pushed(xp, jacobian(xp, x), t) + 1, "constant added"),
    "func added": (lambda xp, x, t: pushed(xp, jacobian(xp, x), t) + square(xp)(x), ""),
    "tangent ignored": (
        lambda xp, x, t: pushed(xp, jacobian(xp, x), 0 * t + 1),
        "same for every tangent",
    ),
    "the vjp": (
        lambda xp, x, t: pulled(xp, t, jacobian(xp, x)),
        "transpose",
    ),
    "arguments swapped": (lambda xp, x, t: pushed(xp, jacobian(xp, t), x), ""),
    "elementwise": (lambda xp, x, t: jacobian(xp, x)[0, :] * t, ""),
    "summed and broadcast": (
        lambda xp, x, t: 0 * t + xp.sum(pushed(xp, jacobian(xp, x), t)),
        "",
    ),
    "tangent summed": (lambda xp, x, t: jacobian(xp, x)[:, 0] * xp.sum(t), ""),
    "not a number": (lambda xp, x, t: xp.full_like(t, math.nan), "not finite"),
    "step of a difference": (
        lambda xp, x, t: square(xp)(x + t) - square(xp)(x),
        "",
    ),
}

WRONG_VJPS: dict[str, tuple[Function, str]] = {
    "cotangent ignored": (
        lambda xp, x, c: pulled(xp, 0 * c + 1, jacobian(xp, x)),
        "same for every cotangent",
    ),
    "cotangent applied twice": (
        lambda xp, x, c: pulled(xp, c * c, jacobian(xp, x)),
        "not linear in its cotangent",
    ),
    "cotangent normalised": (
        lambda xp, x, c: pulled(xp, c / length(xp, c), jacobian(xp, x)),
        "not linear in its cotangent",
    ),
    "sizes of the cotangent": (
        lambda xp, x, c: pulled(xp, xp.abs(c), jacobian(xp, x)),
        "not linear in its cotangent",
    ),
    "cotangent summed": (
        lambda xp, x, c: xp.sum(c) * pulled(xp, 0 * c + 1, jacobian(xp, x)),
        "",
    ),
    "first cotangent only": (
        lambda xp, x, c: c[0] * jacobian(xp, x)[0, :],
        r"claim is 0 at",
    ),
    "affine": (lambda xp, x, c: pulled(xp, c, jacobian(xp, x)) + 1, "constant added"),
    "the jvp": (lambda xp, x, c: pushed(xp, jacobian(xp, x), c), "transpose"),
    "arguments swapped": (lambda xp, x, c: pulled(xp, x, jacobian(xp, c)), ""),
    "elementwise": (lambda xp, x, c: jacobian(xp, x)[0, :] * c, ""),
    "mean over outputs": (
        lambda xp, x, c: xp.mean(jacobian(xp, x) * c[:, None], axis=0),
        r"1/3|0\.3333",
    ),
    "summed and broadcast": (
        lambda xp, x, c: 0 * c + xp.sum(pulled(xp, c, jacobian(xp, x))),
        "",
    ),
    "not a number": (lambda xp, x, c: xp.full_like(c, math.nan), "not finite"),
    "cotangent itself": (lambda xp, x, c: c, ""),
    "nothing": (lambda xp, x, c: 0 * c, "claim is 0 at every coordinate"),
}


def products() -> Iterator[Any]:
    for form, claims in (("jvp", WRONG_JVPS), ("vjp", WRONG_VJPS)):
        for name, (claim, hint) in claims.items():
            yield pytest.param(form, claim, hint, id=f"{form}: {name}")


@pytest.mark.sampled
@pytest.mark.one_setting
@pytest.mark.parametrize(("form", "claim", "hint"), [*products()])
@pytest.mark.parametrize("direction", ["auto", 3])
def test_a_wrong_product_is_found_and_its_slip_named(
    xp: Library, form: str, claim: Function, hint: str, direction: Any
) -> None:
    x0 = xp.asarray(VALUES)
    report = VERIFY[form](square(xp), lambda x, v: claim(xp, x, v), x0, direction=direction)
    assert_verdict(report, WRONG)
    if direction == "auto":
        assert re.search(hint, " ".join(report.hints)), str(report)


@pytest.mark.one_setting
@pytest.mark.parametrize("axis", [0, 1])
def test_a_wrong_axis_summed_is_found(xp: Library, axis: int) -> None:
    """Backward of adding a bias to rows: the cotangent is summed over the rows, axis 0."""
    data = plain(xp, [[0.5, 2.0, 1.0], [1.0, -1.0, 3.0], [2.0, 0.3, 0.2]])

    def vjp(x: Any, c: Any) -> Any:
        return xp.sum(2 * (data + xp.detach(x)) * c, axis=axis)

    report = verify_vjp(lambda x: (data + x) ** 2, vjp, xp.asarray(VALUES))
    assert_verdict(report, CORRECT if axis == 0 else WRONG)


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
def test_a_broadcast_mistake_is_found(xp: Library, form: str) -> None:
    """The derivatives of an elementwise func, along all rows where the diagonal belongs."""
    wrong = {
        "jac": lambda x: xp.stack([3 * x**2] * 3),
        "jvp": lambda x, t: 3 * x**2 * xp.sum(t),
        "vjp": lambda x, c: 3 * x**2 * xp.sum(c),
    }
    assert_verdict(VERIFY[form](lambda x: x**3, wrong[form], xp.asarray(VALUES)), WRONG)


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
def test_a_class_that_saves_the_first_x_is_found(xp: Library, form: str) -> None:
    class Layer:
        saved: Any = None

        def func(self, x: Any) -> Any:
            if self.saved is None:
                self.saved = x
            return square(xp)(x)

        def matrix(self, xp: Library, x: Any) -> Any:
            del x
            return jacobian(xp, self.saved)

    layer = Layer()
    first = VERIFY[form](layer.func, claim_of(form, xp, layer.matrix), xp.asarray(VALUES))
    assert_verdict(first, WRONG)
    assert any("what was computed for x0 and never again" in hint for hint in first.hints)
    stale = VERIFY[form](layer.func, claim_of(form, xp, layer.matrix), xp.asarray([1.0, 2.0, 0.5]))
    assert_verdict(stale, WRONG)


@pytest.mark.one_setting
@pytest.mark.libraries("numpy", "torch", "strict")
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("direction", ["all", 2])
@pytest.mark.parametrize(("factor", "wanted"), [(1.0, CORRECT), (-1.0, WRONG)])
def test_func_and_claim_may_return_one_reused_buffer(
    xp: Library, form: str, direction: Any, factor: float, wanted: Verdict
) -> None:
    outputs, claims = plain(xp, [0.0] * 3), plain(xp, [[0.0] * 3] * 3)
    if form != "jac":
        claims = plain(xp, [0.0] * 3)

    def func(x: Any) -> Any:
        outputs[...] = square(xp)(xp.detach(x))
        return outputs

    def claim(x: Any, *vectors: Any) -> Any:
        claims[...] = factor * claim_of(form, xp, jacobian)(x, *vectors)
        return claims

    report = VERIFY[form](func, claim, xp.asarray(VALUES), direction=direction)
    assert_verdict(report, wanted)


@pytest.mark.one_setting
@pytest.mark.libraries("numpy", "torch", "strict")
@pytest.mark.parametrize("form", ["jvp", "vjp"])
def test_func_and_claim_may_share_one_buffer(xp: Library, form: str) -> None:
    buffer = plain(xp, [0.0] * 3)

    def func(x: Any) -> Any:
        buffer[...] = square(xp)(xp.detach(x))
        return buffer

    def claim(x: Any, vector: Any) -> Any:
        buffer[...] = claim_of(form, xp, jacobian)(x, vector)
        return buffer

    assert_verdict(VERIFY[form](func, claim, xp.asarray(VALUES)), CORRECT)


@pytest.mark.one_setting
@pytest.mark.libraries("numpy", "torch", "strict")
@pytest.mark.parametrize("direction", ["all", 2])
def test_a_claim_may_return_the_vector_that_it_was_given(xp: Library, direction: Any) -> None:
    """Written into, as with ``cotangent *= ...; return cotangent``."""

    def claim(x: Any, vector: Any) -> Any:
        vector *= 3 * xp.detach(x) ** 2
        return vector

    for verify in (verify_jvp, verify_vjp):
        report = verify(lambda x: x**3, claim, xp.asarray(VALUES), direction=direction)
        assert_verdict(report, CORRECT)


# What is refused


def two_of_three(xp: Library) -> Function:
    return lambda x: xp.stack([x[0] * x[1], x[1] * x[2] ** 2])


def matrix_2_3(xp: Library, x: Any) -> Any:
    x = xp.detach(x)
    zero = 0 * x[0]
    rows = [xp.stack([x[1], x[0], zero]), xp.stack([zero, x[2] ** 2, 2 * x[1] * x[2]])]
    return xp.stack(rows)


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
def test_a_right_claim_of_two_outputs_of_three_inputs(xp: Library, form: str) -> None:
    x0 = xp.asarray(VALUES)
    assert_verdict(VERIFY[form](two_of_three(xp), claim_of(form, xp, matrix_2_3), x0), CORRECT)


@pytest.mark.one_setting
def test_a_transposed_jacobian_that_is_not_square_is_refused_and_said_to_be_transposed(
    xp: Library,
) -> None:
    with pytest.raises(ValueError, match=r"transposed") as caught:
        verify_jac(
            two_of_three(xp),
            lambda x: xp.matrix_transpose(matrix_2_3(xp, x)),
            xp.asarray(VALUES),
        )
    for shape in ("(3, 2)", "(2, 3)", "(2,)", "(3,)"):
        assert shape in str(caught.value)


@pytest.mark.one_setting
@pytest.mark.parametrize(
    ("form", "claim", "shapes"),
    [
        ("jac", lambda xp, x: matrix_2_3(xp, x)[0, :], ["(3,)", "(2, 3)"]),
        ("jac", lambda xp, x: xp.reshape(matrix_2_3(xp, x), (6,)), ["(6,)", "(2, 3)"]),
        ("jac", lambda xp, x: matrix_2_3(xp, x)[None, ...], ["(1, 2, 3)", "(2, 3)"]),
        ("jvp", lambda xp, x, t: t, ["(3,)", "(2,)"]),
        ("jvp", lambda xp, x, t: xp.sum(t), ["()", "(2,)"]),
        ("jvp", lambda xp, x, t: xp.reshape(t[:2], (2, 1)), ["(2, 1)", "(2,)"]),
        ("jvp", lambda xp, x, t: matrix_2_3(xp, x) * t, ["(2, 3)", "(2,)"]),
        ("vjp", lambda xp, x, c: c, ["(2,)", "(3,)"]),
        ("vjp", lambda xp, x, c: xp.sum(c), ["()", "(3,)"]),
        ("vjp", lambda xp, x, c: matrix_2_3(xp, x) * c[:, None], ["(2, 3)", "(3,)"]),
        ("vjp", lambda xp, x, c: xp.detach(x)[None, :], ["(1, 3)", "(3,)"]),
    ],
    ids=lambda value: "" if callable(value) else str(value),
)
def test_a_claim_of_another_shape_is_refused_and_both_shapes_are_quoted(
    xp: Library, form: str, claim: Function, shapes: list[str]
) -> None:
    with pytest.raises(ValueError, match=form) as caught:
        VERIFY[form](
            two_of_three(xp), lambda x, *vectors: claim(xp, x, *vectors), xp.asarray(VALUES)
        )
    for shape in shapes:
        assert shape in str(caught.value)


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
def test_a_complex_claim_where_all_is_real_is_refused(xp: Library, form: str) -> None:
    def claim(x: Any, *vectors: Any) -> Any:
        return complex_of(xp, claim_of(form, xp, jacobian)(x, *vectors))

    with pytest.raises(TypeError, match=f"{form}.* complex"):
        VERIFY[form](square(xp), claim, xp.asarray(VALUES))


@pytest.mark.one_setting
@pytest.mark.parametrize(
    ("form", "claim"),
    [
        ("jac", lambda case, p: case.jac(p)[0]),
        ("jac", lambda case, p: case.jac(p)[0]["w"]),
        ("jac", lambda case, p: case.jac(p)[:1]),
        ("jac", lambda case, p: ({"w": case.jac(p)[0]["w"]}, case.jac(p)[1])),
        ("jac", lambda case, p: {"w": case.jac(p)[0], "b": case.jac(p)[1]}),
        ("jac", lambda case, p: (*case.jac(p), case.jac(p)[1])),
        ("jac", lambda case, p: (case.jac(p)[0], {**case.jac(p)[1], "c": p["b"]})),
        ("jvp", lambda case, p, t: case.jvp(p, t)[0]),
        ("jvp", lambda case, p, t: (*case.jvp(p, t), t["b"])),
        ("jvp", lambda case, p, t: t),
        ("vjp", lambda case, p, c: case.vjp(p, c)["w"]),
        ("vjp", lambda case, p, c: {"w": case.vjp(p, c)["w"]}),
        ("vjp", lambda case, p, c: list(case.vjp(p, c).values())),
        ("vjp", lambda case, p, c: c),
    ],
    ids=[
        "jac of one output", "jac of one array", "jac short of an output",
        "jac short of an input", "jac of inputs over outputs", "jac of one output more",
        "jac by one input more",
        "jvp of one output", "jvp of one output more", "tangent",
        "vjp of one array", "vjp short of an array", "vjp in a list", "cotangent",
    ],
)  # fmt: skip
def test_a_claim_of_another_tree_is_refused(xp: Library, form: str, claim: Function) -> None:
    case = tuple_of_dict(xp, xp.default_dtype)
    with pytest.raises(ValueError, match=form):
        VERIFY[form](case.func, lambda *vectors: claim(case, *vectors), case.x0)


@pytest.mark.one_setting
def test_a_jacobian_may_have_blocks_for_what_is_not_differentiated(xp: Library) -> None:
    x0 = {"w": xp.asarray([1.3, 0.4]), "count": 2, "name": "square"}

    def func(p: Any) -> Any:
        return {"y": p["w"] ** p["count"], "size": xp.asarray([2], "int32")}

    def jac(p: Any) -> Any:
        block = plain(xp, [[2 * float(p["w"][0]), 0.0], [0.0, 2 * float(p["w"][1])]])
        return {"y": {"w": block, "count": 0, "name": "square"}, "size": {"w": None}}

    assert_verdict(verify_jac(func, jac, x0), CORRECT)


@pytest.mark.one_setting
def test_a_wrong_shape_inside_a_tree_is_named(xp: Library) -> None:
    case = tuple_of_dict(xp, xp.default_dtype)

    def jac(params: Any) -> Any:
        layer, penalty = case.jac(params)
        return {**layer, "w": xp.permute_dims(layer["w"], (1, 2, 0))}, penalty

    with pytest.raises(ValueError, match=r"jac\[0\]\['w'\] has shape \(2, 3, 2\).*transposed"):
        verify_jac(case.func, jac, case.x0)
    with pytest.raises(ValueError, match=r"jvp\[1\] has shape \(2,\)"):
        verify_jvp(case.func, lambda p, t: (t["b"], t["b"]), case.x0)
    with pytest.raises(ValueError, match=r"vjp\['b'\] .*shape \(2, 3\)"):
        verify_vjp(case.func, lambda p, c: {"w": p["w"], "b": p["w"]}, case.x0)


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_func_that_is_not_finite_at_x0_is_refused_and_the_entry_named(
    xp: Library, form: str, value: float
) -> None:
    broken = plain(xp, [0.0, value, 1.0])
    claim = claim_of(form, xp, jacobian)
    with pytest.raises(ValueError, match=rf"func\(x0\)\[1\] is {value}"):
        VERIFY[form](lambda x: broken + 0 * x, claim, xp.asarray(VALUES))
    with pytest.raises(ValueError, match=rf"func\(x0\)\['b'\]\[0\]\[1\] is {value}"):
        VERIFY[form](lambda x: {"a": x, "b": [broken + 0 * x]}, claim, xp.asarray(VALUES))


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
def test_a_func_of_no_outputs_is_refused(xp: Library, form: str) -> None:
    with pytest.raises(ValueError, match=r"func\(x0\) is empty"):
        VERIFY[form](lambda x: x[:0], lambda x, *vectors: x, xp.asarray(VALUES))


@pytest.mark.one_setting
def test_one_of_several_outputs_may_be_empty(xp: Library) -> None:
    x0 = xp.asarray(VALUES)

    def func(x: Any) -> Any:
        return {"a": x[:0], "b": x**2, "c": x[:0]}

    def jac(x: Any) -> Any:
        nothing = eye(xp, x)[:0, :]
        return {"a": nothing, "b": 2 * eye(xp, x) * x, "c": nothing}

    for factor, wanted in ((1, CORRECT), (-1, WRONG)):
        reports = [
            verify_jac(func, lambda x, f=factor: {k: f * v for k, v in jac(x).items()}, x0),
            verify_jvp(func, lambda x, t, f=factor: {**func(x), "b": f * 2 * x * t}, x0),
            verify_vjp(func, lambda x, c, f=factor: f * 2 * x * c["b"], x0),
        ]
        for report in reports:
            assert_verdict(report, wanted)
            if wanted is WRONG:
                assert "d func['b'][2] / d x[2]" in wrong_places(report)


@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("direction", ["every", 0, -2, True, None, 1.5])
def test_a_direction_without_meaning_is_refused(form: str, direction: Any) -> None:
    with pytest.raises(ValueError, match="direction is"):
        VERIFY[form](np.sin, lambda x, *vectors: x, np.asarray(VALUES), direction=direction)


@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize(
    ("direction", "message"),
    [
        (["a", "b", "c"], r"direction is \['a', 'b', 'c'\] .*; pass numbers"),
        ([True, False, True], r"direction is \[True, False, True\] .*; pass numbers"),
        (object(), r"direction is <object.*; pass numbers"),
        ({}, r"direction is \{\} .*; pass numbers"),
        (np.array([1j, 1.0, 1.0]), "direction (is complex|has complex numbers.*pass real ones)"),
    ],
    ids=["text", "truth values", "object", "nothing", "complex"],
)
def test_a_direction_that_is_no_vector_of_numbers_is_refused(
    form: str, direction: Any, message: str
) -> None:
    claim = (lambda x: np.diag(x)) if form == "jac" else (lambda x, vector: x * vector)
    with pytest.raises(TypeError, match=message):
        VERIFY[form](np.sin, claim, np.asarray(VALUES), direction=direction)


def test_a_cotangent_of_another_structure_than_func_is_refused_and_both_are_named() -> None:
    x0 = np.asarray(VALUES)
    with pytest.raises(ValueError, match=r"direction is a tree of \['a'\], but .* is one array"):
        verify_vjp(np.sin, lambda x, c: c, x0, direction={"a": x0})
    with pytest.raises(ValueError, match=r"direction is one array, but .* is a tree of \['a'\]"):
        verify_vjp(lambda x: {"a": x}, lambda x, c: c["a"], x0, direction=x0)


# What the report says


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
def test_the_report_names_outputs_and_inputs(xp: Library, form: str) -> None:
    wrong = entrywise([[1, 1, 1], [-1, 1, 1], [1, 1, 2]])
    report = VERIFY[form](square(xp), claim_of(form, xp, wrong), xp.asarray(VALUES))
    assert_verdict(report, WRONG)
    entries = {where for where in wrong_places(report) if " / d " in where and "func" in where}
    assert entries == {"d func[1] / d x[0]", "d func[2] / d x[2]"}
    assert "d func[1] / d x[0]" in str(report)


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
def test_the_report_names_the_places_in_trees(xp: Library, form: str) -> None:
    case = tuple_of_dict(xp, xp.default_dtype)

    def wrong(params: Any, *vectors: Any) -> Any:
        if form == "jac":
            layer, penalty = case.jac(params)
            factors = plain(xp, [[1, 1, 1], [1, 1, 1.5]])
            return layer, {**penalty, "w": penalty["w"] * factors}
        if form == "jvp":
            layer, penalty = case.jvp(params, *vectors)
            return layer, penalty - params["w"][1, 2] * vectors[0]["w"][1, 2]
        claim = case.vjp(params, *vectors)
        factors = plain(xp, [[0, 0, 0], [0, 0, 1]])
        return {**claim, "w": claim["w"] + vectors[0][1] * factors * params["w"]}

    report = VERIFY[form](case.func, wrong, case.x0)
    assert_verdict(report, WRONG)
    entries = {where for where in wrong_places(report) if " / d " in where and "func" in where}
    assert entries == {"d func[1] / d params['w'][1, 2]"}


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
def test_the_report_is_of_this_library_device_and_form(xp: Library, form: str) -> None:
    report = VERIFY[form](square(xp), claim_of(form, xp, jacobian), xp.asarray(VALUES))
    assert report.form == form
    assert report.dtype == xp.default_dtype
    assert report.device == str(xp.device)
    assert report.direction == "all"
    assert report.to_dict()["form"] == form
    assert report.n_checked >= 9


# What func and claim get


@pytest.mark.parametrize("form", VERIFY)
def test_func_and_claim_get_native_arrays(xp: Library, form: str) -> None:
    claim = claim_of(form, xp, jacobian)
    for dtype in (name for name in xp.float_dtypes if name in WIDE):

        def func(x: Any, dtype: str = dtype) -> Any:
            xp.assert_native(x, dtype)
            return square(xp)(x)

        def checked(*vectors: Any, dtype: str = dtype) -> Any:
            for vector in vectors:
                xp.assert_native(vector, dtype)
                assert tuple(vector.shape) == (3,)
            return claim(*vectors)

        for direction in ("all", 2):
            report = VERIFY[form](func, checked, xp.asarray(VALUES, dtype), direction=direction)
            assert_verdict(report, CORRECT)


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
def test_args_go_to_both_functions_after_the_vector(xp: Library, form: str) -> None:
    def func(x: Any, scale: float, shift: float) -> Any:
        return scale * square(xp)(x) + shift

    def claim(x: Any, *rest: Any) -> Any:
        *vectors, scale, shift = rest
        assert (scale, shift) == (3.0, 0.5)
        return scale * claim_of(form, xp, jacobian)(x, *vectors)

    assert_verdict(VERIFY[form](func, claim, xp.asarray(VALUES), 3.0, 0.5), CORRECT)


@pytest.mark.libraries("numpy", "torch", "strict")
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("direction", ["all", 2, "given"])
def test_func_and_claim_may_write_into_their_arguments(
    xp: Library, form: str, direction: Any
) -> None:
    def func(x: Any) -> Any:
        value = square(xp)(x)
        xp.detach(x)[...] = 99.0
        return value

    def claim(*vectors: Any) -> Any:
        value = claim_of(form, xp, jacobian)(*vectors)
        for vector in vectors:
            xp.detach(vector)[...] = 77.0
        return value

    x0, given = xp.asarray(VALUES), xp.asarray([0.5, -1.0, 2.0])
    before = [xp.to_numpy(array).tobytes() for array in (x0, given)]
    along = given if direction == "given" else direction
    assert_verdict(VERIFY[form](func, claim, x0, direction=along), CORRECT)
    wrong = lambda *vectors: -claim(*vectors)  # noqa: E731
    assert_verdict(VERIFY[form](func, wrong, x0, direction=along), WRONG)
    assert [xp.to_numpy(array).tobytes() for array in (x0, given)] == before


@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("direction", ["all", 2, "given"])
def test_the_users_arrays_are_never_changed(xp: Library, form: str, direction: Any) -> None:
    x0, given, lower, upper = (
        xp.asarray(v) for v in (VALUES, [0.5, -1.0, 2.0], [-4.0] * 3, [4.0] * 3)
    )
    arrays = (x0, given, lower, upper)
    before = [xp.to_numpy(array).tobytes() for array in arrays]
    VERIFY[form](
        square(xp),
        claim_of(form, xp, lambda xp, x: -jacobian(xp, x)),
        x0,
        direction=given if direction == "given" else direction,
        bounds=(lower, upper),
    )
    assert [xp.to_numpy(array).tobytes() for array in arrays] == before


# Directions


@pytest.mark.parametrize("form", ["jac", "jvp"])
def test_along_a_given_tangent_only_that_is_checked(xp: Library, form: str) -> None:
    # Wrong in the first column only.
    claim = claim_of(form, xp, entrywise([[-5, 1, 1]] * 3))
    x0 = xp.asarray(VALUES)
    report = VERIFY[form](square(xp), claim, x0, direction=xp.asarray([0.0, 1.0, 2.0]))
    assert_verdict(report, CORRECT)
    assert report.n_checked == 3
    report = VERIFY[form](square(xp), claim, x0, direction=xp.asarray([1.0, 0.0, 0.0]))
    assert_verdict(report, WRONG)
    assert "func[0] along tangent" in wrong_places(report)
    with pytest.raises(ValueError, match=r"direction.*shape \(2,\)"):
        VERIFY[form](square(xp), claim, x0, direction=xp.asarray([1.0, 0.0]))


def test_along_a_given_cotangent_only_that_is_checked(xp: Library) -> None:
    # Wrong in the first row only.
    claim = claim_of("vjp", xp, entrywise([[-5] * 3, [1] * 3, [1] * 3]))
    x0 = xp.asarray(VALUES)
    report = verify_vjp(square(xp), claim, x0, direction=xp.asarray([0.0, 1.0, 2.0]))
    assert_verdict(report, CORRECT)
    report = verify_vjp(square(xp), claim, x0, direction=xp.asarray([1.0, 0.0, 0.0]))
    assert_verdict(report, WRONG)
    assert wrong_places(report) == {f"d cotangent / d x[{i}]" for i in range(3)}


@pytest.mark.one_setting
def test_a_given_cotangent_is_like_func_and_not_like_x0(xp: Library) -> None:
    claim = claim_of("vjp", xp, matrix_2_3)
    x0 = xp.asarray(VALUES)
    report = verify_vjp(two_of_three(xp), claim, x0, direction=xp.asarray([1.0, -2.0]))
    assert_verdict(report, CORRECT)
    with pytest.raises(ValueError, match=r"direction.*shape \(3,\).*shape \(2,\)"):
        verify_vjp(two_of_three(xp), claim, x0, direction=xp.asarray([1.0, 0.0, 2.0]))
    for values, problem in (([0.0, 0.0], "zero everywhere"), ([1.0, math.nan], "not finite")):
        with pytest.raises(ValueError, match=f"direction is {problem}"):
            verify_vjp(two_of_three(xp), claim, x0, direction=xp.asarray(values))


@pytest.mark.one_setting
@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_a_given_direction_may_be_a_tree(xp: Library, factor: float) -> None:
    case = tuple_of_dict(xp, xp.default_dtype)
    wanted = CORRECT if factor == 1 else WRONG
    tangent = {"w": xp.asarray([[1.0, 0.5, 2.0], [0.25, -1.0, 0.5]]), "b": xp.asarray([0.5, 1.0])}
    cotangent = (xp.asarray([0.5, 1.0]), xp.asarray(2.0))
    jvp = lambda p, t: tuple(factor * part for part in case.jvp(p, t))  # noqa: E731
    vjp = lambda p, c: {k: factor * part for k, part in case.vjp(p, c).items()}  # noqa: E731
    assert_verdict(verify_jvp(case.func, jvp, case.x0, direction=tangent), wanted)
    assert_verdict(verify_vjp(case.func, vjp, case.x0, direction=cotangent), wanted)


@pytest.mark.parametrize("length", [1e-20, 1.0, 1e20])
def test_the_length_of_a_given_vector_does_not_matter(length: float) -> None:
    def claims(factor: float) -> dict[str, Function]:
        slopes = lambda x: factor * np.cos(x)  # noqa: E731
        return {
            "jac": lambda x: np.diag(slopes(x)),
            "jvp": lambda x, t: slopes(x) * t,
            "vjp": lambda x, c: slopes(x) * c,
        }

    x0, given = np.asarray(VALUES), length * np.asarray([1.0, -2.0, 0.5])
    for form, verify in VERIFY.items():
        assert_verdict(verify(np.sin, claims(1)[form], x0, direction=given), CORRECT)
        assert_verdict(verify(np.sin, claims(1.001)[form], x0, direction=given), WRONG)


def test_rtol_is_what_must_not_get_past() -> None:
    for form, verify in VERIFY.items():
        claims = {
            "jac": lambda x: np.diag(1.003 * np.cos(x)),
            "jvp": lambda x, t: 1.003 * np.cos(x) * t,
            "vjp": lambda x, c: 1.003 * np.cos(x) * c,
        }
        x0 = np.asarray(VALUES)
        assert_verdict(verify(np.sin, claims[form], x0, rtol=0.05), CORRECT)
        assert_verdict(verify(np.sin, claims[form], x0), WRONG)


# Bounds and domains


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("direction", ["all", 2])
def test_func_is_evaluated_within_the_bounds_only(xp: Library, form: str, direction: Any) -> None:
    outside: list[Any] = []

    def func(x: Any) -> Any:
        host = xp.to_numpy(x)
        if np.any(host < 1) or np.any(host > 4):
            outside.append(host)
        return x**3

    claims = {
        "jac": lambda x: 3 * eye(xp, x) * x**2,
        "jvp": lambda x, t: 3 * x**2 * t,
        "vjp": lambda x, c: 3 * x**2 * c,
    }
    x0 = xp.asarray([1.0, 1.5, 4.0])
    for factor, wanted in ((1, CORRECT), (1.1, WRONG)):
        report = VERIFY[form](
            func,
            lambda *vectors, factor=factor: factor * claims[form](*vectors),
            x0,
            bounds=(1, 4),
            batch="loop",
            direction=direction,
        )
        assert_verdict(report, wanted)
    assert not outside


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
def test_one_output_that_is_not_finite_off_x0_spoils_no_other(xp: Library, form: str) -> None:
    """The root of x[1] is an edge; func[0] is smooth there and must be judged as such."""

    def func(x: Any) -> Any:
        return xp.stack([x[0] ** 3 + x[1], x[0] * xp.sqrt(x[1])])

    def matrix(xp: Library, x: Any) -> Any:
        a, b = xp.detach(x)[0], xp.detach(x)[1]
        rows = [[3 * a**2, 0 * a + 1], [xp.sqrt(b), 0.5 * a / xp.sqrt(b)]]
        return xp.stack([xp.stack(row) for row in rows])

    x0 = xp.asarray([1.5, 1e-9])
    assert_verdict(VERIFY[form](func, claim_of(form, xp, matrix), x0), CORRECT)
    wrong = lambda xp, x: changed(xp, matrix(xp, x), [[1, 1.1], [1, 1]])  # noqa: E731
    report = VERIFY[form](func, claim_of(form, xp, wrong), x0)
    assert_verdict(report, WRONG)
    assert "d func[0] / d x[1]" in wrong_places(report)
    if xp.default_dtype == "float32":  # in which noise hides what func does over 1e-9
        native = {"precision": "native"}
        assert_verdict(VERIFY[form](func, claim_of(form, xp, wrong), x0, **native), INCONCLUSIVE)
        x0 = xp.asarray([1.5, 1e-4])
        assert_verdict(VERIFY[form](func, claim_of(form, xp, matrix), x0, **native), CORRECT)
        report = VERIFY[form](func, claim_of(form, xp, wrong), x0, **native)
        assert_verdict(report, WRONG)
        assert "d func[0] / d x[1]" in wrong_places(report)


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("change", ["shape", "tree", "sometimes"])
def test_a_func_that_returns_another_shape_near_x0_is_never_correct(
    xp: Library, form: str, change: str
) -> None:
    """Like a mask whose number of true entries depends on x."""
    home = np.asarray(VALUES, dtype=xp.default_dtype)

    def func(x: Any) -> Any:
        host = xp.to_numpy(x)
        if np.all(host == home.astype(np.float64)):
            return x**2
        if change == "sometimes" and np.all(host >= home):
            return x**2
        return x[:2] ** 2 if change != "tree" else {"a": x**2}

    claims = {
        "jac": lambda x: 2 * eye(xp, x) * x,
        "jvp": lambda x, t: 2 * x * t,
        "vjp": lambda x, c: 2 * x * c,
    }
    try:
        report = VERIFY[form](func, claims[form], xp.asarray(VALUES), batch="loop")
    except ValueError as error:
        assert "func" in str(error)  # noqa: PT017
        return
    if change != "sometimes":
        assert_verdict(report, INCONCLUSIVE)
        assert "(2,)" in str(report) or change == "tree"
    assert report.verdict is not WRONG, str(report)


# Functions that are not what they seem


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("amount", [1.0, 1e-3])
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_random_output_is_inconclusive_and_the_others_are_judged(
    xp: Library, form: str, amount: float, factor: float
) -> None:
    rng = np.random.default_rng(0)

    def func(x: Any) -> Any:
        noise = plain(xp, [0.0, amount * rng.normal(), 0.0])
        return square(xp)(x) + noise

    claim = claim_of(form, xp, lambda xp, x: factor * jacobian(xp, x))
    report = VERIFY[form](func, claim, xp.asarray(VALUES), batch="loop")
    assert_verdict(report, INCONCLUSIVE if factor == 1 else WRONG)
    assert "not deterministic" in str(report)
    assert not any("func[1]" in place for place in wrong_places(report))


@pytest.mark.one_setting
def test_a_kink_of_one_output_takes_every_subgradient(xp: Library) -> None:
    def func(x: Any) -> Any:
        return xp.where(x > 0, x, 0 * x)

    x0 = xp.asarray([-1.5, 0.0, 2.0])
    for slope, wanted in ((0.0, CORRECT), (0.4, CORRECT), (1.0, CORRECT), (1.5, WRONG)):
        slopes = plain(xp, [0.0, slope, 1.0])
        reports = [
            verify_jac(func, lambda x, s=slopes: eye(xp, x) * s, x0),
            verify_vjp(func, lambda x, c, s=slopes: s * c, x0),
        ]
        for report in reports:
            assert_verdict(report, wanted)


def test_outputs_of_very_different_size_side_by_side() -> None:
    size = np.asarray([1e-20, 1.0, 1e20])
    x0 = np.asarray(VALUES)
    for spoilt in range(3):
        factors = np.ones(3)
        factors[spoilt] = 1.01
        for factor, wanted in ((np.ones(3), CORRECT), (factors, WRONG)):
            slopes = lambda x, f=factor: f * size * np.cos(x)  # noqa: E731
            reports = [
                verify_jac(lambda x: size * np.sin(x), lambda x, s=slopes: np.diag(s(x)), x0),
                verify_jvp(lambda x: size * np.sin(x), lambda x, t, s=slopes: s(x) * t, x0),
                verify_vjp(lambda x: size * np.sin(x), lambda x, c, s=slopes: s(x) * c, x0),
            ]
            for report in reports:
                assert_verdict(report, wanted)


# Ways to evaluate


@pytest.mark.sampled
@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("direction", ["all", 2])
@pytest.mark.parametrize("name", ["right", "transposed", "row zeroed", "half"])
def test_all_ways_to_evaluate_give_the_same_verdict(
    xp: Library, form: str, direction: Any, name: str
) -> None:
    matrix = jacobian if name == "right" else WRONG_MATRICES[name][0]
    ways = ["loop", "vectorized", *(["vmap"] if xp.name in ("jax", "torch") else [])]
    reports = [
        VERIFY[form](
            square(xp),
            claim_of(form, xp, matrix),
            xp.asarray(VALUES),
            direction=direction,
            batch=way,
        )
        for way in ways
    ]
    for report in reports:
        assert_verdict(report, CORRECT if name == "right" else WRONG)
        assert wrong_places(report) == wrong_places(reports[0])


@pytest.mark.one_setting
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_trees_are_evaluated_at_many_points_at_a_time(
    xp: Library, form: str, factor: float
) -> None:
    def func(params: Any) -> Any:
        w, b = params["w"], params["b"]
        return {"layer": w**2 * b[..., None], "penalty": xp.sum(w**2, axis=-1)}

    def jac(params: Any) -> Any:
        w, b = xp.detach(params["w"]), xp.detach(params["b"])
        layer = {"w": 2 * factor * eye(xp, w) * w * b, "b": w**2}
        return {"layer": layer, "penalty": {"w": 2 * w, "b": 0 * b}}

    def jvp(params: Any, t: Any) -> Any:
        w, b = params["w"], params["b"]
        layer = 2 * factor * w * b * t["w"] + w**2 * t["b"]
        return {"layer": layer, "penalty": xp.sum(2 * w * t["w"])}

    def vjp(params: Any, c: Any) -> Any:
        w, b = params["w"], params["b"]
        return {
            "w": 2 * factor * w * b * c["layer"] + 2 * w * c["penalty"],
            "b": xp.sum(w**2 * c["layer"]),
        }

    x0 = {"w": xp.asarray(VALUES), "b": xp.asarray(0.7)}
    claim = {"jac": jac, "jvp": jvp, "vjp": vjp}[form]
    for way in ["loop", "vectorized", *(["vmap"] if xp.name in ("jax", "torch") else [])]:
        report = VERIFY[form](func, claim, x0, batch=way)
        assert_verdict(report, CORRECT if factor == 1 else WRONG)
        if factor == -1:
            assert "d func['layer'][0] / d params['w'][0]" in wrong_places(report)


# Cost


def coupled(xp: Any) -> tuple[Function, Function]:
    """A func of as many outputs as inputs, and both of its products: it is symmetric."""

    def product(x: Any, vector: Any) -> Any:
        return 3 * x**2 * vector + 0.5 * xp.flip(vector)

    return lambda x: x**3 + 0.5 * xp.flip(x), product


@pytest.mark.one_setting
@pytest.mark.parametrize("form", ["jvp", "vjp"])
@pytest.mark.parametrize("direction", ["random", "auto"])
def test_large_products_take_a_fixed_number_of_evaluations(
    xp: Library, form: str, direction: str
) -> None:
    func, product = coupled(xp)
    counts = []
    for size in (1000, 10**5):
        values = np.random.default_rng(0).normal(size=size)
        report = VERIFY[form](func, product, xp.asarray(values.tolist()), direction=direction)
        assert_verdict(report, CORRECT)
        counts.append((report.n_func, report.n_grad))
    for few, many in zip(*counts, strict=True):  # float32 needs a few rungs more, at any size
        assert many <= 150
        assert many <= 3 * few
    if direction == "random":
        assert abs(counts[1][0] - counts[0][0]) <= 16


@pytest.mark.sampled
@pytest.mark.one_setting
@pytest.mark.parametrize("form", ["jvp", "vjp"])
@pytest.mark.parametrize(("direction", "size"), [("random", 10**5), ("auto", 2000)])
@pytest.mark.parametrize("slip", ["factor", "flip forgotten"])
def test_a_wrong_product_of_many_is_found(
    xp: Library, form: str, direction: str, size: int, slip: str
) -> None:
    func, product = coupled(xp)

    def wrong(x: Any, vector: Any) -> Any:
        if slip == "flip forgotten":
            return 3 * x**2 * vector + 0.5 * vector
        return 1.01 * product(x, vector)

    values = np.random.default_rng(0).normal(size=size)
    report = VERIFY[form](func, wrong, xp.asarray(values.tolist()), direction=direction)
    assert_verdict(report, WRONG)
    assert report.n_func <= 1000


@pytest.mark.numpy
@pytest.mark.parametrize("form", VERIFY)
@pytest.mark.parametrize("outputs", [1, 7, 200])
@pytest.mark.parametrize("inputs", [10, 50])
def test_all_takes_about_two_evaluations_for_each_coordinate(
    form: str, outputs: int, inputs: int
) -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(outputs, inputs))
    x0 = rng.normal(size=inputs)
    calls = [0, 0]

    def func(x: Any) -> Any:
        calls[0] += 1
        return np.sin(matrix @ x)

    def counted(claim: Function) -> Function:
        def function(*vectors: Any) -> Any:
            calls[1] += 1
            return claim(*vectors)

        return function

    slopes = lambda x: np.cos(matrix @ x)[:, None] * matrix  # noqa: E731
    claim = {
        "jac": slopes,
        "jvp": lambda x, t: slopes(x) @ t,
        "vjp": lambda x, c: c @ slopes(x),
    }[form]
    report = VERIFY[form](func, counted(claim), x0, direction="all")
    assert_verdict(report, CORRECT)
    assert (report.n_func, report.n_grad) == tuple(calls)
    assert report.n_func <= 2.5 * inputs + 30, str(report)
    assert report.n_grad <= {"jac": 5, "jvp": 2 * inputs + 30, "vjp": 2 * outputs + 10}[form]


@pytest.mark.numpy
def test_auto_takes_tangents_where_the_jacobian_has_many_entries() -> None:
    matrix = np.random.default_rng(0).normal(size=(400, 300))
    x0 = np.linspace(0.1, 1.0, 300)
    for factor, wanted in ((1, CORRECT), (1.01, WRONG)):
        slopes = lambda x, f=factor: f * np.cos(matrix @ x)[:, None] * matrix  # noqa: E731
        reports = [
            verify_jac(lambda x: np.sin(matrix @ x), slopes, x0),
            verify_jvp(lambda x: np.sin(matrix @ x), lambda x, t, s=slopes: s(x) @ t, x0),
            verify_vjp(lambda x: np.sin(matrix @ x), lambda x, c, s=slopes: c @ s(x), x0),
        ]
        for report in reports:
            assert_verdict(report, wanted)
            assert "random tangent" in report.direction
            assert wanted is WRONG or report.n_func <= 100


# Trees


class Pair(NamedTuple):
    """As users write one."""

    weight: Any
    bias: Any


@pytest.mark.one_setting
@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_a_named_tuple_is_a_tree(xp: Library, factor: float) -> None:
    x0 = Pair(xp.asarray(VALUES), xp.asarray(0.7))
    wanted = CORRECT if factor == 1 else WRONG

    def func(p: Any) -> Any:
        assert type(p) is Pair
        return Pair(p.weight**2 * p.bias, xp.sum(p.weight))

    def jac(p: Any) -> Any:
        w, b = xp.detach(p.weight), xp.detach(p.bias)
        return Pair(Pair(2 * factor * eye(xp, w) * w * b, w**2), Pair(0 * w + 1, 0 * b))

    def jvp(p: Any, t: Any) -> Any:
        assert type(t) is Pair
        first = 2 * factor * p.weight * p.bias * t.weight + p.weight**2 * t.bias
        return Pair(first, xp.sum(t.weight))

    def vjp(p: Any, c: Any) -> Any:
        assert type(c) is Pair
        first = 2 * factor * p.weight * p.bias * c.weight + c.bias
        return Pair(first, xp.sum(p.weight**2 * c.weight))

    for form, claim in (("jac", jac), ("jvp", jvp), ("vjp", vjp)):
        report = VERIFY[form](func, claim, x0)
        assert_verdict(report, wanted)
        if wanted is WRONG:
            places = wrong_places(report)
            assert "d func.weight[1] / d p.weight[1]" in places
    grad = verify_grad(
        lambda p: xp.sum(p.weight**2) * p.bias,
        lambda p: Pair(2 * factor * p.weight * p.bias, xp.sum(p.weight**2)),
        x0,
    )
    assert_verdict(grad, wanted)


@pytest.mark.one_setting
@pytest.mark.libraries("jax")
@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_a_dataclass_registered_with_jax_is_a_tree(xp: Library, factor: float) -> None:
    jax = pytest.importorskip("jax")

    @dataclass
    class Params:
        weight: Any
        bias: Any
        name: str

    jax.tree_util.register_dataclass(Params, data_fields=["weight", "bias"], meta_fields=["name"])
    x0 = Params(xp.asarray(VALUES), xp.asarray(0.7), "layer")
    wanted = CORRECT if factor == 1 else WRONG

    def func(p: Any) -> Any:
        assert p.name == "layer"
        return {"y": p.weight**2 * p.bias, "z": xp.sum(p.weight)}

    def vjp(p: Any, c: Any) -> Any:
        bar = jax.vjp(func, p)[1](c)[0]
        return Params(factor * bar.weight, bar.bias, "layer")

    def jvp(p: Any, t: Any) -> Any:
        return jax.jvp(func, (p,), (Params(factor * t.weight, t.bias, "layer"),))[1]

    def jac(p: Any) -> Any:
        found = jax.jacobian(func)(p)
        found["y"].weight = factor * found["y"].weight
        return found

    for form, claim in (("jac", jac), ("jvp", jvp), ("vjp", vjp)):
        report = VERIFY[form](func, claim, x0)
        assert_verdict(report, wanted)
        if wanted is WRONG:
            assert "d func['y'][1] / d p.weight[1]" in wrong_places(report)
    value = lambda p: xp.sum(p.weight**2) * p.bias  # noqa: E731
    grad = lambda p: jax.tree.map(lambda g: factor * g, jax.grad(value)(p))  # noqa: E731
    assert_verdict(verify_grad(value, grad, x0), wanted)


@pytest.mark.one_setting
@pytest.mark.libraries("torch")
@pytest.mark.parametrize("batch", ["auto", "vmap", "loop"])
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_the_parameters_of_a_torch_module_are_a_tree(xp: Library, batch: str) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
    ).double()
    x0 = dict(module.named_parameters())
    before = {name: p.detach().clone() for name, p in x0.items()}
    inputs = plain(xp, [VALUES, [0.5, -1.0, 0.3]])

    def outputs(params: Any) -> Any:
        return torch.func.functional_call(module, params, (inputs,))

    def loss(params: Any) -> Any:
        return torch.sum(outputs(params) ** 2)

    def grad(params: Any, factor: float = 1.0) -> Any:
        found = torch.autograd.grad(loss(params), list(params.values()))
        return dict(zip(params, (factor * g for g in found), strict=True))

    def vjp(params: Any, cotangent: Any, factor: float = 1.0) -> Any:
        found = torch.autograd.grad(outputs(params), list(params.values()), factor * cotangent)
        return dict(zip(params, found, strict=True))

    def jvp(params: Any, tangent: Any, factor: float = 1.0) -> Any:
        return torch.func.jvp(outputs, (params,), (tangent,))[1] * factor

    def jac(params: Any, factor: float = 1.0) -> Any:
        found = torch.func.jacrev(outputs)(params)
        return {name: factor * block for name, block in found.items()}

    for factor, wanted in ((1.0, CORRECT), (-1.0, WRONG)):
        reports = [
            verify_grad(loss, lambda p, f=factor: grad(p, f), x0, batch=batch),
            verify_vjp(outputs, lambda p, c, f=factor: vjp(p, c, f), x0, batch=batch),
            verify_jvp(outputs, lambda p, t, f=factor: jvp(p, t, f), x0, batch=batch),
            verify_jac(outputs, lambda p, f=factor: jac(p, f), x0, batch=batch),
        ]
        for report in reports:
            assert_verdict(report, wanted)
    # Of 26 that are wrong, the worst are named.
    assert "['0.weight'][" in " ".join(wrong_places(reports[0]))
    for name, parameter in module.named_parameters():
        assert torch.equal(parameter, before[name])
        assert parameter.grad is None
        assert parameter.requires_grad


def mixed_tree(xp: Library) -> dict[str, Any]:
    """Leaves of several dtypes and shapes, and others that are not differentiated."""
    return {
        "wide": xp.asarray([[1.3, 0.4], [0.7, -2.0]]),
        "narrow": xp.asarray([0.5, 1.5, -0.7], "float32"),
        "one": xp.asarray(0.8),
        "count": xp.namespace.asarray([2, 3], dtype=xp.int32, device=xp.device),
        "power": 3,
        "flag": True,
        "mask": xp.namespace.asarray([True, False, True], device=xp.device),
        "nothing": None,
        "name": "model",
    }


def mixed_value(xp: Library, p: Any) -> Any:
    """A func of `mixed_tree` that looks at all of it."""
    assert p["power"] == 3
    assert p["flag"] is True
    assert p["nothing"] is None
    assert p["name"] == "model"
    assert "int32" in str(p["count"].dtype)
    assert "bool" in str(p["mask"].dtype)
    wide = xp.sum(p["wide"] ** p["power"])
    kept = xp.where(p["mask"], p["narrow"], 0 * p["narrow"])
    return wide * p["one"], kept**2


@pytest.mark.sampled
@pytest.mark.one_setting
@pytest.mark.parametrize("form", ["grad", *VERIFY])
@pytest.mark.parametrize("stand_ins", ["as they are", "nothing", "zero"])
@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_leaves_that_are_not_floating_are_handed_on_and_not_differentiated(  # noqa: C901
    xp: Library, form: str, stand_ins: str, factor: float
) -> None:
    x0 = mixed_tree(xp)
    floating = ("wide", "narrow", "one")

    def tree(wide: Any, narrow: Any, one: Any) -> Any:
        claim = {"wide": wide, "narrow": narrow, "one": one}
        for name, value in x0.items():
            if name not in floating:
                claim[name] = {"as they are": value, "nothing": None, "zero": 0}[stand_ins]
        claim["nothing"] = None
        return claim

    def slopes(p: Any) -> Any:
        kept = xp.where(p["mask"], p["narrow"], 0 * p["narrow"])
        return 3 * factor * p["wide"] ** 2 * p["one"], 2 * kept, xp.sum(p["wide"] ** 3)

    def func(p: Any) -> Any:
        first, second = mixed_value(xp, p)
        if form != "grad":
            return first, second
        return first + xp.astype(xp.sum(second), first.dtype)

    def grad(p: Any) -> Any:
        mixed_value(xp, p)
        return tree(*slopes(p))

    def jac(p: Any) -> Any:
        wide, narrow, one = slopes(p)
        none = plain(xp, [0.0, 0.0, 0.0], "float32")
        of_wide = plain(xp, np.zeros((3, 2, 2)).tolist())
        first = tree(wide, none, one)
        second = tree(of_wide, eye(xp, narrow) * narrow, plain(xp, [0.0, 0.0, 0.0]))
        return first, second

    def jvp(p: Any, t: Any) -> Any:
        mixed_value(xp, p)
        assert set(t) == set(p)
        assert t["name"] == "model"
        wide, narrow, one = slopes(p)
        return xp.sum(wide * t["wide"]) + one * t["one"], narrow * t["narrow"]

    def vjp(p: Any, c: Any) -> Any:
        mixed_value(xp, p)
        wide, narrow, one = slopes(p)
        return tree(wide * c[0], narrow * c[1], one * c[0])

    claim = {"grad": grad, "jac": jac, "jvp": jvp, "vjp": vjp}[form]
    verify = {"grad": verify_grad, **VERIFY}[form]
    for direction in ("all", 2):
        report = verify(func, claim, x0, direction=direction)
        assert_verdict(report, CORRECT if factor == 1 else WRONG)
        said = " ".join(report.hints)
        assert "not differentiated" in said
        assert "p['count']" in said


@pytest.mark.one_setting
def test_the_report_says_which_leaves_were_not_differentiated(xp: Library) -> None:
    x0 = {"a": xp.asarray(VALUES), "count": 3, "name": "model"}
    report = verify_grad(
        lambda p: xp.sum(p["a"] ** p["count"]), lambda p: {**p, "a": 3 * p["a"] ** 2}, x0
    )
    assert_verdict(report, CORRECT)
    (hint,) = [hint for hint in report.hints if "not differentiated" in hint]
    assert "p['count']" in hint
    assert "p['name']" in hint
    assert "p['a']" not in hint
    assert x0["count"] == 3


@pytest.mark.one_setting
def test_a_tree_without_a_floating_leaf_has_nothing_to_differentiate(xp: Library) -> None:
    """Integers alone become floating, as in SciPy; text never does."""
    report = verify_grad(
        lambda p: p["a"] ** 2 * 1.0, lambda p: {"a": 2 * p["a"]}, {"a": xp.asarray(3.0)}
    )
    assert_verdict(report, CORRECT)
    with pytest.raises(TypeError, match="x0"):
        verify_grad(lambda p: 1.0, lambda p: p, {"name": "model"})


@pytest.mark.one_setting
@pytest.mark.parametrize("form", ["grad", *VERIFY])
@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_leaves_of_several_dtypes_and_shapes(xp: Library, form: str, factor: float) -> None:
    """The wide leaf is judged in its own dtype where func keeps to it."""
    x0 = {"wide": xp.asarray([[1.3, 0.4]]), "narrow": xp.asarray([0.5, 1.5], "float32")}

    def func(p: Any) -> Any:
        assert xp.dtype_name(p["wide"]) == xp.default_dtype
        assert xp.dtype_name(p["narrow"]) == "float32"
        parts = {"w": xp.sum(p["wide"] ** 3), "n": p["narrow"] ** 2}
        if form != "grad":
            return parts
        return parts["w"] + xp.astype(xp.sum(parts["n"]), parts["w"].dtype)

    def grad(p: Any) -> Any:
        return {"wide": 3 * factor * p["wide"] ** 2, "narrow": 2 * p["narrow"]}

    def jac(p: Any) -> Any:
        zero = plain(xp, np.zeros((2, 1, 2)).tolist())
        narrow = {"wide": zero, "narrow": 2 * eye(xp, p["narrow"]) * p["narrow"]}
        return {"w": {"wide": grad(p)["wide"], "narrow": 0 * p["narrow"]}, "n": narrow}

    def jvp(p: Any, t: Any) -> Any:
        assert xp.dtype_name(t["narrow"]) == "float32"
        return {"w": xp.sum(grad(p)["wide"] * t["wide"]), "n": 2 * p["narrow"] * t["narrow"]}

    def vjp(p: Any, c: Any) -> Any:
        assert xp.dtype_name(c["n"]) == "float32"
        return {"wide": grad(p)["wide"] * c["w"], "narrow": 2 * p["narrow"] * c["n"]}

    claim = {"grad": grad, "jac": jac, "jvp": jvp, "vjp": vjp}[form]
    verify = {"grad": verify_grad, **VERIFY}[form]
    for direction in ("all", 2):
        report = verify(func, claim, x0, direction=direction)
        assert_verdict(report, CORRECT if factor == 1 else WRONG)


@pytest.mark.one_setting
@pytest.mark.libraries("numpy", "torch", "strict")
@pytest.mark.parametrize("form", VERIFY)
def test_func_and_claim_may_write_into_trees(xp: Library, form: str) -> None:
    case = tuple_of_dict(xp, xp.default_dtype)
    before = [xp.to_numpy(case.x0[name]).tobytes() for name in ("w", "b")]

    def func(params: Any) -> Any:
        value = case.func(params)
        params["w"][...] = 99.0
        del params["b"]
        return value

    def claim(params: Any, *vectors: Any) -> Any:
        value = getattr(case, form)(params, *vectors)
        params["b"][...] = 77.0
        params.clear()
        for vector in vectors:
            if form == "jvp":
                vector["w"][...] = 55.0
        return value

    for direction in ("all", 2):
        assert_verdict(VERIFY[form](func, claim, case.x0, direction=direction), CORRECT)
    assert [xp.to_numpy(case.x0[name]).tobytes() for name in ("w", "b")] == before


@pytest.mark.sampled
@pytest.mark.libraries("numpy")
@pytest.mark.one_setting
@pytest.mark.parametrize("seed", draws(2, plain=1))
@pytest.mark.parametrize("real", ["float32", "float64"])
@pytest.mark.parametrize("form", VERIFY)
def test_outputs_that_saturate_beside_others_that_do_not(
    xp: Library, form: str, real: str, seed: int
) -> None:
    """Where tanh is 1 but for its rounding error, derivatives are lost, and do not matter."""
    rng = np.random.default_rng(seed)
    matrix, x0 = rng.normal(size=(4, 6)).astype(real), rng.normal(size=6).astype(real)
    matrix[0] *= np.float32(9) / (matrix[0] @ x0)  # tanh(9) is 1 - 3e-8

    def func(x: Any) -> Any:
        return np.tanh(matrix @ x)

    def jac(xp: Library, x: Any) -> Any:
        exact = 1 / np.cosh(matrix.astype(np.float64) @ x.astype(np.float64)) ** 2
        return (exact[:, None] * matrix).astype(real)

    largest = np.unravel_index(np.argmax(np.abs(jac(xp, x0))), matrix.shape)

    def broken(xp: Library, x: Any) -> Any:
        found = jac(xp, x)
        found[largest] *= 1.05
        return found

    for slopes, wanted in ((jac, CORRECT), (broken, WRONG)):
        for precision in ("auto", "native"):
            options = {"direction": "all", "precision": precision}
            report = VERIFY[form](func, claim_of(form, xp, slopes), x0, **options)
            assert_verdict(report, wanted)


@pytest.mark.one_setting
def test_keys_that_have_no_order_make_a_tree(xp: Library) -> None:
    """JAX, once imported, would not take such a dictionary."""
    x0 = {1: np.asarray([1.3, 0.4]), "a": np.asarray(2.0)}
    report = verify_grad(
        lambda p: np.sum(p[1] ** 2) * p["a"],
        lambda p: {1: 2 * p[1] * p["a"], "a": np.sum(p[1] ** 2)},
        x0,
    )
    assert_verdict(report, CORRECT)


@pytest.mark.numpy
def test_a_jvp_at_an_x0_near_the_smallest_numbers() -> None:
    x0 = np.asarray([1e-300, 2e-300])
    for factor, wanted in ((1, CORRECT), (2, WRONG)):
        report = verify_jvp(lambda x: 3 * x, lambda x, t, f=factor: 3 * f * t, x0)
        assert_verdict(report, wanted)
