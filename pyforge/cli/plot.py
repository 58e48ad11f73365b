"""The picture of a training run."""

from __future__ import annotations

from .._files import replacing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .demo import Epoch


def save_plot(history: list[Epoch], path: str) -> None:
    """Draw loss, accuracy and the gradient norm of each layer over the epochs.

    The picture is written under a temporary name first, so ``path`` never holds half of one.

    Raises:
        OSError: if the file cannot be written.
        ValueError: for a file name extension that matplotlib does not know.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    epochs = list(range(1, len(history) + 1))
    figure = Figure(figsize=(10, 4), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [epoch.loss for epoch in history], color="tab:blue", label="training loss")
    left.set(xlabel="epoch", ylabel="loss", yscale="log", title="Loss and accuracy")
    beside = left.twinx()
    beside.plot(epochs, [epoch.accuracy for epoch in history], color="tab:orange", label="accuracy")
    beside.set(ylabel="held-out accuracy")
    left.legend(handles=[*left.lines, *beside.lines], loc="center right")
    for name in history[0].grad_norms:
        norms = [max(epoch.grad_norms[name], 1e-30) for epoch in history]
        right.plot(epochs, norms, label=f"layer {name}")
    right.set(xlabel="epoch", ylabel="mean norm", yscale="log", title="Gradient flow")
    right.legend()

    with replacing(path) as temporary:
        canvas.print_figure(temporary, dpi=120)
