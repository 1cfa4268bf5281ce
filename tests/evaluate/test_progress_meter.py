"""Who is told how far a check is, how often, and what."""

from __future__ import annotations

import subprocess
import sys
import types
from typing import Any, ClassVar

import numpy as np
import pytest

from checkgrad import verify_grad
from checkgrad.evaluate import progress_meter
from checkgrad.evaluate.progress_meter import ProgressError, ProgressMeter, make_meter

Told = list[tuple[int, int, str]]


def run(evaluations: int, expected: int, most: float = float("inf")) -> Told:
    """What is told of a check that takes some evaluations, where others are expected."""
    told: Told = []
    meter = ProgressMeter(lambda *said: told.append(said))
    meter.most = most
    meter.phase("directions", 0, expected)
    for done in range(evaluations):
        meter.tell(done)
    meter.end(evaluations, is_complete=True)
    return told


@pytest.mark.parametrize(
    ("evaluations", "expected"), [(5, 5), (5, 1000), (10_000, 10_000), (50_000, 100), (3, 0)]
)
def test_done_never_falls_and_reaches_the_total_at_the_end(evaluations: int, expected: int) -> None:
    told = run(evaluations, expected)
    done = [said[0] for said in told]
    assert done == sorted(done)
    assert all(said[0] <= said[1] for said in told)
    assert told[-1] == (evaluations, evaluations, "end")


@pytest.mark.parametrize(
    ("evaluations", "most"), [(50, 55), (200, 105), (10_000, 400), (1_000_000, 800)]
)
def test_nobody_is_told_more_than_some_hundred_times(evaluations: int, most: int) -> None:
    assert len(run(evaluations, 200)) <= most


def test_the_total_is_no_larger_than_what_is_allowed() -> None:
    assert max(said[1] for said in run(100, 10, most=100)) == 100


def test_each_phase_is_told_once_by_its_name() -> None:
    told: Told = []
    meter = ProgressMeter(lambda *said: told.append(said))
    for name in ("noise", "noise", "directions"):
        meter.phase(name, 0, 10)
    assert [said[2] for said in told] == ["noise", "directions"]


def test_evaluations_that_were_given_back_are_not_taken_off() -> None:
    told: Told = []
    meter = ProgressMeter(lambda *said: told.append(said))
    meter.tell(50)
    meter.phase("directions", 20, 30)
    assert told[-1][0] == 50


def test_a_check_that_was_stopped_does_not_reach_its_total() -> None:
    told: Told = []
    meter = ProgressMeter(lambda *said: told.append(said))
    meter.phase("directions", 0, 100)
    meter.end(40, is_complete=False)
    assert told[-1] == (40, 100, "stopped")


def test_an_error_is_no_exception_that_a_check_may_catch() -> None:
    def fails(*_: Any) -> None:
        raise ValueError("mine")

    with pytest.raises(ProgressError) as caught:
        ProgressMeter(fails).tell(1)
    assert not isinstance(caught.value, Exception)
    assert str(caught.value.error) == "mine"


