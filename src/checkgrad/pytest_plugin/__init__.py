"""The plugin for pytest, which finds it by its entry point: options, the fixture, what is hooked.

Most suites check no derivative. This module imports neither NumPy nor what checks; the other
modules of this package are imported where a test needs them.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checkgrad.tracebacks import remove_our_frames

if TYPE_CHECKING:
    from checkgrad.pytest_plugin.fixture import ChecksOfTest
    from checkgrad.pytest_plugin.recorder import Recorder

_RECORDER = "checkgrad-recorder"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("checkgrad", "checks of derivatives by checkgrad")
    group.addoption(
        "--checkgrad-report",
        metavar="DIR",
        help="write all checks with their verdicts, evaluations and times to DIR: checks.json, "
        "and checks.html to read",
    )
    group.addoption(
        "--checkgrad-seed",
        metavar="N",
        type=int,
        help="the seed of checks that name no rng; 0 by default",
    )
    group.addoption(
        "--checkgrad-max-evals",
        metavar="N",
        type=int,
        help="the largest number of evaluations of func for checks that name no max_evals",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen to checks."""
    seed, most = config.getoption("checkgrad_seed"), config.getoption("checkgrad_max_evals")
    if seed is not None and seed < 0:
        raise pytest.UsageError(f"--checkgrad-seed is {seed}; pass a number of 0 or more")
    if most is not None and most < 1:
        raise pytest.UsageError(f"--checkgrad-max-evals is {most}; pass a number of 1 or more")
    if (directory := config.getoption("checkgrad_report")) is not None:
        _require_folder(directory)
    from checkgrad.pytest_plugin.recorder import Recorder

    config.pluginmanager.register(Recorder(config), _RECORDER)


def _require_folder(directory: str) -> None:
    """Make the folder of the report. An error here is better than one after all tests."""
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise pytest.UsageError(
            f"--checkgrad-report is {directory!r}, which is no folder that can be written to: "
            f"{error.strerror}; pass a folder"
        ) from None


def recorder_of(config: pytest.Config) -> Recorder | None:
    """Return who listens to the checks of this run of pytest."""
    recorder: Recorder | None = config.pluginmanager.get_plugin(_RECORDER)
    return recorder


def pytest_runtest_makereport(call: pytest.CallInfo[Any], item: pytest.Item) -> None:
    """Take the frames of checkgrad out of the traceback of a failing test."""
    if call.excinfo is not None and not item.config.getoption("fulltrace"):
        error = call.excinfo.value
        if remove_our_frames(error):
            call.excinfo = pytest.ExceptionInfo.from_exception(error)


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    """Explain a failing comparison of a report or of a verdict."""
    recorder = recorder_of(config)
    if recorder is None or not recorder.has_heard:
        return None
    from checkgrad.pytest_plugin.assertions import explain

    return explain(op, left, right, recorder.explaining)


@pytest.fixture
def checkgrad(request: pytest.FixtureRequest) -> ChecksOfTest:
    """All of checkgrad, as the module of this name, and the reports of this test.

    ``checkgrad.verify_grad`` and the others are those of the module. ``checkgrad.reports`` has the
    reports of this test so far, also those of checks that the fixture was not asked for.
    """
    from checkgrad.pytest_plugin.fixture import ChecksOfTest

    recorder = recorder_of(request.config)
    assert recorder is not None
    return ChecksOfTest(recorder.reports_of_test)
