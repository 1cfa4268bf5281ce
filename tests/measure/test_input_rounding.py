"""Whether func rounds its input to a coarser dtype, point by point."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.measure.input_rounding import rounds_input

DOUBLE, SINGLE, HALF = 2.0**-52, 2.0**-23, 2.0**-10


def asked(near, coarser=SINGLE, epsilon=DOUBLE, which=None):
    flags = np.ones(near.outputs.count, dtype=bool) if which is None else np.asarray(which)
    return rounds_input(near, coarser, epsilon, flags).tolist()


def through_single(x):
    return float(np.float64(np.float32(x[0])))


def in_units(func, x0, coarser=SINGLE):
    """Return how many units of the coarser dtype each point lies from x0."""
    return [float(abs(point[0] - x0) / (coarser * x0)) for point in func.points]


def test_a_cast_is_seen_by_26_values_where_x0_is_a_coarser_number(make_near):
    near, func = make_near(through_single, np.ones(1))
    assert asked(near) == [True]
    units, parts = in_units(func, 1.0), [8 * SINGLE * part for part in (0, 0.125, -0.125)]
    # Beside x0; 8 units and 1 away; beside 6 other numbers; beside x0 along another line; beside
    # eight times x0.
    assert units[:4] == [0.125, 0.125, 8.0, 1.0]
    for k in range(6):
        at, *beside = units[4 + 3 * k : 7 + 3 * k]
        assert at == 8 * (k + 1)
        assert sorted(beside) == pytest.approx([at - 0.125, at + 0.125], abs=1e-4)
    assert units[22] == 0.125
    assert [abs(point[0]) for point in func.points[23:]] == [8 + part for part in parts]


def test_workers_are_asked_for_all_these_values_in_four_rounds(make_near):
    rounds = []

    def workers(function, points):
        rounds.append(len(points))
        return map(function, points)

    near, _ = make_near(through_single, np.ones(1), workers=workers)
    assert asked(near) == [True]
    # Around x0; around 6 other numbers; along another line; around eight times x0.
    assert rounds == [5, 18, 1, 3]


def test_another_value_is_taken_where_x0_is_no_coarser_number(make_near):
    near, func = make_near(through_single, np.asarray([0.3]))
    assert asked(near) == [True]
    assert len(func.points) == 1 + 26
    # Points are relative to the coarser number next to x0.
    assert func.points[0][0] == np.float64(np.float32(0.3))


@pytest.mark.parametrize("x0", [1.0, 0.3, -0.7])
def test_a_smooth_func_casts_nothing_at_two_values_or_three(make_near, x0):
    near, func = make_near(lambda x: np.sin(x[0]), np.asarray([x0]))
    assert asked(near) == [False]
    assert len(func.points) == (1 if x0 == 1.0 else 2)


def test_a_func_that_moves_on_one_side_only_casts_nothing(make_near):
    near, func = make_near(lambda x: max(x[0], 1.0), np.ones(1))
    assert asked(near) == [False]
    assert len(func.points) <= 2


def test_a_constant_casts_nothing(make_near):
    near, func = make_near(lambda x: 3.0, np.ones(1))
    assert asked(near) == [False]
    assert len(func.points) == 3


@pytest.mark.parametrize(
    ("slope", "seen"), [(0.5, True), (1.5e-8, False), (2.5e-8, True), (-0.5, True)]
)
def test_a_cast_is_seen_if_8_units_show_more_than_100_epsilons(make_near, slope, seen):
    # 8 units of float32 times 1.5e-8 are 64 epsilons of float64.
    near, func = make_near(lambda x: 1 + slope * (through_single(x) - 1), np.ones(1))
    assert asked(near) == [seen]
    assert len(func.points) == (26 if seen else 3)


def test_100_epsilons_are_those_of_the_value(make_near):
    def cast(x):
        return 1e6 + (through_single(x) - 1)

    near, _ = make_near(cast, np.ones(1))
    assert asked(near, epsilon=2.0**-52) == [True]
    assert asked(near, epsilon=2.0**-45) == [False]


@pytest.mark.parametrize(("part", "seen"), [(0.5, True), (0.25, False), (2.0, True)])
def test_one_unit_moves_a_cast_about_in_proportion(make_near, part, seen):
    # One unit moves func by a part of an eighth of what eight units do.
    def steps(x):
        unit = (through_single(x) - 1) / SINGLE
        return 1 + np.sign(unit) * (part if abs(unit) == 1 else abs(unit)) * SINGLE

    near, func = make_near(steps, np.ones(1))
    assert asked(near) == [seen]
    assert (len(func.points) > 4) == seen


@pytest.mark.parametrize("count", range(1, 7))
def test_a_func_that_moves_between_other_coarser_numbers_casts_nothing(make_near, count):
    def moves(x):
        unit = abs(x[0] - 1) / SINGLE
        return x[0] if abs(unit - 8 * count) < 0.4 else through_single(x)

    near, func = make_near(moves, np.ones(1))
    assert asked(near) == [False]
    assert len(func.points) == 4 + 3 * count


def test_a_func_that_moves_between_farther_ones_casts(make_near):
    def moves(x):
        unit = abs(x[0] - 1) / SINGLE
        return x[0] if 48.6 < unit < 55.9 else through_single(x)

    assert asked(make_near(moves, np.ones(1))[0]) == [True]


@pytest.mark.parametrize("side", [-1, 1])
def test_both_sides_of_other_coarser_numbers_must_stand_still(make_near, side):
    def moves(x):
        unit = side * (abs(x[0] - 1) / SINGLE - 16)
        return x[0] if 0.1 < unit < 0.4 else through_single(x)

    assert asked(make_near(moves, np.ones(1))[0]) == [False]


def test_a_func_that_moves_along_another_line_casts_nothing(make_near):
    lines = set()

    def moves(x):
        if abs(x[0] - 1) == SINGLE / 8:
            lines.add(tuple(np.sign(x - 1)))
        return through_single(x) + (1e-3 if len(lines) > 2 else 0.0)

    near, _ = make_near(moves, np.ones(16))
    assert asked(near) == [False]


def test_large_terms_that_cancel_are_no_cast(make_near):
    """They round in steps as long as a unit of float32 at x0, and as long elsewhere."""
    offset = 1.5 * SINGLE / DOUBLE
    near, _ = make_near(lambda x: (x[0] + offset) - offset, np.ones(1))
    assert asked(near) == [False]


def test_a_cast_is_seen_where_func_ends_before_eight_times_x0(make_near):
    near, _ = make_near(lambda x: through_single(x) if x[0] < 2 else np.nan, np.ones(1))
    assert asked(near) == [True]


def test_a_cast_to_another_dtype_is_none_to_this_one(make_near):
    near, _ = make_near(through_single, np.ones(1))
    assert asked(near, HALF) == [False]
    near, _ = make_near(lambda x: float(x.astype(np.float16)[0]), np.ones(1))
    assert asked(near, SINGLE) == [False]
    assert asked(near, HALF) == [True]


def test_only_the_outputs_asked_for_are_looked_at(make_near):
    def three(x):
        return np.stack([through_single(x), x[0], through_single(x)])

    near, _ = make_near(three, np.ones(1))
    assert asked(near, which=[True, True, False]) == [True, False, False]
    flags = np.asarray([True, True, True])
    assert rounds_input(near, SINGLE, DOUBLE, flags).tolist() == [True, False, True]
    assert flags.tolist() == [True] * 3


def test_x0_of_a_tree_is_a_coarser_number_if_all_leaves_are(make_near):
    def cast(x):
        return float(np.float32(x[0][0])) + 3 * float(np.float32(x[1][0]))

    for second, first_step in ((1.0, 0.125), (0.3, 0.0)):
        near, func = make_near(cast, (np.ones(1), np.asarray([second])))
        assert asked(near) == [True]
        assert abs(func.points[0][0] - 1).item() == first_step * SINGLE


def test_a_histogram_casts_nothing(make_near):
    """Flat between its jumps, it does not move from most coarser numbers to the next."""
    brain = 2.0**-7
    edges = 1 + brain * np.asarray([-26.5, -2.5, 2.5, 26.5])
    near, _ = make_near(lambda x: float(np.sum(x[0] > edges)), np.ones(1))
    assert asked(near, brain) == [False]
    # A staircase with a step at each of them does cast.
    edges = 1 + brain * (np.arange(-60, 60) + 0.5)
    near, _ = make_near(lambda x: float(np.sum(x[0] > edges)), np.ones(1))
    assert asked(near, brain) == [True]


@pytest.mark.parametrize(("moves", "seen"), [(3, False), (4, True), (6, True)])
def test_a_cast_moves_between_most_coarser_numbers(make_near, moves, seen):
    """Of the seven numbers from x0 on, there are six pairs; more than half of them differ."""

    def steps(x):
        unit = round(abs(through_single(x) - 1) / SINGLE)
        return 1 + SINGLE * min(unit, 8 * moves)

    assert asked(make_near(steps, np.ones(1))[0]) == [seen]
