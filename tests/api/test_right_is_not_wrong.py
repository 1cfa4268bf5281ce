"""What people's reports taught: right claims that look wrong, and wrong ones that look right.

Each kind of problem is drawn at random: entries that are 0 up to rounding, values that round to 0,
claims that are not finite, functions that move by rounding only, steps, and kinks. A right claim is
never called wrong, and a wrong one never correct. Where nothing hides the answer, it is given.

``CHECKGRAD_DRAWS=1000 pytest tests/api/test_right_is_not_wrong.py`` looks harder.
"""

from __future__ import annotations

import math
import os
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from checkgrad import Report, Verdict, verify_grad, verify_jac, verify_jvp, verify_vjp

pytestmark = pytest.mark.one_setting

IS_FULL = os.environ.get("CHECKGRAD_FULL") == "1"
DRAWS = int(os.environ.get("CHECKGRAD_DRAWS", "200" if IS_FULL else "2"))
DTYPES = ["float32", "float64"]


@dataclass(frozen=True)
class Case:
    """One claim: whether it is right, and a function that checks it."""

    is_right: bool
    check: Callable[..., Report]  # takes precision=...
    drawn: Any  # what to say of the draw if the verdict is the opposite one


@dataclass(frozen=True)
class Drawing:
    """An array library, a dtype and random numbers, of which a problem is drawn."""

    xp: Any
    dtype: str
    rng: np.random.Generator

    def array(self, values: Any) -> Any:
        """Return a constant of the library."""
        return self.xp.detach(self.x0(values))

    def x0(self, values: Any) -> Any:
        return self.xp.asarray(np.asarray(values, dtype=np.float64).tolist(), self.dtype)

    def normal(self, *shape: int) -> Any:
        """Return normal numbers of the dtype, on the host."""
        return self.rng.normal(size=shape).astype(self.dtype)


Kind = Callable[[Drawing], Iterator[Case]]
KINDS: dict[str, Kind] = {}


def kind(function: Kind) -> Kind:
    KINDS[function.__name__] = function
    return function


def grad_case(is_right: bool, func: Any, claim: Any, x0: Any, drawn: Any, **options: Any) -> Case:
    """Return the case of a gradient: a function of x, or a constant."""
    grad = claim if callable(claim) else lambda x: claim
    return Case(is_right, lambda **others: verify_grad(func, grad, x0, **others), drawn)


# An entry that is 0 up to rounding, beside ones


def rotation(rng: np.random.Generator, dtype: str) -> tuple[Any, Any, tuple[int, int]]:
    """Return a rotation in a random plane by a multiple of 90 degrees, rounded and exact.

    The place of an entry of -1 or 1 that it turns is given too.
    """
    n, turns = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    p, q = rng.permutation(n)[:2]
    angle, matrix = turns * np.pi / 2, np.eye(n)
    matrix[p, p] = matrix[q, q] = np.cos(angle)
    matrix[p, q], matrix[q, p] = -np.sin(angle), np.sin(angle)
    return matrix.astype(dtype), np.round(matrix), (p, p if turns == 2 else q)


def claims_of_rotation(draw: Drawing, form: str) -> Iterator[Case]:
    rounded, exact, place = rotation(draw.rng, draw.dtype)
    host = draw.rng.integers(-2, 3, size=len(exact))
    weights = draw.rng.integers(0, 2, size=len(exact))
    weights[place[0]] = 1
    matrix, x0, w = draw.array(rounded), draw.x0(host), draw.array(weights)
    for is_right in (True, False):
        claimed = exact.copy()
        if not is_right:
            claimed[place] *= -1
        c, t, row = (draw.array(each) for each in (claimed, claimed.T, weights @ claimed))
        checks: dict[str, Callable[..., Report]] = {
            "jac": lambda c=c, **o: verify_jac(lambda x: matrix @ x, lambda x: c, x0, **o),
            "jvp": lambda c=c, **o: verify_jvp(lambda x: matrix @ x, lambda x, v: c @ v, x0, **o),
            "vjp": lambda t=t, **o: verify_vjp(lambda x: matrix @ x, lambda x, v: t @ v, x0, **o),
            "grad": lambda row=row, **o: verify_grad(
                lambda x: draw.xp.sum(w * (matrix @ x)), lambda x: row, x0, **o
            ),
        }
        yield Case(is_right, checks[form], (rounded, weights, host))


