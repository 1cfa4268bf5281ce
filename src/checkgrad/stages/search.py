"""The search for what is wrong in a claim, from its residuals along some random tangents.

A residual is what the claim says of a tangent less what ``func`` does. If a single entry of the
claim is wrong, the residuals are proportional to that entry of the tangents, which tells it from
all others without a further evaluation. If a leaf is wrong by a factor, they are proportional to
what the claim says of that leaf. If neither holds, the range of coordinates is split, and its parts
are searched. Every entry that is found is confirmed by a check of its own.

This module owns the order of the search. It takes residuals from
`checkgrad.evaluate.tangent_parts`, and knows neither steps nor reports.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from checkgrad.arrays.arithmetic import norm_in_range
from checkgrad.arrays.point import Floats, Point
from checkgrad.evaluate.chosen_axes import ChosenAxes
from checkgrad.evaluate.tangent_parts import TangentParts
from checkgrad.numerics.matching import chance_of_match, fits_far_better, residuals_needed
from checkgrad.stages.fits import BestEntry, BestFactor, best_entry, best_factor
from checkgrad.stages.ranges import FIRST_BLOCKS, Range, Rows, leaf_ranges, leaves_in, split

_MOST_RESIDUALS = 80  # that a search may measure, at two evaluations each
_MOST_ENTRIES = 8  # that it looks for: a screen with a few of them tells as much as all
_CHANCE = 0.01  # how many other candidates may fit as well as the best one, to try it
_EXPLAINED = 1e-3  # of the residuals at first: what is left below this is not searched
_FACTOR_FITS = 0.98  # squared cosine from which residuals are taken for a factor of the claim
_FACTOR_VARIES = 0.1  # of itself that the relative error of an entry may differ from that of all
_LEAST_NOISE = 1e-3  # relative, of residuals: what is left of truncation and rounding of tangents
_MOSTLY = 0.6  # of the parts: if more of them are wrong, nearly all entries may be
# If so many of the first blocks are all wrong, far from each other, more entries are than a search
# looks for: eight wrong ones are seen in all four blocks by a chance of 1.5%. Of a large block, so
# many entries tell as much, and lie nearer to a wrong one.
_SCATTERED, _APART, _EVERYWHERE = 4, 5, 32
_FAR_BELOW = 0.1  # of what a typical entry is off by: an entry that is off by less is not checked


@dataclass
class Search:
    """A search for wrong entries and leaves.

    Parameters
    ----------
    parts : TangentParts
        Measures residuals along parts of tangents.
    point : Point
        x0.
    axes : ChosenAxes
        Knows the claimed entries.
    residuals, noise : array, shape (tangents,)
        The residuals along whole tangents, and how far they are uncertain.
    is_wrong : callable
        ``is_wrong(coordinate)`` checks an entry by itself. It returns the error of the claim, and
        whether the claim is wrong there.

    Attributes
    ----------
    leaves : dict of int to float or None
        The leaves that are wrong all over, and the relative error of the claim in each: None if
        it is not the same in all of its entries.
    wrong : list of int
        The entries that are wrong.
    is_additive : bool
        Whether ``func`` changes along a tangent as it does without a wrong entry and along this
        entry alone. Otherwise it may not be differentiable.
    """

    parts: TangentParts
    point: Point
    axes: ChosenAxes
    residuals: Floats
    noise: Floats
    is_wrong: Callable[[int], tuple[float, bool]]
    leaves: dict[int, float | None] = field(default_factory=dict)
    wrong: list[int] = field(default_factory=list)
    is_additive: bool = False
    _effects: dict[int, Floats] = field(default_factory=dict)  # of entries, along all tangents
    _errors: dict[int, float] = field(default_factory=dict)
    _factors: list[tuple[int, int, float]] = field(default_factory=list)  # range, relative error

    def run(self) -> bool:
        """Search. Return whether all that was seen along the tangents is explained."""
        everything = Range(0, self.point.size, dict(enumerate(self.residuals.tolist())))
        self._search(everything)
        left = rms(self._left(everything).values())
        explained = left <= self._enough
        if self.wrong and not explained:
            self.is_additive = self._is_additive(self.wrong[0], left)
        return explained

    @property
    def _tolerance(self) -> float:
        return rms(self.noise)

    @property
    def _enough(self) -> float:
        """The size of residuals that are not searched any further.

        Once some are explained, what is left of them is not searched. Before, all that stands out
        of the noise counts: of many wrong entries, those of a part may all be small.
        """
        left_of_explained = _EXPLAINED * rms(self.residuals) if self._errors else 0.0
        return max(2 * self._tolerance, left_of_explained)

    @property
    def _is_over(self) -> bool:
        return self.parts.count >= _MOST_RESIDUALS or len(self._errors) >= _MOST_ENTRIES

    def _search(self, here: Range) -> bool:
        """Search a range. Return False where it is wrong nearly all over."""
        while not self._is_over:
            left = self._left(here)
            if rms(left.values()) <= self._enough:
                return True
            if here.size == 1:
                if here.start not in self._errors:
                    self._confirm(here.start)
                return True
            if self._find_best(here, left):
                continue
            noise = max(self._tolerance / rms(left.values()), _LEAST_NOISE)
            if len(here.rows) < min(residuals_needed(noise, here.size, _CHANCE), here.size + 1):
                if not self._measure_another(here):
                    return True
                continue
            known = len(self._errors)
            if not self._split(here, left):
                return False
            if len(self._errors) == known:
                return True
        return True

    def _left(self, here: Range) -> Rows:
        """Return the residuals without what is known to be wrong."""
        left = dict(here.rows)
        for coordinate, effects in self._effects.items():
            inside = any(start <= coordinate < stop for start, stop, _ in self._factors)
            if here.start <= coordinate < here.stop and not inside:
                left = {j: r - float(effects[j]) for j, r in left.items()}
        for start, stop, error in self._factors:
            low, high = max(start, here.start), min(stop, here.stop)
            if low < high:
                left = {j: r - error * self.parts.claimed(j, low, high) for j, r in left.items()}
        return left

    def _find_best(self, here: Range, left: Rows) -> bool:
        """Look for one wrong entry, and for a factor, and return whether one was to be tried.

        What fits far better comes first: where a claim is wrong by a factor, some entry fits too.
        """
        entry = best_entry(self.parts, here, left, self._errors)
        factor = best_factor(self.parts, leaf_ranges(self.point, here), here, left)
        if fits_far_better(factor.squared_cosine, entry.squared_cosine):
            return self._try_factor(factor, len(left)) or self._try_entry(entry, here, left)
        return self._try_entry(entry, here, left) or self._try_factor(factor, len(left))

    def _try_entry(self, entry: BestEntry, here: Range, left: Rows) -> bool:
        """Check the entry that fits best, and return whether it was worth it."""
        chance = chance_of_match(entry.squared_cosine, len(left), here.size)
        if entry.coordinate < 0 or entry.coordinate in self._errors or chance > _CHANCE:
            return False
        self._confirm(entry.coordinate)
        return True

    def _confirm(self, coordinate: int) -> bool:
        """Check an entry by itself, note what it explains, and return whether it is wrong."""
        error, is_wrong = self.is_wrong(coordinate)
        self._errors[coordinate] = error
        self._effects[coordinate] = error * self.parts.entries(coordinate)
        if is_wrong:
            self.wrong.append(coordinate)
        return is_wrong

    def _try_factor(self, factor: BestFactor, count: int) -> bool:
        """Check a factor that fits `count` residuals, and return whether the claim has it."""
        chance = chance_of_match(factor.squared_cosine, count, factor.candidates)
        if factor.squared_cosine < _FACTOR_FITS or chance > _CHANCE:
            return False
        start, stop, error = factor.start, factor.stop, factor.error
        if any(part[:2] == (start, stop) for part in self._factors):
            return False
        place = self._heaviest(start, stop)
        is_wrong = self._confirm(place)
        claim = self.axes.claimed(place)
        if not is_wrong or abs(self._errors[place] - error * claim) > abs(
            _FACTOR_VARIES * error * claim
        ):
            return False
        self._factors.append((start, stop, error))
        self.leaves.update({leaf: error for leaf, _ in leaves_in(self.point, start, stop)})
        return True

    def _heaviest(self, start: int, stop: int) -> int:
        return self.axes.heaviest(start, stop, self._errors)

    def _measure_another(self, here: Range) -> bool:
        """Measure the residual along the part of one more tangent, if there is one."""
        others = [j for j in range(self.residuals.size) if j not in here.rows]
        if not others:
            return False
        here.rows[others[0]] = self.parts.residual(others[0], here.start, here.stop)
        return bool(np.isfinite(here.rows[others[0]]))

    def _split(self, here: Range, left: Rows) -> bool:
        """Search the parts of a range. Return False where it is wrong nearly all over."""
        parts = self._measured_parts(here, max(left, key=lambda j: abs(left[j])))
        sizes = [rms(self._left(part).values()) for part in parts]
        active = [k for k, size in enumerate(sizes) if size > self._enough]
        active.sort(key=lambda k: -sizes[k])
        if here.size > len(parts) and len(active) > max(_MOSTLY * len(parts), 2):
            for k in active:
                for leaf, _ in leaves_in(self.point, parts[k].start, parts[k].stop):
                    self.leaves.setdefault(leaf, None)
            if not self.wrong:
                self._find_any(parts[active[0]])
            return False
        return all(self._search(parts[k]) for k in active)

    def _find_any(self, here: Range) -> None:
        """Find any wrong entry where nearly all are: a heavy one, or else one by halving."""
        ((tangent, residual),) = here.rows.items()
        heaviest = self._heaviest(here.start, here.stop)
        if self._may_be_wrong(heaviest, tangent, here) and self._confirm(heaviest):
            return
        start, stop = here.start, here.stop
        while stop - start > 1 and not self._is_over and abs(residual) > self._enough:
            middle = (start + stop) // 2
            first = self.parts.residual(tangent, start, middle)
            if abs(first) >= abs(residual - first):
                residual, stop = first, middle
            else:
                residual, start = residual - first, middle
        if stop - start == 1 and start not in self._errors:
            self._confirm(start)

    def _may_be_wrong(self, coordinate: int, tangent: int, here: Range) -> bool:
        """Return whether an entry may be off by as much as a typical one of a range.

        Two evaluations tell that, where a check of an entry costs some thirty.
        """
        if not self.axes.weight(coordinate) > 0:
            return False
        typical = abs(here.rows[tangent]) / math.sqrt(here.size)
        off = abs(self.parts.residual(tangent, coordinate, coordinate + 1))
        return not off + 2 * self._tolerance < _FAR_BELOW * typical

    def _measured_parts(self, here: Range, tangent: int) -> list[Range]:
        """Return the parts of a range, with a residual of each along one tangent.

        Some entries of some of the first blocks are enough, if they show that the claim is wrong
        all over.
        """
        ranges = split(self.point, here)
        parts: dict[tuple[int, int], Range] = {}

        def measured(start: int, stop: int) -> Range:
            if (start, stop) not in parts:
                residual = self.parts.residual(tangent, start, stop)
                parts[start, stop] = Range(start, stop, {tangent: residual})
            return parts[start, stop]

        if len(ranges) == FIRST_BLOCKS and not leaf_ranges(self.point, here):
            ranges = [ranges[_APART * k % FIRST_BLOCKS] for k in range(FIRST_BLOCKS)]
            some = [(start, min(stop, start + _EVERYWHERE)) for start, stop in ranges[:_SCATTERED]]
            if all(self._is_off(measured(*each)) for each in some):
                return list(parts.values())
        found = [measured(*each) for each in ranges[:-1]]
        rest = here.rows[tangent] - sum(each.rows[tangent] for each in found)
        return [*found, Range(*ranges[-1], {tangent: rest})]

    def _is_off(self, here: Range) -> bool:
        return rms(self._left(here).values()) > self._enough

    def _is_additive(self, coordinate: int, left: float) -> bool:
        """Return whether a tangent without a wrong entry is wrong by so much less.

        Noise may be larger than it is next to x0, where the terms of a sum round as one. It is no
        larger than what is `left` of the residuals.
        """
        effects = self._effects[coordinate]
        tangent = int(np.argmax(np.abs(effects)))
        effect = float(effects[tangent])
        rest = self.parts.residual(tangent, 0, self.point.size, without=coordinate)
        off = abs(float(self.residuals[tangent]) - effect - rest)
        return any(
            abs(effect) > 2 * slack and off <= slack + _LEAST_NOISE * abs(effect)
            for slack in (2 * float(self.noise[tangent]), 2 * left)
        )


def rms(numbers: Iterable[float]) -> float:
    """Return the root of the mean square of some numbers."""
    vector = np.asarray(list(numbers), dtype=np.float64)
    return norm_in_range(vector) / math.sqrt(vector.size)
