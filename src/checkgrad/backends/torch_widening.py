"""PyTorch functions in float64: each operator is widened as the function calls it.

This module owns what surrounds an evaluation: inputs become wide tensors, settings that choose
kernels are changed and put back, and nothing wide is left behind. What operators do is in
`checkgrad.backends.torch_wide_dispatch`.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from operator import is_
from typing import Any

import torch

from checkgrad.backends.array_types import Array
from checkgrad.backends.torch_wide_arguments import refuse_unknown
from checkgrad.backends.torch_wide_captured import CapturedTensors
from checkgrad.backends.torch_wide_dispatch import WideInterpreter, evaluating
from checkgrad.backends.torch_wide_functions import MemoryFunctions
from checkgrad.backends.torch_wide_state import KeptState
from checkgrad.backends.torch_wide_tensor import FLOATING, WIDE, NeedsFunctionsError, WideTensor
from checkgrad.backends.torch_wide_watch import Observer, Perturber, Watch
from checkgrad.backends.trees import flatten_tree
from checkgrad.backends.widening import (
    CannotWidenError,
    NativeDtypes,
    Observation,
    WideFunction,
    Widening,
)

# Settings and objects of the user's function belong to the whole process.
_ONE_AT_A_TIME = threading.RLock()
# What PyTorch says where code outside of it, or set_data, reaches for the memory of a tensor.
_NEEDS_MEMORY = ("data is not allocated yet", "incompatible tensor type")


class TorchWidening(Widening):
    """Widen what operators meet while a function runs, below autograd and ``torch.func``.

    All functions of one widening have the shadows of captured tensors in common: ``func``, alone
    and mapped, and its claim mostly capture the same data.
    """

    sees_inside = True

    def __init__(self) -> None:
        self._captured = CapturedTensors()

    def widened(self, function: Callable[..., Any], natives: NativeDtypes) -> WideFunction:
        """See `Widening.widened`."""
        return _WideTorchFunction(function, [tuple(each) for each in natives], self._captured)


class _WideTorchFunction(WideFunction):
    def __init__(
        self,
        function: Callable[..., Any],
        natives: Sequence[tuple[Any, ...]],
        captured: CapturedTensors,
    ) -> None:
        self._function = function
        self._natives = natives
        self._captured = captured
        self._state: KeptState | None = None
        self._calls = 0
        self._watches_functions = False

    def __reduce__(self) -> Any:  # shadows and objects of this process stay here
        return _WideTorchFunction, (self._function, self._natives, CapturedTensors())

    def __call__(self, *args: Any) -> Any:
        return self._evaluated(args)[0]

    def observed(self, *args: Any) -> tuple[Any, Observation]:
        value, interpreter, observer = self._observed(args, magnitudes=False)
        return value, Observation(
            observer.epsilon,
            interpreter.islands,
            observer.casts,
            interpreter.escapes,
            observer.made_bytes,
        )

    def largest(self, *args: Any) -> float:
        return self._observed(args, magnitudes=True)[2].largest

    def _observed(self, args: Any, magnitudes: bool) -> tuple[Any, WideInterpreter, Observer]:
        observer = Observer([dtype for each in self._natives for dtype in each], magnitudes)
        for arg in args:
            for leaf in flatten_tree(arg)[0]:
                if isinstance(leaf, torch.Tensor) and leaf.dtype in FLOATING:
                    observer.note(leaf)
        value, interpreter = self._evaluated(args, observer)
        for captured in self._captured.shadows():
            observer.note(captured)
        return value, interpreter, observer

    def release(self) -> None:
        self._captured.forget()

    def perturbed(self, seed: int, *args: Any) -> Any:
        return self._evaluated(args, Perturber(seed))[0]

    def _evaluated(self, args: Any, watch: Watch | None = None) -> tuple[Any, WideInterpreter]:
        with _ONE_AT_A_TIME:
            random_state = torch.get_rng_state()
            try:
                value, interpreter = self._evaluated_once(args, watch)
            except NeedsFunctionsError:
                if self._watches_functions:
                    raise
                self._watches_functions = True
                torch.set_rng_state(random_state)
                value, interpreter = self._evaluated_once(args, watch)
            self._calls += 1
            if self._calls & (self._calls - 1) == 0:  # at calls 1, 2, 4, 8 and so on
                _refuse_kept(interpreter)
            return value, interpreter

    def _evaluated_once(self, args: Any, watch: Watch | None) -> tuple[Any, WideInterpreter]:
        interpreter = WideInterpreter(self._captured, watch)
        with self._unchanged_state(), _settings(), self._captured.evaluation():
            return self._run(interpreter, args), interpreter

    def _run(self, interpreter: WideInterpreter, args: Any) -> Any:
        wide = [
            _wrapped_tree(interpreter, arg, natives)
            for arg, natives in zip(args, self._natives, strict=True)
        ]
        functions = (
            MemoryFunctions(interpreter) if self._watches_functions else contextlib.nullcontext()
        )
        try:
            with evaluating(interpreter), functions:
                value = self._function(*wide)
        except Exception as error:
            if interpreter.refusal is None and any(part in str(error) for part in _NEEDS_MEMORY):
                reason = str(error).splitlines()[0]
                raise NeedsFunctionsError(f"func reaches for memory: {reason}") from error
            raise
        if interpreter.refusal is not None:  # the user's code has caught it
            raise interpreter.refusal
        return _unwrapped_tree(self._captured, value)

    @contextlib.contextmanager
    def _unchanged_state(self) -> Iterator[None]:
        if self._state is None:
            self._state = KeptState(self._function)
        put_back = self._state.remember()
        try:
            yield
        finally:
            put_back()


@contextlib.contextmanager
def _settings() -> Iterator[None]:
    """Choose kernels that have float64, and run compiled functions as they were written."""
    mkldnn = torch._C._get_mkldnn_enabled()  # noqa: SLF001
    fast_path = torch.backends.mha.get_fastpath_enabled()
    flash = torch.backends.cuda.flash_sdp_enabled()
    efficient = torch.backends.cuda.mem_efficient_sdp_enabled()
    on_cuda = torch.cuda.is_available()
    with contextlib.ExitStack() as stack:
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            torch._C._set_mkldnn_enabled(False)  # noqa: SLF001
            torch.backends.mha.set_fastpath_enabled(False)
            if on_cuda:
                torch.backends.cuda.enable_flash_sdp(False)
                torch.backends.cuda.enable_mem_efficient_sdp(False)
            torch.clear_autocast_cache()
            yield
        finally:
            torch.clear_autocast_cache()
            torch._C._set_mkldnn_enabled(mkldnn)  # noqa: SLF001
            torch.backends.mha.set_fastpath_enabled(fast_path)
            if on_cuda:
                torch.backends.cuda.enable_flash_sdp(flash)
                torch.backends.cuda.enable_mem_efficient_sdp(efficient)


def _wrapped_tree(interpreter: WideInterpreter, tree: Any, natives: tuple[Any, ...]) -> Any:
    """Return `tree` with wide tensors that claim `natives` in the place of plain ones."""
    left = iter(natives)

    def made(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor) or leaf.dtype not in FLOATING:
            return leaf
        if type(leaf) not in (torch.Tensor, torch.nn.Parameter):
            refuse_unknown(leaf)
        native = next(left, None)
        if native is None:
            raise CannotWidenError("x0 holds constants of float64")
        return leaf if native not in WIDE else interpreter.input(leaf, native)

    return _mapped_tree(made, tree)


def _unwrapped_tree(captured: CapturedTensors, tree: Any) -> Any:
    """Return `tree` with plain tensors in float64 in the place of wide ones."""
    return _mapped_tree(lambda leaf: _unwrapped(captured, leaf), tree)


def _mapped_tree(change: Callable[[Any], Any], tree: Any) -> Any:
    """Return `tree` with changed leaves."""
    if isinstance(tree, torch.Tensor):
        return change(tree)
    leaves, structure = flatten_tree(tree)
    changed = [change(leaf) for leaf in leaves]
    same = all(map(is_, leaves, changed))
    return tree if same else structure.unflatten(changed)


def _unwrapped(captured: CapturedTensors, leaf: Any) -> Any:
    if not isinstance(leaf, torch.Tensor):
        return leaf
    wide: Array = leaf.wide if type(leaf) is WideTensor else captured.read(leaf).detach()
    return wide.clone() if captured.is_shadow(wide) else wide


def _refuse_kept(interpreter: WideInterpreter) -> None:
    """Raise if somebody still has a wide tensor of an evaluation that is over."""
    if any(each() is not None for each in interpreter.made):
        gc.collect()
    kept = [each() for each in interpreter.made]
    shapes = sorted({str(tuple(each.shape)) for each in kept if each is not None})
    if shapes:
        raise CannotWidenError(
            f"func keeps tensors where they cannot be found (of shape {', '.join(shapes)})"
        )
