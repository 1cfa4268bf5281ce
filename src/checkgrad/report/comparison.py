"""Claim and estimate at all that was compared, as arrays that a user looks at.

This module owns the flat numbers that a report keeps of one claim, and the way to arrays in the
user's tree. `checkgrad.report.compare` makes them of what was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from checkgrad.numerics.samples import Flags, Floats
from checkgrad.report.tree import TreeSpec

Codes: TypeAlias = npt.NDArray[np.int8]
Part: TypeAlias = Literal["claim", "estimate", "uncertainty", "decisions"]

# What a decision says, by its code: the worst last.
DECISIONS = ("not checked", "correct", "inconclusive", "wrong")
NOT_CHECKED, CORRECT, INCONCLUSIVE, WRONG = range(len(DECISIONS))
_WORDS = np.asarray(DECISIONS)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Claim and estimate of one claim, at all that was compared.

    Rows are outputs of ``func``, or weighted sums of them. Columns are the coordinates of x0, or
    tangents.

    Attributes
    ----------
    label : str
        What the claim is called, if it is one of several.
    columns : {"coordinates", "tangents"}
        What the columns are.
    rows : {"value", "outputs", "sums"}
        What the rows are: the only value of ``func``, each number that it returns, or weighted
        sums of these.
    inputs : TreeSpec
        The arrays of x0.
    outputs : TreeSpec or None
        What ``func`` returns; None where that is a number.
    conjugated : bool
        Whether a complex gradient is ``df/dRe - i df/dIm``, as in JAX.
    claim, estimate, uncertainty : array, shape (rows, columns)
        The claim, the nearest valid derivative, and the uncertainty of the comparison; for claims
        certified by agreement, that of the agreement. NaN where nothing was compared.
    codes : array of int, shape (rows, columns)
        The decisions: indices into `DECISIONS`.

    Examples
    --------
    >>> from checkgrad import verify_jac
    >>> report = verify_jac(lambda x: x**2, lambda x: np.diag(x), np.array([1.0, 3.0]))
    >>> report.comparisons[0].claim.tolist(), report.comparisons[0].columns
    ([[1.0, 0.0], [0.0, 3.0]], 'coordinates')
    """

    label: str
    columns: str
    rows: str
    inputs: TreeSpec
    outputs: TreeSpec | None
    conjugated: bool
    claim: Floats
    estimate: Floats
    uncertainty: Floats
    codes: Codes

    def part(self, name: Part) -> Any:
        """Return one part in the user's shapes, as `checkgrad.Report` documents them.

        Parameters
        ----------
        name : {"claim", "estimate", "uncertainty", "decisions"}
            Which part.
        """
        numbers = self.codes if name == "decisions" else getattr(self, name)
        if self.columns == "tangents":
            numbers = numbers[0] if self.rows == "value" else numbers
            return _shown(numbers)
        if self.rows == "outputs":
            assert self.outputs is not None
            return self.outputs.tree([self._row_tree(each) for each in self._of_outputs(numbers)])
        single = len(numbers) == 1
        parts = self.inputs.split(numbers[0] if single else numbers)
        arrays = zip(parts, self.inputs.arrays, strict=True)
        return self.inputs.tree(
            [self._entries(part, array.is_complex, name) for part, array in arrays]
        )

    @property
    def relative_error(self) -> Floats:
        """How far claim and estimate differ, relative to the larger one; shape (rows, columns).

        It is 0 where both are the same, and infinite where one of them is not finite.
        """
        with np.errstate(all="ignore"):
            size = np.fmax(np.abs(self.claim), np.abs(self.estimate))
            relative = np.abs(self.claim - self.estimate) / size
        relative = np.where(self.claim == self.estimate, 0.0, relative)
        relative = np.where(np.isfinite(self.claim - self.estimate), relative, np.inf)
        errors: Floats = np.where(self.codes == NOT_CHECKED, np.nan, relative)
        return errors

    @property
    def is_wrong(self) -> Flags:
        """Which claims are wrong, shape (rows, columns)."""
        found: Flags = np.equal(self.codes, WRONG)
        return found

    def _of_outputs(self, numbers: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Return the rows of each array that func returns, shape (coordinates of x0, *shape)."""
        assert self.outputs is not None
        return self.outputs.split(numbers.T)

    def _row_tree(self, rows: npt.NDArray[Any]) -> Any:
        """Return the Jacobian of one array that func returns: a tree like x0."""
        leading = np.moveaxis(rows, 0, -1)
        return self.inputs.tree([_shown(part) for part in self.inputs.split(leading)])

    def _entries(self, part: npt.NDArray[Any], is_complex: bool, name: Part) -> Any:
        """Return entries as the user wrote them: complex where x0 is."""
        if not is_complex:
            return _shown(part)
        if name == "decisions":
            return _shown(part.max(axis=-1))
        sign = -1 if self.conjugated and name != "uncertainty" else 1
        return np.asarray(part[..., 0] + 1j * (sign * part[..., 1]))


def _shown(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return numbers in memory of their own, and decisions as words."""
    if numbers.dtype != np.int8:
        return numbers.copy()
    words: npt.NDArray[Any] = _WORDS[numbers.reshape(-1)]
    return words.reshape(numbers.shape)
