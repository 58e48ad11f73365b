"""``SummaryWriter``: event files for TensorBoard, through tensorboardX, which has the same methods.

Raises:
    ModuleNotFoundError: on import, if tensorboardX is not installed.
"""

from __future__ import annotations

try:
    from tensorboardX import SummaryWriter
except ModuleNotFoundError as error:
    if error.name != "tensorboardX":
        raise
    raise ModuleNotFoundError(
        "torch.utils.tensorboard needs tensorboardX: pip install tensorboardX",
        name="tensorboardX",
    ) from None

__all__ = ["SummaryWriter"]
