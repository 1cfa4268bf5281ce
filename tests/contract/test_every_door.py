"""What holds at every door: whatever func and the claim do, and whatever x0 is.

A door is a public function that evaluates the user's functions. All get the same func, a sum of
cubes, and its gradient in the form of claim that they take. What only one door promises is
tested beside that door, in tests/api.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np
import pytest

import checkgrad
from checkgrad import Verdict

if TYPE_CHECKING:
    from conftest import Library

Function = Callable[..., Any]

# Exact in every dtype, bfloat16 included.
VALUES = [1.5, 1.25, -2.0]

# Whether an array library can be written to: all but JAX.
writable = pytest.mark.libraries("numpy", "torch", "strict")


@dataclass(frozen=True)
class Door:
    """A public function, with what its promises depend on.

    Attributes
    ----------
    claim : str
        The parameter for the claim; empty if there is none.
    has_edges : bool
        Whether func may raise away from x0, which is then an edge of its domain.
    has_directions : bool
        Whether the door takes ``direction`` and ``rng``.
    differentiates : bool
        Whether the array library differentiates func.
    """

    name: str
    claim: str = ""
    has_edges: bool = True
    has_directions: bool = True
    differentiates: bool = False

    def __call__(
        self, func: Function, gradient: Function, x0: Any, *args: Any, **options: Any
    ) -> Any:
        """Go through the door with func and the claim that follows from its gradient."""
        return self.with_claim(func, self.claim_from(gradient), x0, *args, **options)

    def with_claim(self, func: Any, claim: Any, x0: Any, *args: Any, **options: Any) -> Any:
        function = getattr(checkgrad, self.name)
        if self.name == "approx_fprime":
            return function(x0, func, None, *args, **options)
        if not self.claim:
            return function(func, x0, *args, **options)
        return function(func, claim, x0, *args, **options)

    def claim_from(self, gradient: Function) -> Function:
        def jvp(x: Any, tangent: Any, *args: Any) -> Any:
            product = gradient(x, *args) * detached(tangent)
            return array_api_compat.array_namespace(product).sum(product)

        def vjp(x: Any, cotangent: Any, *args: Any) -> Any:
            return gradient(x, *args) * detached(cotangent)

        return {"jvp": jvp, "vjp": vjp}.get(self.claim, gradient)

    def outcome(self, xp: Library, result: Any) -> Any:
        """Give what two runs that do the same agree on."""
        if self.name == "approx_fprime":
            return xp.to_numpy(result).tolist()
        return result if isinstance(result, float) else str(result)

    def accepts(self, xp: Library, result: Any, dtype: str | None = None) -> bool:
        """Say whether a result is that of a right claim, the gradient of a sum of cubes."""
        if self.name == "approx_fprime":
            exact = 3 * np.square(VALUES)
            return bool(np.allclose(xp.to_numpy(result), exact, atol=99 * math.sqrt(xp.eps(dtype))))
        if self.name == "check_grad":
            return bool(result < 99 * math.sqrt(xp.eps(dtype)))
        return bool(result.verdict is Verdict.CORRECT)


DOORS = (
    Door("check_grad", "grad", has_edges=False),
    Door("approx_fprime", has_edges=False, has_directions=False),
    Door("verify_grad", "grad"),
    Door("verify_jac", "jac"),
    Door("verify_jvp", "jvp"),
    Door("verify_vjp", "vjp"),
    Door("verify_autodiff", differentiates=True),
)


def doors(**wanted: Any) -> Any:
    """Run a test over the doors whose attributes have these values; ``claim=True`` for any."""

    def fits(door: Door) -> bool:
        return all(
            bool(getattr(door, name)) is value if isinstance(value, bool) else value == name
            for name, value in wanted.items()
        )

    chosen = [door for door in DOORS if fits(door)]
    return pytest.mark.parametrize("door", chosen, ids=lambda door: door.name)


def skip_unless_it_opens(door: Door, xp: Library) -> None:
    if door.differentiates and xp.name not in ("jax", "torch"):
        pytest.skip(f"{xp.name} does not differentiate")


def detached(x: Any) -> Any:
    return x.detach() if hasattr(x, "detach") else x


def plain(xp: Library, values: Any) -> Any:
    """A new array as the user's functions make one: writable, without a history."""
    return xp.namespace.asarray(values, dtype=getattr(xp, xp.default_dtype), device=xp.device)


