"""Differentiable PyTorch operators at typical points, with the gradient of each.

This module owns the corpus: which operators, at which inputs, and how each becomes a
scalar `func` with a `grad` that is right. It does not judge: test_torch_operators.py
does. Every entry has been compared in float64 with an extrapolated central difference
(all agree to 1e-8 of the largest entry but hardsigmoid, whose 1/6 torch rounds to
float32: 3e-8), and the float32 gradients with the float64 ones (to 1e-5 of the
largest entry).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
import pytest

pytest.importorskip("torch")  # Also where this module is only searched for doctests.

import torch
import torch.nn.functional as F
from torch import Tensor

linalg, special, fft = torch.linalg, torch.special, torch.fft

Rng = np.random.Generator
Maker = Callable[[Rng], "np.ndarray[Any, Any]"]
Op = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Operator:
    """One operator of one tensor: `op(x)`, and `make`, which draws a typical `x`."""

    name: str
    make: Maker
    op: Op


@dataclass(frozen=True)
class Case:
    """An operator made scalar by a fixed random weighting, in one dtype at one point."""

    name: str
    func: Callable[[Tensor], Tensor]
    grad: Callable[[Tensor], Tensor]
    x0: Tensor


def case(operator: Operator, dtype: torch.dtype) -> Case:
    """Make `func(x) = sum(w * op(x))`, its autograd gradient, and the point.

    The weights `w` are normal, so that the gradient is generic. Point and weights
    depend on nothing but the operator's name; the float32 ones are the float64 ones,
    rounded.
    """
    seed = crc32(operator.name.encode())
    x0 = torch.from_numpy(operator.make(np.random.default_rng(seed))).to(dtype)
    shape = operator.op(x0).shape
    w = np.random.default_rng([seed, 1]).standard_normal(tuple(shape))
    weights = torch.from_numpy(np.asarray(w)).to(dtype)

    def func(x: Tensor) -> Tensor:
        return (weights * operator.op(x)).sum()

    def grad(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_(True)
        (g,) = torch.autograd.grad(func(x), x)
        return g

    return Case(operator.name, func, grad, x0)


# ---- points: what a user would plausibly pass


def normal(*shape: int, scale: float = 1.0) -> Maker:
    """Draw standard normal entries times `scale`."""
    return lambda rng: scale * rng.standard_normal(shape)


def uniform(low: float, high: float, *shape: int) -> Maker:
    """Draw entries uniformly from [low, high)."""
    return lambda rng: rng.uniform(low, high, shape)


def positive(*shape: int) -> Maker:
    """Draw positive entries of order one."""
    return uniform(0.2, 3.0, *shape)


def probability(*shape: int) -> Maker:
    """Draw entries inside (0, 1)."""
    return uniform(0.05, 0.95, *shape)


# ---- the operator's other arguments: fixed, in the dtype of x

_NUMPY_DTYPE = {torch.float64: np.float64, torch.float32: np.float32}


@cache
def _drawn(shape: tuple[int, ...], seed: int, kind: str, dtype: torch.dtype) -> Tensor:
    # From NumPy, not from torch: random operators are an error inside torch.vmap.
    rng = np.random.default_rng([seed, *shape])
    draw = rng.standard_normal if kind == "normal" else rng.random
    return torch.from_numpy(np.asarray(draw(shape)).astype(_NUMPY_DTYPE[dtype]))


def fixed(x: Tensor, *shape: int, seed: int = 0) -> Tensor:
    """Return a fixed normal tensor in the dtype of `x`."""
    return _drawn(shape, seed, "normal", x.dtype)


def unit(x: Tensor, *shape: int, seed: int = 0) -> Tensor:
    """Return a fixed tensor with entries in [0, 1) in the dtype of `x`."""
    return _drawn(shape, seed, "uniform", x.dtype)


@cache
def integers(high: int, *shape: int) -> Tensor:
    """Return fixed integers in [0, high)."""
    return torch.from_numpy(np.random.default_rng([high, *shape]).integers(high, size=shape))


@cache
def mask(*shape: int) -> Tensor:
    """Return a fixed mask, about half of it true."""
    return torch.from_numpy(np.random.default_rng([7, *shape]).random(shape) < 0.5)


def gram(x: Tensor) -> Tensor:
    """Return a well-conditioned positive definite matrix made from `x`."""
    return x @ x.mT + torch.eye(x.shape[-2], dtype=x.dtype)


def symmetric(x: Tensor) -> Tensor:
    """Return the symmetric part of `x`, twice."""
    return x + x.mT


def real(z: Tensor) -> Tensor:
    """Return a complex tensor as pairs of reals."""
    return torch.view_as_real(z.resolve_conj())


def complex_(x: Tensor) -> Tensor:
    """Return pairs of reals as a complex tensor."""
    return torch.view_as_complex(x.contiguous())


# ---- the corpus


def _elementwise() -> Iterator[Operator]:
    line = normal(12)
    for name in (
        "exp exp2 expm1 square sin cos sinh cosh tanh asinh atan sigmoid erf erfc sinc abs "
        "frac deg2rad rad2deg neg positive floor nan_to_num"
    ).split():
        yield Operator(name, line, getattr(torch, name))
    for name in "log log2 log10 log1p sqrt rsqrt reciprocal lgamma digamma".split():
        yield Operator(name, positive(12), getattr(torch, name))
    for name in "asin acos atanh erfinv".split():
        yield Operator(name, uniform(-0.95, 0.95, 12), getattr(torch, name))
    yield Operator("tan", uniform(-1.3, 1.3, 12), torch.tan)
    yield Operator("acosh", uniform(1.1, 4, 12), torch.acosh)
    yield Operator("logit", probability(12), torch.logit)
    yield Operator("logit_eps", uniform(-0.2, 1.2, 12), lambda x: torch.logit(x, eps=0.1))
    yield Operator("pow_3", line, lambda x: x**3)
    yield Operator("pow_1.5", positive(12), lambda x: x**1.5)
    yield Operator("pow_-2", positive(12), lambda x: x**-2)
    yield Operator("pow_base", line, lambda x: 2.5**x)
    yield Operator("pow_tensor", positive(12), lambda x: torch.pow(x, fixed(x, 12)))
    yield Operator("float_power", positive(12), lambda x: torch.float_power(x, 2.5))
    yield Operator("clamp", line, lambda x: x.clamp(-0.7, 0.9))
    yield Operator("clamp_tensor", line, lambda x: x.clamp(min=fixed(x, 12)))
    yield Operator("mul", line, lambda x: x * fixed(x, 12) * x.flip(0))
    yield Operator("div", line, lambda x: fixed(x, 12) / (x.square() + 0.5))
    yield Operator("atan2", line, lambda x: torch.atan2(x, fixed(x, 12)))
    yield Operator("atan2_both", normal(2, 9), lambda x: torch.atan2(x[0], x[1]))
    yield Operator("hypot", normal(2, 9), lambda x: torch.hypot(x[0], x[1]))
    yield Operator("addcmul", line, lambda x: torch.addcmul(x, x, x, value=0.3))
    yield Operator("addcdiv", positive(12), lambda x: torch.addcdiv(x, fixed(x, 12), x, value=0.3))
    yield Operator("lerp", normal(2, 9), lambda x: torch.lerp(x[0], x[1], unit(x, 9)))
    yield Operator("lerp_weight", line, lambda x: torch.lerp(fixed(x, 12), x.sin(), x))
    yield Operator("where", line, lambda x: torch.where(mask(12), x.exp(), x.square()))
    yield Operator("where_piecewise", line, lambda x: torch.where(x > 0, x.sin(), x.exp() - 1))
    yield Operator("maximum", line, lambda x: torch.maximum(x, fixed(x, 12)))
    yield Operator("minimum", line, lambda x: torch.minimum(x, x.flip(0) * 0.3))
    yield Operator("fmax", line, lambda x: torch.fmax(x, fixed(x, 12)))
    yield Operator("fmin", line, lambda x: torch.fmin(x, fixed(x, 12)))
    yield Operator("fmod", normal(12, scale=5), lambda x: torch.fmod(x, 2.0))
    yield Operator("remainder", normal(12, scale=5), lambda x: torch.remainder(x, 2.0))
    yield Operator("copysign", line, lambda x: torch.copysign(x, fixed(x, 12)))
    yield Operator("ldexp", line, lambda x: torch.ldexp(x, integers(5, 12)))
    yield Operator("xlogy", positive(12), lambda x: torch.xlogy(x, x))
    yield Operator("logaddexp", line, lambda x: torch.logaddexp(x, fixed(x, 12)))
    yield Operator("logaddexp2", line, lambda x: torch.logaddexp2(x, fixed(x, 12)))
    yield Operator("rsub", line, lambda x: torch.rsub(x, fixed(x, 12), alpha=1.7))
    yield Operator("steep_tanh", line, lambda x: (x * 1e3).tanh() + x)


def _special() -> Iterator[Operator]:
    line = normal(12)
    for name in "i0 i0e i1 i1e erfcx ndtr log_ndtr expit".split():
        yield Operator(f"special.{name}", line, getattr(special, name))
    for name in "entr gammaln psi".split():
        yield Operator(f"special.{name}", positive(12), getattr(special, name))
    yield Operator("special.ndtri", probability(12), special.ndtri)
    yield Operator("special.xlog1py", positive(12), lambda x: special.xlog1py(x, x))
    yield Operator(
        "special.zeta", uniform(0.5, 4, 12), lambda x: special.zeta(fixed(x, 1).abs() + 2, x)
    )
    yield Operator(
        "special.gammainc", positive(12), lambda x: special.gammainc(unit(x, 12) + 0.5, x)
    )
    yield Operator(
        "special.gammaincc", positive(12), lambda x: special.gammaincc(unit(x, 12) + 0.5, x)
    )
    yield Operator("special.polygamma_1", positive(12), lambda x: special.polygamma(1, x))
    yield Operator("special.polygamma_2", positive(12), lambda x: special.polygamma(2, x))
    yield Operator("special.multigammaln", uniform(2, 6, 12), lambda x: special.multigammaln(x, 3))
    yield Operator("lgamma_negative", uniform(-2.8, -2.2, 8), torch.lgamma)
    yield Operator("digamma_large", uniform(10, 90, 8), torch.digamma)
    yield Operator("erfc_tail", uniform(2, 5, 8), torch.erfc)
    yield Operator("log_ndtr_tail", uniform(-8, -3, 8), special.log_ndtr)


def _activations() -> Iterator[Operator]:
    line = normal(12, scale=2)
    for name in (
        "relu relu6 leaky_relu elu selu celu gelu silu mish softplus softsign hardtanh "
        "hardsigmoid hardswish hardshrink softshrink tanhshrink logsigmoid rrelu"
    ).split():
        yield Operator(name, line, getattr(F, name))
    yield Operator("gelu_tanh", line, lambda x: F.gelu(x, approximate="tanh"))
    yield Operator("softplus_beta", line, lambda x: F.softplus(x, beta=3, threshold=4))
    yield Operator("threshold", line, lambda x: F.threshold(x, 0.1, 0.1))
    yield Operator("glu", normal(3, 8), F.glu)
    yield Operator("prelu", normal(4, 3), lambda x: F.prelu(x, unit(x, 3)))
    yield Operator("prelu_weight", normal(5), lambda x: F.prelu(fixed(x, 4, 5), x))
    yield Operator("softmax", normal(4, 5), lambda x: F.softmax(x, dim=-1))
    yield Operator("softmax_column", normal(4, 5), lambda x: F.softmax(x, dim=0))
    yield Operator("softmax_cold", normal(4, 5, scale=8), lambda x: F.softmax(x, dim=-1))
    yield Operator("log_softmax", normal(4, 5), lambda x: F.log_softmax(x, dim=-1))
    yield Operator("softmin", normal(4, 5), lambda x: F.softmin(x, dim=-1))
    yield Operator("logsumexp", normal(4, 5), lambda x: torch.logsumexp(x, dim=-1))
    yield Operator(
        "masked_softmax",
        normal(4, 5),
        lambda x: F.softmax(x.masked_fill(torch.ones(4, 5).triu(2) > 0, -math.inf), -1),
    )


def _reductions() -> Iterator[Operator]:
    table = normal(4, 5)
    for name in "sum mean prod std var nansum amax amin logcumsumexp cumsum cumprod diff".split():
        function = getattr(torch, name)
        yield Operator(name, table, lambda x, f=function: f(x, dim=-1))
    for name in "max min median nanmedian cummax cummin sort msort mode".split():
        function = getattr(torch, name)
        if name == "msort":
            yield Operator(name, table, function)
        else:
            yield Operator(name, table, lambda x, f=function: f(x, dim=1).values)
    yield Operator("max_all", table, torch.max)
    yield Operator("median_all", normal(15), torch.median)
    yield Operator("sum_all", table, lambda x: torch.sum(x * x))
    yield Operator("mean_all", normal(40), torch.mean)
    yield Operator("prod_all", normal(8), torch.prod)
    yield Operator("std_all", table, torch.std)
    yield Operator("var_mean", table, lambda x: torch.stack(torch.var_mean(x, dim=0)))
    yield Operator("std_mean", table, lambda x: torch.stack(torch.std_mean(x, dim=0)))
    yield Operator("var_offset", normal(12), lambda x: torch.var(x + 100))
    yield Operator("aminmax", table, lambda x: torch.stack(torch.aminmax(x, dim=0)))
    yield Operator("topk", normal(20), lambda x: torch.topk(x, 6).values)
    yield Operator("kthvalue", table, lambda x: torch.kthvalue(x, 2, dim=-1).values)
    yield Operator("quantile", table, lambda x: torch.quantile(x, 0.3, dim=-1))
    yield Operator("nanquantile", table, lambda x: torch.nanquantile(x, 0.7, dim=-1))
    yield Operator("sort_gather", normal(12), lambda x: x.square().gather(0, x.argsort()))
    yield Operator("trapezoid", table, lambda x: torch.trapezoid(x.sin(), dx=0.1))
    yield Operator("trapezoid_x", normal(12), lambda x: torch.trapezoid(fixed(x, 12), x))
    yield Operator("cumulative_trapezoid", table, torch.cumulative_trapezoid)
    yield Operator("cov", table, torch.cov)
    yield Operator("corrcoef", table, torch.corrcoef)
    yield Operator("renorm", table, lambda x: torch.renorm(x, 2, 0, 1.5))
    yield Operator("gradient", normal(12), lambda x: torch.gradient(x.sin())[0])
    yield Operator("trace", normal(4, 4), lambda x: torch.trace(x @ x))


def _norms() -> Iterator[Operator]:
    table = normal(4, 5)
    for ord_ in (0.5, 1, 2, 3, math.inf, -math.inf):
        yield Operator(
            f"vector_norm_{ord_}", table, lambda x, p=ord_: linalg.vector_norm(x, p, dim=-1)
        )
    for kind in ("fro", "nuc", 1, 2, -1, -2, math.inf):
        yield Operator(f"matrix_norm_{kind}", table, lambda x, p=kind: linalg.matrix_norm(x, p))
    for p in (1.0, 1.5, 2.0, math.inf):
        yield Operator(f"cdist_{p}", table, lambda x, p=p: torch.cdist(x, fixed(x, 3, 5), p))
    yield Operator("cdist_self", table, lambda x: torch.cdist(x[:2], x[2:]))
    yield Operator("pdist", table, F.pdist)
    yield Operator("pairwise_distance", table, lambda x: F.pairwise_distance(x, fixed(x, 4, 5)))
    yield Operator("cosine_similarity", table, lambda x: F.cosine_similarity(x, fixed(x, 4, 5)))
    yield Operator("dist", normal(12), lambda x: torch.dist(x, fixed(x, 12), 3))
    yield Operator("normalize", table, F.normalize)
    yield Operator("normalize_1", table, lambda x: F.normalize(x, p=1, dim=0))


def _linear_algebra() -> Iterator[Operator]:
    square, tall, batch = normal(4, 4), normal(5, 3), normal(2, 3, 3)

    def rebuilt_eigh(x: Tensor) -> Tensor:
        values, vectors = linalg.eigh(symmetric(x))
        return (vectors * values.sin()) @ vectors.mT

    def rebuilt_svd(x: Tensor) -> Tensor:
        u, s, vh = linalg.svd(x, full_matrices=False)
        return (u * s.sin()) @ vh

    def lu_pair(x: Tensor) -> Tensor:
        _, lower, upper = linalg.lu(x)
        return torch.stack([lower, upper])

    def lu_solved(x: Tensor) -> Tensor:
        return linalg.lu_solve(*linalg.lu_factor(x), fixed(x, 4, 2))

    def inverted(x: Tensor) -> Tensor:
        return linalg.tensorinv(x.reshape(2, 2, 4))

    yield Operator("inv", square, linalg.inv)
    yield Operator("inv_batch", batch, linalg.inv)
    yield Operator("solve", square, lambda x: linalg.solve(x, fixed(x, 4, 2)))
    yield Operator("solve_right_side", normal(4, 2), lambda x: linalg.solve(fixed(x, 4, 4), x))
    yield Operator(
        "solve_triangular",
        square,
        lambda x: linalg.solve_triangular(
            x.tril() + 2 * torch.eye(4, dtype=x.dtype), fixed(x, 4, 2), upper=False
        ),
    )
    yield Operator("cholesky", square, lambda x: linalg.cholesky(gram(x)))
    yield Operator(
        "cholesky_solve",
        square,
        lambda x: torch.cholesky_solve(fixed(x, 4, 2), linalg.cholesky(gram(x))),
    )
    yield Operator(
        "cholesky_inverse", square, lambda x: torch.cholesky_inverse(linalg.cholesky(gram(x)))
    )
    yield Operator("det", square, linalg.det)
    yield Operator("det_batch", batch, linalg.det)
    yield Operator("logdet", square, lambda x: torch.logdet(gram(x)))
    yield Operator("slogdet", square, lambda x: linalg.slogdet(x).logabsdet)
    yield Operator("svdvals", tall, linalg.svdvals)
    yield Operator("svd_rebuilt", tall, rebuilt_svd)
    yield Operator("svd_vectors", tall, lambda x: linalg.svd(x, full_matrices=False).U.square())
    yield Operator("eigvalsh", square, lambda x: linalg.eigvalsh(symmetric(x)))
    yield Operator("eigh_rebuilt", square, rebuilt_eigh)
    yield Operator("eigh_vectors", square, lambda x: linalg.eigh(symmetric(x))[1].square())
    yield Operator("eigvals", square, lambda x: real(linalg.eigvals(x).exp().sum()))
    yield Operator(
        "eig_vectors", square, lambda x: linalg.eig(x).eigenvectors.abs().square().sum(1)
    )
    yield Operator("qr_q", tall, lambda x: linalg.qr(x).Q)
    yield Operator("qr_r", tall, lambda x: linalg.qr(x).R)
    yield Operator("lu", square, lu_pair)
    yield Operator("lu_solve", square, lu_solved)
    yield Operator("matrix_exp", square, linalg.matrix_exp)
    yield Operator("matrix_power", square, lambda x: linalg.matrix_power(x, 5))
    yield Operator("matrix_power_-2", square, lambda x: linalg.matrix_power(x, -2))
    yield Operator("pinv", tall, linalg.pinv)
    yield Operator("pinv_hermitian", square, lambda x: linalg.pinv(symmetric(x), hermitian=True))
    yield Operator("lstsq", tall, lambda x: linalg.lstsq(x, fixed(x, 5, 2)).solution)
    yield Operator(
        "lstsq_right_side", normal(5, 2), lambda x: linalg.lstsq(fixed(x, 5, 3), x).solution
    )
    yield Operator("cond", square, linalg.cond)
    yield Operator("tensorinv", square, inverted)
    yield Operator(
        "tensorsolve",
        square,
        lambda x: linalg.tensorsolve(x.reshape(2, 2, 4), fixed(x, 2, 2)),
    )
    yield Operator("householder_product", tall, lambda x: linalg.householder_product(x, unit(x, 3)))
    yield Operator("vander", normal(5), linalg.vander)
    yield Operator("hilbert_solve", normal(5), _hilbert_solve)
    yield Operator("matmul", square, lambda x: x @ x)
    yield Operator("bmm", batch, lambda x: torch.bmm(x, x.mT))
    yield Operator("mv", square, lambda x: torch.mv(x, fixed(x, 4)))
    yield Operator("dot", normal(12), lambda x: torch.dot(x, x.flip(0)))
    yield Operator("outer", normal(6), lambda x: torch.outer(x, x))
    yield Operator("inner", tall, lambda x: torch.inner(x, x))
    yield Operator("kron", normal(2, 3), lambda x: torch.kron(x, x))
    yield Operator("cross", tall, lambda x: linalg.cross(x, fixed(x, 5, 3)))
    yield Operator("vecdot", tall, lambda x: linalg.vecdot(x, x.sin()))
    yield Operator(
        "multi_dot", square, lambda x: linalg.multi_dot([x, fixed(x, 4, 2), fixed(x, 2, 5)])
    )
    yield Operator("addmm", square, lambda x: torch.addmm(x, x, x.mT, beta=0.5, alpha=2))
    yield Operator("baddbmm", batch, lambda x: torch.baddbmm(x, x, x))
    yield Operator("addr", square, lambda x: torch.addr(x, x[0], x[1]))
    yield Operator("tensordot", normal(2, 3, 4), lambda x: torch.tensordot(x, x, ([1, 2], [1, 2])))
    yield Operator(
        "einsum", normal(3, 4), lambda x: torch.einsum("ij,ik,kl->jl", x, x, fixed(x, 4, 2))
    )
    yield Operator("einsum_diagonal", square, lambda x: torch.einsum("ii,ij->j", x, x))
    yield Operator("linear", tall, lambda x: F.linear(x, fixed(x, 4, 3), fixed(x, 4)))
    yield Operator("bilinear", tall, lambda x: F.bilinear(x, x, fixed(x, 2, 3, 3)))


def _hilbert_solve(x: Tensor) -> Tensor:
    k = torch.arange(5, dtype=x.dtype)
    return linalg.solve(1 / (k[:, None] + k + 1 + 0.1 * torch.diag(x.square())), x)


def _normalisation() -> Iterator[Operator]:
    image = normal(2, 4, 4)
    yield Operator(
        "layer_norm", normal(3, 8), lambda x: F.layer_norm(x, [8], fixed(x, 8), fixed(x, 8))
    )
    yield Operator("layer_norm_offset", normal(2, 8), lambda x: F.layer_norm(x + 30, [8]))
    yield Operator(
        "layer_norm_weight", normal(8), lambda x: F.layer_norm(fixed(x, 3, 8), [8], x, x)
    )
    yield Operator("rms_norm", normal(3, 8), lambda x: F.rms_norm(x, [8], fixed(x, 8)))
    yield Operator(
        "batch_norm_train",
        normal(6, 3),
        lambda x: F.batch_norm(x, None, None, fixed(x, 3), fixed(x, 3), training=True),
    )
    yield Operator(
        "batch_norm_eval", normal(6, 3), lambda x: F.batch_norm(x, fixed(x, 3), unit(x, 3) + 0.1)
    )
    yield Operator("group_norm", image, lambda x: F.group_norm(x, 2, fixed(x, 4), fixed(x, 4)))
    yield Operator("instance_norm", normal(2, 3, 5), F.instance_norm)
    yield Operator(
        "local_response_norm",
        normal(1, 5, 6),
        lambda x: F.local_response_norm(x, 3, alpha=0.5, k=1.2),
    )
    yield Operator(
        "weight_norm", normal(4, 5), lambda x: torch._weight_norm(x, x[:, :1].square(), 0)
    )


def _convolution() -> Iterator[Operator]:
    signal, image, volume = normal(1, 2, 10), normal(1, 2, 4, 5), normal(1, 1, 3, 3, 4)
    yield Operator("conv1d", signal, lambda x: F.conv1d(x, fixed(x, 3, 2, 3), padding=1))
    yield Operator(
        "conv1d_weight", normal(2, 2, 3), lambda x: F.conv1d(fixed(x, 2, 2, 8), x, stride=2)
    )
    yield Operator("conv1d_same", signal, lambda x: F.conv1d(x, fixed(x, 3, 2, 3), padding="same"))
    yield Operator("conv1d_dilated", signal, lambda x: F.conv1d(x, fixed(x, 3, 2, 3), dilation=2))
    yield Operator("conv2d", image, lambda x: F.conv2d(x, fixed(x, 3, 2, 2, 3), fixed(x, 3)))
    yield Operator("conv2d_weight", normal(2, 2, 2, 2), lambda x: F.conv2d(fixed(x, 2, 2, 4, 4), x))
    yield Operator("conv2d_depthwise", image, lambda x: F.conv2d(x, fixed(x, 2, 1, 3, 3), groups=2))
    yield Operator("conv2d_stride", image, lambda x: F.conv2d(x, fixed(x, 2, 2, 2, 2), stride=2))
    yield Operator("conv3d", volume, lambda x: F.conv3d(x, fixed(x, 2, 1, 2, 2, 2)))
    yield Operator(
        "conv_transpose1d", signal, lambda x: F.conv_transpose1d(x, fixed(x, 2, 2, 3), stride=2)
    )
    yield Operator(
        "conv_transpose2d",
        image,
        lambda x: F.conv_transpose2d(x, fixed(x, 2, 2, 2, 2), stride=2, padding=1),
    )
    yield Operator(
        "conv_transpose3d", volume, lambda x: F.conv_transpose3d(x, fixed(x, 1, 2, 2, 2, 2))
    )
    yield Operator(
        "conv_tbc", normal(6, 1, 3), lambda x: torch.conv_tbc(x, fixed(x, 2, 3, 4), fixed(x, 4))
    )
    yield Operator("unfold", image, lambda x: F.unfold(x, (2, 2)))
    yield Operator("fold", normal(1, 4, 6), lambda x: F.fold(x.sin(), (3, 4), (2, 2)))


def _pooling() -> Iterator[Operator]:
    signal, image, volume = normal(1, 2, 10), normal(1, 2, 4, 5), normal(1, 1, 3, 3, 4)
    samples = {"output_size": 2, "kernel_size": 2}
    yield Operator("avg_pool1d", signal, lambda x: F.avg_pool1d(x, 3, 2, 1))
    yield Operator("avg_pool2d", image, lambda x: F.avg_pool2d(x, 2, 1))
    yield Operator("avg_pool3d", volume, lambda x: F.avg_pool3d(x, 2, 1))
    yield Operator("max_pool1d", signal, lambda x: F.max_pool1d(x, 3, 2))
    yield Operator("max_pool2d", image, lambda x: F.max_pool2d(x, 2, 1))
    yield Operator("max_pool3d", volume, lambda x: F.max_pool3d(x, 2, 1))
    yield Operator("lp_pool1d", signal, lambda x: F.lp_pool1d(x, 2, 3, 2))
    yield Operator("lp_pool2d", uniform(0.2, 3, 1, 2, 4, 5), lambda x: F.lp_pool2d(x, 3, 2))
    for kind in ("avg", "max"):
        for size, make, n in (("1d", signal, 4), ("2d", image, 3), ("3d", volume, 2)):
            function = getattr(F, f"adaptive_{kind}_pool{size}")
            yield Operator(f"adaptive_{kind}_pool{size}", make, lambda x, f=function, n=n: f(x, n))
    yield Operator(
        "fractional_max_pool2d",
        normal(1, 2, 4, 4),
        lambda x: F.fractional_max_pool2d(x, _random_samples=unit(x, 1, 2, 2), **samples),
    )
    yield Operator(
        "max_unpool1d",
        signal,
        lambda x: F.max_unpool1d(*F.max_pool1d(x.sin(), 2, return_indices=True), 2),
    )


def _interpolation() -> Iterator[Operator]:
    signal, image, volume = normal(1, 2, 5), normal(1, 2, 3, 4), normal(1, 1, 2, 3, 3)
    for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area"):
        yield Operator(
            f"interpolate_{mode}",
            image,
            lambda x, mode=mode: F.interpolate(x, size=(5, 7), mode=mode).sin(),
        )
    for mode in ("bilinear", "bicubic"):
        yield Operator(
            f"interpolate_{mode}_corners",
            image,
            lambda x, mode=mode: F.interpolate(x, size=(5, 7), mode=mode, align_corners=True),
        )
        yield Operator(
            f"interpolate_{mode}_antialias",
            normal(1, 1, 6, 6),
            lambda x, mode=mode: F.interpolate(x, size=(3, 3), mode=mode, antialias=True),
        )
    yield Operator("interpolate_linear", signal, lambda x: F.interpolate(x, 8, mode="linear"))
    yield Operator(
        "interpolate_trilinear", volume, lambda x: F.interpolate(x, (3, 4, 5), mode="trilinear")
    )
    for mode in ("bilinear", "nearest", "bicubic"):
        yield Operator(
            f"grid_sample_{mode}_image",
            image,
            lambda x, mode=mode: F.grid_sample(
                x, 2 * unit(x, 1, 3, 3, 2) - 1, mode=mode, align_corners=False
            ),
        )
    for mode in ("bilinear", "bicubic"):
        yield Operator(
            f"grid_sample_{mode}_grid",
            uniform(-1.1, 1.1, 1, 3, 3, 2),
            lambda x, mode=mode: F.grid_sample(
                fixed(x, 1, 2, 4, 4), x, mode=mode, align_corners=False
            ),
        )
    for padding in ("border", "reflection"):
        yield Operator(
            f"grid_sample_{padding}_grid",
            uniform(-1.5, 1.5, 1, 3, 3, 2),
            lambda x, padding=padding: F.grid_sample(
                fixed(x, 1, 2, 4, 4), x, padding_mode=padding, align_corners=True
            ),
        )
    yield Operator(
        "grid_sample_3d_grid",
        uniform(-0.9, 0.9, 1, 2, 2, 2, 3),
        lambda x: F.grid_sample(fixed(x, 1, 2, 3, 3, 3), x, align_corners=False),
    )
    yield Operator(
        "affine_grid",
        normal(2, 2, 3),
        lambda x: F.affine_grid(x, [2, 1, 3, 4], align_corners=False),
    )
    yield Operator("pixel_shuffle", normal(1, 4, 2, 3), lambda x: F.pixel_shuffle(x.sin(), 2))
    yield Operator("pixel_unshuffle", normal(1, 1, 4, 4), lambda x: F.pixel_unshuffle(x.sin(), 2))


def _losses() -> Iterator[Operator]:
    line, table = normal(12), normal(4, 5)

    def pairwise(loss: Callable[..., Tensor], **options: Any) -> Op:
        return lambda x: loss(x, fixed(x, *x.shape), **options)

    def signs(*shape: int) -> Tensor:
        return 2 * integers(2, *shape) - 1

    for name in "mse_loss l1_loss smooth_l1_loss huber_loss".split():
        for reduction in ("mean", "none"):
            yield Operator(
                f"{name}_{reduction}", line, pairwise(getattr(F, name), reduction=reduction)
            )
    yield Operator("mse_loss_target", line, lambda x: F.mse_loss(fixed(x, 12), x))
    yield Operator("huber_loss_delta", line, pairwise(F.huber_loss, delta=0.4))
    yield Operator("smooth_l1_loss_beta", line, pairwise(F.smooth_l1_loss, beta=0.4))
    yield Operator("mse_loss_far", normal(12), lambda x: F.mse_loss(x, 100 + fixed(x, 12)))
    yield Operator("cross_entropy", table, lambda x: F.cross_entropy(x, integers(5, 4)))
    yield Operator(
        "cross_entropy_smoothing",
        table,
        lambda x: F.cross_entropy(x, integers(5, 4), unit(x, 5) + 0.1, label_smoothing=0.1),
    )
    yield Operator(
        "cross_entropy_probabilities",
        table,
        lambda x: F.cross_entropy(x, F.softmax(fixed(x, 4, 5), -1), reduction="none"),
    )
    yield Operator(
        "cross_entropy_confident",
        normal(4, 5, scale=6),
        lambda x: F.cross_entropy(x, integers(5, 4)),
    )
    yield Operator("nll_loss", table, lambda x: F.nll_loss(F.log_softmax(x, -1), integers(5, 4)))
    yield Operator(
        "kl_div",
        table,
        lambda x: F.kl_div(F.log_softmax(x, -1), unit(x, 4, 5), reduction="batchmean"),
    )
    yield Operator(
        "kl_div_target",
        probability(4, 5),
        lambda x: F.kl_div(fixed(x, 4, 5), x, reduction="sum"),
    )
    yield Operator(
        "binary_cross_entropy",
        probability(12),
        lambda x: F.binary_cross_entropy(x, unit(x, 12), unit(x, 12, seed=1)),
    )
    yield Operator(
        "binary_cross_entropy_with_logits",
        normal(12, scale=2),
        lambda x: F.binary_cross_entropy_with_logits(
            x, unit(x, 12), pos_weight=unit(x, 12, seed=1) + 0.5
        ),
    )
    # ctc_loss returns the derivative with respect to the input of log_softmax.
    yield Operator(
        "ctc_loss",
        normal(6, 1, 4),
        lambda x: F.ctc_loss(F.log_softmax(x, -1), torch.tensor([[1, 2, 2]]), (6,), (3,)),
    )
    yield Operator(
        "cosine_embedding_loss",
        table,
        lambda x: F.cosine_embedding_loss(x, fixed(x, 4, 5), signs(4), margin=-0.5),
    )
    yield Operator(
        "margin_ranking_loss",
        line,
        lambda x: F.margin_ranking_loss(x, fixed(x, 12), signs(12), 0.5),
    )
    yield Operator(
        "hinge_embedding_loss",
        line,
        lambda x: F.hinge_embedding_loss(x, signs(12), reduction="none"),
    )
    yield Operator("soft_margin_loss", line, lambda x: F.soft_margin_loss(x, signs(12).to(x.dtype)))
    yield Operator("multi_margin_loss", table, lambda x: F.multi_margin_loss(x, integers(5, 4)))
    yield Operator(
        "multilabel_margin_loss",
        normal(2, 4),
        lambda x: F.multilabel_margin_loss(x, torch.tensor([[3, 0, -1, 1], [2, -1, 0, 1]])),
    )
    yield Operator(
        "multilabel_soft_margin_loss",
        table,
        lambda x: F.multilabel_soft_margin_loss(x, integers(2, 4, 5).to(x.dtype)),
    )
    yield Operator(
        "triplet_margin_loss",
        table,
        lambda x: F.triplet_margin_loss(x, fixed(x, 4, 5), fixed(x, 4, 5, seed=1), margin=2),
    )
    yield Operator(
        "triplet_margin_with_distance_loss",
        table,
        lambda x: F.triplet_margin_with_distance_loss(
            x,
            fixed(x, 4, 5),
            fixed(x, 4, 5, seed=1),
            distance_function=lambda a, b: 1 - F.cosine_similarity(a, b),
        ),
    )
    yield Operator("poisson_nll_loss", line, lambda x: F.poisson_nll_loss(x, 5 * unit(x, 12)))
    yield Operator(
        "poisson_nll_loss_full",
        positive(12),
        lambda x: F.poisson_nll_loss(x, 5 * unit(x, 12), log_input=False, full=True),
    )
    yield Operator(
        "gaussian_nll_loss",
        line,
        lambda x: F.gaussian_nll_loss(x, fixed(x, 12), unit(x, 12) + 0.1, full=True),
    )
    yield Operator(
        "gaussian_nll_loss_variance",
        positive(12),
        lambda x: F.gaussian_nll_loss(fixed(x, 12), fixed(x, 12, seed=1), x),
    )


def _attention() -> Iterator[Operator]:
    tokens = normal(1, 4, 6)

    def heads(x: Tensor) -> Tensor:
        out, _ = F.multi_head_attention_forward(
            x, x, x, 6, 2, fixed(x, 18, 6), fixed(x, 18), None, None, False, 0.0,
            fixed(x, 6, 6), fixed(x, 6), need_weights=False,
        )  # fmt: skip
        return out

    def attention(x: Tensor, *, causal: bool = False, which: int = 0) -> Tensor:
        arguments = [fixed(x, 1, 4, 6, seed=i) for i in range(3)]
        arguments[which] = x
        return F.scaled_dot_product_attention(*arguments, is_causal=causal)

    def cell(x: Tensor, gates: int) -> list[Tensor]:
        n = 3 * gates
        return [fixed(x, n, 4), fixed(x, n, 3), fixed(x, n), fixed(x, n, seed=1)]

    def lstm(x: Tensor) -> Tensor:
        state = [fixed(x, 3, 3), fixed(x, 3, 3, seed=1)]
        return torch.cat(torch.lstm_cell(x, state, *cell(x, 4)))

    yield Operator("attention_query", tokens, attention)
    yield Operator("attention_key", tokens, lambda x: attention(x, which=1))
    yield Operator("attention_value", tokens, lambda x: attention(x, which=2))
    yield Operator("attention_causal", tokens, lambda x: attention(x, causal=True))
    yield Operator("attention_self", tokens, lambda x: F.scaled_dot_product_attention(x, x, x))
    yield Operator("multi_head_attention", normal(4, 1, 6), heads)
    yield Operator("lstm_cell", normal(3, 4), lstm)
    yield Operator(
        "gru_cell", normal(3, 4), lambda x: torch.gru_cell(x, fixed(x, 3, 3), *cell(x, 3))
    )
    yield Operator(
        "rnn_tanh_cell", normal(3, 4), lambda x: torch.rnn_tanh_cell(x, fixed(x, 3, 3), *cell(x, 1))
    )


def _indexing() -> Iterator[Operator]:
    line, table = normal(12), normal(4, 5)
    index = torch.tensor([0, 2, 2, 3, 0, 1])
    rows = torch.tensor([[0, 1, 3, 3, 2], [2, 2, 0, 1, 3]])

    def spread(x: Tensor, reduce: str) -> Tensor:
        base = fixed(x, 4)
        return base.scatter_reduce(0, index, x, reduce=reduce)

    yield Operator("embedding", table, lambda x: F.embedding(index, x).sin())
    for mode in ("sum", "mean", "max"):
        yield Operator(
            f"embedding_bag_{mode}",
            table,
            lambda x, mode=mode: F.embedding_bag(index.reshape(2, 3), x, mode=mode).sin(),
        )
    yield Operator("gather", table, lambda x: x.gather(0, rows).sin())
    yield Operator(
        "scatter",
        normal(2, 5),
        lambda x: fixed(x, 4, 5).scatter(0, rows % 2 + torch.tensor([[0], [2]]), x).sin(),
    )
    yield Operator(
        "scatter_add", normal(2, 5), lambda x: fixed(x, 4, 5).scatter_add(0, rows, x).sin()
    )
    for reduce in ("sum", "mean", "prod", "amax", "amin"):
        yield Operator(
            f"scatter_reduce_{reduce}", normal(6), lambda x, reduce=reduce: spread(x, reduce)
        )
    yield Operator("index_select", table, lambda x: x.index_select(0, index).sin())
    yield Operator("index", table, lambda x: x[index, index].square())
    yield Operator("index_add", normal(6, 3), lambda x: fixed(x, 4, 3).index_add(0, index, x).sin())
    yield Operator(
        "index_put", normal(6), lambda x: fixed(x, 4).index_put((index,), x, accumulate=True).sin()
    )
    yield Operator(
        "index_copy",
        normal(3, 3),
        lambda x: fixed(x, 4, 3).index_copy(0, torch.tensor([2, 0, 3]), x).sin(),
    )
    yield Operator("index_fill", table, lambda x: x.index_fill(0, torch.tensor([1]), 0.5).sin())
    yield Operator("take", table, lambda x: x.take(3 * index).sin())
    yield Operator("take_along_dim", table, lambda x: x.take_along_dim(x.argsort(1), 1).sin())
    yield Operator(
        "put", normal(6), lambda x: fixed(x, 4, 4).put(2 * index, x, accumulate=True).sin()
    )
    yield Operator("masked_select", line, lambda x: x.masked_select(mask(12)).sin())
    yield Operator("masked_fill", line, lambda x: x.masked_fill(mask(12), 2.0).sin())
    yield Operator("masked_scatter", line, lambda x: fixed(x, 12).masked_scatter(mask(12), x).sin())
    yield Operator(
        "select_scatter", normal(5), lambda x: fixed(x, 4, 5).select_scatter(x, 0, 1).sin()
    )
    yield Operator(
        "slice_scatter", normal(2, 5), lambda x: fixed(x, 4, 5).slice_scatter(x, 0, 1, 3).sin()
    )
    for name, function in {
        "roll": lambda x: x.roll(2, 1),
        "flip": lambda x: x.flip(0, 1),
        "rot90": lambda x: x.rot90(),
        "tril": torch.tril,
        "triu": torch.triu,
        "diag": torch.diag,
        "diag_embed": torch.diag_embed,
        "diagonal": lambda x: x.diagonal(1),
        "permute": lambda x: x.permute(1, 0),
        "repeat": lambda x: x.repeat(2, 1),
        "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
        "tensor_unfold": lambda x: x.unfold(1, 3, 1),
        "as_strided": lambda x: x.contiguous().as_strided((3, 3), (5, 2)),
        "expand": lambda x: x[:, None].expand(4, 2, 5),
        "cat": lambda x: torch.cat([x, x.square()]),
        "stack": lambda x: torch.stack([x, x.square()], -1),
        "block_diag": lambda x: torch.block_diag(x, x.mT),
        "cartesian_prod": lambda x: torch.cartesian_prod(x[0], x[1]),
        "combinations": lambda x: torch.combinations(x[0]),
        "meshgrid": lambda x: torch.stack(torch.meshgrid(x[0], x[1], indexing="ij")),
        "narrow": lambda x: x.narrow(1, 1, 3),
    }.items():
        yield Operator(name, table, lambda x, f=function: f(x).sin())
    for mode in ("constant", "reflect", "replicate", "circular"):
        yield Operator(
            f"pad_{mode}", normal(1, 3, 4), lambda x, mode=mode: F.pad(x, (2, 1), mode=mode).sin()
        )


def _fourier() -> Iterator[Operator]:
    line, pairs = normal(16), normal(9, 2)
    yield Operator("fft", line, lambda x: real(fft.fft(x)))
    yield Operator("fft_power", line, lambda x: fft.fft(x).abs().square())
    yield Operator("rfft", line, lambda x: real(fft.rfft(x)))
    yield Operator("ifft", line, lambda x: real(fft.ifft(x, norm="ortho")))
    yield Operator("irfft", pairs, lambda x: fft.irfft(complex_(x)))
    yield Operator("hfft", pairs, lambda x: fft.hfft(complex_(x)))
    yield Operator("ihfft", line, lambda x: real(fft.ihfft(x)))
    yield Operator("fft2", normal(4, 5), lambda x: real(fft.fft2(x)))
    yield Operator("rfftn", normal(2, 3, 4), lambda x: real(fft.rfftn(x)))
    yield Operator("fftshift", line, lambda x: fft.fftshift(x.sin()))
    yield Operator("fft_convolution", line, lambda x: fft.irfft(fft.rfft(x) ** 2, 16))
    yield Operator(
        "stft",
        line,
        lambda x: real(
            torch.stft(x, 8, 2, window=unit(x, 8) + 0.5, center=False, return_complex=True)
        ),
    )
    yield Operator(
        "istft",
        normal(5, 4, 2),
        lambda x: torch.istft(complex_(x), 8, 4, window=unit(x, 8) + 0.5, center=True),
    )
    yield Operator("complex_abs", pairs, lambda x: complex_(x).abs())
    yield Operator("complex_angle", pairs, lambda x: complex_(x).angle())
    yield Operator("complex_exp", pairs, lambda x: real(complex_(x).exp()))
    yield Operator("complex_div", pairs, lambda x: real(complex_(x) / complex_(x).flip(0).add(2)))
    yield Operator("polar", line, lambda x: real(torch.polar(fixed(x, 16).abs(), x)))


OPERATORS: tuple[Operator, ...] = tuple(
    operator
    for family in (
        _elementwise,
        _special,
        _activations,
        _reductions,
        _norms,
        _linear_algebra,
        _normalisation,
        _convolution,
        _pooling,
        _interpolation,
        _losses,
        _attention,
        _indexing,
        _fourier,
    )
    for operator in family()
)
