"""From sampling a step to func, a reader passes few calls."""

import sys
from pathlib import Path

import numpy as np
import pytest

import checkgrad
from checkgrad.refine import first_look
from checkgrad.refine.progress import Progress

# What samples steps: of all outputs together, or of one output.
SAMPLING = {first_look._Sampled.along.__func__.__code__, Progress.sample.__code__}
HOME = Path(checkgrad.__file__).parent
MOST = 5  # functions between the one that samples steps and func


def frames_since_sampling():
    """The names of the functions of checkgrad between one of `SAMPLING` and the caller."""
    names, frame = [], sys._getframe(2)
    while frame is not None and frame.f_code not in SAMPLING:
        if Path(frame.f_code.co_filename).is_relative_to(HOME):
            names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names if frame is not None else []


@pytest.mark.parametrize("direction", ["all", 1])
@pytest.mark.parametrize("door", ["verify_grad", "verify_jac"])
@pytest.mark.parametrize("factor", [1, 1.01])
def test_five_calls_at_most_lie_between_a_step_and_func(door, direction, factor):
    seen = []

    def func(x):
        seen.append(frames_since_sampling())
        return np.sum(np.sin(x)) if door == "verify_grad" else np.sin(x)

    def claim(x):
        return factor * np.cos(x) * (1 if door == "verify_grad" else np.eye(3))

    getattr(checkgrad, door)(func, claim, np.array([0.5, 1.0, 2.0]), direction=direction)
    assert any(seen)
    # Points are made by generators while func waits for the next: they are not on the way.
    depth = max(len([name for name in names if name != "<lambda>"]) for names in seen)
    assert depth <= MOST, max(seen, key=len)
