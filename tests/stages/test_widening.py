"""From a problem in float32 to the same problem in float64."""

import numpy as np
import pytest

from checkgrad import Verdict, verify_grad
from checkgrad.arrays.blocks import BLOCK
from checkgrad.backends import Backend, CannotWidenError
from checkgrad.evaluate.outputs import Outputs
from checkgrad.precision import SINGLE
from checkgrad.problem import Options, Problem
from checkgrad.stages.parsed import parse
from checkgrad.stages.widening import widen

pytestmark = pytest.mark.numpy

X0 = np.asarray([0.7, -1.3, 2.1], np.float32)


def widened(form, func, claim, x0=X0, **options):
    problem = Problem(form, func, claim, x0, (), Options(**options))
    parsed = parse(problem)
    return widen(problem, parsed, parsed.values_at_x0())


def test_a_widened_problem_is_about_the_same_point_in_float64():
    found = widened("grad", lambda x: np.sum(x**2) / 3, lambda x: 2 * x / 3)
    assert found.parsed.point.leaves[0].dtype == np.float64
    assert found.parsed.point.leaves[0].tolist() == X0.astype(float).tolist()
    assert found.value.tolist() == [np.sum(X0.astype(float) ** 2) / 3]
    assert found.observation.epsilon == SINGLE == found.parsed.user_epsilon
    assert found.parsed.claim is found.claim


@pytest.mark.parametrize("form", ["jac", "jvp", "vjp"])
def test_every_form_gets_its_arguments_in_float64(form):
    seen = []

    def claim(x, *vectors):
        seen.append([each.dtype.name for each in (x, *vectors)])
        return np.diag(x) if form == "jac" else x * vectors[0]

    found = widened(form, lambda x: x**2 / 2, claim)
    parsed = found.parsed
    every = np.eye(X0.size)
    outputs = Outputs(np.arange(X0.size), np.empty((0, X0.size)))
    gradients = list(parsed.claim.gradients(parsed.point.leaves, outputs))
    for k, gradient in enumerate(gradients):
        assert gradient.coordinates().tolist() == (every[k] * X0.astype(float)).tolist()
    assert {name for names in seen for name in names} == {"float64"}


def test_a_func_that_is_another_function_in_float64_disagrees():
    def func(x):
        return np.sum(x) * (1 if x.dtype == np.float32 else 2)

    assert "at x0, and" in widened("grad", func, np.ones_like).disagreement


def test_a_func_that_raises_in_float64_cannot_be_widened():
    def func(x):
        if x.dtype != np.float32:
            raise TypeError("this kernel takes float32")
        return np.sum(x)

    with pytest.raises(CannotWidenError, match="TypeError: this kernel takes float32"):
        widened("grad", func, np.ones_like)


@pytest.mark.parametrize("returned", [np.float32, float])
def test_a_func_that_computes_in_float32_whatever_it_gets_is_not_widened(returned):
    def func(x):
        return returned(np.sum(np.exp(x.astype(np.float32))))

    with pytest.raises(CannotWidenError, match="narrower dtype"):
        widened("grad", func, np.exp)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_func_that_computes_in_part_in_its_own_dtype_is_not_widened(dtype):
    def func(x):
        return np.sum(np.exp(x) * np.sin(x.astype(dtype)).astype(x.dtype))

    with pytest.raises(CannotWidenError, match="it rounds to a narrower dtype inside"):
        widened("grad", func, np.exp, X0.astype(dtype))


def test_a_func_next_to_its_minimum_is_widened():
    found = widened("grad", lambda x: np.sum((x - X0) ** 2), lambda x: 2 * (x - X0))
    assert found.parsed.rounding_units > 0


def test_the_rounding_is_not_known_where_terms_cancel():
    def func(x):
        large = x.dtype.type(1000.1)
        return np.sum((large + x) - large)

    assert widened("grad", func, np.ones_like).parsed.rounding_units == 0


def test_complex_steps_are_not_widened():
    with pytest.raises(CannotWidenError, match="method is 'complex-step'"):
        widened("grad", np.sum, np.ones_like, method="complex-step")


def test_a_func_of_float64_is_not_looked_into_where_nobody_can():
    with pytest.raises(CannotWidenError, match="nothing sees narrower floats"):
        widened("grad", np.sum, np.ones_like, X0.astype(float))


def test_a_large_x0_is_widened_only_if_there_is_memory(monkeypatch):
    x0 = np.linspace(0.5, 1.5, BLOCK + 1, dtype=np.float32)
    needed = 3 * 8 * x0.size
    for free, fits in ((needed, True), (needed - 1, False)):
        monkeypatch.setattr(Backend, "free_memory", lambda backend, array, f=free: f)
        if fits:
            widened("grad", np.sum, np.ones_like, x0)
            continue
        with pytest.raises(CannotWidenError, match=r"GB at least, and 0\.0031 GB of"):
            widened("grad", np.sum, np.ones_like, x0)
        widened("grad", np.sum, np.ones_like)  # a small one takes next to nothing
        report = verify_grad(np.sum, np.ones_like, x0, direction="random", rng=0)
        assert report.evaluated_in == "float32"
        assert "of memory are free" in str(report)


def test_a_large_func_that_rounds_inside_is_looked_at_where_the_claim_is_not_right():
    x0 = np.linspace(0.5, 1.5, BLOCK + 1, dtype=np.float32)

    def func(x):
        return np.sum(np.sin(x.astype(np.float32)).astype(np.float64) * x)

    def grad(x, factor):
        return factor * (np.sin(x) + x * np.cos(x))

    right, wrong = (
        verify_grad(func, lambda x, f=f: grad(x, f), x0, direction=4, rng=0, locate="off")
        for f in (1.0, 1.1)
    )
    assert (right.verdict, right.evaluated_in) == (Verdict.CORRECT, "float64")
    assert (wrong.verdict, wrong.evaluated_in) == (Verdict.WRONG, "float32")
    assert "it rounds to a narrower dtype inside" in str(wrong)


class OutOfMemoryError(RuntimeError):
    """As PyTorch has it for a device."""


@pytest.mark.parametrize(
    "error",
    [MemoryError(), OutOfMemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory")],
    ids=["host", "PyTorch", "JAX"],
)
def test_no_memory_for_float64_leaves_func_as_it_is_written(error, monkeypatch):
    def no_memory(*args):
        raise error

    parsed = parse(Problem("grad", np.sum, np.ones_like, X0, (), Options()))
    monkeypatch.setattr(type(parsed.point), "widened", no_memory)
    report = verify_grad(np.sum, np.ones_like, X0)
    assert report.verdict is Verdict.CORRECT
    assert report.evaluated_in == "float32"


@pytest.mark.parametrize("fault", [AttributeError, IndexError, KeyError, RuntimeError])
@pytest.mark.parametrize("name", ["widened", "size"])
def test_a_fault_of_ours_is_no_reason_to_evaluate_func_as_it_is_written(fault, name, monkeypatch):
    def broken(*args):
        raise fault("a fault of ours")

    found = Problem("grad", np.sum, np.ones_like, X0, (), Options())
    parsed = parse(found)
    value = parsed.values_at_x0()
    monkeypatch.setattr(type(parsed.point), name, property(broken) if name == "size" else broken)
    with pytest.raises(fault, match="a fault of ours"):
        widen(found, parsed, value)
