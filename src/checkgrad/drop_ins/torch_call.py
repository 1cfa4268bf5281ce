"""What the user calls: ``func(*inputs)``, as a function of what is differentiated.

The module owns PyTorch's input rules. Inputs that require a gradient are differentiated, and all
other inputs are handed to func as they are. Outputs that require a gradient are checked.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from checkgrad.arrays.messages import quote
from checkgrad.backends import Array
from checkgrad.backends.torch_differentiation import TorchDifferentiation
from checkgrad.backends.torch_gradients import gradients
from checkgrad.backends.torch_strides import strided_copy, with_strides_of
from checkgrad.backends.torch_writes import same_values
from checkgrad.drop_ins.torch_closures import Substitution, uses_own
from checkgrad.drop_ins.torch_numbers import random_like
from checkgrad.drop_ins.torch_sparse import is_sparse, sparse_parts

_DISTANCE = 2.0**-6  # of another point from the inputs, relative to each coordinate
_NEIGHBOUR_SEEDS = (2, 3, 4)
_LIBRARY = TorchDifferentiation()


class TorchCall:
    """One call of the user's func, and the library's derivatives of it.

    Attributes
    ----------
    places : list of int
        The inputs that are differentiated: those that require a gradient and are not empty.
    chosen : list of int
        The outputs that are checked.
    parts : list of tensor
        The inputs that are differentiated. They require a gradient.
    recorded : list of tensor
        What func returned for them: the outputs that are checked, with their graph.
    is_single : bool
        Whether func returns a tensor, and no tuple.
    is_differentiable : bool
        Whether an output requires a gradient. If none does, all are checked: their derivatives
        must be 0.
    needs_grad : bool
        Whether func can be called with inputs that require a gradient only.
    """

    library = _LIBRARY

    def __init__(self, func: Callable[..., Any], inputs: Sequence[Any], masked: bool) -> None:
        self._func = func
        self._inputs = list(inputs)
        self._copied: list[int] = []  # tensors that are not differentiated: func may write to them
        self._build: dict[int, Callable[[Array], Array]] = {}
        self.places = []
        self.parts = []
        for place, given in enumerate(inputs):
            if not isinstance(given, torch.Tensor):
                continue
            if not given.requires_grad:
                self._copied.append(place)
                continue
            part = given
            if is_sparse(given):
                part, self._build[place] = sparse_parts(given, masked)
            if part.numel() == 0:
                self._copied.append(place)
            else:
                self.places.append(place)
                self.parts.append(strided_copy(part).requires_grad_())
        kept = [strided_copy(part) for part in self.parts]
        self._own: list[Array] = []  # inputs that func also uses without taking them as arguments
        value = self._value(self.parts)
        own = [inputs[place] for place in self.places if place not in self._build]
        if uses_own(own, [each for each in as_tuple(value) if _is_floating(each)]):
            self._own = own
            value = self._value(self.parts)
        _require_tensors(value)
        self.is_single = not isinstance(value, (tuple, list))
        outputs = [(k, each) for k, each in enumerate(as_tuple(value)) if _is_floating(each)]
        _require_dense(outputs)
        recorded = [(k, each) for k, each in outputs if each.requires_grad]
        self.is_differentiable = bool(recorded)
        checked = [(k, each) for k, each in recorded or outputs if each.numel() > 0]
        self.chosen = [k for k, _ in checked]
        self.recorded = [each for _, each in checked]
        self._kept = kept
        self.needs_grad = False
        self._alone = self._values_alone()

    def neighbours(self) -> Iterator[TorchCall]:
        """Yield the call at inputs that differ by rounding errors, in every floating tensor."""
        for seed in _NEIGHBOUR_SEEDS:
            other = copy.copy(self)
            other._inputs = [  # noqa: SLF001
                _rounded(each, seed) if place in self._copied and _is_dense(each) else each
                for place, each in enumerate(self._inputs)
            ]
            other.parts = [_rounded(part, seed).requires_grad_() for part in self.parts]
            other.recorded = other.outputs(other.parts)
            yield other

    def inputs_with(self, parts: Sequence[Array]) -> list[Any]:
        """Return all inputs, with `parts` in the places of those that are differentiated."""
        inputs = list(self._inputs)
        for place in self._copied:
            inputs[place] = _copy(inputs[place])
        for place, part in zip(self.places, parts, strict=True):
            inputs[place] = self._build[place](part) if place in self._build else part
        return inputs

    def outputs(self, parts: Sequence[Array]) -> list[Array]:
        """Return the outputs that are checked."""
        value = as_tuple(self._value(parts))
        return [value[k] for k in self.chosen]

    def _value(self, parts: Sequence[Array]) -> Any:
        inputs = self.inputs_with(parts)
        if not self._own:
            return self._func(*inputs)
        places = [k for k, place in enumerate(self.places) if place not in self._build]
        with Substitution(self._own, [parts[k] for k in places]):
            return self._func(*inputs)

    @property
    def sizes(self) -> list[int]:
        """How many real numbers each output that is checked has."""
        return [each.numel() * (2 if each.is_complex() else 1) for each in self.recorded]

    @property
    def count(self) -> int:
        """How many inputs func takes."""
        return len(self._inputs)

    def is_unchanged(self) -> bool:
        """Return whether func left the inputs as they were."""
        return all(map(same_values, self.parts, self._kept))

    # What the probes of a rule ask for, see `checkgrad.claims.rule_errors`.

    def primals(self) -> list[Array]:
        """Return the inputs that are differentiated; they record nothing unless func needs that."""
        copies = [strided_copy(part) for part in self.parts]
        return [each.requires_grad_() for each in copies] if self.needs_grad else copies

    def values(self) -> list[Array]:
        """Return the outputs of func for inputs that require no gradient, if it takes those."""
        return self._alone

    def another_point(self) -> list[Array]:
        """Return inputs that differ in every coordinate."""
        moved = [torch.where(each == 0, _DISTANCE, each * (1 + _DISTANCE)) for each in self.parts]
        pairs = zip(moved, self.parts, strict=True)
        return [with_strides_of(each.detach(), like) for each, like in pairs]

    def random_like(self, arrays: Sequence[Array], rng: np.random.Generator) -> list[Array]:
        """Return random numbers like some tensors."""
        del rng
        return random_like(arrays)

    def values_at(self, primals: list[Array]) -> list[Array]:
        """Return the outputs that are checked, for other inputs; they record nothing."""
        return [each.detach() for each in self.outputs(primals)]

    def input_name(self, leaf: int) -> str:
        """Return what an input is called."""
        return f"inputs[{self.places[leaf]}]"

    def gradients(
        self, outputs: Sequence[Array], weights: Sequence[Array], batched: bool = False
    ) -> list[Array | None]:
        """Return gradients by what is differentiated, on a graph that stays for the next call.

        Parameters
        ----------
        outputs, weights : sequence of tensor
            What is differentiated, and the cotangents.
        batched : bool
            Whether the cotangents have a leading axis, along which the gradients are mapped.
        """
        if not batched:
            return gradients(outputs, self.parts, weights, retain_graph=True)
        options = {"retain_graph": True, "allow_unused": True, "is_grads_batched": True}
        return list(torch.autograd.grad(outputs, self.parts, weights, **options))

    def pullback(self, primals: list[Array], weights: list[Array], **options: Any) -> list[Array]:
        """Return the gradient weighted by `weights`, in reverse mode."""
        return self.library.pullback(self.outputs, primals, weights, **options)

    def pushforward(self, primals: list[Array], tangents: list[Array]) -> list[Array]:
        """Return the derivative along some tangents, in forward mode."""
        return self.library.pushforward(self.outputs, primals, tangents)

    def values_while_differentiated(self, forward: bool) -> list[Array]:
        """Return the outputs as they come with a derivative: in forward or in reverse mode."""
        if forward:
            return self.library.recorded(self.outputs, self.primals(), forward)
        return [each.detach() for each in self.recorded]

    def mapped_and_single_values(self, only: int | None = None) -> tuple[list[Array], list[Array]]:
        """Not asked for: PyTorch's checks map derivatives, and not func."""
        raise NotImplementedError

    def _values_alone(self) -> list[Array]:
        try:
            return [each.detach() for each in self.outputs(self.primals())]
        except MemoryError:
            raise
        except Exception:  # func differentiates inside
            self.needs_grad = True
            return [each.detach() for each in self.recorded]


