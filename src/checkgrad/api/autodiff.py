"""`verify_autodiff`: the array library's own differentiation of ``func``, checked as claims.

This module validates the arguments. `checkgrad.modes.check` does the check.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Literal

from checkgrad.api.argument_types import (
    Bounds,
    Direction,
    Function,
    Mode,
    PointLike,
    Seed,
    Tolerance,
    Workers,
)
from checkgrad.api.arguments import further_arguments
from checkgrad.arrays.messages import quote, require_functions
from checkgrad.evaluate.budget import make_budget
from checkgrad.evaluate.error_notes import causes_added
from checkgrad.evaluate.options import CHUNK_BYTES, Batch, Evaluation
from checkgrad.evaluate.workers import make_workers
from checkgrad.modes.check import AutodiffProblem, check_autodiff
from checkgrad.modes.runner import MODES
from checkgrad.problem import Locate, Options, Precision
from checkgrad.report.report import Report
from checkgrad.session import SESSION


def verify_autodiff(
    func: Function[Any],
    x0: PointLike,
    *further: Any,
    args: Any = (),
    modes: Mode | Collection[Mode] = ("fwd", "rev"),
    order: int | Collection[int] = 1,
    direction: Direction = "auto",
    rtol: Tolerance | None = None,
    bounds: Bounds | None = None,
    rng: Seed | None = None,
    batch: Batch = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    precision: Precision = "auto",
    workers: Workers | None = None,
    locate: Locate = "auto",
    max_evals: int | None = None,
    timeout: float | None = None,
    progress: bool | Callable[[int, int, str], Any] = False,
    on_interrupt: Literal["raise", "report"] = "raise",
    keep_samples: bool | None = None,
) -> Report:
    """Judge how JAX or PyTorch differentiate a function, custom rules included.

    If `func` uses ``jax.custom_vjp``, ``jax.custom_jvp`` or ``torch.autograd.Function`` (its
    ``backward``, ``jvp`` and ``vmap``), these rules are checked. The library's jvp and vjp of
    `func` are claims like those of `verify_jvp` and `verify_vjp`.

    Parameters
    ----------
    func : callable ``func(x, *args)``
        The function, as in `verify_jac`: any number of outputs, as a tree.
    x0 : JAX array, PyTorch tensor, or tree of them
        Where to check. Pass several inputs as a tuple, which `func` gets as one argument. Leaves
        that are not floating are not differentiated. Nor are `args`. Among PyTorch tensors, Python
        numbers are constants. If some tensors require a gradient, those that do not are constants
        too. Outputs that require none, where others do, are not checked. The report says so.
    *further : Any
        Further arguments of `func`.
    args : tuple, optional
        The same, passed together as ``scipy.optimize.minimize`` takes them.
    modes : collection of {"fwd", "rev", "lin", "vmap"}
        What to check: forward mode (jvp), reverse mode (vjp), forward mode by ``jax.linearize``
        (JAX only), and forward and reverse mode inside ``jax.vmap`` or ``torch.func.vmap``. If
        `func` has no rule for a mode, the mode is left out and the report says so, provided that
        another mode has one.
    order : int or collection of int
        Up to which order, or which orders alone: ``2`` checks first and second derivatives, and
        ``(2,)`` second ones only. The derivatives of the vjp by x0 and by a random cotangent are
        checked in every mode that is not "vmap". In JAX, those of the jvp by x0 and by a random
        tangent are checked as well. If no derivative of an order has a rule, the verdict is
        inconclusive, unless something is wrong. PyTorch is checked up to order 2.
    direction, rtol, bounds, rng, batch, chunk_bytes, precision, workers, locate : optional
        As in `verify_jvp`. If `direction` is a tangent or a list of them, they are like `x0`:
        forward mode is checked along them, and reverse mode along a random one.
    max_evals, timeout, progress, on_interrupt, keep_samples : optional
        As in `verify_grad`. They hold for all modes and orders together.

    Returns
    -------
    Report
        The verdict and the evidence. Places begin with the mode: ``rev: d func[1] / d x[0]``. The
        verdict is also wrong if a rule returns another dtype than it must, or other numbers when
        it is called again.

    Raises
    ------
    TypeError
        If the array library of `x0` cannot differentiate: NumPy, for example.
    ValueError
        If `modes` or `order` is unknown, or as in `verify_jac`.

    See Also
    --------
    verify_jvp, verify_vjp : check derivatives that are functions of their own.

    Notes
    -----
    An exception in a rule reaches the caller unchanged, unless the rule of another mode is wrong.
    That may be the reason for the exception, so the report quotes it.

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
    start = time.perf_counter()
    asked, orders = _modes(modes), _orders(order)
    require_functions(func=func)
    budget = make_budget(max_evals, timeout, progress, on_interrupt)
    evaluation = Evaluation(batch, chunk_bytes, budget, make_workers(workers))
    options = Options(
        direction=direction,
        rtol=rtol,
        bounds=bounds,
        rng=rng,
        evaluation=evaluation,
        precision=precision,
        locate=locate,
        keep_samples=keep_samples,
    )
    args = further_arguments(further, args)
    problem = AutodiffProblem(func, x0, args, asked, orders, options)
    with evaluation.running(), causes_added(func, "func", x0, args):
        report = check_autodiff(problem)
    report = replace(report, seed=options.seed, elapsed=time.perf_counter() - start)
    SESSION.notify(report)
    return budget.outcome(report)


def _modes(modes: Any) -> tuple[str, ...]:
    """Return the modes that the user asked for, each once, in the user's order."""
    if isinstance(modes, str):
        modes = (modes,)
    try:
        asked = tuple(dict.fromkeys(modes))
    except TypeError:
        asked = ()
    if not asked or any(mode not in MODES for mode in asked):
        raise ValueError(f"modes is {quote(modes)}; pass some of 'fwd', 'rev', 'lin' and 'vmap'")
    return asked


def _orders(order: Any) -> frozenset[int]:
    """Return the orders that the user asked for: all up to a number, or those of a collection."""
    try:
        asked = range(1, order + 1) if type(order) is int else order
        orders = frozenset(asked)
    except TypeError:
        orders = frozenset()
    if not orders or any(type(each) is not int or each < 1 for each in orders):
        raise ValueError(f"order is {quote(order)}; pass 1, 2 and so on, or a collection as (2,)")
    return orders
