"""Golden cases of `verify_grad` and SciPy's functions on PyTorch tensors; networks in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cases import Call, Case
from functions import SMOOTH
from hard_functions import HARD
from numpy_cases import hard_cases, point, smooth_cases

torch = pytest.importorskip("torch")  # Also where this module is only searched for doctests.

HARD_NAMES = (
    "abs_at_kink relu_mixed floor_between_jumps power_1.5_at_0 log_near_0 pseudo_huber_wide "
    "confident_cross_entropy tanh_saturated gates large_constant steep_tanh pseudo_noise_1e-8"
).split()
X0 = [0.7, -1.3, 2.1, 0.4]


def _numbers(*shape: int, seed: int = 0, dtype: Any = None) -> Any:
    made = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=made, dtype=torch.float64).to(dtype or torch.float32)


def _mlp(w: Any) -> Any:
    hidden = torch.relu(_numbers(16, 3, dtype=w.dtype) @ w.reshape(3, 4))
    return ((hidden @ _numbers(4, seed=1, dtype=w.dtype)) ** 2).mean()


def _batch_norm(x: Any) -> Any:
    table = x.reshape(6, 2)
    scaled = torch.nn.functional.batch_norm(table, None, None, training=True)
    return (scaled.sin() * _numbers(6, 2, seed=2, dtype=x.dtype)).sum()


def _gru(h: Any) -> Any:
    weights = [_numbers(12, 12, seed=s, dtype=h.dtype) / 2 for s in (3, 4, 5)]
    reset, update = torch.sigmoid(weights[0] @ h), torch.sigmoid(weights[1] @ h)
    new = torch.tanh(weights[2] @ (reset * h))
    return ((1 - update) * new + update * h).sum()


def _cross_entropy(x: Any) -> Any:
    target = torch.tensor([0, 2, 1, 1])
    return torch.nn.functional.cross_entropy(5 * x.reshape(4, 3), target)


def _attention(x: Any) -> Any:
    parts = x.reshape(3, 1, 2, 2)
    return torch.nn.functional.scaled_dot_product_attention(*parts).square().sum()


def _gp(p: Any) -> Any:
    t = torch.linspace(0, 3, 12, dtype=p.dtype)
    length, scale, noise = p[:3].exp()
    k = scale * torch.exp(-((t[:, None] - t) ** 2) / (2 * length**2))
    k = k + noise * torch.eye(12, dtype=p.dtype)
    y = torch.sin(2 * t)
    factor = torch.linalg.cholesky(k)
    half = torch.linalg.solve_triangular(factor, y[:, None], upper=False)
    return 0.5 * (half**2).sum() + factor.diagonal().log().sum() + 0 * p.sum()


NETWORKS = {
    "mlp": _mlp,
    "batch_norm": _batch_norm,
    "gru": _gru,
    "cross_entropy": _cross_entropy,
    "attention": _attention,
    "gp": _gp,
}


def autograd(func: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the gradient of a function by PyTorch."""

    def grad(x: Any) -> Any:
        x = x.detach().requires_grad_(True)
        return torch.autograd.grad(func(x), x)[0]

    return grad


def _network(name: str, dtype: Any, kind: str) -> Call:
    func, x0 = NETWORKS[name], _numbers(12, seed=9, dtype=dtype) / 2
    grad = autograd(func)
    place = int(grad(x0).abs().argmax())

    def wrong(x: Any) -> Any:
        claim = grad(x).clone()
        claim[place] *= 1.02
        return claim

    return Call("verify_grad", (func, grad if kind == "right" else wrong, x0))


def _batch(batch: str, factor: float) -> Call:
    x0 = point(torch, X0 * 10, "float64")
    inputs = (lambda x: (x**3).sum(-1), lambda x: factor * x**2, x0)
    return Call("verify_grad", inputs, {"batch": batch})


def _long(factor: float) -> Call:
    x0 = torch.linspace(0.3, 1.7, 1100, dtype=torch.float64)
    return Call("verify_grad", (lambda x: (x**3).sum(), lambda x: factor * x**2, x0))


def _requires_grad() -> Call:
    x0 = point(torch, X0, "float64").requires_grad_(True)
    return Call("verify_grad", (lambda x: (x**3).sum(), lambda x: 3 * x**2, x0))


def _complex_step(factor: float) -> Call:
    inputs = (lambda x: x.exp().sum(), lambda x: factor * x.exp(), point(torch, X0, "float64"))
    return Call("verify_grad", inputs, {"method": "complex-step"})


def _scipy(door: str, dtype: str) -> Call:
    x0 = point(torch, X0, dtype)
    if door == "approx_fprime":
        return Call(door, (x0, lambda x: (x**3).sum()))
    return Call(door, (lambda x: (x**3).sum(), lambda x: 3.03 * x**2, x0))


def _common() -> Iterator[Case]:
    """Yield cases of the functions that all libraries share."""
    for turn, function in enumerate(SMOOTH):
        dtype = ("float64", "float32")[turn % 2]
        yield from smooth_cases("torch", torch, function, (dtype,), turn, 1)
    for turn, function in enumerate(SMOOTH[:2]):
        yield from smooth_cases("torch", torch, function, ("bfloat16", "float16"), 2 * turn, 1)
    for function in HARD:
        if function.name in HARD_NAMES:
            yield from hard_cases("torch", torch, function, ("float32",))


def cases(library: str) -> Iterator[Case]:
    """Yield the cases."""
    yield from _common()
    for name in NETWORKS:
        for dtype, kind in (("float64", "right"), ("float32", "right"), ("float32", "wrong")):
            make = lambda n=name, d=dtype, k=kind: _network(n, getattr(torch, d), k)  # noqa: E731
            yield Case(f"torch-network-{name}-{dtype}-{kind}", make)
    for batch in ("loop", "vmap", "vectorized", "auto"):
        for kind, factor in (("right", 3), ("wrong", 3.03)):
            yield Case(f"torch-option-{batch}-{kind}", lambda b=batch, f=factor: _batch(b, f))
    yield Case("torch-option-long-right", lambda: _long(3.0))
    yield Case("torch-option-long-wrong", lambda: _long(3.03))
    yield Case("torch-option-requires_grad", _requires_grad)
    yield Case("torch-option-complex-step-right", lambda: _complex_step(1.0))
    yield Case("torch-option-complex-step-wrong", lambda: _complex_step(1.0001))
    for door in ("check_grad", "approx_fprime"):
        for dtype in ("float64", "float32"):
            yield Case(f"torch-scipy-{door}-{dtype}", lambda d=door, t=dtype: _scipy(d, t))
