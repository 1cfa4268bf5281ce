"""Findings, and their composition: independent of order, associative, with a neutral element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkgrad.numerics.findings import Finding, Findings, Kind, compose, put

pytestmark = pytest.mark.numpy

DIRECTIONS = 3
NAN = math.nan
RANGES = tuple(
    f"{name}_{end}" for name in ("subgradient", "one_sided", "finer") for end in ("low", "high")
)

number = st.one_of(st.just(NAN), st.integers(-8, 8).map(float))
columns = st.lists(number, min_size=DIRECTIONS, max_size=DIRECTIONS).map(np.array)
flags = st.lists(st.booleans(), min_size=DIRECTIONS, max_size=DIRECTIONS).map(np.array)
slopes = st.lists(st.integers(0, 8).map(float), min_size=DIRECTIONS, max_size=DIRECTIONS)


@st.composite
def findings(draw: Any, gives_coarse: bool = True) -> Finding:
    effects = {name: draw(columns) for name in RANGES}
    if gives_coarse:
        effects["coarse_estimate"] = draw(columns)
    return Finding.of(
        draw(st.sampled_from(list(Kind))),
        draw(flags),
        undetectable_slope=np.array(draw(slopes)),
        blocks_correct=draw(flags),
        blocks_wrong=draw(flags),
        **effects,
    )


@st.composite
def several(draw: Any) -> list[Finding]:
    """Findings of which two at most give a coarse estimate, as in the detectors."""
    coarse = draw(st.lists(findings(), min_size=1, max_size=2))
    return coarse + draw(st.lists(findings(gives_coarse=False), max_size=4))


def assert_same(one: Findings, other: Findings) -> None:
    assert one.seen.keys() == other.seen.keys() == set(Kind)
    for kind in Kind:
        np.testing.assert_array_equal(one.seen[kind], other.seen[kind])
    for name, part in vars(one).items():
        if name != "seen":
            np.testing.assert_array_equal(part, getattr(other, name), err_msg=name)


@given(given_findings=several(), data=st.data())
@settings(deadline=None, derandomize=True, max_examples=40)
def test_the_order_of_findings_does_not_matter(given_findings: list[Finding], data: Any) -> None:
    shuffled = data.draw(st.permutations(given_findings))
    assert_same(compose(given_findings), compose(shuffled))


@given(given_findings=several(), later=st.permutations([Kind.TIE, Kind.STOPPED]), where=flags)
@settings(deadline=None, derandomize=True, max_examples=25)
def test_the_order_of_findings_about_func_as_a_whole_does_not_matter(
    given_findings: list[Finding], later: list[Kind], where: Any
) -> None:
    composed = compose(given_findings)
    one = composed.blocking_wrong(later[0], where).blocking_wrong(later[1])
    assert_same(one, composed.blocking_wrong(later[1]).blocking_wrong(later[0], where))


def as_findings(composed: Findings) -> list[Finding]:
    """Findings whose composition is `composed`."""
    effects = {name: getattr(composed, name) for name in RANGES}
    effects |= {
        name: getattr(composed, name)
        for name in ("undetectable_slope", "blocks_correct", "blocks_wrong")
    }
    parts = [Finding.of(kind, seen) for kind, seen in composed.seen.items()]
    parts += [
        Finding.of(Kind.COARSE, composed.seen[Kind.COARSE], coarse_estimate=coarse)
        for coarse in composed.coarse_estimates
    ]
    return [*parts, Finding.of(Kind.KINK, composed.seen[Kind.KINK], **effects)]


@given(given_findings=several(), at=st.integers(1, 5))
@settings(deadline=None, derandomize=True, max_examples=40)
def test_findings_may_be_composed_in_two_groups(given_findings: list[Finding], at: int) -> None:
    groups = [group for group in (given_findings[:at], given_findings[at:]) if group]
    in_groups = compose([part for group in groups for part in as_findings(compose(group))])
    assert_same(compose(given_findings), in_groups)


@given(given_findings=several(), kind=st.sampled_from(list(Kind)))
@settings(deadline=None, derandomize=True, max_examples=25)
def test_a_finding_without_effects_is_neutral(given_findings: list[Finding], kind: Kind) -> None:
    nothing = Finding.of(kind, np.zeros(DIRECTIONS, bool))
    assert_same(compose(given_findings), compose([*given_findings, nothing]))


@given(given_findings=several())
@settings(deadline=None, derandomize=True, max_examples=25)
def test_a_finding_that_is_composed_never_takes_anything_back(
    given_findings: list[Finding],
) -> None:
    composed = compose(given_findings)
    for each in given_findings:
        for name in ("subgradient_low", "one_sided_low"):
            part = getattr(each, name)
            assert np.all(np.isnan(part) | (getattr(composed, name) <= part))
        for name in ("subgradient_high", "one_sided_high"):
            part = getattr(each, name)
            assert np.all(np.isnan(part) | (getattr(composed, name) >= part))
        assert np.all(composed.undetectable_slope >= each.undetectable_slope)
        assert np.all(composed.blocks_correct >= each.blocks_correct)
        assert np.all(composed.blocks_wrong >= each.blocks_wrong)
        assert np.all(composed.seen[each.kind] >= each.seen)


def test_a_finding_has_the_given_effects_and_no_others() -> None:
    low = np.array([1.0, 2.0])
    finding = Finding.of(Kind.KINK, np.array([True, False]), subgradient_low=low)
    assert finding.kind is Kind.KINK
    assert finding.seen.tolist() == [True, False]
    assert finding.subgradient_low is low
    for name in ("subgradient_high", "one_sided_low", "one_sided_high", "coarse_estimate"):
        np.testing.assert_array_equal(getattr(finding, name), [NAN, NAN])
    assert finding.undetectable_slope.tolist() == [0.0, 0.0]
    assert finding.blocks_correct.tolist() == finding.blocks_wrong.tolist() == [False, False]


def one(kind: Kind = Kind.KINK, **effects: Any) -> Finding:
    """A finding of one direction."""
    return Finding.of(kind, np.array([True]), **{k: np.array([v]) for k, v in effects.items()})


def test_ranges_compose_by_their_hull() -> None:
    found = compose(
        [
            one(subgradient_low=1.0, subgradient_high=2.0, one_sided_low=-1.0, one_sided_high=0.0),
            one(subgradient_low=0.0, subgradient_high=1.5, one_sided_low=-0.5, one_sided_high=3.0),
            one(finer_low=4.0, finer_high=6.0),
            one(finer_low=5.0, finer_high=7.0),
            one(),
        ]
    )
    assert [getattr(found, name)[0] for name in RANGES] == [0.0, 2.0, -1.0, 3.0, 4.0, 7.0]


def test_undetectable_slopes_compose_by_their_maximum() -> None:
    found = compose([one(undetectable_slope=2.0), one(undetectable_slope=5.0), one()])
    assert found.undetectable_slope.tolist() == [5.0]


def test_flags_compose_by_their_union() -> None:
    found = compose([one(blocks_correct=True), one(blocks_wrong=False), one()])
    assert (found.blocks_correct[0], found.blocks_wrong[0]) == (True, False)
    found = compose([one(blocks_correct=False), one(blocks_wrong=True), one()])
    assert (found.blocks_correct[0], found.blocks_wrong[0]) == (False, True)


def test_coarse_estimates_are_kept_in_order_two_of_them() -> None:
    found = compose([one(coarse_estimate=3.0), one(), one(coarse_estimate=-1.0)])
    assert found.coarse_estimates[:, 0].tolist() == [-1.0, 3.0]
    found = compose([one(), one(coarse_estimate=3.0)])
    np.testing.assert_array_equal(found.coarse_estimates[:, 0], [3.0, NAN])
    assert compose([one()]).coarse_estimates.shape == (2, 1)


def test_what_is_seen_is_kept_by_kind() -> None:
    found = compose([one(Kind.JUMP), Finding.of(Kind.JUMP, np.array([False])), one(Kind.EDGE)])
    assert [kind for kind, seen in found.seen.items() if seen[0]] == [Kind.JUMP, Kind.EDGE]


@pytest.fixture
def composed() -> Findings:
    return compose(
        [
            Finding.of(
                kind,
                np.array([True, False, True]),
                subgradient_low=np.array([1.0, 2.0, 3.0]),
                coarse_estimate=np.array([4.0, NAN, 6.0]),
                undetectable_slope=np.array([7.0, 8.0, 9.0]),
                blocks_wrong=np.array([False, True, False]),
            )
            for kind in (Kind.KINK, Kind.COARSE)
        ]
    )


def test_no_findings_say_nothing() -> None:
    none = Findings.none(2)
    assert none.seen.keys() == set(Kind)
    assert not any(np.any(flags) for flags in none.seen.values())
    for name in RANGES:
        np.testing.assert_array_equal(getattr(none, name), [NAN, NAN])
    np.testing.assert_array_equal(none.coarse_estimates, np.full((2, 2), NAN))
    assert none.undetectable_slope.tolist() == [0.0, 0.0]
    assert none.blocks_correct.tolist() == none.blocks_wrong.tolist() == [False, False]


def test_take_keeps_the_chosen_directions(composed: Findings) -> None:
    taken = composed.take(np.array([2, 0]))
    assert taken.subgradient_low.tolist() == [3.0, 1.0]
    assert taken.coarse_estimates.tolist() == [[6.0, 4.0]] * 2
    assert taken.seen[Kind.KINK].tolist() == [True, True]
    assert composed.take(np.array([False, True, False])).blocks_wrong.tolist() == [True]


def test_put_replaces_the_chosen_directions_in_a_copy(composed: Findings) -> None:
    changed = composed.put(np.array([1]), composed.take(np.array([0])))
    assert changed.subgradient_low.tolist() == [1.0, 1.0, 3.0]
    assert changed.coarse_estimates.tolist() == [[4.0, 4.0, 6.0]] * 2
    assert changed.blocks_wrong.tolist() == [False, False, False]
    assert changed.seen[Kind.COARSE].tolist() == [True, True, True]
    assert changed.seen[Kind.JUMP].tolist() == [False, False, False]
    assert composed.subgradient_low.tolist() == [1.0, 2.0, 3.0]
    assert composed.seen[Kind.COARSE].tolist() == [True, False, True]


def test_blocking_wrong_adds_a_finding_everywhere(composed: Findings) -> None:
    blocked = composed.blocking_wrong(Kind.TIE)
    assert blocked.blocks_wrong.tolist() == [True, True, True]
    assert blocked.blocks_correct.tolist() == [False, False, False]
    assert blocked.seen[Kind.TIE].tolist() == [True, True, True]
    assert blocked.seen[Kind.KINK].tolist() == [True, False, True]
    assert composed.blocks_wrong.tolist() == [False, True, False]
    assert not np.any(composed.seen[Kind.TIE])


def test_put_works_along_the_last_axis() -> None:
    whole = np.arange(6.0).reshape(2, 3)
    assert put(whole, [2], np.array([[8.0], [9.0]])).tolist() == [[0, 1, 8], [3, 4, 9]]
    assert whole.tolist() == [[0, 1, 2], [3, 4, 5]]
