"""The former place of `checkgrad.backends.array_types`, for imports in other rooms."""

from checkgrad.backends.array_types import Array, Entries, HostArray, Structure

__all__ = ["Array", "Entries", "HostArray", "Structure"]
