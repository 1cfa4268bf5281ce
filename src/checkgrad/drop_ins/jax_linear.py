"""Rules that are not linear in the tangent or cotangent, and are right where it is short.

The pipeline takes tangents near 1. A rule that clips longer ones shows where they are longer.
"""

from __future__ import annotations

import numpy as np

from checkgrad.backends import Array
from checkgrad.backends.jax_samples import FlatClaim, FlatFunction, FunctionSamples

_SEED = 0
_DIFFERENCE = 1e-3  # relative: less may be rounding


def errors_of_length(
    function: FlatFunction, primals: list[Array], claim: FlatClaim, is_forward: bool
) -> list[str]:
    """Return what is wrong with a claim that is not linear; nothing if that cannot be told.

    Parameters
    ----------
    function : callable
        Takes and returns floating arrays of JAX.
    primals : list of array
        Where to differentiate.
    claim : callable
        The claim, on flat lists.
    is_forward : bool
        Whether it is a jvp. Otherwise it is a vjp.
    """
    try:
        with np.errstate(all="ignore"):
            samples = FunctionSamples(function, primals, np.random.default_rng(_SEED))
            nonlinearity = samples.along(claim, is_forward).nonlinearity
    except MemoryError:
        raise
    except Exception:  # the rest of the thorough check says it
        return []
    what = "tangent" if is_forward else "cotangent"
    says = f"the claim is not linear in its {what}: of a long one, it says something else"
    return [says] if nonlinearity > _DIFFERENCE else []
