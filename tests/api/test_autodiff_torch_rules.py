"""`verify_autodiff` by PyTorch's rules: what requires a gradient, and what func is handed."""

from __future__ import annotations

from typing import Any

import pytest

from checkgrad import Verdict, verify_autodiff, verify_grad

torch = pytest.importorskip("torch")
small_tensors = pytest.importorskip("small_tensors")
Function = torch.autograd.Function
one_thread, tensor = small_tensors.one_thread, small_tensors.tensor


# --- constants ----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2])
def test_tensors_without_a_gradient_are_constants_beside_others(order: int) -> None:
    def func(x: Any) -> Any:
        assert not x["target"].requires_grad
        # A derivative by the target would be wrong.
        return x["weight"] ** 2 * x["target"].detach()

    x0 = {"weight": tensor(3, requires_grad=True), "target": tensor(3)}
    report = verify_autodiff(func, x0, order=order)
    assert report.verdict is Verdict.CORRECT
    (line,) = [hint for hint in report.hints if "constants" in hint]
    assert "x['target']" in line


def test_python_floats_are_constants_and_stay_floats() -> None:
    def func(x: Any) -> Any:
        values, eps, scale = x
        assert type(eps) is float
        assert type(scale) is complex
        return values / (values.norm() + eps) * abs(scale)

    report = verify_autodiff(func, (tensor(3), 1e-6, 2 + 0j))
    assert report.verdict is Verdict.CORRECT
    assert any("constants: x[1], x[2]" in hint for hint in report.hints)


def test_all_tensors_are_differentiated_if_none_or_all_require_a_gradient() -> None:
    def func(x: Any) -> Any:
        return x[0] * x[1].detach()

    for requires_grad in (False, True):
        x0 = (tensor(2, requires_grad=requires_grad), tensor(2, requires_grad=requires_grad))
        assert verify_autodiff(func, x0).verdict is Verdict.WRONG


def test_bounds_and_directions_are_given_for_the_whole_tree() -> None:
    x0 = (tensor(2, requires_grad=True), tensor(2))
    direction = (torch.ones(2), torch.zeros(2))
    report = verify_autodiff(lambda x: x[0] * x[1], x0, direction=direction, modes=["fwd"])
    assert report.verdict is Verdict.CORRECT


class Largest(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        rank = x.argsort().to(x.dtype) * x
        ctx.mark_non_differentiable(rank)
        return x**2, rank

    @staticmethod
    def backward(ctx: Any, cotangent: Any, other: Any) -> Any:
        return 2 * ctx.saved_tensors[0] * cotangent


def test_outputs_marked_as_not_differentiable_are_left_out_and_named() -> None:
    report = verify_autodiff(Largest.apply, tensor(3), modes=["rev"])
    assert report.verdict is Verdict.CORRECT
    assert "not checked, since marked as not differentiable: func[1]" in report.hints


def test_single_output_without_a_gradient_must_be_constant() -> None:
    assert verify_autodiff(lambda x: (x**2).detach(), tensor(3)).verdict is Verdict.WRONG


# --- what func is handed ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("order", [1, 2])
def test_function_that_differentiates_inside_is_checked(dtype: Any, order: int) -> None:
    def forces(x: Any) -> Any:
        return -torch.autograd.grad((x**4).sum(), x, create_graph=True)[0]

    x0 = tensor(3, dtype=dtype, requires_grad=True)
    assert verify_autodiff(forces, x0, order=order).verdict is Verdict.CORRECT


def layouts() -> dict[str, Any]:
    x = tensor(3, 2)
    return {
        "transposed": x.T,
        "gaps": torch.stack([x, x], dim=-1)[..., 0],
        "part": tensor(4, 5)[1:3, 1:4],
        "complex": torch.complex(x, x + 1).T,
    }


@pytest.mark.parametrize("name", layouts())
@pytest.mark.parametrize("in_tree", [False, True])
def test_function_and_rules_get_the_strides_of_x0(name: str, in_tree: bool) -> None:
    x0, seen = layouts()[name], set()

    class Looks(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            seen.add(x.stride())
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            (x,) = ctx.saved_tensors
            seen.add(x.stride())
            return 2 * x.conj() * cotangent

    func = (lambda x: Looks.apply(x["a"])) if in_tree else Looks.apply
    report = verify_autodiff(func, {"a": x0} if in_tree else x0, modes=["rev"])
    assert report.verdict is Verdict.CORRECT
    assert seen == {x0.stride()}


def test_function_of_verify_grad_gets_the_strides_of_x0() -> None:
    x0, seen = tensor(3, 2).T, set()

    def func(x: Any) -> Any:
        seen.add(x.stride())
        return (x**2).sum()

    assert verify_grad(func, lambda x: 2 * x, x0, batch="loop").verdict is Verdict.CORRECT
    assert seen == {x0.stride()}


def test_overlapping_entries_are_laid_out_anew() -> None:
    assert verify_autodiff(torch.sin, tensor(1).expand(3)).verdict is Verdict.CORRECT


# --- what rules must not do ---------------------------------------------------------------------


class ScalesCotangent(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return cotangent.mul_(2)


class AssumesContiguousCotangent(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 3 * x

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        shape = cotangent.shape
        return 3 * torch.as_strided(cotangent, shape, torch.empty(shape).stride())


class FailsForOne(Function):
    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        x, y = ctx.saved_tensors
        by_x = cotangent * y if ctx.needs_input_grad[0] else None
        return by_x, by_x * x / y


@pytest.mark.parametrize(
    ("func", "words"),
    [
        (lambda x: ScalesCotangent.apply(x[0]) + x[1], "changes its cotangent"),
        (lambda x: AssumesContiguousCotangent.apply(x[0]) + x[1], "not contiguous in memory"),
        (lambda x: FailsForOne.apply(*x), "raises TypeError"),
        (lambda x: FailsForOne.apply(*x), "if x0[1] is the only input that requires one"),
    ],
)
def test_rule_that_fails_in_another_way_of_use_is_wrong_and_the_way_is_named(
    func: Any, words: str
) -> None:
    report = verify_autodiff(func, (tensor(3), tensor(3) + 1), modes=["rev"])
    assert report.verdict is Verdict.WRONG
    assert any(words in hint for hint in report.hints)


class FailsUnderVmap(Function):
    @staticmethod
    def forward(x: Any) -> Any:
        return 2 * x

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.count = inputs[0].dim()

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return 2 * cotangent

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any) -> Any:
        raise KeyError("forgotten")


def test_what_a_rule_raises_under_vmap_is_a_named_error() -> None:
    report = verify_autodiff(FailsUnderVmap.apply, tensor(3), modes=["rev", "vmap"])
    assert report.verdict is Verdict.WRONG
    assert any("vmap of rev: raises KeyError: 'forgotten'" in hint for hint in report.hints)


def test_exception_under_vmap_alone_passes_unchanged() -> None:
    with pytest.raises(KeyError, match="forgotten"):
        verify_autodiff(FailsUnderVmap.apply, tensor(3), modes=["vmap"])
