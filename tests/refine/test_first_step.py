"""The first step: long enough for rounding, otherwise as short as truncation allows."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.refine.first_step import first_steps

SINGLE = 2.0**-23


def first(lines, make_spec, claim, scale=1.0, **values):
    return first_steps(make_spec(lines(lambda k, t: 1.0, scale), claim, **values)).tolist()


@pytest.mark.parametrize(
    ("epsilon", "digits", "shortest"), [(2.0**-52, 53, -19), (SINGLE, 24, -9), (2.0**-10, 11, -4)]
)
def test_shortest_step_is_the_same_part_of_the_digits_of_each_dtype(
    lines, make_spec, epsilon, digits, shortest
):
    assert round(0.36 * digits) == -shortest
    found = first(lines, make_spec, 1.0, epsilon=epsilon, value=0.0)
    assert found == [shortest]
    assert isinstance(found[0], int)


def test_step_scales_with_the_direction(lines, make_spec):
    scale = [2.0**-30, 1.0, 2.0**10]
    assert first(lines, make_spec, 1.0, scale, value=0.0) == [-49, -19, -9]


@pytest.mark.parametrize(
    ("sigma", "claim", "rtol", "step"),
    [
        # 18 sigma / (claim rtol), rounded down to a power of two
        (2.0**-20, 1.0, 2.0**-10, -6),  # 18 * 2**-10
        (2.0**-20, 2.0, 2.0**-10, -7),
        (2.0**-20, -2.0, 2.0**-10, -7),
        (2.0**-20, 1.0, 2.0**-14, -2),
        (2.0**-24, 1.0, 2.0**-14, -6),
        (2.0**-24, 2.0**-4, 2.0**-10, -6),
    ],
)
def test_rounding_error_is_well_below_rtol(lines, make_spec, sigma, claim, rtol, step):
    assert first(lines, make_spec, claim, sigma=sigma, rtol=rtol) == [step]
    # Three sigma of noise over the step are a sixth to a third of rtol of the claim.
    assert rtol / 6 <= 3 * sigma / 2.0**step / abs(claim) <= rtol / 3


@pytest.mark.parametrize(("factor", "step"), [(1.0 + 2**-20, -6), (1.0 - 2**-20, -7)])
def test_step_is_rounded_down_to_a_power_of_two(lines, make_spec, factor, step):
    sigma = 2.0**-6 / 18 * 2.0**-10 * factor
    assert first(lines, make_spec, 1.0, sigma=sigma, rtol=2.0**-10) == [step]


def test_rounding_of_a_large_value_counts_as_noise(lines, make_spec):
    sigma = 0.3 * SINGLE * 1000.0
    wanted = np.floor(np.log2(18 * sigma / 1e-3))
    assert wanted > -9
    assert first(lines, make_spec, 1.0, value=1000.0, epsilon=SINGLE, rtol=1e-3) == [wanted]
    assert first(lines, make_spec, 1.0, value=-1000.0, epsilon=SINGLE, rtol=1e-3) == [wanted]


def test_longest_first_step_is_16_scales(lines, make_spec):
    assert first(lines, make_spec, 1.0, [1.0, 8.0], sigma=1.0) == [4, 7]


def test_small_claims_are_judged_beside_the_whole_at_a_quarter_of_the_scale_at_most(
    lines, make_spec
):
    # 1/100 of the largest claim counts as the whole.
    claim = [1.0, 0.011, 0.01, 0.0]
    assert first(lines, make_spec, claim, np.ones(4), sigma=2.0**-25, rtol=2.0**-10) == [
        -11,
        -5,
        -11,
        -11,
    ]
    assert first(lines, make_spec, claim, np.ones(4), sigma=1.0) == [4, 4, -2, -2]


@pytest.mark.parametrize("factor", [2.0**-200, 2.0**200])
def test_first_steps_are_free_of_the_scale_of_func(lines, make_spec, factor):
    claim = np.asarray([1.0, 0.011, 0.01, 0.0])
    found = first(
        lines,
        make_spec,
        claim * factor,
        np.ones(4),
        sigma=2.0**-25 * factor,
        value=0.0,
        rtol=2**-10,
    )
    assert found == [-11, -5, -11, -11]


@pytest.mark.parametrize("sigma", [0.0, 1e-3])
def test_claims_of_zero_alone_begin_with_the_shortest_step(lines, make_spec, sigma):
    assert first(lines, make_spec, [0.0, 0.0], np.ones(2), sigma=sigma) == [-19, -19]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_claims_that_are_not_finite_count_as_zero(lines, make_spec, bad):
    found = first(lines, make_spec, [1.0, bad], np.ones(2), sigma=2.0**-20, rtol=2.0**-10)
    assert found == [-6, -6]
