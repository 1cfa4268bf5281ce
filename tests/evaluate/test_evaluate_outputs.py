"""Outputs: single entries of what func returns, and weighted sums."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.evaluate.outputs import Outputs

ENTRIES = Outputs(np.asarray([2, 0]), np.empty((0, 3)))
BOTH = Outputs(np.asarray([2, 0]), np.asarray([[1.0, 10.0, 100.0], [0.0, 0.0, -1.0]]))


def test_entries_come_first_and_then_sums():
    assert (ENTRIES.count, BOTH.count) == (2, 4)
    assert ENTRIES.of(np.asarray([1.0, 2.0, 3.0])).tolist() == [3.0, 1.0]
    assert BOTH.of(np.asarray([1.0, 2.0, 3.0])).tolist() == [3.0, 1.0, 321.0, -3.0]


def test_outputs_of_many_vectors_lie_along_the_last_axis():
    vectors = np.arange(12.0).reshape(2, 2, 3)
    found = BOTH.of(vectors)
    assert found.shape == (2, 2, 4)
    for index in np.ndindex(2, 2):
        assert found[index].tolist() == BOTH.of(vectors[index]).tolist()


def test_sums_of_infinities_raise_no_warning():
    found = BOTH.of(np.asarray([np.inf, -np.inf, np.nan]))
    assert np.isnan(found[[0, 2, 3]]).all()
    assert found[1] == np.inf


@pytest.mark.parametrize("count", [1, 7, 100])
def test_sums_round_alike_however_many_vectors_there_are(count):
    rng = np.random.default_rng(0)
    outputs = Outputs(np.arange(0), rng.standard_normal((2, 50)))
    vectors = rng.standard_normal((100, 50))
    assert outputs.of(vectors[:count]).tolist() == outputs.of(vectors)[:count].tolist()


@pytest.mark.parametrize(
    ("chosen", "entries", "weights"),
    [
        ([0, 1, 2, 3], [2, 0], [1.0, 0.0]),
        ([1], [0], []),
        ([3], [], [0.0]),
        ([0, 3], [2], [0.0]),
        ([], [], []),
    ],
)
def test_some_outputs_are_taken_in_order(chosen, entries, weights):
    taken = BOTH.take(chosen)
    assert taken.count == len(chosen)
    assert taken.entries.tolist() == entries
    assert taken.weights[:, 0].tolist() == weights
    assert taken.weights.shape == (len(weights), 3)
    assert taken.of(np.arange(3.0)).tolist() == BOTH.of(np.arange(3.0))[chosen].tolist()


def test_weights_of_an_output_are_those_of_all_entries():
    assert BOTH.weights_of(0, 3).tolist() == [0.0, 0.0, 1.0]
    assert BOTH.weights_of(1, 3).tolist() == [1.0, 0.0, 0.0]
    assert BOTH.weights_of(2, 3).tolist() == [1.0, 10.0, 100.0]
