"""Check the rule of a `jax.custom_jvp` in both modes, and its second derivatives.

Run ``python docs/examples/jax_autodiff.py``. The function solves Kepler's equation. Its
rule is that of the implicit function. The broken rule gives right first derivatives and
wrong second derivatives, without an error. The program prints the reports. It exits
with 0 if the right rule is correct, and the broken one correct at order 1 and wrong at
order 2.
"""

import sys

import jax
import jax.numpy as jnp

from checkgrad import Verdict, verify_autodiff

jax.config.update("jax_enable_x64", True)


@jax.jit
def newton(mean, e):
    """Solve ``E - e sin(E) = M`` by Newton's method."""
    solution = mean
    for _ in range(8):
        misfit = solution - e * jnp.sin(solution) - mean
        solution -= misfit / (1 - e * jnp.cos(solution))
    return solution


def make_anomaly(kept):
    """Return the eccentric anomaly E of an orbit. Its rule uses ``kept(E)`` for E."""

    @jax.custom_jvp
    def anomaly(orbit):
        return newton(orbit["mean anomaly"], orbit["eccentricity"])

    @anomaly.defjvp
    def rule(primals, tangents):
        (orbit,), (change,) = primals, tangents
        solution = anomaly(orbit)
        sine, cosine = jnp.sin(kept(solution)), jnp.cos(kept(solution))
        pushed = change["mean anomaly"] + sine * change["eccentricity"]
        return solution, pushed / (1 - orbit["eccentricity"] * cosine)

    return anomaly


def main():
    x0 = {"mean anomaly": jnp.array([0.5, 1.2]), "eccentricity": jnp.array([0.1, 0.3])}
    right = verify_autodiff(make_anomaly(lambda solution: solution), x0, order=2)
    broken = make_anomaly(jax.lax.stop_gradient)
    first, second = verify_autodiff(broken, x0), verify_autodiff(broken, x0, order=2)
    print(f"right, order 2:\n{right}\n")
    print(f"solution held fixed, order 1:\n{first}\n")
    print(f"solution held fixed, order 2:\n{second}")
    return 0 if right and first and second.verdict is Verdict.WRONG else 1


if __name__ == "__main__":
    sys.exit(main())
