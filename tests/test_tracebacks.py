"""Tracebacks without the frames of the package."""

from __future__ import annotations

import traceback

import numpy as np

from checkgrad import GradientError, assert_grad
from checkgrad.tracebacks import frames_of_others, is_our_file, remove_our_frames


def raised(function):
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def files(error):
    return [frame.filename for frame in traceback.extract_tb(error.__traceback__)]


def test_frames_of_ours_go_and_those_of_the_user_stay():
    def func(x):
        return x["a"]

    error = raised(lambda: assert_grad(func, lambda x: x, np.ones(3)))
    assert any(map(is_our_file, files(error)))
    others = len(frames_of_others(error))
    assert remove_our_frames(error)
    assert not any(map(is_our_file, files(error)))
    assert len(files(error)) == others
    assert files(error)[-1] == __file__


def test_errors_that_an_error_comes_from_are_shortened_too():
    def chained():
        try:
            assert_grad(lambda x: x @ x, lambda x: x, np.ones(3))
        except GradientError as error:
            raise RuntimeError("mine") from error

    error = raised(chained)
    assert remove_our_frames(error)
    assert not any(map(is_our_file, files(error.__cause__)))


def test_traceback_without_our_frames_stays_as_it_is():
    error = raised(lambda: 1 / 0)
    before = error.__traceback__
    assert not remove_our_frames(error)
    assert error.__traceback__ is before
