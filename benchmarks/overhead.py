"""What one small op, one node, one small training step and one import cost."""

from __future__ import annotations

import importlib
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .harness import Row, Step, compare, interleave, median_ratio

Modules = dict[str, Any]

FLOATS = [0.1, 0.2, 0.3, 0.4]


def load(against: list[str]) -> Modules:
    modules = {"pyforge": importlib.import_module("pyforge")}
    for name in against:
        try:
            modules[name] = importlib.import_module(name)
        except ImportError:
            print(f"{name} is not installed; left out")
    for name in ("pyforge", "torch"):
        if name in modules:
            modules[name].set_num_threads(1)
    return modules


def tracked(modules: Modules) -> Modules:
    return {n: P for n, P in modules.items() if n != "numpy"}


def three_floats(P: Any, requires_grad: bool) -> tuple[Any, Any, Any]:
    if P.__name__ == "numpy":
        return tuple(P.array(FLOATS, dtype=P.float32) for _ in range(3))
    return tuple(P.tensor(FLOATS, requires_grad=requires_grad) for _ in range(3))


def muladd(modules: Modules) -> list[Row]:
    """`a * b + c` on four floats, without and with a tape."""

    def step(P: Any, requires_grad: bool) -> Step:
        a, b, c = three_floats(P, requires_grad)
        return lambda: a * b + c

    plain = {n: step(P, False) for n, P in modules.items()}
    taped = {n: step(P, True) for n, P in tracked(modules).items()}
    return [
        compare("a*b+c, 4 floats, untracked", plain, 15),
        compare("a*b+c, 4 floats, tracked", taped, 15),
    ]


def scalar_factor(modules: Modules) -> list[Row]:
    """`2 * x` should cost about what `x * x` costs."""
    (x, *_) = three_floats(modules["pyforge"], False)
    times = interleave({"2*x": lambda: 2 * x, "x*x": lambda: x * x}, rounds=25)
    ratio = median_ratio(times["2*x"], times["x*x"])
    medians = {"pyforge": statistics.median(times["2*x"])}
    return [Row("2*x against x*x", medians, ratio, "<= 1.2x", ratio <= 1.2)]


def chain(P: Any, nodes: int) -> Any:
    """A chain of tiny ops: alternating products and sums."""
    x = P.tensor(FLOATS, requires_grad=True)
    y = x
    for k in range(nodes):
        y = y * x if k % 2 else y + x
    return y.sum()


def backward_seconds(P: Any, nodes: int, repeats: int) -> float:
    """Per node of backward alone; graphs are built before the clock starts."""
    graphs = [chain(P, nodes) for _ in range(repeats)]
    start = time.perf_counter()
    for g in graphs:
        g.backward()
    return (time.perf_counter() - start) / repeats / (nodes + 1)


