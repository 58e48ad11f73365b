"""The functional forms of the modules: the engine's operations under one roof."""

from __future__ import annotations

from .._C import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    batch_norm,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    celu,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    cross_entropy,
    dropout,
    elu,
    embedding,
    gelu,
    group_norm,
    hardsigmoid,
    hardswish,
    hardtanh,
    huber_loss,
    instance_norm,
    kl_div,
    l1_loss,
    layer_norm,
    leaky_relu,
    linear,
    log_softmax,
    logsigmoid,
    mish,
    mse_loss,
    nll_loss,
    one_hot,
    pad,
    pixel_shuffle,
    pixel_unshuffle,
    prelu,
    relu6,
    rms_norm,
    scaled_dot_product_attention,
    selu,
    sigmoid,
    silu,
    smooth_l1_loss,
    softmax,
    softplus,
    softsign,
    tanh,
    tanhshrink,
    threshold,
)
from .._C import cat as _cat
from .._C import relu as _relu
from .._C import zeros as _zeros
from ._activations import (
    celu_,
    channel_shuffle,
    elu_,
    glu,
    gumbel_softmax,
    hardshrink,
    hardtanh_,
    leaky_relu_,
    relu_,
    rrelu,
    rrelu_,
    selu_,
    softshrink,
    threshold_,
)
from ._attention import multi_head_attention_forward
from ._dropout import (
    alpha_dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from ._embedding_bag import embedding_bag
from ._linear_cross_entropy import linear_cross_entropy
from ._losses import (
    cosine_embedding_loss,
    ctc_loss,
    gaussian_nll_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    poisson_nll_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from ._sampling import (
    affine_grid,
    fractional_max_pool2d,
    fractional_max_pool3d,
    grid_sample,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)
from ._similarity import (
    bilinear,
    cosine_similarity,
    normalize,
    pairwise_distance,
    pdist,
    softmin,
)
from ._spatial import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    fold,
    interpolate,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    unfold,
    upsample,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .._C import Tensor

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "affine_grid",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "celu_",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "elu_",
    "embedding",
    "embedding_bag",
    "feature_alpha_dropout",
    "fold",
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "grid_sample",
    "group_norm",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "hinge_embedding_loss",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "leaky_relu_",
    "linear",
    "linear_cross_entropy",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "mish",
    "mse_loss",
    "multi_head_attention_forward",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "pdist",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rms_norm",
    "rrelu",
    "rrelu_",
    "scaled_dot_product_attention",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "unfold",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Elementwise ``max(input, 0)``, written over ``input`` if ``inplace``."""
    return input.relu_() if inplace else _relu(input)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """``input / (k + alpha * m) ** beta``, ``m`` the mean square of ``size`` neighbouring channels
    (dim 1; those outside count as 0).

    Raises:
        ValueError: if the input has fewer than 3 dimensions.
    """
    if input.dim() < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)"
        )
    if input.numel() == 0:
        return input
    channels = input.shape[1]
    squares = input * input

    def edge(count: int) -> Tensor:
        return _zeros((input.shape[0], count, *input.shape[2:]), dtype=input.dtype)

    padded = _cat([edge(size // 2), squares, edge((size - 1) // 2)], dim=1)
    total = padded.narrow(1, 0, channels)
    for shift in range(1, size):
        total = total + padded.narrow(1, shift, channels)
    return input / (total * (alpha / size) + k) ** beta


def _with_indices(pool: Any, doc: str) -> Any:
    def run(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        kwargs["return_indices"] = True
        return pool(input, *args[: _indices_at[pool]], **kwargs)

    run.__name__ = f"{pool.__name__}_with_indices"
    run.__doc__ = doc
    return run


# How many positional arguments come before return_indices.
_indices_at = {
    max_pool1d: 5,
    max_pool2d: 5,
    max_pool3d: 5,
    adaptive_max_pool1d: 1,
    adaptive_max_pool2d: 1,
    adaptive_max_pool3d: 1,
    fractional_max_pool2d: 3,
    fractional_max_pool3d: 3,
}
_TOO = "As the function without ``_with_indices``, with ``return_indices``."
max_pool1d_with_indices = _with_indices(max_pool1d, _TOO)
max_pool2d_with_indices = _with_indices(max_pool2d, _TOO)
max_pool3d_with_indices = _with_indices(max_pool3d, _TOO)
adaptive_max_pool1d_with_indices = _with_indices(adaptive_max_pool1d, _TOO)
adaptive_max_pool2d_with_indices = _with_indices(adaptive_max_pool2d, _TOO)
adaptive_max_pool3d_with_indices = _with_indices(adaptive_max_pool3d, _TOO)
fractional_max_pool2d_with_indices = _with_indices(fractional_max_pool2d, _TOO)
fractional_max_pool3d_with_indices = _with_indices(fractional_max_pool3d, _TOO)


def upsample_nearest(
    input: Tensor, size: Any = None, scale_factor: float | Sequence[float] | None = None
) -> Tensor:
    """The old name of ``interpolate(..., mode="nearest")``; warns."""
    _old_name("upsample_nearest")
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(
    input: Tensor, size: Any = None, scale_factor: float | Sequence[float] | None = None
) -> Tensor:
    """The old name of ``interpolate(..., mode="bilinear", align_corners=True)``; warns."""
    _old_name("upsample_bilinear")
    return interpolate(input, size, scale_factor, "bilinear", True)


def _old_name(name: str) -> None:
    import warnings

    warnings.warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.",
        FutureWarning,
        stacklevel=3,
    )
