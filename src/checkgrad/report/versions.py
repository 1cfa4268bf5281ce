"""The versions of checkgrad and of the array library, for a report."""

from __future__ import annotations

import sys

import numpy as np


def own_version() -> str:
    """Return the version of checkgrad."""
    # checkgrad/__init__.py owns its version, and nothing in the package imports it.
    return str(getattr(sys.modules.get("checkgrad"), "__version__", ""))


def versions(library: str) -> dict[str, str]:
    """Return the versions of checkgrad, NumPy and the array library of x0.

    Parameters
    ----------
    library : str
        The name of the array library.

    Examples
    --------
    >>> list(versions("numpy"))
    ['checkgrad', 'numpy']
    """
    found = {"checkgrad": own_version(), "numpy": np.__version__}
    known = str(getattr(sys.modules.get(library), "__version__", ""))
    return found | ({library: known} if known else {})
