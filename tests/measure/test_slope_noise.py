"""What rounding may make of a slope: of which lines it is known, and what they cost."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest

from checkgrad.measure.lasting import lasting_noise

pytestmark = pytest.mark.numpy

DOUBLE, SINGLE = 2.0**-52, 2.0**-23
LINE = 6  # points next to x0 on a line
DISTANCES = 6


def pseudo_noise(x):
    """Return a number between -1/2 and 1/2 that any other x changes."""
    return zlib.crc32(np.asarray(x, dtype=np.float64).tobytes()) / 2**32 - 0.5


def lasting(near, epsilon=DOUBLE, sigma=0.0):
    """Return the noise of the only output, with that known next to x0."""
    return lasting_noise(near, np.full(1, epsilon), np.arange(1), np.full(1, sigma))


@pytest.mark.parametrize("size", [1e-20, 1.0, 1e20])
def test_zeros_move_only_where_func_is_what_rounding_leaves_of_its_terms(make_near, size):
    """It costs as much as the lines along which they stay; more where noise is in proportion."""
    more = (2, 3)
    for left, lines in ((0.0, more), (1e-14, more), (1e-3, (1,))):
        near, func = make_near(
            lambda x, left=left: size * (np.sin(x[0] - 1) + left + x[1]), np.asarray([1.0, 0.0])
        )
        lasting(near)
        assert len(func.points) in [each * DISTANCES * LINE for each in lines]


def test_rounding_next_to_a_singular_matrix_makes_less_of_a_slope_than_is_allowed(make_near):
    """A few points show little noise by chance. Several lines show what rounding can do."""

    def det(x):
        size = math.isqrt(x.size)
        return np.linalg.det(x.reshape(size, size))

    parts = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(3, 6))
        factors = rng.integers(-3, 4, size=(n, n - 2)), rng.integers(-3, 4, size=(n - 2, n))
        x0 = (factors[0] @ factors[1]).astype(float).ravel()
        near, _ = make_near(det, x0)
        allowed = lasting(near).slope[0]
        sizes = np.where(x0 == 0, 1.0, np.abs(x0))
        steps = np.diag(sizes / 8)
        slopes = [4 * abs(det(x0 + step) - det(x0 - step)) for step in steps]
        found = np.max(np.where(x0 == 0, 0.0, slopes))
        parts.append(found / allowed if found else 0.0)
    assert max(parts) < 1 / 4


def test_another_line_is_taken_only_where_the_first_shows_noise_alone(make_near):
    """Values far from x0 differ by a slope otherwise."""
    for size in (1e-20, 1.0, 1e20):
        for value in (0.0, 1e3):
            for slope, lines in ((0.0, 2), (1e-6, 1), (1.0, 1)):

                def rough(x, slope=slope, value=value, size=size):
                    away = x[0] - 1
                    noise = 1e-13 * pseudo_noise(x) * (away != 0)
                    return size * (value * away + slope * away + noise)

                near, func = make_near(rough, np.ones(1))
                lasting(near, sigma=1e-12 * size)
                wanted = 1 if value else lines
                assert len(func.points) == wanted * DISTANCES * LINE


def test_slopes_of_noise_are_a_small_part_of_rtol(make_near):
    """Of a slope of 1, a tenth of rtol, which is 1e-3 in float32: noise may be a part of a unit."""
    near, _ = make_near(lambda x: (x[0] - 1) * (1 + 0.1 * pseudo_noise(x)), np.ones(1))
    found = lasting(near, epsilon=SINGLE).slope[0]
    assert found == pytest.approx(1e-4, rel=0.1)


def test_where_x0_is_0_nothing_is_evaluated_twice(make_near):
    """No coordinate has a unit in the last place: only lines along which zeros move are taken."""
    near, func = make_near(lambda x: x[0] + 2 * x[1], np.zeros(2))
    found = lasting(near)
    points = {tuple(point) for point in func.points}
    # All distances along one line, two of them thrice as long along it and another, and far away.
    assert len(points) == len(func.points) == (DISTANCES + 2 * 2 + 2 * 3 + 1) * LINE
    assert found.sigma.tolist() == [0.0]
    func.points.clear()
    near, func = make_near(lambda x: 1 + x[0] + 2 * x[1], np.zeros(2))
    assert lasting(near).sigma.tolist() == [0.0]  # no terms cancel, so that one line does
    assert len({tuple(each) for each in func.points}) == len(func.points) == (DISTANCES + 1) * LINE


def test_around_0_the_shorter_half_of_the_distances_tells(make_near):
    """A smooth func bends farther away. What bends at short distances is no rounding."""

    def rounded(x):  # to 30 digits, so that all distances round alike
        mantissa, power = np.frexp(0.1 * x[0])
        return np.ldexp(np.round(2**30 * mantissa), power - 30)

    straight, _ = make_near(rounded, np.zeros(1))
    far, _ = make_near(lambda x: rounded(x) + (abs(x[0]) > 2.0**-15) * x[0] ** 3, np.zeros(1))
    near, _ = make_near(lambda x: rounded(x) + 1e6 * x[0] ** 3, np.zeros(1))
    found = lasting(straight).slope[0]
    assert found > 0
    assert lasting(far).slope[0] == pytest.approx(found, rel=0.1, abs=0)
    assert lasting(near).slope[0] == 0


@pytest.mark.parametrize("condition", [1e4, 1e6, 1e8])
def test_around_0_less_than_ten_times_the_limit_is_made_of_an_inverse(make_near, condition):
    """Its constants are rounded, and so are the terms, which cancel to all digits but a few."""
    parts = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 6))
        first, second = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
        matrix = first * np.logspace(0, -np.log10(condition), n) @ second
        inverse = np.linalg.inv(matrix)
        off = np.max(np.abs(inverse @ (matrix @ np.eye(n)) - np.eye(n))[0])
        near, _ = make_near(lambda x, a=matrix, b=inverse: (b @ (a @ x))[0], np.zeros(n))
        parts.append(off / lasting(near).slope[0])
    assert max(parts) < 10
