"""What checkgrad needs of an array library beyond the array API standard.

This package is the only place that knows an array library by name. There is one class for each
library, with defaults in `checkgrad.backends.base`. The class is found from the arrays that the
user passes, see `checkgrad.backends.registry`. Whatever the standard offers is used elsewhere,
through the namespace ``backend.xp``.
"""

from __future__ import annotations

from checkgrad.backends.array_parts import ArrayPart
from checkgrad.backends.array_types import Array, Entries, HostArray, Structure
from checkgrad.backends.base import Backend
from checkgrad.backends.conventions import (
    CONVENTIONS,
    Convention,
    is_conj_convention,
    other_convention,
)
from checkgrad.backends.differentiation import Differentiation
from checkgrad.backends.dispatch import host, machine_epsilon, snapshot
from checkgrad.backends.error_causes import cause_of
from checkgrad.backends.files import (
    SUFFIXES,
    NoSuchDtypeError,
    converted,
    read_arrays,
)
from checkgrad.backends.flat_trees import FlatTree, flat_tree
from checkgrad.backends.partitions import Deferred, Partitions
from checkgrad.backends.process_groups import LostError, ProcessGroup, find_group
from checkgrad.backends.registry import (
    LIBRARY_NAMES,
    backend_of,
    find_backend,
    is_array,
    may_fork,
    require_values,
)
from checkgrad.backends.sparse import densified, densified_tree
from checkgrad.backends.trees import flatten_tree, is_number, is_traced, without
from checkgrad.backends.widening import (
    CannotWidenError,
    NativeDtypes,
    Observation,
    WideFunction,
    Widening,
    is_out_of_memory,
)

__all__ = [
    "CONVENTIONS",
    "LIBRARY_NAMES",
    "SUFFIXES",
    "Array",
    "ArrayPart",
    "Backend",
    "CannotWidenError",
    "Convention",
    "Deferred",
    "Differentiation",
    "Entries",
    "FlatTree",
    "HostArray",
    "LostError",
    "NativeDtypes",
    "NoSuchDtypeError",
    "Observation",
    "Partitions",
    "ProcessGroup",
    "Structure",
    "WideFunction",
    "Widening",
    "backend_of",
    "cause_of",
    "converted",
    "densified",
    "densified_tree",
    "find_backend",
    "find_group",
    "flat_tree",
    "flatten_tree",
    "host",
    "is_array",
    "is_conj_convention",
    "is_number",
    "is_out_of_memory",
    "is_traced",
    "machine_epsilon",
    "may_fork",
    "other_convention",
    "read_arrays",
    "require_values",
    "snapshot",
    "without",
]
