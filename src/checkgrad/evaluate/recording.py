"""A func that the library of x0 differentiates on all ranks at once, through arrays that lie there.

All ranks have all of x0, and the library records how func's share is made of it, and how the whole
value is made of what func returns. This module calls func, and the library's derivatives, and makes
sure that all ranks go on with the same numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from checkgrad.arrays.digests import digest_of
from checkgrad.backends import flatten_tree
from checkgrad.evaluate.agreed import AgreedFunc, AgreedFunction
from checkgrad.evaluate.claims_of_ranks import ClaimsOfRanks
from checkgrad.evaluate.exchange import Exchange
from checkgrad.evaluate.shares import Shares


class RecordingShares(Shares):
    """The shares of the ranks, as the library of x0 differentiates them. All ranks have all."""

    def _laid_out(self, leaf: Any, like: Any) -> Any:
        return self._group.recorded(leaf, like)

    def _whole_leaf(self, leaf: Any) -> Any:
        return self._group.recorded_whole(leaf)


class RecordingFunc(AgreedFunc):
    """``func``: all ranks go on with the same value, but for one that is differentiated."""

    def __call__(self, x: Any, *further: Any) -> Any:
        """Return the value at a point of all of x0."""
        shares, group = self._shares, self._exchange.group
        value = self._called(shares.own(x), *further, whole=shares.whole)
        agreed = self._agreed_value(value)
        return value if any(map(group.records, flatten_tree(value)[0])) else agreed


class AgreedDerivatives(AgreedFunction):
    """What the library does to differentiate: all ranks go on with that of one rank.

    Parameters
    ----------
    shares, exchange
        As in `checkgrad.evaluate.agreed.AgreedFunction`.
    found : ClaimsOfRanks
        Which rank is judged, and how derivatives differ.
    """

    def __init__(self, shares: Shares, exchange: Exchange, found: ClaimsOfRanks) -> None:
        super().__init__(lambda call: call(), "the derivative of func", shares, exchange)
        self._found = found

    def called(self, call: Callable[[], list[Any]]) -> list[Any]:
        """Return the list of arrays that a call returns, which all ranks make at once."""
        value: list[Any] = self._called(call, whole=lambda found: found)
        group = self._exchange.group
        of_ranks = self._exchange.all("a derivative", [digest_of(each) for each in value])
        if all(each == of_ranks[0] for each in of_ranks) or any(map(group.records, value)):
            return value
        of_ranks = group.gather(self._numbers(value))
        self._require_same_shapes(of_ranks)
        self._found.compare(of_ranks)
        agreed: list[Any] = self._with_numbers(value, of_ranks[self._found.judged])
        return agreed

    def told(self, found: list[str]) -> list[str]:
        """Return what all ranks found, without what they found alike."""
        of_ranks = self._exchange.all("what is wrong with a rule", found)
        return list(dict.fromkeys(itertools.chain(*of_ranks)))