def _rounded(given: Array, seed: int) -> Array:
    """Return a tensor that differs by one or two units in the last place of each entry."""
    (random,) = random_like([given], seed)
    alone = given.detach()
    moved = alone + alone * random * (2 * torch.finfo(given.dtype).eps)
    return with_strides_of(moved, alone).requires_grad_(given.requires_grad)


def _is_dense(given: Any) -> bool:
    return _is_floating(given) and given.layout is torch.strided


def _copy(given: Array) -> Array:
    """Return a copy of a tensor, which func may write to."""
    copy = strided_copy(given) if given.layout is torch.strided else given.detach().clone()
    return copy.requires_grad_() if given.requires_grad else copy


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return a tuple or list as a tuple, and what is none as a tuple of one."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _is_floating(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and (value.is_floating_point() or value.is_complex())


def _require_tensors(value: Any) -> None:
    for each in as_tuple(value):
        if not isinstance(each, torch.Tensor):
            missing = " (is a return missing?)" if value is None else ""
            raise TypeError(
                f"func returned {quote(value)}{missing}; return a tensor, or a tuple of tensors"
            )


def _require_dense(outputs: Sequence[tuple[int, Array]]) -> None:
    for place, each in outputs:
        if each.layout is not torch.strided:
            raise ValueError(
                f"output {place} of func has the layout {each.layout}; call "
                "to_dense(masked_grad=...) on it inside of func"
            )
