"""Claims with one slip each, and how to ask for their hints: what the tests of hints share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from checkgrad.report.hints import Leaf, Mismatches, recognise
from checkgrad.report.hints.choose import Explanation, Family

Array = npt.NDArray[np.float64]
Arrays = Mapping[str, Array] | Array

PRECISE, ROUGH = 1e-9, 1e-3  # relative uncertainties of float64 and of float32


@dataclass(frozen=True)
class Flat:
    """Claim and estimate as `recognise` takes them."""

    claim: Array
    estimate: Array
    uncertainty: Array
    wrong: npt.NDArray[np.bool_]
    leaves: list[Leaf]


def flatten(
    claim: Arrays, estimate: Arrays, uncertainty: float | Array = PRECISE, seed: int = 0
) -> Flat:
    """Claim and estimate of a tree, where the estimate is off by its uncertainty."""
    claims = claim if isinstance(claim, Mapping) else {"x": claim}
    estimates = estimate if isinstance(estimate, Mapping) else {"x": np.asarray(estimate)}
    leaves = leaves_of({path: part.shape for path, part in claims.items()})
    g = np.concatenate([part.ravel() for part in claims.values()])
    d = np.concatenate([part.ravel() for part in estimates.values()])
    size = np.max(np.abs(d), initial=0.0, where=np.isfinite(d))
    u = np.broadcast_to(uncertainty * np.fmax(np.abs(d), 1e-6 * size), d.shape)
    noise = np.where(np.isfinite(u), u, 0.0) * np.random.default_rng(seed).uniform(-1, 1, d.size)
    with np.errstate(all="ignore"):
        wrong = ~(np.abs(g - d) <= 6 * u + 1e-5 * np.fmax(np.abs(g), np.abs(d)))
        wrong &= np.isfinite(d) & np.isfinite(u)
    return Flat(g, d + noise, u, wrong, leaves)


def leaves_of(shapes: Mapping[str, tuple[int, ...]]) -> list[Leaf]:
    leaves: list[Leaf] = []
    for path, shape in shapes.items():
        start = leaves[-1].coordinates.stop if leaves else 0
        leaves.append(Leaf(path, shape, start))
    return leaves


def hints_for(
    claim: Arrays,
    estimate: Arrays,
    uncertainty: float | Array = PRECISE,
    seed: int = 0,
    x0: Array | None = None,
) -> list[str]:
    """The hints of a report; warnings are errors."""
    flat = flatten(claim, estimate, uncertainty, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return recognise(
            flat.claim, flat.estimate, flat.uncertainty, flat.wrong, flat.leaves, x0=x0
        )


def mismatches_of(
    claim: Arrays, estimate: Arrays, uncertainty: float | Array = PRECISE
) -> Mismatches:
    flat = flatten(claim, estimate, uncertainty)
    return Mismatches.of(flat.claim, flat.estimate, flat.uncertainty, flat.wrong, flat.leaves)


def explanations(
    family: Family, claim: Arrays, estimate: Arrays, uncertainty: float | Array = PRECISE
) -> list[Explanation]:
    """The explanations of one family."""
    with np.errstate(all="ignore"):
        return list(family(mismatches_of(claim, estimate, uncertainty)))


def texts(
    family: Family, claim: Arrays, estimate: Arrays, uncertainty: float | Array = PRECISE
) -> list[str]:
    return [found.text for found in explanations(family, claim, estimate, uncertainty)]


def vector(n: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=n)


def array(*shape: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def tree() -> dict[str, Array]:
    return {"p['W']": array(4, 6, seed=2), "p['V']": array(4, 6, seed=3), "p['b']": vector(5, 4)}


def with_leaf(path: str, part: Array) -> tuple[dict[str, Array], dict[str, Array]]:
    """A tree whose claim is right except for one leaf, and the estimate."""
    return {**tree(), path: part}, tree()


D = vector(30)
M, R = array(5, 5), array(4, 6)
W, V, B = "p['W']", "p['V']", "p['b']"


def changed(index: Any, change: Callable[[Array], Any], of: Array = D) -> Array:
    """A copy whose entries at `index` are changed."""
    copy = of.copy()
    copy[index] = change(of[index])
    return copy


def scaled(index: Any, factor: float | Sequence[float], of: Array = D) -> Array:
    return changed(index, lambda entries: entries * np.asarray(factor), of)


def assigned(index: Any, value: Any, of: Array = D) -> Array:
    return changed(index, lambda entries: value, of)


def random_errors(n_wrong: int, of: Array = D, seed: int = 3) -> Array:
    """A copy whose first entries are wrong in ways that have nothing in common."""
    rng = np.random.default_rng(seed)
    return changed(slice(0, n_wrong), lambda entries: entries + rng.normal(size=n_wrong), of)


ZEROS = {
    "all": (
        0 * D,
        D,
        (
            "claim is 0 at every coordinate, where the estimate is not: a derivative that was "
            "never filled in, or was cut off on its way?"
        ),
    ),
    "an entry": (
        assigned(3, 0),
        D,
        "claim is 0 at x[3], where the estimate is -1.303: an entry missing or overwritten?",
    ),
    "two entries": (
        assigned([3, 9], 0),
        D,
        "claim is 0 at x[3] and x[9], where the estimate is not: entries missing or overwritten?",
    ),
    "a range": (
        assigned(slice(3, 9), 0),
        D,
        "claim is 0 at x[3:9], where the estimate is not: a row, a column or a range forgotten?",
    ),
    "a row": (
        assigned(2, 0, R),
        R,
        "claim is 0 at x[2, :], where the estimate is not: a row, a column or a range forgotten?",
    ),
    "a leaf": (
        *with_leaf(B, 0 * tree()[B]),
        "claim is 0 everywhere in p['b'], where the estimate is not: an array forgotten?",
    ),
}

_UNNAMED = "a constant that was forgotten or counted twice?"
FACTORS = {
    "sign": (-D, D, "claim is -1 times the estimate at every coordinate: a flipped sign?"),
    "sign of one number": (
        -D[:1],
        D[:1],
        "claim is -1 times the estimate at x[0]: a flipped sign?",
    ),
    "sign of one entry": (
        scaled(3, -1),
        D,
        "claim is -1 times the estimate at x[3]: a flipped sign?",
    ),
    "sign of a leaf": (
        *with_leaf(W, -tree()[W]),
        "claim is -1 times the estimate everywhere in p['W']: a flipped sign?",
    ),
    "sign of every other": (
        scaled(slice(1, None, 2), -1),
        D,
        "claim is -1 times the estimate at x[1:30:2]: a flipped sign?",
    ),
    "twice": (2 * D, D, "claim is 2 times the estimate at every coordinate: a factor too many?"),
    "half": (D / 2, D, "claim is 1/2 times the estimate at every coordinate: a factor too few?"),
    "minus twice": (
        -2 * D,
        D,
        (
            "claim is -2 times the estimate at every coordinate: a flipped sign, and a factor "
            "too many?"
        ),
    ),
    "twice at one": (scaled(3, 2), D, "claim is 2 times the estimate at x[3]: a factor too many?"),
    "n": (
        30 * D,
        D,
        "claim is n = 30 times the estimate at every coordinate: a mean taken for a sum?",
    ),
    "1/n": (
        D / 30,
        D,
        "claim is 1/n = 1/30 times the estimate at every coordinate: a sum taken for a mean?",
    ),
    "size of the leaf": (
        *with_leaf(W, 24 * tree()[W]),
        (
            "claim is 24, the size of p['W'], times the estimate everywhere in p['W']: a mean "
            "taken for a sum?"
        ),
    ),
    "one over the size of the leaf": (
        *with_leaf(W, tree()[W] / 24),
        (
            "claim is 1/24, one over the size of p['W'], times the estimate everywhere in p['W']: "
            "a sum taken for a mean?"
        ),
    ),
    "rows": (
        4 * R,
        R,
        (
            "claim is 4, the length of axis 0 of x, times the estimate at every coordinate: a mean "
            "taken for a sum?"
        ),
    ),
    "columns": (
        R / 6,
        R,
        (
            "claim is 1/6, one over the length of axis 1 of x, times the estimate at every "
            "coordinate: a sum taken for a mean?"
        ),
    ),
    "ln 10": (
        np.log(10) * D,
        D,
        "claim is 2.303 = ln 10 times the estimate at every coordinate: log10 taken for log?",
    ),
    "1/ln 2": (
        D / np.log(2),
        D,
        "claim is 1.443 = 1/ln 2 times the estimate at every coordinate: log taken for log2?",
    ),
    "degrees": (
        180 / np.pi * D,
        D,
        "claim is 57.3 = 180/pi times the estimate at every coordinate: degrees taken for radians?",
    ),
    "minus radians": (
        -np.pi / 180 * D,
        D,
        (
            "claim is minus 0.01745 = pi/180 times the estimate at every coordinate: a flipped "
            "sign, and radians taken for degrees?"
        ),
    ),
    "three": (3 * D, D, f"claim is 3 times the estimate at every coordinate: {_UNNAMED}"),
    "a number": (
        0.7321 * D,
        D,
        f"claim is 0.7321 times the estimate at every coordinate: {_UNNAMED}",
    ),
    "one percent": (
        1.01 * D,
        D,
        f"claim is 1.01 times the estimate at every coordinate: {_UNNAMED}",
    ),
    "a number in a leaf": (
        *with_leaf(B, 1.7 * tree()[B]),
        f"claim is 1.7 times the estimate everywhere in p['b']: {_UNNAMED}",
    ),
    "a number at some": (
        scaled([3, 7, 20], 5.5),
        D,
        f"claim is 5.5 times the estimate at x[3], x[7] and x[20]: {_UNNAMED}",
    ),
}

_ADDED = "a constant added, or a term too many or too few?"
CONSTANTS = {
    "everywhere": (
        D + 0.5,
        D,
        f"claim is 0.5 more than the estimate at every coordinate: {_ADDED}",
    ),
    "in a leaf": (
        *with_leaf(B, tree()[B] - 2),
        f"claim is 2 less than the estimate everywhere in p['b']: {_ADDED}",
    ),
    "in a row": (
        assigned(1, R[1] + 3, R),
        R,
        f"claim is 3 more than the estimate at x[1, :]: {_ADDED}",
    ),
}

SWAPS = {
    "one pair": (
        assigned([3, 9], D[[9, 3]]),
        D,
        "two entries are swapped in the claim, x[3] with x[9]: indices mixed up?",
    ),
    "two pairs": (
        assigned([3, 9, 4, 20], D[[9, 3, 20, 4]]),
        D,
        (
            "2 pairs of entries are swapped in the claim, x[3] with x[9] and x[4] with x[20]: "
            "indices mixed up?"
        ),
    ),
    "both entries": (
        D[1::-1],
        D[:2],
        "two entries are swapped in the claim, x[0] with x[1]: indices mixed up?",
    ),
}

_OFF_BY_ONE = "an index off by one?"
_ORDER = "a reshape or ravel in the wrong order?"
_TRANSPOSED = "claim is the transpose of the estimate in x: a matrix transposed?"
BATCH = array(2, 4, 4)
REARRANGEMENTS = {
    "roll": (np.roll(D, 1), D, f"claim is the estimate rolled by 1 in x: {_OFF_BY_ONE}"),
    "roll back": (np.roll(D, -1), D, f"claim is the estimate rolled by -1 in x: {_OFF_BY_ONE}"),
    "roll of three": (
        np.roll(D[:3], 1),
        D[:3],
        f"claim is the estimate rolled by 1 in x: {_OFF_BY_ONE}",
    ),
    "roll of rows": (
        np.roll(R, 1, 0),
        R,
        f"claim is the estimate rolled by 1 along axis 0 in x: {_OFF_BY_ONE}",
    ),
    "shift": (np.r_[0, D[:-1]], D, f"claim is the estimate shifted by 1 in x: {_OFF_BY_ONE}"),
    "shift back": (
        np.r_[D[1:], 7.0],
        D,
        f"claim is the estimate shifted by -1 in x: {_OFF_BY_ONE}",
    ),
    "shift of columns": (
        np.c_[R[:, 1:], [7.0, 8.0, 9.0, 1.0]],
        R,
        f"claim is the estimate shifted by -1 along axis 1 in x: {_OFF_BY_ONE}",
    ),
    "flip": (D[::-1], D, "claim is the estimate in reversed order in x: a flip too many?"),
    "flip of columns": (
        R[:, ::-1],
        R,
        "claim is the estimate in reversed order along axis 1 in x: a flip too many?",
    ),
    "transpose": (M.T, M, _TRANSPOSED),
    "transpose of a batch": (BATCH.swapaxes(1, 2), BATCH, _TRANSPOSED),
    "transpose of a vector": (
        M.T.ravel(),
        M.ravel(),
        "claim is the estimate in x as a 5 x 5 matrix, transposed?",
    ),
    "Fortran order": (
        R.ravel(order="F").reshape(4, 6),
        R,
        f"claim is the estimate in Fortran order in x: {_ORDER}",
    ),
    "from Fortran order": (
        R.ravel().reshape(4, 6, order="F"),
        R,
        f"claim is the estimate read in Fortran order in x: {_ORDER}",
    ),
}

_NUMBERS = {"p.a": np.array(-3.0), "p.b": np.array(2.0), "p.c": np.array(5.0)}
OTHER_LEAVES = {
    "leaves swapped": (
        {W: tree()[V], V: tree()[W], B: tree()[B]},
        tree(),
        "claim has p['W'] and p['V'] swapped: names or positions mixed up?",
    ),
    "a copy": (
        *with_leaf(W, tree()[V]),
        "claim in p['W'] is the right derivative of p['V']: a name mixed up?",
    ),
    "numbers swapped": (
        {**_NUMBERS, "p.a": _NUMBERS["p.b"], "p.b": _NUMBERS["p.a"]},
        _NUMBERS,
        "claim has p.a and p.b swapped: names or positions mixed up?",
    ),
}

ORDERS = {
    "an order without a name": (
        D[np.random.default_rng(5).permutation(30)],
        D,
        (
            "claim has the right numbers in another order at x[0], x[1], x[3] and 25 more: indices "
            "or a sort mixed up?"
        ),
    ),
}

SLIPS: dict[str, tuple[Arrays, Arrays, str]] = {
    f"{family}: {name}": slip  # type: ignore[misc]
    for family, slips in {
        "zeros": ZEROS,
        "factors": FACTORS,
        "constants": CONSTANTS,
        "swaps": SWAPS,
        "rearrangements": REARRANGEMENTS,
        "other leaves": OTHER_LEAVES,
        "orders": ORDERS,
    }.items()
    for name, slip in slips.items()
}
