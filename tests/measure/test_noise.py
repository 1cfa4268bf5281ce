"""The noise of func: next to x0, without what is smooth, and farther away where it hides."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest
from sampling import draws

from checkgrad.measure.noise import Noise, measure_noise, measure_noise_farther
from checkgrad.numerics.onset import CLOSER
from checkgrad.numerics.thresholds import varied

DOUBLE, SINGLE, HALF, BRAIN = 2.0**-52, 2.0**-23, 2.0**-10, 2.0**-7
LINE = 6  # points next to x0 on a line
LASTING = 6 * LINE  # points at which lasting noise is looked for
CLOSELY = 6 * CLOSER  # points where noise sets in
UNIFORM = 12**-0.5  # the standard deviation of numbers between -1/2 and 1/2


def pseudo_noise(x):
    """Return a number between -1/2 and 1/2 that any other x changes."""
    return zlib.crc32(np.asarray(x, dtype=np.float64).tobytes()) / 2**32 - 0.5


def measured(near, epsilon=DOUBLE):
    return measure_noise(near, np.broadcast_to(epsilon, near.outputs.count).astype(float))


def looked_farther(near, noise, in_doubt=(0,)):
    return measure_noise_farther(near, noise, list(in_doubt))


def farther(near, noise, in_doubt=(0,)):
    """Return the noise farther away."""
    return looked_farther(near, noise, in_doubt).sigma


def known(count=1, sigma=0.0, epsilon=DOUBLE, regular=0.0, no_change=False, terms=0.0, slope=0.0):
    """Return what is known of the noise next to x0."""
    parts = (sigma, epsilon, regular, no_change, terms, slope, False, False)
    return Noise(*(np.array(np.broadcast_to(part, count)) for part in parts))


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (0, np.inf), (-1, 0)])
@pytest.mark.parametrize(("dtype", "epsilon"), [(np.float64, DOUBLE), (np.float32, SINGLE)])
def test_noise_around_0_is_that_of_terms_which_round_to_a_grid(make_near, dtype, epsilon, bounds):
    """At multiples of epsilon nothing rounds, and at much closer points func does not move."""
    found = []
    for seed in range(20):
        limits = tuple(np.full(2, each, dtype=float) for each in bounds)
        near, _ = make_near(
            lambda x: np.sum(np.log(1 + x)), np.zeros(2, dtype), bounds=limits, seed=seed
        )
        found.append(measured(near, epsilon).sigma[0])
    wanted = np.sqrt(2) * UNIFORM * epsilon
    assert wanted / 3 < np.min(found)
    assert np.max(found) < 3 * wanted


@pytest.mark.parametrize(
    ("dtype", "epsilon", "size"), [(np.float64, DOUBLE, 1e-9), (np.float32, SINGLE, 1e-4)]
)
def test_known_noise_is_found(make_near, dtype, epsilon, size):
    x0 = np.arange(1, 11).astype(dtype)
    found = []
    for seed in range(20):
        near, func = make_near(lambda x: dtype(np.sum(x) + size * pseudo_noise(x)), x0, seed=seed)
        noise = measured(near, epsilon)
        found.append(noise.sigma[0])
        assert noise.epsilon.tolist() == [epsilon]
        assert noise.no_change.tolist() == [False]
        assert noise.regular_change.tolist() == [0.0]
        assert len(func.points) == 6
    root_mean_square = np.sqrt(np.mean(np.square(found)))
    assert size * UNIFORM / 1.3 < root_mean_square < size * UNIFORM * 1.3
    assert np.max(found) < 2.5 * size * UNIFORM


@pytest.mark.parametrize("bounds", [None, (0.0, 1.0), (1.0, 2.0)])
def test_what_is_smooth_is_no_noise(make_near, bounds):
    near, func = make_near(lambda x: np.sin(x[0]) + 3 * x[0], np.ones(1), bounds)
    noise = measured(near)
    assert noise.sigma[0] < 2 * DOUBLE
    assert noise.epsilon.tolist() == [DOUBLE]
    assert len(func.points) == 6


@pytest.mark.parametrize("height", [1e-3, -0.25])
@pytest.mark.parametrize("side", [">", ">="])
@pytest.mark.parametrize("bounds", [None, (0.0, 1.0), (1.0, 2.0)])
def test_jumps_at_x0_are_no_noise(make_near, height, side, bounds):
    def jump(x):
        up = x[0] > 1 if side == ">" else x[0] >= 1
        return x[0] + height * up

    near, func = make_near(jump, np.ones(1), bounds)
    assert measured(near).sigma[0] < 2 * DOUBLE
    # A jump is looked for along another line as well.
    smooth = bounds is not None and (side == ">=") == (bounds[0] == 1.0)
    assert len(func.points) == (6 if smooth else 12)


def test_jumps_elsewhere_count_as_noise(make_near):
    near, func = make_near(lambda x: x[0] + 0.25 * (x[0] > 1 + 3 * DOUBLE), np.ones(1))
    noise = measured(near)
    # Third differences of the jump, to its height: 0, 0, 1 and -2.
    assert noise.sigma[0] == pytest.approx(0.25 * np.sqrt(5 / 4 / 20), rel=1e-9)
    assert len(func.points) == 6


def test_noise_on_each_side_a_jump_is_that_without_the_jump(make_near):
    def jump(x):
        return x[0] + 1e-9 * pseudo_noise(x) + 1e-3 * (x[0] > 1)

    found = [measured(make_near(jump, np.ones(1), seed=seed)[0]).sigma[0] for seed in range(10)]
    assert np.min(found) > 1e-9 * UNIFORM / 3
    assert np.max(found) < 3 * 1e-9 * UNIFORM


def test_the_larger_noise_of_two_lines_counts_beside_a_jump(make_near):
    lines = []

    def jump(x):
        lines.append(1)
        loud = 1e-6 if len(lines) > 8 else 1e-9  # on the second line
        return x[0] + loud * pseudo_noise(x) + 1e-2 * (x[0] > 1)

    near, _ = make_near(jump, np.ones(1))
    assert measured(near).sigma[0] > 1e-7


def test_a_jump_that_is_small_beside_the_noise_is_not_taken_out(make_near):
    near, func = make_near(lambda x: x[0] + 1e-9 * pseudo_noise(x) + 1e-8 * (x[0] > 1), np.ones(1))
    assert measured(near).sigma[0] > 1e-9
    assert len(func.points) == 6


def test_only_outputs_with_a_jump_lose_it(make_near):
    def three(x):
        return np.stack([x[0] + 1e-3 * (x[0] > 1), x[0] + 1e-9 * pseudo_noise(x), x[0]])

    sigma = measured(make_near(three, np.ones(1))[0]).sigma
    assert sigma[0] < 2 * DOUBLE
    assert 1e-10 < sigma[1] < 1e-9
    assert sigma[2] == 0


def as_brain(x):
    bits = np.asarray(x, dtype=np.float32).view(np.uint32)
    return ((bits + np.uint32(0x8000)) & np.uint32(0xFFFF0000)).view(np.float32)


def cast_to(dtype):
    return lambda x: as_brain(x) if dtype == "bfloat16" else x.astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "epsilon"), [("float32", SINGLE), ("float16", HALF), ("bfloat16", BRAIN)]
)
def test_a_cast_to_a_coarser_dtype_is_seen(make_near, dtype, epsilon):
    def cast(x):
        return float(np.sum(cast_to(dtype)(x).astype(np.float64) ** 2))

    x0 = np.asarray([0.3, 1.7])
    near, _ = make_near(cast, x0)
    noise = measured(near)
    assert noise.epsilon.tolist() == [epsilon]
    assert noise.no_change.tolist() == [True]
    # The slopes are 0.6 and 3.4; each coordinate rounds by up to half a unit.
    size = 2 * epsilon * np.sum(x0**2) * UNIFORM
    assert size / 4 < noise.sigma[0] < 4 * size


def test_a_cast_from_float32_to_half_is_seen(make_near):
    def cast(x):
        return np.float32(np.sum(x.astype(np.float16).astype(np.float32) ** 2))

    noise = measured(make_near(cast, np.asarray([0.3, 1.7], dtype=np.float32))[0], SINGLE)
    assert noise.epsilon.tolist() == [HALF]
    assert noise.sigma[0] > HALF / 16


def test_each_output_has_an_epsilon_of_its_own(make_near):
    def three(x):
        half = np.float64(x.astype(np.float16)[0])
        return np.stack([np.float64(x.astype(np.float32)[0]), x[0], half])

    noise = measured(make_near(three, np.asarray([0.3]))[0])
    assert noise.epsilon.tolist() == [SINGLE, DOUBLE, HALF]
    assert noise.no_change.tolist() == [True, False, True]
    assert noise.sigma[0] < 1e-6 < noise.sigma[2]
    assert noise.sigma[1] < 2 * DOUBLE


@pytest.mark.parametrize(
    "function",
    [
        lambda x: 3.0,
        lambda x: float(np.round(x[0], 3)),
        lambda x: (x[0] + 1e7) - 1e7,
    ],
    ids=["constant", "table", "cancelling"],
)
def test_what_stands_still_next_to_x0_need_not_cast(make_near, function):
    noise = measured(make_near(function, np.asarray([0.3]))[0])
    assert noise.epsilon.tolist() == [DOUBLE]
    assert noise.no_change.tolist() == [True]


def test_noise_of_what_stands_still_is_measured_over_units_of_float32(make_near):
    unit = 2.0**-29  # of 1e7
    noise = measured(make_near(lambda x: (x[0] + 1e7) - 1e7, np.asarray([0.3]))[0])
    assert unit * UNIFORM / 3 < noise.sigma[0] < 3 * unit * UNIFORM


def test_half_of_the_points_may_stand_still(make_near):
    near, _ = make_near(lambda x: max(x[0], 1.0), np.ones(1))
    assert measured(near).no_change.tolist() == [True]  # four of seven
    near, _ = make_near(lambda x: max(x[0], 1.0 + 3 * DOUBLE), np.ones(1) + 4 * DOUBLE)
    assert measured(near).no_change.tolist() == [False]


def test_in_float32_what_stands_still_is_not_measured_again(make_near):
    near, func = make_near(lambda x: np.float32(3.0), np.ones(1, dtype=np.float32))
    noise = measured(near, SINGLE)
    assert (noise.sigma.tolist(), noise.no_change.tolist()) == ([0.0], [True])
    lines = (len(func.points) - 6) / 6
    near, func = make_near(lambda x: 3.0, np.ones(1))
    measured(near)
    # Float64 looks for one coarser dtype more, and over units of float32: a line.
    assert (len(func.points) - 6) / 6 >= lines + 1


def square(x):
    return x[0] * x[0]


def test_noise_that_is_too_regular_is_noted(make_near):
    near, func = make_near(square, np.asarray([1 - 1e-6]))
    noise = measured(near)
    assert noise.sigma.tolist() == [0.0]
    change = np.abs(np.asarray([square(point) for point in func.points]) - near.value[0]).max()
    assert noise.regular_change.tolist() == [change]
    assert change > 0


def test_noise_of_float32_may_be_as_regular(make_near):
    x0 = np.asarray([1 - 2.0**-10], dtype=np.float32)
    noise = measured(make_near(square, x0)[0], SINGLE)
    assert noise.sigma.tolist() == [0.0]
    assert noise.regular_change.tolist() == [0.0]


def test_too_regular_is_less_than_a_64th_of_the_change(make_near):
    def rough(size):
        return lambda x: x[0] + size * DOUBLE * np.round(2 * pseudo_noise(x))

    regular = measured(make_near(rough(0.0), np.ones(1))[0])
    assert regular.regular_change[0] == 6 * DOUBLE
    assert measured(make_near(rough(4.0), np.ones(1))[0]).regular_change.tolist() == [0.0]


def test_noise_that_was_too_regular_is_measured_farther_away(make_near):
    near, func = make_near(square, np.asarray([1 - 1e-6]))
    noise = measured(near)
    func.points.clear()
    sigma = farther(near, noise)
    assert 2.0**-53 * UNIFORM / 3 < sigma[0] < 8 * 2.0**-53 * UNIFORM
    assert len(func.points) == 6 + LASTING
    apart = np.abs(np.asarray(func.points)[:, 0] - (1 - 1e-6))
    assert apart[:6].min() == pytest.approx(2 * 2.0**-33, rel=1e-3)
    assert noise.sigma.tolist() == [0.0]  # what was known stays as it was


def test_noise_is_no_smaller_farther_away(make_near):
    near, _ = make_near(square, np.asarray([1 - 1e-6]))
    noise = replace(measured(near), sigma=np.asarray([1.0]))
    assert farther(near, noise).tolist() == [1.0]


def test_what_changes_more_than_next_to_x0_is_no_noise(make_near):
    # At 2 ** -32 from x0 there is a jump; next to x0 func changes by 12 units only.
    near, _ = make_near(lambda x: x[0] + (x[0] > 1 + 2.0**-33), np.ones(1))
    noise = measured(near)
    assert noise.regular_change[0] > 0
    assert farther(near, noise).tolist() == noise.sigma.tolist()


def test_only_outputs_in_doubt_are_measured_again(make_near):
    near, func = make_near(lambda x: np.stack([square(x), square(x)]), np.asarray([1 - 1e-6]))
    noise = measured(near)
    func.points.clear()
    assert farther(near, noise, in_doubt=()).tolist() == [0.0, 0.0]
    assert func.points == []
    sigma = farther(near, noise, in_doubt=(1,))
    assert sigma[0] == 0 < sigma[1]


def cancelling(size):
    """Return a func whose noise is that of a sum with a large term, and that moves next to x0."""
    return lambda x: (x[0] + size) - size + np.sin(x[0])


def test_lasting_noise_of_cancelling_terms_is_found(make_near):
    unit = 2.0**-43  # of 1000
    near, func = make_near(cancelling(1e3), np.asarray([0.3]))
    noise = measured(near)
    assert noise.sigma[0] < unit / 100
    assert (noise.regular_change.tolist(), noise.no_change.tolist()) == ([0.0], [False])
    func.points.clear()
    sigma = farther(near, noise)
    assert unit * UNIFORM / 3 < sigma[0] < 3 * unit * UNIFORM
    apart = np.abs(np.asarray(func.points)[2::6, 0] - 0.3) / 0.3
    assert np.log2(apart) == pytest.approx([-28, -24, -19, -15, -10, -6, -29], abs=0.01)


def test_where_noise_sets_in_is_searched(make_near):
    """A term that is rounded stands still over 2**-18 of x0."""
    near, func = make_near(lambda x: round(x[0] * 2**20) / 2**20 * 1e-6 + x[0], np.asarray([0.3]))
    farther(near, known())
    away = np.abs(np.asarray(func.points)[LASTING + LINE :, 0] / 0.3 - 1)
    searched, closely = away[:-CLOSELY], away[-CLOSELY:]
    apart = np.log2(np.max(searched.reshape(-1, 6), 1))
    assert 0 < apart.size <= 4
    assert np.all((apart > -24) & (apart < -15))
    assert np.isclose(2**apart, np.max(closely), rtol=1e-6).any()  # where it sets in
    assert np.min(closely) == pytest.approx(np.max(closely) / (CLOSELY / 2), rel=1e-6)


@pytest.mark.parametrize(("dtype", "epsilon"), [(np.float32, SINGLE), (np.float64, DOUBLE)])
@pytest.mark.parametrize("seed", draws(10, plain=4))
def test_a_wave_over_a_large_value_is_no_noise(make_near, dtype, epsilon, seed):
    rng = np.random.default_rng(seed)
    x0 = rng.uniform(1, 1000, 2)
    turns = 10 ** rng.uniform(-1, 1.5)
    size = 10 ** rng.uniform(3.5, 4.5) * epsilon * np.sum(x0**2)

    def humps(x):
        return np.sum(x**2) + size * np.prod(np.sin(dtype(turns) * x))

    near, _ = make_near(humps, x0.astype(dtype))
    found = farther(near, known(no_change=True, epsilon=epsilon))[0]
    assert found < 8 * epsilon * np.sum(x0**2)


def test_lasting_noise_must_be_5_times_louder_where_func_moves(make_near):
    near, _ = make_near(cancelling(1e3), np.asarray([0.3]))
    found = farther(near, known())[0]
    for factor, kept in ((0.21, True), (0.19, False)):
        near, _ = make_near(cancelling(1e3), np.asarray([0.3]))
        before = found * factor
        assert (farther(near, known(sigma=before))[0] == before) == kept
        near, _ = make_near(cancelling(1e3), np.asarray([0.3]))
        assert farther(near, known(sigma=before, no_change=True))[0] == found
    near, _ = make_near(cancelling(1e3), np.asarray([0.3]))
    assert farther(near, known(sigma=1.01 * found, no_change=True))[0] == 1.01 * found


def test_what_is_smooth_has_no_lasting_noise(make_near):
    near, _ = make_near(lambda x: np.exp(x[0]), np.asarray([0.3]))
    assert farther(near, known(no_change=True))[0] < 1e-14
    near, _ = make_near(lambda x: abs(x[0] - 0.3), np.asarray([0.3]))
    assert farther(near, known(no_change=True))[0] < 2 * DOUBLE


def test_lasting_noise_is_limited_by_what_cancelling_leaves(make_near):
    def loud(x):
        return 1.0 + 1e-3 * pseudo_noise(x) * (x[0] != 0.3)

    near, _ = make_near(loud, np.asarray([0.3]))
    assert farther(near, known(no_change=True))[0] < 2 * DOUBLE  # above eps ** (1 / 4)
    near, _ = make_near(lambda x: 1.0 + 1e-1 * (loud(x) - 1), np.asarray([0.3]))
    assert farther(near, known(no_change=True))[0] > 1e-5


@pytest.mark.parametrize("width", [3e-4, 3e-5, 3e-6, 1e-6])
def test_a_smooth_step_is_no_noise_over_units_of_float32(make_near, width):
    """Where a large constant hides what func does next to x0. What jumps there is noise."""

    def step(x):
        return 1 + 1e-17 * x[0] + 1e-7 * np.tanh((x[0] - 1) / width - 0.5) * width / 1e-6

    near, _ = make_near(lambda x: step(np.round(x * 2**45) / 2**45), np.ones(1))
    assert measured(near).sigma[0] < 1e-14
    near, _ = make_near(lambda x: 1 + 1e-9 * np.round(x[0] * 5e6), np.ones(1))
    assert measured(near).sigma[0] > 1e-10


def test_the_largest_lasting_noise_counts(make_near):
    """A factor that moves next to x0 has noise of its own beside that of one that stands still."""

    def louder_and_louder(x):
        away = abs(x[0] - 1)
        return x[0] + pseudo_noise(x) * (1e-9 if away < 2.0**-22 else 1e-6)

    near, _ = make_near(louder_and_louder, np.ones(1))
    found = farther(near, known(no_change=True, sigma=3e-10))[0]
    assert 1e-7 < found < 1e-6


@pytest.mark.parametrize(("dtype", "epsilon"), [(np.float32, SINGLE), (np.float64, DOUBLE)])
def test_noise_of_a_factor_that_stands_still_beside_one_that_moves_is_found(
    make_near, dtype, epsilon
):
    def gate(x):
        return (dtype(1) - 1 / (1 + np.exp(-12 * np.sqrt(x[0])))) * np.tanh(x[0])

    near, _ = make_near(gate, np.ones(1, dtype=dtype))
    noise = measured(near, epsilon)
    unit = epsilon / 2 * np.tanh(1.0)
    assert noise.sigma[0] < unit / 50
    sigma = farther(near, noise)
    assert unit * UNIFORM / 4 < sigma[0] < 4 * unit * UNIFORM


def test_noise_beyond_the_domain_or_the_bounds_does_not_last(make_near):
    near, _ = make_near(lambda x: np.sqrt(1 - x[0]), np.asarray([1 - 1e-9]))
    assert farther(near, known())[0] < 1e-12
    near, func = make_near(lambda x: np.exp(x[0]), np.ones(1), bounds=(1 - 1e-6, 1 + 1e-6))
    assert farther(near, known())[0] < 1e-14
    assert 0 < len(func.points) < LASTING
    assert np.all(np.abs(np.asarray(func.points) - 1) < 1e-6)  # none was moved to the bounds


def test_a_kink_on_some_lines_only_does_not_last(make_near):
    """All distances are taken along one line: there it grows in proportion."""
    for seed in range(20):
        near, _ = make_near(lambda x: abs(x[0] - x[1]) + x[0], np.ones(2), seed=seed)
        assert farther(near, known())[0] < 4 * DOUBLE


def test_noise_that_grows_more_than_threefold_does_not_last(make_near):
    def growing(x):
        return x[0] + pseudo_noise(x) * 1e-9 * (abs(x[0] - 1) * 2.0**28) ** 0.75

    near, _ = make_near(growing, np.ones(1))
    assert farther(near, known(no_change=True))[0] < 2 * DOUBLE


@pytest.mark.parametrize(("epsilon", "asked"), [(SINGLE, True), (HALF, False)])
def test_half_precision_has_too_few_digits_for_lasting_noise(make_near, epsilon, asked):
    near, func = make_near(lambda x: 1.0 + 1e-3 * pseudo_noise(x), np.ones(1))
    sigma = farther(near, known(epsilon=epsilon, no_change=True))
    assert (sigma[0] > 1e-5) == asked
    # One line far away is left.
    assert len(func.points) >= LASTING if asked else len(func.points) == 6


def test_digits_are_those_of_the_coarsest_epsilon(make_near):
    near, func = make_near(lambda x: np.stack([x[0], x[0]]), np.ones(1))
    noise = known(2, no_change=True)
    noise.epsilon[1] = SINGLE
    farther(near, noise, in_doubt=(0, 1))
    apart = np.abs(np.asarray(func.points)[2:30:6, 0] - 1)
    assert np.log2(apart) == pytest.approx([-12, -10, -8, -6, -4], abs=0.05)


def test_lasting_noise_is_that_of_each_output(make_near):
    def three(x):
        return np.stack([cancelling(1e3)(x), np.exp(x[0]), cancelling(1e4)(x)])

    near, _ = make_near(three, np.asarray([0.3]))
    sigma = farther(near, known(3, no_change=True), in_doubt=(0, 2))
    assert sigma[1] == 0
    assert sigma[2] > 4 * sigma[0] > 0


def test_points_may_be_more(make_near):
    near, func = make_near(square, np.ones(1))
    with varied(noise_points=4):
        measured(near)
    assert len(func.points) == 8


# Noise in proportion to the distance


def rough_slope(size):
    """Return a func that is 0 at 1, and whose slope is 1 to within `size` at each point."""
    return lambda x: (x[0] - 1) * (1 + size * pseudo_noise(x))


def slope_of(near, **options):
    return float(looked_farther(near, known(**options)).slope[0])


@pytest.mark.parametrize("size", [1e-14, 1e-13, 1e-12])
def test_noise_in_proportion_to_the_distance_makes_a_slope(make_near, size):
    near, _ = make_near(rough_slope(size), np.ones(1))
    found = slope_of(near)
    # 8 deviations, of the least of five noises; or what rounds where terms cancel, if it is more.
    assert size / 5 < found < max(20 * size, 1025 * DOUBLE)


@pytest.mark.parametrize("slope", [1.0, 2.0**30])
def test_noise_makes_no_more_of_a_slope_than_so_many_epsilons(make_near, slope):
    near, _ = make_near(lambda x: slope * rough_slope(1e-9)(x), np.ones(1))
    assert slope_of(near) == pytest.approx(2.0**14 * DOUBLE * slope, rel=1e-3)


@pytest.mark.parametrize("function", [np.sin, np.exp, np.square, np.reciprocal])
def test_what_is_smooth_makes_little_of_a_slope(make_near, function):
    near, _ = make_near(lambda x: function(x[0]), np.ones(1))
    assert slope_of(near) < 1e-11


@pytest.mark.parametrize("power", [-40, 40])
def test_powers_of_two_of_func_scale_its_terms_and_slopes(make_near, power):
    def times(factor):
        return lambda x: factor * cancelling(1e3)(x)

    near, _ = make_near(times(1.0), np.asarray([0.3]))
    as_it_is = looked_farther(near, known())
    near, _ = make_near(times(2.0**power), np.asarray([0.3]))
    scaled = looked_farther(near, known())
    assert scaled.sigma == np.ldexp(as_it_is.sigma, power) > 0
    assert scaled.terms == np.ldexp(as_it_is.terms, power)
    near, _ = make_near(rough_slope(1e-12), np.ones(1))
    slope = slope_of(near)
    near, _ = make_near(lambda x: 2.0**power * rough_slope(1e-12)(x), np.ones(1))
    assert slope_of(near) == 2.0**power * slope > 0


@pytest.mark.parametrize("epsilon", [DOUBLE, SINGLE])
def test_a_kink_at_x0_makes_no_slope_that_counts(make_near, epsilon):
    """It looks like noise in proportion to the distance, and one of the size of the slope."""
    near, _ = make_near(lambda x: abs(x[0] - 1), np.ones(1))
    slope = float(looked_farther(near, known(epsilon=epsilon, no_change=True)).slope[0])
    # The slope is 1; errors above rtol, 1e-5 and 1e-3, are still wrong.
    assert slope <= 2.0**14 * epsilon
    if epsilon == DOUBLE:
        assert slope < 1e-10


def test_without_lasting_noise_measured_nothing_is_known_of_slopes(make_near):
    near, _ = make_near(rough_slope(1e-3), np.ones(1))
    found = looked_farther(near, known(), in_doubt=())
    assert (found.slope.tolist(), found.terms.tolist()) == ([0.0], [0.0])
    found = looked_farther(near, known(epsilon=HALF, no_change=True))
    assert found.slope.tolist() == [0.0]


# Terms


@pytest.mark.parametrize("size", [1e3, 2.0**20])
def test_the_noise_of_what_cancels_shows_the_size_of_the_terms(make_near, size):
    near, _ = make_near(lambda x: (x[0] + size) - size, np.asarray([0.3]))
    noise = looked_farther(near, measured(near))
    assert size / 2 <= noise.terms[0] <= size


def test_noise_of_many_quanta_is_not_that_of_terms(make_near):
    near, _ = make_near(lambda x: 1.0 + 1e-5 * pseudo_noise(x), np.ones(1))
    noise = looked_farther(near, known(no_change=True))
    assert noise.sigma[0] > 1e-6
    assert noise.terms.tolist() == [0.0]


def test_without_noise_there_are_no_terms(make_near):
    near, _ = make_near(lambda x: 3.0, np.ones(1))
    noise = looked_farther(near, known(no_change=True))
    assert (noise.sigma.tolist(), noise.terms.tolist()) == ([0.0], [0.0])


def test_the_terms_of_each_output_are_its_own(make_near):
    def two(x):
        return np.stack([(x[0] + 1e3) - 1e3, np.sin(x[0])])

    near, _ = make_near(two, np.asarray([0.3]))
    noise = looked_farther(near, known(2, no_change=True), in_doubt=(0,))
    assert noise.terms[0] > 500
    assert noise.terms[1] == noise.slope[1] == 0


# Far away


def swallowed(x):
    """Return a sum of which the second term is lost near x0, as in a cross-entropy."""
    return np.log(np.exp(x[1] - x[0]) + 1)


def test_a_unit_in_the_last_place_of_terms_is_seen_far_away(make_near):
    """Near x0 all is 0; where x0 changes by about itself, values are multiples of the unit."""
    near, func = make_near(swallowed, np.asarray([60.0, 1.0]))
    noise = looked_farther(near, known(no_change=True))
    assert 0 < noise.sigma[0] <= DOUBLE
    assert noise.terms[0] == noise.sigma[0] / DOUBLE
    assert len(func.points) == 2 * LASTING + 6  # along a second line, since one shows nothing
    apart = np.abs(np.asarray(func.points)[2 * LASTING :, 0] / 60 - 1)
    assert apart.max() == pytest.approx(1.5)


def test_what_moves_or_has_noise_is_not_looked_at_far_away(make_near):
    near, func = make_near(cancelling(1e3), np.asarray([0.3]))
    looked_farther(near, known(no_change=True))
    assert len(func.points) >= LASTING
    assert np.max(np.abs(np.asarray(func.points) - 0.3)) < 0.1 * 0.3
    near, func = make_near(lambda x: np.sin(x[0]), np.asarray([0.3]))
    looked_farther(near, known(sigma=1e-16))
    assert len(func.points) == LASTING


@pytest.mark.parametrize("height", [1.0, 3.0, 2.0**-20, 2.0**-60])
def test_a_step_far_away_is_no_unit_in_the_last_place(make_near, height):
    near, _ = make_near(lambda x: height * (x[0] > 1.2), np.ones(1))
    assert farther(near, known(no_change=True)).tolist() == [0.0]


def test_values_that_are_not_finite_show_no_unit(make_near):
    near, _ = make_near(lambda x: 0.0 if abs(x[0] - 1) < 0.1 else np.inf, np.ones(1))
    assert farther(near, known(no_change=True)).tolist() == [0.0]


@pytest.mark.parametrize("bounds", [None, (0, np.inf), (-np.inf, 0)])
@pytest.mark.parametrize("size", [0.0, 2.0**-200, 2.0**-60, 1.9e-14])
@pytest.mark.parametrize("inner", [np.log, lambda y: 1 - 1 / y])
def test_a_tiny_x0_that_is_rounded_away_is_hidden(make_near, inner, size, bounds):
    """Func is seen to move where x0 moves as if it were 0. Balanced signs may hide even that."""
    x0 = np.full(4, -size if bounds == (-np.inf, 0) else size)
    limits = bounds and tuple(np.full(4, each, dtype=float) for each in bounds)
    wanted = 2 * UNIFORM * DOUBLE
    for seed in range(10):
        near, _ = make_near(lambda x: np.sum(inner(1 + x)), x0, bounds=limits, seed=seed)
        noise = measured(near)
        assert noise.hides_x0.tolist() == [size > 0]
        assert not np.any(noise.hides_x0 & noise.no_change)
        assert wanted / 10 < noise.sigma[0] < 3 * wanted


@pytest.mark.parametrize(
    "func",
    [
        lambda y: 5 + y[0] ** 3 / 2**70,
        lambda y: np.maximum(y[0] - 5, 0.0),
        lambda y: 1 + np.sin(y[0]) / 2**70,
        lambda y: 0.1,
        lambda y: np.inf if abs(y[0] - 1) > 2 else 1.0,
    ],
)
def test_a_tiny_x0_that_is_the_scale_of_func_is_not_hidden(make_near, func):
    """Far away func moves by more than its values round, or by nothing."""
    size = 2.0**-70
    near, _ = make_near(lambda x: func(x / size), np.full(1, size))
    noise = measured(near)
    assert noise.hides_x0.tolist() == [False]
    assert noise.no_change.tolist() == [True]


def test_noise_that_was_not_measured_is_as_assumed():
    noise = Noise.assumed(np.asarray([1.0, 2.0]), np.asarray([DOUBLE, SINGLE]))
    assert (noise.sigma.tolist(), noise.epsilon.tolist()) == ([1.0, 2.0], [DOUBLE, SINGLE])
    assert noise.no_change.tolist() == [False, False]
    for part in (noise.regular_change, noise.terms, noise.slope):
        assert part.tolist() == [0.0, 0.0]


def test_where_all_of_x0_is_0_rounding_makes_a_slope(make_near):
    """Steps that are powers of two all round alike there, so that quotients do not show it."""
    matrix = np.random.default_rng(0).normal(size=(4, 4))
    inverse = np.linalg.inv(matrix)
    near, _ = make_near(lambda x: inverse[0] @ (matrix @ x), np.zeros(4))
    slope = float(looked_farther(near, known()).slope[0])
    assert 1e-17 < slope < 1e-13


def test_another_line_is_taken_where_one_shows_noise_alone(make_near):
    """A line along which func stays 0 up to rounding says nothing of the others."""
    signs = []

    def cancels(x):
        if x[0] != 1:
            signs.append(np.sign(x[0] - 1) * np.sign(x[1] - 1))
        away = x[0] - x[1] if signs and signs[0] != signs[-1] else 0.0
        return away * (1 + 1e-12 * pseudo_noise(x)) + 1e-30 * pseudo_noise(x) * (x[0] != 1)

    found = []
    for seed in range(8):
        signs.clear()
        near, func = make_near(cancels, np.ones(2), seed=seed)
        found.append(float(looked_farther(near, known()).slope[0]))
        assert len(func.points) == 2 * LASTING
    assert max(found) > 1e-13


@pytest.mark.parametrize("power", [1.25, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("epsilon", [DOUBLE, SINGLE])
def test_a_power_that_is_0_at_0_makes_no_slope(make_near, power, epsilon):
    near, _ = make_near(lambda x: abs(x[0]) ** power, np.zeros(1))
    found = looked_farther(near, known(epsilon=epsilon, no_change=True))
    assert found.slope.tolist() == [0.0]


def test_zeros_move_where_func_is_0_at_x0_but_for_rounding(make_near):
    """Zeros have no unit in the last place: along them a product rounds nothing."""

    def cancels(x):  # x[1] times what rounding leaves of a sum
        return x[1] * (1e-13 * pseudo_noise(x) + 3 * x[1])

    near, _ = make_near(cancels, np.asarray([1.0, 0.0]))
    slope = float(looked_farther(near, known()).slope[0])
    assert 1e-15 < slope < 1e-12


@pytest.mark.parametrize("digits", [6, 9])  # that func keeps
@pytest.mark.parametrize("seed", range(3))
def test_around_0_noise_beneath_an_offset_is_found(make_near, digits, seed):
    """Func is 0 at x0, and next to it: an offset rounds it."""
    slopes, offset = np.random.default_rng(seed).uniform(0.5, 2, 3), 10.0**-digits / DOUBLE
    near, _ = make_near(lambda x: (slopes @ x + offset) - offset, np.zeros(3))
    found = looked_farther(near, measured(near))
    assert found.sigma[0] == pytest.approx(UNIFORM * np.spacing(offset), rel=1, abs=0)
    assert found.terms[0] == pytest.approx(offset, rel=1, abs=0)


def test_around_0_noise_in_proportion_to_the_distance_is_none(make_near):
    near, _ = make_near(lambda x: 3.7 * x[0] * (1 + 2.0**-50 * pseudo_noise(x)), np.zeros(1))
    found = looked_farther(near, measured(near))
    assert found.sigma[0] == found.terms[0] == 0


def test_around_0_noise_that_stays_is_found(make_near):
    near, _ = make_near(lambda x: 3.7 * x[0] + 1e-9 * pseudo_noise(x), np.zeros(1))
    assert measured(near).sigma[0] == pytest.approx(1e-9 * UNIFORM, rel=0.9, abs=0)
