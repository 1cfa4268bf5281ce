"""The array libraries over which every test of the core runs.

A test that asks for the fixture `xp` runs once per array library and device. ``xp`` is a
`Library`: the library's array API namespace (``xp.sum``, ``xp.exp``, ...) with the few things
that a test needs besides:

- ``xp.asarray(values, dtype)`` makes an array on the library's device, ``dtype`` being a name
  (``"float32"``) and by default the widest real one, ``xp.default_dtype``;
- ``xp.float_dtypes`` names the real floating dtypes that the library has here, coarsest first
  (JAX has no float64 without ``JAX_ENABLE_X64``);
- ``xp.assert_native(array, dtype)`` asserts that an array is of this library, on this device and
  of this dtype;
- ``xp.to_numpy(array)`` copies an array to the host, to look at it.

A test that also asks for the fixture ``dtype`` runs once for each of ``xp.float_dtypes``, and in
the widest of them on a second device of the host and for a second kind of array.

The libraries, by the names that choose them (``pytest -k torch-cpu``):

===========================  ==================================================================
``numpy``                    NumPy
``numpy-readonly``           NumPy, whose arrays cannot be written to: proves that nothing is
``jax-cpu``, ``jax-cpu1``    JAX on the first and on a second CPU device, not the default one
``jax-cuda``                 JAX on a GPU; skipped where there is none
``torch-cpu``                PyTorch on the CPU
``torch-cpu-requires_grad``  the same, with tensors that require a gradient
``torch-cuda``               PyTorch on a GPU; skipped where there is none
``strict-cpu``               array-api-strict: nothing but the standard
``strict-device1``           the same on its second device, which refuses to become a NumPy array
===========================  ==================================================================

Only installed libraries take part. ``CHECKGRAD_TEST_LIBRARIES=numpy,torch`` leaves out the
others. ``@pytest.mark.libraries("jax", "torch")`` on a test or module keeps it to these,
``@pytest.mark.one_setting`` to the first line of each library, where a test is about numbers that
no second device or kind of array changes, and the marker ``cuda`` selects what needs a GPU
(``pytest -m cuda``).

A run of a test in NumPy gets the marker ``numpy``, and so does a test that does not ask for `xp`:
both are about NumPy alone. The sessions of other libraries leave them out (``-m "not numpy"``), but
for a sixth of the contract of all doors (all of it with ``--full``): it holds in NumPy whatever is
installed. Modules that choose their libraries themselves are listed in `CHOOSE_THEMSELVES`.

**A plain run takes a sample.** The cases of a test (its own parameters) are not multiplied with
the lines above and the dtypes: each case runs once, in a line and dtype that the name of the test
chooses. In NumPy the first case runs in the widest dtype, and the second, or the first again, in a
narrower one. Four cases or more run in every line and dtype. In JAX, which compiles code for each
case and dtype, a sixth of the cases run. Of the tests that NumPy runs too, one half runs in PyTorch
and the other half in array-api-strict. Of those that other libraries run too, every fifth runs in
JAX. All of the contract of all doors runs in each of them; in NumPy, each case of it and each line
and dtype. Where JAX has no float64, every second test of JAX alone runs, and every sixth of the
others, with one case each. Which case meets which dtype depends on the name of the test alone: see
sampling.py.

The cases of a test that has several parameters are their product, and repeat each other in part. A
plain run takes half of them, and more where every value of every parameter needs more. It takes all
of them in the contract of all doors.

- ``pytest --full``, or ``CHECKGRAD_FULL=1``, runs everything, as ``nox -s full`` does.
- ``@pytest.mark.all_dtypes``: every case runs in every line and dtype, also in a plain run.
- ``@pytest.mark.sampled``: the cases repeat each other. A plain run takes so many of them that
  every value of every parameter is used once. ``sampled("jax")`` does so in JAX only, which
  compiles each case.
- ``@pytest.mark.full``: a plain run leaves the test, or this case of it, out. `draws` and
  `spread` of sampling.py mark most values of a parameter so, where the values repeat each other.

The sample is taken from the tests that are selected: one that is named on the command line with
its case (``pytest "tests/api/test_check_grad.py::test_name[case]"``) always runs.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, islice
from pathlib import Path
from types import ModuleType
from typing import Any

import array_api_compat
import numpy as np
import pytest
from sampling import (
    Case,
    Together,
    cover,
    every_value_once,
    half_with_every_value,
    numbered,
    rotation,
    shuffled,
)

LIBRARIES_VARIABLE = "CHECKGRAD_TEST_LIBRARIES"

JAX_TAKES_ONE_IN = 6  # cases of a test

# Of the tests that several libraries run, a library takes one in so many, from this number on.
# NumPy takes all, and what PyTorch leaves out, array-api-strict takes.
TAKES_ONE_IN = {"jax": (5, 0), "torch": (2, 1), "strict": (2, 0)}

# Beside another library, of the tests of the contract in NumPy.
CONTRACT_TAKES_ONE_IN = 6

# Where JAX has no float64: the tests of JAX alone, and those that other libraries run too.
NARROW_JAX_TAKES_ONE_IN = 2
NARROW_JAX_TAKES_ONE_OF_OTHERS = 6
FULL_VARIABLE = "CHECKGRAD_FULL"

# Tests below tests/ that have no `xp` and are not about NumPy alone.
CHOOSE_THEMSELVES = ("backends", "golden")

# How the sessions of other libraries leave out what concerns NumPy alone (noxfile.py).
BEYOND_NUMPY = "not numpy"

# The folder of the tests that a plain run takes in every library.
CONTRACT = "contract"

# The parameters that say in which library and dtype a test runs; all others make its case.
PLACE = ("xp", "dtype")

# Coarsest first.
FLOAT_DTYPES = ("bfloat16", "float16", "float32", "float64")

# Where JAX reads whether it has float64, and the values that it takes for yes.
X64_VARIABLE = "JAX_ENABLE_X64"
X64_VALUES = ("1", "on", "t", "true", "y", "yes")

IMPORT_NAMES = {
    "numpy": "numpy",
    "jax": "jax",
    "torch": "torch",
    "strict": "array_api_strict",
}


@dataclass(frozen=True)
class Setting:
    """What the `xp` fixture is asked for: a library, a device of it, a kind of array."""

    library: str
    device: str = "cpu"
    variant: str = ""

    @property
    def name(self) -> str:
        shown = "" if self.library == "numpy" else self.device
        return "-".join(part for part in (self.library, shown, self.variant) if part)


SETTINGS = (
    Setting("numpy"),
    Setting("numpy", variant="readonly"),
    Setting("jax", "cpu"),
    Setting("jax", "cpu1"),
    Setting("jax", "cuda"),
    Setting("torch", "cpu"),
    Setting("torch", "cpu", "requires_grad"),
    Setting("torch", "cuda"),
    Setting("strict", "cpu"),
    Setting("strict", "device1"),
)


@dataclass(frozen=True)
class Library:
    """An array library on one of its devices; other attributes are its namespace's.

    Attributes
    ----------
    name : str
        ``"numpy"``, ``"jax"``, ``"torch"`` or ``"strict"``.
    namespace : module
        The library's array API namespace, from `array_api_compat`.
    device : Any
        The device on which its arrays are made.
    float_dtypes : tuple of str
        The real floating dtypes that it has, coarsest first.
    readonly, requires_grad : bool
        Whether its arrays are NumPy's read-only ones, or tensors that require a gradient.
    """

    name: str
    namespace: ModuleType
    device: Any
    float_dtypes: tuple[str, ...]
    readonly: bool = False
    requires_grad: bool = False

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self.namespace, attribute)

    @property
    def default_dtype(self) -> str:
        return self.float_dtypes[-1]

    @property
    def writable(self) -> bool:
        """Whether func and grad can write into what they are given."""
        return self.name != "jax"

    def asarray(self, values: Any, dtype: str | None = None) -> Any:
        """Make a new array of ``values`` on the device; ``dtype`` is a name."""
        wanted = getattr(self.namespace, dtype or self.default_dtype)
        array = self.namespace.asarray(values, dtype=wanted, device=self.device)
        if self.readonly:
            array.flags.writeable = False
        if self.requires_grad:
            array.requires_grad_(True)
        return array

    def eps(self, dtype: str | None = None) -> float:
        """Give the distance from one to the next number of a dtype."""
        return float(self.namespace.finfo(getattr(self.namespace, dtype or self.default_dtype)).eps)

    def dtype_name(self, array: Any) -> str:
        return str(array.dtype).rpartition(".")[2]

    def detach(self, array: Any) -> Any:
        """Give a tensor without the history of its computation; other arrays as they are."""
        return array.detach() if self.name == "torch" else array

    def to_numpy(self, array: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Copy an array to the host, in float64."""
        array = self.detach(array)
        if self.name == "torch":
            return np.array(array.cpu().double().numpy())
        if self.name == "strict":
            array = array.to_device(self.namespace.Device("CPU_DEVICE"))
        return np.array(array, dtype=np.float64)

    def assert_native(self, array: Any, dtype: str | None = None) -> None:
        """Assert that an array is of this library, on this device and of this dtype."""
        assert array_api_compat.is_array_api_obj(array), f"{array!r} is no array"
        assert array_api_compat.array_namespace(array) is self.namespace
        assert array_api_compat.device(array) == self.device
        assert self.dtype_name(array) == (dtype or self.default_dtype)


