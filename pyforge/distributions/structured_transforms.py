"""Maps of vectors and matrices as a whole, and of pieces by different maps."""

from __future__ import annotations

import math

from .. import _C
from .._C import Size, Tensor
from .._type_info import finfo
from . import constraints
from .distribution import sum_rightmost
from .transforms import Transform, _softplus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .distribution import Distribution, Shape


def _triangle_to_vector(matrix: Tensor, diagonal: int) -> Tensor:
    n = matrix.shape[-1]
    rows, columns = _C.tril_indices(n, n, diagonal).unbind(0)
    return matrix[..., rows, columns]


def _vector_to_triangle(vector: Tensor) -> Tensor:
    """Below the diagonal of zeros, in the order of rows."""
    n = _side(vector.shape[-1])
    rows, columns = _C.tril_indices(n, n, -1).unbind(0)
    flat = vector.new_zeros((*vector.shape[:-1], n * n))
    where = (rows * n + columns).expand(vector.shape)
    return flat.scatter(-1, where, vector).reshape((*vector.shape[:-1], n, n))


def _side(count: int) -> int:
    n: int = round((0.25 + 2 * count) ** 0.5 + 0.5)
    if n * (n - 1) // 2 != count:
        raise ValueError("Input is not a flattened lower-diagonal number")
    return n


