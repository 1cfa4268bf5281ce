"""Tests of the network: two fail, one passes."""

import numpy as np
from network import broken, func, grad

from checkgrad import assert_grad, verify_grad

X0 = {"weights": np.array([[0.3, -0.8], [1.1, 0.4]]), "bias": np.array([0.1, -0.2])}


def test_gradient():
    assert_grad(func, broken, X0)


def test_report():
    assert verify_grad(func, broken, X0)


def test_two_points(checkgrad):
    for scale in (1, 2):
        checkgrad.assert_grad(
            func, grad, {name: scale * part for name, part in X0.items()}
        )
    assert len(checkgrad.reports) == 2
