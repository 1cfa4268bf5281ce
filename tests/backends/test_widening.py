"""The default widening: a function is called with float64."""

import numpy as np
import pytest

from checkgrad.backends import CannotWidenError, find_backend
from checkgrad.backends.widening import PassedFloat64


def epsilon(dtype):
    return float(np.finfo(dtype).eps)


def test_the_function_is_called_with_what_it_is_given():
    wide = PassedFloat64(epsilon).widened(lambda x, y: x * y, [[np.float32], [np.float32]])
    value = wide(np.asarray([1.0, 2.0]), np.asarray([3.0, 4.0]))
    assert value.dtype == np.float64
    assert value.tolist() == [3.0, 8.0]


def test_the_observation_is_the_coarsest_dtype_of_the_arguments_and_nothing_else():
    wide = PassedFloat64(epsilon).widened(np.sum, [[np.float32, np.float16], [np.float64]])
    value, seen = wide.observed(np.ones(2))
    assert value == 2.0
    assert seen.epsilon == epsilon(np.float16) == wide.coarsest_epsilon(np.ones(2))
    assert np.isnan(wide.largest(np.ones(2)))
    assert not seen.islands
    assert not seen.casts


def test_rounding_cannot_be_simulated_where_operations_are_not_seen():
    wide = PassedFloat64(epsilon).widened(np.sum, [[np.float32]])
    with pytest.raises(CannotWidenError, match="cannot be seen from outside"):
        wide.perturbed(0, np.ones(2))


@pytest.mark.parametrize(
    ("dtype", "wide"), [("float16", "float64"), ("float32", "float64"), ("complex64", "complex128")]
)
def test_numpy_arrays_are_widened_and_narrowed_without_a_change_of_values(dtype, wide):
    array = np.asarray([0.1, -2.5], dtype)
    backend = find_backend([array])
    widened = backend.widened(array)
    assert widened.dtype == wide
    assert widened.tolist() == array.tolist()
    assert not np.shares_memory(widened, array)
    assert backend.narrowed(widened, array).dtype == dtype
    assert backend.lacks_float64(array) == ""
    with backend.with_float64(), backend.as_user_set():
        assert backend.narrowed(widened, array).tolist() == array.tolist()
