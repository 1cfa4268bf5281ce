"""What a verdict promises, over random smooth functions, points, scales, dtypes and breakages.

A right claim is never called wrong; a claim that is off by more than rtol in an entry that
matters is never called correct. The right claim is the analytic gradient, evaluated in more
digits than the dtype of x0 has, and rounded.

``CHECKGRAD_EXAMPLES=5000 pytest tests/api/test_verify_properties.py`` looks harder, and elsewhere
at every run.
"""

from __future__ import annotations

import dataclasses
import math
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from checkgrad import Verdict, verify_grad
from checkgrad.numerics.thresholds import Thresholds

pytestmark = pytest.mark.one_setting

EXAMPLES_VARIABLE = "CHECKGRAD_EXAMPLES"
IS_FULL = os.environ.get("CHECKGRAD_FULL") == "1"
EXAMPLES = int(os.environ.get(EXAMPLES_VARIABLE, "40" if IS_FULL else "6"))
MATTERS = 1 / 90  # of the largest entry: smaller ones may be negligible beside the whole
# The default rtol where func is evaluated in each dtype; in float64 it is no larger.
RTOL = {"float64": 1e-5, "float32": 1e-3, "float16": 5e-2, "bfloat16": 2e-1}
precisions = st.sampled_from(["auto", "native"])

looking = settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES_VARIABLE not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

Host = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Problem:
    """A smooth function of ``x / scales``, with its gradient: ``height * (offset + terms)``."""

    z: tuple[float, ...]  # x0 in units of the scales
    powers: tuple[int, ...]  # the scales are 2**powers
    height: int  # a power of two
    offset: float
    terms: tuple[Term, ...]

    def fitted(self, dtype: str) -> Problem:
        """The problem with its sizes brought nearer to one, where the dtype is a narrow one."""
        narrow = dtype == "float16"
        # Its fourth power is not to underflow.
        smallest = {"float64": 1e-60, "float16": 1e-1}.get(dtype, 1e-8)
        return dataclasses.replace(
            self,
            z=tuple(0.0 if abs(u) < smallest else u for u in self.z),
            powers=tuple(power // 7 if narrow else power for power in self.powers),
            height=self.height // 10 if narrow else self.height,
        )

    def x0(self, xp: Any, dtype: str) -> Any:
        return xp.asarray(np.ldexp(np.asarray(self.z), np.asarray(self.powers)).tolist(), dtype)

    def func(self, xp: Any, dtype: str) -> Callable[[Any], Any]:
        def constants(values: tuple[float, ...]) -> Any:
            return xp.detach(xp.asarray(list(values), dtype))

        inverse = constants(tuple(2.0**-power for power in self.powers))
        weights = [(constants(term.first), constants(term.second)) for term in self.terms]

        def func(x: Any) -> Any:
            z = x * inverse
            total = 0.0 * xp.sum(z) + self.offset
            # NumPy would warn of the exp that overflows in a logistic whose value is 0.
            with np.errstate(all="ignore"):
                for term, (first, second) in zip(self.terms, weights, strict=True):
                    total = total + FUNCTIONS[term.kind](xp, z, first, second)
                return total * 2.0**self.height

        return func

    def value(self, x: Host) -> float:
        """The function in the widest dtype of the host."""
        z = x.astype(np.longdouble) / np.ldexp(np.longdouble(1), np.asarray(self.powers))
        parts = [
            FUNCTIONS[term.kind](
                np, z, *(np.asarray(w, np.longdouble) for w in (term.first, term.second))
            )
            for term in self.terms
        ]
        return float(np.ldexp(self.offset + sum(parts), self.height))

    def gradient(self, x: Host) -> Host:
        """The gradient in the widest dtype of the host."""
        scales = np.ldexp(np.longdouble(1), np.asarray(self.powers))
        z = x.astype(np.longdouble) / scales
        total = np.zeros_like(z)
        for term in self.terms:
            first, second = (np.asarray(w, np.longdouble) for w in (term.first, term.second))
            total = total + GRADIENTS[term.kind](z, first, second)
        return np.ldexp(total / scales, self.height)


@dataclass(frozen=True)
class Term:
    kind: str
    first: tuple[float, ...] = field(default=())
    second: tuple[float, ...] = field(default=())


FUNCTIONS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "linear": lambda xp, z, a, b: xp.sum(a * z),
    "squares": lambda xp, z, a, b: xp.sum(a * z * z),
    "cubes": lambda xp, z, a, b: xp.sum(a * z * z * z),
    "power": lambda xp, z, a, b: xp.sum(a * z) ** 4,
    "product": lambda xp, z, a, b: xp.sum(a * z) * xp.sum(b * z),
    "exp": lambda xp, z, a, b: xp.exp(xp.sum(a * z)),
    "sin": lambda xp, z, a, b: xp.sin(2 * xp.sum(a * z)),
    "sines": lambda xp, z, a, b: xp.sum(a * xp.sin(z)) * xp.cos(xp.sum(b * z)),
    "logistic": lambda xp, z, a, b: 1 / (1 + xp.exp(-xp.sum(a * z))),
    "root": lambda xp, z, a, b: xp.sqrt(1 + xp.sum(a * a * z * z)),
    "bell": lambda xp, z, a, b: xp.exp(-(xp.sum(a * z) ** 2)) * xp.sum(b * z),
}

