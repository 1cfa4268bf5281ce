"""Check the hand-written Hessian-vector product of a regularised logistic loss.

Run ``python docs/examples/hessian_vector_product.py``. The program first compares the
gradient with differences of the loss. Then it compares the product with differences of
the gradient. It prints the reports on the right product and on two broken ones. It
exits with 0 if the gradient and the right product are correct and the broken ones are
wrong.
"""

import sys

import numpy as np

from checkgrad import Verdict, assert_grad, verify_jvp

PENALTY = 0.1


def make_data():
    """Return forty points of three features, and a class of -1 or +1 for each."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(40, 3))
    signs = np.sign(features @ [1.0, -2.0, 0.5] + generator.normal(size=40))
    return features, signs


def loss(x, features, signs):
    margins = signs * (features @ x)
    return np.mean(np.logaddexp(0, -margins)) + PENALTY / 2 * np.sum(x**2)


def gradient(x, features, signs):
    margins = signs * (features @ x)
    return -(signs / (1 + np.exp(margins))) @ features / len(signs) + PENALTY * x


def curvature(x, features, signs):
    """Return the second derivative of the loss of every point, by its margin."""
    odds = np.exp(signs * (features @ x))
    return odds / (1 + odds) ** 2


def product(x, tangent, features, signs):
    """Return the Hessian of `loss` times `tangent`, without computing the Hessian."""
    weights = curvature(x, features, signs)
    return (weights * (features @ tangent)) @ features / len(signs) + PENALTY * tangent


def penalty_forgotten(x, tangent, features, signs):
    """Return a broken product: the Hessian lacks the penalty."""
    return product(x, tangent, features, signs) - PENALTY * tangent


def outer_product_swapped(x, tangent, features, signs):
    """Return a broken product: the tangent scales the features."""
    weights = curvature(x, features, signs)
    squares = np.mean(weights[:, None] * features**2, axis=0)
    return squares * tangent + PENALTY * tangent


def main():
    data = make_data()
    x0 = np.array([0.4, -0.8, 0.3])
    assert_grad(loss, gradient, x0, *data)
    right = verify_jvp(gradient, product, x0, *data)
    forgotten = verify_jvp(gradient, penalty_forgotten, x0, *data)
    swapped = verify_jvp(gradient, outer_product_swapped, x0, *data)
    print(f"right:\n{right}\n")
    print(f"penalty forgotten:\n{forgotten}\n")
    print(f"outer product in the wrong place:\n{swapped}")
    return 0 if right and forgotten.verdict is swapped.verdict is Verdict.WRONG else 1


if __name__ == "__main__":
    sys.exit(main())
