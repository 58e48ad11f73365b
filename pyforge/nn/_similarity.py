"""Distances and similarities, and maps of two inputs."""

from __future__ import annotations

from .. import _C
from .._C import Tensor, clamp_min, einsum, triu
from ..autograd.grad_mode import no_grad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._C import dtype as DType


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between x1 and x2 along ``dim``; norms count as ``eps`` at least.

    The two are broadcast. Raises RuntimeError if they are not floating.
    """
    if not (x1.is_floating_point() and x2.is_floating_point()):
        raise RuntimeError("expected common dtype to be floating point, got integers")
    x1, x2 = _C.broadcast_tensors([x1, x2])
    norms = [x.norm(2, dim, True).clone() for x in (x1, x2)]
    with no_grad():  # as in PyTorch the limit does not stop the gradient
        for norm in norms:
            norm.clamp_(min=eps)
    return ((x1 / norms[0]) * (x2 / norms[1])).sum(dim)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of ``x1 - x2 + eps`` along the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances of all pairs of rows of ``[N, D]``, ``[N (N - 1) / 2]``.

    Raises RuntimeError if the input is not a matrix.
    """
    if input.dim() != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.dim()}D")
    n = input.size(0)
    pairs = triu(_C.ones((n, n)), 1).nonzero()
    return (input[pairs.select(1, 0)] - input[pairs.select(1, 1)]).norm(p, -1)


def normalize(
    input: Tensor,
    p: float = 2.0,
    dim: int = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    """``input`` divided by its p-norm along ``dim``, which counts as ``eps`` at least."""
    result = input / clamp_min(input.norm(p, dim, True), eps)
    return result if out is None else out.copy_(result)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``y[..., k] = sum over i, j of input1[..., i] weight[k, i, j] input2[..., j] + bias[k]``.

    Raises RuntimeError for sizes that do not fit.
    """
    if weight.dim() != 3:
        raise RuntimeError(f"bilinear: weight must have 3 dimensions, got {weight.dim()}")
    if input1.dim() != input2.dim() or input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            "bilinear(): input batch dimensions do not match: got "
            f"{list(input1.shape)} and {list(input2.shape)}"
        )
    for i, t in enumerate((input1, input2), 1):
        if t.size(-1) != weight.size(i):
            raise RuntimeError(
                f"bilinear(): input{i} size does not match weight size: got {t.size(-1)} but "
                f"expected {weight.size(i)}"
            )
    if bias is not None and tuple(bias.shape) != (weight.size(0),):
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {list(bias.shape)} but "
            f"expected [{weight.size(0)}]"
        )
    y = einsum("...i,kij,...j->...k", [input1, weight, input2])
    return y if bias is None else y + bias


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None
) -> Tensor:
    """``softmax(-input)`` along ``dim``."""
    if dim is None:
        dim = 0 if input.dim() in (0, 1, 3) else 1
    return _C.softmax(-input, dim, dtype=dtype)
