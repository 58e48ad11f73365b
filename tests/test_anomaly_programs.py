"""NaN planted in a layer of five kinds of models is traced to its line, by both ways."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import pyforge as pf
from pyforge import nn
from pyforge.autograd import explain_nan, set_detect_anomaly


def log_of_negative(x: pf.Tensor) -> pf.Tensor:
    return (x - x.detach().max() - 1).log()  # born


def root_of_negative(x: pf.Tensor) -> pf.Tensor:
    return (-(x * x) - 1).sqrt()  # born


def zero_by_zero(x: pf.Tensor) -> pf.Tensor:
    return (x - x) / (x - x)  # born


def overflow_in_a_ratio(x: pf.Tensor) -> pf.Tensor:
    e = (x * 0 + 200.0).exp()  # born
    return e / (1 + e)


def overflow_in_a_difference(x: pf.Tensor) -> pf.Tensor:
    e = (x * 0 + 200.0).exp()  # born
    return e - e


def written_through_a_view(x: pf.Tensor) -> pf.Tensor:
    y = x.contiguous().clone()
    y.reshape(-1)[1] = float("nan")  # born
    return y


def power_of_negative(x: pf.Tensor) -> pf.Tensor:
    return (-(x.abs()) - 1) ** 0.5  # born


def power_by_tensor(x: pf.Tensor) -> pf.Tensor:
    return (-(x.abs()) - 1) ** (x * 0 + 0.5)  # born


def everything_masked(x: pf.Tensor) -> pf.Tensor:
    masked = x.masked_fill(x == x, float("-inf"))
    return masked.softmax(-1)  # born


def zero_norm(x: pf.Tensor) -> pf.Tensor:
    return (x * 0) / (x * 0).norm()  # born


def infinite_inverse(x: pf.Tensor) -> pf.Tensor:
    return (1 / (x * 0)) * (x * 0)  # born


BIRTHS = [
    log_of_negative, root_of_negative, zero_by_zero, overflow_in_a_ratio, overflow_in_a_difference,
    written_through_a_view, power_of_negative, power_by_tensor, everything_masked, zero_norm,
    infinite_inverse,
]  # fmt: skip


class Planted(nn.Module):
    def __init__(self, layer: nn.Module, birth: Callable[[pf.Tensor], pf.Tensor]) -> None:
        super().__init__()
        self.layer, self.birth = layer, birth

    def forward(self, x: pf.Tensor) -> pf.Tensor:
        y = self.layer(x)
        return self.birth(y[0] if isinstance(y, tuple) else y)


def block() -> nn.Module:
    return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)


MODELS: dict[str, Any] = {
    "mlp": lambda f: (
        [nn.Linear(8, 8), nn.ReLU(), Planted(nn.Linear(8, 8), f), nn.LayerNorm(8), nn.GELU()],
        pf.randn(6, 8),
    ),
    "convolution": lambda f: (
        [nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), Planted(nn.Conv2d(4, 2, 3), f), nn.MaxPool2d(2),
         nn.Flatten()],
        pf.randn(3, 2, 8, 8),
    ),
    "recurrent": lambda f: (
        [Planted(nn.LSTM(8, 8, batch_first=True), f), nn.Linear(8, 8), nn.Tanh()],
        pf.randn(3, 5, 8),
    ),
    "transformer": lambda f: ([block(), Planted(nn.Linear(8, 8), f), block()], pf.randn(3, 5, 8)),
    "embedding": lambda f: (
        [nn.Embedding(9, 8), Planted(nn.Linear(8, 8), f), nn.Dropout(0.3)],
        pf.randint(0, 9, (3, 5)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("birth", BIRTHS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", MODELS)
def test_planted(name: str, birth: Callable[[pf.Tensor], pf.Tensor]) -> None:
    pf.manual_seed(0)
    layers, x = MODELS[name](birth)
    model = nn.Sequential(*layers)
    lines, first = inspect.getsourcelines(birth)
    born = (
        f"test_anomaly_programs.py:{first + next(i for i, t in enumerate(lines) if '# born' in t)},"
    )
    loss = model(x).square().mean()
    from_tape = explain_nan(loss)
    with set_detect_anomaly(True):
        from_calls = explain_nan(model(x).square().mean())
    for origin in (from_tape, from_calls):
        assert origin is not None
        assert born in origin.source
        assert origin.phase == "forward"
    assert from_calls is not None
    assert from_calls.certain
