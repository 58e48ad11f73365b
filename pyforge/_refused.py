"""Functions of PyTorch that need complex numbers: each raises, and says what to use instead."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_REAL = "needs complex numbers, which pyforge has not; keep real and imaginary parts as the last "
_REAL += "dimension of a real tensor"
RAISES = {
    "stft": "stft needs complex numbers, which pyforge has not; for power spectra take "
    "numpy.fft.rfft of frames made by Tensor.unfold and a window of this package",
    "istft": "istft needs complex numbers, which pyforge has not; numpy.fft.irfft of each frame "
    "and nn.functional.fold give the signal back",
    "view_as_real": f"view_as_real {_REAL}",
    "view_as_real_copy": f"view_as_real_copy {_REAL}",
}


def stft(*args: Any, **kwargs: Any) -> Any:
    """Not available: raises NotImplementedError, since the result is complex."""
    raise NotImplementedError(RAISES["stft"])


def istft(*args: Any, **kwargs: Any) -> Any:
    """Not available: raises NotImplementedError, since the input is complex."""
    raise NotImplementedError(RAISES["istft"])


def view_as_real(input: Any) -> Any:
    """Not available: raises NotImplementedError, since the input is complex."""
    raise NotImplementedError(RAISES["view_as_real"])


def view_as_real_copy(input: Any) -> Any:
    """Not available: raises NotImplementedError, since the input is complex."""
    raise NotImplementedError(RAISES["view_as_real_copy"])
