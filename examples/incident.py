"""Ten sigmoid layers stall; the monitor says why; each cure is applied in turn."""

import pyforge as pf
from pyforge import nn
from pyforge.diagnose import Monitor

DEPTH, WIDTH, STEPS = 10, 32, 150


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: pf.Tensor) -> pf.Tensor:
        return x + pf.sigmoid(self.linear(x))


def block(cure: str) -> list[nn.Module]:
    if cure == "residual connections":
        return [Residual()]
    linear = nn.Linear(WIDTH, WIDTH)
    if cure == "He init and ReLU":
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
    if cure == "batch norm":
        return [linear, nn.BatchNorm1d(WIDTH), nn.Sigmoid()]
    return [linear, nn.Sigmoid() if cure == "ten sigmoid layers" else nn.ReLU()]


def train(cure: str) -> Monitor:
    pf.manual_seed(0)
    layers = [layer for _ in range(DEPTH) for layer in block(cure)]
    model = nn.Sequential(*layers, nn.Linear(WIDTH, 2))
    optimizer = pf.optim.Adam(model.parameters(), lr=1e-3)
    x = pf.randn(256, WIDTH)
    labels = (x[:, 0] + x[:, 1] > 0).long()
    with Monitor(model, optimizer, on_error="log") as monitor:
        for _ in range(STEPS):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), labels).backward()
            optimizer.step()
    return monitor


CURES = ("ten sigmoid layers", "ReLU", "batch norm", "He init and ReLU", "residual connections")


def draw(runs: dict[str, Monitor], path: str) -> None:
    """Loss curves, and the gradient flow of the first step."""
    from matplotlib.figure import Figure

    colors = ("#000000", "#0072B2", "#E69F00", "#009E73", "#CC79A7")
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, monitor), color, marker in zip(runs.items(), colors, "Xos^D"):
        seen = monitor.snapshot()
        style = {"color": color, "label": name, "linestyle": "--" if marker == "X" else "-"}
        left.plot(*seen.courses[0].loss, **style)
        right.plot([row.norms[0] for row in seen.layers], marker=marker, markersize=5, **style)
    left.set(xlabel="step", ylabel="loss", yscale="log", title="Loss")
    right.set(xlabel="layer, from the input", ylabel="gradient norm", yscale="log")
    right.set_title("Gradient flow at the first step")
    left.legend(fontsize=8)
    for axis in (left, right):
        axis.grid(color="#dddddd", linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main(path: str | None = None) -> dict[str, tuple[float, float]]:
    """Last loss, and gradient at the first layer over that at the last, per cure."""
    runs = {cure: train(cure) for cure in CURES}
    found = {}
    for name, monitor in runs.items():
        seen = monitor.snapshot()
        ratio = seen.layers[0].norms[0] / seen.layers[-1].norms[0]
        found[name] = seen.courses[0].loss[1][-1], ratio
        said = ", ".join(f"{v.kind} at {v.where}" for v in seen.verdicts if v.severity == "error")
        print(f"{name:>21}: loss {found[name][0]:.3g}, first/last {ratio:.1e}  {said}")
    if path:
        draw(runs, path)
    return found


if __name__ == "__main__":
    import sys

    main(sys.argv[1] if len(sys.argv) > 1 else None)