def _chosen_settings(libraries: Sequence[str]) -> list[Setting]:
    """Keep the settings whose library is among these, installed, and not left out."""
    allowed = os.environ.get(LIBRARIES_VARIABLE, "").replace(",", " ").split() or IMPORT_NAMES
    unknown = set(allowed) - set(IMPORT_NAMES)
    if unknown:
        raise pytest.UsageError(
            f"{LIBRARIES_VARIABLE} names {sorted(unknown)}; the libraries are {[*IMPORT_NAMES]}"
        )
    return [
        setting
        for setting in SETTINGS
        if setting.library in libraries
        and setting.library in allowed
        and _is_installed(setting.library)
    ]


@cache
def _is_installed(library: str) -> bool:
    return importlib.util.find_spec(IMPORT_NAMES[library]) is not None


def _dtypes(library: str) -> tuple[str, ...]:
    """Name the real floating dtypes of a library, without importing it."""
    if library == "numpy":
        return FLOAT_DTYPES[1:]
    if library == "strict":
        return FLOAT_DTYPES[2:]
    if library == "jax" and os.environ.get(X64_VARIABLE, "").lower() not in X64_VALUES:
        return FLOAT_DTYPES[:-1]
    return FLOAT_DTYPES


def _numpy_library(setting: Setting) -> Library:
    namespace = array_api_compat.array_namespace(np.empty(0))
    return Library(
        "numpy", namespace, "cpu", _dtypes("numpy"), readonly=setting.variant == "readonly"
    )


