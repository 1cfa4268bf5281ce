"""Digests tell arrays apart by their numbers, shapes and dtypes."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.digests import digest_of

NUMBERS = np.asarray([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    "other",
    [
        NUMBERS.ravel(),
        NUMBERS.T,
        NUMBERS.astype(np.float32),
        np.nextafter(NUMBERS, 5.0),
        -NUMBERS,
        1.0,
    ],
)
def test_arrays_that_differ_have_other_digests(other):
    assert digest_of(other) != digest_of(NUMBERS)


def test_the_same_numbers_have_the_same_digest_however_they_lie_in_memory():
    assert digest_of(np.asfortranarray(NUMBERS)) == digest_of(NUMBERS)
    assert digest_of(np.repeat(NUMBERS, 2, axis=1)[:, ::2]) == digest_of(NUMBERS)


def test_what_is_no_number_has_none():
    assert digest_of("text") != digest_of(1.0)
    assert digest_of(object()) == b""
