"""``atol`` and ``rtol`` as ``jax.test_util`` takes them: a number, or numbers by dtype."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from checkgrad.arrays.messages import quote

Tolerance: TypeAlias = "float | Mapping[Any, float] | None"


@dataclass(frozen=True)
class Tolerances:
    """What a user allows on top of what the samples can tell.

    Parameters
    ----------
    atol, rtol : float or dict of dtype to float, or None
        As the user passed them.

    Raises
    ------
    ValueError
        If one is no number of 0 or more, or no dict of them.
    """

    atol: Tolerance = None
    rtol: Tolerance = None

    def __post_init__(self) -> None:
        for name, given in (("atol", self.atol), ("rtol", self.rtol)):
            numbers = given.values() if isinstance(given, Mapping) else [given]
            if given is not None and not all(map(_is_allowable, numbers)):
                raise ValueError(
                    f"{name} is {quote(given)}; pass a number of 0 or more, a dict of numbers by "
                    "dtype, or None"
                )

    def at(self, dtypes: Collection[Any]) -> tuple[float | None, float | None]:
        """Return what is allowed for the dtypes at hand; None where the user gave nothing."""
        return _largest(self.atol, dtypes), _largest(self.rtol, dtypes)


def _largest(tolerance: Tolerance, dtypes: Collection[Any]) -> float | None:
    if tolerance is None or not isinstance(tolerance, Mapping):
        return None if tolerance is None else float(tolerance)
    given = {np.dtype(dtype): float(number) for dtype, number in tolerance.items()}
    known = {np.dtype(dtype) for dtype in dtypes}
    return max((number for dtype, number in given.items() if dtype in known), default=None)


def _is_allowable(number: Any) -> bool:
    return isinstance(number, int | float | np.number) and bool(number >= 0)
