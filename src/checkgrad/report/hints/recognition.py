"""What a mismatch looks like, recognised from claim against estimate: arithmetic on host arrays.

This room owns the hints of a report. Given claims that were found wrong, it looks for the slip
of the pen that would produce them: a flipped sign, a factor, swapped entries, a transposed
matrix. It calls no user code, and it does not judge: what is wrong comes in as flags.

The one explanation of all wrong entries with the fewest assumptions wins. Only if there is none,
explanations of parts of them are given. What an estimate is too uncertain to tell fits every
explanation and supports none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from checkgrad.numerics.samples import Flags, Floats

_Indices = npt.NDArray[np.intp]

_SAFETY = 4.0  # uncertainties that a number may lie off its estimate, as in the verdict
_SLACK = 1e-3  # the same relative to the number: uncertainties are themselves estimates
_TIGHT = 1e-5  # the slack where a single number is all there is to recognise
_OF_EXCESS = 0.02  # the slack of a factor f, relative to |f - 1|: 1.001 is no factor of 1.002
_DISTINCT = 3.0  # tolerances that an explanation must lie off the estimate to explain anything
_SURE = 0.05  # relative error of an estimate from which on no factor can be read off it
_FEW = 3  # entries that share a number from which on that is no accident
_NAMED_SHARE = 0.25  # of the wrong entries that share a factor with a name
_SHARE = 0.5  # of the wrong entries that share any other number
_ZERO_SHARE = 0.01  # of the wrong entries that are zero
_PAIRED = 16  # wrong entries up to which one swapped pair among them is no accident
_NEIGHBOURS = 4  # entries to either side, sorted by size, looked at for the other one of a pair
_REORDERED = 1000  # entries up to which the right numbers in another order are no accident
_SCANNED = 32  # leaves with wrong entries that are looked at one by one
_ALIKE = 16  # leaves of one number each up to which a coincidence of two is no accident
_LISTED = 3  # places that a hint names
_SHIFTED = 3  # the shortest axis along which a shift differs from a swap
_TILES = 3  # the smallest side of a matrix that may hide in a flat array
_HINTS = 3  # that a report gives
_DIGITS = 4  # of a number in a hint


@dataclass(frozen=True)
class Leaf:
    """One array of x0.

    Attributes
    ----------
    path : str
        Its name in the user's structure, e.g. ``params['bias']``; ``x`` for a single array.
    shape : tuple of int
        Its shape.
    start : int
        Its first flat coordinate.
    """

    path: str
    shape: tuple[int, ...]
    start: int

    @property
    def size(self) -> int:
        """The number of its coordinates."""
        return math.prod(self.shape)

    @property
    def coordinates(self) -> slice:
        """Its flat coordinates."""
        return slice(self.start, self.start + self.size)

    def entry(self, flat: int) -> str:
        """The name of its entry number `flat`, e.g. ``params['bias'][3]``."""
        index = []
        for length in reversed(self.shape):
            flat, position = divmod(flat, length)
            index.append(str(position))
        return f"{self.path}[{', '.join(reversed(index))}]" if index else self.path


@dataclass(frozen=True)
class _Case:
    """Claims and estimates, and what of them may be relied on.

    Attributes
    ----------
    margin : array
        How far the claim may lie off the estimate by accident.
    known : array of bool
        Where both claim and estimate are finite.
    wrong : array of bool
        Wrong entries with a finite claim and an estimate that tells: what is to be explained.
    suspects : list of Leaf
        The leaves that have any, up to a number that can be looked at one by one.
    """

    claim: Floats
    estimate: Floats
    margin: Floats
    known: Flags
    wrong: Flags
    leaves: Sequence[Leaf]
    suspects: list[Leaf]

    @property
    def scopes(self) -> Iterator[slice]:
        """Where to look for one common number: everywhere, then leaf by leaf."""
        yield slice(0, self.claim.size)
        if len(self.suspects) > 1:
            yield from (leaf.coordinates for leaf in self.suspects)


@dataclass(frozen=True)
class _Explanation:
    """Of the wrong entries `explains`; the lower the cost, the less it assumes."""

    explains: Flags
    cost: float
    text: str


@dataclass(frozen=True)
class _Places:
    """Where in the user's structure some entries are, in words."""

    text: str
    kind: str  # "everywhere", "leaf", "slice", "entry" or "entries"
    cost: float


