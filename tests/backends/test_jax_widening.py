"""The float64 counterparts of JAX functions: values, random draws, islands, settings, caches."""

from __future__ import annotations

import functools
import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.extend.core
import jax.numpy as jnp
from jax.interpreters import mlir

from checkgrad.backends import find_backend
from checkgrad.backends.jax_backend import JaxBackend
from checkgrad.backends.jax_widening import JaxprWidening
from checkgrad.backends.widening import CannotWidenError, PassedFloat64, WideFunction

BACKEND = find_backend([jnp.ones(1, jnp.float32)])
KEY = jax.random.key(3)
X = np.asarray([0.3, 0.7, 1.1, 0.4, 2.0], np.float32)
X64 = X.astype(np.float64)
MATRIX = (np.outer(X, X) + np.diag([2.0, 3.0, 4.0, 5.0, 6.0])).astype(np.float32)
MATRIX64 = MATRIX.astype(np.float64)
TENTH = float(np.float32(0.1))  # what a literal is in float32
DIGITS = 2e-14


def is_floating(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and bool(jnp.issubdtype(leaf.dtype, jnp.inexact))


def natives_of(args: Any) -> list[list[Any]]:
    leaves = map(jax.tree_util.tree_leaves, args)
    return [[leaf.dtype for leaf in each if is_floating(leaf)] for each in leaves]


def widened(function: Any, *args: Any) -> tuple[WideFunction, Any]:
    """The wide function, and its wide arguments."""
    wide = jax.tree_util.tree_map(
        lambda leaf: BACKEND.widened(leaf) if is_floating(leaf) else leaf, args
    )
    return JaxprWidening().widened(function, natives_of(args)), wide


def in_float64(function: Any, *args: Any) -> Any:
    args = jax.tree_util.tree_map(
        lambda leaf: jnp.asarray(leaf) if is_floating(leaf) else leaf, args
    )
    wide, wide_args = widened(function, *args)
    with BACKEND.with_float64():
        return wide(*wide_args)


@jax.custom_vjp
def with_vjp(x: Any) -> Any:
    return jnp.sin(x)


with_vjp.defvjp(lambda x: (jnp.sin(x), x), lambda x, weight: (3 * weight * jnp.cos(x),))


@jax.custom_jvp
def with_jvp(x: Any) -> Any:
    return jnp.sin(x)


with_jvp.defjvp(lambda primals, tangents: (jnp.sin(*primals), 3 * tangents[0]))


def root(x: Any) -> Any:
    def body(state: Any) -> Any:
        return (state[0] + state[1] / state[0]) / 2, state[1]

    return jax.lax.while_loop(lambda s: jnp.abs(s[0] ** 2 - s[1]) > 1e-3, body, (x, x))[0]


def newton(x: np.float64) -> np.float64:
    root = x
    while abs(root**2 - x) > float(np.float32(1e-3)):
        root = (root + x / root) / 2
    return root


def shard_map(x: Any) -> Any:
    mesh = jax.make_mesh((1,), ("rows",))
    spec = jax.sharding.PartitionSpec(None)
    total = jax.shard_map(
        lambda x: jax.lax.psum(jnp.sin(x), "rows"), mesh=mesh, in_specs=spec, out_specs=spec
    )
    return total(x)


def sums_of_pairs(x: Any) -> Any:
    return jax.lax.reduce_window(x, np.float32(0), jax.lax.add, (2,), (1,), "VALID")


CASES: dict[str, tuple[Any, Any]] = {
    "literal": (lambda x: 0.1 * x, TENTH * X64),
    "captured array": (lambda x: jnp.asarray(MATRIX) @ x, MATRIX64 @ X64),
    "captured array of jit": (jax.jit(lambda x: jnp.asarray(MATRIX) @ x), MATRIX64 @ X64),
    "constant computed inside": (lambda x: x * jnp.linspace(0, 1, 4)[1], X64 * (1 / 3)),
    "dtype parameter": (lambda x: x * jnp.arange(5, dtype=x.dtype) / 3, X64 * np.arange(5) / 3),
    "product": (lambda x: jnp.dot(x, x, precision="default"), X64 @ X64),
    "preferred type": (
        lambda x: jnp.dot(x.astype(jnp.bfloat16), x, preferred_element_type=jnp.float32),
        X64 @ X64,
    ),
    "cast": (lambda x: (x.astype(jnp.bfloat16) * 3).astype(jnp.float32), X64 * 3),
    "scan": (
        lambda x: jax.lax.scan(lambda c, t: (c * 0.5 + jnp.sin(t), c), jnp.float32(0), x),
        (
            functools.reduce(lambda c, t: c * 0.5 + np.sin(t), X64, 0.0),
            [functools.reduce(lambda c, t: c * 0.5 + np.sin(t), X64[:k], 0.0) for k in range(5)],
        ),
    ),
    "scan over keys": (
        lambda x: jax.lax.scan(lambda key, t: (jax.random.split(key)[0], t / 3), KEY, x)[1],
        X64 / 3,
    ),
    "fori_loop": (lambda x: jax.lax.fori_loop(0, 5, lambda i, c: c * x[i], 1.0), np.prod(X64)),
    "while": (lambda x: root(x[1]), newton(X64[1])),
    "cond": (lambda x: jax.lax.cond(x[0] > 0, jnp.exp, jnp.sin, x), np.exp(X64)),
    "switch": (lambda x: jax.lax.switch(1, [jnp.exp, jnp.sin], x), np.sin(X64)),
    "platform": (lambda x: jax.lax.platform_dependent(x, cpu=jnp.sin, default=jnp.cos), None),
    "remat": (jax.checkpoint(jnp.sin), np.sin(X64)),
    "custom_vjp": (with_vjp, np.sin(X64)),
    "custom_jvp": (with_jvp, np.sin(X64)),
    "grad of custom_vjp": (jax.grad(lambda x: jnp.sum(with_vjp(x) ** 2)), 3 * np.sin(2 * X64)),
    "jvp of custom_jvp": (lambda x: jax.jvp(with_jvp, (x,), (x,))[1], 3 * X64),
    "vjp": (lambda x: jax.vjp(jnp.sin, x)[1](x)[0], np.cos(X64) * X64),
    "hessian": (lambda x: jax.hessian(lambda x: jnp.sum(x**3))(x), np.diag(6 * X64)),
    "vmap inside": (jax.vmap(lambda t: jnp.sin(t) / 3), np.sin(X64) / 3),
    "linear solve": (lambda x: jnp.linalg.solve(MATRIX, x), np.linalg.solve(MATRIX64, X64)),
    "cholesky": (
        lambda x: jnp.linalg.slogdet(jnp.linalg.cholesky(MATRIX * x[0]))[1],
        np.linalg.slogdet(MATRIX64 * X64[0])[1] / 2,
    ),
    "scatter": (
        lambda x: jnp.zeros(2, x.dtype).at[jnp.asarray([0, 0, 1, 1, 1])].add(x / 3),
        np.asarray([X64[:2].sum(), X64[2:].sum()]) / 3,
    ),
    "reduce": (
        lambda x: jax.lax.reduce(x, np.float32(1), lambda a, b: a * b, (0,)),
        np.prod(X64),
    ),
    "sort": (lambda x: jnp.sort(-x / 3), np.sort(-X64 / 3)),
    "argsort": (lambda x: jnp.argsort(x), np.argsort(X64)),
    "associative scan": (lambda x: jax.lax.associative_scan(jnp.multiply, x), np.cumprod(X64)),
    "cumsum": (jnp.cumsum, np.cumsum(X64)),
    "windows": (sums_of_pairs, X64[1:] + X64[:-1]),
    "shard_map": (shard_map, np.sin(X64)),
    "complex": (lambda x: jnp.exp(1j * x), np.exp(1j * X64)),
    "fft": (lambda x: jnp.fft.fft(x), np.fft.fft(X64)),
    "float16": (lambda x: jnp.sin(x.astype(jnp.float16)) / 3, np.sin(X64) / 3),
    "tree": (lambda x: {"a": [x / 3, None], "b": (2, x > 1)}, None),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_float64(name: str) -> None:
    function, expected = CASES[name]
    found = in_float64(function, X)
    if name == "tree":
        expected = {"a": [X64 / 3, None], "b": (2, X64 > 1)}
    elif name == "platform":
        expected = np.sin(X64) if jax.default_backend() == "cpu" else np.cos(X64)
    is_none = lambda leaf: leaf is None  # noqa: E731
    pairs = zip(
        jax.tree_util.tree_leaves(found, is_leaf=is_none),
        jax.tree_util.tree_leaves(expected, is_leaf=is_none)
        if name != "scan"
        else [np.asarray(each) for each in expected],
        strict=True,
    )
    for value, exact in pairs:
        if exact is not None:
            assert value.dtype in ("float64", "complex128", "bool", "int32", "int64")
            np.testing.assert_allclose(value, exact, rtol=DIGITS, atol=DIGITS)
        else:
            assert value is None


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "complex64"])
def test_inputs_of_every_narrow_dtype_are_widened(dtype: str) -> None:
    x = jnp.asarray([0.5, 0.75]).astype(dtype)
    np.testing.assert_allclose(
        in_float64(lambda x: jnp.sin(x) / 3, x), np.sin([0.5, 0.75]) / 3, rtol=DIGITS
    )


