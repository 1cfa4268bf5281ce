"""Noise sets in with a jump, and a wave through all sizes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from checkgrad.numerics.noise_model import noise_along_line
from checkgrad.numerics.onset import Onset, onset

POINTS = np.arange(-3, 4)
SHORTEST, LONGEST = -40, 0


def is_smooth(func: Callable[[np.ndarray], np.ndarray], floor: float, noise: float) -> bool:
    return decided(func, floor, noise).is_smooth


def decided(func: Callable[[np.ndarray], np.ndarray], floor: float, noise: float) -> Onset:
    """Look at so many distances as it takes, from three of them on."""
    bits = [SHORTEST, -20, LONGEST]
    while True:
        bits.sort()
        distances = 2.0 ** np.asarray(bits)
        levels = np.asarray([noise_along_line(func(each * POINTS)) for each in distances])
        found = onset(distances, levels, floor, min(noise, levels[-1]))
        if found.next_distance is None:
            return found
        bits.append(int(np.log2(found.next_distance)))
        assert len(set(bits)) == len(bits), "looked at one distance twice"


def is_a_wave_smooth(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    turns, phase, size = 2.0 ** rng.uniform(3, 30), rng.uniform(0, 6), 10 ** rng.uniform(3, 10)

    def wave(x: np.ndarray) -> np.ndarray:
        return size * np.sin(turns * x + phase) + 0.3 * rng.uniform(-1, 1, x.size)

    return is_smooth(wave, 0.3, size / 2)


@pytest.mark.parametrize(("size", "part"), [(100, 0.25), (1e3, 0.75), (1e4, 0.9)])
def test_a_wave_little_above_the_noise_may_be_one(size: float, part: float) -> None:
    """In few digits it rises out of the noise over two or three doublings."""

    def may_be(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        turns, phase = 2.0 ** rng.uniform(3, 30), rng.uniform(0, 6)
        noisy = lambda x: size * np.sin(turns * x + phase) + rng.normal(size=x.size)  # noqa: E731
        return decided(noisy, 1.0, size / 2).may_be_smooth

    assert np.mean([may_be(seed) for seed in range(100)]) > part


def test_a_wave_is_smooth() -> None:
    """But for those that are no more than the noise at the longest distance, by chance."""
    assert np.mean([is_a_wave_smooth(seed) for seed in range(100)]) > 0.9


@pytest.mark.parametrize("seed", range(50))
def test_a_staircase_is_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps, slope, size = 2.0 ** rng.uniform(0, 30), rng.uniform(-1, 1), 10 ** rng.uniform(2, 10)
    start = rng.uniform()

    def staircase(x: np.ndarray) -> np.ndarray:
        jumps = size * np.round(steps * x + start)
        return jumps - size * steps * x * (1 + slope) + 0.3 * rng.uniform(-1, 1, x.size)

    found = decided(staircase, 0.3, 0.29 * size)
    assert not found.is_smooth
    assert not found.may_be_smooth


@pytest.mark.parametrize("seed", range(50))
def test_what_rounds_one_by_one_is_noise(seed: int) -> None:
    """The terms of a sum move one after the other: noise grows with the root of the distance."""
    rng = np.random.default_rng(seed)
    moving, start = 2.0 ** rng.uniform(-20, 0, 2000), rng.uniform(size=2000)

    def total(x: np.ndarray) -> np.ndarray:
        return np.sum(np.round(x[:, None] / moving + start) - x[:, None] / moving, axis=1)

    assert not is_smooth(total, 1e-3, 0.29 * 2000**0.5)


def test_a_kink_is_not_taken_for_a_wave() -> None:
    assert not is_smooth(np.abs, 1e-12, 0.1)


def test_nothing_but_noise_is_noise() -> None:
    rng = np.random.default_rng(0)
    assert not is_smooth(lambda x: rng.normal(size=x.size), 1e-3, 1.0)
