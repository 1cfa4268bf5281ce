"""The outputs that the pages of the documentation show, and those of the current version.

This module owns three things: how a page is split into blocks, how its code is run, and when
two outputs count as equal. `test_outputs` compares the outputs, `refresh_outputs` rewrites them.
"""

from __future__ import annotations

import contextlib
import doctest
import functools
import importlib
import importlib.util
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
EXAMPLES_PAGE = ROOT / "docs" / "examples.md"

CODE_BLOCK = re.compile(r"(?<=^```python\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
# A script that a page includes, and the text that the page shows as its output.
SCRIPT_OUTPUT = re.compile(
    r"^```\{literalinclude\} examples/(?P<script>\w+\.py)\n(?:(?!#)[^\n]*\n)*?"
    r"^```text\n(?P<printed>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# A command on a page, as a shell shows it, and what it prints.
SHELL_BLOCK = re.compile(
    r"^```console\n\$ (?P<command>[^\n]*)\n(?P<printed>.*?)^```$", re.MULTILINE | re.DOTALL
)
SLOWEST = re.compile(r"  \d+\.\d+ s, \d+ evaluations?: ")
SECONDS = re.compile(r"\d+\.\d+ ?s\b")  # that something took
OPTIONAL_IMPORT = re.compile(r"(?:import|from) (?:checkgrad\.)?(jax|matplotlib|scipy|torch)\b")

# What a command or a script that a page shows gets of the environment: what it needs in order to
# run, and nothing by which a program chooses what it prints, such as CI, COLUMNS or FORCE_COLOR.
NEEDED_VARIABLES = re.compile(
    r"PATH|HOME|USERPROFILE|APPDATA|LOCALAPPDATA|SYSTEMROOT|TEMP|TMP|TMPDIR|LANG|LC_ALL"
    r"|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|VIRTUAL_ENV|PYTHONPATH|PYTHONDONTWRITEBYTECODE"
    r"|(?:OMP|MKL|OPENBLAS)_NUM_THREADS|JAX_(?:COMPILATION|PERSISTENT)_CACHE_\w+"
)

LAST_DIGITS = 5  # units of the last digit shown that a number may differ by ...
MOST_APART = 0.01  # ... but by no more than this part of it
DIGITS_APART = 1.0  # that "to 9.1 digits" may differ by
ESTIMATE_ROUNDING = 1e-11  # relative: a report shows twelve digits of an estimate at most
FACTOR_APART = 10.0  # between two uncertainties, and between two measured noises
COUNT_APART = 0.1  # relative difference between two evaluation counts ...
COUNT_APART_AT_LEAST = 3  # ... or this many evaluations

MISMATCH = re.compile(r"  \S.* claim .* estimate")  # a line of a report, about one place
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf"
# One named group for each kind of number, see `same_output`.
NUMBERS = re.compile(
    rf"(?P<estimate>{NUMBER}) ± (?P<uncertainty>{NUMBER})"
    rf"|(?:(?<=noise of func )|(?<=noise of func \()|(?<=its noise \())(?P<noise>{NUMBER})"
    rf"|(?P<digits>(?<=to )\d+\.\d(?= digits))"
    rf"|(?P<count>\d+(?= evaluations? of func)|(?<=of func, )\d+(?= of the claim))"
    rf"|(?P<number>(?<![\w.])(?:{NUMBER})(?!\w))"
)


def installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def beyond_numpy(path: Path) -> list[pytest.MarkDecorator]:
    """Mark what imports another library: its session runs it too, see tests/conftest.py."""
    libraries = sorted({*OPTIONAL_IMPORT.findall(path.read_text(encoding="utf-8"))})
    return [pytest.mark.libraries(*libraries)] if libraries else []


def pages() -> list[Path]:
    """Return README.md and the pages of docs/ that contain Python code."""
    candidates = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    return [page for page in candidates if CODE_BLOCK.search(page.read_text(encoding="utf-8"))]


def missing_for_page(page: Path) -> set[str]:
    """Return the libraries that the first block of a page imports and that are not installed."""
    first = CODE_BLOCK.search(page.read_text(encoding="utf-8"))
    imported = OPTIONAL_IMPORT.findall(first[0]) if first else []
    return {library for library in imported if not installed(library)}


# --- run the code of a page ---------------------------------------------------------------------


@dataclass(frozen=True)
class Output:
    """One statement of a page, with the output that the page shows and the output it gives."""

    start: int  # the characters of the page from `start` to `end` are what the page shows
    end: int
    source: str
    shown: str
    printed: str


class _Recorder(doctest.DocTestRunner):
    """Run statements and record what each of them prints."""

    def __init__(self) -> None:
        super().__init__(verbose=False)
        self.printed: list[str] = []

    def report_start(self, out, test, example) -> None:
        """Print nothing."""

    def report_success(self, out, test, example, got) -> None:
        self.printed.append(got)

    def report_failure(self, out, test, example, got) -> None:
        self.printed.append(got)

    def report_unexpected_exception(self, out, test, example, exc_info) -> None:
        raise AssertionError(f"{test.name} raised in:\n{example.source}") from exc_info[1]


@functools.cache
def code_outputs(page: Path) -> list[Output]:
    """Run the code of a page, and return the output of each statement.

    All blocks of a page share their variables. A block that imports a library that is not
    installed is left out. If it is the first one, so are all others: they use its names.
    JAX has its default precision, as a reader has it.
    """
    if missing_for_page(page):
        return []
    text = page.read_text(encoding="utf-8")
    variables: dict[str, object] = {}
    with default_precision_of_jax():
        return [
            output
            for block in CODE_BLOCK.finditer(text)
            if all(map(installed, OPTIONAL_IMPORT.findall(block[0])))
            for output in _block_outputs(page.name, block[0], block.start(), variables)
        ]


def default_precision_of_jax() -> contextlib.AbstractContextManager[None]:
    if not installed("jax"):
        return contextlib.nullcontext()
    return importlib.import_module("jax").enable_x64(False)


def _block_outputs(
    name: str, code: str, offset: int, variables: dict[str, object]
) -> Iterator[Output]:
    test = doctest.DocTestParser().get_doctest(code, variables, name, name, 0)
    if not test.examples:
        raise AssertionError(f"{name} has Python code that is not run:\n{code}")
    test.globs = variables  # shared with the blocks after this one; doctest copies them
    recorder = _Recorder()
    recorder.run(test, clear_globs=False)
    lines = code.splitlines(keepends=True)
    for example, printed in zip(test.examples, recorder.printed, strict=True):
        first = example.lineno + example.source.count("\n")
        start = offset + sum(map(len, lines[:first]))
        yield Output(start, start + len(example.want), example.source, example.want, printed)


# --- run the example scripts --------------------------------------------------------------------


def needed_environment() -> dict[str, str]:
    """Return the environment without what makes a program print one thing here, another there."""
    found = os.environ.items()
    return {name: value for name, value in found if NEEDED_VARIABLES.fullmatch(name)}


@functools.cache
def run_script(name: str) -> subprocess.CompletedProcess[str]:
    """Run an example as a reader does: JAX has its default precision unless the script says so."""
    return subprocess.run(
        [sys.executable, EXAMPLES / name],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=needed_environment(),
    )


def missing_for(script: str) -> set[str]:
    """Return the libraries that a script imports and that are not installed."""
    imported = OPTIONAL_IMPORT.findall((EXAMPLES / script).read_text(encoding="utf-8"))
    return {library for library in imported if not installed(library)}


def scripts_shown() -> dict[str, str]:
    """Return the output that the page of examples shows, by the name of the script."""
    text = EXAMPLES_PAGE.read_text(encoding="utf-8")
    return {match["script"]: match["printed"] for match in SCRIPT_OUTPUT.finditer(text)}


# --- run the commands of a page -----------------------------------------------------------------


def shell_pages() -> list[Path]:
    """Return the pages whose commands run in the folder of the examples for a shell."""
    return [ROOT / "docs" / name for name in ("command_line.md", "pytest.md")]


def commands_shown(page: Path) -> list[tuple[str, str]]:
    """Return the commands of a page, each with the output that the page shows."""
    text = page.read_text(encoding="utf-8")
    return [(match["command"], match["printed"]) for match in SHELL_BLOCK.finditer(text)]


@functools.cache
def run_command(command: str) -> str:
    """Return what a command prints in the folder of its examples, with this Python."""
    python = f'"{sys.executable}"'
    programs = {"python": python, "pytest": f"{python} -m pytest --rootdir=. -c {os.devnull}"}
    shell = re.sub(r"^(pytest|python)\b", lambda found: programs[found[0]], command)
    environment = {
        **needed_environment(),
        "COLUMNS": "88",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # no plugin but ours
        "PYTEST_PLUGINS": "checkgrad.pytest_plugin",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
    }
    result = subprocess.run(
        ["sh", "-c", shell],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
        env=environment,
        cwd=EXAMPLES / "shell",
    )
    lines = result.stdout.splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def without_times(text: str) -> str:
    """Return a text without times, and without which checks were the slowest."""
    kept = (line for line in text.splitlines() if not SLOWEST.match(line))
    return re.sub(r"={3,}", "===", SECONDS.sub("0 s", "\n".join(kept)))


# --- compare two outputs ------------------------------------------------------------------------


def same_output(shown: str, printed: str) -> bool:
    """Return whether two outputs are equal, up to what depends on the machine.

    Both texts are split into numbers and the rest. The rest must be equal; the number of spaces
    between two words may differ, because a report pads its columns. The wrong places of a report
    may come in another order, because two of them can be off by the same amount. A number is
    compared by its kind:

    - an estimate with its uncertainty, ``0.5 ± 2e-12``: the estimates may differ by the sum of
      both uncertainties, and the uncertainties by a factor of ten;
    - the noise of func: by a factor of ten;
    - the digits in ``to 9.1 digits or better``: by one, where ``to the last digit`` counts as 16;
    - a number of evaluations: by a tenth, or by three;
    - an integer: not at all;
    - any other number: by five units of the last digit shown, but by no more than 1% if that is
      more than one unit.
    """
    rest_shown, numbers_shown = _split(shown)
    rest_printed, numbers_printed = _split(printed)
    return rest_shown == rest_printed and all(
        _same_number(*pair) for pair in zip(numbers_shown, numbers_printed, strict=True)
    )


def _split(text: str) -> tuple[list[str], list[dict[str, str]]]:
    """Return the text between the numbers, and the numbers by their kind."""
    runs = itertools.groupby(text.splitlines(), lambda line: MISMATCH.match(line) is not None)
    lines = [line for is_mismatch, run in runs for line in (sorted(run) if is_mismatch else run)]
    text = " ".join(" ".join(lines).split())
    text = text.replace("to the last digit", "to 16.0 digits or better")
    rest, numbers, end = [], [], 0
    for match in NUMBERS.finditer(text):
        kinds = {kind: value for kind, value in match.groupdict().items() if value is not None}
        rest += [text[end : match.start()], "±".join(kinds)]
        numbers.append(kinds)
        end = match.end()
    return [*rest, text[end:]], numbers


def _same_number(shown: dict[str, str], printed: dict[str, str]) -> bool:
    pairs = {kind: (shown[kind], printed[kind]) for kind in shown}
    values = {kind: (float(a), float(b)) for kind, (a, b) in pairs.items()}
    apart = {kind: abs(a - b) for kind, (a, b) in values.items()}
    if "estimate" in values:
        rounding = ESTIMATE_ROUNDING * max(map(abs, values["estimate"]))
        close = apart["estimate"] <= sum(values["uncertainty"]) + rounding
        return close and _same_magnitude(*values["uncertainty"])
    if "noise" in values:
        return _same_magnitude(*values["noise"])
    if "digits" in values:
        return apart["digits"] <= DIGITS_APART + 1e-9
    if "count" in values:
        return apart["count"] <= max(COUNT_APART * max(values["count"]), COUNT_APART_AT_LEAST)
    return _same_digits(*pairs["number"])


def _same_magnitude(shown: float, printed: float) -> bool:
    return shown == printed or max(shown, printed) <= FACTOR_APART * min(shown, printed)


def _same_digits(shown: str, printed: str) -> bool:
    if shown == printed:
        return True
    if shown.lstrip("-+").isdigit() and printed.lstrip("-+").isdigit():
        return False
    a, b = float(shown), float(printed)
    unit = max(map(_last_digit, (shown, printed)))
    return abs(a - b) <= min(LAST_DIGITS * unit, max(unit, MOST_APART * max(abs(a), abs(b))))


def _last_digit(number: str) -> float:
    """Return the value of one unit of the last digit of a number as it is written."""
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - decimals)
