"""What is known of each direction so far, and which directions are sampled further."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from checkgrad.evaluate.budget import StoppableCall
from checkgrad.numerics.decide import decide, scale_of
from checkgrad.numerics.decisions import Decisions
from checkgrad.numerics.estimate import Estimate, estimate
from checkgrad.numerics.findings import put
from checkgrad.numerics.samples import Flags, Floats, Places, Samples
from checkgrad.numerics.thresholds import thresholds
from checkgrad.refine.first_step import first_steps
from checkgrad.refine.spec import CheckSpec

State: TypeAlias = tuple[Places, npt.NDArray[np.intp], npt.NDArray[np.intp], Samples | None]


@dataclass(frozen=True)
class Look:
    """A first look along all directions: one pair of steps along each.

    Attributes
    ----------
    powers : array of int, shape (directions,)
        log2 of the steps.
    samples : Samples
        What was found, one row.
    rounds : list of (array of int, array)
        Along which directions, and at which step along each, some output was sampled after that.
        Where all steps were sampled, none of them is here.
    """

    powers: npt.NDArray[np.intp]
    samples: Samples
    rounds: list[tuple[Places, Floats]]


class Progress:
    """The state of one refinement.

    Attributes
    ----------
    spec : CheckSpec
        What is to be checked.
    estimate : Estimate
        Of all directions, as far as they were sampled.
    claim_noise : array, shape (directions,)
        The rounding error of the claim, 0 until it is measured.
    fully_sampled, may_be_negligible : array of bool, shape (directions,)
        As in `checkgrad.numerics.decisions.Criteria`.
    active : array of int
        The directions that are sampled further. The next three are theirs.
    first : array of int
        log2 of their first steps.
    powers : array of int, shape (steps, active directions)
        log2 of their steps so far, relative to `first`.
    samples : Samples or None
        Of `func` along them.
    rounds : list of (array of int, array)
        As in `Look`.
    """

    def __init__(self, spec: CheckSpec) -> None:
        count = spec.directions.count
        infinite = np.full(count, np.inf)
        self.spec = spec
        self.estimate = Estimate.of_values(np.full(count, np.nan), infinite, infinite)
        self.claim_noise = np.zeros(count)
        self._knows_claim_noise = False
        self.rounds: list[tuple[Places, Floats]] = []
        self.fully_sampled = np.zeros(count, dtype=bool)
        self.may_be_negligible: Flags = spec.small_claims
        self._first_of_all = first_steps(spec)
        self.start(np.arange(count))

    def start(self, directions: Places) -> None:
        """Begin with some directions, of which nothing is known."""
        self.active = directions
        self.first = self.first_of(directions)
        self.powers = np.empty((0, directions.size), dtype=int)
        self.samples: Samples | None = None

    def start_with(self, look: Look) -> None:
        """Begin with all directions, of which a first look is known."""
        self.start(np.arange(self.spec.directions.count))
        self.powers = (look.powers - self.first)[None]
        self.rounds = look.rounds
        self._note(look.samples)

    def first_of(self, directions: Places) -> npt.NDArray[np.intp]:
        """Return log2 of the first steps of some directions."""
        first: npt.NDArray[np.intp] = self._first_of_all[directions]
        return first

    def state(self) -> State:
        """Return what is known of the active directions, to come back to."""
        return self.active, self.first, self.powers, self.samples

    def resume(self, state: State, chosen: Places) -> None:
        """Come back to some of the directions of a state."""
        self.active, self.first, self.powers, self.samples = state
        self.focus(chosen)

    def focus(self, chosen: Places) -> None:
        """Keep some of the active directions, and no others."""
        self.active, self.first = self.active[chosen], self.first[chosen]
        self.powers = self.powers[:, chosen]
        if self.samples is not None:
            self.samples = self.samples.take(chosen)

    def retire(self, done: Flags) -> None:
        """Sample the active directions in `done` no further."""
        self.focus(np.flatnonzero(~done))

    def held(self) -> Samples:
        """Return the samples of the active directions."""
        assert self.samples is not None
        return self.samples

    def sample(self, steps: Floats) -> None:
        """Sample both sides of the active directions, at `steps` of shape (steps, directions).

        Raises
        ------
        Stopped
            If the budget is spent. It keeps what is known by then: pairs of a spec and decisions.
        """
        spec, active = self.spec, self.active
        both = np.stack([steps, -steps])
        which = np.broadcast_to(active, both.shape)
        with StoppableCall() as call:
            call.found = spec.directions.sample(which.ravel(), both.ravel())
        lengths, values = (part.reshape(both.shape) for part in call.found)
        new = Samples(
            value=spec.value,
            forward=lengths[0],
            forward_values=values[0],
            backward=lengths[1],
            backward_values=values[1],
            sigma=spec.sigma,
            epsilon=spec.epsilon,
            scale=spec.directions.scale[active],
            smoothness_length=spec.smoothness_length[active],
            scale_is_guess=spec.scale_is_guess[active],
        )
        self._note(new if self.samples is None else self.samples.joined(new))
        if call.stop is not None:
            raise call.stop.keeping([(spec, self.decide())])

    def _note(self, samples: Samples) -> None:
        self.samples = samples
        self.estimate = self.estimate.put(self.active, estimate(samples))

    def forget(self, directions: Places) -> None:
        """Drop the estimates along some directions."""
        unknown = np.full(directions.size, np.inf)
        nothing = Estimate.of_values(np.full(directions.size, np.nan), unknown, unknown)
        self.estimate = self.estimate.put(directions, nothing)

    def trust_one_step(self, once: Estimate, followed: Places, others: Places) -> None:
        """Take estimates of one step to be as good along `others` as along what was `followed`.

        Random tangents are alike: the same step misses the derivative along each by about the same
        part of what the claim says of a typical one.

        Parameters
        ----------
        once : Estimate
            The estimates of one step, along all directions.
        followed : array of int
            The directions of which the derivative is known by now.
        others : array of int
            Those of which it is not.
        """
        claim, scale = self.spec.claim, self.spec.tangent_scale
        final = self.estimate.take(followed)
        size = np.fmax(scale, np.fmax(np.abs(claim[followed]), np.abs(final.value)))
        with np.errstate(all="ignore"):
            off = np.abs(once.value[followed] - final.value) + final.uncertainty
            part = thresholds().safety * np.max(off / size)
        if np.isfinite(part):
            first = once.take(others)
            size = np.fmax(scale, np.fmax(np.abs(claim[others]), np.abs(first.value)))
            estimate = replace(first, uncertainty=first.rounding + part * size)
            self.estimate = self.estimate.put(others, estimate)

    def measure_claim_noise(self) -> None:
        """Measure the rounding error of the claim, once."""
        if not self._knows_claim_noise:
            self.claim_noise = self.spec.claim_noise()
            self._knows_claim_noise = True

    def decide(self) -> Decisions:
        """Return the decisions along all directions."""
        return self._decide(slice(None))

    def decide_active(self) -> Decisions:
        """Return the decisions along the active directions."""
        return self._decide(self.active)

    def decide_for(self, chosen: Places) -> Decisions:
        """Return the decisions along some directions."""
        return self._decide(chosen)

    def mark_fully_sampled(self, directions: Places) -> None:
        """Note that some directions were sampled at all steps."""
        self.fully_sampled = put(self.fully_sampled, directions, np.asarray(True))

    def allow_negligible(self, chosen: Places | slice) -> None:
        """Let some directions be negligible, if they are that small."""
        self.may_be_negligible = put(self.may_be_negligible, chosen, np.asarray(True))

    def _decide(self, chosen: Places | slice) -> Decisions:
        spec = self.spec
        scale = scale_of(spec.claim, self.estimate)
        criteria = spec.criteria(
            scale, self.may_be_negligible[chosen], self.fully_sampled[chosen], chosen
        )
        part = self.estimate.take(chosen)
        return decide(spec.claim[chosen], part, self.claim_noise[chosen], criteria)
