"""Claims of the form jac: arrays for pairs of outputs and inputs, real and complex."""

from __future__ import annotations

import numpy as np
import pytest

DOUBLE, SINGLE = 2.0**-52, 2.0**-23
MATRIX = np.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
X0 = np.asarray([1.0, 10.0, 100.0])
VALUE = MATRIX @ X0


def test_rows_are_the_gradients_of_the_outputs(make):
    made = make("jac", lambda x, factor: factor * MATRIX, X0, VALUE, args=(2.0,))
    assert made.coordinates() == (2 * MATRIX).tolist()
    assert made.claim.n_grad == 1


def test_sums_are_weighted_sums_of_rows(make):
    made = make("jac", lambda x: MATRIX, X0, VALUE, weights=[[10.0, 1.0], [0.0, -1.0]])
    assert made.coordinates()[2:] == [[14, 25, 36], [-4, -5, -6]]


def test_jac_gets_a_point_of_its_own_and_may_reuse_its_buffer(make):
    buffer = np.empty((2, 3))

    def jac(x):
        x *= 2
        buffer[...] = MATRIX * x
        return buffer

    made = make("jac", jac, X0, VALUE)
    first = made.gradients()
    made.gradients([np.zeros(3)])
    assert first[0].coordinates().tolist() == [2, 40, 600]
    assert made.point.leaves[0].tolist() == X0.tolist()


def test_entries_are_flat_in_the_order_of_arrays(make):
    jacobian = np.arange(24.0).reshape(2, 2, 3, 2)
    made = make("jac", lambda x: jacobian, np.ones((3, 2)), np.ones((2, 2)))
    assert made.coordinates() == jacobian.reshape(4, 6).tolist()


def test_parts_of_a_tree_of_outputs(make):
    value = {"a": np.ones(2), "b": np.ones(1), "c": np.ones(0)}

    def jac(x):
        return {"b": np.full((1, 3), 7.0), "a": MATRIX, "c": np.ones((0, 3))}

    made = make("jac", jac, X0, value, weights=[[1.0, 0.0, 10.0]])
    assert made.coordinates() == [*MATRIX.tolist(), [7.0] * 3, [71.0, 72.0, 73.0]]


def test_parts_of_a_tree_of_inputs(make):
    x0 = [np.ones(2), np.ones(1)]
    made = make("jac", lambda x: [MATRIX[:, :2], MATRIX[:, 2:]], x0, VALUE, weights=[[10.0, 1.0]])
    assert made.coordinates() == [[1, 2, 3], [4, 5, 6], [14, 25, 36]]


def test_parts_of_trees_of_both(make):
    x0, value = {"x": np.ones(2), "y": np.ones(1)}, {"a": np.ones(1), "b": np.ones(1)}

    def jac(x):
        return {k: {"x": MATRIX[[i], :2], "y": MATRIX[[i], 2:]} for i, k in enumerate("ab")}

    made = make("jac", jac, x0, value, weights=[[10.0, 1.0]])
    assert made.coordinates() == [[1, 2, 3], [4, 5, 6], [14, 25, 36]]


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
@pytest.mark.parametrize("value", [np.ones(()), np.ones(1)])
def test_the_gradient_of_one_number_may_be_flat_or_a_row(make, shape, value):
    made = make("jac", lambda x: np.arange(3.0).reshape(shape), X0, value)
    assert made.coordinates() == [[0.0, 1.0, 2.0]]


def test_epsilon_is_that_of_the_coarsest_block_so_far(make):
    value = {"a": np.ones(1), "b": np.ones(1)}
    row = np.ones((1, 3))
    dtypes = iter([np.float64, np.float32, np.float64])
    made = make("jac", lambda x: {"a": row, "b": row.astype(next(dtypes))}, X0, value)
    seen = []
    for _ in range(3):
        made.gradients()
        seen.append(made.claim.epsilon)
    assert seen == [DOUBLE, SINGLE, SINGLE]


def test_sums_of_half_precision_are_taken_in_more_digits(make):
    half = np.full((2, 3), 2048.0, dtype=np.float16)
    half[1] = 1.0
    made = make("jac", lambda x: half, X0, VALUE, weights=[[1.0, 1.0]])
    assert made.coordinates()[2] == [2049.0] * 3  # which float16 does not have


# dy = J dx for complex numbers: (a + ib)(u + iv) = (au - bv) + i(bu + av).
J = np.asarray([[1 + 2j, 3 + 4j], [5 + 6j, 7 + 8j]])


