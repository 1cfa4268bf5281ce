"""Gradients by one backward pass, as ``torch.autograd.grad`` returns them."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
torch_gradients = pytest.importorskip("checkgrad.backends.torch_gradients")


def tensor(*numbers: complex) -> Any:
    dtype = torch.complex128 if any(isinstance(x, complex) for x in numbers) else torch.float64
    return torch.tensor(numbers, dtype=dtype, requires_grad=True)


def case(name: str) -> Any:
    """Outputs, inputs and cotangents."""
    x, y = tensor(0.5, 2.0), tensor(1.0, -3.0)
    z = tensor(0.5 + 1j, 2.0)
    ones = torch.ones(2, dtype=torch.float64)
    outputs: Any = {
        "one": ([x * y], [x, y], [ones]),
        "several": ([x * y, x.sin()], [x, y], [ones, 2 * ones]),
        "unused": ([x * x], [x, y], [ones]),
        "complex": ([z * z.conj(), z.exp()], [z], [ones.to(z.dtype), 1j * ones]),
        "inner": ([x.sin().cos()], [x], [ones]),
    }[name]
    return outputs


@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("name", ["one", "several", "unused", "complex", "inner"])
def test_gradients_are_those_of_pytorch(
    name: str, again: bool, public: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if public:  # a version of PyTorch without the function that is not documented
        monkeypatch.setattr(torch_gradients, "_run_backward", None)
    outputs, inputs, weights = case(name)
    found = torch_gradients.gradients(outputs, inputs, weights, create_graph=again)
    outputs, inputs, weights = case(name)
    wanted = torch.autograd.grad(outputs, inputs, weights, create_graph=again, allow_unused=True)
    for one, other in zip(found, wanted, strict=True):
        assert (one is None) == (other is None)
        assert one is None or torch.equal(one, other)
        assert one is None or one.requires_grad == other.requires_grad


def test_graph_stays_if_it_is_asked_to() -> None:
    outputs, inputs, weights = case("one")
    once = torch_gradients.gradients(outputs, inputs, weights, retain_graph=True)
    again = torch_gradients.gradients(outputs, inputs, weights)
    assert all(map(torch.equal, once, again))
    with pytest.raises(RuntimeError, match="second time"):
        torch_gradients.gradients(outputs, inputs, weights)


def test_cotangent_of_another_shape_or_kind_is_an_error_as_in_pytorch() -> None:
    (outputs, inputs, _) = case("one")
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        torch_gradients.gradients(outputs, inputs, [torch.ones(3, dtype=torch.float64)])
    with pytest.raises(RuntimeError, match="complex"):
        torch_gradients.gradients(outputs, inputs, [torch.ones(2, dtype=torch.complex128)])


def test_subclasses_of_tensors_decide_themselves() -> None:
    seen = []

    class Logged(torch.Tensor):  # type: ignore[misc, name-defined]
        @classmethod
        def __torch_function__(
            cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            seen.append(func)
            return super().__torch_function__(func, types, args, kwargs or {})

    x = tensor(1.0, 2.0)
    logged = (x * 2).as_subclass(Logged)
    torch_gradients.gradients([logged], [x], [torch.ones(2, dtype=torch.float64)])
    assert torch.autograd.grad in seen