def cubes(xp: Library) -> Function:
    return lambda x, factor=1: factor * xp.sum(x**3)


def slopes(xp: Library, factor: float = 3) -> Function:
    return lambda x, times=1: times * factor * detached(x) ** 2


directions = pytest.mark.parametrize("direction", ["all", "random"])


def along(door: Door, direction: str) -> dict[str, Any]:
    return {"direction": direction, "rng": 0} if door.has_directions else {}


# ---- a func and a claim that behave


@doors()
@directions
def test_a_right_claim_is_accepted(xp: Library, dtype: str, door: Door, direction: str) -> None:
    skip_unless_it_opens(door, xp)
    result = door(cubes(xp), slopes(xp), xp.asarray(VALUES, dtype), **along(door, direction))
    if dtype in ("float32", "float64"):
        assert door.accepts(xp, result, dtype)


@doors(claim=True)
@directions
def test_a_wrong_claim_is_not(xp: Library, door: Door, direction: str) -> None:
    result = door(cubes(xp), slopes(xp, -3), xp.asarray(VALUES), **along(door, direction))
    assert not door.accepts(xp, result)


@doors()
@directions
def test_func_and_claim_get_arrays_of_the_library_dtype_device_and_shape_of_x0(
    xp: Library, dtype: str, door: Door, direction: str
) -> None:
    skip_unless_it_opens(door, xp)

    def func(x: Any) -> Any:
        assert x.shape == (3,)
        if not door.differentiates:  # then it is traced, too
            xp.assert_native(x, dtype)
        return cubes(xp)(x)

    def gradient(x: Any) -> Any:
        xp.assert_native(x, dtype)
        assert x.shape == (3,)
        return slopes(xp)(x)

    claim = door.claim_from(gradient)

    def checking(x: Any, *vectors: Any) -> Any:
        for vector in vectors:
            xp.assert_native(vector, dtype)
        return claim(x, *vectors)

    door.with_claim(func, checking, xp.asarray(VALUES, dtype), **along(door, direction))


@doors()
@directions
def test_args_reach_func_and_claim(xp: Library, door: Door, direction: str) -> None:
    skip_unless_it_opens(door, xp)
    token = object()

    def func(x: Any, factor: Any, other: Any) -> Any:
        assert other is token
        return factor * cubes(xp)(x) / 2

    def gradient(x: Any, factor: Any, other: Any) -> Any:
        assert other is token
        return factor * slopes(xp)(x) / 2

    claim = door.claim_from(gradient)
    result = door.with_claim(func, claim, xp.asarray(VALUES), 2.0, token, **along(door, direction))
    assert door.accepts(xp, result)


@doors(has_directions=True)
def test_the_same_rng_gives_the_same_result_and_no_other_generator_moves(
    xp: Library, door: Door
) -> None:
    skip_unless_it_opens(door, xp)
    np.random.seed(5)
    state = np.random.get_state()[1].tolist()
    outcomes = [
        door.outcome(
            xp, door(cubes(xp), slopes(xp, 6), xp.asarray(VALUES), direction="random", rng=rng)
        )
        for rng in (7, 7, np.random.default_rng(7))
    ]
    assert outcomes[0] == outcomes[1]
    # Its two modes have a part each in what a generator gives.
    assert outcomes[0] == outcomes[2] or door.differentiates
    assert np.random.get_state()[1].tolist() == state


# ---- a func and a claim that write, keep, and reuse