def test_products_are_as_precise_as_the_device_can() -> None:
    wide, args = widened(lambda x: jnp.dot(x, x, precision="default"), jnp.asarray(X))
    with BACKEND.with_float64():
        assert "HIGHEST" in str(jax.make_jaxpr(wide)(*args))


def test_the_epsilon_that_a_function_asks_for_is_the_native_one() -> None:
    found = in_float64(lambda x: x * 0 + jnp.finfo(x.dtype).eps, X)
    np.testing.assert_array_equal(found, np.full(5, 2.0**-23))


def test_other_arguments_than_floats_pass() -> None:
    def function(tree: Any, power: int, index: Any, key: Any, nothing: None) -> Any:
        assert nothing is None
        return tree["x"][index] ** power + 0 * jax.random.uniform(key)

    x = jnp.asarray(X)
    wide, args = widened(function, {"x": x}, 3, jnp.asarray([1, 2]), KEY, None)
    with BACKEND.with_float64():
        np.testing.assert_allclose(wide(*args), X64[[1, 2]] ** 3, rtol=DIGITS)
        other = (*args[:1], 2, *args[2:])
        np.testing.assert_allclose(wide(*other), X64[[1, 2]] ** 2, rtol=DIGITS)


# --- data keep their native numbers -------------------------------------------------------------

