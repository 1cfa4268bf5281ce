"""What an array library's own differentiation must offer: the class `Differentiation`.

`checkgrad.verify_autodiff` judges it. Nothing else in checkgrad differentiates anything.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

from checkgrad.backends.array_types import Array

ListFunction: TypeAlias = Callable[[list[Array]], list[Array]]


class NotRecordedError(Exception):
    """A function raised before there was anything to differentiate."""


class Differentiation(ABC):
    """The library's derivatives of a function that takes and returns a list of arrays.

    Attributes
    ----------
    nests : tuple of {"rev", "fwd"}
        The modes whose derivatives the library can differentiate again.
    maps_gradients : bool
        Whether the backend's `mapped` takes functions that differentiate.
    max_order : int
        Up to which order derivatives can be checked.
    rules_may_write : bool
        Whether arrays can be written to. Then `pullback` takes another argument, `written`: a list
        to which it appends the names of what the backward pass changed.
    """

    nests: tuple[str, ...]
    maps_gradients: bool
    max_order: int = 2
    rules_may_write: bool = False

    @abstractmethod
    def pullback(
        self,
        func: ListFunction,
        primals: list[Array],
        weights: list[Array],
        again: bool = False,
        between: Callable[[], None] | None = None,
        only: int | None = None,
    ) -> list[Array]:
        """Return the gradient of the sum of ``func(primals)`` times `weights`, in reverse mode.

        Parameters
        ----------
        func : callable
            The function.
        primals : list of array
            Where to differentiate.
        weights : list of array
            The cotangent: one array like each value of `func`.
        again : bool
            Whether the gradient itself can be differentiated.
        between : callable, optional
            Called after the forward pass and before the backward pass.
        only : int, optional
            The one of the `primals` to differentiate by. The gradient by all others is 0, and they
            are constants to `func`.

        Raises
        ------
        NotRecordedError
            If `func` raises where only one of the `primals` is differentiated: that says nothing
            of a rule.
        """

    @abstractmethod
    def recorded(self, func: ListFunction, primals: list[Array], forward: bool) -> list[Array]:
        """Return ``func(primals)`` as computed while it is differentiated.

        The mode is forward mode if `forward`, and otherwise reverse mode.
        """

    @abstractmethod
    def pushforward(
        self, func: ListFunction, primals: list[Array], tangents: list[Array]
    ) -> list[Array]:
        """Return the derivative of `func` along `tangents`, in forward mode."""

    @abstractmethod
    def pullback_of_many(
        self, func: ListFunction, primals: list[Array], weights: list[Array]
    ) -> list[Array]:
        """Return the `pullback`, mapped over a leading axis of all arrays."""

    @abstractmethod
    def pushforward_of_many(
        self, func: ListFunction, primals: list[Array], tangents: list[Array]
    ) -> list[Array]:
        """Return the `pushforward`, mapped over a leading axis of all arrays."""

    @abstractmethod
    def values_of_many(self, func: ListFunction, primals: list[Array]) -> list[Array]:
        """Return the values of `func`, mapped over a leading axis of all arrays."""

    def constant_values(self, func: ListFunction, primals: list[Array]) -> list[bool]:
        """Return which values of `func` the library takes for constants; none if it takes all.

        The user may have marked a value as not differentiable.
        """
        return [False] * len(func(primals))

    def with_gaps(self, array: Array) -> Array | None:
        """Return a copy of an array that is not contiguous in memory; None where there is none."""
        del array
        return None

    def differentiating(self) -> AbstractContextManager[None]:
        """Return a context in which functions can be differentiated.

        It lifts what the user has switched off.
        """
        return nullcontext()

    @property
    def linearization(self) -> Differentiation | None:
        """The same, where forward mode linearizes first; None where that cannot be done."""
        return None

    @abstractmethod
    def lacks_rule(self, error: Exception) -> bool:
        """Return whether an exception says that a function has no rule for a mode."""
