"""The samples that a report keeps: of which directions, and what they cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from report_cases import VALUES, func, grad, put

from checkgrad import verify_grad, verify_jac

pytestmark = pytest.mark.numpy


def test_those_of_the_named_places_are_kept_in_their_order() -> None:
    def claim(x: Any) -> Any:
        return grad(x) * np.asarray([1.1, 1.0, 1.0, 2.0])

    report = verify_grad(func, claim, VALUES)
    assert [each.where for each in report.samples] == ["x[3]", "x[0]"]
    for line, mismatch in zip(report.samples, report.mismatches, strict=True):
        assert line.where == mismatch.where
        assert (line.claim, line.estimate) == (mismatch.claim, mismatch.estimate)
        assert line.decision == "wrong"


def test_they_are_what_func_returned() -> None:
    report = verify_grad(func, put(2, 5.0), VALUES)
    (line,) = report.samples
    assert line.value == func(VALUES)
    assert np.all(np.diff(line.steps) > 0)
    assert np.all(line.steps != 0)
    assert line.steps.size > 20
    for step, value in zip(line.steps, line.values, strict=True):
        moved = VALUES.copy()
        moved[2] += step
        assert func(moved) == value


def test_those_along_tangents_and_of_outputs_are_kept_too() -> None:
    report = verify_grad(func, put(2, 5.0), VALUES, direction=2)
    assert sorted(each.where for each in report.samples) == ["tangent 0", "tangent 1"]
    report = verify_jac(lambda x: x**2, lambda x: np.diag([2 * x[0], 0.0]), np.asarray([1.0, 3.0]))
    assert [each.where for each in report.samples] == ["d func[1] / d x[1]"]
    assert report.samples[0].value == 9.0


def test_those_of_entries_that_were_located_are_kept() -> None:
    x0 = np.linspace(0.5, 1.5, 20_000)

    def claim(x: Any) -> Any:
        claimed = 3 * x**2
        claimed[1234] *= 1.5
        return claimed

    report = verify_grad(lambda x: np.sum(x**3), claim, x0)
    assert report.located
    assert report.samples[0].where == "x[1234]"
    assert report.samples[0].steps.size > 4
    assert report.rate == pytest.approx(1.0, abs=0.1)


def test_none_are_kept_of_a_correct_claim_or_on_demand() -> None:
    assert verify_grad(func, grad, VALUES).samples == ()
    report = verify_grad(func, put(2, 5.0), VALUES, keep_samples=False)
    assert report.samples == ()
    assert report.mismatches


def test_all_are_sampled_and_kept_on_demand() -> None:
    report = verify_grad(func, grad, VALUES, keep_samples=True)
    assert [each.where for each in report.samples] == ["x[0]", "x[1]", "x[2]", "x[3]"]
    assert all(each.steps.size >= 20 for each in report.samples)
    assert report.n_func == verify_grad(func, grad, VALUES).n_func + 20 * 4
    report = verify_grad(func, put(2, 5.0), VALUES, keep_samples=True)
    assert [each.where for each in report.samples] == ["x[2]", "x[0]", "x[1]", "x[3]"]


def test_they_change_no_verdict() -> None:
    for claim in (grad, put(2, 5.0)):
        one, other = (verify_grad(func, claim, VALUES, keep_samples=k) for k in (True, False))
        assert str(one).splitlines()[:-1] == str(other).splitlines()[:-1]
        np.testing.assert_array_equal(one.estimate, other.estimate)


def test_at_most_a_hundred_are_sampled() -> None:
    x0 = np.linspace(1.0, 2.0, 150)
    report = verify_grad(lambda x: np.sum(x**2), lambda x: 2 * x, x0, keep_samples=True)
    assert len(report.samples) == 100
    assert report.n_func < 150 + 20 * 100


def test_a_budget_that_has_no_room_for_them_is_left_alone() -> None:
    x0 = np.linspace(0.1, 1.0, 20)
    report = verify_grad(func, grad, x0, keep_samples=True, max_evals=100)
    assert report
    assert report.complete
    assert report.n_func <= 100
    assert report.samples == ()  # in a group, no coordinate was sampled by itself


def test_where_the_estimate_was_taken_is_known() -> None:
    report = verify_grad(func, put(2, 5.0), VALUES)
    line = report.samples[0]
    assert np.min(np.abs(line.steps)) <= line.fitted_step <= 1.01 * np.max(np.abs(line.steps))


@pytest.mark.parametrize("wrong_option", ["all", 2, "named"])
def test_an_option_without_meaning_is_refused(wrong_option: Any) -> None:
    with pytest.raises(ValueError, match="pass True, False or None"):
        verify_grad(func, grad, VALUES, keep_samples=wrong_option)
