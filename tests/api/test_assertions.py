"""Each assert_* raises what the verify_* of the same name finds, and passes everything on."""

from __future__ import annotations

import inspect
import typing
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
WORDS = {
    "direction": ("auto", "all", "random"),
    "batch": ("auto", "vmap", "vectorized", "loop"),
    "method": ("differences", "complex-step"),
    "precision": ("auto", "float64", "native"),
    "convention": ("jax", "torch"),
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
    asserted = dict(inspect.signature(getattr(checkgrad, f"assert_{form}")).parameters)
    verified = dict(inspect.signature(getattr(checkgrad, f"verify_{form}")).parameters)
    assert asserted.pop("allow_inconclusive").default is False
    assert asserted == verified  # names, defaults and types


@pytest.mark.numpy
@pytest.mark.parametrize("form", ["grad", "jac", "jvp", "vjp", "autodiff"])
def test_options_in_words_are_literals(form: str) -> None:
    for name in (f"verify_{form}", f"assert_{form}"):
        hints = typing.get_type_hints(getattr(checkgrad, name))
        for option, words in WORDS.items():
            if option in hints:
                literals = [hints[option], *typing.get_args(hints[option])]
                assert any(typing.get_args(each) == words for each in literals), option


@pytest.mark.numpy
def test_every_keyword_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for form in ("grad", "jac", "jvp", "vjp", "autodiff"):
        passed: dict[str, Any] = {}

        def verify(*args: Any, passed: dict[str, Any] = passed, **options: Any) -> Any:
            passed.update(options)
            return checkgrad.verify_grad(np.sum, np.ones_like, X)

        monkeypatch.setattr(f"checkgrad.api.assertions.verify_{form}", verify)
        asserted = getattr(checkgrad, f"assert_{form}")
        keywords = [
            name
            for name, each in inspect.signature(asserted).parameters.items()
            if each.kind is each.KEYWORD_ONLY and name != "allow_inconclusive"
        ]
        values = {name: object() for name in keywords}
        functions = (func,) if form == "autodiff" else (func, func)
        asserted(*functions, X, **values)
        assert passed == values


def test_library_that_differentiates() -> None:
    jnp = pytest.importorskip("jax.numpy")
    assert_autodiff(func, jnp.asarray(X, jnp.float32), 3.0, modes=["rev"])
    with pytest.raises(TypeError, match="no differentiation of its own"):
        assert_autodiff(func, X, 3.0)
