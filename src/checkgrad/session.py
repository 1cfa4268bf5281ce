"""Settings of this process for checks: the seed, the budget, and a listener that gets every report.

A test runner sets it, see `checkgrad.pytest_plugin`. Checks read it where the user's call says
nothing. The module imports nothing else of the package, so that a runner that starts without any
check pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SEED = 0  # without any other, so that a test gives the same verdict whenever it runs


class Session:
    """What checks use that are not told otherwise.

    Attributes
    ----------
    seed : int
        Where random numbers begin if `rng` is None.
    max_evals : int or None
        The largest number of evaluations of ``func`` if `max_evals` is None.
    """

    def __init__(self) -> None:
        self.seed = SEED
        self.max_evals: int | None = None
        self._listeners: list[Callable[[Any], Any]] = []

    @contextmanager
    def listening(
        self, listener: Callable[[Any], Any], seed: int | None, max_evals: int | None
    ) -> Iterator[None]:
        """Notify a listener of every report in this context, and use its seed and its budget.

        Of listeners inside of each other, the innermost one gets the reports: a test may run a test
        runner.

        Parameters
        ----------
        listener : callable ``listener(report)``
            It is called when a check ends.
        seed, max_evals : int, optional
            See the attributes. None changes nothing.
        """
        before = self.seed, self.max_evals
        self._listeners.append(listener)
        self.seed = self.seed if seed is None else seed
        self.max_evals = self.max_evals if max_evals is None else max_evals
        try:
            yield
        finally:
            self._listeners.remove(listener)
            self.seed, self.max_evals = before

    def notify(self, report: Any) -> None:
        """Pass the report of a check that ended to the listener, if there is one."""
        if self._listeners:
            self._listeners[-1](report)


SESSION = Session()
