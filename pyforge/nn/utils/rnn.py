"""Batches of sequences of different lengths: padded, and packed step by step without padding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..._C import Tensor, arange, as_tensor, cat, empty_like, full, int64, sort, stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from typing_extensions import Self

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """The rows of a batch of sequences, step after step; :func:`pack_padded_sequence` makes it.

    Attributes:
        data: ``[sum of the lengths, *]``: the first step of every sequence, the longest sequence
            first, then the second step of those that have one, and so on.
        batch_sizes: int64 ``[longest length]``: how many sequences have each step.
        sorted_indices: which sequence of the original batch each packed one is; ``None`` if they
            were in order.
        unsorted_indices: the inverse of it.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The same with ``data.to(...)``; itself if nothing changes."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def cpu(self) -> Self:
        """Itself: everything is on the CPU."""
        return self

    def double(self) -> Self:
        """The same with float64 data."""
        return self.to(self.data.double().dtype)

    def float(self) -> Self:
        """The same with float32 data."""
        return self.to(self.data.float().dtype)

    def long(self) -> Self:
        """The same with int64 data."""
        return self.to(int64)

    @property
    def is_cuda(self) -> bool:
        """False."""
        return False

    def is_pinned(self) -> bool:
        """False."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The inverse of a permutation given as indices, or ``None`` for ``None``."""
    if permutation is None:
        return None
    inverse = empty_like(permutation)
    inverse[permutation] = arange(permutation.numel())
    return inverse


def _rows_of_steps(lengths: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Step and sequence of every packed row, and the batch sizes."""
    present = arange(steps).unsqueeze(1) < lengths.unsqueeze(0)
    where = present.nonzero()
    return where.select(1, 0), where.select(1, 1), present.sum(1)


def pack_padded_sequence(
    input: Tensor,
    lengths: Tensor | Sequence[int],
    batch_first: bool = False,
    enforce_sorted: bool = True,
) -> PackedSequence:
    """Pack a padded batch ``[T, B, *]`` (``[B, T, *]`` if ``batch_first``).

    Args:
        input: the padded batch; steps from a sequence's length on are left out.
        lengths: int64 ``[B]``.
        batch_first: the batch is the first dimension.
        enforce_sorted: the lengths must not increase. Otherwise the sequences are sorted here, and
            :func:`pad_packed_sequence` undoes it.

    Raises:
        RuntimeError: if a length is not in 1..T, there are not B lengths, or they increase.
    """
    lengths = as_tensor(lengths).to(int64)
    sorted_indices = None
    if input.dim() < 2:
        raise RuntimeError(f"pack_padded_sequence: input needs 2 dimensions, got {input.dim()}")
    steps, batch = (input.size(1), input.size(0)) if batch_first else input.shape[:2]
    if lengths.dim() != 1 or lengths.numel() != batch:
        raise RuntimeError(
            "pack_padded_sequence: Expected `len(lengths)` to be equal to batch_size, but got "
            f"{lengths.numel()} (batch_size={batch})"
        )
    if batch == 0:
        raise RuntimeError("pack_padded_sequence: Cannot pack empty tensors.")
    if not enforce_sorted:
        lengths, sorted_indices = sort(lengths, descending=True)
    elif bool((lengths[1:] > lengths[:-1]).any()):
        raise RuntimeError(
            "pack_padded_sequence: `lengths` array must be sorted in decreasing order when "
            "`enforce_sorted` is True. You can pass `enforce_sorted=False` to pack_padded_sequence "
            "and/or pack_sequence to sidestep this requirement"
        )
    if int(lengths[-1]) <= 0:
        raise RuntimeError(
            "pack_padded_sequence: Length of all samples has to be greater than 0, but found an "
            "element in 'lengths' that is <= 0"
        )
    if int(lengths[0]) > steps:
        raise RuntimeError(
            f"pack_padded_sequence: a length of {int(lengths[0])} is more than the {steps} steps "
            "of the input"
        )
    step, sequence, batch_sizes = _rows_of_steps(lengths, int(lengths[0]))
    if sorted_indices is not None:
        sequence = sorted_indices[sequence]
    row = sequence * steps + step if batch_first else step * batch + sequence
    data = input.reshape(steps * batch, *input.shape[2:]).index_select(0, row)
    return PackedSequence(data, batch_sizes, sorted_indices)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The padded batch ``[T, B, *]`` (``[B, T, *]`` if ``batch_first``) and the lengths ``[B]``.

    Args:
        sequence: what :func:`pack_padded_sequence` returned, or a network made of it.
        batch_first: the batch is the first dimension of the result.
        padding_value: what fills the steps after a sequence's end.
        total_length: T, by default the longest length.

    Raises:
        ValueError: if ``total_length`` is less than the longest length.
    """
    data, batch_sizes, _, unsorted = sequence
    longest, batch = batch_sizes.size(0), int(batch_sizes[0])
    if total_length is not None and total_length < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but "
            f"got total_length={total_length} and max sequence length being {longest}"
        )
    steps = longest if total_length is None else total_length
    lengths = (batch_sizes.unsqueeze(1) > arange(batch).unsqueeze(0)).sum(0)
    step, place, _ = _rows_of_steps(lengths, longest)
    if sequence.sorted_indices is not None and unsorted is not None:
        place = sequence.sorted_indices[place]
        lengths = lengths[unsorted]
    row, shape = (
        (place * steps + step, (batch, steps))
        if batch_first
        else (step * batch + place, (steps, batch))
    )
    trailing = tuple(data.shape[1:])
    padding = full((steps * batch, *trailing), padding_value, dtype=data.dtype)
    return padding.index_copy(0, row, data).reshape(*shape, *trailing), lengths


def pad_sequence(
    sequences: Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences ``[L, *]`` of different lengths as one batch ``[T, B, *]``.

    Args:
        sequences: tensors that differ in their first size only.
        batch_first: give ``[B, T, *]``.
        padding_value: what fills up short sequences.
        padding_side: ``"right"`` (after the end) or ``"left"``.

    Raises:
        RuntimeError: if ``sequences`` is not iterable, empty, or ``padding_side`` unknown.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    sequences = tuple(sequences)
    if not sequences:
        raise RuntimeError("pad_sequence: received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"pad_sequence: Expected padding_side to be one of left or right, but got "
            f"{padding_side}."
        )
    first = sequences[0]
    longest = max(s.size(0) for s in sequences)

    def padded(s: Tensor) -> Tensor:
        missing = longest - s.size(0)
        if missing == 0:
            return s
        padding = full((missing, *s.shape[1:]), padding_value, dtype=first.dtype)
        return cat([s, padding] if padding_side == "right" else [padding, s])

    return stack([padded(s) for s in sequences], 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The sequences ``[L, *]`` of a padded batch ``[T, B, *]``, each without its padding."""
    dim = 0 if batch_first else 1
    return [
        padded_sequences.select(dim, i)[: int(length)] for i, length in enumerate(lengths.tolist())
    ]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences ``[L, *]``: :func:`pad_sequence`, then :func:`pack_padded_sequence`."""
    lengths = as_tensor([s.size(0) for s in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences ``[L, *]`` that were packed, in their original order."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
