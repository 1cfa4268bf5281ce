"""`checkgrad.torch.gradcheck`: PyTorch's signature and input rules, with verdicts of checkgrad."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from typing import Any

import pytest

from checkgrad import GradientError, Verdict

torch = pytest.importorskip("torch")
small_tensors = pytest.importorskip("small_tensors")
torch_module = pytest.importorskip("torch.autograd.gradcheck")
ours = pytest.importorskip("checkgrad.torch")
TorchGradcheckError = torch_module.GradcheckError
torch_gradcheck, torch_gradgradcheck = torch_module.gradcheck, torch_module.gradgradcheck
GradcheckError, gradcheck, gradgradcheck = ours.GradcheckError, ours.gradcheck, ours.gradgradcheck

Function = torch.autograd.Function
one_thread = small_tensors.one_thread


def tensor(*shape: int, dtype: Any = torch.float64, requires_grad: bool = True) -> Any:
    return small_tensors.tensor(*shape, dtype=dtype, requires_grad=requires_grad)


def both_modes(func: Any, inputs: Any, **options: Any) -> bool:
    return all(gradcheck(func, inputs, fast_mode=fast, **options) for fast in (False, True))


def error_of(func: Any, inputs: Any, **options: Any) -> str:
    with pytest.raises(GradcheckError) as caught:
        gradcheck(func, inputs, **options)
    return str(caught.value)


# --- signatures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "theirs"), [(gradcheck, torch_gradcheck), (gradgradcheck, torch_gradgradcheck)]
)
def test_signature_is_that_of_pytorch(mine: Any, theirs: Any) -> None:
    def parameters(function: Any) -> list[tuple[str, Any]]:
        found = inspect.signature(function).parameters.values()
        return [(each.name, each.kind) for each in found]

    assert parameters(mine) == parameters(theirs)


def test_defaults_of_pytorch_may_be_passed() -> None:
    assert gradcheck(torch.sin, tensor(3), eps=1e-6, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        {"check_backward_ad": False},
        {"check_backward_ad": False, "check_forward_ad": True, "check_batched_grad": True},
        {"check_batched_forward_grad": True},
    ],
)
def test_options_that_contradict_each_other_are_refused_as_in_pytorch(options: Any) -> None:
    for function in (gradcheck, torch_gradcheck):
        with pytest.raises(AssertionError):
            function(torch.sin, tensor(3), **options)


# --- errors -------------------------------------------------------------------------------------


def halved(x: Any) -> Any:
    return Wrong.apply(x)


class Wrong(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return 0.5 * cotangent * ctx.saved_tensors[0].cos()


class WrongBoth(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        (x,) = ctx.saved_tensors
        return cotangent * x * x.detach()


@pytest.mark.parametrize("fast_mode", [False, True])
def test_wrong_gradient_raises_an_error_of_both_libraries_with_the_report(fast_mode: bool) -> None:
    with pytest.raises(TorchGradcheckError) as caught:
        gradcheck(halved, tensor(3), fast_mode=fast_mode)
    assert isinstance(caught.value, GradientError)
    assert isinstance(caught.value, GradcheckError)
    assert caught.value.report.verdict is Verdict.WRONG
    assert "inputs[0]" in str(caught.value) or fast_mode
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_false_is_returned_if_no_exception_is_wanted() -> None:
    assert gradcheck(halved, tensor(3), raise_exception=False) is False


def test_tolerances_are_allowed_on_top_of_what_the_samples_can_tell() -> None:
    x = tensor(3)
    assert gradcheck(halved, x, atol=10.0)
    assert gradcheck(halved, x, rtol=0.6)
    assert not gradcheck(halved, x, rtol=0.4, raise_exception=False)
    assert not gradcheck(halved, x, atol=1e-5, rtol=1e-3, raise_exception=False)


def test_exceptions_of_the_users_code_pass_unchanged() -> None:
    def func(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        gradcheck(func, tensor(3), raise_exception=False)


def test_function_that_is_not_finite_is_an_error() -> None:
    x = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    assert "finite" in error_of(torch.log, x)
    assert not torch_gradcheck(torch.log, x, raise_exception=False)


# --- inputs and outputs -------------------------------------------------------------------------


def test_only_inputs_that_require_a_gradient_are_differentiated() -> None:
    def func(x: Any, y: Any, eps: Any, count: Any, nothing: Any, sizes: Any, name: Any) -> Any:
        assert type(eps) is float
        assert type(count) is int
        assert nothing is None
        assert sizes == [1, 2]
        assert not y.requires_grad
        return x * y.detach() / (x.norm() + eps) * count

    inputs = (tensor(3), tensor(3, requires_grad=False), 1e-6, 2, None, [1, 2], "sum")
    assert both_modes(func, inputs)
    assert torch_gradcheck(func, inputs)


def test_no_input_that_requires_a_gradient_is_refused_as_in_pytorch() -> None:
    x = tensor(3, requires_grad=False)
    for function in (gradcheck, torch_gradcheck):
        with pytest.raises(ValueError, match="require"):
            function(torch.sin, x)


def test_inputs_with_stride_0_are_refused_as_in_pytorch() -> None:
    x = tensor(1).detach().expand(3).requires_grad_()
    for function in (gradcheck, torch_gradcheck):
        with pytest.raises(RuntimeError, match="stride 0"):
            function(torch.sin, x)


def test_outputs_marked_non_differentiable_are_not_checked() -> None:
    class Largest(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            value, place = x.max(0)
            ctx.place, ctx.shape = place, x.shape
            rank = x.argsort().to(x.dtype)
            ctx.mark_non_differentiable(rank, place)
            return value, rank, place

        @staticmethod
        def backward(ctx: Any, cotangent: Any, *others: Any) -> Any:
            found = torch.zeros(ctx.shape, dtype=cotangent.dtype)
            found[ctx.place] = cotangent
            return found

    assert both_modes(Largest.apply, tensor(4))
    assert torch_gradcheck(Largest.apply, tensor(4))


def test_single_output_without_a_gradient_must_be_constant() -> None:
    assert "wrong" in error_of(lambda x: (x**2).detach(), tensor(3))
    assert gradcheck(lambda x: x.detach().sign(), tensor(3))


def test_detached_output_beside_another_is_not_checked_as_in_pytorch() -> None:
    for function in (gradcheck, torch_gradcheck):
        assert function(lambda x: (x**2, (x**3).detach()), tensor(3))


@pytest.mark.parametrize("shapes", [[(0,)], [(0, 3)], [(0,), (2,)]], ids=str)
def test_empty_inputs_and_outputs_pass(shapes: Any) -> None:
    inputs = tuple(tensor(*shape) for shape in shapes)
    assert both_modes(lambda *x: tuple(each.sin() for each in x), inputs)
    assert both_modes(lambda *x: x[0][:0] * 2, (tensor(3), *inputs))
    assert gradgradcheck(lambda *x: tuple(each.sin() for each in x), inputs)


def test_function_that_differentiates_inside_is_checked() -> None:
    def forces(x: Any, k: Any) -> Any:
        assert x.requires_grad
        energy = (k * x**4).sum()
        return -torch.autograd.grad(energy, x, create_graph=True)[0]

    inputs = (tensor(3), tensor(3))
    assert both_modes(forces, inputs)
    assert gradgradcheck(forces, inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex128, torch.complex64], ids=str)
def test_other_dtypes_are_checked(dtype: Any) -> None:
    assert both_modes(lambda x: (x * x.conj() + x.exp()).real, tensor(3, dtype=dtype))
    assert both_modes(torch.exp, tensor(3, dtype=dtype), check_forward_ad=True)


def test_users_tensors_and_random_state_are_left_alone() -> None:
    x, weight = tensor(3), tensor(3, requires_grad=False)
    before, state = x.detach().clone(), torch.get_rng_state()

    def func(x: Any, weight: Any) -> Any:
        weight += 1
        return x * weight

    gradcheck(func, (x, weight))
    gradgradcheck(torch.sin, x)
    assert torch.equal(x, before)
    assert torch.equal(weight, tensor(3, requires_grad=False))
    assert x.grad is None
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])
@pytest.mark.parametrize("masked", [False, True])
def test_sparse_inputs_are_differentiated_by_their_values(layout: Any, masked: bool) -> None:
    dense = torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]], dtype=torch.float64)
    x = dense.to_sparse(layout=layout).requires_grad_()

    def func(x: Any) -> Any:
        assert x.layout is layout
        return x.to_dense(masked_grad=masked) ** 2

    assert both_modes(func, x, masked=masked)
    assert torch_gradcheck(func, x, masked=masked)


class Scaled(torch.nn.Module):
    def __init__(self, rule: Any) -> None:
        super().__init__()
        self.rule = rule
        self.weight = torch.nn.Parameter(tensor(3).detach())
        self.linear = torch.nn.Linear(3, 2, dtype=torch.float64)

    def forward(self, x: Any) -> Any:
        return self.linear(x * self.rule(self.weight))


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_parameters_that_func_uses_without_taking_them_are_checked(check: Any) -> None:
    x = tensor(3)
    for rule, is_right in ((torch.sin, True), (WrongBoth.apply, False)):
        module = Scaled(rule)

        def func(*_: Any, module: Any = module) -> Any:
            return module(x)

        parameters = tuple(module.parameters())
        before = [each.detach().clone() for each in parameters]
        assert check(func, parameters, raise_exception=False) is is_right
        assert all(map(torch.equal, parameters, before))


def test_sparse_outputs_are_refused_as_in_pytorch() -> None:
    for function in (gradcheck, torch_gradcheck):
        with pytest.raises(ValueError, match="to_dense"):
            function(lambda x: x.to_sparse(), tensor(3))


# --- memory layout ------------------------------------------------------------------------------


class AssumesContiguousInput(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        (x,) = ctx.saved_tensors
        as_in_memory = torch.as_strided(x, x.shape, torch.empty(x.shape).stride())
        return 2 * as_in_memory * cotangent


class AssumesContiguousCotangent(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 3 * x

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        shape = cotangent.shape
        return 3 * torch.as_strided(cotangent, shape, torch.empty(shape).stride())


@pytest.mark.parametrize("gaps", [False, True])
def test_rule_that_is_right_for_contiguous_inputs_only_is_wrong(gaps: bool) -> None:
    x = tensor(3, 2).detach()
    assert both_modes(AssumesContiguousInput.apply, x.clone().requires_grad_())
    other = torch.stack([x, x], dim=-1)[..., 0] if gaps else x.T
    assert not other.is_contiguous()
    assert "wrong" in error_of(AssumesContiguousInput.apply, other.requires_grad_())


@pytest.mark.parametrize("fast_mode", [False, True])
def test_rule_that_is_right_for_contiguous_cotangents_only_is_wrong(fast_mode: bool) -> None:
    error = error_of(AssumesContiguousCotangent.apply, tensor(3, 2), fast_mode=fast_mode)
    assert "for a cotangent that is not contiguous in memory" in error


@pytest.mark.parametrize("gaps", [False, True])
def test_function_gets_the_strides_of_the_inputs(gaps: bool) -> None:
    x = tensor(4, 3).detach()
    x = (torch.stack([x, x], dim=-1)[..., 0] if gaps else x.T).requires_grad_()
    seen = set()

    class Looks(Wrong):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            seen.add(x.stride())
            return Wrong.forward(ctx, x)

    assert not gradcheck(Looks.apply, x, raise_exception=False)
    assert seen == {x.stride()}


# --- what rules must not do ---------------------------------------------------------------------


class ScalesCotangent(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return cotangent.mul_(2)


class ScalesSaved(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        found = x.cos()
        ctx.save_for_backward(found)
        return x.sin()

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return ctx.saved_tensors[0].detach().mul_(cotangent)


class ScalesInput(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.x = x.detach()
        return 2 * x

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        ctx.x.numpy()[:] += 1
        return 2 * cotangent


@pytest.mark.parametrize(
    ("rule", "name"),
    [(ScalesCotangent, "cotangent"), (ScalesSaved, "saved"), (ScalesInput, "an input of func")],
)
@pytest.mark.parametrize("fast_mode", [False, True])
def test_rule_that_writes_to_what_is_not_its_own_is_wrong(
    rule: Any, name: str, fast_mode: bool
) -> None:
    error = error_of(rule.apply, tensor(3), fast_mode=fast_mode)
    assert name in error
    assert "not its own" in error


class FailsAlone(Function):
    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        x, y = ctx.saved_tensors
        by_x = cotangent * y if ctx.needs_input_grad[0] else None
        return by_x, by_x * x / y


@pytest.mark.parametrize("fast_mode", [False, True])
def test_rule_that_fails_for_one_input_alone_is_wrong_and_named(fast_mode: bool) -> None:
    inputs = (tensor(3), tensor(3) + 1)
    assert torch_gradcheck(FailsAlone.apply, inputs)
    error = error_of(FailsAlone.apply, inputs, fast_mode=fast_mode)
    assert "raises TypeError" in error
    assert "if inputs[1] is the only input that requires one" in error


class NaNForward(Function):
    @staticmethod
    def forward(x: Any) -> Any:
        return x.sin()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return cotangent * ctx.saved_tensors[0].cos()

    @staticmethod
    def jvp(ctx: Any, tangent: Any) -> Any:
        return tangent * float("nan")


@pytest.mark.parametrize("fast_mode", [False, True])
def test_forward_mode_that_returns_nan_is_wrong(fast_mode: bool) -> None:
    assert gradcheck(NaNForward.apply, tensor(3), fast_mode=fast_mode)
    options = {"check_forward_ad": True, "fast_mode": fast_mode}
    assert "fwd" in error_of(NaNForward.apply, tensor(3), **options)


def test_rule_that_adds_to_its_cotangent_is_wrong() -> None:
    class Adds(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return 2 * x

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return 2 * cotangent + 1e-3

    assert "for a zero cotangent is not 0" in error_of(Adds.apply, tensor(3))


def test_rule_that_fails_for_undefined_cotangents_is_wrong_unless_not_asked() -> None:
    class Undefined(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(False)
            return x.clone(), 2 * x

        @staticmethod
        def backward(ctx: Any, one: Any, two: Any) -> Any:
            if one is None:
                return 2 * two  # fails if both are undefined
            return one if two is None else one + 2 * two

    assert "undefined" in error_of(Undefined.apply, tensor(3))
    assert gradcheck(Undefined.apply, tensor(3), check_undefined_grad=False)


def test_rule_that_is_not_deterministic_is_wrong_beyond_nondet_tol() -> None:
    class Noisy(Function):
        calls = 0

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return 2 * x

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            Noisy.calls += 1
            return 2 * cotangent + 1e-9 * (cotangent != 0) * (Noisy.calls % 2)

    assert "not deterministic" in error_of(Noisy.apply, tensor(3))
    assert gradcheck(Noisy.apply, tensor(3), nondet_tol=1e-8)


class HostBackward(Function):
    generate_vmap_rule = False

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        return torch.from_numpy(2 * cotangent.numpy())


def test_backward_that_cannot_be_mapped_is_wrong_only_if_asked() -> None:
    assert gradcheck(HostBackward.apply, tensor(3))
    error = error_of(HostBackward.apply, tensor(3), check_batched_grad=True)
    assert "under vmap" in error
    assert "raises" in error


def test_derivatives_can_be_checked_under_vmap() -> None:
    options = {"check_forward_ad": True, "check_batched_forward_grad": True}
    inputs = (tensor(3), tensor(2, 3))
    assert both_modes(lambda x, y: (x.sin() * y).sum(0), inputs, check_batched_grad=True, **options)


# --- gradients of gradients ---------------------------------------------------------------------


class WrongTwice(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, cotangent: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 3 * x * x.detach() * cotangent


@pytest.mark.parametrize("fast_mode", [False, True])
def test_wrong_second_derivative_is_found(fast_mode: bool) -> None:
    assert gradcheck(WrongTwice.apply, tensor(3))
    with pytest.raises(GradcheckError, match="wrong"):
        gradgradcheck(WrongTwice.apply, tensor(3), fast_mode=fast_mode)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_right_second_derivatives_pass(fast_mode: bool) -> None:
    inputs = (tensor(3), tensor(2, 3), 2.0)
    options = {"fast_mode": fast_mode, "check_fwd_over_rev": True, "check_batched_grad": True}
    assert gradgradcheck(lambda x, y, k: ((x * y) ** k, x.sin()), inputs, **options)


def test_cotangents_may_be_given() -> None:
    seen = []

    class Keeps(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            seen.append(cotangent.is_contiguous())
            return 2 * ctx.saved_tensors[0] * cotangent

    assert gradgradcheck(Keeps.apply, tensor(3), tensor(3))
    assert all(seen)
    assert gradgradcheck(Keeps.apply, tensor(3), gen_non_contig_grad_outputs=True)
    assert not all(seen)


# --- cost ---------------------------------------------------------------------------------------


def seconds_of_first(check: str) -> float:
    """Return the CPU time that a check takes in a new process, where only torch is imported."""
    code = (
        "import sys, time, torch\n"
        "x = torch.rand(3, dtype=torch.float64, requires_grad=True)\n"
        "start = time.process_time()\n"
        f"{check}\n"
        "seconds = time.process_time() - start\n"
        "print(seconds, 'torch._dynamo' in sys.modules)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    seconds, compiler = found.stdout.split()
    assert compiler == "False", "PyTorch's compiler takes a second to import"
    return float(seconds)


def test_first_check_in_a_process_is_quick() -> None:
    # PyTorch's own first gradient with a cotangent imports sympy, and takes longer than this.
    code = "from checkgrad.torch import gradcheck; gradcheck(torch.sin, x)"
    assert seconds_of_first(f"{code}; assert 'sympy' not in sys.modules") < 0.45


def test_wrong_gradient_is_found_without_the_compiler() -> None:
    seconds_of_first(
        "from checkgrad.torch import gradcheck\n"
        "assert not gradcheck(lambda x: (x**2).detach(), x, raise_exception=False)"
    )


def test_few_evaluations_certify_a_right_gradient() -> None:
    calls = []

    def func(x: Any, y: Any) -> Any:
        calls.append(1)
        return x.sin() * y

    assert gradcheck(func, (tensor(20, 5), tensor(20, 5)))
    assert len(calls) <= 14


def test_lazy_zeros_of_forward_mode_are_taken_as_zeros() -> None:
    inputs = (tensor(5), 1 - tensor(5).detach().requires_grad_())
    loss = torch.nn.functional.l1_loss
    assert gradgradcheck(loss, (tensor(5), tensor(5) + 1), check_fwd_over_rev=True)
    assert gradcheck(
        lambda x, y: x * y.detach().sign(), inputs[:1] + inputs[1:], check_forward_ad=True
    )


def test_output_that_cancels_may_round_differently_in_forward_mode() -> None:
    def func(x: Any) -> Any:
        return x.sum(), (x + 1.1) - x - 1.1 + 0 * x

    assert gradcheck(func, tensor(3), check_forward_ad=True)


def test_value_that_rounding_of_the_inputs_moves_may_differ_in_forward_mode() -> None:
    # The gradient by the weight is 0. The kernel returns 1e-13, which is rounding, and forward mode
    # returns 0.
    def norm(x: Any, weight: Any) -> Any:
        return torch.native_layer_norm(x, (1,), weight, None, 1e-5)[0]

    number = torch.tensor([-4.82698490240764944], dtype=torch.float64)
    inputs = number.clone().requires_grad_(), number.clone().requires_grad_()
    assert gradgradcheck(norm, inputs, check_fwd_over_rev=True)


def test_other_value_in_forward_mode_is_wrong_where_rounding_does_not_explain_it() -> None:
    def func(x: Any) -> Any:
        is_dual = torch.autograd.forward_ad.unpack_dual(x).tangent is not None
        return x.sin() + (1e-11 if is_dual else 0.0)

    found = error_of(func, tensor(3), check_forward_ad=True)
    assert "func returns another value while it is differentiated than alone" in found


# --- what one vector, or one sign of it, would not show -----------------------------------------


def ruled(forward: Any, backward: Any) -> Any:
    """A function whose rule is `backward` of what was given and the cotangent."""

    class Ruled(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return backward(ctx.saved_tensors[0], cotangent)

    return Ruled.apply


MATRIX = torch.tensor([[1.0, 2, 0], [0, 3, 5], [7, 0, 1]], dtype=torch.float64)
HIDDEN = {
    "not transposed": (lambda x: MATRIX @ x, lambda x, c: MATRIX @ c, torch.float64),
    "not conjugated": (lambda z: z * z, lambda z, c: 2 * z * c, torch.complex128),
    "rolled back": (lambda x: x.roll(1), lambda x, c: c.roll(1), torch.float64),
    "clipped": (torch.sin, lambda x, c: x.cos() * c.clamp(-1, 1), torch.float64),
    "absolute": (lambda x: x.sin().sum(), lambda x, c: x.cos() * c.abs(), torch.float64),
    "sign of a small row": (
        lambda x: 1 / (x * torch.tensor([1e-6, 1.0, 1.0])),
        lambda x, c: c / x**2 / torch.tensor([-1e-6, 1.0, -1.0]) * -1.0,
        torch.float64,
    ),
}


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", HIDDEN)
def test_an_error_that_hides_from_some_vectors_is_found(name: str, fast: bool) -> None:
    forward, backward, dtype = HIDDEN[name]
    if fast and name in ("clipped", "absolute", "sign of a small row"):
        pytest.skip("one cotangent shows nothing of these")
    x = tensor(3).detach().to(dtype)
    x = (x * (1 + 0.5j) if dtype.is_complex else x).requires_grad_()
    assert not gradcheck(ruled(forward, backward), x, fast_mode=fast, raise_exception=False)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_dtypes_are_judged(dtype: Any, fast: bool) -> None:
    x = tensor(2, dtype=dtype)
    assert gradcheck(torch.sin, x, fast_mode=fast)
    wrong = ruled(torch.sin, lambda x, c: -x.cos() * c)
    assert not gradcheck(wrong, x, fast_mode=fast, raise_exception=False)


@pytest.mark.parametrize(
    "func",
    [
        lambda x: {"a": x.sin()},
        lambda x: (x.sin(), (x.cos(),)),
        lambda x: None,
        lambda x: x.sum().item(),
        lambda x: x.detach().numpy(),
    ],
)
def test_a_func_that_returns_something_else_than_tensors_is_an_error(func: Any) -> None:
    with pytest.raises(TypeError, match=r"(?s)func returned .*; return a tensor, or a tuple of"):
        gradcheck(func, tensor(2))
