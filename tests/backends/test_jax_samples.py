"""What a claim and differences say along the same tangents, and where they are taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp

from checkgrad.backends.jax_modes import alone, claim_of, nested
from checkgrad.backends.jax_samples import CannotSampleError, FunctionSamples

X = np.asarray([0.5, -1.25, 2.0], np.float32)


def samples_of(function: Any, *arrays: Any) -> FunctionSamples:
    primals = [jnp.asarray(array) for array in arrays]
    return FunctionSamples(function, primals, np.random.default_rng(0))


def outer(x: Any, y: Any) -> Any:
    return (jnp.sin(x)[:, None] * y, jnp.sum(y))


@pytest.mark.parametrize("mode", ["fwd", "rev", "lin"])
@pytest.mark.parametrize("size", [3, 40], ids=["axes", "sums"])
def test_right_claim_agrees_with_differences(mode: str, size: int) -> None:
    samples = samples_of(outer, np.linspace(1, 2, size, dtype=np.float32), X)
    claim = claim_of(samples.function, mode)
    found = samples.along_cotangents(claim) if mode == "rev" else samples.along_tangents(claim)
    assert np.allclose(found.claim, found.differences, rtol=1e-7, atol=1e-8)
    assert np.allclose(found.native, found.wide, rtol=1e-5)
    assert found.has_axes == (size == 3 and mode != "rev") or len(found.claim.T) <= 17
    assert found.value_error == 0


@pytest.mark.parametrize("size", [3, 40], ids=["axes", "sums"])
def test_claim_that_is_not_linear_differs_at_a_mix(size: int) -> None:
    samples = samples_of(lambda x: (x,), np.linspace(1, 2, size, dtype=np.float32))
    for along in (samples.along_tangents, samples.along_cotangents):
        assert along(lambda x, t: (x, t)).nonlinearity < 1e-14
        assert along(lambda x, t: (x, [abs(t[0])])).nonlinearity > 0.1
        assert along(lambda x, t: (x, [jnp.clip(t[0], -4, 4)])).nonlinearity > 0.1


def test_complex_derivatives_follow_the_convention_of_jax() -> None:
    z = np.asarray([1 + 2j, -0.5 + 1j], np.complex64)
    samples = samples_of(lambda z: (z**2, jnp.abs(z)), z)
    for mode, take in (("fwd", samples.along_tangents), ("rev", samples.along_cotangents)):
        found = take(claim_of(samples.function, mode))
        assert np.allclose(found.claim, found.differences, rtol=1e-7, atol=1e-8)
        assert np.allclose(found.native, found.wide, rtol=1e-5)


def test_tiny_x0_has_steps_of_two_lengths() -> None:
    samples = samples_of(lambda x: (jnp.log1p(jnp.exp(x)),), np.float32(1e-8))
    assert abs(samples.differences[0] - 0.5) > 1e-5  # rounding
    assert abs(samples.differences[1] - 0.5) < 1e-8


def test_value_of_another_function_is_counted_in_epsilons() -> None:
    samples = samples_of(lambda x: (x,), X)
    found = samples.along_tangents(lambda x, t: ([1.001 * x[0]], t))
    assert found.value_error == pytest.approx(0.001 / 2.0**-23, rel=0.01)


def test_what_cannot_be_sampled() -> None:
    with pytest.raises(CannotSampleError, match="finite"):
        samples_of(lambda x: (x,), np.asarray([np.nan], np.float32))
    with pytest.raises(CannotSampleError, match="finite"):
        samples_of(lambda x: (jnp.log(x),), np.float32(0))
    with pytest.raises(CannotSampleError, match="too many"):
        samples_of(lambda x: (x,), np.ones(10**6, np.float32))


def test_function_is_traced_anew_at_each_look() -> None:
    factor = [1.0]

    def scaled(x: Any) -> Any:
        return (factor[0] * x,)

    assert np.allclose(samples_of(scaled, X).differences, np.eye(3))
    factor[0] = 2.0
    assert np.allclose(samples_of(scaled, X).differences, 2 * np.eye(3))


def test_custom_rules_are_seen_at_any_depth() -> None:
    assert samples_of(lambda x: (jax.jit(jax.nn.relu)(x),), X).has_custom_rules
    assert not samples_of(lambda x: (jnp.sin(x),), X).has_custom_rules


def test_nested_derivatives_take_their_vectors_as_inputs() -> None:
    rng, x = np.random.default_rng(0), jnp.asarray(X)
    cubed: Any = lambda x: (x**3,)  # noqa: E731
    pushed, (_, tangent) = nested(cubed, [x], "fwd", rng)
    assert np.allclose(pushed(x, tangent)[0], 3 * X**2 * tangent)
    pulled, (_, cotangent) = nested(cubed, [x], "rev", rng)
    assert np.allclose(pulled(x, cotangent)[0], 3 * X**2 * cotangent)


def test_one_input_alone() -> None:
    x = jnp.asarray(X)
    function = alone(lambda x, y: (x * y,), [x, 2 * x], 1)
    assert np.allclose(function(x)[0], X**2)
