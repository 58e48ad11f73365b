"""Lookup tables with learnt rows."""

from __future__ import annotations

from ..._C import Tensor, empty
from ...autograd.grad_mode import no_grad
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._C import dtype as DType


class Embedding(Module):
    """A table of ``num_embeddings`` rows with ``embedding_dim`` numbers each.

    Shapes: input of integers ``[*]``, output ``[*, embedding_dim]``; ``weight`` is
    ``[num_embeddings, embedding_dim]`` and starts standard normal. The row ``padding_idx`` starts
    at zero and gets no gradient.

    Raises:
        ValueError: if ``padding_idx`` is not within the table.
        IndexError: at the call, if an index is not within the table.
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        device: str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError("Padding_idx must be within num_embeddings")
            padding_idx %= num_embeddings
        self.padding_idx = padding_idx
        self.weight = Parameter(empty((num_embeddings, embedding_dim), dtype=dtype, device=device))
        self.reset_parameters()

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None
    ) -> Embedding:
        """A table made of the rows of ``embeddings`` ``[num_embeddings, embedding_dim]``.

        Args:
            embeddings: the rows; the table shares their memory.
            freeze: leave them out of training.
            padding_idx: the row that gets no gradient.

        Raises:
            ValueError: if ``embeddings`` is not two-dimensional.
        """
        if embeddings.dim() != 2:
            raise ValueError("Embeddings parameter is expected to be 2-dimensional")
        table = cls.__new__(cls)
        Module.__init__(table)
        table.num_embeddings, table.embedding_dim = embeddings.shape
        table.padding_idx = padding_idx
        table.weight = Parameter(embeddings, requires_grad=not freeze)
        return table

    def reset_parameters(self) -> None:
        """Draw the rows anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input: Tensor) -> Tensor:
        """The rows that ``input`` names."""
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """The size of the table."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
