"""What cannot be x0, and the part of a tuple that has the right form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from checkgrad.arrays.refusals import named_part, refuse_leaf, refuse_masked

pytestmark = pytest.mark.numpy


def is_text(value: Any) -> bool:
    return isinstance(value, str)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (("a",), "a tuple of one, whose part [0] has the right form: take f(x)[0]"),
        ((1, "a"), "a pair, whose part [1] has the right form: take f(x)[1]"),
        (("a", "b"), "take f(x)[0]"),
    ],
)
def test_the_first_part_that_fits_is_named(value: Any, words: str) -> None:
    assert words in named_part(value, is_text, "f(x)")


@pytest.mark.parametrize("value", [(), (1, 2), (1, 2, "a"), ["a"], "a"], ids=str)
def test_other_values_hold_no_part(value: Any) -> None:
    assert named_part(value, is_text, "f(x)") == ""


def test_only_masked_arrays_are_refused_as_masked() -> None:
    refuse_masked(np.ones(2), "x0 is")
    with pytest.raises(TypeError, match=r"grad returned masked_array"):
        refuse_masked(np.ma.array([1.0]), "grad returned")


def test_the_place_stands_in_the_remedy() -> None:
    with pytest.raises(TypeError, match=r"x0\['a'\] is \{1\}.*list\(x0\['a'\]\)"):
        refuse_leaf({1}, "x0['a']")
