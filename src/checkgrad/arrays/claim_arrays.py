"""The arrays in a claim or a tangent that the user wrote: read, and checked against x0.

The module validates structure, shapes and dtypes. It neither calls a claim nor judges its numbers.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from checkgrad.arrays.layout import Layout
from checkgrad.arrays.parsing import as_numeric
from checkgrad.arrays.refusals import named_part
from checkgrad.backends import Array, is_array


def claim_leaves(
    layout: Layout,
    claim: Any,
    value_shape: tuple[int, ...] = (),
    name: str = "grad",
    said: str = "returned",
    tangent: bool = False,
    allow_complex: bool = False,
) -> list[Array]:
    """Return the arrays of a claim, or of a tangent, each of shape ``value_shape + leaf.shape``.

    Parameters
    ----------
    layout : Layout
        The layout of x0.
    claim : Any
        A tree like x0.
    value_shape : tuple of int
        The shape of what func returns. Shape (1,) counts as a scalar: the arrays have shape
        ``leaf.shape`` then.
    name : str
        The name of the claim in error messages.
    said : {"returned", "is"}
        The verb after `name` in error messages: "is" for a value that the user passed.
    tangent : bool
        Whether `claim` is a tangent. No convention changes the sign of its imaginary part.
    allow_complex : bool
        Whether complex numbers are allowed where x0 is real, as SciPy allows them.

    Raises
    ------
    ValueError
        If the tree of the claim or one of its shapes is not that of x0.
    TypeError
        If the claim is not numeric, or complex where it must not be.
    """
    if claim is None:
        raise TypeError(f"{name} returned None; it must return numbers (is a return missing?)")
    try:
        arrays = _arrays(layout, claim, value_shape, name, said)
    except (TypeError, ValueError) as error:
        fits = partial(is_claim, layout, value_shape=value_shape, name=name)
        advice = named_part(claim, fits, f"{name}(x)") if said == "returned" else ""
        if advice:
            raise type(error)(f"{error}; {advice}") from None
        raise
    if not allow_complex:
        _require_real_where_x0_is(layout, arrays, name, said)
    sign = -1 if layout.conj_convention and not tangent else 1
    return [
        layout.backend.laid_out(_paired(array, sign, layout.xp), leaf) if paired else array
        for array, paired, leaf in zip(arrays, layout.complexes, layout.leaves, strict=True)
    ]


def _arrays(
    layout: Layout, claim: Any, value_shape: tuple[int, ...], name: str, said: str
) -> list[Array]:
    """Return the parts of a claim as arrays of the shapes that they must have."""
    parts = layout.parts(claim, f"{name} {said}", "one part is needed for each array of x0")
    return [
        _claim_leaf(layout, part, leaf, value_shape, f"{name}{layout.leaf_path(leaf)}", said)
        for leaf, part in enumerate(parts)
    ]


def is_claim(
    layout: Layout, value: Any, value_shape: tuple[int, ...] = (), name: str = "grad"
) -> bool:
    """Return whether a value has the structure and the shapes of a claim."""
    try:
        _arrays(layout, value, value_shape, name, "returned")
    except (TypeError, ValueError):
        return False
    return True


def _claim_leaf(
    layout: Layout, part: Any, leaf: int, value_shape: tuple[int, ...], name: str, said: str
) -> Array:
    """Return one part of a claim as an array of the shape that it must have."""
    like = layout.like(leaf)
    array = as_numeric(layout.backend.laid_out(part, like), layout.backend, like, name, said)
    shape = layout.user_shape(leaf)
    accepted = _accepted_shape(tuple(array.shape), value_shape, shape)
    if accepted is None:
        whole = f"x0{layout.leaf_path(leaf)}", layout.whole_user_shape(leaf)
        raise ValueError(_shape_message(part, array, value_shape, whole, name, said))
    return array if array.shape == accepted else layout.xp.reshape(array, accepted)


def _accepted_shape(
    found: tuple[int, ...], value_shape: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Return the shape that an array of shape `found` is given; None if its shape is wrong.

    `shape` is that of the leaf of x0.
    """
    wanted = (*value_shape, *shape)
    if value_shape == (1,) and found in (shape, wanted):
        return shape
    if found == wanted:
        return wanted
    if value_shape and shape == () and found == (*value_shape, 1):
        return wanted  # SciPy counts a number x0 as an array of shape (1,)
    one_number = found == () or (found == (1,) and shape == ())
    if value_shape in ((), (1,)) and one_number and math.prod(shape) == 1:
        return shape
    return None


def _shape_message(
    part: Any,
    array: Array,
    value_shape: tuple[int, ...],
    leaf: tuple[str, tuple[int, ...]],
    name: str,
    said: str,
) -> str:
    """Return the message for an array of a wrong shape; `leaf` is the leaf's name and shape."""
    where, shape = leaf
    if value_shape not in ((), (1,)):
        return (
            f"{name} returned shape {tuple(array.shape)}, but func returns shape "
            f"{tuple(value_shape)} and {where} has shape {shape}; return the Jacobian of "
            f"shape {(*value_shape, *shape)}"
        )
    value = f"{name}(x)" if said == "returned" else name
    remedy = (
        f"flatten it, e.g. {value}.ravel()"
        if is_array(part) and math.prod(array.shape) == math.prod(shape) and len(shape) == 1
        else f"give one number for each entry of {where}"
    )
    has = said if said == "returned" else "has"
    return f"{name} {has} shape {tuple(array.shape)} but {where} has shape {shape}; {remedy}"


def _require_real_where_x0_is(layout: Layout, arrays: list[Array], name: str, said: str) -> None:
    """Raise a `TypeError` if an array is complex and the leaf of x0 is real."""
    for leaf, (array, paired) in enumerate(zip(arrays, layout.complexes, strict=True)):
        if layout.xp.isdtype(array.dtype, "complex floating") and not paired:
            path = layout.leaf_path(leaf)
            has, remedy = "has", "pass real ones"
            if said == "returned":
                has, remedy = said, "its real part is the derivative"
            raise TypeError(
                f"{name}{path} {has} complex numbers (dtype {array.dtype}) where x0{path} is "
                f"real; {remedy}"
            )


def _paired(array: Array, sign: int, xp: Any) -> Array:
    """Return real and imaginary parts along a new last axis, the latter times `sign`."""
    if not xp.isdtype(array.dtype, "complex floating"):
        return xp.stack([array, xp.zeros_like(array)], axis=-1)
    return xp.stack([xp.real(array), sign * xp.imag(array)], axis=-1)
