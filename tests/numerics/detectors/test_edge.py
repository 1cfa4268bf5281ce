"""Edges of the domain: no estimate, and nothing to say of a claim."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.edge import detect_edge
from checkgrad.numerics.findings import Kind
from checkgrad.numerics.limit import Limit

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]


def test_without_an_estimate_nothing_can_be_said(samples_of: Make, evidence_of: Make) -> None:
    values = np.array([1.0, math.nan, math.inf, 0.0])
    best = Limit.of(values, *(np.zeros(4) for _ in range(3)))
    finding = detect_edge(evidence_of(samples_of(np.exp, directions=4), best=best))
    assert finding.kind is Kind.EDGE
    assert finding.seen.tolist() == [False, True, True, False]
    assert finding.blocks_correct.tolist() == finding.seen.tolist()
    assert finding.blocks_wrong.tolist() == finding.seen.tolist()


def test_a_func_without_values_beside_x0_has_no_estimate(
    samples_of: Make, evidence_of: Make
) -> None:
    samples = samples_of(lambda t: np.where(t == 0, 0.0, np.nan))
    assert detect_edge(evidence_of(samples)).seen[0]
    assert not detect_edge(evidence_of(samples_of(np.exp))).seen[0]
