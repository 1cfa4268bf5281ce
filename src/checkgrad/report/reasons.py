"""From evidence to a report: the numbers a person reads, and what they look like."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import array_api_compat
import numpy as np

from checkgrad.arrays.messages import first_line
from checkgrad.arrays.outputs import VectorFunction
from checkgrad.arrays.point import Point
from checkgrad.backends import other_convention
from checkgrad.claims.forms import Claim, Rows
from checkgrad.evaluate.directions import Lines
from checkgrad.evaluate.evaluator import Sampler
from checkgrad.numerics.decide import AGREEMENT, Verdict, scale_of
from checkgrad.numerics.estimate import Flags, Floats
from checkgrad.refine.loop import Evidence, Task
from checkgrad.report.hints import Leaf, recognise
from checkgrad.report.report import Mismatch, Report

_LISTED = 100  # mismatches that a report keeps
_DIGITS_APART = 3  # in which one must be farther off than another to be listed first
_NOISY = 64.0  # times the rounding error of its dtype that the noise of func is worth a hint
_FAR_OFF = 4.0  # times rtol
_SAME_FACTOR = 1e-2  # of its distance from 1 that a factor may vary by from tangent to tangent
_SINGLE = 2.0**-23  # the machine epsilon of float32
_SURE = 4.0  # uncertainties that a number may lie off its estimate, as in the verdict
_CONJUGATE = 1e-3  # ... and relative to itself
_NAMED = 3  # places that a hint names


@dataclass(frozen=True)
class Part:
    """What was found of one row: a number made of what ``func`` returns.

    Attributes
    ----------
    row : int
        Which.
    lines : Lines
        Along which lines.
    evidence : Evidence
        What was found.
    nominal : float
        The machine epsilon of the coarser of the dtypes of x0 and of the row.
    task : Task
        What was asked: with the value of the row at x0, its noise, the precision that ``func`` is
        seen to compute in, and rtol.
    ties : bool
        Whether ``func`` is seen to be not differentiable, though smooth along every axis.
    """

    row: int
    lines: Lines
    evidence: Evidence
    nominal: float
    task: Task
    ties: bool = False

    def reliable_uncertainty(self) -> Floats:
        """The uncertainty, which for claims certified by agreement is that of the agreement."""
        assessment = self.evidence.assessment
        agreed = assessment.distance + self.task.rtol / AGREEMENT * assessment.reference
        certified = np.where(assessment.resolved, agreed, np.inf)
        return np.fmin(assessment.uncertainty, certified)

    @cached_property
    def nearest(self) -> Floats:
        """The estimates; at kinks, what is nearest to the claim between the one-sided ones."""
        estimate, claim = self.evidence.estimate, self.evidence.claim
        between = np.clip(claim, estimate.lower, estimate.upper)
        return np.where(np.isfinite(claim), between, estimate.value)

    def tied(self) -> Part:
        """The same, of a ``func`` that is not differentiable: nothing is wrong any more."""
        assessment = self.evidence.assessment
        none = np.zeros_like(assessment.wrong)
        assessment = replace(assessment, wrong=none)
        return replace(self, evidence=replace(self.evidence, assessment=assessment), ties=True)


@dataclass
class Subject:
    """What was checked, how, and what was found.

    Attributes
    ----------
    point : Point
        x0.
    name : str
        What the user calls x0.
    sampler, claim : Sampler, Claim
        ``func`` and the claim, and how often they were called.
    outputs : VectorFunction or None
        What ``func`` returns; None where that is a number.
    rows : Rows
        The numbers made of it.
    form : {"grad", "jac", "jvp", "vjp"}
        What kind of function the claim is.
    label : str
        What the claim is called, if it is one of several.
    notes : dict of str to None
        Hints that came up on the way.
    parts : list of Part
        What was found of each row.
    undetermined : tuple of float, or None
        Two values that ``func`` returned at x0, if it is not deterministic, and rtol.
    """

    point: Point
    name: str
    sampler: Sampler
    claim: Claim
    outputs: VectorFunction | None
    rows: Rows
    form: str
    label: str
    notes: dict[str, None]
    parts: list[Part] = field(default_factory=list)
    undetermined: tuple[float, ...] | None = None

    def note_unsteady(self, value: Floats, again: Floats, rtol: Floats, steady: Flags) -> None:
        """Note the first row that is not steady: it returned both `value` and `again` at x0."""
        rows = np.flatnonzero(~steady)
        if rows.size and self.undetermined is None:
            self.undetermined = tuple(float(each[rows[0]]) for each in (value, again, rtol))

    def where(self, part: Part, probe: int) -> str:
        """The place of a mismatch in the user's structures."""
        count = part.lines.probes.count
        along = "tangent" if count == 1 else f"tangent {probe}"
        if part.lines.axes:
            along = self.name + self.point.place(probe)
        if self.outputs is not None:
            of = self.row_name(part.row)
            along = f"d {of} / d {along}" if part.lines.axes else f"{of} along {along}"
        return f"{self.label}: {along}" if self.label else along

    def row_name(self, row: int) -> str:
        """What a row is called."""
        assert self.outputs is not None
        entries = self.rows.entries
        if row < len(entries):
            return "func" + self.outputs.spec.place(int(entries[row]))
        return "cotangent" if len(self.rows.weights) == 1 else f"cotangent {row - len(entries)}"


