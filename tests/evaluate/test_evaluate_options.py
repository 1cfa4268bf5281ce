"""How the user asks for many points: what is refused, and a func of many points at one."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.options import (
    CHUNK_BYTES,
    DEFAULT_EVALUATION,
    of_one_point,
    require_chunk_bytes,
)


def test_by_default_the_library_decides():
    assert (DEFAULT_EVALUATION.batch, DEFAULT_EVALUATION.chunk_bytes) == ("auto", CHUNK_BYTES)


@pytest.mark.parametrize("number", [1, np.int64(7), 2**40])
def test_a_whole_number_of_bytes_is_an_int(number):
    found = require_chunk_bytes(number)
    assert found == number
    assert type(found) is int


@pytest.mark.parametrize("number", [0, -1, 1.0, True, "1", None])
def test_other_chunks_are_refused(number):
    with pytest.raises(ValueError, match=r"chunk_bytes is .*; pass a number of bytes, at least 1"):
        require_chunk_bytes(number)


@pytest.mark.parametrize("batch", ["auto", "loop"])
def test_a_func_of_one_point_is_itself(batch):
    assert of_one_point(np.sum, make_point(np.ones(2)), batch) is np.sum


@pytest.mark.parametrize("batch", ["Auto", None, 1, ["loop"]])
def test_an_unknown_batch_is_refused(batch):
    with pytest.raises(ValueError, match=r"batch is .*; pass 'auto', 'vmap', 'vectorized' or"):
        of_one_point(np.sum, make_point(np.ones(2)), batch)


def test_vmap_is_refused_where_there_is_none(xp):
    point = make_point(xp.asarray([1.0]))
    if point.backend.maps:
        assert of_one_point(np.sum, point, "vmap") is np.sum
    else:
        with pytest.raises(ValueError, match=r"batch is 'vmap', which .* does not have"):
            of_one_point(np.sum, point, "vmap")


def test_a_func_of_many_points_gets_one_with_a_leading_axis(xp):
    def func(p):
        assert tuple(p["a"].shape) == (1, 2)
        assert tuple(p["b"].shape) == (1,)
        return 10.0 * (xp.sum(p["a"], axis=-1) + p["b"])

    x0 = {"a": xp.asarray([1.0, 2.0]), "b": xp.asarray(3.0)}
    alone = of_one_point(func, make_point(x0), "vectorized")
    value = alone(x0)
    assert tuple(value.shape) == ()
    assert float(xp.to_numpy(value)) == 60.0


@pytest.mark.parametrize("value", [np.ones(2), np.asarray(1.0), 1.0, np.ones((2, 1))])
def test_a_func_that_returns_no_value_for_each_point_is_refused(value):
    alone = of_one_point(lambda x: value, make_point(np.ones(2)), "vectorized")
    with pytest.raises(ValueError, match=r"func returned shape .* for one point along a leading"):
        alone(np.ones(2))
