"""Copies of tensors that have the strides of the user's."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
strides = pytest.importorskip("checkgrad.backends.torch_strides")


def base() -> Any:
    return torch.arange(12.0).reshape(3, 4)


LAYOUTS = {
    "contiguous": base(),
    "transposed": base().T,
    "part": base()[1:, 1:3],
    "every other": base()[:, ::2],
    "a row": base()[:1],
    "a number": torch.tensor(3.0),
    "channels last": torch.rand(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_copy_has_the_same_strides_and_values_in_other_memory(name: str) -> None:
    tensor = LAYOUTS[name]
    copy = strides.strided_copy(tensor)
    assert copy.stride() == tensor.stride() or tensor.numel() == len(tensor) == 1
    assert torch.equal(copy, tensor)
    assert copy.data_ptr() != tensor.data_ptr()


def test_overlapping_and_far_apart_entries_are_laid_out_anew() -> None:
    for tensor in (torch.ones(1).expand(3), torch.ones(10_000)[::5_000]):
        copy = strides.strided_copy(tensor)
        assert torch.equal(copy, tensor)
        assert copy.is_contiguous()


def test_copy_of_a_differentiable_tensor_can_be_differentiated() -> None:
    x = torch.ones(3, 2, requires_grad=True)
    y = strides.with_strides_of(2 * x, base()[:, ::2])
    assert y.stride() == (4, 2)
    assert torch.equal(torch.autograd.grad(y.sum(), x)[0], torch.full((3, 2), 2.0))


@pytest.mark.parametrize("shape", [(3,), (3, 2), (1, 2)])
def test_copy_with_gaps_is_not_contiguous(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape)
    assert not strides.with_gaps(x).is_contiguous()
    assert torch.equal(strides.with_gaps(x), x)
