"""What is known of a claim where its check is stopped before its end.

A budget is spent, a timeout is over, or the user presses Ctrl-C. What was certified by then stays.
Nothing is wrong yet: whether ``func`` is noisy, or not differentiable, is looked at last. This
module samples nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from checkgrad.arrays.point import Floats
from checkgrad.evaluate.directions import Directions
from checkgrad.evaluate.outputs import Outputs
from checkgrad.numerics.decide import decide_without_wrong
from checkgrad.numerics.decisions import Decisions
from checkgrad.numerics.findings import Kind
from checkgrad.refine.progress import Progress
from checkgrad.refine.spec import CheckSpec
from checkgrad.report.results import ClaimResult, OutputResult
from checkgrad.stages.parsed import ParsedProblem


class FoundSoFar:
    """What a check has found of every output so far.

    Its directions are looked along again and again: at few steps, with noise as measured, with more
    of it.
    """

    def __init__(self) -> None:
        self._asked: dict[bool, _Asked] = {}
        self._found: dict[tuple[bool, int], OutputResult] = {}

    def ask(
        self, directions: Sequence[Directions], specs: Sequence[CheckSpec], dtype_epsilon: Floats
    ) -> None:
        """Take note of what is looked at next: all outputs, along axes or along tangents."""
        self._asked[directions[0].are_axes] = _Asked(directions, specs, dtype_epsilon)

    def decided(self, specs: Sequence[CheckSpec], first: Sequence[Decisions]) -> None:
        """Take note of what a first look decides on all outputs; nothing, if there was none."""
        for asked in self._asked.values():
            if asked.specs is specs:
                asked.first = first

    def note(self, result: OutputResult) -> OutputResult:
        """Take note of what was found of an output, and return it."""
        self._found[result.directions.are_axes, result.output] = result
        return result

    def results(self, kept: Any) -> list[OutputResult]:
        """Return what is known of every output that was asked for. No claim is wrong yet.

        Parameters
        ----------
        kept : list of (CheckSpec, Decisions), or Any
            What `checkgrad.evaluate.budget.Stopped` keeps of what was sampled last.
        """
        latest = {id(spec): each for spec, each in kept} if isinstance(kept, list) else {}
        results = []
        for are_axes, asked in self._asked.items():
            for output, spec in enumerate(asked.specs):
                decisions = [Progress(spec).decide(), *asked.first[output : output + 1]]
                if id(spec) in latest:
                    decisions.append(latest[id(spec)])
                known = [asked.result(output, each) for each in decisions]
                if (are_axes, output) in self._found:
                    known.append(self._found[are_axes, output])
                # What was looked at again may be known in fewer directions by now.
                results.append(max(known, key=_known_directions))
        return [_undecided(each) for each in results]


class _Asked:
    """What is looked at: all outputs along some directions."""

    def __init__(
        self, directions: Sequence[Directions], specs: Sequence[CheckSpec], dtype_epsilon: Floats
    ) -> None:
        self.directions = directions
        self.specs = specs
        self.first: Sequence[Decisions] = ()
        self._dtype_epsilon = dtype_epsilon

    def result(self, output: int, decisions: Decisions) -> OutputResult:
        """Return the result of an output by what was decided."""
        epsilon = float(self._dtype_epsilon[output])
        return OutputResult(self.directions[output], decisions, self.specs[output], epsilon)


def undecided(result: ClaimResult) -> ClaimResult:
    """Return a result in which no claim is wrong, since the check was stopped."""
    return replace(result, results=tuple(_undecided(each) for each in result.results))


def nothing_known(parsed: ParsedProblem, label: str) -> ClaimResult:
    """Return the result of a check that does not know yet what to look at."""
    return ClaimResult(
        point=parsed.point,
        name=parsed.name,
        evaluator=parsed.evaluator,
        claim=parsed.claim,
        reader=parsed.reader,
        outputs=Outputs(np.arange(0), np.empty((0, 0))),
        form=parsed.form,
        label=label,
        results=(),
        not_repeatable=None,
        n_func=parsed.evaluator.n_func,
        n_grad=parsed.claim.n_grad,
    )


def _undecided(result: OutputResult) -> OutputResult:
    decisions = decide_without_wrong(result.decisions, Kind.STOPPED)
    return replace(result, decisions=decisions)


def _known_directions(result: OutputResult) -> tuple[int, int]:
    """Return how many claims are resolved, and how many estimates there are."""
    estimated = np.isfinite(result.decisions.estimate.value)
    return int(np.sum(result.decisions.resolved)), int(np.sum(estimated))
