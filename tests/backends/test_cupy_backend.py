"""CuPy, on a stand-in that has its interface: see ``fake_cupy/README.md``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import array_api_compat
import numpy as np
import pytest

from checkgrad import Verdict, approx_fprime, check_grad, verify_grad, verify_jac, verify_jvp
from checkgrad.backends import cause_of, find_backend, host, machine_epsilon, snapshot

VALUES = [0.3, -1.2, 2.0, 0.7]
IMPORTED = ("cupy", "array_api_compat.cupy", "checkgrad.backends.cupy_backend")
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.fixture(scope="module")
def cupy() -> Iterator[Any]:
    """Import the stand-in, and forget it afterwards."""
    if "cupy" in sys.modules:
        pytest.skip("CuPy itself has been imported")
    folder = str(Path(__file__).parent / "fake_cupy")
    sys.path.insert(0, folder)
    yield importlib.import_module("cupy")
    sys.path.remove(folder)
    for name in [*sys.modules]:
        if any(name == each or name.startswith(f"{each}.") for each in IMPORTED):
            del sys.modules[name]
    if hasattr(array_api_compat, "cupy"):
        del array_api_compat.cupy


def only_arrays(cupy: Any, dtype: str, func: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of the user's that accepts arrays of CuPy on the current device only."""

    def checked(x: Any) -> Any:
        assert type(x) is cupy.ndarray
        assert x.dtype == dtype
        assert x.device == cupy.cuda.Device()
        return func(x)

    return checked


