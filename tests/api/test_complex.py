"""Complex numbers: gradients in each library's convention, and claims of every form."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad import (
    Report,
    Verdict,
    check_grad,
    verify_grad,
    verify_jac,
    verify_jvp,
    verify_vjp,
)

if TYPE_CHECKING:
    from conftest import Library

Function = Callable[..., Any]

CORRECT, WRONG = Verdict.CORRECT, Verdict.WRONG
VALUES = [0.3 + 0.8j, 1.2 - 0.5j, -2.0 + 1.1j]
# By the real dtype of their parts.
COMPLEX = {"float32": "complex64", "float64": "complex128"}

pytestmark = [pytest.mark.libraries("numpy", "jax", "torch"), pytest.mark.one_setting]


def assert_verdict(report: Report, wanted: Verdict) -> None:
    assert report.verdict is wanted, str(report)


def complexes(xp: Library) -> list[str]:
    return [COMPLEX[name] for name in xp.float_dtypes if name in COMPLEX]


def array(xp: Library, values: Any, dtype: str = "") -> Any:
    """A complex array, of the widest dtype unless it is named."""
    kind = getattr(xp.namespace, dtype or complexes(xp)[-1])
    return xp.namespace.asarray(values, dtype=kind, device=xp.device)


def own(xp: Library) -> str:
    """The convention of the library."""
    return "torch" if xp.name == "torch" else "jax"


def in_convention(convention: str, xp: Library, conjugated: Any) -> Any:
    """A gradient from ``df/dRe + i df/dIm``, which is PyTorch's."""
    return conjugated if convention == "torch" else xp.conj(conjugated)


def real_func(xp: Library) -> Function:
    """Of no symmetry that would hide a conjugate."""

    def func(z: Any) -> Any:
        return xp.sum(xp.real(z) ** 2 * xp.imag(z) + 3 * xp.imag(z) - xp.real(z))

    return func


def ascent(xp: Library) -> Function:
    """Its ``df/dRe + i df/dIm``."""

    def grad(z: Any) -> Any:
        a, b = xp.real(z), xp.imag(z)
        return (2 * a * b - 1) + 1j * (a**2 + 3)

    return grad


# Gradients of real functions


@pytest.mark.parametrize("convention", [None, "jax", "torch"])
@pytest.mark.parametrize("claimed", ["jax", "torch"])
@pytest.mark.parametrize("shape", ["vector", "matrix", "0-d"])
def test_a_gradient_is_right_in_one_convention_and_wrong_in_the_other(
    xp: Library, convention: str | None, claimed: str, shape: str
) -> None:
    wanted = claimed == (convention or own(xp))
    values = {"vector": VALUES, "matrix": [VALUES], "0-d": VALUES[0]}[shape]
    for dtype in complexes(xp):
        x0 = array(xp, values, dtype)
        grad = lambda z: in_convention(claimed, xp, ascent(xp)(z))  # noqa: E731
        report = verify_grad(real_func(xp), grad, x0, convention=convention)
        assert_verdict(report, CORRECT if wanted else WRONG)
        assert report.dtype == dtype
        if not wanted:
            other = {"jax": "JAX", "torch": "PyTorch"}[claimed]
            said = " ".join(report.hints)
            assert "conjugate" in said
            assert other in said
            assert f"convention={claimed!r}" in said


def test_the_convention_is_that_of_the_librarys_own_differentiation(xp: Library) -> None:
    func = real_func(xp)
    if xp.name == "jax":
        grad = pytest.importorskip("jax").grad(func)
    elif xp.name == "torch":
        torch = pytest.importorskip("torch")

        def grad(z: Any) -> Any:
            z = z.detach().requires_grad_()
            return torch.autograd.grad(func(z), z)[0]
    else:
        pytest.skip("NumPy differentiates nothing")
    for dtype in complexes(xp):
        for direction in ("all", 2):
            x0 = array(xp, VALUES, dtype)
            assert_verdict(verify_grad(func, grad, x0, direction=direction), CORRECT)
            wrong = verify_grad(func, lambda z: -grad(z), x0, direction=direction)
            assert_verdict(wrong, WRONG)


