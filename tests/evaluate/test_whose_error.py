"""Whose an exception is."""

from __future__ import annotations

from pathlib import Path

import pytest

import checkgrad
from checkgrad.evaluate.whose_error import is_of_user

PACKAGE = Path(checkgrad.__file__).parent


def raised_in(file):
    """Return an exception whose only frame is that of a file."""
    try:
        exec(compile("1 / 0", str(file), "exec"))
    except ZeroDivisionError as error:
        error.__traceback__ = error.__traceback__.tb_next
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (PACKAGE.parent / "losses.py", True),
        (PACKAGE.with_name("checkgrad_losses") / "loss.py", True),
        (PACKAGE / "arrays" / "outputs.py", False),
    ],
    ids=["elsewhere", "a package whose name begins like ours", "ours"],
)
def test_exception_is_of_who_raised_it(file, expected):
    assert is_of_user(raised_in(file), lambda x: x) is expected


def test_exceptions_of_a_function_of_ours_count_as_the_users():
    assert is_of_user(raised_in(PACKAGE / "arrays" / "outputs.py"), checkgrad.verify_grad)
