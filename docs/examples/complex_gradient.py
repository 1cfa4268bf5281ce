"""Check the hand-written gradient of a real loss of complex weights.

Run ``python docs/examples/complex_gradient.py``. The loss is that of phase retrieval:
find a signal from the absolute values of some measurements. The gradient is written in
the convention of JAX, which NumPy follows here, and in that of PyTorch. The program
prints the reports. It exits with 0 if each gradient is correct in its own convention
and wrong in the other one.
"""

import sys

import numpy as np

from checkgrad import Verdict, verify_grad


def make_measurements():
    """Return eight complex measurements of three numbers, and their squared moduli."""
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(8, 3)) + 1j * generator.normal(size=(8, 3))
    signal = np.array([1.0 + 0.5j, -0.3j, 0.8])
    return matrix, np.abs(matrix @ signal) ** 2


def loss(z, matrix, intensities):
    return np.mean((np.abs(matrix @ z) ** 2 - intensities) ** 2)


def ascent(z, matrix, intensities):
    """Return the derivatives by the real part plus i times the others (PyTorch).

    This is the direction in which the loss rises fastest.
    """
    measured = matrix @ z
    residuals = np.abs(measured) ** 2 - intensities
    return 4 / len(intensities) * (matrix.conj().T @ (residuals * measured))


def gradient(z, matrix, intensities):
    """Return the derivatives by the real part minus i times the others (JAX)."""
    return ascent(z, matrix, intensities).conj()


def main():
    measurements = make_measurements()
    x0 = np.array([0.9 + 0.2j, 0.4 - 0.5j, 0.3 + 0.6j])
    right = verify_grad(loss, gradient, x0, *measurements)
    broken = verify_grad(loss, ascent, x0, *measurements)
    named = verify_grad(loss, ascent, x0, *measurements, convention="torch")
    print(f"right:\n{right}\n")
    print(f"conjugated:\n{broken}\n")
    print(f"conjugated, convention='torch':\n{named}")
    return 0 if right and named and broken.verdict is Verdict.WRONG else 1


if __name__ == "__main__":
    sys.exit(main())
