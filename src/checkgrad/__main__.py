"""``python -m checkgrad``, see `checkgrad.command_line`."""

from __future__ import annotations

import sys

_NO_VERDICT = 3  # the exit status where there is no verdict: 1 would say that a claim is wrong


def main() -> int:
    """Run the command, and return its exit status: 3 if the command cannot be imported."""
    try:
        from checkgrad.command_line.main import main as run_command
    except ImportError as error:
        sys.stderr.write(f"checkgrad: error: {error}; install checkgrad again\n")
        return _NO_VERDICT
    return run_command()


if __name__ == "__main__":
    raise SystemExit(main())
