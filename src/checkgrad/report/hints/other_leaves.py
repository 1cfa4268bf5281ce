"""Claims for one array that are the right derivative of another array."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from checkgrad.numerics.samples import Flags
from checkgrad.report.hints.choose import Explanation
from checkgrad.report.hints.mismatches import Leaf, Mismatches
from checkgrad.report.hints.relocation import count_relocated
from checkgrad.report.hints.thresholds import THRESHOLDS

_COST_OF_SWAP = 2.5
_COST_OF_COPY = 3.5  # dearer than a swap, which explains both leaves by one slip


def explain_other_leaves(mismatches: Mismatches) -> Iterator[Explanation]:
    """Explain leaves whose claim is the right derivative of another leaf of the same size."""
    twins: dict[str, tuple[Leaf, Leaf]] = {}
    for leaf in mismatches.wrong_leaves:
        twin = find_twin(mismatches, leaf)
        if twin is not None:
            twins[leaf.path] = (leaf, twin)
    explained: set[str] = set()
    for leaf, twin in twins.values():
        if leaf.path in explained:
            continue
        entries = mismatches.within(mismatches.wrong, leaf.coordinates)
        back = twins.get(twin.path)
        if back is not None and back[1].path == leaf.path:
            explained.add(twin.path)
            entries |= mismatches.within(mismatches.wrong, twin.coordinates)
            text = f"claim has {leaf.path} and {twin.path} swapped: names or positions mixed up?"
            yield Explanation(entries, _COST_OF_SWAP, text)
        else:
            text = f"claim in {leaf.path} is the right derivative of {twin.path}: a name mixed up?"
            yield Explanation(entries, _COST_OF_COPY, text)


def find_twin(mismatches: Mismatches, leaf: Leaf) -> Leaf | None:
    """Return another leaf whose estimate is the claim in `leaf`, if there is one."""
    is_number = leaf.size == 1
    others = [
        other
        for other in mismatches.leaves
        if other.size == leaf.size and other.start != leaf.start
    ]
    if is_number and len(others) >= THRESHOLDS.max_for_one_pair:
        return None
    best, most = None, min(THRESHOLDS.min_moved, leaf.size) - 1
    for other in itertools.compress(others, _may_be_twins(mismatches, leaf, others)):
        origin = np.arange(other.start, other.start + other.size)
        slack = THRESHOLDS.tight_slack if is_number else THRESHOLDS.slack
        number = count_relocated(mismatches, leaf, origin, slack)
        if number > most:
            best, most = other, number
    return best


def _may_be_twins(mismatches: Mismatches, leaf: Leaf, others: list[Leaf]) -> Flags:
    """Return which of the others have the claim in the first wrong entry of `leaf`.

    This rules out most of them, in a tree of thousands of leaves, at the cost of one comparison.
    """
    first = int(np.flatnonzero(mismatches.wrong[leaf.coordinates])[0])
    places = np.array([other.start for other in others], dtype=np.intp) + first
    value = mismatches.estimate[places]
    reach = mismatches.margin[places] + THRESHOLDS.slack * np.abs(value)
    contradicts: Flags = np.abs(mismatches.claim[leaf.start + first] - value) > reach
    return ~contradicts