GRADIENTS: dict[str, Callable[[Host, Host, Host], Host]] = {
    "linear": lambda z, a, b: a,
    "squares": lambda z, a, b: 2 * a * z,
    "cubes": lambda z, a, b: 3 * a * z * z,
    "power": lambda z, a, b: 4 * np.sum(a * z) ** 3 * a,
    "product": lambda z, a, b: a * np.sum(b * z) + b * np.sum(a * z),
    "exp": lambda z, a, b: np.exp(np.sum(a * z)) * a,
    "sin": lambda z, a, b: 2 * np.cos(2 * np.sum(a * z)) * a,
    "sines": lambda z, a, b: (
        a * np.cos(z) * np.cos(np.sum(b * z)) - b * np.sum(a * np.sin(z)) * np.sin(np.sum(b * z))
    ),
    "logistic": lambda z, a, b: a * np.exp(-np.sum(a * z)) / (1 + np.exp(-np.sum(a * z))) ** 2,
    "root": lambda z, a, b: a * a * z / np.sqrt(1 + np.sum(a * a * z * z)),
    "bell": lambda z, a, b: (
        np.exp(-(np.sum(a * z) ** 2)) * (b - 2 * np.sum(a * z) * np.sum(b * z) * a)
    ),
}


FEW = st.integers(1, 8)
MANY = st.sampled_from([10, 20])  # coordinates, which are looked at several at a time


@st.composite
def problems(draw: st.DrawFn, sizes: st.SearchStrategy[int] = FEW) -> Problem:
    n = draw(sizes)
    # Eighths up to 2: exact in every dtype, bfloat16 included.
    weights = st.lists(st.integers(-16, 16).map(lambda k: k / 8), min_size=n, max_size=n).map(tuple)
    kinds = draw(st.lists(st.sampled_from(sorted(FUNCTIONS)), min_size=1, max_size=4))
    coordinate = st.one_of(
        st.floats(-3, 3, width=32, allow_subnormal=False), st.floats(-1, 1).map(lambda u: 3 * u)
    )
    same = draw(st.booleans())  # all coordinates in the same units
    power = st.integers(-20, 20)
    one = draw(power)
    return Problem(
        z=tuple(draw(st.lists(coordinate, min_size=n, max_size=n))),
        powers=(one,) * n if same else tuple(draw(st.lists(power, min_size=n, max_size=n))),
        height=draw(st.integers(-40, 40)),
        offset=draw(st.sampled_from([0.0, 0.0, 1.0, -3.0, 100.0])),
        terms=tuple(Term(kind, draw(weights), draw(weights)) for kind in kinds),
    )


