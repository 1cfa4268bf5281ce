"""The defaults of a backend, and that what a library overrides does the same."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import pytest

from checkgrad import Verdict, verify_grad, verify_jac
from checkgrad.backends import Backend, Differentiation, find_backend, registry
from checkgrad.backends.registry import Library as Line

if TYPE_CHECKING:
    from conftest import Library

VALUES = [[0.5, -1.25, 3.0], [2.0, 0.0, -7.5]]


class MinimalBackend(Backend):
    """What a new library must give, and nothing else."""

    name = "minimal"

    def host(self, array: Any) -> Any:
        return np.asarray(array)


def array_and_backend(xp: Library, values: Any = VALUES) -> tuple[Any, Backend]:
    x = xp.detach(xp.asarray(values))
    return x, find_backend([x])


def test_the_minimal_set_is_a_name_and_the_way_to_the_host() -> None:
    assert Backend.__abstractmethods__ == {"host"}
    assert not hasattr(Backend, "name")
    assert set(vars(MinimalBackend)) >= {"host", "name"}


@pytest.mark.libraries("strict")
@pytest.mark.one_setting
def test_the_minimal_set_is_enough_for_a_check(
    xp: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("checkgrad.backends.minimal_backend")
    module.MinimalBackend = MinimalBackend  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    line = Line("minimal", "minimal_backend.MinimalBackend", registry.is_array)
    monkeypatch.setattr(registry, "LIBRARIES", (line,))
    monkeypatch.setattr(registry, "_BACKENDS", WeakKeyDictionary())

    x0 = xp.asarray([0.3, -1.2, 2.0])
    report = verify_grad(lambda x: xp.sum(x**3), lambda x: 3 * x**2, x0)
    assert (report.verdict, report.backend) == (Verdict.CORRECT, "minimal")
    assert verify_grad(lambda x: xp.sum(x**3), lambda x: x**2, x0).verdict is Verdict.WRONG
    along = verify_grad(lambda x: xp.sum(x**3), lambda x: 3 * x**2, x0, direction="random")
    assert along.verdict is Verdict.CORRECT
    jac = verify_jac(lambda x: x**2, lambda x: 2 * xp.eye(3, dtype=x.dtype) * x, x0)
    assert jac.verdict is Verdict.CORRECT


def test_a_copy_is_native_and_of_its_own_memory(xp: Library) -> None:
    x, backend = array_and_backend(xp)
    copy = backend.copy(x)
    assert copy is not x
    xp.assert_native(copy)
    np.testing.assert_array_equal(xp.to_numpy(copy), VALUES)
    if xp.writable:
        copy[0, 0] = 9.0
        assert xp.to_numpy(x)[0, 0] == 0.5


def test_numbers_go_to_the_host_and_back(xp: Library, dtype: str) -> None:
    x = xp.asarray(VALUES, dtype)
    backend = find_backend([x])
    numbers = backend.to_host(x)
    assert numbers.dtype == np.float64
    np.testing.assert_array_equal(numbers, VALUES)
    numbers[0, 0] = 8.0  # it is a copy
    assert xp.to_numpy(x)[0, 0] == 0.5
    xp.assert_native(backend.from_host(np.asarray(VALUES), xp.detach(x)), dtype)
    assert backend.host(x).dtype.name == ("float32" if dtype == "bfloat16" else dtype)


def test_numpy_arrays_and_numbers_become_native(xp: Library) -> None:
    x, backend = array_and_backend(xp)
    for value in (np.asarray(VALUES, ">f8")[::-1], np.float64(0.5), 0.25, [1.0, 2.0]):
        array = backend.asarray(value, x)
        np.testing.assert_array_equal(backend.to_host(array), value)
        if xp.name != "numpy":
            xp.assert_native(array)
    assert backend.asarray(x) is x or xp.name == "torch"  # which detaches it


def test_machine_epsilon_is_that_of_the_dtype(xp: Library, dtype: str) -> None:
    x = xp.asarray(VALUES, dtype)
    backend = find_backend([x])
    assert float(backend.machine_epsilon(x)) == xp.eps(dtype)
    assert backend.machine_epsilon(xp.arange(2)) == 0


@pytest.mark.one_setting
def test_random_numbers_repeat_with_their_seed(xp: Library) -> None:
    x, backend = array_and_backend(xp, np.zeros((40, 50)).tolist())
    for make in (backend.random_tangent, backend.random_signs):
        first, again, other = (make(np.random.default_rng(seed), x) for seed in (1, 1, 2))
        xp.assert_native(first)
        numbers = xp.to_numpy(first)
        np.testing.assert_array_equal(numbers, xp.to_numpy(again))
        assert not np.array_equal(numbers, xp.to_numpy(other))
        assert abs(np.mean(numbers)) < 0.1
        assert np.std(numbers) == pytest.approx(1, abs=0.1)
    assert set(np.unique(numbers)) == {-1.0, 1.0}


ENTRIES = [
    ([0, 4, 5], [10.0, 20.0, 30.0]),  # one entry of each copy
    ([[0, 1], [2, 5], [3, 4]], [[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]]),  # two of each
]


@pytest.mark.one_setting
@pytest.mark.parametrize(("entries", "values"), ENTRIES, ids=["one", "two"])
def test_entries_are_changed_as_the_default_changes_them(
    xp: Library, entries: Any, values: Any
) -> None:
    x, backend = array_and_backend(xp)
    entries, new = np.asarray(entries), xp.asarray(values)
    own = [backend.to_host(copy) for copy in backend.perturbed_copies(x, entries, new)]
    expected = [
        backend.to_host(copy) for copy in Backend.perturbed_copies(backend, x, entries, new)
    ]
    np.testing.assert_array_equal(own, expected)
    for row, value, copy in zip(entries, values, own, strict=True):
        np.testing.assert_array_equal(copy.reshape(-1)[row], value)
        assert np.sum(copy != VALUES) == np.size(value)
    batches = backend.perturbed_batch(x, entries, new)
    defaults = Backend.perturbed_batch(backend, x, entries, new)
    for one, other in zip(batches, defaults, strict=True):
        np.testing.assert_array_equal(backend.to_host(one), backend.to_host(other))
    np.testing.assert_array_equal(backend.to_host(batches[0])[:4], [VALUES, *expected])


def test_blocks_of_an_array_join_to_the_array(xp: Library) -> None:
    x, backend = array_and_backend(xp)
    blocks = list(backend.split(x, 4))
    assert [block.shape for block in blocks] == [(4,), (2,)]
    joined = backend.joined(iter(blocks), (2, 3), x)
    xp.assert_native(joined)
    np.testing.assert_array_equal(xp.to_numpy(joined), VALUES)


@pytest.mark.one_setting
def test_pairs_become_complex_numbers(xp: Library) -> None:
    x, backend = array_and_backend(xp, [[1.0, -2.0], [-0.5, 3.0]])
    numbers = backend.to_host(backend.complexed(x))
    assert numbers.dtype == np.complex128
    np.testing.assert_array_equal(numbers, [1 - 2j, -0.5 + 3j])


@pytest.mark.one_setting
def test_functions_are_mapped_where_the_library_does(xp: Library) -> None:
    x, backend = array_and_backend(xp)
    func = backend.mapped(xp.sum) if backend.maps else None
    assert (func is not None) == (xp.name in ("jax", "torch"))
    if func is not None:
        np.testing.assert_array_equal(xp.to_numpy(func(x)), [2.25, -5.5])
        assert backend.footprint(lambda x: x * 1.0, x) == 6 * x.dtype.itemsize
    else:
        assert backend.footprint(lambda x: x * 1.0, x) == 0
        with pytest.raises(NotImplementedError, match="vmap"):
            backend.mapped(xp.sum)


@pytest.mark.one_setting
def test_differentiation_is_apart_and_only_where_the_library_has_it(xp: Library) -> None:
    _, backend = array_and_backend(xp)
    assert isinstance(backend.differentiation, Differentiation) == (xp.name in ("jax", "torch"))
    assert not hasattr(backend, "pullback")
