"""How large the error of the whole claim can be, by what was seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from checkgrad import Verdict, verify_grad, verify_jac, verify_jvp
from checkgrad.report.bound import norm

pytestmark = pytest.mark.libraries("numpy")


def wrong_by(error, **options):
    """Check a claim whose error is random and has a norm relative to that of the claim."""
    rng = np.random.default_rng(options.pop("seed", 0))
    x0 = 0.5 + rng.random(1500)
    right = np.cos(x0) / x0.size
    off = rng.standard_normal(x0.size) * (rng.random(x0.size) < 0.3)
    off *= error * np.linalg.norm(right * x0) / max(np.linalg.norm(off * x0), 1e-300)
    return verify_grad(
        lambda x: np.mean(np.sin(x)), lambda x: np.cos(x) / x.size + off, x0, **options
    )


def test_the_bound_is_stated_with_its_confidence():
    report = wrong_by(0.0)
    assert report.confidence == 0.95
    assert 0 < report.error_bound < 2e-6
    (line,) = [each for each in str(report).splitlines() if "confidence" in each]
    assert line == f"  with 95% confidence the relative error is below {2e-6:.0e}"
    assert "95% confidence" in report._repr_html_()
    assert "error_bound" in report.to_dict()


@pytest.mark.parametrize(("count", "factor"), [(1, 15.947), (10, 1.593), (100, 1.133)])
def test_it_is_that_of_the_chi_square_distribution(count, factor):
    report = wrong_by(0.1, direction=count, locate="off", rng=1)
    residual = report.error / math.sqrt(count)
    x0 = 0.5 + np.random.default_rng(0).random(1500)
    size = np.linalg.norm(np.cos(x0) / x0.size * x0)
    expected = factor * residual / size
    # Tangents that were sampled at one step only may be off by truncation.
    assert 0.92 * expected <= report.error_bound <= 1.4 * expected


def test_it_holds_as_often_as_it_says():
    held = sum(
        wrong_by(0.01, seed=seed, rng=seed, locate="off", direction=3).error_bound >= 0.01
        for seed in range(40)
    )
    assert held >= 35


@pytest.mark.full
def test_it_holds_in_95_percent_of_200_draws():
    bounds = [wrong_by(0.01, seed=s, rng=s, locate="off").error_bound for s in range(200)]
    assert np.mean(np.asarray(bounds) >= 0.0099) >= 0.95


def test_along_all_coordinates_it_is_certain():
    x0 = np.linspace(0.5, 1, 20)
    right = verify_grad(lambda x: np.sum(np.sin(x)), np.cos, x0)
    assert right.confidence == 1
    assert right.relative_error <= right.error_bound < right.rtol
    assert "confidence" not in str(right)
    wrong = verify_grad(lambda x: np.sum(np.sin(x)), lambda x: 2 * np.cos(x), x0)
    assert wrong.verdict is Verdict.WRONG
    assert wrong.error_bound == pytest.approx(0.5, rel=1e-3)


def test_it_is_unknown_along_tangents_of_the_users():
    x0 = np.linspace(0.5, 1, 20)
    report = verify_grad(lambda x: np.sum(np.sin(x)), np.cos, x0, direction=np.ones(20))
    assert (report.error_bound, report.confidence) == (None, None)


def test_several_outputs_share_the_chance():
    x0 = np.linspace(0.5, 1, 1200)

    def func(x):
        return np.stack([np.mean(np.sin(x)), np.mean(x**2)])

    def jac(x):
        return np.stack([np.cos(x), 2 * x]) / x.size

    report = verify_jac(func, jac, x0, direction=10)
    assert report.confidence == 0.95
    assert 0 < report.error_bound < 1e-5
    by_jvp = verify_jvp(func, lambda x, tangent: jac(x) @ tangent, x0, direction=10)
    assert by_jvp.confidence == 0.95
    assert report.error_bound < by_jvp.error_bound < 1e-4


def test_sums_of_many_outputs_say_nothing_of_each():
    x0 = np.linspace(0.5, 1, 30)
    report = verify_jac(np.sin, lambda x: np.diag(np.cos(x)), x0, direction=3)
    assert report.error_bound is None


def test_norms_do_not_overflow():
    assert norm(np.array([3e200, 4e200])) == pytest.approx(5e200)
    assert norm(np.empty(0)) == 0
    assert norm(np.array([1.0, math.inf])) == math.inf


def test_it_is_finite_where_entries_were_searched():
    report = wrong_by(0.1)
    assert report.verdict is Verdict.WRONG
    assert 0.05 < report.error_bound < 1
