"""The options of `verify_grad`: what they refuse, what they promise, and what a check costs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sampling import draws

from checkgrad import Report, Verdict, verify_grad

if TYPE_CHECKING:
    from conftest import Library

Function = Callable[..., Any]

CORRECT, WRONG, INCONCLUSIVE = Verdict.CORRECT, Verdict.WRONG, Verdict.INCONCLUSIVE
VALUES = [0.5, 1.25, -2.0]


def check(x0: Any = VALUES, factor: float = 1.0, **options: Any) -> Report:
    def grad(x: Any) -> Any:
        return factor * np.exp(x)

    return verify_grad(lambda x: np.sum(np.exp(x)), grad, np.asarray(x0), **options)


# Options without a meaning


@pytest.mark.parametrize("rtol", [0, -1e-3, 1, 2.0, math.nan, math.inf, "1e-3", [1e-3]])
def test_rtol_is_a_number_between_0_and_1(rtol: Any) -> None:
    with pytest.raises(ValueError, match=r"rtol is .*; pass a number between 0 and 1") as caught:
        check(rtol=rtol)
    assert (str(rtol) if isinstance(rtol, float) else repr(rtol)) in str(caught.value)


@pytest.mark.parametrize(
    ("direction", "message"),
    [
        ("every", "direction is 'every'; pass 'auto', 'all', 'random'"),
        (0, "direction is 0; at least one tangent"),
        (-3, "direction is -3; at least one tangent"),
        ([0.0, 0.0, 0.0], "direction is zero everywhere"),
        ([0.0, math.nan, 1.0], "direction is not finite"),
        ([0.0, math.inf, 1.0], "direction is not finite"),
        ([1.0, 2.0], r"direction has shape \(2,\)"),
        (np.ones((3, 1)), r"direction has shape \(3, 1\) .*; flatten it, e.g. direction.ravel"),
        (True, "direction is True; pass 'auto', 'all', 'random'"),
        (None, "direction is None; pass 'auto', 'all', 'random'"),
        (1.5, "direction is 1.5; pass 'auto', 'all', 'random'"),
    ],
)
def test_a_direction_without_meaning_is_refused(direction: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(direction=direction)


def test_a_number_may_be_the_direction_of_a_number() -> None:
    report = verify_grad(lambda x: x**3, lambda x: 3 * x**2, 2.0, direction=0.5)
    assert report.verdict is CORRECT, str(report)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (1.0, r"bounds is 1.0 .*; pass a pair \(lower, upper\)"),
        ((1, 2, 3), r"bounds is \(1, 2, 3\) .*; pass a pair"),
        ((0, None), r"x\[2\] is -2.0, outside of its bounds \(0.0, inf\)"),
        ((None, 1), r"x\[1\] is 1.25, outside of its bounds \(-inf, 1.0\)"),
        ((3, -3), r"the bounds of x\[0\] are \(3.0, -3.0\); pass .* the lower one first"),
        (([-9.0, -9.0], None), r"a side of bounds has shape \(2,\).* x0 of shape \(3,\)"),
        ((math.nan, None), r"the bounds of x\[0\] are \(nan, inf\); pass numbers"),
        ((None, [9.0, math.nan, 9.0]), r"the bounds of x\[1\] are \(-inf, nan\)"),
    ],
)
def test_bounds_without_meaning_are_refused(bounds: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(bounds=bounds)


def test_complex_bounds_are_refused() -> None:
    with pytest.raises(TypeError, match=r"a side of bounds is .*-?3j.*; it must be real"):
        check(bounds=(-3j, None))


def test_bounds_of_another_tree_than_x0_are_refused() -> None:
    x0 = {"a": np.ones(2)}
    with pytest.raises(ValueError, match="a side of bounds is a tree"):
        verify_grad(
            lambda p: np.sum(p["a"]), lambda p: {"a": np.ones(2)}, x0, bounds=({"b": 0}, None)
        )


def test_bounds_name_the_place_of_x0_outside_of_them() -> None:
    x0 = {"a": np.ones(2), "b": np.asarray([1.0, 7.0])}
    with pytest.raises(ValueError, match=r"params\['b'\]\[1\] is 7.0, outside"):
        verify_grad(lambda params: 0.0, lambda params: params, x0, bounds=(None, 5))


@pytest.mark.parametrize("rng", ["seed", -1, 1.5, True, [1, 2]])
def test_an_rng_without_meaning_is_refused(rng: Any) -> None:
    with pytest.raises(ValueError, match=r"rng is .*; pass an int of 0 or more") as caught:
        check(rng=rng)
    assert repr(rng) in str(caught.value)


# rtol


@pytest.mark.parametrize(
    ("error", "rtol", "wanted"),
    [
        (1e-4, None, WRONG),
        (1e-4, 1e-2, CORRECT),
        (1e-1, 1e-2, WRONG),
        (1e-6, None, CORRECT),
        (1e-6, 1e-7, WRONG),
        (0, 1e-9, CORRECT),
    ],
)
def test_an_error_above_rtol_is_wrong_and_one_well_below_is_correct(
    error: float, rtol: float | None, wanted: Verdict
) -> None:
    report = check(factor=1 + error, rtol=rtol)
    assert report.verdict is wanted, str(report)
    assert report.rtol == (1e-5 if rtol is None else rtol)


def test_rtol_beyond_what_the_dtype_can_tell_is_inconclusive() -> None:
    report = check(np.asarray(VALUES, np.float32), rtol=1e-9, precision="native")
    assert report.verdict is Verdict.INCONCLUSIVE, str(report)


# bounds


def within(xp: Library, func: Function, lower: Any, upper: Any) -> Function:
    """``func``, which no one may call outside of the box, or with a NaN."""

    def guarded(x: Any) -> Any:
        values = xp.to_numpy(x)
        # A BaseException: no edge of a domain, nothing that a check may swallow.
        if not (np.all(values >= lower) and np.all(values <= upper)):
            raise KeyboardInterrupt(f"func was called at {values}, outside of [{lower}, {upper}]")
        return func(x)

    return guarded


BOXES: dict[str, tuple[list[float], Any, Any]] = {
    "wide": (VALUES, -10.0, 10.0),
    "on the lower bound": ([0.0, 1.0, 3.0], 0.0, math.inf),
    "on the upper bound": ([-1.0, 0.0, -2.0], -math.inf, 0.0),
    "on both": ([0.0, 1.0, 0.5], 0.0, 1.0),
    "in the corner": ([1.0, 1.0, 1.0], 1.0, 2.0),
    "narrower than the scale": ([1e3, 1e3, 1e3], 999.0, 1000.5),
    "much narrower than the scale": ([1e3, 1.0, -1e3], [999.999, 0.999, -1000.001], math.inf),
    "each its own": (VALUES, [0.5, -1.0, -2.5], [1.0, 1.25, math.inf]),
    "close to a bound": ([1e-6, 1.0, 2.0], 0.0, math.inf),
}


@pytest.mark.libraries("numpy")
@pytest.mark.parametrize("seed", draws(8, plain=3))
def test_steps_that_bounds_leave_do_not_vanish_in_rounding(seed: int) -> None:
    """Along a tangent that rounding removes, a claim would be compared with itself."""
    x0, lower = np.array([1e3, 1.0, -1e3]), np.array([999.999, 0.999, -1000.001])
    report = verify_grad(
        lambda x: np.sum(np.sin(x / 4)),
        lambda x: -np.cos(x / 4) / 4,
        x0,
        bounds=(lower, np.inf),
        direction=4,
        rng=seed,
    )
    assert report.verdict is WRONG, str(report)


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("direction", ["all", 4])
@pytest.mark.parametrize("factor", [1, -1])
def test_func_is_never_called_outside_of_its_bounds(
    xp: Library, box: str, direction: Any, factor: int
) -> None:
    values, lower, upper = BOXES[box]
    x0 = xp.asarray(values)
    # Bounds in the dtype of x0, as its own values are.
    low, high = (xp.to_numpy(xp.asarray(side)) for side in (lower, upper))
    func = within(xp, lambda x: xp.sum(xp.sin(x / 4)), low, high)
    report = verify_grad(
        func,
        lambda x: factor * xp.cos(x / 4) / 4,
        x0,
        bounds=(low if low.ndim else float(low), high if high.ndim else float(high)),
        direction=direction,
    )
    if xp.default_dtype == "float64":
        assert report.verdict is (CORRECT if factor == 1 else WRONG), str(report)
    else:
        assert report.verdict is not (WRONG if factor == 1 else CORRECT), str(report)


@pytest.mark.sampled
@pytest.mark.numpy
@pytest.mark.parametrize("dtype_name", ["float32", "float64"])
@pytest.mark.parametrize("seed", draws(20, plain=6))
def test_func_is_never_called_outside_of_random_bounds(dtype_name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    size = 10.0 ** rng.uniform(-6, 6, n)
    x0 = (size * rng.normal(size=n)).astype(dtype_name)
    below, above = (size * 10.0 ** rng.uniform(-9, 2, n) * (rng.random(n) < 0.7) for _ in range(2))
    lower, upper = (x0 - below).astype(dtype_name), (x0 + above).astype(dtype_name)
    lower, upper = np.minimum(lower, x0), np.maximum(upper, x0)

    def func(x: Any) -> Any:
        if not (np.all(x >= lower) and np.all(x <= upper)):
            raise KeyboardInterrupt(f"outside: {x}")
        return np.sum(np.sin(x / size))

    for direction in ("all", 3):
        for factor in (1, -1):
            report = verify_grad(
                func,
                lambda x, factor=factor: (factor * np.cos(x / size) / size).astype(dtype_name),
                x0,
                bounds=(lower, upper),
                direction=direction,
            )
            assert report.verdict is not (WRONG if factor == 1 else CORRECT), str(report)


def test_a_coordinate_that_its_bounds_hold_fast_is_never_wrong() -> None:
    func = lambda x: float(np.sum(x**2))  # noqa: E731
    report = verify_grad(
        func, lambda x: 2 * x, np.asarray([1.0, 2.0]), bounds=([0.0, 2.0], [3.0, 2.0])
    )
    assert report.verdict is not WRONG, str(report)
    report = verify_grad(
        func, lambda x: -2 * x, np.asarray([1.0, 2.0]), bounds=([0.0, 2.0], [3.0, 2.0])
    )
    assert report.verdict is WRONG, str(report)


def test_bounds_are_trees_like_x0() -> None:
    x0 = {"rate": np.asarray([0.0, 1.0]), "scale": np.asarray(2.0)}
    lower = {"rate": np.zeros(2), "scale": 1.0}

    def func(p: Any) -> Any:
        if np.any(p["rate"] < 0) or p["scale"] < 1:
            raise KeyboardInterrupt
        return np.sum(p["rate"] ** 2 + p["rate"]) * p["scale"]

    def grad(p: Any) -> Any:
        rate = p["rate"]
        return {"rate": (2 * rate + 1) * p["scale"], "scale": np.sum(rate**2 + rate)}

    for direction in ("all", 2):
        report = verify_grad(func, grad, x0, bounds=(lower, None), direction=direction)
        assert report.verdict is CORRECT, str(report)


# rng


def points_seen(**options: Any) -> list[bytes]:
    seen: list[bytes] = []

    def func(x: Any) -> Any:
        seen.append(x.tobytes())
        return np.sum(np.exp(x))

    verify_grad(func, np.exp, np.asarray(VALUES), **options)
    return seen


@pytest.mark.parametrize("direction", ["all", 3])
def test_the_same_rng_looks_at_the_same_points(direction: Any) -> None:
    assert points_seen(direction=direction) == points_seen(direction=direction)
    assert points_seen(direction=direction, rng=7) == points_seen(direction=direction, rng=7)
    generators = [np.random.default_rng(7) for _ in range(2)]
    first, second = (points_seen(direction=direction, rng=generator) for generator in generators)
    assert first == second == points_seen(direction=direction, rng=7)


def test_another_rng_looks_along_other_tangents() -> None:
    assert points_seen(direction=3, rng=7) != points_seen(direction=3, rng=8)
    generator = np.random.default_rng(7)
    assert points_seen(direction=3, rng=generator) != points_seen(direction=3, rng=generator)


def test_numpys_global_random_state_is_left_alone() -> None:
    np.random.seed(3)
    before = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    check(direction=3)
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index,arg-type]


# Cost

SMOOTH: dict[str, tuple[Function, Function]] = {
    "squares": (lambda x: np.sum(x**2), lambda x: 2 * x),
    "exp": (lambda x: np.sum(np.exp(x)), np.exp),
    "sines": (lambda x: np.sum(np.sin(x)), np.cos),
    "log": (lambda x: np.sum(np.log(np.abs(x))), lambda x: 1 / x),
    "softplus": (lambda x: np.sum(np.logaddexp(0, x)), lambda x: 1 / (1 + np.exp(-x))),
    "product": (lambda x: np.prod(x), lambda x: np.prod(x) / x),
    "norm": (lambda x: np.sqrt(np.sum(x**2)), lambda x: x / np.sqrt(np.sum(x**2))),
    "rosenbrock": (
        lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
        lambda x: (
            np.append(-400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1]), 0)
            + np.append(0, 200 * (x[1:] - x[:-1] ** 2))
        ),
    ),
}


@pytest.mark.sampled
@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("n", [10, 30, 200])
def test_a_smooth_function_costs_at_most_four_evaluations_for_each_coordinate(
    name: str, n: int
) -> None:
    func, grad = SMOOTH[name]
    x0 = np.random.default_rng(n).normal(size=n)
    report = verify_grad(func, grad, x0, direction="all")
    assert report.verdict is CORRECT, str(report)
    assert report.n_func <= 4 * n, report.n_func


@pytest.mark.parametrize("n", [30, 200, 1000])
def test_coordinates_are_certified_several_at_a_time(n: int) -> None:
    x0 = np.random.default_rng(n).normal(size=n)
    report = verify_grad(lambda x: np.sum(np.sin(x)), np.cos, x0, direction="all")
    assert report.verdict is CORRECT, str(report)
    assert report.n_func <= n // 2 + 30, report.n_func


@pytest.mark.sampled
@pytest.mark.numpy
@pytest.mark.parametrize("rng", range(3))
@pytest.mark.parametrize(("i", "j"), list(itertools.combinations(range(8), 2)))
def test_swapped_entries_that_are_moved_at_once_are_found(i: int, j: int, rng: int) -> None:
    x0 = np.linspace(0.4, 1.1, 8)
    x0[[i, j]] = 0.7
    weights = np.full(8, 2.0)
    weights[j] *= 1 + 1e-4

    def swapped(x: Any) -> Any:
        gradient = weights * np.cos(x)
        gradient[[i, j]] = gradient[[j, i]]
        return gradient

    report = verify_grad(lambda x: weights @ np.sin(x), swapped, x0, rng=rng)
    assert report.verdict is WRONG, str(report)
    assert {mismatch.where for mismatch in report.mismatches} == {f"x[{i}]", f"x[{j}]"}


@pytest.mark.sampled
@pytest.mark.numpy
@pytest.mark.parametrize("rng", draws(10, plain=4))
@pytest.mark.parametrize(
    ("gradient", "order"),
    [
        ([10, 11, 12, 13, 14, 15, 16, 17], [1, 0, 3, 2, 5, 4, 7, 6]),
        ([10, 11, 12, 13, 14, 15, 16, 17], [7, 6, 5, 4, 3, 2, 1, 0]),
        ([1, 2, 1, 2, 1, 2, 1, 2], [1, 2, 3, 4, 5, 6, 7, 0]),
        ([1, 0, 1, 0, 1, 0, 1, 0], [1, 2, 3, 4, 5, 6, 7, 0]),
        ([0, 1, 1, 0, 1, 0, 0, 1], [0, 3, 2, 1, 5, 4, 6, 7]),
    ],
)
def test_errors_in_small_proportions_do_not_cancel(
    gradient: list[float], order: list[int], rng: int
) -> None:
    slopes = np.asarray(gradient, np.float64)
    claim = slopes[order]
    x0 = np.linspace(1, 1.9, 8)
    report = verify_grad(lambda x: slopes @ x, lambda x: claim, x0, rng=rng)
    assert report.verdict is WRONG, str(report)
    off = np.flatnonzero(claim != slopes)
    assert {mismatch.where for mismatch in report.mismatches} == {f"x[{i}]" for i in off}


@pytest.mark.sampled
@pytest.mark.numpy
@pytest.mark.parametrize("factor", [1 + 3e-5, 1 - 3e-5, -1, 2])
@pytest.mark.parametrize("n", [8, 9, 40])
def test_a_factor_of_all_entries_does_not_cancel(n: int, factor: float) -> None:
    func, grad = SMOOTH["norm"]
    x0 = np.random.default_rng(n).normal(size=n)
    assert verify_grad(func, lambda x: factor * grad(x), x0).verdict is WRONG


@pytest.mark.parametrize(
    ("claim", "verdict"), [(0, CORRECT), (0.5, CORRECT), (1, CORRECT), (2, WRONG)]
)
def test_a_kink_beside_other_coordinates_is_seen(claim: float, verdict: Verdict) -> None:
    x0 = np.linspace(-1, 2, 10)
    x0[4] = 0
    report = verify_grad(
        lambda x: np.sum(np.maximum(x, 0)) + np.sum(np.sin(x)),
        lambda x: np.where(x == 0, claim, x > 0) + np.cos(x),
        x0,
    )
    assert report.verdict is verdict, str(report)


@pytest.mark.numpy
@pytest.mark.parametrize("bounds", [None, (-10, None)])
def test_jumps_are_no_noise_of_the_other_coordinates(bounds: Any) -> None:
    x0 = np.linspace(0.25, 1.9, 10)
    x0[[3, 7]] = 1, 2
    report = verify_grad(
        lambda x: np.sum(np.floor(x)) + np.sum(x**2), lambda x: 2 * x, x0, bounds=bounds
    )
    assert report.verdict is INCONCLUSIVE, str(report)
    assert {mismatch.where for mismatch in report.mismatches} == {"x[3]", "x[7]"}, str(report)
    assert report.noise < 1e-12


def test_coordinates_of_a_small_leaf_and_on_a_bound_are_certified_too() -> None:
    x0 = {"a": np.asarray(0.3), "b": np.linspace(0, 1, 9), "c": np.ones((2, 3))}
    report = verify_grad(
        lambda x: sum(np.sum((part + 1) ** 3) for part in x.values()),
        lambda x: {key: 3 * (part + 1) ** 2 for key, part in x.items()},
        x0,
        bounds=(0, 1),
    )
    assert report.verdict is CORRECT, str(report)


def test_tangents_cost_no_more_for_more_coordinates() -> None:
    counts = []
    for n in (10, 1000, 50_000):
        x0 = np.random.default_rng(0).normal(size=n)
        report = verify_grad(lambda x: np.sum(np.sin(x)), np.cos, x0, direction=3)
        assert report.verdict is CORRECT, str(report)
        counts.append(report.n_func)
    assert max(counts) <= 30


# precision


@pytest.mark.parametrize("precision", ["auto", "float64", "native"])
def test_float64_needs_no_widening(xp: Library, precision: str) -> None:
    if "float64" not in xp.float_dtypes:
        pytest.skip("no float64 here")
    x0 = xp.asarray(VALUES, "float64")
    report = verify_grad(lambda x: xp.sum(x**2), lambda x: 2 * x, x0, precision=precision)
    assert report.verdict is Verdict.CORRECT, str(report)
    assert report.evaluated_in == "float64"
