"""The pictures of a training run, for a page and for one sheet. Needs ``matplotlib``.

Colours are those of Okabe and Ito, and the map ``cividis``: both can be told apart by readers who
are colour-blind; lines differ in their markers or dashes too.
"""

from __future__ import annotations

import math

import numpy as np

from .snapshot import LOWEST_EXPONENT, ActivationRow, LayerRow, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Draw = Callable[[Any, Snapshot], None]

BLUE, ORANGE, GREEN, RED, SKY, PINK = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7",
)  # fmt: skip
GREY = "#666666"
_DASHES = ("-", "--", "-.", ":")
_MOST_LABELS = 24


def pictures(seen: Snapshot) -> list[tuple[str, str, Any]]:
    """(title, caption, figure) of each picture that has something to show."""
    from matplotlib.figure import Figure

    found = []
    for title, caption, draw in _chosen(seen):
        height = 4.6 if draw is draw_flow else 3.4
        if draw not in (draw_flow, draw_course):
            height = 0.22 * len(seen.layers) + 1.4
        figure = Figure(figsize=(7.2, min(max(3.4, height), 9)), layout="constrained")
        draw(figure.subplots(), seen)
        found.append((title, caption, figure))
    return found


def sheet(seen: Snapshot) -> Any:
    """All pictures on one figure."""
    from matplotlib.figure import Figure

    chosen = _chosen(seen)
    rows = max((len(chosen) + 1) // 2, 1)
    figure = Figure(figsize=(14, 4.2 * rows), layout="constrained")
    axes = figure.subplots(rows, 2, squeeze=False).ravel()
    for axis, (title, _, draw) in zip(axes, chosen, strict=False):
        draw(axis, seen)
        axis.set_title(title, fontsize=11, fontweight="bold", loc="left")
    for axis in axes[len(chosen) :]:
        axis.set_visible(False)
    return figure


def _chosen(seen: Snapshot) -> list[tuple[str, str, Draw]]:
    layers, over_time = bool(seen.layers), any(len(row.steps) > 1 for row in seen.layers)
    table: list[tuple[bool, str, str, Draw]] = [
        (bool(seen.courses), "Loss and gradient norm",
         "The loss of each step and the norm of the whole gradient.", draw_course),
        (layers, "Gradient flow by layer",
         "Norm of each weight's gradient, the input side on the left. A steady fall towards the "
         "left is a vanishing gradient, a rise an exploding one.", draw_flow),
        (over_time, "Gradient flow over time",
         "The same over the run: bright is large. A row that is dark throughout does not learn.",
         draw_flow_over_time),
        (layers and any(any(row.exponents) for row in seen.layers), "Sizes of gradients",
         "How the elements of the last gradient are spread over powers of two. Left of the line "
         "they are below 1e-8; the first column holds zeros.", draw_exponents),
        (layers, "Update ratios",
         "By how much of its size a step changes a weight, median of the last steps and the range "
         "over the run. The band from 1e-5 to 1e-1 is usual.", draw_ratios),
        (bool(seen.activations), "Activation health",
         "Outputs that are zero or at the ends of their range; the diamond is the share of units "
         "of a ReLU that are zero for all data (dead). Short bars are good.", draw_activations),
    ]  # fmt: skip
    return [(title, caption, draw) for there, title, caption, draw in table if there]


def _quiet(axis: Any) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="both", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)


def _positive(values: Any) -> Any:
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(array) & (array > 0), array, np.nan)


