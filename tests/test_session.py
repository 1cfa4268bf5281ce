"""Settings of a process for checks, and the listener that gets every report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from checkgrad import pipeline, verify_grad
from checkgrad.session import SEED, SESSION


def check(**options):
    return verify_grad(lambda x: x @ x, lambda x: 2 * x, np.ones(3), direction="random", **options)


def test_listener_hears_of_every_report_until_the_end():
    heard = []
    with SESSION.listening(heard.append, None, None):
        reports = [check(), check()]
    check()
    assert [id(each) for each in heard] == [id(each) for each in reports]


def test_innermost_listener_hears():
    outer, inner = [], []
    with SESSION.listening(outer.append, 3, None):
        with SESSION.listening(inner.append, None, None):
            assert check().seed == 3
        check()
    assert (len(outer), len(inner)) == (1, 1)


def test_seed_and_budget_hold_where_a_check_names_none():
    with SESSION.listening(lambda report: None, 5, 2):
        assert check().seed == 5
        assert not check().complete
        assert check(rng=7, max_evals=100).seed == 7
        assert check(rng=7, max_evals=100).complete
    assert check().seed == SEED
    assert check().complete


def test_what_was_before_holds_again_after_an_error():
    with pytest.raises(KeyError), SESSION.listening(lambda report: None, 5, 2):
        raise KeyError
    assert (SESSION.seed, SESSION.max_evals) == (SEED, None)


def test_interrupted_check_is_heard_of_too():
    heard = []

    def func(x):
        if x[0] != 1.0:
            raise KeyboardInterrupt
        return x @ x

    with pytest.raises(KeyboardInterrupt), SESSION.listening(heard.append, None, None):
        verify_grad(func, lambda x: 2 * x, np.ones(3))
    assert [report.complete for report in heard] == [False]


def test_check_on_several_ranks_is_heard_of_once_and_as_it_is_returned(monkeypatch):
    def judge_two_claims(problem, group, judge_alone):
        judge_alone(problem)
        return replace(judge_alone(problem), hints=("the claim of rank 1",))

    monkeypatch.setattr(pipeline, "find_group", lambda group, x0: "a group")
    monkeypatch.setattr(pipeline, "check_together", judge_two_claims)
    heard = []
    with SESSION.listening(heard.append, None, None):
        report = check()
    assert [id(each) for each in heard] == [id(report)]
