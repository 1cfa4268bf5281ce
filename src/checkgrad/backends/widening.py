"""Functions evaluated with every narrower float widened to float64: what a library must offer.

A *wide* array is a plain array of float64 or complex128. It stands for a *native* one, an array of
the dtype that the user's code computes in. This module owns the interface, and the widening that
needs nothing of a library: calling the function with float64. It judges nothing.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# What a RuntimeError says where there is no memory: in XLA, and in PyTorch on the host.
_NO_MEMORY = ("RESOURCE_EXHAUSTED", "can't allocate memory")

NativeDtypes: TypeAlias = Sequence[Sequence[Any]]


class CannotWidenError(Exception):
    """A function cannot be evaluated in float64; the message says why."""


def is_out_of_memory(error: Exception) -> bool:
    """Return whether the host or a device has no memory left.

    Each library has exceptions of its own: a MemoryError in CuPy, an OutOfMemoryError or, on the
    host, a RuntimeError in PyTorch, and a RuntimeError of XLA in JAX.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(said in str(error) for said in _NO_MEMORY)


@dataclass(frozen=True)
class Observation:
    """What one widened evaluation met inside a function.

    Attributes
    ----------
    epsilon : float
        The machine epsilon of the coarsest native dtype that is computed in, or that an input has.
        A constant of a coarser dtype does not count.
    islands : mapping of str to int
        The operations that ran in the native dtype, on rounded operands, and how often.
    casts : tuple of str
        The dtypes, narrower than all inputs, that a cast inside goes through.
    escapes : bool
        Whether numbers leave the library, for code that may round them and that nobody sees.
    made_bytes : int
        The bytes of the largest array that the function makes, in its native dtype; 0 if unknown.
    """

    epsilon: float
    islands: Mapping[str, int] = field(default_factory=dict)
    casts: tuple[str, ...] = ()
    escapes: bool = False
    made_bytes: int = 0

    @property
    def may_round(self) -> bool:
        """Whether it may round to a narrower dtype all the same, where float64 does not help."""
        return bool(self.islands) or self.escapes


class WideFunction(ABC):
    """A function of wide arrays, made from one of native arrays.

    Whatever the native function returns, this returns in the same structure, with wide arrays in
    the place of native ones. Arrays that are not floating are the same in both.
    """

    @abstractmethod
    def __call__(self, *args: Any) -> Any:
        """Evaluate the function at wide arrays.

        Raises
        ------
        CannotWidenError
            If that is not possible. An exception of the user's code passes.
        """

    @abstractmethod
    def observed(self, *args: Any) -> tuple[Any, Observation]:
        """Evaluate the function, and return what was met inside as well."""

    def coarsest_epsilon(self, *args: Any) -> float:
        """Return the `epsilon` of the `Observation`, by the cheapest way to find it."""
        return self.observed(*args)[1].epsilon

    def largest(self, *args: Any) -> float:
        """Return the largest finite magnitude of any floating number inside; NaN if unknown.

        That is of inputs, captured arrays and the result of every operation.
        """
        del args
        return math.nan

    @abstractmethod
    def perturbed(self, seed: int, *args: Any) -> Any:
        """Evaluate the function by Monte Carlo arithmetic [1]_.

        The result of every operation that rounds gets a random relative error of up to half a unit
        in the last place of its native dtype.

        Parameters
        ----------
        seed : int
            What the errors depend on.
        *args : Any
            As in a call.

        Raises
        ------
        CannotWidenError
            If the library offers no way to do so.

        References
        ----------
        .. [1] Parker, D. S., "Monte Carlo arithmetic: exploiting randomness in floating-point
           arithmetic", technical report CSD-970002, UCLA, 1997.
        """

    def release(self) -> None:  # noqa: B027 (most keep nothing)
        """Give back the memory that is kept from one evaluation to the next."""


class Widening(ABC):
    """One way to evaluate the functions of a library in float64.

    Attributes
    ----------
    sees_inside : bool
        Whether narrower floats inside of a function of float64 are widened too. A function that is
        not seen inside is trusted less easily. So this is False unless a subclass says otherwise.
    """

    sees_inside: bool = False

    @abstractmethod
    def widened(self, function: Callable[..., Any], natives: NativeDtypes) -> WideFunction:
        """Return `function` as a function of wide arrays. Nothing is evaluated yet.

        Parameters
        ----------
        function : callable
            Takes trees of native arrays, one for each argument. It may map the user's function
            over a leading axis.
        natives : sequence of sequence of dtype
            For each argument, the native dtypes of its floating leaves, in the order of the tree.
        """

    def for_workers(self, function: Callable[..., Any]) -> Callable[..., Any] | None:
        """Return what workers call with wide arrays; None where only this process can do it.

        Another process gets the returned function by pickle.
        """
        del function
        return None


class PassedFloat64(Widening):
    """The function is called with the wide arrays themselves.

    A library whose functions need something around the call overrides `called`.

    Parameters
    ----------
    epsilon : callable
        Return the machine epsilon of a native dtype.
    """

    def __init__(self, epsilon: Callable[[Any], float]) -> None:
        self._epsilon = epsilon

    def widened(self, function: Callable[..., Any], natives: NativeDtypes) -> WideFunction:
        """See `Widening.widened`."""
        coarsest = max(self._epsilon(dtype) for each in natives for dtype in each)
        return _CalledWithFloat64(self.called(function), coarsest)

    def for_workers(self, function: Callable[..., Any]) -> Callable[..., Any] | None:
        """See `Widening.for_workers`."""
        return self.called(function)

    def called(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return what is called with wide arrays, here or by workers: the function itself.

        It can be pickled if the function can. In this process it may be one of ours that holds the
        user's function and its further arguments. Workers get the user's own, and the arguments as
        they are. So an override that changes what a function holds leaves those arguments alone.
        """
        return function


class _CalledWithFloat64(WideFunction):
    def __init__(self, function: Callable[..., Any], epsilon: float) -> None:
        self._function = function
        self._epsilon = epsilon

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)

    def observed(self, *args: Any) -> tuple[Any, Observation]:
        return self._function(*args), Observation(self._epsilon)

    def perturbed(self, seed: int, *args: Any) -> Any:
        del seed, args
        raise CannotWidenError("its operations cannot be seen from outside")
