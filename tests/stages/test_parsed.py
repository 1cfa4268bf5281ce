"""A problem whose parts are parsed: what is validated, and func at x0."""

from __future__ import annotations

import numpy as np
import pytest

from checkgrad.evaluate.options import Evaluation
from checkgrad.problem import Options, Problem
from checkgrad.stages.parsed import parse

FORMS = ("grad", "jac", "jvp", "vjp")
X0 = np.asarray([1.0, 2.0])


def never(x, *vectors):
    raise AssertionError("nothing is to be evaluated")


def parsed(form, func=never, claim=never, x0=X0, args=(), **options):
    return parse(Problem(form, func, claim, x0, args, Options(**options)))


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_evaluated_before_it_is_asked_for(form):
    found = parsed(form, lambda weights: never(weights))
    assert (found.form, found.name) == (form, "weights")
    assert (found.reader is None) == (form == "grad")
    assert found.evaluator.n_func == 0
    assert found.point.leaves[0].tolist() == X0.tolist()
    assert found.bounds[0].tolist() == [-np.inf] * 2


def test_options_are_handed_on():
    rng = np.random.default_rng(3)
    found = parsed("grad", bounds=(0.0, 5.0), rng=rng)
    assert [side.tolist() for side in found.bounds] == [[0.0, 0.0], [5.0, 5.0]]
    assert found.rng is rng
    assert found.options.rng is rng


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"func": 3}, TypeError, "func"),
        ({"claim": 3}, TypeError, None),  # which is called as its form
        ({"x0": np.empty(0)}, ValueError, "x0 is empty"),
        ({"x0": np.asarray([1.0, np.nan])}, ValueError, r"x0\[1\] is nan"),
        ({"bounds": (2.0, 3.0)}, ValueError, "outside of its bounds"),
        ({"rng": "seed"}, ValueError, "rng is"),
        ({"method": "magic"}, ValueError, "method is"),
        ({"convention": "mine"}, ValueError, "convention is"),
        ({"evaluation": Evaluation(batch="every")}, ValueError, "batch is"),
        ({"evaluation": Evaluation(chunk_bytes=0)}, ValueError, "chunk_bytes is"),
    ],
)
def test_what_has_no_meaning_is_an_error(form, changes, error, message):
    with pytest.raises(error, match=message or form):
        parsed(form, **changes)


def test_func_is_evaluated_anew_at_each_call():
    numbers = iter([1.0, 2.0])
    found = parsed("grad", lambda x: next(numbers))
    assert [found.values_at_x0().tolist() for _ in range(2)] == [[1.0], [2.0]]
    assert found.evaluator.n_func == 2


def test_all_numbers_that_func_returns_are_one_vector():
    found = parsed("jac", lambda x, factor: {"a": factor * x, "b": x[0]}, args=(10.0,))
    assert found.values_at_x0().tolist() == [10.0, 20.0, 1.0]


def test_a_func_that_returns_nothing_has_no_derivative():
    with pytest.raises(ValueError, match=r"func\(x0\) is empty; there is no derivative to check"):
        parsed("jac", lambda x: x[:0]).values_at_x0()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_named(bad):
    found = parsed("jac", lambda x: {"a": x, "b": np.asarray([1.0, bad])})
    with pytest.raises(ValueError, match=rf"func\(x0\)\['b'\]\[1\] is {bad}; a derivative can"):
        found.values_at_x0()
    with pytest.raises(ValueError, match=rf"func\(x0\) is {bad}"):
        parsed("grad", lambda x: bad).values_at_x0()
