"""Groups: which claims they certify, which never, and at how many evaluations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from checkgrad.numerics.decisions import Verdict
from checkgrad.numerics.thresholds import varied
from checkgrad.refine.groups import Groups, group_size
from checkgrad.refine.loop import refine
from checkgrad.refine.progress import Progress

COUNT = 12
SLOPES = np.asarray([1.0, -2.0, 3.0, 4.0, -5.0, 6.0, 7.0, 8.0, 9.0, -10.0, 11.0, 12.0])


class Grouped:
    """A function of many coordinates, near 0, that is sampled in groups and one by one.

    Attributes
    ----------
    asked : list of pair of array
        The groups and steps of each call.
    """

    def __init__(self, function, sizes=(4,) * 8, offset=0.5, bound=np.inf):
        self.function = function
        self.sizes = sizes
        self.offset = offset
        self.bound = bound
        self.asked = []
        self.chosen = None

    def groups(self, chosen, size):
        self.chosen = chosen
        found, rest = [], chosen
        for count in self.sizes:
            if rest.size and count:
                part, rest = rest[:count], rest[count:]
                found.append(np.append(part, np.repeat(part[0], size - part.size)))
        return np.asarray(found, dtype=np.intp).reshape(-1, size)

    def random_offsets(self, shape):
        return np.full(shape, self.offset)

    def note_groups(self, groups, steps):
        self.noted = groups, steps(np.full(groups.shape, self.offset))

    def sample_groups(self, groups, steps):
        self.asked.append((groups.copy(), steps.copy()))
        values = np.full((len(groups), 1), np.nan)
        for i, (group, moves) in enumerate(zip(groups, steps, strict=True)):
            x = np.zeros(COUNT)
            x[group] = moves
            if np.all(np.abs(x) <= self.bound):
                values[i] = self.function(x)
        return np.where(np.isnan(values), np.nan, steps), values

    @property
    def evaluations(self):
        return sum(len(groups) for groups, _ in self.asked)


def func(x):
    return 100.0 + float(np.sum(SLOPES * np.sin(x)))


@pytest.fixture
def made(lines, make_spec):
    """Make grouped directions, the spec of a claim, and the lines it is sampled along."""

    def make(claim=SLOPES, function=func, **values):
        def one(k, t):
            x = np.zeros(COUNT)
            x[k] = t
            return function(x)

        keys = ("sizes", "offset", "bound")
        grouped = Grouped(function, **{k: values.pop(k) for k in keys if k in values})
        along = lines(one, values.pop("scale", np.ones(COUNT)))
        return grouped, make_spec(along, claim, value=function(np.zeros(COUNT)), **values), along

    return make


@pytest.fixture
def certified(made):
    """Return the directions that groups certify, the groups, and the progress."""

    def run(claim=SLOPES, **values):
        grouped, spec, along = made(claim, **values)
        progress = Progress(spec)
        groups = Groups(grouped)
        passed = groups.certify(progress) if groups.try_first(progress) else np.arange(0)
        assert along.evaluations == 0
        assert sorted([*passed, *progress.active]) == list(range(COUNT))
        return passed.tolist(), grouped, progress

    return run


def test_right_claims_are_certified_at_half_an_evaluation_each(certified):
    passed, grouped, progress = certified()
    assert passed == list(range(COUNT))
    assert progress.active.size == 0
    assert grouped.evaluations == COUNT // 2
    assert progress.estimate.value == pytest.approx(SLOPES, rel=1e-6)
    assert np.isinf(progress.estimate.uncertainty).all()


@pytest.fixture
def larger_groups(monkeypatch):
    """Allow larger groups of as few directions as there are here."""
    monkeypatch.setattr("checkgrad.refine.groups._FEWEST_IF_COARSE", COUNT)


@pytest.mark.parametrize(("count", "size"), [(639, 4), (640, 8)])
def test_groups_are_larger_where_there_are_many_directions(count, size):
    assert group_size(count, 2.0**-52, rtol=1e-3) == size


@pytest.mark.usefixtures("larger_groups")
@pytest.mark.parametrize(
    ("rtol", "epsilon", "size"),
    [
        (1e-3, 2.0**-52, 8),
        (1e-5, 2.0**-52, 4),
        (1e-3, 2.0**-36, 4),
        (1.3e-4, 2.0**-52, 8),  # rtol**4 is just above epsilon
        (1.2e-4, 2.0**-52, 4),
    ],
)
def test_groups_are_larger_where_rtol_asks_for_few_digits_of_func(certified, rtol, epsilon, size):
    passed, grouped, progress = certified(sizes=(size,) * 3, rtol=rtol, epsilon=epsilon)
    assert passed == list(range(COUNT))
    assert {groups.shape[1] for groups, _ in grouped.asked} == {size}
    assert grouped.evaluations == 2 * -(-COUNT // size)
    first = progress._first_of_all[:size]
    _, steps = grouped.asked[0]
    apart = 1 + (np.arange(size) + 0.5) / size
    assert np.abs(steps[0]).tolist() == np.ldexp(apart, first).tolist()


@pytest.mark.usefixtures("larger_groups")
@pytest.mark.parametrize(
    "claim",
    [
        SLOPES * np.where(np.arange(COUNT) == 9, 1 + 1.2e-3, 1),
        SLOPES * np.where(np.arange(COUNT) == 9, -1, 1),
        SLOPES[[*range(8), 9, 8, 10, 11]],
        SLOPES * 1.002,
        np.roll(SLOPES, 1),
    ],
)
def test_a_larger_group_shows_an_error_of_rtol(certified, claim):
    passed, _, _ = certified(claim, sizes=(8, 4), rtol=1e-3)
    off = np.abs(claim - SLOPES) > 0
    assert not any(off[each] for each in passed)


def test_a_first_group_is_tried_before_the_others(certified):
    _, grouped, _ = certified()
    assert [groups.tolist() for groups, _ in grouped.asked] == [
        [[0, 1, 2, 3]] * 2,
        [[4, 5, 6, 7], [8, 9, 10, 11]] * 2,
    ]


def test_the_others_are_noted_as_they_are_sampled_later(certified):
    _, grouped, _ = certified()
    groups, steps = grouped.noted
    later, both = grouped.asked[1]
    assert later.tolist() == [*groups.tolist()] * 2
    assert both.tolist() == [*steps.tolist(), *(-steps).tolist()]


@pytest.mark.parametrize("offset", [0.25, 0.5, 0.75])
def test_coordinates_move_by_other_steps_each_and_up_where_func_grows(certified, offset):
    passed, grouped, progress = certified(offset=offset)
    assert len(passed) == COUNT
    first = float(np.unique(np.ldexp(1.0, Progress(progress.spec).first))[0])
    _, steps = grouped.asked[0]
    factors = 1 + (np.arange(4) + offset) / 4
    assert steps[0].tolist() == (first * factors * [1, -1, 1, 1]).tolist()
    assert steps[1].tolist() == (-steps[0]).tolist()
    _, steps = grouped.asked[1]
    assert steps[:2].tolist() == (first * factors * [[-1, 1, 1, 1], [1, -1, 1, 1]]).tolist()
    assert steps[2:].tolist() == (-steps[:2]).tolist()


def test_each_coordinate_moves_by_its_own_first_step(certified):
    scale = np.exp2(np.arange(COUNT))
    passed, grouped, progress = certified(scale=scale, function=lambda x: 100 + SLOPES @ x)
    assert len(passed) == COUNT
    first = Progress(progress.spec).first
    steps = np.concatenate([steps[: len(groups) // 2] for groups, steps in grouped.asked])
    factors = np.tile(1 + (np.arange(4) + 0.5) / 4, 3)
    assert np.abs(steps.ravel()).tolist() == (np.ldexp(1.0, first) * factors).tolist()


def breakages():
    flipped = SLOPES * np.where(np.arange(COUNT) == 5, -1, 1)
    swapped = SLOPES.copy()
    swapped[[6, 7]] = swapped[[7, 6]]
    far = SLOPES.copy()
    far[[5, 10]] = far[[10, 5]]
    slight = SLOPES * np.where(np.arange(COUNT) == 9, 1 + 1e-4, 1)
    return {
        "a flipped sign": (flipped, 1),
        "swapped entries in a group": (swapped, 1),
        "swapped entries in two groups": (far, 2),
        "an error of 1e-4": (slight, 1),
        "a missing entry": (SLOPES * (np.arange(COUNT) != 8), 1),
    }


@pytest.mark.parametrize(("claim", "groups"), breakages().values(), ids=breakages())
def test_no_claim_of_a_group_with_a_wrong_one_is_certified(certified, claim, groups):
    passed, _, _ = certified(claim)
    wrong = np.flatnonzero(claim != SLOPES) // 4
    assert len(set(wrong)) == groups
    assert passed == [k for k in range(COUNT) if k // 4 not in wrong]


@pytest.mark.parametrize("factor", [2.0, -1.0, 0.5, 1 + 1e-4])
def test_a_common_factor_is_never_certified(certified, factor):
    passed, grouped, progress = certified(SLOPES * factor)
    assert passed == []
    assert progress.active.tolist() == list(range(COUNT))
    assert grouped.evaluations == 2  # nothing passes in the first group, the others are not tried


@pytest.mark.parametrize(
    ("error", "passed"), [(3e-6, [2, 3, *range(4, 12)]), (4.5e-6, []), (1e-3, [])]
)
def test_others_are_tried_only_if_half_of_the_first_group_passes(certified, error, passed):
    # An error of one entry is put down to each; it is too small for the larger ones to notice.
    claim = SLOPES.copy()
    claim[0] += error
    found, grouped, _ = certified(claim)
    assert found == passed
    assert grouped.evaluations == (6 if passed else 2)


def test_claims_that_are_not_finite_are_in_no_group(certified):
    claim = SLOPES.copy()
    claim[[1, 7]] = np.nan, np.inf
    passed, grouped, _ = certified(claim)
    assert grouped.chosen.tolist() == [0, 2, 3, 4, 5, 6, 8, 9, 10, 11]
    assert passed == grouped.chosen.tolist()


def test_coordinates_of_a_smaller_group_move_once(certified):
    passed, grouped, progress = certified(sizes=(4, 4, 2, 1))
    assert passed == [*range(11)]  # one that is left over is in no group
    groups, steps = grouped.asked[1]
    assert groups[:3].tolist() == [[4, 5, 6, 7], [8, 9, 8, 8], [10, 10, 10, 10]]
    assert steps[1].tolist() == [steps[1, 0], steps[1, 1], steps[1, 0], steps[1, 0]]
    assert steps[1, 0] > 0 > steps[1, 1]
    assert grouped.evaluations == 8
    assert progress.estimate.value[:11] == pytest.approx(SLOPES[:11], rel=1e-6)


def test_without_any_group_nothing_is_certified(certified):
    passed, grouped, _ = certified(sizes=(0,))
    assert passed == []
    assert grouped.evaluations == 0


def test_steps_out_of_bounds_certify_nothing(certified):
    passed, _, _ = certified(bound=1e-12)
    assert passed == []


def test_rounding_of_the_group_counts(certified):
    passed, _, progress = certified(sigma=1e-9)
    assert len(passed) == COUNT
    span = 2 * np.ldexp(1 + np.asarray([0.5, 1.5, 2.5, 3.5]) / 4, Progress(progress.spec).first[:4])
    assert progress.estimate.rounding[:4] == pytest.approx(3 * 1e-9 / (span / 2))


def test_rounding_of_values_larger_than_at_x0_counts(certified):
    def grows(x):
        return 1e9 * np.abs(np.sign(x[0])) + func(x)

    _, _, progress = certified(function=grows)
    first = np.ldexp(1.125, progress._first_of_all[0])
    expected = 3 * 0.3 * 2.0**-52 * 1e9 / first
    assert progress.estimate.rounding[0] == pytest.approx(expected, rel=1e-6)


def test_claims_certified_in_groups_take_no_further_evaluation(made):
    grouped, spec, along = made()
    assert refine(spec, groups=Groups(grouped)).verdict is Verdict.CORRECT
    assert (grouped.evaluations, along.evaluations) == (COUNT // 2, 0)


def test_certified_claims_are_sampled_again_if_another_stays_open(made):
    claim = SLOPES * np.where(np.arange(COUNT) == 9, 1 + 1.2e-5, 1)  # too little to be wrong
    grouped, spec, along = made(claim)
    decisions = refine(spec, groups=Groups(grouped))
    assert decisions.verdict is Verdict.INCONCLUSIVE
    assert grouped.evaluations == COUNT // 2
    # Those in the group of the wrong one are sampled first, then the certified ones.
    asked = [sorted(set(which.tolist())) for which, _ in along.asked]
    assert asked[0] == [8, 9, 10, 11]
    assert asked[-1] == list(range(8))


def test_nor_are_they_if_another_is_wrong(made):
    claim = SLOPES * np.where(np.arange(COUNT) == 9, 1.01, 1)
    grouped, spec, along = made(claim)
    decisions = refine(spec, groups=Groups(grouped))
    assert decisions.wrong.tolist() == [k == 9 for k in range(COUNT)]
    assert not any(along.steps_of(k) for k in range(8))


def test_a_claim_that_few_steps_do_not_resolve_is_left_if_not_thorough(made):
    claim = SLOPES * np.where(np.arange(COUNT) == 9, 1.01, 1)
    grouped, spec, along = made(claim)
    refine(spec, False, Groups(grouped))
    assert len(along.steps_of(9)) == 3
    assert not along.steps_of(0)


def test_groups_are_compared_again_without_evaluations(made):
    grouped, spec, along = made()
    groups = Groups(grouped)
    refine(spec, groups=groups)
    before = grouped.evaluations
    assert refine(replace(spec, sigma=1e-14), groups=groups).verdict is Verdict.CORRECT
    loud = refine(replace(spec, sigma=1e-3), groups=groups)
    assert not loud.resolved.any() or along.evaluations > 0
    assert grouped.evaluations == before


@pytest.mark.parametrize("sigma", [0.0, 1e-6])
def test_a_first_group_that_failed_is_tried_again_where_noise_asks_for_longer_steps(made, sigma):
    grouped, spec, _ = made(SLOPES * 2)
    groups = Groups(grouped)
    for each in (spec, replace(spec, sigma=sigma)):
        assert not groups.try_first(Progress(each))
    assert grouped.evaluations == (4 if sigma else 2)


def test_of_many_wrong_claims_one_is_followed_to_its_end_and_the_worst_others_at_few_steps(made):
    grouped, spec, along = made(SLOPES * np.linspace(1.01, 1.12, COUNT))
    with varied(few=4, fewest_more=3):
        decisions = refine(spec, groups=Groups(grouped))
    assert decisions.criteria.fully_sampled.sum() == 1
    assert grouped.evaluations == COUNT // 2
    followed = [k for k in range(COUNT) if len(along.steps_of(k)) > 2]
    # The first group one by one, one of them to its end; and of the others three.
    assert len(followed) == 4 + 3
    assert set(range(4)) < set(followed)
    left = np.setdiff1d(np.arange(COUNT), followed)
    assert np.isnan(decisions.estimate.value[left]).all()
    assert decisions.wrong.tolist() == [k in followed for k in range(COUNT)]


@pytest.mark.parametrize(("epsilon", "rtol"), [(2.0**-10, 5e-2), (2.0**-7, 2e-1)])
def test_half_precision_is_not_sampled_in_groups(made, epsilon, rtol):
    grouped, spec, along = made(epsilon=epsilon, rtol=rtol)
    refine(spec, groups=Groups(grouped))
    assert grouped.evaluations == 0
    assert along.evaluations > 0


@pytest.mark.parametrize(("count", "in_groups"), [(7, False), (8, True)])
def test_few_coordinates_are_not_sampled_in_groups(made, lines, make_spec, count, in_groups):
    grouped, _, along = made()
    few = lines(along.function, np.ones(count))
    decisions = refine(make_spec(few, SLOPES[:count]), groups=Groups(grouped))
    assert decisions.verdict is Verdict.CORRECT
    assert (grouped.evaluations > 0) == in_groups
    assert (few.evaluations > 0) != in_groups


def test_without_groups_each_is_sampled_by_itself(made):
    _, spec, along = made()
    assert refine(spec).verdict is Verdict.CORRECT
    assert along.evaluations == 2 * COUNT


def test_coordinates_move_the_way_in_which_their_claims_let_func_grow(made):
    """So the changes of a group add up, however small a claim is, and no two of them cancel."""
    slopes = SLOPES / 16  # between 1/16 and 3/4 in size
    grouped, spec, _ = made(slopes, lambda x: 100.0 + float(np.sum(slopes * np.sin(x))))
    assert refine(spec, groups=Groups(grouped)).verdict is Verdict.CORRECT
    for groups, steps in grouped.asked:
        ahead, back = np.split(steps, 2)
        assert np.all(ahead * slopes[groups[: len(ahead)]] > 0)
        assert np.array_equal(back, -ahead)


def test_steps_of_a_group_differ_and_lie_within_a_factor_of_two(made):
    """A coordinate moves by one to two times its first step, whichever way it moves."""
    grouped, spec, _ = made()
    progress = Progress(spec)
    groups = Groups(grouped)
    assert groups.try_first(progress)
    groups.certify(progress)
    for groups_asked, steps in grouped.asked:
        times = np.abs(steps) / np.exp2(progress.first_of(groups_asked))
        assert np.all((times >= 1) & (times < 2))
        assert np.all(np.diff(times, axis=1) > 0)


@pytest.mark.parametrize("worst", [1, 3])
def test_if_not_thorough_all_of_the_first_group_are_sampled_once_to_find_the_worst(made, worst):
    """It alone is looked along at more steps. The others of the group, wrong or not, are left."""
    off = np.ones(COUNT)
    off[:4] = 1.01
    off[worst] = 1.5
    grouped, spec, along = made(SLOPES * off)
    refine(spec, False, Groups(grouped))
    assert [len(along.steps_of(k)) for k in range(4)] == [3 if k == worst else 1 for k in range(4)]
    assert not any(along.steps_of(k) for k in range(4, COUNT))


def test_once_a_claim_of_the_worst_group_is_wrong_the_others_are_left_open(made):
    """One claim of each of two groups is wrong. The first group is off by far more."""
    claim = SLOPES * np.where(np.arange(COUNT) == 5, 1.5, np.where(np.arange(COUNT) == 9, 1.01, 1))
    grouped, spec, along = made(claim)
    with varied(fewest_more=4):
        decisions = refine(spec, groups=Groups(grouped))
    assert decisions.verdict is Verdict.WRONG
    assert np.flatnonzero(decisions.wrong).tolist() == [5]
    assert decisions.resolved[:4].all()
    assert not decisions.resolved[8:].any()
    assert not any(along.powers_of(k) for k in range(8, COUNT))


def test_where_no_claim_of_the_worst_group_is_wrong_the_others_follow(made):
    """The second group does not pass, since one of its claims makes func bend."""

    def bent(x):
        return func(x) + 1e3 * x[5] ** 3

    claim = SLOPES * np.where(np.arange(COUNT) == 9, 1.01, 1)
    grouped, spec, _ = made(claim, bent)
    with varied(fewest_more=4):
        decisions = refine(spec, groups=Groups(grouped))
    assert np.flatnonzero(decisions.wrong).tolist() == [9]