@kind
def rotation_jac(draw: Drawing) -> Iterator[Case]:
    return claims_of_rotation(draw, "jac")


@kind
def rotation_jvp(draw: Drawing) -> Iterator[Case]:
    return claims_of_rotation(draw, "jvp")


@kind
def rotation_vjp(draw: Drawing) -> Iterator[Case]:
    return claims_of_rotation(draw, "vjp")


@kind
def rotation_grad(draw: Drawing) -> Iterator[Case]:
    return claims_of_rotation(draw, "grad")


@kind
def inverse_times_matrix(draw: Drawing) -> Iterator[Case]:
    """The matrix may have a condition number of up to a million; in float32, of up to 30,000."""
    n, most = int(draw.rng.integers(2, 6)), {"float64": 6.0, "float32": 4.5}[draw.dtype]
    vectors = np.linalg.svd(draw.normal(n, n))
    matrix = vectors.U * np.logspace(0, -draw.rng.uniform(0, most), n) @ vectors.Vh
    matrix = matrix.astype(draw.dtype)
    inverse = np.linalg.inv(matrix)
    first, second, x0 = draw.array(matrix), draw.array(inverse), draw.x0(np.zeros(n))
    wrong = np.eye(n)
    wrong[(draw.rng.integers(n),) * 2] = draw.rng.choice([-1.0, 2.0, 0.0])
    for is_right, claimed in ((True, np.eye(n)), (False, wrong)):
        claim = draw.array(claimed)
        yield Case(
            is_right,
            lambda c=claim, **o: verify_jac(lambda x: second @ (first @ x), lambda x: c, x0, **o),
            (matrix, np.linalg.cond(matrix)),
        )


@kind
def large_terms_at_0(draw: Drawing) -> Iterator[Case]:
    """Rounding of terms that cancel explains a little, and no error of an entry that tells."""
    xp, rng, n = draw.xp, draw.rng, int(draw.rng.integers(2, 7))
    large, least = {"float64": (10 ** rng.uniform(2, 6), -4.3), "float32": (8.0, -2.3)}[draw.dtype]
    slopes = rng.choice([0.02, 1.0], n) * rng.choice([-1.0, 1.0], n) * rng.uniform(1, 2, n)
    weights = (slopes + large).astype(draw.dtype)
    right = weights - np.dtype(draw.dtype).type(large)  # exactly, since the two are close
    wrong = right.copy()
    wrong[rng.integers(n)] *= 1 + 10 ** rng.uniform(least, -0.3)
    given, x0 = draw.array(weights), draw.x0(np.zeros(n))
    for is_right, claimed in ((True, right), (False, wrong)):
        claim = draw.array(claimed)

        def func(x: Any) -> Any:
            return xp.sum(given * x) - large * xp.sum(x)

        yield grad_case(is_right, func, claim, x0, (large, right, wrong))


@kind
def large_offset_at_0(draw: Drawing) -> Iterator[Case]:
    """Func is 0 at x0 = 0 to the last bit, and moves in steps: an offset cancels."""
    xp, rng, n = draw.xp, draw.rng, int(draw.rng.integers(2, 7))
    digits = rng.uniform(*{"float64": (6, 12), "float32": (3.5, 6)}[draw.dtype])  # what func keeps
    offset = float(10**-digits / np.finfo(draw.dtype).eps)
    right = rng.choice([0.05, 1.0], n) * rng.choice([-1.0, 1.0], n) * rng.uniform(1, 2, n)
    wrong = right.copy()
    wrong[rng.integers(n)] *= rng.choice([0.0, 0.5, 2.0, -1.0])
    slopes, x0 = draw.array(right), draw.x0(np.zeros(n))

    def func(x: Any) -> Any:
        return (xp.sum(slopes * x) + offset) - offset

    for is_right, claimed in ((True, right), (False, wrong)):
        yield grad_case(is_right, func, draw.array(claimed), x0, (offset, right, wrong))


