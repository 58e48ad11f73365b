"""Products of several matrices, powers, exponentials, and equations between tensors."""

from __future__ import annotations

import math

from .._C import Tensor, cat, dot, eye, linalg_solve_ex, mm, ones, zeros
from .._C import einsum as _einsum
from ..autograd.function import Function
from ._base import array, check_square, tensor
from ._square import inv, solve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._base import Array


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of two or more matrices in the cheapest order.

    The first may be a vector (a row), the last too (a column). Order of multiplication by dynamic
    programming: T. Cormen et al., "Introduction to Algorithms", 15.2.
    """
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    row, column = tensors[0].dim() == 1, tensors[-1].dim() == 1
    matrices = list(tensors)
    if row:
        matrices[0] = matrices[0].unsqueeze(0)
    if column:
        matrices[-1] = matrices[-1].unsqueeze(-1)
    for i, t in enumerate(matrices):
        if t.dim() != 2:
            raise RuntimeError(
                f"multi_dot(): tensor {i} must be 2D (the first and the last also 1D) "
                f"but got {tensors[i].dim()}D"
            )
        if i and matrices[i - 1].shape[1] != t.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i - 1} and {i} with shapes {list(tensors[i - 1].shape)} "
                f"and {list(tensors[i].shape)} cannot be multiplied"
            )
    y = _chain(matrices)
    if row and column:
        return y.reshape(())
    return y.squeeze(0) if row else y.squeeze(-1) if column else y


def _chain(matrices: list[Tensor]) -> Tensor:
    n = len(matrices)
    if n == 2:
        return mm(*matrices)
    sizes = [m.shape[0] for m in matrices] + [matrices[-1].shape[1]]
    cost = [[0] * n for _ in range(n)]
    cut = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [
                cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            ]
            cost[i][j] = min(options)
            cut[i][j] = i + options.index(cost[i][j])
    return _multiply(matrices, cut, 0, n - 1)


def _multiply(matrices: list[Tensor], cut: list[list[int]], i: int, j: int) -> Tensor:
    if i == j:
        return matrices[i]
    k = cut[i][j]
    return mm(_multiply(matrices, cut, i, k), _multiply(matrices, cut, k + 1, j))


def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices in the cheapest order; the older name of linalg.multi_dot."""
    for m in matrices:
        if m.dim() != 2:
            raise RuntimeError(f"chain_matmul: Tensor dimension is {m.dim()}, expected 2 instead.")
    if not matrices:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    return matrices[0] if len(matrices) == 1 else multi_dot(matrices)


def matrix_power(A: Tensor, n: int) -> Tensor:
    """A multiplied n times with itself, for square ``[*, m, m]``; for n < 0, the inverse."""
    if not isinstance(n, int):
        raise TypeError(f"matrix_power: n must be an int, not {type(n).__name__}")
    if A.dim() < 2 or A.shape[-1] != A.shape[-2]:
        check_square("matrix_power", A)
    if n == 0:
        nothing = A.masked_fill(A.isnan() | True, 0)  # with a gradient of zeros
        return nothing + eye(A.shape[-1], dtype=A.dtype)
    if n < 0:
        A, n = inv(A), -n
    while n % 2 == 0:
        A, n = A @ A, n // 2
    result = A.clone() if n == 1 else A
    while n := n // 2:
        A = A @ A
        if n % 2:
            result = result @ A
    return result


# N. Higham, "The scaling and squaring method for the matrix exponential revisited" (2005): the
# coefficients of the Pade approximant of order 13, and the norm up to which it is exact enough.
_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0,
    129060195264000.0, 10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0,
    960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
_THETA = 5.371920351148152


def _pade(x: Array) -> Array:
    import numpy as np

    norm = np.abs(x).sum(-2).max(-1)
    steps = np.ceil(np.log2(norm / _THETA))
    steps = np.where(np.isfinite(steps), np.maximum(steps, 0), 0).astype(np.int64)
    x = x / np.exp2(steps).astype(x.dtype)[..., None, None]
    one = np.eye(x.shape[-1], dtype=x.dtype)
    b = [x.dtype.type(c) / x.dtype.type(_PADE[0]) for c in _PADE]
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    u = x6 @ (b[13] * x6 + b[11] * x4 + b[9] * x2)
    u = x @ (u + b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * one)
    v = x6 @ (b[12] * x6 + b[10] * x4 + b[8] * x2)
    v = v + b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * one
    y = array(linalg_solve_ex(tensor(v - u), tensor(v + u))[0])
    for i in range(int(steps.max())):
        y = np.where((i < steps)[..., None, None], y @ y, y)
    return y