def recognise(
    claim: Floats,
    estimate: Floats,
    uncertainty: Floats,
    wrong: Flags,
    leaves: Sequence[Leaf],
) -> list[str]:
    """What the mismatch of claim and estimate looks like.

    Parameters
    ----------
    claim, estimate, uncertainty : array, shape (coordinates,)
        Any of them may be anything but finite: such an entry supports no hint, except the one
        that a claim is not finite.
    wrong : array of bool, shape (coordinates,)
        The entries that the verdict found wrong.
    leaves : sequence of Leaf
        The arrays that the coordinates are those of, in order.

    Returns
    -------
    list of str
        A sentence each, most telling first; empty where nothing is recognised.

    Examples
    --------
    >>> import numpy as np
    >>> estimate = np.array([1.0, -3.0, 5.0])
    >>> precise, everywhere = np.full(3, 1e-9), np.full(3, True)
    >>> recognise(-estimate, estimate, precise, everywhere, [Leaf("x", (3,), 0)])
    ['claim is -1 times the estimate at every coordinate: a flipped sign?']
    """
    with np.errstate(all="ignore"):
        case = _make_case(claim, estimate, uncertainty, wrong, leaves)
        hints = _not_finite(case)
        if not np.any(case.wrong):
            return hints
        explanations = [found for kind in _KINDS for found in kind(case)]
        return (hints + _choose(case.wrong, explanations))[:_HINTS]


def _make_case(
    claim: Floats, estimate: Floats, uncertainty: Floats, wrong: Flags, leaves: Sequence[Leaf]
) -> _Case:
    margin = _SAFETY * np.abs(uncertainty)
    known = np.isfinite(claim) & np.isfinite(estimate) & np.isfinite(margin)
    explicable = wrong & known & (np.abs(claim - estimate) > margin)
    starts = np.array([leaf.start for leaf in leaves if leaf.size], dtype=np.intp)
    holders = [leaf for leaf in leaves if leaf.size]
    owners = np.unique(np.searchsorted(starts, np.flatnonzero(explicable), side="right") - 1)
    suspects = [holders[owner] for owner in owners[:_SCANNED]]
    return _Case(claim, estimate, margin, known, explicable, leaves, suspects)


def _choose(wrong: Flags, explanations: list[_Explanation]) -> list[str]:
    """The cheapest explanation of most wrong entries; others only of what that leaves over."""
    chosen: list[str] = []
    left = wrong
    while len(chosen) < _HINTS:
        # What is mostly explained already is another view of the same entries.
        fresh = [
            (np.count_nonzero(e.explains & left), -e.cost, e)
            for e in explanations
            if 2 * np.count_nonzero(e.explains & left) > np.count_nonzero(e.explains)
        ]
        if not fresh:
            break
        best = max(fresh, key=lambda candidate: candidate[:2])[2]
        chosen.append(best.text)
        left = left & ~best.explains
    return chosen


# --- places ----------------------------------------------------------------------------------


def _describe(case: _Case, entries: Flags, fitting: Flags) -> _Places:
    """Where `entries` are, in as few words as `fitting`, a superset of them, allows."""
    if entries.size > 1 and _is_whole(entries, fitting):
        sure = bool(np.all(case.known))
        text = "at every coordinate" + ("" if sure else " whose estimate tells")
        return _Places(text, "everywhere", 0.0)
    names: list[str] = []
    kinds: set[str] = set()
    total = int(np.count_nonzero(entries))
    for leaf in _holders(case, entries):
        inside = entries[leaf.coordinates]
        pieces = _pieces(leaf, inside, fitting[leaf.coordinates])
        names += pieces.names
        kinds.add(pieces.kind)
        total += pieces.number - int(np.count_nonzero(inside))
    if not names:  # all of them beyond the leaves that are looked at one by one
        names = [_place(case, int(np.flatnonzero(entries)[0]))]
        kinds = {"entry"}
    kind = kinds.pop() if len(kinds) == 1 else "entries"
    if kind == "entry" and total > 1:
        kind = "entries"
    cost = {"leaf": 0.1, "slice": 0.2, "entry": 0.3}.get(kind, 0.4)
    lead = "everywhere in" if kind == "leaf" else "at"
    return _Places(f"{lead} {_listing(names, total)}", kind, cost + (0.05 if total > 1 else 0.0))


