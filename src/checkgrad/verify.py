"""The doors to a verdict: `verify_grad` and `assert_grad`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from checkgrad.batching import CHUNK_BYTES
from checkgrad.bounds import make_bounds
from checkgrad.diagnosis import Subject, report_on, report_undetermined
from checkgrad.differences import noise_along_line
from checkgrad.directions import (
    Lines,
    bounded,
    coordinate_lines,
    given_line,
    random_lines,
    roomier,
)
from checkgrad.point import Floats, Point, make_point, quote
from checkgrad.refinement import Task, gather
from checkgrad.report import Report
from checkgrad.sampling import ClaimSampler, Sampler

ALL_UP_TO = 1000  # coordinates: 2000 calls of func, two seconds where one takes a millisecond
TANGENTS = 10  # random tangents that "auto" checks beyond
_DOUBLE, _SINGLE = 2.0**-52, 2.0**-23  # machine epsilons
_RTOL = ((_DOUBLE, 1e-5), (_SINGLE, 1e-3), (2.0**-10, 5e-2), (2.0**-7, 2e-1))
_SEED = 0  # without rng, so that a test gives the same verdict whenever it runs
_REPEATABLE = 100.0  # machine epsilons that two calls at x0 may differ by: parallel sums may
_REPEATABLE_AT_MOST = 1e-5  # ... except by a few of those of half precision
_LOUD = 16.0  # machine epsilons of noise above which func(x0) is called once more
_JITTER = 3  # points on each side of x0 (or twice as many within bounds) to measure noise at ...
_JITTER_UNITS = 2  # ... this many units in the last place apart
_QUIET = 0.5  # part of these points at which a func that rounds its input is as it is at x0
_PART = 0.125  # of a machine epsilon, which rounding to nearest does not see ...
_SOME = 8.0  # ... and as many as it does
_PROPORTION = 3.0  # times that the change over them may be larger than so many over one
_NEIGHBOURS = 3  # points at which the noise of the claim is measured


def verify_grad(
    func: Callable[..., Any],
    grad: Callable[..., Any],
    x0: Any,
    *args: Any,
    direction: Any = "auto",
    rtol: float | None = None,
    bounds: Any = None,
    rng: Any = None,
    batch: str = "auto",
    chunk_bytes: int = CHUNK_BYTES,
) -> Report:
    """Judge a hand-written gradient: correct, wrong or inconclusive, with nothing to tune.

    The gradient is compared with finite differences whose steps fit each coordinate and whose
    uncertainty (truncation, and the noise in `func` as measured) is estimated along with them.
    It is *wrong* only if the difference is beyond all uncertainty, and *correct* only if an error
    of `rtol` would have been seen.

    Parameters
    ----------
    func : callable ``func(x, *args)``
        The function. Returns a real number: a Python or NumPy scalar, a 0-d array, or an array
        of one element. Away from x0 it may return what is not finite, or raise: that is the edge
        of its domain.
    grad : callable ``grad(x, *args)``
        The claim: the gradient of `func`, of the shape or tree of `x0`, in any dtype; a list of
        0-d arrays will do.
    x0 : array, array-like or tree of arrays
        Where to check: real floating numbers of any shape, in NumPy, JAX, PyTorch or another
        library of the array API standard. `func` and `grad` get arrays of its library, dtype and
        device. Lists of numbers and integers become floating.
    *args : Any
        Further arguments of `func` and `grad`.
    direction : {"auto", "all", "random"}, int, or array or tree like x0
        What to check the gradient along. "all": every coordinate, at about two evaluations of
        `func` each. "random": one random tangent; an int: so many. An array or tree like `x0`:
        that tangent. "auto" is "all" for up to 1000 coordinates, two seconds where `func` takes a
        millisecond, and 10 random tangents beyond. A random tangent tells whether the gradient
        as a whole is right; an error in few of many entries may be too small to be seen along it.
    rtol : float, optional
        The smallest relative error of an entry that must not get past. By default 1e-5 for
        float64, 1e-3 for float32, 5e-2 for float16 and 2e-1 for bfloat16, by the coarsest of the
        dtypes of `x0`, ``func(x0)`` and ``grad(x0)`` and of the dtype that `func` is seen to
        compute in. Touch it where you know that a less exact
        gradient will do, or need to know it to more digits.
    bounds : pair (lower, upper), optional
        `func` is evaluated within only. Each side is a number, None, or shaped like `x0`. Touch
        it where `func` misbehaves beyond, or where `x0` lies on the edge of its domain.
    rng : int or numpy.random.Generator, optional
        Where random tangents and jitter come from. By default they are the same at every call.
    batch : {"auto", "vmap", "vectorized", "loop"}
        How `func` is evaluated at many points. "vmap": by ``jax.vmap`` or ``torch.func.vmap``, many
        at a time. "vectorized": `func` takes many points along a leading axis, an array of shape
        ``(k,) + x0.shape`` (or a tree of them), and returns k values. "loop": one call for each.
        "auto" is "vmap" where the library of `x0` has it, in float32 or wider, the points are
        many, and `func` can be mapped and returns the same values then; else "loop", and the report
        says why.
    chunk_bytes : int
        How much memory the points of one call may take, in bytes, together with the largest array
        that `func` makes of them: 256 MiB by default. Touch it where memory is short.

    Returns
    -------
    Report
        The verdict and the evidence; ``bool(report)`` is true for a correct gradient only, and
        ``print(report)`` says what is wrong where.

    Raises
    ------
    ValueError
        If `x0` is empty or not finite, ``func(x0)`` is not finite or not one number, the claim
        has another shape or tree than `x0`, or an option has no meaning.
    TypeError
        If `x0`, or what `func` or `grad` returns, is not numeric, or is complex.

    See Also
    --------
    assert_grad : the same, raising unless the gradient is correct.
    check_grad : SciPy's single number.

    Notes
    -----
    A coordinate is sampled by central differences at one step first. If they agree with the
    claim to ``rtol / 10``, they certify each other, since two independent numbers do not do so by
    accident. The others are sampled on a ladder of steps. Polynomials fitted by weighted least
    squares extrapolate it to step zero, and every finer step must be consistent with the fit.
    Where one-sided differences settle on two values, ``func`` has a kink, and a claim between
    them is a subgradient, which is correct.

    References
    ----------
    .. [1] L. F. Richardson, "The deferred approach to the limit", Phil. Trans. R. Soc. A 226,
       1927.
    .. [2] J. More, S. Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import verify_grad
    >>> def func(params):
    ...     return np.sum(np.exp(params["rate"])) * params["scale"] ** 2
    >>> def grad(params):
    ...     rates = np.exp(params["rate"])
    ...     return {
    ...         "rate": rates * params["scale"] ** 2,
    ...         "scale": 2 * np.sum(rates),
    ...     }
    >>> x0 = {"rate": np.array([0.0, -1.0, 0.5]), "scale": np.array(3.0)}
    >>> print(verify_grad(func, grad, x0))  # doctest: +ELLIPSIS
    wrong: the claim is off by ...% (2-norm), at 1 of 4 coordinates
      params['scale']  claim 6.033201424  estimate 18.0996042... ± ...
    ...
    """
    name = _argument_name(func)
    point = make_point(x0)
    sampler = Sampler(func, point, args, batch, chunk_bytes)
    claimed = ClaimSampler(grad, point, args)
    limits = make_bounds(bounds, point, name)
    generator = _generator(rng)
    value = sampler.value_at_x0()
    claims = claimed.at(point.leaves)
    nominal = max(_precision(point), float(sampler.value_epsilon))
    coarsest, noise = _precision_and_noise(sampler, limits, value, generator, nominal)
    tolerance = _tolerance(rtol, max(coarsest, claimed.epsilon))
    subject = Subject(point, name, sampler, claimed, value, nominal, coarsest, tolerance)
    if noise > _LOUD * coarsest * abs(value):
        again = sampler.value_at_x0()
        if _undetermined(value, again, coarsest):
            return report_undetermined(subject, again)
        noise = max(noise, abs(again - value))
    lines = _lines(direction, sampler, claims, limits, value, generator)
    task = Task(
        probes=lines.probes,
        claim=lines.claim,
        smooth=lines.smooth,
        vague=lines.vague,
        value=value,
        noise=noise,
        precision=coarsest,
        rtol=tolerance,
        whole=lines.whole,
        claim_noise=lambda: _claim_noise(claimed, lines, limits, generator),
    )
    evidence = gather(task)
    if not np.all(evidence.assessment.resolved):
        # Before anything is said against the claim: does func still say what it said?
        again = sampler.value_at_x0()
        if _undetermined(value, again, coarsest):
            return report_undetermined(subject, again)
    return report_on(subject, lines, evidence, noise)


def assert_grad(
    func: Callable[..., Any],
    grad: Callable[..., Any],
    x0: Any,
    *args: Any,
    allow_inconclusive: bool = False,
    **options: Any,
) -> None:
    """Raise unless a hand-written gradient is correct: `verify_grad` for a test.

    Parameters
    ----------
    func, grad : callable
        As in `verify_grad`.
    x0 : array, array-like or tree of arrays
        As in `verify_grad`.
    *args : Any
        Further arguments of `func` and `grad`.
    allow_inconclusive : bool
        Let an inconclusive check pass too.
    **options : Any
        The options of `verify_grad`: ``direction``, ``rtol``, ``bounds``, ``rng``,
        ``batch``, ``chunk_bytes``.

    Raises
    ------
    GradientError
        An AssertionError, whose message is the report.
    ValueError, TypeError
        As `verify_grad`.

    See Also
    --------
    verify_grad : the report itself.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import assert_grad
    >>> assert_grad(lambda x: np.sum(x**3), lambda x: 3 * x**2, np.array([1.0, 2.0]))
    """
    verify_grad(func, grad, x0, *args, **options).raise_for_verdict(allow_inconclusive)


def _generator(rng: Any) -> np.random.Generator:
    if rng is None:
        return np.random.default_rng(_SEED)
    whole = isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0
    if not whole and not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng is {quote(rng)}; pass an int of 0 or more, a numpy.random.Generator, or None"
        )
    return np.random.default_rng(rng)


def _argument_name(func: Callable[..., Any]) -> str:
    """What the user calls x0: the first parameter of `func`."""
    try:
        parameters = list(inspect.signature(func).parameters.values())
    except (TypeError, ValueError):
        return "x"
    named = parameters and parameters[0].kind in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    return parameters[0].name if named else "x"


def _undetermined(value: float, again: float, precision: float) -> bool:
    """Whether two calls at x0 differ by more than parallel sums, which may round anew."""
    repeatable = max(4 * precision, min(_REPEATABLE * precision, _REPEATABLE_AT_MOST))
    return abs(again - value) > repeatable * abs(value)


def _precision(point: Point) -> float:
    """The coarsest machine epsilon of x0, and not below that of the float64 we compute in."""
    return max(_DOUBLE, *(float(point.xp.finfo(leaf.dtype).eps) for leaf in point.leaves))


def _tolerance(rtol: Any, coarsest: float) -> float:
    if rtol is None:
        return next((default for epsilon, default in _RTOL if coarsest <= epsilon), _RTOL[-1][1])
    if not isinstance(rtol, (int, float, np.number)) or not 0 < rtol < 1:
        raise ValueError(f"rtol is {quote(rtol)}; pass a number between 0 and 1, or None")
    return float(rtol)


def _lines(
    direction: Any,
    sampler: Sampler,
    claims: list[Any],
    limits: tuple[Floats, Floats],
    value: float,
    rng: np.random.Generator,
) -> Lines:
    """The lines through x0 that `direction` names."""
    size = sampler.point.size
    if isinstance(direction, str):
        if direction == "auto":
            direction = "all" if size <= ALL_UP_TO else TANGENTS
        elif direction == "random":
            direction = 1
        elif direction != "all":
            raise _meaningless(direction)
    if isinstance(direction, str):
        return coordinate_lines(sampler, claims, limits, value)
    scalar = sampler.point.structure is None and sampler.point.leaves[0].shape == ()
    number = isinstance(direction, (float, np.floating))  # a tangent of a number
    if direction is None or isinstance(direction, bool) or (number and not scalar):
        raise _meaningless(direction)
    if isinstance(direction, (int, np.integer)):
        if direction < 1:
            raise ValueError(f"direction is {direction}; at least one tangent is needed")
        return random_lines(sampler, claims, limits, value, rng, int(direction))
    return given_line(sampler, claims, limits, value, direction)


def _meaningless(direction: Any) -> ValueError:
    return ValueError(
        f"direction is {direction!r}; pass 'auto', 'all', 'random', a number of random tangents, "
        "or a tangent shaped like x0"
    )


def _precision_and_noise(
    sampler: Sampler,
    limits: tuple[Floats, Floats],
    value: float,
    rng: np.random.Generator,
    nominal: float,
) -> tuple[float, float]:
    """The machine epsilon that ``func`` computes with, and its noise."""
    near = _near(sampler, limits, value, rng, nominal)
    noise = noise_along_line(near)
    if np.mean(near == value) <= _QUIET:
        return nominal, noise
    coarsest = nominal
    for coarser in (epsilon for epsilon, _ in _RTOL if epsilon > nominal):
        if _rounds_to(coarser, sampler, limits, value, rng, nominal):
            coarsest = coarser
    if coarsest == nominal > _DOUBLE:
        return nominal, noise
    # Over units of float32 the third differences of what is smooth are far below those of float64.
    farther = _near(sampler, limits, value, rng, max(coarsest, _SINGLE))
    return coarsest, max(noise, noise_along_line(farther))


def _near(
    sampler: Sampler,
    limits: tuple[Floats, Floats],
    value: float,
    rng: np.random.Generator,
    precision: float,
) -> Floats:
    """``func`` at points on a line through x0, a few units in the last place apart."""
    point = sampler.point
    signs = point.random_signs(rng)
    behind = _JITTER
    if bounded(limits):
        signs, behind = roomier(point, signs, limits), 0
    units = point.units(signs, precision)
    del signs  # as large as x0, as is all that is left of it
    counts = [_JITTER_UNITS * (k - behind) for k in range(2 * _JITTER + 1) if k != behind]
    moved = (_within(point, point.neighbour(units, count), limits) for count in counts)
    values = sampler.host_values(point.assemble(leaves) for leaves in moved)
    return np.insert(values, behind, value)


def _within(point: Point, leaves: list[Any], limits: tuple[Floats, Floats]) -> list[Any]:
    """A point near x0, moved to within the bounds."""
    if not bounded(limits):
        return leaves
    return point.rounded(np.clip(point.on_host(leaves), *limits))


def _rounds_to(
    coarser: float,
    sampler: Sampler,
    limits: tuple[Floats, Floats],
    value: float,
    rng: np.random.Generator,
    precision: float,
) -> bool:
    """Whether ``func`` rounds its input to a dtype of machine epsilon `coarser`.

    A func that casts to a coarser dtype first does not change at all between a number of that
    dtype and others a part of a unit in the last place away. Over one unit it does, and over some
    in proportion, by more than a slope could hide in the rounding of its value.
    """
    point = sampler.point
    same = point.blockwise(lambda x: point.xp.all(point.coarsened(x, coarser) == x), point.leaves)
    at_x0 = all(bool(block) for block in same)
    signs, others = point.random_signs(rng), point.random_signs(rng)

    def found(part: float, signs: list[Any]) -> float:
        def moved(x: Any, sign: Any) -> Any:
            base = point.coarsened(x, coarser)
            return base + part * coarser * base * sign

        leaves = point.leafwise(moved, signs)
        return float(sampler.host_values([point.assemble(_within(point, leaves, limits))])[0])

    start = value if at_x0 else found(0.0, signs)
    near = ((_PART, signs), (-_PART, signs), (_PART, others))
    if not all(found(*there) == start for there in near):
        return False
    far = abs(found(_SOME, signs) - start)
    if not far > _REPEATABLE * precision * abs(value):
        return False
    return abs(found(1.0, signs) - start) > far / _SOME / _PROPORTION


def _claim_noise(
    claimed: ClaimSampler,
    lines: Lines,
    limits: tuple[Floats, Floats],
    rng: np.random.Generator,
) -> Floats:
    """How much the claim changes at neighbouring points; an exception there says nothing."""
    point = lines.point
    noise = np.zeros(lines.probes.count)
    base = lines.claim
    for k in range(_NEIGHBOURS + 1):
        leaves = list(point.leaves)
        if k:
            leaves = point.neighbour(point.units(point.random_signs(rng)), 1)
            leaves = _within(point, leaves, limits)
        try:
            moved = lines.claimed(claimed.at(leaves))
        except MemoryError:
            raise
        except Exception:
            continue
        with np.errstate(invalid="ignore"):
            noise = np.fmax(noise, np.abs(moved - base))
    rounding = claimed.epsilon / 2 * np.abs(base)
    return np.where(np.isfinite(base), np.fmax(noise, rounding), 0.0)