def objective(cupy: Any, dtype: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    return (
        only_arrays(cupy, dtype, lambda x: cupy.sum(cupy.sin(x) * x)),
        only_arrays(cupy, dtype, lambda x: cupy.sin(x) + x * cupy.cos(x)),
    )


def test_the_stand_in_is_as_strict_as_cupy(cupy: Any) -> None:
    x = cupy.asarray(VALUES)
    assert not isinstance(x, np.ndarray)
    for convert in (np.asarray, np.array, lambda x: np.ones(4) + x, lambda x: x * np.ones(4)):
        with pytest.raises(TypeError):
            convert(x)
    assert isinstance(cupy.sum(x), cupy.ndarray)
    assert isinstance(x[0], cupy.ndarray)
    with cupy.cuda.Device(1), pytest.raises(ValueError, match="current device"):
        x + 1


@dtypes
@pytest.mark.parametrize("direction", ["auto", "all", "random", 2])
def test_gradients_are_judged(cupy: Any, dtype: str, direction: Any) -> None:
    func, grad = objective(cupy, dtype)
    x0 = cupy.asarray(VALUES, dtype)
    report = verify_grad(func, grad, x0, direction=direction, rng=0)
    assert (report.verdict, report.backend, report.dtype) == (Verdict.CORRECT, "cupy", dtype)
    wrong = only_arrays(cupy, dtype, lambda x: cupy.sin(x) + 1.1 * x * cupy.cos(x))
    assert verify_grad(func, wrong, x0, direction=direction, rng=0).verdict is Verdict.WRONG
    np.testing.assert_array_equal(x0.get(), np.asarray(VALUES, dtype))


@dtypes
def test_jacobians_and_their_products_are_judged(cupy: Any, dtype: str) -> None:
    func = only_arrays(cupy, dtype, lambda x: cupy.sin(x) * x[0])
    x0 = cupy.asarray(VALUES, dtype)

    def jac(x: Any) -> Any:
        found = cupy.diag(cupy.cos(x) * x[0])
        found[:, 0] += cupy.sin(x)
        return found

    def jvp(x: Any, v: Any) -> Any:
        assert type(v) is cupy.ndarray
        return jac(x) @ v

    assert verify_jac(func, jac, x0).verdict is Verdict.CORRECT
    assert verify_jac(func, lambda x: jac(x).T, x0).verdict is Verdict.WRONG
    assert verify_jvp(func, jvp, x0).verdict is Verdict.CORRECT


@dtypes
def test_scipys_functions_stay_on_the_device(cupy: Any, dtype: str) -> None:
    func, grad = objective(cupy, dtype)
    x0 = cupy.asarray(VALUES, dtype)
    bound = 1e-6 if dtype == "float64" else 1e-2
    for direction in ("all", "random"):
        assert float(check_grad(func, grad, x0, direction=direction, rng=1)) < bound
    estimate = approx_fprime(x0, func)
    assert type(estimate) is cupy.ndarray
    np.testing.assert_allclose(estimate.get(), grad(x0).get(), atol=bound)


def test_a_tree_and_a_complex_leaf_are_judged(cupy: Any) -> None:
    x0 = {"a": cupy.asarray(VALUES), "z": cupy.asarray([1 + 2j, -0.5j])}

    def func(x: Any) -> Any:
        return cupy.sum(x["a"] ** 2) * cupy.sum((x["z"] * x["z"].conj()).real)

    def grad(x: Any) -> Any:
        size, square = cupy.sum((x["z"] * x["z"].conj()).real), cupy.sum(x["a"] ** 2)
        return {"a": 2 * x["a"] * size, "z": 2 * x["z"].conj() * square}

    assert verify_grad(func, grad, x0).verdict is Verdict.CORRECT


def test_a_func_of_many_points_gets_them_on_the_device(cupy: Any) -> None:
    def func(x: Any) -> Any:
        assert type(x) is cupy.ndarray
        return cupy.sum(x**3, axis=-1)

    x0 = cupy.asarray(np.linspace(-1, 2, 40))
    assert verify_grad(func, lambda x: 3 * x**2, x0, batch="vectorized").verdict is Verdict.CORRECT


def test_what_func_returns_may_be_numpys(cupy: Any) -> None:
    x0 = cupy.asarray(VALUES)
    report = verify_grad(lambda x: np.sum(x.get() ** 2), lambda x: 2 * x.get(), x0)
    assert report.verdict is Verdict.CORRECT
    report = verify_grad(lambda x: float(cupy.sum(x**2)), lambda x: 2 * x, x0)
    assert report.verdict is Verdict.CORRECT


def test_x0_must_be_on_the_current_device(cupy: Any) -> None:
    func, grad = objective(cupy, "float64")
    with cupy.cuda.Device(1):
        x0 = cupy.asarray(VALUES)
    with pytest.raises(TypeError, match=r"^x0 is on CUDA device 1, but .* which is 0; call check"):
        verify_grad(func, grad, x0)
    with cupy.cuda.Device(1):
        for direction in ("all", "random"):
            report = verify_grad(func, grad, x0, direction=direction)
            assert report.verdict is Verdict.CORRECT
        assert report.device == "<CUDA Device 1>"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_random_numbers_are_made_on_the_device_of_their_model(cupy: Any, dtype: str) -> None:
    with cupy.cuda.Device(1):
        like = cupy.zeros((40, 50), dtype)
        backend = find_backend([like])
    for make in (backend.random_tangent, backend.random_signs):
        first, again, other = (make(np.random.default_rng(seed), like) for seed in (1, 1, 2))
        assert (first.device.id, first.dtype, first.shape) == (1, dtype, (40, 50))
        np.testing.assert_array_equal(first.get(), again.get())
        assert not np.array_equal(first.get(), other.get())
        numbers = first.get().astype(float)
        assert abs(np.mean(numbers)) < 0.1
        assert np.std(numbers) == pytest.approx(1, abs=0.1)
    assert set(np.unique(numbers)) == {-1.0, 1.0}


def test_values_go_to_the_host_by_an_explicit_copy(cupy: Any) -> None:
    x = cupy.asarray(VALUES, "float32")
    backend = find_backend([x])
    assert host(x).dtype == np.float32
    assert backend.to_host(x).dtype == np.float64
    assert machine_epsilon(x) == np.finfo(np.float32).eps
    copy = snapshot(x)
    x[0] = 9.0
    np.testing.assert_array_equal(copy.get(), np.asarray(VALUES, np.float32))
    pairs = cupy.asarray([[1.0, -0.0], [0.0, 2.0]], "float32")
    numbers = backend.complexed(pairs).get()
    assert numbers.dtype == np.complex64
    assert np.signbit(numbers[0].imag)


def test_free_memory_is_that_of_the_device_with_what_cupy_keeps_for_itself(cupy: Any) -> None:
    array = cupy.zeros(3)
    runtime = cupy.cuda.runtime
    free = find_backend([array]).free_memory(array)
    assert free == runtime.FREE_BYTES + runtime.KEPT_BYTES


def test_arrays_of_another_library_are_named_where_func_refuses_them(cupy: Any) -> None:
    error = TypeError("Unsupported type <class 'numpy.ndarray'>")
    assert cause_of(error, "func", [np.zeros(3)]) == (
        "x0 is an array of NumPy, and func computes with CuPy: pass an array of CuPy, e.g. "
        "cupy.asarray(x0)"
    )
    error = TypeError("Implicit conversion to a NumPy array is not allowed.")
    assert cause_of(error, "func", [cupy.zeros(3)]).startswith(
        "x0 is an array of CuPy, and func computes with NumPy: pass "
    )


def test_arrays_of_two_libraries_are_refused(cupy: Any) -> None:
    x0 = [cupy.asarray(VALUES), np.ones(2)]
    with pytest.raises(TypeError, match="x0 mixes arrays of cupy and numpy"):
        verify_grad(lambda x: cupy.sum(x[0]), lambda x: x, x0)