def _is_whole(entries: Flags, fitting: Flags) -> bool:
    """Whether all fit, and not merely since most are too small or too uncertain to tell."""
    number = int(np.count_nonzero(entries))
    return bool(np.all(fitting)) and (number >= _FEW or 2 * number >= entries.size)


def _holders(case: _Case, entries: Flags) -> list[Leaf]:
    """Leaves that have any of the entries, as many as are looked at one by one."""
    return [leaf for leaf in case.suspects if np.any(entries[leaf.coordinates])]


@dataclass(frozen=True)
class _Pieces:
    """What some entries of a leaf make up: the names of the first of these, and how many."""

    names: list[str]
    number: int
    kind: str


def _pieces(leaf: Leaf, entries: Flags, fitting: Flags) -> _Pieces:
    if leaf.size > 1 and _is_whole(entries, fitting):
        return _Pieces([leaf.path], 1, "leaf")
    chosen = np.flatnonzero(entries)
    if len(leaf.shape) == 1 and chosen.size >= _FEW:
        run = _progression(chosen, fitting)
        if run is not None:
            return _Pieces([f"{leaf.path}[{run}]"], 1, "slice")
    if len(leaf.shape) > 1 and chosen.size > 1:
        slabs = _slabs(leaf, entries, fitting)
        if slabs:
            return _Pieces(slabs, len(slabs), "slice")
    return _Pieces([leaf.entry(int(i)) for i in chosen[:_LISTED]], chosen.size, "entry")


def _progression(chosen: _Indices, fitting: Flags) -> str | None:
    """The entries of a vector as ``start:stop`` or ``start:stop:step``."""
    first, last = int(chosen[0]), int(chosen[-1])
    if np.all(fitting[first : last + 1]):
        return f"{first}:{last + 1}"
    steps = np.diff(chosen)
    if np.all(steps == steps[0]):
        return f"{first}:{last + 1}:{int(steps[0])}"
    return None


def _slabs(leaf: Leaf, entries: Flags, fitting: Flags) -> list[str]:
    """The few rows or columns, if any, that are all of the entries."""
    inside, fits = entries.reshape(leaf.shape), fitting.reshape(leaf.shape)
    best: list[str] = []
    for axis, length in enumerate(leaf.shape):
        others = tuple(a for a in range(len(leaf.shape)) if a != axis)
        number = np.count_nonzero(inside, axis=others)
        held = np.flatnonzero(number)
        breadth = leaf.size // length
        filled = np.all(fits, axis=others)[held] & (2 * number[held] >= min(breadth, 2 * _FEW))
        usable = breadth > 1 and held.size <= _LISTED and bool(np.all(filled))
        if usable and (not best or held.size < len(best)):
            colons = [":"] * len(leaf.shape)
            best = [
                f"{leaf.path}[{', '.join(colons[:axis] + [str(i)] + colons[axis + 1 :])}]"
                for i in held.tolist()
            ]
    return best


def _listing(names: Sequence[str], total: int) -> str:
    """Names as in a sentence: ``a``, ``a and b``, ``a, b and 7 more``."""
    shown = list(names[:_LISTED])
    if total > len(shown):
        shown = [*shown, f"{total - len(shown)} more"]
    if len(shown) == 1:
        return shown[0]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _place(case: _Case, coordinate: int) -> str:
    """The name of one coordinate."""
    for leaf in case.leaves:
        if leaf.start <= coordinate < leaf.start + leaf.size:
            return leaf.entry(coordinate - leaf.start)
    return f"coordinate {coordinate}"


