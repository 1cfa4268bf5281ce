"""Places of flat entries."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.places import array_of, entry_text, offsets_of


def test_offsets_are_where_each_array_begins() -> None:
    assert offsets_of([3, 0, 2]) == (0, 3, 3)
    assert offsets_of([5]) == (0,)
    assert offsets_of([]) == ()


@pytest.mark.parametrize("sizes", [(3, 2), (3, 0, 2), (0, 3, 0, 0, 2, 0), (1,), (1, 0)])
def test_every_entry_lies_in_an_array_that_has_entries(sizes: tuple[int, ...]) -> None:
    expected = [array for array, size in enumerate(sizes) for _ in range(size)]
    found = [array_of(entry, offsets_of(sizes)) for entry in range(sum(sizes))]
    assert found == expected


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 1, 3)])
def test_the_text_of_an_entry_is_its_index_in_python(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    for entry in range(array.size):
        text = entry_text(shape, entry)
        assert eval(f"array{text}", {"array": array}) == entry


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_the_text_of_a_complex_entry_names_its_part(shape: tuple[int, ...]) -> None:
    pairs = np.arange(2 * np.prod(shape, dtype=int)).reshape(*shape, 2)
    array = pairs[..., 0] + 1j * pairs[..., 1]
    for entry in range(pairs.size):
        text = entry_text(pairs.shape, entry, paired=True)
        assert text.endswith(".imag" if entry % 2 else ".real")
        assert eval(f"array{text}", {"array": array}) == entry
