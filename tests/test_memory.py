"""The memory that a check along a random tangent needs, and that blocks change no verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad import Verdict, verify_grad
from checkgrad.arrays.blocks import BLOCK

if TYPE_CHECKING:
    from conftest import Library

SIZE = 2 * BLOCK + 3
SCRIPT = str(Path(__file__).parent / "benchmarks" / "memory.py")
BESIDE_LARGE_ARRAYS = 1.5  # 24 MB, of blocks and of what libraries keep


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
@pytest.mark.parametrize("factor", [2.0, 2.2])
@pytest.mark.parametrize("precision", ["native", "auto"])
def test_a_verdict_along_a_random_tangent_needs_little_more_than_it_must_hold(
    xp: Library, dtype: str, factor: float, precision: str
) -> None:
    """A copy of x0, the claim and the moved x0; or the claim there as well.

    In float64, the last two are twice as large, and the copy is in float32.

    func sums in float64, in one order, whatever the dtype and however many threads there are.
    """
    if dtype == "float16":
        pytest.skip("half precision has no digits for so many terms")
    x0 = xp.asarray(np.linspace(0.5, 1.5, 2**21), dtype)
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
    # A claim that holds numbers of float32 only, as twice such numbers, is asked once more.
    claims = 1 if factor == 2 and not is_widened else 2
    arrays = 1 + (claims + 1) * (1 + is_widened)
    blocks = 0.8 * (1 + is_widened)
    assert (arrays - 0.1) * x0.nbytes <= peak <= (arrays + blocks) * x0.nbytes


@pytest.mark.libraries("numpy")
def test_a_wrong_claim_is_searched_in_the_memory_that_a_right_one_takes(xp: Library) -> None:
    """Nothing but blocks is made besides: all entries of an array on the host are twice x0."""
    x0 = xp.asarray(np.linspace(0.5, 1.5, 2**21), "float32")
    verify_grad(quadratic(xp), np.ones_like, x0[: SIZE // 4])  # what is imported when used

    def peak(factor: float) -> int:
        tracemalloc.start()
        try:
            report = verify_grad(
                lambda x: np.einsum("i,i->", x, x, dtype=np.float64), lambda x: factor * x, x0
            )
            assert report.verdict is (Verdict.CORRECT if factor == 2 else Verdict.WRONG)
            assert report.located is (factor != 2)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(2.2) <= peak(2.0) + 0.8 * x0.nbytes


@pytest.mark.parametrize(
    ("library", "precision", "most"), [("torch", "native", 4), ("torch", "auto", 6)]
)
def test_float32_parameters_take_four_times_their_memory_and_six_in_float64(
    library: str, precision: str, most: float
) -> None:
    """They hold x0, a copy, the claim and a point. What func or grad makes comes on top."""
    pytest.importorskip(library)
    ran = subprocess.run(
        [sys.executable, SCRIPT, "4e6", library, "--precision", precision, "--json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**20)},  # freed memory is given back
    )
    found = json.loads(ran.stderr.splitlines()[-1])
    width = 2 if found["evaluated_in"] == "float64" else 1
    made = width * (max(found["func"], found["grad"]) - 1)
    assert found["check"] - made <= most + BESIDE_LARGE_ARRAYS
