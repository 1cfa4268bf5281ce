"""The relative error of one array, as an image. `checkgrad.report.plots` draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkgrad.numerics.samples import Flags, Floats
from checkgrad.report.comparison import Comparison

_DIMENSIONS = 2  # of an image
# Relative errors at the low end of the colours: an error of 0 must not look like a wrong entry.
_LEAST, _FAR_BELOW_WRONG = 1e-12, 1e-6
_MOST = 1.0  # at the high end, unless errors are beyond


@dataclass(frozen=True, eq=False)
class LeafErrors:
    """The relative errors in one array of two dimensions.

    Attributes
    ----------
    name : str
        What the array is called.
    relative_error : array, shape (rows, columns)
        The errors, at least `low`; NaN where nothing was compared or a number is not finite.
    wrong : array of bool, shape (rows, columns)
        Which entries are wrong.
    low, high : float
        The ends of the colours, which stand for powers of ten.
    """

    name: str
    relative_error: Floats
    wrong: Flags
    low: float
    high: float


def images(comparisons: Sequence[Comparison]) -> list[LeafErrors]:
    """Return an image of every array of two dimensions, those with the most wrong entries first.

    Of a Jacobian, and of what has rows for several outputs, it is the matrix: a row for each number
    of ``func``, a column for each of x0.

    Parameters
    ----------
    comparisons : sequence of Comparison
        What was compared.
    """
    found = [
        image
        for each in comparisons
        if each.columns == "coordinates"
        for image in (_of_gradient(each) if len(each.claim) == 1 else [_of_matrix(each)])
    ]
    return sorted(found, key=lambda each: -int(np.sum(each.wrong)))


def _of_matrix(comparison: Comparison) -> LeafErrors:
    name = comparison.label or "func by x0"
    return _image(name, comparison.relative_error, comparison.is_wrong)


def _of_gradient(comparison: Comparison) -> list[LeafErrors]:
    errors = comparison.inputs.split(comparison.relative_error[0])
    wrong = comparison.inputs.split(comparison.is_wrong[0])
    return [
        _image(array.path, error.max(axis=-1), np.asarray(flags.any(axis=-1)))
        if array.is_complex
        else _image(array.path, error, flags)
        for array, error, flags in zip(comparison.inputs.arrays, errors, wrong, strict=True)
        if len(array.shape) == _DIMENSIONS and array.size
    ]


def _image(name: str, errors: Floats, wrong: Flags) -> LeafErrors:
    seen = errors[np.isfinite(errors) & (errors > 0)]
    low = float(np.clip(seen.min(initial=_MOST), _LEAST, _FAR_BELOW_WRONG))
    high = float(max(seen.max(initial=0.0), _MOST))
    shown = np.where(np.isfinite(errors), np.fmax(errors, low), np.nan)
    return LeafErrors(name, shown, wrong, low, high)
