"""Check the hand-written rule of a `jax.custom_vjp`.

Run ``python docs/examples/jax_custom_vjp.py``. It prints the reports on a right and on
a broken rule. It exits with 0 if the right one is correct and the broken one is wrong.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np

from checkgrad import Verdict, verify_grad


def make_softplus(slope):
    """Return log(1 + exp(x)), with `slope` as its hand-written derivative."""

    @jax.custom_vjp
    def softplus(x):
        return jnp.logaddexp(x, 0.0)

    def forward(x):
        return softplus(x), x

    def backward(x, cotangent):
        return (cotangent * slope(x),)

    softplus.defvjp(forward, backward)
    return softplus


def check(softplus):
    """Return the report on the rule of `softplus`, used with a tree of parameters."""
    generator = np.random.default_rng(0)
    inputs = jnp.asarray(generator.normal(size=(20, 3)), dtype=jnp.float32)
    x0 = {
        "weights": jnp.asarray(generator.normal(size=3), dtype=jnp.float32),
        "offset": jnp.asarray(0.5, dtype=jnp.float32),
    }

    @jax.jit
    def func(params):
        return jnp.mean(softplus(inputs @ params["weights"] + params["offset"]))

    return verify_grad(func, jax.grad(func), x0)


def main():
    right = check(make_softplus(jax.nn.sigmoid))
    broken = check(make_softplus(lambda x: jax.nn.sigmoid(-x)))
    print(f"right rule:\n{right}\n")
    print(f"sign slip:\n{broken}")
    return 0 if right and broken.verdict is Verdict.WRONG else 1


if __name__ == "__main__":
    sys.exit(main())
