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
from checkgrad.backends.registry import backend_of, is_array, library_named

# The kinds of files that can be read.
SUFFIXES = (".npy", ".npz", ".pt", ".pth", ".safetensors")


class NoSuchDtypeError(ValueError):
    """An array library has no such dtype, or not where it runs.

    Parameters
    ----------
    message : str
        What is wrong.
    instead : str
        The floating dtype that the library has in its place, if there is one.
    """

    def __init__(self, message: str, instead: str = "") -> None:
        super().__init__(message)
        self.instead = instead


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
            reader = import_module(f"safetensors.{library_named(library or 'numpy').safetensors}")
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
    xp = import_module(library_named(target).namespace or target)
    unknown = f"{target} has no dtype {wanted!r}"
    if wanted == dtype:
        unknown = f"{target} has no floating dtype {wanted!r}; pass e.g. float32 or float64"
    found = getattr(xp, wanted, None)
    if found is None:
        raise NoSuchDtypeError(unknown)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # JAX warns of what is an error here
            made = xp.asarray(np.array(backend.host(array)), dtype=found)
    except TypeError:  # the library has the name, which is not that of a dtype
        raise NoSuchDtypeError(unknown) from None
    made_name = str(made.dtype).rpartition(".")[2]
    still_floating = "float" in made_name or "complex" in made_name
    if wanted == dtype and not still_floating:
        raise NoSuchDtypeError(unknown)
    if made_name != wanted:
        unless = ", unless JAX_ENABLE_X64=1 is set" if target == "jax" else ""
        raise NoSuchDtypeError(
            f"{target} makes {made_name} of {wanted} here{unless}",
            made_name if still_floating else "",
        )
    return made