class LinalgMatrixExp(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        import numpy as np

        x = array(a)
        ctx.save_for_backward(a)
        if x.size == 0:
            return a.clone()
        with np.errstate(all="ignore"):
            return tensor(_pade(x))

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        # exp [[A^T, G], [0, A^T]] has the gradient in its upper right block.
        (a,) = ctx.saved_tensors
        n = a.shape[-1]
        at = a.mT
        top = cat([at, g], -1)
        bottom = cat([zeros(at.shape, dtype=at.dtype), at], -1)
        return matrix_exp(cat([top, bottom], -2))[..., :n, n:]


def matrix_exp(input: Tensor) -> Tensor:
    """Exponentials of square matrices ``[*, n, n]``, by scaling and squaring.

    Derivative: R. Mathias, "A chain rule for matrix functions and applications" (1996).
    """
    check_square("matrix_exp", input)
    result: Tensor = LinalgMatrixExp.apply(input)
    return result


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Sums of products along ``dim``; the other dimensions broadcast."""
    if x.dim() == 1 and y.dim() == 1:
        return dot(x, y)
    return (x * y).sum(dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """A view of the diagonals of the matrices in two dimensions, the last two by default."""
    return A.diagonal(offset, dim1, dim2)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """The powers 0, 1 ... N - 1 of each element, in a new last dimension; N is the last size."""
    if x.dim() == 0 and N is None:
        raise RuntimeError("linalg.vander: x must have at least one dimension, or N be given")
    n = x.shape[-1] if N is None else N
    if n <= 1:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, got {n}.")
    x = x.unsqueeze(-1)
    first = ones(x.shape, dtype=x.dtype)
    return cat([first, x.expand(*x.shape[:-1], n - 1).cumprod(-1).to(x.dtype)], -1)


def vander_descending(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Powers N - 1 ... 0 of a vector's elements as rows; 0 ... N - 1 with ``increasing``."""
    if x.dim() != 1:
        raise RuntimeError(f"vander: x must be a one-dimensional tensor, got {x.dim()}D")
    n = len(x) if N is None else N
    if n < 0:
        raise RuntimeError(f"vander: N must be non-negative, got {n}")
    rows = ones(len(x), 1, dtype=x.dtype)
    if n > 1:
        powers = x.unsqueeze(-1).expand(len(x), n - 1).cumprod(-1).to(x.dtype)
        rows = cat([rows, powers], -1)
    rows = rows[:, :n]
    return rows if increasing else rows.flip(-1)


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of A seen as a matrix: the first ``ind`` dimensions are its rows.

    Shape ``A.shape[ind:] + A.shape[:ind]``.
    """
    if ind <= 0:
        raise RuntimeError(
            f"linalg.tensorinv: Expected a strictly positive integer for 'ind', got {ind}"
        )
    rows, columns = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    n = math.prod(rows)
    if n != math.prod(columns):
        raise RuntimeError(
            "linalg.tensorinv: Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {math.prod(columns)} != {n}"
        )
    return inv(A.reshape(n, n)).reshape(*columns, *rows)


def tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """X with tensordot(A, X, X.dim()) = B; ``dims`` of A are moved to its end first."""
    if dims is not None:
        A = A.movedim(list(dims), list(range(A.dim() - len(dims), A.dim())))
    shape = tuple(A.shape[B.dim() :])
    n, m = math.prod(shape), math.prod(A.shape[: B.dim()])
    if n != m:
        raise RuntimeError(
            "linalg.tensorsolve: Expected self to satisfy the requirement "
            "prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), "
            f"but got {n} != {m}"
        )
    return solve(A.reshape(m, n), B.reshape(-1)).reshape(shape)


def _wrapped(d: int, t: Tensor) -> int:
    n = t.dim()
    if not -n <= d < n:
        raise IndexError(
            f"tensordot: Dimension out of range (expected to be in range of [{-n}, {n - 1}], "
            f"but got {d})"
        )
    return d % n


def tensordot(
    a: Tensor, b: Tensor, dims: int | Tensor | Sequence[Any] = 2, out: None = None
) -> Tensor:
    """Products summed over dimensions of both: ``dims`` last of a and first of b, or two lists.

    Shape: the other dimensions of a, then those of b.
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist() if dims.numel() > 1 else int(dims.item())
    if isinstance(dims, int):
        if dims < 0 or dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        over_a, over_b = list(range(a.dim() - dims, a.dim())), list(range(dims))
    else:
        pair = [[d] if isinstance(d, int) else list(d) for d in dims]
        if len(pair) != 2:
            raise RuntimeError(f"tensordot: dims must be an int or two lists, got {dims}")
        over_a, over_b = ([_wrapped(d, t) for d in p] for t, p in zip((a, b), pair, strict=True))
        if len(over_a) != len(over_b):
            raise RuntimeError(
                "tensordot: both dimension lists should have same length, "
                f"got {pair[0]} and {pair[1]}"
            )
    for d, e in zip(over_a, over_b, strict=True):
        if a.shape[d] != b.shape[e] and 1 not in (a.shape[d], b.shape[e]):
            raise RuntimeError(
                f"tensordot: contracted dimensions need to match, but first has size {a.shape[d]} "
                f"in dim {d} and second has size {b.shape[e]} in dim {e}"
            )
        if a.shape[d] != b.shape[e]:  # PyTorch lets a size of 1 stand for any
            if a.shape[d] == 1:
                b = b.sum(e, keepdim=True)
            else:
                a = a.sum(d, keepdim=True)
    free_a = [d for d in range(a.dim()) if d not in over_a]
    free_b = [d for d in range(b.dim()) if d not in over_b]
    shape = [a.shape[d] for d in free_a] + [b.shape[d] for d in free_b]
    rows = math.prod(a.shape[d] for d in free_a)
    depth = math.prod(a.shape[d] for d in over_a)
    columns = math.prod(b.shape[d] for d in free_b)
    left = a.permute(free_a + over_a).reshape(rows, depth)
    return mm(left, b.permute(over_b + free_b).reshape(depth, columns)).reshape(shape)


def einsum_lists(*args: Any) -> Tensor:
    """einsum(x, [0, 1], y, [1, 2], [0, 2]): numbers below 52 and ... instead of an equation."""
    operands = list(args[: len(args) // 2 * 2 : 2])
    lists = list(args[1 : len(args) // 2 * 2 : 2])

    def term(numbers: Sequence[Any]) -> str:
        letters = ""
        for n in numbers:
            if n is not Ellipsis and not 0 <= n < 52:
                raise ValueError(f"einsum(): subscript {n} is not in range [0, 52)")
            letters += "..." if n is Ellipsis else chr((65 if n < 26 else 71) + n)
        return letters

    equation = ",".join(map(term, lists))
    if len(args) % 2:
        equation += "->" + term(args[-1])
    return _einsum(equation, operands)
