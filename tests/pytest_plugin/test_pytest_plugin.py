"""The plugin in runs of pytest: how failures look, what is collected, what is written."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import checkgrad
import checkgrad.pytest_plugin.assertions
import checkgrad.pytest_plugin.checks
import checkgrad.pytest_plugin.failures
import checkgrad.pytest_plugin.fixture
import checkgrad.pytest_plugin.pages
import checkgrad.pytest_plugin.recorder
import checkgrad.pytest_plugin.summary
from checkgrad import verify_grad

pytest_plugins = "pytester"

# Runs inside of this process forget the modules that they import: all of them are here before.
for factor in (1, 2):
    verify_grad(lambda x: x @ x, lambda x, factor=factor: factor * x, np.ones(3))

# No plugin but ours, whether checkgrad is installed or not.
PLUGIN = ["-p", "checkgrad.pytest_plugin", "-p", "no:cacheprovider"]

FUNCTIONS = """
import numpy as np
import pytest
from checkgrad import GradientError, Verdict, assert_grad, verify_grad

X0 = np.array([1.5, -1.5])

def func(x):
    return x[0] ** 2 - 0.5 * x[1] ** 3

def grad(x):
    return np.array([2 * x[0], -1.5 * x[1] ** 2])

def broken(x):
    return np.array([2 * x[0], 1.5 * x[1] ** 2])
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs tests, beside the functions above."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(tests: str, *options: str, subprocess: bool = False) -> pytest.RunResult:
        pytester.makepyfile(test_loss=FUNCTIONS + tests)
        start = pytester.runpytest_subprocess if subprocess else pytester.runpytest_inprocess
        return start(*PLUGIN, *options)

    return run


def failure(result: pytest.RunResult) -> list[str]:
    """Return the lines of the only failure."""
    lines = result.outlines
    start = next(i for i, line in enumerate(lines) if line.startswith("____"))
    stop = next(i for i, line in enumerate(lines) if i > start and line.startswith("===="))
    return [line for line in lines[start + 1 : stop] if line]


# --- how a failing check looks -------------------------------------------------------------------

FAILING = {
    "assert_grad": "def test_it():\n    assert_grad(func, broken, X0)\n",
    "raise_for_verdict": (
        "def test_it():\n    verify_grad(func, broken, X0).raise_for_verdict()\n"
    ),
    "assert": "def test_it():\n    assert verify_grad(func, broken, X0)\n",
    "fixture": "def test_it(checkgrad):\n    checkgrad.assert_grad(func, broken, X0)\n",
    "unittest": (
        "import unittest\n"
        "class TestIt(unittest.TestCase):\n"
        "    def test_it(self):\n"
        "        assert_grad(func, broken, X0)\n"
    ),
}


@pytest.mark.parametrize("tests", FAILING.values(), ids=FAILING)
def test_failing_check_shows_the_report_first_and_the_line_of_the_test_last(run, tests):
    lines = failure(run(tests))
    assert lines[0].startswith(
        "E   wrong: the claim is off by 149% (2-norm), at 1 of 2 coordinates"
    )
    assert any("x[1]  claim 3.375" in line for line in lines)
    assert any("func, broken, X0" in line for line in lines)
    assert len(lines) <= 25
    assert not any("checkgrad/" in line or "def raise_for_verdict" in line for line in lines)


@pytest.mark.parametrize("name", ["assert_grad", "raise_for_verdict", "fixture"])
def test_short_summary_names_the_public_error_and_the_verdict(run, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "200")
    result = run(FAILING[name], "-rf")
    result.stdout.fnmatch_lines(
        ["FAILED test_loss.py::test_it - checkgrad.GradientError: wrong: the claim is off by 149%*"]
    )


@pytest.mark.parametrize("style", ["long", "short", "line", "native"])
def test_no_style_shows_a_frame_of_ours(run, style):
    result = run(FAILING["assert_grad"], f"--tb={style}")
    assert "checkgrad/api" not in result.stdout.str()
    assert "wrong: the claim is off by 149%" in result.stdout.str()


def test_full_trace_shows_all_frames(run):
    result = run(FAILING["assert_grad"], "--full-trace")
    assert "assertions.py" in result.stdout.str()


def test_error_of_a_door_shows_the_line_of_the_test_alone(run):
    result = run("def test_it():\n    assert_grad(func, lambda x: np.ones(3), X0)\n")
    lines = failure(result)
    assert any(line.startswith("E       ValueError: grad returned shape (3,)") for line in lines)
    assert len(lines) <= 8


