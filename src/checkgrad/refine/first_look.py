"""The first look: one pair of steps along each direction, for all outputs at once.

Most claims are right, and one central quotient certifies them: two independent numbers that agree
to a tenth of `rtol` do not do so by accident. This module certifies the outputs of which every
claim agrees. `checkgrad.refine.loop` refines the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from checkgrad.evaluate.budget import StoppableCall
from checkgrad.numerics.decide import decide
from checkgrad.numerics.decisions import Criteria, Decisions
from checkgrad.numerics.estimate import Estimate
from checkgrad.numerics.samples import Floats, Places, Samples
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import digits_of
from checkgrad.refine.first_step import first_steps_of
from checkgrad.refine.progress import Look
from checkgrad.refine.spec import CheckSpec

# A step along a tangent may be made longer, to show single entries. It stays shorter than the
# scale, which fits the largest entry, and than a step that moves a typical coordinate by about
# itself, by these parts of the digits of func. Truncation is far below rtol / 10 there, also for a
# curved func.
_LONGEST_FOR_LARGEST, _LONGEST_FOR_TYPICAL = 0.22, 0.3


class SampledOutputs(Protocol):
    """Lines through x0 that ``func`` is sampled along, for several outputs at once."""

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """See `checkgrad.refine.spec.SampledDirections.sample`: values of shape (n, outputs)."""


class FirstLook:
    """One pair of steps along each direction, and what all outputs are there.

    All outputs are sampled at the same steps, which cost two evaluations of ``func`` for each
    direction, however many outputs there are. Claims may be compared again with what was sampled,
    when more is known of the noise.
    """

    def __init__(self, lines: SampledOutputs) -> None:
        self._lines = lines
        self._sampled: _Sampled | None = None
        self._rounds: list[tuple[Places, Floats]] = []

    def decide(self, specs: Sequence[CheckSpec], entries: int = 0) -> list[Decisions]:
        """Return the decisions on each output by one central quotient along each direction.

        Parameters
        ----------
        specs : sequence of CheckSpec
            What is to be checked, of each output along the same directions.
        entries : int
            If given, the directions are tangents of so many coordinates. The step is then long
            enough to show an error of `rtol` in a single typical entry, as far as truncation
            allows.

        Raises
        ------
        Stopped
            If the budget is spent. It keeps what is known by then: pairs of a spec and decisions.
        """
        claim = np.stack([spec.claim for spec in specs])
        sigma = np.asarray([[spec.sigma_at_x0] for spec in specs])
        call = StoppableCall()
        if self._sampled is None:
            powers = _powers(claim, sigma, specs, entries)
            with call:
                call.found = _Sampled.along(self._lines, powers)
            self._sampled = call.found
        value, rounding = _central_quotients(self._sampled, sigma, specs)
        unknown = np.full(value.size, np.inf)
        estimate = Estimate.of_values(value.ravel(), unknown, rounding.ravel())
        criteria = _criteria(claim, specs)
        together = decide(claim.ravel(), estimate, np.zeros(value.size), criteria)
        found, count = [], claim.shape[1]
        for output, spec in enumerate(specs):
            here = slice(output * count, (output + 1) * count)
            negligible = np.asarray(criteria.may_be_negligible)[here]
            own = spec.criteria(_largest(claim[output]), negligible, np.zeros(count, dtype=bool))
            found.append(together.take(here, own))
        if call.stop is not None:
            self._sampled = None
            raise call.stop.keeping(list(zip(specs, found, strict=True)))
        return found

    def of_output(self, output: int, spec: CheckSpec) -> Look:
        """Return what was found of an output.

        Parameters
        ----------
        output : int
            Its place among the outputs.
        spec : CheckSpec
            What is to be checked of it.
        """
        assert self._sampled is not None
        powers, lengths, values = self._sampled
        samples = Samples(
            value=spec.value,
            forward=lengths[:1],
            forward_values=values[:1, :, output],
            backward=lengths[1:],
            backward_values=values[1:, :, output],
            sigma=spec.sigma,
            epsilon=spec.epsilon,
            scale=spec.directions.scale,
            smoothness_length=spec.smoothness_length,
            scale_is_guess=spec.scale_is_guess,
        )
        return Look(powers, samples, self._rounds)


class _Sampled(NamedTuple):
    """All outputs at one step to either side along each direction."""

    powers: npt.NDArray[np.intp]  # log2 of the steps
    lengths: Floats  # of the steps that were really taken, shape (2, directions)
    values: Floats  # shape (2, directions, outputs)

    @classmethod
    def along(cls, lines: SampledOutputs, powers: npt.NDArray[np.intp]) -> _Sampled:
        """Sample along lines. `Stopped` keeps what was sampled by then."""
        steps, which = np.ldexp(1.0, powers), np.tile(np.arange(powers.size), 2)
        with StoppableCall() as call:
            call.found = lines.sample(which, np.concatenate([steps, -steps]))
        lengths, values = call.found
        sampled = cls(powers, lengths.reshape(2, -1), values.reshape(2, powers.size, -1))
        if call.stop is not None:
            raise call.stop.keeping(sampled)
        return sampled


def _powers(
    claim: Floats, sigma: Floats, specs: Sequence[CheckSpec], entries: int
) -> npt.NDArray[np.intp]:
    """Return log2 of a step along each direction: in the middle of what the outputs ask for."""
    scale = np.stack([spec.directions.scale for spec in specs])
    rtol = np.asarray([[spec.rtol] for spec in specs])
    digits = digits_of(max(spec.epsilon for spec in specs))
    powers = first_steps_of(claim, scale, sigma, rtol, digits)
    if entries:
        single = first_steps_of(claim, scale, sigma, rtol / math.sqrt(entries), digits)
        longest = np.log2(scale).astype(np.intp) - round(_LONGEST_FOR_LARGEST * digits)
        longest = np.minimum(longest, -round(_LONGEST_FOR_TYPICAL * digits))
        powers = np.maximum(powers, np.minimum(single, longest))
    middle: npt.NDArray[np.intp] = np.sort(powers, axis=0)[len(specs) // 2]
    return middle


def _central_quotients(
    sampled: _Sampled, sigma: Floats, specs: Sequence[CheckSpec]
) -> tuple[Floats, Floats]:
    """Return the quotients and their rounding errors, shape (outputs, directions)."""
    limits = thresholds()
    epsilon = np.asarray([spec.epsilon for spec in specs])
    forward, backward = sampled.values
    span = np.sum(sampled.lengths, axis=0)[:, None]
    with np.errstate(all="ignore"):
        largest = np.fmax(np.abs(forward), np.abs(backward))
        noise = np.fmax(sigma[:, 0], limits.rounding_sigma * epsilon * largest)
        return ((forward - backward) / span).T, (limits.coverage * noise / (span / 2)).T


def _criteria(claim: Floats, specs: Sequence[CheckSpec]) -> Criteria:
    """Return what decisions on all outputs depend on."""

    def each(numbers: Sequence[float]) -> Floats:
        return np.repeat(numbers, claim.shape[1])

    return Criteria(
        rtol=each([spec.rtol for spec in specs]),
        scale=each([_largest(row) for row in claim]),
        may_be_negligible=np.concatenate([spec.small_claims for spec in specs]),
        fully_sampled=False,
        tangent_scale=each([spec.tangent_scale for spec in specs]),
        sibling_scale=each([spec.sibling_scale for spec in specs]),
        coefficient_rounding=np.concatenate([spec.coefficient_rounding for spec in specs]),
    )


def _largest(claim: Floats) -> float:
    return float(np.max(np.abs(claim[np.isfinite(claim)]), initial=0.0))