def report_on(
    subjects: Sequence[Subject],
    defects: Sequence[str] = (),
    gaps: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Report:
    """The report on the evidence of one claim, or of several on the same ``func``.

    `defects` make the claim wrong whatever the evidence says, and `gaps`, what was asked for and
    not checked, keep it from being correct; `notes` are hints.
    """
    wrong = any(
        np.any(part.evidence.assessment.wrong) for subject in subjects for part in subject.parts
    )
    for subject in subjects:
        if subject.undetermined is not None and not wrong:
            return _report_undetermined(subject)
    found = [(subject, part) for subject in subjects for part in subject.parts]
    evidence = [part.evidence for _, part in found]
    verdicts = {each.assessment.verdict for each in evidence}
    order = (Verdict.WRONG, Verdict.INCONCLUSIVE, Verdict.CORRECT)
    verdicts |= {Verdict.WRONG} if defects else set()
    verdicts |= {Verdict.INCONCLUSIVE} if gaps else set()
    verdict = next(each for each in order if each in verdicts)
    hints = [*defects, *gaps, *notes]
    hints += [hint for subject in subjects for hint in _hints(subject, verdict)]
    claim = np.concatenate([each.claim for each in evidence])
    estimate = np.concatenate([each.estimate.value for each in evidence])
    distance = np.concatenate([each.assessment.distance for each in evidence])
    unresolved = [~(each.assessment.wrong | each.assessment.resolved) for each in evidence]
    known = np.isfinite(estimate) | ~np.isfinite(claim)
    error = _norm(distance[known])
    size = max(_norm(claim[known]), _norm(estimate[known]))
    return _report(
        subjects,
        verdict=verdict,
        error=error,
        relative_error=error / size if size > 0 else error,
        resolution=max(_resolution(each) for each in evidence),
        rtol=max(part.task.rtol for _, part in found),
        noise=max(part.task.noise_at_x0 for _, part in found),
        mismatches=tuple(_mismatches(found, verdict)),
        n_wrong=int(sum(each.assessment.wrong.sum() for each in evidence)),
        n_unresolved=int(sum(each.sum() for each in unresolved)),
        n_checked=claim.size,
        hints=tuple(dict.fromkeys(hints)),
        direction=found[0][1].lines.direction,
        form=subjects[0].form,
    )


def _report_undetermined(subject: Subject) -> Report:
    """The report on a ``func`` that is not deterministic: nothing can be said of its claim."""
    assert subject.undetermined is not None
    value, again, rtol = subject.undetermined
    return _report(
        [subject],
        verdict=Verdict.INCONCLUSIVE,
        error=math.nan,
        relative_error=math.nan,
        resolution=math.inf,
        rtol=rtol,
        noise=abs(again - value),
        mismatches=(),
        n_wrong=0,
        n_unresolved=0,
        n_checked=0,
        hints=(_unsteady(value, again),),
        direction="none",
        form=subject.form,
    )


def _unsteady(value: float, again: float) -> str:
    return (
        f"func is not deterministic: two calls at x0 returned {value!r} and "
        f"{again!r}; fix its random seed (dropout, shuffling, sampling), then check again"
    )


def _report(subjects: Sequence[Subject], **found: object) -> Report:
    point = subjects[0].point
    users = zip(point.leaves, point.originals, point.complexes, strict=True)
    dtypes = dict.fromkeys(
        str((original if paired else leaf).dtype).rpartition(".")[2]
        for leaf, original, paired in users
    )
    devices = dict.fromkeys(str(array_api_compat.device(leaf)) for leaf in point.leaves)
    return Report(
        n_func=sum(subject.sampler.n_func for subject in subjects),
        n_grad=sum(subject.claim.n_grad for subject in subjects),
        backend=point.backend.name,
        dtype=", ".join(dtypes),
        device=", ".join(devices),
        **found,  # type: ignore[arg-type]
    )


def _norm(numbers: Floats) -> float:
    """The 2-norm, without overflow or underflow of the squares."""
    if numbers.size == 0:
        return 0.0
    largest = float(np.max(np.abs(numbers)))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(numbers / largest))