def test_error_of_the_users_function_shows_that_function(run):
    result = run(
        "def bad(x):\n    return x['a']\n\ndef test_it():\n    assert_grad(bad, grad, X0)\n"
    )
    text = "\n".join(failure(result))
    assert "return x['a']" in text
    assert "assert_grad(bad, grad, X0)" in text
    assert "checkgrad/" not in text


def test_notes_of_others_are_shown_too(run):
    result = run(
        "def test_it():\n"
        "    try:\n"
        "        assert_grad(func, broken, X0)\n"
        "    except GradientError as error:\n"
        "        error.add_note('Falsifying example: 3')\n"
        "        raise\n"
    )
    assert any("Falsifying example: 3" in line for line in failure(result))


@pytest.mark.parametrize(
    ("comparison", "explained"),
    [
        ("report.verdict == Verdict.CORRECT", "assert Verdict.WRONG == Verdict.CORRECT"),
        ("report.verdict is Verdict.CORRECT", "assert Verdict.WRONG is Verdict.CORRECT"),
        ("report == True", "write `assert report`"),
        ("report == verify_grad(func, grad, X0)", "verdict: <Verdict.WRONG: 'wrong'> != "),
    ],
)
def test_comparisons_explain_themselves(run, comparison, explained):
    result = run(
        f"def test_it():\n    report = verify_grad(func, broken, X0)\n    assert {comparison}\n"
    )
    text = result.stdout.str()
    assert explained in text
    assert "claim 3.375" in text


def test_other_assertions_look_as_they_always_do(run):
    tests = "def test_it():\n    assert verify_grad(func, grad, X0)\n    assert 1 == 2\n"
    lines = failure(run(tests))
    assert lines[-1] == "test_loss.py:17: AssertionError"
    assert not any("claim" in line for line in lines)


TWO_REPORTS = """
def test_it():
    first = verify_grad(func, broken, X0)
    second = verify_grad(func, broken, 2 * X0)
    assert repr(first)[:60] == repr(second)[:60]
    assert {}
"""


@pytest.mark.parametrize(
    ("asserted", "claim"),
    [
        ("first", "claim 3.375"),
        ("second", "claim 13.5"),
        ("second, 'a message'", "claim 13.5"),
        ("all([first])", "claim 3.375"),
        ("[None, second][1]", "claim 13.5"),
    ],
)
def test_of_reports_that_look_alike_the_asserted_one_is_shown(run, asserted, claim):
    lines = failure(run(TWO_REPORTS.format(asserted)))
    shown = [line for line in lines if line.startswith("E     x[1]")]
    assert [claim in line for line in shown] == [True]


def test_of_reports_without_names_the_last_one_is_shown(run):
    tests = """
def made(scale):
    return verify_grad(func, broken, scale * X0)

def test_it():
    made(1).hints
    assert made(2)
"""
    shown = [line for line in failure(run(tests)) if line.startswith("E     x[1]")]
    assert ["claim 13.5" in line for line in shown] == [True]


MADE_BEFORE = {
    "fixture": """
@pytest.fixture
def report():
    return verify_grad(func, broken, X0)

def test_it(report):
    assert {}
""",
    "fixture of the module": """
@pytest.fixture(scope="module")
def report():
    return verify_grad(func, broken, X0)

def test_other(report):
    pass

def test_it(report):
    assert {}
""",
    "setup_method": """
class TestIt:
    def setup_method(self):
        self.report = verify_grad(func, broken, X0)

    def test_it(self):
        report = self.report
        assert {}
""",
    "setUpClass": """
import unittest

class TestIt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.report = verify_grad(func, broken, X0)

    def test_0(self):
        pass

    def test_it(self):
        report = self.report
        assert {}
""",
    "module": """
report = verify_grad(func, broken, X0)

def test_it():
    assert {}
""",
}


@pytest.mark.parametrize("comparison", ["report", "report.verdict == Verdict.CORRECT"])
@pytest.mark.parametrize("where", MADE_BEFORE)
def test_report_made_before_the_test_is_shown(run, where, comparison):
    text = "\n".join(failure(run(MADE_BEFORE[where].format(comparison))))
    assert "x[1]  claim 3.375" in text


def test_report_of_unittest_is_shown(run):
    tests = MADE_BEFORE["setUpClass"].replace("assert {}", "self.assertTrue(report)")
    assert "x[1]  claim 3.375" in "\n".join(failure(run(tests)))


