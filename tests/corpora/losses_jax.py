"""Everyday losses of JAX, written as users write them, in the dtype of their data.

This module owns the losses and their points. It neither breaks nor judges their gradients: a
runner does. `CASES` maps a name to a function of a dtype, which gives ``(func, x0)``, or None
where JAX has no kernel for an operation in this dtype. Each has 4 to 250 parameters. All draws
have fixed seeds, and no point lies on a kink.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Case = Callable[[Any], tuple[Callable[[Any], Any], Any] | None]

CASES: dict[str, Case] = {}


def case(make: Case) -> Case:
    CASES[make.__name__] = make
    return make


def normal(*shape: int, dt: Any, seed: int, scale: float = 1.0) -> Any:
    return jnp.asarray(scale * np.random.default_rng(seed).normal(size=shape), dt)


def labels(count: int, classes: int, seed: int = 3) -> Any:
    return jnp.asarray(np.random.default_rng(seed).integers(classes, size=count))


def binary(count: int, dt: Any, seed: int = 3) -> Any:
    return jnp.asarray(np.random.default_rng(seed).integers(2, size=count), dt)


def dense(*sizes: int, dt: Any, seed: int = 0) -> list[dict[str, Any]]:
    """The weights and biases of an MLP."""
    return [
        {
            "w": normal(into, out, dt=dt, seed=seed + i, scale=into**-0.5),
            "b": normal(out, dt=dt, seed=seed + i + 50, scale=0.1),
        }
        for i, (into, out) in enumerate(itertools.pairwise(sizes))
    ]


def mlp(params: list[dict[str, Any]], x: Any, activation: Callable[[Any], Any]) -> Any:
    *hidden, last = params
    for layer in hidden:
        x = activation(x @ layer["w"] + layer["b"])
    return x @ last["w"] + last["b"]


def cross_entropy(logits: Any, classes: Any) -> Any:
    """The mean over a batch, as optax.softmax_cross_entropy_with_integer_labels gives it."""
    chosen = jnp.take_along_axis(logits, classes[:, None], axis=-1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - chosen)


def bce(logits: Any, targets: Any) -> Any:
    """As optax.sigmoid_binary_cross_entropy."""
    return -targets * jax.nn.log_sigmoid(logits) - (1 - targets) * jax.nn.log_sigmoid(-logits)


def weight_decay(params: Any, factor: float) -> Any:
    return factor * sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))


def layer_norm(x: Any, scale: Any = 1.0, bias: Any = 0.0) -> Any:
    mean = x.mean(-1, keepdims=True)
    variance = x.var(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * scale + bias


def rms_norm(x: Any, scale: Any) -> Any:
    return x * lax.rsqrt(jnp.mean(x**2, -1, keepdims=True) + 1e-6) * scale


def is_bfloat16(dt: Any) -> bool:
    """Whether LAPACK, the FFT and log_ndtr, which do not know bfloat16, lack this dtype."""
    return jnp.dtype(dt) == jnp.bfloat16


# ---- MLPs, by parameters and by input


@case
def mlp_relu_params_mse(dt):
    x, y = normal(64, 4, dt=dt, seed=1), normal(64, 1, dt=dt, seed=2)
    return lambda p: jnp.mean((mlp(p, x, jax.nn.relu) - y) ** 2), dense(4, 8, 1, dt=dt)


@case
def mlp_relu_deep_params_ce(dt):
    x, y = normal(128, 3, dt=dt, seed=1), labels(128, 3)
    return lambda p: cross_entropy(mlp(p, x, jax.nn.relu), y), dense(3, 8, 8, 3, dt=dt)


@case
def mlp_gelu_params_ce(dt):
    x, y = normal(32, 4, dt=dt, seed=1), labels(32, 3)
    return jax.jit(lambda p: cross_entropy(mlp(p, x, jax.nn.gelu), y)), dense(4, 8, 3, dt=dt)


@case
def mlp_silu_input(dt):
    params = dense(4, 16, 2, dt=dt)
    return lambda x: jnp.sum(mlp(params, x, jax.nn.silu) ** 2), normal(5, 4, dt=dt, seed=1)


@case
def mlp_tanh_input(dt):
    params = dense(6, 16, 16, 1, dt=dt)
    return jax.jit(lambda x: mlp(params, x, jnp.tanh).sum()), normal(3, 6, dt=dt, seed=1)


@case
def mlp_relu_input(dt):
    params = dense(4, 32, 1, dt=dt)
    return lambda x: jnp.mean(mlp(params, x, jax.nn.relu) ** 2), normal(5, 4, dt=dt, seed=1)


@case
def mlp_elu_vmapped_per_example(dt):
    x, y = normal(16, 3, dt=dt, seed=1), normal(16, dt=dt, seed=2)

    def loss(p):
        def one(xi, yi):
            return (mlp(p, xi, jax.nn.elu)[0] - yi) ** 2

        return jax.vmap(one)(x, y).mean()

    return loss, dense(3, 6, 1, dt=dt)


@case
def mlp_weight_decay_jit(dt):
    x, y = normal(48, 5, dt=dt, seed=1), labels(48, 4)

    @jax.jit
    def loss(p):
        return cross_entropy(mlp(p, x, jax.nn.relu), y) + weight_decay(p, 1e-2)

    return loss, dense(5, 8, 4, dt=dt)


@case
def lora_adapter(dt):
    w, x, y = (normal(8, 6, dt=dt, seed=1), normal(20, 8, dt=dt, seed=2), labels(20, 6))

    def loss(p):
        return cross_entropy(x @ (w + 0.5 * p["a"] @ p["b"]), y)

    return loss, {"a": normal(8, 2, dt=dt, seed=3), "b": normal(2, 6, dt=dt, seed=4, scale=0.3)}


@case
def mixture_of_experts(dt):
    x, y = normal(24, 4, dt=dt, seed=1), normal(24, dt=dt, seed=2)

    def loss(p):
        gate = jax.nn.softmax(x @ p["gate"], axis=-1)
        experts = jnp.einsum("ni,eio->neo", x, p["experts"])[..., 0]
        return jnp.mean((jnp.sum(gate * jnp.tanh(experts), -1) - y) ** 2)

    return loss, {"gate": normal(4, 3, dt=dt, seed=3), "experts": normal(3, 4, 1, dt=dt, seed=4)}


# ---- Recurrence


@case
def rnn_scan_input(dt):
    w, u = normal(3, 6, dt=dt, seed=1, scale=0.5), normal(6, 6, dt=dt, seed=2, scale=0.4)

    def loss(xs):
        def step(h, x):
            h = jnp.tanh(x @ w + h @ u)
            return h, h

        _, hs = lax.scan(step, jnp.zeros((2, 6), xs.dtype), xs)
        return jnp.sum(hs[-1] ** 2)

    return loss, normal(7, 2, 3, dt=dt, seed=3)


@case
def gru_scan_params(dt):
    xs, y = normal(6, 8, 2, dt=dt, seed=1), normal(8, 3, dt=dt, seed=2)

    @jax.jit
    def loss(p):
        def step(h, x):
            r = jax.nn.sigmoid(x @ p["wr"] + h @ p["ur"])
            z = jax.nn.sigmoid(x @ p["wz"] + h @ p["uz"] + p["bz"])
            n = jnp.tanh(x @ p["wn"] + r * (h @ p["un"]))
            return (1 - z) * n + z * h, None

        h, _ = lax.scan(step, jnp.zeros_like(y), xs)
        return jnp.mean((h - y) ** 2)

    shapes = {"wr": (2, 3), "wz": (2, 3), "wn": (2, 3), "ur": (3, 3), "uz": (3, 3), "un": (3, 3)}
    params = {
        name: normal(*shape, dt=dt, seed=10 + i, scale=0.6)
        for i, (name, shape) in enumerate(shapes.items())
    }
    return loss, {**params, "bz": normal(3, dt=dt, seed=20, scale=0.1)}


@case
def lstm_scan_input_ce(dt):
    w, u = normal(3, 16, dt=dt, seed=1, scale=0.5), normal(4, 16, dt=dt, seed=2, scale=0.5)
    out, y = normal(4, 3, dt=dt, seed=4), labels(2, 3)

    def loss(xs):
        def step(carry, x):
            h, c = carry
            i, f, g, o = jnp.split(x @ w + h @ u, 4, axis=-1)
            c = jax.nn.sigmoid(f + 1) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((2, 4), xs.dtype)
        (h, _), _ = lax.scan(step, (zeros, zeros), xs)
        return cross_entropy(h @ out, y)

    return loss, normal(6, 2, 3, dt=dt, seed=3)


@case
def state_space_associative_scan(dt):
    u, y = normal(12, 4, dt=dt, seed=1), normal(12, dt=dt, seed=2)

    def loss(p):
        decay = jax.nn.sigmoid(p["decay"])
        gains = jnp.broadcast_to(decay, u.shape)

        def combine(left, right):
            return left[0] * right[0], left[1] * right[0] + right[1]

        _, states = lax.associative_scan(combine, (gains, u * p["into"]))
        return jnp.mean((states @ p["out"] - y) ** 2)

    return loss, {
        "decay": normal(4, dt=dt, seed=3),
        "into": normal(4, dt=dt, seed=4),
        "out": normal(4, dt=dt, seed=5),
    }


@case
def hmm_forward_scan(dt):
    observed = labels(15, 3)

    def loss(p):
        transitions = jax.nn.log_softmax(p["transitions"], axis=-1)
        emissions = jax.nn.log_softmax(p["emissions"], axis=-1)

        def step(alpha, seen):
            alpha = jax.nn.logsumexp(alpha[:, None] + transitions, axis=0) + emissions[:, seen]
            return alpha, None

        alpha = jax.nn.log_softmax(p["start"]) + emissions[:, observed[0]]
        alpha, _ = lax.scan(step, alpha, observed[1:])
        return -jax.nn.logsumexp(alpha)

    return loss, {
        "start": normal(4, dt=dt, seed=1),
        "transitions": normal(4, 4, dt=dt, seed=2),
        "emissions": normal(4, 3, dt=dt, seed=4),
    }


@case
def ctc_scan(dt):
    path = jnp.asarray([0, 1, 0, 2, 0, 1, 0])  # blanks between the labels 1, 2, 1
    skips = jnp.asarray([0, 0, 0, 1, 0, 1, 0], bool)

    def loss(logits):
        emitted = jax.nn.log_softmax(logits, axis=-1)[:, path]
        never = jnp.asarray(-1e5, logits.dtype)

        def step(alpha, now):
            one = jnp.concatenate([never[None], alpha[:-1]])
            two = jnp.where(skips, jnp.concatenate([never[None], never[None], alpha[:-2]]), never)
            return jax.nn.logsumexp(jnp.stack([alpha, one, two]), axis=0) + now, None

        start = jnp.where(jnp.arange(7) < 2, emitted[0], never)
        alpha, _ = lax.scan(step, start, emitted[1:])
        return -jnp.logaddexp(alpha[-1], alpha[-2])

    return loss, normal(8, 4, dt=dt, seed=1)


@case
def ode_rk4_scan(dt):
    params = dense(3, 8, 3, dt=dt)

    @jax.jit
    def loss(x):
        h = 0.1

        def slope(x):
            return mlp(params, x, jnp.tanh)

        def step(x, _):
            a = slope(x)
            b = slope(x + h / 2 * a)
            c = slope(x + h / 2 * b)
            d = slope(x + h * c)
            return x + h / 6 * (a + 2 * b + 2 * c + d), None

        x, _ = lax.scan(step, x, None, length=10)
        return jnp.sum(x**2)

    return loss, normal(2, 3, dt=dt, seed=1)


@case
def lotka_volterra_fit(dt):
    steps = jnp.arange(20)
    seen = jnp.asarray(1 + 0.5 * np.sin(np.arange(20) / 3), dt)

    def loss(rates):
        a, b, c, d = jnp.exp(rates)

        def step(state, _):
            prey, predator = state
            prey = prey + 0.1 * (a * prey - b * prey * predator)
            predator = predator + 0.1 * (c * prey * predator - d * predator)
            return (prey, predator), prey

        start = (jnp.ones((), rates.dtype), jnp.full((), 0.5, rates.dtype))
        _, prey = lax.scan(step, start, steps)
        return jnp.mean((prey - seen) ** 2)

    return loss, normal(4, dt=dt, seed=1, scale=0.3)


@case
def unrolled_sgd_meta_loss(dt):
    x, y = normal(10, 4, dt=dt, seed=1), normal(10, dt=dt, seed=2)

    def inner(w):
        return jnp.mean((x[:5] @ w - y[:5]) ** 2)

    def loss(w):
        def step(w, _):
            return w - 0.1 * jax.grad(inner)(w), None

        w, _ = lax.scan(step, w, None, length=3)
        return jnp.mean((jnp.tanh(x[5:] @ w) - y[5:]) ** 2)

    return loss, normal(4, dt=dt, seed=3)


# ---- Loops and branches


@case
def fori_loop_power_iteration(dt):
    def loss(a):
        symmetric = a + a.T

        def body(_, v):
            v = symmetric @ v
            return v / jnp.linalg.norm(v)

        v = lax.fori_loop(0, 6, body, jnp.ones(4, a.dtype))
        return v @ symmetric @ v

    return loss, normal(4, 4, dt=dt, seed=1)


@case
def fori_loop_sinkhorn(dt):
    y = normal(6, 2, dt=dt, seed=2)

    @jax.jit
    def loss(x):
        cost = jnp.sum((x[:, None] - y[None]) ** 2, -1)

        def body(_, duals):
            f, g = duals
            f = -0.5 * jax.nn.logsumexp((g - cost) / 0.5, axis=1)
            g = -0.5 * jax.nn.logsumexp((f[:, None] - cost) / 0.5, axis=0)
            return f, g

        zeros = jnp.zeros(6, x.dtype)
        f, g = lax.fori_loop(0, 20, body, (zeros, zeros))
        return jnp.sum(jnp.exp((f[:, None] + g - cost) / 0.5) * cost)

    return loss, normal(6, 2, dt=dt, seed=1)


@case
def while_loop_on_data(dt):
    x = normal(20, 3, dt=dt, seed=1)

    def loss(w):
        # A bandwidth that depends on the data alone.
        def too_small(width):
            return jnp.mean(jnp.exp(-((x / width) ** 2))) < 0.7

        width = lax.while_loop(too_small, lambda width: 1.3 * width, jnp.asarray(0.2, x.dtype))
        return jnp.sum(jnp.tanh(x @ w / width) ** 2)

    return loss, normal(3, 2, dt=dt, seed=2)


@jax.custom_vjp
def newton_cube_root(a):
    def improve(state):
        x, step = state
        return x - (x**3 - a) / (3 * x**2), step + 1

    start = (jnp.ones_like(a) + jnp.abs(a), 0)
    return lax.while_loop(lambda state: state[1] < 12, improve, start)[0]


def _cube_root_forward(a):
    root = newton_cube_root(a)
    return root, root


newton_cube_root.defvjp(_cube_root_forward, lambda root, upstream: (upstream / (3 * root**2),))


@case
def while_loop_implicit_custom_vjp(dt):
    a = normal(8, dt=dt, seed=1)
    return lambda x: jnp.sum(newton_cube_root(1 + x**2) * a), normal(8, dt=dt, seed=2)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def fixed_point(layer, params, x):
    def unfinished(state):
        _, change, steps = state
        return (change > 1e-6) & (steps < 40)

    def body(state):
        z, _, steps = state
        new = layer(params, x, z)
        return new, jnp.max(jnp.abs(new - z)).astype(jnp.float32), steps + 1

    return lax.while_loop(unfinished, body, (jnp.zeros_like(x), jnp.float32(1), 0))[0]


def _fixed_point_forward(layer, params, x):
    z = fixed_point(layer, params, x)
    return z, (params, x, z)


def _fixed_point_backward(layer, residuals, upstream):
    params, x, z = residuals
    _, vjp_z = jax.vjp(lambda z: layer(params, x, z), z)
    _, vjp_inputs = jax.vjp(lambda params, x: layer(params, x, z), params, x)
    adjoint = lax.fori_loop(0, 40, lambda _, u: upstream + vjp_z(u)[0], upstream)
    return vjp_inputs(adjoint)


fixed_point.defvjp(_fixed_point_forward, _fixed_point_backward)


@case
def deep_equilibrium_params(dt):
    x, y = normal(6, 4, dt=dt, seed=1), normal(6, 4, dt=dt, seed=2)

    def layer(params, x, z):
        return jnp.tanh(z @ params["w"] + x + params["b"])

    def loss(p):
        return jnp.mean((fixed_point(layer, p, x) - y) ** 2)

    return loss, {"w": normal(4, 4, dt=dt, seed=3, scale=0.2), "b": normal(4, dt=dt, seed=4)}


@case
def cond_on_the_sum(dt):
    w = normal(6, 6, dt=dt, seed=1)

    def loss(x):
        h = lax.cond(x.sum() > 0, lambda x: jnp.tanh(w @ x), lambda x: jax.nn.softplus(w @ x), x)
        return jnp.sum(h**2)

    return loss, normal(6, dt=dt, seed=2)


@case
def switch_in_scan(dt):
    kinds, xs = labels(8, 3), normal(8, 4, dt=dt, seed=1)
    layers = [jnp.tanh, jax.nn.softplus, lambda x: x * jax.nn.sigmoid(x)]

    def loss(w):
        def step(h, now):
            kind, x = now
            return lax.switch(kind, layers, h @ w + x), None

        h, _ = lax.scan(step, jnp.zeros(4, w.dtype), (kinds, xs))
        return jnp.sum(h**2)

    return loss, normal(4, 4, dt=dt, seed=2, scale=0.4)


# ---- Rematerialisation and rules by hand


@case
def remat_mlp_input(dt):
    params = dense(4, 8, 4, dt=dt)
    block = jax.checkpoint(lambda x: mlp(params, x, jax.nn.gelu))
    return lambda x: jnp.sum(block(block(x)) ** 2), normal(3, 4, dt=dt, seed=3)


@case
def remat_scan_over_layers(dt):
    x, y = normal(10, 4, dt=dt, seed=1), normal(10, 4, dt=dt, seed=2)

    @jax.jit
    def loss(p):
        @partial(jax.checkpoint, policy=jax.checkpoint_policies.dots_saveable)
        def layer(h, w):
            return h + jnp.tanh(layer_norm(h) @ w), None

        h, _ = lax.scan(layer, x, p)
        return jnp.mean((h - y) ** 2)

    return loss, normal(4, 4, 4, dt=dt, seed=3, scale=0.5)


@jax.custom_vjp
def swish(x):
    return x * jax.nn.sigmoid(x)


def _swish_backward(x, upstream):
    s = jax.nn.sigmoid(x)
    return (upstream * (s + x * s * (1 - s)),)


swish.defvjp(lambda x: (swish(x), x), _swish_backward)


@case
def custom_vjp_swish_mlp(dt):
    params = dense(4, 8, 1, dt=dt)
    return lambda x: jnp.mean(mlp(params, x, swish) ** 2), normal(5, 4, dt=dt, seed=3)


@jax.custom_jvp
def log1pexp(x):
    return jnp.logaddexp(x, 0.0)


@log1pexp.defjvp
def _log1pexp_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    return log1pexp(x), jax.nn.sigmoid(x) * t


@case
def custom_jvp_softplus_rates(dt):
    counts = jnp.asarray(np.random.default_rng(2).poisson(3, size=12), dt)

    def loss(z):
        rate = log1pexp(z) + 1e-3
        return jnp.sum(rate - counts * jnp.log(rate))

    return loss, normal(12, dt=dt, seed=1, scale=2.0)


@jax.custom_vjp
def fused_cross_entropy(logits, classes):
    return cross_entropy(logits, classes)


def _fused_forward(logits, classes):
    return cross_entropy(logits, classes), (jax.nn.softmax(logits), classes)


def _fused_backward(residuals, upstream):
    shares, classes = residuals
    one_hot = jax.nn.one_hot(classes, shares.shape[-1], dtype=shares.dtype)
    return upstream * (shares - one_hot) / shares.shape[0], None


fused_cross_entropy.defvjp(_fused_forward, _fused_backward)


@case
def custom_vjp_fused_ce(dt):
    w, y = normal(5, 4, dt=dt, seed=1), labels(8, 4)
    return lambda x: fused_cross_entropy(jnp.tanh(x) @ w, y), normal(8, 5, dt=dt, seed=2)


# ---- Attention and norms


@case
def dot_product_attention_query(dt):
    k, v = normal(1, 6, 2, 4, dt=dt, seed=1), normal(1, 6, 2, 4, dt=dt, seed=2)

    def loss(q):
        return jnp.sum(jax.nn.dot_product_attention(q, k, v) ** 2)

    return loss, normal(1, 6, 2, 4, dt=dt, seed=3)


@case
def dot_product_attention_causal_tree(dt):
    target = normal(1, 5, 2, 4, dt=dt, seed=4)

    @jax.jit
    def loss(p):
        out = jax.nn.dot_product_attention(p["q"], p["k"], p["v"], is_causal=True)
        return jnp.mean((out - target) ** 2)

    return loss, {name: normal(1, 5, 2, 4, dt=dt, seed=i) for i, name in enumerate("qkv")}


def attend(p, x, heads):
    """Multi-head self-attention, by einsum."""
    length, width = x.shape
    q, k, v = ((x @ p[name]).reshape(length, heads, width // heads) for name in ("wq", "wk", "wv"))
    scores = jnp.einsum("qhd,khd->hqk", q, k) / math.sqrt(width // heads)
    mask = jnp.tril(jnp.ones((length, length), bool))
    shares = jax.nn.softmax(jnp.where(mask, scores, -1e9), axis=-1)
    return jnp.einsum("hqk,khd->qhd", shares, v).reshape(length, width) @ p["wo"]


def attention_weights(width, dt, seed=0):
    return {
        name: normal(width, width, dt=dt, seed=seed + i, scale=width**-0.5)
        for i, name in enumerate(("wq", "wk", "wv", "wo"))
    }


@case
def multi_head_attention_input(dt):
    weights = attention_weights(8, dt)
    return lambda x: jnp.sum(attend(weights, x, 2) ** 2), normal(5, 8, dt=dt, seed=9)


@case
def multi_head_attention_params(dt):
    x, y = normal(6, 6, dt=dt, seed=8), labels(6, 6)
    return lambda p: cross_entropy(attend(p, x, 3), y), attention_weights(6, dt)


@case
def transformer_block_input(dt):
    weights, params, y = attention_weights(8, dt), dense(8, 16, 8, dt=dt, seed=20), labels(5, 8)

    @jax.jit
    def loss(x):
        x = x + attend(weights, layer_norm(x), 2)
        x = x + mlp(params, layer_norm(x), jax.nn.gelu)
        return cross_entropy(layer_norm(x), y)

    return loss, normal(5, 8, dt=dt, seed=9)


@case
def rotary_attention_scores(dt):
    angles = jnp.asarray(np.arange(6)[:, None] * 10.0 ** -np.arange(2)[None], dt)
    keys = normal(6, 4, dt=dt, seed=1)

    def rotate(x):
        a, b = jnp.split(x, 2, axis=-1)
        cos, sin = jnp.cos(angles), jnp.sin(angles)
        return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)

    def loss(q):
        return jnp.sum(jax.nn.logsumexp(rotate(q) @ rotate(keys).T / 2, axis=-1))

    return loss, normal(6, 4, dt=dt, seed=2)


@case
def layer_norm_input(dt):
    w, y = normal(6, 3, dt=dt, seed=1), normal(4, 3, dt=dt, seed=2)
    scale, bias = 1 + normal(6, dt=dt, seed=3, scale=0.1), normal(6, dt=dt, seed=4, scale=0.1)
    return lambda x: jnp.mean((layer_norm(x, scale, bias) @ w - y) ** 2), normal(
        4, 6, dt=dt, seed=5
    )


@case
def batch_norm_train_params(dt):
    x, y = normal(64, 3, dt=dt, seed=1), labels(64, 2)

    def loss(p):
        h = x @ p["first"]
        h = (h - h.mean(0)) * lax.rsqrt(h.var(0) + 1e-5) * p["scale"] + p["bias"]
        return cross_entropy(jax.nn.relu(h) @ p["last"], y)

    return loss, {
        "first": normal(3, 5, dt=dt, seed=4),
        "scale": 1 + normal(5, dt=dt, seed=5, scale=0.1),
        "bias": normal(5, dt=dt, seed=6, scale=0.1),
        "last": normal(5, 2, dt=dt, seed=7),
    }


@case
def rms_norm_swiglu(dt):
    w1, w2, w3 = (
        normal(6, 8, dt=dt, seed=1),
        normal(6, 8, dt=dt, seed=2),
        normal(8, 6, dt=dt, seed=3),
    )
    scale = 1 + normal(6, dt=dt, seed=4, scale=0.2)

    def loss(x):
        h = rms_norm(x, scale)
        return jnp.mean(((jax.nn.silu(h @ w1) * (h @ w2)) @ w3 * 0.2 + x) ** 2)

    return loss, normal(4, 6, dt=dt, seed=5)


@case
def group_norm_conv1d_silu(dt):
    first, last = (
        normal(4, 2, 3, dt=dt, seed=1, scale=0.4),
        normal(1, 4, 3, dt=dt, seed=2, scale=0.4),
    )

    def loss(x):
        h = lax.conv_general_dilated(
            x, first, (1,), "VALID", dimension_numbers=("NCH", "OIH", "NCH")
        )
        groups = h.reshape(h.shape[0], 2, -1)
        groups = (groups - groups.mean(-1, keepdims=True)) * lax.rsqrt(
            groups.var(-1, keepdims=True) + 1e-5
        )
        h = jax.nn.silu(groups.reshape(h.shape))
        h = lax.conv_general_dilated(h, last, (1,), "SAME", dimension_numbers=("NCH", "OIH", "NCH"))
        return jnp.mean(h**2)

    return loss, normal(2, 2, 8, dt=dt, seed=3)


# ---- Convolution, pooling, look-ups


def conv2d(x, kernel, strides=(1, 1), padding="VALID", **options):
    return lax.conv_general_dilated(
        x, kernel, strides, padding, dimension_numbers=("NHWC", "HWIO", "NHWC"), **options
    )


@case
def convnet_max_pool_input_ce(dt):
    kernel, w, y = normal(3, 3, 1, 4, dt=dt, seed=1), normal(16, 3, dt=dt, seed=2), labels(2, 3)

    def loss(x):
        h = jax.nn.relu(conv2d(x, kernel))
        h = lax.reduce_window(h, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return cross_entropy(h.reshape(2, -1) @ w * 0.3, y)

    return loss, normal(2, 6, 6, 1, dt=dt, seed=4)


@case
def convnet_avg_pool_params_ce(dt):
    x, y = normal(16, 6, 6, 1, dt=dt, seed=1), labels(16, 2)

    @jax.jit
    def loss(p):
        h = jax.nn.relu(conv2d(x, p["kernel"], padding="SAME") + p["bias"])
        h = lax.reduce_window(h, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4
        return cross_entropy(h.reshape(16, -1) @ p["dense"], y)

    return loss, {
        "kernel": normal(3, 3, 1, 3, dt=dt, seed=4, scale=0.4),
        "bias": normal(3, dt=dt, seed=5, scale=0.1),
        "dense": normal(27, 2, dt=dt, seed=6, scale=0.2),
    }


@case
def depthwise_dilated_conv(dt):
    x = normal(2, 8, 8, 3, dt=dt, seed=1)

    def loss(kernel):
        h = conv2d(x, kernel, rhs_dilation=(2, 2), feature_group_count=3)
        return jnp.mean(jax.nn.gelu(h) ** 2)

    return loss, normal(3, 3, 1, 6, dt=dt, seed=2, scale=0.4)


@case
def transposed_conv_reconstruction(dt):
    target, kernel = normal(1, 8, 8, 1, dt=dt, seed=1), normal(2, 2, 2, 1, dt=dt, seed=2)

    def loss(code):
        image = lax.conv_transpose(
            code, kernel, (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jnp.mean((jax.nn.sigmoid(image) - target) ** 2)

    return loss, normal(1, 4, 4, 2, dt=dt, seed=3)


@case
def embedding_table(dt):
    tokens, w = jnp.asarray([[0, 3, 1], [2, 2, 4]]), normal(4, 2, dt=dt, seed=2)

    def loss(table):
        return jnp.sum(jax.nn.logsumexp(jnp.take(table, tokens, axis=0).mean(1) @ w, axis=-1))

    return loss, normal(5, 4, dt=dt, seed=1)


@case
def skip_gram_negative_sampling(dt):
    centre, context, noise = (
        labels(10, 6),
        labels(10, 6, seed=4),
        labels(30, 6, seed=5).reshape(10, 3),
    )

    def loss(p):
        inside = p["in"][centre]
        positive = jnp.sum(inside * p["out"][context], -1)
        negative = jnp.einsum("nd,nkd->nk", inside, p["out"][noise])
        return -jnp.mean(jax.nn.log_sigmoid(positive) + jax.nn.log_sigmoid(-negative).sum(-1))

    return loss, {"in": normal(6, 4, dt=dt, seed=1), "out": normal(6, 4, dt=dt, seed=2)}


@case
def graph_convolution_segment_sum(dt):
    senders, receivers = labels(20, 7, seed=1), labels(20, 7, seed=2)
    w, y = normal(3, 4, dt=dt, seed=3), labels(7, 4)

    def loss(nodes):
        messages = jnp.tanh(nodes[senders] - nodes[receivers])
        gathered = jax.ops.segment_sum(messages, receivers, num_segments=7)
        return cross_entropy((nodes + gathered) @ w, y)

    return loss, normal(7, 3, dt=dt, seed=4)


@case
def sorted_tail_risk(dt):
    returns = normal(40, 5, dt=dt, seed=1)

    def loss(w):
        losses = -returns @ jax.nn.softmax(w)
        return jnp.mean(jnp.sort(losses)[-8:])  # the expected shortfall

    return loss, normal(5, dt=dt, seed=2)


# ---- Classification


@case
def ce_moderate(dt):
    y = labels(6, 4)
    return lambda z: cross_entropy(z, y), normal(6, 4, dt=dt, seed=1)


def confident_logits(margin, dt):
    y = labels(6, 4)
    logits = np.random.default_rng(1).normal(size=(6, 4))
    logits[np.arange(6), np.asarray(y)] += margin
    return jnp.asarray(logits, dt), y


@case
def ce_confident_margin_10(dt):
    x0, y = confident_logits(10.0, dt)
    return lambda z: cross_entropy(z, y), x0


@case
def ce_confident_margin_15_one_hot(dt):
    x0, y = confident_logits(15.0, dt)

    def loss(z):
        return -jnp.mean(jnp.sum(jax.nn.one_hot(y, 4) * jax.nn.log_softmax(z), axis=-1))

    return loss, x0


@case
def ce_confident_margin_20_decay(dt):
    x0, y = confident_logits(20.0, dt)
    return jax.jit(lambda z: cross_entropy(z, y) + 1e-4 * jnp.sum(z**2)), x0


@case
def ce_label_smoothing(dt):
    y = labels(6, 4)

    def loss(z):
        smooth = 0.9 * jax.nn.one_hot(y, 4, dtype=z.dtype) + 0.1 / 4
        return -jnp.mean(jnp.sum(smooth * jax.nn.log_softmax(z), axis=-1))

    return loss, normal(6, 4, dt=dt, seed=1, scale=2.0)


@case
def bce_logits_large(dt):
    targets = jnp.asarray(np.arange(12) % 2, dt)
    logits = [9.5, -9.2, 10.3, 11.1, -12.2, 8.7, 14.9, -9.9, 10.0, 13.3, 9.1, -1.2]
    return lambda z: jnp.mean(bce(z, targets)), jnp.asarray(logits, dt)


@case
def bce_probabilities_clipped(dt):
    targets = binary(10, dt)

    def loss(z):
        p = jnp.clip(jax.nn.sigmoid(z), 1e-3, 1 - 1e-3)
        return -jnp.mean(targets * jnp.log(p) + (1 - targets) * jnp.log(1 - p))

    return loss, normal(10, dt=dt, seed=1, scale=1.5)


@case
def logistic_regression_large_batch(dt):
    x, y = normal(4000, 6, dt=dt, seed=1), binary(4000, dt)
    return jax.jit(lambda w: jnp.mean(bce(x @ w, y)) + 0.01 * w @ w), normal(6, dt=dt, seed=2)


@case
def focal(dt):
    targets = jnp.asarray(np.arange(14) % 3 == 0, dt)

    def loss(z):
        p = jax.nn.sigmoid(z)
        right = p * targets + (1 - p) * (1 - targets)
        return jnp.mean(0.25 * bce(z, targets) * (1 - right) ** 2)

    return loss, normal(14, dt=dt, seed=1, scale=3.0)


@case
def dice(dt):
    targets = jnp.asarray(np.arange(16) % 3 == 0, dt)

    def loss(z):
        p = jax.nn.sigmoid(z)
        return 1 - (2 * jnp.sum(p * targets) + 1e-5) / (jnp.sum(p) + jnp.sum(targets) + 1e-5)

    return loss, normal(16, dt=dt, seed=1, scale=2.0)


@case
def hinge_svm(dt):
    x, y = normal(30, 5, dt=dt, seed=1), 2 * binary(30, dt) - 1
    return lambda w: jnp.mean(jax.nn.relu(1 - y * (x @ w))) + 0.05 * w @ w, normal(5, dt=dt, seed=2)


@case
def logsumexp_rows(dt):
    return lambda x: jnp.sum(jax.nn.logsumexp(x, axis=1)), normal(4, 5, dt=dt, seed=1, scale=5.0)


# ---- Regression


@case
def huber_regression(dt):
    x, y = normal(100, 5, dt=dt, seed=1), normal(100, dt=dt, seed=2, scale=3.0)

    def loss(w):
        error = jnp.abs(x @ w - y)
        return jnp.mean(jnp.where(error < 1, 0.5 * error**2, error - 0.5))

    return loss, normal(5, dt=dt, seed=3)


@case
def quantile_pinball(dt):
    x, y = normal(50, 4, dt=dt, seed=1), normal(50, dt=dt, seed=2)
    levels = jnp.asarray([0.1, 0.5, 0.9], dt)

    def loss(w):
        error = y[:, None] - x @ w
        return jnp.mean(jnp.maximum(levels * error, (levels - 1) * error))

    return loss, normal(4, 3, dt=dt, seed=3)


@case
def ridge_large_targets(dt):
    x = normal(200, 6, dt=dt, seed=1)
    y = jnp.asarray(100 + np.random.default_rng(2).normal(size=200), dt)
    return lambda w: jnp.mean((x @ w - y) ** 2) + 0.1 * jnp.sum(w**2), normal(6, dt=dt, seed=3)


@case
def log_cosh_regression(dt):
    x, y = normal(40, 5, dt=dt, seed=1), normal(40, dt=dt, seed=2, scale=4.0)

    def loss(w):
        error = x @ w - y
        return jnp.mean(jnp.logaddexp(error, -error) - math.log(2.0))

    return loss, normal(5, dt=dt, seed=3)


@case
def gaussian_nll_tree(dt):
    y = normal(10, dt=dt, seed=2)

    def loss(p):
        variance = jax.nn.softplus(p["s"]) + 1e-4
        return jnp.mean(0.5 * (jnp.log(variance) + (y - p["mu"]) ** 2 / variance))

    return loss, {"mu": normal(10, dt=dt, seed=1), "s": normal(10, dt=dt, seed=3)}


@case
def poisson_nll(dt):
    counts = jnp.asarray(np.arange(10), dt)

    def loss(z):
        return jnp.mean(jnp.exp(z) - counts * z + jax.scipy.special.gammaln(counts + 1))

    return loss, normal(10, dt=dt, seed=1)


@case
def negative_binomial_nll(dt):
    counts = jnp.asarray(np.random.default_rng(1).poisson(4, size=12), dt)
    gammaln = jax.scipy.special.gammaln

    def loss(p):
        mean, r = jnp.exp(p["log_mean"]), jnp.exp(p["log_r"])
        log_p = gammaln(counts + r) - gammaln(r) - gammaln(counts + 1)
        log_p += r * jnp.log(r / (r + mean)) + counts * jnp.log(mean / (r + mean))
        return -jnp.mean(log_p)

    return loss, {
        "log_mean": normal(12, dt=dt, seed=2, scale=0.5) + 1,
        "log_r": jnp.asarray(0.4, dt),
    }


@case
def student_t_nll(dt):
    y = normal(30, dt=dt, seed=1, scale=2.0)

    def loss(p):
        loc, scale = p[:3].sum(), jnp.exp(p[3])
        return -jnp.mean(jax.scipy.stats.t.logpdf(y, 4.0, loc=loc, scale=scale))

    return loss, normal(4, dt=dt, seed=2, scale=0.4)


@case
def beta_nll(dt):
    y = jnp.asarray(np.random.default_rng(1).beta(2, 3, size=20), dt)

    def loss(p):
        a, b = jax.nn.softplus(p["a"]), jax.nn.softplus(p["b"])
        return -jnp.mean(jax.scipy.stats.beta.logpdf(y, a, b))

    return loss, {"a": normal(20, dt=dt, seed=2) + 2, "b": normal(20, dt=dt, seed=3) + 2}


@case
def tobit_censored_log_ndtr(dt):
    if is_bfloat16(dt):
        return None
    x = normal(40, 4, dt=dt, seed=1)
    y = jnp.asarray(np.random.default_rng(2).normal(size=40), dt)

    def loss(p):
        mean, scale = x @ p["w"], jnp.exp(p["log_scale"])
        z = (y - mean) / scale
        seen = 0.5 * z**2 + jnp.log(scale)
        return jnp.mean(jnp.where(y > 0, seen, -jax.scipy.special.log_ndtr(-mean / scale)))

    return loss, {"w": normal(4, dt=dt, seed=3), "log_scale": jnp.asarray([0.2], dt)}


@case
def softplus_deep_tails(dt):
    return lambda x: jnp.sum(jax.nn.softplus(x)), normal(12, dt=dt, seed=1, scale=8.0)


@case
def log_sigmoid_products(dt):
    x = normal(60, 4, dt=dt, seed=1, scale=3.0)
    return lambda w: -jnp.sum(jax.nn.log_sigmoid(x @ w)), normal(4, dt=dt, seed=2)


@case
def cox_partial_likelihood(dt):
    x, seen = normal(25, 4, dt=dt, seed=1), binary(25, dt)

    def loss(w):
        risk = x @ w
        at_risk = lax.cumlogsumexp(risk, reverse=True)
        return -jnp.sum(seen * (risk - at_risk)) / jnp.sum(seen)

    return loss, normal(4, dt=dt, seed=2)


# ---- Contrast, divergences, mixtures


@case
def infonce(dt):
    def unit(x):
        return x / jnp.linalg.norm(x, axis=-1, keepdims=True)

    other = unit(normal(6, 4, dt=dt, seed=2))
    return (
        lambda a: cross_entropy(unit(a) @ other.T / 0.07, jnp.arange(6)),
        normal(6, 4, dt=dt, seed=1),
    )


@case
def triplet_margin(dt):
    positive, negative = normal(5, 4, dt=dt, seed=2), normal(5, 4, dt=dt, seed=3)

    def loss(a):
        near = jnp.sqrt(jnp.sum((a - positive) ** 2, -1) + 1e-6)
        far = jnp.sqrt(jnp.sum((a - negative) ** 2, -1) + 1e-6)
        return jnp.mean(jax.nn.relu(near - far + 2.0))

    return loss, normal(5, 4, dt=dt, seed=1)


@case
def cosine_similarity(dt):
    b = normal(5, 4, dt=dt, seed=2)

    def loss(a):
        norms = jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1)
        return jnp.mean(1 - jnp.sum(a * b, -1) / jnp.maximum(norms, 1e-6))

    return loss, normal(5, 4, dt=dt, seed=1)


@case
def kl_categorical(dt):
    q = jax.nn.softmax(normal(5, 4, dt=dt, seed=2))

    def loss(z):
        return jnp.mean(jnp.sum(q * (jnp.log(q) - jax.nn.log_softmax(z)), axis=-1))

    return loss, normal(5, 4, dt=dt, seed=1)


@case
def kl_gauss_near_prior(dt):
    def loss(p):
        return jnp.sum(-0.5 * (1 + p["lv"] - p["mu"] ** 2 - jnp.exp(p["lv"])))

    return loss, {
        "mu": normal(8, dt=dt, seed=1, scale=0.01),
        "lv": normal(8, dt=dt, seed=2, scale=0.003),
    }


@case
def policy_gradient_ppo_clip(dt):
    actions, advantages = labels(8, 3), normal(8, dt=dt, seed=2)
    old = jax.nn.log_softmax(normal(8, 3, dt=dt, seed=4))[jnp.arange(8), actions]

    def loss(z):
        now = jax.nn.log_softmax(z)
        ratio = jnp.exp(now[jnp.arange(8), actions] - old)
        clipped = jnp.clip(ratio, 0.8, 1.2)
        entropy = -jnp.sum(jnp.exp(now) * now, -1)
        return jnp.mean(-jnp.minimum(ratio * advantages, clipped * advantages) - 0.01 * entropy)

    return loss, normal(8, 3, dt=dt, seed=5)


@case
def gaussian_mixture_nll(dt):
    x = normal(50, 2, dt=dt, seed=1)

    def loss(p):
        weights = jax.nn.log_softmax(p["logits"])
        squared = jnp.sum((x[:, None] - p["means"]) ** 2, -1)
        return -jnp.mean(jax.nn.logsumexp(weights - 0.5 * squared, axis=1))

    return loss, {"logits": normal(3, dt=dt, seed=2), "means": normal(3, 2, dt=dt, seed=3)}


@case
def mixture_density_network(dt):
    x, y = normal(20, 2, dt=dt, seed=1), normal(20, dt=dt, seed=2)

    @jax.jit
    def loss(p):
        logits, means, log_scales = jnp.split(mlp(p, x, jnp.tanh), 3, axis=-1)
        z = (y[:, None] - means) * jnp.exp(-log_scales)
        parts = jax.nn.log_softmax(logits) - log_scales - 0.5 * z**2
        return -jnp.mean(jax.nn.logsumexp(parts, axis=-1))

    return loss, dense(2, 6, 9, dt=dt)


@case
def vae_elbo_key(dt):
    encoder, decoder = dense(6, 6, dt=dt), dense(3, 8, 6, dt=dt, seed=10)
    target = jax.nn.sigmoid(normal(3, 6, dt=dt, seed=8))

    def loss(x):
        mu, lv = jnp.split(mlp(encoder, x, jax.nn.relu), 2, axis=-1)
        noise = jax.random.normal(jax.random.PRNGKey(0), mu.shape, mu.dtype)
        logits = mlp(decoder, mu + noise * jnp.exp(0.5 * lv), jax.nn.relu)
        return jnp.sum(bce(logits, target)) - 0.5 * jnp.sum(1 + lv - mu**2 - jnp.exp(lv))

    return loss, normal(3, 6, dt=dt, seed=1)


@case
def real_nvp_flow(dt):
    x = normal(30, 2, dt=dt, seed=1)

    def loss(p):
        z, log_det = x, jnp.zeros(30, x.dtype)
        for i, layer in enumerate(p):
            keep, change = z[:, i % 2 : i % 2 + 1], z[:, 1 - i % 2 : 2 - i % 2]
            s, t = jnp.split(mlp(layer, keep, jnp.tanh), 2, axis=-1)
            change = change * jnp.exp(jnp.tanh(s)) + t
            log_det = log_det + jnp.tanh(s)[:, 0]
            z = jnp.concatenate([keep, change] if i % 2 == 0 else [change, keep], axis=-1)
        return jnp.mean(0.5 * jnp.sum(z**2, -1) - log_det)

    return loss, [dense(1, 4, 2, dt=dt, seed=10 * i) for i in range(3)]


@case
def planar_flow(dt):
    x = normal(20, 3, dt=dt, seed=1)

    def loss(p):
        h = jnp.tanh(x @ p["w"] + p["b"])
        z = x + h[:, None] * p["u"]
        slope = 1 + (1 - h**2) * (p["u"] @ p["w"])
        return jnp.mean(0.5 * jnp.sum(z**2, -1) - jnp.log(jnp.abs(slope)))

    return loss, {
        "w": normal(3, dt=dt, seed=2),
        "u": normal(3, dt=dt, seed=3),
        "b": jnp.asarray(0.3, dt),
    }


# ---- Draws with a key


@case
def dropout_key(dt):
    params = dense(4, 16, 1, dt=dt)

    def loss(x):
        h = jnp.tanh(x @ params[0]["w"])
        keep = jax.random.bernoulli(jax.random.PRNGKey(7), 0.7, h.shape)
        h = jnp.where(keep, h / 0.7, 0)
        return jnp.sum((h @ params[1]["w"]) ** 2)

    return loss, normal(5, 4, dt=dt, seed=1)


@case
def random_fourier_features(dt):
    y = normal(8, dt=dt, seed=2)

    @jax.jit
    def loss(x):
        key_w, key_b = jax.random.split(jax.random.key(3))
        w = jax.random.normal(key_w, (3, 32), x.dtype)
        b = jax.random.uniform(key_b, (32,), x.dtype, 0, 2 * math.pi)
        features = jnp.cos(x @ w + b) * math.sqrt(2 / 32)
        return jnp.mean((features.sum(-1) - y) ** 2)

    return loss, normal(8, 3, dt=dt, seed=1)


@case
def reparameterised_samples(dt):
    def loss(p):
        noise = jax.random.normal(jax.random.PRNGKey(1), (16, 6), p["mu"].dtype)
        z = p["mu"] + noise * jax.nn.softplus(p["s"])
        return jnp.mean(jnp.sum(jnp.sin(z) + 0.1 * z**2, -1))

    return loss, {"mu": normal(6, dt=dt, seed=1), "s": normal(6, dt=dt, seed=2)}


@case
def gumbel_softmax(dt):
    values = normal(5, dt=dt, seed=2)

    def loss(z):
        noise = jax.random.gumbel(jax.random.PRNGKey(5), z.shape, z.dtype)
        return jnp.sum((jax.nn.softmax((z + noise) / 0.5) @ values) ** 2)

    return loss, normal(4, 5, dt=dt, seed=1)


# ---- Linear algebra, kernels, tensors


@case
def gp_marginal_likelihood(dt):
    if is_bfloat16(dt):
        return None
    x = jnp.linspace(0, 3, 20, dtype=dt)
    y = jnp.sin(2 * x) + normal(20, dt=dt, seed=2, scale=0.1)

    @jax.jit
    def loss(p):
        squared = (x[:, None] - x[None]) ** 2
        k = jnp.exp(2 * p["amplitude"]) * jnp.exp(-0.5 * squared / jnp.exp(2 * p["length"]))
        k = k + jnp.diag(jnp.exp(2 * p["noise"]))
        chol = jnp.linalg.cholesky(k)
        alpha = jax.scipy.linalg.cho_solve((chol, True), y)
        return 0.5 * y @ alpha + jnp.sum(jnp.log(jnp.diag(chol))) + 10 * math.log(2 * math.pi)

    return loss, {
        "amplitude": jnp.asarray(0.1, dt),
        "length": jnp.asarray(-0.3, dt),
        "noise": normal(20, dt=dt, seed=3, scale=0.2) - 2,
    }


@case
def gaussian_covariance_slogdet(dt):
    if is_bfloat16(dt):
        return None
    x = normal(30, 4, dt=dt, seed=1)

    def loss(a):
        covariance = a @ a.T + 0.1 * jnp.eye(4, dtype=a.dtype)
        _, log_det = jnp.linalg.slogdet(covariance)
        return 15 * log_det + 0.5 * jnp.sum(x * jnp.linalg.solve(covariance, x.T).T)

    return loss, normal(4, 4, dt=dt, seed=2)


@case
def nuclear_norm_svd(dt):
    if is_bfloat16(dt):
        return None

    def loss(a):
        return jnp.sum(jnp.linalg.svd(a, compute_uv=False)) + 0.5 * jnp.sum(a**2)

    return loss, normal(5, 4, dt=dt, seed=2)


@case
def spectral_entropy_eigh(dt):
    if is_bfloat16(dt):
        return None

    def loss(a):
        values, vectors = jnp.linalg.eigh(a @ a.T + jnp.eye(5, dtype=a.dtype))
        shares = values / values.sum()
        return -jnp.sum(shares * jnp.log(shares)) + jnp.sum(vectors[:, -1] ** 4)

    return loss, normal(5, 5, dt=dt, seed=2)


@case
def kernel_ridge_solve(dt):
    if is_bfloat16(dt):
        return None
    x, y = normal(15, 4, dt=dt, seed=1), normal(15, dt=dt, seed=2)

    def loss(log_scales):
        z = x * jnp.exp(log_scales)
        k = jnp.exp(-0.5 * jnp.sum((z[:, None] - z[None]) ** 2, -1))
        alpha = jnp.linalg.solve(k[:10, :10] + 0.1 * jnp.eye(10, dtype=k.dtype), y[:10])
        return jnp.mean((k[10:, :10] @ alpha - y[10:]) ** 2)

    return loss, normal(4, dt=dt, seed=3, scale=0.3)


@case
def matrix_exponential_markov(dt):
    if is_bfloat16(dt):
        return None

    def loss(z):
        rates = jnp.exp(z) * (1 - jnp.eye(4, dtype=z.dtype))
        generator = rates - jnp.diag(rates.sum(-1))
        shares = jax.scipy.linalg.expm(0.3 * generator)
        return -jnp.sum(jnp.log(jnp.diag(shares, k=1)))

    return loss, normal(4, 4, dt=dt, seed=1, scale=0.5)


@case
def mmd_rbf(dt):
    y = normal(12, 3, dt=dt, seed=2)

    def kernel(a, b):
        return jnp.exp(-0.5 * jnp.sum((a[:, None] - b[None]) ** 2, -1)).mean()

    return lambda x: kernel(x, x) - 2 * kernel(x, y), normal(8, 3, dt=dt, seed=1)


@case
def einsum_tensor_train(dt):
    target = normal(3, 4, 3, dt=dt, seed=4)

    def loss(cores):
        full = jnp.einsum("ia,ajb,bk->ijk", *cores)
        return jnp.sum((full - target) ** 2)

    return loss, (
        normal(3, 2, dt=dt, seed=1),
        normal(2, 4, 2, dt=dt, seed=2),
        normal(2, 3, dt=dt, seed=3),
    )


@case
def matrix_factorisation_masked(dt):
    ratings, seen = normal(6, 5, dt=dt, seed=1, scale=2.0), binary(30, dt).reshape(6, 5)

    def loss(p):
        error = (p["users"] @ p["items"].T + p["bias"] - ratings) * seen
        return jnp.sum(error**2) / jnp.sum(seen) + weight_decay(p, 1e-2)

    return loss, {
        "users": normal(6, 3, dt=dt, seed=2),
        "items": normal(5, 3, dt=dt, seed=4),
        "bias": normal(5, dt=dt, seed=5),
    }


# ---- Complex numbers inside


@case
def fft_spectral_loss(dt):
    if is_bfloat16(dt):
        return None
    target = jnp.abs(jnp.fft.rfft(normal(16, dt=dt, seed=2)))
    return lambda x: jnp.mean((jnp.abs(jnp.fft.rfft(x)) - target) ** 2), normal(16, dt=dt, seed=1)


@case
def fft_log_power_upcast(dt):
    def loss(x):
        wide = x if x.dtype == jnp.float64 else x.astype(jnp.float32)
        power = jnp.abs(jnp.fft.rfft(wide * jnp.hanning(16))) ** 2
        return jnp.mean(jnp.log(power + 1e-3))

    return loss, normal(16, dt=dt, seed=1)


@case
def complex_interferometer(dt):
    w = normal(6, 3, dt=dt, seed=2)

    def loss(phases):
        amplitude = jnp.exp(1j * phases) @ w
        return jnp.sum(jnp.abs(amplitude) ** 4) / 10

    return loss, normal(6, dt=dt, seed=1)


# ---- Differential equations


@case
def pinn_inner_grad(dt):
    times = jnp.linspace(0, 1, 7).astype(dt)

    def loss(p):
        def u(t):
            return mlp(p, t[None], jnp.tanh)[0]

        values, slopes = jax.vmap(jax.value_and_grad(u))(times)
        start = u(jnp.zeros((), times.dtype)) - 1
        return jnp.mean((slopes + values) ** 2) + start**2

    return loss, dense(1, 6, 1, dt=dt)


@case
def pde_residual_stencil(dt):
    source = normal(6, 6, dt=dt, seed=2)

    def loss(u):
        padded = jnp.pad(u, 1)
        laplacian = (
            padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * u
        )
        return jnp.mean((laplacian - u**3 - source) ** 2)

    return loss, normal(6, 6, dt=dt, seed=1)


@case
def burgers_rollout(dt):
    target = jnp.asarray(np.sin(2 * np.pi * np.arange(12) / 12), dt)

    def loss(u):
        def step(u, _):
            left, right = jnp.roll(u, 1), jnp.roll(u, -1)
            return u - 0.05 * u * (right - left) + 0.1 * (right - 2 * u + left), None

        u, _ = lax.scan(step, u, None, length=8)
        return jnp.mean((u - target) ** 2)

    return loss, normal(12, dt=dt, seed=1)


# ---- Trees and mixed precision


class Block(NamedTuple):
    scale: Any
    layers: tuple[Any, ...]


@case
def tree_of_everything(dt):
    x, y = normal(12, 3, dt=dt, seed=1), normal(12, dt=dt, seed=2)

    def loss(p):
        first, second = p["block"].layers
        h = jnp.tanh(x @ first * p["block"].scale) @ second["w"] + p["biases"][0]
        return jnp.mean((h + p["biases"][1][0] - y) ** 2)

    return loss, {
        "block": Block(
            jnp.asarray(0.8, dt), (normal(3, 4, dt=dt, seed=3), {"w": normal(4, dt=dt, seed=4)})
        ),
        "biases": [jnp.asarray(0.2, dt), (jnp.asarray(-0.5, dt),)],
    }


@case
def bfloat16_compute_mlp(dt):
    x, y = normal(32, 4, dt=dt, seed=1), normal(32, 1, dt=dt, seed=2)

    def loss(p):
        half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), p)
        out = mlp(half, x.astype(jnp.bfloat16), jnp.tanh)
        return jnp.mean((out.astype(y.dtype) - y) ** 2) + weight_decay(p, 1e-2)

    return loss, dense(4, 8, 1, dt=dt)


@case
def float32_softmax_and_norm(dt):
    w = normal(6, 6, dt=dt, seed=1, scale=0.4)

    def loss(x):
        scores = jax.nn.softmax((x @ w @ x.T).astype(jnp.float32), axis=-1).astype(x.dtype)
        h = (scores @ x).astype(jnp.float32)
        h = h * lax.rsqrt(jnp.mean(h**2, -1, keepdims=True) + 1e-6)
        return jnp.mean((h.astype(x.dtype) @ w).astype(jnp.float32) ** 2)

    return loss, normal(4, 6, dt=dt, seed=3)


@case
def preferred_element_type_logits(dt):
    w, y = normal(5, 4, dt=dt, seed=1), labels(6, 4)

    @jax.jit
    def loss(x):
        logits = jnp.matmul(x, w, preferred_element_type=jnp.promote_types(x.dtype, jnp.float32))
        return cross_entropy(logits, y)

    return loss, normal(6, 5, dt=dt, seed=2)


@case
def scaled_loss_static(dt):
    x, y = normal(24, 4, dt=dt, seed=1), labels(24, 3)
    return lambda p: 1024 * cross_entropy(mlp(p, x, jax.nn.relu), y), dense(4, 6, 3, dt=dt)


@case
def safe_sqrt_double_where(dt):
    y = normal(6, 2, dt=dt, seed=2)

    def loss(x):
        squared = jnp.sum((x[:, None] - x[None]) ** 2, -1)
        apart = squared > 0
        distance = jnp.where(apart, jnp.sqrt(jnp.where(apart, squared, 1)), 0)
        return jnp.sum(jnp.exp(-distance)) + jnp.sum((x - y) ** 2)

    return loss, normal(6, 2, dt=dt, seed=1)
