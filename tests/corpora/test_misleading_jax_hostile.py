"""JAX functions that nobody should write, and what a check in float64 leaves behind in JAX."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp
from jax import lax
from misleading import FuncError, Function, failing_at, in_part

from checkgrad import Report, Verdict, verify_autodiff, verify_grad

pytestmark = pytest.mark.libraries("jax")


POINT = (0.7, -1.3, 0.4, 2.1, -0.6, 1.7)
NARROW = np.linspace(0.5, 1.5, 6).astype(np.float32)
WIDE = np.linspace(0.5, 1.5, 6)


def x0() -> Any:
    return jnp.asarray(POINT, dtype=jnp.float32)


def func(x: Any) -> Any:
    return (jnp.sin(x) * x).sum()


def grad(x: Any) -> Any:
    return jnp.cos(x) * x + jnp.sin(x)


def checked(function: Function, claim: Function, point: Any = None, **options: Any) -> Report:
    return verify_grad(function, claim, x0() if point is None else point, rng=0, **options)


def settings() -> dict[str, Any]:
    """Return everything global that a check could change."""
    return {
        "x64": jax.config.jax_enable_x64,
        "default dtype": (1.5 * jnp.ones(2)).dtype,
        "jit": jax.config.jax_disable_jit,
        "NaN": jax.config.jax_debug_nans,
        "promotion": jax.config.jax_numpy_dtype_promotion,
        "products": jax.config.jax_default_matmul_precision,
        "device": jax.config.jax_default_device,
        "generator of NumPy": [*map(str, np.random.get_state())],
        "errors of NumPy": np.geterr(),
    }


@pytest.mark.parametrize("error", [FuncError(), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize("call", [1, 2, pytest.param(3, marks=pytest.mark.full)])
@pytest.mark.parametrize("who", ["func", "grad"])
def test_settings_are_unchanged_also_after_exceptions(
    who: str, call: int, error: BaseException
) -> None:
    before = settings()
    failing = {"func": func, "grad": grad}
    failing[who] = failing_at(call, failing[who], error)
    with contextlib.suppress(FuncError, KeyboardInterrupt):
        verify_grad(failing["func"], failing["grad"], x0(), rng=0)
    assert settings() == before


@pytest.mark.parametrize("enabled", [True, False])
def test_either_setting_of_x64_stays(enabled: bool) -> None:
    with jax.enable_x64(enabled):
        before = settings()
        report = checked(func, grad)
        assert report, report
        assert report.evaluated_in == "float64"
        assert verify_autodiff(func, x0(), rng=0)
        assert settings() == before


@pytest.mark.parametrize(
    "context",
    [
        jax.disable_jit,
        lambda: jax.debug_nans(True),
        lambda: jax.numpy_dtype_promotion("strict"),
        lambda: jax.numpy_rank_promotion("raise"),
        lambda: jax.default_matmul_precision("bfloat16"),
    ],
    ids=["disable_jit", "debug_nans", "strict promotion", "rank promotion", "bfloat16 products"],
)
def test_contexts_of_the_user_hold(context: Any) -> None:
    with context():
        before = settings()
        report = checked(lambda x: (jnp.outer(x, x) @ x).sum(), lambda x: (x @ x) + 2 * x.sum() * x)
        assert report, report
        assert settings() == before


@partial(jax.jit, static_argnums=1)
def power(x: Any, exponent: int) -> Any:
    return (x**exponent).sum()


def leaks(x: Any) -> Any:
    LEAKED.append(x)
    return func(x)


LEAKED: list[Any] = []

# The func, and what its gradient is.
FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "static arguments": (lambda x: power(x, 3), lambda x: 3 * x**2),
    "closes over float32 of NumPy": (lambda x: (NARROW * x**2).sum(), lambda x: 2 * NARROW * x),
    "closes over float64 of NumPy": (
        lambda x: (WIDE * x**2).sum(),
        lambda x: 2 * NARROW * x,
    ),
    "a Python float": (lambda x: float(func(x)), grad),
    "an array of NumPy": (lambda x: np.asarray(func(x)), grad),
    "computed in NumPy": (lambda x: np.sum(np.sin(np.asarray(x)) * np.asarray(x)), grad),
    "branches in Python": (lambda x: func(x) if x.sum() > 0 else 2 * func(x), grad),
    "refuses float64": (lambda x: func(x) if x.dtype != jnp.float64 else 1 / 0, grad),
    "donates its argument": (jax.jit(func, donate_argnums=0), grad),
    "calls back to debug": (
        lambda x: (jax.debug.callback(lambda _: None, x), func(x))[1],
        grad,
    ),
    "leaks tracers": (leaks, grad),
    "iterates to a tolerance": (
        lambda x: lax.while_loop(
            lambda state: jnp.abs(state[1] ** 2 - state[0]).max() > 1e-6,
            lambda state: (state[0], 0.5 * (state[1] + state[0] / state[1])),
            (jnp.abs(x) + 1, jnp.ones_like(x)),
        )[1].sum(),
        lambda x: 0.5 * jnp.sign(x) / jnp.sqrt(jnp.abs(x) + 1),
    ),
}


@pytest.mark.parametrize("name", in_part(FUNCTIONS))
@pytest.mark.filterwarnings("ignore:Some donated buffers")
def test_right_gradient_is_correct_and_an_error_of_one_percent_is_wrong(name: str) -> None:
    function, claim = FUNCTIONS[name]
    report = checked(function, claim)
    assert report, report
    assert report.evaluated_in == "float64"
    wrong = checked(function, lambda x: 1.01 * claim(x))
    assert wrong.verdict is Verdict.WRONG, wrong


CLAIMS: dict[str, tuple[Function, Verdict]] = {
    "NaN": (lambda x: jnp.nan * x, Verdict.WRONG),
    "integers": (lambda x: jnp.zeros(6, dtype=int), Verdict.WRONG),
    "an array of NumPy": (lambda x: np.asarray(grad(x)), Verdict.CORRECT),
    "float64 of NumPy": (
        lambda x: np.asarray(grad(x)).astype(float),
        Verdict.CORRECT,
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_claims_of_many_kinds(name: str) -> None:
    claim, verdict = CLAIMS[name]
    report = checked(func, claim)
    assert report.verdict is verdict, report


@pytest.mark.full
def test_trees_of_many_dtypes_with_scalars_and_empty_leaves() -> None:
    def of_tree(t: Any) -> Any:
        total = jnp.sin(t["a"]).sum() + t["b"] ** 3 + t["c"].sum() + t["e"].sum()
        squares = (t["f"].astype(jnp.float32) ** 2).sum()
        return total + squares + (t["g"][0].astype(jnp.float32) ** 3).sum()

    tree = {
        "a": x0(),
        "b": jnp.float32(0.5),
        "c": jnp.zeros(0, jnp.float32),
        "e": jnp.arange(3),
        "f": x0().astype(jnp.bfloat16),
        "g": (x0().astype(jnp.float16), None),
    }
    right = jax.grad(of_tree, allow_int=True)
    report = checked(of_tree, right, tree)
    assert report, report
    wrong = checked(of_tree, lambda t: {**right(t), "f": 1.05 * right(t)["f"]}, tree)
    assert wrong.verdict is Verdict.WRONG, wrong


@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_huge_and_tiny_scales(scale: float) -> None:
    assert checked(lambda x: scale * func(x), lambda x: scale * grad(x))
    scaled = scale * x0()
    assert checked(lambda x: jnp.sin(x / scale).sum(), lambda x: jnp.cos(x / scale) / scale, scaled)


def test_a_func_that_underflows_is_judged_by_its_formula() -> None:
    tiny = 1e-30 * x0()  # squares are 0 in float32
    assert checked(lambda x: (x**2).sum(), lambda x: 2 * x, tiny)
    assert checked(lambda x: (x**2).sum(), lambda x: 0 * x, tiny).verdict is Verdict.WRONG


def test_float64_where_it_cannot_be_had_is_refused_with_the_reason() -> None:
    def branches(x: Any) -> Any:
        return jnp.where(jnp.exp(0 * x - 110) == 0, x**2, x**3).sum()

    with pytest.raises(ValueError, match="precision is 'float64', but func cannot be evaluated"):
        checked(branches, grad, precision="float64")
