"""The section on checks at the end of a run of pytest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

_SLOWEST = 3  # checks that are named
_WORTH_NAMING = 0.1  # seconds of a check that somebody may want to be faster


def lines_of(checks: Sequence[dict[str, Any]], n_of_no_test: int = 0) -> list[str]:
    """Return how many checks there were, what they found, what they cost, and the slowest.

    Parameters
    ----------
    checks : sequence of dict
        As `checkgrad.pytest_plugin.checks.as_check` makes them.
    n_of_no_test : int
        How many checks belong to no test, because they began before the one in which they ended.
    """
    lines = _of_tests(checks) if checks else []
    if n_of_no_test:
        lines.append(f"begun before the test in which they ended, of no test: {n_of_no_test}")
    return lines


def _of_tests(checks: Sequence[dict[str, Any]]) -> list[str]:
    verdicts = Counter(check["verdict"] for check in checks)
    n_tests = len({check["test"] for check in checks})
    n_func = sum(check["n_func"] for check in checks)
    seconds = sum(check["seconds"] for check in checks)
    found = ", ".join(
        f"{verdicts[name]} {name}"
        for name in ("correct", "wrong", "inconclusive")
        if verdicts[name]
    )
    total = (
        f"{_count(len(checks), 'check')} in {_count(n_tests, 'test')}: {found}; "
        f"{_count(n_func, 'evaluation')} of func in {seconds:.2f} s"
    )
    slowest = sorted(checks, key=lambda check: -float(check["seconds"]))[:_SLOWEST]
    return [total, *(_line(check) for check in slowest if check["seconds"] >= _WORTH_NAMING)]


def _line(check: dict[str, Any]) -> str:
    evaluations = _count(check["n_func"], "evaluation")
    return f"  {check['seconds']:.2f} s, {evaluations}: {check['test']} ({check['place']})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
