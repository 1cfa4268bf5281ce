"""Claims that float64 shows to be wrong at an entry, where float32 has too few digits to tell."""

import numpy as np
import pytest

from checkgrad import Verdict, verify_grad

pytestmark = pytest.mark.numpy

COUNT = 641


def bells(seed):
    """Return a sum of bells, its gradient, x0, and the entry of x0 that is nearest to 0.038."""
    rng = np.random.default_rng(seed)
    x0 = rng.normal(size=COUNT).astype(np.float32)
    weights = (1 + rng.random(COUNT)).astype(np.float32)

    def func(x):
        return np.sum(weights * np.exp(-x * x))

    def grad(x):
        return -2 * x * weights * np.exp(-x * x)

    return func, grad, x0, int(np.argmin(np.abs(x0 - 0.038)))


@pytest.mark.parametrize("factor", [1.02, 1.05])
@pytest.mark.parametrize("seed", [3, 4])
def test_an_error_that_float32_cannot_see_is_not_right_because_of_that(seed, factor):
    func, grad, x0, entry = bells(seed)
    scaled = np.ones(COUNT, np.float32)
    scaled[entry] = factor
    assert verify_grad(func, lambda x: grad(x) * scaled, x0).verdict is not Verdict.CORRECT


def test_a_claim_that_is_right_in_float32_alone_is_correct():
    """The term is another one in float64. So func is another function there, and not looked at."""

    def func(x):
        return np.sum(x**2) + (1e-2 if x.dtype == np.float64 else 2e-2) * np.sum(np.sin(30 * x))

    def grad(x):
        part = np.float32(0.6) if x.dtype == np.float32 else 0.7
        return 2 * x + part * np.cos(30 * x)

    x0 = np.zeros(3, np.float32)  # where both functions have the same value
    report = verify_grad(func, grad, x0)
    assert report.verdict is Verdict.CORRECT, report
    assert report.evaluated_in == "float32"


@pytest.mark.parametrize("factor", [1.02, -1.0])
def test_an_error_that_both_dtypes_see_is_wrong(factor):
    func, grad, x0, _ = bells(2)
    scaled = np.ones(COUNT, np.float32)
    scaled[int(np.argmax(np.abs(grad(x0))))] = factor
    assert verify_grad(func, lambda x: grad(x) * scaled, x0).verdict is Verdict.WRONG


@pytest.mark.parametrize("max_evals", range(300, 340, 5))
def test_a_budget_that_ends_between_the_dtypes_keeps_what_is_known(max_evals):
    func, grad, x0, entry = bells(2)
    scaled = np.ones(COUNT, np.float32)
    scaled[entry] = 1.05
    report = verify_grad(func, lambda x: grad(x) * scaled, x0, max_evals=max_evals)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert not report.complete
    assert np.sum(report.decisions == "correct") > COUNT // 2
