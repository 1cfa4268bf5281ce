"""Noise sets in with a jump, and a wave through all sizes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sampling import draws

from checkgrad.numerics.noise_model import noise_along_line
from checkgrad.numerics.onset import CLOSER, Onset, onset, shrinks

POINTS = np.arange(-3, 4)
SHORTEST, LONGEST = -40, 0
LOUD = 5.0  # times the noise next to x0: other noise is not looked at


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


def looked_at_closely(
    func: Callable[[np.ndarray], np.ndarray], floor: float, noise: float
) -> bool | None:
    """Decide by more points where noise sets in, if distances do not tell."""
    found = decided(func, floor, noise)
    if found.sets_in is None:
        return found.is_smooth
    level = noise_along_line(func(found.sets_in * POINTS))
    closer = np.arange(CLOSER * POINTS[0], CLOSER * POINTS[-1] + 1) * found.sets_in / CLOSER
    return shrinks(level, noise_along_line(func(closer)), floor)


def is_a_wave_smooth(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    turns, phase, size = 2.0 ** rng.uniform(3, 30), rng.uniform(0, 6), 10 ** rng.uniform(3, 10)

    def wave(x: np.ndarray) -> np.ndarray:
        return size * np.sin(turns * x + phase) + 0.3 * rng.uniform(-1, 1, x.size)

    return is_smooth(wave, 0.3, size / 2)


@pytest.mark.parametrize(("size", "part"), [(25, 0.1), (100, 0.5), (1e3, 0.8), (1e4, 0.9)])
def test_a_wave_little_above_the_noise_is_hardly_ever_taken_for_noise(
    size: float, part: float
) -> None:
    """In few digits it rises out of the noise over two or three doublings."""

    def found(seed: int) -> bool | None:
        rng = np.random.default_rng(seed)
        turns, phase = 2.0 ** rng.uniform(3, 30), rng.uniform(0, 6)
        noisy = lambda x: size * np.sin(turns * x + phase) + rng.normal(size=x.size)  # noqa: E731
        is_loud = noise_along_line(noisy(POINTS)) > LOUD
        return looked_at_closely(noisy, 1.0, size / 2) if is_loud else None

    answers = [found(seed) for seed in range(200)]
    assert answers.count(False) <= 10
    assert answers.count(True) >= part * 200


def test_a_wave_is_smooth() -> None:
    """But for those that are no more than the noise at the longest distance, by chance."""
    assert np.mean([is_a_wave_smooth(seed) for seed in range(100)]) > 0.9


@pytest.mark.parametrize("seed", draws(50, plain=15))
def test_a_staircase_is_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps, slope, size = 2.0 ** rng.uniform(0, 30), rng.uniform(-1, 1), 10 ** rng.uniform(2, 10)
    start = rng.uniform()

    def staircase(x: np.ndarray) -> np.ndarray:
        jumps = size * np.round(steps * x + start)
        return jumps - size * steps * x * (1 + slope) + 0.3 * rng.uniform(-1, 1, x.size)

    assert looked_at_closely(staircase, 0.3, 0.29 * size) is False


@pytest.mark.parametrize("seed", draws(50, plain=15))
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


# One decision at a time: log2 of distances and levels, and the noise next to x0 as the unit


def told(bits: list[float], levels: list[float], noise: float | None = None) -> Onset:
    """Return what levels say where the last of them is the noise, or where another number is."""
    distances, sizes = np.exp2(bits), np.exp2(levels)
    return onset(distances, sizes, 1.0, sizes[-1] if noise is None else 2.0**noise)


def seen(
    bits: list[float], levels: list[float], noise: float | None = None
) -> tuple[bool, float | None]:
    """Return whether it is smooth, and where to look next."""
    found = told(bits, levels, noise)
    return found.is_smooth, found.next_distance


@pytest.mark.parametrize(("power", "is_wave"), [(1.0, False), (1.5, False), (2.5, True), (3, True)])
def test_levels_of_a_wave_grow_with_more_than_the_square_of_the_distance(
    power: float, is_wave: bool
) -> None:
    """Those of a kink grow in proportion to it, and those of a wave with its cube."""
    levels = [power * bit + 3 for bit in range(8)]
    assert seen(list(range(8)), levels) == (is_wave, None)


@pytest.mark.parametrize(("growth", "is_wave"), [(1.5, False), (2.3, False), (2.7, True)])
def test_a_wave_grows_by_more_than_levels_differ_by_chance(growth: float, is_wave: bool) -> None:
    """Noise over seven points is known to two doublings; a single doubling is all that is known."""
    assert seen([0, 1], [5, 5 + growth]) == (is_wave, None)


@pytest.mark.parametrize(("lowest", "is_wave"), [(2.2, False), (2.4, True)])
def test_what_is_less_than_five_times_the_noise_next_to_x0_is_no_wave(
    lowest: float, is_wave: bool
) -> None:
    """It may be noise by chance. What is larger belongs to the wave."""
    assert 2.0**2.2 < 5 < 2.0**2.4
    assert seen([0, 1, 2], [0, lowest, lowest + 2.7]) == (is_wave, None)


@pytest.mark.parametrize("distance", [1, 2, 5])
def test_a_wave_grows_with_the_fifth_power_across_a_gap_between_distances(distance: int) -> None:
    assert seen([0, distance], [3, 3 + 4.9 * distance]) == (True, None)


@pytest.mark.parametrize("distance", [2, 3, 8])
def test_a_gap_that_levels_grow_across_by_more_is_looked_into(distance: int) -> None:
    """There may be a jump in it. Half of its doublings are to be measured next."""
    found = seen([0, distance], [3, 3 + 5.5 * distance])
    assert found == (False, 2.0 ** (distance // 2))


@pytest.mark.parametrize("growth", [5.5, 6.5])
def test_near_a_pole_levels_grow_by_more_from_one_distance_to_its_double(growth: float) -> None:
    assert seen([0, 1, 2], [3, 3 + growth, 3 + 2 * growth]) == (True, None)


def test_levels_that_jump_from_one_distance_to_its_double_are_noise() -> None:
    """However the levels before and the levels after grow."""
    assert seen([0, 1, 2, 3], [3, 6, 9, 16.5]) == (False, None)
    assert seen([0, 1, 2, 9], [3, 10.5, 13, 40]) == (False, None)


def test_the_gap_that_levels_grow_across_most_is_looked_into() -> None:
    assert seen([0, 4, 10], [3, 4, 40])[1] == 2.0**7
    assert seen([0, 4, 10], [3, 30, 40])[1] == 2.0**2
    assert seen([-10, -3], [3, 60])[1] == 2.0**-7


@pytest.mark.parametrize("floor", [0.0, 1e-9])
def test_nothing_at_two_distances_is_no_growth(floor: float) -> None:
    """Where func is 0 at x0, and stays 0 next to it, the noise there is 0 too."""
    levels = np.asarray([0.0, 0.0, 0.0, 1.0, 1.0])
    found = onset(2.0 ** np.asarray([-40, -30, -29, -20, -19]), levels, floor, 1.0)
    assert found.next_distance == 2.0**-25
    found = onset(2.0 ** np.asarray([-40, -30, -26, -25, -19]), levels, floor, 1.0)
    assert found.sets_in == 2.0**-25


def test_levels_that_fall_with_the_distance_are_no_wave() -> None:
    """They rise again, to the noise, as slowly as what rounds one by one."""
    assert seen([0, 1, 2, 3, 4, 5, 6], [6, 3, 3.7, 4.4, 5.1, 5.8, 6.5]) == (False, None)


def test_levels_beyond_the_first_that_is_as_large_as_the_noise_do_not_count() -> None:
    assert seen([0, 1, 2, 3], [3, 4, 5, 8], noise=5) == (False, None)
    assert seen([0, 1, 2, 3], [3, 4, 5, 8]) == (True, None)


def test_levels_below_the_noise_next_to_x0_are_as_large_as_it() -> None:
    """Nothing smaller can be seen: what starts there may have grown from it."""
    assert seen([0, 1], [-50, 6.5]) == (False, None)
    assert seen([0, 1], [-50, 7.5]) == (False, None)
    assert seen([0, 1, 2], [-50, 6.5, 9.5]) == (True, None)


def test_levels_that_jump_are_looked_at_closely_where_they_do() -> None:
    """Distances do not tell a jump from a wave that rises out of the noise next to x0."""
    assert told([0, 1, 2, 3], [3, 6, 9, 16.5]).sets_in == 8
    assert told([0, 1, 2, 9], [3, 10.5, 13, 40]).sets_in == 2
    assert told([0, 1, 2], [0, 2.2, 4.0]).sets_in == 2
    assert told([0, 1, 2], [0, 2.4, 5.4]).sets_in is None


@pytest.mark.parametrize(
    ("level", "closer", "expected"),
    [(15.9, 1.9, None), (16.1, 1.9, True), (16.1, 2.1, False), (1e6, 1e5, True), (1e6, 2e5, False)],
)
def test_a_wave_shrinks_by_eight_and_more_between_closer_points(
    level: float, closer: float, expected: bool | None
) -> None:
    """Both are in units of the noise next to x0, of which twice may be chance."""
    assert shrinks(level, closer, 1.0) is expected