def _number(value: float) -> str:
    """A number as a person writes it; with the digits that tell it from one."""
    for text, power in ((str, value), ("1/{:d}".format, 1 / value if value else 0.0)):
        nearest = round(power) if abs(power) < 1 / _SLACK else 0
        if nearest > 1 and abs(power - nearest) <= _TIGHT * abs(power):
            return text(nearest)
    excess = abs(value - 1)
    more = max(0, 1 - math.floor(math.log10(excess))) if 0 < excess < 1 else 0
    return f"{value:.{max(_DIGITS, min(more + 1, 12))}g}"


# --- single entries --------------------------------------------------------------------------


def _not_finite(case: _Case) -> list[str]:
    """The hint that a claim is not finite, whether that is wrong or cannot be told."""
    where = np.flatnonzero(~np.isfinite(case.claim))
    if not where.size:
        return []
    names = [f"{_place(case, int(i))} ({case.claim[i]})" for i in where[:_LISTED]]
    number = "1 entry" if where.size == 1 else f"{where.size} entries"
    places = _listing(names, where.size)
    suspicion = "a division by zero, a log or root at 0, or an overflow?"
    return [f"claim is not finite in {number} of {case.claim.size}, at {places}: {suspicion}"]


def _zeroed(case: _Case) -> Iterator[_Explanation]:
    zero = case.claim == 0
    entries = case.wrong & zero
    number = np.count_nonzero(entries)
    if not number or number < _ZERO_SHARE * np.count_nonzero(case.wrong):
        return
    places = _describe(case, entries, zero | ~case.known)
    suspicion = {
        "everywhere": "a derivative that was never filled in, or was cut off on its way?",
        "leaf": "an array forgotten?",
        "slice": "a row, a column or a range forgotten?",
        "entry": "an entry missing or overwritten?",
    }.get(places.kind, "entries missing or overwritten?")
    first = int(np.flatnonzero(entries)[0])
    value = f"{case.estimate[first]:.{_DIGITS}g}"
    estimate = f"is {value}" if places.kind == "entry" else "is not"
    text = f"claim is 0 {places.text}, where the estimate {estimate}: {suspicion}"
    yield _Explanation(entries, 1 + places.cost, text)


# --- one number shared by many entries --------------------------------------------------------


def _shared(values: Floats, tolerance: Floats) -> float:
    """The number that the most of `values` agree on, each to within its tolerance."""
    order = np.argsort(values)
    ranked = values[order]
    # The vague ones agree with many: they may follow, not lead.
    leading = np.flatnonzero(tolerance <= np.median(tolerance))
    reach = tolerance[leading]
    low = np.searchsorted(ranked, values[leading] - reach, side="left")
    high = np.searchsorted(ranked, values[leading] + reach, side="right")
    best = int(np.argmax(high - low))
    members = order[low[best] : high[best]]
    sharpest = np.min(tolerance[members])
    weight = (sharpest / tolerance[members]) ** 2 if sharpest > 0 else np.ones(members.size)
    centre = values[leading[best]]
    return float(centre + np.sum(weight * (values[members] - centre)) / np.sum(weight))


def _factors(case: _Case) -> Iterator[_Explanation]:
    """Factors, named or not, that the claim is off by in a large part of the wrong entries."""
    readable = case.wrong & (case.claim != 0) & (case.margin <= _SURE * np.abs(case.estimate))
    readable &= np.isfinite(case.claim / case.estimate)
    for scope in case.scopes:
        left = np.zeros_like(readable)
        left[scope] = readable[scope]
        of = int(np.count_nonzero(case.wrong[scope]))
        for _ in range(_HINTS):
            if not np.any(left):
                break
            factor = _common_factor(case, left)
            fitting, entries = _fit_factor(case, factor.value)
            inside = entries & left
            if not np.any(inside):
                break
            left = left & ~inside
            if _is_no_accident(case, factor, int(np.count_nonzero(inside)), of):
                yield _explain_factor(case, factor, fitting, entries)


@dataclass(frozen=True)
class _Factor:
    value: float
    text: str
    suspicion: str
    cost: float
    slack: float  # relative: how exactly it is known

    @property
    def has_name(self) -> bool:
        return bool(self.suspicion)


