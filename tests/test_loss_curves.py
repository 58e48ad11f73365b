"""From one seed, 200 steps of training follow PyTorch's: weights, shuffles and masks are the same.

In float64, so that nothing but the order of sums differs. A difference in the last bit of a loss
grows as training goes on: after 200 steps it is below 1e-9 of the loss (measured: at most 2e-11),
while one other shuffle or dropout mask moves the loss by percents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pyforge

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

STEPS = 200
RNG = np.random.default_rng(0)
POINTS = RNG.standard_normal((512, 6))
LABELS = (np.sin(2 * POINTS[:, 0]) + POINTS[:, 1] * POINTS[:, 2] > 0).astype(np.int64)
IMAGES = RNG.standard_normal((96, 1, 10, 10)) + np.arange(96).reshape(-1, 1, 1, 1) % 4 * 0.5
WAVES = np.sin(np.arange(24) * RNG.uniform(0.2, 0.6, (64, 1)) + RNG.uniform(0, 6, (64, 1)))[
    ..., None
]
TOKENS = np.cumsum(RNG.integers(1, 4, (64, 17)), axis=1) % 13


def batches(P: Any, size: int, *arrays: np.ndarray) -> Iterator[list[Any]]:
    data = P.utils.data.TensorDataset(*(P.from_numpy(a) for a in arrays))
    loader = P.utils.data.DataLoader(data, batch_size=size, shuffle=True)
    while True:
        yield from loader


def trained(
    batches: Iterator[list[Any]],
    loss_of: Callable[..., Any],
    optimizer: Any,
    schedule: Any = None,
    clip: Callable[[], Any] = lambda: None,
) -> Iterator[Any]:
    for batch in batches:
        loss = loss_of(*batch)
        optimizer.zero_grad()
        loss.backward()
        clip()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        yield loss


def mlp(P: Any) -> tuple[Any, Iterator[Any]]:
    nn = P.nn
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 2))
    optimizer = P.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)

    def loss(x: Any, y: Any) -> Any:
        return nn.functional.cross_entropy(model(x), y)

    return model, trained(batches(P, 64, POINTS, LABELS), loss, optimizer)


def cnn(P: Any) -> tuple[Any, Iterator[Any]]:
    nn = P.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, bias=False),
        nn.Dropout2d(0.1),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    )
    optimizer = P.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-4)
    schedule = P.optim.lr_scheduler.StepLR(optimizer, 50, 0.5)

    def loss(x: Any, y: Any) -> Any:
        return nn.functional.cross_entropy(model(x), y, label_smoothing=0.1)

    return model, trained(batches(P, 16, IMAGES, np.arange(96) % 4), loss, optimizer, schedule)


def lstm(P: Any) -> tuple[Any, Iterator[Any]]:
    nn = P.nn
    model = nn.ModuleDict(
        {"rnn": nn.LSTM(1, 12, 2, batch_first=True, dropout=0.2), "out": nn.Linear(12, 1)}
    )
    optimizer = P.optim.RMSprop(model.parameters(), lr=2e-3, momentum=0.5)

    def loss(x: Any) -> Any:
        hidden, _ = model["rnn"](x[:, :-1])
        return nn.functional.mse_loss(model["out"](hidden), x[:, 1:])

    def clip() -> None:
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)

    return model, trained(batches(P, 16, WAVES), loss, optimizer, clip=clip)


def transformer(P: Any) -> tuple[Any, Iterator[Any]]:
    nn = P.nn
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
    model = nn.ModuleDict(
        {
            "tokens": nn.Embedding(13, 16),
            "places": nn.Embedding(16, 16),
            "body": nn.TransformerEncoder(layer, 2, enable_nested_tensor=False),
            "out": nn.Linear(16, 13),
        }
    )
    optimizer = P.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95))
    schedule = P.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=STEPS + 1)
    mask = nn.Transformer.generate_square_subsequent_mask(16)
    places = P.arange(16)

    def loss(ids: Any) -> Any:
        x = model["tokens"](ids[:, :-1]) + model["places"](places)
        logits = model["out"](model["body"](x, mask=mask, is_causal=True))
        return nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

    return model, trained(batches(P, 16, TOKENS), loss, optimizer, schedule)


def run(P: Any, build: Callable[[Any], Any]) -> tuple[list[np.ndarray], np.ndarray]:
    P.set_default_dtype(P.float64)
    try:
        P.manual_seed(3)
        model, steps = build(P)
        start = [np.array(t.detach().numpy()) for t in model.state_dict().values()]
        return start, np.array([next(steps).item() for _ in range(STEPS)])
    finally:
        P.set_default_dtype(P.float32)


@pytest.mark.parametrize("build", [mlp, cnn, lstm, transformer])
def test_same_curve(build: Callable[[Any], Any]) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ours, theirs = run(pyforge, build), run(torch, build)
    finally:
        torch.set_num_threads(threads)
    for a, b in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-15)
    assert theirs[1][-20:].mean() < 0.9 * theirs[1][:20].mean(), "it learns nothing"
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-9)
