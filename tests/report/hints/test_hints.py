"""The hints of a report: each slip gives its hint and no other, and random errors give none."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hint_cases import PRECISE, ROUGH, SLIPS, Array, D, assigned, hints_for, leaves_of, scaled, tree
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from checkgrad.report import hints
from checkgrad.report.hints import Mismatches, recognise
from checkgrad.report.hints.choose import Explanation

pytestmark = pytest.mark.numpy

every_slip = pytest.mark.parametrize("slip", SLIPS)


def without_numbers(hint: str) -> str:
    """A hint without the digits that depend on scale and uncertainty."""
    return re.sub(r"-?\d+\.?\d*(e[+-]\d+)? (more|less|times)|is -?\d\S*:", "#", hint)


@every_slip
def test_a_slip_gives_its_hint_and_no_other(slip: str) -> None:
    claim, estimate, hint = SLIPS[slip]
    assert hints_for(claim, estimate) == [hint]


@pytest.mark.parametrize("slip", sorted(set(SLIPS) - {"factors: one percent", "factors: a number"}))
def test_a_slip_is_recognised_from_a_rough_estimate(slip: str) -> None:
    claim, estimate, hint = SLIPS[slip]
    (found,) = hints_for(claim, estimate, ROUGH)
    assert without_numbers(found) == without_numbers(hint)


@every_slip
@pytest.mark.parametrize("exponent", [-900, 900])
def test_a_slip_is_recognised_at_any_scale(slip: str, exponent: int) -> None:
    claim, estimate, hint = SLIPS[slip]
    if isinstance(claim, dict) and isinstance(estimate, dict):
        claim = {path: np.ldexp(part, exponent) for path, part in claim.items()}
        estimate = {path: np.ldexp(part, exponent) for path, part in estimate.items()}
    else:
        claim, estimate = np.ldexp(claim, exponent), np.ldexp(estimate, exponent)
    assert list(map(without_numbers, hints_for(claim, estimate))) == [without_numbers(hint)]


@pytest.mark.parametrize(
    "slip",
    ["factors: sign", "rearrangements: roll", "rearrangements: flip", "constants: everywhere"],
)
def test_estimates_that_do_not_tell_are_left_out(slip: str) -> None:
    claim, estimate, hint = SLIPS[slip]
    assert isinstance(estimate, np.ndarray)
    relative = assigned([6, 17, 22], [1e3, np.inf, np.nan], np.full(30, PRECISE))
    found = hints_for(claim, assigned([4, 15], np.nan, estimate), relative)
    assert found == [hint.replace("every coordinate", "every coordinate whose estimate tells")]


def test_a_right_claim_gives_no_hint() -> None:
    assert hints_for(D, D) == []
    assert hints_for(tree(), tree(), ROUGH) == []


def test_an_uncertain_estimate_gives_no_hint() -> None:
    assert hints_for(-D, D, 10.0) == []
    assert recognise(-D, D, np.full(30, 1e3), np.full(30, True), leaves_of({"x": (30,)})) == []


def test_only_entries_that_the_verdict_found_wrong_are_explained() -> None:
    leaves = leaves_of({"x": (30,)})
    assert recognise(-D, D, np.full(30, 1e-9), np.full(30, False), leaves) == []
    only = np.arange(30) == 3
    hint = "claim is 0 at x[3], where the estimate is -1.303: an entry missing or overwritten?"
    assert recognise(0 * D, D, np.full(30, 1e-9), only, leaves)[0].startswith("claim is 0 at")
    assert recognise(assigned(3, 0), D, np.full(30, 1e-9), only, leaves) == [hint]


def test_two_slips_in_two_leaves_give_two_hints() -> None:
    estimate = tree()
    claim = {**estimate, "p['W']": -estimate["p['W']"], "p['b']": 0 * estimate["p['b']"]}
    assert hints_for(claim, estimate) == [
        "claim is -1 times the estimate everywhere in p['W']: a flipped sign?",
        "claim is 0 everywhere in p['b'], where the estimate is not: an array forgotten?",
    ]


def test_four_slips_give_three_hints() -> None:
    factors = np.repeat([-1.0, 2.0, 0.5, 0.0], [10, 9, 8, 3])
    assert hints_for(factors * D, D) == [
        "claim is -1 times the estimate at x[0:10]: a flipped sign?",
        "claim is 2 times the estimate at x[10:19]: a factor too many?",
        "claim is 1/2 times the estimate at x[19:27]: a factor too few?",
    ]


def test_part_of_the_errors_is_explained_where_nothing_explains_all() -> None:
    claim = scaled([21, 22, 25, 28], [1.37, -0.2, 4.4, 0.03], scaled(slice(3, 12), -1))
    assert hints_for(claim, D) == ["claim is -1 times the estimate at x[3:12]: a flipped sign?"]


# A family that is registered


def explain_cubes(mismatches: Mismatches) -> Iterator[Explanation]:
    """A toy family: ``factor * x0**3`` is missing in the claim."""
    if mismatches.x0 is None:
        return
    missing = mismatches.estimate - mismatches.claim
    factor = np.median(missing / mismatches.x0**3)
    if np.all(np.abs(missing - factor * mismatches.x0**3) <= 2 * mismatches.margin):
        text = f"claim lacks {factor:.4g} * x0**3 at every coordinate"
        yield Explanation(mismatches.wrong, 2.0, text)


def test_a_new_family_can_use_x0(monkeypatch: pytest.MonkeyPatch) -> None:
    x0 = np.linspace(-2, 3, 30)
    estimate = D + 0.1 * x0**3
    assert hints_for(D, estimate, x0=x0) == []
    monkeypatch.setattr(hints, "FAMILIES", (*hints.FAMILIES, explain_cubes))
    hint = "claim lacks 0.1 * x0**3 at every coordinate"
    assert hints_for(D, estimate, x0=x0) == [hint]
    assert hints_for(D, estimate) == []
    assert hints_for(-D, D, x0=x0) == [SLIPS["factors: sign"][2]]


# Errors that are no slip


@pytest.mark.parametrize("n", [3, 4, 8, 30, 300, 3000])
@pytest.mark.parametrize("uncertainty", [PRECISE, ROUGH])
@pytest.mark.parametrize("kind", ["unrelated", "relative", "absolute", "some"])
def test_random_errors_give_no_hint(n: int, uncertainty: float, kind: str) -> None:
    found = []
    for seed in range(30 if n <= 30 else 4):
        rng = np.random.default_rng([n, seed])
        estimate = rng.normal(size=n)
        claim = {
            "unrelated": lambda r, d: r.normal(size=d.size),
            "relative": lambda r, d: d * (1 + r.normal(size=d.size)),
            "absolute": lambda r, d: d + 0.1 * r.normal(size=d.size),
            "some": lambda r, d: np.where(r.random(d.size) < 0.8, d * r.normal(size=d.size), d),
        }[kind](rng, estimate)
        x0 = rng.normal(size=n)
        found += hints_for(claim, estimate, uncertainty, seed, x0=x0)
    # In "some", one wrong entry of three may by chance be off by a factor that has a name.
    assert len(found) <= (1 if n == 3 and kind == "some" else 0), found


@pytest.mark.parametrize("uncertainty", [PRECISE, ROUGH])
def test_random_errors_in_a_tree_give_no_hint(uncertainty: float) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        estimate = {f"p[{i}]": rng.normal(size=(3, 3) if i % 2 else (4,)) for i in range(40)}
        claim = {path: rng.normal(size=part.shape) for path, part in estimate.items()}
        assert hints_for(claim, estimate, uncertainty, seed) == []


@settings(max_examples=60, deadline=None)
@given(
    g=arrays(np.float64, 12, elements=st.floats(width=64)),
    d=arrays(np.float64, 12, elements=st.floats(width=64)),
    u=arrays(np.float64, 12, elements=st.floats(0, None, width=64) | st.just(np.nan)),
    off=arrays(np.bool_, 12),
    cuts=st.sampled_from([[(12,)], [(3, 4)], [(2, 2), (), (0,), (4,), (3,)], [(4,), (2, 2), (4,)]]),
)
def test_no_input_raises_warns_or_is_changed(
    g: Array, d: Array, u: Array, off: npt.NDArray[np.bool_], cuts: list[tuple[int, ...]]
) -> None:
    leaves = leaves_of({f"x[{number}]": shape for number, shape in enumerate(cuts)})
    kept = g.copy(), d.copy(), u.copy(), off.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = recognise(g, d, u, off, leaves)
    assert len(found) <= 3
    for before, after in zip(kept, (g, d, u, off), strict=True):
        np.testing.assert_array_equal(before, after)


@settings(max_examples=40, deadline=None)
@given(
    d=arrays(np.float64, 8, elements=st.integers(-3, 3)),
    change=st.sampled_from([lambda d: -d, lambda d: d[::-1], lambda d: np.roll(d, 1)]),
)
def test_a_slip_among_repeated_numbers_gives_some_hint(
    d: Array, change: Callable[[Array], Array]
) -> None:
    claim = change(d)
    assert bool(hints_for(claim, d)) == (not np.array_equal(claim, d))


LARGE: dict[str, list[tuple[int, ...]]] = {
    "one vector": [(100_000,)],
    "a square": [(316, 316)],
    "equal leaves": [(10,)] * 10_000,
    "numbers": [()] * 20_000,
}


@pytest.mark.parametrize("large", LARGE)
@pytest.mark.parametrize("error", ["random", "sign"])
def test_the_time_does_not_grow_with_the_square_of_the_size(large: str, error: str) -> None:
    rng = np.random.default_rng(0)
    estimate = {f"p[{i}]": rng.normal(size=shape) for i, shape in enumerate(LARGE[large])}
    claim = {path: rng.normal(size=part.shape) for path, part in estimate.items()}
    if error == "sign":
        claim = {path: -part for path, part in estimate.items()}
    start = time.process_time()
    found = hints_for(claim, estimate)
    assert time.process_time() - start < 10  # seconds; usually 0.3
    assert found == ([] if error == "random" else [SLIPS["factors: sign"][2]])
