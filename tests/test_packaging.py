"""What is shipped, what an import costs, and which module may import which."""

import ast
import graphlib
import importlib.metadata
import importlib.resources
import inspect
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import checkgrad
from checkgrad.backends.registry import LIBRARIES

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "checkgrad"
RUNNING = Path(checkgrad.__file__).parent  # the package as installed

# The rooms of the package from the ground up (docs/architecture.md), each with the rooms that it
# may import from. All of those stand above it in this table, so that no imports make a circle. A
# room may be named here before it is built.
_GROUND = "precision session numerics backends arrays evaluate claims"
MAY_IMPORT = {
    "precision": "",
    "session": "",
    "tracebacks": "",
    "numerics": "precision",
    "backends": "precision",
    "arrays": "precision backends",
    "evaluate": "precision session tracebacks backends arrays",
    "claims": "precision numerics backends arrays evaluate",
    "measure": _GROUND,
    "refine": "precision numerics evaluate",
    "report": f"{_GROUND} refine",
    "problem": "precision session arrays evaluate",
    "stages": f"{_GROUND} measure refine report problem",
    "pipeline": f"{_GROUND} report problem stages",
    "modes": f"{_GROUND} report problem stages pipeline",
    "guards": f"{_GROUND} report problem pipeline tracebacks",
    "api": f"{_GROUND} report problem pipeline modes guards",
    "drop_ins": f"{_GROUND} report problem pipeline modes api",
    "jax": "arrays backends drop_ins",
    "torch": "drop_ins",
    "command_line": f"{_GROUND} report problem tracebacks api",
    "__main__": "command_line",
    "pytest_plugin": "session numerics report tracebacks",
}

# The rooms of arithmetic. They import NumPy, what Python has, and what the table allows.
ARITHMETIC = {"numerics"}
# The rooms that call func and the claim.
CALLING = {"evaluate"}

# A module is one idea, in about 250 lines. The doors have long docstrings.
MOST_LINES = 300
MAY_BE_LONGER = {"api"}

REGISTERED = [line.name for line in LIBRARIES if line.name != "numpy"]
_NAMES = "|".join([*REGISTERED, "array_api_strict", "dask", "jaxlib"])
LIBRARY_NAMES = re.compile(rf"({_NAMES})(\.[\w.]+)?")
OF_A_LIBRARY = re.compile(rf"is_({_NAMES})_(array|namespace)")
NEVER_IMPORTED = (*REGISTERED, "scipy", "matplotlib", "tqdm")


def run_python(code, env=None):
    """Run `code` in a new interpreter and return what it printed as JSON."""
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=env,
    )
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


# --- what an import does ------------------------------------------------------------------------

RECORD_ATTEMPTS = f"""
import json, sys

class Recorder:
    attempts = []
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {NEVER_IMPORTED!r}:
            self.attempts.append(name)

sys.meta_path.insert(0, Recorder())
"""


@pytest.mark.parametrize(
    "use",
    [
        "import checkgrad",
        "import checkgrad as c; c.check_grad(lambda x: x @ x, lambda x: 2 * x, [1.0, 2.0])",
        "import checkgrad as c, numpy as n; c.approx_fprime({'a': n.ones(3)}, lambda x: x['a'][0])",
        "import checkgrad as c; assert 'wrong' in str(c.verify_grad(sum, lambda x: x, [2.0, 3.0]))",
    ],
    ids=["import", "check_grad on NumPy", "approx_fprime on a tree", "report of verify_grad"],
)
def test_no_optional_library_is_imported_nor_looked_for(use):
    # The recorder sees every attempt, also one for a library that is not installed here.
    assert run_python(f"{RECORD_ATTEMPTS}\n{use}\nprint(json.dumps(Recorder.attempts))") == []


def test_recorder_sees_attempts():
    use = "try:\n    import matplotlib.pyplot\nexcept ImportError:\n    pass"
    attempts = run_python(f"{RECORD_ATTEMPTS}\n{use}\nprint(json.dumps(Recorder.attempts))")
    assert attempts[0] == "matplotlib"


def seconds_to_import(module, env):
    return run_python(
        "import time; start = time.perf_counter()\n"
        f"import {module}\n"
        "print(time.perf_counter() - start)",
        env,
    )