DRAWS = {
    "normal": lambda x: jax.random.normal(KEY, (5,), x.dtype),
    "uniform": lambda x: jax.random.uniform(KEY, (5,), x.dtype, 0.1, 0.7),
    "bernoulli": lambda x: jax.random.bernoulli(KEY, 0.3, (5,)),
    "truncated normal": lambda x: jax.random.truncated_normal(KEY, -1, 1, (5,), x.dtype),
    "poisson": lambda x: jax.random.poisson(KEY, 3.0, (5,)),
    "old key": lambda x: jax.random.normal(jax.random.PRNGKey(1), (5,), x.dtype),
    "many keys": lambda x: jax.vmap(lambda k: jax.random.normal(k, (), x.dtype))(
        jax.random.split(KEY, 5)
    ),
    "in a loop": lambda x: jax.lax.map(
        lambda k: jax.random.normal(k, (), x.dtype), jax.random.split(KEY, 5)
    ),
    "inside of jit": jax.jit(lambda x: jax.random.normal(KEY, (5,), x.dtype)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_random_draws_are_the_native_ones(name: str) -> None:
    draw = DRAWS[name]
    np.testing.assert_array_equal(
        in_float64(draw, X), np.asarray(draw(jnp.asarray(X))).astype(np.float64)
    )


def test_what_is_computed_from_draws_is_computed_in_float64() -> None:
    def dropout(x: Any) -> Any:
        mask = jax.random.bernoulli(KEY, 0.7, x.shape)
        noise = jax.random.normal(KEY, x.shape, x.dtype)
        return jnp.where(mask, x / 0.7, 0) + noise / 3

    mask = np.asarray(jax.random.bernoulli(KEY, 0.7, X.shape))
    noise = np.asarray(jax.random.normal(KEY, X.shape, jnp.float32)).astype(np.float64)
    expected = np.where(mask, X64 / float(np.float32(0.7)), 0) + noise / 3
    np.testing.assert_allclose(in_float64(dropout, X), expected, rtol=DIGITS)


def test_a_comparison_with_a_literal_is_decided_as_in_the_native_dtype() -> None:
    x = np.asarray([0.1], np.float32)
    assert not in_float64(lambda x: x > 0.1, x)
    assert not in_float64(lambda x: x < 0.1, x)


# --- operations on bits -------------------------------------------------------------------------


def callback(x: Any) -> Any:
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return jax.pure_callback(lambda v: np.sin(v), shape, x, vmap_method="sequential")


ISLANDS = {
    "pure_callback": callback,
    "nextafter": lambda x: jnp.nextafter(x, 2 * x),
    "bitcast_convert_type": lambda x: jax.lax.bitcast_convert_type(
        jax.lax.bitcast_convert_type(x, jnp.int32) + 1, jnp.float32
    ),
}


@pytest.mark.parametrize("name", ISLANDS)
def test_operations_on_bits_run_natively_and_are_counted(name: str) -> None:
    x = jnp.asarray(X)
    function = lambda x: ISLANDS[name](x) / 3  # noqa: E731
    wide, args = widened(function, x)
    with BACKEND.with_float64():
        value, observation = wide.observed(*args)
    assert observation.islands == {name: 1}
    expected = np.asarray(ISLANDS[name](x)).astype(np.float64) / 3
    np.testing.assert_allclose(value, expected, rtol=DIGITS)


@pytest.fixture
def remat_is_an_object() -> Iterator[None]:
    """`jax.remat` as newer releases of JAX have it: an operation without a jaxpr."""
    if not hasattr(jax.config, "jax_remat3"):
        pytest.skip("this release of JAX has one remat only")
    before = jax.config.jax_remat3
    jax.config.update("jax_remat3", True)
    yield
    jax.config.update("jax_remat3", before)


@pytest.mark.usefixtures("remat_is_an_object")
@pytest.mark.parametrize("differentiated", [False, True])
def test_an_operation_made_of_others_is_seen_into(differentiated: bool) -> None:
    """In float32 all of it underflows."""
    single = jax.checkpoint(lambda x: jnp.sum(jnp.sin(x * 1e-30) * 1e-30))
    function = jax.grad(single) if differentiated else single
    x = jnp.asarray(X)
    wide, args = widened(function, x)
    with BACKEND.with_float64():
        value, observation = wide.observed(*args)
    factor = float(np.float32(1e-30)) ** 2
    expected = np.full(X.size, factor) if differentiated else np.sum(X64) * factor
    np.testing.assert_allclose(value, expected, rtol=DIGITS, atol=0)
    assert observation.islands == {}


def test_the_largest_array_is_known_in_bytes_of_the_users_dtype() -> None:
    x = jnp.asarray(X)
    wide, args = widened(jax.jit(lambda x: jnp.sum(x[:, None] * x)), x)
    with BACKEND.with_float64():
        _, observation = wide.observed(*args)
    assert observation.made_bytes == x.size**2 * x.dtype.itemsize


def test_an_operation_that_stays_narrow_is_an_island() -> None:
    def sine(x: Any) -> Any:
        return jnp.sin(x).astype(jnp.float32)

    narrow_sine = jax.extend.core.Primitive("narrow_sine")
    narrow_sine.def_impl(sine)
    narrow_sine.def_abstract_eval(lambda x: jax.core.ShapedArray(x.shape, jnp.float32))
    mlir.register_lowering(narrow_sine, mlir.lower_fun(sine, multiple_results=False))
    wide, args = widened(lambda x: narrow_sine.bind(x) / 3, jnp.asarray(X))
    with BACKEND.with_float64():
        value, observation = wide.observed(*args)
    assert observation.islands == {"narrow_sine": 1}
    np.testing.assert_allclose(value, np.sin(X).astype(np.float64) / 3, rtol=1e-7)


def test_a_draw_whose_parameter_is_an_input_is_an_island() -> None:
    x = jnp.asarray(X)
    wide, args = widened(lambda x: jax.random.gamma(KEY, x, dtype=x.dtype), x)
    with BACKEND.with_float64():
        trace, arrays = wide._traced(args)
        jax.eval_shape(trace._evaluate_observing, trace._constants, arrays)  # compiles nothing
    assert trace._seen.islands == {"random_gamma": 1}


@pytest.mark.parametrize(("exponent", "mantissa"), [(8, 23), (8, 7), (5, 10)])
def test_a_reduction_of_precision_does_not_round(exponent: int, mantissa: int) -> None:
    function = lambda x: jax.lax.reduce_precision(x / 3, exponent, mantissa)  # noqa: E731
    wide, args = widened(function, jnp.asarray(X))
    with BACKEND.with_float64():
        value, observation = wide.observed(*args)
        spread = np.abs(np.asarray([wide.perturbed(seed, *args) for seed in range(8)]) - X64 / 3)
    np.testing.assert_allclose(value, X64 / 3, rtol=DIGITS)
    assert observation.islands == {}
    assert observation.epsilon == 2.0**-mantissa
    largest = np.max(spread / np.abs(X64 / 3))
    assert 2.0**-mantissa / 8 < largest < 2.0**-mantissa


def test_draws_are_no_islands() -> None:
    wide, args = widened(lambda x: x * jax.random.normal(KEY, (5,), x.dtype), jnp.asarray(X))
    with BACKEND.with_float64():
        assert wide.observed(*args)[1].islands == {}


# --- float64 with narrower floats inside --------------------------------------------------------


@pytest.mark.skipif(not jax.config.jax_enable_x64, reason="the user computes in float32")
def test_narrower_floats_inside_of_float64_are_widened() -> None:
    table = jnp.asarray(X)
    x = jnp.asarray(X64)

    def function(x: Any) -> Any:
        half = (x / 3).astype(jnp.bfloat16).astype(x.dtype)
        return half + table[2] / 3

    wide, args = widened(function, x)
    with BACKEND.with_float64():
        value, observation = wide.observed(*args)
    np.testing.assert_allclose(value, X64 / 3 + X64[2] / 3, rtol=DIGITS)
    assert observation.epsilon == 2.0**-7
    assert observation.casts == ("bfloat16",)


@pytest.mark.skipif(not jax.config.jax_enable_x64, reason="the user computes in float32")
def test_a_constant_of_a_narrower_dtype_rounds_nothing() -> None:
    """What is computed in that dtype does."""
    table, x = jnp.asarray(X), jnp.asarray(X64)
    cases = [
        (lambda x: x * table, 2.0**-52),
        (lambda x: x * table[::-1].astype(x.dtype), 2.0**-52),
        (lambda x: x * jnp.sin(table), 2.0**-23),
    ]
    for function, epsilon in cases:
        wide, args = widened(function, x)
        with BACKEND.with_float64():
            observation = wide.observed(*args)[1]
        assert (observation.casts, observation.epsilon) == ((), epsilon)


@pytest.mark.skipif(not jax.config.jax_enable_x64, reason="the user computes in float32")
def test_attention_in_float64_is_as_smooth_as_float64() -> None:
    q = jnp.asarray(np.random.default_rng(0).normal(size=(1, 3, 1, 4)))
    found = in_float64(lambda q: jax.nn.dot_product_attention(q, q, q), q)
    rows = np.asarray(q)[0, :, 0]
    weights = np.exp(rows @ rows.T / 2)
    expected = weights / weights.sum(axis=1, keepdims=True) @ rows
    np.testing.assert_allclose(found[0, :, 0], expected, rtol=1e-13)


# --- under the transformations of JAX -----------------------------------------------------------


def test_it_can_be_mapped_and_compiled() -> None:
    wide, _ = widened(lambda x: jnp.sum(with_vjp(x) / 3), jnp.asarray(X))
    with BACKEND.with_float64():
        rows = jnp.asarray([X64, 2 * X64])
        expected = np.sin([X64, 2 * X64]).sum(axis=1) / 3
        np.testing.assert_allclose(jax.vmap(wide)(rows), expected, rtol=DIGITS)
        np.testing.assert_allclose(jax.jit(jax.vmap(wide))(rows), expected, rtol=DIGITS)


def test_the_function_may_be_a_map_of_the_users_function() -> None:
    mapped = jax.vmap(lambda x: jax.lax.cond(x[0] > 0.5, jnp.sin, jnp.cos, x / 3))
    rows = np.asarray([X, 2 * X])
    found = in_float64(mapped, rows)
    expected = [np.cos(X64 / 3), np.sin(2 * X64 / 3)]
    np.testing.assert_allclose(found, expected, rtol=DIGITS)


# --- what cannot be widened ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: float(x[0]), "ConcretizationTypeError"),
        (lambda x: np.sin(x), "TracerArrayConversionError"),
        (lambda x: x if x[0] > 0 else -x, "TracerBoolConversionError"),
    ],
)
def test_a_function_that_cannot_be_traced_is_refused_with_the_reason(
    function: Any, reason: str
) -> None:
    with pytest.raises(CannotWidenError, match=reason) as caught:
        in_float64(function, X)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("JAX cannot trace it")
    assert caught.value.__cause__ is not None