def made(problem: Problem, xp: Any, dtype: str) -> tuple[Any, Any, Host]:
    """``func``, x0 and its right gradient on the host; only problems that fit into the dtype."""
    problem = problem.fitted(dtype)
    limits = xp.finfo(getattr(xp.namespace, dtype))
    tiny, huge = float(limits.smallest_normal), float(limits.max)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        x0 = problem.x0(xp, dtype)
        func = problem.func(xp, dtype)
        x = xp.to_numpy(x0)
        scales = np.ldexp(1.0, np.asarray(problem.powers))
        assume(np.all(np.isfinite(x)) and np.all((x == 0) == (np.asarray(problem.z) == 0)))
        assume(np.all((x == 0) | (np.abs(x) > tiny)))
        assume(np.all((scales > tiny) & (1 / scales > tiny)))
        value = float(xp.to_numpy(func(xp.detach(x0))).reshape(()))
        right, exact = problem.gradient(x).astype(np.float64), problem.value(x)
    # Beyond, it is overflow and underflow that a check would see, in func or in the claim.
    smallest = tiny / float(limits.eps)
    assume(math.isfinite(value) and (value == 0 or abs(value) > smallest))
    assume(exact == 0 or abs(exact) > smallest)
    assume(np.all(np.abs(right) < huge / 4) and np.all((right == 0) | (np.abs(right) > tiny)))
    return func, x0, right


def claiming(problem: Problem, xp: Any, dtype: str, change: Callable[[Host], Host]) -> Any:
    """``grad``: the right gradient, changed, and rounded to the dtype."""

    def grad(x: Any) -> Any:
        with np.errstate(all="ignore"):
            claim = change(problem.fitted(dtype).gradient(xp.to_numpy(x))).astype(np.float64)
        return xp.detach(xp.asarray(claim.tolist(), dtype))

    return grad


@given(
    problem=problems(),
    side=st.sampled_from(["both", "both", "above", "below"]),
    precision=precisions,
)
@looking
def test_a_right_claim_is_never_called_wrong(
    xp: Any, dtype: str, problem: Problem, side: str, precision: str
) -> None:
    func, x0, _ = made(problem, xp, dtype)
    bounds = {"both": None, "above": (x0, None), "below": (None, x0)}[side]
    grad = claiming(problem, xp, dtype, lambda g: g)
    report = verify_grad(func, grad, x0, bounds=bounds, precision=precision)
    event(f"{dtype}: {report.verdict.value}")
    assert report.verdict is not Verdict.WRONG, str(report)


@given(
    problem=problems(),
    count=st.integers(1, 3),
    seed=st.integers(0, 1000),
    precision=precisions,
)
@looking
def test_a_right_claim_is_never_called_wrong_along_random_tangents(
    xp: Any, dtype: str, problem: Problem, count: int, seed: int, precision: str
) -> None:
    func, x0, _ = made(problem, xp, dtype)
    grad = claiming(problem, xp, dtype, lambda g: g)
    report = verify_grad(func, grad, x0, direction=count, rng=seed, precision=precision)
    event(f"{dtype}: {report.verdict.value}")
    assert report.verdict is not Verdict.WRONG, str(report)


def breakages(i: int, j: int, delta: float) -> dict[str, Callable[[Host], Host]]:
    """Changes of a gradient: of its entry i, by way of entry j, by the relative amount delta."""

    def put(i: int, entry: Callable[[Host], Any]) -> Callable[[Host], Host]:
        def change(gradient: Host) -> Host:
            gradient = gradient.copy()
            gradient[i] = entry(gradient)
            return gradient

        return change

    def swap(gradient: Host) -> Host:
        gradient = gradient.copy()
        gradient[[i, j]] = gradient[[j, i]]
        return gradient

    return {
        "flip": put(i, lambda g: -g[i]),
        "flip all": lambda g: -g,
        "double": put(i, lambda g: 2 * g[i]),
        "double all": lambda g: 2 * g,
        "scale up": put(i, lambda g: g[i] * (1 + delta)),
        "scale down": put(i, lambda g: g[i] * (1 - delta)),
        "zero": put(i, lambda g: 0),
        "add": put(i, lambda g: g[i] + delta * np.max(np.abs(g))),
        "copy": put(i, lambda g: g[j]),
        "swap": swap,
    }


