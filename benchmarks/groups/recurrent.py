"""LSTM and GRU layers: whole steps, forward and backward through time."""

from __future__ import annotations

from typing import Any

from ..builds import training
from ..case import Case
from .elementwise import normal
from .models import fill

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def layer(kind: str, hidden: int, **options: Any) -> Any:
    """A recurrent layer trained towards zero by SGD."""

    def make(P: Any, x: Any) -> Any:
        x = P.tensor(x)
        model = fill(P, getattr(P.nn, kind)(x.shape[-1], hidden, **options))
        optimiser = P.optim.SGD(model.parameters(), lr=0.1)
        return model, lambda: (model(x)[0] ** 2).mean(), optimiser

    return training(make)


def case(kind: str, length: int, batch: int, hidden: int, best: float, **options: Any) -> Case:
    quick = options.pop("quick", False)
    build = layer(kind, hidden, **options)
    layers = options.get("num_layers", 1)
    ways = 2 if options.get("bidirectional") else 1
    inputs = hidden + (layers - 1) * hidden * ways
    flops = 6 * GATES[kind] * hidden * (inputs + layers * hidden) * ways * length * batch
    said = "".join(f", {k}" for k in options)
    return Case(
        f"{kind} hidden {hidden}, {length} steps, batch {batch}{said}",
        {"pyforge": build, "torch": build},
        normal((length, batch, hidden)),
        flops=flops,
        at_least={"best": best},
        quick=quick,
    )


CASES = [
    case("LSTM", 64, 32, 128, 1.3, quick=True),
    case("GRU", 64, 32, 128, 1.8, quick=True),
    case("RNN", 64, 32, 128, 1.3),
    case("LSTM", 32, 16, 64, 1.3, num_layers=2, bidirectional=True),
    case("GRU", 32, 16, 64, 1.3, num_layers=2, bidirectional=True),
    case("LSTM", 16, 1, 32, 1.3),
]
