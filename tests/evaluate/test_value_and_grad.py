"""One function of value and gradient, as two."""

import pickle

import numpy as np
import pytest

from checkgrad.evaluate.value_and_grad import split

pytestmark = pytest.mark.numpy


def pair(weights, scale=1.0):
    return scale * weights @ weights, 2 * scale * weights


def test_each_part_takes_the_arguments_of_both():
    value, grad = split(pair)
    assert value(np.ones(2), 3.0) == 6.0
    assert grad(np.ones(2), 3.0).tolist() == [6.0, 6.0]
    assert value.__wrapped__ is pair  # so that a report says "weights[0]"


@pytest.mark.parametrize("returned", [1.0, (1.0,), (1.0, 2.0, 3.0), np.ones(2), None], ids=str)
def test_what_is_no_pair_is_refused(returned):
    for function in split(lambda x: returned):
        with pytest.raises(TypeError, match=r"a pair \(value, gradient\)"):
            function(np.ones(2))


def test_each_part_can_be_sent_to_another_process():
    value, grad = pickle.loads(pickle.dumps(split(np.frexp)))  # which returns a pair
    assert value(3.0) == 0.75
    assert grad(3.0) == 2
    assert value.__name__ == "frexp"
