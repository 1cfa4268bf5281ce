"""The noise at points farther and farther apart: scales, domains, outputs and what they cost.

`test_noise.py` has what it makes of the noise of func.
"""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from checkgrad.measure.lasting import LastingNoise, lasting_noise

pytestmark = pytest.mark.numpy

DOUBLE = 2.0**-52


def pseudo_noise(x):
    """Return a number between -1/2 and 1/2 that any other x changes."""
    return zlib.crc32(np.asarray(x, dtype=np.float64).tobytes()) / 2**32 - 0.5


def cancelling(x):
    """Return what is left of terms of 1000, with their rounding, and a smooth term."""
    return (x[0] + 1e3) - 1e3 + np.sin(x[0])


def lasting(near, epsilon=DOUBLE, jumps=False) -> LastingNoise:
    """Return the noise of all outputs, with none known next to x0."""
    count = near.outputs.count
    return lasting_noise(
        near, np.full(count, epsilon), np.arange(count), np.zeros(count), jumps=jumps
    )


def same(found: LastingNoise, other: LastingNoise, times: float = 1.0) -> bool:
    return all(
        np.array_equal(getattr(found, name), times * getattr(other, name))
        for name in ("sigma", "quantum", "slope")
    )


@pytest.mark.parametrize("power", [-100, 100])
def test_noise_follows_the_units_of_func(make_near, power):
    def proportional(x):
        return x[0] * x[1] * (1 + 1e-9 * pseudo_noise(x))

    for function, x0 in ((cancelling, [0.3]), (proportional, [0.3, 0.0])):
        before, _ = make_near(function, np.asarray(x0))
        after, _ = make_near(lambda x, f=function: np.ldexp(f(x), power), np.asarray(x0))
        found = lasting(before)
        assert same(lasting(after), found, 2.0**power)
        assert found.sigma[0] > 0 or found.slope[0] > 0


def test_outputs_have_the_noise_that_each_has_by_itself(make_near):
    """Whether or not a factor is suspected to stand still."""
    parts = [
        cancelling,
        lambda x: 1.0 * x[1],
        lambda x: (x[0] - 0.3) * (1 + 1e-9 * pseudo_noise(x)),
        lambda x: 1e-6 * np.round(x[0] * 2**30),
    ]
    x0 = np.asarray([0.3, 1.7])
    for jumps in (False, True):
        alone = [lasting(make_near(part, x0)[0], jumps=jumps) for part in parts]
        near, _ = make_near(lambda x: np.stack([part(x) for part in parts]), x0)
        found = lasting(near, jumps=jumps)
        for name in ("sigma", "quantum", "slope"):
            wanted = np.concatenate([getattr(each, name) for each in alone])
            assert np.array_equal(getattr(found, name), wanted), name


def test_a_jump_counts_as_noise_only_if_a_factor_is_suspected_to_stand_still(make_near):
    """The jump shows at the longest distances: there is none beyond to last to."""
    near, _ = make_near(lambda x: x[0] + 1e-3 * (abs(x[0] - 1) > 0.02), np.ones(1))
    assert lasting(near).sigma.tolist() == [0.0]
    assert 1e-4 < lasting(near, jumps=True).sigma[0] < 1e-3


def test_a_line_that_leaves_the_domain_has_no_noise(make_near):
    """What is left of it may be anything, as next to a pole. Shorter lines keep theirs."""

    def ends(x, at):
        return np.nan if abs(x[0] - 1) > at else x[0] + 1e-9 * pseudo_noise(x)

    for at, noisy in ((2.0**-30, False), (2.0**-20, True)):
        near, _ = make_near(lambda x, at=at: ends(x, at), np.ones(1))
        found = lasting(near)
        assert (found.sigma[0] > 0) == noisy
        assert found.sigma[0] < 1e-8
        assert found.slope.tolist() == [0.0]


def test_a_pole_at_1_allows_for_no_more_noise_around_0(make_near):
    """What moves by more than terms leave is no rounding, whatever func is at its pole."""

    def func(x):
        return (1 / (1 - x[0]) if x[0] != 1 else np.inf) + 0.01 * pseudo_noise(x)

    near, _ = make_near(func, np.zeros(1))
    assert lasting(near).sigma.tolist() == [0.0]
