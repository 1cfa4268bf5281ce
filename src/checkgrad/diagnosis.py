"""From evidence to a report: the numbers a person reads, and what they look like."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import array_api_compat
import numpy as np

from checkgrad.differences import ROUNDING, Floats
from checkgrad.directions import Lines
from checkgrad.judge import AGREEMENT, Verdict
from checkgrad.point import Point
from checkgrad.recognition import Leaf, recognise
from checkgrad.refinement import Evidence
from checkgrad.report import Mismatch, Report
from checkgrad.sampling import ClaimSampler, Sampler

_LISTED = 100  # mismatches that a report keeps
_NOISY = 64.0  # times the rounding error of its dtype that the noise of func is worth a hint
_FAR_OFF = 4.0  # times rtol
_SAME_FACTOR = 1e-2  # of its distance from 1 that a factor may vary by from tangent to tangent
_SINGLE = 2.0**-23  # the machine epsilon of float32


@dataclass(frozen=True)
class Subject:
    """What was checked, and how.

    Attributes
    ----------
    point : Point
        x0.
    name : str
        What the user calls x0.
    sampler, claimed : Sampler, ClaimSampler
        ``func`` and the claim, and how often they were called.
    value : float
        ``func(x0)``.
    nominal, precision : float
        The machine epsilon of the coarser of the dtypes of x0 and ``func(x0)``, and of the one
        that ``func`` is seen to compute in.
    rtol : float
        The smallest relative error that must not get past.
    """

    point: Point
    name: str
    sampler: Sampler
    claimed: ClaimSampler
    value: float
    nominal: float
    precision: float
    rtol: float


def report_undetermined(subject: Subject, again: float) -> Report:
    """The report on a ``func`` that is not deterministic: nothing can be said of its claim.

    `again` is what a later call at x0 returned.
    """
    hint = (
        f"func is not deterministic: two calls at x0 returned {subject.value!r} and "
        f"{again!r}; fix its random seed (dropout, shuffling, sampling), then check again"
    )
    return _report(
        subject,
        verdict=Verdict.INCONCLUSIVE,
        error=math.nan,
        relative_error=math.nan,
        resolution=math.inf,
        noise=abs(again - subject.value),
        mismatches=(),
        n_wrong=0,
        n_unresolved=0,
        n_checked=0,
        hints=(hint,),
        direction="none",
    )


def report_on(subject: Subject, lines: Lines, evidence: Evidence, noise: float) -> Report:
    """The report on the evidence along some lines."""
    assessment, estimate = evidence.assessment, evidence.estimate
    verdict = assessment.verdict
    unresolved = ~(assessment.wrong | assessment.resolved)
    shown = assessment.wrong if verdict is Verdict.WRONG else unresolved
    known = np.isfinite(estimate.value) | ~np.isfinite(evidence.claim)
    error = _norm(assessment.distance[known])
    size = max(_norm(evidence.claim[known]), _norm(estimate.value[known]))
    return _report(
        subject,
        verdict=verdict,
        error=error,
        relative_error=error / size if size > 0 else error,
        resolution=_resolution(evidence),
        noise=noise,
        mismatches=tuple(_mismatches(subject, lines, evidence, shown)),
        n_wrong=int(assessment.wrong.sum()),
        n_unresolved=int(unresolved.sum()),
        n_checked=evidence.claim.size,
        hints=tuple(_hints(subject, lines, evidence, noise)),
        direction=lines.direction,
    )


def _report(subject: Subject, **found: object) -> Report:
    point = subject.point
    dtypes = dict.fromkeys(str(leaf.dtype).rpartition(".")[2] for leaf in point.leaves)
    devices = dict.fromkeys(str(array_api_compat.device(leaf)) for leaf in point.leaves)
    return Report(
        rtol=subject.rtol,
        n_func=subject.sampler.n_func,
        n_grad=subject.claimed.n_grad,
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


def _mismatches(
    subject: Subject, lines: Lines, evidence: Evidence, shown: np.ndarray
) -> Iterator[Mismatch]:
    assessment, estimate = evidence.assessment, evidence.estimate
    places = np.flatnonzero(shown)
    worst = np.nan_to_num(assessment.distance[places], nan=np.inf)
    for i in places[np.argsort(-worst, kind="stable")][:_LISTED].tolist():
        claim = float(evidence.claim[i])
        nearest = float(estimate.value[i])
        if math.isfinite(claim):
            nearest = float(np.clip(claim, estimate.lower[i], estimate.upper[i]))
        yield Mismatch(
            where=_where(subject, lines, i),
            claim=claim,
            estimate=nearest,
            uncertainty=float(assessment.uncertainty[i]),
            wrong=bool(assessment.wrong[i]),
        )


def _where(subject: Subject, lines: Lines, probe: int) -> str:
    if lines.axes:
        return subject.name + subject.point.place(probe)
    return "tangent" if lines.probes.count == 1 else f"tangent {probe}"


def _hints(subject: Subject, lines: Lines, evidence: Evidence, noise: float) -> Iterator[str]:
    assessment, estimate = evidence.assessment, evidence.estimate
    if np.any(assessment.wrong) and lines.axes:
        yield from _recognised(subject, evidence)
    elif np.any(assessment.wrong):
        yield from _recognised_along_tangents(evidence)
    unresolved = np.flatnonzero(~(assessment.wrong | assessment.resolved))
    if unresolved.size and not np.any(assessment.wrong):
        yield from _obstacles(subject, lines, evidence, unresolved, noise)
    kinks = np.flatnonzero((estimate.lower < estimate.upper) & ~assessment.wrong)
    if kinks.size:
        i = int(kinks[0])
        yield (
            f"func has a kink at {_where(subject, lines, i)}: its one-sided derivatives there are "
            f"{estimate.lower[i]:.6g} and {estimate.upper[i]:.6g}, and every claim between them "
            "is a subgradient"
        )
    yield from _coarse(subject, evidence, noise)
    obstacle = subject.sampler.together.obstacle
    if obstacle:
        yield f"func was evaluated at one point at a time, since it cannot be mapped: {obstacle}"


def _recognised(subject: Subject, evidence: Evidence) -> list[str]:
    point = subject.point
    leaves = [
        Leaf(subject.name + point.leaf_path(leaf), tuple(array.shape), point.offsets[leaf])
        for leaf, array in enumerate(point.leaves)
    ]
    return recognise(
        evidence.claim,
        evidence.estimate.value,
        _reliable_uncertainty(subject, evidence),
        evidence.assessment.wrong,
        leaves,
    )


def _reliable_uncertainty(subject: Subject, evidence: Evidence) -> Floats:
    """The uncertainty, which for claims certified by agreement is that of the agreement."""
    assessment = evidence.assessment
    agreed = assessment.distance + subject.rtol / AGREEMENT * assessment.reference
    certified = np.where(assessment.resolved, agreed, np.inf)
    return np.fmin(assessment.uncertainty, certified)


def _recognised_along_tangents(evidence: Evidence) -> Iterator[str]:
    """What a tangent can tell: not where the claim is wrong, but by what factor."""
    if np.all(evidence.assessment.wrong):
        ratios = evidence.claim / evidence.estimate.value
        ratios = ratios[np.isfinite(ratios)]
    else:
        ratios = np.empty(0)
    if ratios.size and np.ptp(ratios) <= _SAME_FACTOR * np.abs(ratios[0] - 1):
        yield f"claim is {ratios[0]:.4g} times the estimate along every tangent: a constant factor"
    yield "to see where the claim is wrong, pass direction='all', or a tangent of one array"


def _obstacles(
    subject: Subject, lines: Lines, evidence: Evidence, unresolved: np.ndarray, noise: float
) -> Iterator[str]:
    """Why probes could not be resolved, and what would resolve them."""
    estimate, assessment = evidence.estimate, evidence.assessment
    jumps = unresolved[estimate.jump[unresolved]]
    blind = unresolved[~np.isfinite(estimate.value[unresolved])]
    rest = np.setdiff1d(unresolved, np.concatenate([jumps, blind]))
    allowed = subject.rtol * assessment.reference[rest]
    sure = rest[assessment.uncertainty[rest] <= allowed]
    rest = np.setdiff1d(rest, sure)
    # The only other thing that keeps a claim so far off from being called wrong.
    veiled = sure[assessment.distance[sure] > _FAR_OFF * subject.rtol * assessment.magnitude[sure]]
    close = np.setdiff1d(sure, veiled)
    loud = rest[estimate.rounding[rest] >= assessment.uncertainty[rest] / 2]
    rough = np.setdiff1d(rest, loud)
    noise = max(noise, ROUNDING * subject.precision * abs(subject.value))
    if close.size:
        i = int(close[0])
        yield (
            f"claim and estimate at {_where(subject, lines, i)} differ by about rtol, "
            f"{assessment.distance[i] / assessment.reference[i]:.1e}: too much to be called "
            "correct, too little to be called wrong; find out why, or pass a larger rtol"
        )
    if veiled.size:
        yield (
            f"claim and estimate at {_where(subject, lines, int(veiled[0]))} differ, but a bend of "
            f"func no larger than its noise ({noise:.1e}) may hide the derivative: compute in a "
            "wider dtype"
        )
    if jumps.size:
        yield (
            f"func seems to be discontinuous at {_where(subject, lines, int(jumps[0]))}: it jumps "
            "however short the step; choose another x0"
        )
    if blind.size:
        failure = subject.sampler.failure
        reason = "" if failure is None else f" ({type(failure).__name__}: {failure})"
        yield (
            f"func has no finite value near {_where(subject, lines, int(blind[0]))}{reason}; "
            "choose an x0 inside of its domain, or pass bounds"
        )
    if loud.size:
        yield (
            f"the derivative at {_where(subject, lines, int(loud[0]))} is lost in the noise of "
            f"func ({noise:.1e}, for a value of {subject.value:.3g}): compute in a wider dtype, "
            "or check a func without the large constant or the large terms that hide it"
        )
    if rough.size:
        yield (
            f"func varies too fast near {_where(subject, lines, int(rough[0]))} for differences "
            "to settle: choose an x0 farther from singular points, or pass bounds"
        )


def _coarse(subject: Subject, evidence: Evidence, noise: float) -> Iterator[str]:
    """Whether func computes in a coarser dtype than its input."""
    noisy = noise > _NOISY * subject.nominal * abs(subject.value) > 0
    if subject.precision > subject.nominal:
        digits = -math.log10(subject.precision)
        yield (
            f"func computes in a coarser dtype than its input, of about {digits:.0f} digits"
            f"{' (float32?)' if subject.precision == _SINGLE else ''}"
        )
    elif noisy or np.any(np.isfinite(evidence.estimate.rival)):
        yield (
            "func is noisier than its dtype explains, or changes in steps: does it compute in a "
            "coarser dtype, look values up in a table, or iterate to a tolerance?"
        )
