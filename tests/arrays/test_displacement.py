"""How far a point lies from x0, in words."""

import numpy as np
import pytest

from checkgrad.arrays.displacement import displacement_of
from checkgrad.arrays.point import make_point


def test_few_coordinates_are_named(xp):
    point = make_point({"a": xp.asarray([1.0, 2.0]), "b": xp.asarray([[3.0]])})
    x = {"a": xp.asarray([1.0, 2.5]), "b": xp.asarray([[3.25]])}
    words = displacement_of(point, x).in_words("p")
    assert words == "at p['a'][1] = 2.5, p['b'][0, 0] = 3.25"


def test_many_coordinates_are_not():
    point = make_point(np.ones(5))
    moved = np.ones(5) + np.asarray([1, 2, -3, 4, -5]) / 8
    assert displacement_of(point, moved).in_words("x") == "at a point 0.62 from x"


def test_parts_of_complex_numbers_are_named():
    point = make_point(np.asarray([1 + 2j]), allow_complex=True)
    assert displacement_of(point, np.asarray([1 + 3j])).in_words("z") == "at z[0].imag = 3"


@pytest.mark.parametrize("x", [np.ones(2), None, np.ones(3), "gone"], ids=str)
def test_what_cannot_be_told_is_none(x):
    assert displacement_of(make_point(np.ones(2)), x) is None
