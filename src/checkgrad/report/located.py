"""Where a claim is wrong, as a search along random tangents has found it, in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from checkgrad.report.results import Located, OutputResult

_NAMED = 6  # arrays that a hint names
_SAME_FACTOR = 1e-2  # of its distance from 1 that a factor may vary by from entry to entry


def located_hints(located: Located, paths: list[str]) -> Iterator[str]:
    """Yield where a claim is wrong, and by what factor, as far as it is known.

    Parameters
    ----------
    located : Located
        What was found.
    paths : list of str
        What the leaves of x0 are called.
    """
    factors = [each.factor for each in located.leaves]
    known = [factor for factor in factors if factor is not None]
    if located.leaves and not located.every_leaf:
        names = [_with_factor(paths[each.leaf], each.factor) for each in located.leaves]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"the claim is wrong all over {', '.join(names[:_NAMED])}{more}"
    elif located.leaves and len(known) == len(factors) and _are_same(known):
        yield f"claim is {known[0]:.4g} times the estimate along every tangent: a constant factor"
    elif located.leaves and len(paths) > 1:
        yield f"the claim is wrong all over, in every one of {len(paths)} arrays"
    if not located.leaves and len(located.entries) == 1 and located.is_all:
        yield f"nothing but this entry is wrong{_by_factor(located.entries)}"
    elif not located.leaves and located.entries and located.is_all:
        yield f"nothing but these {len(located.entries)} entries are wrong"
    elif not located.is_all and located.entries:
        yield "more is wrong than these entries; to see all of it, pass direction='all'"


def _with_factor(path: str, factor: float | None) -> str:
    return path if factor is None else f"{path} ({factor:.4g} times the estimate)"


def _by_factor(entries: tuple[OutputResult, ...]) -> str:
    (decisions,) = (each.decisions for each in entries)
    with np.errstate(all="ignore"):
        (factor,) = (decisions.claim / decisions.estimate.value).tolist()
    return f": it is {factor:.4g} times the estimate" if np.isfinite(factor) else ""


def _are_same(factors: list[float]) -> bool:
    return bool(np.ptp(factors) <= _SAME_FACTOR * abs(factors[0] - 1))
