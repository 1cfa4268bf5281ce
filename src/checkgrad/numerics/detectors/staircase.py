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
from checkgrad.numerics.noise_model import largest_cancellation_noise
from checkgrad.numerics.samples import Flags, Samples
from checkgrad.numerics.thresholds import thresholds


def detect_staircase(evidence: Evidence) -> Finding:
    """Return where steps on a plateau were left out: a derivative of 0 is possible there too."""
    seen = evidence.is_quantised
    return Finding.of(Kind.STAIRCASE, seen, coarse_estimate=np.where(seen, 0.0, np.nan))


def without_plateaus(samples: Samples) -> tuple[Samples, Flags]:
    """Return the samples without the steps that stay on a plateau, and where there are some."""
    limits = thresholds()
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
    longest_near = np.where(moves & (forward <= samples.scale), forward, 0.0).max(axis=0)
    is_quantised = plateau * limits.plateau_range < longest
    is_quantised |= plateau < longest_near * limits.plateau_epsilons * samples.epsilon
    changes = np.abs(np.stack([samples.forward_values, samples.backward_values]) - samples.value)
    first = forward <= limits.jump_reach * plateau
    jump_size = np.where(first & moves, changes, 0.0).max(axis=(0, 1))
    # A slope that rounding hides over a plateau grows in proportion to the step beyond it.
    over = np.fmax(1.0, forward / (2 * plateau))
    quantum = np.where(first & (changes > 0), changes / over, np.inf).min(axis=(0, 1))
    cancels = quantum <= largest_cancellation_noise(samples.epsilon, samples.value)
    is_quantised |= (plateau * limits.plateau_range_if_cancelled < longest) & cancels
    is_quantised &= (plateau > 0) & (quantum > limits.stands_out * samples.sigma_of())
    left_out = (forward <= plateau) & is_quantised
    cleaned = dataclasses.replace(
        samples,
        sigma=np.where(is_quantised, np.fmax(samples.sigma, jump_size), samples.sigma),
        forward_values=np.where(left_out, np.nan, samples.forward_values),
        backward_values=np.where(left_out, np.nan, samples.backward_values),
    )
    return cleaned, is_quantised
