"""Distributions over matrices."""

from __future__ import annotations

import math
import warnings

import pyforge as pf  # whose linalg is loaded on first use

from .. import _C
from .._C import Tensor
from .._functions import broadcast_shapes
from .._type_info import finfo
from ..autograd.grad_mode import no_grad
from . import constraints
from .distribution import Distribution, ExponentialFamily, broadcast_all
from .gammas import Beta, Chi2
from .multivariate import MATRICES, _OfMatrix, log_diagonal, lower_of, the_one_given
from .structured_transforms import _vector_to_triangle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .distribution import Shape


class LKJCholesky(Distribution):
    """Cholesky factors ``[dim, dim]`` of correlation matrices.

    The density of the matrix is proportional to its determinant to the power
    ``concentration - 1``. Drawn by the onion method (Lewandowski, Kurowicka and Joe 2009, 3.2).

    Raises:
        ValueError: for ``dim < 2``.
    """

    arg_constraints = {"concentration": constraints.positive}  # noqa: RUF012
    support = constraints.corr_cholesky
    concentration: Tensor

    def __init__(
        self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        if dim < 2:
            raise ValueError(
                f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}."
            )
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        dtype = self.concentration.dtype
        offset = _C.cat([_C.zeros(1, dtype=dtype), _C.arange(dim - 1, dtype=dtype)])
        margin = self.concentration + 0.5 * (dim - 2)
        self._beta = Beta(offset + 0.5, margin.unsqueeze(-1) - 0.5 * offset)
        super().__init__(self.concentration.shape, (dim, dim), validate_args)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        with no_grad():
            y = self._beta.sample(sample_shape).unsqueeze(-1)
            normal = _C.randn(self._extended_shape(sample_shape), dtype=y.dtype).tril(-1)
            length = normal.square().sum(-1, True).sqrt()
            direction = _C.where(length == 0, 0.0, normal / length)  # the first row is empty
            w = y.sqrt() * direction
            left = (1 - w.square().sum(-1)).clamp(min=finfo(w.dtype).tiny)
            return w + _C.diag_embed(left.sqrt())

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        diagonal = value.diagonal(0, -2, -1)[..., 1:]
        order = _C.arange(2, self.dim + 1, dtype=self.concentration.dtype)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        n = self.dim - 1
        alpha = self.concentration + 0.5 * n
        norm = 0.5 * n * math.log(math.pi) + _C.mvlgamma(alpha - 0.5, n) - alpha.lgamma() * n
        return (order * diagonal.log()).sum(-1) - norm