def test_check_at_module_scope_counts_for_no_test(run):
    text = run(MADE_BEFORE["module"].format("report")).stdout.str()
    assert " in 1 test" not in text


IN_A_THREAD = """
import threading

may_end, has_begun, threads = threading.Event(), threading.Event(), []

def slow(x):
    has_begun.set()
    assert may_end.wait(60)
    return func(x)

def test_begins():
    thread = threading.Thread(target=verify_grad, args=(slow, broken, X0))
    thread.start()
    threads.append(thread)
    assert has_begun.wait(60)

def test_other(checkgrad):
    may_end.set()
    threads[0].join()
    assert checkgrad.reports == ()
    thread = threading.Thread(target=verify_grad, args=(func, grad, X0))
    thread.start()
    thread.join()
    assert len(checkgrad.reports) == 1
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_check_in_a_thread_that_outlives_its_test_counts_for_no_test(run, pytester, workers):
    options = ["--checkgrad-report=found"]
    if workers:
        pytest.importorskip("xdist")
        options += ["-p", "xdist.plugin", f"-n{workers}"]
    result = run(IN_A_THREAD, *options, subprocess=True)
    result.assert_outcomes(passed=2)
    text = result.stdout.str()
    assert "1 check in 1 test: 1 correct" in text
    assert "begun before the test in which they ended, of no test: 1" in text
    (check,) = json.loads((pytester.path / "found" / "checks.json").read_text())["checks"]
    assert check["test"].endswith("test_other")


def test_reports_that_no_test_can_reach_are_not_kept(run):
    tests = """
import gc
import weakref

made = []

@pytest.fixture
def report():
    found = verify_grad(func, broken, X0)
    made.append(weakref.ref(found))
    return found

def test_it(report):
    pass

def test_later():
    gc.collect()
    assert made[0]() is None
"""
    run(tests).assert_outcomes(passed=2)


# --- what is collected ---------------------------------------------------------------------------

COLLECTED = """
def test_wrong(checkgrad):
    with pytest.raises(checkgrad.GradientError):
        checkgrad.assert_grad(func, broken, X0)
    assert verify_grad(func, grad, X0)
    assert [bool(report) for report in checkgrad.reports] == [False, True]

def test_correct(checkgrad):
    assert checkgrad.reports == ()
    checkgrad.assert_grad(func, grad, X0)

@pytest.fixture
def checked():
    assert_grad(func, grad, X0)

def test_in_a_fixture(checked):
    pass

def test_none():
    pass
