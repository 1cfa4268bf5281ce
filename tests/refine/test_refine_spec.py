"""What is to be checked: the noise at x0, parts of it, and criteria."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("sigma", "value", "wanted"),
    [(1.0, 1.0, 1.0), (0.0, 1.0, 0.3 * 2.0**-10), (0.0, -8.0, 0.3 * 2.0**-7), (0.0, 0.0, 0.0)],
)
def test_noise_at_x0_is_the_measured_one_or_that_of_rounding(
    lines, make_spec, sigma, value, wanted
):
    spec = make_spec(lines(lambda k, t: 0.0), 1.0, sigma=sigma, value=value, epsilon=2.0**-10)
    assert spec.sigma_at_x0 == wanted


def test_taken_part_is_that_of_the_chosen_directions(lines, make_spec):
    calls = []

    def claim_noise():
        calls.append(1)
        return np.asarray([10.0, 11.0, 12.0])

    all_lines = lines(lambda k, t: 100.0 * k + t, [1.0, 2.0, 4.0])
    spec = make_spec(
        all_lines,
        [0.0, 1.0, 2.0],
        smoothness_length=np.asarray([3.0, 4.0, 5.0]),
        scale_is_guess=np.asarray([True, False, False]),
        claim_noise=claim_noise,
        sigma=0.5,
        tangent_scale=7.0,
    )
    part = spec.take(np.asarray([2, 0]))
    assert part.directions.count == 2
    assert part.directions.scale.tolist() == [4.0, 1.0]
    assert part.claim.tolist() == [2.0, 0.0]
    assert part.smoothness_length.tolist() == [5.0, 3.0]
    assert part.scale_is_guess.tolist() == [False, True]
    assert (part.sigma, part.tangent_scale, part.value) == (0.5, 7.0, spec.value)
    assert calls == []
    assert part.claim_noise().tolist() == [12.0, 10.0]
    lengths, values = part.directions.sample(np.asarray([0, 1, 0]), np.asarray([0.5, -1.0, 0.25]))
    assert lengths.tolist() == [0.5, 1.0, 0.25]
    assert values.tolist() == [200.5, -1.0, 200.25]


def test_criteria_are_those_of_the_spec(lines, make_spec):
    spec = make_spec(
        lines(lambda k, t: 0.0),
        1.0,
        rtol=1e-3,
        tangent_scale=2.0,
        sibling_scale=3.0,
        kink_is_isolated=False,
        hides_x0=True,
    )
    everything = spec.criteria(5.0)
    assert dataclasses.asdict(everything) == {
        "rtol": 1e-3,
        "scale": 5.0,
        "may_be_negligible": True,
        "fully_sampled": True,
        "tangent_scale": 2.0,
        "sibling_scale": 3.0,
        "term_slope": [0.0],
        "coefficient_rounding": [0.0],
        "slope_rounding": [0.0],
        "kink_is_isolated": False,
        "hides_x0": True,
    }
    some = spec.criteria(5.0, np.asarray([False]), np.asarray([True, False]))
    assert some.may_be_negligible.tolist() == [False]
    assert some.fully_sampled.tolist() == [True, False]


# Rounding of coefficients, slopes and terms


def with_rounding(lines, make_spec, claim, scale, **values):
    values = {"coefficient_epsilon": 2.0**-20} | values
    return make_spec(lines(lambda k, t: 0.0, scale), claim, **values)


def test_coefficients_round_by_a_part_of_the_largest_claim(lines, make_spec):
    spec = with_rounding(lines, make_spec, [0.0, 8.0, -1.0], [1.0, 1.0, 1.0])
    assert spec.coefficient_rounding.tolist() == [8 * 2.0**-20] * 3
    assert with_rounding(lines, make_spec, [0.0], [1.0]).coefficient_rounding.tolist() == [0.0]


@pytest.mark.parametrize("claim", [np.nan, np.inf, -np.inf])
def test_claims_that_are_not_finite_have_no_size(lines, make_spec, claim):
    spec = with_rounding(lines, make_spec, [claim, 2.0], [1.0, 1.0])
    assert spec.coefficient_rounding.tolist() == [2 * 2.0**-20] * 2


def test_the_smaller_of_claim_and_term_counts(lines, make_spec):
    """The largest claim is 8, the largest term 64; lengths are 1 and 64, and 64 and 1."""
    spec = with_rounding(lines, make_spec, [8.0, 1.0], [1.0, 64.0])
    assert spec.coefficient_rounding.tolist() == [8 * 2.0**-20, 2.0**-20]
    spec = with_rounding(lines, make_spec, [8.0, 1.0], [8.0, 2.0**10])
    assert spec.coefficient_rounding.tolist() == [8 * 2.0**-20, 2.0**-20]


@pytest.mark.parametrize("power", [-30, -2, 2, 30])
def test_rounding_of_coefficients_follows_the_units_of_a_coordinate(lines, make_spec, power):
    """In other units of one coordinate, no bound grows beyond what it was there, in those units."""
    claim, scale = np.asarray([3.0, 1.0, 0.25]), np.asarray([2.0, 1.0, 16.0])
    before = with_rounding(lines, make_spec, claim, scale)
    units = np.asarray([1.0, 2.0**power, 1.0])
    after = with_rounding(lines, make_spec, claim / units, scale * units)
    terms = 2.0**-20 * np.max(claim * scale)
    # Relative to the largest term it is the same in all units, and never above it.
    assert np.all(before.coefficient_rounding * scale <= terms)
    assert np.all(after.coefficient_rounding * scale * units <= terms)
    # All coordinates in other units: it is as large, in these.
    same = with_rounding(lines, make_spec, claim / 2.0**power, scale * 2.0**power)
    assert np.array_equal(same.coefficient_rounding, before.coefficient_rounding / 2.0**power)


@pytest.mark.parametrize("power", [-200, 200])
def test_powers_of_two_of_func_scale_all_roundings(lines, make_spec, power):
    known = {"sigma": 2.0**-40, "terms": 2.0**-30, "slope_noise": 2.0**-35, "value": 1.0}
    claim, scale = np.asarray([3.0, 0.0, 2.0**-45]), np.asarray([2.0, 1.0, 16.0])
    before = with_rounding(lines, make_spec, claim, scale, **known)
    larger = {name: np.ldexp(size, power) for name, size in known.items()}
    after = with_rounding(lines, make_spec, np.ldexp(claim, power), scale, **larger)
    for name in ("coefficient_rounding", "term_slope", "slope_rounding"):
        assert np.array_equal(getattr(after, name), np.ldexp(getattr(before, name), power)), name
        assert np.any(getattr(after, name) > 0)


def test_a_coordinate_of_0_has_the_length_of_smoothness(lines, make_spec):
    spec = with_rounding(
        lines,
        make_spec,
        [1.0, 1.0],
        [2.0**60, 1.0],
        smoothness_length=np.asarray([4.0, 8.0]),
        scale_is_guess=np.asarray([True, False]),
    )
    # The largest term is 4, not 2**60.
    assert spec.coefficient_rounding.tolist() == [2.0**-20, 2.0**-21]


def test_slopes_round_by_the_noise_over_the_length(lines, make_spec):
    spec = with_rounding(lines, make_spec, [1.0, 0.0], [1.0, 4.0], slope_noise=2.0**-30)
    assert spec.slope_rounding.tolist() == [2.0**-30, 2.0**-32]
    around_0 = dataclasses.replace(spec, x0_is_zero=True)
    assert around_0.slope_rounding.tolist() == [2.0**-30, 10 * 2.0**-30]


def test_terms_have_a_slope_where_the_claim_is_0(lines, make_spec):
    """A claim that is as small as the noise may have the wrong sign."""
    claim = [0.0, 2.0**-60, 1.0, -0.0, np.nan]
    spec = with_rounding(
        lines, make_spec, claim, [1.0, 1.0, 1.0, 2.0, 1.0], sigma=2.0**-40, terms=2.0**10
    )
    assert spec.term_slope.tolist() == [2.0**10, 0.0, 0.0, 2.0**9, 0.0]


def test_a_part_of_the_directions_has_its_part_of_the_criteria(lines, make_spec):
    spec = with_rounding(
        lines, make_spec, [0.0, 8.0, 1.0], [1.0, 2.0, 64.0], slope_noise=1.0, terms=1.0
    )
    every, some = spec.criteria(1.0), spec.criteria(1.0, chosen=np.asarray([2, 0]))
    for name in ("term_slope", "coefficient_rounding", "slope_rounding"):
        assert getattr(some, name).tolist() == getattr(every, name)[[2, 0]].tolist(), name
        assert len(set(getattr(every, name).tolist())) > 1
