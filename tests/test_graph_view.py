"""The drawn graph, values of nodes, and what graphs keep in memory."""

from __future__ import annotations

import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from support import torch

import pyforge as pf
from pyforge import memory, nn
from pyforge.autograd import graph
from pyforge.autograd.graph import GradientEdge, get_gradient_edge
from pyforge.autograd.graph_view import Graph
from pyforge.utils.checkpoint import checkpoint


def line(function: Any, offset: int) -> str:
    return f"test_graph_view.py:{function.__code__.co_firstlineno + offset}"


def test_text_names_every_op_and_line_and_what_ran() -> None:
    w = pf.ones(3, requires_grad=True)
    y = (w * 2).tanh()
    loss = (y * y).sum() + w.sum()
    g = graph(loss)
    text = str(g)
    for name in (
        "AddBackward0",
        "SumBackward0",
        "MulBackward0",
        "TanhBackward0",
        "leaf  [3] float32",
    ):
        assert name in text
    assert line(test_text_names_every_op_and_line_and_what_ran, 2) in text
    assert "|grad|" not in text
    loss.backward()
    by_name = {n.name: n for n in g.nodes}
    assert by_name["leaf"].grad_norm == pytest.approx(float(w.grad.norm()))
    assert by_name["TanhBackward0"].saved == 12
    assert by_name["TanhBackward0"].time > 0
    assert by_name["AddBackward0"].grad_norm == 1
    assert str(g).count("|grad|") == len(g.nodes)
    assert 'n1 [label="SumBackward0' in g.dot()
    assert g.dot().count(" -> ") == sum(len(n.inputs) for n in g.nodes)


def test_large_graphs_are_folded_by_module_and_long_ones_do_not_recurse() -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = nn.TransformerEncoder(layer, 3)
    g = graph(model(pf.randn(2, 5, 16)).mean(), model, watch=False)
    whole = g.saved_bytes
    text = g.text(max_rows=12)
    assert "folded to 6 nodes" in text
    assert [f"layers.{i}" in text for i in range(4)] == [True, True, True, False]
    for folded in (g.fold(), g.fold(1), g.fold(2)):
        assert folded.saved_bytes == whole
        assert sum(n.ops for n in folded.nodes) == len(g.nodes)
    assert "layers.2.self_attn" in g.text(max_rows=40)
    x = pf.ones(1, requires_grad=True)
    for _ in range(30_000):
        x = x * 1.0
    deep = graph(x, watch=False)
    assert len(deep.nodes) == 30_001
    assert "folded to 2 nodes" in deep.text()
    assert len(deep.text(max_rows=40_000).splitlines()) == 30_002


def test_svg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    w = pf.ones(3, requires_grad=True)
    g = graph((w * 2 + (w * 3).tanh() * w).sum())
    if shutil.which("dot"):
        assert "MulBackward0" in "".join(ET.fromstring(g.svg()).itertext())
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "grandalf.graphs", None)
    with pytest.raises(RuntimeError, match=r"Graphviz.*pip install grandalf"):
        g.svg()
    monkeypatch.undo()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    pytest.importorskip("grandalf")
    picture = ET.fromstring(g.svg(str(tmp_path / "g.svg")))
    assert "".join(picture.itertext()) == "".join(ET.parse(tmp_path / "g.svg").getroot().itertext())
    name = "{http://www.w3.org/2000/svg}"
    boxes = [{k: float(v) for k, v in r.attrib.items() if k in ("x", "y", "width", "height")}
             for r in picture.findall(name + "rect")[1:]]  # fmt: skip
    assert len(boxes) == len(g.nodes)
    assert len(picture.findall(name + "polyline")) == sum(len(n.inputs) for n in g.nodes)
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            apart = abs(a["x"] - b["x"]) >= 100 or abs(a["y"] - b["y"]) >= 30
            assert apart, (a, b)


def test_the_module_is_called_and_imported_from() -> None:
    import pyforge.autograd.graph as module

    assert module is pf.autograd.graph
    w = pf.ones(2, requires_grad=True)
    assert isinstance(module(w * 2), Graph)
    edge = get_gradient_edge(w)
    assert isinstance(edge, GradientEdge)
    assert edge.node.name() == "torch::autograd::AccumulateGrad"
    assert edge.node.variable is w
    assert get_gradient_edge((w * 2).exp()).node.name() == "ExpBackward0"
    with pytest.raises(RuntimeError, match="does not require gradients"):
        get_gradient_edge(pf.ones(2))


