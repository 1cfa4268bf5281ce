"""Check the hand-written backward pass of a layer normalisation.

Run ``python docs/examples/vjp.py``. It prints the reports on a right and on a broken
backward pass. It exits with 0 if the right one is correct and the broken one is wrong.
"""

import sys

import numpy as np

from checkgrad import Verdict, verify_vjp


def forward(layer):
    """Return rows of mean 0 and variance 1, then scaled and shifted."""
    normal, _ = normalised(layer["inputs"])
    return layer["gain"] * normal + layer["offset"]


def normalised(inputs):
    centred = inputs - inputs.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    return centred / deviation, deviation


def backward(layer, cotangent):
    """Return the gradient by all parts of the layer, from the cotangent."""
    normal, deviation = normalised(layer["inputs"])
    scaled = cotangent * layer["gain"]
    mean = scaled.mean(axis=1, keepdims=True)
    projection = np.mean(scaled * normal, axis=1, keepdims=True)
    return {
        "inputs": (scaled - mean - normal * projection) / deviation,
        "gain": np.sum(cotangent * normal, axis=0),
        "offset": np.sum(cotangent, axis=0),
    }


def mean_forgotten(layer, cotangent):
    """Return a broken result: it ignores that an input changes the mean of its row."""
    normal, deviation = normalised(layer["inputs"])
    scaled = cotangent * layer["gain"]
    projection = np.mean(scaled * normal, axis=1, keepdims=True)
    return backward(layer, cotangent) | {
        "inputs": (scaled - normal * projection) / deviation
    }


def main():
    generator = np.random.default_rng(2)
    layer = {
        "inputs": generator.normal(size=(2, 4)),
        "gain": generator.normal(size=4),
        "offset": generator.normal(size=4),
    }
    right = verify_vjp(forward, backward, layer)
    broken = verify_vjp(forward, mean_forgotten, layer)
    print(f"right:\n{right}\n")
    print(f"mean forgotten:\n{broken}")
    return 0 if right and broken.verdict is Verdict.WRONG else 1


if __name__ == "__main__":
    sys.exit(main())
