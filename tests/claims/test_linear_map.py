"""Claims as linear maps: gradients by leaves, and products with tangents."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.claims.linear_map import ClaimAtX0, GradientByLeaves, product
from checkgrad.evaluate.outputs import Outputs


def tree():
    point = make_point({"a": np.ones((2, 2)), "b": np.ones(3)})
    leaves = [np.asarray([[1.0, 2.0], [3.0, 4.0]]), np.asarray([5.0, 6.0, 7.0])]
    return point, leaves


def test_coordinates_are_those_of_all_leaves_in_order():
    point, leaves = tree()
    assert GradientByLeaves(leaves, point).coordinates().tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_a_gradient_says_the_sum_of_products_of_a_tangent():
    point, leaves = tree()
    tangent = [np.asarray([[1.0, 0.0], [0.0, 10.0]]), np.asarray([100.0, 0.0, -1.0])]
    assert GradientByLeaves(leaves, point).along(tangent) == 1 + 40 + 500 - 7
    assert product(leaves, tangent, point) == 534
    assert isinstance(product(leaves, tangent, point), float)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_products_with_what_is_not_finite_warn_of_nothing(bad):
    point = make_point(np.ones(2))
    assert np.isnan(product([np.asarray([bad, 1.0])], [np.asarray([0.0, 1.0])], point))
    large = [np.asarray([1e308, 1e308])]
    assert product(large, [np.asarray([1e10, 1.0])], point) == np.inf


def test_empty_leaves_add_nothing():
    point = make_point([np.ones(0), np.ones(1)])
    assert product([np.ones(0), np.asarray([2.0])], [np.ones(0), np.asarray([3.0])], point) == 6.0


class _Changes:
    def changes(self, tangent, outputs, gradients):
        return tangent, outputs, gradients


class _WithoutLeaves:
    leaves = None


def test_leaves_of_a_claim_are_those_of_all_outputs_or_none():
    point, leaves = tree()
    outputs = Outputs(np.arange(2), np.empty((0, 2)))
    gradient = GradientByLeaves(leaves, point)
    assert ClaimAtX0(_Changes(), outputs, [gradient, gradient]).leaves == [leaves, leaves]
    assert ClaimAtX0(_Changes(), outputs, [gradient, _WithoutLeaves()]).leaves is None
    assert ClaimAtX0(_Changes(), outputs, [_WithoutLeaves()] * 2).leaves is None


def test_changes_are_asked_of_the_claim():
    outputs = Outputs(np.arange(1), np.empty((0, 1)))
    claim = ClaimAtX0(_Changes(), outputs, ["gradient"])
    assert claim.changes("tangent") == ("tangent", outputs, ["gradient"])