@given(
    problem=problems(),
    kind=st.sampled_from(sorted(breakages(0, 0, 0.0))),
    places=st.tuples(st.integers(0, 7), st.integers(0, 7)),
    size=st.floats(0, 1),
    precision=precisions,
)
@looking
def test_a_claim_off_by_more_than_rtol_in_an_entry_that_matters_is_never_called_correct(
    xp: Any,
    dtype: str,
    problem: Problem,
    kind: str,
    places: tuple[int, int],
    size: float,
    precision: str,
) -> None:
    func, x0, right = made(problem, xp, dtype)
    rtol = RTOL[dtype]
    matters = np.flatnonzero(np.abs(right) >= MATTERS * np.max(np.abs(right)))
    assume(np.any(right != 0))
    i, j = int(matters[places[0] % matters.size]), places[1] % right.size
    delta = (3 * rtol) ** (1 - size)  # from 3 rtol to 1
    change = breakages(i, j, delta)[kind]
    grad = claiming(problem, xp, dtype, change)
    claim = xp.to_numpy(grad(x0))
    assume(np.all(np.isfinite(claim)))
    off = abs(claim[i] - right[i]) / max(abs(claim[i]), abs(right[i]))
    assume(off >= 2 * rtol)
    whole = np.max(np.abs(claim))
    assume(np.abs(right[i]) >= MATTERS * whole)
    # An entry that is claimed to be negligible is resolved to rtol of the whole: much, in bfloat16.
    negligible = abs(claim[i]) <= whole / Thresholds.negligible
    assume(not negligible or abs(claim[i] - right[i]) > 2 * rtol * whole)
    report = verify_grad(func, grad, x0, precision=precision)
    event(f"{dtype}: {report.verdict.value}")
    assert report.verdict is not Verdict.CORRECT, f"off by {off:.3g} at [{i}]: {report}"


@given(
    problem=problems(MANY),
    kind=st.sampled_from(["right", *sorted(breakages(0, 0, 0.0))]),
    places=st.tuples(st.integers(0, 19), st.integers(0, 19)),
    size=st.floats(0, 1),
    precision=precisions,
)
@looking
def test_a_verdict_on_many_coordinates_is_never_the_opposite_one(
    xp: Any, problem: Problem, kind: str, places: tuple[int, int], size: float, precision: str
) -> None:
    func, x0, right = made(problem, xp, "float32")
    rtol = RTOL["float32"]
    matters = np.flatnonzero(np.abs(right) >= MATTERS * np.max(np.abs(right)))
    assume(np.any(right != 0))
    i, j = int(matters[places[0] % matters.size]), places[1] % right.size
    changes = {"right": lambda g: g, **breakages(i, j, (3 * rtol) ** (1 - size))}
    grad = claiming(problem, xp, "float32", changes[kind])
    claim = xp.to_numpy(grad(x0))
    assume(np.all(np.isfinite(claim)))
    off = abs(claim[i] - right[i]) / max(abs(claim[i]), abs(right[i]))
    whole = np.max(np.abs(claim))
    assume(kind == "right" or (off >= 2 * rtol and np.abs(right[i]) >= MATTERS * whole))
    negligible = abs(claim[i]) <= whole / Thresholds.negligible
    seen = not negligible or abs(claim[i] - right[i]) > 2 * rtol * whole
    assume(kind == "right" or seen)
    opposite = Verdict.WRONG if kind == "right" else Verdict.CORRECT
    report = verify_grad(func, grad, x0, precision=precision)
    assert report.verdict is not opposite, f"off by {off:.3g} at [{i}]: {report}"


@pytest.mark.parametrize("kind", sorted(FUNCTIONS))
def test_the_gradients_of_these_tests_are_right(kind: str) -> None:
    rng = np.random.default_rng(3)
    z, a, b = (rng.normal(size=5).astype(np.longdouble) for _ in range(3))
    for i in range(5):
        step = np.zeros(5, np.longdouble)
        step[i] = 1e-6
        rise = FUNCTIONS[kind](np, z + step, a, b) - FUNCTIONS[kind](np, z - step, a, b)
        assert abs(rise / 2e-6 - GRADIENTS[kind](z, a, b)[i]) < 1e-9 * (1 + abs(rise / 2e-6))