def test_import_takes_at_most_a_fifth_of_that_of_numpy(tmp_path):
    # An installed package has its bytecode; a source folder has it only if it may be written.
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    seconds_to_import("checkgrad", env)  # reads the files from disk, writes their bytecode
    pairs = [
        (seconds_to_import("numpy", env), seconds_to_import("checkgrad", env)) for _ in range(11)
    ]
    ratio = statistics.median(ours for _, ours in pairs) / statistics.median(
        numpys for numpys, _ in pairs
    )
    assert ratio <= 0.2, f"import checkgrad takes {ratio:.2f} times as long as import numpy"


# --- what is shipped ----------------------------------------------------------------------------


def test_marker_of_typed_packages_is_shipped():
    assert (importlib.resources.files("checkgrad") / "py.typed").is_file()


@pytest.fixture(scope="module")
def metadata():
    try:
        return importlib.metadata.metadata("checkgrad")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("checkgrad runs from its source folder here, it is not installed")


def test_version_of_the_distribution_is_that_of_the_package(metadata):
    assert metadata["Version"] == checkgrad.__version__


def test_four_libraries_are_required_and_the_others_optional(metadata):
    required, optional = set(), set()
    for requirement in metadata.get_all("Requires-Dist"):
        name = re.match(r"[\w.-]+", requirement).group()
        (optional if "extra ==" in requirement else required).add(name)
        assert "<" not in requirement.partition(";")[0], "no release is shut out beforehand"
    assert required == {"numpy", "array-api-compat", "array-api-extra", "optree"}
    assert optional - {"checkgrad"} == {"jax", "matplotlib", "safetensors", "torch", "tqdm"}


def test_public_names_exist_and_are_on_the_reference_page():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    ours = page.partition(".. currentmodule:: checkgrad.")[0]  # the drop-ins come last
    documented = set(re.findall(r"^   (\w+)$", ours, re.MULTILINE))
    public = {name for name in checkgrad.__all__ if not name.startswith("__")}
    assert documented == public
    assert all(hasattr(checkgrad, name) for name in checkgrad.__all__)


@pytest.mark.parametrize("name", [name for name in checkgrad.__all__ if name[0].islower()])
def test_public_function_says_what_it_takes_and_returns(name):
    document = inspect.getdoc(getattr(checkgrad, name))
    sections = re.findall(r"^(\w[\w ]*)\n-+$", document, flags=re.MULTILINE)
    assert sections[:3] == ["Parameters", "Returns", "Raises"]


def test_readme_gives_the_two_commands_that_ci_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in (
        "pip install . && python docs/examples/logistic_regression.py",
        "pip install nox && nox",
    ):
        assert f"\n{command}\n" in readme
        assert f"\n({command})\n" in ci


# --- the way through the house ------------------------------------------------------------------