@kind
def rounded_beside_1_at_0(draw: Drawing) -> Iterator[Case]:
    """``1 + x`` rounds nothing at powers of two, and does not move at the finest steps.

    A term that does not round may stand beside it, and may cancel its slope.
    """
    xp, rng, n = draw.xp, draw.rng, int(draw.rng.integers(2, 7))
    right = rng.choice([-1.0, 1.0]) * rng.uniform(1, rng.choice([1.0, 2.0]), n)
    wrong = right * rng.choice([0.0, 0.0, 1.0], n)
    wrong[rng.integers(n)] = 0.0
    smooth = rng.choice([0.0, -1.0, 1.3]) * right
    weights, others, x0 = draw.array(right), draw.array(smooth), draw.x0(np.zeros(n))
    inner: Callable[[Any], Any] = (
        lambda y: xp.log(y),
        lambda y: (y * y - 1) / 2,
        lambda y: 1 - 1 / y,
        lambda y: -xp.log(2 - y),
    )[rng.integers(4)]
    bounds = [None, (0, None), (None, 0), (0, 0.5), (-0.3, 0.5)][rng.integers(5)]
    for is_right, claimed in ((True, right + smooth), (False, wrong + smooth)):
        yield grad_case(
            is_right,
            lambda x: xp.sum(weights * inner(1 + x)) + xp.sum(others * x),
            draw.array(claimed),
            x0,
            (right, wrong, smooth, bounds),
            bounds=bounds,
        )


@kind
def rounded_beside_1_near_0(draw: Drawing) -> Iterator[Case]:
    """``1 + x`` may round x0 away, so that steps of a part of x0 do not move func."""
    xp, rng, n = draw.xp, draw.rng, int(draw.rng.integers(1, 5))
    powers = rng.uniform(-1.9, -0.6) + rng.choice([0.0, 0.3]) * rng.uniform(-1, 0, n)
    signs = rng.choice([-1.0, 1.0], n) if rng.random() < 0.5 else 1.0
    x0 = draw.x0(signs * np.finfo(draw.dtype).eps ** -powers)
    weights = draw.array(rng.choice([-1.0, 1.0]) * rng.uniform(1, rng.choice([1.0, 2.0]), n))
    kept = np.ones(n)
    kept[rng.integers(n)] = 0.0
    kept = kept * (rng.random() < 0.5)
    pairs: tuple[tuple[Callable[[Any], Any], Callable[[Any], Any]], ...] = (
        (lambda y: xp.log(y), lambda y: 1 / y),
        (lambda y: (y * y - 1) / 2, lambda y: y),
        (lambda y: 1 - 1 / y, lambda y: 1 / (y * y)),
    )
    inner, slope = pairs[rng.integers(3)]
    for is_right, factor in ((True, np.ones(n)), (False, kept)):
        factors = draw.array(factor)
        yield grad_case(
            is_right,
            lambda x: xp.sum(weights * inner(1 + x)),
            lambda x, factors=factors: factors * weights * slope(1 + x),
            x0,
            (x0, weights, kept),
        )


# A value that rounds to 0


@kind
def cross_entropy_with_a_margin(draw: Drawing) -> Iterator[Case]:
    xp = draw.xp
    margin = draw.rng.uniform(14 if draw.dtype == "float32" else 30, 60)
    logits = 0.3 * draw.normal(3)
    logits[0] += margin
    # A loss of this kind reads one of its logits by its place.
    first, one = draw.array([1, 0, 0]), draw.array([1, 0, 0])

    def func(x: Any) -> Any:
        highest = xp.max(x)
        return xp.log(xp.sum(xp.exp(x - highest))) + highest - xp.sum(first * x)

    def shares(x: Any) -> Any:
        exps = xp.exp(x - xp.max(x))
        return exps / xp.sum(exps)

    def exact(x: Any) -> Any:
        others = shares(x) * (1 - one)
        return others - xp.sum(others) * one

    x0 = draw.x0(logits)
    for is_right, claim in ((True, exact), (True, lambda x: shares(x) - one), (False, shares)):
        yield grad_case(is_right, func, claim, x0, (margin, logits))


# NaN or infinity where the derivative is 0


def claims_with_one_that_is_not_finite(draw: Drawing, func: Any) -> Iterator[Case]:
    n = int(draw.rng.integers(1, 5))
    claim = np.zeros(n)
    x0, right = draw.x0(claim), draw.array(claim)
    claim[draw.rng.integers(n)] = draw.rng.choice([math.nan, math.inf, -math.inf])
    yield grad_case(True, func, right, x0, n)
    yield grad_case(False, func, draw.array(claim), x0, claim)


