"""Normal distributions over vectors."""

from __future__ import annotations

import pyforge as pf  # whose linalg is loaded on first use

from .. import _C
from .._C import Tensor
from .._functions import broadcast_shapes
from ..autograd.grad_mode import enable_grad
from . import constraints
from .continuous import _LOG_2PI
from .distribution import Distribution, alias, standard_normal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .distribution import Shape

MATRICES = {
    "covariance_matrix": constraints.positive_definite,
    "precision_matrix": constraints.positive_definite,
    "scale_tril": constraints.lower_cholesky,
}


def lazy(function: Any) -> Any:
    """A property that is worked out once, with its history, and kept in the object."""

    class Lazy:
        __doc__ = function.__doc__

        def __get__(self, instance: Any, owner: Any) -> Any:
            if instance is None:
                return self
            with enable_grad():
                value = instance.__dict__[function.__name__] = function(instance)
            return value

    return Lazy()


def times_vector(matrix: Tensor, vector: Tensor) -> Tensor:
    """Products of matrices and vectors with batches of any shapes."""
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def mahalanobis(lower: Tensor, x: Tensor) -> Tensor:
    """``x' (L L')^-1 x`` for ``L`` ``[..., n, n]`` and ``x`` ``[..., n]``."""
    n, batch = x.shape[-1], x.shape[:-1]
    if lower.dim() == 2:  # all vectors are columns of one system
        solved = pf.linalg.solve_triangular(lower, x.reshape(-1, n).mT, upper=False)
        return solved.pow(2).sum(-2).reshape(batch)
    shape = broadcast_shapes(batch, lower.shape[:-2])
    solved = pf.linalg.solve_triangular(
        lower.expand((*shape, n, n)), x.expand((*shape, n)).unsqueeze(-1), upper=False
    )
    return solved.squeeze(-1).pow(2).sum(-1)


def log_diagonal(lower: Tensor) -> Tensor:
    """Half the logarithm of the determinant of ``L L'``."""
    return lower.diagonal(0, -2, -1).log().sum(-1)


def precision_to_lower(precision: Tensor) -> Tensor:
    """The Cholesky factor of the inverse."""
    turned = pf.linalg.cholesky(precision.flip((-2, -1)))
    inverse = turned.flip((-2, -1)).mT
    eye = _C.eye(precision.shape[-1], dtype=precision.dtype)
    return pf.linalg.solve_triangular(inverse, eye.expand(precision.shape), upper=False)


def the_one_given(error: type[Exception], *matrices: Tensor | None) -> tuple[str, Tensor]:
    """The name and value of the one of :data:`MATRICES` that is not ``None``."""
    given = [(name, m) for name, m in zip(MATRICES, matrices, strict=True) if m is not None]
    if len(given) != 1:
        raise error(
            "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
        )
    return given[0]


def lower_of(name: str, matrix: Tensor) -> Tensor:
    """The Cholesky factor of the covariance."""
    if name == "scale_tril":
        return matrix
    return pf.linalg.cholesky(matrix) if name == "covariance_matrix" else precision_to_lower(matrix)


class _OfMatrix(Distribution):
    """Has a lower triangular ``_lower`` ``[..., n, n]``, maybe of a smaller batch than its own."""

    _event_dims = dict.fromkeys((*MATRICES, "_lower"), 2)
    _lower: Tensor

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand((*self._batch_shape, *matrix.shape[-2:]))

    @lazy
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        return self._whole(self._lower)

    @lazy
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self._whole(self._lower @ self._lower.mT)

    @lazy
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        eye = _C.eye(self._lower.shape[-1], dtype=self._lower.dtype)
        inverse = pf.linalg.solve_triangular(
            self._lower, eye.expand(self._lower.shape), upper=False
        )
        return self._whole(inverse.mT @ inverse)


