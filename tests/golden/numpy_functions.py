"""Hard functions for NumPy arrays: staircases, solvers, networks, likelihoods, broken code."""

from __future__ import annotations

from typing import Any

import numpy as np
from functions import ANY, Function, full

RNG = np.random.default_rng(5)
INPUTS = RNG.standard_normal((40, 3))
TARGETS = RNG.standard_normal(40)
LAST = RNG.standard_normal(4)
WEIGHTS = RNG.standard_normal(12) / 2
TIMES = np.linspace(0, 3, 12)
SERIES = np.sin(2 * TIMES) + 0.1 * RNG.standard_normal(12)


def _narrow(dtype: Any) -> Any:
    return lambda xp, x: float(np.sum(np.exp(np.sin(x.astype(dtype)))))


def _narrow_grad(xp: Any, x: Any) -> Any:
    return np.cos(x) * np.exp(np.sin(x))


def _scaled(factor: float, grad: Any) -> Any:
    return lambda xp, x: factor * grad(xp, x)


def _cos(xp: Any, x: Any) -> Any:
    return np.cos(x)


def _network(dtype: Any) -> Any:
    inputs, targets, last = (a.astype(dtype) for a in (INPUTS, TARGETS, LAST))

    def loss(xp: Any, w: Any) -> Any:
        hidden = np.maximum(inputs @ w.reshape(3, 4).astype(dtype), 0)
        return np.mean((hidden @ last - targets) ** 2)

    return loss


def _network_grad(xp: Any, w: Any) -> Any:
    hidden = INPUTS @ w.reshape(3, 4)
    off = 2 * (np.maximum(hidden, 0) @ LAST - TARGETS) / TARGETS.size
    return (INPUTS.T @ (off[:, None] * LAST * (hidden > 0))).ravel()


def _covariance(p: Any) -> Any:
    length, scale, noise = np.exp(p)
    distance = (TIMES[:, None] - TIMES) ** 2
    smooth = scale * np.exp(-distance / (2 * length**2))
    return smooth + noise * np.eye(TIMES.size), smooth, distance / length**2, noise


def _likelihood(xp: Any, p: Any) -> Any:
    k = _covariance(p)[0]
    return 0.5 * SERIES @ np.linalg.solve(k, SERIES) + 0.5 * np.linalg.slogdet(k)[1]


def _likelihood_grad(xp: Any, p: Any) -> Any:
    k, smooth, ratio, noise = _covariance(p)
    inverse = np.linalg.inv(k)
    inner = inverse - np.outer(inverse @ SERIES, inverse @ SERIES)
    return 0.5 * np.array(
        [np.sum(inner * smooth * ratio), np.sum(inner * smooth), noise * np.trace(inner)]
    )


def _likelihood_wrong(xp: Any, p: Any) -> Any:
    return _likelihood_grad(xp, p) * np.array([1.0, 1.0, 0.5])


def _batch_norm(xp: Any, x: Any) -> Any:
    table = x.reshape(3, 2)
    scaled = (table - table.mean(0)) / np.sqrt(table.var(0) + 1e-5)
    return np.sum(np.sin(scaled) * WEIGHTS[:6].reshape(3, 2))


def _batch_norm_grad(xp: Any, x: Any) -> Any:
    table = x.reshape(3, 2)
    deviation = np.sqrt(table.var(0) + 1e-5)
    scaled = (table - table.mean(0)) / deviation
    back = np.cos(scaled) * WEIGHTS[:6].reshape(3, 2)
    return ((back - back.mean(0) - scaled * (back * scaled).mean(0)) / deviation).ravel()


def _batch_norm_wrong(xp: Any, x: Any) -> Any:
    table = x.reshape(3, 2)
    scaled = (table - table.mean(0)) / np.sqrt(table.var(0) + 1e-5)
    back = np.cos(scaled) * WEIGHTS[:6].reshape(3, 2) / np.sqrt(table.var(0) + 1e-5)
    return (back - back.mean(0)).ravel()


def _bisected(tolerance: float) -> Any:
    def func(xp: Any, x: Any) -> Any:
        low, high = 0.0, 10.0
        while high - low > tolerance:
            middle = (low + high) / 2
            low, high = (middle, high) if middle**3 < np.sum(x**2) else (low, middle)
        return (low + high) / 2

    return func


def _bisected_grad(xp: Any, x: Any) -> Any:
    return 2 * x / (3 * np.sum(x**2) ** (2 / 3))


def _fixed_point(xp: Any, x: Any) -> Any:
    z, before = 0.5 * np.ones_like(x), np.inf
    while np.max(np.abs(z - before)) > 1e-9:
        z, before = np.cos(0.5 * x * z), z
    return np.sum(z)


def _fixed_point_grad(xp: Any, x: Any) -> Any:
    z = 0.5 * np.ones_like(x)
    for _ in range(200):
        z = np.cos(0.5 * x * z)
    s = -np.sin(0.5 * x * z)
    return s * 0.5 * z / (1 - s * 0.5 * x)


class _Counted:
    """A function whose value depends on how often it was called, from some call on."""

    def __init__(self, amount: float, after: int = 0) -> None:
        self.amount, self.after, self.calls = amount, after, 0

    def __call__(self, xp: Any, x: Any) -> Any:
        self.calls += 1
        drift = self.amount * np.sin(12.9898 * self.calls) if self.calls > self.after else 0.0
        return np.sum(x**3) * (1 + drift)


def _raising(xp: Any, x: Any) -> Any:
    if x[0] > 1.0001:
        raise ValueError("outside of the domain")
    return np.sum(x**3)


def _versine(xp: Any, x: Any) -> Any:
    return np.sum((1 - np.cos(x)) / x**2)