SAVED = [
    (lambda P, a, b: a * b, ("_saved_self", "_saved_other")),
    (lambda P, a, b: a.detach() * b, ("_saved_self",)),
    (lambda P, a, b: a / b, ("_saved_self", "_saved_other")),
    (lambda P, a, b: a.tanh(), ("_saved_result",)),
    (lambda P, a, b: a.log(), ("_saved_self",)),
    (lambda P, a, b: a @ b, ("_saved_self", "_saved_mat2")),
    (lambda P, a, b: a.softmax(0), ("_saved_result",)),
]


@pytest.mark.parametrize(("compute", "names"), SAVED)
def test_saved_values_by_pytorchs_names(compute: Any, names: tuple[str, ...]) -> None:
    pytest.importorskip("torch")
    nodes = []
    for P in (pf, torch):
        a, b = (P.tensor([[1.0, 2.0], [3.0, s]], requires_grad=True) for s in (4.0, 5.0))
        y = compute(P, a, b)
        nodes.append((y, y.grad_fn))
    (ours, node), (_, other) = nodes
    assert node.name() == other.name()
    for name in names:
        want = pytest.approx(getattr(other, name).detach().numpy())
        assert getattr(node, name).detach().numpy() == want
    assert node.saved_tensors
    ours.sum().backward()
    with pytest.raises(RuntimeError, match="after they have already been freed"):
        getattr(node, names[0])
    with pytest.raises(AttributeError):
        node._saved_nothing  # noqa: B018


def test_memory_report_counts_each_piece_once() -> None:
    w, x = pf.ones(100, 100, requires_grad=True), pf.ones(50, 100)
    h = (x @ w).relu()
    loss = (h.exp() * h).sum() + (w * w).sum()
    report = memory.memory_report(loss)
    assert report.shared == 40_000  # w itself
    by_op = {r.op: r for r in report.rows}
    # x; relu's result, which the product reads too; exp's result, the same.
    assert {op: r.bytes for op, r in by_op.items()} == {
        "MmBackward0": 20_000,
        "ReluBackward0": 20_000,
        "ExpBackward0": 20_000,
    }
    assert report.saved == 60_000
    assert line(test_memory_report_counts_each_piece_once, 2) in by_op["ReluBackward0"].source
    assert "ExpBackward0 at" in memory.memory_summary(loss)
    loss.backward()
    assert memory.memory_report(loss).saved == 0


def test_micro_batches_keep_the_peak_flat() -> None:
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 1))
    x = pf.randn(64, 32)

    def accumulate(times: int) -> int:
        with memory.measure() as m:
            for _ in range(times):
                model(x).mean().backward()
        assert m.growth == 0
        return m.peak

    model(x).mean().backward()  # .grad is there from now on
    assert accumulate(2) == accumulate(16)
    with memory.measure() as kept:
        losses = [model(x).mean() for _ in range(16)]
    assert kept.growth > 10 * memory.memory_report(losses[0]).saved


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpoints_are_shown_with_what_they_save_and_cost(reentrant: bool) -> None:
    net = nn.Sequential(*(m for _ in range(4) for m in (nn.Linear(32, 32), nn.Tanh())))

    def loss(parts: int) -> Any:
        h = pf.ones(64, 32, requires_grad=True) * 1
        size = len(net) // max(parts, 1)
        for k in range(0, len(net), size):
            part = net[k : k + size]
            h = checkpoint(part, h, use_reentrant=reentrant) if parts else part(h)
        return h.sum()

    whole = memory.memory_report(loss(0))
    assert whole.checkpoints == []
    loss(2).backward()
    again = loss(2)
    report = memory.memory_report(again)
    (row,) = report.checkpoints
    assert (row.calls, row.bytes) == (2, 4 * 64 * 32 * 4)  # the results of each tanh
    assert row.seconds > 0
    assert report.saved + row.bytes >= whole.saved > report.saved
    text = str(report)
    assert f"checkpoint at {__file__}" in text
    assert "2 calls, 32 KiB not kept" in text