def modules():
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def module_id(path):
    return path.relative_to(PACKAGE).as_posix()


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name_of(path):
    """The dotted name of a module; a package has that of its folder."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(("checkgrad", *(part for part in parts if part != "__init__")))


def parent_name(name):
    return name.rpartition(".")[0]


def absolute_imports(path, at_once=False):
    """The dotted names of what a module imports: anywhere in it, or as soon as it is imported."""
    package = ("checkgrad", *path.relative_to(PACKAGE).parent.parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if at_once else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*start, *filter(None, [node.module])))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def rooms_imported(path):
    """The rooms of checkgrad, other than its own, that a module imports from."""
    dotted = (name.split(".") for name in absolute_imports(path))
    return {parts[1] for parts in dotted if parts[0] == "checkgrad"} - {room_of(path)}


def test_no_room_may_import_from_one_above_it():
    built = set()
    for room, allowed in MAY_IMPORT.items():
        assert set(allowed.split()) <= built, f"{room} stands too far up in the table"
        built.add(room)


@pytest.mark.parametrize("path", modules(), ids=module_id)
def test_module_imports_only_from_rooms_below(path):
    room = room_of(path)
    assert room in MAY_IMPORT, f"{room} has no place in MAY_IMPORT"
    assert rooms_imported(path) <= set(MAY_IMPORT[room].split())


def test_no_imports_make_a_circle():
    at_once = {name_of(path): {*absolute_imports(path, at_once=True)} for path in modules()}
    below = {
        name: {*at_once} & (names | {*map(parent_name, names)}) - {name}
        for name, names in at_once.items()
    }
    assert [*graphlib.TopologicalSorter(below).static_order()]  # raises CycleError


@pytest.mark.parametrize("path", modules(), ids=module_id)
def test_arithmetic_knows_numpy_alone(path):
    if room_of(path) in ARITHMETIC:
        imported = {name.partition(".")[0] for name in absolute_imports(path)}
        assert imported <= {"numpy", "checkgrad", *sys.stdlib_module_names}


@pytest.mark.parametrize("path", modules(), ids=module_id)
def test_module_is_short_enough_for_one_idea(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES or room_of(path) in MAY_BE_LONGER


def caller():
    """The room of the package that called the function that asks."""
    frame = sys._getframe(2)
    while not (path := Path(frame.f_code.co_filename)).is_relative_to(RUNNING):
        frame = frame.f_back
    return path.relative_to(RUNNING).parts[0].removesuffix(".py")


@pytest.mark.parametrize("direction", ["all", "random"])
@pytest.mark.parametrize(
    ("door", "options"),
    [
        ("check_grad", {}),
        ("verify_grad", {}),
        ("verify_grad", {"batch": "vectorized"}),
        ("verify_grad", {"method": "complex-step"}),
        ("verify_jac", {}),
        ("verify_jvp", {}),
        ("verify_vjp", {}),
    ],
    ids=str,
)
@pytest.mark.parametrize("factor", [3, 6], ids=["right", "wrong"])
def test_only_these_rooms_call_the_users_functions(door, options, direction, factor):
    callers = set()

    def func(x):
        callers.add(caller())
        return (x**3).sum(axis=-1)

    def claim(x, *vectors):
        callers.add(caller())
        found = factor * x**2
        if not vectors:
            return found
        return (found * vectors[0]).sum() if door == "verify_jvp" else found * vectors[0]

    x0 = np.asarray([1.5, 1.25, -2.0])
    getattr(checkgrad, door)(func, claim, x0, direction=direction, rng=0, **options)
    assert callers <= CALLING


@pytest.mark.parametrize("factor", [3, 6], ids=["right", "wrong"])
def test_guard_calls_the_users_functions_only_where_the_solver_does(factor):
    callers = {"func": [], "grad": []}

    def func(x):
        callers["func"].append(caller())
        return (x**3).sum()

    def grad(x):
        callers["grad"].append(caller())
        found = factor * x**2
        return found if len(callers["grad"]) > 1 else 5 * found  # the guard asks again

    guarded = checkgrad.guard(func, grad, on_wrong="record")
    guarded(np.asarray([1.5, 1.25, -2.0]))
    for called in callers.values():
        assert called[0] in {"guards", "evaluate"}
        assert len(called) > 1
        assert set(called[1:]) <= CALLING


def names_of_libraries(path):
    """What a module says of an array library by name, prose in docstrings and messages aside."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name | ast.Attribute):
            word = node.id if isinstance(node, ast.Name) else node.attr
            if LIBRARY_NAMES.fullmatch(word) or OF_A_LIBRARY.fullmatch(word):
                yield node.lineno, word
        elif isinstance(node, ast.Constant) and LIBRARY_NAMES.fullmatch(str(node.value)):
            yield node.lineno, node.value
    for name in absolute_imports(path):
        parts = set(name.split("."))
        if any(LIBRARY_NAMES.fullmatch(part) or OF_A_LIBRARY.fullmatch(part) for part in parts):
            yield None, name


@pytest.mark.parametrize("path", modules(), ids=module_id)
def test_only_backends_and_drop_ins_name_a_library(path):
    named = list(names_of_libraries(path))
    if room_of(path) == "drop_ins":  # the prefix of a module says which library it belongs to
        own = path.stem.partition("_")[0]
        named = [each for each in named if own not in str(each[1]).split(".")]
    if room_of(path) != "backends":
        assert named == []


@pytest.mark.parametrize("path", modules(), ids=module_id)
def test_no_module_imports_scipy_and_one_matplotlib(path):
    imported = {name.partition(".")[0] for name in absolute_imports(path)}
    allowed = {"matplotlib"} if module_id(path) == "report/plots/canvas.py" else set()
    assert imported & {"scipy", "matplotlib"} <= allowed
