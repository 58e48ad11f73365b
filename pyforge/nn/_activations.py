"""Activations and rearrangements that are made of other operations."""

from __future__ import annotations

import warnings

from .. import _C
from .._C import Tensor, empty, float64, ones_like, sigmoid, where, zeros_like

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._C import Generator


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half of ``input`` along ``dim`` times the sigmoid of the second.

    Raises RuntimeError if the size along ``dim`` is odd, or ``input`` has no dimension.
    """
    if input.dim() == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    if input.size(dim) % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim % input.dim()} is size "
            f"{input.size(dim)}"
        )
    a, b = input.chunk(2, dim)
    return a * sigmoid(b)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` where it is outside ``[-lambd, lambd]``, else 0."""
    return where((input >= -lambd) & (input <= lambd), zeros_like(input), input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` moved towards 0 by ``lambd``, 0 where that would cross it.

    Raises RuntimeError if ``lambd`` is negative.
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found {lambd}")
    moved = where(input > lambd, input - lambd, input + lambd)
    return where((input >= -lambd) & (input <= lambd), zeros_like(input), moved)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """``input`` where positive, elsewhere times a slope drawn from ``[lower, upper)``.

    Without ``training`` the slope is the middle of the interval. Raises RuntimeError if ``lower``
    exceeds ``upper``.
    """
    if lower > upper:
        raise RuntimeError(
            f"Lower bound should be less than or equal to the upper bound, got {lower} and {upper}"
        )
    if training:
        negative = input <= 0
        drawn = empty((int(negative.sum()),), dtype=float64)
        slope = ones_like(input.detach())
        slope[negative] = drawn.uniform_(lower, upper, generator=generator).to(input.dtype)
        result = input * slope
    else:
        result = _C.leaky_relu(input, (lower + upper) / 2)
    return input.copy_(result) if inplace else result


def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """:func:`rrelu` written over ``input``."""
    return rrelu(input, lower, upper, training, True)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A sample of the Gumbel-softmax distribution (Jang et al. 2017).

    Args:
        logits: unnormalised log-probabilities.
        tau: the temperature.
        hard: return one-hot vectors whose gradient is that of the soft sample.
        eps: has no effect.
        dim: along which to normalise.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    noise = -empty(tuple(logits.shape), dtype=logits.dtype).exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.detach().max(dim, keepdim=True)[1]
    one_hot = zeros_like(logits.detach()).scatter(dim, index, 1.0)
    return one_hot - soft.detach() + soft


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels ``[N, C, *]``, seen as ``groups`` rows, in the order of the columns.

    Raises RuntimeError if ``groups`` does not divide the channels.
    """
    if input.dim() < 3:
        raise RuntimeError(
            "channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.shape)}"
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    n, c, *rest = input.shape
    if c % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    return input.reshape(n, groups, c // groups, *rest).transpose(1, 2).reshape(n, c, *rest)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``elu`` written over ``input``."""
    return _C.elu(input, alpha, True)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """``leaky_relu`` written over ``input``."""
    return _C.leaky_relu(input, negative_slope, True)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``celu`` written over ``input``."""
    return _C.celu(input, alpha, True)


def selu_(input: Tensor) -> Tensor:
    """``selu`` written over ``input``."""
    return _C.selu(input, True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """``hardtanh`` written over ``input``."""
    return _C.hardtanh(input, min_val, max_val, True)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """``threshold`` written over ``input``."""
    return _C.threshold(input, threshold, value, True)


def relu_(input: Tensor) -> Tensor:
    """``relu`` written over ``input``."""
    return input.relu_()
