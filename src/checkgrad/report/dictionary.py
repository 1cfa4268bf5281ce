"""A report as a program reads it: a dictionary that the `json` module accepts, and the way back.

docs/json.md documents the schema. Its version grows when a key goes away or changes its meaning;
new keys leave it as it is.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from checkgrad.arrays.messages import quote
from checkgrad.numerics.decisions import Verdict
from checkgrad.numerics.samples import Floats
from checkgrad.report.comparison import DECISIONS, Comparison
from checkgrad.report.mismatch import Mismatch
from checkgrad.report.sampled import DirectionSamples
from checkgrad.report.tree import TreeSpec, array_from_dict, array_to_dict

if TYPE_CHECKING:
    from checkgrad.report.report import Report

SCHEMA = "checkgrad.report"
SCHEMA_VERSION = 1

_PARTS = ("claim", "estimate", "uncertainty")
_LARGE = ("comparisons", "samples")  # what may take more room than all the rest
_WORDS = ("nan", "inf", "-inf")  # numbers that JSON lacks
_TEXTS = ("where", "decision")  # of which a user's name may be such a word


def to_dict(report: Report, arrays: bool) -> dict[str, Any]:
    """Return every attribute of the report by its name, as JSON has it.

    Parameters
    ----------
    report : Report
        The report.
    arrays : bool
        Whether arrays and samples are there; if not, their lists are empty.
    """
    found: dict[str, Any] = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION}
    for name in (field.name for field in dataclasses.fields(report)):
        found[name] = _written(name, getattr(report, name))
    return found if arrays else found | {name: [] for name in _LARGE}


def from_dict(found: Mapping[str, Any], make: Callable[..., Report]) -> Report:
    """Return the report that `to_dict` was called for.

    Parameters
    ----------
    found : dict
        What `to_dict` returned, also after a way through a file.
    make : callable
        The class of the report.

    Raises
    ------
    TypeError
        If it is no dictionary.
    ValueError
        If it is no report, or one of a later version of the schema, or a key is missing.
    """
    if not isinstance(found, Mapping):
        raise TypeError(
            f"the report is {quote(found)}; pass the dictionary that report.to_dict() returned "
            "(of JSON, what json.loads returns)"
        )
    if found.get("schema") != SCHEMA:
        raise ValueError(
            f"this is no report: its key 'schema' is not {SCHEMA!r}; pass what "
            "report.to_dict() returned"
        )
    version = found.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"the report has schema_version {version!r}, and this version of checkgrad reads "
            f"{SCHEMA_VERSION}; upgrade checkgrad"
        )
    try:
        return make(**{name: _read(name, value) for name, value in _known(make, found).items()})
    except KeyError as error:
        raise ValueError(
            f"the report lacks the key {error}; pass all of what report.to_dict() returned"
        ) from None


def _known(make: Callable[..., Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the attributes of a dataclass: keys of later versions are ignored.

    Raises
    ------
    KeyError
        If one is missing that has no default.
    """
    fields = dataclasses.fields(make)  # type: ignore[arg-type]
    for field in fields:
        is_needed = field.default is field.default_factory is dataclasses.MISSING
        if is_needed and field.name not in found:
            raise KeyError(field.name)
    return {field.name: found[field.name] for field in fields if field.name in found}


def _written(name: str, value: Any) -> Any:
    """Return an attribute as JSON has it."""
    if name == "verdict":
        return value.value
    if name == "mismatches":
        return [_numbers(dataclasses.asdict(each)) for each in value]
    if name == "inputs":
        return [array_to_dict(each) for each in value]
    if name == "comparisons":
        return [_comparison_to_dict(each) for each in value]
    if name == "samples":
        return [_samples_to_dict(each) for each in value]
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, dict) else _number(value)


def _read(name: str, value: Any) -> Any:
    """Return an attribute from what `_written` made of it."""
    if name == "verdict":
        return Verdict(value)
    if name == "mismatches":
        return tuple(Mismatch(**_known(Mismatch, _from_numbers(each))) for each in value)
    if name == "inputs":
        return tuple(map(array_from_dict, value))
    if name == "comparisons":
        return tuple(map(_comparison_from_dict, value))
    if name == "samples":
        return tuple(map(_samples_from_dict, value))
    if isinstance(value, list):
        return tuple(value)
    return _from_number(value)


def _number(value: Any) -> Any:
    """Return a number that is not finite as a string, and any other value as it is."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _from_number(value: Any) -> Any:
    """Return a string that stands for a number as one, and any other value as it is."""
    return float(value) if isinstance(value, str) and value in _WORDS else value


def _numbers(found: dict[str, Any]) -> dict[str, Any]:
    return {key: _number(value) for key, value in found.items()}


def _from_numbers(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value if key in _TEXTS else _from_number(value) for key, value in found.items()}


def _list(numbers: Floats) -> list[Any]:
    """Return numbers as lists in lists, of the shape of the array."""
    if np.all(np.isfinite(numbers)):
        return numbers.tolist()  # type: ignore[no-any-return]
    if numbers.ndim == 1:
        return [_number(each) for each in numbers.tolist()]
    return [_list(each) for each in numbers]


def _array(numbers: list[Any]) -> Floats:
    """Return what `_list` was made of: NumPy reads the words too."""
    return np.asarray(numbers, dtype=np.float64)


def _comparison_to_dict(each: Comparison) -> dict[str, Any]:
    return {
        "label": each.label,
        "rows": each.rows,
        "columns": each.columns,
        "inputs": each.inputs.to_dict(),
        "outputs": None if each.outputs is None else each.outputs.to_dict(),
        "conjugated": each.conjugated,
        "shape": list(each.claim.shape),
        **{name: _list(getattr(each, name)) for name in _PARTS},
        "decisions": [[DECISIONS[code] for code in row] for row in each.codes.tolist()],
    }


def _comparison_from_dict(found: dict[str, Any]) -> Comparison:
    codes = {word: code for code, word in enumerate(DECISIONS)}
    outputs, shape = found["outputs"], tuple(found["shape"])
    decided = [[codes[word] for word in row] for row in found["decisions"]]
    return Comparison(
        label=found["label"],
        rows=found["rows"],
        columns=found["columns"],
        inputs=TreeSpec.from_dict(found["inputs"]),
        outputs=None if outputs is None else TreeSpec.from_dict(outputs),
        conjugated=found["conjugated"],
        **{name: _array(found[name]).reshape(shape) for name in _PARTS},
        codes=np.asarray(decided, dtype=np.int8).reshape(shape),
    )


def _samples_to_dict(each: DirectionSamples) -> dict[str, Any]:
    values = {name: value for name, value in vars(each).items() if name not in ("steps", "values")}
    return {**_numbers(values), "steps": _list(each.steps), "values": _list(each.values)}


def _samples_from_dict(found: dict[str, Any]) -> DirectionSamples:
    arrays = {name: _array(found[name]) for name in ("steps", "values")}
    return DirectionSamples(**_known(DirectionSamples, {**_from_numbers(found), **arrays}))