@pytest.mark.parametrize("convention", ["numpy", "", 1, True])
def test_an_unknown_convention_is_refused(xp: Library, convention: Any) -> None:
    with pytest.raises(ValueError, match=r"convention is .*'jax', 'torch'"):
        verify_grad(real_func(xp), ascent(xp), array(xp, VALUES), convention=convention)


@pytest.mark.parametrize(
    ("slip", "hint"),
    [
        ("sign", "flipped sign"),
        ("half", "1/2 times"),
        ("real part", r"\.imag"),
        ("imaginary part's sign", "conjugate"),
        ("one entry", ""),
        ("one percent", ""),
    ],
)
def test_a_wrong_gradient_is_found(xp: Library, slip: str, hint: str) -> None:
    factors = array(xp, [1.0, 1.01 if slip == "one percent" else -1.0, 1.0])

    def grad(z: Any) -> Any:
        right = in_convention(own(xp), xp, ascent(xp)(z))
        if slip == "real part":
            return xp.real(right) + 0j
        if slip == "imaginary part's sign":
            return xp.conj(right)
        if slip in ("one entry", "one percent"):
            return right * factors
        return {"sign": -1, "half": 0.5}[slip] * right

    report = verify_grad(real_func(xp), grad, array(xp, VALUES))
    assert_verdict(report, WRONG)
    assert re.search(hint, " ".join(report.hints)), str(report)
    places = {mismatch.where for mismatch in report.mismatches}
    assert "z[1].imag" in places
    if slip in ("one entry", "one percent"):
        assert places == {"z[1].real", "z[1].imag"}


@pytest.mark.parametrize("factor", [1, -1])
def test_a_tree_of_a_complex_and_a_real_leaf(xp: Library, factor: int) -> None:
    x0 = {"z": array(xp, VALUES), "r": xp.asarray([0.5, 1.5])}

    def func(p: Any) -> Any:
        return real_func(xp)(p["z"]) * xp.sum(p["r"] ** 2)

    def grad(p: Any) -> Any:
        z = in_convention(own(xp), xp, ascent(xp)(p["z"])) * xp.sum(p["r"] ** 2)
        return {"z": factor * z, "r": 2 * p["r"] * real_func(xp)(p["z"])}

    for direction in ("all", 2, {"z": array(xp, [1j, 0, 2.0]), "r": xp.asarray([1.0, 0.0])}):
        report = verify_grad(func, grad, x0, direction=direction)
        assert_verdict(report, CORRECT if factor == 1 else WRONG)
        if factor == -1 and direction == "all":
            places = {mismatch.where for mismatch in report.mismatches}
            assert places <= {f"p['z'][{i}].{part}" for i in range(3) for part in ("real", "imag")}
            assert "p['z'][1].imag" in places


def test_along_random_and_given_complex_tangents(xp: Library) -> None:
    x0 = array(xp, VALUES)
    right = lambda z: in_convention(own(xp), xp, ascent(xp)(z))  # noqa: E731
    tangents = [array(xp, values) for values in ([1, 0, 0], [1j, 0, 0], [1 + 2j, -0.5, 3j])]
    for direction in ("random", 3, *tangents):
        report = verify_grad(real_func(xp), right, x0, direction=direction)
        assert_verdict(report, CORRECT)
        wrong = verify_grad(real_func(xp), lambda z: -right(z), x0, direction=direction)
        assert_verdict(wrong, WRONG)
    # A conjugate too many is not seen along a real tangent, and is along an imaginary one.
    conjugate = lambda z: xp.conj(right(z))  # noqa: E731
    report = verify_grad(real_func(xp), conjugate, x0, direction=tangents[0])
    assert_verdict(report, CORRECT)
    report = verify_grad(real_func(xp), conjugate, x0, direction=tangents[1])
    assert_verdict(report, WRONG)


def test_a_real_claim_at_complex_x0_has_no_imaginary_part(xp: Library) -> None:
    func = lambda z: xp.sum(xp.real(z) ** 2)  # noqa: E731
    x0 = array(xp, VALUES)
    assert_verdict(verify_grad(func, lambda z: 2 * xp.real(z), x0), CORRECT)
    assert_verdict(verify_grad(func, lambda z: 2 * z, x0), WRONG)