def _common_factor(case: _Case, chosen: Flags) -> _Factor:
    ratio = case.claim[chosen] / case.estimate[chosen]
    vague = case.margin[chosen] / np.abs(case.estimate[chosen])
    slack = np.minimum(_SLACK, _OF_EXCESS * np.abs(ratio - 1))
    value = _shared(ratio, np.abs(ratio) * (vague + slack))
    near = np.abs(ratio - value) <= np.abs(ratio) * (vague + slack)
    known_to = float(np.min(vague[near], initial=_SURE))
    for factor in _named_factors(case, chosen):
        excess = _OF_EXCESS * abs(factor.value - 1)
        if abs(value - factor.value) <= abs(factor.value) * (min(_SLACK, excess) + known_to):
            exact = abs(value / factor.value - 1)
            return _Factor(factor.value, factor.text, factor.suspicion, factor.cost, exact)
    return _Factor(value, _number(value), "", 5.0, known_to)


def _named_factors(case: _Case, chosen: Flags) -> Iterator[_Factor]:
    """Factors that a slip of the pen makes, the likeliest first."""
    yield _Factor(-1.0, "-1", "a flipped sign?", 1.0, 0.0)
    positive = [
        _Factor(2.0, "2", "a factor too many?", 1.5, 0.0),
        _Factor(0.5, "1/2", "a factor too few?", 1.5, 0.0),
        *_sizes(case, chosen),
    ]
    for name, value, more, less in (
        ("ln 10", math.log(10), "log10 taken for log", "log taken for log10"),
        ("ln 2", math.log(2), "log2 taken for log", "log taken for log2"),
        ("180/pi", 180 / math.pi, "degrees taken for radians", "radians taken for degrees"),
    ):
        positive.append(_Factor(value, f"{value:.4g} = {name}", f"{more}?", 2.5, 0.0))
        inverse = "pi/180" if name == "180/pi" else f"1/{name}"
        positive.append(_Factor(1 / value, f"{1 / value:.4g} = {inverse}", f"{less}?", 2.5, 0.0))
    yield from positive
    for factor in positive:
        suspicion = f"a flipped sign, and {factor.suspicion}"
        text = f"-{factor.text}" if "=" not in factor.text else f"minus {factor.text}"
        yield _Factor(-factor.value, text, suspicion, factor.cost + 1, 0.0)


def _sizes(case: _Case, chosen: Flags) -> list[_Factor]:
    """The factors n and 1/n: of x0, and where it is one leaf that is wrong, of that."""
    sizes = [(case.claim.size, "n")]
    holders = _holders(case, chosen)
    if len(holders) == 1:
        leaf = holders[0]
        sizes.append((leaf.size, f"the size of {leaf.path}"))
        sizes += [
            (length, f"the length of axis {axis} of {leaf.path}")
            for axis, length in enumerate(leaf.shape)
        ]
    found = []
    for n, name in sizes:
        if n > 1:
            many = f"n = {n}" if name == "n" else f"{n}, {name},"
            part = f"1/n = 1/{n}" if name == "n" else f"1/{n}, one over {name},"
            found.append(_Factor(float(n), many, "a mean taken for a sum?", 2.0, 0.0))
            found.append(_Factor(1 / n, part, "a sum taken for a mean?", 2.0, 0.0))
    return found


def _fit_factor(case: _Case, factor: float) -> tuple[Flags, Flags]:
    """Where the claim may be `factor` times the estimate, and where it shows to be."""
    excess = abs(factor - 1)
    predicted = factor * case.estimate
    slack = min(_SLACK, _OF_EXCESS * excess)
    tolerance = case.margin * max(1.0, abs(factor)) + slack * np.abs(predicted)
    fits = np.abs(case.claim - predicted) <= tolerance
    distinct = excess * np.abs(case.estimate) > case.margin + _DISTINCT * tolerance
    return fits | ~case.known, case.wrong & fits & distinct