@doors(differentiates=False)
@directions
@pytest.mark.parametrize("writer", ["func", "claim", "both"])
@writable
def test_func_and_claim_may_write_into_what_they_get(
    xp: Library, door: Door, direction: str, writer: str
) -> None:
    right = door.claim_from(slopes(xp))

    def func(x: Any) -> Any:
        value = cubes(xp)(detached(x))
        if writer != "claim":
            detached(x)[...] = 99.0
        return value

    def claim(*arrays: Any) -> Any:
        value = right(*arrays)
        if writer != "func":
            for array in arrays:
                detached(array)[...] = 77.0
        return value

    x0 = xp.asarray(VALUES)
    options = along(door, direction)
    result = door.with_claim(func, claim, x0, **options)
    assert door.accepts(xp, result)
    behaved = door.with_claim(cubes(xp), right, xp.asarray(VALUES), **options)
    assert without_counts(door.outcome(xp, result)) == without_counts(door.outcome(xp, behaved))
    assert xp.to_numpy(x0).tolist() == VALUES


def without_counts(outcome: Any) -> Any:
    """Leave out of a report how often func was called: a batch that writes is not trusted."""
    return outcome.splitlines()[0].partition("(")[0] if isinstance(outcome, str) else outcome


@doors(differentiates=False)
@writable
def test_func_and_claim_may_write_into_trees(xp: Library, door: Door) -> None:
    x0 = {"a": xp.asarray(VALUES), "b": [xp.asarray([2.0])]}

    def func(tree: Any) -> Any:
        value = xp.sum(tree["a"] ** 3) + xp.sum(tree["b"][0] ** 2)
        detached(tree["a"])[...] = 99.0
        tree["b"].append("rubbish")
        tree.clear()
        return value

    def claim(tree: Any, *vectors: Any) -> Any:
        found = {"a": slopes(xp)(tree["a"]), "b": [2 * detached(tree["b"][0])]}
        detached(tree["a"])[...] = 99.0
        tree.clear()
        if door.claim == "jvp":
            (tangent,) = vectors
            return xp.sum(found["a"] * tangent["a"]) + xp.sum(found["b"][0] * tangent["b"][0])
        if door.claim == "vjp":
            (cotangent,) = vectors
            return {"a": found["a"] * cotangent, "b": [found["b"][0] * cotangent]}
        return found

    result = door.with_claim(func, claim, x0)
    if door.name == "approx_fprime":
        assert door.accepts(xp, result["a"])
        assert np.allclose(xp.to_numpy(result["b"][0]), [4.0], atol=1e-2)
    else:
        assert door.accepts(xp, result)
    assert set(x0) == {"a", "b"}
    assert xp.to_numpy(x0["a"]).tolist() == VALUES
    assert [xp.to_numpy(leaf).tolist() for leaf in x0["b"]] == [[2.0]]


@doors(differentiates=False)
@directions
@pytest.mark.parametrize("shared", [True, False], ids=["one for both", "two"])
@writable
def test_func_and_claim_may_return_the_same_buffer_each_time(
    xp: Library, door: Door, direction: str, shared: bool
) -> None:
    buffer = plain(xp, [0.0] * 3)
    value = plain(xp, 0.0)
    claims = plain(xp, 0.0 if door.claim == "jvp" else [0.0] * 3)
    right = door.claim_from(slopes(xp))

    def func(x: Any) -> Any:
        if not shared:
            value[...] = cubes(xp)(detached(x))
            return value
        buffer[...] = detached(x) ** 3
        return xp.sum(buffer)

    def claim(*arrays: Any) -> Any:
        target = buffer if shared and door.claim != "jvp" else claims
        target[...] = right(*arrays)
        return target

    x0 = xp.asarray(VALUES)
    assert door.accepts(xp, door.with_claim(func, claim, x0, **along(door, direction)))
    if door.claim:
        wrong = lambda *arrays: -claim(*arrays)  # noqa: E731
        assert not door.accepts(xp, door.with_claim(func, wrong, x0, **along(door, direction)))


