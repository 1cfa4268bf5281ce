"""Runs a golden case and observes its outcome, as numbers that JSON can hold exactly.

Only `captured` knows the internals of checkgrad. Everything else uses its public names.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any
from unittest.mock import patch

import numpy as np
from breakages import on_host
from cases import Case

import checkgrad

COUNTS = ("n_func", "n_grad")
INTEGERS = ("n_wrong", "n_unresolved", "n_checked")
FLOATS = ("rtol", "noise", "resolution", "error", "relative_error")
LISTED = 3  # mismatches that are written out; all of them are hashed
WHOLE_UP_TO = 64  # entries of an array that is written out; a larger one is hashed
FIRST = 8  # entries of a larger array that are written out


def observe(case: Case, estimates: bool = True) -> dict[str, Any]:
    """Run a case and return what came of it.

    Parameters
    ----------
    case : Case
        What to run.
    estimates : bool
        Whether to observe the estimate and the uncertainty of every output and direction, too.

    Returns
    -------
    dict
        What JSON can hold. Floats are hexadecimal.
    """
    with _quietly():
        made = case.make()
        door = getattr(checkgrad, made.door)
        inputs, options, calls = made.inputs, made.options, [0]
        if made.door.startswith("verify_"):
            # The record is that of the user's dtypes. The corpora judge what float64 tells.
            options = {"precision": "native", **options}
        else:
            inputs = tuple(_counted(each, calls) if callable(each) else each for each in inputs)
        try:
            if estimates:
                result, found = captured(lambda: door(*inputs, **options))
            else:
                result, found = door(*inputs, **options), []
        except Exception as error:
            return {"exception": type(error).__name__, "message": str(error)}
    if isinstance(result, checkgrad.Report):
        seen = _report(result)
    else:
        seen = {"value": _array(on_host(result)), "calls": calls[0]}
    if estimates:
        seen["estimates"] = [_estimate(each) for each in found]
    return seen


def captured(call: Callable[[], Any]) -> tuple[Any, list[dict[str, Any]]]:
    """Return what a call returns, and the estimates that the call made on the way.

    There is one dict for each claim, output and kind of direction, in the order of the report:
    ``label`` is the name of the claim if there are several, ``output`` the number of the output,
    ``axes`` whether the directions are the coordinate axes. The others are arrays with one entry
    for each direction.
    """
    from checkgrad import pipeline
    from checkgrad.modes import runner
    from checkgrad.report import build

    claims: list[Any] = []

    def report_on(found: Any, *rest: Any, **options: Any) -> Any:
        claims.extend(found)
        return build.report_on(found, *rest, **options)

    with (
        patch.object(pipeline, "report_on", report_on),
        patch.object(runner, "report_on", report_on),
    ):
        result = call()
    estimates = [
        {
            "label": claim.label,
            "output": each.output,
            "axes": each.directions.are_axes,
            "claim": each.decisions.claim,
            "claim_noise": each.decisions.claim_noise,
            "value": each.decisions.estimate.value,
            "uncertainty": each.decisions.estimate.uncertainty,
            "lower": each.decisions.estimate.low,
            "upper": each.decisions.estimate.high,
            "wrong": each.decisions.wrong,
            "resolved": each.decisions.resolved,
        }
        for claim in claims
        for each in claim.results
    ]
    return result, estimates


def _report(report: checkgrad.Report) -> dict[str, Any]:
    """Return the public numbers of a report."""
    mismatches = [
        [each.where, *map(_hex, (each.claim, each.estimate, each.uncertainty)), each.wrong]
        for each in report.mismatches
    ]
    seen: dict[str, Any] = {"verdict": report.verdict.value}
    seen |= {name: int(getattr(report, name)) for name in COUNTS + INTEGERS}
    seen |= {name: _hex(getattr(report, name)) for name in FLOATS}
    seen |= {"direction": report.direction, "mismatches": mismatches[:LISTED]}
    if len(mismatches) > LISTED:
        seen["all_mismatches"] = hashlib.sha256(repr(mismatches).encode()).hexdigest()
    return seen | {"hints": list(report.hints)}


def _estimate(found: dict[str, Any]) -> dict[str, Any]:
    """Return one estimate in as few characters as are exact."""
    seen = {"label": found["label"]} if found["label"] else {}
    seen |= {name: found[name] for name in ("output", "axes")}
    for name in ("claim", "claim_noise", "value", "uncertainty", "lower", "upper"):
        seen[name] = _array(found[name])
    for side in ("lower", "upper"):
        if seen[side] == seen["value"]:
            del seen[side]
    if not np.any(found["claim_noise"]):
        del seen["claim_noise"]
    for name in ("wrong", "resolved"):
        flags = "".join("01"[int(flag)] for flag in np.ravel(found[name]))
        seen[name] = flags if len(flags) <= WHOLE_UP_TO else _digest(flags.encode())
    return seen


def _hex(value: Any) -> str:
    return float(value).hex()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _array(values: Any) -> Any:
    """Return the bytes of an array as hexadecimal, most significant first."""
    flat = np.ravel(np.asarray(values, dtype=np.float64)).astype(">f8")
    words = [entry.tobytes().hex() for entry in flat[:WHOLE_UP_TO]]
    if flat.size <= WHOLE_UP_TO:
        return " ".join(words)
    return {"sha256": _digest(flat.tobytes()), "first": " ".join(words[:FIRST])}


def _counted(function: Callable[..., Any], calls: list[int]) -> Callable[..., Any]:
    """Return the same function, which counts its calls."""

    @wraps(function)
    def counted(*args: Any) -> Any:
        calls[0] += 1
        return function(*args)

    return counted


@contextmanager
def _quietly() -> Iterator[None]:
    """Ignore warnings, and let PyTorch use one thread, so that sums are always in one order."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), _one_thread():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _one_thread() -> Iterator[None]:
    torch = sys.modules.get("torch")
    if torch is None:
        with nullcontext():
            yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
