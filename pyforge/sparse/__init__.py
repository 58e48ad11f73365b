"""Sparse matrices as lists of coordinates (COO), multiplied with dense ones, with gradients.

What graph networks need of ``torch.sparse``: building, converting, adding, transposing, products
with dense matrices. The values may require grad.
"""

from __future__ import annotations

from .._C import Tensor, as_tensor
from .matrix import SparseTensor, sparse_coo, sparse_coo_tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "FloatTensor",
    "SparseTensor",
    "addmm",
    "mm",
    "sparse_coo",
    "sparse_coo_tensor",
    "spmm",
    "sum",
]


def FloatTensor(indices: Any, values: Any, size: Any = None) -> SparseTensor:
    """The older name of :func:`pyforge.sparse_coo_tensor`."""
    return sparse_coo_tensor(indices, as_tensor(values).float(), size)


def mm(mat1: Any, mat2: Any) -> Tensor:
    """The product of two matrices, at least one of them sparse."""
    result: Tensor = mat1 @ mat2
    return result


spmm = mm


def addmm(mat: Tensor, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """``beta * mat + alpha * (mat1 @ mat2)``, with a sparse ``mat1``."""
    return mat * beta + mm(mat1, mat2) * alpha


def sum(input: SparseTensor, dim: int | None = None) -> Any:
    """The sum of all elements, or a dense vector of sums over one dimension."""
    return input.sum(dim)
