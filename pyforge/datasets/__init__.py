"""Small data sets that come with the package."""

from __future__ import annotations

from os.path import dirname, join
from typing import overload

from .._C import from_numpy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    import numpy.typing as npt

    from .._C import Tensor

__all__ = ["load_digits"]


@overload
def load_digits(return_numpy: Literal[False] = False) -> tuple[Tensor, Tensor]: ...
@overload
def load_digits(
    return_numpy: Literal[True],
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]: ...
def load_digits(return_numpy: bool = False) -> tuple[Any, Any]:
    """1,797 images of hand-written digits, 8 x 8 pixels, from the UCI repository.

    Source and licence (CC BY 4.0) are in ``digits.txt`` beside the data.

    Args:
        return_numpy: return NumPy arrays instead of tensors.

    Returns:
        ``(images, labels)``: float32 ``[1797, 64]`` between 0 and 1, and int64 ``[1797]``.
    """
    import numpy as np

    with np.load(join(dirname(__file__), "digits.npz")) as stored:
        images = stored["images"].astype(np.float32) / np.float32(16)
        labels = stored["labels"].astype(np.int64)
    return (images, labels) if return_numpy else (from_numpy(images), from_numpy(labels))
