"""Steps of a random direction: other numbers for each direction."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.evaluate.random_steps import NormalNumbers


@pytest.mark.numpy
@pytest.mark.parametrize("size", [1, 64, 65, 1000])
def test_directions_get_other_numbers_each(size: int) -> None:
    numbers, rng = NormalNumbers(np.random.default_rng(1)), np.random.default_rng(1)
    drawn = np.array([numbers.standard_normal(size) for _ in range(30)])
    assert drawn.shape == (30, size)
    different = np.unique(drawn[:, 0]).size
    assert different > 15
    assert abs(drawn.mean()) < 5 / np.sqrt(2 * size)
    assert drawn.std() == pytest.approx(rng.standard_normal(10_000).std(), rel=5 / np.sqrt(size))
