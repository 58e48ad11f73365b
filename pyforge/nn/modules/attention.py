"""Multi-head attention."""

from __future__ import annotations

from ..._C import Tensor, empty
from .. import init
from .._attention import attend
from ..parameter import Parameter
from .linear import Linear
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._C import dtype as DType


class NonDynamicallyQuantizableLinear(Linear):
    """The output projection of attention: a `Linear` under the name that PyTorch prints."""


class MultiheadAttention(Module):
    """Attention of ``num_heads`` heads over different parts of the features.

    Shapes: query ``[L, N, embed_dim]``, key ``[S, N, kdim]``, value ``[S, N, vdim]``; ``[N, L, E]``
    with ``batch_first``, without ``N`` for one sequence. With ``need_weights=False`` the weights
    are never held as a whole, which is faster and takes memory linear in the lengths.

    Raises:
        ValueError: if ``embed_dim`` or ``num_heads`` is not positive.
        AssertionError: if ``embed_dim`` is no multiple of ``num_heads``; at the call, if shapes do
            not fit together.
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: str | None = None,
        dtype: DType | None = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")

        def parameter(name: str, shape: tuple[int, ...] | None) -> None:
            data = None if shape is None else empty(shape, device=device, dtype=dtype)
            self.register_parameter(name, None if data is None else Parameter(data))

        packed = self._qkv_same_embed_dim
        separate = {"q": embed_dim, "k": self.kdim, "v": self.vdim}
        if packed:
            parameter("in_proj_weight", (3 * embed_dim, embed_dim))
        for name, size in separate.items():
            parameter(f"{name}_proj_weight", None if packed else (embed_dim, size))
        if not packed:
            parameter("in_proj_weight", None)
        parameter("in_proj_bias", (3 * embed_dim,) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(
            embed_dim, embed_dim, bias=bias, device=device, dtype=dtype
        )
        for name in ("bias_k", "bias_v"):
            parameter(name, (1, 1, embed_dim) if add_bias_kv else None)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (
            self.in_proj_weight,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
        ):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            assert self.out_proj.bias is not None
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The output, and the weights (averaged over heads or not) if ``need_weights``.

        ``key_padding_mask`` ``[N, S]`` and ``attn_mask`` ``[L, S]`` or ``[N * heads, L, S]`` are
        bool (true means hidden) or numbers to add to the scores. ``is_causal`` says that
        ``attn_mask`` is the causal mask.
        """
        return attend(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
            batch_first=self.batch_first,
        )