def _versine_grad(xp: Any, x: Any) -> Any:
    half = x / 2
    return (np.sin(half) / half) * (half * np.cos(half) - np.sin(half)) / (2 * half**2)


def _spike(xp: Any, x: Any) -> Any:
    return np.sum(1 / (1 + ((x - 1.00003) / 1e-4) ** 2)) + np.sum(x)


def _spike_grad(xp: Any, x: Any) -> Any:
    t = (x - 1.00003) / 1e-4
    return -2 * t / 1e-4 / (1 + t**2) ** 2 + 1


UNITS = np.array([1e-8, 1.0, 1e8])
PLACE = [0.077, 0.085, 0.105]


def _cubes(xp: Any, x: Any) -> Any:
    return 3 * x**2


def _at(name: str, of: Any, grad: Any, x0: Any, wrong: Any = None, **options: Any) -> Function:
    return Function(name, of, grad, x0, wrong or _scaled(-1.0, grad), options)


NUMPY_HARD = (
    _at("float32_inside", _narrow(np.float32), _narrow_grad, ANY, _scaled(1.02, _narrow_grad)),
    _at("float16_inside", _narrow(np.float16), _narrow_grad, ANY, _scaled(2.0, _narrow_grad)),
    _at("rounded_6", lambda xp, x: np.round(np.sum(np.sin(x)), 6), _cos, ANY),
    _at("rounded_10", lambda xp, x: np.round(np.sum(np.sin(x)), 10), _cos, ANY, _scaled(1.1, _cos)),
    _at("relu_network", _network(np.float64), _network_grad, WEIGHTS, _scaled(1.2, _network_grad)),
    _at("relu_network_float32", _network(np.float32), _network_grad, WEIGHTS),
    _at("gp_likelihood", _likelihood, _likelihood_grad, [-0.3, 0.2, -3.0], _likelihood_wrong),
    _at("batch_norm", _batch_norm, _batch_norm_grad, [*ANY, 1.1, -0.6], _batch_norm_wrong),
    _at("bisection_1e-6", _bisected(1e-6), _bisected_grad, ANY),
    _at("bisection_1e-12", _bisected(1e-12), _bisected_grad, ANY, _scaled(1.01, _bisected_grad)),
    _at("fixed_point", _fixed_point, _fixed_point_grad, [0.7, -1.3, 1.1, 0.4]),
    _at("raising_off_x0", _raising, _cubes, [1.0, 0.5, 2.0]),
    _at("versine", _versine, _versine_grad, [1e-3, 0.5, -0.01]),
    _at("spike", _spike, _spike_grad, [1.0]),
    _at(
        "mixed_units",
        lambda xp, x: np.sum(np.sin(x / UNITS)),
        lambda xp, x: np.cos(x / UNITS) / UNITS,
        [0.4e-8, 1.1, -0.7e8],
    ),
    _at(
        "log_quadratic",
        lambda xp, x: np.sum(np.log(1 + x * x)),
        lambda xp, x: 2 * x / (1 + x * x),
        PLACE,
        lambda xp, x: 2.2 * x / (1 + x * x),
    ),
    _at("huge_1e200", lambda xp, x: 1e200 * np.sum(x**3), lambda xp, x: 3e200 * x**2, ANY),
    _at("tiny_1e-200", lambda xp, x: 1e-200 * np.sum(x**3), lambda xp, x: 3e-200 * x**2, ANY),
    _at(
        "far_x0",
        lambda xp, x: np.sum((x - 1e8) ** 2),
        lambda xp, x: 2 * (x - 1e8),
        [1e8 + 1, 1e8 - 3],
    ),
    _at(
        "bound_at_x0",
        lambda xp, x: np.sin(x[0]),
        _cos,
        [0.7],
        _scaled(1.0003, _cos),
        bounds=(0.7, None),
    ),
    _at(
        "sqrt_outside_bounds",
        lambda xp, x: np.sum(np.sqrt(x)),
        lambda xp, x: 0.5 / np.sqrt(x),
        [1e-6, 0.25],
        bounds=(0, 1),
    ),
    _at("nan_claim", lambda xp, x: np.sum(x**3), lambda xp, x: x / 0, ANY, full(np.inf)),
    _at("nan_value", lambda xp, x: np.nan * np.sum(x), _cubes, ANY),
    _at(
        "oscillation", lambda xp, x: np.sum(np.sin(50 * x)), lambda xp, x: 50 * np.cos(50 * x), ANY
    ),
    _at(
        "saturated_25",
        lambda xp, x: np.sum(np.tanh(x)),
        lambda xp, x: 1 / np.cosh(x) ** 2,
        [25.0],
        full(1.0),
    ),
    _at(
        "pole_next_to_x0",
        lambda xp, x: np.sum(1 / (x - 1)),
        lambda xp, x: -1 / (x - 1) ** 2,
        [1 + 1e-12],
    ),
    _at(
        "kink_next_to_x0",
        lambda xp, x: np.sum(np.maximum(x - 1, 0) + x / 2),
        full(1.5),
        [1 + 1e-13, 1 + 1e-7, 2.0],
    ),
    _at(
        "hypot_far",
        lambda xp, p: np.hypot(p[0] - p[1], 2e-4),
        lambda xp, p: np.array([1, -1]) * (p[0] - p[1]) / np.hypot(p[0] - p[1], 2e-4),
        [1e4, 1e4 + 1e-4],
    ),
    _at("counted_1e-3", _Counted(1e-3), _cubes, ANY),
    _at("counted_1e-9", _Counted(1e-9), _cubes, ANY),
    _at("counted_after_20", _Counted(1e-3, 20), _cubes, ANY),
)
