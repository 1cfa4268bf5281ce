"""Scalar functions of NumPy float64 vectors, each with a right and a broken gradient.

This module owns the functions and their exact rescaling by powers of two; it does not
judge. Values and gradients are moderate (1e-20 to 1e20 over any reasonable
neighbourhood), so that multiplying by 2**600 or 2**-600 neither overflows nor leaves
the normal numbers: every rescaled case is the same case, digit for digit.

Right gradients are written by hand and have been compared with extrapolated central
differences at hand-picked steps, except where the function has no gradient (at kinks
the claim is a subgradient; on a staircase, the derivative between the jumps).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Func = Callable[[Array], Any]
Grad = Callable[[Array], Array]


@dataclass(frozen=True)
class ScaleCase:
    """A function at a point with a right and a broken gradient.

    `uneven` says whether the coordinates may be rescaled by different powers. It is
    false where the derivative along one coordinate is lost in the noise but negligible
    beside the others: rescaling one against another changes which are negligible, and
    with it, rightly, the verdict.
    """

    name: str
    func: Func
    grad: Grad
    broken: Grad
    x0: Array
    uneven: bool = True


def multiplied(case: ScaleCase, power: int) -> ScaleCase:
    """Multiply the function, and with it its gradients, by 2**power."""

    def scaled(function: Callable[[Array], Any]) -> Callable[[Array], Any]:
        return lambda x: np.ldexp(np.asarray(function(x), np.float64), power)[()]

    return replace(case, func=scaled(case.func), grad=scaled(case.grad), broken=scaled(case.broken))


def rescaled(case: ScaleCase, powers: Any) -> ScaleCase:
    """Measure coordinate i in units of 2**powers[i]: f(y * s) at x0 / s."""
    powers = np.broadcast_to(np.asarray(powers), case.x0.shape)

    def chained(gradient: Grad) -> Grad:
        return lambda y: np.ldexp(gradient(np.ldexp(y, powers)), powers)

    return replace(
        case,
        func=lambda y: case.func(np.ldexp(y, powers)),
        grad=chained(case.grad),
        broken=chained(case.broken),
        x0=np.ldexp(case.x0, -powers),
    )


# ---- ways to be wrong


def negated(grad: Grad) -> Grad:
    return lambda x: -grad(x)


def times(factor: float, grad: Grad) -> Grad:
    return lambda x: factor * grad(x)


def entry_times(i: int, factor: float, grad: Grad) -> Grad:
    """Break entry `i` only."""

    def broken(x: Array) -> Array:
        g = grad(x).copy()
        g[i] *= factor
        return g

    return broken


def entry_plus(i: int, error: float, grad: Grad) -> Grad:
    """Add an error to entry `i` only: for gradients that vanish."""

    def broken(x: Array) -> Array:
        g = grad(x).copy()
        g[i] += error
        return g

    return broken


def reversed_(grad: Grad) -> Grad:
    return lambda x: grad(x)[::-1].copy()


# ---- the functions

RNG = np.random.default_rng(20)
MATRIX = RNG.standard_normal((4, 4))
MATRIX = MATRIX @ MATRIX.T + np.eye(4)
VECTOR = RNG.standard_normal(4)
FEATURES = RNG.standard_normal((9, 4))
LABELS = (RNG.random(9) < 0.5).astype(float)
POINT = np.array([0.7, -1.3, 2.1, 0.4])
POSITIVE = np.array([0.3, 1.7, 2.9, 5.2])
PAIR = np.array([0.3, -0.2])
NEAR_EDGE = np.array([1e-9, 0.5])
MINIMUM = np.array([0.75, -1.5, 3.0])
CORNER = np.array([1.5, -0.25])
WEIGHTS = np.array([1e6, 1.0, 1e-6])
STIFFNESS = np.array([1e8, 1e4, 1.0, 1e-4])


def rosenbrock(x: Array) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_grad(x: Array) -> Array:
    g = np.zeros_like(x)
    inner = x[1:] - x[:-1] ** 2
    g[:-1] += -400 * x[:-1] * inner - 2 * (1 - x[:-1])
    g[1:] += 200 * inner
    return g


def rosenbrock_missing_term(x: Array) -> Array:
    g = rosenbrock_grad(x)
    g[:-1] += 2 * (1 - x[:-1])
    return g


def sigmoid(t: Array) -> Array:
    return 1 / (1 + np.exp(-t))


def logistic(w: Array) -> Any:
    return np.sum(np.logaddexp(0, FEATURES @ w) - LABELS * (FEATURES @ w))


def logistic_grad(w: Array) -> Array:
    return FEATURES.T @ (sigmoid(FEATURES @ w) - LABELS)


def logsumexp(x: Array) -> Any:
    return x.max() + np.log(np.sum(np.exp(x - x.max())))


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max())
    return e / e.sum()


def himmelblau(x: Array) -> Any:
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def himmelblau_grad(x: Array) -> Array:
    p, q = x[0] ** 2 + x[1] - 11, x[0] + x[1] ** 2 - 7
    return np.array([4 * x[0] * p + 2 * q, 2 * p + 4 * x[1] * q])


def beale(x: Array) -> Any:
    a, b = x
    return (1.5 - a + a * b) ** 2 + (2.25 - a + a * b**2) ** 2 + (2.625 - a + a * b**3) ** 2


def beale_grad(x: Array) -> Array:
    a, b = x
    r = np.array([1.5 - a + a * b, 2.25 - a + a * b**2, 2.625 - a + a * b**3])
    return np.array(
        [
            2 * (r[0] * (b - 1) + r[1] * (b**2 - 1) + r[2] * (b**3 - 1)),
            2 * a * (r[0] + 2 * b * r[1] + 3 * b**2 * r[2]),
        ]
    )


def powell(x: Array) -> Any:
    a, b, c, d = x
    return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4


def powell_grad(x: Array) -> Array:
    a, b, c, d = x
    p, q, r, s = a + 10 * b, c - d, (b - 2 * c) ** 3, (a - d) ** 3
    return np.array([2 * p + 40 * s, 20 * p + 4 * r, 10 * q - 8 * r, -10 * q - 40 * s])


def huber(x: Array) -> Any:
    a = np.abs(x)
    return np.sum(np.where(a <= 1, a**2 / 2, a - 0.5))


def mixed(x: Array) -> Any:
    return np.sum(np.sin(x / np.array([1e-8, 1.0, 1e8])))


def mixed_grad(x: Array) -> Array:
    unit = np.array([1e-8, 1.0, 1e8])
    return np.cos(x / unit) / unit


def lennard_jones(r: Array) -> Any:
    return np.sum(r**-12.0 - r**-6.0)


def lennard_jones_grad(r: Array) -> Array:
    return -12 * r**-13.0 + 6 * r**-7.0


def quiet_log(x: Array) -> Any:
    with np.errstate(all="ignore"):
        return np.sum(np.log(x))


def quiet_sqrt(x: Array) -> Any:
    with np.errstate(all="ignore"):
        return np.sum(np.sqrt(x))


def in_float32(x: Array) -> Any:
    return float(np.sum(np.exp(np.sin(x.astype(np.float32)))))


def first(gradient: Callable[[Array], Any]) -> Grad:
    """Give a one-dimensional derivative the shape of its point."""
    return lambda x: np.atleast_1d(np.asarray(gradient(x), np.float64))


def logdet(x: Array) -> Any:
    return np.log(np.linalg.det(MATRIX + np.diag(x)))


def logdet_grad(x: Array) -> Array:
    return np.diag(np.linalg.inv(MATRIX + np.diag(x))).copy()


def chebyshev_derivative(x: Array) -> Array:
    return np.polynomial.Chebyshev.basis(8).deriv()(x)


def quadratic_grad(x: Array) -> Array:
    return MATRIX @ x - VECTOR


def maximum_grad(x: Array) -> Array:
    return (x == x.max()).astype(float)


def product_grad(x: Array) -> Array:
    return np.array([np.prod(np.delete(x, i)) for i in range(x.size)])


def oscillation_grad(x: Array) -> Array:
    return 50 * np.cos(50 * x)


def spike(x: Array) -> Any:
    return np.sum(1 / (1 + ((x - 1.00003) / 1e-4) ** 2)) + np.sum(x)


def spike_grad(x: Array) -> Array:
    t = (x - 1.00003) / 1e-4
    return -2 * t / 1e-4 / (1 + t**2) ** 2 + 1


def valley_minimum() -> Array:
    return np.linalg.solve(MATRIX, VECTOR)


def quadratic(x: Array) -> Any:
    return x @ MATRIX @ x / 2 - VECTOR @ x


def exp_grad(x: Array) -> Array:
    return np.exp(x)


def shifted_grad(x: Array) -> Array:
    return 2 * (x - MINIMUM)


def linear_grad(x: Array) -> Array:
    return VECTOR.copy()


def zero(x: Array) -> Array:
    return np.zeros_like(x)


def two_x(x: Array) -> Array:
    return 2 * x


def sign(x: Array) -> Array:
    return np.sign(x)


def cos(x: Array) -> Array:
    return np.cos(x)


def reciprocal(x: Array) -> Array:
    return 1 / x


def quartic_grad(x: Array) -> Array:
    return 4 * x**3 - 6 * x**2 + 1


def rational_grad(x: Array) -> Array:
    return -2 * x / (1 + x**2) ** 2


def bump_grad(x: Array) -> Array:
    return -2 * x * np.exp(-(x @ x))


def norm_grad(x: Array) -> Array:
    return x / np.linalg.norm(x)


def entropy_grad(x: Array) -> Array:
    return np.log(x) + 1


def half(x: Array) -> Array:
    return np.full_like(x, 0.5)


def tenths(x: Array) -> Array:
    return np.full_like(x, 0.3)


def twos(x: Array) -> Array:
    return np.full_like(x, 2.0)


def float32_grad(x: Array) -> Array:
    return np.cos(x) * np.exp(np.sin(x))


def stiff_grad(x: Array) -> Array:
    return STIFFNESS * x


def weighted_cos(x: Array) -> Array:
    return WEIGHTS * np.cos(x)


def saturated_grad(x: Array) -> Array:
    return 1 / np.cosh(x) ** 2


def wave_grad(x: Array) -> Array:
    return np.cos(1e-6 * x) * 1e-6


def one(value: float) -> Array:
    return np.array([value])


def corner_func(x: Array) -> Any:
    return np.sum(np.abs(x - CORNER))


def softsign_grad(x: Array) -> Array:
    return 1 / (1 + np.abs(x)) ** 2


def pieces(x: Array) -> Any:
    return np.sum(np.where(x > 1, x**2, 2 * x - 1))


def pieces_grad(x: Array) -> Array:
    return np.where(x > 1, 2 * x, 2.0)


def versine(x: Array) -> Any:
    return ((1 - np.cos(x)) / x**2).sum()


def versine_grad(x: Array) -> Array:
    # Half the square of sinc(x/2), differentiated without cancellation.
    half = x / 2
    return (np.sin(half) / half) * (half * np.cos(half) - np.sin(half)) / (2 * half**2)


def rounded(digits: int) -> Func:
    return lambda x: np.round(np.sum(np.sin(x)), digits)


def residual_grad(w: Array) -> Array:
    return 2 * FEATURES.T @ (FEATURES @ w - LABELS)


CASES: tuple[ScaleCase, ...] = (
    ScaleCase("quadratic", quadratic, quadratic_grad, negated(quadratic_grad), POINT),
    ScaleCase(
        "quadratic_at_minimum",
        quadratic,
        quadratic_grad,
        entry_plus(1, 1e-3, quadratic_grad),
        valley_minimum(),
    ),
    ScaleCase(
        "squares_at_minimum",
        lambda x: np.sum((x - MINIMUM) ** 2),
        shifted_grad,
        entry_plus(0, 1e-3, shifted_grad),
        MINIMUM,
    ),
    ScaleCase("squares_at_zero", lambda x: x @ x, two_x, entry_plus(0, 1e-3, two_x), np.zeros(3)),
    ScaleCase("square_at_zero", lambda x: x @ x, two_x, entry_plus(0, 1e-3, two_x), np.zeros(1)),
    ScaleCase(
        "quartic",
        lambda x: np.sum(x**4 - 2 * x**3 + x),
        quartic_grad,
        entry_times(2, 1.01, quartic_grad),
        POINT,
    ),
    ScaleCase(
        "seventh_power",
        lambda x: x[0] ** 7,
        first(lambda x: 7 * x**6),
        first(lambda x: 6 * x**6),
        one(1.3),
    ),
    ScaleCase(
        "fourth_power_at_zero",
        lambda x: x[0] ** 4,
        first(lambda x: 4 * x**3),
        first(lambda x: 4 * x**3 + 1),
        one(0.0),
    ),
    ScaleCase(
        "cubic_at_inflection",
        lambda x: (x[0] - 1.25) ** 3,
        first(lambda x: 3 * (x - 1.25) ** 2),
        first(lambda x: 3 * (x - 1.25) ** 2 + 1e-2),
        one(1.25),
    ),
    ScaleCase(
        "rosenbrock",
        rosenbrock,
        rosenbrock_grad,
        rosenbrock_missing_term,
        np.array([-1.2, 1.0, 0.8]),
    ),
    ScaleCase(
        "rosenbrock_at_minimum",
        rosenbrock,
        rosenbrock_grad,
        entry_plus(0, 1.0, rosenbrock_grad),
        np.ones(3),
    ),
    ScaleCase(
        "rosenbrock_at_zero",
        rosenbrock,
        rosenbrock_grad,
        negated(rosenbrock_grad),
        np.zeros(2),
    ),
    ScaleCase("himmelblau", himmelblau, himmelblau_grad, reversed_(himmelblau_grad), PAIR),
    ScaleCase("beale", beale, beale_grad, entry_times(1, 0.5, beale_grad), np.array([1.1, 0.3])),
    ScaleCase(
        "powell_singular",
        powell,
        powell_grad,
        entry_times(3, -1, powell_grad),
        np.array([3.0, -1.0, 0.5, 1.0]),
    ),
    ScaleCase("exponentials", lambda x: np.sum(np.exp(x)), exp_grad, times(1.01, exp_grad), POINT),
    ScaleCase(
        "exponentials_at_zero",
        lambda x: np.sum(np.exp(x)),
        exp_grad,
        times(2, exp_grad),
        np.zeros(3),
    ),
    ScaleCase(
        "logarithms",
        lambda x: np.sum(np.log(np.abs(x))),
        reciprocal,
        negated(reciprocal),
        POSITIVE,
    ),
    ScaleCase(
        "logarithm_near_edge",
        quiet_log,
        reciprocal,
        entry_times(0, 1.05, reciprocal),
        NEAR_EDGE,
    ),
    ScaleCase(
        "square_root_near_edge",
        quiet_sqrt,
        lambda x: 0.5 / np.sqrt(x),
        lambda x: 1 / np.sqrt(x),
        np.array([1e-6, 0.25]),
    ),
    ScaleCase("sines", lambda x: np.sum(np.sin(x)), cos, lambda x: -np.sin(x), POINT),
    ScaleCase("sines_at_zero", lambda x: np.sum(np.sin(x)), cos, negated(cos), np.zeros(3)),
    ScaleCase(
        "oscillation",
        lambda x: np.sum(np.sin(50 * x)),
        oscillation_grad,
        times(0.02, oscillation_grad),
        POINT,
    ),
    ScaleCase(
        "long_wave", lambda x: np.sin(1e-6 * x).sum(), wave_grad, times(2, wave_grad), one(3e5)
    ),
    ScaleCase(
        "logistic_regression",
        logistic,
        logistic_grad,
        times(1 / 9, logistic_grad),
        np.array([0.5, -0.2, 0.3, 1.1]),
    ),
    ScaleCase(
        "least_squares",
        lambda w: np.sum((FEATURES @ w - LABELS) ** 2),
        residual_grad,
        times(0.5, residual_grad),
        POINT,
    ),
    ScaleCase("logsumexp", logsumexp, softmax, reversed_(softmax), POINT),
    ScaleCase("softplus", lambda x: np.sum(np.logaddexp(0, x)), sigmoid, exp_grad, POINT),
    ScaleCase("absolute_away_from_kink", lambda x: np.sum(np.abs(x)), sign, negated(sign), POINT),
    ScaleCase(
        "absolute_near_kink",
        corner_func,
        lambda x: np.sign(x - CORNER),
        lambda x: -np.sign(x - CORNER),
        CORNER + 1e-5,
    ),
    ScaleCase("absolute_at_kink", corner_func, tenths, twos, CORNER),
    ScaleCase("absolute_at_zero", lambda x: np.sum(np.abs(x)), tenths, twos, np.zeros(2)),
    ScaleCase("relu_at_zero", lambda x: np.maximum(x[0], 0), half, twos, one(0.0)),
    ScaleCase("relu_off", lambda x: np.maximum(x[0], 0), zero, half, one(-1.3)),
    ScaleCase("maximum", np.max, maximum_grad, reversed_(maximum_grad), POINT),
    ScaleCase(
        "huber",
        huber,
        lambda x: np.clip(x, -1, 1),
        lambda x: x.copy(),
        np.array([0.5, -3.0, 2.0]),
    ),
    ScaleCase(
        "kink_in_second_derivative",
        pieces,
        pieces_grad,
        times(0.5, pieces_grad),
        np.array([1.0, 2.0]),
    ),
    ScaleCase("constant", lambda x: 3.7, zero, entry_plus(0, 1e-3, zero), np.array([1.1, -0.6])),
    ScaleCase(
        "constant_zero", lambda x: 0.0, zero, entry_plus(0, 1e-3, zero), np.array([1.1, -0.6])
    ),
    ScaleCase("constant_at_zero", lambda x: 3.7, zero, entry_plus(0, 1e-3, zero), np.zeros(2)),
    ScaleCase(
        "one_coordinate_unused",
        lambda x: np.exp(x[0]),
        lambda x: np.array([np.exp(x[0]), 0.0]),
        lambda x: np.array([np.exp(x[0]), np.exp(x[1])]),
        PAIR,
    ),
    ScaleCase("linear", lambda x: VECTOR @ x, linear_grad, reversed_(linear_grad), POINT),
    ScaleCase(
        "linear_at_zero", lambda x: VECTOR @ x, linear_grad, times(2, linear_grad), np.zeros(4)
    ),
    ScaleCase(
        "large_offset",
        lambda x: 1e6 + np.sum(np.sin(x)),
        cos,
        times(2, cos),
        PAIR,
        uneven=False,
    ),
    ScaleCase(
        "larger_offset",
        lambda x: 1e10 + np.sum(np.sin(x)),
        cos,
        negated(cos),
        PAIR,
        uneven=False,
    ),
    ScaleCase(
        "cancellation",
        lambda x: (1e7 + x[0]) ** 2 - 1e14,
        first(lambda x: 2 * (1e7 + x)),
        first(lambda x: 2 * x),
        one(0.37),
    ),
    ScaleCase("versine", versine, versine_grad, negated(versine_grad), np.array([1e-3])),
    ScaleCase(
        "rational",
        lambda x: np.sum(1 / (1 + x**2)),
        rational_grad,
        times(-0.5, rational_grad),
        POINT,
    ),
    ScaleCase(
        "softsign",
        lambda x: np.sum(x / (1 + np.abs(x))),
        softsign_grad,
        lambda x: 1 / (1 + np.abs(x)),
        POINT,
    ),
    ScaleCase("product", np.prod, product_grad, entry_times(0, 0, product_grad), POINT),
    ScaleCase("gaussian_bump", lambda x: np.exp(-(x @ x)), bump_grad, times(0.5, bump_grad), PAIR),
    ScaleCase("norm", np.linalg.norm, norm_grad, lambda x: x.copy(), POINT),
    ScaleCase("entropy", lambda x: np.sum(x * np.log(np.abs(x))), entropy_grad, np.log, POSITIVE),
    ScaleCase(
        "lennard_jones",
        lennard_jones,
        lennard_jones_grad,
        negated(lennard_jones_grad),
        np.array([1.05, 1.4]),
    ),
    ScaleCase(
        "lennard_jones_at_minimum",
        lennard_jones,
        lennard_jones_grad,
        entry_plus(0, 1e-2, lennard_jones_grad),
        one(2 ** (1 / 6)),
    ),
    ScaleCase(
        "chebyshev",
        lambda x: np.polynomial.Chebyshev.basis(8)(x).sum(),
        chebyshev_derivative,
        times(1.02, chebyshev_derivative),
        np.array([0.43, -0.8]),
    ),
    ScaleCase(
        "mixed_units",
        mixed,
        mixed_grad,
        times(-1, mixed_grad),
        np.array([0.4e-8, 1.1, -0.7e8]),
    ),
    ScaleCase(
        "mixed_weights",
        lambda x: WEIGHTS @ np.sin(x),
        weighted_cos,
        entry_times(0, 2, weighted_cos),
        np.array([0.4, 1.1, 2.3]),
        uneven=False,
    ),
    ScaleCase(
        "stiff_quadratic",
        lambda x: STIFFNESS @ x**2 / 2,
        stiff_grad,
        times(2, stiff_grad),
        POINT,
        uneven=False,
    ),
    ScaleCase("spike", spike, spike_grad, negated(spike_grad), one(1.0)),
    ScaleCase(
        "saturated",
        lambda x: np.sum(np.tanh(x)),
        saturated_grad,
        lambda x: np.ones_like(x),
        np.array([25.0]),
    ),
    ScaleCase("logdet", logdet, logdet_grad, lambda x: 1 / (np.diag(MATRIX) + x), POSITIVE),
    ScaleCase("rounded_to_6_digits", rounded(6), cos, negated(cos), one(0.8)),
    ScaleCase("rounded_to_10_digits", rounded(10), cos, times(1.1, cos), one(0.8)),
    ScaleCase("in_float32", in_float32, float32_grad, times(2, float32_grad), one(0.7)),
    ScaleCase("staircase", lambda x: np.floor(x[0]), zero, lambda x: np.ones_like(x), one(2.4)),
)