def _jax_library(setting: Setting) -> Library:
    jax = importlib.import_module("jax")
    if setting.device == "cuda":
        try:
            device = jax.devices("cuda")[0]
        except RuntimeError:
            pytest.skip("JAX sees no GPU")
    else:
        device = jax.devices("cpu")[int(setting.device.removeprefix("cpu") or 0)]
    assert ("float64" in _dtypes("jax")) == jax.config.jax_enable_x64
    return Library("jax", jax.numpy, device, _dtypes("jax"))


def _torch_library(setting: Setting) -> Library:
    torch = importlib.import_module("torch")
    if setting.device == "cuda" and not torch.cuda.is_available():
        pytest.skip("PyTorch sees no GPU")
    namespace = array_api_compat.array_namespace(torch.empty(0))
    # "cuda" alone names whichever device is current; an array's device always has its number.
    device = torch.empty(0, device=setting.device).device
    requires_grad = setting.variant == "requires_grad"
    return Library("torch", namespace, device, _dtypes("torch"), requires_grad=requires_grad)


def _strict_library(setting: Setting) -> Library:
    strict = importlib.import_module("array_api_strict")
    device = strict.Device("CPU_DEVICE" if setting.device == "cpu" else setting.device)
    return Library("strict", strict, device, _dtypes("strict"))


