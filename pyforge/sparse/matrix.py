"""The sparse tensor: coordinates and values."""

from __future__ import annotations

from .._C import Tensor, as_tensor, dtype, int64, result_type, unique, zeros
from .._device import CPU, device, layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["SparseTensor", "sparse_coo", "sparse_coo_tensor"]


class _SparseLayout(layout):
    def __repr__(self) -> str:
        return "pyforge.sparse_coo"

    def __reduce__(self) -> str:
        return "sparse_coo"


sparse_coo = _SparseLayout()


class SparseTensor:
    """A tensor that keeps its non-zero elements only: ``indices [dim, n]`` and ``values [n]``.

    It is not a :class:`pyforge.Tensor`; ops take it where the product, sum or transpose of sparse
    matrices is meant, and raise a TypeError elsewhere. ``to_dense()`` gives a tensor.
    """

    is_sparse = True
    is_cuda = False
    layout = sparse_coo
    device: device = CPU

    def __init__(
        self, indices: Tensor, values: Tensor, size: Sequence[int], coalesced: bool = False
    ) -> None:
        self._i, self._v = indices, values
        self._size = type(indices.shape)(size)
        self._coalesced = coalesced

    @property
    def shape(self) -> Any:
        """The size of each dimension."""
        return self._size

    @property
    def dtype(self) -> dtype:
        """Of the values."""
        return self._v.dtype

    @property
    def requires_grad(self) -> bool:
        """Whether the values require grad."""
        return self._v.requires_grad

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._size)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return self._size if dim is None else self._size[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._size)

    def _nnz(self) -> int:
        return self._v.shape[0]

    def indices(self) -> Tensor:
        """The coordinates ``[dim, n]``, int64, sorted. RuntimeError before ``coalesce()``."""
        self._need_coalesced("indices")
        return self._i

    def values(self) -> Tensor:
        """The elements ``[n]`` at ``indices()``. RuntimeError before ``coalesce()``."""
        self._need_coalesced("values")
        return self._v

    def _need_coalesced(self, what: str) -> None:
        if not self._coalesced:
            raise RuntimeError(
                f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first"
            )

    def _indices(self) -> Tensor:
        return self._i

    def _values(self) -> Tensor:
        return self._v

    def is_coalesced(self) -> bool:
        """Whether the coordinates are sorted and without repetition."""
        return self._coalesced

    def _places(self) -> Tensor:
        """Where each element is in the flattened tensor."""
        flat = zeros(self._nnz(), dtype=int64)
        for row, n in zip(self._i, self._size, strict=True):
            flat = flat * n + row
        return flat

    def coalesce(self) -> SparseTensor:
        """The same tensor with sorted coordinates, elements of one place added up."""
        if self._coalesced:
            return self
        places, where_to = unique(self._places(), return_inverse=True)
        values = self._v.new_zeros(places.shape[0]).index_add(0, where_to, self._v)
        rows = []
        for n in reversed(self._size):
            rows.append(places % n)
            places = places // n
        indices = self._i.new_zeros(len(rows), values.shape[0])
        for i, row in enumerate(reversed(rows)):
            indices[i] = row
        return SparseTensor(indices, values, self._size, True)

    def to_dense(self) -> Tensor:
        """The tensor with its zeros."""
        flat = self._v.new_zeros(self._size.numel())
        return flat.index_add(0, self._places(), self._v).reshape(self._size)

    def to_sparse(self) -> SparseTensor:
        """The tensor itself."""
        return self

    def t(self) -> SparseTensor:
        """The transposed matrix."""
        return self.transpose(0, 1)

    @property
    def T(self) -> SparseTensor:
        """The transposed matrix."""
        return self.transpose(0, 1)

    def transpose(self, dim0: int, dim1: int) -> SparseTensor:
        """The tensor with two dimensions exchanged."""
        order = list(range(self.dim()))
        order[dim0], order[dim1] = order[dim1], order[dim0]
        return SparseTensor(self._i[order], self._v, [self._size[d] for d in order])

    def sum(self, dim: int | None = None) -> Any:
        """The sum of all elements, or of a matrix a dense vector of sums over one dimension."""
        if dim is None:
            return self._v.sum()
        if self.dim() != 2:
            raise RuntimeError("sparse.sum: only matrices are summed over one dimension")
        kept = 1 - dim % 2
        return self._v.new_zeros(self._size[kept]).index_add(0, self._i[kept], self._v)

    def _with(self, values: Tensor) -> SparseTensor:
        return SparseTensor(self._i, values, self._size, self._coalesced)

    def to(self, *args: Any, **kwargs: Any) -> SparseTensor:
        """The tensor with values of another dtype; a device must be the CPU."""
        return self._with(self._v.to(*args, **kwargs))

    def float(self) -> SparseTensor:
        """With float32 values."""
        return self._with(self._v.float())

    def double(self) -> SparseTensor:
        """With float64 values."""
        return self._with(self._v.double())

    def detach(self) -> SparseTensor:
        """Without history."""
        return self._with(self._v.detach())

    def clone(self) -> SparseTensor:
        """With its own memory."""
        return SparseTensor(self._i.clone(), self._v.clone(), self._size, self._coalesced)

    def requires_grad_(self, requires_grad: bool = True) -> SparseTensor:
        """Ask for gradients of the values."""
        self._v.requires_grad_(requires_grad)
        return self

    def cpu(self) -> SparseTensor:
        """The tensor itself."""
        return self

    def __len__(self) -> int:
        return int(self._size[0])

    def __repr__(self) -> str:
        return (
            f"tensor(indices={self._i},\n       values={self._v},\n       "
            f"size={tuple(self._size)}, nnz={self._nnz()}, layout={sparse_coo!r})"
        )

    def matmul(self, other: Any) -> Any:
        """The product with a dense matrix or vector (dense), or a sparse matrix (sparse)."""
        if isinstance(other, SparseTensor):
            return to_sparse(self.matmul(other.to_dense()))
        if self.dim() != 2 or not isinstance(other, Tensor) or other.dim() not in (1, 2):
            raise RuntimeError(
                "sparse matmul: expected a sparse matrix and a dense matrix or vector"
            )
        if self._size[1] != other.shape[0]:
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({self._size[0]}x{self._size[1]} and "
                f"{'x'.join(map(str, other.shape))})"
            )
        rows, columns = self._i
        picked = other.index_select(0, columns)
        weights = self._v.unsqueeze(1) if other.dim() == 2 else self._v
        out = other.new_zeros((self._size[0], *other.shape[1:]))
        return out.index_add(0, rows, weights * picked)

    mm = matmul
    spmm = matmul
    mv = matmul

    def __matmul__(self, other: Any) -> Any:
        return self.matmul(other)

    def __rmatmul__(self, other: Tensor) -> Tensor:
        if other.dim() == 1:
            result: Tensor = self.t().matmul(other)
            return result
        return self.t().matmul(other.t()).t()  # type: ignore[no-any-return]

    def __mul__(self, other: Any) -> SparseTensor:
        if isinstance(other, Tensor) and other.dim():
            dense = other.expand(self._size)
            return self._with(self._v * dense[tuple(self._i)])
        return self._with(self._v * other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> SparseTensor:
        return self._with(self._v / other)

    def __neg__(self) -> SparseTensor:
        return self._with(-self._v)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, SparseTensor):
            return _concatenated(self, other)
        return other + self.to_dense()

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        method = _OPS.get(func.__name__)
        if method is None or kwargs:
            raise TypeError(
                f"{func.__name__}(): not there for sparse tensors; write x.to_dense() for each"
            )
        return method(*args)


