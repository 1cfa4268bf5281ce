"""What is to be checked: the noise at x0, parts of it, and criteria."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from checkgrad.evaluate.directions import Directions
from checkgrad.refine.spec import BaseValues


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
    )
    everything = spec.criteria(5.0)
    assert dataclasses.asdict(everything) == {
        "rtol": 1e-3,
        "scale": 5.0,
        "may_be_negligible": True,
        "fully_sampled": True,
        "tangent_scale": 2.0,
        "sibling_scale": 3.0,
        "kink_is_isolated": False,
    }
    some = spec.criteria(5.0, np.asarray([False]), np.asarray([True, False]))
    assert some.may_be_negligible.tolist() == [False]
    assert some.fully_sampled.tolist() == [True, False]


def test_base_values_give_the_spec_of_one_output():
    directions = Directions(
        point=None,
        lines=None,
        output=1,
        scale=np.ones(1),
        claim=np.asarray([6.0]),
        claimed_by=lambda gradient: np.zeros(1),
        smoothness_length=np.asarray([8.0]),
        scale_is_guess=np.asarray([True]),
        words="all",
        tangent_scale=9.0,
        tangents=None,
    )
    base = BaseValues(*(np.asarray([k, k + 0.5]) for k in range(1, 5)))

    def claim_noise():
        return np.zeros(1)

    spec = base.spec(directions, claim_noise, kink_is_isolated=False)
    assert (spec.value, spec.sigma, spec.epsilon, spec.rtol) == (1.5, 2.5, 3.5, 4.5)
    assert spec.directions is directions
    assert (spec.claim.tolist(), spec.smoothness_length.tolist()) == ([6.0], [8.0])
    assert spec.scale_is_guess.tolist() == [True]
    assert (spec.tangent_scale, spec.sibling_scale) == (9.0, 0.0)
    assert spec.kink_is_isolated is False
    assert spec.claim_noise is claim_noise
    beside = base.spec(directions, claim_noise, kink_is_isolated=True, sibling_scale=0.25)
    assert (beside.sibling_scale, beside.kink_is_isolated) == (0.25, True)
