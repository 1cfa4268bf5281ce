"""From base values to the decisions of all outputs, along the axes and the tangents of the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from checkgrad.evaluate.directions import Directions
from checkgrad.measure.claim_noise import claim_noise_of
from checkgrad.numerics.decide import decide, decide_without_wrong
from checkgrad.numerics.decisions import Decisions
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.samples import Flags
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import has_few_digits
from checkgrad.refine.at_x0 import BaseValues
from checkgrad.refine.complex_step import refine_by_complex_steps
from checkgrad.refine.loop import refine
from checkgrad.refine.spec import CheckSpec
from checkgrad.report.results import OutputResult
from checkgrad.stages.claim_of_outputs import ClaimOfOutputs
from checkgrad.stages.exact_derivatives import ExactDerivatives

_NOT_ANALYTIC = (
    "complex steps and differences disagree: func is not analytic (does it take a modulus, a real "
    "part or a conjugate?); differences count"
)


def judge_outputs(
    claim: ClaimOfOutputs,
    base: BaseValues,
    chosen: Flags,
    thorough: bool = True,
    suffices: Callable[[OutputResult], bool] | None = None,
) -> Iterator[OutputResult]:
    """Yield what is found of each of the outputs in `chosen`, along axes and then along tangents.

    The worst come first. Once several outputs are wrong, the others are compared with what was
    sampled for these: the verdict does not depend on them.

    Parameters
    ----------
    claim : ClaimOfOutputs
        The claim, and what is to be looked at.
    base : BaseValues
        What is known at x0.
    chosen : array of bool, shape (outputs,)
        The outputs.
    thorough : bool
        If not, all outputs are sampled at few steps only.
    suffices : callable, optional
        Whether what one step shows of an output is enough, though not all of its claims agree.
    """
    limits, wrong_outputs = thresholds(), 0
    entries = len(claim.outputs.entries)
    for along in claim.looks_along():
        directions, are_axes = along.directions, along.directions[0].are_axes
        one_by_one = claim.parsed.form == "vjp"
        claim_noise = claim_noise_of(claim.near, claim.parsed.claim, directions, one_by_one)
        siblings = _sibling_scales(claim, directions)
        exact = None
        if claim.parsed.options.method == "complex-step":
            exact = ExactDerivatives.along(claim, directions)
        specs = [
            base.spec(each, partial(claim_noise, output), are_axes and output < entries, sibling)
            for output, (each, sibling) in enumerate(zip(directions, siblings, strict=True))
        ]
        claim.found.ask(directions, specs, claim.dtype_epsilon)
        # In few digits numbers agree by accident. Few of many outputs have steps in common.
        looks = exact is None and not along.has_groups(specs) and not _have_few_digits(specs)
        coordinates = claim.parsed.point.size if suffices is not None else 0
        first = along.first.decide(specs, coordinates) if looks else []
        claim.found.decided(specs, first)
        most = limits.wrong_outputs if are_axes else limits.wrong_outputs_along_tangents
        for output in _worst_first(np.flatnonzero(chosen).tolist(), first):
            spec = specs[output]
            closely = thorough and wrong_outputs < most
            decisions, note = None, ""
            epsilon = float(claim.dtype_epsilon[output])
            if first:
                seen = OutputResult(directions[output], first[output], spec, epsilon)
                if seen.is_resolved or (suffices is not None and suffices(seen)):
                    decisions = first[output]
            if exact is not None:
                if exact.agree_with_differences(output, base):
                    decisions = refine_by_complex_steps(spec, exact.steps, output, closely)
                else:
                    note = _NOT_ANALYTIC
            if decisions is None:
                look = along.first.of_output(output, spec) if first else None
                decisions = refine(spec, closely, along.groups, look)
            wrong_outputs += bool(np.any(decisions.wrong))
            yield claim.found.note(OutputResult(directions[output], decisions, spec, epsilon, note))


def _have_few_digits(specs: Sequence[CheckSpec]) -> bool:
    return not specs or has_few_digits(max(spec.epsilon for spec in specs))


def _worst_first(outputs: list[int], first: Sequence[Decisions]) -> list[int]:
    """Return some outputs by how far a claim of theirs is off, as a first look shows."""
    if not first:
        return outputs
    return sorted(outputs, key=lambda each: np.max(first[each].excess, initial=0.0), reverse=True)


def judge_louder(
    claim: ClaimOfOutputs,
    results: Sequence[OutputResult],
    base: BaseValues,
    chosen: Flags,
    may_be_wave: Flags,
) -> list[OutputResult]:
    """Return results, with the outputs judged again that more noise may decide on otherwise.

    An output is wrong as before where its noise grows little, and its wrong claims stand out of an
    uncertainty that grows as much. Noise that may be a wave makes no claim wrong that less noise
    did not: over a wave, longer steps settle on another slope.

    Parameters
    ----------
    claim : ClaimOfOutputs
        The claim, and what is to be looked at.
    results : sequence of OutputResult
        What was found by less noise.
    base : BaseValues
        What is known at x0 by now.
    chosen : array of bool, shape (outputs,)
        The outputs to look at.
    may_be_wave : array of bool, shape (outputs,)
        Where the noise may be a wave.
    """
    limits, louder = thresholds(), chosen.copy()
    for each in results:
        decisions, before, sigma = each.decisions, each.spec.sigma, base.sigma[each.output]
        uncertainty = sigma / before * decisions.uncertainty
        stands = decisions.distance > limits.stands_out * uncertainty
        stays_wrong = np.any(decisions.wrong) and np.all(stands[decisions.wrong])
        if sigma <= before or (stays_wrong and sigma <= limits.stands_out * before):
            louder[each.output] = False
    kept = [_decided_again(each, base) for each in results if not louder[each.output]]
    thorough = not any(np.any(each.decisions.wrong) for each in kept)
    earlier = {(each.directions.are_axes, each.output): each.decisions for each in results}
    found = [
        _wrong_before_too(each, earlier[each.directions.are_axes, each.output])
        if may_be_wave[each.output]
        else each
        for each in judge_outputs(claim, base, louder, thorough)
    ]
    return in_order([*kept, *found])


def _wrong_before_too(result: OutputResult, before: Decisions) -> OutputResult:
    """Return a result in which claims are wrong only if they were wrong by less noise.

    A direction that was not sampled to its end before counts too, if another one was wrong both
    times.
    """
    doubtful = result.decisions.wrong & ~before.wrong
    if np.any(result.decisions.wrong & before.wrong):
        doubtful &= before.criteria.fully_sampled | before.resolved
    if not np.any(doubtful):
        return result
    return replace(result, decisions=decide_without_wrong(result.decisions, Kind.LOUDER, doubtful))


def in_order(results: Iterable[OutputResult]) -> list[OutputResult]:
    """Return results in the order of their outputs, along axes first."""
    return sorted(results, key=lambda each: (not each.directions.are_axes, each.output))


def _decided_again(result: OutputResult, base: BaseValues) -> OutputResult:
    """Return a result with what is known of the rounding of terms and of slopes by now."""
    decisions, output = result.decisions, result.output
    if result.is_resolved:
        return result
    spec = replace(
        result.spec,
        terms=float(base.terms[output]),
        slope_noise=float(base.slope_noise[output]),
        x0_is_zero=bool(base.x0_is_zero[output]),
    )
    criteria = replace(
        decisions.criteria, term_slope=spec.term_slope, slope_rounding=spec.slope_rounding
    )
    again = decide(decisions.claim, decisions.estimate, decisions.claim_noise, criteria)
    return replace(result, decisions=again, spec=spec)


def _sibling_scales(claim: ClaimOfOutputs, directions: Sequence[Directions]) -> list[float]:
    """Return the largest claim of the outputs that are in one array with each output."""
    found = np.zeros(claim.outputs.count)
    reader = claim.parsed.reader
    if reader is not None:
        sizes = [np.max(np.abs(each.claim), initial=0.0) for each in directions]
        entries = claim.outputs.entries.tolist()
        parts = np.asarray([reader.spec.part_of(i) for i in entries])
        for part in np.unique(parts).tolist():
            here = np.flatnonzero(parts == part)
            largest = np.max([sizes[output] for output in here.tolist()])  # NaN if any is
            found[here] = largest if np.isfinite(largest) else 0.0
    numbers: list[float] = found.tolist()
    return numbers
