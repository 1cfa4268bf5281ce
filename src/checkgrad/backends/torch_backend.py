"""PyTorch: mutable arrays with a record for differentiation, on any device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import array_api_compat
import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from checkgrad.backends.array_types import Array, Entries, HostArray
from checkgrad.backends.base import Backend
from checkgrad.backends.blocks import fill_in_blocks
from checkgrad.backends.seeds import DEVIATION, draw_seed
from checkgrad.backends.torch_differentiation import TorchDifferentiation
from checkgrad.backends.torch_obstacles import obstacle_of
from checkgrad.backends.torch_strides import is_plain, strided_copy, with_strides_of
from checkgrad.backends.torch_widening import TorchWidening
from checkgrad.backends.widening import Widening

_MANY = 2**14  # entries from which on random numbers on the CPU are uniform, not normal
_LARGE = 2**22  # bytes from which on NumPy asks for huge pages
_WITHOUT_FLOAT64 = ("mps", "xla", "hpu", "vulkan", "privateuseone")  # kinds of devices


class _Largest(TorchDispatchMode):  # type: ignore[misc]
    """Record the bytes of the largest tensor that is made, views aside."""

    def __init__(self) -> None:
        super().__init__()
        self.largest: int = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to skip it, PyTorch would first import its compiler, which takes a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else (made,):
            if isinstance(tensor, torch.Tensor) and not func.is_view:
                self.largest = max(self.largest, tensor.numel() * tensor.element_size())
        return made


class TorchBackend(Backend):
    """PyTorch, on any device."""

    name = "torch"
    convention = "torch"
    differentiation = TorchDifferentiation()
    maps = True

    def host(self, array: Array) -> HostArray:
        tensor = _dense(array.detach())
        if tensor.dtype == torch.bfloat16:
            tensor = tensor.float()
        return np.asarray(tensor.numpy(force=True))

    def obstacle(self, array: Array) -> str:
        return obstacle_of(array)

    def asarray(self, value: Any, like: Array | None = None) -> Array:
        if array_api_compat.is_torch_array(value):
            return _dense(value.detach())
        from checkgrad.backends.dispatch import portable

        # torch.tensor copies: torch.from_numpy would share memory, and warn of read-only arrays.
        return torch.tensor(portable(value), device=None if like is None else like.device)

    def snapshot(self, array: Array) -> Array:
        return strided_copy(array)

    def gather_detached(self, array: Array) -> Array:
        return array.detach()

    def copy(self, array: Array) -> Array:
        return _empty(tuple(array.shape), array).copy_(array.detach())

    def constants(self, leaves: Sequence[Any]) -> list[bool]:
        records = [isinstance(leaf, torch.Tensor) and leaf.requires_grad for leaf in leaves]
        if any(records):
            return [not each for each in records]
        return [not isinstance(leaf, torch.Tensor) for leaf in leaves]

    def is_plain(self, original: Array) -> bool:
        return is_plain(original)

    def resembling(self, array: Array, original: Array) -> Array:
        alone = with_strides_of(array.detach(), original.detach())
        return alone.requires_grad_() if original.requires_grad else alone

    def complexed(self, pairs: Array) -> Array:
        return torch.view_as_complex(pairs.contiguous())

    def joined(self, blocks: Iterator[Array], shape: tuple[int, ...], like: Array) -> Array:
        return fill_in_blocks(blocks, lambda dtype: _empty(shape, like, dtype))

    def perturbed_copies(
        self, array: Array, entries: Entries, values: Array, first: int = 0
    ) -> Iterator[Array]:
        each = values[first : first + len(entries)].unbind()
        for entry, value in zip(entries.tolist(), each, strict=True):
            copy = self.copy(array)
            copy.view(-1)[entry] = value
            yield copy
            del copy  # before the next is made

    def perturbed_batch(
        self, array: Array, entries: Entries, values: Array
    ) -> tuple[Array, Array, Array]:
        count = len(entries)
        batch = _empty((count + 3, *array.shape), array).copy_(array.detach())
        flat = batch.view(count + 3, -1)
        columns = torch.as_tensor(entries, device=array.device)
        rows = torch.arange(1, count + 1, device=array.device)
        flat[rows[:, None], columns.view(count, -1)] = values.view(count, -1)
        flat[-2, columns] = values
        flat[-1, columns[::2]] = values[::2]
        return batch, batch[-2].clone(), batch[-1].clone()

    def on_host(self, array: Array) -> bool:
        return bool(array.is_cpu)

    def footprint(self, func: Callable[[Array], Any], array: Array) -> int:
        made = _Largest()
        try:
            with made:
                func(self.copy(array))
        except Exception:
            return 0
        return made.largest

    def mapped(self, func: Callable[[Array], Any]) -> Callable[[Array], Any]:
        mapped: Callable[[Array], Any] = torch.func.vmap(func)
        return mapped

    def random_tangent(self, rng: Any, like: Array) -> Array:
        if not self.on_host(like) or like.numel() < _MANY:
            return torch.randn(
                like.shape, dtype=like.dtype, device=like.device, generator=_generator(rng, like)
            )
        # The CPU makes normal numbers one after the other. For a large array that takes longer
        # than the rest of a check. Uniform numbers do as well, and one draw gives four of them.
        numbers = _random_integers(rng, like, torch.int16).to(torch.float32)
        return numbers.add_(0.5).div_(DEVIATION).to(like.dtype)

    def random_signs(self, rng: Any, like: Array) -> Array:
        if self.on_host(like):
            ones = (_random_integers(rng, like, torch.int8) < 0).to(like.dtype)
        else:
            ones = torch.randint(
                2,
                like.shape,
                dtype=like.dtype,
                device=like.device,
                generator=_generator(rng, like),
            )
        return ones.mul_(2).sub_(1)

    def from_host(self, numbers: HostArray, like: Array) -> Array:
        wide = torch.tensor(numbers, dtype=torch.float64, device="cpu")  # others may lack float64
        return wide.to(like.device, like.dtype)

    def to_host(self, array: Array) -> HostArray:
        array = array.detach().cpu()
        wide = torch.complex128 if array.is_complex() else torch.float64
        # A copy: .to() shares memory where it can. By force: forward mode returns lazy zeros.
        return np.array(array.to(wide).numpy(force=True))

    def widenings(self) -> Sequence[Widening]:
        return (TorchWidening(), *super().widenings())

    def lacks_float64(self, array: Array) -> str:
        kind = array.device.type
        return f"the device {kind} has no float64" if kind in _WITHOUT_FLOAT64 else ""

    def free_memory(self, array: Array) -> float:
        if not array.is_cuda:
            return super().free_memory(array)
        device = array.device
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + kept)  # PyTorch keeps what it freed

    def widened(self, array: Array) -> Array:
        wide = torch.complex128 if array.is_complex() else torch.float64
        return array.detach().to(wide, copy=True)

    def narrowed(self, array: Array, like: Array) -> Array:
        return array.detach().to(like.dtype, copy=True)


def _dense(tensor: Array) -> Array:
    """Return `tensor` in the plain layout. A sparse tensor does not store its zeros."""
    return tensor if tensor.layout == torch.strided else tensor.to_dense()


def _generator(rng: Any, like: Array) -> torch.Generator:
    return torch.Generator(device=like.device).manual_seed(draw_seed(rng))


def _random_integers(rng: Any, like: Array, dtype: torch.dtype) -> Array:
    """Return random numbers over the whole range of an integer `dtype`, like `like`.

    One draw of 64 bits gives several of them.
    """
    size, each = like.numel(), torch.int64.itemsize // dtype.itemsize
    draws = torch.empty(-(-size // each), dtype=torch.int64, device=like.device)
    draws.random_(-(2**63), None, generator=_generator(rng, like))
    return draws.view(dtype)[:size].view(like.shape)


def _empty(shape: tuple[int, ...], like: Array, dtype: Any = None) -> Array:
    """Return a contiguous array of `shape`, not filled, on the device of `like`.

    NumPy allocates a large array on the CPU: on Linux it asks for huge pages. The first write to
    the memory then takes a fifth of the time that it takes in memory that PyTorch allocates.
    """
    dtype = like.dtype if dtype is None else dtype
    size = math.prod(shape) * dtype.itemsize
    if not like.is_cpu or size < _LARGE:
        return torch.empty(shape, dtype=dtype, device=like.device)
    return torch.from_numpy(np.empty(size, np.uint8)).view(dtype).view(shape)
