"""The arrays in what the user's functions return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.arrays.output_arrays import (
    is_one_array,
    listed,
    output_arrays,
    recording_arrays,
    require_leading_axis,
)
from checkgrad.arrays.point import make_point

if TYPE_CHECKING:
    from conftest import Library

POINT = make_point(np.ones(2))


@pytest.mark.parametrize("value", [1.0, 2, 1j, np.float32(3), np.ones(()), [1.0, [2.0]], "three"])
def test_numbers_and_lists_of_numbers_are_one_array(value: Any) -> None:
    assert is_one_array(value)


@pytest.mark.parametrize("value", [[], {}, {"a": 1.0}, [np.ones(2)], np.ones(2), None, [1.0, None]])
def test_trees_of_arrays_are_not_one_array(value: Any) -> None:
    assert not is_one_array(value)


def test_a_single_array_has_no_path() -> None:
    arrays, paths, structure = output_arrays([1.0, 2.0], POINT, "func")
    assert paths == [""]
    assert structure is None
    np.testing.assert_array_equal(arrays[0], [1.0, 2.0])


def test_a_tree_has_a_path_for_each_array() -> None:
    value = {"loss": 1.0, "rest": [np.ones(2), np.float32(3)]}
    arrays, paths, structure = output_arrays(value, POINT, "func")
    assert paths == ["['loss']", "['rest'][0]", "['rest'][1]"]
    assert structure is not None
    assert [array.shape for array in arrays] == [(), (2,), ()]


def test_integers_beside_floating_numbers_are_left_out() -> None:
    arrays, paths, _ = output_arrays({"loss": 1.0, "step": 3}, POINT, "func")
    assert paths == ["['loss']"]
    assert len(arrays) == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "func returned None.*is a return missing"),
        ("three", "func returned 'three'.*; it must return numbers"),
        ({}, r"func returned \{\}.*; it must return numbers"),
        (np.array([True]), "it must return numbers"),
    ],
)
def test_a_value_without_numbers_is_a_type_error(value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        output_arrays(value, POINT, "func")


def test_a_value_that_the_user_passed_is_said_to_be_it() -> None:
    with pytest.raises(TypeError, match=r"direction is 'x' .*; pass numbers$"):
        output_arrays("x", POINT, "direction", "is")


@pytest.mark.libraries("torch")
def test_recording_arrays_still_record(xp: Library) -> None:
    x = xp.detach(xp.asarray([1.0, 2.0])).requires_grad_()
    (loss,), structure = recording_arrays([x[0], x[1]], make_point(x))
    assert structure is None
    assert loss.shape == (2,)
    assert loss.requires_grad
    arrays, structure = recording_arrays({"loss": x[0], "more": x * 2, "step": 3}, make_point(x))
    assert structure is not None
    assert [array.requires_grad for array in arrays] == [True, True]


def test_a_value_without_floating_numbers_cannot_be_differentiated() -> None:
    with pytest.raises(TypeError, match="no floating number to differentiate"):
        recording_arrays(np.array([1, 2]), POINT)


def test_many_points_have_one_leading_axis() -> None:
    require_leading_axis([np.ones((3, 2)), np.ones(3)], ["['a']", "['b']"])
    for arrays in ([np.ones(3), np.ones(2)], [np.ones(())]):
        with pytest.raises(ValueError, match=r"one value for each point: shape \(k, \.\.\.\)"):
            require_leading_axis(arrays, ["['a']", "['b']"][: len(arrays)])


def test_a_structure_is_named_by_its_paths() -> None:
    assert listed([""]) == "one array"
    assert listed([]) == "nothing"
    assert listed(["['a']", "['b']"]) == "a tree of ['a'], ['b']"