def test_the_users_complex_array_is_never_changed(xp: Library) -> None:
    x0 = array(xp, VALUES)
    before = np.asarray(x0).tobytes()

    def func(z: Any) -> Any:
        value = real_func(xp)(z)
        if xp.writable:
            z[...] = 99.0
        return value

    right = lambda z: in_convention(own(xp), xp, ascent(xp)(z))  # noqa: E731
    assert_verdict(verify_grad(func, right, x0), CORRECT)
    assert np.asarray(x0).tobytes() == before


# What is refused


def test_a_complex_claim_at_real_x0_is_refused(xp: Library) -> None:
    x0 = xp.asarray([0.3, 1.2])
    func = lambda x: xp.sum(x**2)  # noqa: E731
    with pytest.raises(TypeError, match=r"grad returned complex numbers.* where x0 is real"):
        verify_grad(func, lambda x: 2 * x + 0j, x0)
    for verify in (verify_jac, verify_jvp, verify_vjp):
        with pytest.raises(TypeError, match="complex"):
            verify(lambda x: x**2, lambda x, *vectors: 2 * x + 0j, xp.asarray([0.3]))


def test_a_complex_func_has_no_gradient(xp: Library) -> None:
    with pytest.raises(TypeError, match="complex"):
        verify_grad(lambda z: xp.sum(z**2), lambda z: 2 * z, array(xp, VALUES))
    with pytest.raises(TypeError, match="complex"):
        verify_grad(lambda x: xp.sum(x) * (1 + 0j), lambda x: x, xp.asarray([0.3, 1.2]))


def test_check_grad_still_refuses_complex_x0(xp: Library) -> None:
    with pytest.raises(TypeError, match="complex"):
        check_grad(real_func(xp), ascent(xp), array(xp, VALUES))


@pytest.mark.parametrize("value", [complex(math.nan, 0), complex(0, math.inf)])
def test_x0_that_is_not_finite_is_refused(xp: Library, value: complex) -> None:
    with pytest.raises(ValueError, match="finite"):
        verify_grad(real_func(xp), ascent(xp), array(xp, [1j, value]))


def test_a_complex_func_that_is_not_finite_is_refused(xp: Library) -> None:
    broken = array(xp, [0, complex(0, math.nan)])
    with pytest.raises(ValueError, match=r"func\(x0\)\[1\]\.\w+ is nan"):
        verify_jac(lambda z: z + broken, lambda z: z, array(xp, [1j, 2.0]))


# Complex functions


def holomorphic(xp: Library) -> Function:
    return lambda z: xp.stack([z[0] ** 2 * z[1], xp.exp(z[2]) + 1j * z[0]])


def slopes(xp: Library, z: Any) -> Any:
    zero = 0 * z[0]
    rows = [[2 * z[0] * z[1], z[0] ** 2, zero], [zero + 1j, zero, xp.exp(z[2])]]
    return xp.stack([xp.stack(row) for row in rows])


@pytest.mark.parametrize("convention", [None, "jax", "torch"])
def test_the_jacobian_of_a_holomorphic_func(xp: Library, convention: str | None) -> None:
    """``df = J dz`` in every convention."""
    for dtype in complexes(xp):
        x0 = array(xp, VALUES, dtype)
        for direction in ("all", 2):
            options = {"convention": convention, "direction": direction}
            right = verify_jac(holomorphic(xp), lambda z: slopes(xp, z), x0, **options)
            assert_verdict(right, CORRECT)
            wrong = verify_jac(holomorphic(xp), lambda z: xp.conj(slopes(xp, z)), x0, **options)
            assert_verdict(wrong, WRONG)
            if direction == "all":
                assert "conjugate" in " ".join(wrong.hints)
    report = verify_jac(holomorphic(xp), lambda z: -slopes(xp, z), x0)
    places = {mismatch.where for mismatch in report.mismatches}
    assert "d func[0].imag / d z[1].imag" in places


