"""Weights that stay orthogonal: matrices reached from a fixed orthogonal one by a smooth map.

M. Lezcano-Casado, "Trivializations for gradient-based optimization on manifolds", 2019.
"""

from __future__ import annotations

from ... import linalg
from ..._C import Tensor, allclose, cat, eye, int64, randn, zeros_like
from ..._type_info import finfo
from ...autograd.grad_mode import no_grad
from ...linalg._top import geqrf, matrix_exp
from ..modules.module import Module
from .parametrize import register_parametrization

_MAPS = ("matrix_exp", "cayley", "householder")


def _is_orthogonal(q: Tensor) -> bool:
    k = q.size(-1)
    unit = eye(k, dtype=q.dtype)
    return allclose(q.mT @ q, unit.expand(*q.shape[:-2], k, k), atol=10 * k * finfo(q.dtype).eps)


def _orthogonalized(a: Tensor) -> Tensor:
    """The Q of QR, with the signs that make the diagonal of R positive."""
    q, r = linalg.qr(a)
    return q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


class _Orthogonal(Module):
    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool) -> None:
        super().__init__()
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        self.trivialized = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        """The orthogonal matrix that the free parameters ``X`` stand for."""
        wide = X.size(-2) < X.size(-1)
        tall = X.mT if wide else X
        q = self._reflections(tall) if self.orthogonal_map == "householder" else self._group(tall)
        if self.trivialized:
            assert self.base is not None
            q = self.base @ q
        return q.mT if wide else q

    def _group(self, x: Tensor) -> Tensor:
        """The exponential or Cayley map of the skew-symmetric matrix whose lower half is x."""
        n, k = x.size(-2), x.size(-1)
        x = x.tril()
        if n != k:
            x = cat([x, x.new_zeros(n, n - k).expand(*x.shape[:-2], -1, -1)], dim=-1)
        a = x - x.mT
        if self.orthogonal_map == "matrix_exp":
            q = matrix_exp(a)
        else:
            unit = eye(n, dtype=a.dtype)
            q = linalg.solve(unit - 0.5 * a, unit + 0.5 * a)
        return q[..., :k]

    def _reflections(self, x: Tensor) -> Tensor:
        """The product of the reflections in the columns below the diagonal, signed by it."""
        vectors = x.tril(-1)
        tau = 2.0 / (1.0 + (vectors * vectors).sum(dim=-2))
        q = linalg.householder_product(vectors, tau)
        return q * x.diagonal(dim1=-2, dim2=-1).to(int64).unsqueeze(-2)

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        """Parameters that stand for ``Q``, made orthogonal where it is not."""
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {tuple(self.shape)}. "
                f"Got a tensor of shape {tuple(Q.shape)}."
            )
        wide = Q.size(-2) < Q.size(-1)
        tall = Q.mT if wide else Q
        n, k = tall.size(-2), tall.size(-1)
        if self.trivialized:
            if n != k:
                rest = randn(*tall.shape[:-2], n, n - k, dtype=Q.dtype)
                self.base = _orthogonalized(cat([tall, rest], dim=-1))
            else:
                self.base = tall.clone() if _is_orthogonal(tall) else _orthogonalized(tall)
            start = zeros_like(Q)
            start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)  # every map gives the unit matrix
            return start
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False."
            )
        a, tau = geqrf(tall.detach())
        signs = a.diagonal(dim1=-2, dim2=-1)
        signs.sign_()
        signs[tau == 0.0] *= -1
        return a.mT if wide else a


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keep a weight orthogonal: its columns orthonormal, or its rows where these are fewer.

    Args:
        module: with the parameter.
        name: of the parameter, a matrix ``[..., n, k]`` or a batch of them.
        orthogonal_map: "matrix_exp", "cayley" or "householder"; by default the first for square
            matrices, the last for others.
        use_trivialization: start from the weight made orthogonal, kept as a buffer ``base``, and
            learn the way from there.

    Returns:
        ``module``.

    Raises:
        ValueError: if there is no such parameter, it is not a matrix, or for another map.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.dim() < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions."
        )
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.size(-2) == weight.size(-1) else "householder"
    if orthogonal_map not in _MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    parametrization = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    register_parametrization(module, name, parametrization, unsafe=True)
    return module