@doors()
@directions
def test_func_and_claim_may_keep_what_they_get(xp: Library, door: Door, direction: str) -> None:
    skip_unless_it_opens(door, xp)
    kept: list[tuple[Any, Any]] = []
    right = door.claim_from(slopes(xp))

    def keep(*arrays: Any) -> None:
        for array in arrays:
            try:
                kept.append((array, xp.to_numpy(array)))
            except Exception:
                assert door.differentiates, "only a trace has no values"

    def func(x: Any) -> Any:
        keep(x)
        return cubes(xp)(x)

    def claim(*arrays: Any) -> Any:
        keep(*arrays)
        return right(*arrays)

    x0 = xp.asarray(VALUES)
    assert door.accepts(xp, door.with_claim(func, claim, x0, **along(door, direction)))
    for array, then in kept:
        assert np.array_equal(xp.to_numpy(array), then)
        # What cannot be written to may as well be x0 itself.
        assert array is not x0 or not xp.writable


@doors(differentiates=False)
@directions
@pytest.mark.libraries("numpy")
def test_nothing_that_func_and_claim_get_shares_memory(
    xp: Library, door: Door, direction: str
) -> None:
    x0 = xp.asarray(VALUES)
    received: list[Any] = []
    right = door.claim_from(slopes(xp))

    def func(x: Any) -> Any:
        received.append(x)
        return cubes(xp)(x)

    def claim(*arrays: Any) -> Any:
        received.extend(arrays)
        return right(*arrays)

    door.with_claim(func, claim, x0, **along(door, direction))
    for k, x in enumerate(received):
        assert x.flags.writeable
        assert not any(np.shares_memory(x, other) for other in (x0, *received[:k]))


@doors()
@directions
@pytest.mark.parametrize("factor", [3, -3], ids=["right", "wrong"])
def test_no_array_of_the_user_is_ever_changed(
    xp: Library, dtype: str, door: Door, direction: str, factor: int
) -> None:
    skip_unless_it_opens(door, xp)
    x0, argument = xp.asarray(VALUES, dtype), xp.asarray([2.0], dtype)
    stored = factor * xp.detach(x0) ** 2
    arrays = [x0, argument, stored]
    options = along(door, direction)
    if door.has_edges:
        lower, upper = xp.asarray([-4.0] * 3, dtype), xp.asarray([4.0] * 3, dtype)
        options["bounds"] = (lower, upper)
        arrays += [lower, upper]
    before = [xp.to_numpy(array).tobytes() for array in arrays]
    door(lambda x, _: cubes(xp)(x), lambda x, _: stored, x0, argument, **options)
    assert [xp.to_numpy(array).tobytes() for array in arrays] == before
    assert xp.name != "torch" or x0.grad is None


@doors(differentiates=False)
@pytest.mark.libraries("jax")
def test_a_func_that_donates_its_argument_leaves_x0(xp: Library, door: Door) -> None:
    jax = pytest.importorskip("jax")
    donating = jax.jit(lambda x: (xp.sum(x**3), x + 1), donate_argnums=0)
    x0 = xp.asarray(VALUES)
    for direction in ("all", "random"):
        result = door(lambda x: donating(x)[0], slopes(xp), x0, **along(door, direction))
        assert door.accepts(xp, result)
    assert xp.to_numpy(x0).tolist() == VALUES


# ---- exceptions of the user's code


class UserError(Exception):
    """An exception that no one but the user's code raises."""


EXCEPTIONS = (
    UserError, ValueError, TypeError, LookupError, RuntimeError, FloatingPointError,
    StopIteration, AttributeError, KeyboardInterrupt, SystemExit, MemoryError,
)  # fmt: skip
exceptions = pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__name__)


