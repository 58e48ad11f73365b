"""Dropout."""

from __future__ import annotations

from ..._C import Tensor
from .. import functional as F
from .module import Module


class Dropout(Module):
    """In training sets each element to zero with probability ``p`` and scales up the others.

    Raises:
        ValueError: if ``p`` is not between 0 and 1.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """``input`` thinned out in training mode, unchanged in evaluation mode."""
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The probability, and whether it works in place."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """Zeroes whole channels of ``[N, C, L]`` or ``[C, L]``."""

    def forward(self, input: Tensor) -> Tensor:
        """``input`` thinned out in training mode, unchanged in evaluation mode."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(Dropout):
    """Zeroes whole channels of ``[N, C, H, W]``."""

    def forward(self, input: Tensor) -> Tensor:
        """``input`` thinned out in training mode, unchanged in evaluation mode."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(Dropout):
    """Zeroes whole channels of ``[N, C, D, H, W]`` or ``[C, D, H, W]``."""

    def forward(self, input: Tensor) -> Tensor:
        """``input`` thinned out in training mode, unchanged in evaluation mode."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(Dropout):
    """Dropout for SELU networks: elements go to SELU's limit, mean and variance stay."""

    def forward(self, input: Tensor) -> Tensor:
        """``input`` thinned out in training mode, unchanged in evaluation mode."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(Dropout):
    """:class:`AlphaDropout` of whole channels of ``[N, C, *]``."""

    def forward(self, input: Tensor) -> Tensor:
        """``input`` thinned out in training mode, unchanged in evaluation mode."""
        return F.feature_alpha_dropout(input, self.p, self.training)
