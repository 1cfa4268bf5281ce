"""From the results of one claim, or of several, to a report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from checkgrad.numerics.decisions import Decisions, Verdict
from checkgrad.report.bound import error_bound, norm
from checkgrad.report.compare import comparisons_of
from checkgrad.report.dtypes import dtype_hints, dtypes_of, is_wrong_in_narrow_dtype
from checkgrad.report.notes import not_repeatable, notes_on, remarks_on
from checkgrad.report.reasons import sentences_on, so_far_hints, stopped_hint
from checkgrad.report.report import Report
from checkgrad.report.results import ClaimResult, OutputResult
from checkgrad.report.sampled import samples_at
from checkgrad.report.slips import slips
from checkgrad.report.tree import inputs_of
from checkgrad.report.versions import versions
from checkgrad.report.worst import Place, mismatch_at, other_places, worst_places


def report_on(
    claims: Sequence[ClaimResult],
    rule_errors: Sequence[str] = (),
    not_checked: Sequence[str] = (),
    notes: Sequence[str] = (),
    stopped: str = "",
    keep_samples: bool | None = None,
) -> Report:
    """Return the report on one claim, or on several on the same ``func``.

    Parameters
    ----------
    claims : sequence of ClaimResult
        What was found.
    rule_errors : sequence of str
        What makes the claim wrong whatever the numbers say.
    not_checked : sequence of str
        What was asked for and not checked. It keeps the claim from being correct.
    notes : sequence of str
        Hints.
    stopped : str
        Why the check ended before its end; empty if it did not. It keeps the claim from being
        correct.
    keep_samples : bool, optional
        As in `checkgrad.verify_grad`.
    """
    # The user's errstate is for the user's code: in a report, overflow and the like is expected.
    with np.errstate(all="ignore"):
        for claim in claims:
            if claim.not_repeatable is not None and not any(each.is_wrong for each in claims):
                report = _report_without_verdict(claim)
                return replace(report, complete=not stopped, stopped=stopped)
        if stopped:
            not_checked = [stopped_hint(stopped), *not_checked]
            if not any(claim.results for claim in claims):
                return _report_on_nothing(claims, stopped, not_checked)
        report = _report_with_verdict(claims, rule_errors, not_checked, notes, keep_samples)
        if stopped and report.verdict is Verdict.INCONCLUSIVE:
            hints = report.hints + so_far_hints(report.relative_error, report.rtol)
            report = replace(report, hints=hints)
        return replace(report, complete=not stopped, stopped=stopped)


def _report_with_verdict(
    claims: Sequence[ClaimResult],
    rule_errors: Sequence[str],
    not_checked: Sequence[str],
    notes: Sequence[str],
    keep_samples: bool | None,
) -> Report:
    found = [(claim, result) for claim in claims for result in claim.results]
    decisions = [result.decisions for _, result in found]
    entries = _located(claims)
    located = [entry for _, entry in entries]
    verdict = _verdict(decisions, bool(rule_errors) or bool(located), bool(not_checked))
    hints = [*rule_errors, *not_checked, *notes]
    hints += [hint for claim in claims for hint in _hints(claim, verdict)]
    claimed = np.concatenate([each.claim for each in decisions])
    estimate = np.concatenate([each.estimate.value for each in decisions])
    distance = np.concatenate([each.distance for each in decisions])
    known = np.isfinite(estimate) | ~np.isfinite(claimed)
    error = norm(distance[known])
    size = max(norm(claimed[known]), norm(estimate[known]))
    bound, confidence = error_bound(claims)
    places = worst_places(entries or found, verdict)
    return _report(
        claims,
        verdict=verdict,
        error=error,
        relative_error=error / size if size > 0 else error,
        resolution=max(_resolution(each) for each in decisions),
        worst_relative_error=max(
            _worst(each) for each in [*decisions, *(entry.decisions for entry in located)]
        ),
        rtol=max(result.spec.rtol for _, result in found),
        noise=max(result.spec.sigma_at_x0 for _, result in found),
        mismatches=tuple(map(mismatch_at, places)),
        samples=samples_at(_kept(places, entries or found, keep_samples)),
        n_wrong=len(located) or int(sum(each.wrong.sum() for each in decisions)),
        n_unresolved=0 if located else int(sum(each.open.sum() for each in decisions)),
        located=bool(located),
        n_checked=claimed.size,
        hints=tuple(dict.fromkeys(hints)),
        direction=found[0][1].directions.words,
        form=claims[0].form,
        comparisons=comparisons_of(claims),
        error_bound=bound,
        confidence=confidence,
    )


def _kept(
    places: list[Place],
    found: Sequence[tuple[ClaimResult, OutputResult]],
    keep_samples: bool | None,
) -> list[Place]:
    """Return the places of which samples are kept: those that are named, all, or none."""
    if keep_samples is None:
        return places
    return [*places, *other_places(found, places)] if keep_samples else []


def _located(claims: Sequence[ClaimResult]) -> list[tuple[ClaimResult, OutputResult]]:
    """Return the entries that a search found to be wrong, each with its claim."""
    return [(claim, each) for claim in claims if claim.located for each in claim.located.entries]


def _verdict(decisions: Iterable[Decisions], has_errors: bool, has_gaps: bool) -> Verdict:
    verdicts = {each.verdict for each in decisions}
    verdicts |= {Verdict.WRONG} if has_errors else set()
    verdicts |= {Verdict.INCONCLUSIVE} if has_gaps else set()
    order = (Verdict.WRONG, Verdict.INCONCLUSIVE, Verdict.CORRECT)
    return next(each for each in order if each in verdicts)


def _hints(claim: ClaimResult, verdict: Verdict) -> Iterator[str]:
    """Yield what wrong claims look like, or why claims are open; then what else was seen."""
    if verdict is Verdict.WRONG:
        prefix = f"{claim.label}: " if claim.label else ""
        if not is_wrong_in_narrow_dtype(claim):
            yield from (prefix + hint for hint in slips(claim))
    else:
        yield from sentences_on(claim)
    yield from dtype_hints(claim)
    yield from notes_on(claim)


def _report_without_verdict(claim: ClaimResult) -> Report:
    """Return the report on a ``func`` that is not deterministic: nothing can be said of a claim."""
    assert claim.not_repeatable is not None
    value, again, rtol = claim.not_repeatable
    return _report(
        [claim],
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
        hints=(not_repeatable(value, again),),
        direction="none",
        form=claim.form,
    )


def _report_on_nothing(claims: Sequence[ClaimResult], stopped: str, hints: Sequence[str]) -> Report:
    """Return the report of a check that was stopped before it looked at anything."""
    return _report(
        claims,
        verdict=Verdict.INCONCLUSIVE,
        error=math.nan,
        relative_error=math.nan,
        resolution=math.inf,
        rtol=math.nan,
        noise=math.nan,
        mismatches=(),
        n_wrong=0,
        n_unresolved=0,
        n_checked=0,
        hints=tuple(hints),
        direction="none",
        form=claims[0].form,
        complete=False,
        stopped=stopped,
    )


def _report(claims: Sequence[ClaimResult], **found: object) -> Report:
    point = claims[0].point
    dtype = dtypes_of(point)
    evaluated_in = dict.fromkeys(claim.evaluated_in or dtype for claim in claims)
    kept = [claim.digits.kept for claim in claims if claim.digits is not None]
    devices = dict.fromkeys(point.backend.device_name(leaf) for leaf in point.leaves)
    return Report(
        n_func=sum(claim.n_func for claim in claims),
        n_grad=sum(claim.n_grad for claim in claims),
        backend=point.backend.name,
        dtype=dtype,
        device=", ".join(devices),
        evaluated_in=", ".join(evaluated_in),
        digits=min(kept, default=None),
        inputs=inputs_of(point).arrays,
        versions=versions(point.backend.name),
        remarks=tuple(dict.fromkeys(each for claim in claims for each in remarks_on(claim))),
        **found,  # type: ignore[arg-type]
    )


def _worst(decisions: Decisions) -> float:
    """Return the largest relative error of what is wrong; 0 if nothing is."""
    wrong = decisions.wrong
    nearest = decisions.estimate.nearest_to(decisions.claim)[wrong]
    claim, distance = decisions.claim[wrong], decisions.distance[wrong]
    with np.errstate(all="ignore"):
        size = np.fmax(np.abs(claim), np.abs(nearest))
        relative = distance / np.fmax(size, decisions.criteria.tangent_scale)
    return float(np.max(relative, initial=0.0, where=np.isfinite(relative)))


def _resolution(decisions: Decisions) -> float:
    """Return the smallest relative error that would have been seen along every direction.

    Where claim and estimate agree far better than asked, they certify each other, and the agreement
    itself bounds the error.
    """
    with np.errstate(all="ignore"):
        relative = decisions.uncertainty / decisions.reference
        agreed = decisions.distance / decisions.reference
    relative = np.where(decisions.uncertainty == 0, 0.0, relative)
    agreed = np.where(decisions.distance == 0, 0.0, agreed)
    certified = decisions.resolved & ~(relative <= agreed)
    return float(np.max(np.where(certified, np.fmin(relative, agreed), relative + agreed)))