@doors()
@exceptions
@pytest.mark.sampled
@pytest.mark.parametrize("where", ["func", "claim"])
def test_an_exception_at_x0_reaches_the_user_unchanged(
    xp: Library, door: Door, kind: type[BaseException], where: str
) -> None:
    skip_unless_it_opens(door, xp)
    mine = kind("mine", 42)

    def fails(*arrays: Any) -> Any:
        raise mine

    func, claim = cubes(xp), door.claim_from(slopes(xp))
    if where == "func" or not door.claim:
        func = fails
    else:
        claim = fails
    with pytest.raises(kind) as raised:
        door.with_claim(func, claim, xp.asarray(VALUES))
    assert raised.value is mine
    assert mine.args == ("mine", 42)
    if not door.differentiates:  # which goes through the array library
        assert mine.__cause__ is None
        assert mine.__context__ is None


@doors(differentiates=False)
@exceptions
@pytest.mark.sampled
def test_an_exception_away_from_x0_is_an_edge_or_reaches_the_user(
    xp: Library, door: Door, kind: type[BaseException]
) -> None:
    mine = kind("outside")

    def func(x: Any) -> Any:
        if not bool(xp.all(x <= 1.5)):
            raise mine
        return cubes(xp)(x)

    x0 = xp.asarray(VALUES)
    interrupts = not issubclass(kind, Exception) or kind is MemoryError
    if door.has_edges and not interrupts:
        assert door.accepts(xp, door(func, slopes(xp), x0))
        assert not door.accepts(xp, door(func, slopes(xp, 3.03), x0))
    else:
        with pytest.raises(kind) as raised:
            door(func, slopes(xp), x0)
        assert raised.value is mine


@doors(differentiates=False)
@pytest.mark.parametrize("returned", [None, "three", "3.0"], ids=repr)
def test_a_func_that_returns_no_number_away_from_x0_is_refused_and_quoted(
    xp: Library, door: Door, returned: Any
) -> None:
    """As where a branch lacks its return."""

    def func(x: Any) -> Any:
        return cubes(xp)(x) if bool(xp.all(x <= 1.5)) else returned

    with pytest.raises(TypeError) as error:
        door(func, slopes(xp), xp.asarray(VALUES))
    assert repr(returned) in str(error.value)


