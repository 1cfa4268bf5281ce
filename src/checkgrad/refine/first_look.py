"""The first look: one pair of steps along each direction, for all outputs at once.

Most claims are right, and one central quotient certifies them: two independent numbers that agree
to a tenth of `rtol` do not do so by accident. This module certifies the outputs of which every
claim agrees. `checkgrad.refine.loop` refines the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from checkgrad.evaluate.budget import Stopped
from checkgrad.numerics.decide import decide
from checkgrad.numerics.decisions import Criteria, Decisions
from checkgrad.numerics.estimate import Estimate
from checkgrad.numerics.samples import Floats, Places
from checkgrad.numerics.thresholds import thresholds
from checkgrad.precision import digits_of, has_few_digits
from checkgrad.refine.first_step import first_steps_of
from checkgrad.refine.spec import CheckSpec

# The parts of the digits of func that a step along a tangent is short by at least if it is made
# longer for the sake of single entries: beside the scale, which fits the largest entry, and beside
# a step that moves a typical coordinate by about itself. Truncation is far below rtol / 10 there,
# also where func is curved.
_LONGEST_FOR_LARGEST, _LONGEST_FOR_TYPICAL = 0.22, 0.3


class SampledOutputs(Protocol):
    """Lines through x0 that ``func`` is sampled along, for several outputs at once."""

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """See `checkgrad.refine.spec.SampledDirections.sample`: values of shape (n, outputs)."""


def certify_together(
    lines: SampledOutputs, specs: Sequence[CheckSpec], entries: int = 0
) -> list[Decisions | None]:
    """Certify what can be certified by one central quotient along each direction.

    All outputs are sampled at the same steps, which cost two evaluations of ``func`` for each
    direction, however many outputs there are.

    Parameters
    ----------
    lines : SampledOutputs
        Samples the outputs, in the order of `specs`.
    specs : sequence of CheckSpec
        What is to be checked, of each output along the same directions.
    entries : int
        If given, the directions are tangents of so many coordinates. The step is then long enough
        to show an error of `rtol` in a single typical entry, as far as truncation allows, and open
        decisions are returned too.

    Returns
    -------
    list of Decisions or None
        The decisions on an output if all its claims are certified, or of `entries`; else None. In
        few digits it is None, too.

    Raises
    ------
    Stopped
        If the budget is spent. It keeps what is known by then: pairs of a spec and decisions.
    """
    epsilon = np.asarray([spec.epsilon for spec in specs])
    if not specs or has_few_digits(float(np.max(epsilon))):
        return [None] * len(specs)  # in few digits numbers agree by accident
    claim = np.stack([spec.claim for spec in specs])
    sigma = np.asarray([[spec.sigma_at_x0] for spec in specs])
    stopped = None
    steps = _steps(claim, sigma, specs, entries)
    try:
        value, rounding = _central_quotients(lines, steps, sigma, epsilon)
    except Stopped as stop:
        (value, rounding), stopped = stop.kept, stop
    unknown = np.full(value.size, np.inf)
    estimate = Estimate.of_values(value.ravel(), unknown, rounding.ravel())
    criteria = _criteria(claim, specs)
    together = decide(claim.ravel(), estimate, np.zeros(value.size), criteria)
    found: list[Decisions | None] = []
    count = claim.shape[1]
    for output, spec in enumerate(specs):
        here = slice(output * count, (output + 1) * count)
        if np.all(together.resolved[here]) or stopped is not None or entries:
            negligible = np.asarray(criteria.may_be_negligible)[here]
            own = spec.criteria(_largest(claim[output]), negligible, np.zeros(count, dtype=bool))
            found.append(together.take(here, own))
        else:
            found.append(None)
    if stopped is not None:
        raise stopped.keeping(list(zip(specs, found, strict=True)))
    return found


def _steps(claim: Floats, sigma: Floats, specs: Sequence[CheckSpec], entries: int) -> Floats:
    """Return a step along each direction: the one in the middle of what the outputs ask for."""
    scale = np.stack([spec.directions.scale for spec in specs])
    rtol = np.asarray([[spec.rtol] for spec in specs])
    digits = digits_of(max(spec.epsilon for spec in specs))
    powers = first_steps_of(claim, scale, sigma, rtol, digits)
    if entries:
        single = first_steps_of(claim, scale, sigma, rtol / math.sqrt(entries), digits)
        longest = np.log2(scale).astype(np.intp) - round(_LONGEST_FOR_LARGEST * digits)
        longest = np.minimum(longest, -round(_LONGEST_FOR_TYPICAL * digits))
        powers = np.maximum(powers, np.minimum(single, longest))
    powers = np.sort(powers, axis=0)
    steps: Floats = np.ldexp(1.0, powers[len(specs) // 2])
    return steps


def _central_quotients(
    lines: SampledOutputs, steps: Floats, sigma: Floats, epsilon: Floats
) -> tuple[Floats, Floats]:
    """Return the quotients and their rounding errors, shape (outputs, directions).

    `Stopped` keeps the same.
    """
    limits, count = thresholds(), steps.size
    which = np.tile(np.arange(count), 2)
    stopped = None
    try:
        lengths, values = lines.sample(which, np.concatenate([steps, -steps]))
    except Stopped as stop:
        (lengths, values), stopped = stop.kept, stop
    span = (lengths[:count] + lengths[count:])[:, None]
    forward, backward = values[:count], values[count:]
    with np.errstate(all="ignore"):
        largest = np.fmax(np.abs(forward), np.abs(backward))
        noise = np.fmax(sigma[:, 0], limits.rounding_sigma * epsilon * largest)
        found = ((forward - backward) / span).T, (limits.coverage * noise / (span / 2)).T
    if stopped is not None:
        raise stopped.keeping(found)
    return found


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
