"""The command: what it reads, what it writes, how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import checkgrad
from checkgrad.command_line.arguments import make_parser
from checkgrad.command_line.main import main
from checkgrad.command_line.points import _READERS

# The example of README.md, and functions that do what people get wrong.
MODULE = """
import numpy as np

inputs = np.array([0.5, -2.0])

def func(params):
    hidden = np.tanh(params["weights"] @ inputs + params["bias"])
    return np.sum(hidden**2)

def grad(params):
    hidden = np.tanh(params["weights"] @ inputs + params["bias"])
    delta = 2 * hidden * (1 - hidden**2)
    return {"weights": np.outer(delta, inputs), "bias": delta}

def broken(params):
    gradient = grad(params)
    return {"weights": gradient["weights"], "bias": -gradient["bias"]}

def both(params):
    return func(params), grad(params)

def raises(params):
    return params["wieghts"]

def start():
    return {"weights": np.array([[0.3, -0.8], [1.1, 0.4]]), "bias": np.array([0.1, -0.2])}

x0 = start()

class Model:
    @staticmethod
    def polar(x):
        return np.array([x[0] * np.cos(x[1]), x[0] * np.sin(x[1])])

    @staticmethod
    def jac(x):
        c, s = np.cos(x[1]), np.sin(x[1])
        return np.array([[c, -x[0] * s], [s, x[0] * c]])

    @staticmethod
    def jvp(x, v):
        return Model.jac(x) @ v

    @staticmethod
    def vjp(x, w):
        return w @ Model.jac(x)

def cube(x):
    return (x**3).sum()

def slope(x):
    return 3 * x**2
"""
X0 = '{"weights": [[0.3, -0.8], [1.1, 0.4]], "bias": [0.1, -0.2]}'


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run in a directory that has the module."""
    (tmp_path / "readme_example.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    yield tmp_path
    sys.modules.pop("readme_example", None)


def run(words: str, *more: str) -> int:
    """Run the command, and return its exit status. A ``:`` stands for the module."""
    named = [f"readme_example{word}" if word.startswith(":") else word for word in words.split()]
    try:
        return main([*named, *more])
    except SystemExit as stop:
        return int(stop.code or 0)


# --- the exit status -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status", "begins"),
    [
        (":func :grad", 0, "correct: claim and estimate agree at all 6 coordinates"),
        (":func :broken", 1, "wrong: the claim is off by 87%"),
        (":func :grad --max-evals 1", 2, "inconclusive: incomplete, since the budget"),
        (":func :grad --dtype float32", 0, "correct: "),
        (":both --form value_and_grad", 0, "correct: "),
    ],
)
def test_status_and_report_by_the_verdict(words, status, begins, capsys):
    assert run(words, "--x0", X0) == status
    printed = capsys.readouterr()
    assert printed.out.startswith(begins)
    assert printed.err == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (f":func :grad --nope --x0 {X0}", "unrecognized arguments: --nope"),
        (":func :grad", "the following arguments are required: --x0"),
        (":func --x0 1", "module:grad is missing; pass the derivative, or --form value_and_grad"),
        (":func :grad --form autodiff --x0 1", "--form autodiff takes no module:grad"),
        (":func :grad --direction left --x0 1", "'left' is no direction; pass auto, all, random"),
        ("func :grad --x0 1", "func is 'func'; pass module:name, e.g. losses:loss"),
        ("readme_example.py:func :grad --x0 1", "not its file: readme_example:func"),
        ("nowhere_at_all:func :grad --x0 1", "there is no module 'nowhere_at_all'; run the"),
        (":func :gard --x0 1", "readme_example has no 'gard'; did you mean 'grad'?"),
        (":inputs :grad --x0 1", "func is 'readme_example:inputs', which is a ndarray"),
        (":func :grad --x0 nowhere.npy", "x0 is 'nowhere.npy', and there is no such file in"),
        (":func :grad --x0 readme_example.py", "pass a file (.npy, .npz, .pt, .pth, .safetensors"),
        (":func :grad --x0 [1,", "x0 is '[1,', which is no JSON"),
        (':func :grad --x0 [1,"a"]', "which has 'a' where a number is needed"),
        (":func :grad --x0 [1,true]", "which has True where a number is needed"),
        (":cube :slope --dtype float17 --x0 [1]", "numpy has no floating dtype 'float17'"),
        (":cube :slope --dtype sum --x0 [1]", "numpy has no floating dtype 'sum'; pass e.g. float"),
        (":cube :slope --dtype int32 --x0 [1]", "numpy has no floating dtype 'int32'; pass e.g."),
        (":cube :slope --dtype double --x0 [1]", "float64 of double here; pass --dtype float64"),
        ("./models.py :grad --x0 1", "func is './models.py'; pass module:name, e.g. models:loss"),
        ("./a/losses.py:loss :grad --x0 1", "pass the module, not its file: a.losses:loss"),
        (":cube :slope --x0 nan", "x0"),
        (":cube :slope --seed -1 --x0 [1]", "rng is -1 (type int); pass an int of 0 or more"),
        (":cube :slope --rtol 2 --x0 [1]", "rtol is 2.0"),
        (":cube :slope --x0 [] --json out.json", "x0 is empty"),
        (":cube :slope --x0 [1] --json no/where.json", "'no/where.json' cannot be written"),
        (":cube --form autodiff --x0 [1]", "which has no differentiation of its own"),
    ],
)
def test_bad_input_is_an_error_that_says_what_to_do(words, said, capsys):
    assert run(words.replace(X0, "1")) == 3
    printed = capsys.readouterr()
    assert said in printed.err
    assert "Traceback" not in printed.err


