"""A short way for derivatives that are right: few calls of func certify them.

Two independent numbers that agree to many digits do not do so by accident. So a derivative is
accepted if it agrees with a difference quotient along a random tangent of each input, to
`_AGREEMENT`. That tolerance is so narrow that an error of one single entry would show. Where the
quotient is not that precise, entries are looked at one by one. What is not accepted is not wrong:
the pipeline judges it, with all the steps that it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np
import torch

from checkgrad.arrays.point import Floats
from checkgrad.backends import Array
from checkgrad.drop_ins.torch_call import TorchCall
from checkgrad.drop_ins.torch_claims import Claims
from checkgrad.drop_ins.torch_constants import (
    changes_in_steps,
    is_constant_but_for_rounding,
    rounds_to_narrow_dtype,
)
from checkgrad.drop_ins.torch_derivatives import column, columns, row, rows, units
from checkgrad.drop_ins.torch_differences import entry_sizes, quotients, random_tangents, value_at
from checkgrad.drop_ins.torch_numbers import flat, random_cotangents

# How far a claim and a quotient may lie apart: a tenth of `rtol`, which is 1e-5 for float64.
_ENTRY_AGREEMENT = 1e-6
# The same along a tangent, relative to the largest entry of the gradient by one input: an entry
# that is a hundredth of it counts.
_AGREEMENT = 1e-8
# The gradient by an input is negligible if it is this small, compared with that by all inputs.
_NEGLIGIBLE = 1e-2
# An entry is negligible if it is this small, compared with other outputs in the same tensor:
# rounding of the terms that they have in common explains as much.
_ROUNDING = 1e-13
_NEARBY = 2.0**-3  # how far away func is looked at, relative to the input
# How far the derivative along a random vector may lie from the sum of its parts: rounding.
_LINEARITY = 1e-10
_DOUBLE = (torch.float64, torch.complex128)


class Certificate:
    """Difference quotients of one call, and which derivatives they certify.

    Parameters
    ----------
    call : TorchCall
        The call.
    fast : bool
        Whether one random cotangent stands for all outputs, and one random tangent for all entries
        of an input.
    """

    def __init__(self, call: TorchCall, fast: bool) -> None:
        self._call = call
        self._fast = fast
        self._possible = all(each.dtype in _DOUBLE for each in (*call.parts, *call.recorded))
        self._tangents = random_tangents(call) if self._possible else []
        self._flat_tangents = [flat([each]).numpy(force=True) for each in self._tangents]
        self._known: dict[int, list[Floats]] = {}
        self._more: dict[int, Iterator[Floats]] = {}

    def open_inputs(self, mode: str) -> list[int]:
        """Return the inputs by which the derivatives in a mode are not certified.

        Parameters
        ----------
        mode : {"rev", "fwd"}
            The mode.
        """
        every = list(range(len(self._call.parts)))
        if not self._possible:
            return every
        with np.errstate(all="ignore"):
            found = self._open_forward() if mode == "fwd" else self._open_reverse()
        return every if found is None or not self._call.is_unchanged() else found

    def _open_reverse(self) -> list[int] | None:
        """Return the open inputs; None if the derivative is not linear."""
        call = self._call
        weights = random_cotangents(call.recorded)
        cotangent = flat(weights).numpy(force=True)

        def claims(call: TorchCall) -> Claims:
            found = row(call, weights) if self._fast else rows(call)
            return Claims(_products(found, self._flat_tangents), found, _values(call))

        here = claims(call)
        if self._fast:
            return self._not_agreeing(here, claims, cotangent[None])
        terms = [cotangent[:, None] * each for each in here.jacobian]
        if not all(map(_is_sum, (each[0] for each in row(call, weights)), terms)):
            return None
        return self._not_agreeing(here, claims)

    def _open_forward(self) -> list[int] | None:
        """Return the open inputs; None if the derivative is not linear."""
        call, tangents = self._call, self._tangents

        def claims(call: TorchCall) -> Claims:
            along = np.stack([column(call, {k: each}) for k, each in enumerate(tangents)])
            found = list(along[:, :, None]) if self._fast else columns(call)
            return Claims(along, found, _values(call))

        here = claims(call)
        if len(tangents) > 1 and not _is_sum(column(call, dict(enumerate(tangents))), here.along):
            return None
        if not self._fast:
            found = zip(here.along, here.jacobian, self._flat_tangents, strict=True)
            if not all(_is_sum(each, (block * tangent).T) for each, block, tangent in found):
                return None
        return self._not_agreeing(here, claims)

    def _not_agreeing(
        self,
        here: Claims,
        claims: Callable[[TorchCall], Claims],
        weights: Floats | None = None,
    ) -> list[int]:
        """Return the inputs where a claim does not agree with difference quotients.

        Parameters
        ----------
        here : Claims
            What the library says.
        claims : callable
            Return what it says at other inputs.
        weights : array, shape (rows, outputs), or None
            The sums of outputs that the claims are of; None for single outputs.
        """
        sizes = np.stack([np.max(np.abs(block), axis=1) for block in here.jacobian])
        largest = np.max(sizes, axis=0)
        limits = _AGREEMENT * np.maximum(sizes, _NEGLIGIBLE * largest)
        if weights is None:
            limits = np.maximum(limits, _ROUNDING * self._sibling_sizes(largest))
        # A narrow dtype that rounds its input hides slopes: short steps do not show them.
        if np.any(sizes == 0) and self._is_narrow:
            return list(range(len(sizes)))
        found = self._open_with(here, here.without_rounding(), limits, weights)
        if found:  # the next is expensive to measure, and mostly not needed
            # A derivative that vanishes is compared with how fast func changes nearby.
            nearby = np.stack([self._slopes_nearby(k) for k in range(len(sizes))])
            nearby = nearby if weights is None else nearby @ np.abs(weights).T
            limits = np.maximum(limits, _AGREEMENT * _NEGLIGIBLE * nearby)
            rounding = self._rounding(here, claims)
            found = self._open_with(here, rounding, limits, weights)
        return found

    def _rounding(self, here: Claims, claims: Callable[[TorchCall], Claims]) -> Claims:
        """Return how far rounding of the inputs may move the claims, as far as that is known."""
        try:
            return here.rounding([claims(each) for each in self._call.neighbours()])
        except MemoryError:
            raise
        except Exception:  # a neighbour is outside of the domain of func
            return here.without_rounding()

    def _open_with(
        self, claims: Claims, rounding: Claims, limits: Floats, weights: Floats | None
    ) -> list[int]:
        def agrees(k: int, limit: Floats) -> bool:
            if self._fast:
                along = np.maximum(limit, rounding.along[k])
                agrees = self._agrees_along(k, claims.along[k], along, weights)
                return agrees or self._is_constant_along(k, claims)
            # An error of an entry could hide in a sum behind the rounding of the others.
            agrees = self._agrees_along(k, claims.along[k], limit, weights)
            return agrees or self._agrees_at_entries(k, claims, rounding, limit)

        return [k for k, limit in enumerate(limits) if not agrees(k, limit)]

    def _is_constant_along(self, k: int, claims: Claims) -> bool:
        """Return whether outputs change in steps along the tangent, and all claims are 0."""
        if np.any(claims.jacobian[k]) or self._is_narrow:
            return False
        slopes = np.max(np.abs(list(self._quotients(k))), axis=0)
        return changes_in_steps(self._call, k, self._tangents[k], self._size(k), slopes)

    def _slopes_nearby(self, k: int) -> Floats:
        """Return how fast the outputs change over a long step along the tangent of an input."""
        found = []
        for step in (-self._size(k) * _NEARBY, self._size(k) * _NEARBY):
            moved = value_at(self._call, k, self._call.parts[k].detach() + step * self._tangents[k])
            found.append(np.abs(moved - _values(self._call)) / abs(step))
        slopes = np.max(found, axis=0)
        return np.where(np.isfinite(slopes), slopes, 0.0)

    def _size(self, k: int) -> float:
        return float(np.nanmax(entry_sizes(self._call.parts[k]), initial=0.0)) or 1.0

    def _sibling_sizes(self, largest: Floats) -> Floats:
        """Return for each output the largest entry of the gradients in the same tensor."""
        found, start = np.empty_like(largest), 0
        for size in self._call.sizes:
            found[start : start + size] = np.max(largest[start : start + size])
            start += size
        return found

    def _agrees_along(self, k: int, claim: Floats, limit: Floats, weights: Floats | None) -> bool:
        for found in self._quotients(k):
            quotient = found if weights is None else weights @ found
            if np.all(np.abs(quotient - claim) <= limit):
                return True
        return False

    def _agrees_at_entries(self, k: int, claims: Claims, rounding: Claims, limit: Floats) -> bool:
        entries, block = entry_sizes(self._call.parts[k]), claims.jacobian[k]
        largest = self._size(k)
        sizes = np.where(entries > 0, entries, largest)
        limits = np.maximum(_ENTRY_AGREEMENT * np.abs(block), limit[:, None])
        limits = np.maximum(limits, rounding.jacobian[k])
        noise = self._sibling_sizes(rounding.values)  # outputs may have terms in common

        def agrees(entry: int, unit: Array) -> bool:
            size, claim = float(sizes[entry]), block[:, entry]
            off, slopes = np.zeros(claim.size, dtype=bool), np.zeros_like(claim)
            for found in quotients(self._call, k, unit, size):
                differs = ~(np.abs(found - claim) <= limits[:, entry])
                if not np.any(differs):
                    return True
                off |= differs
                slopes = np.maximum(slopes, np.where(differs, np.abs(found), 0.0))
            may_be_steps = not np.any(claim[off]) and not self._is_narrow
            if may_be_steps and changes_in_steps(self._call, k, unit, size, slopes):
                return True
            if not np.any(noise):
                return False
            both = size, largest
            still = is_constant_but_for_rounding(self._call, k, unit, both, claim, noise)
            return bool(np.all(still[off]))

        return all(
            agrees(entry, unit)
            for entry, unit in enumerate(units(self._call.parts[k]))
            if np.isfinite(entries[entry])
        )

    @cached_property
    def _is_narrow(self) -> bool:
        return rounds_to_narrow_dtype(self._call)

    def _quotients(self, k: int) -> Iterator[Floats]:
        """Yield the quotients along the tangent of an input, computed once for all modes."""
        known = self._known.setdefault(k, [])
        if k not in self._more:
            self._more[k] = quotients(self._call, k, self._tangents[k], self._size(k))
        yield from list(known)
        for found in self._more[k]:
            known.append(found)
            yield found


def _values(call: TorchCall) -> Floats:
    found: Floats = flat(call.recorded).numpy(force=True)
    return found


def _products(jacobian: Sequence[Floats], tangents: Sequence[Floats]) -> Floats:
    """Return the Jacobian times the tangent of each input, shape (inputs, outputs)."""
    return np.stack([block @ each for block, each in zip(jacobian, tangents, strict=True)])


def _is_sum(found: Floats, terms: Floats) -> bool:
    """Return whether some numbers are the sums of terms along their first axis, up to rounding."""
    size = np.sum(np.abs(terms), axis=0)
    return bool(np.all(np.abs(found - np.sum(terms, axis=0)) <= _LINEARITY * size))
