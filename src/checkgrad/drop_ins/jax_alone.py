"""Rules where one input alone is differentiated by: they must say the same, and must not raise.

With ``symbolic_zeros``, a rule of JAX learns which inputs these are, and can be wrong for some of
them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkgrad.arrays.messages import brief
from checkgrad.backends import Array
from checkgrad.backends.jax_call import JaxCall
from checkgrad.backends.jax_differentiation import lacks_rule
from checkgrad.backends.jax_flat import FlatLayout, Floats
from checkgrad.backends.jax_modes import alone, claim_of
from checkgrad.backends.jax_samples import FlatClaim

_SEED = 0
_DIFFERENCE = 1e-3  # relative to the largest entry: less may be rounding


def errors_of_one_input(call: JaxCall, mode: str) -> Iterator[str]:
    """Yield what is wrong with the rules of one mode if one input alone is differentiated by.

    Parameters
    ----------
    call : JaxCall
        The function and its arguments.
    mode : {"fwd", "rev", "lin"}
        The mode.
    """
    rng, primals = np.random.default_rng(_SEED), call.primals
    inputs, outputs = FlatLayout(primals), FlatLayout(call(*primals))
    given, returned = (outputs, inputs) if mode == "rev" else (inputs, outputs)
    vector = rng.standard_normal(given.size)
    for place, (part, name) in enumerate(zip(inputs.slices, call.names, strict=True)):
        how = f"if {name} is the only input that is differentiated by"
        one = vector
        if mode != "rev":
            one = np.zeros(given.size)
            one[part] = vector[part]
        together = _derivative(claim_of(call, mode), primals, one, given, returned)
        if mode == "rev":
            together = together[part]
        try:
            single = FlatLayout([primals[place]])
            layouts = (outputs, single) if mode == "rev" else (single, outputs)
            claim = claim_of(alone(call, primals, place), mode)
            chosen = one if mode == "rev" else one[part]
            found = _derivative(claim, [primals[place]], chosen, *layouts)
        except MemoryError:
            raise
        except Exception as error:
            if not lacks_rule(error):
                yield f"{mode}: raises {brief(error)} {how}"
            continue
        largest = float(np.max(np.abs(together), initial=0.0))
        if not np.all(np.abs(found - together) <= _DIFFERENCE * largest):
            yield f"{mode}: another derivative {how}"


def _derivative(
    claim: FlatClaim, primals: list[Array], row: Floats, given: FlatLayout, returned: FlatLayout
) -> Floats:
    return returned.rows(claim(primals, given.arrays(row))[1])