def test_file_that_cannot_be_read_is_an_error(directory, capsys):
    (directory / "bad.npy").write_text("hello", encoding="utf-8")
    assert run(":cube :slope --x0 bad.npy") == 3
    assert "x0 is the file 'bad.npy', which cannot be read: ValueError" in capsys.readouterr().err


def test_exception_of_the_users_code_comes_with_its_traceback(capsys):
    assert run(":raises :grad", "--x0", X0) == 3
    printed = capsys.readouterr().err
    assert 'return params["wieghts"]' in printed
    assert "KeyError: 'wieghts'" in printed
    assert "calling.py" not in printed


def test_exception_on_import_comes_with_its_traceback(directory, capsys):
    (directory / "broken_example.py").write_text("import nowhere_at_all\n", encoding="utf-8")
    assert run("broken_example:func :grad --x0 1") == 3
    printed = capsys.readouterr().err
    assert "import nowhere_at_all" in printed
    assert "ModuleNotFoundError" in printed


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        ("sys.exit(0)", "calls sys.exit(0) when it is imported or called; put the call under `if"),
        ("sys.exit()", "calls sys.exit() when"),
        ("argparse.ArgumentParser().parse_args(['--nope'])", "calls sys.exit(2) when"),
    ],
)
@pytest.mark.parametrize("place", ["", "def func(x): ", "def x0(): "])
def test_module_that_ends_the_program_gives_no_verdict(directory, stop, said, place, capsys):
    text = f"import argparse, sys\nfrom readme_example import *\n{place}{stop}\n"
    (directory / "ends_example.py").write_text(text, encoding="utf-8")
    try:
        assert main(["ends_example:func", "ends_example:grad", "--x0", "ends_example:x0"]) == 3
    finally:
        sys.modules.pop("ends_example", None)
    assert said in capsys.readouterr().err


# --- where x0 comes from, what is checked, what is written ---------------------------------------


def test_x0_from_files_of_numpy_and_json(directory):
    parts = {name: np.asarray(part) for name, part in json.loads(X0).items()}
    np.savez(directory / "x0.npz", **parts)
    np.save(directory / "vector.npy", np.arange(1.0, 4.0))
    (directory / "x0.json").write_text(X0, encoding="utf-8")
    assert run(":func :grad --x0 x0.npz") == 0
    assert run(":func :grad --x0 x0.json") == 0
    assert run(":cube :slope --x0 vector.npy") == 0


@pytest.mark.parametrize("x0", [":x0", ":start"])
def test_x0_from_a_module(x0):
    assert run(f":func :grad --x0 {x0}") == 0


def test_x0_from_safetensors(directory):
    safetensors = pytest.importorskip("safetensors.numpy")
    parts = {name: np.asarray(part) for name, part in json.loads(X0).items()}
    safetensors.save_file(parts, directory / "x0.safetensors")
    assert run(":func :grad --x0 x0.safetensors") == 0


def test_x0_from_pytorch(directory, capsys):
    torch = pytest.importorskip("torch")
    torch.save(torch.tensor([1.0, 2.0]), directory / "x0.pt")
    assert run(":cube :slope --x0 x0.pt --dtype float64") == 0
    assert "float64 on cpu (torch)" in capsys.readouterr().out
    assert run(":cube --form autodiff --x0 x0.pt") == 0


