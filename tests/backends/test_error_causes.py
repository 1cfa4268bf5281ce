"""What the words of array libraries mean for x0."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.backends import cause_of

torch = pytest.importorskip("torch")


def test_without_an_array_or_known_words_there_is_no_cause() -> None:
    assert cause_of(TypeError("must be Tensor, not list"), "func", []) == ""
    assert cause_of(TypeError("unsupported operand"), "func", [np.ones(2)]) == ""
    assert cause_of(ValueError("must be Tensor, not numpy.ndarray"), "func", [np.ones(2)]) == ""


def test_the_function_is_named() -> None:
    error = TypeError("sin(): argument 'input' must be Tensor, not numpy.ndarray")
    assert "and jvp computes with PyTorch" in cause_of(error, "jvp", [np.ones(2)])


def test_an_attribute_of_another_object_is_no_cause() -> None:
    for wrong in ("text", 3.0):
        with pytest.raises(AttributeError) as caught:
            wrong.exp()  # type: ignore[attr-defined]
        assert cause_of(caught.value, "func", [np.ones(2)]) == ""


def test_what_x0_has_cannot_be_the_cause() -> None:
    words = RuntimeError("element 0 of tensors does not require grad")
    tensor = torch.ones(2)
    assert "x0.requires_grad_()" in cause_of(words, "grad", [tensor])
    assert cause_of(words, "grad", [tensor.requires_grad_()]) == ""
    assert cause_of(words, "grad", [np.ones(2)]) == ""
