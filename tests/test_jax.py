"""`checkgrad.jax`: the calls of ``jax.test_util``, and what they find."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp
import jax.test_util

import checkgrad.jax
from checkgrad import GradientError
from checkgrad.jax import check_grads, check_jvp, check_vjp

X = np.asarray([0.5, 1.0, -1.5], np.float32)


def rule_with(factor: float) -> Callable[..., Any]:
    """Return x ** 2 * y, whose rule counts the derivative by x `factor` times."""

    @jax.custom_jvp
    def func(x: Any, y: Any) -> Any:
        return x**2 * y

    @func.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (x, y), (dx, dy) = primals, tangents
        return func(x, y), factor * 2 * x * y * dx + x**2 * dy

    return func


# ---- the calls


@pytest.mark.parametrize("name", ["check_grads", "check_jvp", "check_vjp"])
def test_parameters_are_those_of_jax(name: str) -> None:
    theirs = inspect.signature(getattr(jax.test_util, name)).parameters
    assert list(inspect.signature(getattr(checkgrad.jax, name)).parameters) == list(theirs)


@pytest.mark.parametrize("modes", [("fwd", "rev"), ["lin"], "rev"])
def test_right_derivatives_pass(modes: Any) -> None:
    func: Callable[..., Any] = lambda x, y: jnp.tanh(x) * y["a"]  # noqa: E731
    assert check_grads(func, (X, {"a": 2.0, "b": None, "n": 3}), 2, modes=modes, eps=1.0) is None


def test_third_order() -> None:
    check_grads(jnp.sin, (0.5,), 3, modes=["rev"])


def test_wrong_rule_raises_an_assertion_error_with_the_report() -> None:
    with pytest.raises(AssertionError, match=r"^wrong: ") as caught:
        check_grads(rule_with(1.01), (X, X), 1)
    assert isinstance(caught.value, GradientError)
    assert "d args[0]" in str(caught.value)
    assert caught.value.report.n_wrong > 0


@pytest.mark.parametrize("mode", ["fwd", "rev", "lin"])
def test_wrong_rule_is_named_by_its_mode(mode: str) -> None:
    with pytest.raises(GradientError, match=f"\n  {mode}: d func"):
        check_grads(rule_with(1.01), (X, X), 1, modes=[mode])


def test_derivative_that_is_wrong_at_order_two_only() -> None:
    @jax.custom_vjp
    def cube(x: Any) -> Any:
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, w: (jax.lax.stop_gradient(3 * x**2) * w,))
    check_grads(cube, (X,), 1, modes=["rev"])
    with pytest.raises(GradientError, match="rev of rev: "):
        check_grads(cube, (X,), 2, modes=["rev"])


def test_mode_without_a_rule_is_left_out_beside_one_with() -> None:
    @jax.custom_vjp
    def square(x: Any) -> Any:
        return x**2

    square.defvjp(lambda x: (x**2, x), lambda x, w: (2 * x * w,))
    check_grads(square, (X,), 2)
    with pytest.raises(TypeError, match="cannot be differentiated in mode fwd"):
        check_grads(square, (X,), 1, modes=["fwd"])


# ---- tolerances


@pytest.mark.parametrize("rtol", [0.05, {np.float32: 0.05}, {jnp.dtype("float32"): 0.05}])
def test_what_is_allowed_is_not_wrong(rtol: Any) -> None:
    check_grads(rule_with(1.01), (X, X), 1, modes=["rev"], rtol=rtol)


def test_tolerance_in_absolute_terms() -> None:
    check_grads(rule_with(1.01), (X, X), 1, modes=["rev"], atol=0.2)


@pytest.mark.parametrize("rtol", [1e-4, {np.float64: 0.05}, {}])
def test_what_is_not_allowed_stays_wrong(rtol: Any) -> None:
    with pytest.raises(GradientError):
        check_grads(rule_with(1.01), (X, X), 1, modes=["rev"], rtol=rtol)


# ---- what is left out


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_empty_arrays_pass(shape: tuple[int, ...]) -> None:
    check_grads(jnp.sin, (np.zeros(shape, np.float32),), 2)


def test_function_of_no_floating_input_passes() -> None:
    check_grads(lambda n: n + 1, (3,), 1)


def test_entries_that_are_not_finite_are_left_out() -> None:
    x = np.asarray([1.0, np.inf, -np.inf, 0.5], np.float32)
    check_grads(jax.nn.softplus, (x,), 2)


def test_entries_where_the_value_is_not_finite_are_left_out() -> None:
    x = np.asarray([1.5, -1.0, 0.25, -0.5], np.float32)
    check_grads(lambda x: x**0.7, (x,), 2)
    with pytest.raises(GradientError, match="since not finite: 1 entries of func"):
        check_grads(lambda x, y: rule_with(1.01)(x, jnp.log(y)), (X, X), 1, modes=["rev"])


def test_report_says_which_entries_are_left_out() -> None:
    y = np.asarray([1.0, np.inf, 2.0], np.float32)
    with pytest.raises(GradientError, match=r"not finite: 2 entries of x0.*args\[0\], args\[1\]"):
        check_grads(rule_with(1.01), (X, y), 1, modes=["rev"])


# ---- settings of the user


def test_check_holds_under_settings_that_stop_at_numbers_and_casts() -> None:
    with (
        jax.debug_nans(True),
        jax.debug_infs(True),
        jax.numpy_dtype_promotion("strict"),
        jax.numpy_rank_promotion("raise"),
    ):
        check_grads(jnp.sqrt, (np.abs(X),), 1)
        with pytest.raises(GradientError):
            check_grads(rule_with(1.01), (X, X), 1, modes=["rev"])


def test_check_holds_where_jit_is_disabled() -> None:
    with jax.disable_jit():
        check_grads(jax.jit(jnp.sqrt), (np.abs(X),), 1)


# ---- claims that come with a value


def test_claims_of_jax_pass() -> None:
    check_jvp(jnp.sin, partial(jax.jvp, jnp.sin), (X,))
    check_vjp(jnp.sin, partial(jax.vjp, jnp.sin), (X,))


def test_integers_have_tangents_of_no_meaning() -> None:
    func: Callable[..., Any] = lambda x, n: x**n  # noqa: E731
    check_jvp(func, partial(jax.jvp, func), (X, 3))


@pytest.mark.parametrize("err_msg", ["", "in the third case"])
def test_wrong_jvp(err_msg: str) -> None:
    def f_jvp(primals: Any, tangents: Any) -> Any:
        value, change = jax.jvp(jnp.sin, primals, tangents)
        return value, change.at[1].multiply(1.01)

    with pytest.raises(GradientError, match=rf"\A{err_msg}\n?wrong: ") as caught:
        check_jvp(jnp.sin, f_jvp, (X,), err_msg=err_msg)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    check_jvp(jnp.sin, f_jvp, (X,), rtol=0.02)


def test_wrong_vjp() -> None:
    def f_vjp(x: Any) -> Any:
        return jnp.sin(x), lambda w: (w * jnp.cos(x).at[1].multiply(-1),)

    with pytest.raises(GradientError, match=r"\Awrong: "):
        check_vjp(jnp.sin, f_vjp, (X,))


@pytest.mark.parametrize("check", ["jvp", "vjp"])
def test_wrong_value_beside_a_right_derivative(check: str) -> None:
    if check == "jvp":
        run: Any = partial(
            check_jvp, jnp.sin, lambda p, t: (2 * jnp.sin(*p), jax.jvp(jnp.sin, p, t)[1]), (X,)
        )
    else:
        run = partial(check_vjp, jnp.sin, lambda x: (2 * jnp.sin(x), jax.vjp(jnp.sin, x)[1]), (X,))
    with pytest.raises(GradientError, match="the value that comes with the claim is another"):
        run()


# ---- rules that are not linear


NONLINEAR: dict[str, Callable[[Any], Any]] = {
    "square": lambda t: t**2,
    "magnitude": jnp.abs,
    "positive part": jax.nn.relu,
    "product": lambda t: t + t * jnp.roll(t, 1),
    "clipped": lambda t: jnp.clip(t, -5, 5),
}


@pytest.mark.parametrize("name", NONLINEAR)
def test_jvp_that_is_right_along_each_axis_alone(name: str) -> None:
    def f_jvp(primals: Any, tangents: Any) -> Any:
        return jnp.sin(*primals), jnp.cos(*primals) * NONLINEAR[name](*tangents)

    with pytest.raises(GradientError, match="wrong: "):
        check_jvp(jnp.sin, f_jvp, (X,))


@pytest.mark.parametrize("name", NONLINEAR)
def test_vjp_that_is_right_along_each_axis_alone(name: str) -> None:
    def f_vjp(x: Any) -> Any:
        return jnp.sin(x), lambda w: (jnp.cos(x) * NONLINEAR[name](w),)

    with pytest.raises(GradientError, match="wrong: "):
        check_vjp(jnp.sin, f_vjp, (X,))


@pytest.mark.parametrize("name", ["magnitude", "product"])
def test_jvp_rule_that_cannot_be_transposed_is_wrong_in_forward_mode(name: str) -> None:
    @jax.custom_jvp
    def sine(x: Any) -> Any:
        return jnp.sin(x)

    @sine.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        return jnp.sin(*primals), jnp.cos(*primals) * NONLINEAR[name](*tangents)

    with pytest.raises(GradientError, match=r"fwd: func\[2\] along tangent"):
        check_grads(sine, (X,), 1)


# ---- arguments


def test_vjp_that_returns_none_for_an_argument() -> None:
    def f_vjp(x: Any, y: Any) -> Any:
        return x * y, lambda w: (w * y, None)

    with pytest.raises(TypeError, match=r"returned None for args\[1\]; return an array"):
        check_vjp(lambda x, y: x * y, f_vjp, (X, X))


def test_value_without_a_floating_number_is_quoted() -> None:
    with pytest.raises(TypeError, match=r"func returned Array\(1.*; pass a function"):
        check_grads(jnp.argmax, (X,), 1)


@pytest.mark.parametrize("order", [0, -1, 1.0, True, None])
def test_meaningless_order(order: Any) -> None:
    with pytest.raises(ValueError, match="order is"):
        check_grads(jnp.sin, (X,), order)


@pytest.mark.parametrize("modes", [(), ["vmap"], "forward"])
def test_meaningless_modes(modes: Any) -> None:
    with pytest.raises(ValueError, match="modes is"):
        check_grads(jnp.sin, (X,), 1, modes=modes)


@pytest.mark.parametrize("atol", [-1.0, "much", {np.float32: -1.0}])
def test_meaningless_tolerance(atol: Any) -> None:
    with pytest.raises(ValueError, match="atol is"):
        check_grads(jnp.sin, (X,), 1, atol=atol)
