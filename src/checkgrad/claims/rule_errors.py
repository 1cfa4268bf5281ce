"""What is wrong with a differentiation rule whatever its numbers are.

A rule is wrong if it returns another dtype than it must, other derivatives when it is called again
or probed in another way, or other values while it is differentiated or mapped. It is also wrong if
it writes to what is not its own. `rule_errors` looks for these errors. Whether the derivatives are
right is for the pipeline to judge.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from checkgrad.arrays.messages import brief
from checkgrad.backends import Array, host, machine_epsilon
from checkgrad.backends.differentiation import Differentiation, NotRecordedError
from checkgrad.claims.library_derivatives import NoRuleError

_REPEAT_EPSILONS = 100.0  # two calls of a rule may differ by these: parallel sums do
_VALUE_EPSILONS = 1000.0  # two values of func may: sums round differently under vmap
_ALL_EPSILONS = 64.0  # of the largest of all values: an output may be what is left of larger terms
# Rounding errors of x0 move func by up to so many times as much as it moves at these neighbours of
# x0, which are so many machine epsilons away.
_SPREADS = 4.0
_NEIGHBOURS = (-3.0, -2.0, 2.0, 3.0)
_MAX_SINGLE_INPUTS = 32  # up to so many inputs, each one is also differentiated or mapped alone
_SEED = 0


class DifferentiatedFunction(Protocol):
    """A func and the library's derivatives of it, as functions of lists of arrays.

    `checkgrad.claims.library_derivatives.LibraryDerivatives` is one. It says what each method does.
    """

    @property
    def library(self) -> Differentiation: ...  # noqa: D102

    def primals(self) -> list[Array]: ...  # noqa: D102

    def values(self) -> list[Array]: ...  # noqa: D102

    def another_point(self) -> list[Array]: ...  # noqa: D102

    def random_like(self, arrays: Sequence[Array], rng: Any) -> list[Array]: ...  # noqa: D102

    def values_at(self, primals: list[Array]) -> list[Array]: ...  # noqa: D102

    def input_name(self, leaf: int) -> str: ...  # noqa: D102

    def pullback(  # noqa: D102
        self, primals: list[Array], weights: list[Array], **options: Any
    ) -> list[Array]: ...

    def pushforward(  # noqa: D102
        self, primals: list[Array], tangents: list[Array]
    ) -> list[Array]: ...

    def values_while_differentiated(self, forward: bool) -> list[Array]: ...  # noqa: D102

    def mapped_and_single_values(  # noqa: D102
        self, only: int | None = None
    ) -> tuple[list[Array], list[Array]]: ...


def rule_errors(
    derivatives: DifferentiatedFunction, label: str, allowed: float = 0.0
) -> Iterator[str]:
    """Yield what is wrong with the rules of one mode, as sentences for the report.

    Parameters
    ----------
    derivatives : DifferentiatedFunction
        The derivatives of the user's func.
    label : {"fwd", "rev", "vmap of fwd", "vmap of rev"}
        The mode.
    allowed : float
        How much derivatives may differ from call to call, rounding aside.
    """
    if label.startswith("vmap"):
        yield from _vmap_errors(derivatives)
        return
    rng = np.random.default_rng(_SEED)
    primals, values = derivatives.primals(), derivatives.values()
    if label == "fwd":
        tangent = derivatives.random_like(primals, rng)
        yield from _jvp_errors(derivatives, primals, tangent, values, allowed)
    else:
        weights = derivatives.random_like(values, rng)
        yield from _vjp_errors(derivatives, primals, weights, allowed)
    recorded = derivatives.values_while_differentiated(label == "fwd")
    if _values_differ(derivatives, recorded, values):
        yield "func returns another value while it is differentiated than alone"


def _vmap_errors(derivatives: DifferentiatedFunction) -> Iterator[str]:
    """Compare mapped values with single ones, with all inputs mapped and with one of them."""
    count = len(derivatives.primals())
    # A rule may rely on all inputs being mapped, or on the others not being mapped.
    for only in [None, *(range(count) if 1 < count <= _MAX_SINGLE_INPUTS else ())]:
        mapped, single = derivatives.mapped_and_single_values(only)
        if _values_differ(derivatives, mapped, single):
            where = f" over {derivatives.input_name(only)} only" if only is not None else ""
            yield f"func returns other values under vmap{where} than alone"
            return


def _jvp_errors(
    derivatives: DifferentiatedFunction,
    primals: list[Array],
    tangent: list[Array],
    values: list[Array],
    allowed: float,
) -> Iterator[str]:
    """Call the jvp twice; compare the dtypes with those of the values."""
    once, again = (derivatives.pushforward(primals, tangent) for _ in range(2))
    yield from _dtype_errors(once, values, "func(x0)")
    yield from _repeat_errors(once, again, allowed)


def _vjp_errors(
    derivatives: DifferentiatedFunction,
    primals: list[Array],
    weights: list[Array],
    allowed: float,
) -> Iterator[str]:
    """Call the vjp twice, and then in other ways than the user's."""
    # A wrong rule may keep what it computed first. So the first call is not at x0.
    with contextlib.suppress(Exception):
        derivatives.pullback(derivatives.another_point(), weights)
    written: list[str] = []
    options = {"written": written} if derivatives.library.rules_may_write else {}
    once = derivatives.pullback(primals, weights, **options)
    if written:  # the next calls would start from what was written
        yield from (f"the backward pass changes {name}, which is not its own" for name in written)
        return
    again = derivatives.pullback(primals, weights)
    yield from _dtype_errors(once, primals, "x0")
    repeat_errors = list(_repeat_errors(once, again, allowed))
    yield from repeat_errors
    if not repeat_errors:
        for probe in _probes(derivatives, weights, len(primals)):
            yield from _probe_errors(derivatives, primals, once, probe, allowed)