"""


def test_fixture_collects_the_reports_of_its_test(run):
    run(COLLECTED).assert_outcomes(passed=4)


def test_summary_counts_checks(run):
    result = run(COLLECTED)
    result.stdout.fnmatch_lines(
        ["*= checkgrad =*", "4 checks in 3 tests: 3 correct, 1 wrong; * evaluations of func in * s"]
    )


@pytest.mark.parametrize("options", [(), ("-q",)], ids=["", "quiet"])
def test_summary_says_nothing_where_nothing_is_to_be_said(run, options):
    tests = "def test_none():\n    pass\n" if not options else COLLECTED
    assert "checks in" not in run(tests, *options).stdout.str()


def written(pytester: pytest.Pytester, name: str = "out"):
    return json.loads((pytester.path / name / "checks.json").read_text(encoding="utf-8"))


def without_times(found):
    for check in found["checks"]:
        assert check.pop("seconds") > 0
        assert check["report"].pop("elapsed") > 0
    return found


def test_report_has_all_checks_as_json_and_as_a_page(run, pytester):
    run(COLLECTED, "--checkgrad-report=out")
    found = written(pytester)
    assert (found["schema"], found["schema_version"]) == ("checkgrad.checks", 1)
    assert [(check["test"], check["verdict"]) for check in found["checks"]] == [
        ("test_loss.py::test_correct", "correct"),
        ("test_loss.py::test_in_a_fixture", "correct"),
        ("test_loss.py::test_wrong", "wrong"),
        ("test_loss.py::test_wrong", "correct"),
    ]
    assert found["checks"][2]["place"] == "test_loss.py:18"
    report = checkgrad.Report.from_dict(found["checks"][2]["report"])
    assert str(report).startswith("wrong: the claim is off by 149%")
    page = (pytester.path / "out" / "checks.html").read_text(encoding="utf-8")
    page = page.replace("<wbr>", "")  # where names may break
    assert page.index("test_loss.py::test_wrong") < page.index("test_loss.py::test_correct")
    assert "4 checks in 3 tests: 3 correct, 1 wrong" in page
    assert "a flipped sign?" in page
    assert page.count('<span class="verdict') == 4  # once for each check, folded or not


def test_same_run_writes_the_same_report_twice(run, pytester):
    run(COLLECTED, "--checkgrad-report=one")
    run(COLLECTED, "--checkgrad-report=two")
    one, two = (without_times(written(pytester, name)) for name in ("one", "two"))
    assert one == two


def test_same_report_under_xdist(run, pytester):
    pytest.importorskip("xdist")
    run(COLLECTED, "--checkgrad-report=one")
    result = run(COLLECTED, "--checkgrad-report=two", "-pxdist", "-n2", subprocess=True)
    result.stdout.fnmatch_lines(["4 checks in 3 tests: 3 correct, 1 wrong; *"])
    one, two = (without_times(written(pytester, name)) for name in ("one", "two"))
    assert one == two


def test_failure_looks_the_same_under_xdist(run):
    pytest.importorskip("xdist")
    result = run(FAILING["assert_grad"], "-pxdist", "-n2", subprocess=True)
    lines = [line for line in failure(result) if not line.startswith("[gw")]
    assert lines[0].startswith("E   wrong: the claim is off by 149%")
    assert len(lines) <= 25


def test_properties_are_in_the_xml_of_junit(run, pytester):
    run(COLLECTED, "--junitxml=found.xml")
    cases = ET.parse(pytester.path / "found.xml").getroot().iter("testcase")
    found = {
        case.get("name"): {each.get("name"): each.get("value") for each in case.iter("property")}
        for case in cases
    }
    assert found["test_wrong"]["checkgrad_checks"] == "2"
    assert found["test_wrong"]["checkgrad_wrong"] == "1"
    assert int(found["test_wrong"]["checkgrad_evaluations"]) > 10
    assert found["test_none"] == {}


# --- options -------------------------------------------------------------------------------------

OPTIONS = """
def test_it(checkgrad):
    first = checkgrad.verify_grad(func, grad, X0, direction="random")
    second = checkgrad.verify_grad(func, grad, X0, direction="random", rng=5, max_evals=50)
    print("seeds", first.seed, second.seed, "complete", first.complete, second.complete)
"""


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        ((), "seeds 0 5 complete True True"),
        (("--checkgrad-seed=7",), "seeds 7 5 complete True True"),
        (("--checkgrad-max-evals=2",), "seeds 0 5 complete False True"),
    ],
)
def test_options_hold_for_checks_that_name_none(run, options, printed):
    run(OPTIONS, "-s", *options).stdout.fnmatch_lines([f"*{printed}"])
    assert verify_grad(lambda x: x @ x, lambda x: 2 * x, np.ones(2)).seed == 0  # of this run again


@pytest.mark.parametrize("option", ["--checkgrad-seed=-1", "--checkgrad-max-evals=0"])
def test_options_without_a_meaning_are_refused(run, option):
    result = run(OPTIONS, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{option.replace('=', ' is ')}; pass a number of * or more"])


@pytest.mark.parametrize("path", ["a_file", "a_file/in_it"])
def test_report_that_cannot_be_written_is_refused_before_any_test(run, pytester, path):
    pytester.path.joinpath("a_file").touch()
    result = run(OPTIONS, f"--checkgrad-report={path}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--checkgrad-report is '{path}', which is no folder*; pass a*"])
    result.stdout.no_fnmatch_line("*collected*")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_fixture_can_be_copied(copied):
    found = copied(checkgrad.pytest_plugin.fixture.ChecksOfTest([]))
    assert found.reports == ()
    assert found.__version__ == checkgrad.__version__


# --- what it costs -------------------------------------------------------------------------------


def test_suite_without_checks_imports_neither_numpy_nor_what_checks(pytester):
    pytester.makepyfile(
        "import sys\n"
        "def test_it():\n"
        "    ours = {name for name in sys.modules if name.partition('.')[0] == 'checkgrad'}\n"
        "    print(sorted(ours), 'numpy' in sys.modules)\n"
    )
    options = ["-p", "checkgrad.pytest_plugin", "-s", "-q"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=pytester.path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert (
        "['checkgrad', 'checkgrad.pytest_plugin', 'checkgrad.pytest_plugin.recorder', "
        "'checkgrad.session', 'checkgrad.tracebacks'] False"
    ) in result.stdout
