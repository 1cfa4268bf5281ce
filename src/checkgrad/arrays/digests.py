"""Digests of arrays: two that have the same digest hold the same numbers."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from checkgrad.backends import host, is_array


def digest_of(leaf: Any) -> bytes:
    """Return a digest of the shape, the dtype and the numbers of a leaf; empty without numbers.

    Parameters
    ----------
    leaf : array or Any
        The leaf, on any device.

    Examples
    --------
    >>> digest_of(np.zeros(2)) == digest_of(np.zeros(2)) != digest_of(np.zeros(3))
    True
    """
    numbers = host(leaf) if is_array(leaf) else np.asarray(leaf)
    if numbers.dtype == object:
        return b""
    digest = hashlib.blake2b(f"{numbers.shape}{numbers.dtype.str}".encode())
    digest.update(np.ascontiguousarray(numbers).reshape(-1).view(np.uint8).data)
    return digest.digest()