class ReshapeTransform(Transform):
    """Events of ``in_shape`` as events of ``out_shape``.

    Raises:
        ValueError: if their numbers of elements differ.
    """

    bijective = True

    def __init__(self, in_shape: Shape, out_shape: Shape, cache_size: int = 0) -> None:
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if math.prod(self.in_shape) != math.prod(self.out_shape):
            raise ValueError("in_shape, out_shape have different numbers of elements")
        super().__init__(cache_size)
        self.domain = constraints.independent(constraints.real, len(self.in_shape))
        self.codomain = constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Any) -> Any:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Any) -> Any:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """See :class:`Transform`."""
        return x.new_zeros(x.shape[: x.dim() - len(self.in_shape)])

    def forward_shape(self, shape: Any) -> Any:
        """See :class:`Transform`."""
        return _with_tail(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        """See :class:`Transform`."""
        return _with_tail(shape, self.out_shape, self.in_shape)


def _with_tail(shape: Any, old: Size, new: Size) -> Any:
    if len(shape) < len(old):
        raise ValueError("Too few dimensions on input")
    cut = len(shape) - len(old)
    if tuple(shape[cut:]) != tuple(old):
        raise ValueError(f"Shape mismatch: expected {tuple(old)} but got {tuple(shape[cut:])}")
    return (*shape[:cut], *new)


class CorrCholeskyTransform(Transform):
    """``n (n - 1) / 2`` numbers to the Cholesky factor of a correlation matrix ``[n, n]``.

    Below the diagonal stand the ``tanh`` of the numbers, each scaled to what its row has left of
    the length 1.
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Any) -> Any:
        eps = finfo(x.dtype).eps
        r = _vector_to_triangle(x.tanh().clamp(-1 + eps, 1 - eps))
        left = (1 - r**2).sqrt().cumprod(-1)
        r = r + _C.eye(r.shape[-1], dtype=r.dtype)
        return r * _C.pad(left[..., :-1], [1, 0], value=1.0)

    def _inverse(self, y: Any) -> Any:
        left = 1 - (y * y).cumsum(-1)
        before = _triangle_to_vector(_C.pad(left[..., :-1], [1, 0], value=1.0), -1)
        t = _triangle_to_vector(y, -1) / before.sqrt()
        return (t.log1p() - t.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """That of ``x`` to the part of ``y`` below the diagonal."""
        left = _triangle_to_vector(1 - (y * y).cumsum(-1), -2)
        tanh = -2 * (x + _softplus(-2 * x) - math.log(2.0)).sum(-1)
        return 0.5 * left.log().sum(-1) + tanh

    def forward_shape(self, shape: Any) -> Any:
        """See :class:`Transform`."""
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        n = _side(shape[-1])
        return (*shape[:-1], n, n)

    def inverse_shape(self, shape: Any) -> Any:
        """See :class:`Transform`."""
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return (*shape[:-2], shape[-1] * (shape[-1] - 1) // 2)


class LowerCholeskyTransform(Transform):
    """The lower triangle of a matrix, with ``exp`` of its diagonal."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Any) -> Any:
        return x.tril(-1) + _C.diag_embed(x.diagonal(0, -2, -1).exp())

    def _inverse(self, y: Any) -> Any:
        return y.tril(-1) + _C.diag_embed(y.diagonal(0, -2, -1).log())


class PositiveDefiniteTransform(Transform):
    """``L L'`` of the ``L`` that :class:`LowerCholeskyTransform` gives."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Any) -> Any:
        lower = LowerCholeskyTransform()(x)
        return lower @ lower.mT

    def _inverse(self, y: Any) -> Any:
        from ..linalg import cholesky

        return LowerCholeskyTransform().inv(cholesky(y))


class _Pieces(Transform):
    """Several maps, each of its part of the input along ``dim``."""

    def __init__(self, tseq: Sequence[Transform], dim: int, cache_size: int) -> None:
        for part in tseq:
            if not isinstance(part, Transform):
                raise AssertionError(f"tseq must be transforms, got {type(part).__name__}")
        super().__init__(cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        return all(t.bijective for t in self.transforms)

    def _pieces(self, x: Any) -> Any:
        raise NotImplementedError

    def _joined(self, pieces: list[Any]) -> Any:
        raise NotImplementedError

    def _call(self, x: Any) -> Any:
        pieces = zip(self.transforms, self._pieces(x), strict=True)
        return self._joined([t(piece) for t, piece in pieces])

    def _inverse(self, y: Any) -> Any:
        pieces = zip(self.transforms, self._pieces(y), strict=True)
        return self._joined([t._inv_call(piece) for t, piece in pieces])


class CatTransform(_Pieces):
    """``tseq`` of neighbouring pieces, ``lengths`` long, along ``dim``."""

    def __init__(
        self,
        tseq: Sequence[Transform],
        dim: int = 0,
        lengths: Sequence[int] | None = None,
        cache_size: int = 0,
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(f"{len(self.lengths)} lengths, {len(self.transforms)} transforms")

    @property
    def event_dim(self) -> int:
        """The largest of the parts."""
        return max(t.event_dim for t in self.transforms)

    @property
    def length(self) -> int:
        """Of the input along ``dim``."""
        return sum(self.lengths)

    @property
    def domain(self) -> Any:
        """Those of the parts."""
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @property
    def codomain(self) -> Any:
        """Those of the parts."""
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)

    def _pieces(self, x: Any) -> Any:
        if not -x.dim() <= self.dim < x.dim() or x.shape[self.dim] != self.length:
            raise AssertionError(f"expected {self.length} along {self.dim}, got {tuple(x.shape)}")
        return x.split(self.lengths, self.dim)

    def _joined(self, pieces: list[Any]) -> Any:
        return _C.cat(pieces, self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """See :class:`Transform`."""
        event = self.event_dim
        terms: list[Any] = [
            sum_rightmost(t.log_abs_det_jacobian(a, b), event - t.event_dim)
            for t, a, b in zip(self.transforms, self._pieces(x), self._pieces(y), strict=True)
        ]
        dim = (self.dim if self.dim < 0 else self.dim - x.dim()) + event
        return _C.cat(terms, dim) if dim < 0 else sum(terms)


class StackTransform(_Pieces):
    """``tseq`` of the positions along ``dim``, as many as there are."""

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(tseq, dim, cache_size)

    @property
    def domain(self) -> Any:
        """Those of the parts."""
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @property
    def codomain(self) -> Any:
        """Those of the parts."""
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

    def _pieces(self, x: Any) -> Any:
        count = len(self.transforms)
        if not -x.dim() <= self.dim < x.dim() or x.shape[self.dim] != count:
            raise AssertionError(f"expected {count} along {self.dim}, got {tuple(x.shape)}")
        return x.unbind(self.dim)

    def _joined(self, pieces: list[Any]) -> Any:
        return _C.stack(pieces, self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """See :class:`Transform`."""
        parts = zip(self.transforms, self._pieces(x), self._pieces(y), strict=True)
        return self._joined([t.log_abs_det_jacobian(a, b) for t, a, b in parts])


class CumulativeDistributionTransform(Transform):
    """The distribution function of ``distribution``."""

    bijective = True
    codomain = constraints.unit_interval

    def __init__(self, distribution: Distribution, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Any:
        """The support of the distribution."""
        return self.distribution.support

    def _call(self, x: Any) -> Any:
        return self.distribution.cdf(x)

    def _inverse(self, y: Any) -> Any:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """See :class:`Transform`."""
        return self.distribution.log_prob(x)