def test_the_jvp_of_a_holomorphic_func(xp: Library) -> None:
    def jvp(z: Any, t: Any) -> Any:
        return xp.sum(slopes(xp, z) * t, axis=1)

    x0 = array(xp, VALUES)
    for direction in ("all", 2, array(xp, [1j, 0.5, 1 - 1j])):
        assert_verdict(verify_jvp(holomorphic(xp), jvp, x0, direction=direction), CORRECT)
        for wrong in (
            lambda z, t: jvp(z, xp.conj(t)),
            lambda z, t: xp.conj(jvp(z, t)),
            lambda z, t: jvp(z, xp.real(t) + 0j),
            lambda z, t: -jvp(z, t),
        ):
            report = verify_jvp(holomorphic(xp), wrong, x0, direction=direction)
            assert_verdict(report, WRONG)


@pytest.mark.parametrize("of", ["the Jacobian", "the product"])
def test_a_forgotten_conjugate_in_a_jvp_is_named(xp: Library, of: str) -> None:
    def wrong(z: Any, t: Any) -> Any:
        if of == "the Jacobian":
            return xp.sum(xp.conj(slopes(xp, z)) * t, axis=1)
        return xp.conj(xp.sum(slopes(xp, z) * t, axis=1))

    report = verify_jvp(holomorphic(xp), wrong, array(xp, VALUES))
    assert "conjugate" in " ".join(report.hints)


def vjp_of(xp: Library, convention: str) -> Function:
    """The cotangent times J for JAX, times the conjugate of J for PyTorch."""

    def vjp(z: Any, c: Any) -> Any:
        matrix = slopes(xp, z)
        matrix = matrix if convention == "jax" else xp.conj(matrix)
        return xp.sum(matrix * c[:, None], axis=0)

    return vjp


@pytest.mark.parametrize("convention", [None, "jax", "torch"])
@pytest.mark.parametrize("claimed", ["jax", "torch"])
def test_the_vjp_of_a_holomorphic_func(xp: Library, convention: str | None, claimed: str) -> None:
    wanted = CORRECT if claimed == (convention or own(xp)) else WRONG
    x0 = array(xp, VALUES)
    for direction in ("all", 2, array(xp, [1j, 0.5 - 2j])):
        report = verify_vjp(
            holomorphic(xp), vjp_of(xp, claimed), x0, direction=direction, convention=convention
        )
        assert_verdict(report, wanted)
        if wanted is WRONG and isinstance(direction, str):
            assert "conjugate" in " ".join(report.hints)


# Of PyTorch, by what it imports itself.
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("kind", ["holomorphic", "mixed"])
def test_products_are_those_of_the_librarys_own_differentiation(xp: Library, kind: str) -> None:
    mixed = lambda z: xp.stack([z[0] * xp.conj(z[1]), xp.real(z[2]) * z[0]])  # noqa: E731
    func = holomorphic(xp) if kind == "holomorphic" else mixed
    if xp.name == "jax":
        jax = pytest.importorskip("jax")
        vjp = lambda z, c: jax.vjp(func, z)[1](c)[0]  # noqa: E731
        jvp = lambda z, t: jax.jvp(func, (z,), (t,))[1]  # noqa: E731
    elif xp.name == "torch":
        torch = pytest.importorskip("torch")

        def vjp(z: Any, c: Any) -> Any:
            z = z.detach().requires_grad_()
            return torch.autograd.grad(func(z), z, c)[0]

        jvp = lambda z, t: torch.func.jvp(func, (z,), (t,))[1]  # noqa: E731
    else:
        pytest.skip("NumPy differentiates nothing")
    for dtype in complexes(xp):
        x0 = array(xp, VALUES, dtype)
        assert_verdict(verify_vjp(func, vjp, x0), CORRECT)
        assert_verdict(verify_jvp(func, jvp, x0), CORRECT)
        wrong = verify_vjp(func, lambda z, c: xp.conj(vjp(z, xp.conj(c))), x0)
        assert_verdict(wrong, WRONG)


def test_a_func_that_is_not_holomorphic_has_a_jvp(xp: Library) -> None:
    func = lambda z: z * xp.conj(z) + xp.conj(z)  # noqa: E731
    right = lambda z, t: t * xp.conj(z) + z * xp.conj(t) + xp.conj(t)  # noqa: E731
    x0 = array(xp, VALUES)
    for direction in ("all", 2):
        assert_verdict(verify_jvp(func, right, x0, direction=direction), CORRECT)
        wrong = lambda z, t: t * xp.conj(z) + z * t + t  # noqa: E731
        assert_verdict(verify_jvp(func, wrong, x0, direction=direction), WRONG)


