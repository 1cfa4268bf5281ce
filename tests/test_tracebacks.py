"""Tracebacks without the frames of the package."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np

import checkgrad
from checkgrad import GradientError, assert_grad
from checkgrad.tracebacks import frames_of_others, has_user_frames, is_our_file, remove_our_frames


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


def test_package_behind_a_symbolic_link_knows_its_files(tmp_path):
    (tmp_path / "checkgrad").symlink_to(Path(checkgrad.__file__).parent)
    code = (
        "import checkgrad\n"
        "from checkgrad.tracebacks import is_our_file\n"
        "print(checkgrad.__file__)\n"
        "assert is_our_file(checkgrad.verify_grad.__code__.co_filename)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


def test_user_frames_are_told_from_ours():
    assert has_user_frames(raised(lambda: 1 / 0))
    assert not has_user_frames(GradientError("without a traceback"))
