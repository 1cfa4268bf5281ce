"""The array library's own differentiation of ``func``, as claims: `verify_autodiff`."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from checkgrad.arrays.bounds import make_bounds, within
from checkgrad.arrays.messages import brief, first_line, quote, require_functions
from checkgrad.arrays.output_arrays import is_one_array
from checkgrad.arrays.parsing import backend_array, flatten_floating, is_floating
from checkgrad.arrays.point import Point, make_point
from checkgrad.backends import Array, Structure, host, is_array, machine_epsilon
from checkgrad.evaluate.batch import CHUNK_BYTES
from checkgrad.numerics.decide import Verdict
from checkgrad.pipeline import Options, Question, examine
from checkgrad.report.reasons import Subject, report_on
from checkgrad.report.report import Report

MODES = ("fwd", "rev", "vmap")
_REPEATABLE = 100.0  # machine epsilons that two calls of a rule may differ by
_LOOSE = 1000.0  # ... and that a value may differ by under vmap, where sums round differently
_BATCH = 3  # points that "vmap" differentiates at in one call
_AWAY = 2.0**-6  # part of x0 that points are away from it, to tell what belongs to which
_ALONE = 32  # inputs up to which each is differentiated by alone, too
_SEED = 0


def verify_autodiff(
    func: Callable[..., Any],
    x0: Any,
    *args: Any,
    modes: Collection[str] = ("fwd", "rev"),
    order: int = 1,
    direction: Any = "auto",
    rtol: float | None = None,
    bounds: Any = None,
    rng: Any = None,
    batch: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
) -> Report:
    """Judge how JAX or PyTorch differentiate a function, and so the rules that a user wrote for it.

    ``jax.custom_vjp``, ``jax.custom_jvp`` and ``torch.autograd.Function`` (its ``backward``,
    ``jvp`` and ``vmap``) are checked where `func` uses them. The library's jvp and vjp of `func`
    are claims as those of `verify_jvp` and `verify_vjp`.

    Parameters
    ----------
    func : callable ``func(x, *args)``
        The function, as in `verify_jac`: any number of outputs, as a tree.
    x0 : JAX array, PyTorch tensor, or tree of them
        Where to check. Several inputs are a tuple, which `func` gets as one; leaves that are not
        floating are not differentiated, and nor are `args`.
    *args : Any
        Further arguments of `func`.
    modes : collection of {"fwd", "rev", "vmap"}
        What to check: forward mode (jvp), reverse mode (vjp), and both of them (or the one that
        there is a rule for) inside ``jax.vmap`` or ``torch.func.vmap``. A mode that `func` has no
        rule for is left out if there is another, and the report says so.
    order : {1, 2}
        With 2, derivatives of the derivatives too: of the vjp by x0 and by a random cotangent (and
        in JAX of the jvp by x0 and by a random tangent), in every mode that is not "vmap". Where
        there is a rule for none of them, the verdict is inconclusive, unless something is wrong.
    direction, rtol, bounds, rng, batch, chunk_bytes : optional
        As in `verify_jvp`; a `direction` that is a tangent is one like `x0`, for forward mode, in
        place of which reverse mode looks along a random one.

    Returns
    -------
    Report
        The verdict and the evidence. Places begin with the mode: ``rev: d func[1] / d x[0]``.
        A rule that returns another dtype than it must, or something else when it is called again,
        is wrong too.

    Raises
    ------
    TypeError
        If `x0` is NumPy's or of another library that cannot differentiate.
    ValueError
        If `modes` or `order` has no meaning, or as in `verify_jac`.

    See Also
    --------
    verify_jvp, verify_vjp : for derivatives that are functions of their own.

    Notes
    -----
    What a rule raises reaches the caller unchanged, except that there is no rule. If the rule of
    another mode is wrong, that may be why: then the report says so, and what was raised.

    Examples
    --------
    >>> import torch
    >>> from checkgrad import verify_autodiff
    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**2
    ...     @staticmethod
    ...     def backward(ctx, cotangent):
    ...         (x,) = ctx.saved_tensors
    ...         return x * cotangent  # forgets the factor 2
    >>> x0 = torch.tensor([1.0, -3.0], dtype=torch.float64)
    >>> print(verify_autodiff(Square.apply, x0, modes=["rev"]))  # doctest: +ELLIPSIS
    wrong: the claim is off by 50% (2-norm), at 2 of 4 entries
      ...
      * rev: claim is 1/2 times the estimate at every coordinate: a factor too few?
      ...
    """
    asked = _modes(modes)
    if type(order) is not int or order not in (1, 2):
        raise ValueError(f"order is {quote(order)}; pass 1 or 2")
    require_functions(func=func)
    point = make_point(x0, allow_complex=True)
    if not point.backend.differentiates:
        raise TypeError(
            f"x0 is an array of {point.backend.name}, which has no differentiation of its own; "
            "pass JAX arrays or PyTorch tensors, or check a derivative that you wrote with "
            "verify_jac, verify_jvp or verify_vjp"
        )
    if batch == "vectorized":
        raise ValueError("batch is 'vectorized', but func is differentiated at one point at a time")
    audit = _Audit(args, Options(direction, rtol, bounds, rng, batch, chunk_bytes))
    with point.backend.differentiating():
        rules = _Rules(func, args, point, bounds)
        for mode in asked:
            audit.of(rules, x0, mode, "")
        if order == 2:
            audit.again(rules, asked)
        return audit.report()


def _modes(modes: Any) -> tuple[str, ...]:
    if isinstance(modes, str):
        modes = (modes,)
    try:
        asked = tuple(dict.fromkeys(modes))
    except TypeError:
        asked = ()
    if not asked or any(mode not in MODES for mode in asked):
        raise ValueError(f"modes is {quote(modes)}; pass some of 'fwd', 'rev' and 'vmap'")
    return asked


class _NoRuleError(Exception):
    """That func cannot be differentiated in some mode."""


class _Rules:
    """The derivatives of one func by the library of x0, in the forms that a user would write."""

    def __init__(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        point: Point,
        bounds: Any,
        loop: bool = False,
    ) -> None:
        self.func = func
        self.args = args
        self.point = point
        self.bounds = bounds
        self.loop = loop  # it cannot be mapped
        self.limits = make_bounds(bounds, point, "x0")
        with contextlib.suppress(Exception):  # a rule may keep what it computed first
            func(point.rebuilt(self.elsewhere()), *args)
        self._outputs = self._value()[1]

    def vjp(self, x: Any, cotangent: Any, *args: Any) -> Any:
        """In reverse mode."""
        primals, weights = self._parts(x), _output_parts(cotangent, self.point)[0]
        return self.point.rebuilt(self.pulled(primals, weights, args))

    def jvp(self, x: Any, tangent: Any, *args: Any) -> Any:
        """In forward mode."""
        backend, primals = self.point.backend, self._parts(x)
        with self._without_rule():
            found = backend.pushforward(self._flat(args), primals, self._parts(tangent))
        return self._output(found)

    def vjp_of_many(self, x: Any, cotangent: Any, *args: Any) -> Any:
        """In reverse mode, at several points in one call."""
        primals, weights = self._parts(x), _output_parts(cotangent, self.point)[0]
        backend = self.point.backend
        with self._without_rule():
            found = backend.pullback_of_many(
                self._flat(args), self._nearby(primals), self._varied(weights)
            )
        return self.point.rebuilt([part[1, ...] for part in found])

    def jvp_of_many(self, x: Any, tangent: Any, *args: Any) -> Any:
        """In forward mode, at several points in one call."""
        primals, changes = self._parts(x), self._parts(tangent)
        backend = self.point.backend
        with self._without_rule():
            found = backend.pushforward_of_many(
                self._flat(args), self._nearby(primals), self._varied(changes)
            )
        return self._output([part[1, ...] for part in found])

    def pulled(
        self, primals: list[Array], weights: list[Array], args: tuple[Any, ...], **how: Any
    ) -> list[Array]:
        """What reverse mode makes of a cotangent, all of them as lists of arrays."""
        with self._without_rule():
            return self.point.backend.pullback(self._flat(args), primals, weights, **how)

    def recorded(self, forward: bool) -> list[Array]:
        """``func(x0)`` as it comes with a derivative, as a list of arrays."""
        with self._without_rule():
            return self.point.backend.recorded(self._flat(self.args), self.primals(), forward)

    def gradient(self) -> Callable[..., Any]:
        """What reverse mode makes of a point and a cotangent, to be differentiated again."""

        def derived(inputs: Any, *args: Any) -> Any:
            weights = list(inputs["cotangent"])
            found = self.pulled(self._parts(inputs["x0"]), weights, args, again=True)
            return self.point.rebuilt(found)

        return derived

    def change(self) -> Callable[..., Any]:
        """What forward mode makes of a point and a tangent, to be differentiated again."""

        def derived(inputs: Any, *args: Any) -> Any:
            backend = self.point.backend
            primals, tangent = self._parts(inputs["x0"]), list(inputs["tangent"])
            with self._without_rule():
                return self._output(backend.pushforward(self._flat(args), primals, tangent))

        return derived

    def primals(self) -> list[Array]:
        """x0, as a list of arrays."""
        return self._parts(self.point.copy())

    def values(self) -> list[Array]:
        """``func(x0)``, as a list of arrays."""
        return self._value()[0]

    def values_of_many(self, only: int | None = None) -> tuple[list[Array], list[Array]]:
        """``func`` at points near x0, in one call and one by one.

        If `only` is given, these differ in that input alone, and the others are not mapped.
        """
        primals, flat = self.primals(), self._flat(self.args)
        chosen = range(len(primals)) if only is None else [only]
        nearby = self._nearby(primals)
        points = [nearby[place] for place in chosen]

        def at(parts: list[Array]) -> list[Array]:
            every = list(primals)
            for place, part in zip(chosen, parts, strict=True):
                every[place] = part
            return flat(every)

        with self._without_rule():
            together = self.point.backend.values_of_many(at, points)
        single = [at([part[k, ...] for part in points]) for k in range(_BATCH)]
        return together, [self.point.xp.stack(parts) for parts in zip(*single, strict=True)]

    def elsewhere(self) -> list[Array]:
        """A point that is not x0, near it, and within the bounds."""
        xp = self.point.xp
        moved = [xp.where(x == 0, xp.full_like(x, _AWAY), x * (1 + _AWAY)) for x in self.primals()]
        return self._within(moved)

    def _within(self, parts: list[Array]) -> list[Array]:
        """A point moved to within the bounds, which only a real x0 has."""
        return within(self.point, parts, self.limits)

    def random(self, like: Sequence[Array], rng: np.random.Generator) -> list[Array]:
        """Random numbers like some arrays."""
        return [self._normal(part, rng) for part in like]

    def _normal(self, part: Array, rng: np.random.Generator) -> Array:
        xp, backend = self.point.xp, self.point.backend
        if not xp.isdtype(part.dtype, "complex floating"):
            return backend.random_tangent(rng, backend.gather_detached(part))
        like = xp.stack([xp.real(backend.gather_detached(part))] * 2, axis=-1)
        return backend.complexed(backend.random_tangent(rng, like))

    def _parts(self, x: Any) -> list[Array]:
        return self.point.parts(x, "x is", "pass a point")

    def _flat(self, args: tuple[Any, ...]) -> Callable[[list[Array]], list[Array]]:
        """``func``, as a function of lists of arrays."""

        def flat(primals: list[Array]) -> list[Array]:
            value = self.func(self.point.rebuilt(primals), *args)
            return _output_parts(value, self.point)[0]

        return flat

    def _value(self) -> tuple[list[Array], Structure | None]:
        return _output_parts(self.func(self.point.copy(), *self.args), self.point)

    def _output(self, parts: list[Array]) -> Any:
        return parts[0] if self._outputs is None else self._outputs.unflatten(parts)

    def _nearby(self, primals: list[Array]) -> list[Array]:
        """A few points, the second of which is the one given."""
        before, after = ([x * (1 + way) for x in primals] for way in (-_AWAY, _AWAY))
        points = [self._within(before), primals, self._within(after)]
        return [self.point.xp.stack(parts) for parts in zip(*points, strict=True)]

    def _varied(self, vectors: list[Array]) -> list[Array]:
        """A few vectors, the second of which is the one given."""
        xp = self.point.xp
        return [xp.stack([xp.ones_like(v), v, -2 * v]) for v in vectors]

    @contextlib.contextmanager
    def _without_rule(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if self.point.backend.lacks_rule(error):
                raise _NoRuleError(first_line(error)) from error
            raise


def _output_parts(value: Any, point: Point) -> tuple[list[Array], Structure | None]:
    """The floating arrays in what func returns, still recording for differentiation."""
    leaves: list[Any]
    structure: Structure | None = None
    if is_array(value) or is_one_array(value):
        leaves = [value]
    else:
        leaves, structure = flatten_floating(value)
    parts = [_stacked(leaf, point) for leaf in leaves]
    if not parts or not all(map(is_floating, parts)):
        raise TypeError(
            f"func returned {quote(value)}, which has no floating number to differentiate"
        )
    return parts, structure


def _stacked(value: Any, point: Point) -> Array:
    """Numbers and arrays of no dimension, as one array."""
    if isinstance(value, (list, tuple)):
        return point.xp.stack([_stacked(item, point) for item in value])
    like = point.leaves[0]
    if is_array(value):
        return backend_array(value, point.backend, like)
    return point.backend.asarray(value, like)


class _Audit:
    """The checks of all modes, and what they found."""

    def __init__(self, args: tuple[Any, ...], options: Options) -> None:
        self._args = args
        self._options = options
        self._subjects: list[Subject] = []
        self._defects: dict[str, None] = {}
        self._missing: dict[str, _NoRuleError] = {}
        self._failures: dict[str, Exception] = {}
        self._gaps: list[str] = []

    def of(self, rules: _Rules, x0: Any, mode: str, suffix: str) -> None:
        """Check one mode, if there is a rule: "vmap" is both others, as far as there are rules.

        What it raises is kept until all modes are checked: a rule that is wrong in one may fail
        in another.
        """
        forms: dict[str, list[tuple[str, str, Callable[..., Any]]]] = {
            "fwd": [("fwd", "jvp", rules.jvp)],
            "rev": [("rev", "vjp", rules.vjp)],
            "vmap": [
                ("vmap of fwd", "jvp", rules.jvp_of_many),
                ("vmap of rev", "vjp", rules.vjp_of_many),
            ],
        }
        for label, form, claim in forms[mode]:
            try:
                if not suffix:
                    for defect in _defects(rules, label):
                        self._defects[f"{label}: {defect}"] = None
                subject = self._examined(rules, x0, form, claim, label + suffix)
                self._subjects.append(_without_fixed(subject) if suffix else subject)
            except _NoRuleError as error:
                self._missing[label + suffix] = error
            except MemoryError:
                raise
            except Exception as error:
                self._failures[label + suffix] = error

    def again(self, rules: _Rules, asked: Sequence[str]) -> None:
        """Check the derivatives of the derivatives, as far as there are rules."""
        before, nests = len(self._subjects), rules.point.backend.nests
        for inner in [mode for mode in nests if mode in asked] or nests[:1]:
            self._nested(rules, inner, [mode for mode in asked if mode != "vmap"] or ["rev"])
        if len(self._subjects) == before:
            self._gaps.append(
                "no second derivative was checked, since there is no rule; pass order=1"
            )

    def _nested(self, rules: _Rules, inner: str, modes: Sequence[str]) -> None:
        """Check the derivatives of a derivative, in those modes that there are rules for."""
        rng = np.random.default_rng(_SEED)
        x0 = rules.point.copy_for_claim()
        if inner == "rev":
            derived = rules.gradient()
            inputs = {"x0": x0, "cotangent": rules.random(rules.values(), rng)}
        else:
            derived = rules.change()
            inputs = {"x0": x0, "tangent": rules.random(rules.primals(), rng)}
        point = make_point(inputs, allow_complex=True)
        bounds = _bounds_of(rules, inputs)
        loop = not rules.point.backend.maps_gradients
        try:
            again = _Rules(derived, self._args, point, bounds, loop)
        except _NoRuleError as error:
            self._missing.update({f"{mode} of {inner}": error for mode in modes})
            return
        for mode in modes:
            self.of(again, inputs, mode, f" of {inner}")

    def report(self) -> Report:
        """The report on everything that was checked.

        Raises
        ------
        TypeError
            If nothing was, since there is no rule for it.
        Exception
            What a mode raised, unless another one is wrong, which may be why.
        """
        failed = next(iter(self._failures.values()), None)
        if not self._subjects:
            if failed is not None:
                raise failed
            label, error = next(iter(self._missing.items()))
            raise TypeError(f"func cannot be differentiated in mode {label}: {error}") from error
        notes = [f"not checked: {label} ({error})" for label, error in self._missing.items()]
        notes += [f"not checked: {label} ({brief(e)})" for label, e in self._failures.items()]
        if any(is_array(arg) and is_floating(arg) for arg in self._args):
            notes.append(
                "not differentiated, since not in x0: the further arguments; to check those too, "
                "make x0 a tuple of all"
            )
        report = report_on(self._subjects, list(self._defects), self._gaps, notes)
        if failed is not None and report.verdict is not Verdict.WRONG:
            raise failed
        return report

    def _examined(
        self, rules: _Rules, x0: Any, form: str, claim: Callable[..., Any], label: str
    ) -> Subject:
        options = replace(self._options, bounds=rules.bounds)
        own = form == "jvp" and label in MODES + ("vmap of fwd",)  # what the user's tangent is for
        if not own and not isinstance(options.direction, (str, int)):
            options = replace(options, direction="random")
        if rules.loop:
            options = replace(options, batch="loop")
        question = Question(form, rules.func, claim, x0, self._args, options, label)
        return examine(question)


def _without_fixed(subject: Subject) -> Subject:
    """The same, silent about what is not differentiated: it was said of x0 itself."""
    structure = subject.point.structure
    assert structure is not None
    point = replace(subject.point, structure=replace(structure, fixed=()))
    return replace(subject, point=point)


def _bounds_of(rules: _Rules, inputs: dict[str, Any]) -> Any:
    """The bounds on x0, as those of `inputs`: there are none on what is beside it."""
    if rules.bounds is None:
        return None
    point = rules.point
    free = {
        key: [point.xp.ones_like(part) for part in parts]
        for key, parts in inputs.items()
        if key != "x0"
    }
    return [
        {"x0": point.rebuilt(point.from_host(side))}
        | {key: [sign * math.inf * one for one in ones] for key, ones in free.items()}
        for side, sign in zip(rules.limits, (-1, 1), strict=True)
    ]


def _defects(rules: _Rules, label: str) -> Iterator[str]:
    """What is wrong with a rule, whatever the numbers."""
    rng = np.random.default_rng(_SEED)
    if label.startswith("vmap"):
        count = len(rules.primals())
        # A rule may take it that all inputs are mapped, or none of the others.
        for only in [None, *(range(count) if 1 < count <= _ALONE else ())]:
            together, single = rules.values_of_many(only)
            if any(_apart(one, other, _LOOSE) for one, other in zip(together, single, strict=True)):
                where = f" over x0{rules.point.leaf_path(only)} only" if only is not None else ""
                yield f"func returns other values under vmap{where} than alone"
                return
        return
    primals, values = rules.primals(), rules.values()
    if label == "fwd":
        yield from _defects_of_jvp(rules, rules.random(primals, rng), values)
    else:
        yield from _defects_of_vjp(rules, rules.random(values, rng))
    recorded = rules.recorded(label == "fwd")
    if any(_apart(one, other, _LOOSE) for one, other in zip(recorded, values, strict=True)):
        yield "func returns another value while it is differentiated than alone"


def _defects_of_jvp(rules: _Rules, tangent: list[Array], values: list[Array]) -> Iterator[str]:
    x, change = rules.point.rebuilt(rules.primals()), rules.point.rebuilt(tangent)
    once, again = (
        _output_parts(rules.jvp(x, change, *rules.args), rules.point)[0] for _ in range(2)
    )
    yield from _unlike(once, values, "func(x0)")
    yield from _unsteady(once, again)


def _defects_of_vjp(rules: _Rules, weights: list[Array]) -> Iterator[str]:
    args, primals = rules.args, rules.primals()
    with contextlib.suppress(Exception):  # a rule may keep what it computed first
        rules.pulled(rules.elsewhere(), weights, args)
    once, again = (rules.pulled(primals, weights, args) for _ in range(2))
    yield from _unlike(once, primals, "x0")
    unsteady = list(_unsteady(once, again))
    yield from unsteady
    if unsteady:
        return

    def between() -> None:
        with contextlib.suppress(Exception):
            rules.func(rules.point.rebuilt(rules.elsewhere()), *args)

    late = rules.pulled(primals, weights, args, between=between)
    if any(_apart(one, other) for one, other in zip(once, late, strict=True)):
        yield (
            "another gradient if func is called elsewhere before the backward pass: is a tensor "
            "kept outside of the context?"
        )
    for leaf in range(len(primals)) if len(primals) <= _ALONE else ():
        alone = rules.pulled(primals, weights, args, only=leaf)
        if _apart(alone[leaf], once[leaf]):
            yield (
                f"another gradient of x0{rules.point.leaf_path(leaf)} if it is the only input that "
                "requires one: is a branch on needs_input_grad missing?"
            )


def _unlike(parts: Sequence[Array], like: Sequence[Array], name: str) -> Iterator[str]:
    """Whether a derivative has other dtypes than what it is the derivative of or by."""
    for part, whole in zip(parts, like, strict=True):
        if part.dtype != whole.dtype:
            yield f"a derivative of dtype {part.dtype}, where {name} has dtype {whole.dtype}"
            return


def _unsteady(once: Sequence[Array], again: Sequence[Array]) -> Iterator[str]:
    if any(_apart(one, other) for one, other in zip(once, again, strict=True)):
        yield "not deterministic: two calls at x0 return different derivatives"


def _apart(one: Array, other: Array, epsilons: float = _REPEATABLE) -> bool:
    """Whether two results differ by more than parallel sums may."""
    first, second = host(one), host(other)
    if first.size == 0:
        return False
    with np.errstate(all="ignore"):
        off = np.abs(first - second)
        size = np.max(np.abs(first), initial=0.0)
        same = (off <= epsilons * float(machine_epsilon(one)) * size) | (first == second)
    return not bool(np.all(same | (np.isnan(first) & np.isnan(second))))