@kind
def not_finite_at_a_minimum(draw: Drawing) -> Iterator[Case]:
    return claims_with_one_that_is_not_finite(draw, lambda x: draw.xp.sum(x * x))


@kind
def not_finite_for_a_constant(draw: Drawing) -> Iterator[Case]:
    return claims_with_one_that_is_not_finite(draw, lambda x: draw.xp.sum(x * 0) + 3)


# func moves by rounding only


@kind
def sum_of_normalised_values(draw: Drawing) -> Iterator[Case]:
    xp, n = draw.xp, int(draw.rng.integers(4, 20))
    values = draw.normal(n)

    def func(x: Any) -> Any:
        away = x - xp.mean(x)
        return xp.sum(away / xp.sqrt(xp.mean(away * away) + 1e-5))

    x0 = draw.x0(values)
    yield grad_case(True, func, draw.array(np.zeros(n)), x0, values)
    yield grad_case(False, func, draw.array(np.full(n, 0.3)), x0, values)


@kind
def det_of_rank_n_minus_2(draw: Drawing) -> Iterator[Case]:
    """All cofactors are 0, and elimination makes something of them."""
    n = int(draw.rng.integers(3, 6))
    factors = draw.rng.integers(-3, 4, size=(n, n - 2)), draw.rng.integers(-3, 4, size=(n - 2, n))
    matrix = factors[0] @ factors[1]
    wrong = np.zeros((n, n))
    wrong[draw.rng.integers(n), draw.rng.integers(n)] = 1.0
    for is_right, claimed in ((True, np.zeros((n, n))), (False, wrong)):
        claim = draw.array(claimed)
        yield grad_case(is_right, draw.xp.linalg.det, claim, draw.x0(matrix), matrix)


# A rounded factor beside a smooth one


@kind
def gate(draw: Drawing) -> Iterator[Case]:
    xp, rng = draw.xp, draw.rng
    a, b, c, d = rng.uniform(4, 8), rng.uniform(-2, 2), rng.uniform(-1, 2), rng.uniform(0.5, 2)
    t = rng.uniform(-1.5, 1.5, size=1)

    def func(x: Any) -> Any:
        return xp.sum((1 - 1 / (1 + xp.exp(-(a + b * x)))) * xp.tanh(c + d * x))

    def claimed(x: Any, part: float) -> Any:
        """Return the derivative, with a part of the term of the gate."""
        rest, other = 1 / (1 + xp.exp(a + b * x)), xp.tanh(c + d * x)
        return rest * d * (1 - other * other) - part * b * rest * (1 - rest) * other

    yield grad_case(True, func, lambda x: claimed(x, 1.0), draw.x0(t), (a, b, c, d, t))
    here = draw.array(t)
    if abs(float((claimed(here, 0.0) - claimed(here, 1.0))[0])) > 2e-3 * abs(
        float(claimed(here, 1.0)[0])
    ):
        yield grad_case(False, func, lambda x: claimed(x, 0.0), draw.x0(t), (a, b, c, d, t))


@kind
def gate_nearly_shut(draw: Drawing) -> Iterator[Case]:
    """The gate stands still over parts of x0, and all of the claim's other steps are longer."""
    xp, rng, quantum = draw.xp, draw.rng, float(np.finfo(draw.dtype).eps) / 2
    c, d = rng.uniform(-1, 2), rng.uniform(0.5, 2)
    t = float(rng.choice([-1, 1]) * rng.uniform(0.3, 1.5))
    b = float(rng.choice([-1, 1]) * rng.uniform(0.5, 2))
    longest = -math.log(quantum) - math.log(32 / abs(b * t))  # its plateau is a part of x0 then
    a = rng.uniform(0.6, 1.0) * longest - b * t

    def func(x: Any) -> Any:
        return xp.sum((1 - 1 / (1 + xp.exp(-(a + b * x)))) * xp.tanh(c + d * x))

    def claimed(x: Any, part: float) -> Any:
        rest, other = 1 / (1 + xp.exp(a + b * x)), xp.tanh(c + d * x)
        return rest * d * (1 - other * other) - part * b * rest * (1 - rest) * other

    here = draw.array([t])
    right, wrong = (float(claimed(here, part)[0]) for part in (1.0, 0.0))
    for is_right, part in ((True, 1.0), (False, 0.0)):
        if is_right or abs(right - wrong) > max(abs(right), abs(wrong)):
            claim = lambda x, p=part: claimed(x, p)  # noqa: E731
            native = lambda f=func, g=claim, **o: verify_grad(  # noqa: E731
                f, g, draw.x0([t]), **{**o, "precision": "native"}
            )
            yield Case(is_right, native, (a, b, c, d, t))


