"""The command: reads what is to be checked, calls a door, writes the report, exits by the verdict.

Bad input ends with a message on stderr. What the user's own code raises ends with its traceback.
"""

from __future__ import annotations

import json
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from checkgrad.api.autodiff import verify_autodiff
from checkgrad.api.verify import verify_grad, verify_jac, verify_jvp, verify_vjp
from checkgrad.command_line.arguments import ERROR, parsed_arguments
from checkgrad.command_line.errors import CommandError
from checkgrad.command_line.functions import make_importable, named_function
from checkgrad.command_line.points import make_x0
from checkgrad.numerics.decisions import Verdict
from checkgrad.report.report import Report
from checkgrad.tracebacks import has_user_frames, remove_our_frames

STATUS = {Verdict.CORRECT: 0, Verdict.WRONG: 1, Verdict.INCONCLUSIVE: 2}
_DOORS: dict[str, Callable[..., Report]] = {
    "grad": verify_grad,
    "value_and_grad": verify_grad,
    "jac": verify_jac,
    "jvp": verify_jvp,
    "vjp": verify_vjp,
}


def main(words: list[str] | None = None) -> int:
    """Run the command, and return its exit status.

    Parameters
    ----------
    words : list of str, optional
        The arguments; by default those of this process.

    Returns
    -------
    int
        0 for a correct claim, 1 for a wrong one, 2 for an inconclusive check, 3 for an error.
    """
    arguments = parsed_arguments(words)
    make_importable()
    try:
        # Only the JSON goes to stdout, so that a program can read it.
        with redirect_stdout(sys.stderr) if arguments.json == "-" else nullcontext():
            report = _checked(arguments)
        _write(report, arguments)
    except CommandError as error:
        return _failed(str(error))
    except SystemExit as error:
        status = "" if error.code is None else repr(error.code)
        return _failed(
            f"the code that is checked calls sys.exit({status}) when it is imported or called; "
            "put the call under `if __name__ == '__main__':`"
        )
    except Exception as error:
        if not has_user_frames(error):
            return _failed(str(error))
        remove_our_frames(error)
        sys.stderr.write("".join(traceback.format_exception(error)))
        return _failed(f"{type(error).__name__} in the code that is checked")
    return STATUS[report.verdict]


def _checked(arguments: Namespace) -> Report:
    func = named_function(arguments.func, "func")
    claim: Any = True
    if arguments.claim is not None:
        claim = named_function(arguments.claim, arguments.form)
    x0 = make_x0(arguments.x0, arguments.library, arguments.dtype)
    options = {
        "direction": arguments.direction,
        "rtol": arguments.rtol,
        "rng": arguments.seed,
        "batch": arguments.batch,
        "precision": arguments.precision,
        "locate": arguments.locate,
        "workers": arguments.workers,
        "max_evals": arguments.max_evals,
        "timeout": arguments.timeout,
        "progress": arguments.progress,
        "on_interrupt": "report",
    }
    if arguments.form == "autodiff":
        return verify_autodiff(func, x0, **options)
    return _DOORS[arguments.form](func, claim, x0, method=arguments.method, **options)


def _write(report: Report, arguments: Namespace) -> None:
    if arguments.json == "-":
        sys.stdout.write(json.dumps(report.to_dict(), indent=1) + "\n")
    else:
        sys.stdout.write(f"{report}\n")
    try:
        if arguments.json not in (None, "-"):
            text = json.dumps(report.to_dict(), indent=1) + "\n"
            Path(arguments.json).write_text(text, encoding="utf-8")
        if arguments.html is not None:
            report.to_html(arguments.html)
    except OSError as error:
        raise CommandError(f"{error.filename!r} cannot be written: {error.strerror}") from None


def _failed(message: str) -> int:
    sys.stderr.write(f"checkgrad: error: {message}\n")
    return ERROR
