"""Where a flat entry lies: in which of several arrays, at which index.

This module knows sizes and shapes only. It does not look into arrays or trees.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Sequence

import numpy as np


def offsets_of(sizes: Iterable[int]) -> tuple[int, ...]:
    """Return the flat position of the first entry of each array, from the arrays' sizes.

    Examples
    --------
    >>> offsets_of([3, 0, 2])
    (0, 3, 3)
    """
    return tuple(itertools.accumulate(sizes, initial=0))[:-1]


def array_of(entry: int, offsets: Sequence[int]) -> int:
    """Return which array the flat `entry` lies in.

    An empty array has the same offset as the next one. So the last array whose offset is not beyond
    the entry has entries.

    Examples
    --------
    >>> array_of(3, offsets=(0, 3, 3))
    2
    """
    return bisect.bisect_right(offsets, entry) - 1


def entry_text(shape: tuple[int, ...], entry: int, paired: bool = False) -> str:
    """Return the index of a flat entry in an array of `shape`, as Python writes it.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    entry : int
        The flat entry.
    paired : bool
        Whether the last axis holds real and imaginary parts.

    Examples
    --------
    >>> entry_text((2, 3), 4)
    '[1, 1]'
    >>> entry_text((3, 2), 5, paired=True)
    '[2].imag'
    """
    index = [str(int(i)) for i in np.unravel_index(entry, shape)] if shape else []
    part = f".{'imag' if index.pop() == '1' else 'real'}" if paired else ""
    return (f"[{', '.join(index)}]" if index else "") + part
