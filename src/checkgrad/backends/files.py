"""Arrays from files, and arrays of one library as those of another.

Only here a library is imported that the user's program has not: a file, or a name, asks for it.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import optree

from checkgrad.backends.array_types import Array
from checkgrad.backends.registry import backend_of, is_array

# The namespace of each library, and what reads its arrays from a file of safetensors.
_NAMESPACES = {"numpy": "numpy", "jax": "jax.numpy", "torch": "torch"}
_SAFETENSORS = {"numpy": "numpy", "jax": "flax", "torch": "torch"}
LIBRARY_NAMES = tuple(_NAMESPACES)


# The kinds of files that can be read.
SUFFIXES = (".npy", ".npz", ".pt", ".pth", ".safetensors")


class NoSuchDtypeError(ValueError):
    """An array library has no such dtype, or not where it runs."""


def read_arrays(path: Path, library: str | None) -> Any:
    """Return what a file has: an array, or a tree of arrays.

    Parameters
    ----------
    path : Path
        A file of one of `SUFFIXES`.
    library : str or None
        The library that the arrays are wanted in, if there is one.

    Raises
    ------
    ImportError
        If what reads it is not installed.
    Exception
        What the reader raises.
    """
    match path.suffix:
        case ".npy":
            return np.load(path, allow_pickle=False)
        case ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays)
        case ".safetensors":
            reader = import_module(f"safetensors.{_SAFETENSORS[library or 'numpy']}")
            return reader.load_file(path)
    # Without weights_only, a file runs what code it likes.
    return import_module("torch").load(path, map_location="cpu", weights_only=True)


def converted(tree: Any, library: str | None, dtype: str | None) -> Any:
    """Return a tree whose arrays are of another library, or of another floating dtype.

    Parameters
    ----------
    tree : Any
        The arrays. Other leaves stay as they are.
    library : str or None
        One of `LIBRARY_NAMES`; None for the one that an array is of.
    dtype : str or None
        The name of the dtype of floating arrays; None for their own.

    Raises
    ------
    ImportError
        If the library is not installed.
    NoSuchDtypeError
        If the library has no such dtype.
    """

    def convert(array: Any) -> Any:
        return _converted(array, library, dtype) if is_array(array) else array

    return optree.tree_map(convert, tree)


def _converted(array: Array, library: str | None, dtype: str | None) -> Array:
    name = str(array.dtype).rpartition(".")[2]
    is_floating = "float" in name
    wanted = dtype if dtype is not None and is_floating else name
    backend = backend_of(array)
    if wanted == name and library in (None, backend.name):
        return array
    target = library or backend.name
    xp = import_module(_NAMESPACES.get(target, target))
    found = getattr(xp, wanted, None)
    if found is None:
        raise NoSuchDtypeError(f"{target} has no dtype {wanted!r}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX warns of what is an error here
        made = xp.asarray(np.array(backend.host(array)), dtype=found)
    if str(made.dtype).rpartition(".")[2] != wanted:
        raise NoSuchDtypeError(
            f"{target} makes {made.dtype} of {wanted} here; set JAX_ENABLE_X64=1, or pass "
            f"--dtype {made.dtype}"
        )
    return made
