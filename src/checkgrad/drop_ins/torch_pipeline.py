"""The long way for a drop-in: the pipeline judges what is not certified, and makes the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from checkgrad.arrays.messages import brief
from checkgrad.backends import Array
from checkgrad.drop_ins.allowance import Allowance
from checkgrad.drop_ins.torch_call import TorchCall
from checkgrad.drop_ins.torch_error import GradcheckError
from checkgrad.drop_ins.torch_options import GradcheckOptions
from checkgrad.drop_ins.unresolved import settled
from checkgrad.numerics.decisions import Verdict
from checkgrad.pipeline import examine
from checkgrad.problem import Options, Problem
from checkgrad.report.build import report_on


def require_correct(
    call: TorchCall,
    opened: dict[str, list[int]],
    errors: Sequence[str],
    options: GradcheckOptions,
) -> None:
    """Raise a `GradcheckError` unless the pipeline finds that all is right.

    Parameters
    ----------
    call : TorchCall
        The call.
    opened : dict of str to list of int
        The modes to check, and in each the inputs to differentiate by.
    errors : sequence of str
        What is wrong whatever the numbers are.
    options : GradcheckOptions
        What to check.
    """
    # If there are errors, the verdict is known: the numbers are looked at only for the report.
    direction = "random" if options.fast or errors else "auto"
    allowance = Allowance(options.atol, options.rtol)
    results = []
    for mode, leaves in opened.items():
        tree = _Tree(call, leaves)
        form, claim = {"rev": ("vjp", tree.vjp), "fwd": ("jvp", tree.jvp)}[mode]
        asked = Options(direction=direction)
        problem = Problem(form, tree.func, claim, tree.inputs(), (), asked, mode)
        try:
            result = examine(problem)
        except ValueError as error:  # func or an input is not finite
            raise GradcheckError("\n".join([f"{mode}: {brief(error)}", *errors])) from error
        results.append(allowance.applied(settled(result)))
    report = report_on(results, errors)
    if report.verdict is not Verdict.CORRECT:
        raise GradcheckError(str(report), report)


class _Tree:
    """A call as a function of a tree: None stands for all that is not looked at."""

    def __init__(self, call: TorchCall, leaves: Sequence[int]) -> None:
        self._call = call
        self._leaves = leaves

    def inputs(self) -> tuple[Array | None, ...]:
        """Return x0."""
        return self._filled(self._call.parts)

    def func(self, inputs: Sequence[Any]) -> Any:
        """Return the outputs that are checked; in a tuple, if func returns one."""
        return self._returned(self._call.outputs(self._taken(inputs)))

    def vjp(self, inputs: Sequence[Any], cotangent: Any) -> tuple[Array | None, ...]:
        """Return the gradient weighted by `cotangent`."""
        call = self._call
        weights = [cotangent] if call.is_single else [cotangent[k] for k in call.chosen]
        if not call.is_differentiable:
            return self._filled([torch.zeros_like(part) for part in call.parts])
        return self._filled(call.pullback(self._taken(inputs), weights))

    def jvp(self, inputs: Sequence[Any], tangent: Sequence[Any]) -> Any:
        """Return the derivative along `tangent`."""
        zeros = [torch.zeros_like(part) for part in self._call.parts]
        return self._returned(
            self._call.pushforward(self._taken(inputs), self._taken(tangent, zeros))
        )

    def _taken(self, inputs: Sequence[Any], others: Sequence[Array] = ()) -> list[Array]:
        """Return all inputs that are differentiated; `others` in the places of None."""
        parts = list(others) or self._call.primals()
        for leaf in self._leaves:
            parts[leaf] = inputs[self._call.places[leaf]]
        return parts

    def _filled(self, parts: Sequence[Array]) -> tuple[Array | None, ...]:
        found: list[Array | None] = [None] * self._call.count
        for leaf in self._leaves:
            found[self._call.places[leaf]] = parts[leaf]
        return tuple(found)

    def _returned(self, outputs: Sequence[Array]) -> Any:
        if self._call.is_single:
            return outputs[0]
        found: list[Array | None] = [None] * (max(self._call.chosen) + 1)
        for place, each in zip(self._call.chosen, outputs, strict=True):
            found[place] = each
        return tuple(found)
