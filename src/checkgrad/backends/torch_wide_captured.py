"""Float64 copies, *shadows*, of the tensors that a function captures. The user's stay untouched.

This module owns the shadows, what they are kept for, and how version counters and gradients of
captured tensors are put back. A shadow is a view of a float64 copy of the whole memory that a
tensor is a view of. So what is written through one view is seen through all others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from checkgrad.backends.array_types import Array
from checkgrad.backends.torch_wide_arguments import refuse_nested
from checkgrad.backends.torch_wide_tensor import WIDE, NeedsFunctionsError, WideTensor
from checkgrad.backends.widening import CannotWidenError

# A view of less than this part of a large memory is copied alone, so that a batch of a large data
# set does not need the data set in float64. Then its other views would not see what is written.
_SMALL_PART = 1 / 4
_LARGE = 2**20  # entries

_Key = tuple[int, Any]


@dataclass(slots=True)
class _Shadow:
    tensor: Array  # keeps the memory of the user's tensor, so that no other gets its address
    version: int | None  # None in inference mode, where there is none
    wide: Array
    key: _Key
    used: bool = True


class CapturedTensors:
    """The shadows of all captured tensors, kept from one evaluation to the next.

    A tensor of a narrower dtype has a shadow in float64 as soon as it is read. Any other tensor has
    a copy once it is written to.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Give back the memory of all shadows."""
        self._shadows: dict[int, _Shadow] = {}
        self._memories: dict[_Key, Array] = {}  # flat; None for a view that is copied alone
        self._natives: dict[int, _Key] = {}  # by the address of the memory in float64
        self._written: set[_Key] = set()
        self._versions: list[tuple[Array, int]] = []
        self._own: set[int] = set()  # the addresses of memory that this evaluation allocated
        self._guarded: dict[int, tuple[Array, Any]] = {}
        self._redirects = False

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[None]:
        """Return a context for one evaluation. What it writes is forgotten."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    def _begin(self) -> None:
        """Forget shadows that the last evaluation did not use, or whose tensors have changed."""
        stale = {
            shadow.key
            for shadow in self._shadows.values()
            if shadow.version is None or shadow.tensor._version != shadow.version  # noqa: SLF001
        }
        self._drop(stale)
        unused = [place for place, shadow in self._shadows.items() if not shadow.used]
        for place in unused:
            del self._shadows[place]
        kept = {shadow.key for shadow in self._shadows.values()}
        self._memories = {key: flat for key, flat in self._memories.items() if key in kept}
        self._natives = {address: key for address, key in self._natives.items() if key in kept}
        self._written = set()
        self._redirects = False
        self._own = set()
        for shadow in self._shadows.values():
            shadow.used = False
            self._guard(shadow.tensor)

    def _end(self) -> None:
        """Put version counters and gradients of the user's tensors back."""
        for tensor, gradient in self._guarded.values():
            if tensor.grad is not gradient:
                tensor.grad = gradient
        self._guarded = {}
        for tensor, version in reversed(self._versions):
            torch._C._autograd._unsafe_set_version_counter((tensor,), (version,))  # noqa: SLF001
        self._versions = []
        self._drop(self._written)

    def _drop(self, keys: set[_Key]) -> None:
        if keys:
            self._shadows = {k: s for k, s in self._shadows.items() if s.key not in keys}
            for key in keys:
                self._memories.pop(key, None)

    def _guard(self, tensor: Array) -> None:
        """Remember the gradient of a tensor that may get another one."""
        if tensor.requires_grad and tensor.is_leaf and id(tensor) not in self._guarded:
            self._guarded[id(tensor)] = (tensor, tensor.grad)

    def allocated(self, tensor: Array) -> None:
        """Note that the memory of `tensor` is no captured one: it may be written to."""
        if tensor.layout is torch.strided:
            self._own.add(_address(tensor))

    def is_own(self, tensor: Array) -> bool:
        """Return whether a tensor that is not wide has memory that this evaluation allocated."""
        if type(tensor) is WideTensor or tensor.dtype in WIDE:
            return False
        return tensor.layout is torch.strided and _address(tensor) in self._own

    def read(self, tensor: Array) -> Array:
        """Return what to compute with instead of `tensor`, which is not a wide one."""
        shadow = self._shadows.get(id(tensor))
        if shadow is not None and shadow.tensor is tensor:
            shadow.used = True
            return shadow.wide
        if tensor.dtype in WIDE:
            return self._shadowed(tensor).wide
        if tensor.requires_grad:
            self._guard(tensor)
        if self._redirects and tensor.layout is torch.strided and _key(tensor) in self._written:
            return self._shadowed(tensor).wide
        return tensor

    def _shadowed(self, tensor: Array) -> _Shadow:
        self._guard(tensor)
        refuse_nested(tensor)
        wide = WIDE.get(tensor.dtype, tensor.dtype)
        key = _key(tensor)
        if tensor.layout is not torch.strided:
            copy = tensor.detach().to(wide)
        elif tensor.numel() > 0 and tensor.data_ptr() == 0:  # it has got the memory of a wide one
            raise NeedsFunctionsError("func assigns to the attribute data of a captured tensor")
        elif key in self._memories:
            copy = _viewed(self._memories[key], tensor)
        elif _is_small_part(tensor):
            key = (id(tensor), None)
            copy = tensor.detach().to(wide)
        else:
            flat = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
            flat = flat.set_(tensor.untyped_storage())
            flat = flat.to(wide, copy=True)
            self._memories[key] = flat
            self._natives[_address(flat)] = key
            copy = _viewed(flat, tensor)
        made = _Shadow(tensor, _version(tensor), copy, key)
        self._shadows[id(tensor)] = made
        return made

    def replace(self, tensor: Array, value: WideTensor) -> None:
        """Let `tensor` have the numbers of `value` for the rest of this evaluation."""
        if tensor.shape != value.shape:
            raise CannotWidenError("func assigns data of another shape to a captured tensor")
        key = (id(tensor), None)
        self._shadows[id(tensor)] = _Shadow(tensor, _version(tensor), value.wide, key)
        self._written.add(key)

    def write(self, tensor: Array, records: bool) -> None:
        """Make `tensor` one that can be written to: a wide one, or one with a shadow.

        Parameters
        ----------
        tensor : torch.Tensor
            What an operator is about to write to.
        records : bool
            Whether autograd is about to record the operator.
        """
        numbers = tensor.wide if type(tensor) is WideTensor else tensor
        if numbers.layout is not torch.strided:
            raise CannotWidenError("func writes to a sparse tensor")
        key = self._natives.get(_address(numbers))
        if key is None:
            if numbers is not tensor or self.is_own(tensor):
                return
            shadow = self._shadows.get(id(tensor))
            key = (shadow or self._shadowed(tensor)).key
            if key[1] is None and key not in self._written:
                raise CannotWidenError("func writes to a small part of a large captured tensor")
        if records:
            raise CannotWidenError(
                "func writes to a captured tensor, and autograd would record that in the tensor"
            )
        if key not in self._written:
            self._begin_writes(key)

    def _begin_writes(self, key: _Key) -> None:
        self._written.add(key)
        self._redirects = True
        for place, shadow in [*self._shadows.items()]:
            if shadow.key == key and shadow.version is not None:
                self._versions.append((shadow.tensor, shadow.version))
            elif shadow.key[1] is None and _key(shadow.tensor) == key:
                del self._shadows[place]  # copied alone, it would not see what is written

    def shadows(self) -> list[Array]:
        """Return the numbers of all captured tensors that this evaluation has read."""
        return [shadow.wide for shadow in self._shadows.values() if shadow.used]

    def is_shadow(self, wide: Array) -> bool:
        """Return whether the numbers `wide` are those of a captured tensor."""
        if wide.layout is not torch.strided:
            return True
        return _address(wide) in self._natives


def _address(tensor: Array) -> int:
    """Return what tells the memory of a tensor from that of all others."""
    address: int = tensor.untyped_storage()._cdata  # noqa: SLF001
    return address


def _key(tensor: Array) -> _Key:
    if tensor.layout is not torch.strided:
        return id(tensor), None
    return _address(tensor), tensor.dtype


def _version(tensor: Array) -> int | None:
    return None if tensor.is_inference() else int(tensor._version)  # noqa: SLF001


def _is_small_part(tensor: Array) -> bool:
    entries = tensor.untyped_storage().nbytes() // tensor.dtype.itemsize
    return bool(entries > _LARGE and tensor.numel() < _SMALL_PART * entries)


def _viewed(flat: Array, tensor: Array) -> Array:
    """Return the view of `flat` that `tensor` is of its own memory."""
    view = flat.as_strided(tensor.size(), tensor.stride(), tensor.storage_offset())
    view = view.conj() if tensor.is_conj() else view
    return torch._neg_view(view) if tensor.is_neg() else view  # noqa: SLF001
