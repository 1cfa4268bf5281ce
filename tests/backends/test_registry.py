"""From arrays to the backend of their library, and which arrays cannot be x0."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.backends import find_backend, is_array, registry, require_values

if TYPE_CHECKING:
    from conftest import Library


@pytest.mark.one_setting
def test_the_backend_is_that_of_the_library_and_one_object(xp: Library) -> None:
    x = xp.asarray([1.0, 2.0])
    backend = find_backend([x, x])
    assert backend.name == {"strict": "array_api_strict"}.get(xp.name, xp.name)
    assert backend.xp.asarray is xp.namespace.asarray
    assert registry.backend_of(x) is registry.backend_of(x)


def test_no_array_at_all_is_numpys() -> None:
    assert find_backend([]).name == "numpy"


@pytest.mark.libraries("jax", "torch", "strict")
@pytest.mark.one_setting
def test_numpy_arrays_stand_only_beside_those_of_jax(xp: Library) -> None:
    arrays = [np.ones(2), xp.asarray([1.0])]
    if xp.name == "jax":
        assert find_backend(arrays).name == find_backend(arrays[::-1]).name == "jax"
        return
    name = {"strict": "array_api_strict"}.get(xp.name, xp.name)
    first, last = sorted([name, "numpy"])
    with pytest.raises(TypeError, match=f"^x0 mixes arrays of {first} and {last}; use arrays of"):
        find_backend(arrays)


def test_scalars_and_lists_are_no_arrays(xp: Library) -> None:
    assert is_array(xp.asarray([1.0]))
    for value in (1.0, np.float64(1.0), [1.0], "text", None):
        assert not is_array(value)


def test_every_line_names_a_class_that_is_there_or_whose_library_is_missing() -> None:
    for line in registry.LIBRARIES:
        module, _, name = line.backend.partition(".")
        assert module == f"{line.name}_backend"
        assert name.endswith("Backend")
        assert not line.owns(object())


WITHOUT_OTHERS = """
import importlib.util, sys
import numpy as np
from checkgrad import verify_grad
from checkgrad.backends import find_backend, snapshot

assert verify_grad(lambda x: x @ x, lambda x: 2 * x, np.ones(3), direction="random")
if importlib.util.find_spec("array_api_strict"):
    import array_api_strict as xp

    assert snapshot(xp.ones(2)) is not None
    assert find_backend([xp.ones(2)]).name == "array_api_strict"
print(*sorted({"cupy", "jax", "torch"} & {*sys.modules}))
"""


def test_no_library_is_imported_that_the_user_has_not_imported() -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", WITHOUT_OTHERS],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert outcome.stdout.strip() == ""


def obstacles_of_torch() -> dict[str, Any]:
    torch = pytest.importorskip("torch")
    x = torch.eye(2)
    return {
        "a sparse tensor (torch.sparse_coo)": x.to_sparse(),
        "a tensor on the device meta": x.to("meta"),
        "a tensor of dtype torch.float8_e5m2": x.to(torch.float8_e5m2),
        "a quantized tensor (dtype torch.qint8)": torch.quantize_per_tensor(x, 0.1, 0, torch.qint8),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.libraries("torch")
@pytest.mark.one_setting
def test_tensors_without_readable_entries_are_named(xp: Library) -> None:
    for text, tensor in obstacles_of_torch().items():
        with pytest.raises(TypeError) as caught:
            require_values([xp.asarray([1.0]), tensor])
        assert str(caught.value).startswith(f"x0 is {text}")
    require_values([xp.asarray([1.0])])


@pytest.mark.libraries("jax")
@pytest.mark.one_setting
def test_arrays_that_jax_traces_are_named(xp: Library) -> None:
    import jax

    with pytest.raises(TypeError, match=r"^x0 is traced by JAX \(an array of shape \(2,\) and"):
        jax.jit(lambda x: require_values([x]))(xp.asarray([1.0, 2.0]))
