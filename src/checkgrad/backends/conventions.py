"""What the gradient of a real function of complex numbers is, library by library.

By the real part x and the imaginary part y of a coordinate it is df/dx - i df/dy for JAX, so that
the change of f is the real part of gradient times step, and df/dx + i df/dy, the direction of
steepest ascent, for PyTorch.
"""

from __future__ import annotations

_NAMES = {"jax": "JAX", "torch": "PyTorch"}
CONVENTIONS = tuple(_NAMES)


def is_conj_convention(convention: str) -> bool:
    """Whether the derivative by the imaginary part is taken with a minus."""
    return convention == "jax"


def other_convention(conj_convention: bool) -> tuple[str, str]:
    """The convention that has a minus where the one given has none: its name, and as a word."""
    option = next(each for each in CONVENTIONS if is_conj_convention(each) != conj_convention)
    return option, _NAMES[option]
