"""What `verify_autodiff` says of the libraries' own rules, and of rules that users wrote."""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from autodiff_corpus import CORPUS, Function
from sampling import spread

from checkgrad import Report, Verdict, verify_autodiff

pytestmark = pytest.mark.one_setting
jax_only = pytest.mark.libraries("jax")
torch_only = pytest.mark.libraries("torch")
both = pytest.mark.libraries("jax", "torch")

every_precision = pytest.mark.parametrize("precision", ["float32", "float64"])


def half_of_the_functions(library: str, first: int) -> pytest.MarkDecorator:
    """Take every second function in a plain run: two tests share all of them."""
    return pytest.mark.parametrize("name", spread([*CORPUS[library]], 2, first))


@pytest.fixture
def jax(xp: Any) -> ModuleType:
    return library(xp)


@pytest.fixture
def torch(xp: Any) -> ModuleType:
    return library(xp)


@pytest.fixture(autouse=True)
def one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """PyTorch's tensors are tiny: more threads would only wait for each other."""
    if request.getfixturevalue("xp").name != "torch":
        yield
        return
    import torch

    with warnings.catch_warnings():
        # What forward mode imports when it is first used warns of torch.jit.script.
        warnings.simplefilter("ignore", DeprecationWarning)
        import torch._decomp.decompositions_for_jvp

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def library(xp: Any) -> Any:
    found = importlib.import_module(xp.name)
    if xp.name == "jax":
        importlib.import_module("jax.scipy")
    return found


def made(xp: Any, values: Any, precision: str | None = None) -> Any:
    """An array, or a tuple of them, in a dtype that the library may not have."""
    if precision is not None and precision not in xp.float_dtypes:
        pytest.skip(f"no {precision} here")
    if isinstance(values, tuple):
        return tuple(xp.asarray(part, precision) for part in values)
    return xp.asarray(values, precision)


def assert_correct(report: Report) -> None:
    assert report.verdict is Verdict.CORRECT, str(report)


def assert_wrong(report: Report, hint: str = "") -> None:
    assert report.verdict is Verdict.WRONG, str(report)
    assert hint in " ".join(report.hints), str(report)


# ---- the corpus: no false alarm


def check_right(xp: Any, function: Function, precision: str, order: int) -> None:
    x0 = made(xp, function.x0, precision)
    lib = library(xp)

    def func(x: Any) -> Any:
        return function.of(lib, x)

    if xp.name == "jax":
        import jax

        func = jax.jit(func)  # half the time: most of it goes into tracing and compiling
    assert_correct(verify_autodiff(func, x0, order=order))


@pytest.mark.sampled
@jax_only
@half_of_the_functions("jax", 0)
@every_precision
@pytest.mark.parametrize("order", [1, 2])
def test_jax_differentiates_its_functions_rightly(
    xp: Any, jax: Any, name: str, precision: str, order: int
) -> None:
    check_right(xp, CORPUS["jax"][name], precision, order)


@pytest.mark.sampled
@torch_only
@half_of_the_functions("torch", 0)
@every_precision
@pytest.mark.parametrize("order", [1, 2])
def test_torch_differentiates_its_functions_rightly(
    xp: Any, torch: Any, name: str, precision: str, order: int
) -> None:
    check_right(xp, CORPUS["torch"][name], precision, order)


# ---- the corpus: nothing missed

# What is made of the flat gradient, given where its largest entry is.
BREAKAGES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "sign flipped": lambda gradient, largest, xp: -gradient,
    "doubled": lambda gradient, largest, xp: 2 * gradient,
    "1% off": lambda gradient, largest, xp: xp.where(largest, 1.01 * gradient, gradient),
    "cotangent ignored": lambda gradient, largest, xp: gradient,
    "entry missing": lambda gradient, largest, xp: xp.where(largest, 0 * gradient, gradient),
}
BREAKAGES_EACH = 2  # all of them would take minutes


def broken(parts: list[Any], breakage: str | None, xp: Any) -> list[Any]:
    """Gradients, broken in one way; ``None`` leaves them right."""
    if breakage is None:
        return parts
    flat = xp.concat([xp.reshape(part, (-1,)) for part in parts])
    # Of entries of one size the first, or else the claim would jump from one point to the next.
    size = xp.abs(flat) / (1 + 0.01 * xp.arange(flat.shape[0]))
    flat = BREAKAGES[breakage](flat, xp.arange(flat.shape[0]) == xp.argmax(size), xp)
    found, start = [], 0
    for part in parts:
        size = math.prod(part.shape)
        found.append(xp.reshape(flat[start : start + size], part.shape))
        start += size
    return found


