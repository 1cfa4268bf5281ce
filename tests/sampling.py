"""Which of a test's runs a plain ``pytest`` takes: a sample that leaves nothing out altogether.

A test that is parametrized runs over *cases* (its own parameters) and *places* (an array library
with a device or kind of array, and a dtype). The product of both says little more than a sample
of it. This module owns the choice; conftest.py applies it. The choice depends on nothing but the
names of the tests, so that every run and every worker makes the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from zlib import crc32

import pytest

A = TypeVar("A")
B = TypeVar("B")

Case = tuple[tuple[str, int], ...]  # pairs of a parameter's name and the number of its value


class Together(tuple[Any, ...]):
    """The values of parameters that are given together, as ``("x, y", [(1, 2), (3, 4)])``."""


def rotation(text: str) -> int:
    """Give a number that depends on the text alone, in every process and on every machine."""
    return crc32(text.encode())


def cover(cases: Sequence[A], places: Sequence[B], start: int) -> Iterator[tuple[A, B]]:
    """Pair cases with places: each case at least once, and each place at least once.

    There are as many pairs as there are cases or places, whichever are more.
    """
    for number in range(max(len(cases), len(places))):
        yield cases[number % len(cases)], places[(start + number) % len(places)]


def shuffled(cases: Iterable[Case], name: str) -> list[Case]:
    """Order the cases of a test at random, always alike.

    In their own order, a parameter of two values would meet only half of four places.
    """
    return sorted(cases, key=lambda case: (rotation(f"{name}{case}"), case))


def every_value_once(cases: Iterable[Case]) -> list[Case]:
    """Keep few of the cases: every value of every parameter is in at least one of them."""
    seen: set[tuple[str, int]] = set()
    kept = []
    for case in cases:
        if not seen.issuperset(case):
            seen.update(case)
            kept.append(case)
    return kept


def half_with_every_value(cases: Sequence[Case]) -> list[Case]:
    """Keep half of the cases, and every value of every parameter."""
    kept = every_value_once(cases)
    others = [case for case in cases if case not in set(kept)]
    return kept + others[: max(0, -(-len(cases) // 2) - len(kept))]


def draws(count: int, plain: int) -> list[Any]:
    """Give the seeds of draws at random, which repeat each other. A plain run takes the first."""
    left_out = [pytest.param(seed, marks=pytest.mark.full) for seed in range(plain, count)]
    return [*range(plain), *left_out]


def spread(values: Sequence[A], one_in: int, first: int = 0) -> list[Any]:
    """Give values that repeat each other. A plain run takes one of so many, spread over all.

    Of the values, those with a name of their own are given as ``pytest.param(value, id=name)``.
    """
    return [
        value if number % one_in == first else _left_out(value)
        for number, value in enumerate(values)
    ]


def _left_out(value: Any) -> Any:
    named = isinstance(value, type(pytest.param()))
    values, name = (value.values, value.id) if named else ([value], None)
    return pytest.param(*values, id=name, marks=pytest.mark.full)


def numbered(runs: Sequence[Mapping[str, Any]]) -> Iterator[Case]:
    """Replace the values of the parameters by numbers, in the order in which they first occur."""
    numbers: dict[str, dict[Any, int]] = {}
    for params in runs:
        case = []
        for name, value in sorted(params.items()):
            seen = numbers.setdefault(name, {})
            case.append((name, seen.setdefault(_key(value), len(seen))))
        yield tuple(case)


def _key(value: Any) -> Any:
    """Tell values apart: numbers and text by what they are, those given together by each."""
    if isinstance(value, Together):
        return tuple(map(_key, value))
    plain = isinstance(value, str | int | float | bool | None)
    return (type(value), value) if plain else id(value)
