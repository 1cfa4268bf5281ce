"""Functions that use an input without taking it as an argument.

Suites pass the parameters of a module as inputs, and call the module: it uses its own parameters.
PyTorch's check moves the inputs in place, so it sees what they do. Here func gets copies. So the
copies must stand in for the inputs wherever func uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from checkgrad.backends import Array
from checkgrad.backends.torch_writes import graph_nodes


def uses_own(inputs: Sequence[Array], outputs: Sequence[Array]) -> bool:
    """Return whether the graph behind some outputs leads to one of the inputs themselves.

    Parameters
    ----------
    inputs : sequence of tensor
        The user's inputs that require a gradient. Func got copies of them.
    outputs : sequence of tensor
        What func returned.
    """
    variables = {id(each) for each in inputs if each.grad_fn is None}
    made_by = {each.grad_fn for each in inputs if each.grad_fn is not None}
    return any(
        node in made_by or id(getattr(node, "variable", None)) in variables
        for node in graph_nodes(outputs)
    )


class Substitution(TorchFunctionMode):  # type: ignore[misc]
    """A context in which other tensors stand in for some, wherever PyTorch's functions get them.

    Parameters
    ----------
    originals, substitutes : sequence of tensor
        The tensors, and what stands in for each.
    """

    def __init__(self, originals: Sequence[Array], substitutes: Sequence[Array]) -> None:
        super().__init__()
        pairs = zip(originals, substitutes, strict=True)
        self._substitutes = {id(original): substitute for original, substitute in pairs}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*self._of(args), **self._of(kwargs or {}))

    def _of(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._of(each) for key, each in value.items()}
        if isinstance(value, (tuple, list)):
            found = [self._of(each) for each in value]
            return type(value)(*found) if hasattr(value, "_fields") else type(value)(found)
        return self._substitutes.get(id(value), value)


def with_substitutes(func: Callable[..., Any], inputs: Sequence[Any]) -> Callable[..., Any]:
    """Return `func` such that its arguments stand in for the inputs wherever it uses those."""
    places = [k for k, each in enumerate(inputs) if isinstance(each, torch.Tensor)]

    def substituted(*args: Any) -> Any:
        with Substitution([inputs[k] for k in places], [args[k] for k in places]):
            return func(*args)

    return substituted
