"""`WideTensor`: a tensor that claims its native dtype and holds its numbers in float64.

This module owns the tensor, the dtypes that it can claim, and what its methods give to code
outside of PyTorch. It runs no operator: `checkgrad.backends.torch_wide_dispatch` does.
"""

from __future__ import annotations

from typing import Any

import torch

from checkgrad.backends.array_types import Array
from checkgrad.backends.widening import CannotWidenError

_REAL_NARROW = [torch.float32, torch.bfloat16, torch.float16] + [
    dtype for name, dtype in vars(torch).items() if name.startswith("float8_")
]
# The wide dtype of every narrower one.
WIDE: dict[Any, Any] = dict.fromkeys(_REAL_NARROW, torch.float64)
WIDE |= dict.fromkeys((torch.complex64, torch.complex32), torch.complex128)
FLOATING = frozenset((*WIDE, torch.float64, torch.complex128))

_COMPLEX_OF = {torch.float64: torch.complex128, torch.float16: torch.complex32}
_REAL_OF = {
    torch.complex32: torch.float16,
    torch.complex64: torch.float32,
    torch.complex128: torch.float64,
}


def claimed_dtype(native: Any, wide: Any) -> Any:
    """Return `native`, made real or complex as the dtype `wide` of the numbers is."""
    if wide is torch.float64:
        return _REAL_OF.get(native, native)
    return native if native in _REAL_OF else _COMPLEX_OF.get(native, torch.complex64)


class NeedsFunctionsError(CannotWidenError):
    """Something reaches for the memory of a wide tensor, above all operators."""


class WideTensor(torch.Tensor):  # type: ignore[misc]
    """A tensor of a native dtype, as everybody sees it, whose numbers are in float64.

    Attributes
    ----------
    wide : torch.Tensor
        The numbers: a plain tensor of float64 or complex128, without a record.
    """

    # What the methods of torch.Tensor do is decided operator by operator, further down.
    __torch_function__ = torch._C._disabled_torch_function_impl  # noqa: SLF001
    wide: Array

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator where no mode is active: in a thread of func's own, or in `repr`."""
        from checkgrad.backends.torch_wide_dispatch import running

        return running().__torch_dispatch__(func, types, args, kwargs)

    @property
    def data(self) -> Array:
        """The same numbers, without a record."""
        return torch.Tensor.data.__get__(self)

    @data.setter
    def data(self, value: Array) -> None:
        if type(value) is not WideTensor or value.shape != self.shape:
            raise CannotWidenError("func assigns other data to a tensor")
        self.wide = value.wide

    def numpy(self, *, force: bool = False) -> Any:
        """Return the numbers in float64 or complex128; they share their memory, as always."""
        if self.requires_grad and torch.is_grad_enabled() and not force:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. "
                "Use tensor.detach().numpy() instead."
            )
        self._escape()
        return self.wide.numpy(force=force)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        numbers = self.numpy()
        numbers = numbers if dtype is None else numbers.astype(dtype, copy=False)
        return numbers.copy() if copy else numbers

    def tolist(self) -> Any:
        """Return the numbers as Python numbers."""
        self._escape()
        return self.wide.tolist()

    def _escape(self) -> None:
        from checkgrad.backends.torch_wide_dispatch import running

        running().escapes = True

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.dim() == 0 else object.__format__(self, spec)

    def __deepcopy__(self, memo: Any) -> Any:
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user support deepcopy")
        memo[id(self)] = copied = self.detach().clone().requires_grad_(self.requires_grad)
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise CannotWidenError("func serialises a tensor")

    def data_ptr(self) -> int:
        """Raise: there is no memory in the native dtype."""
        raise CannotWidenError("func takes the address of a tensor's memory (data_ptr)")

    def untyped_storage(self) -> Any:
        """Raise: there is no memory in the native dtype."""
        raise CannotWidenError("func takes the memory of a tensor (untyped_storage)")

    storage = untyped_storage

    def __dlpack__(self, **options: Any) -> Any:
        raise CannotWidenError("func hands a tensor to another library (DLPack)")


_make = torch.Tensor._make_wrapper_subclass  # noqa: SLF001


def wrapped(wide: Array, native: Any, requires_grad: bool = False) -> WideTensor:
    """Return the numbers `wide` as a tensor that claims the dtype `native`."""
    tensor: WideTensor = _make(
        WideTensor,
        wide.size(),
        strides=wide.stride(),
        storage_offset=wide.storage_offset(),
        dtype=native,
        device=wide.device,
        requires_grad=requires_grad,
    )
    tensor.wide = wide
    if wide.is_conj():  # the conjugation has been put off; operators that do not know it resolve it
        torch._C._set_conj(tensor, True)  # noqa: SLF001
    if wide.is_neg():
        torch._C._set_neg(tensor, True)  # noqa: SLF001
    return tensor
