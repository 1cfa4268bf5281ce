"""Claims of the forms grad, jvp and vjp: what they are called with, and what is read of them."""

from __future__ import annotations

import numpy as np
import pytest

DOUBLE, SINGLE = 2.0**-52, 2.0**-23
MATRIX = np.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
X0 = np.asarray([1.0, 10.0, 100.0])
VALUE = MATRIX @ X0


def test_grad_is_the_gradient_of_the_only_output(make):
    made = make("grad", lambda x, factor: factor * x, X0, args=(2.0,))
    assert made.coordinates() == [[2.0, 20.0, 200.0]]
    assert made.claim.n_grad == 1
    (gradient,) = made.gradients([np.asarray([1.0, 2.0, 3.0])])
    assert gradient.coordinates().tolist() == [2.0, 4.0, 6.0]
    assert gradient.along([np.asarray([1.0, 0.0, 1.0])]) == 8.0
    assert made.claim.n_grad == 2


def test_grad_of_a_tree_has_its_structure(make):
    x0 = {"a": np.ones(2), "b": np.ones(1)}
    made = make("grad", lambda x: {"b": x["b"] * 3, "a": x["a"] * 2}, x0)
    assert made.coordinates() == [[2.0, 2.0, 3.0]]


def test_grad_may_write_into_its_argument(make):
    def grad(x):
        x *= 2
        return x

    made = make("grad", grad, X0.copy())
    assert made.coordinates() == [[2.0, 20.0, 200.0]]
    assert made.coordinates() == [[2.0, 20.0, 200.0]]
    assert made.point.leaves[0].tolist() == X0.tolist()


def test_leaves_are_handed_over_only_if_passing(make):
    seen = []

    def grad(x):
        seen.append(x)
        return x.copy()

    made, leaves = make("grad", grad, X0), [X0.copy()]
    made.gradients(leaves)
    made.gradients(leaves, passing=True)
    assert [np.shares_memory(x, leaves[0]) for x in seen] == [False, True]


def test_grad_may_reuse_its_buffer_unless_passing(make):
    buffer = np.empty(3)

    def grad(x):
        buffer[:] = x
        return buffer

    made = make("grad", grad, X0)
    (kept,) = made.gradients()
    (passing,) = made.gradients(passing=True)
    made.gradients([np.zeros(3)])
    assert kept.coordinates().tolist() == X0.tolist()
    assert passing.coordinates().tolist() == [0.0] * 3


@pytest.mark.parametrize("form", ["grad", "vjp", "jvp"])
def test_epsilon_is_that_of_the_coarsest_dtype_so_far(make, form):
    dtypes = [np.float64, np.float32, np.float64]
    calls = iter(dtypes)

    def claim(x, *vectors):
        return np.ones(3, dtype=next(calls)) if form != "jvp" else np.ones(1, dtype=next(calls))

    value = None if form == "grad" else np.ones(1)
    made, seen = make(form, claim, X0, value), [0.0]
    assert made.claim.epsilon == 0.0
    for _ in dtypes:
        gradient = made.gradients()[0]
        gradient.along([np.ones(3)])
        seen.append(made.claim.epsilon)
    assert seen == [0.0, DOUBLE, SINGLE, SINGLE]


def test_epsilon_of_a_tree_is_that_of_its_coarsest_leaf(make):
    x0 = [np.ones(1), np.ones(1)]
    made = make("grad", lambda x: [np.ones(1, dtype=np.float32), np.ones(1)], x0)
    made.gradients()
    assert made.claim.epsilon == SINGLE


@pytest.mark.parametrize("form", ["grad", "vjp"])
def test_changes_are_products_of_gradients_with_a_tangent(make, form):
    def claim(x, *cotangent):
        return cotangent[0] @ MATRIX if cotangent else x

    made = make(form, claim, X0, None if form == "grad" else VALUE)
    tangent = [np.asarray([1.0, 0.0, 1e-200])]
    changes = made.claim.changes(tangent, made.outputs, made.gradients())
    assert changes.tolist() == ([1.0] if form == "grad" else [1.0, 4.0])


def vjp(x, cotangent):
    return cotangent @ MATRIX


def test_vjp_gives_the_gradient_of_each_output(make):
    made = make("vjp", vjp, X0, VALUE, weights=[[10.0, 1.0]])
    assert made.coordinates() == [[1, 2, 3], [4, 5, 6], [14, 25, 36]]
    assert made.claim.n_grad == 3


def test_vjp_is_asked_with_cotangents_of_the_shape_of_func(make):
    seen = []

    def claim(x, cotangent):
        seen.append(cotangent.copy())
        cotangent[...] = np.nan  # it is the claim's own
        return np.ones(3)

    value = np.ones((2, 1), dtype=np.float32)
    made = make("vjp", claim, X0, value, weights=[[0.5, 2.0]])
    made.gradients()
    assert [each.tolist() for each in seen] == [[[1.0], [0.0]], [[0.0], [1.0]], [[0.5], [2.0]]]
    assert {each.dtype for each in seen} == {np.dtype(np.float32)}
    made.gradients()
    assert seen[5].tolist() == [[0.5], [2.0]]


def test_vjp_gets_a_point_of_its_own(make):
    def claim(x, cotangent):
        x *= 2
        return cotangent @ MATRIX * x

    made = make("vjp", claim, X0, VALUE)
    assert made.coordinates() == [[2, 40, 600], [8, 100, 1200]]
    assert made.coordinates() == [[2, 40, 600], [8, 100, 1200]]


