"""Multi-head attention on projected inputs, shared by the functional form and the module."""

from __future__ import annotations

import math
import warnings

from .._C import (
    Tensor,
    cat,
    linear,
    scaled_dot_product_attention,
    softmax,
    zeros,
    zeros_like,
)
from .._C import bool as bool_dtype
from .._C import dropout as _dropout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._C import dtype as DType


def additive_mask(
    mask: Tensor | None, name: str, dtype: DType, other: Tensor | None = None, other_name: str = ""
) -> Tensor | None:
    """The mask as numbers to add to the scores: ``-inf`` where a bool mask is true.

    Raises:
        AssertionError: if the mask is neither bool nor floating.
    """
    if mask is None:
        return None
    if mask.dtype != bool_dtype and not mask.is_floating_point():
        raise AssertionError(
            f"only bool and floating types of {name} are supported, got {mask.dtype}"
        )
    if other is not None and other.dtype != mask.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. "
            "Use same type for both instead.",
            stacklevel=3,
        )
    if mask.dtype == bool_dtype:
        mask = zeros_like(mask, dtype=dtype).masked_fill_(mask, -math.inf)
    return mask


def check_shapes(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    num_heads: int,
) -> bool:
    """True for batched inputs, false for one sequence.

    Raises:
        AssertionError: if the numbers of dimensions do not fit together.
    """
    dims = query.dim()
    if dims not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {dims}-D query tensor"
        )
    what = f"For {'batched' if dims == 3 else 'unbatched'} ({dims}-D) `query`, expected"
    if key.dim() != dims or value.dim() != dims:
        raise AssertionError(
            f"{what} `key` and `value` to be {dims}-D but found {key.dim()}-D and "
            f"{value.dim()}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != dims - 1:
        raise AssertionError(
            f"{what} `key_padding_mask` to be `None` or {dims - 1}-D but found "
            f"{key_padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None:
        if attn_mask.dim() not in (2, 3):
            raise AssertionError(
                f"{what} `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.dim()}-D "
                "tensor instead"
            )
        expected = (num_heads, query.shape[0], key.shape[0])
        if dims == 2 and attn_mask.dim() == 3 and tuple(attn_mask.shape) != expected:
            raise AssertionError(
                f"Expected `attn_mask` shape to be {expected} but got {tuple(attn_mask.shape)}"
            )
    return dims == 3


def project_packed(
    query: Tensor, key: Tensor, value: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, ...]:
    """Query, key and value times the rows of one weight ``[3 E, E]``; one product where all are
    the same tensor, two where key and value are."""
    e = weight.shape[1]
    if key is value:
        if query is key:
            return tuple(linear(query, weight, bias).chunk(3, -1))
        w_q, w_kv = weight.split([e, 2 * e])
        b_q, b_kv = (None, None) if bias is None else bias.split([e, 2 * e])
        return linear(query, w_q, b_q), *linear(key, w_kv, b_kv).chunk(2, -1)
    biases = (None, None, None) if bias is None else bias.chunk(3)
    inputs = zip((query, key, value), weight.chunk(3), biases, strict=True)
    return tuple(linear(x, w, b) for x, w, b in inputs)


def _project(
    inputs: tuple[Tensor, Tensor, Tensor],
    weights: tuple[Tensor | None, ...],
    bias: Tensor | None,
) -> tuple[Tensor, ...]:
    biases = (None, None, None) if bias is None else bias.chunk(3)
    out = []
    for x, w, b, name in zip(inputs, weights, biases, "qkv", strict=True):
        if w is None:
            raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
        out.append(linear(x, w, b))
    return tuple(out)


def _with_column(mask: Tensor | None) -> Tensor | None:
    """The mask with one more key, which is not masked."""
    if mask is None:
        return None
    return cat([mask, zeros((*mask.shape[:-1], 1), dtype=mask.dtype)], dim=-1)


def _static_heads(t: Tensor, name: str, batch: int, heads: int, head_dim: int) -> Tensor:
    if t.size(0) != batch * heads:
        raise AssertionError(f"expecting {name}.size(0) of {batch * heads}, but got {t.size(0)}")
    if t.size(2) != head_dim:
        raise AssertionError(f"expecting {name}.size(2) of {head_dim}, but got {t.size(2)}")
    return t.view(batch, heads, t.size(1), head_dim)


def _mask_for_scores(
    attn_mask: Tensor | None,
    key_padding_mask: Tensor | None,
    batch: int,
    heads: int,
    keys: int,
) -> Tensor | None:
    """Both masks as one that broadcasts to ``[batch, heads, queries, keys]``."""
    mask = attn_mask
    if mask is not None:
        wide = (1, 1) if mask.dim() == 2 else (batch, heads)
        mask = mask.reshape(*wide, *mask.shape[-2:])
    if key_padding_mask is None:
        return mask
    for dim, wanted in ((0, batch), (1, keys)):
        if key_padding_mask.shape[dim] != wanted:
            raise AssertionError(
                f"Expected key_padded_mask.shape[{dim}] to be {wanted}, but got "
                f"{key_padding_mask.shape[dim]}"
            )
    padding = key_padding_mask.view(batch, 1, 1, keys)
    return padding if mask is None else mask + padding


def _check_attn_mask(mask: Tensor | None, batch: int, heads: int, queries: int, keys: int) -> None:
    if mask is None:
        return
    expected = (queries, keys) if mask.dim() == 2 else (batch * heads, queries, keys)
    if mask.dim() not in (2, 3):
        raise RuntimeError(f"attn_mask's dimension {mask.dim()} is not supported")
    if tuple(mask.shape) != expected:
        raise RuntimeError(
            f"The shape of the {mask.dim()}D attn_mask is {tuple(mask.shape)}, but should be "
            f"{expected}."
        )


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    batch_first: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """`multi_head_attention_forward`, for inputs of either order.

    No dimension of the inputs is moved in memory: the order is in the strides of the heads.
    """
    is_batched = check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not is_batched:
        batch_first = False
        same = key is query, value is key
        query = query.unsqueeze(1)
        key = query if same[0] else key.unsqueeze(1)
        value = key if same[1] else value.unsqueeze(1)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    row = 1 if batch_first else 0
    queries, batch, embed_dim = query.shape[row], query.shape[1 - row], query.shape[2]
    keys = key.shape[row]

    key_padding_mask = additive_mask(
        key_padding_mask, "key_padding_mask", query.dtype, attn_mask, "attn_mask"
    )
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    is_causal = is_causal and key_padding_mask is None and not need_weights
    attn_mask = None if is_causal else additive_mask(attn_mask, "attn_mask", query.dtype)

    if embed_dim != embed_dim_to_check:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed_dim}"
        )
    head_dim = embed_dim // num_heads
    if head_dim * num_heads != embed_dim:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(
                f"key's sequence and batch dims {tuple(key.shape[:2])} do not match value's "
                f"{tuple(value.shape[:2])}"
            )
        weights = (q_proj_weight, k_proj_weight, v_proj_weight)
        q, k, v = _project((query, key, value), weights, in_proj_bias)
    else:
        if key.shape != value.shape:
            raise AssertionError(
                f"key shape {tuple(key.shape)} does not match value shape {tuple(value.shape)}"
            )
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        q, k, v = project_packed(query, key, value, in_proj_weight, in_proj_bias)
    _check_attn_mask(attn_mask, batch, num_heads, queries, keys)

    if (bias_k is None) != (bias_v is None):
        given, missing = ("bias_k", "bias_v") if bias_v is None else ("bias_v", "bias_k")
        raise AssertionError(f"{given} is set but {missing} is None")
    if bias_k is not None and bias_v is not None:
        for static, name in ((static_k, "key"), (static_v, "value")):
            if static is not None:
                raise AssertionError(f"bias cannot be added to static {name}.")
        shape = (batch, 1, embed_dim) if batch_first else (1, batch, embed_dim)
        k = cat([k, bias_k.expand(shape)], dim=row)
        v = cat([v, bias_v.expand(shape)], dim=row)
        attn_mask, key_padding_mask = _with_column(attn_mask), _with_column(key_padding_mask)

    def heads(t: Tensor) -> Tensor:
        t = t.unflatten(2, (num_heads, head_dim))
        return t.permute(0, 2, 1, 3) if batch_first else t.permute(1, 2, 0, 3)

    q = heads(q)
    k = (
        heads(k)
        if static_k is None
        else _static_heads(static_k, "static_k", batch, num_heads, head_dim)
    )
    v = (
        heads(v)
        if static_v is None
        else _static_heads(static_v, "static_v", batch, num_heads, head_dim)
    )
    if add_zero_attn:
        zero = zeros((batch, num_heads, 1, head_dim), dtype=k.dtype)
        k, v = cat([k, zero], dim=2), cat([v, zero], dim=2)
        attn_mask, key_padding_mask = _with_column(attn_mask), _with_column(key_padding_mask)
    mask = _mask_for_scores(attn_mask, key_padding_mask, batch, num_heads, k.shape[2])
    dropout_p = dropout_p if training else 0.0

    weights_out = None
    if need_weights:
        scores = (q * math.sqrt(1.0 / head_dim)) @ k.transpose(-2, -1)
        weights_out = softmax(scores if mask is None else scores + mask, -1)
        if dropout_p > 0:
            weights_out = _dropout(weights_out, dropout_p)
        y = weights_out @ v
        if average_attn_weights:
            weights_out = weights_out.mean(dim=1)
    else:
        y = scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal)
    # PyTorch's order in memory: it decides which element gets which draw of a dropout that follows.
    sequence_first = training or not batch_first
    y = y.permute(2, 0, 1, 3) if sequence_first else y.permute(0, 2, 1, 3)
    y = linear(y.flatten(2), out_proj_weight, out_proj_bias)
    if batch_first and sequence_first:
        y = y.transpose(0, 1)
    if not is_batched:
        y = y.squeeze(1)
        weights_out = None if weights_out is None else weights_out.squeeze(0)
    return y, weights_out


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of several heads with input and output projections.

    Shapes: ``query`` ``[L, N, E]``, ``key`` and ``value`` ``[S, N, E]`` (without ``N`` for one
    sequence); ``key_padding_mask`` ``[N, S]``, ``attn_mask`` ``[L, S]`` or ``[N * heads, L, S]``:
    bool (true means hidden) or numbers to add. Returns the output ``[L, N, E]`` and, with
    ``need_weights``, the weights ``[N, L, S]`` averaged over heads or ``[N, heads, L, S]``.

    Raises:
        AssertionError: if dimensions, projections or masks do not fit together.
        RuntimeError: if a mask has the wrong shape, or ``is_causal`` comes without a mask.
    """
    return attend(
        query,
        key,
        value,
        embed_dim_to_check,
        num_heads,
        in_proj_weight,
        in_proj_bias,
        bias_k,
        bias_v,
        add_zero_attn,
        dropout_p,
        out_proj_weight,
        out_proj_bias,
        training,
        key_padding_mask,
        need_weights,
        attn_mask,
        use_separate_proj_weight,
        q_proj_weight,
        k_proj_weight,
        v_proj_weight,
        static_k,
        static_v,
        average_attn_weights,
        is_causal,
    )
