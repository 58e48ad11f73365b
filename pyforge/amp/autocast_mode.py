"""Automatic mixed precision on the CPU: products in bfloat16 or float16, losses in float32.

Which ops are converted follows PyTorch's lists for the CPU; see docs/half.md.
"""

from __future__ import annotations

import warnings

from .. import _C
from .._C import Tensor
from .._C import dtype as DType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = [
    "autocast",
    "custom_bwd",
    "custom_fwd",
    "get_autocast_dtype",
    "is_autocast_available",
    "is_autocast_enabled",
    "set_autocast_dtype",
    "set_autocast_enabled",
]


def is_autocast_available(device_type: str) -> bool:
    """True for "cpu"; "cuda" is known, but a context for it is disabled."""
    return device_type in ("cpu", "cuda")


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether a context for the device is open; without an argument PyTorch asks for CUDA."""
    return device_type == "cpu" and _C._autocast_enabled()


def set_autocast_enabled(device_type: str, enabled: bool) -> None:
    """Switch autocast on or off for this thread."""
    if device_type == "cpu":
        _C._set_autocast_enabled(enabled)


def get_autocast_dtype(device_type: str) -> DType:
    """The dtype of products in a context: bfloat16 on the CPU unless another one is chosen."""
    return _C._autocast_dtype() if device_type == "cpu" else _C.float16


def set_autocast_dtype(device_type: str, dtype: DType) -> None:
    """Choose the dtype of products in a context."""
    if device_type == "cpu":
        _C._set_autocast_dtype(dtype)


class autocast:
    """Inside, products run in ``dtype`` and losses in float32; a context manager and decorator.

    Args:
        device_type: "cpu"; "cuda" warns and does nothing.
        dtype: bfloat16 (the default) or float16; others warn and disable the context.
        enabled: False suspends an outer context.
        cache_enabled: keep the casts of float32 weights until the outermost context ends.

    Raises:
        ValueError: if ``device_type`` is not a string.
        RuntimeError: for an unknown device type.
    """

    def __init__(
        self,
        device_type: str,
        dtype: DType | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(
                f"Expected `device_type` of type `str`, got: `{type(device_type)}`; "
                "write autocast('cpu')"
            )
        if not is_autocast_available(device_type):
            raise RuntimeError(
                f"User specified an unsupported autocast device_type '{device_type}'; use 'cpu'"
            )
        self.device = device_type
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = (
            _C.is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        )
        if enabled and device_type == "cuda":
            warnings.warn("CUDA is not available. Disabling autocast.", stacklevel=2)
            enabled = False
        elif enabled and self.fast_dtype not in (_C.bfloat16, _C.float16):
            warnings.warn(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast.\n"
                "CPU Autocast only supports dtypes of pyforge.bfloat16, pyforge.float16 currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled
        self._before: list[tuple[bool, DType, bool]] = []

    def __enter__(self) -> autocast:
        before = (
            is_autocast_enabled(self.device),
            get_autocast_dtype(self.device),
            _C.is_autocast_cache_enabled(),
        )
        self._before.append(before)
        set_autocast_enabled(self.device, self._enabled)
        set_autocast_dtype(self.device, self.fast_dtype)
        _C.autocast_increment_nesting()
        _C.set_autocast_cache_enabled(self._cache_enabled)
        return self

    def __exit__(self, *error: object) -> None:
        if _C.autocast_decrement_nesting() == 0:
            _C.clear_autocast_cache()
        enabled, dtype, cache = self._before.pop()
        set_autocast_enabled(self.device, enabled)
        set_autocast_dtype(self.device, dtype)
        _C.set_autocast_cache_enabled(cache)

    def __call__(self, function: F) -> F:
        if not callable(function):
            raise TypeError(
                "autocast()(function) requires a callable, but got "
                f"{type(function).__name__}; as a context manager write `with autocast('cpu'):`"
            )
        from functools import wraps

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return call  # type: ignore[return-value]


def _cast(value: Any, dtype: DType) -> Any:
    if isinstance(value, Tensor):
        keep = not value.is_floating_point() or value.dtype == _C.float64
        return value if keep else value.to(dtype)
    if isinstance(value, dict):
        return {key: _cast(v, dtype) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(v, dtype) for v in value)
    return value


def custom_fwd(
    fwd: Callable[..., Any] | None = None,
    *,
    device_type: str = "cpu",
    cast_inputs: DType | None = None,
) -> Any:
    """Decorate ``forward`` of an autograd.Function for use inside autocast.

    With ``cast_inputs`` floating arguments are converted to it and autocast is off inside;
    without, the context stays as it is. Outside a context the decorator does nothing.
    """
    from functools import partial, wraps

    if fwd is None:
        return partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @wraps(fwd)
    def call(*args: Any, **kwargs: Any) -> Any:
        context = args[0]
        on = is_autocast_enabled(device_type)
        context._fwd_used_autocast = on and cast_inputs is None
        context._dtype = get_autocast_dtype(device_type)
        if not on or cast_inputs is None:
            return fwd(*args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(*_cast(args, cast_inputs), **_cast(kwargs, cast_inputs))

    return call


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str = "cpu") -> Any:
    """Decorate ``backward``: it runs with the autocast state that ``forward`` had."""
    from functools import partial, wraps

    if bwd is None:
        return partial(custom_bwd, device_type=device_type)

    @wraps(bwd)
    def call(*args: Any, **kwargs: Any) -> Any:
        context = args[0]
        with autocast(device_type, dtype=context._dtype, enabled=context._fwd_used_autocast):
            return bwd(*args, **kwargs)

    return call