def jax_rule(
    jax: Any, xp: Any, op: Callable[[Any], Any], breakage: str | None
) -> Callable[[Any], Any]:
    """``op`` with a ``custom_vjp`` around it, right or broken."""

    def backward(x: Any, cotangent: Any) -> tuple[Any]:
        if breakage == "cotangent ignored":
            cotangent = jax.tree.map(xp.ones_like, cotangent)
        (gradient,) = jax.vjp(op, x)[1](cotangent)
        leaves, structure = jax.tree.flatten(gradient)
        return (jax.tree.unflatten(structure, broken(leaves, breakage, xp)),)

    rule = jax.custom_vjp(op)
    rule.defvjp(lambda x: (op(x), x), backward)
    return rule


def torch_rule(
    torch: Any, xp: Any, op: Callable[[Any], Any], breakage: str | None
) -> Callable[[Any], Any]:
    """``op`` with an ``autograd.Function`` around it, right or broken."""

    def value(parts: tuple[Any, ...]) -> Any:
        return op(parts if len(parts) > 1 else parts[0])

    class Rule(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *parts: Any) -> Any:
            ctx.save_for_backward(*parts)
            return value(parts)

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> tuple[Any, ...]:
            if breakage == "cotangent ignored":
                cotangents = tuple(torch.ones_like(part) for part in cotangents)
            with torch.enable_grad():
                parts = tuple(part.detach().requires_grad_() for part in ctx.saved_tensors)
                values = value(parts)
                outputs = values if isinstance(values, tuple) else (values,)
                gradients = torch.autograd.grad(outputs, parts, cotangents)
            return tuple(broken(list(gradients), breakage, xp))

    return lambda x: Rule.apply(*(x if isinstance(x, tuple) else (x,)))


RULES = {"jax": jax_rule, "torch": torch_rule}


def report_on_rule(xp: Any, function: Function, precision: str, breakage: str | None) -> Report:
    x0 = made(xp, function.x0, precision)
    lib = library(xp)

    def op(x: Any) -> Any:
        return function.of(lib, x)

    rule = RULES[xp.name](lib, xp.namespace, op, breakage)
    return verify_autodiff(rule, x0, modes=["rev"])


def some_breakages(library: str, name: str, precision: str) -> list[str]:
    """Others for every function and dtype, all of them in turn."""
    first = BREAKAGES_EACH * (2 * list(CORPUS[library]).index(name) + (precision == "float64"))
    names = list(BREAKAGES)
    return [names[(first + k) % len(names)] for k in range(BREAKAGES_EACH)]


# The right rule, or one of its breakages.
right_and_broken = pytest.mark.parametrize("which", range(1 + BREAKAGES_EACH))


def check_rule(xp: Any, library: str, name: str, precision: str, which: int) -> None:
    breakage = [None, *some_breakages(library, name, precision)][which]
    report = report_on_rule(xp, CORPUS[library][name], precision, breakage)
    if breakage is None:
        assert_correct(report)
    else:
        assert_wrong(report)


@pytest.mark.sampled
@jax_only
@half_of_the_functions("jax", 1)
@every_precision
@right_and_broken
def test_custom_vjp_around_jax_function(
    xp: Any, jax: Any, name: str, precision: str, which: int
) -> None:
    check_rule(xp, "jax", name, precision, which)


@pytest.mark.sampled
@torch_only
@half_of_the_functions("torch", 1)
@every_precision
@right_and_broken
def test_function_around_torch_function(
    xp: Any, torch: Any, name: str, precision: str, which: int
) -> None:
    check_rule(xp, "torch", name, precision, which)


# ---- both libraries


@both
@pytest.mark.parametrize("order", [0, 99, 1.5, True, "2", None, (), (0,), [1, 2.5]])
def test_meaningless_order(xp: Any, order: Any) -> None:
    with pytest.raises(ValueError, match=r"order is .*; pass"):
        verify_autodiff(lambda x: x**2, made(xp, [1.0]), order=order)


@both
@pytest.mark.parametrize("modes", [(), "forward", ["fwd", "back"], None, 1, [["fwd"]]])
def test_meaningless_modes(xp: Any, modes: Any) -> None:
    with pytest.raises(ValueError, match="pass some of 'fwd', 'rev', 'lin' and 'vmap'"):
        verify_autodiff(lambda x: x**2, made(xp, [1.0]), modes=modes)


@both
def test_one_mode_by_its_name(xp: Any) -> None:
    assert_correct(verify_autodiff(lambda x: x**2, made(xp, [1.0, -3.0]), modes="rev"))


@both
def test_modes_in_a_set(xp: Any) -> None:
    assert_correct(verify_autodiff(lambda x: x**2, made(xp, [1.0, -3.0]), modes={"fwd", "rev"}))


@both
def test_mode_asked_for_twice_is_checked_once(xp: Any) -> None:
    x0 = made(xp, [1.0, -3.0])
    once = verify_autodiff(lambda x: x**2, x0, modes=["rev"])
    twice = verify_autodiff(lambda x: x**2, x0, modes=["rev", "rev"])
    assert twice.n_checked == once.n_checked


