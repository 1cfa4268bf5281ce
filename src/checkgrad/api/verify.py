"""The doors to a verdict on a claim of each form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from checkgrad.api.argument_types import (
    Bounds,
    Direction,
    Function,
    LikeX0,
    PointLike,
    Product,
    Seed,
    Tolerance,
    ValueOfFunc,
    Workers,
)
from checkgrad.api.arguments import further_arguments
from checkgrad.arrays.messages import require_functions
from checkgrad.backends import Convention
from checkgrad.evaluate.budget import make_budget
from checkgrad.evaluate.options import CHUNK_BYTES, Batch, Evaluation
from checkgrad.evaluate.value_and_grad import split
from checkgrad.evaluate.workers import make_workers
from checkgrad.pipeline import check
from checkgrad.problem import Locate, Method, Options, Precision, Problem
from checkgrad.report.report import Report


def verify_grad(
    func: Function[ValueOfFunc],
    grad: Function[LikeX0] | Literal[True],
    x0: LikeX0,
    *further: Any,
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
    grad : callable ``grad(x, *args)``, or True
        The claim: the gradient of `func`, of the shape or tree of `x0`, in any dtype; a list of
        0-d arrays will do. True: `func` returns a pair of its value and the gradient, as it may for
        ``scipy.optimize.minimize(func, x0, jac=True)``.
    x0 : array, array-like or tree of arrays
        Where to check: floating numbers of any shape, real or complex, in NumPy, JAX, PyTorch or
        another library of the array API standard. `func` and `grad` get arrays of its library,
        dtype and device. Lists of numbers and integers become floating; in a tree that has a
        floating leaf, integers and other leaves are handed on and not differentiated.
    *further : Any
        Further arguments of `func` and `grad`.
    args : tuple, optional
        The same, passed together as ``scipy.optimize.minimize`` takes them.
    direction : {"auto", "all", "random"}, int, array or tree like x0, list of such, or callable
        What to check the gradient along. "all": every coordinate, at half an evaluation of `func`
        for each where four can be looked at together, at some four where little more than noise
        is to be seen. "random": one random tangent; an int: so many. An array or tree like `x0`:
        that tangent. A list of them: each. A callable: 10 random tangents, each as it returns it,
        for an `x0` that is constrained (a symmetric matrix, a point of a manifold): it takes a
        tangent and returns an allowed one. "auto" is "all" for up to 1000 coordinates, mostly a
        few seconds at most where `func` takes a millisecond, and 10 random tangents beyond. A
        random tangent tells whether the gradient as a whole is right. Entries that are wrong are
        looked for then, see `locate`.
    rtol : float, optional
        The smallest relative error of an entry that must not get past. By default 1e-5 where
        `x0`, ``func(x0)`` and ``grad(x0)`` are float64, and 1e-3 for narrower dtypes. Where `func`
        or `grad` cannot be evaluated in float64, it is 5e-2 for float16 and 2e-1 for bfloat16, by
        the coarsest dtype that they are seen to compute in. Touch it where you know that a less
        exact gradient will do, or need to know it to more digits.
    bounds : pair (lower, upper), or scipy.optimize.Bounds, optional
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
        says why. Along tangents, "auto" is "loop".
    chunk_bytes : int
        How much memory the points of one call may take, in bytes, together with the largest array
        that `func` makes of them: 256 MiB by default. Touch it where memory is short.
    convention : {"jax", "torch"}, optional
        What the claim is where `x0` is complex: the derivatives by the real part less ("jax") or
        plus ("torch") i times those by the imaginary part. By default that of the library of
        `x0`; NumPy follows JAX. Touch it where a claim is written for another library.
    method : {"differences", "complex-step"}
        How derivatives are estimated. "complex-step": by the imaginary part of
        ``func(x0 + i h v) / h``, to the last digits of the dtype, for a `func` that takes complex
        numbers and is analytic (no modulus, real part, conjugate or comparison on the way), which
        is checked by differences along one random tangent. Touch it to pass an `rtol` of 1e-12.
    precision : {"auto", "float64", "native"}
        What `func` and `grad` are evaluated in. "auto": in float64 where `x0`, ``func(x0)`` or
        the claim is narrower and that is possible: NumPy's functions get float64, JAX's are traced,
        and PyTorch's operators are intercepted. The verdict is on the formula then, and `grad` as
        it was written is compared with the formula as well: what rounding explains costs digits,
        which the report counts, and anything else is wrong. "native": in the dtypes of the user.
        "float64": as "auto", but an error where something is narrower and that is not possible.
    workers : int or map-like callable, optional
        Who evaluates `func` at points around `x0`. An int: so many processes, -1 for one on every
        core this process may use, which end with the check. A map-like, called as
        ``workers(function, points)`` several times with all points that can be asked for at once:
        ``executor.map`` of `concurrent.futures`, loky, Dask, MPI or Ray. `func` and its values must
        be picklable, unless the workers are threads, or processes that are forked. ``func(x0)`` and
        the claim are evaluated in this process. The verdict and the numbers are those without
        workers. Touch it where `func` takes longer than some milliseconds.
    locate : {"auto", "off"}
        Whether wrong entries are looked for after random tangents have shown that something is
        wrong. "auto": the report names leaves that are wrong all over, and single entries, each of
        which is checked by itself. One entry of many is found too, even if its error is small
        compared with the whole. That takes some 50 evaluations of `func` for one wrong entry, and
        up to 250 for several. "off": a verdict along the tangents is enough. Touch it where `func`
        is slow, or where memory is scarce: a search takes some 15 times that of `x0`. It makes no
        difference along coordinates, along tangents of yours, within `bounds`, for a jvp, in half
        precision, for fewer than 64 coordinates, and for more than ``2**24``.
    max_evals : int, optional
        The largest number of evaluations of `func`, as the report counts them. If more are needed,
        the check ends there, with a report on what is known: ``report.complete`` is false, and
        ``report.stopped`` says why. The verdict is wrong if that was certain by then, and else
        inconclusive. Touch it where a wrong claim must not cost more than a right one.
    timeout : float, optional
        The largest number of seconds. The check ends at the first call of `func` or the claim after
        that, as for `max_evals`. A call that has begun is not cut.
    progress : bool or callable ``progress(done, total, phase)``
        True: show a bar, by tqdm. A function: it is called up to some hundred times, with the
        evaluations of `func` that are done, about how many there will be, and what they are for
        ("noise", "directions", ...). `total` grows if more turn out to be needed. At the end of a
        complete check, it is `done`. What the function raises passes.
    on_interrupt : {"raise", "report"}
        What Ctrl-C does. "raise": `KeyboardInterrupt` passes, and has the report on what is known
        by then in its attribute ``report``, and in its notes, which a traceback shows. "report":
        the report is returned, and the program goes on.
    group : torch.distributed.ProcessGroup, optional
        The ranks that check together: all of them call this function, and get the same report.
        `x0` is the same on all of them, as for data parallelism, or each has a shard of its own,
        and `func`, which calls collectives, returns the same value on all. A claim that is not the
        same on all ranks is wrong, and the report says how. DTensors bring their group along.
    keep_samples : bool, optional
        Of which directions the report keeps what `func` was sampled at, to plot it. By default of
        those that it names: where the claim is wrong, or else inconclusive. True: of others too, up
        to 100 in all, and they are sampled at 10 more steps, at 20 evaluations of `func` for each.
        False: of none. The verdict is the same.

    Returns
    -------
    Report
        The verdict and the evidence; ``bool(report)`` is true for a correct gradient only, and
        ``print(report)`` says what is wrong where.

    Raises
    ------
    ValueError
        If `x0` is empty or not finite, ``func(x0)`` is not finite or not one number, the claim
        has another shape or tree than `x0`, an option has no meaning, or `precision` is "float64"
        and `func` cannot be evaluated in it.
    TypeError
        If `x0`, or what `func` or `grad` returns, is not numeric, or `func` is complex.
    ImportError
        If `progress` is True, and tqdm is not installed.
    RuntimeError
        If the engine behind `workers` fails: a worker died, or `func` cannot be pickled. If another
        rank of `group` left the check: `func` or the claim raised there, for example.
    KeyboardInterrupt
        As `func` or the user raises it, with the report on what is known by then.

    See Also
    --------
    verify_jac, verify_jvp, verify_vjp : for a `func` of many outputs.
    assert_grad : the same, raising unless the gradient is correct.
    check_grad : SciPy's single number.

    Notes
    -----
    A coordinate is sampled by central differences at one step first. If they agree with the claim
    to ``rtol / 10``, they certify each other, since two independent numbers do not do so by
    accident. The others are sampled at more steps. Polynomials fitted by weighted least squares
    extrapolate to step zero, and every finer step must be consistent with the fit. Where one-sided
    differences settle on two values, ``func`` has a kink. A claim between the two values is a
    subgradient, which is correct.

    References
    ----------
    .. [1] Richardson, L. F., "The deferred approach to the limit", Phil. Trans. R. Soc. A 226,
       1927.
    .. [2] Moré, J. J., Wild, S. M., "Estimating computational noise", SIAM J. Sci. Comput. 33,
       2011.

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
      params['scale']  claim 6.0332014...  estimate 18.0996042... ± ...
    ...
    """
    if grad is True:
        require_functions(func=func)
        func, grad = split(func)
    budget = make_budget(max_evals, timeout, progress, on_interrupt)
    options = Options(
        direction=direction,
        rtol=rtol,
        bounds=bounds,
        rng=rng,
        evaluation=Evaluation(batch, chunk_bytes, budget, make_workers(workers)),
        convention=convention,
        method=method,
        precision=precision,
        locate=locate,
        group=group,
        keep_samples=keep_samples,
    )
    return check(Problem("grad", func, grad, x0, further_arguments(further, args), options))


