"""Attention and transformer modules against PyTorch: initial weights, outputs, gradients, errors."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge import nn

torch = pytest.importorskip("torch")


def both(make: Any, seed: int = 0) -> tuple[Any, Any]:
    """The same module of PyTorch and of pyforge, from the same seed."""
    pair = []
    for P in (torch, pf):
        P.manual_seed(seed)
        pair.append(make(P))
    return pair[0], pair[1]


def assert_same_state(a: Any, b: Any) -> None:
    theirs, ours = a.state_dict(), b.state_dict()
    assert list(theirs) == list(ours)
    for name, value in theirs.items():
        assert np.array_equal(value.numpy(), ours[name].numpy()), name


def arrays(P: Any, values: Any, grad: bool) -> Any:
    if isinstance(values, np.ndarray):
        t = P.tensor(values)
        return t.requires_grad_() if grad and values.dtype.kind == "f" else t
    return values


def run(P: Any, module: Any, args: list[Any], kwargs: dict[str, Any], same: bool) -> list[Any]:
    """Outputs, then the gradients of inputs and parameters of a weighted sum of the outputs."""
    P.manual_seed(5)
    given = [arrays(P, a, True) for a in args]
    inputs = given * 3 if same else given
    out = module(*inputs, **{k: arrays(P, v, False) for k, v in kwargs.items()})
    outs = [o for o in (out if isinstance(out, tuple) else (out,)) if o is not None]
    loss = sum((o * o).sum() + (o * 0.3).sin().sum() for o in outs)
    loss.backward()
    grads = [t.grad for t in (*given, *module.parameters()) if t.requires_grad]
    return [o.detach().numpy() for o in outs] + [g.numpy() for g in grads if g is not None]


def assert_parity(make: Any, args: list[Any], same: bool = False, **kwargs: Any) -> None:
    a, b = both(make)
    assert_same_state(a, b)
    theirs, ours = (run(P, m.double(), args, kwargs, same) for P, m in ((torch, a), (pf, b)))
    assert len(theirs) == len(ours)
    for x, y in zip(theirs, ours, strict=True):
        assert x.shape == y.shape
        np.testing.assert_allclose(y, x, rtol=1e-8, atol=1e-10)


RNG = np.random.default_rng(0)


def draw(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape)


CAUSAL = np.triu(np.ones((5, 5), dtype=bool), 1)
PADDING = np.array([[False] * 5, [False, False, False, True, True], [False] * 4 + [True]])

MHA: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({}, {"need_weights": False}),
    ({"bias": False}, {"average_attn_weights": False}),
    ({"batch_first": True}, {"need_weights": False}),
    ({"dropout": 0.3}, {}),
    ({"dropout": 0.3}, {"need_weights": False}),
    ({}, {"attn_mask": CAUSAL, "need_weights": False, "is_causal": True}),
    ({}, {"attn_mask": CAUSAL, "is_causal": True}),
    ({"batch_first": True}, {"key_padding_mask": PADDING, "need_weights": False}),
    ({}, {"key_padding_mask": PADDING, "attn_mask": CAUSAL}),
    ({}, {"attn_mask": draw(12, 5, 5), "need_weights": False}),
    ({"add_bias_kv": True, "add_zero_attn": True}, {"key_padding_mask": PADDING}),
    ({"add_bias_kv": True}, {"attn_mask": CAUSAL, "need_weights": False}),
    ({"add_zero_attn": True, "batch_first": True}, {"need_weights": False}),
]


@pytest.mark.parametrize(("options", "call"), MHA)
def test_self_attention(options: dict[str, Any], call: dict[str, Any]) -> None:
    shape = (3, 5, 8) if options.get("batch_first") else (5, 3, 8)
    make = lambda P: P.nn.MultiheadAttention(8, 4, **options)  # noqa: E731
    assert_parity(make, [draw(*shape)], same=True, **call)


@pytest.mark.parametrize("need_weights", [True, False])
def test_cross_attention(need_weights: bool) -> None:
    def attention(**options: Any) -> Any:
        return lambda P: P.nn.MultiheadAttention(8, 2, **options)

    memory = draw(7, 3, 8)
    assert_parity(attention(), [draw(5, 3, 8), memory, memory * 2], need_weights=need_weights)
    other = [draw(5, 3, 8), draw(7, 3, 6), draw(7, 3, 4)]
    assert_parity(attention(kdim=6, vdim=4), other, need_weights=need_weights)
    one = [draw(5, 8), draw(7, 8), draw(7, 8)]
    assert_parity(attention(), one, need_weights=need_weights)


SRC, TGT = draw(6, 2, 8), draw(5, 2, 8)
PAD_SRC = np.array([[False] * 6, [False] * 4 + [True] * 2])
LAYER = {"d_model": 8, "nhead": 2, "dim_feedforward": 12, "dropout": 0.2}

STACKS: dict[str, tuple[Any, list[Any], dict[str, Any]]] = {
    "encoder layer": (
        lambda P: P.nn.TransformerEncoderLayer(**LAYER),
        [SRC],
        {"src_key_padding_mask": PAD_SRC},
    ),
    "encoder layer, norm first": (
        lambda P: P.nn.TransformerEncoderLayer(**LAYER, norm_first=True, activation="gelu"),
        [SRC],
        {},
    ),
    "encoder": (
        lambda P: P.nn.TransformerEncoder(
            P.nn.TransformerEncoderLayer(**LAYER), 2, enable_nested_tensor=False
        ),
        [TGT],
        {"mask": np.where(CAUSAL, -np.inf, 0.0)},
    ),
    "decoder layer": (
        lambda P: P.nn.TransformerDecoderLayer(**LAYER, norm_first=True, bias=False),
        [TGT, SRC],
        {"tgt_mask": CAUSAL},
    ),
    "decoder": (
        lambda P: P.nn.TransformerDecoder(P.nn.TransformerDecoderLayer(**LAYER), 2),
        [TGT, SRC],
        {"tgt_mask": np.where(CAUSAL, -np.inf, 0.0), "memory_key_padding_mask": PAD_SRC},
    ),
    "transformer": (
        lambda P: P.nn.Transformer(8, 2, 1, 2, 12, dropout=0.2),
        [SRC, TGT],
        {"tgt_mask": CAUSAL, "src_key_padding_mask": PAD_SRC},
    ),
}


@pytest.mark.filterwarnings("ignore:.*enable_nested_tensor")
@pytest.mark.parametrize("name", STACKS)
def test_transformer(name: str) -> None:
    make, args, kwargs = STACKS[name]
    assert_parity(make, args, **kwargs)


@pytest.mark.filterwarnings("ignore:.*enable_nested_tensor")
def test_evaluation_without_gradients_and_batch_first() -> None:
    def make(P: Any) -> Any:
        layer = P.nn.TransformerEncoderLayer(**LAYER, batch_first=True)
        return P.nn.TransformerEncoder(layer, 2, P.nn.LayerNorm(8)).eval()

    a, b = both(make)
    x = draw(2, 6, 8).astype("float32")
    with torch.no_grad(), pf.no_grad():
        np.testing.assert_allclose(
            b(pf.tensor(x)).numpy(), a(torch.tensor(x)).numpy(), rtol=1e-4, atol=1e-5
        )


@pytest.mark.filterwarnings("ignore:.*enable_nested_tensor")
def test_transformer_prints_and_copies() -> None:
    a, b = both(lambda P: P.nn.Transformer(8, 2, 1, 1, 12))
    assert repr(a) == repr(b)
    assert_same_state(a, copy.deepcopy(b))
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    assert mask.tolist() == [[0.0, -math.inf, -math.inf], [0.0, 0.0, -math.inf], [0.0, 0.0, 0.0]]


def test_wrong_use_is_named() -> None:
    with pytest.raises(ValueError, match="must be greater than 0"):
        nn.MultiheadAttention(0, 1)
    with pytest.raises(AssertionError, match="divisible by num_heads"):
        nn.MultiheadAttention(8, 3)
    with pytest.raises(RuntimeError, match="relu/gelu"):
        nn.TransformerEncoderLayer(8, 2, activation="tanh")
    attention, x = nn.MultiheadAttention(8, 2), pf.zeros(5, 3, 8)
    with pytest.raises(AssertionError, match="2D or batched 3D"):
        attention(pf.zeros(1, 5, 3, 8), x, x)
    with pytest.raises(AssertionError, match="key_padding_mask"):
        attention(x, x, x, key_padding_mask=pf.zeros(5, dtype=pf.bool))
    with pytest.raises(AssertionError, match="only bool and floating types"):
        attention(x, x, x, attn_mask=pf.zeros(5, 5, dtype=pf.int64))
    with pytest.raises(RuntimeError, match="shape of the 2D attn_mask"):
        attention(x, x, x, attn_mask=pf.zeros(4, 5))
    with pytest.raises(RuntimeError, match="is_causal"):
        attention(x, x, x, is_causal=True)
    with pytest.warns(UserWarning, match="mismatched"):
        attention(x, x, x, attn_mask=pf.zeros(5, 5), key_padding_mask=pf.zeros(3, 5, dtype=pf.bool))
    with pytest.raises(RuntimeError, match="batch number"):
        nn.Transformer(8, 2, 1, 1, 8)(pf.zeros(4, 2, 8), pf.zeros(4, 3, 8))


def test_memory_is_linear_in_the_length() -> None:
    q, k, v = (pf.randn(1, 1, 2048, 8, requires_grad=True) for _ in range(3))
    pf.memory.reset_peak()
    before = pf.memory.stats()["live_bytes"]
    nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).sum().backward()
    assert pf.memory.stats()["peak_bytes"] - before < 2048 * 2048 * 4 / 8


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", [(2, 130, 8, 64), (1, 77, 3, 48), (1, 300, 1, 20)])
def test_blocks_of_heads_side_by_side(shape: tuple[int, int, int, int], causal: bool) -> None:
    """Small blocks and large ones, whole or not, with rows near each other or far apart."""
    batch, length, heads, width = shape
    values = np.random.default_rng(0).standard_normal((batch, length, 4 * heads * width))
    results = []
    for P in (torch, pf):
        x = P.tensor(values.astype("float32"), requires_grad=True)
        parts = x.view(batch, length, 4, heads, width).transpose(1, 3)
        q, k, v, g = (parts[:, :, i] for i in range(4))
        y = P.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        (y * g).sum().backward()
        results.append((y.detach().numpy(), x.grad.numpy()))
    for theirs, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5)


NORMS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "batch 1d": (lambda P: P.nn.BatchNorm1d(4), (6, 4, 3)),
    "batch 2d": (lambda P: P.nn.BatchNorm2d(4, momentum=None), (2, 4, 3, 2)),
    "batch 3d": (lambda P: P.nn.BatchNorm3d(4, affine=False), (2, 4, 3, 2, 2)),
    "group": (lambda P: P.nn.GroupNorm(2, 4), (3, 4, 5)),
    "rms": (lambda P: P.nn.RMSNorm(5), (3, 5)),
    "instance 1d": (lambda P: P.nn.InstanceNorm1d(4, affine=True), (2, 4, 3)),
    "instance 1d, one": (lambda P: P.nn.InstanceNorm1d(4), (4, 3)),
    "instance 2d": (lambda P: P.nn.InstanceNorm2d(4, track_running_stats=True), (2, 4, 3, 2)),
    "instance 3d": (lambda P: P.nn.InstanceNorm3d(4), (2, 4, 3, 2, 2)),
    "local response": (lambda P: P.nn.LocalResponseNorm(3, 0.1), (2, 4, 3, 2)),
    "local response 1d": (lambda P: P.nn.LocalResponseNorm(2, 0.1), (2, 4, 3)),
}


@pytest.mark.parametrize("name", NORMS)
def test_norms(name: str) -> None:
    make, shape = NORMS[name]
    a, b = both(make)
    assert repr(a) == repr(b)
    x = draw(*shape)
    for training in (True, False):
        theirs, ours = (
            run(P, m.double().train(training), [x], {}, False) for P, m in ((torch, a), (pf, b))
        )
        for p, q in zip(theirs, ours, strict=True):
            np.testing.assert_allclose(q, p, rtol=1e-8, atol=1e-10)
        for key, value in a.state_dict().items():
            np.testing.assert_allclose(b.state_dict()[key].numpy(), value.numpy(), rtol=1e-12)
    with pytest.raises((ValueError, RuntimeError)):
        b(pf.zeros(3, dtype=pf.float64))