@pytest.mark.libraries("numpy", "strict")
def test_library_that_cannot_differentiate(xp: Any) -> None:
    with pytest.raises(TypeError, match=r"no differentiation of its own.*verify_jac"):
        verify_autodiff(lambda x: x**2, xp.asarray([1.0, 2.0]))


@both
def test_x0_of_python_numbers_cannot_be_differentiated(xp: Any) -> None:
    with pytest.raises(TypeError, match="no differentiation of its own"):
        verify_autodiff(lambda x: xp.sum(xp.asarray(x) ** 2), [1.0, 2.0])


@both
@pytest.mark.parametrize("mode", ["fwd", "rev", "vmap"])
def test_every_mode_alone(xp: Any, mode: str) -> None:
    x0 = made(xp, [0.7, -1.2, 0.4])
    report = verify_autodiff(lambda x: xp.sin(x) * x[0], x0, modes=[mode])
    assert_correct(report)
    assert not any("not checked" in hint for hint in report.hints)


@both
@pytest.mark.parametrize("lower", [0.5, [0.5, 0.25]])
def test_bounds_hold_for_x0_at_order_two(xp: Any, lower: Any) -> None:
    """They say nothing of the cotangent, by which the vjp is differentiated too."""
    x0, least = made(xp, [0.5, 1.0]), lower if isinstance(lower, float) else made(xp, lower)
    bounds = (least, None)
    assert_correct(verify_autodiff(xp.sqrt, x0, modes=["rev"], order=2, bounds=bounds))


@both
def test_all_modes_at_order_two(xp: Any) -> None:
    x0 = made(xp, [0.7, -1.2, 0.4])
    modes = ("fwd", "rev", "vmap")
    assert_correct(verify_autodiff(lambda x: xp.sin(x) * x[0], x0, modes=modes, order=2))


@both
def test_second_order_alone(xp: Any) -> None:
    x0 = made(xp, [1.0, -3.0])
    report = verify_autodiff(lambda x: x**3, x0, modes=["rev"], order=(2,))
    assert_correct(report)
    both_orders = verify_autodiff(lambda x: x**3, x0, modes=["rev"], order=2)
    first = verify_autodiff(lambda x: x**3, x0, modes=["rev"])
    assert report.n_checked == both_orders.n_checked - first.n_checked


@jax_only
def test_third_order_and_linearize(xp: Any, jax: Any) -> None:
    @jax.custom_jvp
    def cube(x: Any) -> Any:
        return x**3

    @cube.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (x,), (tangent,) = primals, tangents
        once = 3 * x * jax.lax.stop_gradient(x) * tangent  # 6 x becomes 3 x
        return x**3, once

    x0 = made(xp, [1.0, -3.0])
    assert_correct(verify_autodiff(lambda x: x**3, x0, modes=["lin"], order=(3,)))
    assert_correct(verify_autodiff(cube, x0, modes=["lin"]))
    report = verify_autodiff(cube, x0, modes=["lin"], order=(2,))
    assert report.verdict is Verdict.WRONG
    assert all(each.where.startswith("lin of lin: ") for each in report.mismatches)


@torch_only
def test_torch_has_neither_linearize_nor_a_third_order(xp: Any) -> None:
    with pytest.raises(ValueError, match="'lin', which torch lacks"):
        verify_autodiff(lambda x: x**2, made(xp, [1.0]), modes=["lin"])
    with pytest.raises(ValueError, match="pass up to 2 for torch"):
        verify_autodiff(lambda x: x**2, made(xp, [1.0]), order=3)


@both
def test_tree_in_and_tree_out(xp: Any) -> None:
    x0 = {"weight": made(xp, [[0.7, -1.2], [0.4, 1.9]]), "bias": made(xp, [0.3, -0.8])}

    def func(x: Any) -> Any:
        y = xp.tanh(x["weight"] @ x["bias"])
        return {"hidden": y, "loss": (xp.sum(y**2), x["bias"][0] * y)}

    assert_correct(verify_autodiff(func, x0, order=2))


@both
def test_integer_leaves_are_not_differentiated(xp: Any) -> None:
    x0 = (made(xp, [0.7, -1.2, 0.4]), xp.namespace.asarray([2, 0]))
    report = verify_autodiff(lambda x: xp.sin(x[0][x[1]]) ** 2, x0, order=2)
    assert_correct(report)
    assert [hint for hint in report.hints if "not differentiated" in hint] == [
        "not differentiated, since not floating: x[1]"
    ]


@both
def test_args_are_not_differentiated(xp: Any) -> None:
    x0, scale = made(xp, [0.7, -1.2]), made(xp, [2.0, 3.0])
    report = verify_autodiff(lambda x, scale, power: scale * x**power, x0, scale, 3, order=2)
    assert_correct(report)
    assert any(hint.startswith("not differentiated, since not in x0") for hint in report.hints)
    report = verify_autodiff(lambda x, power: x**power, x0, 3)
    assert not report.hints, str(report)


