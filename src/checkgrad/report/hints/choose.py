"""Which explanations become hints: those of most wrong entries with the fewest assumptions.

This module owns what an explanation is, and the choice between explanations. It does not look at
claims or estimates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from checkgrad.numerics.samples import Flags
from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.thresholds import THRESHOLDS


@dataclass(frozen=True)
class Explanation:
    """A slip that would make some of the wrong entries.

    Attributes
    ----------
    explains : array of bool, shape (entries,)
        The entries that it explains.
    cost : float
        How much it assumes. Of two explanations of equally many entries, the cheaper one is
        chosen. The scale runs from 1, a slip that everybody makes and that one word describes
        (a flipped sign), to 7, a pattern without a cause (the right numbers in another order).
        The place of the slip adds up to 0.45 (see `places.Places`).
    text : str
        The hint.
    is_certain : bool
        Whether the text states what can be seen in the claim alone. Such a text is always shown,
        before all others.
    """

    explains: Flags
    cost: float
    text: str
    is_certain: bool = False


Family: TypeAlias = Callable[[Mismatches], Iterator[Explanation]]


def choose(wrong: Flags, explanations: Sequence[Explanation]) -> list[str]:
    """Return the texts of the chosen explanations, the most telling one first.

    The first one explains the most wrong entries. Each further one explains the most of the
    wrong entries that remain. An explanation is left out if it explains mostly entries that have
    been explained before: it is then another view of the same slip.

    Parameters
    ----------
    wrong : array of bool, shape (entries,)
        The entries that are to be explained.
    explanations : sequence of Explanation
        The explanations to choose from. The first one wins a tie.

    Returns
    -------
    list of str
        At most ``max_hints`` texts.
    """
    chosen = [each.text for each in explanations if each.is_certain]
    remaining = wrong
    while len(chosen) < THRESHOLDS.max_hints:
        gains = [np.count_nonzero(each.explains & remaining) for each in explanations]
        candidates = [
            (gain, -each.cost, each)
            for gain, each in zip(gains, explanations, strict=True)
            if gain > THRESHOLDS.majority * np.count_nonzero(each.explains)
        ]
        if not candidates:
            break
        best = max(candidates, key=lambda candidate: candidate[:2])[2]
        chosen.append(best.text)
        remaining = remaining & ~best.explains
    return chosen
