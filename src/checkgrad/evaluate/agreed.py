"""A function of the user's that all ranks call at the same point, and what they agree on.

This module calls the function on this rank, and compares what the ranks got. It does not know how
x0 lies on the ranks: `checkgrad.evaluate.shares` does.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from checkgrad.arrays.digests import digest_of
from checkgrad.arrays.messages import brief
from checkgrad.backends import HostArray, flatten_tree
from checkgrad.evaluate.claims_of_ranks import ClaimsOfRanks, epsilon_of_numbers
from checkgrad.evaluate.exchange import Ended, Exchange, Late, RanksError
from checkgrad.evaluate.shares import Shares, are_same

# How long a collective in a function of the user's may wait for the other ranks, in seconds. All
# ranks call the function at the same time, so that they wait for the slowest of them only. The
# first call may compile, or load what it needs.
_FIRST_WAIT = 20.0
_SHORTEST_WAIT = 8.0
_WAIT = 10.0  # times the longest call so far
_GRACE = 2.0  # seconds until a rank that waited in vain has said so
_SMALL = 2**10  # numbers that are sent as they are; of others, a digest is
_SAME_VALUE = 0.5  # power of the machine epsilon: values of func that differ by more are not one
_NUMERIC = "fciub"  # kinds of dtypes


class AgreedFunction:
    """A function of the user's, as a function of all of x0.

    Parameters
    ----------
    function : callable
        The function, as the user passed it.
    name : str
        What messages call it.
    shares : Shares
        How x0 lies on the ranks.
    exchange : Exchange
        The messages between the ranks.
    """

    def __init__(
        self, function: Callable[..., Any], name: str, shares: Shares, exchange: Exchange
    ) -> None:
        self._function = function
        self._name = name
        self._shares = shares
        self._exchange = exchange
        self._calls = 0
        with contextlib.suppress(TypeError, ValueError):
            self.__signature__ = inspect.signature(function)

    def _called(self, *arguments: Any, whole: Callable[[Any], Any]) -> Any:
        """Return what the function returns on this rank, all of it.

        All ranks are here at the same time, and none goes on if the function raised on one.

        Parameters
        ----------
        *arguments : Any
            What the function gets.
        whole : callable
            Makes something whole of what it returns; may call collectives.
        """
        wait = _FIRST_WAIT
        if self._exchange.longest_call:
            wait = max(_SHORTEST_WAIT, _WAIT * self._exchange.longest_call)
        start = time.monotonic()
        error: Exception | None = None
        value: Any = None
        try:
            with self._exchange.group.waiting_at_most(wait):
                value = whole(self._function(*arguments))
        except MemoryError:
            raise
        except Exception as raised:
            error = raised
        took = time.monotonic() - start
        self._exchange.longest_call = max(self._exchange.longest_call, took)
        self._calls += 1
        said = None if error is None else (brief(error), took)
        try:
            at_most = math.inf if error is None else wait + _GRACE
            outcomes = self._exchange.all(f"a call of {self._name}", said, at_most)
        except Late as late:  # it may wait for this rank in a collective that nobody can end
            if error is not None and said is not None:
                self._exchange.leave(said[0])
                raise Ended(error) from late
            raise
        except Ended as ended:
            ended.error.__cause__ = error
            raise
        self._require_same_outcome(outcomes, error)
        if error is not None:
            raise error
        return value

    def _require_same_outcome(
        self, outcomes: Sequence[tuple[str, float] | None], error: Exception | None
    ) -> None:
        """End the check if the function raised on some ranks only, or not the same.

        An outcome is what it raised, and after how many seconds. The rank on which it raised first
        is the cause. Others may have waited for it in a collective.
        """
        raised = {rank: each for rank, each in enumerate(outcomes) if each is not None}
        kinds = {said.partition(":")[0] for said, _ in raised.values()}
        if not raised or (len(raised) == len(outcomes) and len(kinds) == 1):
            return
        cause = min(raised, key=lambda rank: raised[rank][1])
        message = f"{self._name} raised on rank {cause}, not on all ranks: {raised[cause][0]}"
        if error is None or self._exchange.group.rank != cause:
            ended = RanksError(message)
            ended.__cause__ = error
            raise Ended(ended)
        error.add_note(f"{self._name} raised this on rank {cause}, not on all ranks")
        raise Ended(error)

    def _like_x0(self, value: Any) -> Any:
        """Return what this rank works on of something like x0 that the function returned."""
        self._shares.require_leaves_of_x0(value, self._name)
        return self._shares.like_x0(value)

    def _numbers(self, value: Any) -> list[HostArray]:
        """Return the numbers of the leaves of what the function returned on this rank."""
        return [self._exchange.group.numbers(leaf) for leaf in flatten_tree(value)[0]]

    def _with_numbers(self, value: Any, numbers: Sequence[HostArray]) -> Any:
        """Return something like a value of this rank, with other numbers in its leaves."""
        leaves, structure = flatten_tree(value)
        pairs = zip(numbers, leaves, strict=True)
        return structure.unflatten(
            [self._exchange.group.with_numbers(n, leaf) for n, leaf in pairs]
        )

    def _require_same_count(self, of_ranks: Sequence[Sequence[Any]]) -> None:
        """End the check if ranks return other numbers of arrays: they could gather none of them."""
        for rank, each in enumerate(of_ranks):
            if len(each) != len(of_ranks[0]):
                raise Ended(
                    ValueError(
                        f"{self._name} returned {len(of_ranks[0])} arrays on rank 0 and "
                        f"{len(each)} on rank {rank}; it must return the same on all ranks"
                    )
                )

    def _require_same_shapes(self, of_ranks: Sequence[Sequence[HostArray]]) -> None:
        shapes = [[each.shape for each in numbers] for numbers in of_ranks]
        for rank, each in enumerate(shapes):
            if each != shapes[0]:
                raise Ended(
                    ValueError(
                        f"{self._name} returned shapes {shapes[0]} on rank 0 and {each} on rank "
                        f"{rank}; it must return the same on all ranks"
                    )
                )


class AgreedFunc(AgreedFunction):
    """``func``: all ranks go on with the same value."""

    def __call__(self, x: Any, *further: Any) -> Any:
        """Return the value at a point of all of x0. It is that of rank 0 where values differ."""
        shares = self._shares
        return self._agreed_value(self._called(shares.own(x), *further, whole=shares.whole_output))

    def _agreed_value(self, value: Any) -> Any:
        """Return the value that all ranks go on with, in the place of that of this rank."""
        numbers = self._numbers(value)
        if not all(each.dtype.kind in _NUMERIC for each in numbers):
            return value  # no value of a func: who reads it says so
        size = sum(each.size for each in numbers)
        described = [each if size <= _SMALL else digest_of(each) for each in numbers]
        of_ranks = self._exchange.all("a value of func", described)
        if all(_are_same(each, described) for each in of_ranks):
            return value
        if size > _SMALL:
            of_ranks = self._exchange.group.gather(numbers)
        return self._with_numbers(value, self._agreed(of_ranks))

    def _agreed(self, of_ranks: Sequence[Sequence[HostArray]]) -> Sequence[HostArray]:
        """Return the value that all ranks go on with.

        Raises
        ------
        Ended
            If the values of the ranks differ by more than rounding and noise.
        """
        for rank, numbers in enumerate(of_ranks):
            if not all(np.all(np.isfinite(each)) for each in numbers):
                return of_ranks[rank]
        first = of_ranks[0]
        self._require_same_shapes(of_ranks)
        for rank, numbers in enumerate(of_ranks[1:], 1):
            for a, b in zip(first, numbers, strict=True):
                size = max(float(np.max(np.abs(a), initial=0)), float(np.max(np.abs(b), initial=0)))
                if np.max(np.abs(a - b), initial=0) > epsilon_of_numbers(a) ** _SAME_VALUE * size:
                    place = int(np.argmax(np.abs(a - b)))
                    raise Ended(
                        ValueError(
                            f"func returned {a.ravel()[place]!s} on rank 0 and "
                            f"{b.ravel()[place]!s} on rank {rank}; it must return the same on all "
                            "ranks: reduce it over the group, and use the same random numbers"
                        )
                    )
        return first


class AgreedClaim(AgreedFunction):
    """A claim: all ranks go on with that of the rank that is judged.

    Parameters
    ----------
    function, name, shares, exchange
        As in `AgreedFunction`.
    found : ClaimsOfRanks
        Which rank is judged, and how their claims differ.
    is_like_x0 : bool
        Whether it returns something like x0, not something like the value of ``func``.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        shares: Shares,
        exchange: Exchange,
        found: ClaimsOfRanks,
        is_like_x0: bool,
    ) -> None:
        super().__init__(function, name, shares, exchange)
        self._found = found
        self._is_like_x0 = is_like_x0

    def __call__(self, x: Any, *further: Any) -> Any:
        """Return the claim at a point of all of x0."""
        shares, is_first = self._shares, not self._calls
        if self._name == "jvp":
            further = shares.own(further[0]), *further[1:]
        elif self._name == "vjp":
            further = shares.cotangent(further[0]), *further[1:]
        whole = self._like_x0 if self._is_like_x0 else shares.whole
        claim = self._called(shares.own(x), *further, whole=whole)
        if self._is_like_x0 and shares.are_apart:
            return shares.joined(claim)
        return self._judged(claim, is_first)

    def _judged(self, claim: Any, is_first: bool) -> Any:
        """Return the claim of the rank that is judged; compare them at x0."""
        shares = self._shares
        digests = self._exchange.all("a claim", shares.digests(claim, self._is_like_x0))
        self._require_same_count(digests)
        if all(map(are_same, zip(*digests, strict=True))):
            return claim
        claim = shares.all_of(claim) if self._is_like_x0 else claim
        of_ranks = self._exchange.group.gather(self._numbers(claim))
        self._require_same_shapes(of_ranks)
        if is_first:
            self._found.compare(of_ranks)
        judged = self._with_numbers(claim, of_ranks[self._found.judged])
        return shares.like_x0(judged) if self._is_like_x0 else judged


class AgreedProjection(AgreedFunction):
    """A function that makes allowed tangents: all ranks go on with those of rank 0."""

    def __call__(self, tangent: Any) -> Any:
        """Return what it makes of a tangent along all of x0."""
        shares, group = self._shares, self._exchange.group
        made = self._called(shares.own(tangent), whole=self._like_x0)
        digests = self._exchange.all("an allowed tangent", shares.digests(made))
        self._require_same_count(digests)
        if all(map(are_same, zip(*digests, strict=True))):
            return made
        made = shares.all_of(made)
        of_ranks = group.gather(self._numbers(made))
        self._require_same_shapes(of_ranks)
        return shares.like_x0(self._with_numbers(made, of_ranks[0]))


def _are_same(a: Sequence[Any], b: Sequence[Any]) -> bool:
    return len(a) == len(b) and all(
        x == y if isinstance(x, bytes) else np.array_equal(x, y, equal_nan=x.dtype.kind in "fc")
        for x, y in zip(a, b, strict=True)
    )
