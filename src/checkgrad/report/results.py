"""What a check found out about a claim, before it is put in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import Point
from checkgrad.backends import Array
from checkgrad.claims.forms import Claim
from checkgrad.evaluate.directions import Directions
from checkgrad.evaluate.evaluator import Evaluator
from checkgrad.evaluate.outputs import Outputs
from checkgrad.numerics.decisions import Decisions
from checkgrad.refine.spec import CheckSpec


@dataclass(frozen=True)
class OutputResult:
    """What was found of one output along some directions.

    Attributes
    ----------
    directions : Directions
        Along which directions, and of which output.
    decisions : Decisions
        What was found.
    spec : CheckSpec
        What was asked.
    dtype_epsilon : float
        The machine epsilon of the coarser of the dtypes of x0 and of the output.
    note : str
        What came up on the way, for the report.
    """

    directions: Directions
    decisions: Decisions
    spec: CheckSpec
    dtype_epsilon: float
    note: str = ""

    @property
    def output(self) -> int:
        """Which output."""
        return self.directions.output

    @property
    def is_resolved(self) -> bool:
        """Whether all of its claims are correct."""
        return bool(np.all(self.decisions.resolved))


@dataclass(frozen=True)
class Digits:
    """The fewest decimal digits that a claim keeps in the dtypes of the user.

    Attributes
    ----------
    kept : float
        How many; infinite if it keeps them all.
    result, direction : int
        Where: in which result, and along which of its directions.
    """

    kept: float
    result: int
    direction: int


@dataclass(frozen=True)
class SecondPoint:
    """A point near x0 at which a claim was compared with a quotient.

    Attributes
    ----------
    leaves : list of array
        The point, as arrays like the leaves of x0.
    agrees : bool
        Whether the claim is about right there.
    obstacle : str
        Why nothing was compared; else empty.
    is_doubtful : bool
        Whether ``func`` changes between x0 and this point otherwise than claimed.
    """

    leaves: list[Array]
    agrees: bool
    obstacle: str = ""
    is_doubtful: bool = False


@dataclass(frozen=True)
class LeafError:
    """A leaf of x0 in which the claim is wrong all over, or nearly so.

    Attributes
    ----------
    leaf : int
        Which leaf.
    factor : float or None
        How many times the derivative the claim is, if that is so all over.
    """

    leaf: int
    factor: float | None


@dataclass(frozen=True)
class Located:
    """Where a claim is wrong, as far as a search has found it.

    Attributes
    ----------
    entries : tuple of OutputResult
        Single entries of the claim that a check of their own found wrong, one in each result.
    leaves : tuple of LeafError
        The leaves in which it is wrong all over.
    every_leaf : bool
        Whether these are all leaves of x0.
    is_certain : bool
        Whether the entries show by themselves that the claim is wrong.
    is_all : bool
        Whether what was found explains all that is wrong along the tangents.
    """

    entries: tuple[OutputResult, ...]
    leaves: tuple[LeafError, ...]
    every_leaf: bool
    is_certain: bool
    is_all: bool


@dataclass(frozen=True)
class ClaimResult:
    """What was checked, how, and what was found.

    Attributes
    ----------
    point : Point
        x0.
    name : str
        What the user calls x0.
    evaluator, claim : Evaluator, Claim
        ``func`` and the claim, and how often they were called.
    reader : OutputReader or None
        Knows what ``func`` returns; None where that is a number.
    outputs : Outputs
        The numbers made of it.
    form : {"grad", "jac", "jvp", "vjp"}
        What kind of function the claim is.
    label : str
        What the claim is called, if it is one of several.
    results : tuple of OutputResult
        What was found of each output.
    not_repeatable : tuple of float, or None
        Two values that ``func`` returned at x0 and rtol, if the values differ.
    n_func, n_grad : int
        How often ``func`` and the claim were evaluated, in all dtypes.
    evaluated_in : str
        The dtype that ``func`` was evaluated in, if not in that of x0.
    digits : Digits or None
        The digits that the claim keeps, if it was evaluated in float64.
    remarks : tuple of str
        What there is to say of the dtypes.
    elsewhere : SecondPoint or None
        The second point, if the claim was compared there.
    located : Located or None
        Where the claim is wrong, if that was looked for and found.
    """

    point: Point
    name: str
    evaluator: Evaluator
    claim: Claim
    reader: OutputReader | None
    outputs: Outputs
    form: str
    label: str
    results: tuple[OutputResult, ...]
    not_repeatable: tuple[float, float, float] | None
    n_func: int
    n_grad: int
    evaluated_in: str = ""
    digits: Digits | None = None
    remarks: tuple[str, ...] = ()
    elsewhere: SecondPoint | None = None
    located: Located | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether any claim is wrong."""
        located = self.located is not None and self.located.is_certain
        return located or any(np.any(result.decisions.wrong) for result in self.results)

    @property
    def rtol(self) -> float:
        """The smallest relative error that the check had to find."""
        return max((result.spec.rtol for result in self.results), default=math.inf)

    @property
    def is_right(self) -> bool:
        """Whether all claims are correct."""
        repeats = self.not_repeatable is None and not self.is_wrong
        return repeats and all(result.is_resolved for result in self.results)

    def without_fixed(self) -> ClaimResult:
        """Return it with a point that names no leaves as fixed: another result names them."""
        structure = self.point.structure
        assert structure is not None
        structure = replace(structure, fixed=(), constants=())
        return replace(self, point=replace(self.point, structure=structure))

    def where(self, result: OutputResult, direction: int) -> str:
        """Return the place of a direction in the user's structures, in words."""
        directions = result.directions
        along = "tangent" if directions.count == 1 else f"tangent {direction}"
        if directions.tangents is None:
            chosen = directions.coordinates
            coordinate = direction if chosen is None else int(chosen[direction])
            along = self.name + self.point.place(coordinate)
        if self.reader is not None:
            of = self.output_name(result.output)
            is_axis = directions.tangents is None
            along = f"d {of} / d {along}" if is_axis else f"{of} along {along}"
        return f"{self.label}: {along}" if self.label else along

    def output_name(self, output: int) -> str:
        """Return what an output of several is called."""
        assert self.reader is not None
        entries = self.outputs.entries
        if output < len(entries):
            return "func" + self.reader.spec.place(int(entries[output]))
        sums = len(self.outputs.weights)
        return "cotangent" if sums == 1 else f"cotangent {output - len(entries)}"
