"""The first look: which outputs one pair of steps certifies, and which never."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from checkgrad.numerics.decisions import Reason
from checkgrad.refine.first_look import FirstLook, _powers
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
    """Return the decisions on outputs that are certified, and the lines that were sampled."""
    outputs = Outputs(lines, rows(SLOPES) if functions is None else functions)
    specs = [
        make_spec(line, claim, **values) for line, claim in zip(outputs.single, claims, strict=True)
    ]
    found = FirstLook(outputs).decide(specs)
    return [each if np.all(each.resolved) else None for each in found], outputs, specs


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


def made(lines, make_spec, claims):
    """Return a first look, what it looks at, and what is checked."""
    outputs = Outputs(lines, rows(SLOPES))
    specs = [make_spec(line, claim) for line, claim in zip(outputs.single, claims, strict=True)]
    look = FirstLook(outputs)
    return look, outputs, specs, look.decide(specs)


def test_claims_are_compared_again_without_evaluations(lines, make_spec):
    look, outputs, specs, found = made(lines, make_spec, SLOPES)
    assert all(np.all(each.resolved) for each in found)
    loud = look.decide([replace(spec, sigma=1e9) for spec in specs])
    assert not any(np.any(each.resolved) for each in loud)
    assert len(outputs.asked) == 1


def test_an_output_that_is_refined_starts_with_its_first_look(lines, make_spec):
    look, outputs, specs, _ = made(lines, make_spec, SLOPES * [1.0, 1.5, 1.0])
    decisions = refine(specs[0], look=look.of_output(0, specs[0]))
    assert decisions.wrong.tolist() == [False, True, False]
    (line, *_) = outputs.single
    assert len(line.steps_of(0)) == len(line.steps_of(2)) == 1
    asked = np.concatenate(line.steps_of(1))
    assert len(asked) == len(set(asked.tolist())) > 20


def test_other_outputs_are_compared_with_what_was_sampled_for_one(lines, make_spec):
    look, outputs, specs, _ = made(lines, make_spec, SLOPES * [1.0, 1.5, 1.0])
    refine(specs[0], look=look.of_output(0, specs[0]))
    decisions = refine(specs[2], False, look=look.of_output(2, specs[2]))
    assert decisions.wrong.tolist() == [False, True, False]
    own, other = (
        {step for steps in outputs.single[k].steps_of(1) for step in steps} for k in (2, 0)
    )
    assert 1 < len(own) < len(other)
    assert own <= other


@pytest.mark.parametrize(
    ("scale", "entries", "power"),
    [
        (0, 0, -19),  # the shortest first step
        (0, 2**40, -16),  # a typical coordinate moves by 2**-16 of itself at most ...
        (-10, 2**40, -22),  # ... and the largest by 2**-12
        (-10, 2**20, -23),  # as much as shows an entry
    ],
)
def test_steps_along_tangents_show_single_entries_as_far_as_truncation_allows(
    scale, entries, power
):
    lengths = SimpleNamespace(scale=np.asarray([2.0**scale]))
    spec = SimpleNamespace(directions=lengths, rtol=1e-5, epsilon=2.0**-52)
    powers = _powers(np.ones((1, 1)), np.asarray([[2.0**-53]]), [spec], entries)
    assert powers.tolist() == [power]
