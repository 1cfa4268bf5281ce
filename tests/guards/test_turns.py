"""Turns: no call is lost or counted twice, and one thread at a time checks."""

from __future__ import annotations

import pickle
import threading

import pytest

from checkgrad.guards.turns import Turns

pytestmark = pytest.mark.numpy


def test_the_first_call_is_to_be_checked_and_then_the_one_that_is_named() -> None:
    turns = Turns()
    assert turns.take() == 0
    assert turns.take() is None  # the check is not over
    turns.wait_until(4)
    assert [turns.take() for _ in range(4)] == [None, None, 4, None]
    assert turns.n_calls == 6


def test_a_call_that_has_passed_is_named_in_vain() -> None:
    turns = Turns()
    turns.take()
    assert [turns.take() for _ in range(3)] == [None] * 3
    turns.wait_until(2)
    assert turns.take() == 4


def test_a_copy_goes_on_where_the_original_stood() -> None:
    turns = Turns()
    turns.take()
    turns.wait_until(3)
    turns.take()
    copy = pickle.loads(pickle.dumps(turns))
    assert [copy.take() for _ in range(2)] == [None, 3]
    assert (copy.n_calls, turns.n_calls) == (4, 2)


def test_threads_lose_no_call_and_check_one_at_a_time() -> None:
    turns, checked, checking = Turns(), [], []

    def ask() -> None:
        for _ in range(2000):
            if (call := turns.take()) is not None:
                checking.append(call)
                assert len(checking) == 1
                checked.append(call)
                checking.pop()
                turns.wait_until(call + 5)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert turns.n_calls == 8000
    assert len(set(checked)) == len(checked)
    assert checked == sorted(checked)
