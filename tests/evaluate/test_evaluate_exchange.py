"""Messages between ranks: threads in the place of processes, a dictionary in that of a store."""

from __future__ import annotations

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from checkgrad.backends import LostError
from checkgrad.evaluate import exchange
from checkgrad.evaluate.exchange import Ended, Exchange, Late, RanksError


class Ranks:
    """A group whose messages are in a dictionary."""

    def __init__(self, rank, messages, size=2):
        self.rank, self.size, self.messages = rank, size, messages

    def start(self):
        pass

    def post(self, key, message):
        self.messages[key] = message

    def read(self, key):
        return self.messages.get(key)

    def forget(self, key):
        del self.messages[key]


def on_all_ranks(check, size=2):
    """Return what a function of an exchange returns or raises on each rank."""
    messages = {}

    def alone(rank):
        try:
            return check(Exchange(Ranks(rank, messages, size)), rank)
        except BaseException as error:
            return error

    with ThreadPoolExecutor(size) as executor:
        return list(executor.map(alone, range(size)))


def test_all_ranks_get_the_messages_of_all():
    def check(between, rank):
        with between.running():
            return [between.all("a number", rank), between.all("a square", rank**2)]

    assert on_all_ranks(check, 3) == [[[0, 1, 2], [0, 1, 4]]] * 3


def test_messages_that_all_have_read_are_taken_away():
    def check(between, rank):
        for k in range(5):
            between.all("a number", k + rank)
        return sorted(between.group.messages)

    assert "2/0" not in on_all_ranks(check)[0]


def test_ranks_at_different_places_are_told_so():
    first, second = on_all_ranks(lambda between, rank: between.all(["here", "there"][rank], 0))
    assert isinstance(first, Ended)
    assert isinstance(second, Ended)
    assert "rank 1 at there, rank 0 at here" in str(first.error)


def test_rank_that_raises_is_not_waited_for():
    def check(between, rank):
        with between.running():
            if rank:
                raise ValueError("no")
            return between.all("a number", 0)

    first, second = on_all_ranks(check)
    assert isinstance(first, Ended)
    assert str(first.error) == "rank 1 has left the check: ValueError: no"
    assert isinstance(second, ValueError)


def test_message_of_a_rank_that_has_left_since_is_read():
    def check(between, rank):
        if rank:
            between.group.post("0/1", pickle.dumps(("a number", 7)))
            between.leave("it is done")
            return None
        time.sleep(0.05)
        return between.all("a number", 3)

    assert on_all_ranks(check)[0] == [3, 7]


def test_rank_that_gives_no_sign_of_life_is_dead(monkeypatch):
    monkeypatch.setattr(exchange, "_DEAD", 0.2)

    def check(between, rank):
        if rank:
            between.group.post("beat/1", b"0")
            return None
        return between.all("a number", 3)

    assert "rank 1 gives no sign of life" in str(on_all_ranks(check)[0])


def test_slow_rank_is_waited_for_as_long_as_it_lives(monkeypatch):
    monkeypatch.setattr(exchange, "_DEAD", 0.3)
    monkeypatch.setattr(exchange, "_BEAT", 0.05)

    def check(between, rank):
        with between.running():
            time.sleep(rank)
            return between.all("a number", rank)

    assert on_all_ranks(check) == [[0, 1], [0, 1]]


def test_rank_is_waited_for_at_most_as_long_as_asked():
    def check(between, rank):
        return None if rank else between.all("a number", 3, at_most=0.1)

    assert isinstance(on_all_ranks(check)[0], Late)


def test_lost_messages_end_the_check():
    class Lost(Ranks):
        def post(self, key, message):
            raise LostError("broken pipe")

    between = Exchange(Lost(0, {}))
    with pytest.raises(Ended) as caught:
        between.all("a number", 3)
    assert isinstance(caught.value.error, RanksError)
    between.leave("it is done")


def test_no_thread_is_left():
    before = threading.active_count()
    with Exchange(Ranks(0, {}, 1)).running():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
