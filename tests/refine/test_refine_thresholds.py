"""Thresholds of refinement and of its callers: each changes something if halved, or doubled.

The callers are `judging` and `cross_checks` in `checkgrad.stages`, and `linearity` in
`checkgrad.claims`. A case gives what is found: steps, directions or flags. tests/numerics and
tests/measure hold the other thresholds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from checkgrad.claims.linearity import is_sum_of
from checkgrad.numerics.estimate import Estimate
from checkgrad.numerics.thresholds import thresholds, varied
from checkgrad.pipeline import examine
from checkgrad.problem import Options, Problem
from checkgrad.refine.at_x0 import BaseValues
from checkgrad.refine.first_step import first_steps
from checkgrad.refine.groups import Groups
from checkgrad.refine.loop import refine
from checkgrad.refine.progress import Progress
from checkgrad.refine.steps import BETWEEN, all_steps, needs_shorter, steps_between, steps_beyond

Make = Callable[..., Any]
Case = Callable[[SimpleNamespace], Any]

SWEEP = [2.0 ** (k / 2 + 1 / 4) for k in range(-4, 4)]  # factors around a threshold
TRUNCATION, NOISE = (1.0, 0.25), (1.0, 0.75)  # uncertainty and its rounding part
CASES: dict[str, Case] = {}


@pytest.fixture
def make(lines: Make, make_spec: Make) -> SimpleNamespace:
    return SimpleNamespace(lines=lines, spec=make_spec)


def case(*names: str) -> Callable[[Case], Case]:
    def add(function: Case) -> Case:
        CASES.update(dict.fromkeys(names, function))
        return function

    return add


def begun(make: SimpleNamespace, function: Any = None, claim: float = 1.0, **values: Any) -> Any:
    """Begin the refinement of one direction, of scale 1."""
    lines = make.lines(function or (lambda k, t: 0.0))
    return Progress(make.spec(lines, claim, **values))


def wrong_everywhere(make: SimpleNamespace, count: int) -> Any:
    """Refine claims that are all wrong, and return the decisions and the lines."""
    lines = make.lines(lambda k, t: 10 + np.sin(1 + t), np.ones(count))
    return refine(make.spec(lines, 1.01 * np.cos(1))), lines


def with_estimate(progress: Progress, parts: Any, best: float, taken: list[float]) -> Progress:
    """Sample some steps, and put an estimate in the place of what they give."""
    progress.sample(np.asarray(taken)[:, None])
    uncertainty, rounding = np.asarray(parts)[:, None]
    found = Estimate.of_values(np.ones(1), uncertainty, rounding)
    progress.estimate = dataclasses.replace(found, step=np.asarray([best]))
    return progress


def powers_of(steps: Any) -> list[float]:
    finite: list[float] = np.log2(steps[np.isfinite(steps)]).tolist()
    return finite


# The first step


def first(make: SimpleNamespace, **values: Any) -> list[int]:
    powers: list[int] = first_steps(make.spec(make.lines(lambda k, t: 1.0), 1.0, **values)).tolist()
    return powers


@case("first_step_digits")
def _(make: SimpleNamespace) -> Any:
    return first(make, value=0.0)


@case("first_step_margin")
def _(make: SimpleNamespace) -> Any:
    return first(make, sigma=2.0**-20)


@case("longest_first_step")
def _(make: SimpleNamespace) -> Any:
    return first(make, sigma=1.0)


# Groups

SLOPES = np.arange(1.0, 13.0)


class Grouped:
    """Groups of four coordinates of a linear function, and how many groups were sampled."""

    def __init__(self) -> None:
        self.sampled = 0

    def groups(self, chosen: Any, size: int) -> Any:
        return chosen[: chosen.size // size * size].reshape(-1, size)

    def random_offsets(self, shape: tuple[int, ...]) -> Any:
        return np.full(shape, 0.5)

    def note_groups(self, groups: Any, steps: Any) -> None:
        """Nobody evaluates anything ahead."""

    def sample_groups(self, groups: Any, steps: Any) -> Any:
        self.sampled += len(groups) // 2
        return steps, 100 + np.sum(SLOPES[groups] * steps, axis=1, keepdims=True)


def in_groups(make: SimpleNamespace, count: int, error: float = 0.0) -> tuple[Any, Grouped]:
    """Return a claim whose first entry is off, and its groups."""
    lines = make.lines(lambda k, t: 100 + SLOPES[k] * t, np.ones(count))
    return make.spec(lines, SLOPES[:count] + error * (np.arange(count) == 0)), Grouped()


@case("few:groups")
def _(make: SimpleNamespace) -> Any:
    found = []
    for count in (5, 7, 8, 12):
        spec, grouped = in_groups(make, count)
        refine(spec, groups=Groups(grouped))
        found.append(grouped.sampled > 0)
    return found


@case("promising_group")
def _(make: SimpleNamespace) -> Any:
    found = []
    for error in (3e-6, 4.5e-6):  # with which two claims of the first group pass, and one
        spec, grouped = in_groups(make, 12, error)
        groups, progress = Groups(grouped), Progress(spec)
        if groups.try_first(progress):
            groups.certify(progress)
        found.append(grouped.sampled)
    return found


# Rounding of coefficients


@case("coefficient_epsilons")
def _(make: SimpleNamespace) -> Any:
    one = np.ones(1)
    base = BaseValues.at_x0(one, one, one, one, one, one, 2.0**-52 * one)
    return float(base.coefficient_epsilon[0])


@case("coefficient_rounding")
def _(make: SimpleNamespace) -> Any:
    one = np.ones(1)
    base = BaseValues.at_x0(one, one, one, one, one, one, 2.0**-10 * one)
    return float(base.coefficient_epsilon[0])


# The loop


@case("stages_if_not_thorough")
def _(make: SimpleNamespace) -> Any:
    lines = make.lines(lambda k, t: np.exp(1 + t))
    refine(make.spec(lines, 3.0), thorough=False)
    return len(lines.steps_of(0))


@case("block")
def _(make: SimpleNamespace) -> Any:
    lines = make.lines(lambda k, t: 10 + np.sin(1 + t), np.ones(66))
    decisions = refine(make.spec(lines, 1.01 * np.cos(1), epsilon=2.0**-23, rtol=1e-4))
    return int(np.sum(decisions.criteria.fully_sampled))


@case("few")
def _(make: SimpleNamespace) -> Any:
    return [np.sum(wrong_everywhere(make, n)[0].criteria.fully_sampled) for n in (6, 12)]


@case("fewest_more")
def _(make: SimpleNamespace) -> Any:
    return sum(len(wrong_everywhere(make, 36)[1].steps_of(k)) > 1 for k in range(36))


@case("groups_per_more")
def _(make: SimpleNamespace) -> Any:
    _, lines = wrong_everywhere(make, 256)
    return sum(len(lines.steps_of(k)) > 1 for k in range(256))


# All steps


@case("longest_first_step:all")
def _(make: SimpleNamespace) -> Any:
    return powers_of(all_steps(begun(make, sigma=1.0)))[0]


@case("least_digits:dense", "sparse_spacing", "finest_above_ulp")
def _(make: SimpleNamespace) -> Any:
    return powers_of(all_steps(begun(make)))


@case("least_digits")
def _(make: SimpleNamespace) -> Any:
    return powers_of(all_steps(begun(make, epsilon=2.0**-10)))


# Beyond and between


def longer(make: SimpleNamespace, longest: float, **values: Any) -> list[float]:
    progress = begun(make, sigma=1.0, **values)
    return powers_of(steps_beyond(with_estimate(progress, NOISE, longest, [longest])))


@case("reach")
def _(make: SimpleNamespace) -> Any:
    return longer(make, 2.0, value=0.0)


@case("linear_part")
def _(make: SimpleNamespace) -> Any:
    return longer(make, 32.0, value=2.0**10, claim=4.0)


@case("finest_below_scale")
def _(make: SimpleNamespace) -> Any:
    found = []
    for shortest in (2.0**-70, 2.0**-100, 2.0**-150):
        progress = with_estimate(begun(make), TRUNCATION, shortest, [1.0, shortest])
        found.append(powers_of(steps_beyond(progress)))
    return found


@case("far_above_noise")
def _(make: SimpleNamespace) -> Any:
    found = []
    for factor in SWEEP:
        guess = {"scale_is_guess": np.asarray([True]), "sigma": 1.0, "value": 0.0}
        progress = begun(make, lambda k, t, f=factor: 256 * f, **guess)
        progress.sample(np.asarray([[1.0], [0.5]]))
        found.append(bool(needs_shorter(progress)[0]))
    return found


@case("worth_averaging")
def _(make: SimpleNamespace) -> Any:
    found = []
    for factor in SWEEP:
        uncertain = (30e-5 * factor, 30e-5 * factor)  # rtol is 1e-5
        progress = with_estimate(begun(make), uncertain, 1.0, [1.0])
        found.append(powers_of(steps_between(progress, BETWEEN)))
    return found


# Several outputs


def looked_at(func: Any, claim: Any, x0: Any, **options: Any) -> Any:
    return examine(Problem("jac", func, claim, np.asarray(x0), (), Options(**options))).results


def fully_sampled(**options: Any) -> list[bool]:
    """Return which of eight outputs with wrong claims are sampled at all steps."""
    factors = np.arange(1.0, 9.0)
    results = looked_at(
        lambda x: factors * np.sin(x[0]),
        lambda x: 1.01 * factors[:, None] * np.cos(x),
        [0.3],
        **options,
    )
    return [bool(np.any(each.decisions.criteria.fully_sampled)) for each in results]


@case("wrong_outputs")
def _(make: SimpleNamespace) -> Any:
    return fully_sampled()


@case("wrong_outputs_along_tangents")
def _(make: SimpleNamespace) -> Any:
    return fully_sampled(direction=2, locate="off")


def wrong_beside_a_tie(at: int) -> list[bool]:
    """Return which claims of eight outputs are wrong, where one output has a tie."""

    def tie(x: Any) -> Any:  # does not move along any axis, and yet along a tangent
        away = x - 2.0
        return np.cbrt(away[0] ** 2 * away[1]) + 1

    def func(x: Any) -> Any:
        return np.stack([tie(x) if k == at else np.sum(np.sin(x)) for k in range(8)])

    with varied(wrong_outputs=0):  # a few steps are enough here
        results = looked_at(func, lambda x: np.ones((8, 2)), [2.0, 2.0])
    return [bool(np.any(each.decisions.wrong)) for each in results]


@case("outputs_for_ties")
def _(make: SimpleNamespace) -> Any:
    return [wrong_beside_a_tie(at) for at in (3, 5)]


@case("coefficient_epsilons:linear")
def _(make: SimpleNamespace) -> Any:
    epsilon = 2.0**-40
    sums = [np.asarray([1 + 1000 * epsilon * factor]) for factor in SWEEP]
    return [is_sum_of(each, np.ones(1), 0.0, epsilon) for each in sums]


def field_of(name: str) -> str:
    """Return the threshold of a case: its name, or what comes before the use that it is about."""
    return name.partition(":")[0]


def outcome(name: str, make: SimpleNamespace, value: Any) -> Any:
    with varied(**{field_of(name): value}), np.errstate(all="ignore"):
        return CASES[name](make)


@pytest.mark.parametrize("name", CASES)
def test_half_and_twice_a_threshold_change_what_is_found(name: str, make: SimpleNamespace) -> None:
    value = getattr(thresholds(), field_of(name))
    half = value // 2 if isinstance(value, int) else value / 2
    as_it_is = outcome(name, make, value)
    assert outcome(name, make, value) == as_it_is
    assert outcome(name, make, half) != as_it_is
    assert outcome(name, make, value * 2) != as_it_is
