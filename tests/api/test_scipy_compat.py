"""On NumPy float64, `check_grad` and `approx_fprime` are SciPy's, to the last bit.

Every test runs SciPy's function and ours on the same input and compares the bits of what they
return, or the type of what they raise.
"""

from __future__ import annotations

import warnings
from collections import UserList, deque
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import checkgrad

optimize = pytest.importorskip("scipy.optimize")

Array = np.ndarray[Any, np.dtype[Any]]
Function = Callable[..., Any]

# A step that is far smaller than the distance between numbers near it.
HUGE = 1e20


def assert_same_bits(ours: Any, theirs: Any) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype == np.float64
    assert ours.shape == theirs.shape
    # NaN compares unequal to itself, and -0.0 equal to 0.0: neither will do here.
    assert ours.tobytes() == theirs.tobytes(), f"{ours!r} is not {theirs!r}"


def assert_check_grad_agrees(func: Function, grad: Function, x0: Any, *args: Any, **kw: Any) -> Any:
    ours = checkgrad.check_grad(func, grad, x0, *args, **kw)
    theirs = optimize.check_grad(func, grad, x0, *args, **kw)
    assert isinstance(ours, float)
    assert_same_bits(ours, theirs)
    return ours


def assert_approx_fprime_agrees(xk: Any, func: Function, *args: Any) -> None:
    assert_same_bits(
        checkgrad.approx_fprime(xk, func, *args), optimize.approx_fprime(xk, func, *args)
    )


def assert_raises_alike(name: str, *args: Any, **kw: Any) -> None:
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        getattr(optimize, name)(*args, **kw)
    # NumPy's private kinds of TypeError count as that.
    builtin = next(kind for kind in theirs.type.__mro__ if kind.__module__ == "builtins")
    with pytest.raises(builtin):
        getattr(checkgrad, name)(*args, **kw)


def wave(x: Any) -> Any:
    """Give a number, from a function with no round values anywhere."""
    return np.sum(np.sin(3 * x) / (1 + x * x)) + 1 / 3


def wave_grad(x: Array) -> Any:
    return 3 * np.cos(3 * x) / (1 + x * x) - 2 * x * np.sin(3 * x) / (1 + x * x) ** 2


def rings(x: Array) -> Any:
    """Give three numbers for any number of coordinates."""
    return np.array([np.sum(x**2), np.sum(np.cos(x)), x[0] * x[-1] / 7])


def rings_jac(x: Array) -> Any:
    product = np.zeros(x.shape)
    product[0] += x[-1] / 7
    product[-1] += x[0] / 7
    return np.stack([2 * x, -np.sin(x), product])


