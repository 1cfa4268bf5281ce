"""Programs that a type checker must accept. They are never run."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import checkgrad
from checkgrad import (
    Report,
    Verdict,
    approx_fprime,
    assert_autodiff,
    assert_grad,
    assert_jac,
    assert_jvp,
    assert_vjp,
    check_grad,
    verify_grad,
    verify_jac,
    verify_jvp,
    verify_vjp,
)

Floats = NDArray[np.float64]
Params = dict[str, Floats]


@dataclass
class Layer:
    weights: Floats
    bias: Floats


class Pair:
    def __init__(self, first: Floats, second: Floats) -> None:
        self.first, self.second = first, second

    def tree_flatten(self) -> tuple[tuple[Floats, Floats], None]:
        return (self.first, self.second), None


def func(x: Floats) -> float:
    return float(x @ x)


def func_numpy(x: Floats) -> np.float64:
    return np.float64(x @ x)


def func_array(x: Floats) -> Floats:
    return np.asarray(x @ x)


def func_complex(z: NDArray[np.complex128]) -> float:
    return float(np.abs(z[0]))


def func_untyped(x, scale=2.0):  # type: ignore[no-untyped-def]
    return scale * x @ x


def grad(x: Floats) -> Floats:
    return 2 * x


def grad_list(x: Floats) -> list[float]:
    return [2 * float(each) for each in x]


def with_arguments(x: Floats, matrix: Floats, scale: float = 1.0) -> float:
    return scale * float(x @ matrix @ x)


def grad_with_arguments(x: Floats, matrix: Floats, scale: float = 1.0) -> Floats:
    return scale * (matrix + matrix.T) @ x


def loss(params: Params) -> float:
    return float(np.sum(params["weights"]))


def loss_grad(params: Params) -> Params:
    return {"weights": np.ones_like(params["weights"])}


def layer_loss(layer: Layer) -> float:
    return float(np.sum(layer.weights))


def layer_grad(layer: Layer) -> Layer:
    return layer


def pair_loss(pair: Pair) -> float:
    return float(pair.first @ pair.second)


def pair_grad(pair: Pair) -> Pair:
    return Pair(pair.second, pair.first)


def of_number(x: float) -> float:
    return x**2


def slope_of_number(x: float) -> float:
    return 2 * x


def both(x: Floats) -> tuple[float, Floats]:
    return float(x @ x), 2 * x


def vector(x: Floats) -> Floats:
    return x**2


def jac(x: Floats) -> Floats:
    return np.diag(2 * x)


def product(x: Floats, tangent: Floats) -> Floats:
    return 2 * x * tangent


def product_with_arguments(x: Floats, tangent: Floats, scale: float) -> Floats:
    return scale * x * tangent


def project(tangent: Floats) -> Floats:
    return tangent


def show(done: int, total: int, phase: str) -> None:
    del done, total, phase


class Model:
    def __call__(self, x: Floats) -> float:
        return float(x @ x)

    def grad(self, x: Floats) -> Floats:
        return 2 * x


class Bounds:
    def __init__(self) -> None:
        self.lb: Floats = np.zeros(2)
        self.ub: Floats = np.ones(2)


x0: Floats = np.array([1.0, 2.0])
matrix: Floats = np.eye(2)
unknown: Any = x0
numbers: Sequence[float] = (1.0, 2.0)
of_anything: Callable[..., Any] = func

# The verdict on a gradient.
assert_type(verify_grad(func, grad, x0), Report)
verify_grad(func_numpy, grad, x0)
verify_grad(func_array, grad, x0)
verify_grad(func_complex, lambda z: z, np.array([1j]))
verify_grad(func_untyped, grad, x0)
verify_grad(of_anything, of_anything, x0)
verify_grad(func, grad_list, x0)
verify_grad(func, grad, [1.0, 2.0])
verify_grad(func, grad, [[1, 2], [3, 4]])
verify_grad(func, grad, numbers)
verify_grad(func, grad, unknown)
verify_grad(func, grad, np.ones(2, dtype=np.float32))
verify_grad(lambda x: x @ x, lambda x: 2 * x, x0)
verify_grad(lambda x, scale: scale * x @ x, lambda x, scale: 2 * scale * x, x0, 3.0)
verify_grad(np.sum, np.ones_like, x0)
verify_grad(partial(with_arguments, scale=2.0), partial(grad_with_arguments, scale=2.0), x0, matrix)
verify_grad(with_arguments, grad_with_arguments, x0, matrix, 2.0)
verify_grad(with_arguments, grad_with_arguments, x0, args=(matrix, 2.0))
verify_grad(Model(), Model().grad, x0)
verify_grad(both, True, x0)
verify_grad(of_number, slope_of_number, 1.5)
verify_grad(of_number, slope_of_number, np.float32(1.5))
verify_grad(of_number, slope_of_number, 2)

# Trees.
params: Params = {"weights": np.ones((2, 3))}
verify_grad(loss, loss_grad, params)
verify_grad(loss, loss_grad, {"weights": np.ones((2, 3))})
verify_grad(layer_loss, layer_grad, Layer(matrix, x0))
verify_grad(pair_loss, pair_grad, Pair(x0, x0))
verify_grad(lambda xs: xs[0] @ xs[1], lambda xs: (xs[1], xs[0]), (x0, x0))

# Options.
verify_grad(func, grad, x0, direction="random")
verify_grad(func, grad, x0, direction=3)
verify_grad(func, grad, x0, direction=x0)
verify_grad(func, grad, x0, direction=[x0, 2 * x0])
verify_grad(func, grad, x0, direction=project)
verify_grad(loss, loss_grad, params, direction=params)
verify_grad(func, grad, x0, rtol=1e-3, bounds=(0, None), rng=np.random.default_rng(0))
verify_grad(func, grad, x0, bounds=Bounds(), rng=1, batch="loop", precision="native")
verify_grad(func, grad, x0, bounds=[x0, x0], chunk_bytes=2**20, method="complex-step")
verify_grad(func, grad, x0, workers=4, max_evals=100, timeout=60, progress=show)
verify_grad(func, grad, x0, workers=map, progress=True, on_interrupt="report", locate="off")
with ProcessPoolExecutor() as executor:
    verify_grad(func, grad, x0, workers=executor.map, convention="torch")

# Other forms.
assert_type(verify_jac(vector, jac, x0), Report)
assert_type(verify_jac(grad, lambda x: 2 * matrix, x0), Report)
assert_type(verify_jvp(vector, product, x0), Report)
assert_type(verify_jvp(vector, product_with_arguments, x0, 2.0), Report)
assert_type(verify_vjp(vector, product, x0, direction=x0), Report)
verify_vjp(vector, lambda x, cotangent: 2 * x * cotangent, x0)

# Tests.
assert_grad(func, grad, x0, allow_inconclusive=True)
assert_grad(loss, loss_grad, params)
assert_jac(vector, jac, x0)
assert_jvp(vector, product, x0)
assert_vjp(vector, product, x0)
assert_autodiff(vector, unknown, modes=["rev", "vmap"], order=2)
assert_autodiff(vector, unknown, modes="fwd", order=(2,))

# SciPy's contract.
assert_type(check_grad(func, grad, x0), float)
assert_type(check_grad(func, grad_list, [1.0, 2.0], epsilon=1e-6), float)
check_grad(with_arguments, grad_with_arguments, x0, matrix, 2.0, direction="random", rng=0)
check_grad(vector, jac, x0, seed=np.random.RandomState(0))
assert_type(approx_fprime(x0, func), NDArray[Any])
assert_type(approx_fprime([1.0, 2.0], func, 1e-6), NDArray[Any])
assert_type(approx_fprime(1.5, of_number), NDArray[Any])
assert_type(approx_fprime(params, loss), dict[str, NDArray[np.float64]])
assert_type(approx_fprime((x0, x0), lambda xs: xs[0] @ xs[1]), tuple[Floats, Floats])

# The report.
report = verify_grad(func, grad, x0)
assert_type(report.verdict, Verdict)
assert_type(bool(report), bool)
assert_type(str(report), str)
assert_type(report.to_dict(), dict[str, Any])
report.raise_for_verdict(allow_inconclusive=True)
if report.verdict is Verdict.WRONG:
    assert_type(report.mismatches[0].where, str)
try:
    assert_grad(func, grad, x0)
except checkgrad.GradientError as error:
    assert_type(error.report, Report)
