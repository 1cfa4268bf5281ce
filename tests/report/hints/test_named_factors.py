"""The factors that have a name."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hint_cases import W, array, mismatches_of, tree

from checkgrad.report.hints.named_factors import Factor, named_factors

pytestmark = pytest.mark.numpy


def factors_of(*paths: str) -> dict[str, Factor]:
    """The factors, by their text, where the leaves with these paths are wrong."""
    estimate = tree()
    claim = {path: -part if path in paths else part for path, part in estimate.items()}
    found = mismatches_of(claim, estimate)
    return {factor.text: factor for factor in named_factors(found, found.wrong)}


def test_every_factor_is_what_its_text_says() -> None:
    words = {"n": 53.0, "ln": math.log, "pi": math.pi}
    for text, factor in factors_of(W).items():
        sign = -1 if text.startswith(("-", "minus ")) else 1
        plain = text.removeprefix("minus ").removeprefix("-").split(",")[0]
        stated = plain.split(" = ")[-1].replace("ln 10", str(words["ln"](10)))
        stated = stated.replace("ln 2", str(words["ln"](2))).replace("pi", str(words["pi"]))
        top, _, bottom = stated.partition("/")
        assert factor.value == pytest.approx(sign * float(top) / float(bottom or 1)), text


def test_every_factor_has_a_name_and_comes_with_its_inverse_and_its_negative() -> None:
    found = list(factors_of(W).values())
    values = [factor.value for factor in found]
    for factor in found:
        assert factor.has_name
        assert factor.guess.endswith("?")
        assert any(math.isclose(1 / factor.value, value) for value in values)
        assert any(math.isclose(-factor.value, value) for value in values) or factor.value == -1


def test_no_two_factors_are_the_same_number() -> None:
    values = sorted(factor.value for factor in factors_of(W).values())
    assert np.all(np.diff(values) > 1e-3 * np.abs(values[1:]))


def test_the_sizes_are_those_of_x0_and_of_the_only_wrong_leaf() -> None:
    of_one, of_two = factors_of(W), factors_of(W, "p['b']")
    for text, value in {
        "n = 53": 53,
        "24, the size of p['W'],": 24,
        "4, the length of axis 0 of p['W'],": 4,
        "6, the length of axis 1 of p['W'],": 6,
        "1/24, one over the size of p['W'],": 1 / 24,
        "1/6, one over the length of axis 1 of p['W'],": 1 / 6,
        "-24, the size of p['W'],": -24,
    }.items():
        assert of_one[text].value == pytest.approx(value)
        assert (text in of_two) is text.startswith("n")


def test_a_factor_of_one_is_no_factor() -> None:
    estimate = {"a": array(1, 3), "b": array(2)}
    found = mismatches_of({**estimate, "a": -estimate["a"]}, estimate)
    texts = [factor.text for factor in named_factors(found, found.wrong)]
    assert not [text for text in texts if text.startswith(("1,", "1/1,"))]


def test_a_second_slip_costs_more() -> None:
    found = factors_of(W)
    assert found["-1"].cost < found["2"].cost < found["n = 53"].cost
    assert found["n = 53"].cost < found["2.303 = ln 10"].cost
    for text, factor in found.items():
        if f"-{text}" in found:
            assert found[f"-{text}"].cost == factor.cost + 1


def test_the_guess_tells_a_mean_from_a_sum() -> None:
    found = factors_of(W)
    assert found["n = 53"].guess == "a mean taken for a sum?"
    assert found["1/n = 1/53"].guess == "a sum taken for a mean?"
