"""Golden cases of CUTEst objectives (package sif2jax), in two dtypes, right and broken.

These take minutes, so they run only where they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from typing import Any

import numpy as np
import pytest
from breakages import KINDS, broken
from cases import Call, Case

jax = pytest.importorskip("jax")  # Also where this module is only searched for doctests.

GROUPS = ("unconstrained", "bounded")
EACH = 30  # problems of a group
MOST = 30  # coordinates of a problem


class Objective:
    """An objective near its starting point, evaluated by JAX on NumPy arrays.

    Parameters
    ----------
    name : str
        Seeds the distance from the starting point.
    problem : object
        Of sif2jax.
    dtype : str
        What it is evaluated in.
    """

    def __init__(self, name: str, problem: Any, dtype: str) -> None:
        self.name, self.dtype = name, np.dtype(dtype)

        def objective(y: Any) -> Any:
            return jax.numpy.squeeze(problem.objective(y, problem.args))

        self._value, self._slope = jax.jit(objective), jax.jit(jax.grad(objective))
        start = np.asarray(problem.y0, dtype=np.float64)
        rng = np.random.default_rng([0, sum(map(ord, name))])
        away = 0.01 * (1 + np.abs(start)) * rng.standard_normal(start.shape)
        self.x0 = (start + away).astype(self.dtype)

    def func(self, x: Any) -> Any:
        """Return the objective, as a NumPy number."""
        return self._evaluated(self._value, x)[()]

    def grad(self, x: Any) -> Any:
        """Return the gradient by JAX, as a NumPy array."""
        return self._evaluated(self._slope, x)

    def is_usable(self) -> bool:
        """Return whether value and gradient at x0 are finite, and the gradient is not zero."""
        try:
            value, slopes = self.func(self.x0), self.grad(self.x0)
        except Exception:
            return False
        finite = np.isfinite(value) and np.all(np.isfinite(slopes))
        return bool(finite and np.any(slopes != 0) and slopes.dtype == self.dtype)

    def _evaluated(self, function: Any, x: Any) -> Any:
        with nullcontext() if self.dtype == np.float64 else jax.enable_x64(False):
            return np.array(function(jax.numpy.asarray(np.asarray(x, self.dtype))))


@cache
def objective(name: str, problem: Any, dtype: str) -> Objective:
    """Return an objective, which is compiled once for all of its cases."""
    return Objective(name, problem, dtype)


def problems() -> Iterator[tuple[str, Any]]:
    """Yield the names and problems: one flat array of few coordinates, evenly from each group."""
    import sif2jax

    for group in GROUPS:
        named = {}
        for problem in getattr(sif2jax, f"{group}_minimisation_problems"):
            name = problem.name() if callable(getattr(problem, "name", None)) else ""
            shapes = [np.shape(leaf) for leaf in jax.tree_util.tree_leaves(problem.y0)]
            if len(shapes) == 1 and len(shapes[0]) == 1 and 1 < shapes[0][0] <= MOST:
                named[name or type(problem).__name__] = problem
        names = sorted(named)
        stride = max(1, len(names) // EACH)
        yield from ((name, named[name]) for name in names[::stride][:EACH])


def _call(name: str, problem: Any, dtype: str, kind: str) -> Call:
    made = objective(name, problem, dtype)
    if not made.is_usable():
        raise ValueError("value or gradient at x0 is of no use")
    claim = made.grad if kind == "right" else broken(kind, made.grad, made.x0)
    return Call("verify_grad", (made.func, claim, made.x0))


def cases(library: str) -> Iterator[Case]:
    """Yield the right gradient and two wrong ones of every problem, in both dtypes."""
    wide = [kind for kind in KINDS if kind != "subtle"]  # which float32 cannot tell
    for turn, (name, problem) in enumerate(problems()):
        for number, dtype in enumerate(("float64", "float32")):
            kinds = KINDS if dtype == "float64" else wide
            first = 2 * turn + number
            for kind in ("right", kinds[first % len(kinds)], kinds[(first + 1) % len(kinds)]):
                make = lambda n=name, p=problem, d=dtype, k=kind: _call(n, p, d, k)  # noqa: E731
                yield Case(f"cutest-{name}-{dtype}-{kind}", make)
