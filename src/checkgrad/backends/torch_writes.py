"""What a backward pass writes to: its cotangent, the inputs of func, and what was saved for it.

A backward pass may be run again, and others use the same tensors. So it must leave all of them as
they are. This module compares their values before and after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from checkgrad.backends.array_types import Array

COTANGENT, INPUTS, SAVED = "its cotangent", "an input of func", "a tensor saved for it"


class WriteWatch:
    """Copies of all that a backward pass must not change.

    Parameters
    ----------
    inputs : sequence of tensor
        What func was called with.
    outputs : sequence of tensor
        What func returned: their graph holds what was saved.
    cotangents : sequence of tensor
        What the backward pass is started with.
    """

    def __init__(
        self, inputs: Sequence[Array], outputs: Sequence[Array], cotangents: Sequence[Array]
    ) -> None:
        named = [(COTANGENT, each) for each in cotangents]
        named += [(INPUTS, each) for each in inputs]
        named += [(SAVED, each) for each in _saved_tensors(outputs)]
        self._watched = [(name, each, each.detach().clone()) for name, each in named]

    def written(self) -> list[str]:
        """Return the names of what has changed since."""
        return list(
            dict.fromkeys(
                name for name, tensor, before in self._watched if not same_values(tensor, before)
            )
        )


def graph_nodes(outputs: Sequence[Array]) -> Iterator[Any]:
    """Yield the nodes of the recorded graph behind some tensors, each once."""
    left = [value.grad_fn for value in outputs if value.grad_fn is not None]
    seen = set(left)
    while left:
        node = left.pop()
        yield node
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                left.append(following)


def _saved_tensors(outputs: Sequence[Array]) -> Iterator[Array]:
    """Yield the tensors that the user's own functions saved; PyTorch's own are not looked at."""
    for node in graph_nodes(outputs):
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            yield from (each for each in node.saved_tensors if isinstance(each, torch.Tensor))


def same_values(tensor: Array, before: Array) -> bool:
    """Return whether a tensor holds what it held before; NaN is NaN. Sparse ones always do."""
    now = tensor.detach()
    if now.layout != torch.strided or torch.equal(now, before):
        return True
    return bool(torch.all((now == before) | (now.isnan() & before.isnan())))