def _is_no_accident(case: _Case, factor: _Factor, number: int, of: int) -> bool:
    """Whether so many of the wrong entries of a scope have a factor in common by more than luck."""
    if number >= _FEW:
        return number >= (_NAMED_SHARE if factor.has_name else _SHARE) * of
    usual = abs(factor.value) in (1.0, 2.0, 0.5)
    few_leaves = len(case.suspects) <= _FEW
    return factor.has_name and number == of and few_leaves and (usual or factor.slack <= _TIGHT)


def _explain_factor(case: _Case, factor: _Factor, fitting: Flags, entries: Flags) -> _Explanation:
    places = _describe(case, entries, fitting)
    text = f"claim is {factor.text} times the estimate {places.text}"
    suspicion = factor.suspicion or "a constant that was forgotten or counted twice?"
    return _Explanation(entries, factor.cost + places.cost, f"{text}: {suspicion}")


def _constant_added(case: _Case) -> Iterator[_Explanation]:
    difference = case.claim - case.estimate
    readable = case.wrong & (case.margin <= _SURE * np.abs(difference)) & np.isfinite(difference)
    for scope in case.scopes:
        chosen = np.zeros_like(readable)
        chosen[scope] = readable[scope]
        if np.count_nonzero(chosen) < _FEW:
            continue
        tolerance = case.margin + _SLACK * np.abs(difference)
        constant = _shared(difference[chosen], tolerance[chosen])
        fits = np.abs(difference - constant) <= case.margin + _SLACK * abs(constant)
        entries = readable & fits
        number = np.count_nonzero(entries[scope])
        if number >= max(_FEW, _SHARE * np.count_nonzero(case.wrong[scope])):
            places = _describe(case, entries, fits | ~case.known)
            sense = "more" if constant > 0 else "less"
            text = (
                f"claim is {abs(constant):.{_DIGITS}g} {sense} than the estimate {places.text}: "
                "a constant added, or a term too many or too few?"
            )
            yield _Explanation(entries, 5.5 + places.cost, text)


# --- entries in another place -----------------------------------------------------------------


def _swapped_entries(case: _Case) -> Iterator[_Explanation]:
    """Pairs of wrong entries, each with the other's estimate."""
    chosen = np.flatnonzero(case.wrong)
    if chosen.size < 2:
        return
    pairs = _pairs(case.claim[chosen], case.estimate[chosen], case.margin[chosen])
    if not pairs.size or not (chosen.size <= _PAIRED or 4 * len(pairs) >= chosen.size):
        return
    entries = np.zeros_like(case.wrong)
    entries[chosen[pairs.ravel()]] = True
    named = [
        f"{_place(case, int(a))} with {_place(case, int(b))}" for a, b in chosen[pairs[:_LISTED]]
    ]
    what = "two entries are" if len(pairs) == 1 else f"{len(pairs)} pairs of entries are"
    text = f"{what} swapped in the claim, {_listing(named, len(pairs))}: indices mixed up?"
    yield _Explanation(entries, 3.0 if len(pairs) == 1 else 6.0, text)


def _pairs(claim: Floats, estimate: Floats, margin: Floats) -> npt.NDArray[np.intp]:
    """Indices of pairs, shape (pairs, 2), whose claims are each other's estimates.

    The other one of a pair is looked for among the nearest estimates only.
    """
    tolerance = margin + _SLACK * np.abs(estimate)
    order = np.argsort(estimate)
    nearest = np.searchsorted(estimate[order], claim)
    window = nearest[:, None] + np.arange(-_NEIGHBOURS, _NEIGHBOURS)
    other = order[np.clip(window, 0, claim.size - 1)]
    own = np.arange(claim.size)[:, None]
    fits = np.abs(claim[:, None] - estimate[other]) <= tolerance[other]
    fits &= np.abs(claim[other] - estimate[:, None]) <= tolerance[:, None]
    apart = np.abs(estimate[:, None] - estimate[other])
    fits &= apart > _DISTINCT * (tolerance[other] + tolerance[:, None])
    column = np.argmax(fits, axis=1)
    partner = np.where(np.any(fits, axis=1), other[own[:, 0], column], -1)
    mutual = (partner >= 0) & (partner[partner] == own[:, 0]) & (own[:, 0] < partner)
    return np.stack([own[mutual, 0], partner[mutual]], axis=1)


