"""The checks of `checkgrad.api.verify` and `checkgrad.api.autodiff` for a test: they raise.

Each takes what its counterpart takes, and `allow_inconclusive`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Literal

from checkgrad.api.argument_types import (
    Bounds,
    Direction,
    Function,
    LikeX0,
    Mode,
    PointLike,
    Product,
    Seed,
    Tolerance,
    ValueOfFunc,
    Workers,
)
from checkgrad.api.autodiff import verify_autodiff
from checkgrad.api.verify import verify_grad, verify_jac, verify_jvp, verify_vjp
from checkgrad.backends import Convention
from checkgrad.evaluate.options import CHUNK_BYTES, Batch
from checkgrad.problem import Locate, Method, Precision


def assert_grad(
    func: Function[ValueOfFunc],
    grad: Function[LikeX0] | Literal[True],
    x0: LikeX0,
    *further: Any,
    allow_inconclusive: bool = False,
    args: Any = (),
    direction: Direction = "auto",
    rtol: Tolerance | None = None,
    bounds: Bounds | None = None,
    rng: Seed | None = None,
    batch: Batch = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    convention: Convention | None = None,
    method: Method = "differences",
    precision: Precision = "auto",
    workers: Workers | None = None,
    locate: Locate = "auto",
    max_evals: int | None = None,
    timeout: float | None = None,
    progress: bool | Callable[[int, int, str], Any] = False,
    on_interrupt: Literal["raise", "report"] = "raise",
    group: Any = None,
    keep_samples: bool | None = None,
) -> None:
    """Raise unless a hand-written gradient is correct: `verify_grad` for a test.

    Parameters
    ----------
    func, grad : callable
        As in `verify_grad`.
    x0 : array, array-like or tree of arrays
        As in `verify_grad`.
    *further : Any
        Further arguments of `func` and `grad`.
    allow_inconclusive : bool
        Let an inconclusive check pass too.
    args, direction, rtol, bounds, rng, batch, chunk_bytes, convention, method : optional
        As in `verify_grad`.
    precision, workers, locate : optional
        As in `verify_grad`.
    max_evals, timeout, progress, on_interrupt, group, keep_samples : optional
        As in `verify_grad`. An incomplete check raises, unless its verdict is inconclusive and
        `allow_inconclusive` is set.

    Returns
    -------
    None
        Where the gradient is correct, or inconclusive and `allow_inconclusive` is set.

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
    __tracebackhide__ = True
    report = verify_grad(
        func,
        grad,
        x0,
        *further,
        args=args,
        direction=direction,
        rtol=rtol,
        bounds=bounds,
        rng=rng,
        batch=batch,
        chunk_bytes=chunk_bytes,
        convention=convention,
        method=method,
        precision=precision,
        workers=workers,
        locate=locate,
        max_evals=max_evals,
        timeout=timeout,
        progress=progress,
        on_interrupt=on_interrupt,
        group=group,
        keep_samples=keep_samples,
    )
    report.raise_for_verdict(allow_inconclusive)


def assert_jac(
    func: Function[Any],
    jac: Function[Any],
    x0: PointLike,
    *further: Any,
    allow_inconclusive: bool = False,
    args: Any = (),
    direction: Direction = "auto",
    rtol: Tolerance | None = None,
    bounds: Bounds | None = None,
    rng: Seed | None = None,
    batch: Batch = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    convention: Convention | None = None,
    method: Method = "differences",
    precision: Precision = "auto",
    workers: Workers | None = None,
    locate: Locate = "auto",
    max_evals: int | None = None,
    timeout: float | None = None,
    progress: bool | Callable[[int, int, str], Any] = False,
    on_interrupt: Literal["raise", "report"] = "raise",
    group: Any = None,
    keep_samples: bool | None = None,
) -> None:
    """Raise unless a hand-written Jacobian is correct: `verify_jac` for a test.

    Parameters
    ----------
    func, jac : callable
        As in `verify_jac`.
    x0 : array, array-like or tree of arrays
        As in `verify_jac`.
    *further : Any
        Further arguments of `func` and `jac`.
    allow_inconclusive : bool
        Let an inconclusive check pass too.
    args, direction, rtol, bounds, rng, batch, chunk_bytes, convention, method : optional
        As in `verify_jac`.
    precision, workers, locate : optional
        As in `verify_jac`.
    max_evals, timeout, progress, on_interrupt, group, keep_samples : optional
        As in `verify_jac`. An incomplete check raises, unless its verdict is inconclusive and
        `allow_inconclusive` is set.

    Returns
    -------
    None
        Where the Jacobian is correct, or inconclusive and `allow_inconclusive` is set.

    Raises
    ------
    GradientError
        An AssertionError, whose message is the report.
    ValueError, TypeError
        As `verify_jac`.

    See Also
    --------
    verify_jac : the report itself.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import assert_jac
    >>> assert_jac(lambda x: x**3, lambda x: np.diag(3 * x**2), np.array([1.0, 2.0]))
    """
    __tracebackhide__ = True
    report = verify_jac(
        func,
        jac,
        x0,
        *further,
        args=args,
        direction=direction,
        rtol=rtol,
        bounds=bounds,
        rng=rng,
        batch=batch,
        chunk_bytes=chunk_bytes,
        convention=convention,
        method=method,
        precision=precision,
        workers=workers,
        locate=locate,
        max_evals=max_evals,
        timeout=timeout,
        progress=progress,
        on_interrupt=on_interrupt,
        group=group,
        keep_samples=keep_samples,
    )
    report.raise_for_verdict(allow_inconclusive)


