"""What must be the same on all ranks that check together: options, x0, tangents and bounds.

This module compares what the ranks were called with, and says what differs. It calls no function
of the user's.
"""

from __future__ import annotations

import hashlib
import itertools
import pickle
from typing import Any

import numpy as np

from checkgrad.arrays.digests import digest_of
from checkgrad.backends import ProcessGroup, flatten_tree, is_array
from checkgrad.evaluate.exchange import Ended, Exchange
from checkgrad.evaluate.shares import Shares, are_same, is_tangent
from checkgrad.problem import Options, Problem


def are_apart(problem: Problem, exchange: Exchange) -> bool:
    """Return whether every rank has an x0 of its own.

    Raises
    ------
    Ended
        If something else differs between the ranks.
    """
    leaves, structure = flatten_tree(problem.x0)
    group = exchange.group
    paths = [f"x0{path}" for path in structure.paths]
    pairs = zip(paths, leaves, strict=True)
    arrays = {path: leaf for path, leaf in pairs if not group.is_partitioned(leaf)}
    described = _described(problem, group) | {
        f"the dtype of {path}": str(getattr(leaf, "dtype", type(leaf).__name__))
        for path, leaf in arrays.items()
    }
    floating = {path: leaf for path, leaf in arrays.items() if is_floating_array(leaf)} or arrays
    shares = {path: digest_of(leaf) for path, leaf in floating.items()}
    of_ranks = exchange.all("the options", (described, shares))
    for name in dict.fromkeys(itertools.chain(*(each for each, _ in of_ranks))):
        said = [each.get(name, "missing") for each, _ in of_ranks]
        for rank, text in enumerate(said):
            if text != said[0]:
                raise Ended(
                    ValueError(
                        f"{name} is {said[0]} on rank 0 and {text} on rank {rank}; pass the same "
                        "on all ranks"
                    )
                )
    differ = [path for path in shares if len({each[path] for _, each in of_ranks}) > 1]
    if not differ:
        return False
    if len(arrays) < len(leaves):
        raise Ended(
            ValueError(
                f"{differ[0]} differs between the ranks, and other leaves are DTensors; make it a "
                "DTensor, or broadcast it"
            )
        )
    if len(differ) < len(shares):
        same = next(path for path in paths if path not in differ and path in floating)
        raise Ended(
            ValueError(
                f"{differ[0]} differs between the ranks, and {same} is the same on all; pass an "
                "x0 all of which is sharded, or none"
            )
        )
    return True


def require_same_whole(shares: Shares, exchange: Exchange) -> None:
    """Raise if a leaf that is whole on several ranks is not the same on them."""
    paths = flatten_tree(shares.x0)[1].paths
    of_ranks = exchange.all("all of x0", shares.digests(shares.x0))
    for path, digests in zip(paths, zip(*of_ranks, strict=True), strict=True):
        if not are_same(digests):
            raise Ended(
                ValueError(
                    f"x0{path} is replicated, but not the same on all ranks; broadcast it first"
                )
            )


def require_same_given(options: Options, shares: Shares, exchange: Exchange) -> None:
    """Raise if tangents or bounds of the user's are not the same on all ranks."""
    given = {"bounds": options.bounds}
    if is_tangent(options.direction):
        given["direction"] = options.direction
    paths = [
        f"{name}{path}" for name, each in given.items() for path in flatten_tree(each)[1].paths
    ]
    digests = [each for value in given.values() for each in shares.digests_of_given(value)]
    of_ranks = exchange.all("tangents and bounds", digests)
    for path, each in zip(paths, zip(*of_ranks, strict=True), strict=True):
        if not are_same(each):
            raise Ended(
                ValueError(
                    f"{path} is not the same on all ranks; pass the same on all of them, or a "
                    "DTensor"
                )
            )


def _described(problem: Problem, group: ProcessGroup) -> dict[str, str]:
    """Return what must be the same on all ranks, in words, by its name."""
    options = problem.options
    budget = options.evaluation.budget
    named = {
        "rtol": options.rtol,
        "rng": options.rng,
        "convention": options.convention,
        "method": options.method,
        "precision": options.precision,
        "locate": options.locate,
        "keep_samples": options.keep_samples,
        "max_evals": budget.left,
        "timeout": budget.timeout,
    }
    structure = flatten_tree(problem.x0)[1].description
    return {
        "the form of the claim": problem.form,
        "the structure of x0": structure,
        **_described_leaves("direction", options.direction, group),
        **_described_leaves("bounds", options.bounds, group),
        **{name: _text(value) for name, value in named.items()},
    }


def _described_leaves(name: str, value: Any, group: ProcessGroup) -> dict[str, str]:
    """Return of what kind each leaf of an option is, by its name and path.

    Shapes are those of DTensors only: that of a shard may be another one on every rank.
    """
    leaves, structure = flatten_tree(value)
    kinds = {}
    for path, leaf in zip(structure.paths, leaves, strict=True):
        kind = "an array" if is_array(leaf) else _text(leaf)
        if group.is_partitioned(leaf):
            kind = f"a DTensor of shape {tuple(leaf.shape)}"
        kinds[f"{name}{path}"] = kind
    return kinds


def _text(value: Any) -> str:
    """Return a text that is the same for the same option."""
    if callable(value):
        return "a function"
    if isinstance(value, np.random.Generator):
        state = hashlib.blake2b(pickle.dumps(value.bit_generator.state), digest_size=4)
        return f"a generator in the state {state.hexdigest()}"
    leaves = flatten_tree(value)[0]
    if any(map(is_array, leaves)):
        digests = "".join(digest_of(leaf).hex()[:8] for leaf in leaves)
        return f"a {type(value).__name__} with the digest {digests}"
    return repr(value)


def is_floating_array(leaf: Any) -> bool:
    """Return whether a leaf is an array of floating numbers."""
    return is_array(leaf) and any(kind in str(leaf.dtype) for kind in ("float", "complex"))
