"""The report as one HTML page that needs nothing else: pictures are inside it."""

from __future__ import annotations

import base64
import html as escape
import io
import math

from .figures import pictures
from .report import course_text
from .snapshot import Snapshot
from .symptoms import Symptom, symptoms
from .verdict import Verdict, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2rem auto;
       max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.muted { color: #555; } code { background: #f3f3f3; padding: .1em .3em; border-radius: 3px;
       white-space: pre-wrap; overflow-wrap: anywhere; }
.card { border: 1px solid #ddd; border-left: 6px solid #0072B2; border-radius: 4px;
       padding: .6rem .9rem; margin: .7rem 0; }
.card.error { border-left-color: #D55E00; } .card.warning { border-left-color: #E69F00; }
.card h3 { margin: 0 0 .3rem; font-size: 1rem; } .card dl { margin: 0; display: grid;
       grid-template-columns: 5.5rem 1fr; } .card dt { color: #555; } .card dd { margin: 0; }
.tag { font-size: .75rem; border: 1px solid #888; border-radius: 3px; padding: 0 .4em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .6rem; text-align: right; }
th:first-child, td:first-child, td.left, th.left { text-align: left; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1.2rem; }
figure { margin: 0; } figure img { width: 100%; } figcaption { color: #555; font-size: .87rem; }
@media (max-width: 30rem) { .grid { grid-template-columns: 1fr; } }
"""
_MARK = {"error": "✖", "warning": "▲", "info": "●"}


def html(seen: Snapshot, title: str) -> str:
    """The page as text."""
    e = escape.escape
    courses = "<br>".join(e(course_text(course)) for course in seen.courses) or "no step was taken"
    cards = "".join(_card(v) for v in seen.verdicts) or "<p>Nothing found.</p>"
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{e(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{e(title)}</h1><p class='muted'>{courses}</p>"
        f"<h2>The four questions</h2>{''.join(_question(s) for s in symptoms(seen))}"
        f"<h2>Verdicts, the most important first</h2>{cards}"
        f"<h2>Pictures</h2><div class='grid'>{''.join(_figure(*p) for p in pictures(seen))}</div>"
        f"<h2>Layers</h2>{_table(seen)}</body></html>\n"
    )


def _card(verdict: Verdict) -> str:
    e = escape.escape
    rows = [
        ("line", f"<code>{e(verdict.line)}</code>" if verdict.line else ""),
        ("seen", e(verdict.evidence)),
        ("cause", e(verdict.cause)),
        ("action", f"<code>{e(verdict.action)}</code>"),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows if text)
    return (
        f"<div class='card {e(verdict.severity)}'><h3>{_MARK.get(verdict.severity, '')} "
        f"{e(verdict.kind)} at <code>{e(verdict.where)}</code> "
        f"<span class='tag'>{e(verdict.severity)}, step {verdict.step}</span></h3>"
        f"<dl>{listed}</dl></div>"
    )


def _question(symptom: Symptom) -> str:
    e = escape.escape
    causes = "".join(
        f"<dt>{e(v.kind)}</dt><dd><code>{e(v.where)}</code>"
        f"{' at <code>' + e(v.line) + '</code>' if v.line else ''}: <code>{e(v.action)}</code></dd>"
        for v in symptom.verdicts[:3]
    )
    style = "error" if symptom.seen else ""
    return (
        f"<div class='card {style}'><h3>{e(symptom.question)} "
        f"<span class='tag'>{symptom.answer}</span></h3>{e(symptom.evidence)}"
        f"{f'<dl>{causes}</dl>' if causes else ''}</div>"
    )


def _figure(title: str, caption: str, figure: Any) -> str:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    data = base64.b64encode(out.getvalue()).decode()
    alt = escape.escape(title)
    return (
        f"<figure><b>{alt}</b><img alt='{alt}' src='data:image/svg+xml;base64,{data}'>"
        f"<figcaption>{escape.escape(caption)}</figcaption></figure>"
    )


def _table(seen: Snapshot) -> str:
    if not seen.layers:
        return "<p>No layer was followed.</p>"
    e = escape.escape
    heads = ("activation", "line")
    numbers = ("output std", "gradient norm", "zeros", "below 1e-8", "update ratio")
    head = "<th>layer</th>" + "".join(f"<th class='left'>{h}</th>" for h in heads)
    head += "".join(f"<th>{h}</th>" for h in numbers)
    body = ""
    for row in seen.layers:
        cells = (
            _cell(row.output_std), _cell(row.norm), _share(row.zero), _share(row.tiny),
            _cell(row.ratio),
        )  # fmt: skip
        body += (
            f"<tr><td>{e(row.label)}</td><td class='left'>{e(row.activation or '-')}</td>"
            f"<td class='left'>{e(row.source or '-')}</td>"
            + "".join(f"<td>{c}</td>" for c in cells)
            + "</tr>"
        )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: float) -> str:
    return short(value) if math.isfinite(value) else "-"


def _share(value: float) -> str:
    return f"{value:.0%}" if math.isfinite(value) else "-"
