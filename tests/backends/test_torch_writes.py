"""What a backward pass changed is noticed, whichever way it wrote."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
writes = pytest.importorskip("checkgrad.backends.torch_writes")


def test_nothing_is_said_of_what_stays_as_it_is_not_even_of_nan() -> None:
    x = torch.tensor([1.0, float("nan")], requires_grad=True)
    y = x * x
    watch = writes.WriteWatch([x], [y], [torch.ones(2)])
    torch.autograd.grad(y, x, torch.ones(2))
    assert watch.written() == []


@pytest.mark.parametrize("through_numpy", [False, True])
def test_change_is_noticed_and_named(through_numpy: bool) -> None:
    x, cotangent = torch.ones(2, requires_grad=True), torch.ones(2)
    watch = writes.WriteWatch([x], [2 * x], [cotangent])
    if through_numpy:  # which PyTorch itself cannot know of
        cotangent.numpy()[0] = 3
    else:
        cotangent.mul_(2)
    assert watch.written() == [writes.COTANGENT]


def test_nodes_of_a_graph_come_once() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x.sin()
    nodes = list(writes.graph_nodes([y * y, y + x]))
    assert len(nodes) == len(set(nodes)) == 4
