"""Each assert_* raises what the verify_* of the same name finds, and passes everything on."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import checkgrad
from checkgrad import GradientError, assert_autodiff, assert_jac, assert_jvp, assert_vjp

X = np.asarray([0.5, -1.25])
RIGHT: dict[str, Any] = {
    "jac": lambda x, factor: np.diag(2 * factor * x),
    "jvp": lambda x, tangent, factor: 2 * factor * x * tangent,
    "vjp": lambda x, cotangent, factor: 2 * factor * x * cotangent,
}
ASSERTIONS = {"jac": assert_jac, "jvp": assert_jvp, "vjp": assert_vjp}


def func(x: Any, factor: float) -> Any:
    return factor * x**2


@pytest.mark.numpy
@pytest.mark.parametrize("form", RIGHT)
def test_wrong_claim_raises_and_right_one_does_not(form: str) -> None:
    check, right = ASSERTIONS[form], RIGHT[form]
    assert check(func, right, X, 3.0, rng=1) is None
    with pytest.raises(GradientError, match=r"^wrong: "):
        check(func, lambda *args: 1.01 * right(*args), X, 3.0)
    check(func, lambda *args: 1.01 * right(*args), X, 3.0, rtol=0.1)


@pytest.mark.numpy
@pytest.mark.parametrize("form", RIGHT)
def test_inconclusive_passes_if_asked_to(form: str) -> None:
    def rough(x: Any, factor: float) -> Any:
        return func(x, factor) + 0.01 * np.sin(1e20 * x)

    with pytest.raises(GradientError, match=r"^inconclusive: "):
        ASSERTIONS[form](rough, RIGHT[form], X, 3.0)
    ASSERTIONS[form](rough, RIGHT[form], X, 3.0, allow_inconclusive=True)


@pytest.mark.parametrize("form", ["grad", "jac", "jvp", "vjp", "autodiff"])
def test_takes_what_its_counterpart_takes(form: str) -> None:
    asserted = inspect.signature(getattr(checkgrad, f"assert_{form}")).parameters
    verified = inspect.signature(getattr(checkgrad, f"verify_{form}")).parameters
    positional = [name for name, each in verified.items() if each.kind is not each.KEYWORD_ONLY]
    assert list(asserted) == [*positional, "allow_inconclusive", "options"]


def test_library_that_differentiates() -> None:
    jnp = pytest.importorskip("jax.numpy")
    assert_autodiff(func, jnp.asarray(X, jnp.float32), 3.0, modes=["rev"])
    with pytest.raises(TypeError, match="no differentiation of its own"):
        assert_autodiff(func, X, 3.0)
