"""A look at the derivatives of a JAX function that settles most of what is right.

In float64, a right derivative agrees with central differences to so many digits that both must be
right. That takes a few evaluations. Where it is not so, this module says nothing: the thorough
check judges.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence

import numpy as np

from checkgrad.backends import Array
from checkgrad.backends.jax_differentiation import lacks_rule
from checkgrad.backends.jax_modes import alone, claim_of, nested
from checkgrad.backends.jax_samples import ClaimSamples, FlatClaim, FlatFunction, FunctionSamples
from checkgrad.modes.labels import label_of, order_of
from checkgrad.numerics.agreement import entries_agree, sums_agree
from checkgrad.precision import default_rtol

_SEED = 0
# In the last place of the largest entry: what rounding explains at first sight ...
_UNITS = 256.0
_PART = 1e-3  # ... or so much of rtol, where that is more: a loop may amplify rounding in float64
_VALUE_UNITS = 1024.0  # likewise, between a value in the dtype of the user and in float64
_MOST_ALONE = 32  # up to so many inputs, each one is also differentiated by alone


def modes_in_doubt(
    function: FlatFunction, primals: list[Array], modes: Sequence[str], order: int
) -> list[str]:
    """Return the derivatives up to an order that are not certainly right: "fwd of rev" for one.

    Parameters
    ----------
    function : callable
        Takes and returns floating arrays of JAX.
    primals : list of array
        Where to differentiate.
    modes : sequence of {"fwd", "rev", "lin"}
        In which modes.
    order : int
        Up to which order.
    """
    rng = np.random.default_rng(_SEED)
    with np.errstate(all="ignore"):
        found = list(_looks(function, primals, modes, order, rng, ""))
    checked = {order_of(label) for label, look in found if look is not _Look.NO_RULE}
    return [
        label
        for label, look in found
        if look is _Look.IN_DOUBT or (look is _Look.NO_RULE and order_of(label) not in checked)
    ]


def claim_agrees(
    function: FlatFunction, primals: list[Array], claim: FlatClaim, is_forward: bool
) -> bool:
    """Return whether a claim that comes with the value is certainly right."""
    try:
        with np.errstate(all="ignore"):
            samples = FunctionSamples(function, primals, np.random.default_rng(_SEED))
            return _is_plain(samples) and _agrees(samples, claim, is_forward)
    except MemoryError:
        raise
    except Exception:  # the thorough check meets it again, where it belongs to the user's code
        return False


class _Look(enum.Enum):
    """What a look at one derivative says."""

    CERTAIN = enum.auto()
    IN_DOUBT = enum.auto()
    NO_RULE = enum.auto()


def _looks(
    function: FlatFunction,
    primals: list[Array],
    modes: Sequence[str],
    order: int,
    rng: np.random.Generator,
    of: str,
) -> Iterator[tuple[str, _Look]]:
    try:
        samples: FunctionSamples | None = FunctionSamples(function, primals, rng)
    except MemoryError:
        raise
    except Exception:
        samples = None
    if samples is None or not _is_plain(samples):
        yield from _all_modes(modes, order, of, _Look.IN_DOUBT)
        return
    for mode in modes:
        look = _look(samples, mode, is_first=not of)
        yield label_of(mode, of), look
        if order == 1:
            continue
        inner = label_of(mode, of)
        if look is _Look.NO_RULE:
            yield from _all_modes(modes, order - 1, inner, look)
            continue
        try:
            derivative, at = nested(function, primals, mode, rng)
        except MemoryError:
            raise
        except Exception:
            yield from _all_modes(modes, order - 1, inner, _Look.IN_DOUBT)
        else:
            yield from _looks(derivative, at, modes, order - 1, rng, inner)


def _all_modes(
    modes: Sequence[str], order: int, of: str, look: _Look
) -> Iterator[tuple[str, _Look]]:
    """Yield the same look for all derivatives of a derivative."""
    for mode in modes:
        label = label_of(mode, of)
        yield label, look
        if order > 1:
            yield from _all_modes(modes, order - 1, label, look)


def _look(samples: FunctionSamples, mode: str, is_first: bool) -> _Look:
    function, primals = samples.function, samples.primals
    try:
        agree = _agrees(samples, claim_of(function, mode), mode != "rev")
        if agree and is_first and samples.has_custom_rules:
            agree = _agree_alone(function, primals, mode)
    except MemoryError:
        raise
    except Exception as error:
        return _Look.NO_RULE if lacks_rule(error) else _Look.IN_DOUBT
    return _Look.CERTAIN if agree else _Look.IN_DOUBT


def _is_plain(samples: FunctionSamples) -> bool:
    """Return whether the function is the same in float64."""
    layout, wide = samples.outputs, samples.wide_value
    allowed = _VALUE_UNITS * samples.epsilons * layout.largest(wide)
    return bool(np.all(np.abs(samples.value - wide) <= allowed))


def _agrees(samples: FunctionSamples, claim: FlatClaim, is_forward: bool) -> bool:
    found = samples.along(claim, is_forward)
    rtol = _rtol(samples)
    if found.value_error > _UNITS or not found.nonlinearity <= _PART * rtol:
        return False
    rounding = np.maximum(_UNITS * found.native_epsilons, _PART * rtol) * found.native_scale
    if not np.all(np.abs(found.native - found.wide) <= rounding):
        return False
    return _certify_each_other(found, rtol)


def _certify_each_other(found: ClaimSamples, rtol: float) -> bool:
    agree = entries_agree if found.has_axes else sums_agree
    return agree(found.claim, found.differences, rtol, found.arguments)


def _rtol(samples: FunctionSamples) -> float:
    epsilons = [*samples.input_epsilons.tolist(), *samples.epsilons.tolist()]
    return default_rtol(max(epsilons, default=0.0))


def _agree_alone(function: FlatFunction, primals: list[Array], mode: str) -> bool:
    """Return whether rules say the same where one input alone is differentiated by."""
    if not 1 < len(primals) <= _MOST_ALONE:
        return True
    for place, primal in enumerate(primals):
        samples = FunctionSamples(
            alone(function, primals, place), [primal], np.random.default_rng(_SEED)
        )
        if not _agrees(samples, claim_of(samples.function, mode), mode != "rev"):
            return False
    return True
