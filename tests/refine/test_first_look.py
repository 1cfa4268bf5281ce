"""The first look: which outputs one pair of steps certifies, and which never."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.numerics.decisions import Reason
from checkgrad.refine.first_look import certify_together
from checkgrad.refine.loop import refine

SLOPES = np.asarray([[1.0, -2.0, 3.0], [1e-3, 4.0, 0.0], [5e6, 6e6, -7e6]])


class Outputs:
    """Several functions of the step along each direction, sampled at once."""

    def __init__(self, lines, functions):
        self.single = [lines(function, np.ones(3)) for function in functions]
        self.asked = []

    def sample(self, which, steps):
        self.asked.append((which, steps))
        found = [line.sample(which, steps) for line in self.single]
        return found[0][0], np.stack([values for _, values in found], axis=1)


def rows(slopes, bend=0.0, value=1.0):
    """Return a function for each row of slopes: a line, or a parabola of third order."""
    return [
        lambda k, t, row=row: value + row[k] * t + bend * row[k] * t**3
        for row in np.asarray(slopes)
    ]


def looked(lines, make_spec, claims, functions=None, **values):
    """Return which outputs are certified, and the lines that were sampled."""
    outputs = Outputs(lines, rows(SLOPES) if functions is None else functions)
    specs = [
        make_spec(line, claim, **values) for line, claim in zip(outputs.single, claims, strict=True)
    ]
    return certify_together(outputs, specs), outputs, specs


def test_right_claims_of_all_outputs_are_certified_at_two_steps_a_direction(lines, make_spec):
    found, outputs, _ = looked(lines, make_spec, SLOPES)
    assert all(each is not None for each in found)
    ((which, steps),) = outputs.asked
    assert sorted(which.tolist()) == [0, 0, 1, 1, 2, 2]
    assert np.sum(steps) == 0


def test_decisions_are_those_on_each_output_by_itself(lines, make_spec):
    found, _, specs = looked(lines, make_spec, SLOPES)
    for decisions, spec, claim in zip(found, specs, SLOPES, strict=True):
        alone = refine(spec)
        assert decisions.claim.tolist() == claim.tolist()
        assert decisions.verdict is alone.verdict
        assert decisions.reference.tolist() == alone.reference.tolist()
        assert decisions.criteria.scale == np.abs(claim).max()
        assert np.all(decisions.reasons[Reason.AGREES])
        np.testing.assert_allclose(decisions.estimate.value, claim, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("output", range(3))
@pytest.mark.parametrize("direction", range(3))
@pytest.mark.parametrize("error", [2e-5, -1.0, 1.0, np.nan, np.inf])
def test_an_output_with_one_wrong_claim_is_left(lines, make_spec, output, direction, error):
    claims = SLOPES.copy()
    claims[output, direction] += error * np.abs(SLOPES[output]).max()
    found, _, _ = looked(lines, make_spec, claims)
    assert [each is None for each in found] == [k == output for k in range(3)]


def test_a_small_entry_is_certified_by_its_own_size(lines, make_spec):
    """Its error is small beside the largest entry, and large for itself."""
    slopes = np.asarray([[1.0, 1e-4, 1.0]] * 3)
    claims = slopes * [1.0, 1.1, 1.0]
    found, _, _ = looked(lines, make_spec, claims, rows(slopes, value=1e-3))
    assert found == [None] * 3


def test_an_output_that_nothing_moves_is_left(lines, make_spec):
    claims = np.asarray([[0.0] * 3] * 3)
    found, _, _ = looked(lines, make_spec, claims, rows(claims))
    assert found == [None] * 3


@pytest.mark.parametrize("bend", [1e12, -1e12])
def test_a_bend_at_the_first_step_is_left(lines, make_spec, bend):
    found, _, _ = looked(lines, make_spec, SLOPES, rows(SLOPES, bend))
    assert found == [None] * 3


def test_nothing_is_certified_where_func_has_no_value(lines, make_spec):
    def edge(k, t):
        return np.nan if k == 1 and t > 0 else 1.0 + t

    found, _, _ = looked(lines, make_spec, np.ones((3, 3)), [edge, *rows(np.ones((2, 3)))])
    assert [each is None for each in found] == [True, False, False]


def test_noise_that_hides_an_error_of_rtol_leaves_an_output(lines, make_spec):
    found, _, _ = looked(lines, make_spec, SLOPES[:1], rows(SLOPES[:1]), sigma=1.0)
    assert found == [None]


def test_in_few_digits_and_without_outputs_nothing_is_sampled(lines, make_spec):
    found, outputs, _ = looked(lines, make_spec, SLOPES, epsilon=2.0**-10)
    assert found == [None] * 3
    assert outputs.asked == []
    assert certify_together(outputs, []) == []
