"""Staircases: ``func`` stands still at the finest steps and moves beyond them.

A ``func`` that computes in a coarser dtype than its input does so. So do terms that cancel, such as
a logarithm of a sum less the largest of its terms: they round in steps far above the last place of
what is left. Steps on the plateau say nothing of the derivative that is meant, and the first change
beyond them is noise. A ``func`` that stands still over a good part of the range of steps (floor,
between its jumps) is constant, and no staircase.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.samples import Flags, Floats, Samples
from checkgrad.numerics.thresholds import thresholds


def detect_staircase(evidence: Evidence) -> Finding:
    """Return where steps on a plateau were left out: a derivative of 0 is possible there too."""
    seen = evidence.is_quantised
    return Finding.of(Kind.STAIRCASE, seen, coarse_estimate=np.where(seen, 0.0, np.nan))


def without_plateaus(samples: Samples) -> tuple[Samples, Flags]:
    """Return the samples without the steps that stay on a plateau, and where there are some."""
    limits, plateau = thresholds(), find_plateau(samples)
    is_quantised = (plateau.length > 0) & (plateau.length * limits.plateau_range < plateau.longest)
    is_quantised &= plateau.quantum > limits.quantum_above_noise * samples.sigma_of()
    left_out = (samples.forward <= plateau.length) & is_quantised
    sigma = np.fmax(samples.sigma, plateau.jump_size)
    cleaned = dataclasses.replace(
        samples,
        sigma=np.where(is_quantised, sigma, samples.sigma),
        forward_values=np.where(left_out, np.nan, samples.forward_values),
        backward_values=np.where(left_out, np.nan, samples.backward_values),
    )
    return cleaned, is_quantised


@dataclasses.dataclass(frozen=True)
class Plateau:
    """Where ``func`` stands still next to x0, and how it moves beyond: shape (directions,).

    Attributes
    ----------
    length : array
        The longest step up to which it stands still on one side at least; 0 where it moves.
    longest : array
        The longest step at which it has moved on both sides; 0 where it does not.
    jump_size : array
        Its largest change just beyond the plateau.
    quantum : array
        Its smallest change there, less what a slope adds with distance; infinite where it does not
        move there.
    """

    length: Floats
    longest: Floats
    jump_size: Floats
    quantum: Floats


def find_plateau(samples: Samples) -> Plateau:
    """Return where ``func`` stands still next to x0, along each direction."""
    changed = [values != samples.value for _, values in samples.sides]
    finite = [np.isfinite(values) for _, values in samples.sides]
    moves = changed[0] & changed[1] & finite[0] & finite[1]
    still = np.zeros_like(moves)
    for (lengths, values), moved in zip(samples.sides, changed, strict=True):
        reach = np.min(lengths, axis=0, initial=np.inf, where=np.isfinite(values) & moved)
        still |= ~moved & (lengths < reach)
    forward = samples.forward
    plateau = np.where(still, forward, 0.0).max(axis=0)
    longest = np.where(moves, forward, 0.0).max(axis=0)
    changes = np.abs(np.stack([samples.forward_values, samples.backward_values]) - samples.value)
    first = forward <= thresholds().jump_reach * plateau
    jump_size = np.where(first & moves, changes, 0.0).max(axis=(0, 1))
    # A slope that rounding hides over a plateau grows in proportion to the step beyond it.
    with np.errstate(divide="ignore", invalid="ignore"):
        over = np.fmax(1.0, forward / (2 * plateau))
    quantum = np.where(first & (changes > 0), changes / over, np.inf).min(axis=(0, 1))
    return Plateau(plateau, longest, jump_size, quantum)
