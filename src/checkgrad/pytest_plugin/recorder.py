"""Who listens to the checks of one run of pytest, and hands them from workers to the controller.

A check becomes a dictionary that JSON has, on the report of the phase of the test in which it ran.
So pytest-xdist carries it to the process that writes what a person reads.

A check in a thread may outlive the test that began it, whose report is written by then. It belongs
to no test, and is only counted.
"""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checkgrad.session import SESSION
from checkgrad.tracebacks import is_our_file

if TYPE_CHECKING:
    from checkgrad.report.report import Report

CHECKS = "checkgrad_checks"  # the attribute of a test's report that has its checks
_OF_NO_TEST = "checkgrad_checks_of_no_test"  # how many there were in a worker of pytest-xdist


class Recorder:
    """Keeps the reports of the test that runs, and the checks of all tests.

    Parameters
    ----------
    config : pytest.Config
        The run of pytest.

    Attributes
    ----------
    has_heard : bool
        Whether any check ran so far.
    reports_of_test : list of Report
        The reports of all phases of the test that runs.
    checks : list of dict
        The checks of all tests that ended.
    n_of_no_test : int
        How many checks ended in another test than the one that began them.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._directory: str | None = config.getoption("checkgrad_report")
        self._listening = ExitStack()
        self._listening.enter_context(
            SESSION.listening(
                self._hear,
                config.getoption("checkgrad_seed"),
                config.getoption("checkgrad_max_evals"),
            )
        )
        self.has_heard = False
        # The reports of the phase of the test that runs, and the lines that called the checks.
        self._heard: list[tuple[Report, str]] = []
        self.reports_of_test: list[Report] = []
        # By file of tests: reports made while it was imported or a test of it was set up. Later
        # tests may share them. They are not kept alive: arrays may be large.
        self._shared: dict[Path, list[weakref.ref[Report]]] = {}
        self._path = Path()
        self._began = 0.0  # when the test that runs did
        self.n_of_no_test = 0
        self.checks: list[dict[str, Any]] = []

    def pytest_unconfigure(self) -> None:
        """Listen no longer."""
        self._listening.close()

    def _hear(self, report: Report) -> None:
        self.has_heard = True
        if time.perf_counter() - (report.elapsed or 0.0) < self._began:
            self.n_of_no_test += 1
            return
        self._heard.append((report, self._place()))
        self.reports_of_test.append(report)

    def _place(self) -> str:
        """Return the line of the user's that called the check."""
        frame = sys._getframe(1)  # noqa: SLF001 - the way to the caller, as `warnings` goes it
        while frame.f_back is not None and is_our_file(frame.f_code.co_filename):
            frame = frame.f_back
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(self._config.rootpath):
            path = path.relative_to(self._config.rootpath)
        return f"{path.as_posix()}:{frame.f_lineno}"

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Keep the reports of checks at module scope. They count for no test."""
        report = yield
        self._share(collector.path)
        self._heard = []
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Begin a test with no reports of its own."""
        self._heard = []
        self.reports_of_test = []
        self._path = item.path
        self._began = time.perf_counter()
        return (yield)

    @property
    def explaining(self) -> list[Report]:
        """The reports that a failing assertion of the test may be about, those of the test last."""
        shared = [reference() for reference in self._shared.get(self._path, ())]
        return [*(each for each in shared if each is not None), *self.reports_of_test]

    def _share(self, path: Path) -> None:
        """Let all tests of a file have the reports of this phase."""
        if self._heard:
            made = [weakref.ref(report) for report, _ in self._heard]
            self._shared.setdefault(path, []).extend(made)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the checks of a phase on its report, and what they found on the failure."""
        if self.reports_of_test:
            _set_properties(item, self.reports_of_test)
        report = yield
        if self._heard:
            setattr(report, CHECKS, self._checks(report))
        if report.failed and call.excinfo is not None and self._is_short:
            from checkgrad.pytest_plugin.failures import shown_first

            shown_first(item, call.excinfo, report, self.explaining)
        if call.when == "setup":
            self._share(item.path)
        self._heard = []
        return report

    @property
    def _is_short(self) -> bool:
        """Whether the user leaves it to us how a failing check is shown."""
        config = self._config
        return config.getoption("tbstyle") in ("auto", "short") and not (
            config.getoption("fulltrace") or config.getoption("showlocals")
        )

    def _checks(self, report: pytest.TestReport) -> list[dict[str, Any]]:
        """Return the checks of a phase of a test, in the order in which they ran."""
        from checkgrad.pytest_plugin.checks import as_check

        return [
            as_check(each, report.nodeid, place, with_report=self._directory is not None)
            for each, place in self._heard
        ]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the checks of a test, from a worker or from this process."""
        self.checks += getattr(report, CHECKS, ())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the checks of all tests, or hand to the controller what no test has."""
        if (worker_output := getattr(self._config, "workeroutput", None)) is not None:
            worker_output[_OF_NO_TEST] = self.n_of_no_test
        elif self._directory is not None:
            from checkgrad.pytest_plugin.pages import write

            write(self.checks, Path(self._directory))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Collect what a worker of pytest-xdist counted."""
        self.n_of_no_test += getattr(node, "workeroutput", {}).get(_OF_NO_TEST, 0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show how many checks there were, what they found and what they cost."""
        if not (self.checks or self.n_of_no_test) or terminalreporter.verbosity < 0:
            return
        from checkgrad.pytest_plugin.summary import lines_of

        terminalreporter.section("checkgrad")
        for line in lines_of(self.checks, self.n_of_no_test):
            terminalreporter.line(line)
        if self._directory is not None:
            terminalreporter.line(f"report: {Path(self._directory, 'checks.html')}")


def _set_properties(item: pytest.Item, reports: list[Report]) -> None:
    """Set the properties of a test for JUnit's XML."""
    verdicts = [report.verdict.value for report in reports]
    found = {
        "checkgrad_checks": len(reports),
        "checkgrad_wrong": verdicts.count("wrong"),
        "checkgrad_inconclusive": verdicts.count("inconclusive"),
        "checkgrad_evaluations": sum(report.n_func for report in reports),
    }
    others = [each for each in item.user_properties if each[0] not in found]
    item.user_properties[:] = [*others, *found.items()]
