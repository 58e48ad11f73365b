"""Scaled dot-product attention."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .model import Const, Err, Gen, Kink, Op, S


def np_attention(
    q: Any,
    k: Any,
    v: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    if enable_gqa:
        repeats = q.shape[-3] // k.shape[-3]
        k, v = (np.repeat(x, repeats, axis=-3) for x in (k, v))
    s = q @ np.swapaxes(k, -1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    mask = attn_mask.array if isinstance(attn_mask, Const) else attn_mask
    if is_causal:
        mask = np.tril(np.ones(s.shape[-2:], dtype=bool))
    if mask is not None:
        s = np.where(mask, s, -np.inf) if mask.dtype == bool else s + mask
    if s.shape[-1] == 0:
        return np.zeros((*s.shape[:-1], v.shape[-1]), dtype=q.dtype)
    top = s.max(axis=-1, keepdims=True)
    e = np.exp(s - np.where(np.isinf(top), 0, top))
    total = e.sum(axis=-1, keepdims=True)
    return (e / np.where(total == 0, 1, total)) @ v


def samples(g: Gen) -> list[Any]:
    visible = g.bools(5, 7)
    visible[:, 0] = True
    dead = g.bools(2, 1, 4, 6)
    dead[..., 2, :] = False
    padding = np.array([True, True, False, True, False, True]).reshape(1, 1, 1, 6)
    return [
        S(g(2, 3, 5, 4), g(2, 3, 7, 4), g(2, 3, 7, 6)),
        S(g(2, 3, 5, 4), g(2, 3, 7, 4), g(2, 3, 7, 6), is_causal=True),
        S(g(1, 2, 67, 4), g(1, 2, 67, 4), g(1, 2, 67, 5), None, 0.0, True, scale=0.3),
        S(g(1, 1, 70, 17), g(1, 1, 130, 17), g(1, 1, 130, 3)),
        S(g(2, 1, 5, 4), g(2, 1, 7, 4), g(2, 1, 7, 3), visible),
        S(g(2, 2, 4, 3), g(2, 2, 6, 3), g(2, 2, 6, 3), padding),
        S(g(2, 2, 4, 3), g(2, 2, 6, 3), g(2, 2, 6, 3), dead),
        S(g(2, 2, 4, 3), g(2, 2, 6, 3), g(2, 2, 6, 3), Const(g(2, 4, 6))),
        S(g(2, 2, 4, 3), g(2, 2, 6, 3), g(2, 2, 6, 3), g(4, 6)),  # the mask is learned
        S(g(2, 4, 5, 3), g(2, 2, 7, 3), g(2, 2, 7, 3), enable_gqa=True),
        S(g(5, 4), g(7, 4), g(7, 6)),
        S(g(3, 5, 4), g(3, 7, 4), g(3, 7, 6), is_causal=True),
        S(g(2, 1, 3, 5, 4), g(2, 1, 3, 7, 4), g(2, 1, 3, 7, 4)),
        S(g(2, 3, 5, 4), g(1, 1, 7, 4), g(3, 7, 6)),
        S(g(2, 3, 0, 4), g(2, 3, 7, 4), g(2, 3, 7, 6)),
        S(g(0, 3, 5, 4), g(0, 3, 7, 4), g(0, 3, 7, 6)),
        Kink(g(1, 1, 3, 4) * 30, g(1, 1, 5, 4), g(1, 1, 5, 4)),
    ]


def dropped(P: Any, *args: Any, **kw: Any) -> Any:
    P.manual_seed(11)
    return P.nn.functional.scaled_dot_product_attention(*args, **kw)


NAME = "nn.functional.scaled_dot_product_attention"
Q, K = np.zeros((2, 5, 4)), np.zeros((2, 7, 4))

ROWS = [
    Op(
        "scaled_dot_product_attention",
        samples,
        call=NAME,
        numpy=np_attention,
        layouts=("transposed", "stepped", "negative"),
        large=lambda g: S(g(2, 4, 303, 24), g(2, 4, 201, 24), g(2, 4, 201, 16), is_causal=True),
        errors=(
            Err((Q, K, K[:, :3]), RuntimeError, "same sequence length|Expected size"),
            Err((Q, K[..., :3], K), RuntimeError, "last dimension|Expected size"),
            Err((Q, K.astype("float32"), K), RuntimeError, "same dtype"),
            Err((Q[0, 0], K, K), RuntimeError, "at least 2 dimensional"),
            Err((Q, K, K, np.ones((5, 7), bool), 0.0, True), RuntimeError, "is_causal=True"),
            Err((Q, K, K, np.ones((5, 7), "int64")), RuntimeError, "attn_mask dtype"),
            Err((Q, K, K, np.ones((3, 7), bool)), RuntimeError, "attn_mask|broadcast|size"),
            Err((Q, K, K, None, 1.5), (RuntimeError, ValueError), "between 0 and 1"),
        ),
        tol=8,
    ),
    Op(
        "scaled_dot_product_attention with dropout",
        lambda g: [
            S(g(2, 2, 5, 4), g(2, 2, 7, 4), g(2, 2, 7, 3), dropout_p=0.4),
            S(g(1, 2, 70, 4), g(1, 2, 67, 4), g(1, 2, 67, 3), None, 0.2, True),
            S(g(1, 1, 3, 4), g(1, 1, 3, 4), g(1, 1, 3, 4), dropout_p=1.0),
        ],
        call=dropped,
        random=True,
        layouts=(),
        tol=8,
    ),
]