def verify_jac(
    func: Function[Any],
    jac: Function[Any],
    x0: PointLike,
    *further: Any,
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
) -> Report:
    """Judge a hand-written Jacobian: correct, wrong or inconclusive, with nothing to tune.

    Every row of it is the gradient of one output, and is judged as `verify_grad` would: with its
    own scale and its own noise. One evaluation of `func` serves all of them.

    Parameters
    ----------
    func : callable ``func(x, *args)``
        The function. Returns an array of any shape, a number, a list of numbers, or a tree of
        arrays, of real or complex numbers.
    jac : callable ``jac(x, *args)``
        The claim: an array of shape ``func(x0).shape + x0.shape``. Where `func` returns a tree, a
        tree like it, and where `x0` is a tree, a tree like `x0` in the place of every array of it
        (as ``jax.jacobian`` returns). A sparse matrix of SciPy, PyTorch or JAX will do, and so
        will a ``LinearOperator``. Complex entries J stand for ``df = J dx``.
    x0 : array, array-like or tree of arrays
        Where to check, as in `verify_grad`.
    *further : Any
        Further arguments of `func` and `jac`.
    args : tuple, optional
        The same, passed together as ``scipy.optimize.minimize`` takes them.
    direction : {"auto", "all", "random"}, int, array or tree like x0, list of such, or callable
        What to check the Jacobian along. "all": every entry of it, at about two evaluations of
        `func` for each coordinate of `x0`. "random": one random tangent; an int: so many; an array
        or tree like `x0`, a list of them, or a callable: as in `verify_grad`. Of many outputs,
        random sums are looked at then. "auto" is "all" for up to 1000 coordinates and 100,000
        entries, and 10 random tangents beyond.
    rtol, bounds, rng, batch, chunk_bytes, convention, method, precision, workers, locate : optional
        As in `verify_grad`. With ``batch="vectorized"``, `func` returns an array of shape
        ``(k,) + func(x0).shape``, or a tree of them.
    max_evals, timeout, progress, on_interrupt, group, keep_samples : optional
        As in `verify_grad`.

    Returns
    -------
    Report
        The verdict and the evidence. Places read ``d func[1] / d x[0]``.

    Raises
    ------
    ValueError
        If `x0` or ``func(x0)`` is empty or not finite, what `jac` returns has another shape or
        tree than it must have, or an option has no meaning.
    TypeError
        If `x0`, or what `func` or `jac` returns, is not numeric, or if `jac` returns complex
        numbers where `func` and `x0` are real.

    See Also
    --------
    verify_jvp, verify_vjp : for products with it, which need not make it.

    Notes
    -----
    A Hessian is the Jacobian of the gradient: ``verify_jac(grad, hess, x0)``.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import verify_jac
    >>> def polar(x):
    ...     return np.array([x[0] * np.cos(x[1]), x[0] * np.sin(x[1])])
    >>> def jac(x):
    ...     c, s = np.cos(x[1]), np.sin(x[1])
    ...     return np.array([[c, s], [-x[0] * s, x[0] * c]])
    >>> print(verify_jac(polar, jac, np.array([2.0, 0.5])))  # doctest: +ELLIPSIS
    wrong: the claim is off by ...% (2-norm), at 2 of 4 entries
      d func[0] / d x[1]  claim 0.479425...  estimate -0.958851... ± ...
      d func[1] / d x[0]  claim -0.958851...  estimate 0.479425... ± ...
      * claim is the transpose of the estimate in jac: a matrix transposed?
      ...
    """
    budget = make_budget(max_evals, timeout, progress, on_interrupt)
    options = Options(
        direction=direction,
        rtol=rtol,
        bounds=bounds,
        rng=rng,
        evaluation=Evaluation(batch, chunk_bytes, budget, make_workers(workers)),
        convention=convention,
        method=method,
        precision=precision,
        locate=locate,
        group=group,
        keep_samples=keep_samples,
    )
    return check(Problem("jac", func, jac, x0, further_arguments(further, args), options))


