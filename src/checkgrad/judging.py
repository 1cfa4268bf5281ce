"""From base values to the decisions of all outputs, along the axes and the tangents of the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.claims.linear_map import ClaimAtX0, GradientByLeaves
from checkgrad.evaluate.axes import Axes
from checkgrad.evaluate.complex_step import ComplexSteps
from checkgrad.evaluate.directions import ClaimedGradient, Directions, coordinate_directions
from checkgrad.evaluate.outputs import Outputs
from checkgrad.evaluate.plan import DirectionPlan
from checkgrad.evaluate.tangent_choice import ChosenTangents, planned_tangents, random_tangents
from checkgrad.measure.claim_noise import claim_noise_of
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.numerics.decide import decide
from checkgrad.numerics.decisions import Decisions, Verdict
from checkgrad.numerics.samples import Flags
from checkgrad.numerics.thresholds import thresholds
from checkgrad.parsed import ParsedProblem
from checkgrad.precision import default_rtol
from checkgrad.refine.complex_step import refine_by_complex_steps
from checkgrad.refine.first_look import certify_together
from checkgrad.refine.groups import has_groups
from checkgrad.refine.loop import refine
from checkgrad.refine.spec import BaseValues
from checkgrad.report.results import OutputResult
from checkgrad.unfinished import FoundSoFar

_NOT_ANALYTIC = (
    "complex steps and differences disagree: func is not analytic (does it take a modulus, a real "
    "part or a conjugate?); differences count"
)


@dataclass(frozen=True)
class ClaimOfOutputs:
    """A claim, and what is to be looked at.

    Attributes
    ----------
    parsed : ParsedProblem
        What the check works with.
    near : Neighbourhood
        The surroundings of x0, and the outputs.
    plan : DirectionPlan
        Which directions to look along.
    gradients : sequence of ClaimedGradient
        The claim at x0, output by output.
    dtype_epsilon : array, shape (outputs,)
        The machine epsilon of the coarser of the dtypes of x0 and of each output.
    axes : Axes or None
        The coordinate axes, if the plan has them. They know all values that were asked for.
    found : FoundSoFar
        What is reported if the check is stopped.
    """

    parsed: ParsedProblem
    near: Neighbourhood
    plan: DirectionPlan
    gradients: Sequence[ClaimedGradient]
    dtype_epsilon: Floats
    axes: Axes | None
    found: FoundSoFar = field(default_factory=FoundSoFar)

    @property
    def outputs(self) -> Outputs:
        """The outputs."""
        return self.near.outputs

    @property
    def expected_evaluations(self) -> int:
        """About how many evaluations of ``func`` it takes to find that a claim is right."""
        many = self.parsed.point.size if self.axes is not None else 0
        in_groups = self.outputs.count == 1 and many >= thresholds().fewest_for_groups
        return 2 * self.plan.tangents + (many // 2 if in_groups else 2 * many)

    def directions_along(self, tangents: ChosenTangents) -> list[Directions]:
        """Return the directions of every output along some tangents."""
        return self._along(tangents, self.outputs, self.gradients)

    def along_estimate(
        self, tangents: ChosenTangents, chosen: Sequence[int], estimates: Sequence[Floats]
    ) -> list[Directions]:
        """Return the directions of some outputs, where estimates stand for the claim.

        Parameters
        ----------
        tangents : ChosenTangents
            The tangents.
        chosen : sequence of int
            The outputs.
        estimates : sequence of array, shape (coordinates,)
            Their derivatives.
        """
        point = self.parsed.point
        gradients = [GradientByLeaves(point.from_host(each), point) for each in estimates]
        return self._along(tangents, self.outputs.take(chosen), gradients)

    def _along(
        self, tangents: ChosenTangents, outputs: Outputs, gradients: Sequence[ClaimedGradient]
    ) -> list[Directions]:
        parsed = self.parsed
        claim = ClaimAtX0(parsed.claim, outputs, gradients)
        return tangents.directions(parsed.evaluator, outputs, claim, gradients, parsed.bounds)


def judge_outputs(
    claim: ClaimOfOutputs,
    base: BaseValues,
    chosen: Flags,
    thorough: bool = True,
    suffices: Callable[[OutputResult], bool] | None = None,
) -> Iterator[OutputResult]:
    """Yield what is found of each of the outputs in `chosen`, along axes and then along tangents.

    Once several outputs are wrong, the others are sampled at few steps only: the verdict does not
    depend on them.

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
    claim.found.start()
    limits, wrong_outputs = thresholds(), 0
    entries, count = len(claim.outputs.entries), claim.outputs.count
    for axes, directions in _direction_sets(claim, base.value):
        one_by_one = claim.parsed.form == "vjp"
        claim_noise = claim_noise_of(claim.near, claim.parsed.claim, directions, one_by_one)
        siblings = _sibling_scales(claim, directions)
        exact = None
        if claim.parsed.options.method == "complex-step":
            exact = _ExactDerivatives.along(claim, directions)
        specs = [
            base.spec(
                along, partial(claim_noise, output), axes is not None and output < entries, sibling
            )
            for output, (along, sibling) in enumerate(zip(directions, siblings, strict=True))
        ]
        claim.found.ask(directions, specs, claim.dtype_epsilon)
        # Few of many outputs have steps in common.
        grouped = axes if count == 1 and entries else None
        looks = exact is None and (grouped is None or not has_groups(specs[0]))
        certified: list[Decisions | None] = [None] * count
        if looks:
            entries = claim.parsed.point.size if suffices is not None else 0
            certified = certify_together(directions[0].lines, specs, entries)
        claim.found.certify(specs, certified)
        most = limits.wrong_outputs if axes is not None else limits.wrong_outputs_along_tangents
        for output in np.flatnonzero(chosen).tolist():
            along, spec = directions[output], specs[output]
            closely = thorough and wrong_outputs < most
            decisions, note = certified[output], ""
            epsilon = float(claim.dtype_epsilon[output])
            if decisions is not None and suffices is not None:
                seen = OutputResult(along, decisions, spec, epsilon)
                decisions = decisions if seen.is_resolved or suffices(seen) else None
            if exact is not None:
                if exact.agree_with_differences(output, base):
                    decisions = refine_by_complex_steps(spec, exact.steps, output, closely)
                else:
                    note = _NOT_ANALYTIC
            if decisions is None:
                decisions = refine(spec, closely, grouped)
            wrong_outputs += bool(np.any(decisions.wrong))
            yield claim.found.note(OutputResult(along, decisions, spec, epsilon, note))


