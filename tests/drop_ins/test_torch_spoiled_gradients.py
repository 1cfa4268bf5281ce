"""Gradients of everyday functions that are spoiled in one place: the full mode finds them all."""

from __future__ import annotations

import pytest

torch_functions = pytest.importorskip("torch_functions")
torch_drop_in = pytest.importorskip("checkgrad.torch")


@pytest.mark.parametrize("name", torch_functions.FUNCTIONS)
def test_right_gradient_passes_and_every_spoiled_one_is_found(name: str) -> None:
    func, inputs = torch_functions.FUNCTIONS[name][0], torch_functions.inputs_of(name)
    assert torch_drop_in.gradcheck(func, inputs)
    assert torch_drop_in.gradcheck(func, inputs, fast_mode=True)
    for spoil in torch_functions.SPOILERS.values():
        wrong = torch_functions.spoiled(func, spoil)
        assert not torch_drop_in.gradcheck(wrong, inputs, raise_exception=False)
