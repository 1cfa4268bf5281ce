"""The arrays in a claim, read and checked against x0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.arrays.claim_arrays import claim_leaves
from checkgrad.arrays.point import make_point

if TYPE_CHECKING:
    from conftest import Library

VECTOR = make_point(np.ones(3))
MATRIX = make_point(np.ones((2, 3)))
NUMBER = make_point(2.0)
ONE = make_point(np.ones(1))
COMPLEX = np.array([1 + 2j, 3.0])


@pytest.mark.parametrize(
    ("x0", "value_shape", "shape", "expected"),
    [
        ((3,), (), (3,), (3,)),
        ((2, 3), (), (2, 3), (2, 3)),
        ((3,), (2,), (2, 3), (2, 3)),
        ((3,), (1,), (3,), (3,)),  # a value of shape (1,) counts as a number
        ((3,), (1,), (1, 3), (3,)),
        ((), (), (), ()),
        ((), (), (1,), ()),
        ((1,), (), (), (1,)),
        ((1, 1), (1,), (), (1, 1)),
        ((), (2,), (2, 1), (2,)),  # SciPy counts a number x0 as an array
        ((), (2,), (2,), (2,)),
    ],
)
def test_a_claim_of_a_shape_that_fits_is_taken(
    x0: tuple[int, ...], value_shape: tuple[int, ...], shape: tuple[int, ...], expected: Any
) -> None:
    claim = np.arange(np.prod(shape), dtype=float).reshape(shape)
    (array,) = claim_leaves(make_point(np.ones(x0)), claim, value_shape)
    assert array.shape == expected
    np.testing.assert_array_equal(array.ravel(), claim.ravel())


@pytest.mark.parametrize(
    ("x0", "value_shape", "shape"),
    [
        ((3,), (), (2,)),
        ((3,), (), ()),
        ((3,), (), (1,)),
        ((3,), (), (3, 1)),
        ((2, 3), (), (3, 2)),
        ((2, 3), (), (6,)),
        ((1, 1), (), (1,)),
        ((3,), (2,), (3, 2)),
        ((3,), (2,), (3,)),
        ((3,), (1,), (3, 1)),
        ((1,), (2,), (2,)),
        ((1,), (2,), ()),
    ],
)
def test_a_claim_of_another_shape_is_an_error_that_names_both(
    x0: tuple[int, ...], value_shape: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="shape") as error:
        claim_leaves(make_point(np.ones(x0)), np.ones(shape), value_shape)
    assert f"grad returned shape {shape}" in str(error.value)
    assert f"x0 has shape {x0}" in str(error.value)


def test_a_column_is_to_be_flattened() -> None:
    with pytest.raises(ValueError, match=r"flatten it, e\.g\. grad\(x\)\.ravel\(\)$"):
        claim_leaves(VECTOR, np.ones((3, 1)))
    with pytest.raises(ValueError, match=r"^direction has shape .*e\.g\. direction\.ravel\(\)$"):
        claim_leaves(VECTOR, np.ones((3, 1)), name="direction", said="is")
    with pytest.raises(ValueError, match=r"give one number for each entry of x0$"):
        claim_leaves(MATRIX, np.ones(6))


def test_a_wrong_jacobian_is_told_the_shape_it_must_have() -> None:
    with pytest.raises(ValueError, match=r"func returns shape \(2,\).*of shape \(2, 3\)$"):
        claim_leaves(VECTOR, np.ones((3, 2)), (2,))


def test_a_wrong_leaf_is_named_by_its_path() -> None:
    tree = make_point({"w": np.ones(2), "b": np.ones(3)})
    with pytest.raises(ValueError, match=r"grad\['b'\] returned shape \(2,\) but x0\['b'\]"):
        claim_leaves(tree, {"w": np.ones(2), "b": np.ones(2)})


def test_none_is_an_error_about_a_missing_return() -> None:
    with pytest.raises(TypeError, match=r"^jac returned None.*is a return missing"):
        claim_leaves(VECTOR, None, name="jac")


def test_complex_numbers_where_x0_is_real_are_an_error_unless_allowed() -> None:
    claim = np.ones(3) * 1j
    with pytest.raises(TypeError, match="its real part is the derivative"):
        claim_leaves(VECTOR, claim)
    with pytest.raises(TypeError, match="pass real ones"):
        claim_leaves(VECTOR, claim, name="direction", said="is")
    (array,) = claim_leaves(VECTOR, claim, allow_complex=True)
    assert array.dtype == np.complex128


@pytest.mark.parametrize(("convention", "sign"), [("jax", -1), ("torch", 1)])
def test_complex_claims_become_pairs_in_the_users_convention(convention: str, sign: int) -> None:
    point = make_point(COMPLEX, allow_complex=True, convention=convention)
    (pairs,) = claim_leaves(point, COMPLEX)
    np.testing.assert_array_equal(pairs, [[1, sign * 2], [3, 0]])
    (pairs,) = claim_leaves(point, COMPLEX, tangent=True)
    np.testing.assert_array_equal(pairs, [[1, 2], [3, 0]])


def test_a_real_claim_at_a_complex_leaf_has_no_imaginary_part() -> None:
    point = make_point(COMPLEX, allow_complex=True)
    (pairs,) = claim_leaves(point, np.array([1.0, 2.0]))
    np.testing.assert_array_equal(pairs, [[1, 0], [2, 0]])


@pytest.mark.one_setting
def test_a_claim_of_lists_becomes_an_array_of_the_library(xp: Library) -> None:
    point = make_point(xp.asarray([1.0, 2.0, 3.0]))
    (array,) = claim_leaves(point, [xp.asarray(1.0), xp.asarray(2.0), xp.asarray(3.0)])
    xp.assert_native(array)
    np.testing.assert_array_equal(xp.to_numpy(array), [1.0, 2.0, 3.0])


def test_the_method_of_a_point_is_this_function() -> None:
    (found,) = NUMBER.claim_leaves(3.0)
    (expected,) = claim_leaves(NUMBER, 3.0)
    assert found == expected
    assert found.shape == ()
    assert claim_leaves(ONE, 3.0)[0].shape == (1,)
