"""Differentiable functions of JAX and PyTorch at points where they are smooth.

This module owns the corpus: which functions, and where. It imports no array library: a function
of the corpus is given the library that it calls. It neither breaks nor judges:
test_autodiff.py does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Values = list[Any] | tuple[list[Any], ...]


@dataclass(frozen=True)
class Function:
    """A function ``of(library, x)``, and the numbers of a point; a tuple is that of its inputs."""

    name: str
    of: Callable[[Any, Any], Any]
    x0: Values


# Most points have one shape: what JAX compiles for one function then serves for the others.
ANY = [0.7, -1.2, 0.4, 1.9]
POSITIVE = [0.6, 1.7, 2.9, 0.8]
UNIT = [0.2, 0.85, 0.4, 0.65]
SHARES = [0.1, 0.3, 0.4, 0.2]
TWO_REAL = (ANY, [1.1, 0.6, -0.8, 0.3])
TWO_POSITIVE = (POSITIVE, [1.3, 0.7, 1.1, 2.2])


def _square(x: Any) -> Any:
    """A well-conditioned square matrix."""
    return x.reshape(2, 2)


def _definite(library: Any, x: Any) -> Any:
    """A positive definite matrix, symmetric whatever x is."""
    return _square(x) @ _square(x).T + library.eye(2, dtype=x.dtype)


# ---- JAX


def _map_coordinates(jax: Any, x: Any) -> Any:
    image = jax.numpy.asarray([[1.0, 4.0, 2.0], [0.5, 3.0, 7.0], [2.0, 2.5, 1.0]], x.dtype)
    return jax.scipy.ndimage.map_coordinates(image, [x[:2], x[2:]], order=1)


def _multivariate_normal(jax: Any, x: Any) -> Any:
    jnp = jax.numpy
    covariance = jnp.asarray([[2.0, 0.3], [0.3, 1.0]], x.dtype)
    return jax.scipy.stats.multivariate_normal.logpdf(x[:2], x[2:], covariance)


JAX_FUNCTIONS = (
    # jax.numpy
    Function("numpy.exp", lambda jax, x: jax.numpy.exp(x), ANY),
    Function("numpy.log", lambda jax, x: jax.numpy.log(x), POSITIVE),
    Function("numpy.sin", lambda jax, x: jax.numpy.sin(x), ANY),
    Function("numpy.arctan", lambda jax, x: jax.numpy.arctan(x), ANY),
    Function("numpy.cbrt", lambda jax, x: jax.numpy.cbrt(x), POSITIVE),
    Function("numpy.sinc", lambda jax, x: jax.numpy.sinc(x), ANY),
    Function("numpy.power", lambda jax, x: jax.numpy.power(*x), TWO_POSITIVE),
    Function("numpy.hypot", lambda jax, x: jax.numpy.hypot(*x), TWO_REAL),
    Function("numpy.arctan2", lambda jax, x: jax.numpy.arctan2(*x), TWO_REAL),
    Function("numpy.logaddexp", lambda jax, x: jax.numpy.logaddexp(*x), TWO_REAL),
    Function("numpy.sum", lambda jax, x: jax.numpy.sum(x), ANY),
    Function("numpy.prod", lambda jax, x: jax.numpy.prod(x), ANY),
    Function("numpy.cumprod", lambda jax, x: jax.numpy.cumprod(x), ANY),
    Function("numpy.var", lambda jax, x: jax.numpy.var(x), ANY),
    Function("numpy.sort", lambda jax, x: jax.numpy.sort(x), ANY),
    Function("numpy.outer", lambda jax, x: jax.numpy.outer(x[:2], x[2:]), ANY),
    Function("numpy.convolve", lambda jax, x: jax.numpy.convolve(x[:2], x[2:]), ANY),
    Function("numpy.trapezoid", lambda jax, x: jax.numpy.trapezoid(*x), TWO_REAL),
    Function("numpy.fft.fft", lambda jax, x: jax.numpy.fft.fft(x), ANY),
    Function("numpy.linalg.norm", lambda jax, x: jax.numpy.linalg.norm(x), ANY),
    Function("numpy.linalg.det", lambda jax, x: jax.numpy.linalg.det(_square(x)), ANY),
    Function("numpy.linalg.inv", lambda jax, x: jax.numpy.linalg.inv(_square(x)), ANY),
    Function(
        "numpy.linalg.eigvalsh",
        lambda jax, x: jax.numpy.linalg.eigvalsh(_definite(jax.numpy, x)),
        ANY,
    ),
    Function(
        "numpy.linalg.svd",
        lambda jax, x: jax.numpy.linalg.svd(_square(x), compute_uv=False),
        ANY,
    ),
    # jax.nn
    Function("nn.softplus", lambda jax, x: jax.nn.softplus(x), ANY),
    Function("nn.sigmoid", lambda jax, x: jax.nn.sigmoid(x), ANY),
    Function("nn.gelu", lambda jax, x: jax.nn.gelu(x), ANY),
    Function("nn.silu", lambda jax, x: jax.nn.silu(x), ANY),
    Function("nn.mish", lambda jax, x: jax.nn.mish(x), ANY),
    Function("nn.elu", lambda jax, x: jax.nn.elu(x), ANY),
    Function("nn.relu", lambda jax, x: jax.nn.relu(x), ANY),
    Function("nn.squareplus", lambda jax, x: jax.nn.squareplus(x), ANY),
    Function("nn.glu", lambda jax, x: jax.nn.glu(x), ANY),
    Function("nn.softmax", lambda jax, x: jax.nn.softmax(x), ANY),
    Function("nn.log_softmax", lambda jax, x: jax.nn.log_softmax(x), ANY),
    Function("nn.standardize", lambda jax, x: jax.nn.standardize(x), ANY),
    # jax.scipy
    Function("special.gammaln", lambda jax, x: jax.scipy.special.gammaln(x), POSITIVE),
    Function("special.digamma", lambda jax, x: jax.scipy.special.digamma(x), POSITIVE),
    Function("special.erf", lambda jax, x: jax.scipy.special.erf(x), ANY),
    Function("special.erfinv", lambda jax, x: jax.scipy.special.erfinv(x), UNIT),
    Function("special.logit", lambda jax, x: jax.scipy.special.logit(x), UNIT),
    Function("special.log_ndtr", lambda jax, x: jax.scipy.special.log_ndtr(x), ANY),
    Function("special.i0e", lambda jax, x: jax.scipy.special.i0e(x), POSITIVE),
    Function("special.entr", lambda jax, x: jax.scipy.special.entr(x), POSITIVE),
    Function("special.xlogy", lambda jax, x: jax.scipy.special.xlogy(*x), TWO_POSITIVE),
    Function("special.logsumexp", lambda jax, x: jax.scipy.special.logsumexp(x), ANY),
    Function(
        "linalg.cholesky",
        lambda jax, x: jax.scipy.linalg.cholesky(_definite(jax.numpy, x), lower=True),
        ANY,
    ),
    Function(
        "linalg.solve", lambda jax, x: jax.scipy.linalg.solve(_square(x[0]), x[1][:2]), TWO_REAL
    ),
    Function("stats.norm.logpdf", lambda jax, x: jax.scipy.stats.norm.logpdf(x), ANY),
    Function("stats.norm.cdf", lambda jax, x: jax.scipy.stats.norm.cdf(x), ANY),
    Function("stats.gamma.logpdf", lambda jax, x: jax.scipy.stats.gamma.logpdf(*x), TWO_POSITIVE),
    Function("stats.cauchy.logcdf", lambda jax, x: jax.scipy.stats.cauchy.logcdf(x), ANY),
    Function("stats.multivariate_normal", _multivariate_normal, ANY),
    Function("ndimage.map_coordinates", _map_coordinates, [0.3, 1.6, 1.2, 0.7]),
)


# ---- PyTorch


def _attention_of_torch(torch: Any, x: tuple[Any, ...]) -> Any:
    parts = (part.reshape(1, 2, 2) for part in x)
    return torch.nn.functional.scaled_dot_product_attention(*parts)


def _targets(torch: Any, x: Any) -> Any:
    return torch.tensor([0.9, -0.3, 1.1, 0.2], dtype=x.dtype)


TORCH_FUNCTIONS = (
    # elementwise
    Function("exp", lambda torch, x: torch.exp(x), ANY),
    Function("log1p", lambda torch, x: torch.log1p(x), POSITIVE),
    Function("sin", lambda torch, x: torch.sin(x), ANY),
    Function("atan", lambda torch, x: torch.atan(x), ANY),
    Function("tanh", lambda torch, x: torch.tanh(x), ANY),
    Function("rsqrt", lambda torch, x: torch.rsqrt(x), POSITIVE),
    Function("sinc", lambda torch, x: torch.sinc(x), ANY),
    Function("pow", lambda torch, x: torch.pow(*x), TWO_POSITIVE),
    Function("hypot", lambda torch, x: torch.hypot(*x), TWO_REAL),
    Function("atan2", lambda torch, x: torch.atan2(*x), TWO_REAL),
    Function("logaddexp", lambda torch, x: torch.logaddexp(*x), TWO_REAL),
    Function("lerp", lambda torch, x: torch.lerp(*x), (ANY, POSITIVE, UNIT)),
    # reductions
    Function("sum", lambda torch, x: torch.sum(x), ANY),
    Function("prod", lambda torch, x: torch.prod(x), ANY),
    Function("cumprod", lambda torch, x: torch.cumprod(x, 0), ANY),
    Function("var", lambda torch, x: torch.var(x), ANY),
    Function("std", lambda torch, x: torch.std(x), ANY),
    Function("norm", lambda torch, x: torch.linalg.vector_norm(x, 3), ANY),
    Function("logsumexp", lambda torch, x: torch.logsumexp(x, 0), ANY),
    Function("logcumsumexp", lambda torch, x: torch.logcumsumexp(x, 0), ANY),
    Function("amax", lambda torch, x: torch.amax(_square(x), 1), ANY),
    Function("sort", lambda torch, x: torch.sort(x).values, ANY),
    # linear algebra
    Function("bmm", lambda torch, x: torch.bmm(*(_square(p)[None] for p in x)), TWO_REAL),
    Function("outer", lambda torch, x: torch.outer(x[:2], x[2:]), ANY),
    Function("einsum", lambda torch, x: torch.einsum("i,i,j->j", x[0], x[0], x[1]), TWO_REAL),
    Function("linalg.det", lambda torch, x: torch.linalg.det(_square(x)), ANY),
    Function("linalg.inv", lambda torch, x: torch.linalg.inv(_square(x)), ANY),
    Function("linalg.slogdet", lambda torch, x: torch.linalg.slogdet(_square(x))[1], ANY),
    Function(
        "linalg.solve", lambda torch, x: torch.linalg.solve(_square(x[0]), x[1]), (ANY, [1.3, 0.7])
    ),
    Function("linalg.cholesky", lambda torch, x: torch.linalg.cholesky(_definite(torch, x)), ANY),
    Function("linalg.eigvalsh", lambda torch, x: torch.linalg.eigvalsh(_definite(torch, x)), ANY),
    Function("linalg.svdvals", lambda torch, x: torch.linalg.svdvals(_square(x)), ANY),
    Function("linalg.qr", lambda torch, x: torch.linalg.qr(_square(x)), ANY),
    Function("linalg.matrix_exp", lambda torch, x: torch.linalg.matrix_exp(_square(x)), ANY),
    Function("fft.rfft", lambda torch, x: torch.fft.rfft(x), ANY),
    # activations
    Function("sigmoid", lambda torch, x: torch.sigmoid(x), ANY),
    Function("softplus", lambda torch, x: torch.nn.functional.softplus(x), ANY),
    Function("gelu", lambda torch, x: torch.nn.functional.gelu(x), ANY),
    Function("silu", lambda torch, x: torch.nn.functional.silu(x), ANY),
    Function("mish", lambda torch, x: torch.nn.functional.mish(x), ANY),
    Function("elu", lambda torch, x: torch.nn.functional.elu(x), ANY),
    Function("leaky_relu", lambda torch, x: torch.nn.functional.leaky_relu(x), ANY),
    Function("softmax", lambda torch, x: torch.softmax(x, 0), ANY),
    Function("log_softmax", lambda torch, x: torch.log_softmax(x, 0), ANY),
    Function("scaled_dot_product_attention", _attention_of_torch, (ANY, UNIT, POSITIVE)),
    # normalisation, convolution, pooling
    Function("layer_norm", lambda torch, x: torch.nn.functional.layer_norm(x, (4,)), ANY),
    Function(
        "batch_norm",
        lambda torch, x: torch.nn.functional.batch_norm(x.reshape(3, 2), None, None, training=True),
        [*ANY, 0.1, -0.6],
    ),
    Function("normalize", lambda torch, x: torch.nn.functional.normalize(x, dim=0), ANY),
    Function(
        "conv1d",
        lambda torch, x: torch.nn.functional.conv1d(x[0][None, None], x[1][None, None]),
        (ANY, [0.5, -0.3]),
    ),
    Function(
        "conv_transpose1d",
        lambda torch, x: torch.nn.functional.conv_transpose1d(x[0][None, None], x[1][None, None]),
        (ANY, [0.5, -0.3]),
    ),
    Function("avg_pool1d", lambda torch, x: torch.nn.functional.avg_pool1d(x[None], 2), ANY),
    # losses
    Function("mse_loss", lambda torch, x: torch.nn.functional.mse_loss(x, _targets(torch, x)), ANY),
    Function(
        "huber_loss", lambda torch, x: torch.nn.functional.huber_loss(x, _targets(torch, x)), ANY
    ),
    Function(
        "binary_cross_entropy_with_logits",
        lambda torch, x: torch.nn.functional.binary_cross_entropy_with_logits(*x),
        (ANY, UNIT),
    ),
    Function(
        "cross_entropy",
        lambda torch, x: torch.nn.functional.cross_entropy(_square(x), torch.tensor([0, 1])),
        ANY,
    ),
    Function(
        "kl_div",
        lambda torch, x: torch.nn.functional.kl_div(
            torch.log_softmax(x[0], 0), x[1], reduction="sum"
        ),
        (ANY, SHARES),
    ),
    Function(
        "cosine_similarity",
        lambda torch, x: torch.nn.functional.cosine_similarity(*x, dim=0),
        TWO_REAL,
    ),
    # special functions
    Function("special.gammaln", lambda torch, x: torch.special.gammaln(x), POSITIVE),
    Function("special.digamma", lambda torch, x: torch.special.digamma(x), POSITIVE),
    Function("special.erf", lambda torch, x: torch.special.erf(x), ANY),
    Function("special.erfinv", lambda torch, x: torch.special.erfinv(x), UNIT),
    Function("special.logit", lambda torch, x: torch.special.logit(x), UNIT),
    Function("special.ndtri", lambda torch, x: torch.special.ndtri(x), UNIT),
    Function("special.log_ndtr", lambda torch, x: torch.special.log_ndtr(x), ANY),
    Function("special.i0e", lambda torch, x: torch.special.i0e(x), POSITIVE),
    Function("special.entr", lambda torch, x: torch.special.entr(x), POSITIVE),
    Function("special.xlog1py", lambda torch, x: torch.special.xlog1py(*x), TWO_POSITIVE),
    Function("special.erfcx", lambda torch, x: torch.special.erfcx(x), ANY),
)

CORPUS = {
    library: {function.name: function for function in functions}
    for library, functions in (("jax", JAX_FUNCTIONS), ("torch", TORCH_FUNCTIONS))
}
