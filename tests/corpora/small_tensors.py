"""What tests of small PyTorch functions share: tensors that stay the same, and one thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The tensors are tiny: more threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tensor(*shape: int, dtype: Any = torch.float64, requires_grad: bool = False) -> Any:
    """Return a tensor of numbers between 1/2 and 3/2."""
    numbers = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return (numbers + 0.5).to(dtype).requires_grad_(requires_grad)
