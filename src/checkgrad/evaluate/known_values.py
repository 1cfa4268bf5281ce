"""Values along directions that are evaluated once, and asked for by every output."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.point import Floats

Places = npt.NDArray[np.intp]


class KnownValues:
    """The values of all outputs at places along directions.

    Parameters
    ----------
    outputs : int
        How many outputs there are.
    keeps : bool
        Whether values are kept. A single output along many directions asks for few of them twice.
    """

    def __init__(self, outputs: int, keeps: bool = True) -> None:
        self._outputs = outputs
        self._keeps = keeps
        self._values: dict[tuple[int, float], Floats] = {}

    def missing(self, which: Places, where: Floats) -> Places:
        """Return the indices of places that are not known, each place once."""
        if not self._keeps:
            return np.arange(which.size)
        keys = _keys(which, where)
        first = {key: i for i, key in reversed(list(enumerate(keys)))}
        return np.asarray(
            sorted(i for key, i in first.items() if key not in self._values), dtype=np.intp
        )

    def completed(self, which: Places, where: Floats, new: Places, found: Floats) -> Floats:
        """Return the values at all places, of which those with the indices `new` were `found`.

        Fewer may be found, if the evaluations were stopped: NaN at the others.
        """
        unknown = np.full(self._outputs, np.nan)
        if not self._keeps:
            missing = np.broadcast_to(unknown, (len(new) - len(found), self._outputs))
            return np.concatenate([found, missing]) if len(missing) else found
        keys = _keys(which, where)
        self._values.update({keys[i]: row for i, row in zip(new.tolist(), found, strict=False)})
        values = [self._values.get(key, unknown) for key in keys]
        return np.asarray(values).reshape(-1, self._outputs)

    def along(self, chosen: Collection[int], output: int) -> dict[int, tuple[Floats, Floats]]:
        """Return the places along each of some directions, in order, and the values of an output.

        Only what is finite is there.
        """
        found: dict[int, list[tuple[float, float]]] = {each: [] for each in chosen}
        for (direction, where), values in self._values.items():
            if direction in found and math.isfinite(values[output]):
                found[direction].append((where, float(values[output])))
        return {
            each: (
                np.asarray([where for where, _ in sorted(pairs)]),
                np.asarray([value for _, value in sorted(pairs)]),
            )
            for each, pairs in found.items()
        }


def one_by_one(which: Places, chosen: Places) -> Places:
    """Return the `chosen` requests, all of one direction after the other.

    If the evaluations are stopped, the first directions are sampled at all of their steps.

    Parameters
    ----------
    which : array of int
        The direction of every request.
    chosen : array of int
        Some requests.

    Examples
    --------
    >>> one_by_one(np.array([0, 1, 0, 1]), np.array([0, 1, 3])).tolist()
    [0, 1, 3]
    """
    ordered: Places = chosen[np.argsort(which[chosen], kind="stable")]
    return ordered


def without_incomplete(
    which: Places, pending: npt.NDArray[np.bool_], *samples: Floats
) -> tuple[Floats, ...]:
    """Return samples with NaN along every direction some of whose samples are not known.

    NaN also stands where they are not finite.

    Parameters
    ----------
    which : array of int, shape (requests,)
        The direction of every request.
    pending : array of bool, shape (requests,)
        The requests that were not evaluated.
    *samples : array, shape (requests, ...)
        What there is to sample.
    """
    incomplete = np.isin(which, which[pending])
    for each in samples:
        each[incomplete] = np.nan
        each[~np.isfinite(each)] = np.nan
    return samples


def _keys(which: Places, where: Floats) -> list[tuple[int, float]]:
    return list(zip(which.tolist(), where.tolist(), strict=True))
