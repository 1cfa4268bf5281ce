"""The verdict on PyTorch's own operators, at the points and dtypes people use them at."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

pytest.importorskip("torch")

import torch
from operator_corpus import OPERATORS, Case, case
from sampling import spread

from checkgrad import Report, Verdict, verify_grad

pytestmark = [
    pytest.mark.libraries("torch"),
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.sampled,
]

BY_NAME = {operator.name: operator for operator in OPERATORS}
DTYPES = {"float64": torch.float64, "float32": torch.float32}

# At most this share of the right gradients may be left undecided (measured: none, and 1%).
MOST_INCONCLUSIVE = {"float64": 0.005, "float32": 0.02}

every_second_operator = pytest.mark.parametrize("name", spread([*BY_NAME], 2))
# A check of a wrong gradient takes four times as long as one of a right gradient.
every_fourth_operator = pytest.mark.parametrize("name", spread([*BY_NAME], 4, first=1))
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def negated(claim: torch.Tensor, largest: int) -> torch.Tensor:
    return -claim


def doubled(claim: torch.Tensor, largest: int) -> torch.Tensor:
    return 2 * claim


def one_percent_off(claim: torch.Tensor, largest: int) -> torch.Tensor:
    wrong = claim.clone().reshape(-1)
    wrong[largest] *= 1.01
    return wrong.reshape(claim.shape)


def broken(
    right: Case, breakage: Callable[[torch.Tensor, int], torch.Tensor]
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Break the gradient of `right` in the same way wherever it is asked for."""
    largest = int(right.grad(right.x0).abs().argmax())
    return lambda x: breakage(right.grad(x), largest)


@cache
def report_on_right_gradient(name: str, dtype: str) -> Report:
    right = case(BY_NAME[name], DTYPES[dtype])
    return verify_grad(right.func, right.grad, right.x0, rng=0)


@every_second_operator
@every_dtype
def test_right_gradient_is_never_called_wrong(name: str, dtype: str) -> None:
    report = report_on_right_gradient(name, dtype)
    assert report.verdict is not Verdict.WRONG, str(report)


@pytest.mark.parametrize("breakage", [negated, doubled, one_percent_off])
@every_fourth_operator
@every_dtype
def test_broken_gradient_is_never_called_correct(
    name: str, dtype: str, breakage: Callable[[torch.Tensor, int], torch.Tensor]
) -> None:
    right = case(BY_NAME[name], DTYPES[dtype])
    if not right.grad(right.x0).any():
        pytest.skip("the gradient is zero: nothing to break")
    report = verify_grad(right.func, broken(right, breakage), right.x0, rng=0)
    assert report.verdict is not Verdict.CORRECT, str(report)


def undecided(names: list[str], dtype: str) -> list[str]:
    return [
        name
        for name in names
        if report_on_right_gradient(name, dtype).verdict is Verdict.INCONCLUSIVE
    ]


@pytest.mark.full
@every_dtype
def test_right_gradients_are_rarely_left_undecided(dtype: str) -> None:
    found = undecided([*BY_NAME], dtype)
    share = len(found) / len(BY_NAME)
    assert share <= MOST_INCONCLUSIVE[dtype], f"{share:.1%} undecided: {', '.join(found)}"


@every_dtype
def test_right_gradients_of_some_operators_are_rarely_left_undecided(dtype: str) -> None:
    assert len(undecided([*BY_NAME][::10], dtype)) <= 1
