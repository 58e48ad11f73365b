"""Scaled dot-product attention, four heads of 64, batch 4."""

from __future__ import annotations

from typing import Any

from ..builds import op
from .elementwise import normal

BATCH, HEADS, WIDTH = 4, 4, 64


def attend(P: Any, q: Any, k: Any, v: Any, causal: bool) -> Any:
    return P.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)


def by_formula(P: Any, q: Any, k: Any, v: Any) -> Any:
    scores = q @ k.transpose(-2, -1) * WIDTH**-0.5
    return P.softmax(scores, -1) @ v


def attention() -> Any:
    for length in (64, 128, 256, 512, 1024):
        shape = (BATCH, HEADS, length, WIDTH)
        for causal in (False, True):
            flops = 4 * BATCH * HEADS * length * length * WIDTH / (2 if causal else 1)
            for mode, factor in (("forward", 1.0), ("forward + backward", 3.5)):
                yield op(
                    f"attention T={length}{' causal' * causal} {mode}",
                    lambda P, q, k, v, causal=causal: attend(P, q, k, v, causal),
                    normal(shape, shape, shape),
                    mode,
                    flops=factor * flops,
                    at_least={"torch": 1.3},
                    quick=length == 256 and causal and "backward" in mode,
                )
    shape = (BATCH, HEADS, 256, WIDTH)
    yield op(
        "softmax(q k^T) v by formula T=256 forward + backward",
        by_formula,
        normal(shape, shape, shape),
        "forward + backward",
        flops=3 * 4 * BATCH * HEADS * 256 * 256 * WIDTH,
        at_least={"torch": 1.3},
        quick=True,
    )


CASES = list(attention())
