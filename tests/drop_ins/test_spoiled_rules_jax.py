"""Rules of 20 JAX functions, each spoiled in one place: all are found, in float32 and float64."""

from __future__ import annotations

import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp
from spoiled_rules_jax import CASES, SPOILS, Case, spoiled

from checkgrad import GradientError
from checkgrad.backends.jax_call import JaxCall
from checkgrad.drop_ins.jax_agreement import modes_in_doubt
from checkgrad.jax import check_grads

ONCE_IN = 10  # cases: the thorough check of a wrong rule takes seconds, most of them to compile


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_spoiled_rule_is_found_and_the_right_one_passes(case: Case) -> None:
    # Each function meets one dtype here. tests/benchmarks prints the table of both.
    place = CASES.index(case)
    dtype = jnp.float64 if place % 2 else jnp.float32
    with jax.enable_x64(dtype == jnp.float64):
        args = case.args(dtype)
        check_grads(case.func, args, 1, modes=["rev"])
        for number, spoil in enumerate(SPOILS):
            wrong = spoiled(case, args, spoil)
            call = JaxCall(wrong, args)
            assert modes_in_doubt(call, call.primals, ["rev"], 1) == ["rev"]
            if (place + number) % ONCE_IN == 0:
                with pytest.raises(GradientError, match=r"^wrong: .*\n  rev: "):
                    check_grads(wrong, args, 1, modes=["rev"])