# A bar


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Bar:
    """As much of tqdm as a bar needs."""

    made: ClassVar[list[Bar]] = []

    def __init__(self, total: int, unit: str, desc: str, smoothing: float) -> None:
        self.total, self.unit, self.text, self.n, self.closed = total, unit, desc, 0, False
        self.start_t = 100.0
        Bar.made.append(self)

    def update(self, more: int) -> None:
        self.n += more

    def set_description_str(self, text: str, refresh: bool) -> None:
        self.text = text

    def refresh(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Put bars that a test can look at in the place of tqdm's, and a clock in that of Python's."""
    auto = types.ModuleType("tqdm.auto")
    auto.tqdm = Bar  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", auto)
    monkeypatch.setattr(Bar, "made", [])
    turned = Clock()
    monkeypatch.setattr(progress_meter, "clock", turned)
    return turned


def test_true_shows_a_bar_once_a_check_takes_long(clock: Clock) -> None:
    meter = make_meter(True)
    assert meter is not None
    meter.phase("noise", 0, 10)
    clock.now = 2.0
    meter.phase("directions", 3, 10)
    meter.tell(4)
    (bar,) = Bar.made
    assert (bar.n, bar.total, bar.text) == (4, 10, "directions")
    assert bar.start_t == 98.0  # it counts the time before it was made
    meter.end(7, is_complete=True)
    meter.close()
    assert (bar.n, bar.total, bar.closed) == (7, 7, True)


def test_a_short_check_shows_none(clock: Clock) -> None:
    meter = make_meter(True)
    assert meter is not None
    meter.phase("directions", 0, 10)
    clock.now = 0.9
    meter.end(10, is_complete=True)
    meter.close()
    assert Bar.made == []


@pytest.mark.parametrize("claim", [lambda x: 2 * x, lambda x: x])
def test_a_bar_of_a_check_is_closed_at_its_end(clock: Clock, claim: Any) -> None:
    def func(x: Any) -> Any:
        clock.now += 0.5
        return x @ x

    verify_grad(func, claim, np.ones(3), progress=True)
    (bar,) = Bar.made
    assert bar.closed


@pytest.mark.parametrize("raised", [MemoryError, KeyboardInterrupt])
def test_a_bar_of_a_check_is_closed_if_func_raises(
    clock: Clock, raised: type[BaseException]
) -> None:
    calls = 0

    def func(x: Any) -> Any:
        nonlocal calls
        calls += 1
        clock.now += 0.5
        if calls > 5:
            raise raised("mine")
        return x @ x

    with pytest.raises(raised):
        verify_grad(func, lambda x: x, np.ones(3), progress=True)
    (bar,) = Bar.made
    assert bar.closed


def test_tqdm_itself_writes_nothing_for_a_short_check(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    verify_grad(lambda x: x @ x, lambda x: 2 * x, np.ones(3), progress=True)
    assert capfd.readouterr().err == ""


def test_tqdm_itself_shows_the_phase_and_the_evaluations(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    turned = Clock()
    monkeypatch.setattr(progress_meter, "clock", turned)

    def func(x: Any) -> Any:
        turned.now += 0.5
        return x @ x

    report = verify_grad(func, lambda x: 2 * x, np.ones(3), progress=True)
    last = capfd.readouterr().err.split("\r")[-1]
    assert last.startswith("end: 100%")
    assert f"{report.n_func}/{report.n_func}" in last


NOTEBOOK = """
import contextlib, io, sys, types, warnings
import numpy as np

WIDGETS
from checkgrad import verify_grad
from checkgrad.evaluate import progress_meter

class Clock:
    now = 0.0
    def __call__(self):
        return self.now

clock = progress_meter.clock = Clock()

def func(x):
    clock.now += 0.1
    return np.sum(x**3)

warnings.simplefilter("always")
shown = io.StringIO()
with contextlib.redirect_stderr(shown):
    verify_grad(func, lambda x: 3 * x**2, np.linspace(1, 2, 40), direction="all", progress=True)
"""
# By what tqdm tells a notebook, in old versions and in new ones.
KERNEL = """
kernel = types.ModuleType("IPython")
kernel.get_ipython = lambda: types.SimpleNamespace(config={"IPKernelApp": {}})
sys.modules |= {"IPython": kernel, "ipykernel.zmqshell": types.ModuleType("zmqshell")}
"""
# What tqdm asks of ipywidgets to show a bar.
FAKE_WIDGETS = """
class Widget:
    made = []
    def __init__(self, children=(), **options):
        self.children, self.layout = children, types.SimpleNamespace()
        self.style = types.SimpleNamespace(bar_color=None)
        self.__dict__.update(options)
        Widget.made.append(self)

class Progress(Widget):
    pass

display = types.ModuleType("IPython.display")
display.display = lambda *shown: None
widgets = types.ModuleType("ipywidgets")
widgets.__version__, widgets.HBox, widgets.HTML = "8.0.0", Widget, Widget
widgets.FloatProgress = Progress
widgets.IntProgress = Progress
sys.modules |= {"IPython.display": display, "ipywidgets": widgets}
"""
NO_WIDGETS = "sys.modules['ipywidgets'] = None"


def in_a_notebook(widgets: str, code: str) -> str:
    """Return what a check with a bar prints where tqdm takes the process for a notebook."""
    program = NOTEBOOK.replace("WIDGETS", KERNEL + widgets) + code
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return ran.stdout


def test_a_notebook_without_widgets_shows_a_bar_of_text_and_no_warning() -> None:
    pytest.importorskip("tqdm")
    lines = in_a_notebook(NO_WIDGETS, "print(*shown.getvalue().split(chr(13)), sep=chr(10))")
    assert "Warning" not in lines
    assert lines.strip().splitlines()[-1].startswith("end: 100%")


def test_a_bar_of_a_notebook_has_the_total_that_it_says() -> None:
    pytest.importorskip("tqdm")
    code = "(bar,) = [w for w in Widget.made if isinstance(w, Progress)]; print(bar.max, bar.value)"
    most, value = in_a_notebook(FAKE_WIDGETS, code).split()
    assert most == value


def test_a_bar_needs_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"pip install 'checkgrad\[progress\]', or pass a func"):
        make_meter(True)


@pytest.mark.parametrize("progress", [False, None])
def test_nobody_is_told_by_default(progress: Any) -> None:
    assert make_meter(progress) is None