def _resolution(evidence: Evidence) -> float:
    """The smallest relative error that would have been seen at every probe.

    Where claim and estimate agree far better than asked, they certify each other, and the
    agreement itself bounds the error.
    """
    assessment = evidence.assessment
    with np.errstate(all="ignore"):
        relative = assessment.uncertainty / assessment.reference
        agreed = assessment.distance / assessment.reference
    relative = np.where(assessment.uncertainty == 0, 0.0, relative)
    agreed = np.where(assessment.distance == 0, 0.0, agreed)
    certified = assessment.resolved & ~(relative <= agreed)
    return float(np.max(np.where(certified, np.fmin(relative, agreed), relative + agreed)))


def _mismatches(found: Sequence[tuple[Subject, Part]], verdict: Verdict) -> Iterator[Mismatch]:
    listed = []
    for k, (_, part) in enumerate(found):
        assessment = part.evidence.assessment
        shown = assessment.wrong
        if verdict is not Verdict.WRONG:
            shown = ~(assessment.wrong | assessment.resolved)
        places = np.flatnonzero(shown)
        # VectorFunction may be of different units; the entries of one row are compared as they are.
        unit = 1.0 if len(found) == 1 else scale_of(part.evidence.claim, part.evidence.estimate)
        worst = np.nan_to_num(assessment.distance[places] / (unit or 1.0), nan=np.inf)
        # Those as far off as can be told are in the order of their places, whatever the rounding.
        alike = [float(f"{far:.{_DIGITS_APART}g}") for far in worst.tolist()]
        listed += [(-far, k, i) for far, i in zip(alike, places.tolist(), strict=True)]
    for _, k, i in sorted(listed)[:_LISTED]:
        subject, part = found[k]
        assessment = part.evidence.assessment
        yield Mismatch(
            where=subject.where(part, i),
            claim=float(part.evidence.claim[i]),
            estimate=float(part.nearest[i]),
            uncertainty=float(assessment.uncertainty[i]),
            wrong=bool(assessment.wrong[i]),
        )


def _hints(subject: Subject, verdict: Verdict) -> Iterator[str]:
    if verdict is Verdict.WRONG:
        prefix = f"{subject.label}: " if subject.label else ""
        yield from (prefix + hint for hint in _slips(subject))
    else:
        stuck = [part for part in subject.parts if np.any(_unresolved(part))]
        yield from _first(_obstacles(subject, part) for part in stuck)
    yield from subject.notes
    if subject.undetermined is not None:
        yield _unsteady(*subject.undetermined[:2])
    yield from _first(_kink(subject, part) for part in subject.parts)
    # A small output may be a sum of terms as large as the others.
    largest = max((abs(part.task.value) for part in subject.parts), default=0.0)
    yield from _first(_coarse(part, largest) for part in subject.parts)
    obstacle = subject.sampler.batch.obstacle
    if obstacle:
        yield f"func was evaluated at one point at a time, since it cannot be mapped: {obstacle}"
    structure = subject.point.structure
    if structure is not None and structure.fixed:
        names = [subject.name + path for path in structure.fixed]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"not differentiated, since not floating: {', '.join(names[:_NAMED])}{more}"


