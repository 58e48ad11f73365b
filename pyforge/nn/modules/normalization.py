"""Layer and batch normalisation."""

from __future__ import annotations

from ..._C import Tensor, empty, int64, ones, tensor, zeros
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..._C import dtype as DType


class LayerNorm(Module):
    """Brings the last dimensions to mean 0 and variance 1, then scales and shifts them.

    Shapes: input and output ``[*, *normalized_shape]``; ``weight`` and ``bias`` have the shape
    ``normalized_shape``, or are ``None`` without ``elementwise_affine``.

    Raises:
        RuntimeError: at the call, if the input does not end in ``normalized_shape``.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        for name, wanted in (("weight", elementwise_affine), ("bias", elementwise_affine and bias)):
            param = empty(self.normalized_shape, dtype=dtype, device=device) if wanted else None
            self.register_parameter(name, None if param is None else Parameter(param))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scale to one and the shift to zero."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """``input`` normalised over its last dimensions."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Shape and constants."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class _BatchNorm(Module):
    _input_dims: tuple[int, ...]

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: str | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        size = (num_features,)
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            param = Parameter(empty(size, dtype=dtype, device=device)) if wanted else None
            self.register_parameter(name, param)
        if track_running_stats:
            self.register_buffer("running_mean", zeros(size, dtype=dtype, device=device))
            self.register_buffer("running_var", ones(size, dtype=dtype, device=device))
            self.register_buffer("num_batches_tracked", tensor(0, dtype=int64))
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the running statistics."""
        if self.running_mean is not None:
            self.running_mean.zero_()
        if self.running_var is not None:
            self.running_var.fill_(1)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Forget the running statistics, set the scale to one and the shift to zero."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """``input`` normalised over its batch."""
        if input.dim() not in self._input_dims:
            expected = " or ".join(f"{d}D" for d in self._input_dims)
            raise ValueError(f"expected {expected} input (got {input.dim()}D input)")
        momentum = 0.0 if self.momentum is None else self.momentum
        update = self.training and self.track_running_stats
        if update and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1.0 / self.num_batches_tracked.item()
        use_running = update or not self.training
        return F.batch_norm(
            input,
            self.running_mean if use_running else None,
            self.running_var if use_running else None,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        """Size and constants."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Brings each feature to mean 0 and variance 1 over the batch, then scales and shifts it.

    Shapes: input and output ``[N, num_features]`` or ``[N, num_features, L]``. In training the
    statistics of the batch are used, and running ones are kept with the weight ``momentum`` (a
    plain average for ``None``); in evaluation the running ones are used.

    Raises:
        ValueError: at the call, if the input is not 2- or 3-dimensional, or in training has only
            one value per feature.
    """

    _input_dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Brings each channel to mean 0 and variance 1 over the batch, then scales and shifts it.

    Shapes: input and output ``[N, num_features, H, W]``. In training the
    statistics of the batch are used, and running ones are kept with the weight ``momentum`` (a
    plain average for ``None``); in evaluation the running ones are used.

    Raises:
        ValueError: at the call, if the input is not 4-dimensional, or in training has only
            one value per channel.
    """

    _input_dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Brings each channel to mean 0 and variance 1 over the batch, then scales and shifts it.

    Shapes: input and output ``[N, num_features, D, H, W]``. In training the
    statistics of the batch are used, and running ones are kept with the weight ``momentum`` (a
    plain average for ``None``); in evaluation the running ones are used.

    Raises:
        ValueError: at the call, if the input is not 5-dimensional, or in training has only
            one value per channel.
    """

    _input_dims = (5,)
