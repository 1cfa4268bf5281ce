"""The claim on all outputs, and the axes and tangents that they are looked along.

This module keeps what was sampled along them. `checkgrad.stages.judging` decides what to sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from checkgrad.arrays.point import Floats
from checkgrad.claims.linear_map import ClaimAtX0, GradientByLeaves
from checkgrad.evaluate.axes import Axes
from checkgrad.evaluate.directions import ClaimedGradient, Directions, coordinate_directions
from checkgrad.evaluate.outputs import Outputs
from checkgrad.evaluate.plan import DirectionPlan
from checkgrad.evaluate.planned_tangents import planned_tangents
from checkgrad.evaluate.tangent_choice import ChosenTangents
from checkgrad.measure.neighbourhood import Neighbourhood
from checkgrad.numerics.thresholds import thresholds
from checkgrad.refine.first_look import FirstLook
from checkgrad.refine.groups import Groups, group_size, has_groups
from checkgrad.refine.spec import CheckSpec
from checkgrad.stages.base_values import rtol_of
from checkgrad.stages.parsed import ParsedProblem
from checkgrad.stages.unfinished import FoundSoFar

# Evaluations besides those along the directions, about: x0 again, a second point, control points.
_OTHERS = 12


class LookAlong:
    """The directions of all outputs along axes or tangents, and what is sampled along them first.

    Attributes
    ----------
    directions : list of Directions
        Of every output.
    first : FirstLook
        One pair of steps along each.
    groups : Groups or None
        Several at a time, for a single output along axes.
    """

    def __init__(self, directions: list[Directions], grouped: Axes | None) -> None:
        self.directions = directions
        self.first = FirstLook(directions[0].lines)
        self.groups = None if grouped is None else Groups(grouped)

    def has_groups(self, specs: Sequence[CheckSpec]) -> bool:
        """Return whether the claims of a single output are certified in groups."""
        return self.groups is not None and has_groups(specs[0])


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
    looks : dict of bool to LookAlong or None
        What is known along the axes (True) and along tangents, once it was asked for; None if the
        plan has none of them.
    """

    parsed: ParsedProblem
    near: Neighbourhood
    plan: DirectionPlan
    gradients: Sequence[ClaimedGradient]
    dtype_epsilon: Floats
    axes: Axes | None
    found: FoundSoFar = field(default_factory=FoundSoFar)
    looks: dict[bool, LookAlong | None] = field(default_factory=dict)

    @property
    def outputs(self) -> Outputs:
        """The outputs."""
        return self.near.outputs

    @property
    def expected_evaluations(self) -> int:
        """About how many evaluations of ``func`` it takes to find that a claim is right."""
        many, size = self.parsed.point.size if self.axes is not None else 0, 1
        if self.outputs.count == 1 and many >= thresholds().few:
            (rtol,) = rtol_of(self.parsed, self.dtype_epsilon).tolist()
            size = group_size(many, float(self.dtype_epsilon[0]), rtol)
        return 2 * (self.plan.tangents + many // size) + _OTHERS

    def random_tangents(self, count: int) -> ChosenTangents:
        """Return so many more random tangents, as those of a plan are."""
        tangents = self._planned_tangents(DirectionPlan(axes=False, tangents=count))
        assert tangents is not None
        return tangents

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

    def looks_along(self) -> Iterator[LookAlong]:
        """Yield what all outputs are sampled along: the axes, and the tangents of the plan."""
        for are_axes, make in ((True, self._along_axes), (False, self._along_tangents)):
            if are_axes not in self.looks:
                self.looks[are_axes] = make()
            look = self.looks[are_axes]
            if look is not None:
                yield look

    def _along_axes(self) -> LookAlong | None:
        if self.axes is None:
            return None
        point, bounds = self.parsed.point, self.parsed.bounds
        directions = [
            coordinate_directions(self.axes, output, gradient, point, bounds, value)
            for output, (gradient, value) in enumerate(
                zip(self.gradients, self.near.value.tolist(), strict=True)
            )
        ]
        # Few of many outputs have steps in common.
        alone = len(self.gradients) == 1 and len(self.outputs.entries) == 1
        return LookAlong(directions, self.axes if alone else None)

    def _along_tangents(self) -> LookAlong | None:
        tangents = self._planned_tangents(self.plan)
        return None if tangents is None else LookAlong(self.directions_along(tangents), None)

    def _planned_tangents(self, plan: DirectionPlan) -> ChosenTangents | None:
        parsed, value = self.parsed, self.near.value
        known = parsed.point, self.gradients, parsed.bounds, value, parsed.rng
        return planned_tangents(plan, *known)
