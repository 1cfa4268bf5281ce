"""Notes on a func: kinks, noise, and how it was evaluated."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from checkgrad import Verdict, verify_grad
from checkgrad.pipeline import examine
from checkgrad.problem import Options, Problem
from checkgrad.report.notes import not_repeatable, notes_on, remarks_on


def notes(func, claim, x0=(0.3, 1.1), form="grad", **options):
    problem = Problem(form, func, claim, np.asarray(x0), (), Options(**options))
    return list(notes_on(examine(problem)))


def smooth(x):
    return np.sum(np.sin(x))


def test_a_smooth_func_has_no_notes():
    assert notes(smooth, np.cos) == []
    assert notes(smooth, lambda x: 2 * np.cos(x)) == []


def test_the_first_kink_is_named_with_both_slopes():
    def subgradient(x):
        return np.where(x == 0, 0.5, np.sign(x))

    (note,) = notes(lambda x: np.sum(np.abs(x)), subgradient, [0.5, 0.0, 0.0])
    assert note == "func has a kink at x[1]: every claim from -1 to 1 is a subgradient"


def test_a_func_that_casts_is_said_to():
    def cast(x):
        return float(np.sum(np.sin(x.astype(np.float32))))

    (note,) = notes(cast, np.cos)
    assert note == ("func computes in a coarser dtype than its input, of about 7 digits (float32?)")


def test_noise_that_the_dtype_does_not_explain_is_noted_once():
    def table(x):
        return np.stack([np.round(smooth(x), 9)] * 2)

    found = notes(table, lambda x: np.stack([np.cos(x)] * 2), form="jac")
    assert [note[:47] for note in found] == ["func is noisier than its dtype explains, or cha"]


def test_noise_is_relative_to_the_largest_output():
    def two(x):  # the second is what a sum of large terms leaves
        large = 1e6 * smooth(x)
        return np.stack([large, (large + smooth(x)) - large])

    jacobian = [[1e6], [1.0]]
    assert notes(two, lambda x: jacobian * np.cos(x), form="jac") == []


def test_arrays_that_are_not_differentiated_are_named():
    fixed = {f"k{i}": np.arange(2) for i in range(5)}
    x0 = {"a": np.ones(2), **fixed}
    problem = Problem("grad", lambda p: smooth(p["a"]), lambda p: p | {"a": np.cos(p["a"])}, x0)
    (note,) = notes_on(examine(problem))
    assert note == ("not differentiated, since not floating: p['k0'], p['k1'], p['k2'] and 2 more")


def test_what_came_up_on_the_way_is_noted_once():
    def moduli(x):
        return np.abs(x) ** 2

    found = notes(moduli, lambda x: np.diag(2 * x), form="jac", method="complex-step")
    assert [note[:42] for note in found] == ["complex steps and differences disagree: fu"]


def test_a_batch_that_cannot_be_had_is_noted():
    problem = Problem("grad", smooth, np.cos, np.ones(2))
    result = examine(problem)
    result.evaluator.batch.obstacle = "it prints"
    assert list(notes_on(result)) == []
    assert list(remarks_on(result)) == [
        "func was evaluated at one point at a time, since it cannot be mapped: it prints"
    ]


@pytest.mark.parametrize(("value", "again"), [(1.0, 2.0), (0.1, 0.30000000000000004)])
def test_two_values_are_given_with_all_digits(value, again):
    assert f"returned {value!r} and {again!r};" in not_repeatable(value, again)


def test_what_there_is_nothing_to_do_about_stands_in_the_last_line():
    report = dataclasses.replace(verify_grad(smooth, np.cos, np.ones(2)), remarks=("it prints",))
    assert report.hints == ()
    assert str(report).splitlines()[-1].endswith("; it prints")
    assert report.to_dict()["remarks"] == ["it prints"]


def test_an_exception_off_x0_is_said_with_the_point():
    def func(x):
        if x[1] < 1:
            raise ValueError("too small")
        return smooth(x)

    (hint,) = verify_grad(func, np.cos, np.ones(2)).hints
    assert hint.startswith("func raised ValueError: too small at x[1] = 0.99999")
    assert hint.endswith(", which was taken for the edge of its domain")


@pytest.mark.parametrize("direction", ["all", "random"])
def test_an_exception_is_said_once(direction):
    def func(x):
        if np.any(x != 1):
            raise ValueError("never")
        return smooth(x)

    report = verify_grad(func, np.cos, np.ones(5), direction=direction)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert str(report).count("ValueError: never at ") == 1


@pytest.mark.parametrize(("narrower", "rtol"), [("float32", "1e-03"), ("float16", "5e-02")])
def test_a_claim_narrower_than_x0_is_said_with_its_rtol(xp, narrower, rtol):
    if not {narrower, "float64"} <= set(xp.float_dtypes):
        pytest.skip(f"{xp.name} has no {narrower} and float64 here")
    x0 = xp.asarray([0.3, 1.1], "float64")
    narrow = xp.detach(xp.asarray(np.cos([0.3, 1.1]).tolist(), narrower))
    func = lambda x: xp.sum(xp.sin(x))  # noqa: E731
    report = verify_grad(func, lambda x: narrow, x0)
    assert f"the claim is {narrower} and x0 is float64, so that rtol is {rtol}" in str(report)
    assert "so that rtol is" not in str(verify_grad(func, lambda x: narrow, x0, rtol=0.04))
