"""How messages quote the user's values and exceptions."""

from __future__ import annotations

import pytest

from checkgrad.arrays.messages import brief, first_line, quote, require_functions


def test_a_quoted_value_shows_its_repr_and_type() -> None:
    assert quote("three") == "'three' (type str)"
    assert quote(None) == "None (type NoneType)"


@pytest.mark.parametrize("length", [120, 121, 5000])
def test_a_long_repr_is_cut_to_120_characters(length: int) -> None:
    class Long:
        def __repr__(self) -> str:
            return "x" * length

    text = quote(Long()).removesuffix(" (type Long)")
    assert text == "x" * 120 if length <= 120 else text == "x" * 117 + "..."


def test_only_the_first_line_of_an_exception_is_quoted() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError()) == ""
    assert first_line(ValueError("y" * 120)) == "y" * 120
    assert first_line(ValueError("y" * 121)) == "y" * 117 + "..."


def test_an_exception_is_quoted_with_its_class() -> None:
    assert brief(KeyError("w")) == "KeyError: 'w'"
    assert brief(RuntimeError()) == "RuntimeError"


def test_the_first_argument_that_is_not_callable_is_named() -> None:
    require_functions(func=len, grad=abs)
    with pytest.raises(TypeError, match=r"grad is 3 \(type int\); pass a function of x0"):
        require_functions(func=len, grad=3, more=None)
