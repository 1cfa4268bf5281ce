"""Where JAX arrays lie: what needs no more than one device. See also test_jax_meshes.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax")

import jax
import jax.numpy as jnp

from checkgrad import Verdict, verify_autodiff
from checkgrad.backends import find_backend


def test_what_is_traced_lies_nowhere() -> None:
    array = jnp.ones(3)
    backend = find_backend([array])

    def placed(x: Any) -> Any:
        return x * backend.laid_out(array, x) + backend.laid_out(x, array)

    np.testing.assert_array_equal(jax.vmap(placed)(jnp.ones((2, 3))), np.full((2, 3), 2.0))


def test_func_of_a_custom_rule_is_mapped_at_second_order() -> None:
    @jax.custom_jvp
    def double(x: Any) -> Any:
        return 2 * jnp.sin(x)

    double.defjvp(lambda x, v: (double(*x), 2 * jnp.cos(x[0]) * v[0]))
    report = verify_autodiff(double, jnp.linspace(0.5, 2.0, 40), order=2)
    assert report.verdict is Verdict.CORRECT
    assert not any("cannot be mapped" in remark for remark in report.remarks)
