"""Batch normalisation across processes: with one process, plain batch normalisation."""

from __future__ import annotations

from ...autograd.grad_mode import no_grad
from .batchnorm import _BatchNorm
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..._C import Tensor
    from ..._C import dtype as DType


class SyncBatchNorm(_BatchNorm):
    """`BatchNorm1d` for inputs of any number of dimensions from 2, as on one process in PyTorch.

    Args:
        process_group: must be ``None``: there is one process.

    Raises:
        RuntimeError: for a process group.
        ValueError: at the call, if the input has less than two dimensions.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: str | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )
        if process_group is not None:
            raise RuntimeError(
                "SyncBatchNorm: pyforge trains in one process, leave process_group out"
            )

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """``module`` with a SyncBatchNorm of the same state for each batch normalisation in it."""
        converted: Module = module
        if isinstance(module, _BatchNorm) and not isinstance(module, SyncBatchNorm):
            converted = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            with no_grad():
                for name, value in (*module._parameters.items(), *module._buffers.items()):
                    setattr(converted, name, value)
            converted.training = module.training
        for name, child in module.named_children():
            converted.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return converted
