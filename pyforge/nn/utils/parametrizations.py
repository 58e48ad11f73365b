"""Parametrisations in common use."""

from __future__ import annotations

from ..._C import Tensor, dot, mv
from ...autograd.grad_mode import no_grad
from ..functional import normalize
from ..modules.module import Module
from ._orthogonal import orthogonal
from .parametrize import register_parametrization

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def norm_except_dim(v: Tensor, dim: int) -> Tensor:
    """The 2-norms over all dimensions but ``dim``, which are kept; over all for -1."""
    others = [d for d in range(v.dim()) if dim == -1 or d != dim % v.dim()]
    if not others:
        return v.abs()
    if dim == -1:
        return v.norm()
    return v.norm(2, others, True)


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / norm_except_dim(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Split a weight into its length (``original0``) and its direction (``original1``).

    Args:
        module: with the parameter.
        name: of the parameter.
        dim: lengths are taken over all other dimensions; ``None`` for one length.

    Returns:
        ``module``. It also loads the states of the older :func:`pyforge.nn.utils.weight_norm`.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    pairs = [
        (f"{name}_{old}", f"parametrizations.{name}.original{i}") for i, old in enumerate("gv")
    ]

    def rename(module: Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
        if all(prefix + old in state_dict for old, _ in pairs):
            for old, now in pairs:
                state_dict[prefix + now] = state_dict.pop(prefix + old)

    module.register_load_state_dict_pre_hook(rename)
    return module


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        if not -weight.dim() <= dim < weight.dim():
            raise IndexError(
                "Dimension out of range (expected to be in range of "
                f"[-{weight.dim()}, {weight.dim() - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % weight.dim()
        self.eps = eps
        if weight.dim() > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight)
            h, w = matrix.shape
            u, v = (matrix.new_empty(n).normal_(0, 1) for n in (h, w))
            self.register_buffer("_u", normalize(u, dim=0, eps=eps))
            self.register_buffer("_v", normalize(v, dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        if self.dim != 0:
            others = [d for d in range(weight.dim()) if d != self.dim]
            weight = weight.permute(self.dim, *others)
        return weight.flatten(1)

    def _iterate(self, matrix: Tensor, times: int) -> None:
        with no_grad():
            matrix = matrix.detach()
            for _ in range(times):
                self._u.copy_(normalize(mv(matrix, self._v), dim=0, eps=self.eps))
                self._v.copy_(normalize(mv(matrix.t(), self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / dot(u, mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by an estimate of its largest singular value, better with each forward pass.

    Args:
        module: with the parameter.
        name: of the parameter.
        n_power_iterations: steps of the power method per forward pass in training.
        eps: smallest norm divided by.
        dim: the dimension that is the rows of the matrix; by default 0, for transposed
            convolutions 1.

    Returns:
        ``module``.

    Raises:
        ValueError: if there is no such parameter, or for no iterations.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module