# Constants of a narrower dtype


@kind
def narrow_constant(draw: Drawing) -> Iterator[Case]:
    """It is what it is, and func computes in the dtype of x0 all the same."""
    xp, narrower = draw.xp, {"float64": "float32", "float32": "float16"}[draw.dtype]
    weights = xp.detach(xp.asarray(draw.normal(5).tolist(), narrower))
    x0, rtol = draw.x0(draw.normal(5)), {"float64": 1e-5, "float32": 1e-3}[draw.dtype]
    off = rtol * draw.rng.uniform(5, 50)

    def func(x: Any) -> Any:
        return xp.sum(xp.sin(x) * weights)

    for factor in (1.0, 1 + off):
        grad = lambda x, factor=factor: factor * (xp.cos(x) * weights)  # noqa: E731
        yield grad_case(factor == 1, func, grad, x0, (factor, weights, x0))


def narrower_inside(draw: Drawing) -> tuple[str, dict[str, Any]]:
    """Return a dtype to cast to inside of func, and options.

    A half precision has steps as wide as those of a func that rounds on purpose. Only where casts
    are seen, they can be told from those.
    """
    halves = ["bfloat16", "float16"] if draw.xp.name in ("jax", "torch") else []
    singles = [] if halves and draw.dtype == "float32" else ["float32"]
    narrower = str(draw.rng.choice(halves + singles))
    return narrower, {"precision": "auto"} if narrower in halves else {}


@kind
def cast_inside(draw: Drawing) -> Iterator[Case]:
    """What is cast to a narrower dtype and back rounds the values, and the claim of autodiff."""
    xp, (narrower, options) = draw.xp, narrower_inside(draw)
    n = int(draw.rng.integers(2, 9))
    weights, host = draw.normal(n, n), draw.normal(n)
    matrix, x0 = draw.array(weights), draw.x0(host)

    def cast(array: Any, dtype: str) -> Any:
        return xp.astype(array, getattr(xp, dtype))

    def func(x: Any) -> Any:
        return xp.sum(cast(xp.tanh(cast(matrix @ x, narrower)), draw.dtype))

    def by_autodiff(x: Any) -> Any:
        bent = xp.tanh(cast(matrix @ x, narrower))
        return cast(1 - bent * bent, draw.dtype) @ matrix

    def exact(x: Any) -> Any:
        bent = xp.tanh(matrix @ x)
        return (1 - bent * bent) @ matrix

    for claim in (by_autodiff, exact):
        for factor in (1.0, 1.5):
            grad = lambda x, claim=claim, factor=factor: factor * claim(x)  # noqa: E731
            drawn = (claim.__name__, factor, narrower, weights, host)
            check = lambda grad=grad, **o: verify_grad(func, grad, x0, **(o | options))  # noqa: E731
            yield Case(factor == 1, check, drawn)


@kind
def cast_part_left_out(draw: Drawing) -> Iterator[Case]:
    """Short steps do not move what is cast to a half precision; the derivative counts it."""
    xp, (narrower, options) = draw.xp, narrower_inside(draw)
    n = int(draw.rng.integers(1, 9))
    weights, host = draw.rng.uniform(0.5, 2, n), draw.normal(n)
    w, x0 = draw.array(weights), draw.x0(host)

    def func(x: Any) -> Any:
        inner = xp.astype(w * x, getattr(xp, narrower))
        return xp.sum(xp.astype(xp.sin(inner), getattr(xp, draw.dtype))) + xp.sum(x * x)

    for is_right in (True, False):

        def grad(x: Any, is_right: bool = is_right) -> Any:
            return 2 * x + w * xp.cos(w * x) if is_right else 2 * x

        check = lambda grad=grad, **o: verify_grad(func, grad, x0, **(o | options))  # noqa: E731
        yield Case(is_right, check, (narrower, weights, host))


# Waves over what is larger


