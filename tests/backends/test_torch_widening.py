"""PyTorch functions evaluated in float64: numbers, dtypes, and that nothing of the user changes."""

from __future__ import annotations

import copy
import functools
import math
import pickle
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkgrad.backends.widening import CannotWidenError, Observation, WideFunction

pytest.importorskip("torch")

import torch
import torch.nn.functional as F
from torch import nn

from checkgrad.backends.torch_backend import TorchBackend
from checkgrad.backends.torch_wide_captured import CapturedTensors
from checkgrad.backends.torch_widening import TorchWidening

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

FLOAT32_EPSILON = 2.0**-23
CASES: dict[str, tuple[Callable[[Tensor], Any], tuple[int, ...]]] = {}


def widened(func: Callable[..., Any], dtype: Any = torch.float32) -> WideFunction:
    return TorchWidening().widened(func, [[dtype]])


def normal(*shape: int, seed: int = 0, dtype: Any = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def wide(x: Tensor) -> Tensor:
    return x.to(torch.complex128 if x.is_complex() else torch.float64)


def evaluated(func: Callable[[Tensor], Any], x: Tensor) -> tuple[Tensor, Observation]:
    """Return what the widened `func` returns, after a comparison with the native one."""
    native = func(x.clone()).detach()
    value, seen = widened(func, x.dtype).observed(wide(x))
    assert type(value) is torch.Tensor
    assert value.dtype in (torch.float64, torch.complex128)
    assert not value.requires_grad
    error = (wide(native) - value).abs().max()
    largest = widened(func, x.dtype).largest(wide(x))
    assert error <= 50 * seen.epsilon * max(largest, 1e-3)
    return value, seen


def seeded(function: Callable[..., Any], *others: Any, **options: Any) -> Callable[[Tensor], Any]:
    def func(x: Tensor) -> Any:
        torch.manual_seed(3)
        return function(x, *others, **options)

    return func


def gradient(loss: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def claim(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_(True)
        (found,) = torch.autograd.grad(loss(x), x)
        return found

    return claim


def case(*shape: int) -> Callable[[Callable[[Tensor], Any]], Callable[[Tensor], Any]]:
    def add(func: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
        CASES[func.__name__] = (func, shape)
        return func

    return add


@case(2, 5, 8)
def attention(x: Tensor) -> Any:
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    return layer(x, x, x)[0]


@case(2, 5, 8)
def encoder_layer_fast_path(x: Tensor) -> Any:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    with torch.no_grad():
        return layer(x)


@case(1, 2, 6, 4)
def fused_attention(x: Tensor) -> Any:
    attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    return attend(x, x.flip(2), x * 2)[0] + F.scaled_dot_product_attention(x, x, x, is_causal=True)


@case(2, 2, 6, 6)
def convolution(x: Tensor) -> Any:
    return F.conv2d(x, normal(3, 2, 3, 3, seed=1)).relu() + F.max_pool2d(x, 3, 1).mean()


@case(2, 5, 3)
def recurrent(x: Tensor) -> Any:
    torch.manual_seed(0)
    lstm, gru = nn.LSTM(3, 4, batch_first=True), nn.GRU(3, 4, batch_first=True)
    with torch.no_grad():
        return lstm(x)[0] + gru(x)[0]


@case(4, 3)
def embedding_and_cross_entropy(x: Tensor) -> Any:
    labels = torch.tensor([0, 1, 2, 1])
    return F.cross_entropy(F.embedding(labels, x) + normal(4, 3, seed=1)[labels], labels)


@case(5, 5)
def linear_algebra(x: Tensor) -> Any:
    gram = x @ x.T + torch.eye(5)
    solved = torch.linalg.solve(gram, x).sum() + torch.linalg.det(gram)
    return torch.linalg.cholesky(gram).sum() + torch.linalg.svdvals(x).sum() + solved


@case(16)
def fourier(x: Tensor) -> Any:
    return torch.fft.irfft(torch.fft.rfft(x) ** 2, 16)


@case(5)
def indexing_in_place(x: Tensor) -> Any:
    places, values = torch.tensor([0, 2, 2]), normal(3, seed=4)
    y = x.clone()
    y[places] = values
    y[0] += 1
    y.scatter_add_(0, places, values)
    y[y > 0] *= 2
    y.unsqueeze_(0).mul_(3)
    torch._foreach_add_([y], 1.0)
    total = torch.tensor([0.0] * 5)
    total += y[0]
    y = y * total
    return torch.einsum("ij,j->i", y, torch.arange(5) / 2)


@case(4, 3)
def losses(x: Tensor) -> Any:
    probability = x.sigmoid().clamp(torch.finfo(x.dtype).eps, 1 - torch.finfo(x.dtype).eps)
    return F.binary_cross_entropy(probability, (x > 0).to(x.dtype)) + F.huber_loss(x, x * 2)


@case(4)
def second_derivatives(x: Tensor) -> Any:
    def loss(y: Tensor) -> Tensor:
        return (y.sin() * y).sum() * torch.ones(3).sum()

    jacobian = torch.func.jacrev(torch.func.jacfwd(loss))(x) + torch.func.hessian(loss)(x)
    return jacobian + torch.func.jvp(torch.func.grad(loss), (x,), (torch.ones(4),))[1]


@case(3, 4)
def mapped_gradients(x: Tensor) -> Any:
    return torch.func.vmap(
        torch.func.grad(lambda y: (y * torch.arange(4) + torch.ones(4)).sin().sum())
    )(x)


@case(4)
def checkpoint_and_hook(x: Tensor) -> Any:
    from torch.utils.checkpoint import checkpoint

    x = x.detach().requires_grad_(True)
    x.register_hook(lambda cotangent: cotangent * 2)
    value = checkpoint(lambda y: (y * normal(4, seed=1)).sin(), x, use_reentrant=False)
    (found,) = torch.autograd.grad(value.sum(), x)
    return found


@case(4)
def modes_of_autograd(x: Tensor) -> Any:
    with torch.inference_mode():
        y = x * 2
    with torch.no_grad():
        return y.exp() + x.data


@case(4)
def sparse_operand(x: Tensor) -> Any:
    return torch.sparse.mm(torch.eye(4).to_sparse(), x[:, None])[:, 0] + x.to_sparse().to_dense()


@case(3)
def tensors_of_scalars(x: Tensor) -> Any:
    return torch.tensor([2 * x[0], x[1] ** 2, 1.0]) * x.sum().item() + float(f"{x[0]:.9f}")


@case(3)
def other_threads(x: Tensor) -> Any:
    found = []
    thread = threading.Thread(target=lambda: found.append((x * normal(3, seed=1)).sin()))
    thread.start()
    thread.join()
    return copy.deepcopy(found[0])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore")  # PyTorch warns of itself when it loads forward mode
def test_a_function_in_float64_agrees_with_the_native_one(name: str) -> None:
    func, shape = CASES[name]
    _, seen = evaluated(func, normal(*shape))
    assert not seen.islands
    assert seen.epsilon == FLOAT32_EPSILON


@pytest.mark.parametrize("name", ["attention", "convolution", "losses", "indexing_in_place"])
def test_gradients_by_autograd_are_those_of_the_function_in_float64(name: str) -> None:
    func, shape = CASES[name]

    def loss(x: Tensor) -> Tensor:
        value: Tensor = func(x)
        return value.square().sum()

    x, tangent = normal(*shape), normal(*shape, seed=9).double()
    found, _ = evaluated(gradient(loss), x)
    evaluate = widened(loss)
    change = evaluate(x.double() + 1e-6 * tangent) - evaluate(x.double() - 1e-6 * tangent)
    assert change.item() / 2e-6 == pytest.approx((found * tangent).sum().item(), rel=1e-6)


def test_numbers_are_exact_to_float64() -> None:
    x = normal(7)

    def func(x: Tensor) -> Tensor:
        return ((x * 0.1).exp() + torch.arange(7) / 3).bfloat16().float().sin()

    expected = ((x.double() * 0.1).exp() + torch.arange(7).double() / 3).sin()
    assert torch.allclose(widened(func)(x.double()), expected, rtol=1e-14)


def test_functions_mapped_over_points_agree_with_those_at_each_point() -> None:
    weights = normal(3, 4, seed=1)

    def func(x: Tensor) -> Tensor:
        return F.cross_entropy(x @ weights, torch.tensor([1, 2]))

    points = normal(5, 2, 3).double()
    mapped = widened(torch.func.vmap(func))(points)
    assert torch.allclose(mapped, torch.stack([widened(func)(point) for point in points]))


def test_functions_see_their_native_dtypes() -> None:
    def func(x: Tensor) -> Tensor:
        half = x.bfloat16()
        assert x.dtype == (x / 3).dtype == (half + x).dtype == torch.float32
        assert half.dtype == (half * 2.0).dtype == (half + x.sum()).dtype == torch.bfloat16
        assert (half + x.half()).dtype == torch.ones(2).dtype == (torch.arange(2) / 2).dtype
        assert (x.double() + x).dtype == x.sum(dtype=torch.float64).dtype == torch.float64
        assert torch.fft.fft(x).dtype == torch.complex64
        assert x.type() == "torch.FloatTensor"
        with torch.autocast("cpu", torch.bfloat16):
            assert (x @ x).dtype == torch.bfloat16
        return x

    x = normal(3)
    assert torch.equal(widened(func)(x.double()), x.double())


def test_a_passed_leaf_records_if_it_is_told_to() -> None:
    evaluate = widened(lambda x: torch.tensor(x.requires_grad))
    assert not evaluate(torch.ones(2).double())
    assert evaluate(torch.ones(2).double().requires_grad_(True))


def test_complex_functions_are_widened() -> None:
    z = torch.complex(normal(6), normal(6, seed=1))
    evaluated(lambda z: z.conj() * z + torch.view_as_real(z.conj().resolve_conj()).sum(), z)
    evaluated(lambda z: z.imag.exp() + (z @ z.conj()).real, z)
    evaluated(gradient(lambda z: (z * z.conj()).real.sin().sum()), z)


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: x + torch.randn(40) + torch.randn_like(x) + torch.empty(40).normal_(),
        lambda x: x * torch.bernoulli(x.detach().sigmoid()) + torch.poisson(x.detach().exp()),
        lambda x: x + torch.multinomial(x.detach().softmax(0), 40, True) + torch.randperm(40),
        lambda x: torch.distributions.Gamma(x.exp(), 1.0).rsample(),
        functools.partial(F.dropout, p=0.3),
        functools.partial(F.dropout, p=0.3, inplace=True),
        lambda x: F.alpha_dropout(x, 0.3, True),
        lambda x: gradient(lambda x: F.dropout(x * 2, 0.3).square().sum())(x),
        lambda x: F.rrelu(x, training=True) + F.rrelu(x.clone(), training=True, inplace=True),
    ],
)
def test_random_draws_are_the_native_ones(draw: Callable[[Tensor], Tensor]) -> None:
    evaluated(seeded(draw), normal(40))


def test_a_second_attempt_draws_the_same_numbers() -> None:
    def func(x: Tensor) -> Tensor:
        return torch.rand(1) * torch.tensor([x[0], x[1]])  # which the first attempt cannot do

    torch.manual_seed(5)
    value = widened(func)(normal(3).double())
    torch.manual_seed(5)
    assert torch.allclose(value, func(normal(3)).double())


@pytest.mark.parametrize(
    "draw",
    [
        functools.partial(F.dropout, p=0.3),
        lambda x: torch.native_dropout(x, 0.3, True)[0],
        functools.partial(F.rrelu, training=True),
        functools.partial(F.rrelu, training=True, inplace=True),
    ],
)
def test_what_is_multiplied_with_a_draw_keeps_its_digits(draw: Callable[[Tensor], Tensor]) -> None:
    x = normal(30).double() / 3
    value = widened(seeded(draw))(x)
    assert (value.float().double() != value).sum() >= 15


def test_a_small_part_of_a_large_memory_is_copied_alone() -> None:
    large = torch.zeros(2**20 + 8)
    part = large[:3]

    def written(x: Tensor) -> Tensor:
        part.add_(1)
        return x + part

    def written_as_a_whole(x: Tensor) -> Tensor:
        before = x + part
        large.add_(1)
        return before + part

    x = normal(3).double()
    assert torch.equal(widened(lambda x: x + part)(x), x)
    assert torch.equal(widened(written_as_a_whole)(x), x + 1)
    with pytest.raises(CannotWidenError, match="small part"):
        widened(written)(x)
    assert not large.any()


def test_statistics_of_a_module_are_untouched() -> None:
    layer = nn.BatchNorm1d(4, momentum=None).train()
    before = {name: (each.clone(), each._version) for name, each in layer.named_buffers()}

    def func(x: Tensor) -> Tensor:
        layer(x)
        return layer(x + 1) * layer.running_mean + layer.num_batches_tracked

    evaluate = widened(func)
    first = evaluate(normal(8, 4).double())
    assert torch.equal(first, evaluate(normal(8, 4).double()))
    for name, each in layer.named_buffers():
        assert torch.equal(each, before[name][0])
        assert each._version == before[name][1]
    assert torch.allclose(func(normal(8, 4)).double(), first, atol=1e-5)


def test_statistics_are_untouched_by_operators_that_do_not_say_that_they_write() -> None:
    mean, variance = torch.zeros(4), torch.ones(4)

    def func(x: Tensor) -> Tensor:
        y = torch.native_batch_norm(x, None, None, mean, variance, True, 0.1, 1e-5)[0]
        return y + mean

    evaluate = widened(func)
    first = evaluate(normal(8, 4).double())
    assert torch.equal(first, evaluate(normal(8, 4).double()))
    assert not mean.any()


def test_what_is_written_through_a_view_is_seen_through_its_base() -> None:
    buffer, count = torch.zeros(6), torch.zeros(3, dtype=torch.int64)
    head, double = buffer[:3], torch.zeros(3, dtype=torch.float64)
    captured = (buffer, head, count, double)
    versions = [each._version for each in captured]

    def func(x: Tensor) -> Tensor:
        head.add_(x)
        count[0] += 1
        double.add_(1)
        buffer[1:].mul_(3)
        return x * buffer.sum() + head + count + double

    evaluate = widened(func)
    first = evaluate(normal(3).double())
    assert torch.equal(first, evaluate(normal(3).double()))
    assert not any(each.any() for each in captured)
    assert versions == [each._version for each in captured]
    assert torch.allclose(func(normal(3)).double(), first, rtol=1e-6)


def test_a_captured_tensor_that_autograd_would_record_into_is_refused() -> None:
    buffer = torch.zeros(3)

    def func(x: Tensor) -> Tensor:
        buffer.copy_(x)
        return buffer.sum()

    with pytest.raises(CannotWidenError, match="autograd would record"):
        widened(func)(normal(3).double().requires_grad_(True))
    assert buffer.grad_fn is None
    assert not buffer.any()


def test_gradients_of_captured_parameters_are_put_back() -> None:
    layer = nn.Linear(3, 1)
    layer(normal(3)).sum().backward()
    before, values = layer.weight.grad, layer.weight.grad.clone()

    def claim(x: Tensor) -> Tensor:
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        layer.zero_grad()
        x = x.detach().requires_grad_(True)
        layer(x).sum().backward()
        optimizer.step()
        return layer(x) + layer.weight.grad.sum()

    weight = layer.weight.detach().clone()
    value = widened(claim)(normal(3, seed=1).double())
    assert layer.weight.grad is before
    assert torch.equal(before, values)
    assert torch.equal(layer.weight, weight)
    assert torch.allclose(claim(normal(3, seed=1)).double(), value, rtol=1e-5)


def test_parameters_set_from_a_vector_keep_their_memory() -> None:
    layer = nn.Linear(3, 1)
    before, address = layer.weight.detach().clone(), layer.weight.data_ptr()

    def func(vector: Tensor) -> Tensor:
        nn.utils.vector_to_parameters(vector, layer.parameters())
        return layer(torch.ones(3)).sum()

    vector = normal(4).double()
    assert widened(func)(vector).item() == pytest.approx(vector.sum().item(), rel=1e-14)
    assert layer.weight.data_ptr() == address
    assert torch.equal(layer.weight, before)


def test_captured_tensors_are_read_again_once_they_have_changed() -> None:
    factor = torch.ones(3)
    evaluate = widened(lambda x: x * factor)
    assert evaluate(torch.ones(3).double()).sum() == 3
    factor.mul_(2)
    assert evaluate(torch.ones(3).double()).sum() == 6
    evaluate = widened(lambda x: factor)
    evaluate(torch.ones(3).double()).zero_()
    assert evaluate(torch.ones(3).double()).sum() == 6
    assert factor.sum() == 6


class Keeper(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.last: Any = None
        self.history: list[Any] = []
        self.cache: dict[str, Any] = {}
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.layer(x)
        self.history.append(self.last)
        self.cache["last"] = [self.last]
        self.calls += 1
        return self.last


@pytest.mark.parametrize("how", ["closure", "method", "partial", "vmap", "exception"])
def test_tensors_that_func_keeps_on_objects_are_taken_back(how: str) -> None:
    keeper, last = Keeper(), None

    def func(x: Tensor) -> Tensor:
        nonlocal last
        last = keeper(x)
        if how == "exception":
            raise ValueError("of the user")
        return last

    functions = {"method": keeper.forward, "partial": functools.partial(keeper.forward)}
    function = functions.get(how, func)
    evaluate = widened(torch.func.vmap(function) if how == "vmap" else function)
    for _ in range(2):
        if how == "exception":
            with pytest.raises(ValueError, match="of the user"):
                evaluate(normal(2, 3).double())
        else:
            evaluate(normal(2, 3).double())
    assert last is keeper.last is None
    assert keeper.history == []
    assert keeper.cache == {}
    assert keeper.calls == 2  # numbers are not taken back


def test_tensors_kept_where_they_cannot_be_found_are_refused() -> None:
    class Slots:
        __slots__ = ("last",)

    slots = Slots()

    def func(x: Tensor) -> Tensor:
        slots.last = x * 2
        return x

    with pytest.raises(CannotWidenError, match="func keeps tensors"):
        widened(func)(normal(3).double())


class NumpySine(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.from_numpy(np.sin(np.asarray(x.detach())))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        slopes = torch.tensor([math.cos(each) for each in x.tolist()], dtype=x.dtype)
        return torch.from_numpy(cotangent.numpy() * np.ones_like(x.numpy())) * slopes


def test_custom_functions_that_compute_in_numpy_are_widened() -> None:
    x = normal(5)
    found, _ = evaluated(gradient(lambda x: NumpySine.apply(x * 2).square().sum()), x)
    doubled = 2 * x.double()
    assert torch.allclose(found, 4 * doubled.sin() * doubled.cos(), rtol=1e-6)


@torch.library.custom_op("checkgrad_test::only_float32", mutates_args=())
def only_float32(x: torch.Tensor) -> torch.Tensor:
    if x.dtype is not torch.float32:
        raise TypeError("float32 only")
    return x.sin()


@pytest.mark.parametrize(
    ("name", "func"),
    [
        ("view.dtype", lambda x: (x.view(torch.int32) & -65536).view(torch.float32)),
        ("frexp.Tensor", lambda x: torch.frexp(x).mantissa),
        ("nextafter", lambda x: torch.nextafter(x, x + 1)),
        ("only_float32", lambda x: only_float32(x) * 2),
    ],
)
def test_what_needs_the_native_dtype_runs_in_it_and_is_counted(
    name: str, func: Callable[[Tensor], Tensor]
) -> None:
    value, seen = evaluated(func, normal(6))
    assert seen.islands[name] >= 1
    assert torch.equal(value.float().double(), value)  # as rounded as the native one


@pytest.mark.parametrize(
    ("func", "error", "match"),
    [
        (lambda x: x @ torch.ones(7), RuntimeError, "size"),
        (lambda x: torch.linalg.cholesky(x.diag() - 9), torch.linalg.LinAlgError, "positive"),
        (lambda x: x.data_ptr(), CannotWidenError, "data_ptr"),
        (lambda x: torch.from_dlpack(x), CannotWidenError, "DLPack"),
        (lambda x: torch.nested.nested_tensor([x, x[:2]]) * 2, CannotWidenError, "nested"),
        (lambda x: torch.sin(x, out=torch.empty(0)), CannotWidenError, "shape"),
        (lambda x: torch.empty(0).resize_(3) * x, CannotWidenError, "resize_"),
        (lambda x: pickle.dumps(x), CannotWidenError, "serialises"),
    ],
)
def test_what_cannot_be_evaluated_in_float64_says_so(
    func: Callable[[Tensor], Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        widened(func)(normal(4).double())


def test_captured_tensors_of_other_kinds_are_refused() -> None:
    class Own(torch.Tensor):  # type: ignore[misc]
        pass

    own = normal(3).as_subclass(Own)
    with pytest.raises(CannotWidenError, match="Own"):
        widened(lambda x: x * own)(normal(3).double())


def test_a_refusal_that_func_catches_is_raised_all_the_same() -> None:
    buffer = torch.zeros(3)

    def func(x: Tensor) -> Tensor:
        try:
            buffer.add_(x)
        except Exception:
            return x
        return buffer

    with pytest.raises(CannotWidenError, match="autograd would record"):
        widened(func)(normal(3).double().requires_grad_(True))


@pytest.mark.parametrize("make", ["compile", "trace"])
@pytest.mark.filterwarnings("ignore")
def test_compiled_functions_are_widened(make: str) -> None:
    def func(x: Tensor) -> Tensor:
        return (x.sin() * 2.0 + 1.0).exp()

    made = (
        torch.compile(func, backend="eager")
        if make == "compile"
        else torch.jit.trace(func, normal(4))
    )
    x = normal(4)
    for _ in range(3):
        value, _ = evaluated(made, x)
        assert torch.allclose(value, (x.double().sin() * 2 + 1).exp(), rtol=1e-14)


def test_compiled_code_is_kept_for_native_calls() -> None:
    runs = []

    def backend(module: Any, inputs: Any) -> Any:
        return lambda *args: (runs.append(1), module(*args))[1]

    compiled = torch.compile(lambda x: x.sin() + 1, backend=backend)
    evaluate = widened(compiled)
    x = normal(4)
    evaluate(x.double())
    assert not runs
    compiled(x)
    assert len(runs) == 1
    evaluate(x.double())
    compiled(x)
    assert len(runs) == 2


def test_fused_kernels_are_off_inside_and_on_again_afterwards() -> None:
    def func(x: Tensor) -> Tensor:
        assert not torch.backends.mha.get_fastpath_enabled()
        assert not torch._C._get_mkldnn_enabled()
        raise ValueError("of the user")

    with pytest.raises(ValueError, match="of the user"):
        widened(func)(normal(3).double())
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch._C._get_mkldnn_enabled()


RESHAPES: dict[str, Callable[[Tensor], Tensor]] = {
    "squeeze": lambda y: y[None].clone().squeeze_(0),
    "unsqueeze": lambda y: y.unsqueeze_(0),
    "transpose": lambda y: y.reshape(1, -1).clone().t_(),
    "stride": lambda y: y.as_strided_((2, 2), (1, 1)),
    "vector by matrix": lambda y: y @ torch.eye(4, dtype=y.dtype),  # PyTorch does so inside
}


@pytest.mark.parametrize("name", RESHAPES)
@pytest.mark.parametrize("inner", [torch.float32, torch.float64, torch.int64])
def test_new_tensors_of_any_dtype_change_their_shape_in_place(name: str, inner: Any) -> None:
    def func(x: Tensor) -> Tensor:
        reshaped = RESHAPES[name]((3 * x).to(inner))
        return reshaped.to(x.dtype).square() * x.bfloat16().float().sum()

    evaluated(func, normal(4, dtype=torch.float64))


def test_a_captured_tensor_that_changes_its_shape_is_refused() -> None:
    captured = normal(4, dtype=torch.float64)

    def func(x: Tensor) -> Tensor:
        return x * captured.unsqueeze_(0).sum()

    with pytest.raises(CannotWidenError, match="shape or memory"):
        widened(func, torch.float64)(normal(4, dtype=torch.float64))
    assert captured.shape == (4,)


def test_autocast_runs_in_float64_and_is_noted() -> None:
    layer, x = nn.Linear(4, 3), normal(2, 4)

    def func(x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return layer(x).float()

    value, seen = evaluated(func, x)
    expected = x.double() @ layer.weight.double().T + layer.bias.double()
    assert torch.allclose(value, expected.detach(), rtol=1e-12)
    assert seen.casts == ("bfloat16",)
    assert seen.epsilon == 2.0**-7
    with torch.autocast("cpu", torch.bfloat16):  # and nothing wide stays in its cache
        widened(lambda x: layer(x))(x.double())
        assert type(layer(x)) is torch.Tensor


@pytest.mark.parametrize(
    ("function", "epsilon"),
    [
        (lambda x, table: x * table, 2.0**-52),
        (lambda x, table: x * table.flip(0).double(), 2.0**-52),
        (lambda x, table: x * table.sin(), FLOAT32_EPSILON),
    ],
    ids=["promoted", "cast", "computed"],
)
def test_a_constant_of_a_narrower_dtype_rounds_nothing(function: Any, epsilon: float) -> None:
    """What is computed in that dtype does."""
    table, x = normal(4, seed=1), normal(4).double()
    _, seen = widened(lambda x: function(x, table), x.dtype).observed(x)
    assert (seen.casts, seen.epsilon) == ((), epsilon)


def test_what_was_met_inside_is_reported() -> None:
    offset = torch.tensor([1e4, math.inf, math.nan])

    def func(x: Tensor) -> Tensor:
        return ((x * 300 + offset) * 0).nan_to_num()

    wide_func, ones = widened(func), torch.ones(3).double()
    _, seen = wide_func.observed(ones)
    assert wide_func.largest(ones) == pytest.approx(10300.0)
    assert seen.epsilon == FLOAT32_EPSILON
    assert seen.casts == ()
    assert not seen.islands
    assert seen.made_bytes == 3 * 4
    large = torch.tensor([1e6])
    assert widened(lambda x: x * 1e-9 * large).largest(ones) == 1e6


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_functions_on_a_gpu_are_widened(dtype: Any) -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).to("cuda", dtype)
    lstm = nn.LSTM(8, 4, batch_first=True).to("cuda", dtype)

    def func(x: Tensor) -> Tensor:
        torch.manual_seed(1)
        attended = F.scaled_dot_product_attention(x, x, x) + layer(x)
        return lstm(attended)[0].float().softmax(-1)

    value, _ = evaluated(func, normal(2, 5, 8, dtype=dtype).cuda())
    assert value.is_cuda
    evaluated(gradient(lambda x: func(x).square().sum()), normal(2, 5, 8, dtype=dtype).cuda())


def test_a_wide_function_can_be_sent_to_another_process() -> None:
    evaluate = widened(torch.sin)
    x = normal(3).double()
    evaluate(x)
    assert torch.equal(pickle.loads(pickle.dumps(evaluate))(x), x.sin())


def test_captured_data_are_copied_once_for_all_functions_of_a_widening(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    shadowed = CapturedTensors._shadowed
    monkeypatch.setattr(
        CapturedTensors,
        "_shadowed",
        lambda self, tensor: (made.append(tensor), shadowed(self, tensor))[1],
    )
    data, x = normal(4, 3), normal(3, seed=1).double()
    widening = TorchWidening()
    func = widening.widened(lambda x: (data @ x).sum(), [[torch.float32]])
    claim = widening.widened(lambda x: data.sum(0) + 0 * x, [[torch.float32]])
    for evaluate in (func, claim, func):
        evaluate(x)
    assert len(made) == 1
    claim.release()
    assert torch.equal(func(x), (data.double() @ x).sum())
    assert len(made) == 2


def test_leaves_in_float64_stay_as_they_are() -> None:
    evaluate = TorchWidening().widened(
        lambda tree, y: {"a": tree["x"] * 2, "b": (y.dtype, y)},
        [[torch.float32], [torch.float64]],
    )
    found = evaluate({"n": torch.arange(2), "x": torch.ones(2).double()}, torch.ones(2).double())
    assert found["a"].dtype == found["b"][0] == torch.float64


def test_the_backend_offers_this_way_first() -> None:
    backend = TorchBackend(torch)
    x = normal(3, 2).T.requires_grad_(True)
    assert isinstance(backend.widenings()[0], TorchWidening)
    assert len(backend.widenings()) == 2
    assert backend.lacks_float64(x) == ""
    on_mps = SimpleNamespace(device=SimpleNamespace(type="mps"))
    assert "mps" in backend.lacks_float64(on_mps)
    wide_x = backend.widened(x)
    assert wide_x.dtype == torch.float64
    assert wide_x.is_leaf
    assert not wide_x.requires_grad
    assert wide_x.stride() == x.stride()
    assert backend.narrowed(wide_x, x).dtype == torch.float32