def test_a_real_func_of_complex_numbers(xp: Library) -> None:
    """As many outputs as inputs: its rows are gradients in the library's convention."""
    func = lambda z: xp.real(z) ** 2 * xp.imag(z)  # noqa: E731

    def along(z: Any, t: Any) -> Any:
        a, b = xp.real(z), xp.imag(z)
        return 2 * a * b * xp.real(t) + a**2 * xp.imag(t)

    def rows(z: Any) -> Any:
        a, b = xp.real(z), xp.imag(z)
        return in_convention(own(xp), xp, 2 * a * b + 1j * a**2)

    same = array(xp, np.eye(3).tolist())
    x0 = array(xp, VALUES)
    for factor, wanted in ((1, CORRECT), (-1, WRONG)):
        reports = [
            verify_jac(func, lambda z, f=factor: f * same * rows(z), x0),
            verify_jvp(func, lambda z, t, f=factor: f * along(z, t), x0),
            verify_vjp(func, lambda z, c, f=factor: f * c * rows(z), x0),
        ]
        for report in reports:
            assert_verdict(report, wanted)
            if wanted is WRONG:
                places = {mismatch.where for mismatch in report.mismatches}
                assert "d func[1] / d z[1].imag" in places


def test_a_complex_func_of_real_numbers(xp: Library) -> None:
    func = lambda x: xp.exp(1j * x) * x  # noqa: E731
    rows = lambda x: xp.exp(1j * x) * (1 + 1j * x)  # noqa: E731
    x0 = xp.asarray([0.3, 1.2, -2.0])
    same = array(xp, np.eye(3).tolist())

    def vjp(x: Any, c: Any) -> Any:
        weight = c if own(xp) == "jax" else xp.conj(c)
        return xp.real(weight * rows(x))

    for factor, wanted in ((1, CORRECT), (1.01, WRONG)):
        reports = [
            verify_jac(func, lambda x, f=factor: f * same * rows(x), x0),
            verify_jvp(func, lambda x, t, f=factor: f * rows(x) * t, x0),
            verify_vjp(func, lambda x, c, f=factor: f * vjp(x, c), x0),
        ]
        for report in reports:
            assert_verdict(report, wanted)
            if wanted is WRONG:
                assert "d func[1].imag / d x[1]" in {m.where for m in report.mismatches}
    report = verify_jac(func, lambda x: xp.conj(same * rows(x)), x0)
    assert_verdict(report, WRONG)
    assert "conjugate" in " ".join(report.hints)


@pytest.mark.parametrize("factor", [1, -1])
def test_outputs_and_inputs_in_trees_some_of_them_complex(xp: Library, factor: int) -> None:
    x0 = {"z": array(xp, VALUES), "r": xp.asarray([0.5, 1.5, -0.7])}

    def func(p: Any) -> Any:
        return {"y": p["z"] ** 2 * p["r"], "n": p["r"] ** 2}

    def jvp(p: Any, t: Any) -> Any:
        y = 2 * p["z"] * p["r"] * t["z"] + factor * p["z"] ** 2 * t["r"]
        return {"y": y, "n": 2 * p["r"] * t["r"]}

    def vjp(p: Any, c: Any) -> Any:
        by_z, by_r = 2 * p["z"] * p["r"], p["z"] ** 2
        if own(xp) == "torch":
            by_z, by_r = xp.conj(by_z), xp.conj(by_r)
        return {"z": by_z * c["y"], "r": factor * xp.real(by_r * c["y"]) + 2 * p["r"] * c["n"]}

    def jac(p: Any) -> Any:
        same = array(xp, np.eye(3).tolist())
        of_y = {"z": same * 2 * p["z"] * p["r"], "r": factor * same * p["z"] ** 2}
        return {"y": of_y, "n": {"z": 0 * same, "r": xp.real(2 * same * p["r"])}}

    for verify, claim in ((verify_jac, jac), (verify_jvp, jvp), (verify_vjp, vjp)):
        report = verify(func, claim, x0)
        assert_verdict(report, CORRECT if factor == 1 else WRONG)
        if factor == -1:
            places = {mismatch.where for mismatch in report.mismatches}
            assert "d func['y'][1].imag / d p['r'][1]" in places