_OPS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "matmul": lambda a, b: a @ b,
    "mm": lambda a, b: a @ b,
    "mul": lambda a, b: a * b,
    "mv": lambda a, b: a @ b,
    "sub": lambda a, b: a - b,
    "sum": lambda a, dim=None: a.sum(dim),
    "t": lambda a: a.t(),
    "transpose": lambda a, dim0, dim1: a.transpose(dim0, dim1),
}


def _concatenated(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    from .._C import cat

    if a.shape != b.shape:
        raise RuntimeError(f"sparse add: expected equal sizes, got {a.shape} and {b.shape}")
    kind = result_type(a._v, b._v)
    values = cat([a._v.to(kind), b._v.to(kind)])
    return SparseTensor(cat([a._i, b._i], dim=1), values, a.shape).coalesce()


def to_sparse(self: Tensor) -> SparseTensor:
    """The elements that are not zero, with their coordinates."""
    indices = self.detach().nonzero().t().contiguous()
    return SparseTensor(indices, self[tuple(indices)], self.shape, True)


def sparse_coo_tensor(
    indices: Any,
    values: Any,
    size: Sequence[int] | None = None,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> SparseTensor:
    """A sparse tensor with ``values[k]`` at ``indices[:, k]``; those of one place add up.

    Args:
        indices: ``[dim, n]`` integers.
        values: ``[n]`` numbers.
        size: by default as large as the indices need.
        dtype: of the values.
        requires_grad: ask for gradients of the values.

    Raises:
        RuntimeError: if indices and values do not fit together, or an index is out of range.
    """
    where_at = as_tensor(indices, device=device).to(int64)
    elements = as_tensor(values, dtype=dtype)
    if where_at.dim() != 2:
        raise RuntimeError("indices must be sparse_dim x nnz")
    if elements.dim() != 1 or elements.shape[0] != where_at.shape[1]:
        raise RuntimeError(
            f"sparse_coo_tensor: expected one value for each of the {where_at.shape[1]} columns of "
            f"indices, got values of shape {tuple(elements.shape)}; dense dimensions are not there"
        )
    count = where_at.shape[1]
    highest = where_at.amax(1).tolist() if count else [-1] * where_at.shape[0]
    lowest = where_at.amin(1).tolist() if count else [0] * where_at.shape[0]
    if size is None:
        size = [top + 1 for top in highest]
    if len(size) != where_at.shape[0]:
        raise RuntimeError(
            f"number of dimensions must be sparse_dim ({where_at.shape[0]}), but got {len(size)}"
        )
    for d, (low, top, n) in enumerate(zip(lowest, highest, size, strict=True)):
        if low < 0:
            raise RuntimeError(f"found negative index {low} for dim {d}")
        if top >= n:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {d}, size is {n} but found index {top}"
            )
    if requires_grad:
        elements = elements.detach().requires_grad_()
    return SparseTensor(where_at, elements, size, bool(is_coalesced))
