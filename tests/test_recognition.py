"""What a mismatch looks like: each slip of the pen is recognised, and random errors are not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from checkgrad.report.hints import Leaf, recognise

Array = npt.NDArray[np.float64]

pytestmark = pytest.mark.numpy

PRECISE, ROUGH = 1e-9, 1e-3  # relative uncertainties of float64 and of float32


def hints_for(
    claim: Mapping[str, Array] | Array,
    estimate: Mapping[str, Array] | Array,
    uncertainty: float | Array = PRECISE,
    seed: int = 0,
) -> list[str]:
    """The hints for a claim against an estimate that is off by its uncertainty."""
    if not isinstance(claim, Mapping):
        claim, estimate = {"x": claim}, {"x": np.asarray(estimate)}
    assert isinstance(estimate, Mapping)
    leaves, start = [], 0
    for path, part in claim.items():
        leaves.append(Leaf(path, part.shape, start))
        start += part.size
    g = np.concatenate([part.ravel() for part in claim.values()])
    d = np.concatenate([part.ravel() for part in estimate.values()])
    size = np.max(np.abs(d), initial=0.0, where=np.isfinite(d))
    u = np.broadcast_to(uncertainty * np.fmax(np.abs(d), 1e-6 * size), d.shape)
    noise = np.where(np.isfinite(u), u, 0.0) * np.random.default_rng(seed).uniform(-1, 1, d.size)
    with np.errstate(all="ignore"):
        off = ~(np.abs(g - d) <= 6 * u + 1e-5 * np.fmax(np.abs(g), np.abs(d)))
        off &= np.isfinite(d) & np.isfinite(u)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return recognise(g, d + noise, u, off, leaves)


def vector(n: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=n)


def matrix(rows: int, columns: int, seed: int = 1) -> Array:
    return vector(rows * columns, seed).reshape(rows, columns)


def changed(array: Array, change: Callable[[Array], None]) -> Array:
    copy = array.copy()
    change(copy)
    return copy


def tree() -> dict[str, Array]:
    return {"p['W']": matrix(4, 6, 2), "p['V']": matrix(4, 6, 3), "p['b']": vector(5, 4)}


def with_leaf(path: str, part: Array) -> tuple[dict[str, Array], dict[str, Array]]:
    """A tree whose claim is right except for one leaf, and the estimate."""
    return {**tree(), path: part}, tree()


D = vector(30)
M, R = matrix(5, 5), matrix(4, 6)
W, B = "p['W']", "p['b']"


def scaled(index: object, factor: float, of: Array = D) -> Array:
    def change(array: Array) -> None:
        array[index] *= factor  # type: ignore[index]

    return changed(of, change)


def assigned(index: object, value: object, of: Array = D) -> Array:
    def change(array: Array) -> None:
        array[index] = value  # type: ignore[index]

    return changed(of, change)


SLIPS: dict[str, tuple[object, object, str]] = {
    # a flipped sign
    "sign": (-D, D, "claim is -1 times the estimate at every coordinate: a flipped sign?"),
    "sign of one number": (-D[:1], D[:1], "claim is -1 times the estimate at x[0]: a flipped"),
    "sign of one entry": (scaled(3, -1), D, "claim is -1 times the estimate at x[3]: a flipped"),
    "sign of some": (scaled([3, 7, 20], -1), D, "claim is -1 times the estimate at x[3], x[7] and"),
    "sign of many": (
        scaled([3, 7, 20, 22], -1),
        D,
        "-1 times the estimate at x[3], x[7], x[20] an",
    ),
    "sign of a leaf": (
        *with_leaf(W, -tree()[W]),
        "-1 times the estimate everywhere in p['W']: a f",
    ),
    "sign of a row": (scaled(2, -1, R), R, "claim is -1 times the estimate at x[2, :]: a flipped"),
    "sign of every other": (
        scaled(slice(1, None, 2), -1),
        D,
        "-1 times the estimate at x[1:30:2]:",
    ),
    # a factor
    "twice": (2 * D, D, "claim is 2 times the estimate at every coordinate: a factor too many?"),
    "half": (D / 2, D, "claim is 1/2 times the estimate at every coordinate: a factor too few?"),
    "minus twice": (
        -2 * D,
        D,
        "claim is -2 times the estimate at every coordinate: a flipped sign",
    ),
    "n": (
        30 * D,
        D,
        "claim is n = 30 times the estimate at every coordinate: a mean taken for a s",
    ),
    "1/n": (
        D / 30,
        D,
        "claim is 1/n = 1/30 times the estimate at every coordinate: a sum taken for",
    ),
    "rows": (4 * R, R, "claim is 4, the length of axis 0 of x, times the estimate at every coord"),
    "leaf size": (
        *with_leaf(W, tree()[W] / 24),
        "claim is 1/24, one over the size of p['W'], times the estimate everywhere in p['W']: a",
    ),
    "three": (3 * D, D, "claim is 3 times the estimate at every coordinate"),
    "a number": (0.7321 * D, D, "claim is 0.7321 times the estimate at every coordinate"),
    "one percent": (1.01 * D, D, "claim is 1.01 times the estimate at every coordinate"),
    "a number in a leaf": (
        *with_leaf(B, 1.7 * tree()[B]),
        "1.7 times the estimate everywhere in p[",
    ),
    "a number at some": (
        scaled([3, 7, 20], 5.5),
        D,
        "5.5 times the estimate at x[3], x[7] and x[20",
    ),
    "twice at one": (scaled(3, 2), D, "claim is 2 times the estimate at x[3]: a factor too many?"),
    "log10": (
        np.log(10) * D,
        D,
        "claim is 2.303 = ln 10 times the estimate at every coordinate: log",
    ),
    "degrees": (
        180 / np.pi * D,
        D,
        "claim is 57.3 = 180/pi times the estimate at every coordinate",
    ),
    # zero
    "zero": (0 * D, D, "claim is 0 at every coordinate, where the estimate is not"),
    "zero entry": (
        assigned(3, 0),
        D,
        "claim is 0 at x[3], where the estimate is -1.30",
    ),
    "zero entries": (
        assigned([3, 9], 0),
        D,
        "claim is 0 at x[3] and x[9], where the estimate is no",
    ),
    "zero range": (assigned(slice(3, 9), 0), D, "claim is 0 at x[3:9], where the estimate is not:"),
    "zero row": (
        assigned(2, 0, R),
        R,
        "claim is 0 at x[2, :], where the estimate is not: a row, a",
    ),
    "zero column": (assigned((slice(None), 5), 0, R), R, "claim is 0 at x[:, 5], where"),
    "zero leaf": (*with_leaf(B, 0 * tree()[B]), "claim is 0 everywhere in p['b'], where the estim"),
    # another place
    "swap": (
        assigned([3, 9], D[[9, 3]]),
        D,
        "two entries are swapped in the claim, x[3] with x[9]:",
    ),
    "two swaps": (
        assigned([3, 9, 4, 20], D[[9, 3, 20, 4]]),
        D,
        "2 pairs of entries are swapped in the claim, x[3] with x[9] and x[4] with x[20]",
    ),
    "swap of two": (D[1::-1], D[:2], "two entries are swapped in the claim, x[0] with x[1]:"),
    "roll": (np.roll(D, 1), D, "claim is the estimate rolled by 1 in x: an index off by one?"),
    "roll back": (
        np.roll(D, -1),
        D,
        "claim is the estimate rolled by -1 in x: an index off by one",
    ),
    "roll rows": (np.roll(R, 1, 0), R, "claim is the estimate rolled by 1 along axis 0 in x:"),
    "shift": (np.r_[0, D[:-1]], D, "claim is the estimate shifted by 1 in x: an index off by one?"),
    "shift back": (np.r_[D[1:], 7.0], D, "claim is the estimate shifted by -1 in x: an index off"),
    "reversed": (D[::-1], D, "claim is the estimate in reversed order in x: a flip too many?"),
    "reversed columns": (R[:, ::-1], R, "the estimate in reversed order along axis 1 in x: a flip"),
    "transposed": (M.T, M, "claim is the transpose of the estimate in x: a matrix transposed?"),
    "transposed batch": (
        vector(32).reshape(2, 4, 4).swapaxes(1, 2),
        vector(32).reshape(2, 4, 4),
        "claim is the transpose of the estimate in x",
    ),
    "Fortran": (
        R.ravel(order="F").reshape(4, 6),
        R,
        "claim is the estimate in Fortran order in x:",
    ),
    "from Fortran": (
        R.ravel().reshape(4, 6, order="F"),
        R,
        "the estimate read in Fortran order in x",
    ),
    "flat transposed": (
        M.T.ravel(),
        M.ravel(),
        "claim is the estimate in x as a 5 x 5 matrix, trans",
    ),
    "reordered": (
        D[np.random.default_rng(5).permutation(30)],
        D,
        "claim has the right numbers in another order at ",
    ),
    "leaves swapped": (
        {W: tree()["p['V']"], "p['V']": tree()[W], B: tree()[B]},
        tree(),
        "claim has p['W'] and p['V'] swapped: names or positions mixed up?",
    ),
    "another leaf": (
        *with_leaf(W, tree()["p['V']"]),
        "claim in p['W'] is the right derivative of p['V']: a name mixed up?",
    ),
    "numbers swapped": (
        {"p.a": np.array(2.0), "p.b": np.array(-3.0), "p.c": np.array(5.0)},
        {"p.a": np.array(-3.0), "p.b": np.array(2.0), "p.c": np.array(5.0)},
        "claim has p.a and p.b swapped: names or positions mixed up?",
    ),
    # a constant
    "constant": (
        D + 0.5,
        D,
        "claim is 0.5 more than the estimate at every coordinate: a constant ad",
    ),
    "constant in a leaf": (
        *with_leaf(B, tree()[B] - 2),
        "2 less than the estimate everywhere in p['",
    ),
    "constant in a row": (
        assigned(1, R[1] + 3, R),
        R,
        "claim is 3 more than the estimate at x[1, :]",
    ),
}


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("uncertainty", [PRECISE, ROUGH / 10])
def test_a_slip_is_recognised_and_is_the_only_hint(slip: str, uncertainty: float) -> None:
    claim, estimate, hint = SLIPS[slip]
    hints = hints_for(claim, estimate, uncertainty)  # type: ignore[arg-type]
    assert len(hints) == 1
    assert hint in hints[0]


@pytest.mark.parametrize("slip", sorted(set(SLIPS) - {"one percent", "a number"}))
def test_a_slip_is_recognised_from_a_rough_estimate(slip: str) -> None:
    claim, estimate, hint = SLIPS[slip]
    hints = hints_for(claim, estimate, ROUGH)  # type: ignore[arg-type]
    assert len(hints) == 1
    # The digits of a number are those of the estimate.
    assert hint in hints[0] or hint[hint.index("times") :] in hints[0]


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("exponent", [-900, 900])
def test_a_slip_is_recognised_at_any_scale(slip: str, exponent: int) -> None:
    claim, estimate, _ = SLIPS[slip]
    factor = 2.0**exponent
    if isinstance(claim, Mapping) and isinstance(estimate, Mapping):
        scaled_claim = {path: part * factor for path, part in claim.items()}
        scaled_estimate = {path: part * factor for path, part in estimate.items()}
        hints = hints_for(scaled_claim, scaled_estimate)
    else:
        hints = hints_for(claim * factor, estimate * factor)  # type: ignore[operator]
    plain = hints_for(claim, estimate)  # type: ignore[arg-type]
    # All but the number that was added, which scales with the rest.
    assert [h[h.find(" than ") :] for h in hints] == [h[h.find(" than ") :] for h in plain]


@pytest.mark.parametrize("slip", ["sign", "twice", "roll", "reversed", "constant"])
def test_estimates_that_do_not_tell_are_no_witnesses(slip: str) -> None:
    claim, estimate, hint = SLIPS[slip]
    assert isinstance(estimate, np.ndarray)
    blurred = assigned([4, 15], np.nan, estimate)
    relative = assigned([6, 17, 22], [1e3, np.inf, np.nan], np.full(30, PRECISE))
    hints = hints_for(claim, blurred, relative)  # type: ignore[arg-type]
    assert len(hints) == 1
    expected = hint.replace("every coordinate", "every coordinate whose estimate tells")
    assert expected[:60] in hints[0]


def test_a_claim_that_is_not_finite_is_located_and_counted() -> None:
    (hint,) = hints_for(assigned([2, 5, 6, 8], [np.nan, np.inf, -np.inf, np.nan]), D)
    where = "at x[2] (nan), x[5] (inf), x[6] (-inf) and 1 more"
    assert hint.startswith(f"claim is not finite in 4 entries of 30, {where}: a division by zero")


def test_a_claim_that_is_not_finite_does_not_hide_another_slip() -> None:
    hints = hints_for(assigned(2, np.nan, -D), D)
    assert len(hints) == 2
    assert "not finite in 1 entry of 30, at x[2] (nan)" in hints[0]
    assert "flipped sign" in hints[1]


def test_two_slips_in_two_leaves_are_both_recognised() -> None:
    claim = {**tree(), W: -tree()[W], B: 0 * tree()[B]}
    hints = hints_for(claim, tree())
    assert len(hints) == 2
    assert "flipped sign" in hints[0]
    assert "everywhere in p['W']" in hints[0]
    assert "claim is 0 everywhere in p['b']" in hints[1]


def test_one_slip_in_two_leaves_is_one_hint() -> None:
    estimate = {"p['U']": matrix(4, 4, 2), "p['b']": vector(3), "p['V']": matrix(5, 5, 3)}
    claim = {path: part.T for path, part in estimate.items()}
    assert hints_for(claim, estimate) == [
        "claim is the transpose of the estimate in p['U'] and p['V']: a matrix transposed?"
    ]


def test_part_of_the_errors_is_explained_where_nothing_explains_all() -> None:
    claim = assigned([21, 22, 25, 28], D[[21, 22, 25, 28]] * [1.37, -0.2, 4.4, 0.03])
    claim[3:12] *= -1
    hints = hints_for(claim, D)
    assert hints == ["claim is -1 times the estimate at x[3:12]: a flipped sign?"]


def test_the_transpose_of_a_symmetric_matrix_is_not_recognised() -> None:
    symmetric = M + M.T
    assert hints_for(symmetric.T, symmetric) == []
    assert not any("transpose" in hint for hint in hints_for(-symmetric.T, symmetric))


def test_equal_entries_are_not_swapped() -> None:
    estimate = np.array([1.0, 1.0, 3.0])
    assert hints_for(np.array([1.0 + 3e-4, 1.0 - 3e-4, 3.0]), estimate, ROUGH / 100) == []


def test_an_uncertain_estimate_gives_no_hint() -> None:
    assert hints_for(-D, D, 10.0) == []
    hints = recognise(-D, D, np.full(30, 1e3), np.full(30, True), [Leaf("x", (30,), 0)])
    assert hints == []


def test_an_entry_too_uncertain_to_tell_is_not_said_to_be_missing() -> None:
    claim, off = assigned(3, 0, D), np.arange(30) == 3
    x = [Leaf("x", (30,), 0)]
    assert recognise(claim, D, np.full(30, 1e-9), off, x) != []
    assert recognise(claim, D, np.where(off, 1.0, 1e-9), off, x) == []


def test_no_entry_is_swapped_with_two_others() -> None:
    hints = hints_for(np.array([1.0, 1.0, 2.7]), np.array([2.7, 2.7, 1.0]))
    assert not any("2 pairs" in hint for hint in hints)


def test_the_factor_n_of_a_single_entry_must_be_exact() -> None:
    assert "n = 30 times the estimate at x[3]" in hints_for(scaled(3, 30), D)[0]
    assert hints_for(scaled(3, 30.02), D) == []


@pytest.mark.parametrize("n", [3, 4, 8, 30, 64, 300, 3000])
@pytest.mark.parametrize("uncertainty", [PRECISE, ROUGH])
@pytest.mark.parametrize("kind", ["unrelated", "relative", "absolute", "some"])
def test_random_errors_give_no_hint(n: int, uncertainty: float, kind: str) -> None:
    found = []
    for seed in range(30):
        rng = np.random.default_rng([n, seed])
        estimate = rng.normal(size=n)
        claim = {
            "unrelated": lambda r, d: r.normal(size=d.size),
            "relative": lambda r, d: d * (1 + r.normal(size=d.size)),
            "absolute": lambda r, d: d + 0.1 * r.normal(size=d.size),
            "some": lambda r, d: np.where(r.random(d.size) < 0.8, d * r.normal(size=d.size), d),
        }[kind](rng, estimate)
        found += hints_for(claim, estimate, uncertainty, seed)
    # In "some", one wrong entry of three may by chance be off by a factor that has a name.
    assert len(found) <= (1 if n == 3 and kind == "some" else 0), found


@pytest.mark.parametrize("uncertainty", [PRECISE, ROUGH])
def test_random_errors_in_a_tree_give_no_hint(uncertainty: float) -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        estimate = {f"p[{i}]": rng.normal(size=(3, 3) if i % 2 else (4,)) for i in range(40)}
        claim = {path: rng.normal(size=part.shape) for path, part in estimate.items()}
        assert hints_for(claim, estimate, uncertainty, seed) == []


@settings(max_examples=200, deadline=None)
@given(
    g=arrays(np.float64, 12, elements=st.floats(width=64)),
    d=arrays(np.float64, 12, elements=st.floats(width=64)),
    u=arrays(np.float64, 12, elements=st.floats(0, None, width=64) | st.just(np.nan)),
    off=arrays(np.bool_, 12),
    cuts=st.sampled_from([[(12,)], [(3, 4)], [(2, 2), (), (0,), (4,), (3,)], [(4,), (2, 2), (4,)]]),
)
def test_nothing_raises_or_warns(
    g: Array, d: Array, u: Array, off: npt.NDArray[np.bool_], cuts: list[tuple[int, ...]]
) -> None:
    leaves, start = [], 0
    for number, shape in enumerate(cuts):
        leaves.append(Leaf(f"x[{number}]", shape, start))
        start += leaves[-1].size
    kept = g.copy(), d.copy(), u.copy(), off.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hints = recognise(g, d, u, off, leaves)
    assert len(hints) <= 3
    for before, after in zip(kept, (g, d, u, off), strict=True):
        np.testing.assert_array_equal(before, after)


@settings(max_examples=100, deadline=None)
@given(
    d=arrays(np.float64, 8, elements=st.integers(-3, 3)),
    change=st.sampled_from([lambda d: -d, lambda d: d[::-1], lambda d: np.roll(d, 1)]),
)
def test_a_slip_among_repeated_numbers_is_explained_somehow(
    d: Array, change: Callable[[Array], Array]
) -> None:
    claim = change(d)
    hints = hints_for(claim, d)
    if np.array_equal(claim, d):
        assert hints == []
    else:
        assert hints


@given(d=arrays(np.float64, (3, 4), elements=st.floats(-1e6, 1e6)))
def test_a_right_claim_gives_no_hint(d: Array) -> None:
    assert hints_for(d, d) == []


LARGE = {
    "one vector": [(100_000,)],
    "one matrix": [(400, 250)],
    "a square": [(316, 316)],
    "equal leaves": [(10,)] * 10_000,
    "numbers": [()] * 20_000,
    "layers": [(128, 128), (128,)] * 6,
}


@pytest.mark.parametrize("large", LARGE)
@pytest.mark.parametrize("errors", ["random", "sign", "rolled"])
def test_many_coordinates_are_no_burden(large: str, errors: str) -> None:
    shapes = LARGE[large]
    rng = np.random.default_rng(0)
    estimate = {f"p[{i}]": rng.normal(size=shape) for i, shape in enumerate(shapes)}
    flat = np.concatenate([part.ravel() for part in estimate.values()])
    wrong_flat = {"random": rng.normal(size=flat.size), "sign": -flat, "rolled": np.roll(flat, 1)}
    ends = np.cumsum([part.size for part in estimate.values()])[:-1]
    pieces = np.split(wrong_flat[errors], ends)
    claim = {
        path: piece.reshape(part.shape)
        for (path, part), piece in zip(estimate.items(), pieces, strict=True)
    }
    hints = hints_for(claim, estimate)
    if errors == "random":
        assert hints == []
    if errors == "sign":
        assert hints == ["claim is -1 times the estimate at every coordinate: a flipped sign?"]
