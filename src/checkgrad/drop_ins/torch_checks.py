"""The flow of a check in the place of gradcheck: rules, numbers, and what backward must do besides.

Derivatives are certified the short way where that is possible. All others go to the pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch

from checkgrad.claims.rule_errors import rule_errors
from checkgrad.drop_ins.torch_backward import (
    batched_gradient_errors,
    batched_tangent_errors,
    undefined_cotangent_errors,
    zero_cotangent_errors,
)
from checkgrad.drop_ins.torch_call import TorchCall
from checkgrad.drop_ins.torch_certificate import Certificate
from checkgrad.drop_ins.torch_options import GradcheckOptions, require_inputs


def check_call(func: Callable[..., Any], inputs: Sequence[Any], options: GradcheckOptions) -> None:
    """Raise a `GradcheckError` unless the derivatives of ``func(*inputs)`` are right.

    Parameters
    ----------
    func : callable
        The user's function.
    inputs : sequence
        Its arguments.
    options : GradcheckOptions
        What to check.

    Raises
    ------
    GradcheckError
        See above.
    ValueError, RuntimeError
        If the inputs or outputs have no meaning, see `require_inputs`.
    """
    require_inputs(inputs)
    with torch.inference_mode(False), torch.enable_grad():
        call = TorchCall(func, inputs, options.masked)
        if not call.parts or not call.recorded:
            return
        errors = list(_rule_errors(call, options))
        every = {mode: list(range(len(call.parts))) for mode in options.modes}
        opened = every
        if not errors:  # rules that write, for example, leave nothing to go on with
            certificate = Certificate(call, options.fast)
            found = {mode: certificate.open_inputs(mode) for mode in options.modes}
            errors = list(_backward_errors(call, options))
            opened = {mode: leaves for mode, leaves in found.items() if leaves}
        if errors or opened:
            # The pipeline is imported only where it is needed: most checks do without it.
            from checkgrad.drop_ins.torch_pipeline import require_correct

            require_correct(call, opened or every, errors, options)


def _rule_errors(call: TorchCall, options: GradcheckOptions) -> Iterator[str]:
    """Yield what is wrong whatever the numbers are."""
    for mode in options.modes:
        if mode == "fwd" or call.is_differentiable:
            for error in rule_errors(call, mode, options.nondet_tol):
                yield f"{mode}: {error}"


def _backward_errors(call: TorchCall, options: GradcheckOptions) -> Iterator[str]:
    """Yield what is wrong with zero, undefined and batched cotangents and tangents."""
    errors = [("fwd", batched_tangent_errors)] if options.batched_tangents else []
    if "rev" in options.modes and call.is_differentiable:
        errors.append(("rev", partial(zero_cotangent_errors, masked=options.masked)))
        if options.undefined:
            errors.append(("rev", undefined_cotangent_errors))
        if options.batched_gradients:
            errors.append(("rev", batched_gradient_errors))
    for mode, errors_of in errors:
        yield from (f"{mode}: {error}" for error in errors_of(call))
