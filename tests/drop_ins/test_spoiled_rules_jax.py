"""Rules of 20 JAX functions, each spoiled in one place: all are found, in float32 and float64."""

from __future__ import annotations

import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp
from spoiled_rules_jax import CASES, SPOILS, Case, spoiled

from checkgrad import GradientError
from checkgrad.jax import check_grads


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_spoiled_rule_is_found_and_the_right_one_passes(case: Case) -> None:
    # Each function meets one dtype here; the table in tests/benchmarks has both.
    dtype = jnp.float64 if CASES.index(case) % 2 else jnp.float32
    with jax.enable_x64(dtype == jnp.float64):
        args = case.args(dtype)
        check_grads(case.func, args, 1, modes=["rev"])
        for spoil in SPOILS:
            with pytest.raises(GradientError, match=r"^wrong: .*\n  rev: "):
                check_grads(spoiled(case, args, spoil), args, 1, modes=["rev"])
