"""Check the hand-written gradient of a regularised logistic loss, on real data.

Run ``python docs/examples/logistic_regression.py``. The program needs only NumPy. It
also uses JAX and PyTorch if they are installed. In each library and in both precisions
it checks the right gradient and two broken ones. Each broken one has a common mistake.
The program prints two of the reports in full. Then it prints one line for each check:
the verdict of `verify_grad`, and the number that `check_grad`, the drop-in for SciPy's
function, leaves to the reader. It exits with 0 if the right gradient is correct and the
broken ones are wrong everywhere, and with 1 otherwise.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
from array_api_compat import array_namespace

from checkgrad import Verdict, check_grad, verify_grad

DATA = Path(__file__).parent / "breast_cancer.csv"
PENALTY = 0.1


def load_data():
    """Return 569 tumours (a one, 30 standard features) and their classes, -1 or 1."""
    table = np.loadtxt(DATA, delimiter=",", skiprows=1)
    features, classes = table[:, :-1], table[:, -1]
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    features = np.column_stack([np.ones(len(features)), features])
    return features, 2 * classes - 1


def loss(x, features, signs):
    """Return the mean logistic loss, with a penalty on all but the intercept, x[0]."""
    xp = array_namespace(x)
    margins = signs * (features @ x)
    penalty = PENALTY / 2 * xp.sum(x[1:] ** 2)
    return xp.mean(xp.logaddexp(xp.zeros_like(margins), -margins)) + penalty


def gradient(x, features, signs):
    """Return the gradient of `loss`, written by hand."""
    xp = array_namespace(x)
    return gradient_without_penalty(x, features, signs) + PENALTY * xp.concat(
        [xp.zeros_like(x[:1]), x[1:]]
    )


def gradient_without_penalty(x, features, signs):
    """Return a broken gradient: the penalty is forgotten."""
    xp = array_namespace(x)
    margins = signs * (features @ x)
    return -(signs / (1 + xp.exp(margins))) @ features / features.shape[0]


def gradient_penalising_intercept(x, features, signs):
    """Return a broken gradient: the intercept, one entry of 31, is penalised too."""
    return gradient_without_penalty(x, features, signs) + PENALTY * x


CLAIMS = {
    "right": gradient,
    "penalty forgotten": gradient_without_penalty,
    "intercept penalised": gradient_penalising_intercept,
}


def libraries():
    """Yield the name, ``asarray`` and `loss` of each library, or None without it."""
    yield "numpy", np.asarray, loss
    if importlib.util.find_spec("jax"):
        import jax

        # Otherwise JAX turns float64 into float32.
        jax.config.update("jax_enable_x64", True)
        yield "jax", jax.numpy.asarray, jax.jit(loss)
    else:
        yield "jax", None, None
    if importlib.util.find_spec("torch"):
        import torch

        yield "torch", torch.asarray, loss
    else:
        yield "torch", None, None


def check(asarray, dtype, func, claim):
    """Return the report on a gradient, and the relative error by `check_grad`."""
    features, signs = load_data()
    x0 = np.random.default_rng(3).normal(size=features.shape[1])
    arrays = (x0, features, signs)
    x0, features, signs = (asarray(array.astype(dtype)) for array in arrays)
    report = verify_grad(func, claim, x0, features, signs)
    error = check_grad(func, claim, x0, features, signs)
    size = float((claim(x0, features, signs) ** 2).sum()) ** 0.5
    return report, error / size


def main():
    print("Gradient of a regularised logistic loss (569 tumours, 31 parameters)\n")
    for name in ("right", "intercept penalised"):
        report, _ = check(np.asarray, "float64", loss, CLAIMS[name])
        print(f"{name}:\n{report}\n")

    print(f"{'library':9}{'dtype':9}{'gradient':21}{'verdict':14}check_grad, relative")
    as_expected = True
    for library, asarray, func in libraries():
        if asarray is None:
            print(f"{library:9}not installed, left out")
            continue
        for dtype in ("float64", "float32"):
            for name, claim in CLAIMS.items():
                report, error = check(asarray, dtype, func, claim)
                expected = Verdict.CORRECT if name == "right" else Verdict.WRONG
                as_expected &= report.verdict is expected
                what = f"{library:9}{dtype:9}{name:21}"
                print(f"{what}{report.verdict.value:14}{error:.1e}")
    print()
    if not as_expected:
        print("Not as expected: a right one is not correct, or a broken one not wrong.")
        return 1
    print("As expected: the right ones are correct, and the broken ones are wrong.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