def _reordered(case: _Case) -> Iterator[_Explanation]:
    """The right numbers in an order that has no name."""
    for scope in case.scopes:
        entries = np.zeros_like(case.wrong)
        entries[scope] = case.wrong[scope]
        if not _FEW <= np.count_nonzero(entries) <= _REORDERED:
            continue
        own = case.margin[entries] + _SLACK * np.abs(case.estimate[entries])
        if not np.all(np.abs(case.claim - case.estimate)[entries] > _DISTINCT * own):
            continue  # nothing is elsewhere than it should be
        order = np.argsort(case.estimate[entries])
        right = case.estimate[entries][order]
        tolerance = case.margin[entries][order] + _SLACK * np.abs(right)
        apart = np.diff(right) > _DISTINCT * np.maximum(tolerance[1:], tolerance[:-1])
        same = np.abs(np.sort(case.claim[entries]) - right) <= tolerance
        if np.all(same) and np.count_nonzero(apart) >= max(2, _SHARE * apart.size):
            places = _describe(case, entries, entries)
            text = (
                f"claim has the right numbers in another order {places.text}: "
                "indices or a sort mixed up?"
            )
            yield _Explanation(entries, 7.0, text)


@dataclass(frozen=True)
class _Rearrangement:
    """Which entry of a leaf the claim has in the place of each; -1 where that is open."""

    text: str  # with a place for the leaves
    sources: _Indices
    cost: float


def _rearrangements(shape: tuple[int, ...]) -> Iterator[_Rearrangement]:
    size = math.prod(shape)
    index = np.arange(size).reshape(shape)
    yield from _transposes(shape, index)
    for axis, length in enumerate(shape):
        along = "" if len(shape) == 1 else f" along axis {axis}"
        if length > 1:
            text = f"claim is the estimate in reversed order{along} in {{}}: a flip too many?"
            yield _Rearrangement(text, np.flip(index, axis).ravel(), 4.0)
        for shift in (1, -1) if length >= _SHIFTED else ():
            rolled = np.roll(index, shift, axis)
            suspicion = "an index off by one?"
            text = f"claim is the estimate rolled by {shift}{along} in {{}}: {suspicion}"
            yield _Rearrangement(text, rolled.ravel(), 4.0)
            text = f"claim is the estimate shifted by {shift}{along} in {{}}: {suspicion}"
            edge = [slice(None)] * len(shape)
            edge[axis] = slice(0, 1) if shift > 0 else slice(-1, None)
            shifted = rolled.copy()
            shifted[tuple(edge)] = -1
            yield _Rearrangement(text, shifted.ravel(), 4.5)


def _transposes(shape: tuple[int, ...], index: _Indices) -> Iterator[_Rearrangement]:
    transposed = "claim is the transpose of the estimate in {}: a matrix transposed?"
    if len(shape) == 1:
        side = math.isqrt(index.size)
        if side >= _TILES and side * side == index.size:
            text = f"claim is the estimate in {{}} as a {side} x {side} matrix, transposed?"
            yield _Rearrangement(text, index.reshape(side, side).T.ravel(), 3.5)
        return
    if len(shape) > 1 and shape[-1] == shape[-2]:
        yield _Rearrangement(transposed, np.swapaxes(index, -1, -2).ravel(), 2.5)
    if len(shape) > 1:
        orders = "in Fortran order in {}: a reshape or ravel in the wrong order?"
        yield _Rearrangement(f"claim is the estimate {orders}", index.ravel(order="F"), 3.0)
        reverse = np.reshape(index.ravel(), shape, order="F").ravel()
        back = "read in Fortran order in {}: a reshape or ravel in the wrong order?"
        yield _Rearrangement(f"claim is the estimate {back}", reverse, 3.0)


