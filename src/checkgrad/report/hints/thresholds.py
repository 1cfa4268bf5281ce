"""The numbers that decide when a coincidence becomes a hint.

This module owns all thresholds of the hints. How likely one slip is compared with another is not
a threshold: each family states the cost of its explanations itself.

The tests of `tests/report/hints` fail if a number is halved or doubled. The one exception is
`neighbours`: doubled, it only costs time and memory.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HintThresholds:
    """The thresholds of the hints. None of them influences a verdict.

    Attributes
    ----------
    safety : float
        How many uncertainties a number may lie off its estimate. Uncertainties are estimates
        themselves, so 1 is too few. With 10, few entries of a float32 estimate tell anything.
    slack : float
        How far two numbers that are called the same may differ, relative to their size. Real
        slips come with small errors of their own, for example a constant with four digits.
    tight_slack : float
        The slack where a single number is all the evidence. One number in 500 agrees with a given
        one to within `slack` by accident. To within `tight_slack`, one in 50,000 does.
    factor_slack : float
        The slack of a factor ``f``, relative to ``|f - 1|``. Where the claim is only 0.1% too
        large, a slack of 0.1% would fit every factor between 1 and 1.002.
    distinct : float
        How many tolerances the claim that a slip predicts must lie off the right one. Where the
        two are nearer, the slip changes nothing that could be seen.
    readable : float
        The largest relative error of an estimate that a factor or constant is read from.
    few : int
        The number of entries from which on a number in common is no accident. Two entries share a
        number now and then.
    min_moved : int
        The number of entries that must have moved before a leaf is called rearranged. A single
        entry equals one of its neighbours now and then.
    named_share : float
        The share of the wrong entries that must have a slip with a name in common, such as a
        flipped sign or swapped pairs. Slips with a name are rarely accidents.
    majority : float
        The share that counts as most: of the wrong entries, for a slip without a name, or of the
        entries of an array, for the array to stand for its entries.
    zero_share : float
        The share of the wrong entries that must be zero. Zeros are never accidents, but a hint on
        1 entry of 1,000 leads away from the others.
    max_for_one_pair : int
        The number of entries up to which one swapped pair among them is no accident. The number
        of pairs grows with the square of the number of entries.
    neighbours : int
        The number of entries on either side, sorted by size, among which the other entry of a
        swapped pair is looked for. Several entries may have the same size; to look at all would
        take time that grows with the square of their number.
    max_leaves : int
        The number of leaves with wrong entries that are looked at one by one. It bounds the time
        that the hints take for a tree of thousands of leaves.
    max_hints : int
        The number of hints in a report. A person reads the first ones only.
    max_names : int
        The number of places that a hint names before it counts the rest.
    digits : int
        The significant digits of a number in a hint.
    """

    safety: float = 4.0
    slack: float = 1e-3
    tight_slack: float = 1e-5
    factor_slack: float = 0.02
    distinct: float = 3.0
    readable: float = 0.05
    few: int = 3
    min_moved: int = 2
    named_share: float = 0.25
    majority: float = 0.5
    zero_share: float = 0.01
    max_for_one_pair: int = 16
    neighbours: int = 4
    max_leaves: int = 32
    max_hints: int = 3
    max_names: int = 3
    digits: int = 4


THRESHOLDS = HintThresholds()
