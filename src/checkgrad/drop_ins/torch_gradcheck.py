"""`gradcheck` and `gradgradcheck`, with the signatures and the input rules of PyTorch's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from checkgrad.backends import Array
from checkgrad.backends.torch_strides import strided_copy, with_gaps
from checkgrad.drop_ins.torch_call import as_tuple
from checkgrad.drop_ins.torch_checks import check_call
from checkgrad.drop_ins.torch_closures import uses_own, with_substitutes
from checkgrad.drop_ins.torch_error import GradcheckError
from checkgrad.drop_ins.torch_numbers import random_like
from checkgrad.drop_ins.torch_options import GradcheckOptions


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Check the gradients of a function, in the place of ``torch.autograd.gradcheck``.

    Parameters
    ----------
    func : callable ``func(*inputs)``
        The function. It returns a tensor, or a tuple of tensors.
    inputs : tensor, or tuple
        The arguments of `func`. Those that require a gradient are differentiated. All others, of
        any type, are handed to `func` as they are. The dtype may be any floating one.
    eps : float, optional
        Ignored: the steps of differences are found from `func`.
    atol, rtol : float, optional
        What is allowed on top of what the samples can tell: a derivative is wrong only if it is
        also farther than ``atol + rtol * abs(estimate)`` from the estimate. If one is given, the
        other counts as 0. By default nothing is allowed.
    raise_exception : bool
        If false, False is returned in place of a `GradcheckError`.
    nondet_tol : float
        How much the derivatives may differ from call to call, rounding aside.
    check_undefined_grad : bool
        Whether ``backward`` must take undefined cotangents for zeros.
    check_grad_dtypes : bool
        Ignored: a derivative of another dtype than it must have is always wrong.
    check_batched_grad : bool
        Whether ``backward`` must return the same under ``vmap``.
    check_batched_forward_grad : bool
        Whether forward mode must return the same under ``vmap``.
    check_forward_ad, check_backward_ad : bool
        Whether to check forward mode, and reverse mode.
    fast_mode : bool
        Whether a random cotangent stands for all outputs, and a random tangent for all entries of
        an input. Complex functions are no exception.
    masked : bool, optional
        Whether entries that a sparse input does not specify are left out.

    Returns
    -------
    bool
        True if the gradients are right.

    Raises
    ------
    GradcheckError
        If a gradient is wrong, or if the samples cannot tell. It is an error of PyTorch's class of
        that name, and a `checkgrad.GradientError`. Its attribute ``report`` is the report.
    ValueError
        If no input requires a gradient, or if an output is sparse.
    RuntimeError
        If entries of an input lie in the same place in memory.
    AssertionError
        If options contradict each other, as in PyTorch.

    See Also
    --------
    checkgrad.verify_autodiff : the same check, with the report as its result.

    Examples
    --------
    >>> import torch
    >>> from checkgrad.torch import gradcheck
    >>> x = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)
    >>> gradcheck(torch.sin, (x,))
    True
    """
    del eps, check_grad_dtypes
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("check_forward_ad and check_backward_ad are both false: nothing to do")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("check_batched_grad=True needs check_backward_ad=True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("check_batched_forward_grad=True needs check_forward_ad=True")
    asked = {"rev": check_backward_ad, "fwd": check_forward_ad}
    options = GradcheckOptions(
        atol=atol,
        rtol=rtol,
        modes=tuple(mode for mode, is_asked in asked.items() if is_asked),
        nondet_tol=nondet_tol,
        undefined=check_undefined_grad,
        batched_gradients=check_batched_grad,
        batched_tangents=check_batched_forward_grad,
        fast=fast_mode,
        masked=bool(masked),
    )
    try:
        check_call(func, as_tuple(inputs), options)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float | None = None,
    atol: float | None = None,
    rtol: float | None = None,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Check the gradients of gradients, in the place of ``torch.autograd.gradgradcheck``.

    Parameters
    ----------
    func : callable
        As in `gradcheck`.
    inputs : tensor, or tuple of tensor
        As in `gradcheck`.
    grad_outputs : tensor, or tuple of tensor, optional
        The cotangents of the outputs of `func`. Those that require a gradient are differentiated.
        By default they are random, and all of them are.
    eps, atol, rtol : float, optional
        As in `gradcheck`.
    gen_non_contig_grad_outputs : bool
        Whether the random cotangents are not contiguous in memory.
    raise_exception : bool
        As in `gradcheck`.
    nondet_tol : float
        As in `gradcheck`.
    check_undefined_grad, check_grad_dtypes, check_batched_grad : bool
        As in `gradcheck`.
    check_fwd_over_rev, check_rev_over_rev : bool
        Whether to check the gradient's own derivatives in forward mode, and in reverse mode.
    fast_mode, masked : bool
        As in `gradcheck`.

    Returns
    -------
    bool
        True if the gradients of the gradients are right.

    Raises
    ------
    GradcheckError, ValueError, RuntimeError, AssertionError
        As in `gradcheck`.

    Examples
    --------
    >>> import torch
    >>> from checkgrad.torch import gradgradcheck
    >>> x = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)
    >>> gradgradcheck(torch.sin, (x,))
    True
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "check_fwd_over_rev and check_rev_over_rev are both false: nothing to do"
        )
    if check_undefined_grad and not check_rev_over_rev:
        raise AssertionError("check_undefined_grad=True needs check_rev_over_rev=True")
    if check_batched_grad and not check_rev_over_rev:
        raise AssertionError("check_batched_grad=True needs check_rev_over_rev=True")
    inputs = as_tuple(inputs)
    outputs = _differentiable_outputs(func, inputs)
    if uses_own([each for each in inputs if _requires_grad(each)], outputs):
        func = with_substitutes(func, inputs)
    if grad_outputs is None:
        weights = _random_cotangents(outputs, gen_non_contig_grad_outputs)
    else:
        weights = as_tuple(grad_outputs)
    return gradcheck(
        _gradient_function(func, inputs, weights),
        (*inputs, *weights),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        masked=masked,
    )


