"""What one worker makes for all."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from once import made_once

pytestmark = pytest.mark.numpy


@pytest.fixture
def in_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")


class Folder:
    """As the fixture `tmp_path_factory`, for a worker of a session that a test makes."""

    def __init__(self, path: Any) -> None:
        self._path = path

    def getbasetemp(self) -> Any:
        return self._path / "worker"


def test_without_workers_it_is_made_by_each_who_asks(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    calls: list[int] = []
    for _ in range(2):
        made_once(Folder(tmp_path), "it", lambda: calls.append(1))
    assert calls == [1, 1]


@pytest.mark.usefixtures("in_a_worker")
def test_several_that_ask_at_once_get_what_one_of_them_makes(tmp_path: Any) -> None:
    calls, found, start = [], [], threading.Barrier(4)

    def make() -> dict[str, int]:
        calls.append(1)
        return {"calls": len(calls)}

    def ask() -> None:
        start.wait()
        found.append(made_once(Folder(tmp_path), "it", make))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"calls": 1}] * 4
    assert made_once(Folder(tmp_path), "another", lambda: 2) == 2


@pytest.mark.usefixtures("in_a_worker")
def test_what_fails_fails_for_all(tmp_path: Any) -> None:
    def make() -> None:
        raise OSError("no rank came")

    with pytest.raises(OSError, match="no rank came"):
        made_once(Folder(tmp_path), "it", make)
    with pytest.raises(RuntimeError, match=r"another worker .* it\.json: OSError: no rank came"):
        made_once(Folder(tmp_path), "it", make)


@pytest.mark.usefixtures("in_a_worker")
def test_a_worker_does_not_wait_for_ever(tmp_path: Any) -> None:
    (tmp_path / "it.begun").touch()
    with pytest.raises(TimeoutError, match=r"no other worker made it\.json within 0\.2 s"):
        made_once(Folder(tmp_path), "it", lambda: 1, seconds=0.2)
