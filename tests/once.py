"""What takes long to make and several tests need: made once for all workers of pytest-xdist.

A fixture of a module is made by each worker that runs one of its tests. Here the first worker that
asks makes it, and the others wait.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SECONDS = 600  # until a worker no longer waits for the one that makes it


def made_once(
    factory: pytest.TempPathFactory, name: str, make: Callable[[], Any], seconds: float = SECONDS
) -> Any:
    """Return what `make` returns, which JSON can hold. Only one of all workers calls it.

    Parameters
    ----------
    factory : pytest.TempPathFactory
        The fixture `tmp_path_factory`.
    name : str
        What no other caller has.
    make : callable
        If it raises, the other workers raise too, with its message.
    seconds : float
        How long to wait for another worker.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return make()
    folder = factory.getbasetemp().parent
    try:
        (folder / f"{name}.begun").touch(exist_ok=False)
    except FileExistsError:
        return _told(folder / f"{name}.json", seconds)
    found: dict[str, Any] = {"error": "the worker that made it was interrupted"}
    try:
        found = {"made": make()}
    except BaseException as error:
        found = {"error": f"{type(error).__name__}: {error}"}
        raise
    finally:
        unfinished = folder / f"{name}.unfinished"
        unfinished.write_text(json.dumps(found))
        unfinished.rename(folder / f"{name}.json")
    return found["made"]


def _told(path: Path, seconds: float) -> Any:
    end = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"no other worker made {path.name} within {seconds:g} s")
        time.sleep(0.1)
    found = json.loads(path.read_text())
    if "error" in found:
        raise RuntimeError(f"another worker could not make {path.name}: {found['error']}")
    return found["made"]
