"""Print which spoiled rules checkgrad finds, and which ``jax.test_util.check_grads`` finds.

Run ``python tests/benchmarks/found_of_spoiled_rules_jax.py`` with the tests' corpora on the path::

    PYTHONPATH=tests/corpora python tests/benchmarks/found_of_spoiled_rules_jax.py
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax.test_util
from spoiled_rules_jax import CASES, SPOILS, spoiled

import checkgrad.jax


def finds(check: Any, func: Any, args: Any) -> bool:
    """Return whether a check raises."""
    try:
        check(func, args, 1, modes=["rev"])
    except AssertionError:
        return True
    return False


def main() -> None:
    """Print a row for each dtype and spoil."""
    checks = {"jax.test_util": jax.test_util.check_grads, "checkgrad": checkgrad.jax.check_grads}
    print(f"{'found of ' + str(len(CASES)):30}" + "".join(f"{name:>15}" for name in checks))
    for dtype in (jnp.float32, jnp.float64):
        with jax.enable_x64(dtype == jnp.float64):
            for spoil in (*SPOILS, "none (a right rule)"):
                row = f"{jnp.dtype(dtype).name}, {spoil:21}"
                for check in checks.values():
                    found = 0
                    for case in CASES:
                        args = case.args(dtype)
                        right = spoil not in SPOILS
                        func = case.func if right else spoiled(case, args, spoil)
                        found += finds(check, func, args)
                    row += f"{found:15}"
                print(row, flush=True)


if __name__ == "__main__":
    main()
