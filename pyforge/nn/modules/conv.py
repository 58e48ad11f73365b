"""Convolutions and transposed convolutions."""

from __future__ import annotations

import math

from ..._C import Tensor, empty
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..._C import dtype as DType

    Ints = int | Sequence[int]


def _tuple(value: Ints, n: int) -> tuple[int, ...]:
    return (value,) * n if isinstance(value, int) else tuple(value)


class _ConvNd(Module):
    _dims: int
    _transposed = False
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints,
        padding: Ints | str,
        dilation: Ints,
        output_padding: Ints,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: str | None,
        dtype: DType | None,
    ) -> None:
        super().__init__()
        n = self._dims
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}"
                )
            if padding == "same" and any(s != 1 for s in _tuple(stride, n)):
                raise ValueError("padding='same' is not supported for strided convolutions")
        modes = ("zeros", "reflect", "replicate", "circular")
        if padding_mode not in modes:
            raise ValueError(
                f"padding_mode must be one of {set(modes)}, but got padding_mode='{padding_mode}'"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _tuple(kernel_size, n)
        self.stride = _tuple(stride, n)
        self.padding = padding if isinstance(padding, str) else _tuple(padding, n)
        self.dilation = _tuple(dilation, n)
        self.transposed = self._transposed
        self.output_padding = _tuple(output_padding, n)
        self.groups = groups
        self.padding_mode = padding_mode
        first, second = out_channels, in_channels // groups
        if self._transposed:
            first, second = in_channels, out_channels // groups
        size = (first, second, *self.kernel_size)
        self.weight = Parameter(empty(size, dtype=dtype, device=device))
        if bias:
            self.bias = Parameter(empty((out_channels,), dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = math.prod(self.weight.shape[1:])
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """Channels, and what differs from the defaults."""
        n = self._dims
        parts = [f"{self.in_channels}, {self.out_channels}"]
        parts.append(f"kernel_size={self.kernel_size}, stride={self.stride}")
        if self.padding != (0,) * n:
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * n:
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != (0,) * n:
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Conv(_ConvNd):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints = 1,
        padding: Ints | str = 0,
        dilation: Ints = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: str | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            0,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _edges(self) -> list[int]:
        """What the padding adds before and after, of the last dimension first."""
        edges = []
        for d in reversed(range(self._dims)):
            if self.padding == "same":
                total = self.dilation[d] * (self.kernel_size[d] - 1)
                edges += [total // 2, total - total // 2]
            elif isinstance(self.padding, str):
                edges += [0, 0]
            else:
                edges += [self.padding[d]] * 2
        return edges

    def forward(self, input: Tensor) -> Tensor:
        """The convolution of ``input`` with the weight."""
        conv = (F.conv1d, F.conv2d, F.conv3d)[self._dims - 1]
        padding: tuple[int, ...] | str = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._edges(), mode=self.padding_mode)
            padding = (0,) * self._dims
        return conv(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """Cross-correlation over sequences.

    Shapes: input ``[N, in_channels, L]`` or without ``N``; ``weight`` is
    ``[out_channels, in_channels / groups, kernel]``, ``bias`` ``[out_channels]`` or ``None``.
    ``padding`` may be ``'same'`` or ``'valid'``.

    Raises:
        ValueError: if the channels are not divisible by ``groups`` or a name is unknown.
        RuntimeError: at the call, if shapes or dtypes do not fit.
    """

    _dims = 1


class Conv2d(_Conv):
    """Cross-correlation over images.

    Shapes: input ``[N, in_channels, H, W]`` or without ``N``; ``weight`` is
    ``[out_channels, in_channels / groups, *kernel]``, ``bias`` ``[out_channels]`` or ``None``.
    ``padding`` may be ``'same'`` or ``'valid'``.

    Raises:
        ValueError: if the channels are not divisible by ``groups`` or a name is unknown.
        RuntimeError: at the call, if shapes or dtypes do not fit.
    """

    _dims = 2


class Conv3d(_Conv):
    """Cross-correlation over volumes.

    Shapes: input ``[N, in_channels, D, H, W]`` or without ``N``; ``weight`` is
    ``[out_channels, in_channels / groups, *kernel]``, ``bias`` ``[out_channels]`` or ``None``.
    ``padding`` may be ``'same'`` or ``'valid'``.

    Raises:
        ValueError: if the channels are not divisible by ``groups`` or a name is unknown.
        RuntimeError: at the call, if shapes or dtypes do not fit.
    """

    _dims = 3


class _ConvTranspose(_ConvNd):
    _transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Ints,
        stride: Ints = 1,
        padding: Ints = 0,
        output_padding: Ints = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Ints = 1,
        padding_mode: str = "zeros",
        device: str | None = None,
        dtype: DType | None = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(
                f'Only "zeros" padding mode is supported for {self.__class__.__name__}'
            )
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            output_padding,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _extra(self, input: Tensor, output_size: Sequence[int] | None) -> tuple[int, ...]:
        """The output padding that gives ``output_size``."""
        if output_size is None:
            return self.output_padding
        n, padding = self._dims, self.padding
        sizes = list(output_size)[-n:]
        shape = tuple(input.shape)[-n:]
        least = [
            (shape[d] - 1) * self.stride[d]
            - 2 * int(padding[d])
            + self.dilation[d] * (self.kernel_size[d] - 1)
            + 1
            for d in range(n)
        ]
        most = [low + s - 1 for low, s in zip(least, self.stride, strict=True)]
        if len(sizes) != n or any(
            not low <= s <= high for low, s, high in zip(least, sizes, most, strict=True)
        ):
            raise ValueError(
                f"requested an output size of {list(output_size)}, but valid sizes range from "
                f"{least} to {most} (for an input of {list(shape)})"
            )
        return tuple(s - low for s, low in zip(sizes, least, strict=True))

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """The transposed convolution of ``input``, of ``output_size`` if that is given."""
        conv = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self._dims - 1]
        assert not isinstance(self.padding, str)
        return conv(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self._extra(input, output_size),
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTranspose):
    """The gradient of `Conv1d` with respect to its input, as a layer.

    Shapes: input ``[N, in_channels, L]`` or without ``N``; ``weight`` is
    ``[in_channels, out_channels / groups, kernel]``.
    """

    _dims = 1


class ConvTranspose2d(_ConvTranspose):
    """The gradient of `Conv2d` with respect to its input, as a layer.

    Shapes: input ``[N, in_channels, H, W]`` or without ``N``; ``weight`` is
    ``[in_channels, out_channels / groups, *kernel]``.
    """

    _dims = 2


class ConvTranspose3d(_ConvTranspose):
    """The gradient of `Conv3d` with respect to its input, as a layer.

    Shapes: input ``[N, in_channels, D, H, W]`` or without ``N``; ``weight`` is
    ``[in_channels, out_channels / groups, *kernel]``.
    """

    _dims = 3
