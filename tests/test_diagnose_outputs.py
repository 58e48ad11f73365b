"""What a monitor writes: terminal, page, picture, JSON lines, event files; and the doctor."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import pyforge as pf
from pyforge import nn
from pyforge.diagnose import Monitor
from pyforge.diagnose.failure import from_exception
from pyforge.diagnose.symptoms import symptoms

F = nn.functional


def watched(act: Any, depth: int, steps: int = 60, lr: float = 0.05) -> Monitor:
    pf.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(16, 16), act()]
    model = nn.Sequential(*layers, nn.Linear(16, 1))
    optimizer = pf.optim.SGD(model.parameters(), lr=lr)
    x = pf.randn(64, 16)
    y = x[:, :4].sum(1, keepdim=True) * 0.5
    with Monitor(model, optimizer, on_error="log") as monitor:
        for _ in range(steps):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()
    return monitor


@pytest.fixture(scope="module")
def stalled() -> Monitor:
    return watched(nn.Sigmoid, 10)


@pytest.fixture(scope="module")
def healthy() -> Monitor:
    return watched(nn.ReLU, 2, steps=200)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if tag == "img":
            self.images.append(given["src"])
        if tag in ("link", "script") or given.get("href"):
            self.links.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_stands_alone(stalled: Monitor, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    stalled.save_html(tmp_path / "r.html", title="a < b")
    page = Page()
    page.feed((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert len(page.images) == 6
    assert all(src.startswith("data:image/svg+xml;base64,") for src in page.images)
    assert not page.links
    assert "a < b" in page.text
    assert page.text.index("The four questions") < page.text.index("VANISHING at ")
    assert f"{Path(__file__).name}:" in page.text
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_failed_write_leaves_the_old_file(
    stalled: Monitor, tmp_path: Path, monkeypatch: Any
) -> None:
    target = tmp_path / "r.jsonl"
    target.write_text("old")
    monkeypatch.setattr("pyforge.diagnose.outputs.lines", lambda _: [{"a": 1}, {"b": {1: object}}])
    monkeypatch.setattr("pyforge.diagnose.outputs._plain", lambda v: v)
    with pytest.raises(TypeError):
        stalled.save_jsonl(target)
    assert [p.name for p in tmp_path.iterdir()] == ["r.jsonl"]
    assert target.read_text() == "old"
    with pytest.raises(OSError, match="nowhere"):
        stalled.save_jsonl(tmp_path / "nowhere" / "r.jsonl")


def test_sheet_has_what_it_should(stalled: Monitor, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    stalled.save_png(tmp_path / "r.png", dpi=40)
    assert (tmp_path / "r.png").read_bytes()[:4] == b"\x89PNG"
    from pyforge.diagnose.figures import sheet

    axes = {a.get_title(loc="left"): a for a in sheet(stalled.snapshot()).axes}
    flow = axes["Gradient flow by layer"]
    assert flow.get_yscale() == "log"
    assert [t.get_text() for t in flow.get_xticklabels()] == [str(i) for i in range(0, 21, 2)]
    first = flow.lines[0].get_ydata()
    assert first[0] < 1e-5 * first[-1]


def test_json_lines(stalled: Monitor, tmp_path: Path) -> None:
    stalled.save_jsonl(tmp_path / "r.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    kinds = [row["type"] for row in rows]
    assert rows[0]["kind"] == "VANISHING"
    assert kinds.count("layer") == 11
    assert kinds.count("activation") == 10
    assert kinds.count("step") == 60
    assert sum(rows[kinds.index("layer")]["exponents"]) == 16 * 16


def test_event_file(stalled: Monitor, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    stalled.save_tensorboard(tmp_path / "runs")
    (file,) = (tmp_path / "runs").iterdir()
    data, at, events = file.read_bytes(), 0, []
    while at < len(data):  # length, checksum, record, checksum
        (size,) = struct.unpack_from("<Q", data, at)
        events.append(Event.FromString(data[at + 12 : at + 12 + size]))
        at += size + 16
    tags = {v.tag for e in events for v in e.summary.value}
    assert {"loss/optimizer_0", "update_ratio/0", "log2_of_gradient/20"} <= tags


def test_event_file_without_a_writer(stalled: Monitor, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ModuleNotFoundError, match="pip install tensorboardX"):
        stalled.save_tensorboard(tmp_path)


@pytest.mark.parametrize("rich", [True, False])
def test_terminal(stalled: Monitor, rich: bool, monkeypatch: Any) -> None:
    if not rich:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    out = io.StringIO()
    stalled.print(out)
    text = out.getvalue()
    assert "1. Does the loss stop falling after an initial drop? YES" in text
    assert "nn.init.kaiming_normal_(model[0].weight, nonlinearity='relu')" in text


def test_answers(stalled: Monitor, healthy: Monitor) -> None:
    assert [s.answer for s in symptoms(stalled.snapshot())] == ["yes", "no", "yes", "no"]
    assert [s.answer for s in symptoms(healthy.snapshot())] == ["no"] * 4
    diverged = symptoms(watched(nn.ReLU, 2, lr=5.0).snapshot())
    assert [s.answer for s in diverged[1::2]] == ["yes", "yes"]
    assert diverged[1].verdicts[-1].kind == "LEARNING_RATE"
    short = symptoms(watched(nn.ReLU, 2, steps=0).snapshot())
    assert {s.seen for s in short} == {None}


def overwritten() -> None:
    y = pf.randn(3, requires_grad=True).exp()
    y += 1
    y.sum().backward()


RAISES: list[tuple[str, Any]] = [
    ("IN_PLACE", overwritten),
    ("BAD_TARGET", lambda: F.cross_entropy(pf.randn(2, 3), pf.tensor([1, 3]))),
    ("BATCH_SIZE", lambda: nn.BatchNorm1d(3)(pf.randn(1, 3))),
    ("SHAPES", lambda: nn.Linear(3, 4)(pf.randn(2, 5))),
    ("DTYPE", lambda: nn.Linear(3, 4)(pf.randn(2, 3).double())),
    ("BAD_INDEX", lambda: nn.Embedding(3, 4)(pf.tensor([7]))),
    ("BAD_RANGE", lambda: F.binary_cross_entropy(pf.randn(99), pf.ones(99))),
    ("NO_GRADIENT", lambda: pf.randn(3).sum().backward()),
    ("FAILED", lambda: [][0]),
]


@pytest.mark.parametrize(("kind", "broken"), RAISES, ids=[kind for kind, _ in RAISES])
def test_exceptions_are_verdicts(kind: str, broken: Any) -> None:
    model = nn.Linear(2, 1)
    monitor = Monitor(model, on_error="log")
    with pytest.raises(Exception), monitor:  # noqa: B017, PT011
        broken()
    (verdict,) = monitor.verdicts
    assert verdict.kind == kind
    assert Path(__file__).name in verdict.where


def test_exception_without_a_frame() -> None:
    assert from_exception(ValueError()).kind == "FAILED"


SCRIPT = """
import sys
import torch
import torch.nn as nn

