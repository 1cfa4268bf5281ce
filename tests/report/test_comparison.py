"""Claim, estimate, uncertainty and decisions as arrays or trees like x0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from report_cases import VALUES, func, grad, incomplete, made, undetermined

from checkgrad import Verdict, verify_grad, verify_jac, verify_jvp, verify_vjp

X0 = {"w": np.asarray([[1.0, 2.0], [3.0, 4.0]]), "b": [np.asarray(0.5), 2.0]}
PARTS = ("claim", "estimate", "uncertainty", "decisions")


def loss(p: Any) -> Any:
    return np.sum(p["w"] ** 2) * p["b"][0] + p["b"][1]


def loss_grad(p: Any) -> Any:
    return {"w": 2 * p["w"] * p["b"][0], "b": [np.sum(p["w"] ** 2), 3.0]}


@pytest.mark.numpy
def test_an_array_is_an_array_also_where_all_is_correct() -> None:
    report = verify_grad(func, grad, VALUES)
    assert report
    np.testing.assert_array_equal(report.claim, grad(VALUES))
    np.testing.assert_allclose(report.estimate, grad(VALUES), rtol=1e-5)
    assert np.all(report.uncertainty <= 1e-5 * np.max(np.abs(report.claim)))
    assert report.decisions.tolist() == ["correct"] * 4
    assert all(isinstance(getattr(report, part), np.ndarray) for part in PARTS)


@pytest.mark.numpy
def test_a_tree_is_a_tree_of_arrays() -> None:
    report = verify_grad(loss, loss_grad, X0)
    np.testing.assert_array_equal(report.claim["w"], X0["w"])
    np.testing.assert_allclose(report.estimate["b"][0], 30.0, rtol=1e-5)
    assert report.decisions["w"].tolist() == [["correct"] * 2] * 2
    assert report.decisions["b"][1].shape == ()
    assert report.decisions["b"][1] == "wrong"
    for part in PARTS:
        assert isinstance(getattr(report, part)["b"], list)


@pytest.mark.numpy
def test_there_are_more_than_the_listed_mismatches() -> None:
    x0 = np.linspace(1.0, 2.0, 300)
    report = verify_grad(lambda x: np.sum(x**2), lambda x: 3 * x, x0)
    assert len(report.mismatches) <= 100
    np.testing.assert_array_equal(report.claim, 3 * x0)
    assert report.decisions.shape == (300,)
    assert np.sum(report.decisions == "wrong") == report.n_wrong


@pytest.mark.numpy
def test_what_a_user_gets_is_a_copy() -> None:
    report = verify_grad(func, grad, VALUES)
    report.claim[0] = 7.0
    assert report.claim[0] == grad(VALUES)[0]


@pytest.mark.numpy
def test_at_a_kink_the_estimate_is_the_valid_derivative_that_is_nearest() -> None:
    report = verify_grad(lambda x: np.sum(np.abs(x)), lambda x: [0.5, 3.0], np.asarray([0.0, 0.0]))
    np.testing.assert_allclose(report.estimate, [0.5, 1.0])
    assert report.decisions.tolist() == ["correct", "wrong"]


@pytest.mark.numpy
def test_a_jacobian_has_the_shapes_of_func_and_of_x0() -> None:
    x0 = np.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

    def jac(x: Any) -> Any:
        claim = np.einsum("ik,jl->ijkl", np.eye(2), np.eye(3)) * 2 * x
        claim[1, 2, 0, 0] = 9.0
        return claim

    report = verify_jac(lambda x: x**2, jac, x0)
    np.testing.assert_array_equal(report.claim, jac(x0))
    assert report.decisions[1, 2, 0, 0] == "wrong"
    assert np.sum(report.decisions == "wrong") == 1
    assert report.mismatches[0].where == "d func[1, 2] / d x[0, 0]"


@pytest.mark.numpy
def test_a_jacobian_of_trees_has_a_tree_in_the_place_of_each_array() -> None:
    def outputs(p: Any) -> Any:
        return {"s": p["b"] * np.sum(p["w"]), "t": p["w"][0]}

    def jac(p: Any) -> Any:
        eye = np.zeros((2, 2, 2))
        eye[[0, 1], 0, [0, 1]] = 1.0
        return {
            "s": {"w": np.full((2, 2), p["b"]), "b": np.sum(p["w"])},
            "t": {"w": eye, "b": np.zeros(2)},
        }

    report = verify_jac(outputs, jac, {"w": X0["w"], "b": np.asarray(0.5)})
    assert report
    assert report.claim["s"]["w"].shape == (2, 2)
    assert report.estimate["t"]["w"].shape == (2, 2, 2)
    np.testing.assert_array_equal(report.claim["s"]["b"], 10.0)
    assert report.decisions["t"]["b"].tolist() == ["correct", "correct"]


@pytest.mark.numpy
@pytest.mark.parametrize("form", ["jvp", "vjp"])
def test_products_with_a_jacobian_have_its_shape_along_the_coordinates(form: str) -> None:
    matrix = np.arange(6.0).reshape(2, 3) + 1
    if form == "jvp":
        report = verify_jvp(lambda x: matrix @ x, lambda x, v: matrix @ v, np.ones(3))
    else:
        report = verify_vjp(lambda x: matrix @ x, lambda x, w: w @ matrix, np.ones(3))
    assert report
    np.testing.assert_allclose(report.claim, matrix)
    np.testing.assert_allclose(report.estimate, matrix, rtol=1e-5)


@pytest.mark.numpy
def test_a_cotangent_of_the_users_gives_a_gradient() -> None:
    report = verify_vjp(
        lambda x: x**2, lambda x, w: 2 * x * w, VALUES, direction=np.asarray([1.0, 2.0, 3.0, 4.0])
    )
    np.testing.assert_array_equal(report.claim, 2 * VALUES * [1.0, 2.0, 3.0, 4.0])


@pytest.mark.numpy
def test_along_tangents_there_is_a_number_for_each() -> None:
    x0 = np.linspace(1.0, 2.0, 5000)
    report = verify_grad(lambda x: np.sum(x**2), lambda x: 2 * x, x0)
    assert report.direction == "10 random tangents"
    for part in PARTS:
        assert getattr(report, part).shape == (10,)
    assert all(each.claim.size == 10 for each in report.comparisons)
    report = verify_jac(lambda x: x[:3] ** 2, lambda x: np.diag(2 * x), np.ones(3), direction=2)
    assert report.claim.shape == (3, 2)


@pytest.mark.numpy
def test_complex_entries_are_complex_and_follow_the_convention() -> None:
    x0 = np.asarray([1.0 + 2.0j, 0.5 - 1.0j])

    def energy(z: Any) -> Any:
        return np.sum(np.abs(z) ** 2)

    for convention, right in (("jax", lambda z: 2 * np.conj(z)), ("torch", lambda z: 2 * z)):
        report = verify_grad(energy, right, x0, convention=convention)
        assert report, str(report)
        np.testing.assert_array_equal(report.claim, right(x0))
        np.testing.assert_allclose(report.estimate, right(x0), rtol=1e-5)
        assert report.uncertainty.shape == report.decisions.shape == (2,)
        assert np.all(report.uncertainty.imag >= 0)


@pytest.mark.numpy
def test_a_complex_entry_is_wrong_if_one_of_its_parts_is() -> None:
    report = verify_grad(
        lambda z: np.sum(np.abs(z) ** 2),
        lambda z: 2 * np.conj(z) + np.asarray([0.5, 0.0, 0.5j]),
        np.asarray([1.0 + 2.0j, 0.5 - 1.0j, 1.0 + 1.0j]),
    )
    assert report.decisions.tolist() == ["wrong", "correct", "wrong"]


@pytest.mark.numpy
def test_what_is_not_differentiated_is_none() -> None:
    x0 = {"n": np.asarray([1, 2]), "x": np.asarray([1.5, 2.5])}
    report = verify_grad(lambda p: np.sum(p["x"] ** 2), lambda p: {"n": 0, "x": 2 * p["x"]}, x0)
    assert report.claim["n"] is None
    assert report.claim["x"].tolist() == [3.0, 5.0]


@pytest.mark.numpy
def test_where_nothing_was_compared_there_is_none() -> None:
    for report in (undetermined(), made(Verdict.CORRECT)):
        assert all(getattr(report, part) is None for part in PARTS)


@pytest.mark.numpy
def test_what_was_not_reached_is_inconclusive() -> None:
    report = incomplete()
    assert report.decisions.tolist() == ["inconclusive"] * 4
    assert report.claim.shape == (4,)


@pytest.mark.numpy
def test_relative_errors_of_zeros_and_of_what_is_not_finite() -> None:
    report = verify_grad(
        lambda x: np.sum(x[1:] ** 2),
        lambda x: np.asarray([0.0, np.nan, 2 * x[2]]),
        np.asarray([1.0, 1.0, 3.0]),
    )
    (comparison,) = report.comparisons
    errors = comparison.relative_error[0]
    assert errors[0] == 0.0
    assert errors[1] == np.inf
    assert errors[2] < 1e-5


@pytest.mark.one_setting
def test_arrays_of_every_library_come_as_numpy_arrays(xp: Any) -> None:
    x0 = {"a": xp.asarray([1.0, 2.0]), "b": (xp.asarray(3.0),)}
    report = verify_grad(
        lambda p: xp.sum(p["a"] ** 2) * p["b"][0],
        lambda p: {"a": 2 * p["a"] * p["b"][0], "b": (xp.sum(p["a"]),)},
        x0,
    )
    for part in PARTS:
        tree = getattr(report, part)
        assert type(tree["a"]) is np.ndarray
        assert type(tree["b"][0]) is np.ndarray
    np.testing.assert_allclose(report.claim["a"], [6.0, 12.0])
    assert report.decisions["b"][0] == "wrong"
