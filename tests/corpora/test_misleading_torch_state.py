"""What a check in float64 leaves behind in PyTorch: nothing, whatever func does."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from misleading import FuncError, failing_at
from misleading_torch import X0, func, grad, gradient_of
from torch import nn
from torch.nn import functional as F

from checkgrad import Verdict, verify_autodiff, verify_grad

pytestmark = [pytest.mark.libraries("torch"), pytest.mark.usefixtures("one_thread")]


def settings() -> dict[str, Any]:
    """Return everything global that a check could change."""
    return {
        "default dtype": torch.get_default_dtype(),
        "generator": torch.get_rng_state().tolist(),
        "generator of NumPy": [*map(str, np.random.get_state())],
        "errors of NumPy": np.geterr(),
        "threads": torch.get_num_threads(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
        "autocast cache": torch.is_autocast_cache_enabled(),
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "anomaly mode": torch.is_anomaly_enabled(),
        "mkldnn": torch._C._get_mkldnn_enabled(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "attention": (
            torch.backends.cuda.flash_sdp_enabled(),
            torch.backends.cuda.mem_efficient_sdp_enabled(),
            torch.backends.cuda.math_sdp_enabled(),
        ),
        "determinism": (
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.benchmark,
        ),
        "products": (
            torch.get_float32_matmul_precision(),
            torch.backends.cuda.matmul.allow_tf32,
            torch.backends.cudnn.allow_tf32,
        ),
        "modes": (
            len(torch.utils._python_dispatch._get_current_dispatch_mode_stack()),
            torch._C._len_torch_function_stack(),
        ),
    }


@pytest.mark.parametrize("error", [FuncError(), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize("call", [1, 2, 3, 4, 5, 8, 14])
@pytest.mark.parametrize("who", ["func", "grad"])
def test_settings_are_unchanged_also_after_exceptions(who: str, call: int, error: Any) -> None:
    before = settings()
    failing = {"func": func, "grad": gradient_of(func)}
    failing[who] = failing_at(call, failing[who], error)
    with contextlib.suppress(FuncError, KeyboardInterrupt):
        verify_grad(failing["func"], failing["grad"], X0, rng=0, batch="loop")
    assert settings() == before


@pytest.mark.parametrize(
    "context",
    [
        torch.no_grad,
        torch.enable_grad,
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        torch.autograd.detect_anomaly,
    ],
    ids=["no_grad", "enable_grad", "autocast", "anomaly mode"],
)
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_contexts_of_the_user_stay(context: Any) -> None:
    def product(x: Any) -> Any:
        return (torch.outer(x, x) @ x).sum()

    outside = settings()
    with context():
        before = settings()
        assert verify_grad(product, torch.func.grad(product), X0, rng=0)
        assert settings() == before
    assert settings() == outside


def test_another_default_dtype_stays() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert verify_grad(
            lambda x: (torch.tensor(2.5) * x).sum(), lambda x: torch.full_like(x, 2.5), X0, rng=0
        )
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def net() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 1))


def test_running_statistics_see_the_calls_in_float32_alone() -> None:
    model = net()
    inputs = torch.randn(12, 6, generator=torch.Generator().manual_seed(0))
    weight = model[0].weight.detach().clone()
    points: list[Any] = []  # forgets what calls in float64 append

    def loss(w: Any) -> Any:
        points.append(w.detach().clone())
        hidden = model[1](F.linear(inputs, w, model[0].bias))
        return model[3](model[2](hidden)).square().mean()

    state = {name: (value, id(value)) for name, value in model.state_dict(keep_vars=True).items()}
    report = verify_grad(loss, gradient_of(loss), weight, rng=0)
    assert report, report
    assert report.evaluated_in == "float64"
    assert len(points) < 5 < report.n_func
    for name, value in model.state_dict(keep_vars=True).items():
        assert state[name][1] == id(value)
        assert value.dtype in (torch.float32, torch.int64)
    # The same few calls, without a check, leave the same statistics.
    again, model = model, net()
    for point in [*points]:
        loss(point)
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    versions = {name: value._version for name, value in model.state_dict(keep_vars=True).items()}
    assert versions == {
        name: value._version for name, value in again.state_dict(keep_vars=True).items()
    }


class Keeps(nn.Module):
    """A module whose forward keeps tensors in many places."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.register_buffer("last_mean", torch.zeros(3))
        self.last: Any = None
        self.kept: list[Any] = []
        self.by_number: dict[int, Any] = {}

    def forward(self, x: Any) -> Any:
        y = self.linear(x)
        self.last = y
        self.kept.append(y)
        self.by_number[len(self.by_number)] = (y, [y.detach()])
        self.last_mean = y.detach()
        self.first_seen_now = 2 * y
        return y.square().sum()


