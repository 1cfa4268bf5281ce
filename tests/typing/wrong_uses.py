"""Programs that a type checker must refuse, one for each line that ends in a comment.

The comment gives the codes of the errors: those of mypy, a bar, those of pyright. The programs are
never run.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from checkgrad import (
    approx_fprime,
    assert_grad,
    assert_jac,
    assert_jvp,
    assert_vjp,
    check_grad,
    verify_autodiff,
    verify_grad,
    verify_jac,
    verify_jvp,
    verify_vjp,
)

Floats = NDArray[np.float64]


def func(x: Floats) -> float:
    return float(x @ x)


def grad(x: Floats) -> Floats:
    return 2 * x


def loss(params: dict[str, Floats]) -> float:
    return float(np.sum(params["weights"]))


def loss_grad(params: dict[str, Floats]) -> dict[str, Floats]:
    return params


def product(x: Floats, tangent: Floats) -> Floats:
    return 2 * x * tangent


def no_arguments() -> float:
    return 1.0


def by_keyword(*, x: Floats) -> float:
    return float(x @ x)


x0: Floats = np.array([1.0, 2.0])
params: dict[str, Floats] = {"weights": x0}
anything: Any = x0

# Swapped arguments.
verify_grad(grad, func, x0)  # arg-type | reportArgumentType
verify_grad(loss_grad, loss, params)  # arg-type | reportArgumentType
verify_grad(func, x0, grad)  # arg-type type-var | reportArgumentType
verify_grad(x0, func, grad)  # arg-type type-var | reportArgumentType
verify_jac(func, x0, grad)  # arg-type | reportArgumentType
verify_jvp(product, grad, x0)  # arg-type | reportArgumentType
verify_vjp(product, grad, x0)  # arg-type | reportArgumentType
verify_vjp(grad, x0, product)  # arg-type | reportArgumentType
verify_autodiff(x0, grad)  # arg-type | reportArgumentType
assert_grad(grad, func, x0)  # arg-type | reportArgumentType
assert_jac(x0, grad, func)  # arg-type | reportArgumentType
assert_jvp(product, grad, x0)  # arg-type | reportArgumentType
assert_vjp(product, grad, x0)  # arg-type | reportArgumentType
check_grad(grad, x0, func)  # arg-type type-var | reportArgumentType
check_grad(grad, func, x0)  # arg-type | reportArgumentType
approx_fprime(func, x0)  # call-overload | reportArgumentType reportCallIssue

# Values and derivatives in the place of functions, and functions of another arity.
verify_grad(func, grad(x0), x0)  # arg-type | reportArgumentType
verify_grad(func(x0), grad, x0)  # arg-type | reportArgumentType
verify_grad(func, False, x0)  # arg-type | reportArgumentType
verify_grad(no_arguments, grad, x0)  # arg-type | reportArgumentType
verify_grad(by_keyword, grad, x0)  # arg-type | reportArgumentType
verify_jvp(grad, lambda x: x, x0)  # arg-type | reportArgumentType
verify_grad(func, grad)  # call-arg | reportCallIssue

# Misspelt options, and values that an option does not have.
verify_grad(func, grad, x0, derection="all")  # call-arg | reportCallIssue
verify_jac(grad, grad, x0, tol=1e-3)  # call-arg | reportCallIssue
verify_jvp(grad, product, x0, seed=0)  # call-arg | reportCallIssue
verify_autodiff(grad, anything, mode=["rev"])  # call-arg | reportCallIssue
assert_grad(func, grad, x0, allow_unresolved=True)  # call-arg | reportCallIssue
check_grad(func, grad, x0, eps=1e-6)  # call-arg | reportCallIssue
approx_fprime(x0, func, eps=1e-6)  # call-overload | reportCallIssue
verify_grad(func, grad, x0, direction="axes")  # arg-type | reportArgumentType
verify_grad(func, grad, x0, batch="map")  # arg-type | reportArgumentType
verify_grad(func, grad, x0, method="complex")  # arg-type | reportArgumentType
verify_grad(func, grad, x0, precision="double")  # arg-type | reportArgumentType
verify_grad(func, grad, x0, locate="no")  # arg-type | reportArgumentType
verify_grad(func, grad, x0, on_interrupt="ignore")  # arg-type | reportArgumentType
verify_grad(func, grad, x0, convention="numpy")  # arg-type | reportArgumentType
verify_autodiff(grad, anything, modes=["backward"])  # list-item | reportArgumentType
verify_autodiff(grad, anything, order="2")  # arg-type | reportArgumentType
check_grad(func, grad, x0, direction="auto")  # arg-type | reportArgumentType

# Options of another type.
verify_grad(func, grad, x0, rtol="1e-3")  # arg-type | reportArgumentType
verify_grad(func, grad, x0, bounds=1.0)  # arg-type | reportArgumentType
verify_grad(func, grad, x0, rng="seed")  # arg-type | reportArgumentType
verify_grad(func, grad, x0, rng=np.random)  # arg-type | reportArgumentType
verify_grad(func, grad, x0, max_evals="all")  # arg-type | reportArgumentType
verify_grad(func, grad, x0, timeout="1 min")  # arg-type | reportArgumentType
verify_grad(func, grad, x0, progress="bar")  # arg-type | reportArgumentType
verify_grad(func, grad, x0, workers="all")  # arg-type | reportArgumentType

# What comes back.
assert_grad(func, grad, x0).verdict  # attr-defined func-returns-value | reportAttributeAccessIssue
verify_grad(func, grad, x0).correct  # attr-defined | reportAttributeAccessIssue
check_grad(func, grad, x0).verdict  # attr-defined | reportAttributeAccessIssue
verify_grad(func, grad, x0).raise_for_verdict(allow="inconclusive")  # call-arg | reportCallIssue
approx_fprime(x0, func)["weights"].missing  # attr-defined | reportAttributeAccessIssue