@dataclass(frozen=True)
class _Probe:
    """Another way to call the vjp at x0, which must return the same gradient.

    Attributes
    ----------
    way : str
        What is different, for the report.
    suspicion : str
        Where the error may be.
    weights : list of array
        The cotangent.
    options : dict
        Those of `DifferentiatedFunction.pullback`.
    leaf : int or None
        The one input whose gradient is compared; None for all.
    """

    way: str
    suspicion: str
    weights: list[Array]
    options: dict[str, Any]
    leaf: int | None = None


def _probes(
    derivatives: DifferentiatedFunction, weights: list[Array], count: int
) -> Iterator[_Probe]:
    """Yield the other ways to call the vjp."""

    def call_elsewhere() -> None:
        with contextlib.suppress(Exception):
            derivatives.values_at(derivatives.another_point())

    yield _Probe(
        "if func is called elsewhere before the backward pass",
        "is a tensor kept outside of the context?",
        weights,
        {"between": call_elsewhere},
    )
    gaps = [derivatives.library.with_gaps(weight) for weight in weights]
    if any(each is not None for each in gaps):
        yield _Probe(
            "for a cotangent that is not contiguous in memory",
            "is a call of contiguous() missing?",
            [w if g is None else g for w, g in zip(weights, gaps, strict=True)],
            {},
        )
    for leaf in range(count) if 1 < count <= _MAX_SINGLE_INPUTS else ():
        yield _Probe(
            f"if {derivatives.input_name(leaf)} is the only input that requires one",
            "is a branch on needs_input_grad missing?",
            weights,
            {"only": leaf},
            leaf,
        )


def _probe_errors(
    derivatives: DifferentiatedFunction,
    primals: list[Array],
    once: list[Array],
    probe: _Probe,
    allowed: float,
) -> Iterator[str]:
    """Compare what the vjp returns in another way with what it returned at first."""
    try:
        found = derivatives.pullback(primals, probe.weights, **probe.options)
    except (NoRuleError, NotRecordedError, MemoryError):
        return
    except Exception as error:
        if not derivatives.library.lacks_rule(error):
            yield f"raises {brief(error)} {probe.way}"
        return
    leaf = probe.leaf
    chosen = range(len(once)) if leaf is None else [leaf]
    if any(differ(found[k], once[k], allowed=allowed) for k in chosen):
        of = "" if leaf is None else f" of {derivatives.input_name(leaf)}"
        yield f"another gradient{of} {probe.way}: {probe.suspicion}"


def _dtype_errors(parts: Sequence[Array], like: Sequence[Array], name: str) -> Iterator[str]:
    """Compare the dtypes of a derivative with those that it must have."""
    for part, wanted in zip(parts, like, strict=True):
        if part.dtype != wanted.dtype:
            yield f"a derivative of dtype {part.dtype}, where {name} has dtype {wanted.dtype}"
            return


def _repeat_errors(once: Sequence[Array], again: Sequence[Array], allowed: float) -> Iterator[str]:
    if any(differ(*each, allowed=allowed) for each in zip(once, again, strict=True)):
        yield "not deterministic: two calls at x0 return different derivatives"


def _values_differ(
    derivatives: DifferentiatedFunction, ones: Sequence[Array], others: Sequence[Array]
) -> bool:
    """Return whether values of func differ by more than rounding."""
    with np.errstate(all="ignore"):
        sizes = [np.abs(host(one)) * float(machine_epsilon(one)) for one in ones]
    finite = [size[np.isfinite(size)] for size in sizes]
    allowed = _ALL_EPSILONS * max((float(np.max(each, initial=0.0)) for each in finite), default=0)

    def beyond(rounding: Sequence[float]) -> bool:
        found = zip(ones, others, rounding, strict=True)
        return any(differ(one, other, _VALUE_EPSILONS, allowed + by) for one, other, by in found)

    return beyond([0.0] * len(ones)) and beyond(_input_rounding(derivatives))


def _input_rounding(derivatives: DifferentiatedFunction) -> list[float]:
    """Return how far rounding errors of x0 may move each array of values.

    The value may be what is left of terms that cancel: they are as large as this shows.
    """
    values, primals = [host(each) for each in derivatives.values()], derivatives.primals()
    found = [0.0] * len(values)
    for units in _NEIGHBOURS:
        moved = [part * (1 + units * float(machine_epsilon(part))) for part in primals]
        with contextlib.suppress(Exception), np.errstate(all="ignore"):
            for k, each in enumerate(derivatives.values_at(moved)):
                apart = np.abs(host(each) - values[k])
                largest = np.max(apart, initial=0.0, where=np.isfinite(apart))
                found[k] = max(found[k], _SPREADS * float(largest))
    return found


def differ(
    one: Array, other: Array, epsilons: float = _REPEAT_EPSILONS, allowed: float = 0.0
) -> bool:
    """Return whether two results differ by more than rounding.

    Parameters
    ----------
    one, other : array
        Results of one shape. Two NaNs, or two equal infinities, do not differ.
    epsilons : float
        How many machine epsilons of the largest entry of `one` the entries may differ by.
    allowed : float
        How much they may differ by besides.
    """
    first, second = host(one), host(other)
    if first.size == 0 or np.array_equal(first, second):
        return False
    with np.errstate(all="ignore"):
        distance = np.abs(first - second)
        largest = np.max(np.abs(first), initial=0.0)
        near = distance <= epsilons * float(machine_epsilon(one)) * largest + allowed
        same = near | (first == second)
    return not bool(np.all(same | (np.isnan(first) & np.isnan(second))))