@doors()
@pytest.mark.parametrize("call", [1, 2, 3])
def test_an_interrupt_inside_func_goes_through_at_once(xp: Library, door: Door, call: int) -> None:
    skip_unless_it_opens(door, xp)
    calls = 0

    def func(x: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return cubes(xp)(x)

    with pytest.raises(KeyboardInterrupt):
        door(func, slopes(xp), xp.asarray(VALUES))
    assert calls == call


@doors()
@pytest.mark.numpy
@pytest.mark.libraries("numpy")
@pytest.mark.one_setting
def test_func_and_claim_run_at_x0_under_the_users_errstate(xp: Library, door: Door) -> None:
    skip_unless_it_opens(door, xp)

    def overflowing(x: Any) -> Any:
        return np.exp(1000 + x) * 0

    with np.errstate(all="raise"):
        with pytest.raises(FloatingPointError, match="overflow"):
            door(lambda x: np.sum(overflowing(x)), np.ones_like, np.ones(2))
        if door.claim:
            with pytest.raises(FloatingPointError, match="overflow"):
                door(np.sum, overflowing, np.ones(2))


@doors(has_edges=True)
@pytest.mark.libraries("numpy")
@pytest.mark.one_setting
def test_warnings_of_func_away_from_x0_are_not_the_users_concern(xp: Library, door: Door) -> None:
    skip_unless_it_opens(door, xp)

    # The test run turns warnings into errors.
    result = door(lambda x: xp.sum(xp.sqrt(x)), lambda x: 0.5 / xp.sqrt(x), xp.asarray([1e-9, 2.0]))
    assert door.accepts(xp, result)


# ---- what is refused, and how


@doors()
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_an_x0_that_is_not_finite_is_refused_with_the_value(
    xp: Library, door: Door, bad: float
) -> None:
    skip_unless_it_opens(door, xp)
    for x0 in (xp.asarray([1.0, bad]), {"a": xp.asarray(VALUES), "b": xp.asarray([bad])}):
        with pytest.raises(ValueError, match="finite") as error:
            door(lambda x: 1.0, lambda x: x, x0)
        assert str(bad) in str(error.value)


@doors()
def test_an_x0_without_numbers_is_refused(xp: Library, door: Door) -> None:
    skip_unless_it_opens(door, xp)
    for x0 in (xp.asarray([]), {"a": xp.asarray([])}):
        with pytest.raises(ValueError, match="empty"):
            door(cubes(xp), slopes(xp), x0)


@doors()
@pytest.mark.parametrize("who", ["func", "claim"])
@pytest.mark.parametrize("given", [None, 3.0, "name"], ids=repr)
def test_what_is_not_a_function_is_named(xp: Library, door: Door, who: str, given: Any) -> None:
    skip_unless_it_opens(door, xp)
    func, claim = cubes(xp), door.claim_from(slopes(xp))
    if who == "func" or not door.claim:
        func, name = given, "f" if door.name == "approx_fprime" else "func"
    else:
        claim, name = given, door.claim
    with pytest.raises(TypeError, match=f"^{name} is {given!r}.*pass a function"):
        door.with_claim(func, claim, xp.asarray(VALUES))


@doors()
@pytest.mark.parametrize("returned", [None, "three", object], ids=repr)
def test_a_func_that_returns_no_number_is_refused_and_quoted(
    xp: Library, door: Door, returned: Any
) -> None:
    skip_unless_it_opens(door, xp)
    with pytest.raises(TypeError) as error:
        door(lambda x: returned, slopes(xp), xp.asarray(VALUES))
    if not door.differentiates or returned is None:  # else the array library refuses it
        assert "func returned" in str(error.value)
        assert repr(returned) in str(error.value)


@doors(claim=True)
@directions
@pytest.mark.parametrize("returned", [None, "three", [None] * 3], ids=repr)
def test_a_claim_that_returns_no_array_is_refused_and_quoted(
    xp: Library, door: Door, direction: str, returned: Any
) -> None:
    with pytest.raises((TypeError, ValueError), match=f"{door.claim}") as error:
        door.with_claim(
            cubes(xp), lambda *arrays: returned, xp.asarray(VALUES), **along(door, direction)
        )
    if not isinstance(returned, list):
        assert error.type is TypeError
        assert repr(returned) in str(error.value)


@doors(claim=True)
@directions
@pytest.mark.parametrize("mismatch", ["a leaf is missing", "a leaf too many", "a list", "an array"])
def test_a_claim_of_another_tree_is_refused(
    xp: Library, door: Door, direction: str, mismatch: str
) -> None:
    a, b = plain(xp, VALUES), plain(xp, [2.0])
    claims: dict[str, Any] = {
        "a leaf is missing": {"a": a},
        "a leaf too many": {"a": a, "b": b, "c": b},
        "a list": [a, b],
        "an array": b,
    }
    if door.claim == "jvp" and mismatch == "an array":
        claims[mismatch] = a  # of an output that is a number
    x0 = {"a": xp.asarray(VALUES), "b": xp.asarray([2.0])}
    with pytest.raises((ValueError, TypeError), match=door.claim):
        door.with_claim(
            lambda x: xp.sum(x["a"]) + xp.sum(x["b"]),
            lambda *arrays: claims[mismatch],
            x0,
            **along(door, direction),
        )


@doors(claim=True)
@directions
def test_a_claim_of_another_shape_is_refused_with_both_shapes(
    xp: Library, door: Door, direction: str
) -> None:
    claim = plain(xp, [[1.0] * 5] * 2)
    with pytest.raises(ValueError, match=door.claim) as error:
        door.with_claim(
            cubes(xp), lambda *arrays: claim, xp.asarray(VALUES), **along(door, direction)
        )
    assert "(2, 5)" in str(error.value)
    assert ("()" if door.claim == "jvp" else "(3,)") in str(error.value)
