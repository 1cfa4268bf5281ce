"""A check that all ranks of a process group do together.

Every rank goes through the whole check, with all of x0 or its parts. This module makes the problem
that is the same on all ranks: it compares what they were called with, and puts functions that agree
in the place of the user's. It judges nothing, but it chooses the rank whose claim is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from checkgrad.arrays.messages import require_functions
from checkgrad.arrays.spread import Spread
from checkgrad.backends import ProcessGroup, flatten_tree, is_array
from checkgrad.evaluate.agreed import AgreedClaim, AgreedFunc, AgreedProjection
from checkgrad.evaluate.claims_of_ranks import ClaimsOfRanks
from checkgrad.evaluate.exchange import Ended, Exchange, RanksError
from checkgrad.evaluate.given_tangents import is_projection
from checkgrad.evaluate.options import Evaluation
from checkgrad.evaluate.shares import Shares, is_tangent
from checkgrad.numerics.decisions import Verdict
from checkgrad.problem import Options, Problem
from checkgrad.report.report import Report
from checkgrad.stages.same_on_ranks import (
    are_apart,
    is_floating_array,
    require_same_given,
    require_same_whole,
)

_MANY_POINTS = ("vmap", "vectorized")
_LIKE_X0 = ("grad", "jac", "vjp")  # forms whose claim has the structure of x0
_WIDE = ("float64", "complex128")


def check_together(
    problem: Problem, group: ProcessGroup, check: Callable[[Problem], Report]
) -> Report:
    """Judge a claim on all ranks of a group; all return the same report.

    Parameters
    ----------
    problem : Problem
        The claim, as it was passed on this rank.
    group : ProcessGroup
        The ranks.
    check : callable
        Judges a claim on one rank.

    Raises
    ------
    ValueError
        If the ranks were called with different options or dtypes, or ``func`` returns different
        values on them.
    RanksError
        If another rank has left the check: its function raised, for example. On the rank on which
        a function raises, its exception passes.
    """
    return in_lockstep(group, lambda exchange: _checked(problem, exchange, check))


def in_lockstep(group: ProcessGroup, check: Callable[[Exchange], Report]) -> Report:
    """Return what a check returns that all ranks of a group go through together."""
    exchange = Exchange(group)
    try:
        with exchange.running():
            return check(exchange)
    except Ended as ended:
        exchange.leave(str(ended.error))
        raise ended.error from ended.error.__cause__


def _checked(problem: Problem, exchange: Exchange, check: Callable[[Problem], Report]) -> Report:
    group = exchange.group
    require_functions(**{"func": problem.func, problem.form: problem.claim})
    options = options_of_ranks(problem.options, exchange)
    shares = Shares(problem.x0, group, are_apart(problem, exchange), _works_on_parts(problem))
    found = ClaimsOfRanks()
    func = AgreedFunc(problem.func, "func", shares, exchange)
    claim = AgreedClaim(
        problem.claim, problem.form, shares, exchange, found, problem.form in _LIKE_X0
    )
    spread = Spread(shares.parts, exchange.all) if shares.parts else None
    options = replace(options, evaluation=replace(options.evaluation, spread=spread))
    if shares.are_partitioned:
        require_same_whole(shares, exchange)
        options = replace(options, precision=precision_of_partitioned(options.precision, shares.x0))
    if shares.are_apart:
        _require_without_shape(options.direction, options.bounds)
    else:
        require_same_given(options, shares, exchange)
        options = replace(options, bounds=shares.whole(options.bounds))
    if is_projection(options.direction):
        project = AgreedProjection(options.direction, "direction", shares, exchange)
        options = replace(options, direction=project)
    elif is_tangent(options.direction):  # that of a vjp is like func(x0)
        read = shares.whole if problem.form == "vjp" else shares.of_all
        options = replace(options, direction=read(options.direction))
    agreed = replace(problem, func=func, claim=claim, x0=shares.x0, options=options)
    return report_of_ranks(
        exchange, found, options, lambda options: check(replace(agreed, options=options))
    )


def options_of_ranks(options: Options, exchange: Exchange) -> Options:
    """Return the options as each rank takes them. All ranks must call it."""
    _require_one_at_a_time(options.evaluation)
    # Clocks differ: that of rank 0 counts.
    options.evaluation.budget.agree = lambda is_over: bool(exchange.all("the timeout", is_over)[0])
    return replace(options, group=None, evaluation=replace(options.evaluation, batch="loop"))


def report_of_ranks(
    exchange: Exchange,
    found: ClaimsOfRanks,
    options: Options,
    check: Callable[[Options], Report],
) -> Report:
    """Return the report that all ranks get: on the claim of a rank that is wrong, if one is.

    Parameters
    ----------
    exchange : Exchange
        The messages between the ranks.
    found : ClaimsOfRanks
        How their claims differ. It is filled in by `check`.
    options : Options
        The options.
    check : callable
        Judges the claim of the rank that `found` says.
    """
    budget = options.evaluation.budget
    report = check(options)
    if found.sentence and report.verdict is not Verdict.WRONG and not budget.reason:
        # That of rank 0 is not wrong. So that of the other may be.
        found.judged = found.other
        rest = replace(options.evaluation, budget=budget.rest())
        other = check(replace(options, evaluation=rest))
        if other.verdict is Verdict.WRONG:
            report = other
    if found.sentence:
        rank = found.judged
        hint = f"{found.sentence}; what is shown is the claim of rank {rank}"
        report = replace(report, hints=(hint, *report.hints))
    if budget.is_interrupted:
        exchange.leave("it was interrupted")
        return report
    return _same_report(report, exchange)


def _same_report(report: Report, exchange: Exchange) -> Report:
    """Return the report of rank 0."""
    reports = exchange.all("the report", report)
    verdicts = [each.verdict for each in reports]
    if len(set(verdicts)) > 1:
        said = ", ".join(f"{each.value} on rank {rank}" for rank, each in enumerate(verdicts))
        raise Ended(RanksError(f"the ranks came to different verdicts: {said}"))
    first: Report = reports[0]
    return first


def _works_on_parts(problem: Problem) -> bool:
    """Return whether each rank may work on its part of leaves that the library lays out.

    Jacobians and bounds have other shapes than x0, or need all of it.
    """
    options = problem.options
    is_plain = problem.form != "jac" and options.method == "differences"
    return (
        is_plain
        and options.bounds is None
        and all(map(is_floating_array, flatten_tree(problem.x0)[0]))
    )


def precision_of_partitioned(precision: str, x0: Any) -> str:
    """Return in what func is evaluated at DTensors, of which float64 cannot be put in the place."""
    is_wide = all(str(leaf.dtype).endswith(_WIDE) for leaf in flatten_tree(x0)[0] if is_array(leaf))
    if precision == "float64" and not is_wide:
        raise Ended(
            ValueError(
                "precision is 'float64', but func cannot be evaluated in it at a DTensor; pass "
                "x0.double(), or precision='auto'"
            )
        )
    return "native" if precision == "auto" else precision


def _require_without_shape(direction: Any, bounds: Any) -> None:
    """Raise where an option needs all of x0, of which the user has a share."""
    if callable(direction):
        raise Ended(ValueError("direction is a function, and x0 is sharded; pass tangents"))
    if bounds is not None:
        raise Ended(ValueError("bounds is given, and x0 is sharded; pass bounds=None"))


def _require_one_at_a_time(evaluation: Evaluation) -> None:
    if evaluation.workers is not None:
        raise ValueError("group and workers are given; the ranks of a group have no workers")
    if evaluation.batch in _MANY_POINTS:
        raise ValueError(
            f"batch is {evaluation.batch!r} and group is given: ranks evaluate func at one point "
            "at a time; pass batch='auto'"
        )
