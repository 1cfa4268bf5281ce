"""Factors that a slip of the pen makes: -1, 2, n, ln 10, and their like.

This module owns the list of these factors. It does not look for them in a claim (see `factors`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from checkgrad.numerics.samples import Flags
from checkgrad.report.hints.mismatches import Mismatches
from checkgrad.report.hints.places import leaves_with

# The costs of factors: the more often people make the slip, the cheaper it is.
_COST_OF_SIGN = 1.0
_COST_OF_TWO = 1.5
_COST_OF_SIZE = 2.0
_COST_OF_UNIT = 2.5
_COST_OF_A_SECOND_SLIP = 1.0  # the sign is wrong too

_UNITS = (
    ("ln 10", math.log(10), "log10 taken for log", "log taken for log10"),
    ("ln 2", math.log(2), "log2 taken for log", "log taken for log2"),
    ("180/pi", 180 / math.pi, "degrees taken for radians", "radians taken for degrees"),
)


@dataclass(frozen=True)
class Factor:
    """A number that the claim may be off by.

    Attributes
    ----------
    value : float
        The number.
    text : str
        How a person writes it.
    guess : str
        The slip that makes it. Empty for a factor without a name.
    cost : float
        The cost of an explanation by this factor.
    """

    value: float
    text: str
    guess: str
    cost: float

    @property
    def has_name(self) -> bool:
        """Whether a known slip makes this factor."""
        return bool(self.guess)


def named_factors(mismatches: Mismatches, chosen: Flags) -> Iterator[Factor]:
    """Yield the factors that a slip makes in the entries `chosen`, the likeliest first."""
    yield Factor(-1.0, "-1", "a flipped sign?", _COST_OF_SIGN)
    positive = [
        Factor(2.0, "2", "a factor too many?", _COST_OF_TWO),
        Factor(0.5, "1/2", "a factor too few?", _COST_OF_TWO),
        *_sizes(mismatches, chosen),
        *_units(),
    ]
    yield from positive
    for factor in positive:
        text = f"-{factor.text}" if "=" not in factor.text else f"minus {factor.text}"
        guess = f"a flipped sign, and {factor.guess}"
        yield Factor(-factor.value, text, guess, factor.cost + _COST_OF_A_SECOND_SLIP)


def _units() -> Iterator[Factor]:
    """Yield the factors between two logarithms, and between degrees and radians."""
    for name, value, more, less in _UNITS:
        yield Factor(value, f"{value:.4g} = {name}", f"{more}?", _COST_OF_UNIT)
        inverse = "pi/180" if name == "180/pi" else f"1/{name}"
        yield Factor(1 / value, f"{1 / value:.4g} = {inverse}", f"{less}?", _COST_OF_UNIT)


def _sizes(mismatches: Mismatches, chosen: Flags) -> Iterator[Factor]:
    """Yield n and 1/n, for the size of x0 and of the leaf that is wrong, if it is only one."""
    sizes = [(mismatches.claim.size, "n")]
    leaves = leaves_with(mismatches, chosen)
    if len(leaves) == 1:
        leaf = leaves[0]
        sizes.append((leaf.size, f"the size of {leaf.path}"))
        sizes += [
            (length, f"the length of axis {axis} of {leaf.path}")
            for axis, length in enumerate(leaf.shape)
        ]
    for n, name in sizes:
        if n > 1:
            many = f"n = {n}" if name == "n" else f"{n}, {name},"
            part = f"1/n = 1/{n}" if name == "n" else f"1/{n}, one over {name},"
            yield Factor(float(n), many, "a mean taken for a sum?", _COST_OF_SIZE)
            yield Factor(1 / n, part, "a sum taken for a mean?", _COST_OF_SIZE)
