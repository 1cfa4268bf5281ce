"""Further arguments, one by one or together."""

import numpy as np
import pytest

from checkgrad.api.arguments import further_arguments

pytestmark = pytest.mark.numpy


@pytest.mark.parametrize(
    ("positional", "together", "found"),
    [
        ((), (), ()),
        ((1, 2), (), (1, 2)),
        ((), (1, 2), (1, 2)),
        ((), [1, 2], ([1, 2],)),
        ((), None, (None,)),
    ],
)
def test_both_ways_are_the_same(positional, together, found):
    assert further_arguments(positional, together) == found


def test_an_array_is_one_argument():
    array = np.ones(2)
    assert further_arguments((), array)[0] is array


def test_both_ways_at_once_are_refused():
    with pytest.raises(TypeError, match="in one of the two ways"):
        further_arguments((1,), (2,))
