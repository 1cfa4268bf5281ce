"""What wrong claims look like, as arrays of the user's. tests/report/hints has the slips."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.pipeline import examine
from checkgrad.problem import Options, Problem
from checkgrad.report.slips import slips

X0 = np.asarray([0.3, 1.1, -0.7])
ELSEWHERE = "to see where the claim is wrong, pass direction='all', or a tangent of one array"


def looks_like(form, func, claim, x0=X0, **options):
    return list(slips(examine(Problem(form, func, claim, x0, (), Options(**options)))))


def smooth(x):
    return np.sum(np.sin(x))


def sines(x):
    return np.stack([np.sum(np.sin(x)), np.sum(np.cos(2 * x))])


def rows(x):
    return np.stack([np.cos(x), -2 * np.sin(2 * x)])


def test_right_claims_look_like_nothing():
    assert looks_like("grad", smooth, np.cos) == []
    assert looks_like("jac", sines, rows) == []


def test_a_gradient_is_named_as_the_user_calls_x0():
    (hint,) = looks_like("grad", lambda weights: smooth(weights), lambda x: -np.cos(x))
    assert "negat" in hint or "sign" in hint
    x0 = {"a": X0, "b": X0 + 1}
    hints = looks_like(
        "grad",
        lambda p: smooth(p["a"]) + smooth(p["b"]),
        lambda p: {"a": np.cos(p["a"]), "b": -np.cos(p["b"])},
        x0,
    )
    assert any("['b']" in hint for hint in hints)
    assert not any("['a']" in hint for hint in hints)


@pytest.mark.parametrize(
    ("form", "claim", "vector"),
    [
        ("jvp", lambda x, v: rows(x) @ np.abs(v), "tangent"),
        ("vjp", lambda x, c: np.abs(c) @ rows(x), "cotangent"),
    ],
)
def test_a_claim_that_is_not_linear(form, claim, vector):
    (hint,) = looks_like(form, sines, claim)
    assert hint == (
        f"the claim is right for every single {vector} along an axis and wrong for a random one: "
        f"it is not linear in its {vector}"
    )


@pytest.mark.parametrize(
    ("form", "claim", "vector"),
    [
        ("jvp", lambda x, v: rows(x) @ np.ones(3), "tangent"),
        ("vjp", lambda x, c: np.ones(2) @ rows(x), "cotangent"),
    ],
)
def test_a_claim_that_ignores_its_vector(form, claim, vector):
    hints = looks_like(form, sines, claim)
    assert f"{form} returns the same for every {vector}: is it ignored?" in hints


@pytest.mark.parametrize(("own", "other"), [("jax", "torch"), ("torch", "jax")])
def test_a_gradient_in_the_other_convention(own, other):
    z0 = np.asarray([1 + 2j, 0.5 - 1j])

    def modulus(z):
        return np.sum(np.abs(z) ** 2)

    def claim(z):
        return 2 * np.conj(z) if own == "jax" else 2 * z

    assert looks_like("grad", modulus, claim, z0, convention=own) == []
    (hint,) = looks_like("grad", modulus, claim, z0, convention=other)
    assert hint.startswith("claim is the complex conjugate of the estimate: it follows the conv")
    assert f"convention='{own}'" in hint


def test_a_jacobian_with_a_conjugate_too_many():
    z0 = np.asarray([1 + 2j, 0.5 - 1j])
    (hint,) = looks_like("jac", lambda z: z**2, lambda z: np.diag(2 * np.conj(z)), z0)
    assert hint.startswith("claim is the complex conjugate of the estimate")


def test_along_tangents_a_constant_factor_shows():
    hints = looks_like("grad", smooth, lambda x: 3 * np.cos(x), direction=4)
    assert hints == [
        "claim is 3 times the estimate along every tangent: a constant factor",
        ELSEWHERE,
    ]
    hints = looks_like("grad", smooth, lambda x: [1, 2, 3] * np.cos(x), direction=4)
    assert hints == [ELSEWHERE]


def test_along_a_cotangent_all_coordinates_of_its_gradient_are_looked_at():
    cotangent = np.asarray([1.0, 2.0])
    (hint,) = looks_like("vjp", sines, lambda x, c: -(c @ rows(x)), direction=cotangent)
    assert "negat" in hint or "sign" in hint


@pytest.mark.parametrize("direction", ["all", "random", 4])
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_vjp_that_ignores_its_cotangent(outputs, direction):
    def func(x):
        return smooth(x) if outputs == 1 else sines(x)

    found = looks_like("vjp", func, lambda x, w: np.cos(x), direction=direction)
    assert found == ["vjp returns the same for every cotangent: is it ignored?"]


def test_a_jvp_of_one_number_that_ignores_its_tangent():
    found = looks_like("jvp", lambda x: x**2, lambda x, v: 2 * x, np.asarray(1.5))
    assert found == ["jvp returns the same for every tangent: is it ignored?"]


def test_a_vjp_that_is_not_linear_is_not_taken_for_one_that_ignores():
    (hint,) = looks_like("vjp", smooth, lambda x, w: np.cos(x) * abs(w))
    assert "not linear in its cotangent" in hint
