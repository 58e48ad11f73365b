"""Clipping, vectors of all parameters, packed sequences, reparametrised and fused weights."""

from __future__ import annotations

from . import rnn
from .clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from .convert_parameters import parameters_to_vector, vector_to_parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import parametrizations as parametrizations
    from . import parametrize as parametrize
    from . import prune as prune
    from ._spectral_norm import remove_spectral_norm as remove_spectral_norm
    from ._spectral_norm import spectral_norm as spectral_norm
    from ._weight_norm import remove_weight_norm as remove_weight_norm
    from ._weight_norm import weight_norm as weight_norm
    from .fusion import fuse_conv_bn_eval as fuse_conv_bn_eval
    from .fusion import fuse_conv_bn_weights as fuse_conv_bn_weights
    from .fusion import fuse_linear_bn_eval as fuse_linear_bn_eval
    from .fusion import fuse_linear_bn_weights as fuse_linear_bn_weights

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
    "get_total_norm",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "prune",
    "remove_spectral_norm",
    "remove_weight_norm",
    "rnn",
    "skip_init",
    "spectral_norm",
    "vector_to_parameters",
    "weight_norm",
]

_LAZY = {
    "fuse_conv_bn_eval": "fusion",
    "fuse_conv_bn_weights": "fusion",
    "fuse_linear_bn_eval": "fusion",
    "fuse_linear_bn_weights": "fusion",
    "remove_spectral_norm": "_spectral_norm",
    "spectral_norm": "_spectral_norm",
    "remove_weight_norm": "_weight_norm",
    "weight_norm": "_weight_norm",
}


def __getattr__(name: str) -> object:
    import importlib

    if name in ("parametrizations", "parametrize", "prune", "fusion"):
        return importlib.import_module(f"{__name__}.{name}")
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    from ..._absent import missing

    raise AttributeError(missing(__name__, name, __all__))


def skip_init(module_cls: type, *args: Any, **kwargs: Any) -> Any:
    """A module of this class whose initial values mean nothing; takes no random numbers."""
    from ...random import get_rng_state, set_rng_state

    state = get_rng_state()
    try:
        return module_cls(*args, **kwargs)
    finally:
        set_rng_state(state)
