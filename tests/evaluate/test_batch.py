"""Many points in one call of ``func``: the same values, in bounded memory, and never on trust."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np
import pytest

from checkgrad import Verdict, approx_fprime, check_grad, verify_grad, verify_jac
from checkgrad.evaluate.chunk_sizes import _COPIES, _MANY, _ON_HOST
from checkgrad.evaluate.entry_points import padded
from checkgrad.evaluate.options import CHUNK_BYTES

if TYPE_CHECKING:
    from conftest import Library

N = 70  # enough for "auto" to map
CORRECT, WRONG = Verdict.CORRECT, Verdict.WRONG

mapping = pytest.mark.libraries("jax", "torch")


def points(xp: Library, dtype: str | None = None) -> Any:
    return xp.asarray(np.linspace(0.3, 1.7, N).tolist(), dtype)


def curved(xp: Library) -> Any:
    """A function whose coordinates interact, its gradient, and how often it was called."""
    calls = [0]

    def func(x: Any) -> Any:
        calls[0] += 1
        return xp.sum(xp.exp(x)) + xp.sum(x[1:] * x[:-1])

    def grad(x: Any) -> Any:
        pad = xp.zeros_like(x[:1])
        return xp.exp(x) + xp.concat([x[1:], pad]) + xp.concat([pad, x[:-1]])

    return func, grad, calls


@pytest.mark.parametrize("count", [1, 2, 3, 31, 64, 200, 256, 257, 1000])
def test_padded_adds_few_points_and_knows_few_numbers(count: int) -> None:
    assert count <= padded(count) < 2 * count + 1
    assert padded(padded(count)) == padded(count)


# What a batch is told


def test_an_unknown_batch_is_refused(xp: Library) -> None:
    func, grad, _ = curved(xp)
    for batch in ("every", None, 3):
        with pytest.raises(ValueError, match=r"batch is .*; pass 'auto', 'vmap'") as caught:
            check_grad(func, grad, points(xp), batch=batch)  # type: ignore[arg-type]
        assert repr(batch) in str(caught.value)
        with pytest.raises(ValueError, match="batch is "):
            verify_grad(func, grad, points(xp), batch=batch)  # type: ignore[arg-type]


@pytest.mark.libraries("numpy", "strict")
def test_vmap_is_refused_where_the_library_has_none(xp: Library) -> None:
    func, grad, _ = curved(xp)
    with pytest.raises(ValueError, match=r"batch is 'vmap', which .* does not have"):
        check_grad(func, grad, points(xp), batch="vmap")


# vmap


@mapping
@pytest.mark.parametrize("batch", ["auto", "vmap"])
def test_mapping_calls_func_a_few_times_and_gives_the_values_of_a_loop(
    xp: Library, dtype: str, batch: str
) -> None:
    func, grad, calls = curved(xp)
    x0 = points(xp, dtype)
    alone = approx_fprime(x0, func, batch="loop")
    assert calls[0] == N + 1
    calls[0] = 0
    together = approx_fprime(x0, func, batch=batch)
    if batch == "auto" and dtype in ("float16", "bfloat16"):
        assert calls[0] == N + 1  # a wrong value in a batch could not be told from rounding
    else:
        assert calls[0] <= 15
    eps = float(xp.finfo(x0.dtype).eps)
    size = float(xp.to_numpy(func(xp.detach(x0))))
    allowed = 8 * eps * size / math.sqrt(eps)  # some roundings of func over the step
    xp.assert_native(together, dtype)
    np.testing.assert_allclose(xp.to_numpy(together), xp.to_numpy(alone), atol=allowed)
    assert check_grad(func, grad, x0, batch=batch) < N * allowed


@mapping
@pytest.mark.parametrize("wide", ["float32", "float64"])
def test_a_verdict_by_mapping_is_that_of_a_loop(xp: Library, wide: str) -> None:
    if wide not in xp.float_dtypes:
        pytest.skip(f"no {wide} here")
    func, grad, calls = curved(xp)
    x0 = points(xp, wide)
    ways = ("auto", "vmap", "loop")
    for factor, wanted, batch in (
        *((1.0, CORRECT, way) for way in ways),
        *((-1.0, WRONG, way) for way in ways),
        (2.0, WRONG, "auto"),
    ):
        calls[0] = 0
        report = verify_grad(func, lambda x, f=factor: f * grad(x), x0, batch=batch)
        assert report.verdict is wanted, f"{batch}: {report}"
        assert report.n_func >= N / 2
        assert "one point at a time" not in str(report)
        # In float64, operations that JAX has traced stand for func.
        is_called = batch == "loop" and (xp.name, wide) != ("jax", "float32")
        assert (calls[0] >= N / 2) == is_called or wanted is WRONG


@mapping
def test_leaves_of_a_tree_are_mapped_each(xp: Library) -> None:
    x0 = {"weight": xp.asarray(np.linspace(-1, 1, N).reshape(7, 10).tolist()), "bias": points(xp)}

    def func(params: Any) -> Any:
        return xp.sum(params["weight"] ** 3) + xp.sum(params["bias"] ** 2) * params["weight"][0, 1]

    def grad(params: Any) -> Any:
        weight, bias = xp.detach(params["weight"]), xp.detach(params["bias"])
        extra = np.zeros((7, 10))
        extra[0, 1] = float(xp.to_numpy(xp.sum(bias**2)))
        return {
            "weight": 3 * weight**2 + xp.detach(xp.asarray(extra.tolist())),
            "bias": 2 * bias * weight[0, 1],
        }

    assert verify_grad(func, grad, x0, batch="vmap").verdict is CORRECT
    wrong = verify_grad(func, lambda p: {**grad(p), "bias": -grad(p)["bias"]}, x0, batch="vmap")
    assert wrong.verdict is WRONG


@mapping
def test_a_jacobian_is_mapped_too(xp: Library) -> None:
    x0 = points(xp)
    rows = xp.detach(xp.asarray([[1.0] * N, list(range(N))]))

    def func(x: Any) -> Any:
        return xp.sum(rows * x**2, axis=1)

    assert approx_fprime(x0, func, batch="vmap").shape == (2, N)
    right, wrong = (check_grad(func, lambda x, f=f: f * rows * x, x0) for f in (2, 3))
    assert right < wrong / 50


@mapping
def test_points_outside_of_the_domain_are_left_out(xp: Library) -> None:
    x0 = xp.asarray(np.geomspace(1e-3, 1, N).tolist())
    report = verify_grad(lambda x: xp.sum(xp.log(x)), lambda x: 1 / x, x0, batch="vmap")
    assert report.verdict is CORRECT, str(report)


# What cannot be mapped


def unmappable(xp: Library) -> dict[str, Any]:
    """The sum of squares in ways that no vmap can follow."""

    def branching(x: Any) -> Any:
        return xp.sum(x**2) if x[0] > 0 else xp.sum(-(x**2))

    return {
        "a number": lambda x: float(xp.to_numpy(xp.sum(x**2))),
        "a branch": branching,
        "NumPy inside": lambda x: np.sum(xp.to_numpy(x) ** 2),
    }


@mapping
@pytest.mark.parametrize("name", ["a number", "a branch", "NumPy inside"])
def test_a_func_that_cannot_be_mapped_is_called_at_one_point_at_a_time(
    xp: Library, name: str
) -> None:
    inner = unmappable(xp)[name]
    calls = [0]

    def func(x: Any) -> Any:
        calls[0] += 1
        return inner(x)

    x0 = points(xp)
    report = verify_grad(func, lambda x: 2 * x, x0)
    assert report.verdict is CORRECT, str(report)
    assert "one point at a time, since it cannot be mapped" in str(report)
    # At most one attempt, and one to trace func for float64: n_func counts points, and none
    # where it fails.
    attempts = 1 + ((xp.name, xp.default_dtype) == ("jax", "float32"))
    assert calls[0] - attempts <= report.n_func <= calls[0]
    assert verify_grad(func, lambda x: -2 * x, x0).verdict is WRONG
    assert check_grad(func, lambda x: 2 * x, x0) == check_grad(
        func, lambda x: 2 * x, x0, batch="loop"
    )
    with pytest.raises(ValueError, match=r"batch='vmap': .*; pass batch='loop'"):
        check_grad(func, lambda x: 2 * x, x0, batch="vmap")


@pytest.mark.libraries("torch")
@pytest.mark.parametrize("rule", ["none", "right", "wrong"])
def test_a_torch_function_is_mapped_by_its_rule_if_that_is_right(xp: Library, rule: str) -> None:
    import torch

    class Squares(torch.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return (x * x).sum()

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            pass

    def mapped(info: Any, in_dims: Any, x: Any) -> Any:
        found = (x * x).sum(1)
        return (found if rule == "right" else found.mean().expand(info.batch_size)), 0

    if rule != "none":
        Squares.vmap = staticmethod(mapped)
    x0 = points(xp)
    report = verify_grad(Squares.apply, lambda x: 2 * x, x0)
    assert report.verdict is CORRECT, str(report)
    assert verify_grad(Squares.apply, lambda x: 3 * x, x0).verdict is WRONG
    reason = {"none": "cannot be mapped", "right": "", "wrong": "other values in a batch"}[rule]
    assert ("one point at a time" in str(report)) == bool(reason)
    assert reason in str(report)


def squares_of(x: Any) -> Any:
    return (x * x).sum(-1)


def twice_the_change(x: Any) -> Any:
    return 2 * squares_of(x) - squares_of(x[:1])


# What a wrong rule may return for a batch, where `squares_of` is meant.
WRONG_RULES: dict[str, Callable[[Any], Any]] = {
    "mean": lambda x: squares_of(x).mean().expand(len(x)),
    "flipped": lambda x: squares_of(x).flip(0),
    "first": lambda x: squares_of(x[:1]).expand(len(x)),
    "reflected": lambda x: 2 * squares_of(x[:1]) - squares_of(x),
    "twice": twice_the_change,
    "cummax": lambda x: squares_of(x).cummax(0)[0],
}


@pytest.mark.sampled
@pytest.mark.libraries("torch")
@pytest.mark.parametrize("wide", ["float16", "float32", "float64"])
@pytest.mark.parametrize("offset", [0.0, 1e3])
@pytest.mark.parametrize("rule", WRONG_RULES)
def test_no_wrong_rule_changes_what_a_check_says(
    xp: Library, wide: str, offset: float, rule: str
) -> None:
    import torch

    class Squares(torch.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return squares_of(x) + offset

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            pass

        @staticmethod
        def vmap(info: Any, in_dims: Any, x: Any) -> Any:
            return WRONG_RULES[rule](x) + offset, 0

    x0 = points(xp, wide)
    for factor in (2.0, 4.0, 0.0):
        options: dict[str, Any] = {"func": Squares.apply, "grad": lambda x, f=factor: f * x}
        auto, loop = (check_grad(x0=x0, batch=batch, **options) for batch in ("auto", "loop"))
        assert auto == loop
    right, wrong = (verify_grad(Squares.apply, lambda x, f=f: f * x, x0) for f in (2.0, 4.0))
    assert right.verdict is not WRONG
    assert wrong.verdict is not CORRECT


@pytest.mark.libraries("torch")
def test_a_chunk_has_room_for_what_func_makes_of_its_points(xp: Library) -> None:
    import torch

    sizes: list[int] = []

    class Sum(torch.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return x.sum()

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            pass

        @staticmethod
        def vmap(info: Any, in_dims: Any, x: Any) -> Any:
            sizes.append(info.batch_size)
            return x.sum((1, 2)), 0

    made = xp.detach(xp.asarray(np.ones((100, N)).tolist()))  # a hundred times x0
    room = 20 * _COPIES * made.numel() * made.element_size()
    check_grad(lambda x: Sum.apply(made * x), lambda x: 100 + 0 * x, points(xp), chunk_bytes=room)
    assert max(sizes) == 20
    sizes.clear()
    check_grad(lambda x: Sum.apply(made * x), lambda x: 100 + 0 * x, points(xp), chunk_bytes=9)
    assert sizes == []  # one by one


@pytest.mark.libraries("jax")
def test_a_chunk_has_room_for_what_a_compiled_func_makes_of_its_points(xp: Library) -> None:
    import jax
    from jax.custom_batching import custom_vmap

    sizes: list[int] = []

    @custom_vmap
    def total(x: Any) -> Any:
        return xp.sum(x)

    @total.def_vmap
    def mapped(size: int, batched: Any, x: Any) -> Any:
        sizes.append(size)
        return xp.sum(x, axis=(1, 2)), True

    made = xp.asarray(np.ones((100, N)).tolist())
    room = 20 * _COPIES * made.nbytes
    for func in (lambda x: total(made * x), jax.jit(lambda x: total(made * x))):
        sizes.clear()
        check_grad(func, lambda x: 100 + 0 * x, points(xp), chunk_bytes=room)
        assert max(sizes) == 20


@pytest.mark.libraries("jax")
def test_a_compiled_func_is_traced_once_and_compiles_nothing_at_another_point(
    xp: Library, caplog: pytest.LogCaptureFixture
) -> None:
    import jax

    traced: list[Any] = []

    @jax.jit
    def func(x: Any) -> Any:
        traced.append(x)
        return xp.sum(x**3)

    def grad(x: Any) -> Any:
        return 3 * x**2

    others = [xp.roll(points(xp), by) for by in (3, 30, 60)]  # other values are the farthest off
    check_grad(func, grad, points(xp))
    assert len(traced) == 1
    with jax.log_compiles():
        for x0 in others:
            check_grad(func, grad, x0)
    assert "compilation" not in caplog.text
    for x0 in (points(xp), *others):
        verify_grad(func, grad, x0)
        assert len(traced) == 1
    verify_grad(func, grad, points(xp), precision="native")
    assert len(traced) == 1


@pytest.mark.libraries("jax")
def test_the_map_of_a_compiled_func_lives_no_longer_than_that(xp: Library) -> None:
    import jax

    class Data:
        """What a func holds."""

    def check() -> tuple[Any, Any]:
        data = Data()
        func = jax.jit(lambda x: (data, xp.sum(x**3))[1])
        assert verify_grad(func, lambda x: 3 * x**2, points(xp))
        return weakref.ref(func), weakref.ref(data)

    found = check()
    gc.collect()
    assert [reference() for reference in found] == [None, None]


@pytest.mark.libraries("jax")
def test_a_compiled_func_that_was_made_to_say_something_else_is_believed(xp: Library) -> None:
    import jax

    factor = 1.0
    func = jax.jit(lambda x: factor * xp.sum(x**3))
    assert verify_grad(func, lambda x: 3 * x**2, points(xp)).verdict is CORRECT
    factor = 2.0
    func.clear_cache()
    assert verify_grad(func, lambda x: 6 * x**2, points(xp)).verdict is CORRECT
    assert verify_grad(func, lambda x: 3 * x**2, points(xp)).verdict is WRONG


@pytest.mark.libraries("jax")
def test_a_jax_rule_that_is_wrong_is_noticed(xp: Library) -> None:
    from jax.custom_batching import custom_vmap

    @custom_vmap
    def squares(x: Any) -> Any:
        return xp.sum(x**2)

    @squares.def_vmap
    def mapped(size: int, batched: Any, x: Any) -> Any:
        return xp.sum((x - xp.mean(x, axis=0)) ** 2, axis=1), True

    x0 = xp.asarray(np.linspace(0.3, 1.7, 2 * N).tolist())
    report = verify_grad(squares, lambda x: 2 * x, x0)
    assert report.verdict is CORRECT, str(report)
    assert "other values in a batch than alone" in str(report)


# vectorized


def together(xp: Library, sizes: list[int] | None = None) -> Any:
    """`curved`, which takes points along a leading axis."""

    def func(x: Any) -> Any:
        if sizes is not None:
            sizes.append(x.shape[0])
        return xp.sum(xp.exp(x), axis=1) + xp.sum(x[:, 1:] * x[:, :-1], axis=1)

    return func


@pytest.mark.parametrize("wide", ["float32", "float64"])
def test_a_vectorized_func_gives_the_verdict_of_a_loop(xp: Library, wide: str) -> None:
    if wide not in xp.float_dtypes:
        pytest.skip(f"no {wide} here")
    func, grad, _ = curved(xp)
    x0 = points(xp, wide)
    sizes: list[int] = []
    report = verify_grad(together(xp, sizes), grad, x0, batch="vectorized")
    assert report.verdict is verify_grad(func, grad, x0, batch="loop").verdict is CORRECT
    assert max(sizes) > N / 2
    wrong = verify_grad(together(xp), lambda x: 2 * grad(x), x0, batch="vectorized")
    assert wrong.verdict is WRONG
    alone = check_grad(func, grad, x0, batch="loop")
    assert check_grad(together(xp), grad, x0, batch="vectorized") < 10 * alone + 1e-5
    one = verify_grad(together(xp), grad, x0, direction=2, batch="vectorized")
    assert one.verdict is CORRECT, str(one)


def test_a_vectorized_func_of_a_tree(xp: Library) -> None:
    x0 = {"a": points(xp), "b": xp.asarray(0.5)}

    def func(params: Any) -> Any:
        return xp.sum(params["a"] ** 2, axis=1) * params["b"]

    def grad(params: Any) -> Any:
        return {"a": 2 * params["a"] * params["b"], "b": xp.sum(params["a"] ** 2)}

    assert verify_grad(func, grad, x0, batch="vectorized").verdict is CORRECT


@pytest.mark.parametrize("points_at_once", [1, 5, 16])
def test_the_points_of_one_call_fit_into_chunk_bytes(xp: Library, points_at_once: int) -> None:
    _, grad, _ = curved(xp)
    x0 = points(xp)
    room = points_at_once * _COPIES * N * xp.finfo(x0.dtype).bits // 8
    sizes: list[int] = []
    func = together(xp, sizes)
    assert check_grad(func, grad, x0, batch="vectorized", chunk_bytes=room) < 1
    assert max(sizes) == max(points_at_once, 4)  # x0 and two witnesses are among them
    assert verify_grad(func, grad, x0, batch="vectorized", chunk_bytes=room).verdict is CORRECT
    assert max(sizes) == max(points_at_once, 4)


@pytest.mark.libraries("numpy", "jax", "torch")
def test_on_a_cpu_a_call_takes_no_more_memory_than_is_used_again(xp: Library) -> None:
    x0 = xp.asarray(np.linspace(0.3, 1.7, 3000).tolist())
    if "cpu" not in str(array_api_compat.device(x0)).lower():
        pytest.skip("not on a CPU")
    sizes: list[int] = []
    check_grad(
        together(xp, sizes), curved(xp)[1], x0, batch="vectorized", chunk_bytes=2 * CHUNK_BYTES
    )
    each = _COPIES * 3000 * xp.finfo(x0.dtype).bits // 8
    assert _ON_HOST // 2 < max(sizes) * each <= _ON_HOST


@pytest.mark.libraries("numpy")
def test_on_a_cpu_a_call_of_large_points_has_some_all_the_same(xp: Library) -> None:
    sizes: list[int] = []

    def func(x: Any) -> Any:
        sizes.append(x.shape[0])
        return x[:, 0] ** 2

    def grad(x: Any) -> Any:
        return np.concatenate([2 * x[:1], np.zeros(x.size - 1)])

    check_grad(func, grad, np.full(20_000, 0.5), batch="vectorized")
    assert max(sizes) == _MANY + 3  # x0 and two witnesses are among them


def test_a_difference_from_an_infinite_value_is_that_of_a_loop(xp: Library) -> None:
    x0 = xp.asarray([0.0, *[1.0] * (N - 1)])

    def func(x: Any) -> Any:
        return 1 / x[..., 0]

    with np.errstate(all="ignore"):
        found = [
            xp.to_numpy(approx_fprime(x0, func, batch=batch))
            for batch in ("loop", "auto", "vectorized")
        ]
    assert found[0][0] == -np.inf
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_a_vectorized_func_that_mixes_its_points_is_refused(xp: Library) -> None:
    def func(x: Any) -> Any:
        return xp.sum((x - xp.mean(x, axis=0)) ** 2, axis=1) + xp.sum(x, axis=1)

    with pytest.raises(ValueError, match="other values in a batch than alone"):
        verify_grad(func, lambda x: 2 * x, points(xp), batch="vectorized")


@pytest.mark.libraries("numpy", "jax", "torch")  # a strict one refuses x[1:] of two dimensions
def test_a_func_that_is_not_vectorized_is_refused(xp: Library) -> None:
    func, grad, _ = curved(xp)
    with pytest.raises(ValueError, match="must return one value for each point"):
        verify_grad(func, grad, points(xp), batch="vectorized")


@pytest.mark.libraries("numpy")
def test_a_func_that_is_not_vectorized_but_for_one_point_is_refused(xp: Library) -> None:
    def raising(x: Any) -> Any:
        if len(x) > 1:
            raise TypeError("one only")
        return np.sum(x**2)[None]

    for func in (raising, lambda x: np.sum(x**2)[None]):
        with pytest.raises(ValueError, match=r"batch='vectorized': .*; pass batch='loop'"):
            verify_grad(func, lambda x: 2 * x, points(xp), batch="vectorized")


@pytest.mark.libraries("numpy")
def test_a_vectorized_func_may_reuse_its_buffer(xp: Library) -> None:
    buffer = np.empty(1000)

    def func(x: Any) -> Any:
        return np.sum(x**3, axis=1, out=buffer[: len(x)])

    x0 = points(xp)
    np.testing.assert_allclose(approx_fprime(x0, func, batch="vectorized"), 3 * x0**2, rtol=1e-5)
    assert verify_grad(func, lambda x: 3 * x**2, x0, batch="vectorized").verdict is CORRECT


@pytest.mark.libraries("numpy")
def test_a_vectorized_func_may_return_whole_numbers(xp: Library) -> None:
    func = lambda x: np.full(len(x), 3)  # noqa: E731
    assert check_grad(func, lambda x: 0 * x, points(xp), batch="vectorized") == 0


@pytest.mark.libraries("numpy", "torch")
@pytest.mark.parametrize("distance", [1e-1, 1e-3])
def test_values_in_which_terms_cancel_are_trusted_within_their_rounding(
    xp: Library, distance: float
) -> None:
    rng = np.random.default_rng(0)
    solution = rng.normal(size=40)
    rows = rng.normal(size=(60, 40))
    matrix, target = (xp.detach(xp.asarray(a.tolist())) for a in (rows, rows @ solution))
    x0 = xp.asarray((solution + distance).tolist())

    def grad(x: Any) -> Any:
        return 2 * matrix.T @ (matrix @ x - target)

    residual = lambda x: x @ matrix.T - target  # noqa: E731
    assert check_grad(residual, lambda x: matrix, x0, batch="vectorized") < 1e-4
    for func, batch in (
        (lambda x: xp.sum((matrix @ x - target) ** 2), "vmap"),
        (lambda x: xp.sum((x @ matrix.T - target) ** 2, axis=1), "vectorized"),
    ):
        if batch == "vectorized" or xp.name == "torch":
            assert verify_grad(func, grad, x0, batch=batch).verdict is CORRECT


def test_the_memory_of_a_chunk_is_a_positive_whole_number(xp: Library) -> None:
    func, grad, _ = curved(xp)
    for memory in (None, "1 GB", 0, -5, 1.5, True):
        with pytest.raises(ValueError, match=r"chunk_bytes is .*; pass a number") as caught:
            check_grad(func, grad, points(xp), chunk_bytes=memory)  # type: ignore[arg-type]
        assert repr(memory) in str(caught.value)


def test_an_empty_leaf_beside_others_is_left_out(xp: Library) -> None:
    x0 = {"none": xp.asarray(np.zeros(0).tolist()), "some": points(xp)}
    grad = lambda p: {"none": p["none"], "some": 2 * p["some"]}  # noqa: E731
    for batch in ("auto", "loop"):
        assert check_grad(lambda p: xp.sum(p["some"] ** 2), grad, x0, batch=batch) < 0.2
        report = verify_grad(lambda p: xp.sum(p["some"] ** 2), grad, x0, batch=batch)
        assert report.verdict is CORRECT


def test_a_vectorized_func_is_called_within_bounds_only(xp: Library) -> None:
    def func(x: Any) -> Any:
        values = xp.to_numpy(x)
        if not np.all(values >= 0):
            raise KeyboardInterrupt("out of bounds")
        return xp.sum(x**2, axis=1)

    x0 = xp.asarray([0.0] * 3 + np.linspace(0.1, 2, N).tolist())
    report = verify_grad(func, lambda x: 2 * x, x0, bounds=(0, None), batch="vectorized")
    assert report.verdict is CORRECT, str(report)


def test_an_interrupt_inside_a_batch_goes_through(xp: Library) -> None:
    def func(x: Any) -> Any:
        if x.shape[0] > 1:
            raise KeyboardInterrupt
        return xp.sum(x, axis=1)

    with pytest.raises(KeyboardInterrupt):
        verify_grad(func, xp.ones_like, points(xp), batch="vectorized")


@mapping
@pytest.mark.parametrize("seed", range(4))
def test_small_values_beside_large_ones_may_round_otherwise_in_a_batch(
    xp: Library, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    matrix = xp.asarray(rng.normal(size=(30, 20)).tolist())
    x0 = xp.asarray(rng.normal(size=20).tolist())
    report = verify_jac(lambda x: matrix @ x, lambda x: matrix, x0, batch="vmap")
    assert report.verdict is CORRECT, str(report)
