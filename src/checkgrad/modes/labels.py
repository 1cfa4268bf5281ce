"""What derivatives of derivatives are called: "fwd of rev" is forward mode of reverse mode."""

from __future__ import annotations

from collections.abc import Collection

_OF = " of "


def label_of(mode: str, inner: str) -> str:
    """Return the label of a mode of the derivative with the label `inner`; "" is func itself.

    Examples
    --------
    >>> label_of("fwd", "rev"), label_of("fwd", "")
    ('fwd of rev', 'fwd')
    """
    return f"{mode}{_OF}{inner}" if inner else mode


def order_of(label: str) -> int:
    """Return the order of the derivative with a label.

    Examples
    --------
    >>> order_of("fwd"), order_of("rev of fwd of rev")
    (1, 3)
    """
    return 1 + label.count(_OF)


def has_derivative_of(label: str, labels: Collection[str]) -> bool:
    """Return whether any of `labels` is that of a derivative of the derivative with a label.

    Examples
    --------
    >>> has_derivative_of("rev", ["fwd of rev"]), has_derivative_of("fwd", ["fwd of rev"])
    (True, False)
    """
    return any(each.endswith(f"{_OF}{label}") for each in labels)


def ordinal(order: int) -> str:
    """Return an order in words.

    Examples
    --------
    >>> ordinal(2), ordinal(4)
    ('second', '4th')
    """
    return {1: "first", 2: "second", 3: "third"}.get(order, f"{order}th")
