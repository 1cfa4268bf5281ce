"""What a report says of a check: the numbers, the places, the slips, and what to change."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from report_cases import VALUES, Function, func, grad, inconclusive, put, undetermined

from checkgrad import Verdict, verify_grad

pytestmark = pytest.mark.numpy


def test_errors_are_2_norms() -> None:
    report = verify_grad(func, lambda x: grad(x) + np.asarray([3.0, 0, -4.0, 0]), VALUES)
    assert report.error == pytest.approx(5.0, rel=1e-6)
    size = max(np.linalg.norm(grad(VALUES)), np.linalg.norm(grad(VALUES) + [3.0, 0, -4.0, 0]))
    assert report.relative_error == pytest.approx(5.0 / size, rel=1e-6)


def test_the_noise_is_in_units_of_func() -> None:
    for factor in (1.0, 2.0**40):
        rough = verify_grad(
            lambda x, f=factor: f * float(np.float32(func(x))),
            lambda x, f=factor: f * grad(x),
            VALUES,
        )
        size = factor * func(VALUES)
        assert 1e-9 * size < rough.noise < 1e-6 * size


def test_one_coordinate_is_no_plural() -> None:
    report = verify_grad(func, grad, np.asarray([0.5]))
    assert "coordinates" not in str(report)


def test_mismatches_come_worst_first() -> None:
    factors = np.asarray([1.01, 1.0, 3.0, 1.1])
    report = verify_grad(func, lambda x: grad(x) * factors, VALUES)
    assert [mismatch.where for mismatch in report.mismatches] == ["x[3]", "x[2]", "x[0]"]
    lines = [line.split()[0] for line in str(report).splitlines()[1:4]]
    assert lines == ["x[3]", "x[2]", "x[0]"]


def test_mismatches_that_are_as_far_off_come_in_the_order_of_their_places() -> None:
    """Whatever rounding makes of equal errors: a report must not change with the machine."""

    def shifted(x: Any) -> Any:
        return (np.sin(x) + np.cos(x)) * np.exp(x) + 0.1

    x0 = np.linspace(0.5, 2, 12)
    report = verify_grad(lambda x: np.sum(np.sin(x) * np.exp(x)), shifted, x0)
    assert [mismatch.where for mismatch in report.mismatches] == [f"x[{k}]" for k in range(12)]


def test_a_mismatch_has_claim_estimate_and_uncertainty() -> None:
    (mismatch,) = verify_grad(func, put(2, 7.5), VALUES).mismatches
    assert mismatch.where == "x[2]"
    assert mismatch.claim == 7.5
    assert abs(mismatch.estimate - grad(VALUES)[2]) <= mismatch.uncertainty < 1e-8
    assert mismatch.wrong
    assert "7.5" in str(verify_grad(func, put(2, 7.5), VALUES))


def test_places_are_named_as_the_user_wrote_them() -> None:
    def loss(params: Any) -> Any:
        return np.sum(params["weight"] ** 2) + np.sum(params["bias"] ** 3)

    def claim(params: Any) -> Any:
        bias = 3 * params["bias"] ** 2
        bias[3] *= 1.5
        return {"weight": 2 * params["weight"], "bias": bias}

    x0 = {"weight": np.ones((2, 3)), "bias": np.arange(1.0, 6.0)}
    report = verify_grad(loss, claim, x0)
    assert [mismatch.where for mismatch in report.mismatches] == ["params['bias'][3]"]
    assert "params['bias'][3]" in str(report)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda theta: np.sum(theta**2), "theta"),
        (lambda theta, scale=1.0: np.sum(theta**2) * scale, "theta"),
        (lambda *args: np.sum(args[0] ** 2), "x"),
        (np.linalg.norm, "x"),
    ],
)
def test_the_first_parameter_of_func_names_x0(function: Function, name: str) -> None:
    report = verify_grad(function, lambda x: 9 * x, np.asarray([1.0, 2.0]))
    assert {mismatch.where for mismatch in report.mismatches} == {f"{name}[0]", f"{name}[1]"}


def test_a_method_or_an_object_names_x0_too() -> None:
    class Model:
        def loss(self, weights: Any) -> Any:
            return np.sum(weights**2)

        def __call__(self, weights: Any) -> Any:
            return self.loss(weights)

    for function in (Model().loss, Model()):
        report = verify_grad(function, lambda w: 9 * w, np.ones(1))
        assert report.mismatches[0].where == "weights[0]"


def test_a_number_has_no_index() -> None:
    report = verify_grad(lambda t: t**2, lambda t: 3 * t, 1.5)
    assert report.mismatches[0].where == "t"


def test_many_mismatches_are_not_all_shown() -> None:
    x0 = np.linspace(0, 1, 1000)
    report = verify_grad(lambda x: np.sum(np.exp(x)), lambda x: -np.exp(x), x0)
    assert report.n_wrong > 100
    assert len(report.mismatches) <= 100
    assert len(str(report).splitlines()) < 20
    assert f"... and {report.n_wrong - 8} more" in str(report)
    assert f"{report.n_unresolved} not looked at as closely" in str(report)


def hints(function: Function, claim: Function, x0: Any) -> str:
    report = verify_grad(function, claim, x0)
    assert report.verdict is Verdict.WRONG, str(report)
    found = "\n".join(report.hints)
    assert found in str(report).replace("  * ", "")
    return found


def test_a_flipped_sign_is_recognised() -> None:
    assert "flipped sign" in hints(func, lambda x: -grad(x), VALUES)


def test_a_factor_of_two_is_recognised() -> None:
    assert "claim is 2 times the estimate" in hints(func, lambda x: 2 * grad(x), VALUES)
    assert "1/2" in hints(func, lambda x: grad(x) / 2, VALUES)


def test_a_factor_of_the_number_of_entries_is_recognised() -> None:
    x0 = np.linspace(0.5, 2, 7)
    assert "1/7" in hints(lambda x: np.sum(np.exp(x)), lambda x: np.exp(x) / 7, x0)
    assert "7" in hints(lambda x: np.mean(np.exp(x)), np.exp, x0)


def test_any_other_constant_factor_is_named() -> None:
    assert "1.37" in hints(func, lambda x: 1.37 * grad(x), VALUES)


def test_a_missing_entry_is_recognised() -> None:
    found = hints(func, put(2, 0.0), VALUES)
    assert "x[2]" in found
    assert "missing" in found


def test_swapped_entries_are_recognised() -> None:
    found = hints(func, lambda x: grad(x)[[0, 2, 1, 3]], VALUES)
    assert "swap" in found
    assert "x[1]" in found
    assert "x[2]" in found


def test_shifted_entries_are_recognised() -> None:
    assert "rolled by 1" in hints(func, lambda x: np.roll(grad(x), 1), np.linspace(0.5, 2, 6))


def test_a_transposed_matrix_is_recognised() -> None:
    weights = np.arange(1.0, 10.0).reshape(3, 3) ** 1.5
    found = hints(lambda x: np.sum(weights * x**2), lambda x: 2 * (weights * x).T, np.ones((3, 3)))
    assert "transpose" in found


def two_leaves(p: Any) -> Any:
    return np.sum(np.exp(p["a"])) + np.sum(np.sin(p["b"]))


def slopes_of_two_leaves(p: Any) -> dict[str, Any]:
    return {"a": np.exp(p["a"]), "b": np.cos(p["b"])}


TWO = {"a": np.asarray([0.1, 0.7, -0.4]), "b": np.asarray([0.3, -1.0, 2.0])}


def test_the_derivative_of_another_leaf_is_recognised() -> None:
    def exchanged(p: Any) -> Any:
        right = slopes_of_two_leaves(p)
        return {"a": right["b"], "b": right["a"]}

    found = hints(two_leaves, exchanged, TWO)
    assert "p['a']" in found
    assert "p['b']" in found


def test_a_missing_leaf_is_recognised() -> None:
    found = hints(two_leaves, lambda p: {**slopes_of_two_leaves(p), "b": 0 * p["b"]}, TWO)
    assert "p['b']" in found
    assert "p['a']" not in found


def test_a_flipped_leaf_is_recognised() -> None:
    def flipped(p: Any) -> Any:
        right = slopes_of_two_leaves(p)
        return {**right, "b": -right["b"]}

    found = hints(two_leaves, flipped, TWO)
    assert "p['b']" in found
    assert "sign" in found


def test_a_claim_that_is_not_finite_is_named() -> None:
    found = hints(func, put(1, math.nan), VALUES)
    assert "not finite" in found
    assert "x[1]" in found
    first = str(verify_grad(func, put(1, math.nan), VALUES)).splitlines()[0]
    assert first.startswith("wrong: the claim is not finite, at 1 of")


def test_random_errors_look_like_nothing() -> None:
    noise = np.random.default_rng(0).normal(size=4)
    report = verify_grad(func, lambda x: grad(x) * (1 + 0.3 * noise), VALUES)
    assert report.verdict is Verdict.WRONG
    assert report.hints == ()


def test_along_tangents_a_constant_factor_is_recognised_and_the_way_on_shown() -> None:
    report = verify_grad(func, lambda x: 2 * grad(x), VALUES, direction=3)
    assert report.verdict is Verdict.WRONG
    found = " ".join(report.hints)
    assert "2 times the estimate" in found
    assert "direction='all'" in found
    assert [mismatch.where for mismatch in report.mismatches] != []
    assert all(mismatch.where.startswith("tangent") for mismatch in report.mismatches)


def test_a_kink_is_named() -> None:
    report = verify_grad(lambda x: np.sum(np.abs(x)), lambda x: 0.3 + 0 * x, np.zeros(1))
    assert report
    assert "kink at x[0]" in " ".join(report.hints)


@pytest.mark.parametrize(("claim", "nearest"), [(2.0, 1.0), (-3.0, -1.0)])
def test_a_kink_is_named_where_the_claim_is_outside_of_it(claim: float, nearest: float) -> None:
    report = verify_grad(lambda x: np.sum(np.abs(x)), lambda x: claim + 0 * x, np.zeros(1))
    assert report.verdict is Verdict.WRONG
    assert report.mismatches[0].estimate == pytest.approx(nearest)
    assert "kink at x[0]: every claim from -1 to 1 is a subgradient" in " ".join(report.hints)


def test_a_coarser_dtype_inside_is_named() -> None:
    report = verify_grad(
        lambda x: float(np.sum(np.exp(np.float32(x)))), lambda x: -np.exp(x), VALUES
    )
    assert report.verdict is Verdict.WRONG
    assert "coarser dtype than its input" in " ".join(report.hints)


def test_a_derivative_lost_in_the_noise_calls_for_a_wider_dtype() -> None:
    report = inconclusive()
    found = " ".join(report.hints)
    assert "lost in the noise" in found
    assert "wider dtype" in found


def test_a_func_that_is_not_deterministic_calls_for_a_seed() -> None:
    found = " ".join(undetermined().hints)
    assert "not deterministic" in found
    assert "seed" in found


def test_a_jump_calls_for_another_x0() -> None:
    report = verify_grad(lambda x: np.sum(x) + 1.0 * (x[0] > 1), np.ones_like, np.ones(2))
    assert report.verdict is Verdict.INCONCLUSIVE, str(report)
    found = " ".join(report.hints)
    assert "discontinuous at x[0]" in found
    assert "another x0" in found


def test_no_finite_value_nearby_calls_for_bounds() -> None:
    report = verify_grad(lambda x: 1.0 if np.all(x == 1) else math.nan, lambda x: 0 * x, np.ones(2))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "bounds" in " ".join(report.hints)


def test_every_inconclusive_report_says_what_to_change() -> None:
    reports = [
        inconclusive(),
        undetermined(),
        verify_grad(lambda x: np.sum(np.sqrt(np.abs(x))), lambda x: 0 * x, np.zeros(1)),
        verify_grad(lambda x: np.sum(np.sin(1e30 * x)), lambda x: 0 * x, np.ones(1)),
    ]
    for report in reports:
        if report.verdict is Verdict.INCONCLUSIVE:
            assert report.hints, str(report)


def test_the_noise_of_a_report_is_that_which_its_hints_name() -> None:
    report = verify_grad(lambda x: 1e12 + np.sum(np.sin(x)), np.cos, np.asarray([0.4, 1.1]))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.noise > 1e-6
    assert f"lost in the noise of func ({report.noise:.1e}" in " ".join(report.hints)


def test_of_an_exception_off_x0_one_line_is_quoted() -> None:
    def undefined(x: Any) -> Any:
        if np.any(x != 1):
            raise ValueError("the first line\nthe second line")
        return 1.0

    report = verify_grad(undefined, lambda x: 0 * x, np.ones(2))
    assert "(func raised ValueError: the first line at x[0] = 1.0" in " ".join(report.hints)


@pytest.mark.parametrize("size", [1e-4, 3e-4, 1e-3])
def test_numbers_that_are_all_a_little_off_are_not_in_another_order(size: float) -> None:
    x0 = np.asarray([1.0, -2.0, 0.3, 0.7, 1.9])
    off = 1 + size * np.random.default_rng(0).uniform(-1, 1, 5)
    report = verify_grad(lambda x: np.sum(np.sin(x)), lambda x: np.cos(x) * off, x0)
    assert report.verdict is Verdict.WRONG
    assert "order" not in " ".join(report.hints)


@pytest.mark.parametrize(
    ("dtype", "advice"),
    [(np.float16, "check the same code in float32"), (np.float64, "choose another x0")],
)
def test_in_half_precision_the_advice_is_another_dtype(dtype: Any, advice: str) -> None:
    def staircase(x: Any) -> Any:
        return np.sum(np.round(x * 8) / 8 + 0.1 * x)

    x0 = np.asarray([0.5, 1.0625], dtype=dtype)
    report = verify_grad(staircase, lambda x: 0 * x + 0.1, x0, precision="native")
    assert report.verdict is Verdict.INCONCLUSIVE
    assert all(hint.partition(" [")[0].endswith(advice) for hint in report.hints)
