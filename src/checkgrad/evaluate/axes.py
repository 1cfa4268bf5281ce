"""``func`` along the coordinate axes through x0, for all outputs at once."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.entries import coordinates_of
from checkgrad.arrays.point import Floats
from checkgrad.evaluate.budget import StoppableCall
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.known_values import (
    KnownValues,
    Places,
    one_by_one,
    without_incomplete,
)
from checkgrad.evaluate.outputs import Outputs
from checkgrad.evaluate.rounds import note

_FEW = 2**14  # coordinates along which the values of a single output are kept
_OFFSETS = 0.25, 0.75  # of groups: random numbers between these
# Groups that are sampled before it is known that they are needed: for nothing, if the first group
# fails. More of them would not make the first round of a common number of workers any shorter.
_NOTED_GROUPS = 32
_CONTROLS = 4  # evaluations that a call at many points needs besides: control points, and a trace


class Axes:
    """Samples ``func`` along coordinate axes, one coordinate at a time or several.

    Parameters
    ----------
    evaluator : Evaluator
        Evaluates ``func``.
    outputs : Outputs
        The outputs.
    bounds : tuple of array
        The bounds.
    rng : numpy.random.Generator
        Where random groups come from.
    are_few : bool
        Whether few of the axes are asked for, however many there are. Then all values are kept.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        outputs: Outputs,
        bounds: tuple[Floats, Floats],
        rng: np.random.Generator,
        are_few: bool = False,
    ) -> None:
        point = evaluator.point
        self._evaluator = evaluator
        self._outputs = outputs
        self._x0 = coordinates_of(point, point.leaves, are_few)
        self._bounds = bounds
        self._rng = rng
        keeps = are_few or self._x0.size <= _FEW or outputs.count > 1
        self._known = KnownValues(outputs.count, keeps)

    def sample(self, which: Places, steps: Floats) -> tuple[Floats, Floats]:
        """Evaluate ``func`` at signed `steps` along the axes `which`.

        Returns the lengths of the steps really taken, positive, and a value for each output along
        the last axis. NaN stands where there is nothing to evaluate (out of bounds, a step that
        vanishes) or no finite value. `Stopped` keeps the same: NaN stands along the axes that were
        not sampled at all of their steps.
        """
        moved, taken, usable = self._moved(which, steps)
        values = np.full((which.size, self._outputs.count), np.nan)
        lengths = np.where(usable, np.abs(taken), np.nan)
        leaf_of, pending = self._leaf_of(which), usable.copy()
        requests: dict[int, tuple[Places, Places]] = {}
        for leaf in np.unique(leaf_of[usable]).tolist():
            here = one_by_one(which, np.flatnonzero(usable & (leaf_of == leaf)))
            requests[leaf] = here, self._known.missing(which[here], moved[here])
        self._note({leaf: here[new] for leaf, (here, new) in requests.items()}, which, moved)
        for leaf, (here, new) in requests.items():
            found, call = np.empty((0, self._outputs.count)), StoppableCall()
            if new.size:
                asked = here[new[: self._affordable(new.size)]]
                entries = which[asked] - self._evaluator.point.offsets[leaf]
                with call:
                    call.found = self._evaluator.at_entries_on_host(leaf, entries, moved[asked])
                    if asked.size < new.size:
                        raise self._evaluator.budget.exhausted().keeping(call.found)
                at = self._evaluated(call.found)
                found = self._outputs.of(at.reshape(len(at), math.prod(at.shape[1:])))
            values[here] = self._known.completed(which[here], moved[here], new, found)
            pending[here] = False
            pending[here[new[len(found) :]]] = True
            if call.stop is not None:
                raise call.stop.keeping(without_incomplete(which, pending, lengths, values))
        values[~np.isfinite(values)] = np.nan
        return lengths, values

    def known(self, chosen: Collection[int], output: int) -> dict[int, tuple[Floats, Floats]]:
        """Return the signed steps along some axes that were sampled, in order, and the values.

        Only what is finite is there. Of a single output along very many axes nothing is kept.
        """
        found = self._known.along(chosen, output)
        return {each: (at - self._x0[each], values) for each, (at, values) in found.items()}

    def groups(self, chosen: Places, size: int) -> Places:
        """Return `chosen` coordinates in random groups of up to `size`, each of one leaf.

        Shape (groups, size). A smaller group holds its first coordinate more than once. One that
        is alone in its leaf is in no group.
        """
        found: list[Places] = []
        leaf_of = self._leaf_of(chosen)
        for leaf in np.unique(leaf_of).tolist():
            members = self._rng.permutation(chosen[leaf_of == leaf])
            if members.size > 1:
                found.append(members[_split(members.size, size)])
        return np.concatenate([np.empty((0, size), np.intp), *found])

    def random_offsets(self, shape: tuple[int, ...]) -> Floats:
        """Return random numbers between 1/4 and 3/4."""
        return self._rng.uniform(*_OFFSETS, shape)

    def note_groups(self, groups: Places, steps: Callable[[Floats], Floats]) -> None:
        """Let workers evaluate the first of some groups along with those that are sampled next.

        Parameters
        ----------
        groups : array of int, shape (groups, size)
            As in `sample_groups`.
        steps : callable
            Makes their steps from what `random_offsets` returns when it is called next.
        """

        def ask() -> None:
            offsets = copy.deepcopy(self._rng).uniform(*_OFFSETS, groups.shape)
            found, chosen = steps(offsets)[:_NOTED_GROUPS], groups[:_NOTED_GROUPS]
            self.sample_groups(np.concatenate([chosen, chosen]), np.concatenate([found, -found]))

        note(self._evaluator.rounds, ask)

    def sample_groups(self, groups: Places, steps: Floats) -> tuple[Floats, Floats]:
        """Evaluate ``func`` where all coordinates of a group are moved at once.

        Parameters
        ----------
        groups : array of int, shape (groups, size)
            The coordinates of each group, of one leaf.
        steps : array, shape (groups, size)
            Signed steps.

        Returns
        -------
        array, shape (groups, size)
            The steps really taken; NaN where there is nothing to evaluate.
        array, shape (groups, outputs)
            The values; NaN also where they are not finite.

        Raises
        ------
        Stopped
            If the budget is spent. It keeps the same: NaN stands for the groups that were not
            sampled at all of their steps.
        """
        moved, taken, usable = self._moved(groups, steps)
        usable = np.all(usable, axis=1)
        values = np.full((len(groups), self._outputs.count), np.nan)
        steps_taken = np.where(usable[:, None], taken, np.nan)
        leaf_of, pending = self._leaf_of(groups[:, 0]), usable.copy()
        requests = {
            leaf: one_by_one(groups[:, 0], np.flatnonzero(usable & (leaf_of == leaf)))
            for leaf in np.unique(leaf_of[usable]).tolist()
        }
        self._note(requests, groups, moved)
        for leaf, here in requests.items():
            asked = here[: self._affordable(here.size)]
            entries = groups[asked] - self._evaluator.point.offsets[leaf]
            with StoppableCall() as call:
                call.found = self._evaluator.at_entries_on_host(leaf, entries, moved[asked])
                if asked.size < here.size:
                    raise self._evaluator.budget.exhausted().keeping(call.found)
            found = self._evaluated(call.found)
            known = here[: len(found)]
            values[known] = self._outputs.of(found.reshape(known.size, math.prod(found.shape[1:])))
            pending[known] = False
            if call.stop is not None:
                raise call.stop.keeping(
                    without_incomplete(groups[:, 0], pending, steps_taken, values)
                )
        values[~np.isfinite(values)] = np.nan
        return steps_taken, values

    def _note(self, requests: dict[int, Places], which: Places, moved: Floats) -> None:
        """Let workers evaluate what is asked of several leaves in one round.

        Parameters
        ----------
        requests : dict of int to array of int
            For each leaf, indices into the other two.
        which : array of int
            The coordinates.
        moved : array
            Where they move to.
        """

        def ask() -> None:
            for leaf, here in requests.items():
                entries = which[here] - self._evaluator.point.offsets[leaf]
                self._evaluator.at_entries_on_host(leaf, entries, moved[here])

        if len(requests) > 1:
            note(self._evaluator.rounds, ask, is_certain=True)

    def _affordable(self, count: int) -> int:
        """Return how many of so many points to ask for: one call at many is all or nothing.

        One point at a time, the budget ends by itself.
        """
        room = self._evaluator.budget.left - _CONTROLS
        fits = room >= count or not self._evaluator.batch.takes(count)
        return count if fits else max(0, int(room))

    def _evaluated(self, found: Any) -> Floats:
        """Return the values that there are; none if a call at many points was stopped."""
        if isinstance(found, np.ndarray):
            return found
        return np.empty((0, *self._evaluator.shape))

    def _leaf_of(self, coordinates: Places) -> Places:
        offsets = np.asarray(self._evaluator.point.offsets)
        return np.searchsorted(offsets, coordinates, side="right") - 1

    def _moved(self, which: Places, steps: Floats) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """Return where signed `steps` lead, how far that is, and whether the point is usable.

        It is, if it lies within the bounds and is not x0.
        """
        point = self._evaluator.point
        x0, lower, upper = (part[which] for part in (self._x0, *self._bounds))
        moved, leaf_of = np.empty(which.shape), self._leaf_of(which)
        with np.errstate(over="ignore", invalid="ignore"):
            wanted = x0 + steps
            for leaf in np.unique(leaf_of).tolist():
                here = leaf_of == leaf
                rounded = point.backend.from_host(wanted[here], point.like(leaf))
                moved[here] = point.backend.to_host(rounded)
            taken = moved - x0
        usable = (moved >= lower) & (moved <= upper)
        usable &= np.isfinite(moved) & (np.sign(taken) == np.sign(steps)) & (taken != 0)
        return moved, taken, usable


def _split(count: int, size: int) -> Places:
    """Return 0, 1, 2 and so on in groups of up to `size`, of lengths that differ by one at most.

    A smaller group holds its first number more than once.

    Examples
    --------
    >>> _split(5, 3).tolist()
    [[0, 1, 2], [3, 4, 3]]
    """
    groups = -(-count // size)
    lengths = count // groups + (np.arange(groups) < count % groups)
    starts = (np.cumsum(lengths) - lengths)[:, None]
    within = np.arange(size)
    places: Places = starts + np.where(within < lengths[:, None], within, 0)
    return places