def _first(found: Iterable[Iterator[str]]) -> Iterator[str]:
    """What the first part to have anything to say says."""
    for hints in found:
        said = list(hints)
        if said:
            yield from said
            return


def _unresolved(part: Part) -> Flags:
    assessment = part.evidence.assessment
    return ~(assessment.wrong | assessment.resolved)


def _kink(subject: Subject, part: Part) -> Iterator[str]:
    estimate = part.evidence.estimate
    kinks = np.flatnonzero(estimate.lower < estimate.upper)
    if kinks.size:
        i = int(kinks[0])
        yield (
            f"func has a kink at {subject.where(part, i)}: its one-sided derivatives there are "
            f"{estimate.lower[i]:.6g} and {estimate.upper[i]:.6g}, and every claim between them "
            "is a subgradient"
        )


def _slips(subject: Subject) -> Iterator[str]:
    """What the wrong claims look like."""
    wrong = [part for part in subject.parts if np.any(part.evidence.assessment.wrong)]
    if not wrong:
        return
    axes = [part for part in subject.parts if part.lines.axes]
    axes = [part for part in axes if part.row < len(subject.rows.entries)]
    whole = len(axes) == (1 if subject.outputs is None else subject.outputs.spec.size)
    if whole and any(part in axes for part in wrong):
        yield from _recognised(subject, axes)
    elif whole:
        what = "cotangent" if wrong[0].lines.axes else "tangent"
        yield (
            f"the claim is right for every single {what} along an axis and wrong for a random one: "
            f"it is not linear in its {what}"
        )
    elif wrong[0].lines.axes:
        yield from _recognised_entries(subject, wrong[0])
    else:
        yield from _recognised_along_tangents(subject.parts)


@dataclass(frozen=True)
class _Axis:
    """An array of the user's, or the real or imaginary part of one, among flat coordinates."""

    path: str
    shape: tuple[int, ...]
    coordinates: np.ndarray[Any, np.dtype[np.intp]]
    imaginary: bool

    @classmethod
    def of(cls, path: str, shape: tuple[int, ...], start: int, paired: bool) -> list[_Axis]:
        count = math.prod(shape)
        if not paired:
            return [cls(path, shape, start + np.arange(count), False)]
        real = start + 2 * np.arange(count)
        return [cls(f"{path}.real", shape, real, False), cls(f"{path}.imag", shape, real + 1, True)]


def _inputs(point: Point) -> list[_Axis]:
    leaves = zip(point.offsets, point.complexes, strict=True)
    return [
        axis
        for leaf, (start, paired) in enumerate(leaves)
        for axis in _Axis.of(point.leaf_path(leaf), point.user_shape(leaf), start, paired)
    ]


def _outputs(outputs: VectorFunction | None) -> list[_Axis]:
    if outputs is None:
        return [_Axis("", (), np.arange(1), False)]
    spec = outputs.spec
    return [
        axis
        for part, start in zip(spec.parts, spec.offsets, strict=True)
        for axis in _Axis.of(part.path, tuple(part.like.shape), start, part.paired)
    ]


def _recognised(subject: Subject, axes: list[Part]) -> list[str]:
    """What all entries of the claim together look like, array by array."""
    inputs, outputs = _inputs(subject.point), _outputs(subject.outputs)
    claim = np.stack([part.evidence.claim for part in axes])
    estimate = np.stack([part.nearest for part in axes])
    uncertainty = np.stack([part.reliable_uncertainty() for part in axes])
    wrong = np.stack([part.evidence.assessment.wrong for part in axes])
    conjugate = _conjugated(subject, claim, estimate, uncertainty, wrong)
    if conjugate:
        return [conjugate]
    ignored = _ignores_vector(subject.form, claim, estimate, uncertainty)
    leaves, order, start = [], [], 0
    for of in outputs:
        for by in inputs:
            shape = by.shape if subject.outputs is None else of.shape + by.shape
            path = subject.name if subject.outputs is None else "jac"
            leaves.append(Leaf(path + of.path + by.path, shape, start))
            order.append((of.coordinates[:, None] * claim.shape[1] + by.coordinates).ravel())
            start += order[-1].size
    places = np.concatenate(order)
    flat = [each.ravel()[places] for each in (claim, estimate, uncertainty)]
    return ignored + recognise(flat[0], flat[1], flat[2], wrong.ravel()[places], leaves)