def test_an_operation_that_does_not_run_in_float64_is_named() -> None:
    from jax.extend.core import Primitive

    narrow = Primitive("narrow_only")
    narrow.def_impl(lambda x: x)

    def shape(x: Any) -> Any:
        if x.dtype != jnp.float32:
            raise TypeError("float32 only")
        return x

    narrow.def_abstract_eval(shape)
    with pytest.raises(CannotWidenError, match=r"narrow_only .*\(TypeError: float32 only\)"):
        in_float64(lambda x: jax.lax.map(narrow.bind, x), X)


def test_an_error_of_the_users_code_in_a_callback_passes() -> None:
    def fail(values: Any) -> Any:
        raise ZeroDivisionError("the user's own")

    def function(x: Any) -> Any:
        return jax.pure_callback(fail, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    with pytest.raises(Exception, match="the user's own") as caught:
        jax.block_until_ready(in_float64(function, X))
    assert not isinstance(caught.value, CannotWidenError)


# --- the setting of the user --------------------------------------------------------------------


def float_width() -> int:
    return jnp.asarray(1.0).dtype.itemsize


def test_the_setting_of_the_user_holds_inside_and_afterwards() -> None:
    before, inside = float_width(), []

    def function(x: Any) -> Any:
        inside.append(float_width())
        return x

    in_float64(function, X)
    with pytest.raises(CannotWidenError):
        in_float64(float, X)
    assert inside == [before]
    assert float_width() == before


def test_contexts_of_settings_nest() -> None:
    before = float_width()
    with BACKEND.with_float64():
        with BACKEND.with_float64(), BACKEND.as_user_set():
            assert float_width() == before
            with BACKEND.with_float64(), BACKEND.as_user_set():
                assert float_width() == before
            with BACKEND.with_float64():
                assert float_width() == 8
        assert float_width() == 8
    with BACKEND.as_user_set():
        assert float_width() == before
    assert float_width() == before


@pytest.mark.parametrize("chosen", [False, True])
def test_a_setting_for_a_block_of_code_is_the_users_setting(chosen: bool) -> None:
    with jax.enable_x64(chosen), BACKEND.with_float64():
        assert float_width() == 8
        with BACKEND.as_user_set():
            assert float_width() == (8 if chosen else 4)


def test_another_thread_keeps_its_setting() -> None:
    before, found = float_width(), []
    with BACKEND.with_float64():
        thread = threading.Thread(target=lambda: found.append(float_width()))
        thread.start()
        thread.join()
    assert found == [before]


# --- traces and compiled code are kept ----------------------------------------------------------


def test_a_function_is_traced_once_for_each_shape() -> None:
    traced = []

    def function(x: Any) -> Any:
        traced.append(x.shape)
        return jnp.sin(x)

    wide, (x,) = widened(function, jnp.asarray(X))
    with BACKEND.with_float64():
        for _ in range(2):
            wide(x)
            wide.observed(x)
            wide.perturbed(1, x)
            wide(x[:2])
    assert traced == [(5,), (2,)]


def test_the_wide_code_of_a_jitted_function_is_kept_as_long_as_the_function() -> None:
    traced = []

    def function(x: Any) -> Any:
        traced.append(1)
        return jnp.sin(x)

    jitted = jax.jit(function)
    values = [in_float64(jitted, X) for _ in range(2)]
    np.testing.assert_array_equal(*values)
    assert traced == [1]
    reference = weakref.ref(jitted)
    del jitted
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("transform", [lambda function: function, jax.jit])
def test_captured_arrays_are_no_constants_of_the_compiled_code(transform: Any) -> None:
    large = jnp.arange(1000, dtype=jnp.float32)
    wide, args = widened(transform(lambda x: x[0] * large), jnp.asarray(X))
    with BACKEND.with_float64():
        np.testing.assert_array_equal(wide(*args), X64[0] * np.arange(1000))
        (trace,) = wide._traces.values()
        text = trace._value.lower(trace._constants, [*args]).as_text()
    assert "1000xf32" in text
    assert 'dense<"0x' not in text


# --- the backend --------------------------------------------------------------------------------


def test_the_jaxpr_is_the_first_way_and_passing_float64_the_second() -> None:
    assert [type(each) for each in BACKEND.widenings()] == [JaxprWidening, PassedFloat64]


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize(
    ("narrow", "wide"),
    [("float32", "float64"), ("bfloat16", "float64"), ("complex64", "complex128")],
)
def test_arrays_are_widened_and_narrowed_where_they_are(
    committed: bool, narrow: str, wide: str
) -> None:
    device = jax.devices()[-1]
    x = jnp.asarray(X).astype(narrow)
    x = jax.device_put(x, device) if committed else x
    found = BACKEND.widened(x)
    back = BACKEND.narrowed(found, x)
    assert (found.dtype, back.dtype) == (wide, narrow)
    assert found.devices() == back.devices() == x.devices()
    assert found.committed == back.committed == x.committed
    assert found.sharding == x.sharding
    np.testing.assert_array_equal(np.asarray(back), np.asarray(x))


def test_widened_float64_is_a_copy() -> None:
    with BACKEND.with_float64():
        x = jnp.ones(3)
        assert BACKEND.widened(x).unsafe_buffer_pointer() != x.unsafe_buffer_pointer()


def test_devices_without_float64_are_named() -> None:
    class Device:
        platform = "METAL"

    class Placed:
        def devices(self) -> set[Any]:
            return {Device()}

    assert "METAL" in JaxBackend.lacks_float64(BACKEND, Placed())
    assert BACKEND.lacks_float64(jnp.ones(1)) == ""
