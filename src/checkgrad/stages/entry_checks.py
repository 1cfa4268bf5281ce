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
from checkgrad.measure.noise import measure_noise
from checkgrad.numerics.decisions import Verdict
from checkgrad.numerics.thresholds import thresholds
from checkgrad.refine.at_x0 import BaseValues
from checkgrad.refine.one_entry import check_entry
from checkgrad.report.results import ClaimResult, OutputResult
from checkgrad.stages.base_values import base_values
from checkgrad.stages.claim_of_outputs import ClaimOfOutputs
from checkgrad.stages.parsed import ParsedProblem


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
        claim, output = self._claim, self._output
        chosen = np.asarray([coordinate, *self._largest])
        directions = self.axes.directions(chosen)
        outputs = [replace(directions, output=k) for k in range(claim.outputs.count)]
        noise = claim_noise_of(claim.near, claim.parsed.claim, outputs, one_by_one=True)
        spec = self._base.spec(directions, partial(noise, output), kink_is_isolated=True)
        decisions = check_entry(spec, closely)
        epsilon = float(claim.dtype_epsilon[output])
        alone = self.axes.directions(chosen[:1])
        return OutputResult(alone, decisions, spec.take(np.arange(1)), epsilon)


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
    result = _result_as_written(parsed, wide, vector, first.output, coordinate)
    return not (result.is_resolved and result.spec.rtol <= first.spec.rtol)


def verdict_as_written(parsed: ParsedProblem, wide: ClaimResult, vector: Floats) -> Verdict:
    """Return what ``func`` as it is says of the entry that is most wrong in float64.

    The claim as a whole may be right as it is written because few digits hide an error of a small
    entry, which float64 shows.

    Parameters
    ----------
    parsed, wide, vector
        As in `is_wrong_as_written`.

    Returns
    -------
    Verdict
        Correct if ``func`` has another derivative there than in float64, and where axes were not
        sampled. Wrong if it has the same one, and the claim has not. Else inconclusive.
    """
    along_axes = [each for each in wide.results if each.directions.are_axes]
    wrong = [each for each in along_axes if np.any(each.decisions.wrong)]
    if not wrong:
        return Verdict.CORRECT
    worst = max(wrong, key=lambda each: float(np.max(_excess_where_wrong(each))))
    place = int(np.argmax(_excess_where_wrong(worst)))
    known = worst.directions.coordinates
    coordinate = place if known is None else int(known[place])
    result = _result_as_written(parsed, wide, vector, worst.output, coordinate, closely=True)
    here, there = result.decisions.estimate, worst.decisions.estimate
    safety, claim = thresholds().safety, result.decisions.claim
    if not np.isfinite(here.uncertainty[0]):
        return Verdict.INCONCLUSIVE
    off = abs(here.nearest_to(claim)[0] - there.nearest_to(claim)[place])
    if off > safety * (here.uncertainty[0] + there.uncertainty[place]):
        return Verdict.CORRECT
    is_off = abs(claim[0] - here.nearest_to(claim)[0]) > safety * here.uncertainty[0]
    return Verdict.WRONG if is_off else Verdict.INCONCLUSIVE


def _excess_where_wrong(result: OutputResult) -> Floats:
    decisions = result.decisions
    return np.where(decisions.wrong, decisions.excess, -np.inf)


def _result_as_written(
    parsed: ParsedProblem,
    wide: ClaimResult,
    vector: Floats,
    output: int,
    coordinate: int,
    closely: bool = False,
) -> OutputResult:
    """Return what a check of an entry finds in the dtypes of the user."""
    outputs = wide.outputs
    value, epsilon = outputs.of(vector), parsed.dtype_epsilons(outputs)
    near = Neighbourhood(parsed.evaluator, outputs, value, parsed.bounds, parsed.rng)
    gradients = list(parsed.claim.gradients(parsed.point.leaves, outputs))
    claim = ClaimOfOutputs(parsed, near, DirectionPlan(axes=True), gradients, epsilon, None)
    base = base_values(parsed, value, measure_noise(near, epsilon))
    return EntryChecks(claim, output, base).result(coordinate, closely)