def _log(axis: Any, values: Any, which: str = "y") -> None:
    """A logarithmic scale if the values span more than a factor of ten and are positive."""
    array = np.asarray(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    if array.size and array.min() > 0 and array.max() > 10 * array.min():
        getattr(axis, f"set_{which}scale")("log")


def draw_course(axis: Any, seen: Snapshot) -> None:
    """Loss on the left scale, norm of the gradient on the right one."""
    beside = axis.twinx()
    losses: list[float] = []
    several = len(seen.courses) > 1
    for k, course in enumerate(seen.courses):
        name = f" ({course.label})" if several else ""
        dash = _DASHES[k % len(_DASHES)]
        axis.plot(*course.loss, color=BLUE, linestyle=dash, linewidth=1.6, label=f"loss{name}")
        beside.plot(
            course.norm[0], _positive(course.norm[1]), color=ORANGE, linestyle=dash, linewidth=1,
            alpha=0.9, label=f"gradient norm{name}",
        )  # fmt: skip
        losses += course.loss[1]
    _quiet(axis)
    _log(axis, losses)
    _log(beside, [v for course in seen.courses for v in course.norm[1]])
    axis.set(xlabel="step", ylabel="loss")
    beside.set_ylabel("gradient norm")
    beside.spines["top"].set_visible(False)
    axis.set_zorder(beside.get_zorder() + 1)
    axis.patch.set_visible(False)
    handles = [*axis.lines, *beside.lines]
    axis.legend(handles=handles, fontsize=8, loc="best", framealpha=0.9)


def draw_flow(axis: Any, seen: Snapshot) -> None:
    """Norm per layer at the beginning of the run and at its end."""
    rows, at = seen.layers, np.arange(len(seen.layers))
    first = _positive([row.norms[0] if row.norms else math.nan for row in rows])
    last = _positive([row.norm for row in rows])
    axis.plot(at, first, color=SKY, marker="s", linestyle="--", markersize=5, label="first step")
    axis.plot(at, last, color=BLUE, marker="o", linewidth=1.8, markersize=6, label="last steps")
    missing = at[~np.isfinite(last)]
    _quiet(axis)
    _log(axis, np.concatenate([first, last]))
    if missing.size:
        bottom = axis.get_ylim()[0]
        axis.plot(
            missing, np.full(missing.size, bottom), color=RED, marker="x", linestyle="none",
            markersize=8, clip_on=False, label="none or not finite",
        )  # fmt: skip
    _name_layers(axis, rows, "x")
    axis.set(ylabel="gradient norm", xlabel="layer, from the input to the loss")
    axis.legend(fontsize=8, framealpha=0.9)


def draw_flow_over_time(axis: Any, seen: Snapshot) -> None:
    """A map of layers and steps."""
    rows = _together(seen.layers)
    steps = rows[0].steps
    norms = np.log10(_positive([row.norms for row in rows]))
    mesh = _map(axis, norms, steps)
    axis.figure.colorbar(mesh, ax=axis, label="log10 of the gradient norm")
    _name_layers(axis, rows, "y")
    axis.set(xlabel="step")


def _together(rows: list[LayerRow]) -> list[LayerRow]:
    """Those that were seen at the same steps as the first one."""
    return [row for row in rows if row.steps == rows[0].steps]


def _map(axis: Any, values: Any, steps: list[int]) -> Any:
    low, high = (np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else (0, 1)
    if high - low < 1:
        low, high = (low + high - 1) / 2, (low + high + 1) / 2
    edges = np.append(steps, steps[-1] + (steps[-1] - steps[-2]))
    lines = np.arange(len(values) + 1) - 0.5
    axis.set_facecolor("#f2c6c6")  # no gradient, or not finite
    mesh = axis.pcolormesh(
        edges, lines, np.ma.masked_invalid(values), cmap="cividis", vmin=low, vmax=high
    )
    axis.invert_yaxis()
    return mesh


def draw_exponents(axis: Any, seen: Snapshot) -> None:
    """A map of layers and binary exponents."""
    rows = [row for row in seen.layers if any(row.exponents)]
    counts = np.array([row.exponents for row in rows], dtype=np.float64)
    share = counts / counts.sum(1, keepdims=True)
    filled = np.flatnonzero(counts.sum(0))
    first, last = max(int(filled[0]) - 1, 0), min(int(filled[-1]) + 2, counts.shape[1])
    first = min(first, last - 8) if last >= 8 else first
    edges = np.arange(first, last + 1) + LOWEST_EXPONENT
    lines = np.arange(len(rows) + 1) - 0.5
    shown = np.ma.masked_equal(share[:, first:last], 0)
    mesh = axis.pcolormesh(edges, lines, shown, cmap="cividis", vmin=0)
    axis.figure.colorbar(mesh, ax=axis, label="share of elements")
    tiny = math.log2(1e-8)
    if edges[0] < tiny < edges[-1]:
        axis.axvline(tiny, color=RED, linestyle="--", linewidth=1.2)
        axis.annotate(
            "1e-8", (tiny, 1.0), xycoords=("data", "axes fraction"), xytext=(3, 2),
            textcoords="offset points", color=RED, fontsize=8,
        )  # fmt: skip
    axis.invert_yaxis()
    _name_layers(axis, rows, "y")
    axis.set(xlabel="log2 of |gradient|")


def draw_ratios(axis: Any, seen: Snapshot) -> None:
    """Median and range of each layer's ratio of update to weight."""
    rows, at = seen.layers, np.arange(len(seen.layers))
    middle = _positive([row.ratio for row in rows])
    axis.axvspan(1e-5, 1e-1, color=GREEN, alpha=0.12, label="usual")
    axis.axvline(1e-3, color=GREEN, linestyle=":", linewidth=1)
    for k, row in zip(at, rows, strict=True):
        seen_ratios = _positive(row.ratios)
        if np.isfinite(seen_ratios).any():
            axis.plot(
                [np.nanmin(seen_ratios), np.nanmax(seen_ratios)], [k, k], color=GREY, linewidth=2,
                alpha=0.6,
            )  # fmt: skip
    fine = (middle >= 1e-5) & (middle <= 0.1)
    axis.plot(middle[fine], at[fine], "o", color=BLUE, markersize=6, label="median")
    if (outside := np.isfinite(middle) & ~fine).any():
        axis.plot(middle[outside], at[outside], "X", color=RED, markersize=8, label="outside")
    _quiet(axis)
    axis.set_xscale("log")
    axis.set_xlim(*_wide(axis.get_xlim()))
    still = np.array([row.ratio == 0 for row in rows])
    if still.any():
        left = np.full(int(still.sum()), axis.get_xlim()[0])
        axis.plot(left, at[still], "<", color=RED, markersize=8, clip_on=False, label="0")
    axis.set_ylim(len(rows) - 0.5, -0.5)
    _name_layers(axis, rows, "y")
    axis.set(xlabel="size of a step / size of the weight")
    axis.legend(
        fontsize=8,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=4,
        borderaxespad=0.2,
        frameon=False,
    )


def _wide(limits: tuple[float, float]) -> tuple[float, float]:
    return min(limits[0], 1e-6), max(limits[1], 1.0)


def draw_activations(axis: Any, seen: Snapshot) -> None:
    """Stacked shares of zero, low and high outputs, with the units that are dead."""
    rows = seen.activations
    at = np.arange(len(rows))
    left = np.zeros(len(rows))
    zero = [row.zero if row.kind == "relu" else 0.0 for row in rows]
    for name, color, hatch, shares in (
        ("zero", SKY, "", zero),
        ("at the lower end", ORANGE, "//", [row.low for row in rows]),
        ("at the upper end", PINK, "\\\\", [row.high for row in rows]),
    ):
        if any(shares):
            axis.barh(
                at, shares, left=left, height=0.65, color=color, hatch=hatch, edgecolor="white",
                label=name,
            )  # fmt: skip
        left += np.array(shares)
    for k, share in enumerate(left.tolist()):
        axis.annotate(
            f"{share:.0%}", (share, k), xytext=(8, 0), textcoords="offset points", va="center",
            fontsize=8, color=GREY,
        )  # fmt: skip
    relu = np.array([a.kind == "relu" for a in rows])
    if relu.any():
        idle = np.array([a.idle for a in rows])
        axis.plot(
            idle[relu], at[relu], "D", color=RED, markersize=6, linestyle="none",
            label="dead units", clip_on=False,
        )  # fmt: skip
    _quiet(axis)
    axis.set(xlim=(0, 1), xlabel="share")
    axis.set_ylim(len(rows) - 0.5, -0.5)
    _name_layers(axis, rows, "y", kinds=True)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=8, loc="best", framealpha=0.9)


def _name_layers(
    axis: Any, rows: list[LayerRow] | list[ActivationRow], which: str, kinds: bool = False
) -> None:
    every = -(-len(rows) // _MOST_LABELS)
    at = np.arange(0, len(rows), every)
    names = [rows[i].label for i in at]
    names = [n if len(n) <= 28 else f"…{n[-27:].lstrip('.')}" for n in names]
    if kinds:
        names = [f"{n} {rows[i].kind}" for n, i in zip(names, at, strict=True)]  # type: ignore[union-attr]
    if which == "y":
        axis.set_yticks(at, names, fontsize=8)
        return
    upright = sum(len(n) + 2 for n in names) > 56
    axis.set_xticks(at, names, fontsize=8, rotation=60 if upright else 0,
                    ha="right" if upright else "center")  # fmt: skip
