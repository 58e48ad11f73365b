"""A softmax over very many classes of which few are frequent."""

from __future__ import annotations

from collections import namedtuple

from ..._C import Tensor, argmax, cat, int64, log_softmax, zeros
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..._C import dtype as DType


_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """The frequent classes in a small softmax, the others in clusters reached through it.

    Args:
        in_features: size of the input.
        n_classes: number of classes, the most frequent first.
        cutoffs: where each cluster of classes begins, ascending.
        div_value: by how much narrower each cluster's projection is than the one before.
        head_bias: whether the small softmax has a bias.

    Raises:
        ValueError: for cutoffs that are not ascending integers between 1 and ``n_classes - 1``.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        given = list(cutoffs)
        if len(given) == 0:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            given != sorted(given)
            or min(given) <= 0
            or max(given) > n_classes - 1
            or len(set(given)) != len(given)
            or any(int(c) != c for c in given)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing "
                "order, where each value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*given, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden = int(in_features // (div_value ** (i + 1)))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, False, device, dtype),
                    Linear(hidden, size, False, device, dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.head.reset_parameters()
        for first, second in self.tail:
            first.reset_parameters()
            second.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """The log-probability of each target class, and minus their mean.

        Shapes: input ``[N, in_features]`` with target ``[N]``, or ``[in_features]`` and ``[]``.

        Raises:
            RuntimeError: for other shapes, or targets that are no classes.
        """
        if target_.dim() not in (0, 1):
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if input_.dim() != target_.dim() + 1:
            raise RuntimeError(
                f"{target_.dim()}D target tensor expects {target_.dim() + 1}D input tensors, but "
                f"found inputs with sizes {tuple(input_.shape)}."
            )
        batched = target_.dim() == 1
        input = input_ if batched else input_.unsqueeze(0)
        target = target_ if batched else target_.unsqueeze(0)
        if input.shape[0] != target.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if target.numel() and not 0 <= int(target.min()) <= int(target.max()) < self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{int(target.min())}, {int(target.max())}] were found. "
            )
        head = log_softmax(self.head(input), 1)
        in_head = target < self.shortlist_size
        chosen = target * in_head.to(int64)
        extra = zeros(target.shape, dtype=input.dtype)
        for i, tail in enumerate(self.tail):
            low, high = self.cutoffs[i], self.cutoffs[i + 1]
            rows = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            part = log_softmax(tail(input.index_select(0, rows)), 1)
            classes = target.index_select(0, rows) - low
            extra = extra.index_add(0, rows, part.gather(1, classes.unsqueeze(1)).squeeze(1))
            chosen = chosen.index_fill(0, rows, self.shortlist_size + i)
        output = head.gather(1, chosen.unsqueeze(1)).squeeze(1) + extra
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities ``[N, n_classes]`` of all classes for ``[N, in_features]``."""
        head = log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            weight = head[:, self.shortlist_size + i].unsqueeze(1)
            parts.append(log_softmax(tail(input), 1) + weight)
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class ``[N]`` of each row ``[N, in_features]``."""
        return argmax(self.log_prob(input), 1)