@both
def test_output_that_does_not_depend_on_x(xp: Any) -> None:
    x0 = made(xp, [0.7, -1.2])
    assert_correct(verify_autodiff(lambda x: (xp.sin(x), xp.ones_like(x)), x0))


@both
@pytest.mark.parametrize("modes", [("fwd",), ("rev",), ("fwd", "rev")])
def test_complex_input(xp: Any, modes: tuple[str, ...]) -> None:
    x0 = made(xp, [0.7, -1.2]) + 1j * made(xp, [0.4, 0.9])
    assert_correct(verify_autodiff(lambda x: x**2 * xp.conj(x), x0, modes=modes))
    assert_correct(verify_autodiff(lambda x: xp.abs(x), x0, modes=modes))


@both
def test_real_input_and_complex_output(xp: Any) -> None:
    assert_correct(verify_autodiff(lambda x: xp.exp(1j * x), made(xp, [0.7, -1.2])))


@both
@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_wrong_rule_is_named_by_its_mode(xp: Any, mode: str) -> None:
    func = (halved_forward if mode == "fwd" else halved_backward)(xp)
    report = verify_autodiff(func, made(xp, [0.7, -1.2]), modes=[mode])
    assert_wrong(report)
    assert all(each.where.startswith(f"{mode}: ") for each in report.mismatches)
    assert any("times the estimate" in hint for hint in report.hints), str(report)


def halved_backward(xp: Any) -> Callable[[Any], Any]:
    return RULES[xp.name](library(xp), xp.namespace, lambda x: x**2 / 2, "doubled")


def halved_forward(xp: Any) -> Callable[[Any], Any]:
    """A square whose forward rule forgets the factor 2."""
    if xp.name == "jax":
        import jax

        square = jax.custom_jvp(lambda x: x**2)
        square.defjvp(lambda primals, tangents: (primals[0] ** 2, primals[0] * tangents[0]))
        return square
    return with_forward_rule(library(xp), lambda x, tangent: x * tangent)