def test_file_of_pytorch_runs_no_code(directory, capsys):
    torch = pytest.importorskip("torch")
    torch.save(Path("elsewhere"), directory / "x0.pt")
    assert run(":cube :slope --x0 x0.pt") == 3
    assert "which cannot be read: UnpicklingError" in capsys.readouterr().err


def test_x0_in_jax(capsys):
    jax = pytest.importorskip("jax")
    assert run(":cube :slope --library jax --dtype float32 --x0 [1,2]") == 0
    assert "float32 on" in capsys.readouterr().out
    if not jax.config.jax_enable_x64:
        assert run(":cube :slope --library jax --x0 [1,2]") == 3
        assert "unless JAX_ENABLE_X64=1 is set; pass --dtype float32" in capsys.readouterr().err


@pytest.mark.parametrize("number", [".5", "1.", "+1", " -2e-1"])
def test_x0_as_python_writes_numbers(number):
    assert run(":cube :slope", "--x0=" + number) == 0


@pytest.mark.parametrize("nothing", ["", "  "])
def test_empty_x0_is_an_error(nothing, capsys):
    assert run(":cube :slope", "--x0", nothing) == 3
    assert "x0 is empty; pass a file (.npy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "missing", "advice"),
    [
        ("x0.safetensors", None, "run: pip install 'checkgrad[safetensors]'"),
        ("x0.pt", None, "run: pip install 'checkgrad[torch]'"),
        ("x0.pt", "torch.nn", "torch.nn is not installed; run: pip install 'torch'"),
    ],
)
def test_missing_reader_of_a_file_says_what_brings_it(
    directory, file, missing, advice, monkeypatch, capsys
):
    def read_arrays(path, library):
        raise ImportError("broken", name=missing)

    monkeypatch.setattr("checkgrad.command_line.points.read_arrays", read_arrays)
    (directory / file).touch()
    assert run(f":cube :slope --x0 {file}") == 3
    assert advice in capsys.readouterr().err


def test_every_extra_that_a_message_names_exists():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    named = {each.partition("[")[2].rstrip("]") for each in _READERS.values()}
    assert named <= set(project["project"]["optional-dependencies"])


@pytest.mark.parametrize("form", ["jac", "jvp", "vjp"])
def test_other_forms(form):
    assert run(f":Model.polar :Model.{form} --form {form} --x0 [2.0,0.5]") == 0


def test_options_reach_the_check(capsys):
    words = ":cube :slope --x0 [1,2,3] --direction 2 --rtol 1e-3 --seed 5 --json -"
    assert run(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["direction"], found["rtol"], found["seed"]) == ("2 random tangents", 1e-3, 5)


def test_json_is_alone_on_stdout(directory, capsys):
    text = (
        "print('imported')\ndef func(x):\n    print('called')\n    return (x**2).sum()\n"
        "def grad(x):\n    print('called')\n    return 2 * x\n"
    )
    (directory / "talks.py").write_text(text, encoding="utf-8")
    assert main(["talks:func", "talks:grad", "--x0", "[1,2]", "--json", "-"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["verdict"] == "correct"
    assert "imported" in output.err
    assert "called" in output.err
    assert main(["talks:func", "talks:grad", "--x0", "[1,2]"]) == 0
    assert "called" in capsys.readouterr().out


def test_report_as_json_and_as_a_page(directory, capsys):
    assert run(":func :broken --json out.json --html out.html", "--x0", X0) == 1
    found = json.loads((directory / "out.json").read_text(encoding="utf-8"))
    text = capsys.readouterr().out
    assert f"{checkgrad.Report.from_dict(found)}\n" == text
    assert "a flipped sign?" in (directory / "out.html").read_text(encoding="utf-8")


def test_command_as_a_module(directory):
    result = subprocess.run(
        [sys.executable, "-m", "checkgrad", "readme_example:func", "readme_example:broken"]
        + ["--x0", X0],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(checkgrad.__file__).parents[1])},
    )
    assert result.returncode == 1
    assert result.stdout.startswith("wrong: the claim is off by 87%")
    assert result.stderr == ""


def test_every_option_has_a_help_text():
    assert [each.dest for each in make_parser()._actions if not each.help] == []


def test_importing_the_module_of_the_command_ends_nothing():
    from checkgrad import __main__

    assert callable(__main__.main)


def test_command_that_cannot_be_imported_gives_no_verdict(monkeypatch, capsys):
    from checkgrad import __main__

    monkeypatch.setitem(sys.modules, "checkgrad.command_line.main", None)
    assert __main__.main() == 3
    assert "checkgrad: error: import of checkgrad.command_line.main" in capsys.readouterr().err
