"""Operators of PyTorch on wide tensors: each runs in float64, and its results claim native dtypes.

This module owns the mode that sees every operator of an evaluation, below autograd, autocast and
the transforms of ``torch.func``. All of these see native dtypes, since a `WideTensor` claims one.
It does not decide what is evaluated: `checkgrad.backends.torch_widening` does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from weakref import ref as _reference

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from checkgrad.backends.array_types import Array
from checkgrad.backends.torch_wide_arguments import (
    drops_out,
    is_narrow,
    pick,
    promoted,
    refuse_nested,
    refuse_unknown,
    requires_grad,
    written,
)
from checkgrad.backends.torch_wide_captured import CapturedTensors
from checkgrad.backends.torch_wide_operators import OperatorFacts, facts_of
from checkgrad.backends.torch_wide_special import SPECIAL, in_double
from checkgrad.backends.torch_wide_tensor import (
    FLOATING,
    WIDE,
    WideTensor,
    claimed_dtype,
    wrapped,
)
from checkgrad.backends.torch_wide_watch import Watch
from checkgrad.backends.widening import CannotWidenError

_TENSORS = (torch.Tensor, torch.nn.Parameter)
_NUMBERS = frozenset({int, float, bool, type(None), str, complex, torch.device, torch.layout})
_ARE_WIDE = (torch.float64, torch.complex128)
_FAILED = object()
_FACTS: dict[Any, OperatorFacts] = {}
_running: list[WideInterpreter] = []


class WideInterpreter(TorchDispatchMode):  # type: ignore[misc]
    """Run every operator in float64 while it is active.

    Parameters
    ----------
    captured : CapturedTensors
        The shadows of captured tensors.
    watch : Watch or None
        What looks at operators while they run.

    Attributes
    ----------
    islands : dict of str to int
        The operators that ran in the native dtype, and how often.
    escapes : bool
        Whether numbers left PyTorch, for code that nobody sees.
    made : list
        Weak references to all wide tensors.
    refusal : CannotWidenError or None
        The first one that was raised. The user's code may have caught it.
    """

    def __init__(self, captured: CapturedTensors, watch: Watch | None = None) -> None:
        super().__init__()
        self.captured = captured
        self.watch = watch
        self.islands: dict[str, int] = {}
        self.escapes = False
        self.made: list[Any] = []
        self.refusal: CannotWidenError | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # compiled functions run as they were written: there is nothing to skip

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        facts = _FACTS.get(func)
        if facts is None:
            facts = _FACTS[func] = facts_of(func)
        try:
            parts = None if self.watch is None else self.watch.parts_of(facts, func)
            if parts is not None:
                with self:
                    return parts(*args, **(kwargs or {}))
            special = SPECIAL.get(facts.name)
            if special is not None:
                return special(self, facts, func, args, kwargs or {})
            return self.run(facts, func, args, kwargs or {})
        except CannotWidenError as refusal:
            self.refusal = self.refusal or refusal
            raise

    def run(self, facts: OperatorFacts, func: Any, args: Any, kwargs: Any) -> Any:
        """Run an operator in float64, or in the native dtype where it must be."""
        self.escapes |= facts.name == "_local_scalar_dense" and args[0].is_floating_point()
        if facts.reshapes:
            return self._reshape_in_place(facts, func, args, kwargs)
        if facts.writes:
            self._prepare_writes(facts, args, kwargs)
        if facts.draws or facts.bitwise or (facts.dropout and drops_out(facts, func, args, kwargs)):
            if not facts.draws:
                self._count(facts)
            return self.run_natively(facts, func, args, kwargs)
        natives: list[Any] = []
        wide = [self._widened(value, natives) for value in args]
        wide_kwargs = kwargs and {k: self._widened(v, natives) for k, v in kwargs.items()}
        if self.watch is not None:
            wide = self.watch.before(facts, wide, natives)
        result = _tried(func, wide, wide_kwargs)
        if result is _FAILED:
            result = self.run_natively(facts, func, args, kwargs)
            self._count(facts)
            return result
        if facts.returned is not None:
            self._watch_writes(facts, args, kwargs, natives)
            return pick(facts.returned, args, kwargs)
        if facts.writes:
            self._watch_writes(facts, args, kwargs, natives)
        elif not natives and is_narrow(result):  # of integers, in the default dtype
            result = in_double(func, wide, wide_kwargs)
        return self._claimed(facts, result, promoted(facts, natives), natives)

    def run_natively(self, facts: OperatorFacts, func: Any, args: Any, kwargs: Any) -> Any:
        """Run an operator in the native dtype, on rounded operands; widen what it returns."""
        natives: list[Any] = []
        pairs: list[tuple[Any, Array]] = []
        native = [self._narrowed(value, pairs, natives) for value in args]
        native_kwargs = {k: self._narrowed(v, pairs, natives) for k, v in kwargs.items()}
        result = func(*native, **native_kwargs)
        for target in written(facts, args, kwargs):
            for original, rounded in pairs:
                if original is target:
                    self.numbers(original).copy_(rounded)
        if facts.returned is not None:
            return pick(facts.returned, args, kwargs)
        return self._claimed(facts, result, None, natives)

    def new(self, wide: Array, native: Any) -> Array:
        """Return the numbers `wide` as a tensor of the dtype `native`."""
        if native in _ARE_WIDE:
            self.captured.allocated(wide)
            return wide
        tensor = wrapped(wide, native)
        self.made.append(_reference(tensor))
        return tensor

    def input(self, wide: Array, native: Any) -> WideTensor:
        """Return an input of func: a leaf of the dtype `native`, which records if `wide` does."""
        tensor = wrapped(wide.detach(), native, wide.requires_grad)
        self.made.append(_reference(tensor))
        return tensor

    def numbers(self, value: Array) -> Array:
        """Return the numbers of a tensor of the user's function, in float64 if it is floating."""
        return value.wide if type(value) is WideTensor else self.captured.read(value)

    def _count(self, facts: OperatorFacts) -> None:
        self.islands[facts.name] = self.islands.get(facts.name, 0) + 1

    def _widened(self, value: Any, natives: list[Any]) -> Any:
        kind = type(value)
        if kind is WideTensor:
            natives.append(value)
            return value.wide
        if kind in _NUMBERS:
            return value
        if kind in _TENSORS:
            wide = self.captured.read(value)
            if value.dtype in FLOATING:
                natives.append(value)
            return wide
        if kind is torch.dtype:
            if value in FLOATING:
                natives.append(value)
            return WIDE.get(value, value)
        if kind is list or kind is tuple:
            return kind([self._widened(each, natives) for each in value])
        if isinstance(value, torch.Tensor):
            refuse_unknown(value)
        return value

    def _narrowed(self, value: Any, pairs: list[tuple[Any, Array]], natives: list[Any]) -> Any:
        kind = type(value)
        if kind is list or kind is tuple:
            return kind([self._narrowed(each, pairs, natives) for each in value])
        if not isinstance(value, torch.Tensor):
            return value
        if kind is not WideTensor and kind not in _TENSORS:
            refuse_unknown(value)
        numbers = self.numbers(value)
        if value.dtype in FLOATING:
            natives.append(value)
        rounded = numbers.to(value.dtype)
        pairs.append((value, rounded))
        return rounded

    def _prepare_writes(self, facts: OperatorFacts, args: Any, kwargs: Any) -> None:
        # Autograd records into what an operator writes to and returns.
        records = facts.returned is not None and torch.is_grad_enabled()
        records = records and any(map(requires_grad, (*args, *kwargs.values())))
        for target in written(facts, args, kwargs):
            self.captured.write(target, records)

    def _reshape_in_place(self, facts: OperatorFacts, func: Any, args: Any, kwargs: Any) -> Any:
        target = args[0]
        if self.captured.is_own(target) and facts.is_reshaping_view:
            return func(*args, **kwargs)
        if type(target) is not WideTensor or not facts.is_reshaping_view:
            raise CannotWidenError(f"func changes a tensor's shape or memory ({facts.name})")
        moved = target.wide.detach()
        func(moved, *args[1:], **kwargs)
        with torch._C._DisableTorchDispatch():  # noqa: SLF001
            func(target, *args[1:], **kwargs)
        target.wide = moved
        return target

    def _watch_writes(
        self, facts: OperatorFacts, args: Any, kwargs: Any, natives: list[Any]
    ) -> None:
        for target in written(facts, args, kwargs):
            if self.watch is not None and target.dtype in FLOATING:
                numbers = self.numbers(target)
                after = self.watch.after(facts, numbers, target.dtype, natives)
                if after is not numbers:
                    numbers.copy_(after)
            if type(target) is WideTensor and target.shape != target.wide.shape:
                raise CannotWidenError(f"{facts.name} changes the shape of its output tensor")

    def _claimed(self, facts: OperatorFacts, result: Any, native: Any, natives: list[Any]) -> Any:
        kind = type(result)
        if kind is torch.Tensor:
            dtype = result.dtype
            if dtype in _ARE_WIDE:
                native = claimed_dtype(native or torch.get_default_dtype(), dtype)
            elif dtype in WIDE:
                native, result = dtype, result.to(WIDE[dtype])
            else:
                if not facts.is_view and not facts.name.startswith("lift_fresh"):
                    self.captured.allocated(result)
                return result
            refuse_nested(result)
            if result.layout is not torch.strided:  # no strided tensor can stand for a sparse one
                return result
            if self.watch is not None:
                result = self.watch.after(facts, result, native, natives)
            if native in _ARE_WIDE:
                if not facts.is_view:
                    self.captured.allocated(result)
                return result
            tensor = wrapped(result, native)
            self.made.append(_reference(tensor))
            return tensor
        if kind is tuple or kind is list:
            return kind([self._claimed(facts, each, native, natives) for each in result])
        return result


@contextlib.contextmanager
def evaluating(interpreter: WideInterpreter) -> Iterator[None]:
    """Let `interpreter` run all operators; in threads that func starts, those on wide tensors."""
    _running.append(interpreter)
    try:
        with interpreter:
            yield
    finally:
        _running.pop()


def running() -> WideInterpreter:
    """Return the interpreter of the evaluation that is under way."""
    if not _running:
        raise CannotWidenError("func keeps a tensor, and uses it in a later evaluation")
    return _running[-1]


def _tried(func: Any, args: Any, kwargs: Any) -> Any:
    """Return what an operator returns in float64, or `_FAILED`.

    There may be no kernel for float64. If there is another reason, the operator will raise in the
    native dtype too, with the message that the user knows.
    """
    try:
        return func(*args, **kwargs)
    except (torch.linalg.LinAlgError, CannotWidenError):
        raise
    except Exception:
        return _FAILED
