"""From wrong claims to the hints of what they look like.

This module arranges claims and estimates as the arrays of the user's. `checkgrad.report.hints`
recognises slips in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.arrays.outputs import OutputReader
from checkgrad.arrays.point import Point
from checkgrad.backends import other_convention
from checkgrad.evaluate.given_tangents import PROJECTED
from checkgrad.numerics.samples import Flags, Floats
from checkgrad.numerics.thresholds import thresholds
from checkgrad.report.hints import Leaf, recognise
from checkgrad.report.hints.same_everywhere import SAME_EVERYWHERE
from checkgrad.report.located import located_hints
from checkgrad.report.results import ClaimResult, Located, OutputResult

_SAME_FACTOR = 1e-2  # of its distance from 1 that a factor may vary by from tangent to tangent
_COTANGENT_IGNORED = "vjp returns the same for every cotangent: is it ignored?"
SEE_WHERE = "to see where the claim is wrong, pass direction='all', or a tangent of one array"
_CONJUGATE = 1e-3  # relative to itself that a conjugate may lie off its estimate


def slips(claim: ClaimResult) -> Iterator[str]:
    """Yield what the wrong claims look like.

    Parameters
    ----------
    claim : ClaimResult
        What was found.
    """
    if claim.located is not None:
        yield from _of_located(claim, claim.located)
        return
    wrong = [result for result in claim.results if np.any(result.decisions.wrong)]
    if not wrong:
        return
    entries = len(claim.outputs.entries)
    axes = [each for each in claim.results if each.directions.are_axes and each.output < entries]
    all_known = len(axes) == (1 if claim.reader is None else claim.reader.spec.size)
    if all_known and any(each in axes for each in wrong):
        yield from _of_all_entries(claim, axes)
    elif all_known and _is_ignored(claim.form, wrong, axes):
        what = "cotangent" if claim.form == "vjp" else "tangent"
        yield f"{claim.form} returns the same for every {what}: is it ignored?"
    elif all_known:
        what = "cotangent" if wrong[0].directions.are_axes else "tangent"
        yield (
            f"the claim is right for every single {what} along an axis and wrong for a random one: "
            f"it is not linear in its {what}"
        )
    elif wrong[0].directions.are_axes:
        yield from _of_one_output(claim, wrong[0])
    else:
        yield from _along_tangents(claim.form, claim.results)


@dataclass(frozen=True)
class _UserArray:
    """An array of the user's, or the real or imaginary part of one, among flat coordinates."""

    path: str
    shape: tuple[int, ...]
    coordinates: npt.NDArray[np.intp]
    imaginary: bool

    @classmethod
    def of(cls, path: str, shape: tuple[int, ...], start: int, paired: bool) -> list[_UserArray]:
        count = math.prod(shape)
        if not paired:
            return [cls(path, shape, start + np.arange(count), False)]
        real = start + 2 * np.arange(count)
        return [cls(f"{path}.real", shape, real, False), cls(f"{path}.imag", shape, real + 1, True)]


def _inputs(point: Point) -> list[_UserArray]:
    leaves = zip(point.offsets, point.complexes, strict=True)
    return [
        array
        for leaf, (start, paired) in enumerate(leaves)
        for array in _UserArray.of(point.leaf_path(leaf), point.user_shape(leaf), start, paired)
    ]


def _outputs(reader: OutputReader | None) -> list[_UserArray]:
    if reader is None:
        return [_UserArray("", (), np.arange(1), False)]
    spec = reader.spec
    return [
        array
        for part, start in zip(spec.parts, spec.offsets, strict=True)
        for array in _UserArray.of(part.path, tuple(part.like.shape), start, part.paired)
    ]


def _entry_names(claim: ClaimResult) -> Callable[[int], str] | None:
    """Return how the entries of x0 are called, where they have labels."""
    structure = claim.point.structure
    return None if structure is None else structure.entry_name


def _x0(point: Point) -> Floats:
    return point.on_host(point.leaves)


def _nearest(result: OutputResult) -> Floats:
    decisions = result.decisions
    return decisions.estimate.nearest_to(decisions.claim)


def _is_flat(result: OutputResult) -> Flags:
    """Return where the output does not change around x0 by more than rounding."""
    estimate, uncertainty = result.decisions.estimate, result.decisions.reliable_uncertainty
    is_zero = np.abs(estimate.value) <= thresholds().safety * uncertainty
    flat: Flags = is_zero & (estimate.nearby_slope == 0)
    return flat


def _of_all_entries(claim: ClaimResult, axes: Sequence[OutputResult]) -> list[str]:
    """Return what all entries of the claim together look like, array by array."""
    inputs, outputs = _inputs(claim.point), _outputs(claim.reader)
    decisions = [each.decisions for each in axes]
    claimed = np.stack([each.claim for each in decisions])
    estimate = np.stack([_nearest(each) for each in axes])
    uncertainty = np.stack([each.reliable_uncertainty for each in decisions])
    wrong = np.stack([each.wrong for each in decisions])
    conjugate = _conjugated(claim, claimed, estimate, uncertainty, wrong)
    if conjugate:
        return [conjugate]
    ignored = _ignores_vector(claim.form, claimed, estimate, uncertainty)
    if ignored:
        return ignored
    leaves, order, start = [], [], 0
    for of in outputs:
        for by in inputs:
            shape = by.shape if claim.reader is None else of.shape + by.shape
            path = claim.name if claim.reader is None else "jac"
            names = _entry_names(claim) if claim.reader is None else None
            leaves.append(Leaf(path + of.path + by.path, shape, start, names))
            order.append((of.coordinates[:, None] * claimed.shape[1] + by.coordinates).ravel())
            start += order[-1].size
    places = np.concatenate(order)
    is_flat = np.stack([_is_flat(each) for each in axes])
    flat = [each.ravel()[places] for each in (claimed, estimate, uncertainty)]
    flags = [each.ravel()[places] for each in (wrong, is_flat)]
    x0 = np.tile(_x0(claim.point), len(axes))[places]
    return recognise(flat[0], flat[1], flat[2], flags[0], leaves, x0, flags[1])


