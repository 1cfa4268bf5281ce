"""A check of an array library's derivatives of one func, on one process or on many ranks.

`checkgrad.modes.runner` checks mode by mode. This module validates what depends on x0, and on its
library.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checkgrad.arrays.messages import quote
from checkgrad.arrays.parsing import constants_in
from checkgrad.arrays.point import make_point
from checkgrad.backends import ProcessGroup, find_group
from checkgrad.claims.library_derivatives import LibraryDerivatives
from checkgrad.claims.ranks import Ranks
from checkgrad.evaluate.budget import STOPS
from checkgrad.evaluate.claims_of_ranks import ClaimsOfRanks
from checkgrad.evaluate.exchange import Ended, Exchange
from checkgrad.evaluate.recording import AgreedDerivatives, RecordingFunc, RecordingShares
from checkgrad.evaluate.shares import is_tangent
from checkgrad.modes.runner import ModeRunner
from checkgrad.problem import Options, Problem
from checkgrad.report.report import Report
from checkgrad.stages.same_on_ranks import are_apart, require_same_given, require_same_whole
from checkgrad.stages.together import (
    in_lockstep,
    options_of_ranks,
    precision_of_partitioned,
    report_of_ranks,
)


@dataclass(frozen=True)
class AutodiffProblem:
    """A func whose derivatives by the library of x0 are checked.

    Attributes
    ----------
    func, x0, args : Any
        As the user passed them.
    modes : tuple of str
        The modes to check.
    orders : frozenset of int
        The orders of derivatives to check.
    options : Options
        As the user passed them.
    """

    func: Any
    x0: Any
    args: tuple[Any, ...]
    modes: tuple[str, ...]
    orders: Collection[int]
    options: Options


def check_autodiff(problem: AutodiffProblem) -> Report:
    """Judge the library's derivatives of a func; all ranks that x0 lies on return the same.

    Raises
    ------
    TypeError
        If the array library of x0 cannot differentiate.
    ValueError
        If it lacks a mode or an order that is asked for.
    """
    if (group := find_group(None, problem.x0)) is not None:
        return _check_together(problem, group)
    return _check(problem)


def _check(problem: AutodiffProblem, ranks: Ranks | None = None) -> Report:
    func, x0, args, options = problem.func, problem.x0, problem.args, problem.options
    constants = constants_in(x0)
    point = make_point(x0, allow_complex=True, constants=constants)
    differentiation = point.backend.differentiation
    if differentiation is None:
        raise TypeError(
            f"x0 is an array of {point.backend.name}, which has no differentiation of its own; "
            "pass JAX arrays or PyTorch tensors, or check a derivative that you wrote with "
            "verify_jac, verify_jvp or verify_vjp"
        )
    if options.evaluation.batch == "vectorized":
        raise ValueError("batch is 'vectorized', but func is differentiated at one point at a time")
    if "lin" in problem.modes and differentiation.linearization is None:
        raise ValueError(f"modes has 'lin', which {point.backend.name} lacks; pass 'fwd'")
    if max(problem.orders) > differentiation.max_order:
        raise ValueError(
            f"order is {quote(max(problem.orders))}; pass up to {differentiation.max_order} for "
            f"{point.backend.name}"
        )
    runner = ModeRunner(args, options)
    with differentiation.differentiating():
        derivatives = LibraryDerivatives(
            func, args, point, options.bounds, constants=constants, ranks=ranks
        )
        derivatives.leave_out_constants()
        try:
            runner.check_orders(derivatives, x0, problem.modes, problem.orders)
        except STOPS as stop:
            if not runner.has_results:
                raise
            options.evaluation.budget.stopped_by(stop)
        return runner.report(_notes(derivatives.left_out))


def _notes(left_out: Sequence[str]) -> list[str]:
    """Return what the report says of outputs that are not checked."""
    names = ", ".join(f"func{path}" for path in left_out)
    return [f"not checked, since marked as not differentiable: {names}"] if left_out else []


def _check_together(problem: AutodiffProblem, group: ProcessGroup) -> Report:
    return in_lockstep(group, lambda exchange: _checked_by_ranks(problem, exchange))


def _checked_by_ranks(problem: AutodiffProblem, exchange: Exchange) -> Report:
    """Judge the derivatives at an x0 that lies on the ranks. Each of them has all of it."""
    options, x0 = options_of_ranks(problem.options, exchange), problem.x0
    _require_same_modes(problem, exchange)
    are_apart(Problem("autodiff", problem.func, problem.func, x0, options=options), exchange)
    shares = RecordingShares(x0, exchange.group, are_apart=False)
    require_same_given(options, shares, exchange)
    require_same_whole(shares, exchange)
    options = replace(
        options,
        precision=precision_of_partitioned(options.precision, shares.x0),
        bounds=shares.whole(options.bounds),
    )
    if is_tangent(options.direction):
        options = replace(options, direction=shares.whole(options.direction))
    found = ClaimsOfRanks()
    func = RecordingFunc(problem.func, "func", shares, exchange)

    def check(options: Options) -> Report:
        ranks = AgreedDerivatives(shares, exchange, found)
        return _check(replace(problem, func=func, x0=shares.x0, options=options), ranks)

    return report_of_ranks(exchange, found, options, check)


def _require_same_modes(problem: AutodiffProblem, exchange: Exchange) -> None:
    asked = exchange.all("the modes", (problem.modes, sorted(problem.orders)))
    for rank, (modes, orders) in enumerate(asked):
        if (modes, orders) != asked[0]:
            raise Ended(
                ValueError(
                    f"modes and order are {asked[0]} on rank 0 and {modes, orders} on rank {rank}; "
                    "pass the same on all ranks"
                )
            )
