"""The array library's own derivatives of a func, as functions that a user could have written.

`LibraryDerivatives` is the jvp and the vjp of one func, with the signatures that `verify_jvp` and
`verify_vjp` take. So they are claims like any other. The module judges nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from checkgrad.arrays.bounds import make_bounds, within
from checkgrad.arrays.messages import first_line
from checkgrad.arrays.output_arrays import recording_arrays
from checkgrad.arrays.point import Point
from checkgrad.backends import Array, Structure
from checkgrad.backends.differentiation import Differentiation
from checkgrad.claims.left_out import without_outputs
from checkgrad.claims.ranks import Alone, Ranks

_N_MAPPED = 3  # points that a mapped derivative is evaluated at in one call
_DISTANCE = 2.0**-6  # of another point from x0, relative to each coordinate


class NoRuleError(Exception):
    """A func has no rule to be differentiated by in some mode."""


class LibraryDerivatives:
    """The derivatives of one func by the library of x0, in the forms that a user would write.

    Parameters
    ----------
    func : callable ``func(x, *args)``
        The user's function.
    args : tuple
        Further arguments of `func`, which are not differentiated.
    point : Point
        x0.
    bounds : Any
        The user's bounds on x0, or None.
    loop : bool
        Whether `func` can be evaluated at one point at a time only.
    constants : tuple of str
        The paths of floating leaves of x0 that are not differentiated.
    library : Differentiation, optional
        What differentiates, if not the library of x0 as it does usually.
    ranks : Ranks, optional
        The processes that differentiate together; by default this one.

    Attributes
    ----------
    left_out : tuple of str
        The paths of outputs that are not checked, see `leave_out_constants`.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        point: Point,
        bounds: Any,
        loop: bool = False,
        constants: tuple[str, ...] = (),
        library: Differentiation | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.func = func
        self.args = args
        self.point = point
        self.bounds = bounds
        self.loop = loop
        self.constants = constants
        self._library = library
        self.ranks = ranks or Alone()
        self.left_out: tuple[str, ...] = ()
        self.limits = make_bounds(bounds, point, "x0")
        # A wrong rule may keep what it computed first. So the first call is not at x0.
        with contextlib.suppress(Exception):
            func(point.rebuilt(self.another_point()), *args)
        self._outputs = self._value()[1]

    def linearized(self) -> LibraryDerivatives:
        """Return the derivatives whose forward mode is the linear part of ``func``."""
        library = self.library.linearization
        options = self.bounds, self.loop, self.constants
        return LibraryDerivatives(self.func, self.args, self.point, *options, library, self.ranks)

    def leave_out_constants(self) -> None:
        """Leave out of ``func`` the outputs that its library takes for constants.

        If it takes all of them for constants, all stay: their derivatives must be 0.
        """
        if self._outputs is None:
            return
        primals = self.primals()
        constants = self._called(lambda: self.library.constant_values(self._on_arrays, primals))
        if not any(constants):
            return
        pairs = zip(self._outputs.paths, constants, strict=True)
        self.left_out = tuple(path for path, is_constant in pairs if is_constant)
        self.func = without_outputs(self.func, self.left_out)
        self._outputs = self._value()[1]

    # The claims.

    def jvp(self, x: Any, tangent: Any, *args: Any) -> Any:
        """Return the derivative along `tangent`, in forward mode."""
        del args  # those of the constructor
        return self._output(self.pushforward(self._parts(x), self._parts(tangent)))

    def vjp(self, x: Any, cotangent: Any, *args: Any) -> Any:
        """Return the gradient weighted by `cotangent`, in reverse mode."""
        del args
        weights = recording_arrays(cotangent, self.point)[0]
        return self.point.rebuilt(self.pullback(self._parts(x), weights))

    def mapped_jvp(self, x: Any, tangent: Any, *args: Any) -> Any:
        """Return `jvp`, computed at several points in one call."""
        del args
        primals, tangents = self._parts(x), self._parts(tangent)
        with self._translated_errors():
            found = self.library.pushforward_of_many(
                self._on_arrays, self._nearby(primals), self._scaled(tangents)
            )
        return self._output([part[1, ...] for part in found])

    def mapped_vjp(self, x: Any, cotangent: Any, *args: Any) -> Any:
        """Return `vjp`, computed at several points in one call."""
        del args
        primals, weights = self._parts(x), recording_arrays(cotangent, self.point)[0]
        with self._translated_errors():
            found = self.library.pullback_of_many(
                self._on_arrays, self._nearby(primals), self._scaled(weights)
            )
        return self.point.rebuilt([part[1, ...] for part in found])

    # Derivatives that are differentiated again.

    def nested_jvp(self) -> Callable[..., Any]:
        """Return the jvp as a function of ``{"x0": ..., "tangent": [...]}``."""

        def derivative(inputs: Any, *args: Any) -> Any:
            del args
            primals, tangents = self._parts(inputs["x0"]), list(inputs["tangent"])
            return self._output(self.pushforward(primals, tangents))

        return derivative

    def nested_vjp(self) -> Callable[..., Any]:
        """Return the vjp as a function of ``{"x0": ..., "cotangent": [...]}``."""

        def derivative(inputs: Any, *args: Any) -> Any:
            del args
            primals, weights = self._parts(inputs["x0"]), list(inputs["cotangent"])
            return self.point.rebuilt(self.pullback(primals, weights, again=True))

        return derivative

    # Lists of arrays: what the checks of a rule compare.

    def primals(self) -> list[Array]:
        """Return x0 as a list of arrays, which record nothing for differentiation."""
        detached = self.point.backend.gather_detached
        return [detached(part) for part in self._parts(self.point.copy())]

    def values(self) -> list[Array]:
        """Return ``func(x0)`` as a list of arrays."""
        return self._value()[0]

    def values_while_differentiated(self, forward: bool) -> list[Array]:
        """Return ``func(x0)`` as it comes with a derivative: in forward or in reverse mode."""
        passed = self._as_passed(self.primals())
        return self._called(lambda: self.library.recorded(self._on_arrays, passed, forward))

    def mapped_and_single_values(self, only: int | None = None) -> tuple[list[Array], list[Array]]:
        """Return ``func`` at several points near x0: mapped in one call, and called one by one.

        Parameters
        ----------
        only : int, optional
            The points differ in this input alone, and the other inputs are not mapped.
        """
        primals = self.primals()
        chosen = range(len(primals)) if only is None else [only]
        nearby = self._nearby(primals)
        points = [nearby[k] for k in chosen]

        def at(parts: list[Array]) -> list[Array]:
            inputs = list(primals)
            for k, part in zip(chosen, parts, strict=True):
                inputs[k] = part
            return self._on_arrays(inputs)

        with self._translated_errors():
            mapped = self.library.values_of_many(at, points)
        single = [at([part[k, ...] for part in points]) for k in range(_N_MAPPED)]
        return mapped, [self.point.xp.stack(parts) for parts in zip(*single, strict=True)]

    def values_at(self, primals: list[Array]) -> list[Array]:
        """Return ``func`` at a point as a list of arrays."""
        return self._on_arrays(primals)

    def input_name(self, leaf: int) -> str:
        """Return what an input is called: ``x0[1]``, for example."""
        return f"x0{self.point.leaf_path(leaf)}"

    def pullback(self, primals: list[Array], weights: list[Array], **options: Any) -> list[Array]:
        """Return the gradient weighted by `weights`; the options are those of the backend."""
        found = self._called(
            lambda: self.library.pullback(self._on_arrays, primals, weights, **options)
        )
        if (written := options.get("written")) is not None:
            written[:] = self.ranks.told(written)
        return found

    def pushforward(self, primals: list[Array], tangents: list[Array]) -> list[Array]:
        """Return the derivative along some tangents, in forward mode."""
        passed = self._as_passed(primals)
        return self._called(lambda: self.library.pushforward(self._on_arrays, passed, tangents))

    def another_point(self) -> list[Array]:
        """Return a point near x0 and within the bounds that differs in every coordinate."""
        xp = self.point.xp
        moved = [
            xp.where(x == 0, xp.full_like(x, _DISTANCE), x * (1 + _DISTANCE))
            for x in self.primals()
        ]
        return self._as_passed(self._within(moved))

    def random_like(self, arrays: Sequence[Array], rng: np.random.Generator) -> list[Array]:
        """Return random normal numbers like some arrays."""
        return [self._normal(array, rng) for array in arrays]

    @property
    def library(self) -> Differentiation:
        """The differentiation of the library of x0."""
        differentiation = self._library or self.point.backend.differentiation
        assert differentiation is not None
        return differentiation

    def _as_passed(self, primals: list[Array]) -> list[Array]:
        """Return a point that lies in memory and records as x0 does: func may rely on it."""
        pairs = zip(primals, self.point.originals, strict=True)
        return [self.point.backend.resembling(*pair) for pair in pairs]

    def _parts(self, x: Any) -> list[Array]:
        return self.point.parts(x, "x is", "pass a point")

    def _output(self, parts: list[Array]) -> Any:
        return parts[0] if self._outputs is None else self._outputs.unflatten(parts)

    def _value(self) -> tuple[list[Array], Structure | None]:
        return recording_arrays(self.func(self.point.copy(), *self.args), self.point)

    def _on_arrays(self, primals: list[Array]) -> list[Array]:
        """Return the arrays in what ``func`` returns for arrays like those of x0."""
        value = self.func(self.point.rebuilt(primals), *self.args)
        return recording_arrays(value, self.point)[0]

    def _within(self, parts: list[Array]) -> list[Array]:
        """Return a point moved to within the bounds. Only a real x0 has bounds."""
        return within(self.point, parts, self.limits)

    def _normal(self, part: Array, rng: np.random.Generator) -> Array:
        xp, backend = self.point.xp, self.point.backend
        if not xp.isdtype(part.dtype, "complex floating"):
            return backend.random_tangent(rng, backend.gather_detached(part))
        like = xp.stack([xp.real(backend.gather_detached(part))] * 2, axis=-1)
        return backend.complexed(backend.random_tangent(rng, like))

    def _nearby(self, primals: list[Array]) -> list[Array]:
        """Return `_N_MAPPED` points along a leading axis; the second is the given one."""
        before, after = ([x * (1 + step) for x in primals] for step in (-_DISTANCE, _DISTANCE))
        points = [self._within(before), primals, self._within(after)]
        return [self.point.xp.stack(parts) for parts in zip(*points, strict=True)]

    def _scaled(self, vectors: list[Array]) -> list[Array]:
        """Return `_N_MAPPED` vectors along a leading axis; the second is the given one."""
        xp = self.point.xp
        return [xp.stack([xp.ones_like(v), v, -2 * v]) for v in vectors]

    def _called(self, call: Callable[[], list[Any]]) -> list[Any]:
        """Return what a call of the library returns, the same for all who differentiate."""
        with self._translated_errors():
            return self.ranks.called(call)

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Raise a `NoRuleError` in place of the library's own errors for a missing rule."""
        try:
            yield
        except Exception as error:
            if self.library.lacks_rule(error):
                raise NoRuleError(first_line(error)) from error
            raise
