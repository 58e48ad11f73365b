"""Recurrent networks and cells, and the loss of alignments."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .model import LAYOUTS, Err, Gen, Kink, Op, S, Sample

X = np.zeros
PACKED = np.array([3, 3, 2, 1])


def weights(
    g: Gen, gates: int, inputs: int, hidden: int, layers: int, ways: int, bias: bool, proj: int = 0
) -> list[np.ndarray]:
    state, out = proj or hidden, []
    for layer in range(layers):
        width = inputs if layer == 0 else state * ways
        for _ in range(ways):
            out += [g(gates * hidden, width) * 0.5, g(gates * hidden, state) * 0.5]
            out += [g(gates * hidden), g(gates * hidden)] if bias else []
            out += [g(proj, hidden)] if proj else []
    return [np.asarray(w, g.dtype) for w in out]


def positive(sample: Sample) -> Sample:
    """The same away from ReLU's kink."""

    def of(a: Any) -> Any:
        if isinstance(a, list):
            return [of(x) for x in a]
        return abs(a) + 0.1 if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a

    return S(*(of(a) for a in sample.args))


def quiet_lstm(P: Any, *args: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch says that projections take its slow path
        return P.lstm(*args)


def network(gates: int, relu: bool = False) -> Any:
    """Samples of a whole network: `lstm` for four gates, else one state tensor."""
    sample = Kink if relu else S

    def samples(g: Gen) -> list[Sample]:
        out = []
        # steps, batch, input, hidden, layers, directions, bias, batch_first, packed, projection
        shapes: list[tuple[Any, ...]] = [
            (5, 3, 2, 3, 1, 1, True, False, False, 0),
            (1, 2, 3, 2, 1, 1, True, False, False, 0),
            (4, 3, 2, 3, 2, 2, True, True, False, 0),
            (5, 1, 2, 4, 1, 1, False, False, False, 0),
            (4, 3, 2, 2, 1, 2, True, False, True, 0),
            (4, 3, 2, 3, 1, 1, False, False, True, 0),
        ]
        if gates == 4:
            shapes += [
                (4, 3, 2, 3, 1, 2, True, False, False, 2),
                (4, 3, 2, 3, 1, 1, False, False, True, 2),
            ]
        for t, b, n, h, layers, ways, bias, first, packed, proj in shapes:
            shape = (int(PACKED.sum()), n) if packed else (b, t, n) if first else (t, b, n)
            states = [g(layers * ways, b, proj or h), g(layers * ways, b, h)]
            args: list[Any] = [g(*shape)]
            args += [PACKED] if packed else []
            args += [states if gates == 4 else states[0]]
            args += [weights(g, gates, n, h, layers, ways, bias, proj), bias, layers, 0.0, False]
            out.append(sample(*args, ways == 2, *([] if packed else [first])))
        return out + [positive(s) for s in out if relu]

    return samples


def cell(gates: int, relu: bool = False) -> Any:
    sample = Kink if relu else S

    def samples(g: Gen) -> list[Sample]:
        out = []
        for b, n, h, bias in [(3, 2, 4, True), (1, 3, 2, False), (17, 5, 3, True)]:
            states = [g(b, h), g(b, h)]
            args = [g(b, n), states if gates == 4 else states[0]]
            out.append(sample(*args, *weights(g, gates, n, h, 1, 1, bias)))
        return out + [positive(s) for s in out if relu]

    return samples


def errors(gates: int) -> list[Err]:
    state: Any = [X((1, 2, 3)), X((1, 2, 3))] if gates == 4 else X((1, 2, 3))
    params = [X((gates * 3, 4)), X((gates * 3, 3))]
    rest = (False, 1, 0.0, False, False, False)
    return [
        Err((X((5, 2, 4)), state, params[:1], *rest), RuntimeError, "parameters"),
        Err((X((5, 2, 3)), state, params, *rest), RuntimeError, "mat1 and mat2 shapes"),
        Err((X((5, 4, 4)), state, params, *rest), RuntimeError, "hidden size|must match the size"),
        Err((X((0, 2, 4)), state, params, *rest), RuntimeError, "larger than 0"),
    ]


def cell_errors(gates: int) -> list[Err]:
    state: Any = [X((2, 3)), X((2, 3))] if gates == 4 else X((2, 3))
    params = [X((gates * 3, 4)), X((gates * 3, 3))]
    return [
        Err((X((2, 5)), state, *params), RuntimeError, "inconsistent input_size"),
        Err((X((3, 4)), state, *params), RuntimeError, "doesn't match hidden0 batch size"),
        Err((X((2, 4)), state, params[0], X((gates * 3, 2))), RuntimeError, "hidden_size"),
    ]


def ctc_samples(g: Gen) -> list[Sample]:
    targets = g.index(3, 4, high=5, low=1)
    targets[0, :3] = 2  # repeats need a blank between
    flat = np.concatenate([targets[0, :2], targets[1, :0], targets[2, :3]])
    ends = np.array([7, 6, 7]), np.array([3, 4, 1])
    return [
        S(g(7, 3, 5), targets, *ends),
        S(g(7, 3, 5), flat, np.array([7, 3, 4]), np.array([2, 0, 3])),
        S(g(7, 3, 5) * 30, targets, *ends),
        S(g(1, 1, 2), np.array([[1]]), np.array([1]), np.array([1])),
    ]


def ctc(P: Any, x: Any, targets: Any, inputs: Any, outputs: Any) -> Any:
    """With log_softmax before it: PyTorch's gradient is only right together with it."""
    return P.nn.functional.ctc_loss(x.log_softmax(-1), targets, inputs, outputs, reduction="none")


LENGTHS = (np.array([3, 3]), np.array([2, 2]))
T = np.ones((2, 2), dtype=np.int64)

STRIDED = tuple(x for x in LAYOUTS if x != "expanded")  # batch sizes are not to be changed

ROWS = [
    Op("lstm", network(4), torch=quiet_lstm, errors=errors(4), tol=4, layouts=STRIDED),
    Op("gru", network(3), errors=errors(3), tol=4, layouts=STRIDED),
    Op("rnn_tanh", network(1), errors=errors(1), tol=4, layouts=STRIDED),
    Op("rnn_relu", network(1, True), errors=errors(1), tol=4, layouts=STRIDED),
    Op("lstm_cell", cell(4), errors=cell_errors(4), tol=4),
    Op("gru_cell", cell(3), errors=cell_errors(3), tol=4),
    Op("rnn_tanh_cell", cell(1), errors=cell_errors(1), tol=4),
    Op("rnn_relu_cell", cell(1, True), errors=cell_errors(1), tol=4),
    Op(
        "ctc_loss",
        ctc_samples,
        call=ctc,
        grad2=False,
        covers=("_ctc_losses",),
        tol=8,
        layouts=STRIDED,
        errors=[
            Err((X((3, 2, 4)), T, np.array([4, 3]), LENGTHS[1]), RuntimeError, "at most 3"),
            Err((X((3, 2, 4)), T, LENGTHS[0], np.array([3, 2])), RuntimeError, "at least 3"),
            Err((X((3, 2, 4)), T, LENGTHS[0], np.array([2])), RuntimeError, "batch_size"),
        ],
    ),
]