class Frame:
    """An object that offers to become an array, as those of data frames do."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.values, dtype)


POINTS: dict[str, Any] = {
    "an array": np.array([0.1, -2.3, 4.5, 0.0]),
    "one element": np.array([1.7]),
    "many coordinates": np.random.default_rng(5).normal(size=301) * 3,
    "a list": [0.3, -1.1, 2.2],
    "a tuple": (0.3, -1.1, 2.2),
    "a list of integers": [1, -2, 3],
    "an integer array": np.array([1, -2, 3]),
    "a list of NumPy numbers": [np.float64(0.3), np.float64(-1.1)],
    "a list of 0-d arrays": [np.array(0.3), np.array(-1.1), np.array(2.0)],
    "a sequence of the user's": UserList([0.3, -1.1, 2.2]),
    "a queue": deque([0.3, -1.1, 2.2]),
    "what becomes an array": Frame([0.3, -1.1, 2.2]),
    "a strided array": np.arange(10.0)[::3],
    "a negative zero": np.array([-0.0, 0.0]),
    "many magnitudes": np.array([1e-30, -1e-8, 3e4, 1e15]),
    "a step that vanishes": np.array([HUGE, 1.0, -HUGE]),
}
EPSILONS: dict[str, Any] = {
    "1e-8": 1e-8,
    "coarse": 0.01,
    "negative": -1e-6,
    "zero": 0,
    "an integer": 1,
    "a NumPy number": np.float64(1e-7),
    "a NumPy float32": np.float32(1e-4),
    "a NumPy longdouble": np.longdouble(1e-7) / 3,
    "a 0-d array": np.array(1e-7),
    "one element": np.array([1e-7]),
    "a vanishing step": 1e-25,
}

point = pytest.mark.parametrize("x0", POINTS.values(), ids=POINTS.keys())


@point
def test_check_grad_agrees_for_a_scalar_func(x0: Any) -> None:
    assert_check_grad_agrees(wave, wave_grad, x0)


@point
def test_approx_fprime_agrees_for_a_scalar_func(x0: Any) -> None:
    assert_approx_fprime_agrees(x0, wave)


@point
def test_check_grad_agrees_for_a_vector_valued_func(x0: Any) -> None:
    assert_check_grad_agrees(rings, rings_jac, x0)


@point
def test_approx_fprime_agrees_for_a_vector_valued_func(x0: Any) -> None:
    assert_approx_fprime_agrees(x0, rings)


@point
@pytest.mark.parametrize("claim", [wave_grad, lambda x: list(wave_grad(x)), lambda x: -x])
def test_check_grad_agrees_along_a_random_direction(x0: Any, claim: Function) -> None:
    assert_check_grad_agrees(wave, claim, x0, direction="random", rng=42)


@pytest.mark.parametrize("direction", ["all", "random"])
@pytest.mark.parametrize("epsilon", EPSILONS.values(), ids=EPSILONS.keys())
@pytest.mark.parametrize("x0", [[0.1, -2.3, 4.5], [HUGE, 1.0, -HUGE], [1.25]], ids=str)
def test_check_grad_agrees_for_every_epsilon(x0: list[float], epsilon: Any, direction: str) -> None:
    options: dict[str, Any] = {"rng": 1} if direction == "random" else {}
    assert_check_grad_agrees(
        wave, wave_grad, np.array(x0), epsilon=epsilon, direction=direction, **options
    )


@pytest.mark.parametrize("epsilon", EPSILONS.values(), ids=EPSILONS.keys())
def test_approx_fprime_agrees_for_every_epsilon(epsilon: Any) -> None:
    for x0 in ([0.1, -2.3, 4.5], [HUGE, 1.0, -HUGE], [1.25]):
        assert_approx_fprime_agrees(np.array(x0), wave, epsilon)


@pytest.mark.parametrize("direction", ["all", "random"])
@pytest.mark.parametrize(
    "epsilon",
    [
        [1e-6, 1e-7, 1e-8],
        np.array([1e-6, -1e-3, 0.0]),
        (1, 2, 3),
        np.array([1e-4, 1e-3, 1e-2], dtype=np.float32),
        np.array([1e-20, 1e-3, 1e-20]),
        np.array([1e-4, 1e-18, 1e-2], dtype=np.longdouble) / 3,
    ],
    ids=str,
)
def test_check_grad_agrees_for_an_epsilon_of_each_coordinate(epsilon: Any, direction: str) -> None:
    options: dict[str, Any] = {"rng": 1} if direction == "random" else {}
    x0 = np.array([0.7, -HUGE, 0.01])
    assert_check_grad_agrees(wave, wave_grad, x0, epsilon=epsilon, direction=direction, **options)
    assert_approx_fprime_agrees(x0, wave, epsilon)
    assert_approx_fprime_agrees(x0, rings, epsilon)


@pytest.mark.parametrize(
    "rng",
    [
        lambda: 0,
        lambda: np.int64(2949672964),
        lambda: np.random.default_rng(7),
        lambda: np.random.Generator(np.random.Philox(3)),
        lambda: np.random.SeedSequence(11),
        lambda: np.random.PCG64(13),
    ],
    ids=["0", "np.int64", "default_rng", "Generator", "SeedSequence", "BitGenerator"],
)
def test_check_grad_agrees_for_every_form_of_rng(rng: Callable[[], Any]) -> None:
    x0 = np.linspace(-2, 2, 17)
    ours = checkgrad.check_grad(wave, wave_grad, x0, direction="random", rng=rng())
    theirs = optimize.check_grad(wave, wave_grad, x0, direction="random", rng=rng())
    assert_same_bits(ours, theirs)


@pytest.mark.parametrize(
    "seed",
    [
        lambda: 0,
        lambda: np.int64(2949672964),
        lambda: np.random.RandomState(7),
        lambda: np.random.default_rng(7),
    ],
    ids=["0", "np.int64", "RandomState", "default_rng"],
)
def test_check_grad_agrees_for_every_form_of_the_older_seed(seed: Callable[[], Any]) -> None:
    x0 = np.linspace(-2, 2, 17)
    ours = checkgrad.check_grad(wave, wave_grad, x0, direction="random", seed=seed())
    theirs = optimize.check_grad(wave, wave_grad, x0, direction="random", seed=seed())
    assert_same_bits(ours, theirs)


def test_an_epsilon_of_another_length_than_x0_is_an_error_even_where_scipy_takes_a_part() -> None:
    assert_raises_alike("approx_fprime", np.ones(3), wave, [1e-6, 1e-7])
    for x0, direction in ((np.ones(1), "all"), (np.ones(3), "random")):
        with pytest.raises(ValueError, match=r"epsilon has shape \(2,\) but x0 has shape"):
            checkgrad.check_grad(wave, wave_grad, x0, epsilon=[1e-6, 1e-7], direction=direction)


def test_an_integer_is_another_direction_as_seed_than_as_rng() -> None:
    x0 = np.linspace(-2, 2, 17)
    with_rng = checkgrad.check_grad(wave, wave_grad, x0, direction="random", rng=3)
    with_seed = checkgrad.check_grad(wave, wave_grad, x0, direction="random", seed=3)
    assert with_rng != with_seed


@pytest.mark.parametrize("options", [{}, {"seed": None}], ids=str)
def test_check_grad_without_rng_draws_from_numpys_global_state(options: dict[str, Any]) -> None:
    x0 = np.linspace(-2, 2, 17)
    np.random.seed(1234)
    theirs = optimize.check_grad(wave, wave_grad, x0, direction="random")
    after = np.random.standard_normal()
    np.random.seed(1234)
    ours = checkgrad.check_grad(wave, wave_grad, x0, direction="random", **options)
    assert_same_bits(ours, theirs)
    assert np.random.standard_normal() == after


def test_rng_none_is_a_generator_of_its_own() -> None:
    x0 = np.linspace(-2, 2, 17)
    for check in (checkgrad.check_grad, optimize.check_grad):
        np.random.seed(1234)
        errors = {check(wave, wave_grad, x0, direction="random", rng=None) for _ in range(3)}
        assert len(errors) == 3
        assert np.random.random_sample() == np.random.RandomState(1234).random_sample()


@pytest.mark.parametrize("direction", ["all", "random"])
@pytest.mark.parametrize(("rng", "seed"), [(None, 1), (1, None), (None, None)])
def test_rng_and_seed_together_raise_as_in_scipy_though_one_is_none(
    rng: Any, seed: Any, direction: str
) -> None:
    options = {"direction": direction, "rng": rng, "seed": seed}
    assert_raises_alike("check_grad", wave, wave_grad, np.ones(3), **options)


@pytest.mark.parametrize("seed", ["seed", 1.5, -1], ids=repr)
def test_a_seed_without_meaning_is_looked_at_where_it_is_used_only(seed: Any) -> None:
    x0 = np.linspace(-2, 2, 17)
    assert_check_grad_agrees(wave, wave_grad, x0, seed=seed)
    assert_raises_alike("check_grad", wave, wave_grad, x0, direction="random", seed=seed)


def test_check_grad_leaves_a_generator_where_scipy_leaves_it() -> None:
    ours, theirs = np.random.default_rng(5), np.random.default_rng(5)
    x0 = np.ones(6)
    for _ in range(3):
        assert_same_bits(
            checkgrad.check_grad(wave, wave_grad, x0, direction="random", rng=ours),
            optimize.check_grad(wave, wave_grad, x0, direction="random", rng=theirs),
        )
    assert ours.random() == theirs.random()


def test_all_coordinates_draw_no_random_number() -> None:
    rng = np.random.default_rng(5)
    np.random.seed(5)
    checkgrad.check_grad(wave, wave_grad, np.ones(3), rng=rng)
    checkgrad.check_grad(wave, wave_grad, np.ones(3))
    assert rng.random() == np.random.default_rng(5).random()
    assert np.random.random_sample() == np.random.RandomState(5).random_sample()


FORMS: dict[str, Callable[[float], Any]] = {
    "a Python float": float,
    "a NumPy number": np.float64,
    "a 0-d array": lambda value: np.array(value),
    "an array of one element": lambda value: np.array([value]),
    "a list of one element": lambda value: [value],
    "a Python integer": lambda value: round(1000 * value),
    "an integer array": lambda value: np.array(round(1000 * value)),
    "a Python complex": lambda value: complex(value, 2 * value),
}


@pytest.mark.parametrize("direction", ["all", "random"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_check_grad_agrees_for_every_form_of_a_number(
    form: Callable[[float], Any], direction: str
) -> None:
    x0 = np.array([0.2, -0.4, 0.9])
    assert_check_grad_agrees(
        lambda x: form(wave(x)),
        wave_grad,
        x0,
        epsilon=0.05,
        direction=direction,
        **({"rng": 2} if direction == "random" else {}),
    )
    assert_approx_fprime_agrees(x0, lambda x: form(wave(x)), 0.05)


@pytest.mark.parametrize("number", [np.float16, np.float32, np.longdouble])
@pytest.mark.parametrize("epsilon", [0.01, [0.01, 0.02, -0.03], 0.0, 1e-30], ids=str)
def test_a_func_of_another_precision_agrees_for_an_explicit_epsilon(
    number: type[np.floating[Any]], epsilon: Any
) -> None:
    x0 = np.array([0.2, -0.4, 0.9])
    assert_check_grad_agrees(lambda x: number(wave(x)), wave_grad, x0, epsilon=epsilon)
    assert_approx_fprime_agrees(x0, lambda x: number(wave(x)), epsilon)
    assert_approx_fprime_agrees(x0, lambda x: rings(x).astype(number), epsilon)


LARGE = 10**30  # an integer that NumPy has no dtype for


@pytest.mark.parametrize(
    "number",
    [
        lambda x: int(LARGE * x[0]) + 1,
        lambda x: [int(LARGE * x[0])],
        lambda x: np.array([int(LARGE * x[0])], dtype=object),
        lambda x: Fraction(x[0]) / 2,
        lambda x: np.array(Fraction(x[1]) / 2, dtype=object),
    ],
    ids=["an integer", "a list", "an array of integers", "a fraction", "an array of a fraction"],
)
@pytest.mark.parametrize("direction", ["all", "random"])
def test_numbers_that_numpy_has_no_dtype_for_agree(number: Function, direction: str) -> None:
    x0 = np.array([0.2, -0.4])
    options: dict[str, Any] = {"rng": 2} if direction == "random" else {}
    for claim in ([LARGE, 1], [Fraction(1, 3), 2]):
        assert_check_grad_agrees(number, lambda _: claim, x0, direction=direction, **options)  # noqa: B023
    assert_approx_fprime_agrees(x0, number)


def test_a_point_of_numbers_that_numpy_has_no_dtype_for_agrees() -> None:
    assert_approx_fprime_agrees([LARGE, 1], np.sum)
    assert_approx_fprime_agrees([Fraction(1, 3), 0.5], np.sum)


def test_a_vector_valued_func_may_return_a_list() -> None:
    x0 = np.array([0.2, -0.4, 0.9])
    assert_check_grad_agrees(lambda x: list(rings(x)), lambda x: rings_jac(x).tolist(), x0)
    assert_approx_fprime_agrees(x0, lambda x: list(rings(x)))


def test_a_jacobian_agrees_where_there_are_fewer_coordinates_than_values() -> None:
    assert_check_grad_agrees(
        lambda x: np.array([1.0, 2.0, 3.0]) * np.sin(x),
        lambda x: np.array([[1.0], [2.0], [3.0]]) * np.cos(x),
        np.array([0.3]),
    )


@pytest.mark.parametrize("direction", ["all", "random"])
def test_a_func_of_shape_one_agrees_with_a_gradient_of_either_shape(direction: str) -> None:
    x0 = np.array([0.2, -0.4, 0.9])
    options: dict[str, Any] = {"rng": 2} if direction == "random" else {}
    func = lambda x: np.array([wave(x)])  # noqa: E731
    assert_check_grad_agrees(func, wave_grad, x0, direction=direction, **options)
    if direction == "all":
        assert_check_grad_agrees(func, lambda x: wave_grad(x)[None, :], x0)


@pytest.mark.parametrize("claim", [lambda x: float(np.cos(x[0])), lambda x: np.cos(x[0])])
def test_one_coordinate_agrees_with_a_gradient_that_is_a_number(claim: Function) -> None:
    assert_check_grad_agrees(lambda x: np.sin(x[0]), claim, np.array([0.7]))
    assert_check_grad_agrees(lambda x: np.sin(x[0]), claim, [0.7])


@pytest.mark.parametrize("x0", [np.array(0.7), 0.7, np.float64(0.7), 2, np.array(2)], ids=repr)
def test_a_point_without_axes_agrees(x0: Any) -> None:
    def func(x: Array) -> Any:
        return np.sum(np.sin(x))

    assert_check_grad_agrees(func, np.cos, x0)
    assert_check_grad_agrees(func, np.cos, x0, direction="random", rng=3)
    assert_approx_fprime_agrees(x0, func)
    assert_approx_fprime_agrees(x0, func, 1e-3)


@pytest.mark.parametrize("x0", [np.array(0.7), 0.7, 2], ids=repr)
def test_a_vector_valued_func_of_a_point_without_axes_agrees(x0: Any) -> None:
    def func(x: Array) -> Any:
        return np.array([np.sum(x), np.sum(x) ** 2])

    assert_approx_fprime_agrees(x0, func)
    assert_check_grad_agrees(func, lambda x: np.array([[1.0], [2 * x]]), x0)
    assert_check_grad_agrees(lambda x: func(x)[1:], lambda x: np.array([[2 * x]]), x0)


@pytest.mark.parametrize("x0", [np.array(0.7), 0.7, 2], ids=repr)
def test_func_gets_an_axis_along_a_random_direction_as_in_scipy(x0: Any) -> None:
    def func(x: Array) -> Any:
        return x[0] ** 2

    assert_check_grad_agrees(func, lambda x: 2 * x, x0, direction="random", rng=3)
    assert_raises_alike("check_grad", func, lambda x: 2 * x, x0)


def test_a_complex_valued_func_agrees_and_warns_as_in_scipy() -> None:
    x0 = np.array([0.2, -0.4, 0.9])

    def func(x: Array) -> Any:
        return wave(x) + 1j * np.sum(x)

    for check in (checkgrad.check_grad, optimize.check_grad):
        with pytest.warns(np.exceptions.ComplexWarning):
            check(func, wave_grad, x0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        assert_check_grad_agrees(func, wave_grad, x0)
        assert_check_grad_agrees(func, wave_grad, x0, direction="random", rng=1)
        assert_approx_fprime_agrees(x0, func)
        assert_approx_fprime_agrees(x0, lambda x: rings(x) * (1 + 2j))


@pytest.mark.parametrize("direction", ["all", "random"])
def test_a_complex_gradient_agrees(direction: str) -> None:
    assert_check_grad_agrees(
        wave,
        lambda x: wave_grad(x) * (1 + 0.5j),
        np.array([0.2, -0.4, 0.9]),
        direction=direction,
        **({"rng": 2} if direction == "random" else {}),
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_func_that_is_not_finite_gives_scipys_value(bad: float) -> None:
    x0 = np.array([0.2, -0.4, 0.9])
    with np.errstate(all="ignore"):
        # Everywhere, and only one step away from x0.
        assert_check_grad_agrees(lambda _: bad, wave_grad, x0)
        assert_check_grad_agrees(lambda x: bad if x[1] > -0.4 else 1.0, wave_grad, x0)
        assert_approx_fprime_agrees(x0, lambda x: bad if x[1] > -0.4 else 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_gives_scipys_value(bad: float) -> None:
    assert_check_grad_agrees(wave, lambda x: wave_grad(x) * [1, bad], np.array([0.2, -0.4]))


def test_an_overflow_gives_scipys_value() -> None:
    with np.errstate(all="ignore"):
        assert_check_grad_agrees(wave, lambda x: wave_grad(x) * 1e300, np.array([0.2, -0.4]))


@pytest.mark.parametrize("count", range(6))
def test_any_number_of_extra_args_agrees(count: int) -> None:
    args = tuple(float(k + 1) for k in range(count))

    def func(x: Array, *args: float) -> Any:
        return wave(x) * (1 + sum(args))

    def grad(x: Array, *args: float) -> Any:
        return wave_grad(x) * (1 + sum(args))

    x0 = np.array([0.2, -0.4, 0.9])
    assert_check_grad_agrees(func, grad, x0, *args)
    assert_approx_fprime_agrees(x0, func, 1e-6, *args)
    values = []
    for check in (checkgrad.check_grad, optimize.check_grad):
        np.random.seed(count)
        values.append(check(func, grad, x0, *args, direction="random"))
    assert_same_bits(*values)


def test_four_args_and_rng_work_where_scipy_refuses_them() -> None:
    def func(x: Array, a: float, b: float, c: float, d: float) -> Any:
        return wave(x) * (a + b + c + d)

    def grad(x: Array, a: float, b: float, c: float, d: float) -> Any:
        return wave_grad(x) * (a + b + c + d)

    args = (0.25, 0.25, 0.25, 0.25)
    x0 = np.array([0.2, -0.4])
    assert_same_bits(
        checkgrad.check_grad(func, grad, x0, *args, direction="random", rng=1),
        optimize.check_grad(wave, wave_grad, x0, direction="random", rng=1),
    )


@pytest.mark.parametrize("direction", ["all", "random"])
def test_func_and_grad_are_called_as_often_as_by_scipy(direction: str) -> None:
    def counts(check: Function) -> tuple[int, int]:
        calls = {"func": 0, "grad": 0}

        def func(x: Array) -> Any:
            calls["func"] += 1
            return wave(x)

        def grad(x: Array) -> Any:
            calls["grad"] += 1
            return wave_grad(x)

        check(func, grad, np.ones(7), direction=direction)
        return calls["func"], calls["grad"]

    assert counts(checkgrad.check_grad) == counts(optimize.check_grad)


@pytest.mark.parametrize(
    "x0", [[1, 2, 3], np.array([1, 2, 3]), (1, 2.5), np.array([1.0])], ids=repr
)
def test_func_and_grad_receive_the_dtypes_that_scipy_gives_them(x0: Any) -> None:
    def dtypes(check: Function) -> list[tuple[str, np.dtype[Any], tuple[int, ...]]]:
        seen = []

        def func(x: Array) -> Any:
            seen.append(("func", x.dtype, x.shape))
            return np.sum(x)

        def grad(x: Array) -> Any:
            seen.append(("grad", x.dtype, x.shape))
            return np.ones(x.shape)

        check(func, grad, x0)
        return sorted(seen, key=str)

    assert dtypes(checkgrad.check_grad) == dtypes(optimize.check_grad)


def test_the_points_at_which_func_is_evaluated_are_scipys() -> None:
    def points(check: Function, **options: Any) -> list[bytes]:
        seen = []

        def func(x: Array) -> Any:
            seen.append(x.tobytes())
            return np.sum(x)

        check(func, np.ones_like, np.array([0.3, -HUGE, 5.0]), **options)
        return seen

    for options in ({}, {"epsilon": 1e-5}, {"direction": "random", "rng": 3}):
        assert points(checkgrad.check_grad, **options) == points(optimize.check_grad, **options)


@pytest.mark.parametrize("direction", ["randm", "", "ALL", "random_projection", None, 3])
def test_an_unknown_direction_raises_scipys_error(direction: Any) -> None:
    with pytest.raises(ValueError, match="is not a valid string") as theirs:
        optimize.check_grad(wave, wave_grad, np.ones(2), direction=direction)
    with pytest.raises(ValueError, match="is not a valid string") as ours:
        checkgrad.check_grad(wave, wave_grad, np.ones(2), direction=direction)
    assert str(ours.value) == str(theirs.value)


def test_a_random_direction_of_a_vector_valued_func_raises_as_in_scipy() -> None:
    assert_raises_alike("check_grad", rings, rings_jac, np.ones(3), direction="random", rng=1)


def test_rng_and_seed_together_raise_scipys_error() -> None:
    with pytest.raises(TypeError) as theirs:
        optimize.check_grad(wave, wave_grad, np.ones(2), direction="random", rng=1, seed=1)
    with pytest.raises(TypeError) as ours:
        checkgrad.check_grad(wave, wave_grad, np.ones(2), direction="random", rng=1, seed=1)
    assert "got multiple values for argument now known as `rng`" in str(theirs.value)
    assert str(ours.value).startswith(str(theirs.value).split(".")[0])


@pytest.mark.parametrize("epsilon", [[1e-8, 1e-8], np.full(4, 1e-8)], ids=str)
def test_an_epsilon_of_another_length_raises_as_in_scipy(epsilon: Any) -> None:
    assert_raises_alike("check_grad", wave, wave_grad, np.ones(3), epsilon=epsilon)


@pytest.mark.parametrize(
    "grad", [lambda x: np.ones(x.size + 1), lambda x: np.ones((2, 2))], ids=["longer", "2-d"]
)
def test_a_gradient_that_scipy_cannot_broadcast_raises_as_in_scipy(grad: Function) -> None:
    assert_raises_alike("check_grad", wave, grad, np.ones(3))


@pytest.mark.parametrize(
    "returned", [None, "one", object(), [None], {}], ids=["None", "text", "object", "list", "dict"]
)
def test_a_func_that_returns_no_number_raises_as_in_scipy(returned: Any) -> None:
    assert_raises_alike("check_grad", lambda _: returned, wave_grad, np.ones(3))
    assert_raises_alike("approx_fprime", np.ones(3), lambda _: returned)


def test_what_cannot_be_a_point_raises_as_in_scipy() -> None:
    assert_raises_alike("approx_fprime", [[1.0, 2.0], [3.0]], wave)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_polynomial_agrees(data: st.DataObject) -> None:
    """Whatever the coefficients, the point, the claim and the steps."""
    n = data.draw(st.integers(1, 12), label="n")
    number = st.floats(-1e6, 1e6)
    coefficients = data.draw(hnp.arrays(float, (4, n), elements=number), label="coefficients")
    x0 = data.draw(
        hnp.arrays(float, n, elements=st.one_of(st.floats(-10, 10), st.floats(-1e25, 1e25))),
        label="x0",
    )
    claim = data.draw(hnp.arrays(float, n, elements=number), label="claim")
    step = st.floats(1e-14, 1.0).flatmap(lambda size: st.sampled_from([size, -size]))
    epsilon = data.draw(
        st.one_of(st.just(1.4901161193847656e-08), step, hnp.arrays(float, n, elements=step)),
        label="epsilon",
    )

    def func(x: Array) -> Any:
        return np.sum(coefficients[0] + x * (coefficients[1] + x * coefficients[2] + x**2))

    def vector_func(x: Array) -> Any:
        return coefficients @ x

    with np.errstate(all="ignore"):
        assert_check_grad_agrees(func, lambda _: claim, x0, epsilon=epsilon)
        assert_check_grad_agrees(
            func, lambda _: claim, x0, epsilon=epsilon, direction="random", rng=n
        )
        assert_check_grad_agrees(vector_func, lambda _: coefficients, x0, epsilon=epsilon)
        assert_approx_fprime_agrees(x0, func, epsilon)
        assert_approx_fprime_agrees(x0, vector_func, epsilon)
