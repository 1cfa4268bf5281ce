"""``func`` in float64, at x0 and at points around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import Floats, Point
from checkgrad.backends import Observation
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.options import Evaluation
from checkgrad.evaluate.widened import Wide, WideUserFunction


class WideEvaluator(Evaluator):
    """The user's ``func`` around one point, evaluated in float64.

    Parameters
    ----------
    func, args, evaluation, reader
        As in `Evaluator`.
    point : Point
        Where to evaluate, in float64.
    wide : Wide
        How ``func`` is evaluated in float64.
    """

    _function: WideUserFunction

    def __init__(
        self,
        func: Callable[..., Any],
        point: Point,
        args: tuple[Any, ...],
        evaluation: Evaluation,
        reader: OutputReader | None,
        wide: Wide,
    ) -> None:
        self._wide = wide
        self._n_perturbed = 0
        self._made: list[WideUserFunction] = []
        sent = wide.widening.for_workers(func)
        # A library that compiles is switched to float64 in this process only.
        if sent is None or point.backend.compiles:
            evaluation = replace(evaluation, workers=None)
        super().__init__(func, point, args, evaluation, reader, sent)

    @property
    def n_func(self) -> int:
        """How often ``func`` was evaluated so far, with random rounding errors or without."""
        return super().n_func + self._n_perturbed

    @property
    def observation(self) -> Observation:
        """What was met inside of ``func`` at x0, once it was evaluated there."""
        assert self._function.observation is not None
        return self._function.observation

    def coarsest_epsilon(self) -> float:
        """Return the coarsest machine epsilon inside of ``func``, by the cheapest way."""
        return self._function.coarsest_epsilon(self.point.copy())

    def largest_at(self, x: Any) -> float:
        """Return the largest finite magnitude inside of ``func`` at a point; NaN if unknown."""
        return self._function.largest(x)

    def release(self) -> None:
        """Give back the memory that ``func`` keeps from one evaluation to the next."""
        for function in self._made:
            function.release()

    def perturbed_values(self, points: Iterable[Any], seed: int) -> Floats:
        """Return `host_values` with the rounding errors of the user's dtypes, drawn at random."""
        function = self._function.perturbed(seed)
        try:
            return self.host_values(points, function)
        finally:
            self._n_perturbed += function.n_calls

    def _called(
        self, func: Callable[..., Any], args: tuple[Any, ...], read: Any, alone: Any = None
    ) -> WideUserFunction:
        natives = [self._wide.natives()]
        function = WideUserFunction(
            func,
            args,
            self._wide,
            natives,
            read,
            alone,
            budget=self.budget,
            observed=self._made[0] if self._made else None,
        )
        self._made.append(function)
        return function