def _conjugated(
    subject: Subject, claim: Floats, estimate: Floats, uncertainty: Floats, wrong: Flags
) -> str:
    """Whether the claim is right but for a complex conjugate: the convention of another library."""
    by, of = (np.zeros(size) for size in reversed(claim.shape))
    for signs, axes in ((by, _inputs(subject.point)), (of, _outputs(subject.outputs))):
        for axis in axes:
            signs[axis.coordinates] = axis.imaginary
    slack = _SURE * uncertainty + _CONJUGATE * np.abs(estimate)

    def fits(flips: Any) -> bool:
        with np.errstate(invalid="ignore"):
            off = np.abs(np.where(flips, -claim, claim) - estimate)
            return bool(np.any(flips) and np.all(off[wrong] <= slack[wrong]))

    form = "the complex conjugate of the estimate"
    if not fits(of[:, None] != by):
        if not fits(np.broadcast_to(of[:, None] != 0, claim.shape)):
            return ""
        return f"claim is {form}: a conjugate forgotten, or one too many?"
    if np.any(by) and (not np.any(of) or subject.form == "vjp"):
        option, library = other_convention(subject.point.conj_convention)
        return (
            f"claim is {form}: it follows the convention of {library}; conjugate it, or pass "
            f"convention={option!r}"
        )
    return f"claim is {form}: a conjugate forgotten, or one too many?"


def _ignores_vector(form: str, claim: Floats, estimate: Floats, uncertainty: Floats) -> list[str]:
    """Whether a vjp returns the same for every cotangent, or a jvp for every tangent."""
    if form not in ("vjp", "jvp"):
        return []
    vector = "cotangent"
    if form == "jvp":
        vector, claim, estimate, uncertainty = "tangent", claim.T, estimate.T, uncertainty.T
    if len(claim) < 2 or not np.all(np.isfinite(claim)):
        return []
    same = np.all(claim == claim[0]) and np.any(claim)
    apart = np.abs(estimate - estimate[0]) > _SURE * (uncertainty + uncertainty[0])
    if not same or not apart.any():
        return []
    return [f"{form} returns the same for every {vector}: is it ignored?"]


def _recognised_entries(subject: Subject, part: Part) -> list[str]:
    """What one row of the claim looks like."""
    single = [part.evidence.claim, part.nearest, part.reliable_uncertainty()]
    leaves, order, start = [], [], 0
    for axis in _inputs(subject.point):
        leaves.append(Leaf(subject.name + axis.path, axis.shape, start))
        order.append(axis.coordinates)
        start += axis.coordinates.size
    places = np.concatenate(order)
    claim, estimate, uncertainty = (each[places] for each in single)
    return recognise(claim, estimate, uncertainty, part.evidence.assessment.wrong[places], leaves)


def _recognised_along_tangents(parts: Sequence[Part]) -> Iterator[str]:
    """What a tangent can tell: not where the claim is wrong, but by what factor."""
    ratios = np.empty(0)
    if all(np.all(part.evidence.assessment.wrong) for part in parts):
        with np.errstate(all="ignore"):
            ratios = np.concatenate(
                [part.evidence.claim / part.evidence.estimate.value for part in parts]
            )
        ratios = ratios[np.isfinite(ratios)]
    if ratios.size and np.ptp(ratios) <= _SAME_FACTOR * np.abs(ratios[0] - 1):
        yield f"claim is {ratios[0]:.4g} times the estimate along every tangent: a constant factor"
    yield "to see where the claim is wrong, pass direction='all', or a tangent of one array"


