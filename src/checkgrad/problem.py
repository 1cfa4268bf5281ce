"""The problem: func, claim, x0 and options, as the user passed them, and what the options mean."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.arrays.point import Point
from checkgrad.evaluate.options import Evaluation
from checkgrad.precision import DOUBLE, SINGLE, default_rtol
from checkgrad.session import SESSION

# What the doors take, in words.
Method: TypeAlias = Literal["differences", "complex-step"]
Precision: TypeAlias = Literal["auto", "float64", "native"]
Locate: TypeAlias = Literal["auto", "off"]
METHODS = get_args(Method)
PRECISIONS = get_args(Precision)
LOCATES = get_args(Locate)


@dataclass(frozen=True)
class Options:
    """What all doors take, see `checkgrad.verify_grad`."""

    direction: Any = "auto"
    rtol: Any = None
    bounds: Any = None
    rng: Any = None
    evaluation: Evaluation = field(default_factory=Evaluation)
    convention: str | None = None
    method: str = "differences"
    precision: str = "auto"
    locate: str = "auto"
    group: Any = None
    keep_samples: bool | None = None

    @property
    def seed(self) -> int | None:
        """What random numbers begin with; None where the user passed a generator."""
        if isinstance(self.rng, np.random.Generator):
            return None
        return SESSION.seed if self.rng is None else int(self.rng)

    def generator(self) -> np.random.Generator:
        """Return the source of random numbers.

        Raises
        ------
        ValueError
            If `rng` is none.
        """
        rng = SESSION.seed if self.rng is None else self.rng
        whole = isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0
        if not whole and not isinstance(rng, np.random.Generator):
            raise ValueError(
                f"rng is {quote(rng)}; pass an int of 0 or more, a numpy.random.Generator, or None"
            )
        return np.random.default_rng(rng)

    def tolerance(self, epsilon: float) -> float:
        """Return `rtol`, or its default for a machine epsilon.

        Raises
        ------
        ValueError
            If it is no number between 0 and 1.
        """
        self.require_rtol()
        return default_rtol(epsilon) if self.rtol is None else float(self.rtol)

    def require_rtol(self) -> None:
        """Raise a `ValueError` if `rtol` is no number between 0 and 1."""
        if self.rtol is None:
            return
        if not isinstance(self.rtol, (int, float, np.number)) or not 0 < self.rtol < 1:
            raise ValueError(f"rtol is {quote(self.rtol)}; pass a number between 0 and 1, or None")

    def require_precision(self) -> None:
        """Raise a `ValueError` if `precision` is unknown."""
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"precision is {quote(self.precision)}; pass 'auto', 'float64' or 'native'"
            )

    def require_locate(self) -> None:
        """Raise a `ValueError` if `locate` is unknown."""
        if self.locate not in LOCATES:
            raise ValueError(f"locate is {quote(self.locate)}; pass 'auto' or 'off'")

    def require_keep_samples(self) -> None:
        """Raise a `ValueError` if `keep_samples` is none of its values."""
        if not (self.keep_samples is None or isinstance(self.keep_samples, (bool, np.bool_))):
            raise ValueError(
                f"keep_samples is {quote(self.keep_samples)}; pass True, False or None"
            )

    def require_method(self, point: Point) -> None:
        """Raise a `ValueError` if `method` is unknown, or cannot be used at x0."""
        if self.method not in METHODS:
            raise ValueError(
                f"method is {quote(self.method)}; pass 'differences' or 'complex-step'"
            )
        if self.method == "differences":
            return
        if any(point.complexes):
            raise ValueError("method is 'complex-step', but x0 is complex; pass 'differences'")
        if epsilon_of(point) > SINGLE:
            dtypes = ", ".join(dict.fromkeys(str(leaf.dtype) for leaf in point.leaves))
            raise ValueError(
                f"method is 'complex-step', but x0 has dtype {dtypes}, of which there are no "
                "complex numbers; pass 'differences'"
            )


@dataclass(frozen=True)
class Problem:
    """A claim, and the func that it is the derivative of.

    Attributes
    ----------
    form : {"grad", "jac", "jvp", "vjp"}
        What kind of function the claim is.
    func, claim : callable
        As the user passed them.
    x0, args : Any
        Likewise.
    options : Options
        Likewise.
    label : str
        What this claim is called in the report, if it is one of several.
    constants : tuple of str
        The paths of floating leaves of x0 that are not differentiated.
    looks_elsewhere : bool
        Whether the claim, if it is right at x0, is compared at a second point too.
    """

    form: str
    func: Callable[..., Any]
    claim: Callable[..., Any]
    x0: Any
    args: tuple[Any, ...] = ()
    options: Options = field(default_factory=Options)
    label: str = ""
    constants: tuple[str, ...] = ()
    looks_elsewhere: bool = False

    @property
    def name(self) -> str:
        """What the user calls x0: the first parameter of `func`."""
        try:
            parameters = list(inspect.signature(self.func).parameters.values())
        except (TypeError, ValueError):
            return "x"
        named = parameters and parameters[0].kind in (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        return parameters[0].name if named else "x"


def epsilon_of(point: Point) -> float:
    """Return the coarsest machine epsilon of x0, and at least that of the float64 we compute in."""
    return max(DOUBLE, *point.epsilons)
