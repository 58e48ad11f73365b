"""Recurrent modules and packed sequences against PyTorch; the ops are in the op table."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from support import assert_close, quiet, torch

import pyforge as pf

KINDS = ("LSTM", "GRU", "RNN")
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *((kind, {"num_layers": 2, "bidirectional": True, "batch_first": True}) for kind in KINDS),
    *((kind, {"num_layers": 3, "dropout": 0.4, "bias": False}) for kind in KINDS),
    ("LSTM", {"proj_size": 3, "bidirectional": True}),
    ("RNN", {"nonlinearity": "relu"}),
]
CELLS = ("LSTMCell", "GRUCell", "RNNCell")


def state(P: Any, module: Any, batch: int, seed: int = 3) -> Any:
    rng = np.random.default_rng(seed)
    ways = 2 if module.bidirectional else 1
    shape = (module.num_layers * ways, batch)
    h = P.tensor(rng.normal(size=(*shape, module.proj_size or module.hidden_size)))
    if module.mode != "LSTM":
        return h
    return h, P.tensor(rng.normal(size=(*shape, module.hidden_size)))


def tensors(out: Any) -> list[Any]:
    if isinstance(out, (tuple, list)) and not hasattr(out, "batch_sizes"):
        return [t for part in out for t in tensors(part)]
    return [out.data if hasattr(out, "batch_sizes") else out]


@pytest.mark.torch
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("kind", "options"), OPTIONS)
def test_network(kind: str, options: dict[str, Any], packed: bool) -> None:
    """Weights from the seed, results, dropout, gradients, and the second ones."""
    results = []
    lengths = [6, 4, 4, 1]
    for P in (torch, pf):
        P.manual_seed(3)
        net = getattr(P.nn, kind)(4, 5, dtype=P.float64, **options)
        first = options.get("batch_first", False)
        rng = np.random.default_rng(0)
        x = P.tensor(rng.normal(size=(4, 6, 4) if first else (6, 4, 4))).requires_grad_()
        pack = P.nn.utils.rnn.pack_padded_sequence
        out = quiet(net, pack(x, lengths, first) if packed else x, state(P, net, 4))
        loss = sum((t * t).sum() for t in tensors(out))
        leaves = [x, *net.parameters()]
        grads = P.autograd.grad(loss, leaves, create_graph=True)
        again = P.autograd.grad(sum((g * g).sum() for g in grads), leaves)
        results.append((net, [*tensors(out), *grads, *again]))
    (theirs, want), (ours, got) = results
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    for g, w in zip(got, want, strict=True):
        assert_close(g, w, 10)


@pytest.mark.torch
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("batched", [False, True])
def test_cell(kind: str, batched: bool) -> None:
    results = []
    for P in (torch, pf):
        P.manual_seed(1)
        cell = getattr(P.nn, kind)(3, 4, bias=batched, dtype=P.float64)
        x = P.tensor(np.random.default_rng(0).normal(size=(2, 3) if batched else (3,)))
        results.append((cell, [*tensors(cell(x)), *tensors(cell(x, cell(x)))]))
    (theirs, want), (ours, got) = results
    assert repr(ours) == repr(theirs)
    for g, w in zip(got, want, strict=True):
        assert_close(g, w, 10)
    relu = pf.nn.RNNCell(3, 4, nonlinearity="relu")
    assert repr(relu) == repr(torch.nn.RNNCell(3, 4, nonlinearity="relu"))


@pytest.mark.parametrize("kind", KINDS)
def test_unbatched_is_a_batch_of_one(kind: str) -> None:
    net = getattr(pf.nn, kind)(3, 4, bidirectional=True)
    x = pf.randn(5, 3)
    hx = state(pf, net.double(), 1)
    one = tensors(net(x.double(), pf_map(lambda t: t.squeeze(1), hx)))
    many = tensors(net(x.double().unsqueeze(1), hx))
    for a, b in zip(one, many, strict=True):
        assert a.equal(b.squeeze(1))


def pf_map(f: Any, value: Any) -> Any:
    return tuple(map(f, value)) if isinstance(value, tuple) else f(value)


@pytest.mark.parametrize("kind", KINDS)
def test_same_bits_for_any_number_of_threads(kind: str) -> None:
    net = getattr(pf.nn, kind)(24, 40, bidirectional=True)
    x = pf.randn(9, 70, 24, requires_grad=True)
    runs = []
    before = pf.get_num_threads()
    try:
        for threads in (1, 2, 3):
            pf.set_num_threads(threads)
            out = tensors(net(x))
            grads = pf.autograd.grad(sum((t * t).sum() for t in out), [x, *net.parameters()])
            runs.append([*out, *grads])
    finally:
        pf.set_num_threads(before)
    for other in runs[1:]:
        assert all(a.equal(b) for a, b in zip(runs[0], other, strict=True))


def test_steps_alone_are_steps_of_a_sequence() -> None:
    """A long sequence in pieces, the state carried over; what the weights packed once must give."""
    net = pf.nn.LSTM(6, 33).double()
    x = pf.randn(11, 19, 6).double()
    whole, (h, c) = net(x)
    parts, hx = [], None
    for piece in x.split(2):
        y, hx = net(piece, hx)
        parts.append(y)
    assert hx is not None
    for a, b in ((pf.cat(parts), whole), (hx[0], h), (hx[1], c)):
        assert_close(a, b)


def test_states_outlive_copies_and_pickles() -> None:
    net = pf.nn.GRU(3, 4, num_layers=2)
    net.flatten_parameters()
    x = pf.randn(5, 2, 3)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other(x)[0].equal(net(x)[0])
    assert [len(w) for w in net.all_weights] == [4, 4]


def test_output_written_over_is_noticed() -> None:
    y, _ = pf.nn.LSTM(2, 3)(pf.randn(4, 2, 2))
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda P: P.nn.LSTM(2, 3, proj_size=3), ValueError, "smaller than hidden_size"),
    (lambda P: P.nn.LSTM(2, 0), ValueError, "greater than zero"),
    (lambda P: P.nn.LSTM(2.0, 3), TypeError, "of type int"),
    (lambda P: P.nn.GRU(2, 3, bias=1), TypeError, "of type bool"),
    (lambda P: P.nn.GRU(2, 3, proj_size=1), ValueError, "only supported for LSTM"),
    (lambda P: P.nn.RNN(2, 3, dropout=2.0), ValueError, "range \\[0, 1\\]"),
    (lambda P: P.nn.RNN(2, 3, nonlinearity="gelu"), ValueError, "Unknown nonlinearity"),
    (lambda P: P.nn.LSTM(2, 3)(P.zeros(2)), ValueError, "2D or 3D"),
    (lambda P: P.nn.LSTM(2, 3)(P.zeros(4, 1, 3)), RuntimeError, "equal to input_size"),
    (lambda P: P.nn.LSTM(2, 3)(P.zeros(4, 1, 2).double()), ValueError, "does not match weight"),
    (
        lambda P: P.nn.LSTM(2, 3)(P.zeros(4, 1, 2), (P.zeros(1, 1, 4), P.zeros(1, 1, 3))),
        RuntimeError,
        r"Expected hidden\[0\] size \(1, 1, 3\), got \[1, 1, 4\]",
    ),
    (lambda P: P.nn.GRU(2, 3)(P.zeros(4, 1, 2), P.zeros(1, 3)), RuntimeError, "also be 3-D"),
    (lambda P: P.nn.GRU(2, 3)(P.zeros(4, 2), P.zeros(1, 1, 3)), RuntimeError, "also be 2-D"),
    (lambda P: P.nn.GRU(2, 3)(P.zeros(0, 1, 2)), RuntimeError, "larger than 0"),
    (lambda P: P.nn.LSTMCell(2, 3)(P.zeros(1, 1, 2)), ValueError, "1D or 2D"),
    (lambda P: pack(P)(P.zeros(3, 2), [1, 2]), RuntimeError, "sorted in decreasing order"),
    (lambda P: pack(P)(P.zeros(3, 2), [1]), RuntimeError, "equal to batch_size"),
    (lambda P: pack(P)(P.zeros(3, 2), [2, 0]), RuntimeError, "greater than 0"),
    (
        lambda P: P.nn.utils.rnn.pad_packed_sequence(pack(P)(P.zeros(3, 2), [3, 1]), True, 0.0, 2),
        ValueError,
        "total_length",
    ),
    (lambda P: P.nn.utils.rnn.pad_sequence(3), RuntimeError, "Expected iterable"),
]


def pack(P: Any) -> Any:
    return P.nn.utils.rnn.pack_padded_sequence


@pytest.mark.torch
@pytest.mark.parametrize(("call", "kind", "phrase"), WRONG)
def test_error(call: Any, kind: type[Exception], phrase: str) -> None:
    for P in (torch, pf):
        with pytest.raises(kind, match=phrase):
            quiet(call, P)


def test_dropout_of_one_layer_warns() -> None:
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        pf.nn.GRU(2, 3, dropout=0.5)


@pytest.mark.torch
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("ordered", [False, True])
def test_packing(first: bool, ordered: bool) -> None:
    values = np.arange(24.0).reshape(4, 3, 2)
    lengths = [4, 3, 1] if ordered else [2, 4, 1]
    results = []
    for P in (torch, pf):
        R = P.nn.utils.rnn
        x = P.tensor(values if not first else values.transpose(1, 0, 2).copy()).requires_grad_()
        packed = R.pack_padded_sequence(x, P.tensor(lengths), first, ordered)
        back, sizes = R.pad_packed_sequence(packed, first, -1.0, 5)
        (grad,) = P.autograd.grad((back * back).sum(), x)
        parts = R.unpack_sequence(packed)
        again = R.pad_sequence(parts, first, 7.0, "left")
        repacked = R.pack_sequence(parts, enforce_sorted=ordered)
        unpadded = R.unpad_sequence(again.detach().clone(), P.tensor([4, 2, 1]), first)
        order = [t for t in packed[2:] if t is not None]
        results.append(
            [*packed[:2], *order, back, sizes, grad, again, *parts, repacked.data, *unpadded]
        )
        assert packed.to(P.float32).data.dtype == P.float32
        assert packed.to(P.float64) is packed
    theirs, ours = results
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b)


@pytest.mark.torch
def test_loss_curve() -> None:
    """A network with dropout, trained from the same seed, loses what PyTorch's loses."""
    curves = []
    for P in (torch, pf):
        P.manual_seed(0)
        net = P.nn.LSTM(3, 8, num_layers=2, dropout=0.2, batch_first=True)
        head = P.nn.Linear(8, 1)
        weights = [*net.parameters(), *head.parameters()]
        x = P.randn(16, 7, 3)
        curve = []
        for _ in range(60):
            loss = ((head(net(x)[0][:, -1]) - x.sum((1, 2)).unsqueeze(1)) ** 2).mean()
            with P.no_grad():
                for w, g in zip(weights, P.autograd.grad(loss, weights), strict=True):
                    w.sub_(g, alpha=0.03)
            curve.append(loss.item())
        curves.append(curve)
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-4)
    assert curves[1][-1] < 0.9 * curves[1][0]


def test_length_beyond_the_input() -> None:
    with pytest.raises(RuntimeError, match="more than the 3 steps"):
        pack(pf)(pf.zeros(3, 2), [4, 2])
