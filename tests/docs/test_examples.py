"""The example programs tell right from broken, and the examples in docstrings hold."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest
from page_outputs import (
    EXAMPLES,
    OPTIONAL_IMPORT,
    beyond_numpy,
    installed,
    missing_for,
    run_script,
)

import checkgrad

PACKAGE = Path(checkgrad.__file__).parent


def assert_examples_hold(tests):
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    report = []
    for test in tests:
        runner.run(test, out=report.append)
    assert runner.tries > 0
    assert runner.failures == 0, "".join(report)


def doctests_of(module):
    """Find the examples of a module, also those of its classes that name a public module."""
    finder, source = doctest.DocTestFinder(), inspect.getsource(module)
    public = [
        each
        for name, each in vars(module).items()
        if each.__class__ is type
        and each.__module__ != module.__name__
        and re.search(rf"^class {name}\b", source, re.MULTILINE)
    ]
    return [*finder.find(module), *(test for each in public for test in finder.find(each))]


def skip_where_missing(script):
    if missing := missing_for(script):
        pytest.skip(f"{script} needs {', '.join(sorted(missing))}")


def rows_of(table, width):
    """The rows of a printed table that have `width` columns, split at two or more spaces."""
    rows = (re.split(r"  +", line.strip()) for line in table.splitlines())
    return [row for row in rows if len(row) == width]


def reports_in(printed):
    """The lines of each report, by the name above it."""
    parts = (part.splitlines() for part in printed.strip().split("\n\n"))
    return {
        name.removesuffix(":"): lines
        for name, *lines in parts
        if lines and re.match(r"correct|wrong|inconclusive", lines[0])
    }


@pytest.fixture(scope="module")
def logistic_regression():
    return run_script("logistic_regression.py")


@pytest.mark.libraries("numpy", "jax", "torch")
def test_logistic_regression_tells_right_from_broken_in_every_installed_library(
    logistic_regression,
):
    outcome = logistic_regression
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr

    header, *rows = rows_of(outcome.stdout[outcome.stdout.index("library ") :], 5)
    assert header == ["library", "dtype", "gradient", "verdict", "check_grad, relative"]
    libraries = [name for name in ("numpy", "jax", "torch") if installed(name)]
    claims = ("right", "penalty forgotten", "intercept penalised")
    assert [row[:3] for row in rows] == [
        [library, dtype, claim]
        for library in libraries
        for dtype in ("float64", "float32")
        for claim in claims
    ]
    # What differences are good to, and the sizes of the two slips, worked out with NumPy alone.
    right_within = {"float64": 1e-6, "float32": 5e-3}
    for _library, dtype, claim, verdict, error in rows:
        if claim == "right":
            assert verdict == "correct"
            assert float(error) < right_within[dtype]
        else:
            assert verdict == "wrong"
            expected = {"penalty forgotten": 0.65, "intercept penalised": 0.17}[claim]
            assert float(error) == pytest.approx(expected, rel=0.05)
    assert outcome.stdout.rstrip().splitlines()[-1].startswith("As expected")


def test_logistic_regression_prints_the_reports_of_a_right_and_a_broken_gradient(
    logistic_regression,
):
    reports = reports_in(logistic_regression.stdout)
    assert list(reports) == ["right", "intercept penalised"]
    assert reports["right"][0].startswith(
        "correct: claim and estimate agree at all 31 coordinates, to "
    )
    headline, mismatch, *_ = reports["intercept penalised"]
    off = "17% (2-norm; the worst coordinate by 79%)"
    assert headline == f"wrong: the claim is off by {off}, at 1 of 31 coordinates"
    # The penalty times the intercept that the example starts from.
    where, claim, estimate = re.match(r"  (\S+) +claim (\S+) +estimate (\S+) ± ", mismatch).groups()
    assert where == "x[0]"
    assert float(claim) - float(estimate) == pytest.approx(0.1 * 2.0409, rel=1e-3)


def test_logistic_regression_says_which_libraries_it_left_out(logistic_regression):
    rows = rows_of(logistic_regression.stdout, 2)
    left_out = [name for name, remark in rows if remark == "not installed, left out"]
    assert left_out == [name for name in ("jax", "torch") if not installed(name)]


@pytest.mark.parametrize(
    ("script", "right", "broken", "size", "place"),
    [
        pytest.param(
            "torch_autograd_function.py",
            "right backward pass",
            "cotangent forgotten",
            12,
            "logits[0, 0]",
            marks=pytest.mark.libraries("torch"),
        ),
        pytest.param(
            "jax_custom_vjp.py",
            "right rule",
            "sign slip",
            4,
            "params['weights'][2]",
            marks=pytest.mark.libraries("jax"),
        ),
    ],
)
def test_custom_rule_example_tells_right_from_broken(script, right, broken, size, place):
    skip_where_missing(script)
    outcome = run_script(script)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    reports = reports_in(outcome.stdout)
    assert list(reports) == [right, broken]
    assert reports[right][0].startswith("correct: ")
    assert reports[broken][0].startswith("wrong: ")
    assert reports[broken][0].endswith(f"at {size} of {size} coordinates")
    assert reports[broken][1].startswith(f"  {place} ")


# Of the reports that a script prints: the verdict, at how many places the claim is wrong, and
# whatever else a line of the report must say.
REPORTS = {
    "jacobian.py": {
        "right": ("correct", "all 9 entries"),
        "transposed": ("wrong", "at 6 of 9 entries", "claim is the transpose of the estimate"),
        "one link for each joint": ("wrong", "at 4 of 9 entries", "d func[1] / d angles[0]"),
    },
    "vjp.py": {
        "right": ("correct", "all 128 entries"),
        # Every output by the inputs of its own row.
        "mean forgotten": ("wrong", "at 32 of 128 entries", "layer['inputs']"),
    },
    "hessian_vector_product.py": {
        "right": ("correct", "all 9 entries"),
        "penalty forgotten": ("wrong", "at 3 of 9 entries", "claim is 0.1 less than the estimate"),
        "outer product in the wrong place": ("wrong", "at 6 of 9 entries", "claim is 0 at"),
    },
    "complex_gradient.py": {
        "right": ("correct", "all 6 coordinates"),
        "conjugated": ("wrong", "at 3 of 6 coordinates", "it follows the convention of PyTorch"),
        "conjugated, convention='torch'": ("correct", "all 6 coordinates"),
    },
    "torch_module.py": {
        "right": ("correct", "all 26 coordinates"),
        "activation forgotten": ("wrong", "at 16 of 26 coordinates", "params['0.weight'][1, 2]"),
    },
    "torch_autodiff.py": {
        "right, order 2": ("correct", "entries"),
        "softmax kept, order 1": ("correct", "entries"),
        "softmax kept, order 2": ("wrong", "entries", "fwd of rev: ", "rev of rev: "),
    },
    "jax_autodiff.py": {
        "right, order 2": ("correct", "entries"),
        "solution held fixed, order 1": ("correct", "entries"),
        "solution held fixed, order 2": ("wrong", "entries", "fwd of fwd: ", "fwd of rev: "),
    },
}


@pytest.mark.parametrize(
    "script", [pytest.param(name, marks=beyond_numpy(EXAMPLES / name)) for name in REPORTS]
)
def test_example_prints_the_report_of_every_variant(script):
    skip_where_missing(script)
    outcome = run_script(script)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    reports = reports_in(outcome.stdout)
    assert list(reports) == list(REPORTS[script])
    for name, (verdict, places, *others) in REPORTS[script].items():
        headline, *lines = reports[name]
        assert headline.startswith(f"{verdict}: ")
        assert places in headline
        assert all(any(text in line for line in lines) for text in others), reports[name]


def test_every_example_is_run_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "logistic_regression.py",
        "torch_autograd_function.py",
        "jax_custom_vjp.py",
        *REPORTS,
    }


def dotted_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(dotted_name(path), marks=beyond_numpy(path))
        for path in sorted(PACKAGE.rglob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ],
)
def test_code_in_docstrings_gives_what_stands_below_it(module):
    """Examples that import an optional library run where it is installed."""
    try:
        found = doctests_of(importlib.import_module(module))
    except ModuleNotFoundError as error:
        if not error.name or not OPTIONAL_IMPORT.fullmatch(f"import {error.name}"):
            raise
        pytest.skip(f"{module} needs {error.name}")
    tests = [t for t in found if t.examples]
    assert tests
    runnable = [t for t in tests if all(map(installed, OPTIONAL_IMPORT.findall(t.docstring)))]
    if not runnable:
        pytest.skip(f"every example of {module} needs a library that is not installed")
    assert_examples_hold(runnable)


def test_every_public_function_has_an_example():
    public = [getattr(checkgrad, name) for name in checkgrad.__all__]  # each is imported when used
    finder = doctest.DocTestFinder()
    without_example = {
        function.__name__
        for function in filter(inspect.isfunction, public)
        if not any(test.examples for test in finder.find(function, function.__name__))
    }
    assert without_example == set()
