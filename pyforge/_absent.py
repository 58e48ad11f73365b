"""What PyTorch has and pyforge does not, each with what to do instead, for the error messages."""

from __future__ import annotations

import difflib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["explain", "missing"]

_COMPLEX = "complex tensors; keep the real and imaginary parts in a last dimension of 2"
REASONS = {
    "cdouble": _COMPLEX,
    "cfloat": _COMPLEX,
    "complex": _COMPLEX,
    "complex128": _COMPLEX,
    "complex64": _COMPLEX,
    "export": "graphs of programs; save the state_dict with torch.save",
    "fft": "Fourier transforms, which give complex tensors; use numpy.fft on tensor.numpy()",
    "futures": "futures; use concurrent.futures",
    "masked": "masked tensors; use masked_fill and nansum",
    "nested": "nested tensors; use nn.utils.rnn.pad_sequence and a mask",
    "package": "packages of code; use torch.save for the state_dict",
    "polar": _COMPLEX,
    "quantization": "quantisation; train and run in float32 or bfloat16",
    "sparse_csr_tensor": "compressed sparse rows; use torch.sparse_coo_tensor",
    "view_as_complex": _COMPLEX,
}


def explain(name: str) -> str | None:
    """One sentence on a name of the package ``torch``, None where nothing particular is known."""
    known = REASONS.get(name.partition(".")[0])
    return known and f"torch.{name} is not there: pyforge has no {known}"


def missing(module: str, name: str, public: Iterable[str]) -> str:
    """The message of the AttributeError for ``name``: the reason, or the name that was meant."""
    text = f"module '{module}' has no attribute '{name}'"
    if name.startswith("_"):
        return text
    known = REASONS.get(name)
    if known and module == "pyforge":
        return f"{text}: pyforge has no {known}"
    close = difflib.get_close_matches(name, [n for n in public if n[0] != "_"], 1, 0.75)
    return f"{text}; did you mean '{close[0]}'?" if close else text
