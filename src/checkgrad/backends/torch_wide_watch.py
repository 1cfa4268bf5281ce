"""What looks at the operators of a widened evaluation: an observer, and Monte Carlo arithmetic.

This module owns what is noted of the numbers that operators return, and the random errors that
their operands and results get. The interpreter calls both around every operator.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch._decomp import decomposition_table

from checkgrad.backends.array_types import Array
from checkgrad.backends.torch_wide_operators import OperatorFacts
from checkgrad.backends.torch_wide_tensor import WIDE

# Random numbers are drawn once; an operator takes as many as it needs from a random place on. So
# errors cost one multiplication. A prime, so that no axis of a large array repeats them in step.
_POOL = 2**20 - 3
_POOL_SEED = 20


# PyTorch's kernels for half precision keep sums in half precision here.
_ROUNDED_INSIDE = ("_softmax", "_log_softmax")

_ARE_WIDE = (torch.float64, torch.complex128)


class Watch(Protocol):
    """What looks at operators while they run, or changes their operands and results."""

    def before(self, facts: OperatorFacts, wide: list[Any], natives: list[Any]) -> list[Any]:
        """Return the operands to compute with instead of `wide`.

        `natives` are the native operands that are floating, and dtypes among the arguments.
        """

    def parts_of(self, facts: OperatorFacts, func: Any) -> Callable[..., Any] | None:
        """Return a composition of other operators to run instead, or None."""

    def after(self, facts: OperatorFacts, wide: Array, native: Any, natives: list[Any]) -> Array:
        """Return the floating result to go on with instead of `wide`, of dtype `native`."""


class Observer:
    """Note the dtypes that operators meet, the largest number, and the largest tensor.

    Parameters
    ----------
    natives : list of dtype
        The native dtypes of the inputs.
    magnitudes : bool
        Whether to note the largest number, which takes a pass over every result.

    Attributes
    ----------
    made_bytes : int
        The bytes of the largest floating tensor that was made, in its native dtype, views aside.
    """

    def __init__(self, natives: list[Any], magnitudes: bool) -> None:
        self._notes_magnitudes = magnitudes
        self._input_epsilon = max(map(epsilon_of, natives), default=0.0)
        self._met: set[Any] = set(natives)
        self._casts: dict[Any, None] = {}
        self._magnitudes: list[Array] = []
        self.made_bytes: int = 0

    def note(self, wide: Array) -> None:
        """Note the numbers of an input or of a result."""
        if not self._notes_magnitudes or wide.layout is not torch.strided or wide.numel() == 0:
            return
        magnitude = torch.linalg.vector_norm(wide.detach(), torch.inf)
        if not bool(torch.isfinite(magnitude)):
            magnitude = wide.detach().abs().nan_to_num(0.0, 0.0, 0.0).max()
        self._magnitudes.append(magnitude)

    def before(self, facts: OperatorFacts, wide: list[Any], natives: list[Any]) -> list[Any]:
        """Note the numbers of the operands that are in float64 anyway."""
        del facts
        for each in natives:
            if isinstance(each, torch.Tensor) and each.dtype in _ARE_WIDE:
                self.note(each)
        return wide

    def parts_of(self, facts: OperatorFacts, func: Any) -> None:
        """Return None: operators are looked at as they are."""

    def after(self, facts: OperatorFacts, wide: Array, native: Any, natives: list[Any]) -> Array:
        """Note a result."""
        del natives
        if facts.rounds or facts.casts:  # a constant of a narrower dtype rounds nothing
            self._met.add(native)
        if facts.casts and epsilon_of(native) > self._input_epsilon:
            self._casts[native] = None
        if not facts.is_view:
            self.note(wide)
            self.made_bytes = max(self.made_bytes, wide.numel() * native.itemsize)
        return wide

    @property
    def epsilon(self) -> float:
        """The machine epsilon of the coarsest dtype that was computed in."""
        return max(map(epsilon_of, self._met), default=0.0)

    @property
    def largest(self) -> float:
        """The largest finite magnitude."""
        return max((float(each) for each in self._magnitudes), default=0.0)

    @property
    def casts(self) -> tuple[str, ...]:
        """The names of dtypes, narrower than all inputs, that a cast goes through."""
        return tuple(str(dtype).removeprefix("torch.") for dtype in self._casts)


class Perturber:
    """Monte Carlo arithmetic: give operands and results random errors of their native dtype.

    Parameters
    ----------
    seed : int
        What the errors depend on.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._coarsest = 0.0  # errors are of this epsilon at least

    def parts_of(self, facts: OperatorFacts, func: Any) -> Callable[..., Any] | None:
        """Return an operator as a composition of others, if it rounds inside where numbers cancel.

        (The gradient of a softmax has ``1 - p``, for example, with p rounded.)
        """
        if not facts.cancels:
            return None
        parts: Callable[..., Any] | None = decomposition_table.get(func)
        if parts is None or not facts.name.startswith(_ROUNDED_INSIDE):
            return parts
        return functools.partial(self._with_coarse_parts, parts)

    def _with_coarse_parts(self, parts: Callable[..., Any], operand: Array, *others: Any) -> Any:
        """Run a composition that PyTorch writes in float32 with the errors of its operand."""
        before, self._coarsest = self._coarsest, epsilon_of(operand.dtype)
        try:
            return parts(operand, *others)
        finally:
            self._coarsest = before

    def before(self, facts: OperatorFacts, wide: list[Any], natives: list[Any]) -> list[Any]:
        """Return operands with errors of their own where an operator rounds inside."""
        if not facts.accumulates:
            return wide
        epsilon = max((epsilon_of(_dtype(each)) for each in natives), default=0.0)
        kept = {place for place in facts.writes if isinstance(place, int)}
        return [
            value if place in kept else self._operand(value, epsilon)
            for place, value in enumerate(wide)
        ]

    def after(self, facts: OperatorFacts, wide: Array, native: Any, natives: list[Any]) -> Array:
        """Return a result with an error of up to half a unit in the last place."""
        epsilon = max(epsilon_of(native), self._coarsest)
        if facts.casts:
            # Rounding to a narrower dtype. All other casts are exact.
            sources = [epsilon_of(each.dtype) for each in natives if type(each) is not torch.dtype]
            if epsilon_of(native) <= max(sources[-1:], default=epsilon_of(native)):
                return wide
        elif not facts.rounds:
            return wide
        if native not in WIDE or wide.layout is not torch.strided or wide.numel() == 0:
            return wide
        if facts.writes or facts.casts or not wide.is_contiguous():  # a cast may return its operand
            return self._with_underflow(self._operand(wide, epsilon), native)
        if wide.is_complex():
            self._scale(torch.view_as_real(wide), epsilon)
        else:
            self._scale(wide, epsilon)
        return self._with_underflow(wide, native)

    def _operand(self, value: Any, epsilon: float) -> Any:
        if type(value) is list or type(value) is tuple:
            return type(value)(self._operand(each, epsilon) for each in value)
        if type(value) is not torch.Tensor or value.dtype not in (torch.float64, torch.complex128):
            return value
        if value.layout is not torch.strided or value.numel() == 0:
            return value
        copy = value.clone(memory_format=torch.contiguous_format).resolve_conj().resolve_neg()
        self._scale(torch.view_as_real(copy) if copy.is_complex() else copy, epsilon)
        return copy

    def _scale(self, contiguous: Array, epsilon: float) -> None:
        """Multiply every number by ``1 + u * epsilon / 2``, with u uniform in [-1, 1)."""
        pool = _factors(epsilon, contiguous.device)
        flat = contiguous.view(-1)
        size = flat.numel()
        for start in range(0, size, _POOL // 2):
            block = flat[start : start + _POOL // 2]
            first = self._random.randrange(_POOL - block.numel() + 1)
            block.mul_(pool[first : first + block.numel()])

    def _with_underflow(self, wide: Array, native: Any) -> Array:
        """Return `wide` with an error of half the smallest subnormal number where it underflows."""
        limits = torch.finfo(native)
        parts = torch.view_as_real(wide) if wide.is_complex() else wide
        if float(torch.linalg.vector_norm(parts, -torch.inf)) >= limits.tiny:
            return wide
        subnormal = (parts.abs() < limits.tiny) & (parts != 0)
        if bool(subnormal.any()):
            count = int(subnormal.sum())
            first = self._random.randrange(_POOL)
            places = torch.arange(first, first + count, device=wide.device) % _POOL
            parts[subnormal] += _uniform(wide.device)[places] * (
                limits.smallest_normal * limits.eps / 2
            )
        return wide


@functools.cache
def _uniform(device: Any) -> Array:
    """Return the pool: random numbers, uniform in [-1, 1)."""
    generator = torch.Generator().manual_seed(_POOL_SEED)
    pool = torch.rand(_POOL, dtype=torch.float64, generator=generator) * 2 - 1
    return pool.to(device)


@functools.cache
def _factors(epsilon: float, device: Any) -> Array:
    """Return random numbers, uniform within half of `epsilon` around 1."""
    return _uniform(device) * (epsilon / 2) + 1


def _dtype(each: Any) -> Any:
    return each if type(each) is torch.dtype else each.dtype


def epsilon_of(dtype: Any) -> float:
    """Return the machine epsilon of a floating dtype."""
    return float(torch.finfo(dtype).eps)
