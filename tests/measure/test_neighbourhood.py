"""Points next to x0: how far apart, on which side, and within the bounds."""

from __future__ import annotations

import numpy as np
import pytest

EPS, SINGLE = 2.0**-52, 2.0**-23
BOTH_SIDES = [-6, -4, -2, 2, 4, 6]
ONE_SIDE = [2, 4, 6, 8, 10, 12]


def units(func, x0, epsilon):
    """Return how many units in the last place each point lies from x0, coordinate by coordinate."""
    x0 = np.asarray(x0, dtype=np.float64)
    return [((point - x0) / (epsilon * np.abs(x0))).tolist() for point in func.points]


def total(x):
    return np.sum(x)


@pytest.mark.parametrize("epsilon", [EPS, SINGLE, 2.0**-10])
def test_points_are_equally_spaced_on_both_sides(make_near, epsilon):
    near, func = make_near(total, np.asarray([1.0]))
    values = near.along_line(epsilon)
    sign = np.sign(func.points[-1][0] - 1)
    assert units(func, [1.0], epsilon) == [[sign * count] for count in BOTH_SIDES]
    assert values.shape == (7, 1)
    assert near.points_before == 3
    assert values[3, 0] == 1.0
    assert values[[0, 1, 2, 4, 5, 6], 0].tolist() == [point[0] for point in func.points]
    assert near.evaluator.n_func == 1 + 6


def test_points_are_as_far_apart_as_the_coarser_dtype_says(make_near):
    near, func = make_near(total, np.asarray([1.0], dtype=np.float32))
    near.along_line(EPS)
    assert sorted(p for (p,) in units(func, [1.0], SINGLE)) == BOTH_SIDES


def test_each_coordinate_moves_by_its_own_units_along_the_signs(make_near):
    x0 = np.asarray([1.0, -4.0, 0.0, 2.0**20])
    near, func = make_near(total, x0)
    near.along_line(EPS)
    moved = np.asarray(func.points) - x0
    assert np.all(moved[:, 2] == 0)
    assert np.abs(moved[5]).tolist() == (6 * EPS * np.abs(x0)).tolist()
    # On a line: all points have the same signs, or all the other ones.
    assert moved[0].tolist() == (-moved[5]).tolist()
    assert (3 * moved[3]).tolist() == moved[5].tolist()


def test_signs_are_random(make_near):
    near, _ = make_near(total, np.ones(64))
    (signs,), (others,) = near.random_signs(), near.random_signs()
    assert set(signs.tolist()) == {-1.0, 1.0}
    assert 16 < np.sum(signs == 1) < 48
    assert signs.tolist() != others.tolist()


@pytest.mark.parametrize(
    ("x0", "bounds", "side"),
    [
        (1.0, (1.0, 2.0), 1),
        (1.0, (0.0, 1.0), -1),
        (1.0, (0.5, 2.0), 1),
        (1.0, (-1.0, 2.0), -1),
        (-1.0, (-1.0, 0.0), 1),
        (-1.0, (-2.0, -1.0), -1),
        (-1.0, (-1.5, 3.0), 1),
        (1.0, (0.0, None), 1),
        (1.0, (None, 2.0), -1),
    ],
)
def test_points_lie_on_the_roomier_side_of_bounds(make_near, x0, bounds, side):
    near, func = make_near(total, np.asarray([x0]), bounds)
    values = near.along_line(EPS)
    assert near.points_before == 0
    assert units(func, [x0], EPS) == [[side * count] for count in ONE_SIDE]
    assert values[0, 0] == x0
    assert values[1:, 0].tolist() == [point[0] for point in func.points]


def test_points_take_a_random_side_where_both_have_the_same_room(make_near):
    sides = set()
    for seed in range(8):
        near, func = make_near(total, np.ones(1), (0.0, 2.0), seed=seed)
        near.along_line(EPS)
        (first, *_), *_ = units(func, [1.0], EPS)
        sides.add(first)
    assert sides == {-2.0, 2.0}


def test_points_stay_inside_of_the_bounds(make_near):
    lower, upper = np.asarray([1.0, 0.9]), np.asarray([1.0 + 5 * EPS, 1.0])
    near, func = make_near(total, np.ones(2), (lower, upper))
    near.along_line(EPS)
    near.along_line(2.0**-3)
    assert np.all(np.asarray(func.points) >= lower)
    assert np.all(np.asarray(func.points) <= upper)
    assert near.assembled([np.asarray([0.0, 5.0])]).tolist() == [1.0, 1.0]


def test_points_are_free_without_bounds(make_near):
    near, _ = make_near(total, np.ones(2))
    assert near.assembled([np.asarray([-9.0, 5.0])]).tolist() == [-9.0, 5.0]