def _gradient_function(
    func: Callable[..., Any], inputs: Sequence[Any], weights: Sequence[Any]
) -> Callable[..., tuple[Array, ...]]:
    """Return the gradient of func as a function of the inputs and the cotangents."""
    count = len(inputs)
    recording = [_requires_grad(each) for each in (*inputs, *weights)]

    def gradient(*args: Any) -> tuple[Array, ...]:
        parts = [
            each.requires_grad_() if records else each
            for each, records in zip(args, recording, strict=True)
        ]
        outputs = _differentiable(func(*parts[:count]))
        chosen = [each for each, records in zip(parts[:count], recording, strict=False) if records]
        with torch.enable_grad():
            found = torch.autograd.grad(
                outputs, chosen, parts[count:], create_graph=True, allow_unused=True
            )
        return tuple(each for each in found if each is not None)

    return gradient


def _differentiable_outputs(func: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Array, ...]:
    """Return the outputs that can be differentiated, for copies of the inputs."""
    with torch.inference_mode(False), torch.enable_grad():
        own = [
            strided_copy(each).requires_grad_(each.requires_grad)
            if isinstance(each, torch.Tensor) and each.layout is torch.strided
            else each
            for each in inputs
        ]
        return _differentiable(func(*own))


def _random_cotangents(outputs: Sequence[Array], is_gapped: bool) -> tuple[Array, ...]:
    """Return random cotangents of some outputs."""
    found = random_like([each.detach() for each in outputs])
    return tuple((with_gaps(each) if is_gapped else each).requires_grad_() for each in found)


def _differentiable(value: Any) -> tuple[Array, ...]:
    return tuple(each for each in as_tuple(value) if _requires_grad(each))


def _requires_grad(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and bool(value.requires_grad)
