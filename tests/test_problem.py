"""The problem: what its options mean, and the coarsest dtype of x0 and func."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from checkgrad.arrays.point import make_point
from checkgrad.evaluate.outputs import Outputs
from checkgrad.problem import Options, Problem, epsilon_of
from checkgrad.stages.parsed import parse

DOUBLE, SINGLE, HALF = 2.0**-52, 2.0**-23, 2.0**-10


def test_random_numbers_are_the_same_in_every_run():
    first, second = (Options().generator().random(3).tolist() for _ in range(2))
    assert first == second == np.random.default_rng(0).random(3).tolist()


@pytest.mark.parametrize("seed", [1, np.int64(1)])
def test_a_seed_makes_a_generator(seed):
    expected = np.random.default_rng(1).random()
    assert Options(rng=seed).generator().random() == expected


def test_a_generator_is_taken_as_it_is():
    rng = np.random.default_rng(5)
    assert Options(rng=rng).generator() is rng


@pytest.mark.parametrize("rng", [-1, True, 1.5, "seed", np.random.RandomState(0)])
def test_what_is_no_source_of_random_numbers_is_an_error(rng):
    with pytest.raises(ValueError, match=r"rng is .*; pass an int of 0 or more"):
        Options(rng=rng).generator()


@pytest.mark.parametrize(("epsilon", "rtol"), [(DOUBLE, 1e-5), (SINGLE, 1e-3), (HALF, 5e-2)])
def test_the_tolerance_is_that_of_the_dtype(epsilon, rtol):
    assert Options().tolerance(epsilon) == rtol


@pytest.mark.parametrize("rtol", [1e-7, 0.999, np.float32(0.25), np.asarray(0.5)[()]])
def test_the_tolerance_may_be_given(rtol):
    found = Options(rtol=rtol).tolerance(SINGLE)
    assert found == float(rtol)
    assert type(found) is float


@pytest.mark.parametrize("keep", [1, "yes", np.ones(2)])
def test_what_is_no_choice_of_samples_is_an_error(keep):
    with pytest.raises(ValueError, match=r"keep_samples is .*; pass True, False or None"):
        Options(keep_samples=keep).require_keep_samples()


@pytest.mark.parametrize("keep", [True, False, None, np.True_])
def test_choices_of_samples(keep):
    Options(keep_samples=keep).require_keep_samples()


@pytest.mark.parametrize("rtol", [0, 1, -1e-3, 2, "small", np.nan, [1e-3]])
def test_what_is_no_tolerance_is_an_error(rtol):
    with pytest.raises(ValueError, match=r"rtol is .*; pass a number between 0 and 1"):
        Options(rtol=rtol).tolerance(DOUBLE)


@pytest.mark.parametrize("method", ["differences", "complex-step"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_methods_for_real_x0(method, dtype):
    Options(method=method).require_method(make_point(np.ones(2, dtype=dtype)))


def test_an_unknown_method_is_an_error():
    with pytest.raises(ValueError, match=r"method is 'magic' .*; pass 'differences' or"):
        Options(method="magic").require_method(make_point(np.ones(2)))


@pytest.mark.parametrize(
    ("x0", "message"),
    [
        (np.ones(2, dtype=complex), "but x0 is complex"),
        ([np.ones(2), np.ones(1, dtype=complex)], "but x0 is complex"),
        (np.ones(2, dtype=np.float16), "x0 has dtype float16, of which"),
        ([np.ones(2), np.ones(1, dtype=np.float16)], "x0 has dtype float64, float16, of which"),
    ],
)
def test_complex_steps_need_real_x0_in_enough_digits(x0, message):
    point = make_point(x0, allow_complex=True)
    with pytest.raises(ValueError, match=message):
        Options(method="complex-step").require_method(point)
    Options().require_method(point)


@dataclass
class Model:
    rate: float = 1.0

    def loss(self, weights: Any) -> Any:
        return weights

    def __call__(self, inputs: Any) -> Any:
        return inputs


@pytest.mark.parametrize(
    ("func", "name"),
    [
        (lambda w: w, "w"),
        (lambda a, b, c: a, "a"),
        (lambda v, /: v, "v"),
        (lambda *, key: key, "x"),
        (lambda *args: args, "x"),
        (lambda: 0, "x"),
        (Model().loss, "weights"),
        (Model(), "inputs"),
        (functools.partial(lambda a, b: a, 1), "b"),
        (np.sum, "a"),
        (3, "x"),
    ],
)
def test_x0_is_called_as_the_first_parameter_of_func(func, name):
    assert Problem("grad", func, lambda x: x, np.ones(1)).name == name


@pytest.mark.parametrize(
    ("dtypes", "epsilon"),
    [
        (["float64"], DOUBLE),
        (["float32"], SINGLE),
        (["float16"], HALF),
        (["float64", "float32"], SINGLE),
        (["float16", "float64"], HALF),
        (["int64"], DOUBLE),
    ],
)
def test_the_epsilon_of_x0_is_that_of_its_coarsest_leaf(dtypes, epsilon):
    assert epsilon_of(make_point([np.ones(1, dtype=dtype) for dtype in dtypes])) == epsilon


@pytest.mark.parametrize(
    ("of_x0", "of_func", "epsilon"),
    [
        ("float64", "float64", DOUBLE),
        ("float32", "float64", SINGLE),
        ("float64", "float32", SINGLE),
        ("float32", "float32", SINGLE),
        ("float16", "float32", HALF),
        ("float32", "float16", HALF),
    ],
)
def test_the_coarser_dtype_of_x0_and_func_counts(of_x0, of_func, epsilon):
    x0 = np.ones(2, dtype=of_x0)

    def func(x):
        return np.asarray(np.sum(x), dtype=of_func)[()]

    number = parse(Problem("grad", func, lambda x: x, x0))
    number.values_at_x0()
    one = Outputs(np.arange(1), np.empty((0, 1)))
    assert number.dtype_epsilons(one).tolist() == [epsilon]

    vector = parse(Problem("jac", lambda x: np.stack([func(x)] * 2), lambda x: x, x0))
    vector.values_at_x0()
    outputs = Outputs(np.arange(2), np.ones((1, 2)))
    assert vector.dtype_epsilons(outputs).tolist() == [epsilon] * 3


def test_each_output_has_the_epsilon_of_its_own_array_and_sums_the_coarsest():
    def func(x):
        return [x[:1], x.astype(np.float32), x.astype(np.float16)[:1]]

    parsed = parse(Problem("jac", func, lambda x: x, np.ones(2)))
    assert parsed.values_at_x0().size == 4
    outputs = Outputs(np.asarray([0, 2, 1, 3]), np.ones((1, 4)))
    assert parsed.dtype_epsilons(outputs).tolist() == [DOUBLE, SINGLE, SINGLE, HALF, HALF]
