"""Findings: what detectors see in the samples that is not smooth, and how findings compose.

A finding may widen the interval of valid derivatives, excuse claims in a range, name another value
that the samples support, bound a slope that noise would hide, or block a decision. Findings compose
by hull, maximum and union, so that their order does not matter. `checkgrad.numerics.decide` reads
the composition.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.numerics.samples import Flags, Floats

_COARSE_ESTIMATES = 2  # detectors that give one: staircase and coarse


class Kind(enum.Enum):
    """What a detector looks for."""

    KINK = "kink"
    JUMP = "jump"
    EDGE = "edge"
    STAIRCASE = "staircase"
    COARSE = "coarse"
    ROUNDED_FACTOR = "rounded factor"
    HIDDEN = "hidden"
    DIVERGING = "diverging"
    FINER = "finer"
    ONE_SIDED = "one-sided"
    BELOW_NOISE = "below noise"
    TIE = "tie"
    ANOTHER_FUNCTION = "another function in float64"
    LOUDER = "wrong by more noise only"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Finding:
    """What one detector saw, direction by direction.

    Attributes
    ----------
    kind : Kind
        What it looked for.
    seen : array of bool, shape (directions,)
        Where it was seen.
    subgradient_low, subgradient_high : array, shape (directions,)
        Every derivative between them is valid. NaN where the finding says nothing of this.
    one_sided_low, one_sided_high : array, shape (directions,)
        A claim between them is not called wrong: the samples of one side of x0 support it. NaN
        where the finding says nothing of this.
    finer_low, finer_high : array, shape (directions,)
        A claim between them is not called wrong: the finer steps support it together. NaN where
        the finding says nothing of this.
    coarse_estimate : array, shape (directions,)
        Another value that the samples support, NaN where there is none.
    undetectable_slope : array, shape (directions,)
        The derivative that a feature of ``func`` may have that its noise would hide, else 0.
    blocks_correct, blocks_wrong : array of bool, shape (directions,)
        Where a claim cannot be called correct, or cannot be called wrong.
    """

    kind: Kind
    seen: Flags
    subgradient_low: Floats
    subgradient_high: Floats
    one_sided_low: Floats
    one_sided_high: Floats
    finer_low: Floats
    finer_high: Floats
    coarse_estimate: Floats
    undetectable_slope: Floats
    blocks_correct: Flags
    blocks_wrong: Flags

    @classmethod
    def of(cls, kind: Kind, seen: Flags, **effects: npt.NDArray[Any]) -> Finding:
        """Return a finding with the given `effects`, and no others."""
        unknown, nothing = np.full(seen.shape, np.nan), np.zeros(seen.shape)
        no = np.zeros(seen.shape, dtype=bool)
        neutral: dict[str, npt.NDArray[Any]] = {
            "subgradient_low": unknown,
            "subgradient_high": unknown,
            "one_sided_low": unknown,
            "one_sided_high": unknown,
            "finer_low": unknown,
            "finer_high": unknown,
            "coarse_estimate": unknown,
            "undetectable_slope": nothing,
            "blocks_correct": no,
            "blocks_wrong": no,
        }
        return cls(kind, seen, **(neutral | effects))


@dataclass(frozen=True)
class Findings:
    """The composition of all findings, direction by direction; fields as in `Finding`.

    Attributes
    ----------
    coarse_estimates : array, shape (2, directions)
        The other values that the samples support, in order, NaN beyond them.
    seen : dict of Kind to array of bool
        Where each kind was seen.
    """

    subgradient_low: Floats
    subgradient_high: Floats
    one_sided_low: Floats
    one_sided_high: Floats
    finer_low: Floats
    finer_high: Floats
    coarse_estimates: Floats
    undetectable_slope: Floats
    blocks_correct: Flags
    blocks_wrong: Flags
    seen: dict[Kind, Flags]

    @classmethod
    def none(cls, count: int) -> Findings:
        """Return the composition of no findings, for `count` directions."""
        nowhere, no = np.full(count, np.nan), np.zeros(count, dtype=bool)
        return cls(
            subgradient_low=nowhere,
            subgradient_high=nowhere,
            one_sided_low=nowhere,
            one_sided_high=nowhere,
            finer_low=nowhere,
            finer_high=nowhere,
            coarse_estimates=np.full((_COARSE_ESTIMATES, count), np.nan),
            undetectable_slope=np.zeros(count),
            blocks_correct=no,
            blocks_wrong=no,
            seen=dict.fromkeys(Kind, no),
        )

    def take(self, chosen: Any) -> Findings:
        """Return the findings of some of the directions."""
        return Findings(
            **{name: part[..., chosen] for name, part in self._arrays().items()},
            seen={kind: flags[chosen] for kind, flags in self.seen.items()},
        )

    def put(self, chosen: Any, other: Findings) -> Findings:
        """Return these findings with those of some directions replaced by `other`."""
        theirs = other._arrays()
        return Findings(
            **{name: put(part, chosen, theirs[name]) for name, part in self._arrays().items()},
            seen={kind: put(self.seen[kind], chosen, other.seen[kind]) for kind in Kind},
        )

    def blocking_wrong(self, kind: Kind, where: Flags | bool = True) -> Findings:
        """Return these findings with one more, of a `kind`: no claim is wrong `where` it holds."""
        there = np.broadcast_to(where, self.blocks_wrong.shape)
        seen = self.seen | {kind: self.seen[kind] | there}
        return replace(self, blocks_wrong=self.blocks_wrong | there, seen=seen)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {name: part for name, part in vars(self).items() if name != "seen"}


def compose(findings: Sequence[Finding]) -> Findings:
    """Return the composition of findings, which does not depend on their order.

    Examples
    --------
    >>> jump = Finding.of(Kind.JUMP, np.array([True]), blocks_wrong=np.array([True]))
    >>> bool(compose([jump]).blocks_wrong[0])
    True
    """
    count = findings[0].seen.size
    no = np.zeros(count, dtype=bool)
    nowhere = np.full(count, np.nan)
    coarse = [nowhere, nowhere, *(each.coarse_estimate for each in findings)]
    seen = {kind: [each.seen for each in findings if each.kind is kind] for kind in Kind}
    return Findings(
        subgradient_low=np.fmin.reduce([each.subgradient_low for each in findings]),
        subgradient_high=np.fmax.reduce([each.subgradient_high for each in findings]),
        one_sided_low=np.fmin.reduce([each.one_sided_low for each in findings]),
        one_sided_high=np.fmax.reduce([each.one_sided_high for each in findings]),
        finer_low=np.fmin.reduce([each.finer_low for each in findings]),
        finer_high=np.fmax.reduce([each.finer_high for each in findings]),
        coarse_estimates=np.sort(coarse, axis=0)[:_COARSE_ESTIMATES],
        undetectable_slope=np.fmax.reduce([each.undetectable_slope for each in findings]),
        blocks_correct=np.logical_or.reduce([each.blocks_correct for each in findings]),
        blocks_wrong=np.logical_or.reduce([each.blocks_wrong for each in findings]),
        seen={kind: np.logical_or.reduce([no, *flags]) for kind, flags in seen.items()},
    )


def put(whole: npt.NDArray[Any], chosen: Any, part: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a copy of `whole` with the entries `chosen`, along the last axis, replaced."""
    changed = whole.copy()
    changed[..., chosen] = part
    return changed