def test_values_are_those_of_all_outputs(make_near):
    near, _ = make_near(lambda x: np.stack([x[0], x[1] * x[0]]), np.ones(2), weights=[[1.0, 10.0]])
    assert near.value.tolist() == [1.0, 1.0, 11.0]
    found = near.values(iter([np.asarray([2.0, 3.0]), np.asarray([4.0, 5.0])]))
    assert found.tolist() == [[2.0, 6.0, 62.0], [4.0, 20.0, 204.0]]


def test_values_out_of_the_domain_are_nan(make_near):
    def positive(x):
        if x[0] < 1:
            raise ValueError("out of the domain")
        return x[0]

    near, _ = make_near(positive, np.ones(1))
    line = near.along_line(EPS)[:, 0]
    assert np.isnan(line).sum() == 3
    assert line[3] == 1.0


def test_a_line_is_along_new_signs_each_time(make_near):
    near, func = make_near(total, np.ones(32))
    near.along_line(EPS)
    near.along_line(EPS)
    assert func.points[0].tolist() != func.points[6].tolist()
    assert np.abs(func.points[0] - 1).tolist() == np.abs(func.points[6] - 1).tolist()


def test_a_line_has_room_where_bounds_leave_it_on_one_side(make_near):
    """Its points lie on the side with more room."""
    for bounds in ((0.9, 1.0), (1.0, 1.1), (1.0 - EPS, 1.1)):
        assert make_near(total, np.ones(2), bounds)[0].has_room(2.0**-10)
        assert not make_near(total, np.ones(2), bounds)[0].has_room(2.0**-4)


def test_a_coordinate_without_any_room_takes_none_away(make_near):
    """It stays as it is, so the line has no bend there. One with a little room makes a bend."""
    lower = np.asarray([0.0, 1.0, -2.0])
    fixed, _ = make_near(total, np.ones(3), (lower, np.asarray([2.0, 1.0, 3.0])))
    little, _ = make_near(total, np.ones(3), (lower, np.asarray([2.0, 1.0 + EPS, 3.0])))
    assert fixed.has_room(2.0**-10)
    assert not little.has_room(2.0**-10)


def test_without_bounds_every_line_has_room(make_near):
    assert make_near(total, np.ones(2))[0].has_room(2.0**10)


@pytest.mark.parametrize("side", [1, -1])
def test_a_line_has_room_if_none_of_its_points_is_moved_to_the_bounds(make_near, side):
    for units in (5, 7, 11, 11.9, 12, 13):
        ends = 1.0, 1.0 + side * units * 2.0**-10
        near, func = make_near(lambda x: x[0], np.ones(1), (min(ends), max(ends)))
        free, unmoved = make_near(lambda x: x[0], np.ones(1), (ends[0], side * np.inf)[::side])
        near.along_line(2.0**-10)
        free.along_line(2.0**-10)
        assert near.has_room(2.0**-10) == np.array_equal(func.points, unmoved.points)


@pytest.mark.parametrize("x0", [2.0, 0.5, -0.5, -2.0])
def test_points_lie_where_bounds_leave_more_room(make_near, x0):
    for below, above in ((0.1, 0.2), (0.2, 0.1)):
        near, func = make_near(total, np.full(32, x0), (x0 - below, x0 + above))
        near.along_line(EPS)
        assert np.all(np.sign(np.asarray(func.points) - x0) == np.sign(above - below))


def test_where_both_sides_have_as_much_room_either_is_taken(make_near):
    near, func = make_near(total, np.ones(32), (0.5, 1.5))
    near.along_line(EPS)
    assert {-1.0, 1.0} == set(np.sign(func.points[0] - 1).tolist())


def test_zeros_move_if_asked_as_far_as_coordinates_of_mean_size(make_near):
    x0 = np.asarray([0.0, 4.0, -4.0, 8.0])  # of mean size 4
    near, func = make_near(total, x0)
    near.along_line(EPS)
    assert np.all(np.asarray(func.points)[:, 0] == 0)
    func.points.clear()
    near.along_line(EPS, zeros_move=True)
    apart = np.abs(np.asarray(func.points) - x0)
    assert np.all(apart > 0)
    assert np.array_equal(apart[:, 0], apart[:, 1])
    assert np.array_equal(apart[:, 0], apart[:, 2])
    assert np.array_equal(2 * apart[:, 0], apart[:, 3])


@pytest.mark.parametrize(
    ("x0", "has_zeros", "is_zero"),
    [
        ([1.0, 2.0], False, False),
        ([-1.0, 1.0], False, False),
        ([0.0, 2.0], True, False),
        ([-0.0, 0.0], True, True),
    ],
)
def test_zeros_among_the_coordinates_are_known(make_near, x0, has_zeros, is_zero):
    near, _ = make_near(total, np.asarray(x0))
    assert near.has_zeros() == has_zeros
    assert near.is_zero == is_zero
