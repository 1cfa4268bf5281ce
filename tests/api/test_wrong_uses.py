"""Wrong uses, one a row: each message names the value at fault and the remedy.

The message is the text of the exception together with its notes. A row gives words of both: of the
value that the user passed or returned, and of what to do instead.
"""

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from checkgrad import assert_grad, verify_autodiff, verify_grad, verify_jac, verify_jvp, verify_vjp

jnp = pytest.importorskip("jax.numpy")
torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
sparse = pytest.importorskip("scipy.sparse")

X = np.asarray([1.0, 2.0, 3.0])
TENSOR = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
JAX_ARRAY = jnp.asarray([1.0, 2.0, 3.0])


def func(x: Any) -> Any:
    return (x**2).sum()


def grad(x: Any) -> Any:
    return 2 * x


def square(x: Any) -> Any:
    return x[:2] ** 2


@dataclasses.dataclass
class Parameters:
    rate: Any


class Module(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2))


def product(a: Any, b: Any) -> Any:
    return (a * b).sum()


def gradients(a: Any, b: Any) -> Any:
    return b, a


def writing(x: Any) -> Any:
    x += 1
    return x.sum()


def of_x0(x0: Any) -> Callable[[], Any]:
    return lambda: verify_grad(func, grad, x0)


def of_func(func: Any, x0: Any = X) -> Callable[[], Any]:
    return lambda: verify_grad(func, grad, x0)


def of_grad(grad: Any, x0: Any = X, func: Any = func) -> Callable[[], Any]:
    return lambda: verify_grad(func, grad, x0)


def option(**options: Any) -> Callable[[], Any]:
    return lambda: verify_grad(func, grad, X, **options)


def of_matrix() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return verify_grad(func, grad, np.matrix([1.0]))


def of_tree(claim: Any) -> Callable[[], Any]:
    return lambda: verify_grad(
        lambda p: np.sum(p["a"] * p["b"]), lambda p: claim, {"a": X, "b": X + 1}
    )


MASKED = np.ma.array([1.0, 2.0], mask=[False, True])
LIKE_X0 = "a tangent shaped like x0"

