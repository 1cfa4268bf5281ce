"""What a person got wrong on the command line."""

from __future__ import annotations


class CommandError(Exception):
    """Something on the command line has no meaning. Its message says what, and what to do."""
