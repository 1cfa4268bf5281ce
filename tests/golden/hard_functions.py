"""Functions with kinks, jumps, noise, edges or features that are hard to see.

Each has a claim that is right and one that is wrong. Every function takes the namespace of the
library first: NumPy, JAX or PyTorch.
"""

from __future__ import annotations

import math
from typing import Any

from functions import ANY, Function, full, logsumexp, sigmoid, softmax, vector


def _relu(xp: Any, x: Any) -> Any:
    return xp.where(x > 0, x, 0 * x)


def _step(xp: Any, x: Any) -> Any:
    return 1.0 * (x > 0) + 0.5 * (x == 0)


def _huber(xp: Any, x: Any, width: float) -> Any:
    return xp.sum(width**2 * (xp.sqrt(1 + (x / width) ** 2) - 1))


def _cross_entropy(xp: Any, x: Any) -> Any:
    return logsumexp(xp, x) - x[0]


def _first(xp: Any, x: Any) -> Any:
    return xp.where(xp.arange(x.shape[0]) == 0, 0 * x + 1, 0 * x)


def _sorted_weighted(xp: Any, x: Any) -> Any:
    ordered = xp.sort(x)
    ordered = ordered if hasattr(ordered, "dtype") else ordered[0]
    return xp.sum(ordered * vector(xp, x))


def _pseudo_noise(xp: Any, x: Any, amount: float) -> Any:
    return xp.sum(x**3) * (1 + amount * xp.sin(1e9 * xp.sum(x)))


def _newton_root(xp: Any, x: Any) -> Any:
    root = 0 * x + 1
    for _ in range(4):
        root = root - (root**2 - x) / (2 * root)
    return xp.sum(root)