def assert_jvp(
    func: Function[Any],
    jvp: Product,
    x0: PointLike,
    *further: Any,
    allow_inconclusive: bool = False,
    args: Any = (),
    direction: Direction = "auto",
    rtol: Tolerance | None = None,
    bounds: Bounds | None = None,
    rng: Seed | None = None,
    batch: Batch = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    convention: Convention | None = None,
    method: Method = "differences",
    precision: Precision = "auto",
    workers: Workers | None = None,
    locate: Locate = "auto",
    max_evals: int | None = None,
    timeout: float | None = None,
    progress: bool | Callable[[int, int, str], Any] = False,
    on_interrupt: Literal["raise", "report"] = "raise",
    group: Any = None,
    keep_samples: bool | None = None,
) -> None:
    """Raise unless a hand-written jvp is correct: `verify_jvp` for a test.

    Parameters
    ----------
    func, jvp : callable
        As in `verify_jvp`.
    x0 : array, array-like or tree of arrays
        As in `verify_jvp`.
    *further : Any
        Further arguments of `func` and `jvp`.
    allow_inconclusive : bool
        Let an inconclusive check pass too.
    args, direction, rtol, bounds, rng, batch, chunk_bytes, convention, method : optional
        As in `verify_jvp`.
    precision, workers, locate : optional
        As in `verify_jvp`.
    max_evals, timeout, progress, on_interrupt, group, keep_samples : optional
        As in `verify_jvp`. An incomplete check raises, unless its verdict is inconclusive and
        `allow_inconclusive` is set.

    Returns
    -------
    None
        Where the jvp is correct, or inconclusive and `allow_inconclusive` is set.

    Raises
    ------
    GradientError
        An AssertionError, whose message is the report.
    ValueError, TypeError
        As `verify_jvp`.

    See Also
    --------
    verify_jvp : the report itself.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import assert_jvp
    >>> assert_jvp(lambda x: x**3, lambda x, tangent: 3 * x**2 * tangent, np.array([1.0, 2.0]))
    """
    __tracebackhide__ = True
    report = verify_jvp(
        func,
        jvp,
        x0,
        *further,
        args=args,
        direction=direction,
        rtol=rtol,
        bounds=bounds,
        rng=rng,
        batch=batch,
        chunk_bytes=chunk_bytes,
        convention=convention,
        method=method,
        precision=precision,
        workers=workers,
        locate=locate,
        max_evals=max_evals,
        timeout=timeout,
        progress=progress,
        on_interrupt=on_interrupt,
        group=group,
        keep_samples=keep_samples,
    )
    report.raise_for_verdict(allow_inconclusive)