def with_forward_rule(torch: Any, rule: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """The square, with a forward rule of the tangent."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_forward(x)
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * cotangent

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            return rule(ctx.saved_tensors[0], tangent)

    return Square.apply


@both
def test_wrong_forward_rule_is_found_beside_a_right_backward_one(xp: Any) -> None:
    if xp.name == "jax":
        pytest.skip("JAX has one rule for both")
    func = halved_forward(xp)
    x0 = made(xp, [0.7, -1.2])
    assert_correct(verify_autodiff(func, x0, modes=["rev"]))
    assert_wrong(verify_autodiff(func, x0))


@both
def test_func_without_a_forward_rule(xp: Any) -> None:
    func = RULES[xp.name](library(xp), xp.namespace, lambda x: x**3, None)
    x0 = made(xp, [0.7, -1.2])
    with pytest.raises(TypeError, match="func cannot be differentiated in mode fwd"):
        verify_autodiff(func, x0, modes=["fwd"])
    report = verify_autodiff(func, x0)
    assert_correct(report)
    assert any(hint.startswith("not checked: fwd") for hint in report.hints), str(report)


class RuleError(Exception):
    """What a rule of a user's raises."""


@both
def test_what_a_rule_raises_reaches_the_caller(xp: Any) -> None:
    def refuse(*given: Any) -> Any:
        raise RuleError

    if xp.name == "jax":
        import jax

        func = jax.custom_vjp(lambda x: x**2)
        func.defvjp(lambda x: (x**2, x), refuse)
    else:
        func = with_forward_rule(library(xp), refuse)
    with pytest.raises(RuleError):
        verify_autodiff(func, made(xp, [0.7]), modes=["rev" if xp.name == "jax" else "fwd"])


# ---- rules of JAX


def jax_square(
    jax: Any, backward: Callable[[Any, Any], Any], op: Callable[[Any], Any] = lambda x: x**3
) -> Callable[[Any], Any]:
    """A function, by default the cube, with a backward rule."""
    rule = jax.custom_vjp(op)
    rule.defvjp(lambda x: (op(x), x), lambda x, cotangent: (backward(x, cotangent),))
    return rule


@jax_only
def test_jax_function_that_is_right_but_computes_in_float32(xp: Any, jax: Any) -> None:
    """Its softmax is of float32 whatever the input. Natively, a right rule may be undecided."""

    @jax.jit
    def attention(x: Any) -> Any:
        return jax.nn.dot_product_attention(*(part.reshape(2, 1, 2) for part in x))

    x0 = made(xp, ([0.7, -1.2, 0.4, 1.9], [0.1, 0.9, -0.4, 0.6], [0.6, 1.7, 2.9, 0.8]))
    report = verify_autodiff(attention, x0, modes=["fwd"], precision="native")
    assert report.verdict is not Verdict.WRONG, str(report)
    assert_correct(verify_autodiff(attention, x0, modes=["fwd"]))


@jax_only
def test_jax_backward_that_stops_the_gradient_is_wrong_at_order_two(xp: Any, jax: Any) -> None:
    func = jax_square(jax, lambda x, cotangent: 3 * jax.lax.stop_gradient(x) ** 2 * cotangent)
    x0 = made(xp, [0.7, -1.2])
    assert_correct(verify_autodiff(func, x0, modes=["rev"], order=1))
    report = verify_autodiff(func, x0, modes=["rev"], order=2)
    assert_wrong(report)
    assert all(each.where.startswith("rev of rev: ") for each in report.mismatches)


@jax_only
def test_jax_forward_rule_that_stops_the_gradient_is_wrong_at_order_two(xp: Any, jax: Any) -> None:
    func = jax.custom_jvp(lambda x: x**3)

    @func.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (x,), (tangent,) = primals, tangents
        return x**3, 3 * jax.lax.stop_gradient(x) ** 2 * tangent

    x0 = made(xp, [0.7, -1.2])
    assert_correct(verify_autodiff(func, x0, order=1))
    assert_wrong(verify_autodiff(func, x0, order=2))


@jax_only
@pytest.mark.parametrize("factor", [1.0, 1.01])
@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_jax_rule_whose_value_is_another(xp: Any, jax: Any, mode: str, factor: float) -> None:
    if mode == "rev":
        func = jax.custom_vjp(xp.sin)
        func.defvjp(lambda x: (factor * xp.sin(x), x), lambda x, c: (c * xp.cos(x),))
    else:
        func = jax.custom_jvp(xp.sin)
        func.defjvp(lambda p, t: (factor * xp.sin(p[0]), xp.cos(p[0]) * t[0]))
    report = verify_autodiff(func, made(xp, [0.7, -1.2]), modes=[mode])
    if factor == 1:
        assert_correct(report)
    else:
        assert str(report).startswith(f"wrong: {mode}: func returns another value while")


@jax_only
def test_jax_vmap_rule_that_is_wrong(xp: Any, jax: Any) -> None:
    @jax.custom_batching.custom_vmap
    def slope(x: Any) -> Any:
        return 3 * x**2

    @slope.def_vmap
    def slopes(axis_size: int, in_batched: list[bool], x: Any) -> Any:
        return 2.9 * x**2, True

    func = jax_square(jax, lambda x, cotangent: slope(x) * cotangent)
    x0 = made(xp, [0.7, -1.2])
    assert_correct(verify_autodiff(func, x0, modes=["rev"]))
    assert_wrong(verify_autodiff(func, x0, modes=["vmap"]))


@jax_only
def test_jax_function_that_vmap_changes(xp: Any, jax: Any) -> None:
    cube = jax.custom_batching.custom_vmap(lambda x: x**3)
    cube.def_vmap(lambda axis_size, in_batched, x: (1.5 * x**3, True))
    func = jax_square(jax, lambda x, cotangent: 3 * x**2 * cotangent, cube)
    x0 = made(xp, [0.7, -1.2])
    report = verify_autodiff(func, x0, modes=["vmap"], batch="loop")
    assert_wrong(report, "other values under vmap")


@jax_only
def test_jax_backward_that_is_not_deterministic(xp: Any, jax: Any) -> None:
    calls = []

    def backward(x: Any, cotangent: Any) -> Any:
        calls.append(x)
        return 3 * x**2 * cotangent * (1 + 1e-3 * (len(calls) % 2))

    report = verify_autodiff(jax_square(jax, backward), made(xp, [0.7, -1.2]), modes=["rev"])
    assert_wrong(report, "not deterministic")


@jax_only
def test_complex_jax_backward_that_forgets_to_conjugate(xp: Any, jax: Any) -> None:
    x0 = made(xp, [0.7, -1.2]) + 1j * made(xp, [0.4, 0.9])
    right = jax_square(jax, lambda x, cotangent: 3 * x**2 * cotangent)
    wrong = jax_square(jax, lambda x, cotangent: 3 * xp.conj(x) ** 2 * cotangent)
    assert_correct(verify_autodiff(right, x0, modes=["rev"]))
    assert_wrong(verify_autodiff(wrong, x0, modes=["rev"]))


# ---- rules of PyTorch


@torch_only
def test_torch_backward_of_a_detached_tensor_is_wrong_at_order_two(xp: Any, torch: Any) -> None:
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.x = x.detach()
            return x**3

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return 3 * ctx.x**2 * cotangent

    x0 = made(xp, [0.7, -1.2])
    assert_correct(verify_autodiff(Cube.apply, x0, modes=["rev"], order=1))
    report = verify_autodiff(Cube.apply, x0, modes=["rev"], order=2)
    assert_wrong(report)
    assert all(each.where.startswith("rev of rev: ") for each in report.mismatches)


@torch_only
@pytest.mark.parametrize(("factors", "right"), [((6, 3), True), ((3, 3), False), ((6, 4), False)])
def test_torch_double_backward(xp: Any, torch: Any, factors: tuple[int, int], right: bool) -> None:
    """That of ``3 * x**2 * cotangent``, by x and by the cotangent."""
    by_x, by_cotangent = factors

    class Slope(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, cotangent: Any) -> Any:
            ctx.save_for_backward(x, cotangent)
            return 3 * x**2 * cotangent

        @staticmethod
        def backward(ctx: Any, again: Any) -> Any:
            x, cotangent = ctx.saved_tensors
            return by_x * x * cotangent * again, by_cotangent * x**2 * again

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return Slope.apply(ctx.saved_tensors[0], cotangent)

    x0 = made(xp, [0.7, -1.2])
    assert_correct(verify_autodiff(Cube.apply, x0, modes=["rev"], order=1))
    report = verify_autodiff(Cube.apply, x0, modes=["rev"], order=2)
    assert report.verdict is (Verdict.CORRECT if right else Verdict.WRONG), str(report)


def cube_of_one_derivative(torch: Any) -> Any:
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, cotangent: Any) -> Any:
            return 3 * ctx.saved_tensors[0] ** 2 * cotangent

    return Cube.apply


