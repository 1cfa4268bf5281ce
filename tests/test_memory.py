"""The memory that a check along a random tangent needs, and that blocks change no verdict."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad import Verdict, verify_grad
from checkgrad.arrays.blocks import BLOCK

if TYPE_CHECKING:
    from conftest import Library

SIZE = 2 * BLOCK + 3


def quadratic(xp: Library) -> Any:
    def func(x: Any) -> Any:
        return xp.sum(x * x)

    return func


def test_an_error_in_a_large_gradient_is_found_along_a_random_tangent(
    xp: Library, dtype: str
) -> None:
    if dtype in ("float16", "bfloat16"):
        pytest.skip("the sum of so many terms has no digit left")
    x0 = xp.asarray(np.linspace(0.5, 1.5, SIZE).tolist(), dtype)
    for factor, wanted in ((2.0, Verdict.CORRECT), (2.2, Verdict.WRONG), (-2.0, Verdict.WRONG)):
        report = verify_grad(
            quadratic(xp), lambda x, f=factor: f * xp.detach(x), x0, direction="random", rng=1
        )
        assert report.verdict is wanted, str(report)


@pytest.mark.libraries("numpy")
@pytest.mark.all_dtypes
@pytest.mark.parametrize("factor", [2.0, 2.2])
@pytest.mark.parametrize("precision", ["native", "auto"])
def test_a_verdict_along_a_random_tangent_needs_little_more_than_it_must_hold(
    xp: Library, dtype: str, factor: float, precision: str
) -> None:
    """A copy of x0, the claim, half a tangent and the moved x0; or the claim there as well.

    In float64 these are twice as large, and a copy of x0 and the claim in float32 come on top.

    func sums in float64, in one order, whatever the dtype and however many threads there are.
    """
    if dtype == "float16":
        pytest.skip("half precision has no integers to hold half a tangent in")
    x0 = xp.asarray(np.linspace(0.5, 1.5, 2**22), dtype)
    verify_grad(np.sum, np.ones_like, x0[:5], direction="random")  # what is imported when used
    tracemalloc.start()
    try:
        report = verify_grad(
            lambda x: np.einsum("i,i->", x, x, dtype=np.float64),
            lambda x: factor * x,
            x0,
            direction="random",
            rng=0,
            precision=precision,
            locate="off",
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.verdict is (Verdict.CORRECT if factor == 2 else Verdict.WRONG)
    is_widened = report.evaluated_in != dtype
    once = report.n_grad == 1 + is_widened
    assert once or factor != 2 or dtype == "float32"
    arrays = 3.75 if once else 4.75
    most = 2 * arrays + 2 if is_widened else arrays
    assert 3.4 * x0.nbytes <= peak <= most * x0.nbytes