def assert_vjp(
    func: Function[Any],
    vjp: Product,
    x0: PointLike,
    *further: Any,
    allow_inconclusive: bool = False,
    args: Any = (),
    direction: Direction = "auto",
    rtol: Tolerance | None = None,
    bounds: Bounds | None = None,
    rng: Seed | None = None,
    batch: Batch = "auto",
    chunk_bytes: int = CHUNK_BYTES,
    convention: Convention | None = None,
    method: Method = "differences",
    precision: Precision = "auto",
    workers: Workers | None = None,
    locate: Locate = "auto",
    max_evals: int | None = None,
    timeout: float | None = None,
    progress: bool | Callable[[int, int, str], Any] = False,
    on_interrupt: Literal["raise", "report"] = "raise",
    group: Any = None,
    keep_samples: bool | None = None,
) -> None:
    """Raise unless a hand-written vjp is correct: `verify_vjp` for a test.

    Parameters
    ----------
    func, vjp : callable
        As in `verify_vjp`.
    x0 : array, array-like or tree of arrays
        As in `verify_vjp`.
    *further : Any
        Further arguments of `func` and `vjp`.
    allow_inconclusive : bool
        Let an inconclusive check pass too.
    args, direction, rtol, bounds, rng, batch, chunk_bytes, convention, method : optional
        As in `verify_vjp`.
    precision, workers, locate : optional
        As in `verify_vjp`.
    max_evals, timeout, progress, on_interrupt, group, keep_samples : optional
        As in `verify_vjp`. An incomplete check raises, unless its verdict is inconclusive and
        `allow_inconclusive` is set.

    Returns
    -------
    None
        Where the vjp is correct, or inconclusive and `allow_inconclusive` is set.

    Raises
    ------
    GradientError
        An AssertionError, whose message is the report.
    ValueError, TypeError
        As `verify_vjp`.

    See Also
    --------
    verify_vjp : the report itself.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import assert_vjp
    >>> assert_vjp(np.sin, lambda x, cotangent: np.cos(x) * cotangent, np.array([1.0, 2.0]))
    """
    __tracebackhide__ = True
    report = verify_vjp(
        func,
        vjp,
        x0,
        *further,
        args=args,
        direction=direction,
        rtol=rtol,
        bounds=bounds,
        rng=rng,
        batch=batch,
        chunk_bytes=chunk_bytes,
        convention=convention,
        method=method,
        precision=precision,
        workers=workers,
        locate=locate,
        max_evals=max_evals,
        timeout=timeout,
        progress=progress,
        on_interrupt=on_interrupt,
        group=group,
        keep_samples=keep_samples,
    )
    report.raise_for_verdict(allow_inconclusive)


def assert_autodiff(
    func: Function[Any],
    x0: PointLike,
    *further: Any,
    allow_inconclusive: bool = False,
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
) -> None:
    """Raise unless the array library differentiates `func` rightly: `verify_autodiff` for a test.

    Parameters
    ----------
    func : callable
        As in `verify_autodiff`.
    x0 : JAX array, PyTorch tensor, or tree of them
        As in `verify_autodiff`.
    *further : Any
        Further arguments of `func`.
    allow_inconclusive : bool
        Let an inconclusive check pass too.
    args, modes, order, direction, rtol, bounds, rng, batch, chunk_bytes : optional
        As in `verify_autodiff`.
    precision, workers, locate : optional
        As in `verify_autodiff`.
    max_evals, timeout, progress, on_interrupt, keep_samples : optional
        As in `verify_autodiff`. An incomplete check raises, unless its verdict is inconclusive and
        `allow_inconclusive` is set.

    Returns
    -------
    None
        Where the derivatives are correct, or inconclusive and `allow_inconclusive` is set.

    Raises
    ------
    GradientError
        An AssertionError, whose message is the report.
    ValueError, TypeError
        As `verify_autodiff`.

    See Also
    --------
    verify_autodiff : the report itself.

    Examples
    --------
    >>> import torch
    >>> from checkgrad import assert_autodiff
    >>> assert_autodiff(torch.sin, torch.ones(2, dtype=torch.float64), modes=["rev"])
    """
    __tracebackhide__ = True
    report = verify_autodiff(
        func,
        x0,
        *further,
        args=args,
        modes=modes,
        order=order,
        direction=direction,
        rtol=rtol,
        bounds=bounds,
        rng=rng,
        batch=batch,
        chunk_bytes=chunk_bytes,
        precision=precision,
        workers=workers,
        locate=locate,
        max_evals=max_evals,
        timeout=timeout,
        progress=progress,
        on_interrupt=on_interrupt,
        keep_samples=keep_samples,
    )
    report.raise_for_verdict(allow_inconclusive)