@kind
def wave(draw: Drawing) -> Iterator[Case]:
    """Farther away than a turn, a wave looks like noise over the larger terms beside it."""
    xp, rng = draw.xp, draw.rng
    away, size, turns = (
        10 ** rng.uniform(0, 3),
        10 ** rng.uniform(-3, 1),
        10 ** rng.uniform(-0.5, 2),
    )
    seen = 1e-3 / np.finfo(draw.dtype).eps  # radians that a dtype has digits for
    turns, bowl = min(turns, seen / away), 10 ** rng.uniform(-3, 1)
    x0 = draw.x0(away * draw.normal(int(rng.integers(1, 4))))

    def func(x: Any) -> Any:
        return xp.sum(bowl * x * x + size * xp.sin(turns * x) * xp.sin(turns * x))

    def grad(x: Any) -> Any:
        return 2 * bowl * x + 2 * size * turns * xp.sin(turns * x) * xp.cos(turns * x)

    for is_right, claim in ((True, grad), (False, lambda x: 1.01 * grad(x))):
        yield grad_case(is_right, func, claim, x0, (bowl, size, turns, x0))


@kind
def narrow_feature(draw: Drawing) -> Iterator[Case]:
    """A wave or a smooth step over less than a thousandth of x0, and a larger term beside it."""
    xp, rng = draw.xp, draw.rng
    away = 10 ** rng.uniform(-0.5, 0.5)
    seen = 1e-3 / np.finfo(draw.dtype).eps  # radians that a dtype has digits for
    turns = min(10 ** rng.uniform(3, 6), seen / away)
    size, slope, turned = 10 ** rng.uniform(-2, 1) / turns, rng.normal(), rng.normal()
    x0, is_wave = draw.x0([away]), rng.integers(2)
    center = float(x0[0]) + turned / turns

    def func(x: Any) -> Any:
        fine = xp.sin if is_wave else xp.tanh
        return xp.sum(xp.exp(slope * x / away) + size * fine(turns * (x - center)))

    def grad(x: Any) -> Any:
        inside = turns * (x - center)
        fine = xp.cos(inside) if is_wave else 1 / xp.cosh(inside) ** 2
        return slope / away * xp.exp(slope * x / away) + size * turns * fine

    wrong = 1 + draw.rng.choice([-1.0, 0.5])
    for is_right, claim in ((True, grad), (False, lambda x: wrong * grad(x))):
        yield grad_case(is_right, func, claim, x0, (turns, size, slope, turned, x0, bool(is_wave)))


# Steps and kinks


@kind
def histogram(draw: Drawing) -> Iterator[Case]:
    xp, n = draw.xp, 8
    values = draw.normal(n)
    away = draw.rng.choice([-1, 1]) * 10 ** draw.rng.uniform(-6, -3)
    edge = draw.array(values[0] + np.dtype(draw.dtype).type(away))
    one, zero = draw.array(np.ones(n)), draw.array(np.zeros(n))

    def func(x: Any) -> Any:
        return xp.sum(xp.where(x > edge, one, zero))

    wrong = np.zeros(n)
    wrong[draw.rng.integers(n)] = draw.rng.choice([-1.0, 1.0])
    for is_right, claim in ((True, zero), (False, draw.array(wrong))):
        yield grad_case(is_right, func, claim, draw.x0(values), (away, values))


@kind
def kink(draw: Drawing) -> Iterator[Case]:
    xp, n = draw.xp, int(draw.rng.integers(1, 4))
    low = draw.rng.choice([0.0, draw.rng.normal()])
    gap = draw.rng.uniform(0.1, 2)
    high, at = low + gap, int(draw.rng.integers(n))
    values = draw.normal(n)
    values[at] = 0
    here = draw.array(np.arange(n) == at)
    elsewhere = draw.array(np.arange(n) != at)

    def func(x: Any) -> Any:
        bent = xp.where(x > 0, x * high, x * low)
        return xp.sum(here * bent + elsewhere * xp.sin(x))

    beyond = gap * draw.rng.uniform(0.3, 1)
    outside = draw.rng.choice([low - beyond, high + beyond])
    for is_right, slope in ((True, low + gap * draw.rng.uniform(0, 1)), (False, outside)):
        claim = lambda x, s=slope: elsewhere * xp.cos(x) + here * s  # noqa: E731
        yield grad_case(is_right, func, claim, draw.x0(values), (low, high, slope, values))