# A name: (a call, the exception, words on the value, words on the remedy).
USES: dict[str, tuple[Callable[[], Any], type[Exception], str, str]] = {
    # x0
    "x0 is None": (of_x0(None), TypeError, "None", "must be real numbers"),
    "x0 is text": (of_x0("abc"), TypeError, "'abc'", "must be real numbers"),
    "x0 is truth values": (of_x0([True]), TypeError, "bool", "must be real numbers"),
    "x0 is dates": (of_x0(np.asarray(["2020-01-01"], "M8[D]")), TypeError, "M8|datetime", "real"),
    "x0 is empty": (of_x0([]), ValueError, "shape (0,)", "no derivative to check"),
    "x0 is an empty tree": (of_x0({}), ValueError, "{}", "has no array in it"),
    "x0 is NaN": (of_x0([1.0, math.nan]), ValueError, "x0[1] is nan", "finite x0 only"),
    "x0 is ragged": (of_x0([[1.0], [2.0, 3.0]]), ValueError, "[[1.0], [2.0, 3.0]]", "not an array"),
    "x0 is a matrix": (of_matrix, TypeError, "matrix([[1.]])", "np.asarray(x).ravel()"),
    "x0 is masked": (of_x0(MASKED), TypeError, "masked_array", ".filled(0.0)"),
    "x0 has a masked leaf": (of_x0({"a": MASKED}), TypeError, "x0['a']", ".compressed()"),
    "x0 is sparse": (of_x0(sparse.eye(3)), TypeError, "sparse", "x0.toarray()"),
    "x0 is a generator": (of_x0(i for i in [1.0]), TypeError, "generator", "np.asarray(list(x0))"),
    "x0 is a set": (of_x0({1.0, 2.0}), TypeError, "{1.0, 2.0}", "np.asarray(list(x0))"),
    "x0 is a module": (of_x0(Module()), TypeError, "Module()", "dict(model.named_parameters())"),
    "x0 is a dataclass": (of_x0(Parameters(X)), TypeError, "Parameters(", "vars(x0)"),
    "x0 holds a dataclass": (
        of_x0([Parameters(X)]),
        TypeError,
        "x0[0] is Parameters(",
        "jax.tree_util.register_dataclass(Parameters)",
    ),
    "x0 is a function": (
        lambda: verify_grad(func, X, grad),
        TypeError,
        "grad is array",
        "function",
    ),
    "x0 after a claim": (
        lambda: verify_autodiff(func, grad, JAX_ARRAY),
        TypeError,
        "x0 is <function grad",
        "comes after the functions",
    ),
    "x0 of two libraries": (of_x0([X, TENSOR]), TypeError, "numpy and torch", "one library"),
    # func
    "func was called": (of_func(func(X)), TypeError, "14.0", "pass a function of x0"),
    "func returns None": (of_func(lambda x: None), TypeError, "None", "is a return missing?"),
    "func returns text": (of_func(lambda x: "a"), TypeError, "'a'", "must return numbers"),
    "func returns a truth": (of_func(lambda x: True), TypeError, "True", "must return numbers"),
    "func returns a vector": (of_func(lambda x: x), ValueError, "shape (3,)", "returns one number"),
    "func is complex": (of_func(lambda x: 1j * func(x)), TypeError, "14j", "must be real"),
    "func is NaN": (of_func(lambda x: math.nan), ValueError, "nan", "where func is finite"),
    "func is infinite": (of_func(lambda x: math.inf), ValueError, "inf", "where func is finite"),
    "func returns value and gradient": (
        of_func(lambda x: (func(x), grad(x))),
        ValueError,
        "14.0",
        "func(x)[0], or pass grad=True",
    ),
    "func of a tensor returns value and gradient": (
        of_func(lambda x: (func(x), grad(x)), TENSOR),
        ValueError,
        "it is a pair",
        "func(x)[0], or pass grad=True",
    ),
    "func has aux": (of_func(lambda x: (func(x), {"n": 1})), TypeError, "'n': 1", "func(x)[0]"),
    "func lacks a key": (
        lambda: verify_grad(lambda p: p["w"].sum(), grad, {"weight": X}),
        KeyError,
        "no key 'w'",
        "its keys are 'weight'",
    ),
    "func of two gets a tuple": (
        lambda: verify_grad(product, gradients, (X, X)),
        TypeError,
        "x0 is a tuple of 2",
        "lambda x: func(*x)",
    ),
    "func of an array gets a list": (
        lambda: verify_grad(lambda x: x.sum(), grad, [X, X]),
        AttributeError,
        "x0 is a list",
        "take it apart",
    ),
    "func lacks args": (
        lambda: verify_grad(product, grad, X),
        TypeError,
        "takes (a: Any, b: Any)",
        "pass its further arguments after x0",
    ),
    "func gets args": (
        lambda: verify_grad(func, grad, X, 1.0),
        TypeError,
        "here with 2 arguments",
        "takes (x: Any)",
    ),
    "NumPy x0 for torch": (
        of_func(lambda x: torch.exp(x).sum()),
        TypeError,
        "x0 is an array of NumPy",
        "torch.as_tensor(x0)",
    ),
    "NumPy x0 for methods of torch": (
        of_func(lambda x: x.exp().sum()),
        AttributeError,
        "x0 is an array of NumPy",
        "torch.as_tensor(x0)",
    ),
    "NumPy x0 for JAX": (
        of_func(lambda x: x.at[0].set(1.0).sum()),
        AttributeError,
        "x0 is an array of NumPy",
        "jnp.asarray(x0)",
    ),
    "JAX x0 for torch": (
        of_func(lambda x: torch.exp(x).sum(), JAX_ARRAY),
        TypeError,
        "x0 is an array of JAX",
        "torch.as_tensor(x0)",
    ),
    "torch x0 for JAX": (
        of_func(lambda x: jnp.sin(x).sum(), TENSOR),
        TypeError,
        "x0 is an array of PyTorch",
        "jnp.asarray(x0)",
    ),
    "torch x0 for NumPy, with a gradient": (
        of_func(lambda x: np.sum(x.numpy()), TENSOR.clone().requires_grad_()),
        RuntimeError,
        "x0 requires a gradient",
        "x0.detach()",
    ),
    "torch x0 is written to": (
        of_func(writing, TENSOR.clone().requires_grad_()),
        RuntimeError,
        "writes to its argument",
        "x.clone()",
    ),
    "torch dtypes are mixed": (
        of_func(lambda x: (x @ torch.ones(3)).sum(), TENSOR),
        RuntimeError,
        "different dtypes",
        "pass x0 in that of the other",
    ),
    # grad
    "grad was called": (of_grad(grad(X)), TypeError, "array([2., 4., 6.])", "a function of x0"),
    "grad returns None": (of_grad(lambda x: None), TypeError, "None", "is a return missing?"),
    "grad returns text": (of_grad(lambda x: ["a"] * 3), TypeError, "['a'", "must return numbers"),
    "grad is a column": (of_grad(lambda x: x[:, None]), ValueError, "(3, 1)", "grad(x).ravel()"),
    "grad is short": (of_grad(lambda x: x[:2]), ValueError, "(2,)", "one number for each entry"),
    "grad is one number": (of_grad(lambda x: 2.0), ValueError, "shape ()", "for each entry of x0"),
    "grad is complex": (of_grad(lambda x: 2j * x), TypeError, "complex128", "its real part"),
    "grad is masked": (
        of_grad(lambda x: np.ma.array(x)),
        TypeError,
        "grad returned masked_array",
        ".filled(0.0)",
    ),
    "grad is a tuple of one": (of_grad(lambda x: (2 * x,)), ValueError, "(1, 3)", "grad(x)[0]"),
    "grad is a tuple of one tensor": (
        of_grad(
            lambda x: torch.autograd.grad(func(x), x),
            TENSOR.clone().requires_grad_(),
        ),
        ValueError,
        "a tuple of one",
        "grad(x)[0]",
    ),
    "grad is value and gradient": (
        of_grad(jax.value_and_grad(func), JAX_ARRAY),
        ValueError,
        "it is a pair",
        "grad(x)[1]",
    ),
    "grad has aux": (
        of_grad(lambda x: (2 * x, {"loss": 1.0})),
        ValueError,
        "'loss': 1.0",
        "grad(x)[0]",
    ),
    "x0 does not require a gradient": (
        of_grad(lambda x: torch.autograd.grad(func(x), x)[0], TENSOR),
        RuntimeError,
        "x0 does not require a gradient",
        "x0.requires_grad_()",
    ),
    "grad lacks a key": (of_tree({"a": X}), ValueError, "lacks ['b']", "for each array of x0"),
    "grad has another key": (
        of_tree({"a": X, "b": X, "c": X}),
        ValueError,
        "has ['c'], which x0 lacks",
        "for each array of x0",
    ),
    "grad has a key misspelt": (
        of_tree({"a": X, "B": X}),
        ValueError,
        "lacks ['b'] and has ['B']",
        "for each array of x0",
    ),
    # jac, jvp, vjp
    "jac is transposed": (
        lambda: verify_jac(square, lambda x: np.zeros((3, 2)), X),
        ValueError,
        "shape (3, 2)",
        "of shape (2, 3) (it looks transposed)",
    ),
    "jac has another shape": (
        lambda: verify_jac(square, lambda x: np.zeros((4, 2)), X),
        ValueError,
        "shape (4, 2)",
        "return the Jacobian of shape (2, 3)",
    ),
    "jvp takes no tangent": (
        lambda: verify_jvp(square, grad, X),
        TypeError,
        "takes (x: Any)",
        "jvp(x, tangent, *args)",
    ),
    "vjp has its arguments swapped": (
        lambda: verify_vjp(square, lambda w, x: 2 * x * w, X),
        ValueError,
        "second parameter is x",
        "vjp(x, cotangent, *args)",
    ),
    # options
    "direction is no word": (option(direction="foo"), ValueError, "'foo'", LIKE_X0),
    "direction is None": (option(direction=None), ValueError, "None", LIKE_X0),
    "direction is 0": (option(direction=0), ValueError, "direction is 0", "at least one"),
    "direction is zero": (option(direction=0 * X), ValueError, "zero everywhere", "not zero"),
    "direction is NaN": (option(direction=X * math.nan), ValueError, "not finite", "a finite"),
    "direction is short": (option(direction=X[:2]), ValueError, "(2,)", "for each entry of x0"),
    "bounds are a number": (option(bounds=3), ValueError, "bounds is 3", "(lower, upper)"),
    "bounds are crossed": (option(bounds=(9, 0)), ValueError, "(9.0, 0.0)", "lower one first"),
    "bounds leave x0 out": (option(bounds=(0, 2.5)), ValueError, "x[2] is 3.0", "(0.0, 2.5)"),
    "bounds are text": (option(bounds=("a", 9)), TypeError, "'a'", "pass numbers"),
    "bounds are short": (option(bounds=([0, 0], 9)), ValueError, "(2,)", "fit x0 of shape (3,)"),
    "bounds are a pair a coordinate": (
        option(bounds=[(0, 9), (1, None), (0, 9)]),
        ValueError,
        "a pair (low, high) for each of 3",
        "([0, 1, 0], [9, None, 9])",
    ),
    "bounds can be read both ways": (
        lambda: verify_grad(func, grad, X[:2], bounds=[(0, 9), (1, 8)]),
        ValueError,
        "[(0, 9), (1, 8)]",
        "pass ([0, 1], [9, 8]) if it is meant so, or scipy.optimize.Bounds; pass ([0, 9], [1, 8])",
    ),
    "direction returns None": (option(direction=lambda v: None), TypeError, "None", "return"),
    "direction returns a part": (
        option(direction=lambda v: v[:2]),
        ValueError,
        "direction returned shape (2,)",
        "for each entry of x0",
    ),
    "direction returns zero": (
        option(direction=lambda v: 0 * v),
        ValueError,
        "zero everywhere",
        "that is not zero",
    ),
    "direction lists what is short": (
        option(direction=[X[:2], X[:2]]),
        ValueError,
        "direction has shape (2, 2)",
        "for each entry of x0",
    ),
    "args in two ways": (
        lambda: verify_grad(func, grad, X, 1.0, args=(2.0,)),
        TypeError,
        "(2.0,)",
        "in one of the two ways",
    ),
    "grad=True without a pair": (
        lambda: verify_grad(func, True, X),
        TypeError,
        "func returned np.float64(14.0)",
        "a pair (value, gradient)",
    ),
    "rtol is 0": (option(rtol=0), ValueError, "rtol is 0", "between 0 and 1"),
    "rtol is text": (option(rtol="1e-3"), ValueError, "'1e-3'", "between 0 and 1"),
    "rng is old": (option(rng=np.random.RandomState(0)), ValueError, "RandomState", "Generator"),
    "batch is no word": (option(batch=True), ValueError, "batch is True", "'vectorized'"),
    "batch is vmap in NumPy": (option(batch="vmap"), ValueError, "numpy", "'vectorized'"),
    "chunk_bytes is 0": (option(chunk_bytes=0), ValueError, "chunk_bytes is 0", "at least 1"),
    "convention is no word": (option(convention="x"), ValueError, "'x'", "'jax', 'torch'"),
    "method is SciPy's": (option(method="2-point"), ValueError, "'2-point'", "'differences'"),
    "precision is a dtype": (option(precision=np.float64), ValueError, "float64", "'native'"),
    "autodiff of NumPy": (lambda: verify_autodiff(func, X), TypeError, "numpy", "pass JAX arrays"),
    "autodiff in no mode": (
        lambda: verify_autodiff(func, JAX_ARRAY, modes=["forward"]),
        ValueError,
        "['forward']",
        "'fwd', 'rev'",
    ),
    "autodiff of order 0": (
        lambda: verify_autodiff(func, JAX_ARRAY, order=0),
        ValueError,
        "order is 0",
        "pass 1, 2",
    ),
    "autodiff of a func of two": (
        lambda: verify_autodiff(product, (TENSOR, TENSOR)),
        TypeError,
        "x0 is a tuple of 2",
        "lambda x: func(*x)",
    ),
    "autodiff of torch in JAX": (
        lambda: verify_autodiff(torch.sin, JAX_ARRAY),
        TypeError,
        "x0 is an array of JAX",
        "torch.as_tensor(x0)",
    ),
    "autodiff of truth values": (
        lambda: verify_autodiff(lambda x: x > 0, TENSOR),
        TypeError,
        "True",
        "no floating number",
    ),
    "an option of another checker": (
        lambda: assert_grad(func, grad, X, eps=1e-6),
        TypeError,
        "verify_grad|assert_grad",
        "'eps'",
    ),
}


def message_of(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


@pytest.mark.parametrize("name", USES)
def test_the_message_names_the_value_and_the_remedy(name: str) -> None:
    call, kind, value, remedy = USES[name]
    with pytest.raises(kind) as caught:
        call()
    message = message_of(caught.value)
    assert any(words in message for words in value.split("|")), message
    assert remedy in message


def test_there_are_sixty_rows() -> None:
    assert len(USES) >= 60


def test_a_note_is_added_once() -> None:
    error = ValueError("the same object at every call")

    def raising(x: Any) -> Any:
        raise error

    for _ in range(2):
        with pytest.raises(ValueError, match="same object"):
            verify_vjp(func, lambda v, x: raising(x), X)
    assert len(error.__notes__) == 1


def test_an_exception_of_unknown_cause_has_no_note() -> None:
    def raising(x: Any) -> Any:
        raise RuntimeError("no words of a library")

    for x0 in (X, TENSOR, JAX_ARRAY, {"a": X}, [X, X]):
        with pytest.raises(RuntimeError) as caught:
            verify_grad(raising, grad, x0)
        assert not hasattr(caught.value, "__notes__")