def verify_jvp(
    func: Function[Any],
    jvp: Product,
    x0: PointLike,
    *further: Any,
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
) -> Report:
    """Judge a hand-written jvp, the product of the Jacobian and a tangent.

    Parameters
    ----------
    func : callable ``func(x, *args)``
        The function, as in `verify_jac`.
    jvp : callable ``jvp(x, tangent, *args)``
        The claim: the derivative of `func` along `tangent`, which is like `x0`, in the form in
        which `func` returns its value. Integers and other leaves of a tree that are not
        differentiated are 0 in a tangent, or as they are in `x0` if they are no numbers.
    x0 : array, array-like or tree of arrays
        Where to check, as in `verify_grad`.
    *further : Any
        Further arguments of `func` and `jvp`.
    args : tuple, optional
        The same, passed together as ``scipy.optimize.minimize`` takes them.
    direction : {"auto", "all", "random"}, int, array or tree like x0, list of such, or callable
        What to check along. "all": every coordinate axis, at about two evaluations of `func` and
        one of `jvp` each, and a random tangent, which shows whether the claim is linear. "random":
        one random tangent; an int: so many; an array or tree like `x0`: that tangent. Of more than
        10 outputs, random sums are looked at along random tangents. "auto" is "all" for up to 1000
        coordinates and 100,000 entries of the Jacobian, and 10 random tangents beyond, at a fixed
        number of evaluations.
    rtol, bounds, rng, batch, chunk_bytes, convention, method, precision, workers, locate : optional
        As in `verify_grad`. With ``batch="vectorized"``, `func` returns an array of shape
        ``(k,) + func(x0).shape``, or a tree of them.
    max_evals, timeout, progress, on_interrupt, group, keep_samples : optional
        As in `verify_grad`.

    Returns
    -------
    Report
        The verdict and the evidence. Places read ``d func[1] / d x[0]``.

    Raises
    ------
    ValueError
        If `x0` or ``func(x0)`` is empty or not finite, what `jvp` returns has another shape or
        tree than it must have, or an option has no meaning.
    TypeError
        If `x0`, or what `func` or `jvp` returns, is not numeric, or if `jvp` returns complex
        numbers where `func` and `x0` are real.

    See Also
    --------
    verify_vjp : the product from the other side.

    Notes
    -----
    A Hessian-vector product is the jvp of the gradient: ``verify_jvp(grad, hvp, x0)``.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import verify_jvp
    >>> def grad(x):
    ...     return x**3
    >>> def hvp(x, tangent):
    ...     return 3 * x**2 * tangent
    >>> bool(verify_jvp(grad, hvp, np.array([1.0, -2.0])))
    True
    """
    budget = make_budget(max_evals, timeout, progress, on_interrupt)
    options = Options(
        direction=direction,
        rtol=rtol,
        bounds=bounds,
        rng=rng,
        evaluation=Evaluation(batch, chunk_bytes, budget, make_workers(workers)),
        convention=convention,
        method=method,
        precision=precision,
        locate=locate,
        group=group,
        keep_samples=keep_samples,
    )
    return check(Problem("jvp", func, jvp, x0, further_arguments(further, args), options))


