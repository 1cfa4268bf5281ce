"""What other checkers tolerate by default: PyTorch's gradcheck."""

from __future__ import annotations

import numpy as np

from checkgrad.numerics.samples import Floats

_ATOL, _RTOL = 1e-5, 1e-3  # the defaults of torch.autograd.gradcheck


def tolerated(derivatives: Floats) -> Floats:
    """Return how far off other checkers allow derivatives to be.

    Parameters
    ----------
    derivatives : array
        The derivatives, of any shape.
    """
    found: Floats = _ATOL + _RTOL * np.abs(derivatives)
    return found
