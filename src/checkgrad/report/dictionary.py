"""A report as a program reads it: a dictionary that the `json` module accepts."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checkgrad.report.report import Report


def to_dict(report: Report) -> dict[str, Any]:
    """Return every attribute of the report by its name, as JSON has it.

    JSON lacks numbers that are not finite: they become the strings "nan", "inf" and "-inf".
    """
    found = {field.name: getattr(report, field.name) for field in dataclasses.fields(report)}
    found["verdict"] = report.verdict.value
    found["hints"], found["remarks"] = list(report.hints), list(report.remarks)
    found["mismatches"] = [
        {name: _json_value(value) for name, value in dataclasses.asdict(mismatch).items()}
        for mismatch in report.mismatches
    ]
    return {name: _json_value(value) for name, value in found.items()}


def _json_value(value: Any) -> Any:
    """Return a number that is not finite as a string, and any other value as it is."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
