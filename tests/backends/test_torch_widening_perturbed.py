"""Monte Carlo arithmetic in PyTorch: errors of the size of the native dtype, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from checkgrad.backends.torch_widening import TorchWidening

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

LABELS = torch.arange(6) % 4
SEEDS = range(4)


def widened(func: Callable[..., Any], dtype: Any) -> Any:
    return TorchWidening().widened(func, [[dtype]])


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def gradient(loss: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def claim(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_(True)
        (found,) = torch.autograd.grad(loss(x), x)
        return found

    return claim


def spread(func: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return errors of the native `func`, and the largest ones of some perturbed runs."""
    evaluate = widened(func, x.dtype)
    exact = evaluate(x.double())
    errors = [(evaluate.perturbed(seed, x.double()) - exact).abs() for seed in SEEDS]
    return (func(x).double() - exact).abs(), torch.stack(errors).amax(0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("loss", "x"),
    [
        (lambda z: F.cross_entropy(z, LABELS), normal(6, 4) + 12 * F.one_hot(LABELS, 4)),
        (lambda z: ((z.sigmoid() - 1) ** 2).sum(), normal(6) + 6),
        (lambda z: z.tanh().sum(), normal(6) + 3),
        (lambda z: F.gelu(z).sum(), normal(9) * 3),
        (lambda z: (F.layer_norm(z, (6,)) ** 3).sum(), normal(4, 6) + 10),
        (lambda z: (z.softmax(-1) ** 2).sum(), normal(4, 6) * 3),
        (lambda z: z.var(0).sum(), normal(9, 2) + 20),
        (lambda z: (z @ z.T).logsumexp(1).sum(), normal(5, 5)),
    ],
)
def test_native_errors_of_gradients_are_explained(
    loss: Callable[[Tensor], Tensor], x: Tensor, dtype: Any
) -> None:
    native, perturbed = spread(gradient(loss), x.to(dtype))
    assert native.max() <= 5 * perturbed.max()
    assert perturbed.max() <= 300 * native.max() + torch.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_errors_have_the_size_of_the_native_dtype(dtype: Any) -> None:
    x = normal(10_000).exp().to(dtype)
    exact = x.double() * 1.5
    errors = (widened(lambda x: x * 1.5, dtype).perturbed(0, x.double()) - exact) / exact
    epsilon = torch.finfo(dtype).eps
    assert errors.abs().max() <= epsilon / 2
    assert errors.std() == pytest.approx(epsilon / 12**0.5, rel=0.05)
    assert abs(errors.mean()) <= epsilon / 50


def test_exact_operations_get_no_errors() -> None:
    places = torch.tensor([1, 0])

    def func(x: Tensor) -> Tensor:
        y = torch.cat([-x, x.abs().relu(), x.clamp(-1, 1), torch.ones(2)]).flip(0)[:8:2]
        y[places] = x[:2].max()
        y = torch.where(y > 0, y, x.min()).sort().values.double()
        return torch.maximum(y, y.roll(1))[None].expand(2, -1).contiguous().gather(0, places[None])

    x = normal(4).double()
    evaluate = widened(func, torch.float32)
    assert torch.equal(evaluate.perturbed(1, x), evaluate(x))


def test_casts_round_to_narrower_dtypes_only() -> None:
    x = normal(50).double()
    cast = widened(lambda x: x.bfloat16().float(), torch.float32).perturbed(0, x)
    errors = ((cast - x) / x).abs().max()
    assert 2.0**-10 < errors <= 2.0**-8


def test_subnormal_numbers_get_absolute_errors() -> None:
    x = torch.full((200,), 3e-7).double()
    errors = widened(lambda x: x * 0.5, torch.float16).perturbed(0, x) - 1.5e-7
    smallest = 2.0**-24
    assert smallest / 4 < errors.abs().max() <= smallest / 2 * 1.01
    zeros = widened(lambda x: x * 0.0, torch.float16).perturbed(0, x)
    assert not zeros.any()


def test_errors_depend_on_the_seed_alone() -> None:
    x = normal(100).double()
    evaluate = widened(lambda x: (x * x).sum() + torch.rand(()), torch.float32)

    def run(seed: int) -> Tensor:
        torch.manual_seed(7)
        return evaluate.perturbed(seed, x)

    assert run(1) == run(1)
    assert run(1) != run(2)
    state = torch.get_rng_state()
    widened(lambda x: x * x, torch.float32).perturbed(1, x)
    assert torch.equal(state, torch.get_rng_state())


def test_large_arrays_get_errors_everywhere() -> None:
    x = torch.ones(2**20 + 100).double()
    errors = widened(lambda x: x * 1.5, torch.float32).perturbed(0, x) - 1.5
    assert (errors == 0).sum() < 100
    assert not torch.equal(errors[:1000], errors[-1000:])
