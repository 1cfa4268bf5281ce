"""Values along directions that are evaluated once, and asked for by every output."""

from __future__ import annotations

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
        """Return the values at all places, of which those with the indices `new` were `found`."""
        if not self._keeps:
            return found
        keys = _keys(which, where)
        self._values.update({keys[i]: found[k] for k, i in enumerate(new.tolist())})
        return np.asarray([self._values[key] for key in keys]).reshape(-1, self._outputs)


def _keys(which: Places, where: Floats) -> list[tuple[int, float]]:
    return list(zip(which.tolist(), where.tolist(), strict=True))
