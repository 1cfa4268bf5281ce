"""What a look at JAX's derivatives leaves in doubt, judged by the pipeline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.arrays.point import make_point
from checkgrad.backends import Array
from checkgrad.backends.jax_call import JaxCall
from checkgrad.backends.jax_flat import FlatLayout
from checkgrad.backends.jax_modes import claim_of
from checkgrad.backends.jax_samples import FlatClaim, value_error
from checkgrad.backends.jax_wide_dtypes import epsilon_of
from checkgrad.claims.library_derivatives import LibraryDerivatives
from checkgrad.drop_ins.allowance import Allowance
from checkgrad.drop_ins.jax_alone import errors_of_one_input
from checkgrad.drop_ins.jax_linear import errors_of_length
from checkgrad.drop_ins.jax_tolerances import Tolerances
from checkgrad.modes.runner import ModeRunner
from checkgrad.numerics.decisions import Verdict
from checkgrad.pipeline import examine
from checkgrad.problem import Options, Problem
from checkgrad.report.build import report_on
from checkgrad.report.error import GradientError
from checkgrad.report.report import Report

_VALUE_EPSILONS = 1000.0  # two values of func may differ by these: sums round differently


def judge_modes(
    call: JaxCall,
    modes: Sequence[str],
    order: int,
    doubts: Collection[str],
    tolerances: Tolerances,
) -> None:
    """Raise a `GradientError` unless the derivatives in doubt are right.

    Parameters
    ----------
    call : JaxCall
        The function and its arguments.
    modes : sequence of {"fwd", "rev", "lin"}
        In which modes.
    order : int
        Up to which order.
    doubts : collection of str
        Which derivatives to judge: "fwd of rev" for one.
    tolerances : Tolerances
        What is allowed.
    """
    _require_floating(call)
    runner = ModeRunner((), Options(), _allowance(call, tolerances).applied)
    x0 = call.tree()
    derivatives = LibraryDerivatives(call.of_arguments, (), make_point(x0, True), None)
    orders = range(1, order + 1)
    runner.check_orders(derivatives, x0, modes, orders, only=doubts, stops=True)
    for mode in modes:
        if mode not in doubts:
            continue
        if len(call.primals) > 1:
            runner.add_rule_errors(errors_of_one_input(call, mode))
        lengths = errors_of_length(call, call.primals, claim_of(call, mode), mode != "rev")
        runner.add_rule_errors(f"{mode}: {error}" for error in lengths)
    _require_correct(runner.report(call.notes))


def judge_claim(
    call: JaxCall, claim: FlatClaim, is_forward: bool, tolerances: Tolerances, err_msg: str
) -> None:
    """Raise a `GradientError` unless a claim that comes with the value is right, value included.

    The parameters are those of `checkgrad.drop_ins.jax_checks.check_claim`.
    """

    def jvp(args: Any, tangent: Any) -> Any:
        change = claim(call.parts(args), call.parts(tangent))[1]
        return change[0] if len(change) == 1 else list(change)

    def vjp(args: Any, cotangent: Any) -> Any:
        weights = cotangent if isinstance(cotangent, list) else [cotangent]
        return call.tree(claim(call.parts(args), weights)[1])

    _require_floating(call)
    form, function = ("jvp", jvp) if is_forward else ("vjp", vjp)
    result = examine(Problem(form, call.of_arguments, function, call.tree()))
    allowed = _allowance(call, tolerances).applied(result)
    errors = _value_errors(call, claim, is_forward)
    errors += errors_of_length(call, call.primals, claim, is_forward)
    _require_correct(report_on([allowed], errors, notes=call.notes), err_msg)


def _value_errors(call: JaxCall, claim: FlatClaim, is_forward: bool) -> list[str]:
    """Return what is wrong with the value that comes with a claim."""
    values: tuple[Array, ...] = call(*call.primals)
    layout = FlatLayout(values)
    vectors = FlatLayout(call.primals) if is_forward else layout
    found = claim(call.primals, vectors.arrays(np.zeros(vectors.size)))[0]
    epsilons = layout.of_each([epsilon_of(dtype) for dtype in layout.dtypes])
    units = value_error(layout.rows(found), layout.rows(values), layout, epsilons)
    return [] if units <= _VALUE_EPSILONS else ["the value that comes with the claim is another"]


def _require_floating(call: JaxCall) -> None:
    if not call(*call.primals):
        raise TypeError(
            f"func returned {quote(call.value())}, which has no floating number to differentiate; "
            f"pass a function that returns a floating array, or do not check this one"
        )


def _allowance(call: JaxCall, tolerances: Tolerances) -> Allowance:
    dtypes = {each.dtype for each in (*call.primals, *call(*call.primals))}
    return Allowance(*tolerances.at(dtypes))


def _require_correct(report: Report, heading: str = "") -> None:
    if report.verdict is not Verdict.CORRECT:
        raise GradientError(report, heading)