def test_complex_jacobians_by_complex_numbers_multiply(make):
    made = make("jac", lambda x: J, np.ones(2, dtype=complex), np.ones(2, dtype=complex))
    assert made.coordinates() == [
        [1, -2, 3, -4],
        [2, 1, 4, 3],
        [5, -6, 7, -8],
        [6, 5, 8, 7],
    ]


def test_complex_jacobians_by_real_numbers_have_two_rows(make):
    made = make("jac", lambda x: J, np.ones(2), np.ones(2, dtype=complex))
    assert made.coordinates() == [[1, 3], [2, 4], [5, 7], [6, 8]]


def test_real_jacobians_of_complex_numbers_count_as_complex(make):
    real = np.asarray([[1.0, 3.0], [5.0, 7.0]])
    made = make("jac", lambda x: real, np.ones(2, dtype=complex), np.ones(2, dtype=complex))
    assert made.coordinates() == [[1, 0, 3, 0], [0, 1, 0, 3], [5, 0, 7, 0], [0, 5, 0, 7]]
    made = make("jac", lambda x: real, np.ones(2), np.ones(2, dtype=complex))
    assert made.coordinates() == [[1, 3], [0, 0], [5, 7], [0, 0]]


@pytest.mark.parametrize(("convention", "flip"), [("jax", -1), ("torch", 1)])
def test_jacobians_of_real_outputs_by_complex_numbers_follow_the_convention(make, convention, flip):
    x0 = np.ones(2, dtype=complex)
    made = make("jac", lambda x: J, x0, np.ones(2), convention=convention)
    assert made.coordinates() == [[1, 2 * flip, 3, 4 * flip], [5, 6 * flip, 7, 8 * flip]]
    real = make("jac", lambda x: J.real, x0, np.ones(2), convention=convention)
    assert np.abs(real.coordinates()).tolist() == [[1, 0, 3, 0], [5, 0, 7, 0]]


@pytest.mark.parametrize(
    ("jacobian", "error", "message"),
    [
        (None, TypeError, "jac returned None"),
        (MATRIX.T, ValueError, r"shape \(2, 3\) \(it looks transposed\)"),
        (MATRIX[0], ValueError, r"jac has shape \(3,\), but func has shape \(2,\)"),
        (MATRIX * 1j, TypeError, "jac is complex .* but neither x0 nor func"),
    ],
)
def test_what_is_no_jacobian_is_an_error(make, jacobian, error, message):
    made = make("jac", lambda x: jacobian, X0, VALUE)
    with pytest.raises(error, match=message):
        made.gradients()


def test_only_a_turned_jacobian_looks_transposed(make):
    made = make("jac", lambda x: np.ones((3, 3)), X0, VALUE)
    with pytest.raises(ValueError, match=r"of shape \(2, 3\)$"):
        made.gradients()


def test_errors_name_the_block(make):
    value = {"a": np.ones(2), "b": np.ones(2)}
    made = make("jac", lambda x: {"a": MATRIX, "b": MATRIX.T}, X0, value)
    with pytest.raises(ValueError, match=r"jac\['b'\] has shape .* func\['b'\]"):
        made.gradients()


def test_a_missing_block_is_an_error(make):
    value = {"a": np.ones(2), "b": np.ones(2)}
    made = make("jac", lambda x: {"a": MATRIX}, X0, value)
    with pytest.raises(ValueError, match=r"without \['b'\]: .* it has \['a'\]"):
        made.gradients()
    made = make("jac", lambda x: {}, X0, value)
    with pytest.raises(ValueError, match=r"without .* it has no leaves"):
        made.gradients()


def test_a_block_too_many_is_an_error(make):
    value = {"a": np.ones(2)}
    made = make("jac", lambda x: {"a": MATRIX, "c": MATRIX}, X0, value)
    with pytest.raises(ValueError, match=r"with \['c'\], which belongs to nothing"):
        made.gradients()


def test_blocks_of_what_is_not_differentiated_are_left_out(make):
    value = {"a": np.ones(2), "n": 3}
    made = make("jac", lambda x: {"a": MATRIX, "n": np.zeros(3)}, X0, value)
    assert made.coordinates() == MATRIX.tolist()
    x0 = {"x": np.ones(3), "n": 3}
    made = make("jac", lambda x: {"a": {"x": MATRIX, "n": np.zeros(2)}}, x0, {"a": np.ones(2)})
    assert made.coordinates() == MATRIX.tolist()


def test_parts_of_a_list_of_outputs(make):
    value = [np.ones(2), np.ones(2)]
    made = make("jac", lambda x: (MATRIX, 2 * MATRIX), X0, value, weights=[[1.0] * 4])
    assert made.coordinates()[4] == [15.0, 21.0, 27.0]