def _obstacles(subject: Subject, part: Part) -> Iterator[str]:
    """Why probes could not be resolved, and what would resolve them."""
    estimate = part.evidence.estimate
    unresolved = np.flatnonzero(_unresolved(part))
    several = np.zeros(0, dtype=bool)
    if not part.task.single:
        several = estimate.lower[unresolved] < estimate.upper[unresolved]
        unresolved = unresolved[~several]
    if np.any(several):
        yield (
            "func has kinks along a tangent, or in a sum of outputs, where several may add up: a "
            "claim outside of the one-sided derivatives need not be wrong; choose an x0 away from "
            "kinks, or pass direction='all'"
        )
    if part.ties:
        yield (
            "func is not differentiable at x0: along a random tangent it changes by another amount "
            "than the sum over the axes (equal numbers that are sorted, or compared?); choose "
            "another x0"
        )
    elif unresolved.size:
        yield from _obstacles_at(subject, part, unresolved)


def _obstacles_at(
    subject: Subject, part: Part, unresolved: np.ndarray[Any, np.dtype[np.intp]]
) -> Iterator[str]:
    """Why some probes of a smooth ``func`` could not be resolved."""
    estimate, assessment = part.evidence.estimate, part.evidence.assessment
    jumps = unresolved[estimate.jump[unresolved]]
    blind = unresolved[~np.isfinite(estimate.value[unresolved])]
    rest = np.setdiff1d(unresolved, np.concatenate([jumps, blind]))
    allowed = part.task.rtol * assessment.reference[rest]
    sure = rest[assessment.uncertainty[rest] <= allowed]
    rest = np.setdiff1d(rest, sure)
    # The only other thing that keeps a claim so far off from being called wrong.
    veiled = sure[
        assessment.distance[sure] > _FAR_OFF * part.task.rtol * assessment.magnitude[sure]
    ]
    close = np.setdiff1d(sure, veiled)
    loud = rest[estimate.rounding[rest] >= assessment.uncertainty[rest] / 2]
    rough = np.setdiff1d(rest, loud)
    noise = part.task.noise_at_x0
    if close.size:
        i = int(close[0])
        yield (
            f"claim and estimate at {subject.where(part, i)} differ by "
            f"{assessment.distance[i] / assessment.reference[i]:.1e} of its size, and the estimate "
            f"is known to {assessment.uncertainty[i] / assessment.reference[i]:.1e}: together too "
            "much to be called correct, too little to be called wrong; pass a larger rtol, or a "
            "wider dtype"
        )
    if veiled.size:
        yield (
            f"claim and estimate at {subject.where(part, int(veiled[0]))} differ, but a bend of "
            f"func no larger than its noise ({noise:.1e}) may hide the derivative: compute in a "
            "wider dtype"
        )
    if jumps.size:
        yield (
            f"func seems to be discontinuous at {subject.where(part, int(jumps[0]))}: it jumps "
            "however short the step; choose another x0"
        )
    if blind.size:
        failure = subject.sampler.failure
        what = "func has no finite value"
        if failure is not None:
            what = f"func raised {type(failure).__name__} ({first_line(failure)})"
        yield (
            f"{what} near {subject.where(part, int(blind[0]))}; choose an x0 inside of its domain, "
            "or pass bounds"
        )
    if loud.size:
        yield (
            f"the derivative at {subject.where(part, int(loud[0]))} is lost in the noise of "
            f"func ({noise:.1e}, for a value of {part.task.value:.3g}): compute in a wider dtype, "
            "or check a func without the large constant or the large terms that hide it"
        )
    if rough.size:
        yield (
            f"func varies too fast near {subject.where(part, int(rough[0]))} for differences "
            "to settle: choose an x0 farther from singular points, or pass bounds"
        )


def _coarse(part: Part, largest: float) -> Iterator[str]:
    """Whether func, whose `largest` output is given, computes in a coarser dtype than its input."""
    wrong = part.evidence.assessment.wrong
    noisy = part.task.noise > _NOISY * part.nominal * largest > 0
    if part.task.precision > part.nominal:
        digits = -math.log10(part.task.precision)
        yield (
            f"func computes in a coarser dtype than its input, of about {digits:.0f} digits"
            f"{' (float32?)' if part.task.precision == _SINGLE else ''}"
        )
    elif noisy or np.any(np.isfinite(part.evidence.estimate.rival[~wrong])):
        yield (
            "func is noisier than its dtype explains, or changes in steps: does it compute in a "
            "coarser dtype, look values up in a table, or iterate to a tolerance?"
        )
