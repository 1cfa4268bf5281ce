"""The golden cases: checks whose outcome is recorded, so that a restructuring cannot change it.

This module owns what a case is and collects the cases of each library. The cases themselves are
in the modules named in `MODULES`. Running a case is the matter of ``observe.py``, and the
recorded outcomes are that of ``record.py``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

MODULES = {
    "numpy": ("numpy_cases", "form_cases", "option_cases"),
    "jax": ("jax_cases", "form_cases", "autodiff_cases"),
    "torch": ("torch_cases", "form_cases", "operator_cases", "autodiff_cases"),
    "cutest": ("cutest_cases",),
}
REQUIRED = {
    "numpy": ("numpy",),
    "jax": ("jax",),
    "torch": ("torch",),
    "cutest": ("jax", "sif2jax"),
}


@dataclass(frozen=True)
class Call:
    """A call of a public function of checkgrad.

    Attributes
    ----------
    door : str
        The public function, such as ``"verify_grad"``.
    inputs : tuple
        Its positional arguments.
    options : dict
        Its keyword arguments.
    """

    door: str
    inputs: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A check with a stable name, and the function that makes its call."""

    name: str
    make: Callable[[], Call]


def case(name: str, door: str, *inputs: Any, **options: Any) -> Case:
    """Make a case whose inputs are the same at every run."""
    return Case(name, lambda: Call(door, inputs, options))


def is_installed(library: str) -> bool:
    """Return whether the packages that the cases of a library need are installed."""
    return all(importlib.util.find_spec(name) is not None for name in REQUIRED[library])


def cases_of(library: str) -> Iterator[Case]:
    """Yield the cases of a library, whose names are unique."""
    names: set[str] = set()
    for module in MODULES[library]:
        for each in import_module(module).cases(library):
            if each.name in names:
                raise ValueError(f"two golden cases are named {each.name!r}; rename one of them")
            names.add(each.name)
            yield each