def test_what_a_module_keeps_is_what_calls_in_float32_left() -> None:
    module = Keeps()
    weight = module.linear.weight
    values, version = weight.detach().clone(), weight._version
    calls: list[Any] = []

    def loss(x: Any) -> Any:
        calls.append(x.detach().clone())
        return module(x)

    assert verify_grad(loss, gradient_of(loss), X0, rng=0)
    assert module.linear.weight is weight
    assert weight._version == version
    assert weight.grad is None
    assert torch.equal(weight, values)
    kept = [module.last, module.last_mean, module.first_seen_now, *module.kept]
    kept += [each for pair in module.by_number.values() for each in (pair[0], *pair[1])]
    assert {(type(each), each.dtype) for each in kept} == {(torch.Tensor, torch.float32)}
    assert len(module.kept) == len(module.by_number) == len(calls) < 6
    for point, y in zip(calls, module.kept, strict=True):
        assert torch.equal(module.linear(point), y)


def test_lists_dicts_and_memos_of_closures_hold_float32_alone() -> None:
    kept: list[Any] = []
    memo: dict[str, Any] = {}

    def keeps(x: Any) -> Any:
        kept.append(2 * x)
        if "sum" not in memo:
            memo["sum"] = x.detach().sum()
        return (x**2).sum() * memo["sum"]

    total = X0.sum()
    assert verify_grad(keeps, lambda x: 2 * x * total, X0, rng=0)
    assert {(type(each), each.dtype) for each in [*kept, *memo.values()]} == {
        (torch.Tensor, torch.float32)
    }


def test_gradients_of_captured_weights_are_untouched() -> None:
    linear = nn.Linear(6, 2)
    optimiser = torch.optim.SGD(linear.parameters(), lr=0.1)

    def trains(x: Any) -> Any:
        optimiser.zero_grad()
        linear(torch.ones(6)).pow(2).sum().backward()
        return linear(x).pow(2).sum() + sum(p.grad.pow(2).sum() for p in linear.parameters())

    weight = linear.weight.detach().clone()
    assert verify_grad(trains, gradient_of(lambda x: linear(x).pow(2).sum()), X0, rng=0)
    assert torch.equal(linear.weight, weight)
    for parameter in linear.parameters():
        assert type(parameter.grad) is torch.Tensor
        assert parameter.grad.dtype is torch.float32


def test_hooks_and_results_that_require_gradients_leave_nothing_wide() -> None:
    linear, seen = nn.Linear(6, 2), []
    linear.register_forward_hook(lambda module, inputs, output: seen.append(output))

    def loss(x: Any) -> Any:
        return linear(x).pow(2).sum()

    assert verify_grad(loss, gradient_of(loss), X0, rng=0)
    assert {(type(each), each.dtype) for each in seen} == {(torch.Tensor, torch.float32)}


def test_a_leaf_that_requires_a_gradient_keeps_its_own() -> None:
    x0 = X0.clone().requires_grad_()
    x0.grad = torch.ones(6)
    gradient, version = x0.grad, x0._version

    def by_backward(x: Any) -> Any:
        x.grad = None
        func(x).backward()
        return x.grad

    report = verify_grad(func, by_backward, x0, rng=0)
    assert report, report
    assert x0.grad is gradient
    assert torch.equal(gradient, torch.ones(6))
    assert x0._version == version


def test_many_threads_check_the_same_module() -> None:
    linear = nn.Linear(6, 3)
    reports = []

    def loss(x: Any) -> Any:
        return linear(x).square().sum()

    def run() -> None:
        reports.append(verify_grad(loss, gradient_of(loss), X0, rng=0))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(report.verdict, report.evaluated_in) for report in reports] == [
        (Verdict.CORRECT, "float64")
    ] * 4
    assert type(linear.weight) is nn.Parameter
    assert linear.weight.dtype is torch.float32


def test_a_check_inside_of_func_is_a_check() -> None:
    inner = []

    def nests(x: Any) -> Any:
        weights = torch.ones(2)
        inner.append(
            bool(verify_grad(lambda y: (y**2).sum() * x.sum(), gradient_of_squares(x), weights))
        )
        return func(x)

    def gradient_of_squares(x: Any) -> Any:
        return lambda y: 2 * y * x.sum()

    report = verify_grad(nests, grad, X0, rng=0, direction=1)
    assert report, report
    assert all(inner)


def test_autodiff_leaves_settings_and_modules() -> None:
    module, before = Keeps(), settings()
    report = verify_autodiff(lambda x: module.linear(x).square().sum(), X0, rng=0)
    assert report, report
    assert settings() == before
    assert module.linear.weight.grad is None