class Wishart(_OfMatrix, ExponentialFamily):
    """Covariances of ``df`` normal vectors, ``[..., n, n]``.

    Of the vectors' own covariance one of ``covariance_matrix``, its inverse ``precision_matrix``
    or its Cholesky factor ``scale_tril`` is given. Drawn by Bartlett's decomposition.

    Raises:
        ValueError: if ``df`` is not above ``n - 1``.
        AssertionError: if not exactly one matrix is given.
    """

    support = constraints.positive_definite
    has_rsample = True
    df: Tensor

    @property
    def arg_constraints(self) -> Any:
        """Where the parameters may lie."""
        return {**MATRICES, "df": constraints.greater_than(self.event_shape[-1] - 1)}

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        name, matrix = the_one_given(
            AssertionError, covariance_matrix, precision_matrix, scale_tril
        )
        if matrix.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        batch: tuple[int, ...]
        if isinstance(df, Tensor):
            batch = broadcast_shapes(matrix.shape[:-2], df.shape)
            self.df = df.expand(batch)
        else:
            batch = matrix.shape[:-2]
            self.df = _C.tensor(df, dtype=matrix.dtype)
        n = matrix.shape[-1]
        if bool((self.df <= n - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        if bool((self.df < n).any()):
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for "
                "ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        self.__dict__[name] = matrix.expand((*batch, -1, -1))
        super().__init__(batch, matrix.shape[-2:], validate_args)
        self._lower = lower_of(name, matrix)

    def _per_matrix(self, x: Tensor) -> Tensor:
        return x.reshape((*x.shape, 1, 1)).expand((*self._batch_shape, 1, 1))

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self._per_matrix(self.df) * self.covariance_matrix  # type: ignore[no-any-return]

    @property
    def mode(self) -> Tensor:
        """The most probable value, NaN for ``df <= n + 1``."""
        factor = self.df - self._event_shape[-1] - 1
        factor = _C.where(factor <= 0, math.nan, factor)
        return self._per_matrix(factor) * self.covariance_matrix  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """The variances of the entries."""
        v = self.covariance_matrix
        d = v.diagonal(0, -2, -1)
        return self._per_matrix(self.df) * (  # type: ignore[no-any-return]
            v.pow(2) + d.unsqueeze(-1) * d.unsqueeze(-2)
        )

    def _draw(self, sample_shape: Shape) -> Tensor:
        n, dtype = self._event_shape[-1], self._lower.dtype
        df = self.df.expand(self._batch_shape).unsqueeze(-1) - _C.arange(n, dtype=dtype)
        roots = Chi2(df, validate_args=False).rsample(sample_shape).sqrt()
        noise = _C.diag_embed(roots.clamp(min=finfo(dtype).eps))
        below = _C.randn((*sample_shape, *self._batch_shape, n * (n - 1) // 2), dtype=dtype)
        lower = self._lower @ (noise + _vector_to_triangle(below))
        return lower @ lower.mT

    def rsample(self, sample_shape: Shape = (), max_try_correction: int | None = None) -> Tensor:
        """Draws that the parameters can be differentiated through.

        As in PyTorch, and in its stream, good draws are drawn once more. Singular ones are drawn
        anew, in ``max_try_correction`` (10) rounds in all.
        """
        sample = self._draw(tuple(sample_shape))
        again = self.support.check(sample)
        for _ in range(10 if max_try_correction is None else max_try_correction):
            again = again.reshape((math.prod(sample_shape), -1)).any(1)
            if not bool(again.any()):
                break
            drawn = self._draw((int(again.sum()),))
            flat = sample.reshape((-1, *drawn.shape[1:]))
            sample = flat.index_copy(0, again.nonzero().squeeze(-1), drawn).reshape(sample.shape)
            again = ~self.support.check(sample)
        return sample

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        nu, n = self.df, self._event_shape[-1]
        shape = broadcast_shapes(self._lower.shape, value.shape)
        half = pf.linalg.solve_triangular(
            self._lower.expand(shape), value.expand(shape), upper=False
        )
        whole = pf.linalg.solve_triangular(self._lower.expand(shape).mT, half, upper=True)
        return (
            -nu * (n * math.log(2) / 2 + log_diagonal(self._lower))
            - _C.mvlgamma(nu / 2, n)
            + (nu - n - 1) / 2 * pf.linalg.slogdet(value)[1]
            - whole.diagonal(0, -2, -1).sum(-1) / 2
        )

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        nu, n = self.df, self._event_shape[-1]
        return (
            (n + 1) * (n * math.log(2) / 2 + log_diagonal(self._lower))
            + _C.mvlgamma(nu / 2, n)
            - (nu - n - 1) / 2 * mvdigamma(nu / 2, n)
            + nu * n / 2
        )

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        n = self._event_shape[-1]
        half = y + (n + 1) / 2
        return half * (n * math.log(2) - pf.linalg.slogdet(-2 * x)[1]) + _C.mvlgamma(half, n)


def mvdigamma(x: Tensor, n: int) -> Tensor:
    """The derivative of the logarithm of the multivariate gamma function."""
    return (x.unsqueeze(-1) - _C.arange(n, dtype=x.dtype) / 2).digamma().sum(-1)
