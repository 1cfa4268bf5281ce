"""Golden cases of `verify_autodiff`: libraries' own derivatives, and rules of a user."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from cases import Call, Case

X0 = [0.7, -1.3, 2.1, 0.4]
SHORT = [0.7, -1.3]
ALL_MODES = ("fwd", "rev", "vmap")


def _point(library: str, values: Any, dtype: str) -> Any:
    if library == "torch":
        import torch

        return torch.tensor(values, dtype=getattr(torch, dtype))
    import jax.numpy as jnp

    return jnp.asarray(values, dtype=dtype)


PLAIN = {
    "exp_sin": lambda xp, x: xp.exp(xp.sin(x)),
    "logsumexp": lambda xp, x: xp.log(xp.sum(xp.exp(x))),
    "outer": lambda xp, x: x[:2, None] * x[None, 2:],
    "relu": lambda xp, x: xp.where(x > 0, x, 0 * x),
    "tree": lambda xp, x: {"a": x**2, "b": xp.sum(x)},
    "fft": lambda xp, x: xp.fft.fft(x),
}


SLOW = ("fft",)  # which JAX compiles a second for


def _plain(library: str, name: str, dtype: str, **options: Any) -> Call:
    xp = import_module({"jax": "jax.numpy"}.get(library, library))
    inputs = (lambda x: PLAIN[name](xp, x), _point(library, X0, dtype))
    return Call("verify_autodiff", inputs, options)


def _jax_vjp(factor: float, detached: bool = False) -> Any:
    import jax

    @jax.custom_vjp
    def cube(x: Any) -> Any:
        return x**3

    def backward(x: Any, cotangent: Any) -> Any:
        saved = jax.lax.stop_gradient(x) if detached else x
        return (factor * saved**2 * cotangent,)

    cube.defvjp(lambda x: (x**3, x), backward)
    return cube


def _jax_jvp(factor: float, name: str = "") -> Any:
    import jax

    @jax.custom_jvp
    def cube(x: Any) -> Any:
        return x**3

    @cube.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (x,), (t,) = primals, tangents
        value = 1.5 * x**3 if name == "value" else x**3
        change = abs(t) if name == "absolute" else t
        return value, factor * x**2 * change

    return cube


def _torch_rule(name: str, backward_factor: float, forward_factor: float) -> Any:
    import torch

    class Cube(torch.autograd.Function):
        generate_vmap_rule = name == "vmap"

        @staticmethod
        def forward(x: Any) -> Any:
            return x**3

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            (x,) = ctx.saved_tensors
            x = x.detach() if name == "detached" else x
            if name == "raises":
                raise RuntimeError("backward of the user")
            return backward_factor * x**2 * cotangent

        if name != "no_forward":

            @staticmethod
            def jvp(ctx: Any, tangent: Any) -> Any:
                (x,) = ctx.saved_tensors
                return forward_factor * x**2 * tangent

    return Cube.apply


JAX_RULES = {
    "vjp-right": (lambda: _jax_vjp(3.0), {"modes": ["rev"]}),
    "vjp-wrong": (lambda: _jax_vjp(3.03), {"modes": ["rev"]}),
    "vjp-no_forward": (lambda: _jax_vjp(3.0), {}),
    "vjp-order2": (lambda: _jax_vjp(3.0), {"modes": ["rev"], "order": 2}),
    "vjp-detached-order2": (lambda: _jax_vjp(3.0, True), {"modes": ["rev"], "order": 2}),
    "jvp-right": (lambda: _jax_jvp(3.0), {}),
    "jvp-wrong": (lambda: _jax_jvp(-3.0), {}),
    "jvp-value": (lambda: _jax_jvp(3.0, "value"), {"modes": ["fwd"]}),
    "jvp-absolute": (lambda: _jax_jvp(3.0, "absolute"), {"modes": ["fwd"]}),
    "jvp-random": (lambda: _jax_jvp(3.03), {"modes": ["fwd"], "direction": 2}),
}
TORCH_RULES = {
    "right": (lambda: _torch_rule("", 3.0, 3.0), {}),
    "vmap": (lambda: _torch_rule("vmap", 3.0, 3.0), {"modes": ALL_MODES}),
    "vmap-wrong": (lambda: _torch_rule("vmap", 3.0, 6.0), {"modes": ALL_MODES}),
    "backward-wrong": (lambda: _torch_rule("", 3.03, 3.0), {}),
    "forward-wrong": (lambda: _torch_rule("", 3.0, -3.0), {}),
    "no_forward": (lambda: _torch_rule("no_forward", 3.0, 3.0), {}),
    "order2": (lambda: _torch_rule("", 3.0, 3.0), {"order": 2}),
    "detached": (lambda: _torch_rule("detached", 3.0, 3.0), {"modes": ["rev"]}),
    "detached-order2": (lambda: _torch_rule("detached", 3.0, 3.0), {"modes": ["rev"], "order": 2}),
    "raises": (lambda: _torch_rule("raises", 3.0, 3.0), {"modes": ["rev"]}),
    "random-wrong": (lambda: _torch_rule("", 2.9, 3.0), {"direction": 2}),
    "bounds": (lambda: _torch_rule("", 3.0, 3.0), {"bounds": (-1.3, 3.0)}),
    "unknown_mode": (lambda: _torch_rule("", 3.0, 3.0), {"modes": ["back"]}),
}


def _rule(library: str, name: str) -> Call:
    func, options = {"jax": JAX_RULES, "torch": TORCH_RULES}[library][name]
    return Call("verify_autodiff", (func(), _point(library, SHORT, "float64")), options)


def cases(library: str) -> Iterator[Case]:
    """Yield the cases of a library."""

    def of(name: str, **options: Any) -> Case:
        end = "".join(f"-{key}{value}" for key, value in options.items() if key == "order")
        modes = "-".join(["", *options.get("modes", ())])
        dtype = options.pop("dtype", "float64")
        make = lambda: _plain(library, name, dtype, **options)  # noqa: E731
        return Case(f"{library}-autodiff-{name}-{dtype}{end}{modes}", make)

    yield from (of(name) for name in PLAIN if library == "torch" or name not in SLOW)
    yield of("exp_sin", dtype="float32")
    yield of("exp_sin", modes=["vmap"])
    yield of("logsumexp", order=2)
    if library == "torch":
        yield of("exp_sin", order=2)
        yield of("outer", modes=ALL_MODES)
        yield of("logsumexp", dtype="float32")
    for name in {"jax": JAX_RULES, "torch": TORCH_RULES}[library]:
        yield Case(f"{library}-rule-{name}", lambda name=name: _rule(library, name))