torch.manual_seed(0)
kind = sys.argv[1]
x = torch.randn(64, 16)
y = x[:, :4].sum(1, keepdim=True) * 0.5
layers = []
for _ in range(10 if kind == "sigmoid" else 2):
    layers += [nn.Linear(16, 16), nn.Sigmoid() if kind == "sigmoid" else nn.ReLU()]
model = nn.Sequential(*layers, nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for step in range(60):
    loss = nn.functional.mse_loss(model(x), y if kind != "shape" else y[:, :, None].tile(1, 2, 3))
    if kind == "root" and step == 30:  # its derivative is 0 times infinity
        loss = loss + (model(x) * 0).sqrt().sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if kind == "raise":
        raise ValueError("nonsense")
print("done", torch.__name__)
sys.exit(3)
"""


def doctor(tmp_path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    return subprocess.run(
        [sys.executable, "-m", "pyforge", "doctor", *args[:-1], str(script), args[-1]],
        capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip


def test_doctor_of_a_script_for_pytorch(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = doctor(tmp_path, "--html", "r.html", "--jsonl", "r.jsonl", "sigmoid")
    assert done.returncode == 1, done.stderr
    assert "done pyforge" in done.stdout
    assert "VANISHING (error) at 0" in done.stdout
    assert "train.py:16, in <module>" in done.stdout
    assert (tmp_path / "r.html").stat().st_size > 50_000
    assert (tmp_path / "r.jsonl").exists()


@pytest.mark.parametrize("name", ["torch", "pyforge"])
def test_doctor_finds_the_op_of_a_bad_gradient_and_lets_the_script_go_on(
    name: str, tmp_path: Path, monkeypatch: Any
) -> None:
    own = SCRIPT.replace(
        "import torch\nimport torch.nn", "import pyforge as torch\nimport torch.nn"
    )
    own = own.replace("import torch.nn as nn", "import pyforge.nn as nn")
    monkeypatch.setitem(globals(), "SCRIPT", SCRIPT if name == "torch" else own)
    done = doctor(tmp_path, "root")
    assert "done pyforge" in done.stdout, done.stderr
    assert "NON_FINITE (error) at" in done.stdout
    assert "train.py:18, in <module>, step 30" in done.stdout
    assert "SqrtBackward0" in done.stdout
    assert done.returncode == 1


def test_doctor_passes_on_the_status(tmp_path: Path) -> None:
    done = doctor(tmp_path, "fine")
    assert done.returncode == 3, done.stderr
    assert "nothing found" in done.stdout


def test_doctor_of_a_script_that_fails(tmp_path: Path) -> None:
    done = doctor(tmp_path, "raise")
    assert done.returncode == 1
    assert "FAILED (error)" in done.stdout
    assert "ValueError: nonsense" in done.stderr
    nowhere = doctor(tmp_path, "--html", "nowhere/r.html", "fine")
    assert nowhere.returncode == 2
    assert "cannot write" in nowhere.stderr


BY_HAND = """
import sys
import pyforge as pf

kind = sys.argv[1]
pf.manual_seed(0)
net = pf.nn.Sequential(
    *(layer for _ in range(9) for layer in (pf.nn.Linear(8, 8), pf.nn.Sigmoid())), pf.nn.Linear(8, 1)
)
w1 = pf.randn(8, 8).requires_grad_()
hidden = [pf.randn(8, 1).requires_grad_()]
x = pf.randn(32, 8)
y = x.sum(1, keepdim=True)
for step in range(40):
    if kind == "net":
        loss = ((net(x) - y) ** 2).mean()
        params = list(net.parameters())
    elif kind == "born":
        loss = pf.log(pf.relu(x @ w1) @ hidden[0].relu() * 0).mean()
        params = [w1, *hidden]
    elif kind == "cut":
        loss = ((net[-1](net[:2](x).detach()) - y) ** 2).mean()
        params = [net[-1].weight, net[-1].bias]
    else:
        loss = ((pf.tanh(x @ w1) @ hidden[0] - y) ** 2).mean()
        params = [w1, *hidden]
    loss.backward()
    for p in params:
        p.data -= 0.01 * p.grad
        if kind != "kept":
            p.grad = None
"""


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("net", ["the updates: 40 steps", "VANISHING (error) at 0", "(model[0].weight"]),
        ("kept", ["NOT_ZEROED (error) at the updates", "p.grad = None", "w1 ", "hidden[0]"]),
        ("born", ["NON_FINITE (error) at", "train.py:19", "LogBackward0", "step 0"]),
        ("cut", ["NO_GRADIENT (error) at 0.weight", "detach", "train.py:22"]),
        ("fine", ["the updates: 40 steps", "nothing found"]),
    ],
)  # fmt: skip
def test_doctor_of_updates_by_hand(
    kind: str, expected: list[str], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setitem(globals(), "SCRIPT", BY_HAND)
    done = doctor(tmp_path, kind)
    assert not done.stderr
    for text in expected:
        assert text in done.stdout, done.stdout


def test_monitor_without_optimizer_counts_no_step_while_gradients_accumulate() -> None:
    net = nn.Linear(3, 1)
    with Monitor(net, on_error="raise") as monitor:
        for step in range(12):
            net(pf.randn(4, 3)).square().mean().backward()
            if step % 4 == 3:
                with pf.no_grad():
                    for p in net.parameters():
                        p -= 0.01 * p.grad
                        p.grad = None
    assert monitor.snapshot().courses[0].steps == 3
