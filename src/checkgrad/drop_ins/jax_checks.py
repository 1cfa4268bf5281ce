"""The checks behind `checkgrad.jax`: a look that settles most of what is right, and else the rest.

`jax_agreement` takes the look. What it leaves in doubt goes to the pipeline, which judges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.arrays.point import make_point
from checkgrad.backends import Array
from checkgrad.backends.jax_call import JaxCall
from checkgrad.backends.jax_flat import FlatLayout
from checkgrad.backends.jax_samples import FlatClaim, value_error
from checkgrad.backends.jax_wide_dtypes import epsilon_of
from checkgrad.claims.library_derivatives import LibraryDerivatives
from checkgrad.drop_ins.allowance import Allowance
from checkgrad.drop_ins.jax_agreement import claim_agrees, modes_in_doubt
from checkgrad.drop_ins.jax_alone import errors_of_one_input
from checkgrad.modes import ModeRunner
from checkgrad.numerics.decisions import Verdict
from checkgrad.pipeline import examine
from checkgrad.problem import Options, Problem
from checkgrad.report.build import report_on
from checkgrad.report.report import GradientError, Report

Tolerance: TypeAlias = "float | Mapping[Any, float] | None"

_VALUE_EPSILONS = 1000.0  # two values of func may differ by these: sums round differently


def check_modes(
    call: JaxCall, modes: Sequence[str], order: int, atol: Tolerance, rtol: Tolerance
) -> None:
    """Raise a `GradientError` unless all derivatives by JAX up to an order are right.

    Parameters
    ----------
    call : JaxCall
        The function and its arguments.
    modes : sequence of {"fwd", "rev", "lin"}
        In which modes.
    order : int
        Up to which order.
    atol, rtol : float or dict of dtype to float, or None
        What is allowed on top of what the samples can tell.
    """
    if _is_empty(call):
        return
    doubts = modes_in_doubt(call, call.primals, modes, order)
    if doubts and call.leave_out_infinities():
        doubts = modes_in_doubt(call, call.primals, modes, order)
    if not doubts:
        return
    runner = ModeRunner((), Options(), _allowance(call, atol, rtol).applied)
    x0 = call.tree()
    derivatives = LibraryDerivatives(call.of_arguments, (), make_point(x0, True), None)
    orders = range(1, order + 1)
    runner.check_orders(derivatives, x0, modes, orders, only=doubts, stops=True)
    for mode in modes if len(call.primals) > 1 else ():
        if mode in doubts:
            runner.add_rule_errors(errors_of_one_input(call, mode))
    _require_correct(runner.report(call.notes))


def check_claim(
    call: JaxCall,
    claim_of: Callable[[JaxCall], FlatClaim],
    is_forward: bool,
    atol: Tolerance,
    rtol: Tolerance,
    err_msg: str,
) -> None:
    """Raise a `GradientError` unless a claim that comes with the value is right, value included.

    Parameters
    ----------
    call : JaxCall
        The function and its arguments.
    claim_of : callable
        Makes the claim from the call.
    is_forward : bool
        Whether it is a jvp. Otherwise it is a vjp.
    atol, rtol : float or dict of dtype to float, or None
        What is allowed on top of what the samples can tell.
    err_msg : str
        What stands above the report.
    """
    if _is_empty(call) or claim_agrees(call, call.primals, claim_of(call), is_forward):
        return
    claim = claim_of(call)
    if call.leave_out_infinities() and claim_agrees(call, call.primals, claim, is_forward):
        return

    def jvp(args: Any, tangent: Any) -> Any:
        change = claim(call.parts(args), call.parts(tangent))[1]
        return change[0] if len(change) == 1 else list(change)

    def vjp(args: Any, cotangent: Any) -> Any:
        weights = cotangent if isinstance(cotangent, list) else [cotangent]
        return call.tree(claim(call.parts(args), weights)[1])

    form, function = ("jvp", jvp) if is_forward else ("vjp", vjp)
    result = examine(Problem(form, call.of_arguments, function, call.tree()))
    allowed = _allowance(call, atol, rtol).applied(result)
    errors = _value_errors(call, claim, is_forward)
    _require_correct(report_on([allowed], errors, notes=call.notes), err_msg)


def _is_empty(call: JaxCall) -> bool:
    """Return whether there is nothing to differentiate, or nothing to differentiate by."""
    if not FlatLayout(call.primals).size:
        return True
    return not FlatLayout(call(*call.primals)).size


def _value_errors(call: JaxCall, claim: FlatClaim, is_forward: bool) -> list[str]:
    """Return what is wrong with the value that comes with a claim."""
    values: tuple[Array, ...] = call(*call.primals)
    layout = FlatLayout(values)
    vectors = FlatLayout(call.primals) if is_forward else layout
    found = claim(call.primals, vectors.arrays(np.zeros(vectors.size)))[0]
    epsilons = layout.of_each([epsilon_of(dtype) for dtype in layout.dtypes])
    units = value_error(layout.rows(found), layout.rows(values), layout, epsilons)
    return [] if units <= _VALUE_EPSILONS else ["the value that comes with the claim is another"]


def _allowance(call: JaxCall, atol: Tolerance, rtol: Tolerance) -> Allowance:
    dtypes = {np.dtype(each.dtype) for each in (*call.primals, *call(*call.primals))}
    return Allowance(_number("atol", atol, dtypes), _number("rtol", rtol, dtypes))


def _number(name: str, tolerance: Tolerance, dtypes: set[Any]) -> float | None:
    """Return what is allowed for the dtypes at hand; None where the user gave nothing."""
    if tolerance is None:
        return None
    if isinstance(tolerance, Mapping):
        given = {np.dtype(dtype): number for dtype, number in tolerance.items()}
        numbers = [given[dtype] for dtype in dtypes if dtype in given]
    else:
        numbers = [tolerance]
    if not all(_is_allowable(number) for number in numbers):
        raise ValueError(
            f"{name} is {quote(tolerance)}; pass a number of 0 or more, a dict of numbers by "
            "dtype, or None"
        )
    return max(map(float, numbers), default=None)


def _require_correct(report: Report, heading: str = "") -> None:
    if report.verdict is not Verdict.CORRECT:
        raise GradientError(report, heading)


def _is_allowable(number: Any) -> bool:
    return isinstance(number, int | float | np.number) and bool(number >= 0)
