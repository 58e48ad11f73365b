"""Floating-point operations of an op, from its name and shapes; a multiply-add counts as two."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Shapes = Sequence[Sequence[int]]


def _product(first: int) -> Callable[[Shapes, Sequence[int]], int]:
    return lambda given, out: 2 * prod(out) * given[first][-1]


def _convolution(given: Shapes, out: Sequence[int]) -> int:
    return 2 * prod(out) * prod(given[1][1:])


def _transposed(given: Shapes, out: Sequence[int]) -> int:
    return 2 * prod(given[0]) * prod(given[1][1:])


def _attention(given: Shapes, out: Sequence[int]) -> int:
    query, key = given[0], given[1]
    return 2 * prod(out[:-1]) * key[-2] * (query[-1] + out[-1])


def _one_each(given: Shapes, out: Sequence[int]) -> int:
    return prod(out)


_RULES: dict[str, Callable[[Shapes, Sequence[int]], int]] = {
    **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot", "vdot", "inner", "linear"), _product(0)),
    **dict.fromkeys(("addmm", "addmv", "baddbmm"), _product(1)),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        _transposed,
    ),
    "scaled_dot_product_attention": _attention,
    **dict.fromkeys(("add", "sub", "mul", "div", "add_", "sub_", "mul_", "div_"), _one_each),
}


def flops_of(name: str, given: Shapes | None, results: Shapes | None) -> int:
    """0 for ops that are not counted, and where the shapes do not tell."""
    rule = _RULES.get(name)
    if rule is None or not given or not results:
        return 0
    try:
        return rule(given, results[0])
    except IndexError:
        return 0
