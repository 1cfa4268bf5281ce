"""What is wrong with a differentiation rule whatever its numbers are.

A rule is wrong if it returns another dtype than it must, other derivatives when it is called again,
or other values while it is differentiated or mapped. `rule_errors` looks for these errors. Whether
the derivatives are right is for the pipeline to judge.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from checkgrad.arrays.output_arrays import recording_arrays
from checkgrad.backends import Array, host, machine_epsilon
from checkgrad.claims.library_derivatives import LibraryDerivatives

_REPEAT_EPSILONS = 100.0  # two calls of a rule may differ by these: parallel sums do
_VALUE_EPSILONS = 1000.0  # two values of func may: sums round differently under vmap
_MAX_SINGLE_INPUTS = 32  # up to so many inputs, each one is also differentiated or mapped alone
_SEED = 0


def rule_errors(derivatives: LibraryDerivatives, label: str) -> Iterator[str]:
    """Yield what is wrong with the rules of one mode, as sentences for the report.

    Parameters
    ----------
    derivatives : LibraryDerivatives
        The derivatives of the user's func.
    label : {"fwd", "rev", "vmap of fwd", "vmap of rev"}
        The mode.
    """
    if label.startswith("vmap"):
        yield from _vmap_errors(derivatives)
        return
    rng = np.random.default_rng(_SEED)
    primals, values = derivatives.primals(), derivatives.values()
    if label == "fwd":
        yield from _jvp_errors(derivatives, derivatives.random_like(primals, rng), values)
    else:
        yield from _vjp_errors(derivatives, derivatives.random_like(values, rng))
    recorded = derivatives.values_while_differentiated(label == "fwd")
    if _any_differ(recorded, values, _VALUE_EPSILONS):
        yield "func returns another value while it is differentiated than alone"


def _vmap_errors(derivatives: LibraryDerivatives) -> Iterator[str]:
    """Compare mapped values with single ones, with all inputs mapped and with one of them."""
    count = len(derivatives.primals())
    # A rule may rely on all inputs being mapped, or on the others not being mapped.
    for only in [None, *(range(count) if 1 < count <= _MAX_SINGLE_INPUTS else ())]:
        mapped, single = derivatives.mapped_and_single_values(only)
        if _any_differ(mapped, single, _VALUE_EPSILONS):
            where = f" over x0{derivatives.point.leaf_path(only)} only" if only is not None else ""
            yield f"func returns other values under vmap{where} than alone"
            return


def _jvp_errors(
    derivatives: LibraryDerivatives, tangent: list[Array], values: list[Array]
) -> Iterator[str]:
    """Call the jvp twice; compare the dtypes with those of the values."""
    point = derivatives.point
    x, direction = point.rebuilt(derivatives.primals()), point.rebuilt(tangent)
    once, again = (
        recording_arrays(derivatives.jvp(x, direction, *derivatives.args), point)[0]
        for _ in range(2)
    )
    yield from _dtype_errors(once, values, "func(x0)")
    yield from _repeat_errors(once, again)


def _vjp_errors(derivatives: LibraryDerivatives, weights: list[Array]) -> Iterator[str]:
    """Call the vjp twice, with func called in between, and for each input alone."""
    args, primals = derivatives.args, derivatives.primals()
    # A wrong rule may keep what it computed first. So the first call is not at x0.
    with contextlib.suppress(Exception):
        derivatives.pullback(derivatives.another_point(), weights, args)
    once, again = (derivatives.pullback(primals, weights, args) for _ in range(2))
    yield from _dtype_errors(once, primals, "x0")
    repeat_errors = list(_repeat_errors(once, again))
    yield from repeat_errors
    if repeat_errors:
        return

    def call_elsewhere() -> None:
        with contextlib.suppress(Exception):
            derivatives.func(derivatives.point.rebuilt(derivatives.another_point()), *args)

    late = derivatives.pullback(primals, weights, args, between=call_elsewhere)
    if _any_differ(once, late):
        yield (
            "another gradient if func is called elsewhere before the backward pass: is a tensor "
            "kept outside of the context?"
        )
    for leaf in range(len(primals)) if len(primals) <= _MAX_SINGLE_INPUTS else ():
        alone = derivatives.pullback(primals, weights, args, only=leaf)
        if differ(alone[leaf], once[leaf]):
            yield (
                f"another gradient of x0{derivatives.point.leaf_path(leaf)} if it is the only "
                "input that requires one: is a branch on needs_input_grad missing?"
            )


def _dtype_errors(parts: Sequence[Array], like: Sequence[Array], name: str) -> Iterator[str]:
    """Compare the dtypes of a derivative with those that it must have."""
    for part, wanted in zip(parts, like, strict=True):
        if part.dtype != wanted.dtype:
            yield f"a derivative of dtype {part.dtype}, where {name} has dtype {wanted.dtype}"
            return


def _repeat_errors(once: Sequence[Array], again: Sequence[Array]) -> Iterator[str]:
    if _any_differ(once, again):
        yield "not deterministic: two calls at x0 return different derivatives"


def _any_differ(
    ones: Sequence[Array], others: Sequence[Array], epsilons: float = _REPEAT_EPSILONS
) -> bool:
    return any(differ(one, other, epsilons) for one, other in zip(ones, others, strict=True))


def differ(one: Array, other: Array, epsilons: float = _REPEAT_EPSILONS) -> bool:
    """Return whether two results differ by more than rounding.

    Parameters
    ----------
    one, other : array
        Results of one shape. Two NaNs, or two equal infinities, do not differ.
    epsilons : float
        How many machine epsilons of the largest entry of `one` the entries may differ by.
    """
    first, second = host(one), host(other)
    if first.size == 0:
        return False
    with np.errstate(all="ignore"):
        distance = np.abs(first - second)
        largest = np.max(np.abs(first), initial=0.0)
        near = distance <= epsilons * float(machine_epsilon(one)) * largest
        same = near | (first == second)
    return not bool(np.all(same | (np.isnan(first) & np.isnan(second))))
