"""The checks behind `checkgrad.jax`: a look that settles most of what is right, and else the rest.

`jax_agreement` takes the look. What it leaves in doubt goes to `jax_thorough`, which is imported
where it is needed only: the pipeline is most of what an import costs.
"""

from __future__ import annotations

from collections.abc import Sequence

from checkgrad.backends.jax_call import JaxCall
from checkgrad.backends.jax_flat import FlatLayout
from checkgrad.backends.jax_samples import FlatClaim
from checkgrad.drop_ins.jax_agreement import claim_agrees, modes_in_doubt
from checkgrad.drop_ins.jax_tolerances import Tolerances


def check_modes(call: JaxCall, modes: Sequence[str], order: int, tolerances: Tolerances) -> None:
    """Raise a `GradientError` unless all derivatives by JAX up to an order are right.

    Parameters
    ----------
    call : JaxCall
        The function and its arguments.
    modes : sequence of {"fwd", "rev", "lin"}
        In which modes.
    order : int
        Up to which order.
    tolerances : Tolerances
        What is allowed on top of what the samples can tell.
    """
    if not FlatLayout(call.primals).size:
        return
    doubts = modes_in_doubt(call, call.primals, modes, order)
    if doubts and call.leave_out_infinities():
        doubts = modes_in_doubt(call, call.primals, modes, order)
    if doubts:
        from checkgrad.drop_ins.jax_thorough import judge_modes

        judge_modes(call, modes, order, doubts, tolerances)


def check_claim(
    call: JaxCall,
    claim: FlatClaim,
    is_forward: bool,
    tolerances: Tolerances,
    err_msg: str,
) -> None:
    """Raise a `GradientError` unless a claim that comes with the value is right, value included.

    Parameters
    ----------
    call : JaxCall
        The function and its arguments.
    claim : callable
        The claim, on flat lists.
    is_forward : bool
        Whether it is a jvp. Otherwise it is a vjp.
    tolerances : Tolerances
        What is allowed on top of what the samples can tell.
    err_msg : str
        What stands above the report.
    """
    if not FlatLayout(call.primals).size or claim_agrees(call, call.primals, claim, is_forward):
        return
    if call.leave_out_infinities() and claim_agrees(call, call.primals, claim, is_forward):
        return
    from checkgrad.drop_ins.jax_thorough import judge_claim

    judge_claim(call, claim, is_forward, tolerances, err_msg)
