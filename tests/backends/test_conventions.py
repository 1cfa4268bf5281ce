"""The two conventions of complex gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checkgrad.backends import (
    CONVENTIONS,
    find_backend,
    is_conj_convention,
    other_convention,
)

if TYPE_CHECKING:
    from conftest import Library


def test_each_convention_has_the_other_as_its_counterpart() -> None:
    assert CONVENTIONS == ("jax", "torch")
    assert [is_conj_convention(each) for each in CONVENTIONS] == [True, False]
    assert other_convention(True) == ("torch", "PyTorch")
    assert other_convention(False) == ("jax", "JAX")


@pytest.mark.one_setting
def test_only_pytorch_has_a_plus(xp: Library) -> None:
    convention = find_backend([xp.asarray([1.0])]).convention
    assert is_conj_convention(convention) == (xp.name != "torch")