def judge_louder(
    claim: ClaimOfOutputs, results: Sequence[OutputResult], base: BaseValues, chosen: Flags
) -> list[OutputResult]:
    """Return results, with the outputs judged again that more noise may decide on otherwise.

    An output is wrong as before where its noise grows little, and its wrong claims stand out of an
    uncertainty that grows as much.

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
    found = [*kept, *judge_outputs(claim, base, louder, thorough)]
    return sorted(found, key=lambda each: (not each.directions.are_axes, each.output))


def _decided_again(result: OutputResult, base: BaseValues) -> OutputResult:
    """Return a result with what is known of the rounding of terms and of slopes by now."""
    decisions, output = result.decisions, result.output
    if np.all(decisions.resolved):
        return result
    terms, slope_noise = float(base.terms[output]), float(base.slope_noise[output])
    spec = replace(result.spec, terms=terms, slope_noise=slope_noise)
    criteria = replace(
        decisions.criteria, term_slope=spec.term_slope, slope_rounding=spec.slope_rounding
    )
    again = decide(decisions.claim, decisions.estimate, decisions.claim_noise, criteria)
    return replace(result, decisions=again, spec=spec)


def _direction_sets(
    claim: ClaimOfOutputs, value: Floats
) -> Iterator[tuple[Axes | None, list[Directions]]]:
    """Yield the directions of all outputs: along the axes, and along the tangents of the plan."""
    parsed, axes = claim.parsed, claim.axes
    if axes is not None:
        yield (
            axes,
            [
                coordinate_directions(
                    axes, output, gradient, parsed.point, parsed.bounds, float(value[output])
                )
                for output, gradient in enumerate(claim.gradients)
            ],
        )
    known = parsed.point, claim.gradients, parsed.bounds, value, parsed.rng
    tangents = planned_tangents(claim.plan, *known)
    if tangents is not None:
        directions = claim.directions_along(tangents)
        del tangents  # whose sizes take memory too
        yield None, directions


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


@dataclass(frozen=True)
class _ExactDerivatives:
    """Complex steps, and directions along which differences are to agree with them."""

    steps: ComplexSteps
    control: list[Directions]

    @classmethod
    def along(cls, claim: ClaimOfOutputs, directions: Sequence[Directions]) -> _ExactDerivatives:
        """Return those along some directions: themselves, or a random tangent for axes."""
        parsed, outputs = claim.parsed, claim.outputs
        size = outputs.weights.shape[1] if parsed.reader is not None else 1
        tangents = directions[0].tangents
        steps = ComplexSteps(parsed.evaluator, outputs, size, tangents)
        if tangents is not None:
            return cls(
                steps,
                [
                    replace(each, claim=steps.derivative(output))
                    for output, each in enumerate(directions)
                ],
            )
        estimates = [steps.derivative(output) for output in range(outputs.count)]
        random = random_tangents(parsed.point, None, parsed.bounds, 0.0, parsed.rng, 1)
        return cls(steps, claim.along_estimate(random, range(outputs.count), estimates))

    def agree_with_differences(self, output: int, base: BaseValues) -> bool:
        """Return whether complex steps agree with differences, as those of a real part do not."""
        along = self.control[output]
        spec = base.spec(along, lambda: np.zeros(along.count), kink_is_isolated=False)
        spec = replace(spec, rtol=max(spec.rtol, default_rtol(spec.epsilon)))
        return refine(spec).verdict is Verdict.CORRECT
