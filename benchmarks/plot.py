"""One picture of a report: how many times less time than the fastest peer, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .report import Row

# Okabe and Ito's colours, which readers with any colour vision can tell apart.
MET, AHEAD, LOST, DARK = "#0072B2", "#E69F00", "#D55E00", "#222222"
LINE, GAP, SIDE = 0.165, 0.56, 6.2  # inches: a row, a group's title, a column
LABEL = 0.56  # share of a column that row names take


def compared(rows: Sequence[Row]) -> list[Row]:
    """Rows with a ratio of times; shares and ratios of other things are not drawn."""
    return [r for r in rows if r.unit == "s" and r.best is not None]


def target(row: Row) -> float | None:
    """The bound that concerns the fastest peer."""
    best = row.best
    names = ("best", best[0]) if best else ()
    bounds = [v.bound for v in row.verdicts if v.target.split("x ")[-1] in names]
    return max(bounds, default=None)


def colour(row: Row) -> str:
    if row.best is None or row.best[1] < 1:
        return LOST
    return AHEAD if row.missed else MET


def columns(sizes: Mapping[str, int], count: int) -> list[list[str]]:
    """Groups in order, in columns of about the same height."""
    heights = {g: n * LINE + GAP for g, n in sizes.items()}
    made: list[list[str]] = [[]]
    share, used = sum(heights.values()) / count, 0.0
    for group, height in heights.items():
        if made[-1] and used + height / 2 > share * len(made) and len(made) < count:
            made.append([])
        made[-1].append(group)
        used += height
    return made


def draw(path: Path, about: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Writes the picture; the kind of file follows from the name.

    Bars are for the smallest number of threads, diamonds for the others.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    drawn = compared(rows)
    groups: dict[str, dict[str, list[Row]]] = {}
    for row in drawn:
        groups.setdefault(row.group, {}).setdefault(row.name, []).append(row)
    sizes = {g: len(names) for g, names in groups.items()}
    total = sum(sizes.values())
    layout = columns(sizes, 1 if total <= 45 else 2 if total <= 110 else 3)
    top, bottom = 0.95, 0.0
    tallest = max((sum(sizes[g] * LINE + GAP for g in column) for column in layout), default=GAP)
    width, height = SIDE * len(layout), tallest + top + bottom
    figure = plt.figure(figsize=(width, height))
    ratios = [r.best[1] for r in drawn if r.best] + [1.0]
    low = min(0.5, 0.8 * min(ratios))
    high = 3.0 * max(2.0, *ratios, *(target(r) or 1.0 for r in drawn))
    for k, column in enumerate(layout):
        y = height - top
        for group in column:
            size = sizes[group] * LINE
            left = k * SIDE + LABEL * SIDE
            box = (left / width, (y - size) / height, (0.97 - LABEL) * SIDE / width, size / height)
            draw_group(figure.add_axes(box), group, groups[group], (low, high))
            y -= size + GAP
    heading(figure, about, rows, width, height)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_group(
    axes: Any, group: str, names: Mapping[str, list[Row]], limits: tuple[float, float]
) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.set_ylim(len(names) - 0.45, -0.55)
    first = min(r.threads for same in names.values() for r in same)
    for k, same in enumerate(names.values()):
        for row in same:
            best, goal = row.best, target(row)
            if best is None:
                continue
            ratio = best[1]
            if row.threads == first:
                axes.barh(
                    k,
                    ratio - 1,
                    left=1,
                    height=0.74,
                    color=colour(row),
                    hatch="////" if ratio < 1 else None,
                    edgecolor="white" if ratio < 1 else colour(row),
                    linewidth=0.3,
                )
                if goal is not None:
                    axes.plot([goal, goal], [k - 0.45, k + 0.45], color=DARK, linewidth=1.6)
                place = max(ratio, goal or 1, 1) * 1.06
                text = f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}"
                axes.text(place, k, f"{text} {best[0]}", va="center", fontsize=5.5, color=DARK)
            else:
                axes.plot(
                    ratio,
                    k,
                    "D",
                    markersize=3.4,
                    color="white",
                    markeredgecolor=DARK,
                    markeredgewidth=0.8,
                )
    axes.axvline(1, color=DARK, linewidth=0.9)
    axes.set_yticks(range(len(names)), list(names), fontsize=6.5)
    axes.tick_params(axis="y", length=0)
    marks = [
        m for m in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000) if limits[0] < m < limits[1]
    ]
    axes.xaxis.set_major_locator(FixedLocator(marks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}x"))
    axes.tick_params(axis="x", labelsize=6, length=2)
    axes.grid(axis="x", color="#cccccc", linewidth=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.set_title(group, loc="left", fontsize=9, fontweight="bold", pad=3)


def heading(
    figure: Any, about: Mapping[str, Any], rows: Sequence[Row], width: float, height: float
) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    peers = sorted({n for r in rows for n in r.ratios})
    threads = sorted({r.threads for r in compared(rows)})
    versions = ", ".join(f"{n} {about[n]}" for n in ("pyforge", *peers) if n in about)
    left = 0.15 / width
    title = "Times less time than the fastest of " + ", ".join(peers)
    figure.text(left, 1 - 0.30 / height, title, fontsize=13, fontweight="bold")
    machine = f"{about.get('processor', '')}, {threads[0] if threads else 1} thread; {versions}"
    figure.text(left, 1 - 0.52 / height, machine, fontsize=7.5, color="#444444")
    handles: list[Any] = [
        Patch(color=MET, label="faster, target met"),
        Patch(color=AHEAD, label="faster, target missed"),
        Patch(facecolor=LOST, hatch="////", edgecolor="white", label="slower"),
        Line2D(
            [],
            [],
            color=DARK,
            linewidth=1.6,
            marker="|",
            linestyle="",
            markersize=9,
            label="target",
        ),
    ]
    if len(threads) > 1:
        label = f"{', '.join(map(str, threads[1:]))} threads"
        handles.append(
            Line2D(
                [], [], marker="D", color="white", markeredgecolor=DARK, linestyle="", label=label
            )
        )
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(left, 1 - 0.58 / height),
        ncols=len(handles),
        fontsize=7,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
    )
