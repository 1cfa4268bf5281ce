"""Drop-ins for ``jax.test_util``: the same signatures, and nothing to tune.

The checks are in `checkgrad.drop_ins.jax_checks`. This module validates the arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from checkgrad.arrays.messages import quote, require_functions
from checkgrad.backends.jax_call import JaxCall
from checkgrad.drop_ins.jax_checks import check_claim, check_modes
from checkgrad.drop_ins.jax_tolerances import Tolerances

__all__ = ["check_grads", "check_jvp", "check_vjp"]

_MODES = ("fwd", "rev", "lin")


def check_grads(
    f: Callable[..., Any],
    args: Any,
    order: int,
    modes: Collection[str] = ("fwd", "rev"),
    atol: float | Mapping[Any, float] | None = None,
    rtol: float | Mapping[Any, float] | None = None,
    eps: float | None = None,
) -> None:
    """Check how JAX differentiates a function, as ``jax.test_util.check_grads`` does.

    Parameters
    ----------
    f : callable
        The function, checked at ``f(*args)``.
    args : tuple
        The arguments: trees of arrays of JAX or NumPy, and of Python numbers. What is not floating
        is not differentiated. Nor are entries that are not finite.
    order : int
        Up to which order derivatives are checked.
    modes : collection of {"fwd", "rev", "lin"}
        Forward mode, reverse mode, and forward mode by ``jax.linearize``.
    atol, rtol : float, or dict of dtype to float, optional
        What is allowed on top of what the samples can tell: a derivative is right as well where it
        differs from the estimate by ``atol + rtol * abs(estimate)`` at most. Nothing needs to be
        allowed.
    eps : float, optional
        Ignored. The steps are found.

    Returns
    -------
    None
        Where all derivatives are right.

    Raises
    ------
    GradientError
        An AssertionError, whose message is the report, if a derivative is wrong or could not be
        checked.
    TypeError
        If JAX has no rule for any of the modes.
    ValueError
        If `order`, `modes` or a tolerance has no meaning.

    See Also
    --------
    checkgrad.verify_autodiff : the report itself, and mode "vmap".

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from checkgrad.jax import check_grads
    >>> check_grads(lambda x, y: jnp.tanh(x) * y, (jnp.ones(3), 2.0), order=2)
    """
    del eps
    require_functions(f=f)
    if type(order) is not int or order < 1:
        raise ValueError(f"order is {quote(order)}; pass 1, 2 and so on")
    asked = tuple(dict.fromkeys((modes,) if isinstance(modes, str) else modes))
    if not asked or any(mode not in _MODES for mode in asked):
        raise ValueError(f"modes is {quote(modes)}; pass some of 'fwd', 'rev' and 'lin'")
    check_modes(JaxCall(f, tuple(args)), asked, order, Tolerances(atol, rtol))


def check_jvp(
    f: Callable[..., Any],
    f_jvp: Callable[..., Any],
    args: Any,
    atol: float | Mapping[Any, float] | None = None,
    rtol: float | Mapping[Any, float] | None = None,
    eps: float | None = None,
    err_msg: str = "",
) -> None:
    """Check a jvp and the value that comes with it, as ``jax.test_util.check_jvp`` does.

    Parameters
    ----------
    f : callable
        The function, checked at ``f(*args)``.
    f_jvp : callable
        The claim: ``f_jvp(args, tangents)`` returns the value and the jvp, as
        ``functools.partial(jax.jvp, f)`` does.
    args, atol, rtol, eps : optional
        As in `check_grads`.
    err_msg : str
        What stands above the report.

    Returns
    -------
    None
        Where value and jvp are right.

    Raises
    ------
    GradientError
        An AssertionError, whose message is the report, if one is wrong or could not be checked.

    See Also
    --------
    checkgrad.verify_jvp : the report itself, for a claim that returns the jvp alone.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from functools import partial
    >>> from checkgrad.jax import check_jvp
    >>> check_jvp(jnp.sin, partial(jax.jvp, jnp.sin), (jnp.ones(3),))
    """
    del eps
    require_functions(f=f, f_jvp=f_jvp)
    call, tolerances = JaxCall(f, tuple(args)), Tolerances(atol, rtol)
    check_claim(call, call.forward_claim(f_jvp), True, tolerances, err_msg)


def check_vjp(
    f: Callable[..., Any],
    f_vjp: Callable[..., Any],
    args: Any,
    atol: float | Mapping[Any, float] | None = None,
    rtol: float | Mapping[Any, float] | None = None,
    eps: float | None = None,
    err_msg: str = "",
) -> None:
    """Check a vjp and the value that comes with it, as ``jax.test_util.check_vjp`` does.

    Parameters
    ----------
    f : callable
        The function, checked at ``f(*args)``.
    f_vjp : callable
        The claim: ``f_vjp(*args)`` returns the value and a function of the cotangent that returns
        a gradient for each argument, as ``functools.partial(jax.vjp, f)`` does.
    args, atol, rtol, eps, err_msg : optional
        As in `check_jvp`.

    Returns
    -------
    None
        Where value and vjp are right.

    Raises
    ------
    GradientError
        An AssertionError, whose message is the report, if one is wrong or could not be checked.

    See Also
    --------
    checkgrad.verify_vjp : the report itself, for a claim of the form ``vjp(x, cotangent)``.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from functools import partial
    >>> from checkgrad.jax import check_vjp
    >>> check_vjp(jnp.sin, partial(jax.vjp, jnp.sin), (jnp.ones(3),))
    """
    del eps
    require_functions(f=f, f_vjp=f_vjp)
    call, tolerances = JaxCall(f, tuple(args)), Tolerances(atol, rtol)
    check_claim(call, call.reverse_claim(f_vjp), False, tolerances, err_msg)
