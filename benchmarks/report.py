"""Rows, verdicts, tables; what was lost is listed as plainly as what was won."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .case import Bound


@dataclass
class Verdict:
    """A target, what was reached, and whether that is enough."""

    target: str
    bound: float
    reached: float
    met: bool


@dataclass
class Row:
    """One line of the report; `ratios` are times less time than a peer, medians over rounds."""

    group: str
    name: str
    threads: int
    unit: str = "s"
    values: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    share: float | None = None
    verdicts: list[Verdict] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    wrong: bool = False
    rounds: int = 0

    @property
    def best(self) -> tuple[str, float] | None:
        """The fastest peer and the ratio to it."""
        return min(self.ratios.items(), key=lambda item: item[1]) if self.ratios else None

    @property
    def missed(self) -> list[Verdict]:
        return [v for v in self.verdicts if not v.met]

    @property
    def lost(self) -> bool:
        """Slower than a peer, below a target, wrong, or broken."""
        broken = any(p != "not available" for p in self.problems.values())
        return bool(self.missed) or broken or (self.best is not None and self.best[1] < 1.0)


def judge(row: Row, at_least: Mapping[str, Bound], at_most: float | None) -> None:
    """Adds a verdict for every target there is a number for."""
    for what, bounds in at_least.items():
        bound = bounds if not isinstance(bounds, tuple) else bounds[row.threads > 1]
        if what == "limit":
            reached = row.share
        elif what == "best":
            reached = row.best[1] if row.best else None
        else:
            reached = row.ratios.get(what)
        if reached is not None:
            text = f"{bound:.0%} of limit" if what == "limit" else f"{bound:g}x {what}"
            row.verdicts.append(Verdict(text, bound, reached, reached >= bound))
    ours = row.values.get("pyforge")
    if at_most is not None and ours is not None:
        target = f"at most {show(at_most, row.unit)}"
        row.verdicts.append(Verdict(target, at_most, ours, ours <= at_most))


UNITS = {
    "s": (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)),
    "bytes": (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)),
}


def show(value: float, unit: str = "s") -> str:
    if unit not in UNITS:
        return f"{value:.3g} {unit}".strip()
    name, size = next((u for u in UNITS[unit] if abs(value) >= u[1]), UNITS[unit][-1])
    return f"{value / size:.3g} {name}"


def times(ratio: float) -> str:
    return f"{ratio:.0f}x" if ratio >= 99.5 else f"{ratio:.2f}x"


def remark(row: Row) -> str:
    """What the last column says."""
    parts = [f"NOT MET: {v.target}" for v in row.missed]
    if not row.missed and row.best is not None and row.best[1] < 1.0:
        parts.append(f"slower than {row.best[0]}")
    if not parts and row.verdicts:
        parts.append("met: " + ", ".join(v.target for v in row.verdicts))
    for engine, problem in row.problems.items():
        parts.append(f"{engine} {problem}")
    return "; ".join(parts)


def cells(row: Row, peers: Sequence[str]) -> list[str]:
    values = [
        show(row.values[e], row.unit) if e in row.values else "-" for e in ("pyforge", *peers)
    ]
    ratios = [times(row.ratios[p]) if p in row.ratios else "-" for p in peers]
    best = times(row.best[1]) if row.best else "-"
    share = f"{row.share:.0%}" if row.share is not None else "-"
    return [row.name, *values, *ratios, best, share, remark(row)]


def head(peers: Sequence[str]) -> list[str]:
    vs = [f"vs {p}" for p in peers]
    return ["", "pyforge", *peers, *vs, "vs best", "of limit", "verdict"]


def peers_of(rows: Iterable[Row]) -> list[str]:
    seen = {p for r in rows for p in (*r.values, *r.problems) if p not in ("pyforge", "limit")}
    return [p for p in ("torch", "numpy", "jax") if p in seen] + sorted(
        seen - {"torch", "numpy", "jax"}
    )


def table(title: str, lines: Sequence[Sequence[str]], columns: Sequence[str], bad: set[int]) -> Any:
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for k, column in enumerate(columns):
        left = k in (0, len(columns) - 1)
        made.add_column(column, justify="left" if left else "right", no_wrap=not left)
    for k, line in enumerate(lines):
        made.add_row(*map(Text, line), style="bold" if k in bad else None)
    return made


def print_all(about: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """The machine, the tables and the losses, on standard output."""
    import sys

    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    facts = [f"{k} {v}" for k, v in about.items() if isinstance(v, str | int)]
    console.print(", ".join(facts), markup=False)
    for rates in about.get("limits", []):
        console.print(
            f"limits, {rates['threads']} threads: "
            f"{rates['peak_f32_flops'] / 1e9:.0f} GFLOP/s float32, "
            f"{rates['peak_f64_flops'] / 1e9:.0f} float64, "
            f"{rates['copy_bytes_per_second'] / 1e9:.1f} GB/s copied, "
            f"{show(rates['call_seconds'])} a call ({rates['method']})"
        )
    console.print()
    print_rows(console, rows)


def print_rows(console: Any, rows: Sequence[Row]) -> None:
    """A table per group and number of threads, then the losses."""
    for group, threads in dict.fromkeys((r.group, r.threads) for r in rows):
        part = [r for r in rows if (r.group, r.threads) == (group, threads)]
        peers = peers_of(part)
        bad = {k for k, r in enumerate(part) if r.lost}
        title = f"{group}, {threads} thread{'s' * (threads > 1)}"
        console.print(table(title, [cells(r, peers) for r in part], head(peers), bad), "")
    print_losses(console, rows)


def print_losses(console: Any, rows: Sequence[Row]) -> None:
    """Every row that is below a target or slower than a peer, or has no result of pyforge."""
    lost = [r for r in rows if r.lost]
    lines = [
        [
            f"{r.group}: {r.name}",
            str(r.threads),
            f"{times(r.best[1])} {r.best[0]}" if r.best else "-",
            f"{r.share:.0%}" if r.share is not None else "-",
            "; ".join(f"{v.target}: {reached(v, r)}" for v in r.missed)
            or "; ".join(f"{e} {p}" for e, p in r.problems.items() if p != "not available")
            or f"slower than {r.best[0] if r.best else '?'}",
        ]
        for r in lost
    ]
    if lines:
        columns = ["", "threads", "vs best", "of limit", "what is missing"]
        console.print(table("Below 1.0 or below the target", lines, columns, set()), "")
    absent = [r for r in rows if r.problems.get("pyforge") == "not available"]
    if absent:
        names = dict.fromkeys(f"{r.group}: {r.name}" for r in absent)
        console.print("Not available in pyforge: " + "; ".join(names), "")
    measured = [r for r in rows if "pyforge" in r.values]
    won = sum(not r.lost for r in measured)
    console.print(f"{won} of {len(measured)} rows are at or above their target and every peer")


def reached(verdict: Verdict, row: Row) -> str:
    if verdict.target.endswith("limit"):
        return f"{verdict.reached:.0%}"
    if verdict.target.startswith("at most"):
        return show(verdict.reached, row.unit)
    return times(verdict.reached)


def write(path: Path, about: Mapping[str, Any], rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"machine": about, "rows": [asdict(r) for r in rows]}
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def read(path: Path) -> tuple[dict[str, Any], list[Row]]:
    report = json.loads(path.read_text())
    rows = []
    for entry in report["rows"]:
        verdicts = [Verdict(**v) for v in entry.pop("verdicts")]
        rows.append(Row(**entry, verdicts=verdicts))
    return report["machine"], rows