@torch_only
def test_torch_function_that_can_be_differentiated_once(xp: Any, torch: Any) -> None:
    cube = cube_of_one_derivative(torch)
    x0 = made(xp, [0.7, -1.2])
    report = verify_autodiff(cube, x0, modes=["rev"], order=2)
    assert report.verdict is Verdict.INCONCLUSIVE, str(report)
    assert str(report).startswith("inconclusive: no second derivative was checked")
    assert any(hint.startswith("not checked: rev of rev") for hint in report.hints), str(report)
    assert_correct(verify_autodiff(cube, x0, modes=["rev"]))


@torch_only
def test_torch_once_differentiable_inside_of_a_larger_func(xp: Any, torch: Any) -> None:
    """PyTorch passes over it, and the second derivative would be called wrong."""

    cube = cube_of_one_derivative(torch)
    x0 = made(xp, [0.7, -1.2])
    report = verify_autodiff(lambda x: x * cube(xp.sin(x)), x0, modes=["rev"], order=2)
    assert report.verdict is Verdict.INCONCLUSIVE, str(report)
    assert any(hint.startswith("not checked: rev of rev") for hint in report.hints), str(report)


@torch_only
def test_torch_operator_whose_backward_has_no_derivative(xp: Any, torch: Any) -> None:
    def distances(x: Any) -> Any:
        return torch.cdist(x[:2], x[2:])

    x0 = made(xp, [[0.7, -1.2], [0.4, 1.9], [1.1, 0.6], [-0.8, 0.3]])
    report = verify_autodiff(distances, x0, order=2)
    assert report.verdict is Verdict.INCONCLUSIVE, str(report)
    assert any(hint.startswith("not checked: rev of rev") for hint in report.hints), str(report)


@torch_only
@pytest.mark.parametrize("right", [True, False])
def test_torch_vmap_rule_where_one_input_is_not_mapped(xp: Any, torch: Any, right: bool) -> None:
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(x: Any, y: Any) -> Any:
            return x * y.sum(-1, keepdim=True)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            x, y = ctx.saved_tensors
            by_y = (cotangent * x).sum(-1, keepdim=True).expand(y.shape)
            return cotangent * y.sum(-1, keepdim=True), by_y

        @staticmethod
        def vmap(info: Any, in_dims: Any, x: Any, y: Any) -> Any:
            mapped = [
                part.expand(info.batch_size, *part.shape) if dim is None else part
                for part, dim in zip((x, y), in_dims, strict=True)
            ]
            found = Product.apply(*mapped)
            return found if right or None not in in_dims else 0 * found, 0

    x0 = (made(xp, [0.7, -1.2]), made(xp, [0.4, 1.9]))
    report = verify_autodiff(lambda x: Product.apply(*x), x0, modes=["rev", "vmap"])
    assert report.verdict is (Verdict.CORRECT if right else Verdict.WRONG), str(report)
    if not right:
        assert "other values under vmap over x0[0] only than alone" in str(report)


def with_vmap_rule(torch: Any, factor: float) -> Any:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return x**2

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * cotangent

        @staticmethod
        def vmap(info: Any, in_dims: Any, x: Any) -> Any:
            return factor * Square.apply(x.movedim(in_dims[0], 0)), 0

    return Square.apply


