"""Checks of single entries of a claim that a search along random tangents has found."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.evaluate.axes import Axes
from checkgrad.evaluate.chosen_axes import ChosenAxes
from checkgrad.evaluate.coordinate_sizes import coordinate_sizes
from checkgrad.evaluate.plan import DirectionPlan
from checkgrad.measure.claim_noise import claim_noise_of
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.measure.noise import measure_noise, measure_noise_farther
from checkgrad.numerics.decisions import Verdict
from checkgrad.numerics.samples import Places
from checkgrad.numerics.thresholds import thresholds
from checkgrad.refine.at_x0 import BaseValues
from checkgrad.refine.loop import refine_first
from checkgrad.refine.one_entry import check_entry
from checkgrad.refine.spec import CheckSpec
from checkgrad.report.results import ClaimResult, OutputResult
from checkgrad.stages.base_values import base_values
from checkgrad.stages.claim_of_outputs import ClaimOfOutputs
from checkgrad.stages.parsed import ParsedProblem

# In few digits a quotient may agree with a wrong claim by accident. It does not at so many entries.
_SAME_ACCIDENT = 3


class EntryChecks:
    """Checks of single entries of one output, the first one more closely than the others.

    Parameters
    ----------
    claim : ClaimOfOutputs
        The claim.
    output : int
        Which output.
    base : BaseValues
        What is known at x0.

    Attributes
    ----------
    axes : ChosenAxes
        The coordinate axes, and the claimed entries.
    wrong : list of OutputResult
        The entries that are wrong, one in each result.
    """

    def __init__(self, claim: ClaimOfOutputs, output: int, base: BaseValues) -> None:
        parsed, gradient = claim.parsed, claim.gradients[output]
        value = float(claim.near.value[output])
        sizes = coordinate_sizes(parsed.point, gradient.leaves, value)
        axes = Axes(parsed.evaluator, claim.outputs, parsed.bounds, parsed.rng, are_few=True)
        self.axes = ChosenAxes(axes, output, gradient, parsed.point, sizes, parsed.bounds)
        self.wrong: list[OutputResult] = []
        self._claim = claim
        self._output = output
        self._base = base
        # An entry is judged along with the largest ones: the largest claim, and the largest for x0.
        self._largest = [self.axes.largest_claim(), self.axes.heaviest(0, parsed.point.size)]

    def check(self, coordinate: int) -> tuple[float, bool]:
        """Return the error of the claim at an entry, and whether the claim is wrong there."""
        result = self.result(coordinate, closely=not self.wrong)
        decisions = result.decisions
        is_wrong = bool(decisions.wrong[0])
        if is_wrong:
            self.wrong.append(result)
        error = decisions.claim[0] - decisions.estimate.nearest_to(decisions.claim)[0]
        return (float(error) if math.isfinite(error) else 0.0), is_wrong

    def result(self, coordinate: int, closely: bool) -> OutputResult:
        """Return what a check of an entry finds; `closely` is as in `check_entry`."""
        chosen, spec = self._entry(coordinate)
        decisions = check_entry(spec, closely)
        epsilon = float(self._claim.dtype_epsilon[self._output])
        alone = self.axes.directions(chosen[:1])
        return OutputResult(alone, decisions, spec.take(np.arange(1)), epsilon)

    def is_right(self, coordinate: int) -> bool:
        """Return whether the claim is right at an entry, by as many steps as that takes."""
        return bool(refine_first(self._entry(coordinate)[1]).resolved[0])

    def _entry(self, coordinate: int) -> tuple[Places, CheckSpec]:
        """Return an entry and the largest ones, and what is to be checked of them."""
        claim, output = self._claim, self._output
        chosen = np.asarray([coordinate, *self._largest])
        directions = self.axes.directions(chosen)
        outputs = [replace(directions, output=k) for k in range(claim.outputs.count)]
        noise = claim_noise_of(claim.near, claim.parsed.claim, outputs, one_by_one=True)
        return chosen, self._base.spec(directions, partial(noise, output), kink_is_isolated=True)


def is_wrong_as_written(parsed: ParsedProblem, wide: ClaimResult, vector: Floats) -> bool:
    """Return whether an entry that was found wrong in float64 is not right as it is written.

    It is asked at the first entry. Nobody sees inside of ``func``, which may be another function in
    float64. If no entry was found, the answer is False.

    Parameters
    ----------
    parsed : ParsedProblem
        The problem in the dtypes of the user.
    wide : ClaimResult
        What was found in float64.
    vector : array
        All numbers of ``func(x0)``.
    """
    if wide.located is None or not wide.located.is_certain:
        return False
    first = wide.located.entries[0]
    assert first.directions.coordinates is not None
    coordinate = int(first.directions.coordinates[0])
    checks = _checks_as_written(parsed, wide, vector, first.output)
    result = checks.result(coordinate, closely=False)
    return not (result.is_resolved and result.spec.rtol <= first.spec.rtol)


def verdict_as_written(parsed: ParsedProblem, wide: ClaimResult, vector: Floats) -> Verdict:
    """Return what ``func`` as it is says of an entry that is wrong in float64.

    The claim as a whole may be right as it is written because few digits hide an error of a small
    entry, which float64 shows. So the entry is the one whose error stands out of noise the most.

    Parameters
    ----------
    parsed, wide, vector
        As in `is_wrong_as_written`.

    Returns
    -------
    Verdict
        Correct if ``func`` has another derivative there than in float64, and where axes were not
        sampled. Wrong if it has the same one, and the claim has not, and where the claim is not
        right as it is written either. Else inconclusive.
    """
    along_axes = [each for each in wide.results if each.directions.are_axes]
    wrong = [each for each in along_axes if np.any(each.decisions.wrong)]
    if not wrong:
        return Verdict.CORRECT
    worst = max(wrong, key=lambda each: float(np.max(_errors_over_noise(each))))
    checks = _checks_as_written(parsed, wide, vector, worst.output)
    known, verdict = worst.directions.coordinates, Verdict.CORRECT
    for place in _clearest_first(worst)[:_SAME_ACCIDENT].tolist():
        coordinate = place if known is None else int(known[place])
        result = checks.result(coordinate, closely=True)
        here, there = result.decisions.estimate, worst.decisions.estimate
        safety, claim = thresholds().safety, result.decisions.claim
        unsure = here.uncertainty[0] + result.spec.slope_rounding[0]
        off = abs(here.nearest_to(claim)[0] - there.nearest_to(claim)[place])
        is_same = not off > safety * (unsure + there.uncertainty[place])
        is_off = abs(claim[0] - here.nearest_to(claim)[0]) > safety * unsure
        if is_same and is_off:
            return Verdict.WRONG
        if result.is_resolved:
            return Verdict.INCONCLUSIVE if is_same else Verdict.CORRECT
        if not checks.is_right(coordinate):
            return Verdict.WRONG
        verdict = Verdict.INCONCLUSIVE if is_same else verdict
    return verdict


def _clearest_first(result: OutputResult) -> Places:
    """Return the places of the wrong claims, those first that stand out of noise the most."""
    order = np.argsort(-_errors_over_noise(result), kind="stable")
    return order[: np.count_nonzero(result.decisions.wrong)]


def _errors_over_noise(result: OutputResult) -> Floats:
    """Return how far wrong claims stand out of the noise of func, where x0 changes by itself."""
    moved = result.decisions.distance * result.directions.scale
    with np.errstate(all="ignore"):
        return np.where(result.decisions.wrong, moved / result.spec.sigma_at_x0, -np.inf)


def _checks_as_written(
    parsed: ParsedProblem, wide: ClaimResult, vector: Floats, output: int
) -> EntryChecks:
    """Return checks of entries in the dtypes of the user."""
    outputs = wide.outputs
    value, epsilon = outputs.of(vector), parsed.dtype_epsilons(outputs)
    near = Neighbourhood(parsed.evaluator, outputs, value, parsed.bounds, parsed.rng)
    gradients = list(parsed.claim.gradients(parsed.point.leaves, outputs))
    claim = ClaimOfOutputs(parsed, near, DirectionPlan(axes=True), gradients, epsilon, None)
    noise = measure_noise(near, epsilon)
    if near.is_zero:  # where terms that cancel round to nothing next to x0
        noise = measure_noise_farther(near, noise, [output])
    return EntryChecks(claim, output, base_values(parsed, value, noise))
