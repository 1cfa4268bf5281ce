"""Smooth functions with their gradients, for NumPy, JAX and PyTorch.

Every function takes the namespace of the library first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Of = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Function:
    """A function of one array, a claim, and perhaps a wrong claim.

    Attributes
    ----------
    name : str
        What it is called.
    of, grad : callable
        ``of(xp, x)`` and the right claim ``grad(xp, x)``.
    x0 : list of float
        Where to check.
    wrong : callable, optional
        The wrong claim. Without one, see ``breakages.py``.
    options : dict
        Of the check.
    """

    name: str
    of: Of
    grad: Of
    x0: Any
    wrong: Of | None = None
    options: dict[str, Any] = field(default_factory=dict)


def full(value: float) -> Of:
    """Return a claim that is one number everywhere."""
    return lambda xp, x: 0 * x + value


ANY = [0.7, -1.3, 2.1, 0.4]
POSITIVE = [0.3, 1.7, 2.9, 5.2]
MATRIX = [[2.0, 0.3, -0.4, 0.1], [0.3, 1.5, 0.2, 0.6], [-0.4, 0.2, 3.0, -0.2], [0.1, 0.6, -0.2, 1]]
VECTOR = [0.5, -1.1, 0.8, 0.3]


def _matrix(xp: Any, x: Any) -> Any:
    return xp.asarray(MATRIX, dtype=x.dtype)


def vector(xp: Any, x: Any) -> Any:
    """Return four fixed numbers, in the dtype of x."""
    return xp.asarray(VECTOR, dtype=x.dtype)


def _rosenbrock(xp: Any, x: Any) -> Any:
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def _rosenbrock_grad(xp: Any, x: Any) -> Any:
    inner, zero = x[1:] - x[:-1] ** 2, 0 * x[:1]
    first = -400 * x[:-1] * inner - 2 * (1 - x[:-1])
    return xp.concatenate([first, zero]) + xp.concatenate([zero, 200 * inner])


def logsumexp(xp: Any, x: Any) -> Any:
    """Return the logarithm of a sum of exponentials."""
    return xp.max(x) + xp.log(xp.sum(xp.exp(x - xp.max(x))))


def softmax(xp: Any, x: Any) -> Any:
    """Return the gradient of the logarithm of a sum of exponentials."""
    return xp.exp(x - xp.max(x)) / xp.sum(xp.exp(x - xp.max(x)))


def _norm(xp: Any, x: Any) -> Any:
    return xp.sqrt(xp.sum(x**2))


def _quadratic(xp: Any, x: Any) -> Any:
    return x @ _matrix(xp, x) @ x / 2 - vector(xp, x) @ x


def sigmoid(xp: Any, x: Any) -> Any:
    """Return the logistic function."""
    return 1 / (1 + xp.exp(-x))


def _whole(xp: Any, x: Any) -> Any:
    return xp.exp(-xp.sum(x**2))


def _centred_grad(xp: Any, x: Any) -> Any:
    spread = x - xp.mean(x)
    variance = xp.mean(spread**2) + 1e-5
    scaled = spread / variance**0.5
    weights = vector(xp, x)
    return (weights - xp.mean(weights) - scaled * xp.mean(weights * scaled)) / variance**0.5


def _centred(xp: Any, x: Any) -> Any:
    spread = x - xp.mean(x)
    return xp.sum(vector(xp, x) * spread / (xp.mean(spread**2) + 1e-5) ** 0.5)


SMOOTH = (
    Function("cubes", lambda xp, x: xp.sum(x**3), lambda xp, x: 3 * x**2, ANY),
    Function("exponentials", lambda xp, x: xp.sum(xp.exp(x)), lambda xp, x: xp.exp(x), ANY),
    Function("sines", lambda xp, x: xp.sum(xp.sin(3 * x)), lambda xp, x: 3 * xp.cos(3 * x), ANY),
    Function("quadratic", _quadratic, lambda xp, x: _matrix(xp, x) @ x - vector(xp, x), ANY),
    Function("rosenbrock", _rosenbrock, _rosenbrock_grad, [-1.2, 1.0, 0.8, 1.1]),
    Function("logsumexp", logsumexp, softmax, ANY),
    Function("softplus", lambda xp, x: xp.sum(xp.log1p(xp.exp(x))), sigmoid, ANY),
    Function("gaussian", _whole, lambda xp, x: -2 * x * _whole(xp, x), [0.3, -0.2, 0.4, 0.1]),
    Function("norm", _norm, lambda xp, x: x / _norm(xp, x), ANY),
    Function("product", lambda xp, x: xp.prod(x), lambda xp, x: xp.prod(x) / x, ANY),
    Function(
        "rational",
        lambda xp, x: xp.sum(1 / (1 + x**2)),
        lambda xp, x: -2 * x / (1 + x**2) ** 2,
        ANY,
    ),
    Function("tanh", lambda xp, x: xp.sum(xp.tanh(x)), lambda xp, x: 1 - xp.tanh(x) ** 2, ANY),
    Function(
        "entropy",
        lambda xp, x: xp.sum(x * xp.log(x)),
        lambda xp, x: xp.log(x) + 1,
        POSITIVE,
    ),
    Function("layer_norm", _centred, _centred_grad, ANY),
)