MAKERS = {
    "numpy": _numpy_library,
    "jax": _jax_library,
    "torch": _torch_library,
    "strict": _strict_library,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help=f"run every case in every dtype, like {FULL_VARIABLE}=1"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cuda: needs a GPU, skipped where there is none")
    config.addinivalue_line("markers", "one_setting: runs once for each array library")
    config.addinivalue_line("markers", "libraries(*names): run over these array libraries only")
    config.addinivalue_line("markers", "all_dtypes: every case runs in every dtype")
    config.addinivalue_line(
        "markers", "sampled(*names): a few cases are enough (in these libraries)"
    )
    config.addinivalue_line("markers", "full: a test, or a case, that runs with --full only")
    # The option and the variable mean the same, to all who look at either.
    if os.environ.get(FULL_VARIABLE) == "1":
        config.option.full = True
    elif config.getoption("--full"):
        os.environ[FULL_VARIABLE] = "1"
    if "jax" not in sys.modules:
        # JAX reads this once, when it first makes an array: two devices on one CPU.
        flag = "--xla_force_host_platform_device_count=2"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()


def _dtypes_of(setting: Setting, settings: Sequence[Setting]) -> Sequence[str]:
    """All dtypes of a library; on a second device of the host, or kind of array, the widest."""
    dtypes = _dtypes(setting.library)
    first = next(each for each in settings if each.library == setting.library)
    return dtypes if setting == first or setting.device == "cuda" else dtypes[-1:]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "xp" not in metafunc.fixturenames:
        return
    definition = metafunc.definition
    # A test's own marker wins over its module's.
    marker = definition.get_closest_marker("libraries")
    settings = _chosen_settings(marker.args if marker else [*IMPORT_NAMES])
    if metafunc.config.getoption("-m") == BEYOND_NUMPY and definition.path.parent.name != CONTRACT:
        # It takes seconds to collect runs that nobody asks for.
        settings = [each for each in settings if each.library != "numpy"] or settings
    if definition.get_closest_marker("one_setting"):
        settings = list({setting.library: setting for setting in reversed(settings)}.values())
    names = "xp"
    cases: list[tuple[Any, ...]] = [(setting,) for setting in settings]
    if "dtype" in metafunc.fixturenames:
        names = "xp, dtype"
        cases = [
            (setting, dtype) for setting in settings for dtype in _dtypes_of(setting, settings)
        ]
    metafunc.parametrize(
        names,
        [
            pytest.param(
                *case,
                id="-".join([case[0].name, *case[1:]]),
                marks=[pytest.mark.cuda] if case[0].device == "cuda" else [],
            )
            for case in cases
        ],
        indirect=["xp"],
    )


def is_full(config: pytest.Config) -> bool:
    return bool(config.getoption("--full"))


def _is_about_numpy_alone(item: pytest.Item) -> bool:
    if _library_of(item) == "numpy":
        taken = rotation(_function_of(item)) % CONTRACT_TAKES_ONE_IN == 0 or is_full(item.config)
        return item.path.parent.name != CONTRACT or not taken
    below = Path(item.path).relative_to(Path(__file__).parent).parts[0]
    return (
        below not in CHOOSE_THEMSELVES
        and "xp" not in getattr(item, "fixturenames", ())
        and all(marker.args == ("numpy",) for marker in item.iter_markers("libraries"))
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    if _is_about_numpy_alone(item):
        item.add_marker(pytest.mark.numpy)


@pytest.hookimpl(trylast=True)  # after -k and -m, and after a name on the command line
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if is_full(config):
        return
    kept = {item for _, group in groupby(items, _function_of) for item in _sample([*group])}
    named = {argument.partition("::")[2] for argument in config.args if argument.endswith("]")}
    kept |= {item for item in items if item.nodeid.partition("::")[2] in named}
    left_out = [item for item in items if item not in kept]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item in kept]


def _function_of(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _params(item: pytest.Item) -> dict[str, Any]:
    """Give the values of a run's parameters; those that are given together are one."""
    callspec = getattr(item, "callspec", None)
    params = dict(callspec.params) if callspec else {}
    for marker in item.iter_markers("parametrize"):
        names = marker.args[0]
        names = names.replace(",", " ").split() if isinstance(names, str) else [*names]
        if len(names) > 1:
            params[" ".join(names)] = Together(params.pop(name) for name in names)
    return params


def _library_of(item: pytest.Item) -> str:
    """Name the library in which a test runs, its GPU apart: that one may be missing."""
    setting = _params(item).get("xp")
    if not isinstance(setting, Setting):
        return ""
    return "-".join([setting.library, *(["cuda"] if setting.device == "cuda" else [])])


def _sample(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """Choose among the runs of one test function."""
    items = [item for item in items if not item.get_closest_marker("full")]
    for library in dict.fromkeys(map(_library_of, items)):
        if library in TAKES_ONE_IN and _is_left_out(items[0], library):
            continue
        runs = [item for item in items if _library_of(item) == library]
        yield from _sample_in_library(runs, f"{_function_of(items[0])} {library}")


def _is_left_out(item: pytest.Item, library: str) -> bool:
    """Tell whether a plain run leaves a test out in a library, since others run it too."""
    libraries = item.get_closest_marker("libraries")
    others = not libraries or {*libraries.args} != {library}
    if library == "torch":  # what NumPy cannot run is left to it
        others = not libraries or "numpy" in libraries.args
    number = rotation(_function_of(item))
    if "float64" not in _dtypes(library):
        return number % (NARROW_JAX_TAKES_ONE_OF_OTHERS if others else NARROW_JAX_TAKES_ONE_IN) != 0
    one_in, first = TAKES_ONE_IN[library]
    return others and item.path.parent.name != CONTRACT and number % one_in != first


def _sample_in_library(items: Sequence[pytest.Item], name: str) -> Iterable[pytest.Item]:
    place_names = PLACE if "xp" in _params(items[0]) else ()
    runs: dict[tuple[Case, Case], pytest.Item] = {}
    for item, numbers in zip(items, numbered([_params(item) for item in items]), strict=True):
        case = tuple(each for each in numbers if each[0] not in place_names)
        place = tuple(each for each in numbers if each[0] in place_names)
        runs[case, place] = item
    cases = shuffled(dict.fromkeys(case for case, _ in runs), name)
    places = [*dict.fromkeys(place for _, place in runs)]
    sampled = items[0].get_closest_marker("sampled")
    if sampled and (not sampled.args or _library_of(items[0]) in sampled.args):
        cases = every_value_once(cases)
    elif not name.endswith(" jax") and items[0].path.parent.name != CONTRACT:
        cases = half_with_every_value(cases)
    if items[0].get_closest_marker("all_dtypes"):
        return [item for (case, _), item in runs.items() if case in cases]
    start = rotation(name)
    if name.endswith(" jax") and "float64" not in _dtypes("jax"):
        cases, places = [cases[start % len(cases)]], [places[start % len(places)]]
    elif name.endswith(" jax"):
        cases = cases[: -(-len(cases) // JAX_TAKES_ONE_IN)]
    if name.endswith(" numpy") and items[0].path.parent.name != CONTRACT:
        dtypes = {place: _params(item).get("dtype") for (_, place), item in runs.items()}
        chosen = _a_wide_and_a_narrow_one(dtypes, start)
        others = [place for place in places if place not in chosen]
        pairs = islice(cover(cases, [*chosen, *others], 0), max(len(cases), len(chosen)))
    elif name.endswith((" numpy", " ")):
        pairs = cover(cases, places, start)
    else:
        pairs = islice(cover(cases, places, start), len(cases))
    # A case may lack in some place: it then runs in another one.
    somewhere = {case: item for (case, _), item in runs.items()}
    return {runs.get(pair, somewhere[pair[0]]) for pair in pairs}


def _a_wide_and_a_narrow_one(dtypes: dict[Case, str | None], start: int) -> list[Case]:
    """Choose one of the places with the widest dtype, or none, and one of the others."""
    widest = [place for place, dtype in dtypes.items() if dtype in (None, FLOAT_DTYPES[-1])]
    narrower = [place for place in dtypes if place not in widest]
    return [some[start % len(some)] for some in (widest, narrower) if some]


@pytest.fixture
def xp(request: pytest.FixtureRequest) -> Library:
    """Give an array library on one of its devices; see the head of this file."""
    setting: Setting = request.param
    return MAKERS[setting.library](setting)