def _conjugated(
    claim: ClaimResult, claimed: Floats, estimate: Floats, uncertainty: Floats, wrong: Flags
) -> str:
    """Return whether the claim equals the estimate after conjugation, in words."""
    by, of = (np.zeros(size) for size in reversed(claimed.shape))
    for signs, arrays in ((by, _inputs(claim.point)), (of, _outputs(claim.reader))):
        for array in arrays:
            signs[array.coordinates] = array.imaginary
    slack = thresholds().safety * uncertainty + _CONJUGATE * np.abs(estimate)

    def fits(flips: Any) -> bool:
        with np.errstate(invalid="ignore"):
            off = np.abs(np.where(flips, -claimed, claimed) - estimate)
            return bool(np.any(flips) and np.all(off[wrong] <= slack[wrong]))

    form = "the complex conjugate of the estimate"
    if not fits(of[:, None] != by):
        if not fits(np.broadcast_to(of[:, None] != 0, claimed.shape)):
            return ""
        return f"claim is {form}: a conjugate forgotten, or one too many?"
    if np.any(by) and (not np.any(of) or claim.form == "vjp"):
        option, library = other_convention(claim.point.conj_convention)
        return (
            f"claim is {form}: it follows the convention of {library}; conjugate it, or pass "
            f"convention={option!r}"
        )
    return f"claim is {form}: a conjugate forgotten, or one too many?"


def _ignores_vector(form: str, claim: Floats, estimate: Floats, uncertainty: Floats) -> list[str]:
    """Return whether a vjp returns the same for every cotangent, or a jvp for every tangent."""
    if form not in ("vjp", "jvp"):
        return []
    vector = "cotangent"
    if form == "jvp":
        vector, claim, estimate, uncertainty = "tangent", claim.T, estimate.T, uncertainty.T
    if len(claim) < 2 or not np.all(np.isfinite(claim)):
        return []
    same = np.all(claim == claim[0]) and np.any(claim)
    apart = np.abs(estimate - estimate[0]) > thresholds().safety * (uncertainty + uncertainty[0])
    if not same or not apart.any():
        return []
    return [f"{form} returns the same for every {vector}: is it ignored?"]


def _of_one_output(claim: ClaimResult, result: OutputResult) -> list[str]:
    """Return what the claimed gradient of one output looks like."""
    decisions = result.decisions
    leaves, order, start = [], [], 0
    for array in _inputs(claim.point):
        leaves.append(Leaf(claim.name + array.path, array.shape, start, _entry_names(claim)))
        order.append(array.coordinates)
        start += array.coordinates.size
    places = np.concatenate(order)
    single = (decisions.claim, _nearest(result), decisions.reliable_uncertainty)
    claimed, estimate, uncertainty = (each[places] for each in single)
    x0 = _x0(claim.point)[places]
    wrong, is_flat = decisions.wrong[places], _is_flat(result)[places]
    return recognise(claimed, estimate, uncertainty, wrong, leaves, x0, is_flat)


def _is_ignored(form: str, wrong: Sequence[OutputResult], axes: Sequence[OutputResult]) -> bool:
    """Return whether a claim of one output or coordinate says the same for a random vector."""
    single = axes[0].decisions.claim
    if form == "vjp" and len(axes) == 1:
        return all(np.array_equal(each.decisions.claim, single) for each in wrong)
    if form == "jvp" and single.size == 1:
        claims = {each.output: each.decisions.claim for each in axes}
        return all(np.all(each.decisions.claim == claims.get(each.output)) for each in wrong)
    return False


def _of_located(claim: ClaimResult, located: Located) -> Iterator[str]:
    """Yield what entries look like that were found along tangents, and where others are wrong."""
    results = [*located.entries, *claim.results]
    if all(np.all(_is_flat(result)) for result in results):
        yield SAME_EVERYWHERE
        return
    if _ignores_cotangents(claim.form, claim.results):
        yield _COTANGENT_IGNORED
        return
    paths = [claim.name + claim.point.leaf_path(k) for k in range(len(claim.point.leaves))]
    yield from located_hints(located, paths)


def _ignores_cotangents(form: str, results: Sequence[OutputResult]) -> bool:
    claims = [each.decisions.claim for each in results]
    return form == "vjp" and len(claims) > 1 and all(np.array_equal(c, claims[0]) for c in claims)


def _along_tangents(form: str, results: Sequence[OutputResult]) -> Iterator[str]:
    """Yield what a tangent can tell: not where the claim is wrong, but by what factor."""
    if all(np.all(_is_flat(result)) for result in results):
        yield SAME_EVERYWHERE
        return
    if _ignores_cotangents(form, results):
        yield _COTANGENT_IGNORED
        return
    ratios = np.empty(0)
    if all(np.all(result.decisions.wrong) for result in results):
        with np.errstate(all="ignore"):
            ratios = np.concatenate(
                [each.decisions.claim / each.decisions.estimate.value for each in results]
            )
        ratios = ratios[np.isfinite(ratios)]
    # A single number is a constant times any other one.
    if ratios.size > 1 and np.ptp(ratios) <= _SAME_FACTOR * np.abs(ratios[0] - 1):
        yield f"claim is {ratios[0]:.4g} times the estimate along every tangent: a constant factor"
    if PROJECTED not in results[0].directions.words:
        yield SEE_WHERE
