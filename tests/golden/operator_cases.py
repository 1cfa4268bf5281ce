"""Golden cases of PyTorch's own operators, summed with fixed weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from breakages import KINDS, broken
from cases import Call, Case

torch = pytest.importorskip("torch")  # Also where this module is only searched for doctests.

F, linalg, special = torch.nn.functional, torch.linalg, torch.special

LINE = [0.62, -1.27, 0.35, 1.81, -0.44, 0.9]
POSITIVE = [0.62, 1.27, 2.35, 0.81, 0.44, 1.9]
UNIT = [0.12, 0.87, 0.35, 0.61, 0.44, 0.7]


def _table(x: Any) -> Any:
    return x.reshape(2, 3)


def _square(x: Any) -> Any:
    return x[:4].reshape(2, 2) + torch.diag(x[4:] + 2)


def _definite(x: Any) -> Any:
    return _square(x) @ _square(x).mT + torch.eye(2, dtype=x.dtype)


def _image(x: Any) -> Any:
    return x.reshape(1, 1, 2, 3)


def _kernel(x: Any) -> Any:
    return torch.tensor([[[[0.5, -0.3], [0.2, 0.8]]]], dtype=x.dtype)


OPERATORS: dict[str, tuple[list[float], Callable[[Any], Any]]] = {
    **{
        name: (LINE, getattr(torch, name))
        for name in "exp expm1 sin tan tanh atan asinh sigmoid erf sinc frac floor".split()
    },
    **{
        name: (POSITIVE, getattr(torch, name))
        for name in "log log1p sqrt rsqrt reciprocal lgamma digamma".split()
    },
    **{
        name: (LINE, getattr(F, name))
        for name in (
            "relu gelu silu elu softplus leaky_relu hardswish hardsigmoid logsigmoid softshrink"
        ).split()
    },
    "erfinv": (UNIT, torch.erfinv),
    "logit": (UNIT, torch.logit),
    "special.ndtri": (UNIT, special.ndtri),
    "special.log_ndtr": (LINE, special.log_ndtr),
    "special.i0e": (POSITIVE, special.i0e),
    "special.entr": (POSITIVE, special.entr),
    "clamp": (LINE, lambda x: x.clamp(-0.7, 0.9)),
    "pow_1.5": (POSITIVE, lambda x: x**1.5),
    "fmod": (LINE, lambda x: torch.fmod(5 * x, 2.0)),
    "softmax": (LINE, lambda x: F.softmax(_table(x), -1)),
    "softmax_cold": (LINE, lambda x: F.softmax(8 * _table(x), -1)),
    "log_softmax": (LINE, lambda x: F.log_softmax(_table(x), -1)),
    "logsumexp": (LINE, lambda x: torch.logsumexp(_table(x), -1)),
    "prod": (LINE, lambda x: torch.prod(_table(x), -1)),
    "std": (LINE, torch.std),
    "var_offset": (LINE, lambda x: torch.var(x + 100)),
    "amax": (LINE, lambda x: torch.amax(_table(x), -1)),
    "median": (LINE, lambda x: torch.median(_table(x), 1).values),
    "sort": (LINE, lambda x: torch.sort(x).values),
    "cumprod": (LINE, lambda x: torch.cumprod(x, 0)),
    "norm_inf": (LINE, lambda x: linalg.vector_norm(x, math.inf)),
    "norm_0.5": (LINE, lambda x: linalg.vector_norm(x, 0.5)),
    "nuclear_norm": (LINE, lambda x: linalg.matrix_norm(_table(x), "nuc")),
    "pdist": (LINE, lambda x: F.pdist(x.reshape(3, 2))),
    "cosine_similarity": (LINE, lambda x: F.cosine_similarity(x[:3], x[3:], 0)),
    "inv": (LINE, lambda x: linalg.inv(_square(x))),
    "det": (LINE, lambda x: linalg.det(_square(x))),
    "slogdet": (LINE, lambda x: linalg.slogdet(_square(x)).logabsdet),
    "cholesky": (LINE, lambda x: linalg.cholesky(_definite(x))),
    "eigvalsh": (LINE, lambda x: linalg.eigvalsh(_definite(x))),
    "svdvals": (LINE, lambda x: linalg.svdvals(_table(x))),
    "qr": (LINE, lambda x: linalg.qr(_square(x)).R),
    "matrix_exp": (LINE, lambda x: linalg.matrix_exp(_square(x))),
    "pinv": (LINE, lambda x: linalg.pinv(_table(x))),
    "layer_norm": (LINE, lambda x: F.layer_norm(_table(x), [3])),
    "group_norm": (LINE, lambda x: F.group_norm(x.reshape(1, 2, 3), 2)),
    "conv2d": (LINE, lambda x: F.conv2d(_image(x), _kernel(x))),
    "avg_pool2d": (LINE, lambda x: F.avg_pool2d(_image(x), 2, 1)),
    "max_pool2d": (LINE, lambda x: F.max_pool2d(_image(x), 2, 1)),
    "bilinear": (LINE, lambda x: F.interpolate(_image(x), (3, 5), mode="bilinear")),
    "huber_loss": (LINE, lambda x: F.huber_loss(x[:3], 2 * x[3:])),
    "bce_with_logits": (LINE, lambda x: F.binary_cross_entropy_with_logits(x, x.sigmoid())),
    "smooth_l1_loss": (LINE, lambda x: F.smooth_l1_loss(x[:3], x[3:], beta=0.7)),
}


def _call(name: str, dtype: str, kind: str) -> Call:
    numbers, operator = OPERATORS[name]
    x0 = torch.tensor(numbers, dtype=getattr(torch, dtype))

    def func(x: Any) -> Any:
        found = operator(x)
        weights = torch.cos(torch.arange(1.0, found.numel() + 1, dtype=torch.float64))
        return (weights.to(x.dtype).reshape(found.shape) * found).sum()

    def grad(x: Any) -> Any:
        x = x.detach().requires_grad_(True)
        return torch.autograd.grad(func(x), x)[0]

    return Call("verify_grad", (func, grad if kind == "right" else broken(kind, grad, x0), x0))


def cases(library: str) -> Iterator[Case]:
    """Yield the right gradient of every operator, and a wrong one of every third."""
    for turn, name in enumerate(OPERATORS):
        dtype = ("float32", "float64")[turn % 2]
        kinds = ("right",) if turn % 3 else ("right", KINDS[turn // 3 % len(KINDS)])
        for kind in kinds:
            make = lambda n=name, d=dtype, k=kind: _call(n, d, k)  # noqa: E731
            yield Case(f"torch-operator-{name}-{dtype}-{kind}", make)
