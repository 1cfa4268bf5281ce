"""The types of what the doors take, for type checkers. Nothing here looks at a value.

A program that swaps arguments, misspells an option or passes a function of the wrong arity fails
mypy and pyright. `tests/typing` holds right and wrong programs. What a type cannot tell, the doors
check when they are called.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Concatenate, Literal, Protocol, TypeAlias, TypeVar

import numpy as np


class SizedArray(Protocol):
    """An array of NumPy, JAX or PyTorch. A NumPy scalar does not match: it has no length."""

    @property
    def shape(self) -> Any:
        """The shape."""

    def __len__(self) -> int: ...


class StandardArray(Protocol):
    """An array of the array API standard, which asks for no length."""

    @property
    def shape(self) -> Any:
        """The shape."""

    def __setitem__(self, key: Any, value: Any, /) -> None: ...


class DataclassTree(Protocol):
    """A dataclass. Whether it is registered as a tree, no type tells."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class FlattenedTree(Protocol):
    """A class that says itself how it is flattened, as `optree` and JAX ask for it."""

    def tree_flatten(self) -> Any:
        """Return the children, and what else describes the tree."""


class RealValue(Protocol):
    """A real number, or an array that holds one."""

    def __float__(self) -> float: ...


class ComplexValue(Protocol):
    """A complex number, or an array that holds one."""

    def __complex__(self) -> complex: ...


class ScipyBounds(Protocol):
    """What has the attributes of ``scipy.optimize.Bounds``."""

    lb: Any
    ub: Any


# Arrays and trees of arrays. A string is none, so that a misspelt word of an option is an error.
Tree: TypeAlias = (
    SizedArray
    | StandardArray
    | list[Any]
    | tuple[Any, ...]
    | deque[Any]
    | Mapping[Any, Any]
    | Sequence[complex]
    | DataclassTree
    | FlattenedTree
)

# `complex` stands for int and float too.
Number: TypeAlias = complex | np.generic
PointLike: TypeAlias = Number | Tree
# x0 and the claim are both numbers, or both trees: a func in the place of grad returns a number
# where x0 is a tree.
LikeX0 = TypeVar("LikeX0", Number, Tree)
# A tree that comes back as it is: in the type of x0.
SomeTree = TypeVar("SomeTree", bound=Tree)

Returned = TypeVar("Returned")
# They take x, and further arguments. The second form says no more than the first one: where there
# are two, mypy infers the type of a lambda from its body alone, and fails to from "...".
Function: TypeAlias = Callable[Concatenate[Any, ...], Returned] | Callable[[Any], Returned]
# They take x, a tangent or a cotangent, and further arguments.
Product: TypeAlias = Callable[Concatenate[Any, Any, ...], Any] | Callable[[Any, Any], Any]
# What a func returns whose gradient is checked. With grad=True, it is a pair.
ValueOfFunc: TypeAlias = RealValue | ComplexValue | tuple[Any, Any]

Direction: TypeAlias = (
    Literal["auto", "all", "random"] | int | np.integer[Any] | Tree | Callable[[Any], Any]
)
Bounds: TypeAlias = ScipyBounds | tuple[Any, Any] | list[Any] | SizedArray
Tolerance: TypeAlias = float | np.floating[Any]
Seed: TypeAlias = int | np.integer[Any] | np.random.Generator
Workers: TypeAlias = int | Callable[..., Any]
Mode: TypeAlias = Literal["fwd", "rev", "lin", "vmap"]
