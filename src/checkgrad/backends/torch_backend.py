"""PyTorch: mutable arrays with a record for differentiation, on any device."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import array_api_compat
import numpy as np
import torch
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

from checkgrad.backends.blocks import filled
from checkgrad.backends.eager import Eager
from checkgrad.backends.protocol import Array, Entries, HostArray, Lists
from checkgrad.backends.seeds import draw_seed

# What PyTorch says, in several classes of errors, of an operator or a Function without a rule.
_NO_RULE = (
    "forward AD",
    "forward mode AD",
    "Jacobian-vector product",
    "jvp",
    "setup_context",
    "vmap",
    "once_differentiable",
    "is not implemented",
    "ZeroTensors",
)
_ERROR = "torch::autograd::Error"  # the node in whose place there is none
_MANY = 2**14  # random numbers that are not normal ones on the CPU
_LARGE = 2**22  # bytes from which on NumPy asks for huge pages
_DEVIATION = math.sqrt((2**32 - 1) / 12)  # the standard one of 2**16 equally spaced numbers


def make(array: Array) -> TorchBackend:
    """The backend of `array`."""
    return TorchBackend(array_api_compat.array_namespace(array))


class _Largest(TorchDispatchMode):  # type: ignore[misc]
    """Notes how large the tensors are that are made, views of others left out."""

    def __init__(self) -> None:
        super().__init__()
        self.largest: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, (tuple, list)) else (found,):
            if isinstance(tensor, torch.Tensor) and not func.is_view:
                self.largest = max(self.largest, tensor.numel() * tensor.element_size())
        return found


class TorchBackend(Eager):
    """See `checkgrad.backends.protocol.Backend`."""

    name = "torch"
    differentiates = True
    nests = ("rev",)
    maps = True
    bitcasts = (32, 64)
    convention = "torch"

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def asarray(self, value: Any, like: Array | None = None) -> Array:
        from checkgrad.backends import dense, portable

        if array_api_compat.is_torch_array(value):
            return dense(value.detach())

        # torch.tensor copies: torch.from_numpy would share memory, and warn of read-only arrays.
        return torch.tensor(portable(value), device=None if like is None else like.device)

    def gather_detached(self, array: Array) -> Array:
        return array.detach()

    def copy(self, array: Array) -> Array:
        return _empty(tuple(array.shape), array).copy_(array.detach())

    def recording(self, array: Array, original: Array) -> Array:
        return array.requires_grad_(original.requires_grad)

    def complexed(self, pairs: Array) -> Array:
        return torch.view_as_complex(pairs.contiguous())

    def joined(self, blocks: Iterator[Array], shape: tuple[int, ...], like: Array) -> Array:
        return filled(blocks, lambda dtype: _empty(shape, like, dtype))

    def bitcast(self, array: Array, dtype: Any) -> Array:
        return array.view(dtype)

    def perturbed_copies(
        self, array: Array, entries: Entries, values: Array, first: int = 0
    ) -> Iterator[Array]:
        each = values[first : first + len(entries)].unbind()
        for entry, value in zip(entries.tolist(), each, strict=True):
            copy = self.copy(array)
            copy.view(-1)[entry] = value
            yield copy

    def perturbed_batch(
        self, array: Array, entries: Entries, values: Array
    ) -> tuple[Array, Array, Array]:
        count = len(entries)
        together = _empty((count + 3, *array.shape), array).copy_(array.detach())
        flat = together.view(count + 3, -1)
        columns = torch.as_tensor(entries, device=array.device)
        rows = torch.arange(1, count + 1, device=array.device)
        flat[rows[:, None], columns.view(count, -1)] = values.view(count, -1)
        flat[-2, columns] = values
        flat[-1, columns[::2]] = values[::2]
        return together, together[-2].clone(), together[-1].clone()

    def on_host(self, array: Array) -> bool:
        return bool(array.is_cpu)

    def footprint(self, func: Callable[[Array], Any], array: Array) -> int:
        noted = _Largest()
        try:
            with noted:
                func(self.copy(array))
        except Exception:
            return 0
        return noted.largest

    def mapped(self, func: Callable[[Array], Any]) -> Callable[[Array], Any]:
        over: Callable[[Array], Any] = torch.func.vmap(func)
        return over

    def random_tangent(self, rng: Any, like: Array) -> Array:
        if not self.on_host(like) or like.numel() < _MANY:
            return torch.randn(
                like.shape, dtype=like.dtype, device=like.device, generator=_generator(rng, like)
            )
        # Here, normal numbers are made one after the other, and take longer than all else that a
        # check does with a large array. Uniform ones, four from one draw, serve as well.
        numbers = _random_integers(rng, like, torch.int16).to(torch.float32)
        return numbers.add_(0.5).div_(_DEVIATION).to(like.dtype)

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
        array = array.detach().cpu().resolve_conj().resolve_neg()
        wide = torch.complex128 if array.is_complex() else torch.float64
        return np.array(array.to(wide).numpy())  # a copy: .to() shares memory where it can

    def pullback(
        self,
        func: Lists,
        primals: list[Array],
        weights: list[Array],
        again: bool = False,
        between: Callable[[], None] | None = None,
        only: int | None = None,
    ) -> list[Array]:
        if again:  # some say that they can be differentiated once only where this is asked for
            weights = [w if w.requires_grad else _recording(w) for w in weights]
        with torch.enable_grad():
            parts = [
                part if part.requires_grad or only not in (None, place) else _recording(part)
                for place, part in enumerate(primals)
            ]
            values = func(parts)
        if _stops(values):
            raise RuntimeError("a function marked with once_differentiable has no such rule")
        if between is not None:
            between()
        chosen = [part for place, part in enumerate(parts) if only in (None, place)]
        # An output without a weight takes no part: its cotangent is not defined.
        used = [
            (value, weight)
            for value, weight in zip(values, weights, strict=True)
            if value.requires_grad and bool(torch.any(weight != 0))
        ]
        found: Sequence[Array | None] = [None] * len(chosen)
        if used:
            outputs, cotangents = zip(*used, strict=True)
            found = torch.autograd.grad(
                outputs, chosen, cotangents, create_graph=again, allow_unused=True
            )
        gradients = iter(
            torch.zeros_like(part) if gradient is None else gradient
            for part, gradient in zip(chosen, found, strict=True)
        )
        return [
            next(gradients) if only in (None, place) else torch.zeros_like(part)
            for place, part in enumerate(parts)
        ]

    def recorded(self, func: Lists, primals: list[Array], forward: bool) -> list[Array]:
        if not forward:
            with torch.enable_grad():
                return [value.detach() for value in func([_recording(part) for part in primals])]
        return [value for value, _ in _pushed(func, primals, map(torch.zeros_like, primals))]

    def pushforward(self, func: Lists, primals: list[Array], tangents: list[Array]) -> list[Array]:
        return [change for _, change in _pushed(func, primals, tangents)]

    def pullback_of_many(
        self, func: Lists, primals: list[Array], weights: list[Array]
    ) -> list[Array]:
        def pulled(parts: list[Array], cotangents: list[Array]) -> list[Array]:
            _, pull = torch.func.vjp(lambda *each: tuple(func(list(each))), *parts)
            return list(pull(tuple(cotangents)))

        found: list[Array] = torch.func.vmap(pulled)(primals, weights)
        return found

    def pushforward_of_many(
        self, func: Lists, primals: list[Array], tangents: list[Array]
    ) -> list[Array]:
        _prepare_forward_mode()

        def pushed(parts: list[Array], changes: list[Array]) -> list[Array]:
            one = torch.func.jvp(
                lambda *each: tuple(func(list(each))), tuple(parts), tuple(changes)
            )
            return list(one[1])

        found: list[Array] = torch.func.vmap(pushed)(primals, tangents)
        return found

    def values_of_many(self, func: Lists, primals: list[Array]) -> list[Array]:
        found: list[Array] = torch.func.vmap(func)(primals)
        return found

    def differentiating(self) -> AbstractContextManager[None]:
        # In inference mode nothing is recorded, and all derivatives would be 0.
        mode: AbstractContextManager[None] = torch.inference_mode(False)
        return mode

    def lacks_rule(self, error: Exception) -> bool:
        return isinstance(error, RuntimeError) and any(part in str(error) for part in _NO_RULE)


@functools.cache
def _prepare_forward_mode() -> None:
    """Have PyTorch load what forward mode needs, of which it warns itself."""
    with warnings.catch_warnings(), forward_ad.dual_level():
        warnings.simplefilter("ignore")
        forward_ad.make_dual(torch.zeros(1), torch.zeros(1))


def _pushed(
    func: Lists, primals: list[Array], tangents: Iterable[Array]
) -> list[tuple[Array, Array]]:
    """What `func` returns in forward mode: each value, and its derivative along `tangents`."""
    _prepare_forward_mode()
    with forward_ad.dual_level():
        duals = [
            forward_ad.make_dual(part.detach(), tangent)
            for part, tangent in zip(primals, tangents, strict=True)
        ]
        found = [forward_ad.unpack_dual(value) for value in func(duals)]
        return [
            (
                value.detach(),
                torch.zeros_like(value) if change is None else change.detach(),
            )
            for value, change in found
        ]


def _stops(values: Sequence[Array]) -> bool:
    """Whether what was recorded cannot be differentiated somewhere, which PyTorch passes over."""
    left = [value.grad_fn for value in values if value.grad_fn is not None]
    seen = set(left)
    while left:
        node = left.pop()
        if node.name() == _ERROR:
            return True
        following = {each for each, _ in node.next_functions if each is not None} - seen
        seen |= following
        left += following
    return False


def _generator(rng: Any, like: Array) -> torch.Generator:
    return torch.Generator(device=like.device).manual_seed(draw_seed(rng))


def _random_integers(rng: Any, like: Array, dtype: torch.dtype) -> Array:
    """Random numbers of all that an integer `dtype` holds, of the shape and device of `like`.

    As many as fit it are made from one draw.
    """
    size, each = like.numel(), torch.int64.itemsize // dtype.itemsize
    draws = torch.empty(-(-size // each), dtype=torch.int64, device=like.device)
    draws.random_(-(2**63), None, generator=_generator(rng, like))
    return draws.view(dtype)[:size].view(like.shape)


def _recording(part: Array) -> Array:
    """A copy that requires a gradient; what forward mode knows of it is kept."""
    return part.clone().requires_grad_()


def _empty(shape: tuple[int, ...], like: Array, dtype: Any = None) -> Array:
    """A contiguous array of `shape`, on the device of `like` and of its dtype or `dtype`, unfilled.

    Large ones on the CPU in memory that NumPy allocates: on Linux it asks for huge pages, and
    touching the memory for the first time takes a fifth of the time that it takes in PyTorch's.
    """
    dtype = like.dtype if dtype is None else dtype
    size = math.prod(shape) * dtype.itemsize
    if not like.is_cpu or size < _LARGE:
        return torch.empty(shape, dtype=dtype, device=like.device)
    return torch.from_numpy(np.empty(size, np.uint8)).view(dtype).view(shape)
