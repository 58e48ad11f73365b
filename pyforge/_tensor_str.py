"""How tensors print: PyTorch's layout, digit for digit."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from . import _C

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._C import Tensor

    Nested = Any  # a number, or a list of Nested

__all__ = ["get_printoptions", "printoptions", "set_printoptions"]


@dataclass(slots=True)
class Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": Options(),
    "short": Options(precision=2, edgeitems=2),
    "full": Options(threshold=math.inf),
}
_options = Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Choose how tensors print.

    Args:
        precision: digits after the point (4).
        threshold: more elements than this are summarised (1000).
        edgeitems: elements shown at each end of a summarised dimension (3).
        linewidth: characters per line (80).
        profile: "default", "short" or "full" as a starting point.
        sci_mode: scientific notation always, never or, with None, where the range asks for it.

    Raises:
        ValueError: for an unknown profile.
    """
    global _options
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"profile must be one of {', '.join(_PROFILES)}, got {profile!r}")
        _options = replace(_PROFILES[profile])
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    changes: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    _options = replace(_options, sci_mode=sci_mode, **changes)


def get_printoptions() -> dict[str, Any]:
    """The current options, as keyword arguments of set_printoptions()."""
    return asdict(_options)


@contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Change the options inside a ``with`` block."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


def _flatten(values: Nested) -> Iterator[Any]:
    if isinstance(values, list):
        for v in values:
            yield from _flatten(v)
    else:
        yield values


def _float_style(values: list[float]) -> tuple[Callable[[float], str], int]:
    """How to write one float so that all of them line up, and the common width."""
    o = _options
    finite = [v for v in values if v != 0 and math.isfinite(v)]
    whole, scientific, width = True, False, 1
    if finite:
        whole = all(v == math.ceil(v) for v in finite)
        smallest, largest = min(map(abs, finite)), max(map(abs, finite))
        wide = largest / smallest > 1000.0 or largest > 1e8 or smallest < 1e-4
        scientific = wide if o.sci_mode is None else o.sci_mode
    digits = f".{o.precision}{'e' if scientific else 'f'}"
    if whole and not scientific:

        def write(v: float) -> str:
            return f"{v:.0f}." if math.isfinite(v) else f"{v:.0f}"

    else:

        def write(v: float) -> str:
            return format(v, digits)

    if finite:
        width = max(len(write(v)) for v in finite)
    return write, width


def _style(values: list[Any], floating: bool) -> tuple[Callable[[Any], str], int]:
    if floating:
        write, width = _float_style(values)
    else:
        write, width = str, max((len(str(v)) for v in values), default=1)
    return (lambda v: write(v).rjust(width)), width


def _lines(items: list[str], indent: int, width: int) -> str:
    per_line = max(1, (_options.linewidth - indent) // (width + 2))
    rows = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(rows) + "]"


def _text(
    values: Nested,
    shape: tuple[int, ...],
    indent: int,
    summarize: bool,
    write: Callable[[Any], str],
    width: int,
) -> str:
    if not shape:
        return write(values)
    edge = _options.edgeitems
    shortened = summarize and shape[0] > 2 * edge
    if len(shape) == 1:
        items = [write(v) for v in values]
        if shortened:
            items.insert(edge, " ..." if edge else "...")
        return _lines(items, indent, width)
    items = [_text(v, shape[1:], indent + 1, summarize, write, width) for v in values]
    if shortened:
        items.insert(edge, "...")
    return "[" + ("," + "\n" * (len(shape) - 1) + " " * (indent + 1)).join(items) + "]"


def _contents(t: Tensor, indent: int) -> str:
    summarize = t.numel() > _options.threshold
    values = _C._to_list(t, _options.edgeitems if summarize else -1)
    write, width = _style(list(_flatten(values)), t.dtype.is_floating_point)
    return _text(values, tuple(t.shape), indent, summarize, write, width)


def tensor_repr(t: Tensor) -> str:
    """``tensor(...)`` with the values and what is not the default: dtype, size, grad_fn."""
    prefix = "tensor("
    indent = len(prefix)
    default = t.dtype in (_C.get_default_dtype(), _C.int64, _C.bool)
    suffixes = []
    if t.numel() == 0:
        text = "[]"
        default = t.dtype == _C.get_default_dtype()
        if t.dim() != 1:
            suffixes.append(f"size={tuple(t.shape)}")
    else:
        text = _contents(t, indent)
        if not _options.edgeitems:
            suffixes.append(f"size={tuple(t.shape)}")
    if not default:
        suffixes.append(f"dtype={t.dtype}")
    if t.grad_fn is not None:
        suffixes.append(f"grad_fn=<{type(t.grad_fn).__name__}>")
    elif t.requires_grad:
        suffixes.append("requires_grad=True")
    text = prefix + text
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            column = indent + len(suffix)
        else:
            text += ", " + suffix
            column += len(suffix) + 2
    return text + ")"
