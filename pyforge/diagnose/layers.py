"""The layers of a model in the order in which data passes them, found in the ops of one step."""

from __future__ import annotations

import math
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._C import Tensor
    from .trace import Op

ACTIVATIONS = frozenset(
    {
        "relu", "sigmoid", "tanh", "gelu", "silu", "leaky_relu", "elu", "celu", "selu", "relu6",
        "softplus", "hardtanh", "hardsigmoid", "hardswish", "mish", "softsign", "logsigmoid",
        "prelu", "clamp", "clamp_min", "maximum", "sin",
    }
)  # fmt: skip
NORMS = frozenset({"batch_norm", "layer_norm", "group_norm", "rms_norm", "instance_norm"})
# Gain of the usual initialisation for what follows: the standard deviation is gain / sqrt(fan_in).
GAINS = {
    "relu": math.sqrt(2), "leaky_relu": math.sqrt(2), "relu6": math.sqrt(2), "gelu": math.sqrt(2),
    "silu": math.sqrt(2), "elu": math.sqrt(2), "tanh": 5 / 3, "selu": 1.0,
}  # fmt: skip


_NONE: list[float] = []


class Layer:
    """A weight of two dimensions or more, and what the first step showed of it."""

    __slots__ = (
        "activated", "activation", "at", "input", "label", "last", "name", "normalized",
        "output_std", "quiet_inputs", "rows", "source", "sparse", "spreads", "weight",
    )  # fmt: skip

    def __init__(self, at: int, name: str, weight: Tensor) -> None:
        self.at, self.name, self.weight = at, name, weight
        self.label = name.removesuffix(".weight")
        self.activation = ""
        self.activated = 0  # id of the activation's output while the recorded ops are alive
        self.normalized = False
        self.sparse = False  # an embedding: rows that are not looked up have no gradient
        self.source = ""
        self.spreads: list[float] = []  # standard deviation of the output, call by call
        self.output_std = math.nan  # of the last call
        self.last = False  # no activation or further weight follows
        self.input: tuple[float, float, float] | None = None  # mean, std and largest, if it is data
        self.quiet_inputs = 0.0  # share of input columns that are zero throughout
        self.rows = 0

    def forget(self) -> None:
        """The calls, once they are judged."""
        self.output_std = self.spreads[-1] if self.spreads else math.nan
        self.spreads, self.activated = _NONE, 0

    @property
    def fan_in(self) -> int:
        """Inputs per unit."""
        return self.weight.numel() // max(self.weight.shape[0], 1)


class Variable(str):
    """A name that is an expression already."""

    __slots__ = ()


def code_name(name: str, model: str = "model") -> str:
    """``layers.0.weight`` as an expression: ``model.layers[0].weight``."""
    if isinstance(name, Variable):
        return name
    return model + "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in name.split("."))


def find_layers(names: list[str], params: list[Tensor], ops: list[Op]) -> list[Layer]:
    """The weights in the order of their first use; in the order given if ``ops`` is empty."""
    by_id = {
        id(p): Layer(i, names[i], p) for i, p in enumerate(params) if p.dim() >= 2 and p.numel()
    }
    order: list[Layer] = []
    current: Layer | None = None
    for op in ops:
        read = next((by_id[id(t)] for t in op.inputs if id(t) in by_id), None)
        if read is not None and op.name in (
            "t",
            "transpose",
            "permute",
            "mT",
            "T",
            "reshape",
            "view",
        ):
            for t in op.outputs:  # a transposed weight is still the weight
                by_id[id(t)] = read
            continue
        if read is not None:
            if read not in order:
                order.append(read)
                _first_use(read, op)
            current = read
            out = op.outputs[0] if op.outputs else None
            if out is not None and out.numel() and len(read.spreads) < 256:
                read.spreads.append(spread(out)[1])
            continue
        if current is not None and op.name.rstrip("_") in NORMS and not current.activation:
            current.normalized = True
        if current is not None and op.name.rstrip("_") in ACTIVATIONS and not current.activation:
            current.activation = sys.intern(op.name.rstrip("_"))
            current.activated = id(op.outputs[0]) if op.outputs else 0
    if not ops:
        order = list(dict.fromkeys(by_id.values()))
    for layer in order:
        layer.last = layer is order[-1]
    return order


def _first_use(layer: Layer, op: Op) -> None:
    layer.source = sys.intern(op.source)
    layer.sparse = op.name in ("embedding", "index", "index_select", "gather")
    data = next((t for t in op.inputs if t is not layer.weight and t.dim() >= 1), None)
    if data is None or layer.sparse or not data.is_floating_point() or not data.numel():
        return
    layer.rows = data.numel() // max(data.shape[-1], 1)
    if data.requires_grad:
        return
    mean, std = spread(data)
    layer.input = mean, std, float(data.detach().abs().max().item())
    columns = data.detach().reshape(-1, data.shape[-1]).abs().amax(0)
    layer.quiet_inputs = float((columns == 0).sum().item()) / data.shape[-1]


def spread(t: Tensor) -> tuple[float, float]:
    """Mean and standard deviation in double, over at most a million elements."""
    values = t.detach().reshape(-1)[:1_000_000].double()
    mean = float(values.mean().item())
    return mean, math.sqrt(max(float((values * values).mean().item()) - mean * mean, 0.0))


def init_code(layer: Layer, model: str = "model") -> str:
    """The call that initialises the weight for the activation that follows."""
    where = code_name(layer.name, model)
    if layer.activation in ("sigmoid", "tanh", "softsign", "hardtanh", "hardsigmoid"):
        gain = ", gain=nn.init.calculate_gain('tanh')" if layer.activation == "tanh" else ""
        return f"nn.init.xavier_normal_({where}{gain})"
    if layer.activation in GAINS:
        return f"nn.init.kaiming_normal_({where}, nonlinearity='relu')"
    return f"nn.init.xavier_normal_({where})"
