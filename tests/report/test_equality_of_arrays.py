"""Records of arrays are equal to themselves alone: an array has no single truth value."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.measure.lasting import LastingNoise
from checkgrad.report.agreement import AgreementPoints
from checkgrad.report.leaf_errors import LeafErrors
from checkgrad.report.step_errors import StepErrors
from checkgrad.report.taylor import Remainder


@pytest.mark.parametrize(
    "record", [LastingNoise, AgreementPoints, LeafErrors, StepErrors, Remainder]
)
def test_records_of_arrays_can_be_compared(record):
    first, second = (
        record(**{name: np.ones(2) for name in record.__dataclass_fields__}) for _ in range(2)
    )
    assert first == first
    assert first != second