POWER_OPTIONS = {"bounds": (0, math.inf)}
HARD = (
    Function(
        "abs_at_kink",
        lambda xp, x: xp.sum(xp.abs(x - 0.75)),
        lambda xp, x: xp.where(x == 0.75, 0 * x + 0.3, xp.sign(x - 0.75)),
        [0.75, 2.0, -1.0],
        full(2.0),
    ),
    Function("relu_at_0", lambda xp, x: xp.sum(_relu(xp, x)), _step, [0.0] * 2, full(2.0)),
    Function(
        "relu_mixed",
        lambda xp, x: xp.sum(_relu(xp, x)),
        lambda xp, x: 1.0 * (x > 0),
        [-1.5, 0.0, 2.0, 0.5],
        lambda xp, x: 1.0 * (x > -9),
    ),
    Function(
        "max_tie",
        lambda xp, x: xp.max(x),
        lambda xp, x: (x == xp.max(x)) / (1.0 * xp.sum(x == xp.max(x))),
        [1.0, 1.0, 0.5, 0.2],
        full(0.8),
    ),
    Function(
        "sorted_tie",
        _sorted_weighted,
        lambda xp, x: vector(xp, x),
        [0.5, 1.0, 1.0, 2.0],
        lambda xp, x: -vector(xp, x),
    ),
    Function(
        "floor_between_jumps",
        lambda xp, x: xp.sum(xp.floor(x)),
        full(0.0),
        [3.625, 0.5, 2.4, -1.7],
        full(1.0),
    ),
    Function(
        "floor_at_jump",
        lambda xp, x: xp.sum(xp.floor(x)),
        full(0.0),
        [3.0, 0.5, 2.4, -1.7],
        full(1.0),
    ),
    Function(
        "jump_with_slope",
        lambda xp, x: xp.sum(xp.where(x >= 1, 3 * x + 1, 3 * x)),
        full(3.0),
        [1.0, 0.2, 1.9, 5.0],
        full(2.0),
    ),
    Function(
        "sqrt_at_0", lambda xp, x: xp.sum(xp.sqrt(xp.abs(x))), full(math.inf), [0.0] * 2, full(1.0)
    ),
    Function(
        "power_1.5_at_0",
        lambda xp, x: xp.sum(xp.abs(x) ** 1.5),
        lambda xp, x: 1.5 * xp.sign(x) * xp.abs(x) ** 0.5,
        [0.0] * 2,
        full(0.05),
    ),
    Function(
        "power_1.5_at_bound",
        lambda xp, x: xp.sum(x**1.5),
        lambda xp, x: 1.5 * x**0.5,
        [0.0, 1.0, 2.5, 1e-3],
        lambda xp, x: 1.5 * x**0.5 + 0.05,
        POWER_OPTIONS,
    ),
    Function(
        "xlogx_small",
        lambda xp, x: xp.sum(x * xp.log(x)),
        lambda xp, x: xp.log(x) + 1,
        [0.7, 0.2, 0.1, 3e-8],
        lambda xp, x: -xp.log(x) - 1,
    ),
    Function(
        "log_near_0",
        lambda xp, x: xp.sum(xp.log(x)),
        lambda xp, x: 1 / x,
        [1e-9, 0.5, 2.0, 3.0],
        lambda xp, x: 1.05 / x,
    ),
    Function(
        "nan_off_x0",
        lambda xp, x: xp.sum(xp.sqrt(1 - x)),
        lambda xp, x: -0.5 / (1 - x) ** 0.5,
        [1 - 1e-4, 0.5, 0.2, -1.0],
        lambda xp, x: 0.5 / (1 - x) ** 0.5,
    ),
    Function(
        "pseudo_huber_wide",
        lambda xp, x: _huber(xp, x, 100.0),
        lambda xp, x: x / xp.sqrt(1 + (x / 100.0) ** 2),
        ANY,
        lambda xp, x: 1.05 * x,
    ),
    Function(
        "confident_cross_entropy",
        _cross_entropy,
        lambda xp, x: softmax(xp, x) - _first(xp, x),
        [14.0, 0.3, -1.0, 0.5],
        lambda xp, x: softmax(xp, x),
    ),
    Function(
        "tanh_saturated",
        lambda xp, x: xp.sum(xp.tanh(x)),
        lambda xp, x: 1 / xp.cosh(x) ** 2,
        [9.0, 5.0, -9.0, 0.3],
        full(1.0),
    ),
    Function(
        "gates",
        lambda xp, x: xp.sum(sigmoid(xp, x) * (1 - sigmoid(xp, 3 * x))),
        lambda xp, x: (
            sigmoid(xp, x) * (1 - sigmoid(xp, x)) * (1 - sigmoid(xp, 3 * x))
            - 3 * sigmoid(xp, x) * sigmoid(xp, 3 * x) * (1 - sigmoid(xp, 3 * x))
        ),
        [4.0, 2.0, -3.0, 0.1],
        lambda xp, x: sigmoid(xp, x) * (1 - sigmoid(xp, x)) * (1 - sigmoid(xp, 3 * x)),
    ),
    Function(
        "pseudo_noise_1e-8",
        lambda xp, x: _pseudo_noise(xp, x, 1e-8),
        lambda xp, x: 3 * x**2,
        ANY,
        lambda xp, x: 3.3 * x**2,
    ),
    Function(
        "pseudo_noise_1e-3",
        lambda xp, x: _pseudo_noise(xp, x, 1e-3),
        lambda xp, x: 3 * x**2,
        ANY,
        lambda xp, x: -3 * x**2,
    ),
    Function(
        "newton_root",
        _newton_root,
        lambda xp, x: 0.5 / xp.sqrt(x),
        [1.5, 0.8, 1.2, 2.0],
        lambda xp, x: 1 / xp.sqrt(x),
    ),
    Function(
        "squares_at_0",
        lambda xp, x: xp.sum(x**2),
        lambda xp, x: 2 * x,
        [0.0] * 2,
        lambda xp, x: 2 * x + 1e-3,
    ),
    Function(
        "fourth_power_at_0",
        lambda xp, x: xp.sum(x**4),
        lambda xp, x: 4 * x**3,
        [0.0] * 2,
        lambda xp, x: 4 * x**3 + 1,
    ),
    Function(
        "large_constant",
        lambda xp, x: xp.sum(xp.sin(x)) + 3e6,
        lambda xp, x: xp.cos(x),
        ANY,
        lambda xp, x: -xp.cos(x),
    ),
    Function("constant", lambda xp, x: 0 * xp.sum(x) + 3.7, full(0.0), ANY, full(1e-3)),
    Function(
        "tiny_scale",
        lambda xp, x: 1e-30 * xp.sum(xp.exp(x)),
        lambda xp, x: 1e-30 * xp.exp(x),
        ANY,
        lambda xp, x: 2e-30 * xp.exp(x),
    ),
    Function(
        "huge_scale",
        lambda xp, x: 1e30 * xp.sum(xp.exp(x)),
        lambda xp, x: 1e30 * xp.exp(x),
        ANY,
        lambda xp, x: 2e30 * xp.exp(x),
    ),
    Function(
        "steep_tanh",
        lambda xp, x: xp.sum(xp.tanh(1e3 * x) + x),
        lambda xp, x: 1e3 / xp.cosh(1e3 * x) ** 2 + 1,
        [2e-4, 1e-3, -5e-4, 1e-6],
        lambda xp, x: 1 / xp.cosh(1e3 * x) ** 2 + 1,
    ),
    Function(
        "clamped",
        lambda xp, x: xp.sum(xp.where(x > 1, 0 * x + 1, x) ** 2),
        lambda xp, x: 2 * x * (x < 1),
        [0.5, 1.5, 1.001, 0.999],
        lambda xp, x: 2 * x,
    ),
)
