"""The verdict does not depend on the units of `func` or of any coordinate."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from sampling import draws, spread
from scale_corpus import CASES, ScaleCase, multiplied, rescaled

from checkgrad import Verdict, verify_grad

pytestmark = [pytest.mark.numpy, pytest.mark.sampled]

BY_NAME = {case.name: case for case in CASES}

FUNC_POWERS = (-600, -300, -52, -1, 1, 52, 300, 600)
COORDINATE_POWERS = (-300, -60, -1, 1, 60, 300)
LARGEST_UNEVEN_POWER = 60
UNEVEN = [case.name for case in CASES if case.uneven and case.x0.size > 1]


def every_fourth_case(first: int) -> pytest.MarkDecorator:
    """Take every fourth case in a plain run: four tests share all of them."""
    return pytest.mark.parametrize("name", spread([*BY_NAME], 4, first))


both_claims = pytest.mark.parametrize("claim", ["right", "broken"])


def verdict(case: ScaleCase, claim: str) -> Verdict:
    grad = case.grad if claim == "right" else case.broken
    return verify_grad(case.func, grad, case.x0, rng=0).verdict


@cache
def verdict_in_usual_units(name: str, claim: str) -> Verdict:
    return verdict(BY_NAME[name], claim)


@every_fourth_case(0)
def test_right_gradient_is_never_called_wrong(name: str) -> None:
    assert verdict_in_usual_units(name, "right") is not Verdict.WRONG


@every_fourth_case(2)
def test_broken_gradient_is_never_called_correct(name: str) -> None:
    assert verdict_in_usual_units(name, "broken") is not Verdict.CORRECT


@pytest.mark.parametrize("power", FUNC_POWERS)
@both_claims
@every_fourth_case(1)
def test_multiplying_func_changes_no_verdict(name: str, claim: str, power: int) -> None:
    scaled = multiplied(BY_NAME[name], power)
    assert verdict(scaled, claim) is verdict_in_usual_units(name, claim)


@pytest.mark.parametrize("power", COORDINATE_POWERS)
@both_claims
@every_fourth_case(3)
def test_rescaling_all_coordinates_alike_changes_no_verdict(
    name: str, claim: str, power: int
) -> None:
    scaled = rescaled(BY_NAME[name], power)
    assert verdict(scaled, claim) is verdict_in_usual_units(name, claim)


@pytest.mark.parametrize("seed", draws(4, plain=2))
@both_claims
@pytest.mark.parametrize("name", spread(UNEVEN, 2))
def test_rescaling_each_coordinate_differently_changes_no_verdict(
    name: str, claim: str, seed: int
) -> None:
    case = BY_NAME[name]
    most = LARGEST_UNEVEN_POWER
    powers = np.random.default_rng(seed).integers(-most, most, case.x0.shape, endpoint=True)
    assert verdict(rescaled(case, powers), claim) is verdict_in_usual_units(name, claim)
