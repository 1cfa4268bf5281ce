"""The arguments of the command, by argparse. A wrong one ends the program with the status 3."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from checkgrad.backends import LIBRARY_NAMES
from checkgrad.evaluate.options import BATCHES
from checkgrad.problem import LOCATES, METHODS, PRECISIONS
from checkgrad.report.versions import own_version

ERROR = 3  # the exit status where there is no verdict
FORMS = ("grad", "value_and_grad", "jac", "jvp", "vjp", "autodiff")
_WITHOUT_CLAIM = ("value_and_grad", "autodiff")

_EPILOG = """\
exit status: 0 correct, 1 wrong, 2 inconclusive, 3 no verdict

example: python -m checkgrad losses:loss losses:grad --x0 '[1.0, 2.0]'
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors end the program with the status 3: 2 stands for a verdict."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and how the command is used."""
        self.print_usage(sys.stderr)
        self.exit(ERROR, f"{self.prog}: error: {message}\n")


def _direction(words: str) -> str | int:
    if words in ("auto", "all", "random"):
        return words
    try:
        return int(words)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{words!r} is no direction; pass auto, all, random, or a number of random tangents"
        ) from None


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    program = "python -m checkgrad" if sys.argv[0].endswith("__main__.py") else "checkgrad"
    parser = _Parser(
        prog=program,
        usage="%(prog)s module:func module:grad --x0 X0 [options]",
        description="Is this hand-written derivative right?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"checkgrad {own_version()}")
    parser.add_argument("func", metavar="module:func", help="the function")
    parser.add_argument("claim", metavar="module:grad", nargs="?", help="its derivative, to check")
    parser.add_argument(
        "--x0",
        required=True,
        help="where to check: a file of arrays (.npy, .npz, .pt, .safetensors) or of numbers "
        "(.json), numbers in JSON, or module:name",
    )
    parser.add_argument(
        "--form",
        choices=FORMS,
        default="grad",
        help="what the derivative is; value_and_grad: func returns both, and autodiff: that of the "
        "array library, both without module:grad",
    )
    x0 = parser.add_argument_group("x0")
    x0.add_argument(
        "--library",
        choices=LIBRARY_NAMES,
        help="the array library of x0; by default that of the file",
    )
    x0.add_argument("--dtype", help="the dtype of floating arrays in x0, e.g. float32")
    check = parser.add_argument_group("the check, as the options of checkgrad.verify_grad")
    check.add_argument(
        "--direction",
        type=_direction,
        default="auto",
        help="auto, all, random, or a number of random tangents",
    )
    check.add_argument(
        "--rtol",
        type=float,
        help="the smallest relative error that must not pass; by default 1e-5 in float64",
    )
    check.add_argument("--seed", type=int, help="the seed of random tangents, 0 by default")
    check.add_argument(
        "--batch", choices=BATCHES, default="auto", help="how func is evaluated at many points"
    )
    check.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="the dtype that func is evaluated in",
    )
    check.add_argument(
        "--method", choices=METHODS, default="differences", help="how derivatives are estimated"
    )
    check.add_argument(
        "--locate",
        choices=LOCATES,
        default="auto",
        help="whether to look for wrong entries after random tangents",
    )
    check.add_argument("--workers", type=int, help="the number of processes")
    check.add_argument("--max-evals", type=int, help="the largest number of evaluations of func")
    check.add_argument("--timeout", type=float, help="in seconds")
    check.add_argument("--progress", action="store_true", help="show a bar")
    written = parser.add_argument_group("output, in addition to the report as text")
    written.add_argument(
        "--json", metavar="FILE", help="write the report as JSON; - prints it in place of the text"
    )
    written.add_argument("--html", metavar="FILE", help="write the report as a page")
    return parser


def parsed_arguments(words: list[str] | None) -> argparse.Namespace:
    """Return the arguments of the command line.

    Parameters
    ----------
    words : list of str, optional
        The arguments; by default those of this process.
    """
    parser = make_parser()
    found = parser.parse_args(words)
    if found.form in _WITHOUT_CLAIM and found.claim is not None:
        parser.error(f"--form {found.form} takes no module:grad, but there is {found.claim!r}")
    if found.form not in _WITHOUT_CLAIM and found.claim is None:
        parser.error(
            "module:grad is missing; pass the derivative, or --form value_and_grad where func "
            "returns it with its value, or --form autodiff"
        )
    if found.form == "autodiff" and found.method != "differences":
        parser.error(f"--form autodiff takes no --method {found.method}")
    return found
