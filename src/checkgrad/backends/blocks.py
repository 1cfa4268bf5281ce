"""Arrays filled block by block, where a library's arrays can be written into."""

from __future__ import annotations

from collections.abc import Iterator

from checkgrad.backends.protocol import Array


def fill_blocks(flat: Array, blocks: Iterator[Array]) -> None:
    """Write the `blocks`, one after the other, into `flat`, which they fill."""
    start = 0
    for block in blocks:
        flat[start : start + block.shape[0]] = block
        start += block.shape[0]
