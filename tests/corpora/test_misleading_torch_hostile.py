"""PyTorch functions and claims that nobody should write, and somebody does."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from misleading import Function
from misleading_torch import X0, func, grad, one_percent_off
from sampling import spread
from torch.utils.checkpoint import checkpoint

from checkgrad import Report, Verdict, verify_autodiff, verify_grad

pytestmark = [pytest.mark.libraries("torch"), pytest.mark.usefixtures("one_thread")]


def checked(function: Function, claim: Function, x0: Any = X0, **options: Any) -> Report:
    return verify_grad(function, claim, x0, rng=0, **options)


def with_threads(x: Any) -> Any:
    parts: list[Any] = [None, None]

    def run(i: int) -> None:
        parts[i] = func(x) / 2

    threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return parts[0] + parts[1]


class Subclass(torch.Tensor):
    pass


class Holder:
    value: Any


HOLDER = Holder()


def keeps_as_attribute(x: Any) -> Any:
    HOLDER.value = 2 * x
    return func(x) + 0 * HOLDER.value.sum()


FUNCTIONS: dict[str, Function] = {
    "a Python float": lambda x: float(func(x)),
    "an item": lambda x: func(x).item(),
    "an array of NumPy": lambda x: func(x).numpy(),
    "a tuple": lambda x: (func(x),),
    "computed in NumPy": lambda x: np.sum(np.sin(x.numpy()) * x.numpy()),
    "computed in float64": lambda x: func(x.double()),
    "looks at a number": lambda x: func(x) if float(x.sum()) > 0 else 2 * func(x),
    "looks at the kind of tensor": lambda x: func(x) if x.type() == "torch.FloatTensor" else 1 / 0,
    "looks at bytes": lambda x: func(x) * x.element_size() * x.itemsize * x.nbytes / (4 * 4 * 24),
    "looks at the class": lambda x: func(x) if type(x) is torch.Tensor else 2 * func(x),
    "looks at the address": lambda x: func(x) + 0 * x.data_ptr(),
    "copies deeply": lambda x: func(copy.deepcopy(x)),
    "pickles": lambda x: func(pickle.loads(pickle.dumps(x.detach()))),
    "makes a subclass": lambda x: func(x.as_subclass(Subclass)),
    "starts threads": with_threads,
    "keeps an attribute": keeps_as_attribute,
    "checkpoints": lambda x: checkpoint(func, x, use_reentrant=False),
    "is compiled": torch.compile(func, backend="eager"),
}
# A thread that dies under vmap says so; what func does then is its own concern.
every_function = pytest.mark.parametrize("name", FUNCTIONS)


@every_function
@pytest.mark.filterwarnings("ignore")
def test_right_gradient_is_correct(name: str) -> None:
    report = checked(FUNCTIONS[name], grad)
    assert report, report
    assert report.evaluated_in == "float64"


@pytest.mark.parametrize("name", spread([*FUNCTIONS], 2))
@pytest.mark.filterwarnings("ignore")
def test_error_of_one_percent_is_wrong(name: str) -> None:
    report = checked(FUNCTIONS[name], one_percent_off(grad))
    assert report.verdict is Verdict.WRONG, report


def doubles_in_place(x: Any) -> Any:
    x.mul_(2)
    return (x**2).sum() / 4


def test_a_func_that_changes_its_argument_is_judged_and_x0_stays() -> None:
    x0 = X0.clone()
    assert checked(doubles_in_place, lambda x: 2 * x, x0)
    assert checked(doubles_in_place, lambda x: 2.02 * x, x0).verdict is Verdict.WRONG
    assert torch.equal(x0, X0)


CLAIMS: dict[str, tuple[Function, Verdict]] = {
    "float64": (lambda x: grad(x.double()), Verdict.CORRECT),
    "wrong in float64": (lambda x: 1.01 * grad(x.double()), Verdict.WRONG),
    "an array of NumPy": (lambda x: grad(x).numpy(), Verdict.CORRECT),
    "a list": (lambda x: grad(x).tolist(), Verdict.CORRECT),
    "in place": (lambda x: grad(x).mul_(x).div_(x), Verdict.CORRECT),
    "integers": (lambda x: torch.zeros(6, dtype=torch.int64), Verdict.WRONG),
    "NaN": (lambda x: torch.nan * x, Verdict.WRONG),
    "one NaN": (lambda x: torch.where(x > 2, torch.nan, grad(x)), Verdict.WRONG),
    "one infinity": (lambda x: torch.where(x > 2, torch.inf, grad(x)), Verdict.WRONG),
    "another structure in float64": (
        lambda x: grad(x) if x.dtype == torch.float32 else (grad(x),),
        Verdict.CORRECT,
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_claims_of_many_kinds(name: str) -> None:
    claim, verdict = CLAIMS[name]
    report = checked(func, claim)
    assert report.verdict is verdict, report


def test_integer_zeros_are_a_right_claim_of_zero() -> None:
    assert checked(lambda x: 0 * x.sum() + 1, lambda x: torch.zeros(6, dtype=torch.int64))


@pytest.mark.parametrize(
    ("claim", "match"),
    [
        (lambda x: None, "grad returned None"),
        (lambda x: grad(x)[:, None], r"grad returned shape \(6, 1\) but x0 has shape \(6,\)"),
        (lambda x: (grad(x),), r"grad returned shape \(1, 6\) but x0 has shape \(6,\)"),
    ],
    ids=["none", "column", "tuple"],
)
def test_claims_of_another_structure_are_refused(claim: Function, match: str) -> None:
    with pytest.raises((TypeError, ValueError), match=match):
        checked(func, claim)


def of_tree(t: Any) -> Any:
    total = (torch.sin(t["a"]) * t["d"]).sum() + t["b"] ** 3 + t["c"].sum() + t["e"].sum()
    return total + t["f"].float().pow(2).sum() + t["g"][0].double().pow(3).sum()


def grad_of_tree(t: Any) -> Any:
    return {
        "a": torch.cos(t["a"]) * t["d"],
        "b": 3 * t["b"] ** 2,
        "c": torch.zeros(0),
        "d": torch.sin(t["a"]),
        "e": None,
        "f": 2 * t["f"],
        "g": (3 * t["g"][0] ** 2, None),
    }


def tree() -> Any:
    return {
        "a": X0,
        "b": torch.tensor(0.5),
        "c": torch.zeros(0),
        "d": X0.double(),
        "e": torch.arange(3),
        "f": X0.bfloat16(),
        "g": (X0.half(), None),
    }


def test_trees_of_many_dtypes_with_scalars_and_empty_leaves() -> None:
    report = checked(of_tree, grad_of_tree, tree())
    assert report, report
    for leaf, factor in (("a", 1.01), ("b", 1.01), ("d", 1.01), ("f", 1.05)):

        def wrong(t: Any, leaf: str = leaf, factor: float = factor) -> Any:
            right = grad_of_tree(t)
            return {**right, leaf: factor * right[leaf]}

        report = checked(of_tree, wrong, tree())
        assert report.verdict is Verdict.WRONG, leaf


def test_complex64() -> None:
    z0 = torch.tensor([1 + 2j, 0.3 - 1j], dtype=torch.complex64)

    def of_complex(z: Any) -> Any:
        return (z * z.conj()).real.sum() + (z**2).real.sum()

    assert checked(of_complex, lambda z: 2 * z + 2 * z.conj(), z0)
    assert not checked(of_complex, lambda z: 2 * z + 2.02 * z.conj(), z0)
    assert verify_autodiff(of_complex, z0, rng=0)


@pytest.mark.parametrize("batch", ["vmap", "vectorized", "loop"])
def test_every_way_to_evaluate_many_points(batch: str) -> None:
    def of_last_axis(x: Any) -> Any:
        return (torch.sin(x) * x).sum(-1)

    assert checked(of_last_axis, grad, batch=batch)
    wrong = checked(of_last_axis, one_percent_off(grad), batch=batch)
    assert wrong.verdict is Verdict.WRONG, wrong


@pytest.mark.parametrize(
    "direction", [X0, X0.double(), X0.bfloat16(), X0.numpy(), X0.tolist(), 3, "random"], ids=str
)
def test_tangents_of_every_kind(direction: Any) -> None:
    report = checked(func, grad, direction=direction)
    assert report, report
    assert report.evaluated_in == "float64"
    wrong = checked(func, lambda x: 1.01 * grad(x), direction=direction)
    assert wrong.verdict is Verdict.WRONG, wrong


def test_bounds_hold_in_float64() -> None:
    seen: list[float] = []

    def root(x: Any) -> Any:
        seen.append(float(x.min()))
        return torch.log(x).sum()

    x0 = torch.tensor([1e-3, 1.0, 2.0])
    bounds = (torch.tensor([1e-3, 0.0, 0.0]), torch.tensor([1.0, 1.0, 2.0]))
    report = checked(root, lambda x: 1 / x, x0, bounds=bounds, batch="loop")
    assert report, report
    assert min(seen) >= x0[0].item()


@pytest.mark.parametrize("scale", [1e30, 1e-30, 1e-42])
def test_huge_and_tiny_values(scale: float) -> None:
    assert checked(lambda x: scale * func(x), lambda x: scale * grad(x))
    wrong = checked(lambda x: scale * func(x), one_percent_off(lambda x: scale * grad(x)))
    assert wrong.verdict is Verdict.WRONG, wrong


@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_huge_and_tiny_points(scale: float) -> None:
    def scaled(x: Any) -> Any:
        return torch.sin(x / scale).sum()

    assert checked(scaled, lambda x: torch.cos(x / scale) / scale, scale * X0)
    wrong = checked(scaled, one_percent_off(lambda x: torch.cos(x / scale) / scale), scale * X0)
    assert wrong.verdict is Verdict.WRONG, wrong


def test_a_func_that_underflows_is_judged_by_its_formula() -> None:
    tiny = 1e-30 * X0  # squares are 0 in float32
    assert checked(lambda x: (x**2).sum(), lambda x: 2 * x, tiny)
    assert checked(lambda x: (x**2).sum(), lambda x: 0 * x, tiny).verdict is Verdict.WRONG


@pytest.mark.parametrize("x0", [1e30 * X0, 100 * X0.half()], ids=["float32", "float16"])
def test_a_func_that_overflows_at_x0_is_refused(x0: Any) -> None:
    with pytest.raises(ValueError, match=r"func\(x0\) is inf"):
        checked(lambda x: (10 * x).pow(2).sum(), lambda x: 200 * x, x0)


def test_entries_of_zero() -> None:
    x0 = torch.tensor([0.7, 0.0, -0.0, 2.1])
    assert checked(func, grad, x0)
    assert checked(lambda x: (x**2 + 3 * x).sum(), lambda x: 2 * x + 3, torch.zeros(4))
    wrong = checked(lambda x: (x**2 + 3 * x).sum(), lambda x: 2 * x + 3.03, torch.zeros(4))
    assert wrong.verdict is Verdict.WRONG, wrong


def test_random_functions_are_not_judged() -> None:
    report = checked(lambda x: (torch.rand(6) * x).sum(), lambda x: x)
    assert report.verdict is Verdict.INCONCLUSIVE, report
    assert any("func is not deterministic" in hint for hint in report.hints)


def test_writes_into_captured_buffers_are_part_of_func() -> None:
    buffer = torch.zeros(6)

    def squares(x: Any) -> Any:
        buffer.zero_().add_(x.detach())
        return (x * buffer).sum()

    assert checked(squares, lambda x: 2 * x)
    assert checked(squares, lambda x: x).verdict is Verdict.WRONG
    assert torch.allclose(buffer, X0, atol=0.1)
    assert buffer.dtype is torch.float32


def test_float64_where_it_cannot_be_had_is_refused_with_the_reason() -> None:
    def branches(x: Any) -> Any:
        return torch.where(torch.exp(0 * x - 110) == 0, x**2, x**3).sum()

    with pytest.raises(ValueError, match="precision is 'float64', but func cannot be evaluated"):
        checked(branches, grad, precision="float64")
