"""The pages show what the current version prints. If not: python tests/docs/refresh_outputs.py."""

import pytest
from page_outputs import (
    EXAMPLES,
    beyond_numpy,
    code_outputs,
    commands_shown,
    missing_for,
    missing_for_page,
    needed_environment,
    pages,
    run_command,
    run_script,
    same_output,
    scripts_shown,
    shell_pages,
    without_times,
)

REFRESH = "the page is out of date; run python tests/docs/refresh_outputs.py"
TWO_PLACES = "  x[0]  claim 1  estimate 2 ± 1e-9\n  x[1]  claim 3  estimate 4 ± 1e-9\n"
FOOTER = "  {} evaluations of func, 1 of the claim; rtol 1e-05; noise of func {}"


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=beyond_numpy(page), id=page.name) for page in pages()]
)
def test_page_shows_what_its_code_prints(page):
    if missing := missing_for_page(page):
        pytest.skip(f"{page.name} needs {', '.join(sorted(missing))}")
    outputs = code_outputs(page)
    assert outputs
    for output in outputs:
        assert same_output(output.shown, output.printed), (
            f"{REFRESH}\n{output.source}shown:\n{output.shown}printed:\n{output.printed}"
        )


@pytest.mark.parametrize(
    ("page", "command", "shown"),
    [(page.name, *each) for page in shell_pages() for each in commands_shown(page)],
    ids=lambda value: value.partition("\n")[0][:40],
)
def test_page_shows_what_its_command_prints(page, command, shown):
    shown, printed = without_times(shown), without_times(run_command(command))
    assert same_output(shown, printed), f"{REFRESH}\nshown:\n{shown}printed:\n{printed}"


@pytest.mark.parametrize("name", ["CI", "COLUMNS", "FORCE_COLOR", "JAX_ENABLE_X64", "NO_COLOR"])
def test_commands_and_scripts_get_nothing_that_changes_what_a_program_prints(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert name not in needed_environment()


@pytest.mark.parametrize(
    "script", [pytest.param(name, marks=beyond_numpy(EXAMPLES / name)) for name in scripts_shown()]
)
def test_page_of_examples_shows_what_a_script_prints(script):
    if missing := missing_for(script):
        pytest.skip(f"{script} needs {', '.join(sorted(missing))}")
    shown, printed = scripts_shown()[script], run_script(script).stdout
    assert same_output(shown, printed), f"{REFRESH}\nshown:\n{shown}printed:\n{printed}"


def test_page_of_examples_shows_the_output_of_every_script_but_one():
    """What logistic_regression.py prints depends on which libraries are installed."""
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    assert set(scripts_shown()) == scripts - {"logistic_regression.py"}


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("x[0]  claim 2.5", "x[0] claim 2.5"),
        ("estimate 0.5 ± 2e-12", "estimate 0.500000000003 ± 9e-12"),
        ("estimate 0 ± 2e-12", "estimate -1e-13 ± 3e-12"),
        (FOOTER.format(100, "2.0e-16"), FOOTER.format(110, "4.1e-17")),
        ("to 9.1 digits or better", "to 8.1 digits or better"),
        ("to the last digit", "to 15.4 digits or better"),
        ("1.23456789", "1.23456786"),
        (TWO_PLACES, "".join(reversed(TWO_PLACES.splitlines(keepends=True)))),
    ],
)
def test_outputs_that_differ_by_machine_are_the_same(shown, printed):
    assert same_output(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("wrong: at x[0]", "correct: at x[0]"),
        ("at x[0]", "at x[1]"),
        ("at 2 of 6 coordinates", "at 3 of 6 coordinates"),
        ("claim 0.5", "claim 0.7"),
        ("claim 1.23456789", "claim 1.23456779"),
        ("estimate 0.5 ± 2e-12", "estimate 0.50000000002 ± 2e-12"),
        ("estimate 0.5 ± 2e-12", "estimate 0.5 ± 3e-11"),
        (FOOTER.format(100, "2.0e-16"), FOOTER.format(120, "2.0e-16")),
        (FOOTER.format(100, "2.0e-16"), FOOTER.format(100, "2.0e-14")),
        ("to 9.1 digits or better", "to 7.9 digits or better"),
        ("True", ""),
    ],
)
def test_outputs_that_say_something_else_are_not_the_same(shown, printed):
    assert not same_output(shown, printed)
