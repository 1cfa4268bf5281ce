"""Rounded factors: a jump beyond short steps, and what longer steps support."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad.numerics.detectors.rounded_factor import Break, detect_rounded_factor, find_break
from checkgrad.numerics.findings import Finding, Kind
from checkgrad.numerics.quotients import Quotients
from checkgrad.numerics.samples import Floats

pytestmark = pytest.mark.numpy

Make = Callable[..., Any]
STEPS = np.ldexp(1.0, -np.arange(30))
PLATEAU = 2.0**-12.5


def rounded(t: Floats) -> Floats:
    """Return a factor of slope 0.5 that rounds, times one of slope 1: the slope is 1.5 in all."""
    return (1 + np.round(0.5 * t / PLATEAU) * PLATEAU) * (1 + t)


def bent(t: Floats) -> Floats:
    return 1 + t + 0.5 * np.maximum(np.abs(t) - PLATEAU, 0) * np.sign(t)


def closely(curve: Any) -> Floats:
    """Return steps with some more between those where a curve stops following the slope 1."""
    steps = STEPS
    for _ in range(5):
        steps = -np.sort(-steps)
        off = np.abs((curve(steps) - curve(-steps)) / 2 - steps)
        last = int(np.flatnonzero(off > 1e-3 * steps)[-1])
        steps = np.append(steps, (steps[last] + steps[last + 1]) / 2)
    return steps


@pytest.fixture(scope="module")
def found(samples_of: Make, evidence_of: Make) -> Callable[..., Finding]:
    def make(curve: Any, steps: Floats, **options: Any) -> Finding:
        finding = detect_rounded_factor(evidence_of(samples_of(curve, steps, **options)))
        assert finding.kind is Kind.ROUNDED_FACTOR
        assert not np.any(finding.blocks_correct | finding.blocks_wrong)
        return finding

    return make


def test_a_jump_that_is_larger_than_func_is_meant(found: Make) -> None:
    def chosen(t: Floats) -> Floats:
        return rounded(t) - 1 + PLATEAU / 2  # the jumps stay, and func is half of one

    assert found(rounded, closely(rounded)).seen.tolist() == [True]
    assert found(chosen, closely(chosen)).seen.tolist() == [False]


def test_longer_steps_support_the_slope_of_both_factors(found: Make) -> None:
    finding = found(rounded, closely(rounded))
    assert finding.seen.tolist() == [True]
    assert finding.one_sided_low[0] < 1.5 < finding.one_sided_high[0]
    assert finding.one_sided_low[0] > 1.4
    assert finding.one_sided_high[0] < 1.6


def test_a_kink_at_the_same_place_is_no_rounded_factor(found: Make) -> None:
    finding = found(bent, closely(bent))
    assert not finding.seen[0]
    assert np.isnan(finding.one_sided_low[0])


@pytest.mark.parametrize("curve", [np.exp, np.sin, lambda t: np.sin(30 * t), lambda t: 1 / (2 - t)])
def test_what_is_smooth_has_no_rounded_factor(curve: Any, found: Make) -> None:
    assert not found(curve, STEPS).seen[0]


def test_a_func_that_is_constant_between_jumps_has_no_rounded_factor(found: Make) -> None:
    def stairs(t: Floats) -> Floats:
        return np.round(t / PLATEAU) * PLATEAU

    steps = np.append(STEPS, PLATEAU * np.asarray([0.49, 0.499, 0.501, 0.51, 0.6, 0.7]))
    assert not found(stairs, steps, epsilon=2.0**-52).seen[0]


def test_the_break_is_between_the_last_step_on_the_plateau_and_the_next(
    samples_of: Make, evidence_of: Make
) -> None:
    evidence = evidence_of(samples_of(rounded, STEPS))
    found = find_break(evidence.central_noisy, np.array([1.0]))
    assert (found.inner[0], found.outer[0]) == (2.0**-13, 2.0**-12)
    assert not found.is_jump[0]  # a factor of two between steps does not tell
    assert PLATEAU / 2 < found.size[0] < 3 * PLATEAU


def test_few_steps_show_no_break(samples_of: Make, evidence_of: Make) -> None:
    evidence = evidence_of(samples_of(rounded, STEPS[8:18]))
    found = find_break(evidence.central_noisy, np.array([1.0]))
    assert np.isnan(found.inner[0])
    assert not found.is_jump[0]


# A jump of height 1 just beyond the step 1, from a slope

WIDTH = 2.0**-5  # between the step 1 and the next longer one
STEEPNESS = 1 / WIDTH  # of the jump, as far as these two steps show it
COARSEST = 4  # a power of two


def break_of(
    off: Callable[[Floats], Floats],
    *,
    slope: float = 1.0,
    sigma: float = 0.0,
    width: float = WIDTH,
    coarsest: int = COARSEST,
    more: tuple[float, ...] = (),
) -> Break:
    """Return the break of a func that is `off` a slope at each step."""
    powers = np.ldexp(1.0, np.arange(coarsest, -12, -1))
    return break_at(np.append(powers, [1 + width, *more]), off, slope, sigma)


def break_at(
    steps: Any, off: Callable[[Floats], Floats], slope: float = 1.0, sigma: float = 0.0
) -> Break:
    step = -np.sort(-np.asarray(steps))[:, None]
    value = slope + off(step) / step
    return find_break(
        Quotients(step, value, np.full_like(step, sigma), np.zeros(1)), np.array([slope])
    )


def jump(t: Floats) -> Floats:
    return np.where(t > 1, 1.0, 0.0)


def is_jump_at_1(found: Break) -> bool:
    if found.is_jump[0]:
        assert found.inner[0] == 1
        assert found.outer[0] == 1 + WIDTH
    return bool(found.is_jump[0])


@pytest.mark.parametrize("slope", [1.0, -1.0, 3.0, 1e-3])
def test_a_jump_is_found_whatever_the_slope_is(slope: float) -> None:
    assert is_jump_at_1(break_of(jump, slope=slope))
    assert is_jump_at_1(break_of(lambda t: -jump(t), slope=slope))


def test_a_jump_from_a_slope_of_0_is_none() -> None:
    """Then func may be constant between jumps, and no factor moves."""
    nothing = break_of(jump, slope=0.0)
    assert np.isnan(nothing.inner[0])
    assert not nothing.is_jump[0]


@pytest.mark.parametrize(("times", "seen"), [(7.5, False), (8.5, True)])
def test_a_jump_is_steeper_than_what_follows_by_a_factor_of_eight(times: float, seen: bool) -> None:
    """What follows a kink is as steep as the kink."""

    def off(t: Floats) -> Floats:
        return jump(t) * (1 + (t - 1 - WIDTH) * STEEPNESS / times)

    assert is_jump_at_1(break_of(off)) == seen


@pytest.mark.parametrize(("times", "seen"), [(7.5, False), (8.5, True)])
def test_a_jump_is_steeper_than_what_precedes_it_by_a_factor_of_eight(
    times: float, seen: bool
) -> None:
    def bend(t: Floats) -> Floats:  # smooth, and 0 at the step 1
        return t**3 - t**5

    before = bend(0.5) / 0.5  # how steep it is between the steps 1/2 and 1

    def off(t: Floats) -> Floats:
        return np.where(t > 1, 1.0, STEEPNESS / times / before * bend(t))

    assert is_jump_at_1(break_of(off)) == seen
    assert is_jump_at_1(break_of(lambda t: -off(t))) == seen


@pytest.mark.parametrize("scale", [2.0**-100, 2.0**100])
def test_a_jump_in_other_units_of_func_is_one(scale: float) -> None:
    found = break_of(lambda t: scale * jump(t), slope=scale, sigma=scale / 160)
    assert is_jump_at_1(found)
    assert found.size[0] == scale
    assert not is_jump_at_1(break_of(lambda t: scale * jump(t), slope=scale, sigma=scale / 100))


@pytest.mark.parametrize(("times", "seen"), [(64, False), (100, False), (150, True)])
def test_a_smooth_func_is_steeper_by_the_square_of_a_gap_between_steps(
    times: float, seen: bool
) -> None:
    """What deviates as the cube of the step does is. Twice as steep as that is allowed."""
    steps = [8.0, *np.ldexp(1.0, np.arange(0, -12, -1))]
    steepness = 1 - 0.5**3

    def off(t: Floats) -> Floats:
        return np.where(t == 8, 1 + (8 - 1) * times * steepness / 0.5, t**3)

    found = break_at(steps, off)
    assert ((found.inner[0], found.outer[0]) == (1.0, 8.0)) == seen
    assert not found.is_jump[0]


def test_twelve_steps_show_a_jump() -> None:
    steps = [2.0, 1 + WIDTH, *np.ldexp(1.0, np.arange(0, -10, -1))]
    assert len(steps) == 12
    assert is_jump_at_1(break_at(steps, jump))
    assert not break_at(steps[:-1], jump).is_jump[0]
    both = np.repeat(np.asarray(steps)[:, None], 2, axis=1)
    off = jump(both)
    both[-1, 0] = off[-1, 0] = np.nan
    found = find_break(Quotients(both, 1 + off / both, 0 * both, np.zeros(2)), np.ones(2))
    assert found.is_jump.tolist() == [False, True]


@pytest.mark.parametrize(("times", "seen"), [(1.8, False), (2.2, True)])
def test_a_jump_is_twice_as_large_as_what_func_is_off_before_it(times: float, seen: bool) -> None:
    assert is_jump_at_1(break_of(lambda t: np.where(t > 1, 1, 0) + t**3 / times)) == seen


@pytest.mark.parametrize(("part", "seen"), [(-1.0, False), (0.2, False), (0.3, True), (1.0, True)])
def test_func_stays_off_the_slope_beyond_a_jump(part: float, seen: bool) -> None:
    """Beyond a pole it comes back."""
    for sign in (1, -1):
        found = break_of(lambda t, sign=sign: sign * np.where(t > 1.5, part, jump(t)))
        assert is_jump_at_1(found) == seen


@pytest.mark.parametrize(("sigmas", "seen"), [(100, False), (160, True)])
def test_a_jump_is_far_above_the_noise(sigmas: float, seen: bool) -> None:
    assert is_jump_at_1(break_of(jump, sigma=1 / sigmas)) == seen


@pytest.mark.parametrize(("width", "seen"), [(1 / 15, False), (1 / 17, True)])
def test_only_two_steps_near_each_other_tell_a_jump_from_a_ramp(width: float, seen: bool) -> None:
    found = break_of(jump, width=width)
    assert (found.inner[0], found.outer[0]) == (1.0, 1 + width)
    assert found.is_narrow[0] == found.is_jump[0] == seen


def test_a_jump_takes_one_step_far_beyond_it_to_be_told() -> None:
    """Without it nobody knows whether func goes on as steeply."""
    assert is_jump_at_1(break_of(jump, coarsest=1))
    assert not break_of(jump, coarsest=0).is_jump[0]
    assert not break_of(jump, coarsest=0, more=(1.4,)).is_jump[0]
    assert is_jump_at_1(break_of(jump, coarsest=0, more=(1.6,)))


def test_the_size_of_a_jump_is_the_largest_deviation_near_it() -> None:
    def off(t: Floats) -> Floats:
        return jump(t) * np.where(t < 3, 1.0, np.where(t <= 4, 1.5, 2.0))

    assert break_of(off, more=(4.5,)).size[0] == 1.5
    assert break_of(lambda t: -off(t), more=(4.5,)).size[0] == 1.5


def test_a_jump_beyond_which_func_is_steep_for_a_short_way_only_is_one() -> None:
    """Steps that are compared are apart from each other by a half of their length."""

    def off(t: Floats) -> Floats:
        return jump(t) * np.where(t < 1.05, 1.0, 1.5)

    assert is_jump_at_1(break_of(off, more=(1.06,)))
    assert is_jump_at_1(break_of(lambda t: jump(t) + 0.1 * t**3 + 0.05 * (t == 0.99), more=(0.99,)))


def test_along_each_direction_its_own_break_is_found() -> None:
    alone = [break_of(jump), break_of(lambda t: 0 * t), break_of(lambda t: 2 * jump(t / 2))]
    steps = -np.sort(-np.append(np.ldexp(1.0, np.arange(COARSEST, -12, -1)), 1 + WIDTH))
    step = np.repeat(steps[:, None], 3, axis=1)
    off = np.stack([jump(steps), 0 * steps, 2 * jump(steps / 2)], axis=1)
    found = find_break(
        Quotients(step, 1 + off / step, np.zeros_like(step), np.zeros(3)), np.ones(3)
    )
    for name in ("inner", "outer", "is_narrow", "is_jump", "size"):
        wanted = [getattr(each, name)[0] for each in alone]
        assert np.array_equal(getattr(found, name), wanted, equal_nan=name in ("inner", "outer"))