def test_vjp_is_called_when_its_gradient_is_asked_for(make):
    made = make("vjp", vjp, X0, VALUE)
    gradients = made.claim.gradients(made.point.leaves, made.outputs)
    assert made.claim.n_grad == 0
    next(gradients)
    assert made.claim.n_grad == 1


def jvp(x, tangent):
    return MATRIX @ tangent


def test_jvp_gives_gradients_column_by_column(make):
    made = make("jvp", jvp, X0, VALUE, weights=[[10.0, 1.0]])
    gradients = made.gradients()
    assert made.claim.n_grad == 0
    assert gradients[1].coordinates().tolist() == [4, 5, 6]
    assert made.claim.n_grad == 3
    assert gradients[0].coordinates().tolist() == [1, 2, 3]
    assert gradients[2].coordinates().tolist() == [14, 25, 36]
    assert made.claim.n_grad == 3  # each axis is asked for once, for all outputs
    assert gradients[0].leaves is None


def test_jvp_is_asked_for_each_tangent_once(make):
    made = make("jvp", jvp, X0, VALUE)
    one, other = [np.asarray([1.0, 0.0, 0.0])], [np.asarray([0.0, 0.0, 2.0])]
    first, second = made.gradients()
    assert [first.along(one), second.along(one), first.along(other)] == [1.0, 4.0, 6.0]
    assert made.claim.n_grad == 2
    assert isinstance(first.along(one), float)


def test_jvp_gets_a_point_and_a_tangent_of_its_own(make):
    def claim(x, tangent):
        x *= 2
        tangent *= x
        return MATRIX @ tangent

    made, tangent = make("jvp", claim, X0, VALUE), [np.ones(3)]
    first, _ = made.gradients()
    assert first.along(tangent) == 642.0
    assert tangent[0].tolist() == [1.0] * 3
    assert first.coordinates().tolist() == [2, 40, 600]
    assert made.point.leaves[0].tolist() == X0.tolist()


def test_jvp_is_asked_at_the_given_point(make):
    made = make("jvp", lambda x, tangent: MATRIX @ (x * tangent), X0, VALUE)
    first, _ = made.gradients([np.asarray([1.0, 0.0, 0.0])])
    assert first.along([np.ones(3)]) == 1.0
    assert first.coordinates().tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("size", [1.0, 3e-310, 1e-20, 0.75, 2.0, 1e300, -1e-5])
def test_jvp_is_asked_about_tangents_of_a_size_of_about_one(make, size):
    seen = []

    def claim(x, tangent):
        seen.append(np.abs(tangent).max())
        return MATRIX @ tangent

    made = make("jvp", claim, X0, VALUE, weights=[[10.0, 1.0]])
    tangent = [np.asarray([size, size / 4, 0.0])]
    changes = made.claim.changes(tangent, made.outputs, made.gradients())
    expected = np.asarray([1.5, 5.25, 20.25]) * size
    assert changes.tolist() == pytest.approx(expected.tolist(), rel=1e-12)
    assert 0.5 <= seen[0] < 1
    assert len(seen) == 1


@pytest.mark.parametrize("tangent", [np.zeros(3), np.asarray([1.0, np.inf, 0.0])])
def test_jvp_is_not_asked_about_tangents_without_a_size(make, tangent):
    made = make("jvp", jvp, X0, VALUE)
    changes = made.claim.changes([tangent], made.outputs, made.gradients())
    assert changes.tolist() == [0.0, 0.0]
    assert made.claim.n_grad == 0


def test_jvp_without_outputs_says_nothing(make):
    made = make("jvp", jvp, X0, VALUE)
    assert made.claim.changes([np.ones(3)], made.outputs, []).tolist() == [0.0, 0.0]
    assert made.claim.n_grad == 0


def test_jvp_of_a_tree_with_an_empty_leaf(make):
    x0 = [np.ones(0), np.ones(1)]
    made = make("jvp", lambda x, t: 3 * t[1], x0, np.ones(1))
    tangent = [np.ones(0), np.asarray([0.5])]
    assert made.claim.changes(tangent, made.outputs, made.gradients()).tolist() == [1.5]


@pytest.mark.parametrize(
    ("form", "claim", "error"),
    [
        ("grad", lambda x: None, "grad returned None"),
        ("vjp", lambda x, v: None, "vjp returned None"),
        ("jvp", lambda x, v: None, "jvp returned None"),
        ("grad", lambda x: 1j * x, "grad returned complex numbers"),
        ("jvp", lambda x, v: 1j * VALUE, "jvp is complex"),
    ],
)
def test_errors_name_the_form(make, form, claim, error):
    made = make(form, claim, X0, None if form == "grad" else VALUE)
    with pytest.raises(TypeError, match=error):
        made.coordinates()


@pytest.mark.parametrize(
    ("form", "claim"),
    [
        ("grad", lambda x: np.ones(2)),
        ("vjp", lambda x, v: np.ones((3, 1))),
        ("jvp", lambda x, v: np.ones(3)),
    ],
)
def test_another_shape_is_an_error(make, form, claim):
    made = make(form, claim, X0, None if form == "grad" else VALUE)
    with pytest.raises(ValueError, match=f"{form}.* shape"):
        made.coordinates()
