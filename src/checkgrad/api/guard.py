"""`guard`: a door to a check that runs inside of a solver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from checkgrad.arrays.bounds import require_pair
from checkgrad.arrays.messages import quote, require_functions
from checkgrad.guards.guard import ON_WRONG, Guard
from checkgrad.problem import Options


def guard(
    func: Callable[..., Any],
    grad: Callable[..., Any] | Literal[True],
    *,
    every: int = 50,
    on_wrong: Literal["raise", "warn", "record"] = "raise",
    rtol: float | None = None,
    bounds: Any = None,
    rng: Any = None,
) -> Guard:
    """Check a gradient while a solver uses it: at the first call, and at every so-many-th one.

    A gradient may be right at the points of a test, and wrong where the solver goes. A check
    compares it with differences of `func` along one random tangent. It takes three evaluations of
    `func`. Where these leave doubt, it takes five or six, or one less if the value is known. In JAX
    each of these numbers is one less. What looks wrong is checked again along the same tangent, in
    at most 400 evaluations, and counts as wrong only if that confirms it. At the first wrong
    gradient, up to 2000 more find the entries.

    Parameters
    ----------
    func : callable ``func(x, *args)``
        The function, as in `verify_grad`. What the solver passes after x is passed on.
    grad : callable ``grad(x, *args)``, or True
        Its gradient. True: `func` returns a pair of its value and the gradient, as it may for
        ``scipy.optimize.minimize(func, x0, jac=True)``, or as ``jax.value_and_grad`` makes it. The
        value may be a pair ``(value, aux)``.
    every : int
        How many calls of the gradient there are from one check to the next. After a suspicion that
        was not confirmed, up to eight times as many.
    on_wrong : {"raise", "warn", "record"}
        What happens at a wrong gradient. "raise": a `GradientError`, which ends the solver. "warn":
        a `RuntimeWarning` with the report. "record": nothing but an entry in ``checks``.
    rtol : float, optional
        The smallest relative error that counts, as in `verify_grad`.
    bounds : pair (lower, upper), or scipy.optimize.Bounds, optional
        `func` is evaluated within only, as in `verify_grad`. Coordinates on a bound are left out.
        Where x is outside, nothing is compared: ``checks`` has an inconclusive one that says so.
    rng : int or numpy.random.Generator, optional
        Where random tangents come from. By default they are the same in every run.

    Returns
    -------
    Guard
        ``func, grad = guard(...)`` unpacks the pair for a solver. ``guard(...)(x)`` returns the
        value and the gradient. ``checks`` and ``reports`` say what was found.

    Raises
    ------
    TypeError
        If `func` or `grad` is no function; at a call, if x has no values, as inside of ``jax.jit``.
    ValueError
        If an option has no meaning; at a call, if `bounds` do not fit x.
    GradientError
        At a call: if the gradient is wrong, and `on_wrong` is "raise".

    See Also
    --------
    verify_grad : check all of a gradient at one point.

    Notes
    -----
    Threads may share a guard. The calls of all of them count, and one thread checks at a time.

    At the end of a check, `func` is called at x, so that what it keeps from one call to the next
    belongs to x. The solver gets the same numbers as without a guard.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import guard
    >>> func, grad = guard(lambda x: np.sum(x**4), lambda x: 4 * x**3, every=10)
    >>> x = np.array([1.0, 2.0])
    >>> for _ in range(30):
    ...     x = x - 0.01 * grad(x)
    >>> guarded = guard(lambda x: (np.sum(x**4), 3 * x**3), True, on_wrong="record")
    >>> value, gradient = guarded(x)
    >>> guarded.checks[0].verdict
    <Verdict.WRONG: 'wrong'>
    """
    require_functions(func=func)
    if grad is not True:
        require_functions(grad=grad)
    asked: Any = every
    whole = isinstance(asked, (int, np.integer)) and not isinstance(asked, bool)
    if not whole or every < 1:
        raise ValueError(f"every is {quote(every)}; pass a number of calls, at least 1")
    if str(on_wrong) not in ON_WRONG:
        raise ValueError(f"on_wrong is {quote(on_wrong)}; pass 'raise', 'warn' or 'record'")
    options = Options(rtol=rtol, bounds=bounds, rng=rng)
    options.require_rtol()
    require_pair(bounds)
    made = None if grad is True else grad
    return Guard(func, made, int(every), on_wrong, options)
