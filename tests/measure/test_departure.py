"""Where func departs from its slope at short steps: by a jump, or smoothly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkgrad.measure.departure import departs_by_jump

pytestmark = pytest.mark.numpy

POWERS = (-30, -2)


def allowed(step: float) -> float:
    return 0.2 * step


@given(at=st.floats(2.0**-28, 2.0**-3), size=st.floats(0.3, 100.0))
def test_a_jump_is_found_wherever_it_is(at: float, size: float) -> None:
    """From there on, func is off by as much as its slope makes over the step, or more."""
    assert departs_by_jump(lambda step: size * step if step > at else 0.0, allowed, POWERS)


@given(at=st.floats(2.0**-28, 2.0**-3), slope=st.floats(-10.0, 10.0))
def test_a_kink_is_no_jump(at: float, slope: float) -> None:
    assert not departs_by_jump(lambda step: slope * max(step - at, 0.0), allowed, POWERS)


@given(width=st.floats(2.0**-28, 2.0**-3), size=st.floats(-10.0, 10.0))
def test_a_smooth_feature_is_no_jump(width: float, size: float) -> None:
    """A bump has a slope at x0, and func none beyond it."""
    assert not departs_by_jump(
        lambda step: size * (step * np.exp(-((step / width) ** 2)) - step), allowed, POWERS
    )


def test_a_func_that_never_follows_the_slope_does_not_depart_from_it() -> None:
    assert not departs_by_jump(lambda step: step, allowed, POWERS)


def test_func_is_asked_for_steps_between_the_two_only() -> None:
    """Elsewhere it may leave its domain, or turn."""
    asked = []

    def off(step: float) -> float:
        asked.append(step)
        return 0.1 if step > 0.03 else 0.0

    assert departs_by_jump(off, allowed, POWERS)
    assert asked[0] == min(asked) == 2.0 ** POWERS[0]
    assert max(asked) < 2.0 ** POWERS[1]


def test_a_func_that_is_off_the_slope_at_the_first_step_only_does_not_follow_it() -> None:
    def off(step: float) -> float:
        return 0.1 if step == 2.0 ** POWERS[0] or step > 0.03 else 0.0

    assert not departs_by_jump(off, allowed, POWERS)


def test_a_jump_that_is_larger_than_func_does_not_count() -> None:
    def off(step: float) -> float:
        return 0.1 if step > 0.03 else 0.0

    assert departs_by_jump(off, allowed, POWERS, largest=0.11)
    assert not departs_by_jump(off, allowed, POWERS, largest=0.09)
