"""What libraries call the gradient of a real function of complex numbers.

Let x be the real part of a coordinate and y its imaginary part. For JAX the gradient is
df/dx - i df/dy, so the change of f is the real part of gradient times step. For PyTorch it is
df/dx + i df/dy, the direction of steepest ascent.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Convention: TypeAlias = Literal["jax", "torch"]
CONVENTIONS: tuple[str, ...] = get_args(Convention)
_NAMES = {"jax": "JAX", "torch": "PyTorch"}


def is_conj_convention(convention: str) -> bool:
    """Return whether the derivative by the imaginary part has a minus sign."""
    return convention == "jax"


def other_convention(conj_convention: bool) -> tuple[str, str]:
    """Return the other convention: the value of the option, and the name for messages."""
    option = next(each for each in CONVENTIONS if is_conj_convention(each) != conj_convention)
    return option, _NAMES[option]
