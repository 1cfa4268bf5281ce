"""The processes of ``workers=2``, in a script of its own: how they start, die and end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import checkgrad

pytestmark = [
    pytest.mark.numpy,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has other processes"),
]
SECONDS = 60  # for a script, at most

HEAD = """
import multiprocessing, os, signal, sys, time
import numpy as np
from checkgrad import verify_grad

# A shell that starts the tests in the background has them ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
X0 = np.linspace(0.5, 2.0, 6)

def func(x):
    return np.sum(x**3)

def grad(x):
    return 3 * x**2

if __name__ == "__main__":
"""


def start(tmp_path: Path, body: str) -> subprocess.Popen[str]:
    script = tmp_path / "script.py"
    script.write_text(HEAD + textwrap.indent(textwrap.dedent(body), "    "))
    source = str(Path(checkgrad.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
        start_new_session=True,  # a group of processes of its own
    )


def run(tmp_path: Path, body: str) -> list[str]:
    """Return the lines that a script prints. No process of its group is left."""
    process = start(tmp_path, body)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    assert_nobody_is_left(process.pid)
    return out.splitlines()


def assert_nobody_is_left(group: int) -> None:
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    pytest.fail("a process is left")


def test_forked_processes_take_closures_and_end_with_the_check(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
        multiprocessing.set_start_method("fork")
        factor, seen = 2.0, multiprocessing.SimpleQueue()
        X0 = np.linspace(0.5, 2.0, 20)  # several rounds
        def closure(x):
            seen.put(os.getpid())
            return factor * func(x)
        report = verify_grad(closure, lambda x: factor * grad(x), X0, workers=3)
        print(report.verdict.value, report.n_func)
        pids = set()
        while not seen.empty():
            pids.add(seen.get())
        print(len(pids - {os.getpid()}), os.getpid() in pids)
        print(multiprocessing.active_children())
        """,
    )
    assert lines[0].startswith("correct")
    assert lines[1:] == ["3 True", "[]"]  # func(x0) is evaluated in the process of the user


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_processes_take_functions_of_a_module(tmp_path: Path, method: str) -> None:
    lines = run(
        tmp_path,
        f"""
        multiprocessing.set_start_method({method!r})
        print(verify_grad(func, grad, X0, workers=2).verdict.value)
        sys.modules["cloudpickle"] = None
        try:
            verify_grad(lambda x: func(x), grad, X0, workers=2)
        except RuntimeError as error:
            print(error)
        """,
    )
    assert lines[0] == "correct"
    assert lines[1].startswith("func cannot be sent to another process")


def test_a_function_that_a_process_does_not_find_is_an_error(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
        multiprocessing.set_start_method("spawn")
        sys.modules["cloudpickle"] = None
        def late(x):
            return func(x)
        try:
            verify_grad(late, grad, X0, workers=2)
        except RuntimeError as error:
            print(error)
        """,
    )
    assert lines[0].startswith("func cannot be sent to another process (AttributeError")


def test_nothing_is_forked_beside_a_library_that_forbids_it(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
        from checkgrad.evaluate import process_pool
        multiprocessing.set_start_method("fork")
        sys.modules["jax"] = None  # as good as loaded
        print(process_pool._start_method())
        """,
    )
    assert lines == ["forkserver"]


@pytest.mark.parametrize(
    ("end", "said"),
    [("os._exit(3)", "exit code 3"), ("os.kill(os.getpid(), 9)", "exit code -9, SIGKILL")],
)
def test_a_process_that_dies_is_an_error(tmp_path: Path, end: str, said: str) -> None:
    lines = run(
        tmp_path,
        f"""
        here = os.getpid()
        def deadly(x):
            if os.getpid() != here:
                {end}
            return func(x)
        try:
            verify_grad(deadly, grad, X0, workers=2)
        except RuntimeError as error:
            print(error)
        """,
    )
    assert "a worker died while it evaluated func" in lines[0]
    assert said in lines[0]


def test_an_exception_keeps_its_traceback(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
        here, calls = os.getpid(), []
        def failing(x):
            if os.getpid() != here:
                raise ZeroDivisionError("in a worker")
            return func(x)
        report = verify_grad(failing, grad, X0, workers=2)
        print("func raised ZeroDivisionError: in a worker" in str(report))
        """,
    )
    assert lines == ["True"]


SLOW = r"""
def slow(x):
    if os.getpid() != here:
        os.write(1, b"begun\n")
        time.sleep(60)
    return func(x)
here = os.getpid()
try:
    verify_grad(slow, grad, X0, workers=2)
except KeyboardInterrupt as error:
    print(error.report.verdict.value, multiprocessing.active_children())
"""


@pytest.mark.parametrize("everybody", [False, True])
def test_ctrl_c_leaves_no_process(tmp_path: Path, everybody: bool) -> None:
    process = start(tmp_path, SLOW)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    began = time.monotonic()
    if everybody:  # as a terminal does
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert time.monotonic() - began < 20
    assert out.splitlines()[-1] == "inconclusive []"
    assert err == ""
    assert_nobody_is_left(process.pid)


def test_a_parent_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    process = start(tmp_path, SLOW.replace("time.sleep(60)", "time.sleep(0.5)"))
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.communicate(timeout=SECONDS)
    assert_nobody_is_left(process.pid)


def test_a_timeout_leaves_no_process(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
        here = os.getpid()
        def slow(x):
            time.sleep(0.3 * (os.getpid() != here))
            return func(x)
        report = verify_grad(slow, grad, X0, workers=2, timeout=0.4)
        print(report.complete, multiprocessing.active_children())
        """,
    )
    assert lines == ["False []"]


def test_large_points_and_values_pass(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
        from checkgrad import verify_jvp
        x0 = np.linspace(0.5, 2.0, 300_000)
        report = verify_jvp(np.sin, lambda x, v: np.cos(x) * v, x0, direction=4, workers=2)
        print(report.verdict.value)
        """,
    )
    assert lines == ["correct"]