def verify_vjp(
    func: Function[Any],
    vjp: Product,
    x0: PointLike,
    *further: Any,
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
) -> Report:
    """Judge a hand-written vjp, the product of a cotangent and the Jacobian.

    This is the backward pass of ``jax.custom_vjp`` and ``torch.autograd.Function``, as a function
    of the point and of the cotangent.

    Parameters
    ----------
    func : callable ``func(x, *args)``
        The function, as in `verify_jac`.
    vjp : callable ``vjp(x, cotangent, *args)``
        The claim: the gradient of the sum of `func` times `cotangent`, which is like
        ``func(x0)``, in the shape or tree of `x0`.
    x0 : array, array-like or tree of arrays
        Where to check, as in `verify_grad`.
    *further : Any
        Further arguments of `func` and `vjp`.
    args : tuple, optional
        The same, passed together as ``scipy.optimize.minimize`` takes them.
    direction : {"auto", "all", "random"}, int, tree like ``func(x0)``, list of such, or callable
        What to check along. "all": every coordinate axis of `x0`, at about two evaluations of
        `func` each, for the cotangent of every output and a random one, which shows whether the
        claim is linear, at one evaluation of `vjp` each. "random": one random tangent, for up to
        10 outputs or one random cotangent; an int: so many of both. An array or tree like
        ``func(x0)``: that cotangent; a list of them: each. A callable: as in `verify_grad`, for
        tangents like `x0`. "auto" is "all" for up to 1000 coordinates and 100,000 entries
        of the Jacobian, and 10 random tangents and cotangents beyond, at a fixed number of
        evaluations.
    rtol, bounds, rng, batch, chunk_bytes, convention, method, precision, workers, locate : optional
        As in `verify_grad`. With ``batch="vectorized"``, `func` returns an array of shape
        ``(k,) + func(x0).shape``, or a tree of them.
    max_evals, timeout, progress, on_interrupt, group, keep_samples : optional
        As in `verify_grad`.

    Returns
    -------
    Report
        The verdict and the evidence. Places read ``d func[1] / d x[0]``.

    Raises
    ------
    ValueError
        If `x0` or ``func(x0)`` is empty or not finite, what `vjp` returns has another shape or
        tree than it must have, or an option has no meaning.
    TypeError
        If `x0`, or what `func` or `vjp` returns, is not numeric, or if `vjp` returns complex
        numbers where `func` and `x0` are real.

    See Also
    --------
    verify_jvp : the product from the other side.

    Notes
    -----
    Complex cotangents w weigh a change dy of the output by the real part of ``w dy`` in the
    convention of JAX, and of ``conj(w) dy`` in that of PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from checkgrad import verify_vjp
    >>> def softplus(x):
    ...     return np.log1p(np.exp(x))
    >>> def vjp(x, cotangent):
    ...     return cotangent / (1 + np.exp(-x))
    >>> bool(verify_vjp(softplus, vjp, np.array([1.0, -2.0])))
    True
    """
    budget = make_budget(max_evals, timeout, progress, on_interrupt)
    options = Options(
        direction=direction,
        rtol=rtol,
        bounds=bounds,
        rng=rng,
        evaluation=Evaluation(batch, chunk_bytes, budget, make_workers(workers)),
        convention=convention,
        method=method,
        precision=precision,
        locate=locate,
        group=group,
        keep_samples=keep_samples,
    )
    return check(Problem("vjp", func, vjp, x0, further_arguments(further, args), options))