@torch_only
def test_torch_vmap_rule(xp: Any, torch: Any) -> None:
    x0 = made(xp, [0.7, -1.2])
    right, wrong = with_vmap_rule(torch, 1.0), with_vmap_rule(torch, 1.5)
    assert_correct(verify_autodiff(right, x0, modes=["rev", "vmap"]))
    assert_correct(verify_autodiff(wrong, x0, modes=["rev"], batch="loop"))
    assert_wrong(verify_autodiff(wrong, x0, modes=["vmap"], batch="loop"), "under vmap")


@torch_only
def test_torch_vmap_rule_is_not_trusted_with_the_estimate(xp: Any, torch: Any) -> None:
    wrong = with_vmap_rule(torch, 1.5)
    assert_wrong(verify_autodiff(wrong, made(xp, [0.7, -1.2]), modes=["vmap"]))


@torch_only
def test_torch_function_without_a_vmap_rule(xp: Any, torch: Any) -> None:
    func = with_forward_rule(torch, lambda x, tangent: 2 * x * tangent)
    report = verify_autodiff(func, made(xp, [0.7, -1.2]), modes=["rev", "vmap"])
    assert_correct(report)
    assert any(hint.startswith("not checked: vmap") for hint in report.hints), str(report)


class Rules:
    """Backward rules of ``a * b**2`` with a slip that the numbers of one call do not show."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.calls = 0
        self.stashed: Any = None

    def right(self, ctx: Any, cotangent: Any) -> tuple[Any, Any]:
        a, b = ctx.saved_tensors
        return b**2 * cotangent, 2 * a * b * cotangent

    def unsteady(self, ctx: Any, cotangent: Any) -> tuple[Any, Any]:
        self.calls += 1
        factor = 1 + 1e-3 * (self.calls % 2)
        by_a, by_b = self.right(ctx, cotangent)
        return factor * by_a, by_b

    def stale(self, ctx: Any, cotangent: Any) -> tuple[Any, Any]:
        a, b = self.stashed
        return b**2 * cotangent, 2 * a * b * cotangent

    def without_branch(self, ctx: Any, cotangent: Any) -> tuple[Any, Any]:
        if not ctx.needs_input_grad[0]:
            return None, None
        return self.right(ctx, cotangent)

    def swapped(self, ctx: Any, cotangent: Any) -> tuple[Any, Any]:
        return self.right(ctx, cotangent)[::-1]  # type: ignore[return-value]

    def no_gradient(self, ctx: Any, cotangent: Any) -> tuple[Any, Any]:
        return self.right(ctx, cotangent)[0], None

    def func(self, backward: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
        class Product(self.torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, a: Any, b: Any) -> Any:
                ctx.save_for_backward(a, b)
                self.stashed = (a.detach(), b.detach())
                return a * b**2

        Product.backward = staticmethod(backward)
        return lambda x: Product.apply(*x)


@torch_only
@pytest.mark.parametrize(
    ("slip", "hint"),
    [
        ("unsteady", "not deterministic"),
        ("stale", "outside of the context"),
        ("without_branch", "needs_input_grad"),
        ("swapped", ""),
        ("no_gradient", ""),
    ],
)
def test_slip_of_torch_backward(xp: Any, torch: Any, slip: str, hint: str) -> None:
    rules = Rules(torch)
    x0 = made(xp, ([0.7, -1.2], [1.1, 0.6]))
    assert_correct(verify_autodiff(rules.func(rules.right), x0, modes=["rev"], order=2))
    assert_wrong(verify_autodiff(rules.func(getattr(rules, slip)), x0, modes=["rev"]), hint)


@torch_only
@pytest.mark.parametrize("other", ["float32", "float16"])
def test_torch_forward_rule_of_another_dtype(xp: Any, torch: Any, other: str) -> None:
    func = with_forward_rule(torch, lambda x, tangent: (2 * x * tangent).to(getattr(torch, other)))
    report = verify_autodiff(func, made(xp, [0.7, -1.2]), modes=["fwd"])
    assert_wrong(report, f"dtype torch.{other}")


@torch_only
def test_torch_forward_rule_of_another_shape(xp: Any, torch: Any) -> None:
    func = with_forward_rule(torch, lambda x, tangent: (2 * x * tangent).sum())
    with pytest.raises((ValueError, RuntimeError), match=r"shape|size"):
        verify_autodiff(func, made(xp, [0.7, -1.2]), modes=["fwd"])


def of_two_outputs(torch: Any, for_none: Callable[[Any], Any]) -> Any:
    """A square and a cube in one, whose undefined cotangents are left to the rule."""

    class Powers(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(x)
            return x**2, x**3

        @staticmethod
        def backward(ctx: Any, by_square: Any, by_cube: Any) -> Any:
            (x,) = ctx.saved_tensors
            first = for_none(x) if by_square is None else by_square
            second = for_none(x) if by_cube is None else by_cube
            return 2 * x * first + 3 * x**2 * second

    return Powers.apply


@torch_only
def test_undefined_cotangents_reach_the_torch_rule(xp: Any, torch: Any) -> None:
    x0 = made(xp, [0.7, -1.2])
    right, wrong = of_two_outputs(torch, torch.zeros_like), of_two_outputs(torch, torch.ones_like)
    assert_correct(verify_autodiff(right, x0, modes=["rev"], order=2))
    assert_wrong(verify_autodiff(wrong, x0, modes=["rev"]))


@torch_only
def test_complex_torch_backward_that_forgets_to_conjugate(xp: Any, torch: Any) -> None:
    def cube(conjugated: bool) -> Any:
        class Cube(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            def backward(ctx: Any, cotangent: Any) -> Any:
                (x,) = ctx.saved_tensors
                return 3 * (x.conj() if conjugated else x) ** 2 * cotangent

        return Cube.apply

    x0 = torch.tensor([0.7 + 0.4j, -1.2 + 0.9j], dtype=torch.complex128)
    assert_correct(verify_autodiff(cube(True), x0, modes=["rev"]))
    assert_wrong(verify_autodiff(cube(False), x0, modes=["rev"]))


@torch_only
def test_torch_x0_that_requires_a_gradient_is_left_alone(xp: Any, torch: Any) -> None:
    x0 = made(xp, [0.7, -1.2]).requires_grad_()
    scale = made(xp, [2.0, 3.0]).requires_grad_()
    assert_correct(verify_autodiff(lambda x, s: (s * x**3).sum(), x0, scale, order=2))
    assert x0.grad is None
    assert scale.grad is None


@torch_only
@pytest.mark.parametrize("modes", ["fwd", "rev", "vmap"])
@pytest.mark.parametrize("order", [1, 2])
def test_inference_mode_does_not_matter(xp: Any, torch: Any, modes: str, order: int) -> None:
    x0 = made(xp, [0.7, -1.2])
    with torch.inference_mode():
        assert_correct(verify_autodiff(torch.sin, x0, modes=modes, order=order))
        assert_correct(verify_autodiff(torch.sin, x0 + 1, modes=modes, order=order))
        assert torch.is_inference_mode_enabled()


@jax_only
@pytest.mark.parametrize(
    "change",
    [
        lambda jnp, slope, t: slope * t**2,
        lambda jnp, slope, t: slope * t * t,
        lambda jnp, slope, t: slope * jnp.abs(t),
    ],
)
def test_jvp_that_is_not_linear_is_found_though_it_cannot_be_transposed(
    xp: Any, jax: Any, change: Any
) -> None:
    @jax.custom_jvp
    def cube(x: Any) -> Any:
        return x**3

    @cube.defjvp
    def pushed(primals: Any, tangents: Any) -> Any:
        (x,), (t,) = primals, tangents
        return x**3, change(jax.numpy, 3 * x**2, t)

    report = verify_autodiff(cube, made(xp, [1.0, 2.0]))
    assert_wrong(report)
    assert any("not linear in its tangent" in hint for hint in report.hints), str(report)
    assert any(hint.startswith("not checked: rev") for hint in report.hints), str(report)


@jax_only
def test_mode_that_jax_has_no_rule_for_is_left_out(xp: Any, jax: Any) -> None:
    def cube(x: Any) -> Any:
        start = (0, jax.numpy.ones_like(x))
        return jax.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * x), start)[1]

    report = verify_autodiff(cube, made(xp, [1.0, 2.0]))
    assert_correct(report)
    assert any(hint.startswith("not checked: rev") for hint in report.hints), str(report)
    with pytest.raises(TypeError, match="cannot be differentiated in mode rev"):
        verify_autodiff(cube, made(xp, [1.0, 2.0]), modes="rev")


@torch_only
def test_torch_tensor_kept_from_the_first_call_is_found(xp: Any, torch: Any) -> None:
    class Cube(torch.autograd.Function):
        first: Any = None

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            if Cube.first is None:
                Cube.first = x.clone()
            return x**3

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return 3 * Cube.first**2 * cotangent

    assert_wrong(verify_autodiff(Cube.apply, made(xp, [0.7, -1.2]), modes="rev"))


@torch_only
@pytest.mark.parametrize("order", [1, 2])
def test_func_is_never_called_outside_of_its_bounds(xp: Any, torch: Any, order: int) -> None:
    outside = []

    def func(x: Any) -> Any:
        outside.append(bool((x > 2).any()) or bool((x < -1).any()))
        return x**2

    x0 = made(xp, [2.0, -1.0])
    report = verify_autodiff(func, x0, bounds=(-1, 2), order=order, batch="loop")
    assert_correct(report)
    assert not any(outside)