def backward_chain(modules: Modules) -> list[Row]:
    rows = []
    for nodes in (100, 300, 1000):
        times: dict[str, list[float]] = {n: [] for n in tracked(modules)}
        for k in range(12):
            names = list(times) if k % 2 == 0 else list(times)[::-1]
            for n in names:
                times[n].append(backward_seconds(modules[n], nodes, max(2, 3000 // nodes)))
        medians = {n: statistics.median(t) for n, t in times.items()}
        ratio = median_ratio(times["torch"], times["pyforge"]) if "torch" in times else None
        met = None if ratio is None else ratio >= 15
        rows.append(Row(f"backward per node, chain of {nodes}", medians, ratio, ">= 15x", met))
    return rows


class Network:
    """A network of 64-64-10 with Adam, on one batch of 32, from given weights."""

    def __init__(self, P: Any) -> None:
        self.P = P
        self.model = P.nn.Sequential(P.nn.Linear(64, 64), P.nn.Tanh(), P.nn.Linear(64, 10))
        with P.no_grad():
            for k, p in enumerate(self.model.parameters()):
                values = [0.1 * math.sin(1.0 + 0.37 * i + k) for i in range(p.numel())]
                p.copy_(P.tensor(values).view(*p.shape))
        x = [math.sin(0.1 + 0.013 * i * i) for i in range(32 * 64)]
        self.x = P.tensor(x).view(32, 64)
        self.y = P.tensor([(7 * i) % 10 for i in range(32)])
        self.optimiser = P.optim.Adam(self.model.parameters(), lr=1e-3)
        self.loss: Callable[..., Any] = P.nn.functional.cross_entropy

    def step(self) -> Any:
        self.optimiser.zero_grad()
        loss = self.loss(self.model(self.x), self.y)
        loss.backward()
        self.optimiser.step()
        return loss


def mlp(modules: Modules) -> list[Row]:
    networks = {n: Network(P) for n, P in tracked(modules).items()}
    curves = {n: [net.step().item() for _ in range(50)] for n, net in networks.items()}
    rows = [
        compare(
            "MLP 64-64-10, batch 32, Adam, step",
            {n: net.step for n, net in networks.items()},
            8,
        )
    ]
    ours = curves["pyforge"]
    rows[0].note = f"loss {ours[0]:.6f} -> {ours[-1]:.6f}"
    if "torch" in curves:
        theirs = curves["torch"]
        gap = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
        print("loss of the MLP, every tenth step")
        for n, curve in curves.items():
            print(f"  {n:8s}", " ".join(f"{v:.7f}" for v in [*curve[::10], curve[-1]]))
        rows.append(
            Row(
                "  loss curve over 50 steps",
                target="<= 1e-05",
                met=gap <= 1e-5,
                note=f"largest difference {gap:.2g}",
            )
        )
    return rows


def import_seconds(statement: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def import_time(modules: Modules) -> list[Row]:
    """Beyond a bare interpreter, each in a process of its own."""
    names = [n for n in modules if n != "numpy"]
    extra: dict[str, list[float]] = {n: [] for n in names}
    for k in range(11):
        bare = import_seconds("pass")
        for n in names:
            if n == "torch" and k >= 3:
                continue
            extra[n].append(import_seconds(f"import {n}") - bare)
    medians = {n: statistics.median(t) for n, t in extra.items()}
    ratio = medians["torch"] / medians["pyforge"] if "torch" in medians else None
    met = medians["pyforge"] <= 0.030
    return [Row("import, beyond a bare interpreter", medians, ratio, "<= 30 ms", met)]


def installed_size(modules: Modules) -> list[Row]:
    folder = Path(modules["pyforge"].__file__).parent
    size = sum(
        f.stat().st_size for f in folder.rglob("*") if f.is_file() and "__pycache__" not in f.parts
    )
    note = f"{size / 1e6:.2f} MB"
    return [Row("installed size", target="<= 10 MB", met=size <= 10e6, note=note)]


def depth_sweep(modules: Modules) -> list[Row]:
    """Building, running and freeing chains: the time per node does not grow with the depth."""
    P = modules["pyforge"]
    x = P.ones(1, requires_grad=True)

    def per_node(depth: int) -> float:
        repeats = max(1, 20_000 // depth)
        start = time.perf_counter()
        for _ in range(repeats):
            y = x
            for _ in range(depth):
                y = y + 1
            y.backward()
            del y
        return (time.perf_counter() - start) / repeats / depth

    depths = [10, 100, 1000, 10_000, 100_000, 1_000_000]
    times: dict[int, list[float]] = {d: [] for d in depths}
    for _ in range(5):
        for d in depths:
            times[d].append(per_node(d))
    best = {d: min(t) for d, t in times.items()}
    # Ten nodes carry the fixed cost of a call to backward; the reference is a hundred.
    reference = best[100]
    rows = []
    for d in depths:
        limit = 1.5 if d <= 10_000 else 3.0
        ratio = best[d] / reference
        met = None if d == 10 else ratio <= limit
        rows.append(
            Row(f"per node, chain of {d}", {"pyforge": best[d]}, ratio, f"<= {limit:g}x", met)
        )
    return rows


SECTIONS: dict[str, Callable[[Modules], list[Row]]] = {
    "ops": muladd,
    "scalar": scalar_factor,
    "backward": backward_chain,
    "mlp": mlp,
    "import": import_time,
    "size": installed_size,
    "depth": depth_sweep,
}


def run(modules: Modules, sections: list[str]) -> list[Row]:
    rows = []
    for name in sections:
        rows += SECTIONS[name](modules)
    return rows
