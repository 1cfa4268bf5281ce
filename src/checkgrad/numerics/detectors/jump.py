"""Jumps: the change of ``func`` stays the same while the steps shrink to nothing."""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.detectors.evidence import Evidence
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.quotients import ordered
from checkgrad.numerics.thresholds import thresholds


def detect_jump(evidence: Evidence) -> Finding:
    """Return where ``func`` seems to be discontinuous at x0.

    Noise would vary from step to step, so its size does not matter here. Nothing can be said of
    a claim at a jump.
    """
    limits, samples = thresholds(), evidence.samples
    jumps = np.zeros(samples.scale.size, dtype=bool)
    rounding = samples.epsilon * abs(samples.value)
    for lengths, values in samples.sides:
        changes = ordered(lengths, values - samples.value, np.zeros_like(values)).value
        count = np.isfinite(changes).sum(axis=0)
        finest = np.maximum(count - np.arange(1, limits.finest_steps + 1)[:, None], 0)
        change = np.take_along_axis(changes, finest, axis=0)
        lowest, highest = np.min(change, axis=0), np.max(change, axis=0)
        size = np.fmin(np.abs(lowest), np.abs(highest))
        constant = highest - lowest <= size / limits.jump_constancy
        jumps |= (
            (count > limits.finest_steps) & constant & (size > limits.rounding_epsilons * rounding)
        )
    return Finding.of(Kind.JUMP, jumps, blocks_correct=jumps, blocks_wrong=jumps)