def _rearranged(case: _Case) -> Iterator[_Explanation]:
    """Leaves whose entries are right but in another place of the same leaf."""
    found: dict[str, tuple[Flags, list[str], float]] = {}
    for leaf in case.suspects:
        for change in _rearrangements(leaf.shape) if leaf.size > 1 else ():
            if _fits_rearranged(case, leaf, change.sources):
                if change.text not in found:
                    found[change.text] = np.zeros_like(case.wrong), [], change.cost
                entries, paths, _ = found[change.text]
                entries[leaf.coordinates] = case.wrong[leaf.coordinates]
                paths.append(leaf.path)
    for text, (entries, paths, cost) in found.items():
        yield _Explanation(entries, cost, text.format(_listing(paths, len(paths))))


def _fits_rearranged(case: _Case, leaf: Leaf, sources: _Indices) -> bool:
    here = leaf.coordinates
    origin = leaf.start + sources
    return _fits_elsewhere(case, here, origin, sources >= 0, _SLACK) >= 2


def _fits_elsewhere(case: _Case, here: slice, origin: _Indices, bound: Flags, slack: float) -> int:
    """The number of wrong entries that show the claim `here` to be the estimate at `origin`.

    Zero where it is not, or where these are fewer than half of the wrong ones that could.
    """
    predicted = case.estimate[origin]
    tolerance = case.margin[origin] + slack * np.abs(predicted)
    known = bound & np.isfinite(predicted) & np.isfinite(tolerance)
    fits = np.abs(case.claim[here] - predicted) <= tolerance
    if np.any(known & ~fits & np.isfinite(case.claim[here])):
        return 0
    apart = np.abs(predicted - case.estimate[here])
    telling = case.wrong[here] & known & (apart > case.margin[here] + _DISTINCT * tolerance)
    number = int(np.count_nonzero(telling))
    return number if 2 * number >= np.count_nonzero(case.wrong[here] & bound) else 0


def _other_leaves(case: _Case) -> Iterator[_Explanation]:
    """Leaves whose claim is the right derivative of another leaf of the same size."""
    twins = {}
    for leaf in case.suspects:
        twin = _twin(case, leaf)
        if twin is not None:
            twins[leaf.path] = (leaf, twin)
    done: set[str] = set()
    for leaf, twin in twins.values():
        if leaf.path in done:
            continue
        entries = np.zeros_like(case.wrong)
        entries[leaf.coordinates] = case.wrong[leaf.coordinates]
        back = twins.get(twin.path)
        if back is not None and back[1].path == leaf.path:
            done.add(twin.path)
            entries[twin.coordinates] = case.wrong[twin.coordinates]
            text = f"claim has {leaf.path} and {twin.path} swapped: names or positions mixed up?"
            yield _Explanation(entries, 2.5, text)
        else:
            text = f"claim in {leaf.path} is the right derivative of {twin.path}: a name mixed up?"
            yield _Explanation(entries, 3.5, text)


def _twin(case: _Case, leaf: Leaf) -> Leaf | None:
    """Another leaf whose estimate is the claim in `leaf`."""
    others = [o for o in case.leaves if o.size == leaf.size and o.start != leaf.start]
    if leaf.size == 1 and len(others) >= _ALIKE:
        return None
    # One entry rules most of them out before any is looked at as a whole.
    first = int(np.flatnonzero(case.wrong[leaf.coordinates])[0])
    places = np.array([o.start for o in others], dtype=np.intp) + first
    value = case.estimate[places]
    reach = case.margin[places] + _SLACK * np.abs(value)
    ruled_out = np.abs(case.claim[leaf.start + first] - value) > reach
    slack = _TIGHT if leaf.size == 1 else _SLACK
    bound = np.ones(leaf.size, dtype=bool)
    best, most = None, min(2, leaf.size) - 1
    for other in itertools.compress(others, ~ruled_out):
        origin = np.arange(other.start, other.start + other.size)
        number = _fits_elsewhere(case, leaf.coordinates, origin, bound, slack)
        if number > most:
            best, most = other, number
    return best


_KINDS: tuple[Callable[[_Case], Iterator[_Explanation]], ...] = (
    _zeroed,
    _factors,
    _swapped_entries,
    _rearranged,
    _other_leaves,
    _constant_added,
    _reordered,
)