def cases_of(name: str, xp: Any, dtype: str, number: int) -> Iterator[tuple[Case, str, Report]]:
    """Yield the claims of one draw with the precision of func, and the report."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), number])
    precision = "native" if number % 2 else "auto"
    for case in KINDS[name](Drawing(xp, dtype, rng)):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield case, precision, case.check(precision=precision)


# What is told for sure, in every draw: no noise hides it.
DECIDED = {"not_finite_at_a_minimum", "not_finite_for_a_constant"}


@pytest.mark.sampled
@pytest.mark.parametrize("dtype_name", DTYPES)
@pytest.mark.parametrize("name", KINDS)
def test_a_right_claim_is_never_wrong_and_a_wrong_one_never_correct(
    xp: Any, name: str, dtype_name: str
) -> None:
    if dtype_name not in xp.float_dtypes:
        pytest.skip(f"{xp.name} has no {dtype_name} here")
    for number in range(DRAWS):
        for case, precision, report in cases_of(name, xp, dtype_name, number):
            opposite = Verdict.WRONG if case.is_right else Verdict.CORRECT
            told = f"draw {number}, {precision}, {case.drawn}: {report}"
            assert report.verdict is not opposite, told
            if name in DECIDED:
                assert report.verdict is not Verdict.INCONCLUSIVE, told


@pytest.mark.parametrize("claimed", [0.01, 0.5, 3.0])
@pytest.mark.parametrize("precision", ["auto", "native"])
def test_a_claim_that_is_not_0_is_never_correct_for_a_constant(
    xp: Any, dtype: str, claimed: float, precision: str
) -> None:
    """Few digits make a large unit in the last place; a constant has no rounding all the same."""
    x0, claim = (xp.asarray([each] * 2, dtype) for each in (1.0, claimed))
    report = verify_grad(
        lambda x: xp.sum(x * 0) + 3, lambda x: xp.detach(claim), x0, precision=precision
    )
    assert report.verdict is not Verdict.CORRECT, str(report)
    if claimed >= 0.5 and dtype != "bfloat16":
        assert report.verdict is Verdict.WRONG, str(report)


def assert_not_opposite_beneath(xp: Any, large: float, at: float, factor: float) -> Report:
    """Check a claim for ``(x + large) - large`` in float32, which is right if it is 1."""
    x0, claim, term = (xp.asarray([each], "float32") for each in (at, factor, large))
    claim, term = xp.detach(claim), xp.detach(term)
    report = verify_grad(
        lambda x: xp.sum((x + term) - term), lambda x: claim, x0, precision="native"
    )
    opposite = Verdict.WRONG if factor == 1 else Verdict.CORRECT
    assert report.verdict is not opposite, str(report)
    return report


@pytest.mark.parametrize("factor", [1.0016, 1.0018, 1.0])
def test_noise_of_large_terms_allows_no_error_above_rtol(xp: Any, factor: float) -> None:
    """An error of 0.1% is allowed in float32, and nothing is wrong below 0.15%."""
    assert_not_opposite_beneath(xp, 1000, 0.3, factor)


@pytest.mark.parametrize("factor", [1.01, 1.05, 1.0])
def test_large_terms_that_cancel_are_not_taken_for_half_precision(xp: Any, factor: float) -> None:
    """Next to x0, the sum rounds as a cast of x0 to bfloat16 does."""
    report = assert_not_opposite_beneath(xp, 112, 0.00127, factor)
    assert report.rtol == 1e-3


def test_constants_of_float32_explain_a_small_part_of_the_largest_entry(xp: Any) -> None:
    """An inverse, times its matrix, is the identity up to rounding times the condition."""
    rng, n = np.random.default_rng(0), 2
    first, second = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
    matrix = (first * np.logspace(0, -4.7, n) @ second).astype("float32")
    draw = Drawing(xp, "float32", rng)
    a, b, x0 = draw.array(matrix), draw.array(np.linalg.inv(matrix)), draw.x0(np.zeros(n))
    wrong = np.eye(n)
    wrong[0, 1] = 0.1
    for claimed, opposite in ((np.eye(n), Verdict.WRONG), (wrong, Verdict.CORRECT)):
        claim = draw.array(claimed)
        report = verify_jac(lambda x: b @ (a @ x), lambda x, c=claim: c, x0)
        assert report.verdict is not opposite, str(report)
