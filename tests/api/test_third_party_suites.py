"""SciPy's and scikit-learn's own tests of the two functions pass with ours in SciPy's place.

The suites of a package run in one process of their own, in which `scipy.optimize.check_grad` and
`scipy.optimize.approx_fprime` are replaced by ours before a single test module is imported, so
that ``from scipy.optimize import check_grad`` finds ours too. From the modules' tests those are
kept whose code names one of the two functions. What ran, how it ended and how often it called
ours comes back as JSON.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import pytest

SUBSTITUTES = ("check_grad", "approx_fprime")

# Parametrised with the names of the functions that they try, by a string: no code names ours.
INDIRECT_TESTS = ("test_rng_deterministic[check_grad-seed]",)


class Suite(NamedTuple):
    """A module of tests, with one test of it that is known to use one of the functions."""

    module: str
    test: str
    function: str
    # The test's parameters make at least so many runs of it.
    runs: int = 1

    @property
    def package(self) -> str:
        return next(each for each in PACKAGES if self.module.startswith(f"{each}."))

    def is_of(self, run: str) -> bool:
        """Tell whether a run is one of this test: ``module::class::name[case]``."""
        module, *_, name = run.split("::")
        return (module, name.partition("[")[0]) == (self.module, self.test)


# The suites of a package run together. Those of Gaussian processes take most of the time.
PACKAGES = {"scipy": [], "sklearn.gaussian_process": [pytest.mark.full], "sklearn": []}

SUITES = (
    Suite("scipy.optimize.tests.test_optimize", "test_check_grad", "check_grad"),
    Suite("scipy.optimize.tests.test_optimize", "test_approx_fprime", "approx_fprime"),
    Suite("scipy._lib.tests.test__util", "test_rng_deterministic", "check_grad"),
    Suite("sklearn.manifold.tests.test_t_sne", "test_gradient", "check_grad"),
    Suite("sklearn.neighbors.tests.test_nca", "test_finite_differences", "check_grad"),
    Suite("sklearn.linear_model.tests.test_huber", "test_huber_gradient", "check_grad"),
    Suite(
        "sklearn.linear_model.tests.test_linear_loss",
        "test_gradients_hessians_numerically",
        "approx_fprime",
        runs=20,
    ),
    Suite("sklearn.gaussian_process.tests.test_gpr", "test_lml_gradient", "approx_fprime", 20),
    Suite("sklearn.gaussian_process.tests.test_gpc", "test_lml_gradient", "approx_fprime", 20),
)


@pytest.mark.parametrize(
    "package", [pytest.param(name, marks=marks) for name, marks in PACKAGES.items()]
)
def test_the_suites_pass_with_our_functions_in_scipys_place(package: str, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    pytest.importorskip(package.partition(".")[0])
    suites = [suite for suite in SUITES if suite.package == package]
    modules = list(dict.fromkeys(suite.module for suite in suites))
    # An empty configuration: ours must not reach the tests of others.
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    run = subprocess.run(
        [sys.executable, "-P", __file__, "report.json", *modules],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads((tmp_path / "report.json").read_text())

    assert report, "no test ran"
    for test, result in report.items():
        assert result["outcome"] == "passed", test
        assert sum(result["calls"].values()) > 0, f"{test} did not call ours"
    for suite in suites:
        known = [
            result["calls"].get(suite.function, 0)
            for test, result in report.items()
            if suite.is_of(test)
        ]
        assert len(known) >= suite.runs, f"{suite.test} ran {len(known)} times"
        assert min(known) > 0


# From here on, the process of the suites.


def names_in(code: CodeType) -> Iterator[str]:
    """Give all names that a function and the functions inside it use."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


class Substitution:
    """A pytest plugin that puts our functions in SciPy's place, and counts their calls."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.report: dict[str, dict[str, Any]] = {}

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def count(*args: Any, **kw: Any) -> Any:
            self.calls[function.__name__] += 1
            return function(*args, **kw)

        return count

    def install(self) -> None:
        import scipy.optimize
        import scipy.optimize._optimize as implementation

        import checkgrad

        for name in SUBSTITUTES:
            ours = self.counted(getattr(checkgrad, name))
            for module in (scipy.optimize, implementation):
                assert hasattr(module, name)
                setattr(module, name, ours)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [
            item
            for item in items
            if item.name in INDIRECT_TESTS
            or not set(SUBSTITUTES).isdisjoint(names_in(item.function.__code__))  # type: ignore[attr-defined]
        ]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        self.calls.clear()
        yield
        module: str = item.module.__name__  # type: ignore[attr-defined]
        name = f"{module}::{item.nodeid.partition('::')[2]}"
        self.report[name] = {"outcome": "passed", "calls": dict(self.calls)}


def run_suites(report: str, *modules: str) -> int:
    substitution = Substitution()
    substitution.install()
    status = pytest.main(
        ["-c", "pytest.ini", "-p", "no:cacheprovider", "-q", "-rA", "--pyargs", *modules],
        plugins=[substitution],
    )
    Path(report).write_text(json.dumps(substitution.report))
    return int(status)


if __name__ == "__main__":
    sys.exit(run_suites(*sys.argv[1:]))