class MultivariateNormal(_OfMatrix):
    """Normal vectors with mean ``loc`` ``[..., n]``.

    The covariance is given as one of ``covariance_matrix``, its inverse ``precision_matrix`` or
    its Cholesky factor ``scale_tril`` (the fastest), each ``[..., n, n]``.

    Raises:
        ValueError: if not exactly one is given, or for too few dimensions.
    """

    arg_constraints = {"loc": constraints.real_vector, **MATRICES}  # noqa: RUF012
    support = constraints.real_vector
    has_rsample = True
    _event_dims = {**_OfMatrix._event_dims, "loc": 1}  # noqa: RUF012
    loc: Tensor
    mean: Tensor = alias("loc", "The mean.")
    mode: Tensor = alias("loc", "The most probable value.")

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = the_one_given(ValueError, covariance_matrix, precision_matrix, scale_tril)
        if matrix.dim() < 2:
            kind = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(
                f"{kind} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.__dict__[name] = matrix.expand((*batch, -1, -1))
        self.loc = loc.expand((*batch, -1))
        super().__init__(batch, self.loc.shape[-1:], validate_args)
        self._lower = lower_of(name, matrix)

    @property
    def variance(self) -> Tensor:
        """The variances, the diagonal of the covariance."""
        return self._lower.pow(2).sum(-1).expand((*self._batch_shape, *self._event_shape))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws that the parameters can be differentiated through."""
        eps = standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + times_vector(self._lower, eps)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        distance = mahalanobis(self._lower, value - self.loc)
        return -0.5 * (self._event_shape[0] * _LOG_2PI + distance) - log_diagonal(self._lower)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        half = 0.5 * self._event_shape[0] * (1.0 + _LOG_2PI) + log_diagonal(self._lower)
        return half.expand(self._batch_shape)


class LowRankMultivariateNormal(Distribution):
    """Normal vectors with the covariance ``W W' + diag(d)``.

    Costs grow with the cube of the rank, not of the dimension.

    Args:
        loc: the mean, ``[..., n]``.
        cov_factor: ``W``, ``[..., n, rank]``.
        cov_diag: ``d``, ``[..., n]``, positive.

    Raises:
        ValueError: if the shapes do not fit.
    """

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _event_dims = {  # noqa: RUF012
        **dict.fromkeys(("loc", "cov_diag", "variance"), 1),
        **dict.fromkeys(("cov_factor", "_small", *MATRICES), 2),
    }
    loc: Tensor
    cov_factor: Tensor
    cov_diag: Tensor
    mean: Tensor = alias("loc", "The mean.")
    mode: Tensor = alias("loc", "The most probable value.")

    def __init__(
        self,
        loc: Tensor,
        cov_factor: Tensor,
        cov_diag: Tensor,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        n = loc.shape[-1]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        if cov_factor.shape[-2] != n:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {n} x m")
        if tuple(cov_diag.shape[-1:]) != (n,):
            raise ValueError(f"cov_diag must be a batch of vectors with shape {loc.shape[-1:]}")
        try:
            batch = broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError:
            raise ValueError(
                f"Incompatible batch shapes: loc {tuple(loc.shape)}, cov_factor "
                f"{tuple(cov_factor.shape)}, cov_diag {tuple(cov_diag.shape)}"
            ) from None
        self.loc = loc.expand((*batch, n))
        self.cov_factor = cov_factor.expand((*batch, -1, -1))
        self.cov_diag = cov_diag.expand((*batch, n))
        super().__init__(batch, (n,), validate_args)
        # the Cholesky factor of I + W' diag(d)^-1 W
        scaled = cov_factor.mT / cov_diag.unsqueeze(-2)
        self._small = pf.linalg.cholesky(_plus_identity(scaled @ cov_factor)).expand(
            (*batch, -1, -1)
        )

    @lazy
    def variance(self) -> Tensor:
        """The variances, the diagonal of the covariance."""
        return self.cov_factor.pow(2).sum(-1) + self.cov_diag

    @lazy
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        root = self.cov_diag.sqrt().unsqueeze(-1)
        scaled = self.cov_factor / root
        return root * pf.linalg.cholesky(_plus_identity(scaled @ scaled.mT))

    @lazy
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self.cov_factor @ self.cov_factor.mT + _C.diag_embed(self.cov_diag)

    @lazy
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        solved = self._solved()
        return _C.diag_embed(self.cov_diag.reciprocal()) - solved.mT @ solved

    def _solved(self) -> Tensor:
        scaled = self.cov_factor.mT / self.cov_diag.unsqueeze(-2)
        return pf.linalg.solve_triangular(self._small, scaled, upper=False)

    def _log_det(self) -> Tensor:
        return 2 * log_diagonal(self._small) + self.cov_diag.log().sum(-1)

    def _mahalanobis(self, x: Tensor) -> Tensor:
        projected = times_vector(self.cov_factor.mT / self.cov_diag.unsqueeze(-2), x)
        return (x.pow(2) / self.cov_diag).sum(-1) - mahalanobis(self._small, projected)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws that the parameters can be differentiated through."""
        shape = self._extended_shape(sample_shape)
        factors = standard_normal((*shape[:-1], self.cov_factor.shape[-1]), self.loc.dtype)
        own = standard_normal(shape, self.loc.dtype)
        return self.loc + times_vector(self.cov_factor, factors) + self.cov_diag.sqrt() * own

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        distance = self._mahalanobis(value - self.loc)
        return -0.5 * (self._event_shape[0] * _LOG_2PI + self._log_det() + distance)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return 0.5 * (self._event_shape[0] * (1.0 + _LOG_2PI) + self._log_det())


def _plus_identity(matrix: Tensor) -> Tensor:
    return matrix + _C.eye(matrix.shape[-1], dtype=matrix.dtype)
