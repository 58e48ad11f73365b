"""Names of PyTorch that pyforge has not, and what to use in their place."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_COMPLEX = "{} needs complex numbers, which pyforge has not; "
_SPECTRUM = (
    "for power spectra take numpy.fft.rfft of frames made by Tensor.unfold and a window of this "
    "package"
)
# Functions that raise NotImplementedError with this sentence.
RAISES = {
    "stft": _COMPLEX.format("stft") + _SPECTRUM,
    "istft": _COMPLEX.format("istft") + "numpy.fft.irfft of each frame and nn.functional.fold "
    "give the signal back",
    "view_as_real": _COMPLEX.format("view_as_real")
    + "keep real and imaginary parts as the last dimension of a real tensor",
    "view_as_real_copy": _COMPLEX.format("view_as_real_copy")
    + "keep real and imaginary parts as the last dimension of a real tensor",
}


def _raising(name: str) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(RAISES[name])

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Not available: raises NotImplementedError. {RAISES[name]}."
    return function


stft, istft, view_as_real, view_as_real_copy = map(_raising, RAISES)
