"""What is known of each PyTorch operator: whether it writes, draws, rounds or reads bits.

This module owns the facts, most of which PyTorch's schemas and tags state, and the lists of
operators for what they do not state. It runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

# Operators whose meaning lies in the bits or in the spacing of the native dtype.
_BITWISE = frozenset({"frexp", "nextafter"})
# Operators whose schema does not say that they write to arguments: the places of these.
_UNMARKED_WRITES = {
    "native_batch_norm": (3, 4),
    "cudnn_batch_norm": (3, 4),
    "miopen_batch_norm": (3, 4),
    "batch_norm_update_stats": (1, 2),
}
# The result has the dtype of the first operand, although weights may have another one.
_FOLLOW_FIRST = (
    "native_batch_norm",
    "_native_batch_norm_legit",
    "cudnn_batch_norm",
    "native_layer_norm",
    "native_group_norm",
    "scatter",
    "index_put",
    "masked_scatter",
)
# PyTorch draws these samples in double precision, whatever their dtype.
_DRAWN_IN_DOUBLE = frozenset({"_standard_gamma", "_sample_dirichlet"})
# A name with its overload stands for this overload alone: to fill in a number rounds no tensor.
_CASTING = frozenset(
    {"_to_copy", "copy_", "copy", "to", "convert_element_type", "fill_.Tensor", "fill.Tensor"}
)
_RESIZING = frozenset({"set_", "resize_", "resize_as_", "set_data"})
# Operators that are marked as random only because they can drop entries out.
_DROPPING = ("attention", "rnn")

# Operators that copy, choose or compare numbers, or whose result is always a float.
_EXACT = frozenset(
    """
    _conj_physical _to_copy _to_dense _unsafe_index _unsafe_masked_index _unsafe_view abs absolute
    adaptive_max_pool2d adaptive_max_pool3d alias amax amin aminmax arange argsort as_strided_copy
    as_strided_scatter block_diag bucketize cat ceil channel_shuffle clamp clamp_max clamp_min
    clone complex concat conj_physical constant_pad_nd copy copysign cummax cummin
    _cummax_helper _cummin_helper detach diag diag_embed diagonal_scatter embedding empty
    empty_like empty_permuted empty_strided expand_copy eye fill flip floor fmax fmin fmod frac
    fractional_max_pool2d fractional_max_pool3d full full_like gather hardtanh heaviside im2col
    index index_copy index_fill index_put index_select kthvalue lift lift_fresh lift_fresh_copy
    linspace masked_fill masked_scatter masked_select max max_pool2d_with_indices
    max_pool3d_with_indices maximum median min minimum mode msort nan_to_num nanmedian neg negative
    new_empty new_empty_strided new_full new_ones new_zeros ones ones_like pixel_shuffle
    pixel_unshuffle positive put reflection_pad1d reflection_pad2d reflection_pad3d relu repeat
    repeat_interleave replication_pad1d replication_pad2d replication_pad3d resolve_conj
    resolve_neg roll rot90 round scalar_tensor scatter select_backward select_scatter sgn sign
    slice_backward slice_scatter sort split_with_sizes stack take take_along_dim threshold
    threshold_backward topk tril triu trunc unbind unique upsample_nearest1d upsample_nearest2d
    upsample_nearest3d value_selecting_reduction_backward view_copy where zero zeros zeros_like
    _efficientzerotensor _new_zeros_with_same_feature_meta hardtanh_backward
    """.split()
)
# Operators that subtract what they have rounded inside, as nearly all gradients do.
_CANCELLING = frozenset(
    """
    _fused_rms_norm _log_softmax _safe_softmax _softmax addcdiv addcmul binary_cross_entropy
    binary_cross_entropy_with_logits gelu glu hardsigmoid huber_loss lerp log_sigmoid_forward
    logit logsumexp mish mse_loss native_group_norm native_layer_norm silu smooth_l1_loss
    soft_margin_loss softplus std std_mean tanhshrink var var_mean
    """.split()
)


@dataclass(frozen=True, slots=True)
class OperatorFacts:
    """What is known of one operator.

    Attributes
    ----------
    name : str
        As PyTorch prints it, without the namespace.
    is_view : bool
        Whether the result shares the memory of an argument.
    writes : tuple of int or str
        The places or keywords of the arguments that are written to.
    returned : tuple of int or str, or None
        The arguments that an operator that writes returns; None where its results are new.
    reshapes : bool
        Whether it changes shape or strides of its first argument.
    is_reshaping_view : bool
        Whether that is all that it does.
    draws : bool
        Whether it draws random numbers.
    dropout : str
        The name of the argument that says how much is dropped out; empty if there is none.
    bitwise : bool
        Whether it must run in the native dtype.
    follows_first : bool
        Whether the result has the dtype of the first operand.
    casts : bool
        Whether it casts, and does nothing else.
    rounds : bool
        Whether its floating results are rounded.
    accumulates : bool
        Whether it rounds inside as well.
    cancels : bool
        Whether it may subtract what it has rounded inside.
    """

    name: str
    is_view: bool
    writes: tuple[int | str, ...]
    returned: tuple[int | str, ...] | None
    reshapes: bool
    is_reshaping_view: bool
    draws: bool
    dropout: str
    bitwise: bool
    follows_first: bool
    casts: bool
    rounds: bool
    accumulates: bool
    cancels: bool


def facts_of(operator: Any) -> OperatorFacts:
    """Return what is known of an overload of a PyTorch operator."""
    schema = operator._schema  # noqa: SLF001
    full = operator.__name__.removesuffix(".default")
    name = full.split(".")[0]
    functional = name.removesuffix("_")
    tags = operator.tags
    places = {
        argument.name: argument.name if argument.kwarg_only else place
        for place, argument in enumerate(schema.arguments)
    }
    written = {
        argument.name: next(iter(argument.alias_info.before_set), "")
        for argument in schema.arguments
        if argument.alias_info is not None and argument.alias_info.is_write
    }
    sets = [each.alias_info and each.alias_info.before_set for each in schema.returns]
    returned = tuple(
        places[argument]
        for alias in sets
        if alias
        for argument in written
        if written[argument] in alias
    )
    dropping = any(part in name for part in _DROPPING)
    dropout = [each.name for each in schema.arguments if each.name.startswith("dropout")]
    draws = torch.Tag.nondeterministic_seeded in tags and not dropping
    draws = draws and name not in _DRAWN_IN_DOUBLE
    is_view = bool(operator.is_view) and not written
    exact = is_view or functional in _EXACT or functional.removesuffix("_copy") in _EXACT
    pointwise = torch.Tag.pointwise in tags
    cancels = "_backward" in name or functional in _CANCELLING
    return OperatorFacts(
        name=full,
        is_view=is_view,
        writes=(*(places[argument] for argument in written), *_UNMARKED_WRITES.get(name, ())),
        returned=returned if written and len(returned) == len(schema.returns) else None,
        reshapes=torch.Tag.inplace_view in tags or name in _RESIZING,
        is_reshaping_view=name not in _RESIZING,
        draws=draws,
        dropout=dropout[0] if dropping and dropout else "",
        bitwise=full == "view.dtype" or functional in _BITWISE,
        follows_first=functional.startswith(_FOLLOW_FIRST) and "backward" not in name,
        casts=name in _CASTING or full in _CASTING,
        rounds=not exact and not draws,
        accumulates=not exact and not draws and (cancels or not pointwise),
        cancels=cancels and not exact and not written,
    )
