"""A small network, its gradient, and a gradient with a wrong sign."""

import numpy as np

inputs = np.array([0.5, -2.0])


def func(params):
    hidden = np.tanh(params["weights"] @ inputs + params["bias"])
    return np.sum(hidden**2)


def grad(params):
    hidden = np.tanh(params["weights"] @ inputs + params["bias"])
    delta = 2 * hidden * (1 - hidden**2)
    return {"weights": np.outer(delta, inputs), "bias": delta}


def broken(params):
    hidden = np.tanh(params["weights"] @ inputs + params["bias"])
    delta = 2 * hidden * (1 - hidden**2)
    return {"weights": np.outer(delta, inputs), "bias": -delta}
