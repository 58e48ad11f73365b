"""A graph as SVG: laid out in layers by Graphviz's program ``dot``, or by the library grandalf."""

from __future__ import annotations

import itertools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .graph_view import Graph

_STYLE = 'font-family="Helvetica,Arial,sans-serif" font-size="11" text-anchor="middle"'
_LINE, _CHARACTER, _MARGIN = 14, 6.4, 12  # pixels of the labels


def draw(shown: Graph) -> str:
    """The text of an SVG file.

    Raises:
        RuntimeError: if there is neither ``dot`` nor grandalf, or ``dot`` failed.
    """
    import shutil

    program = shutil.which("dot")
    if program is not None:
        return _by_graphviz(program, shown.dot(len(shown.nodes)))
    try:
        from grandalf.graphs import Edge, Vertex
        from grandalf.graphs import Graph as Layers
        from grandalf.layouts import SugiyamaLayout
    except ImportError:
        raise RuntimeError(
            "graph: drawing needs the program `dot` of Graphviz (https://graphviz.org) or the "
            "library grandalf: pip install grandalf. Graph.dot() gives the text for other viewers"
        ) from None
    vertices = [Vertex(_Box(i, row.label())) for i, row in enumerate(shown.nodes)]
    for vertex in vertices:
        vertex.view = vertex.data
    edges = []
    for i, row in enumerate(shown.nodes):
        for j in row.inputs:
            edge = Edge(vertices[i], vertices[j])  # from the loss up: leaves lie by what reads them
            edge.view = _Path()
            edges.append(edge)
    width = 0.0
    for part in Layers(vertices, edges).C:
        layout = SugiyamaLayout(part)
        layout.xspace, layout.yspace = 24, 32
        layout.init_all()
        layout.draw(12)
        boxes = [vertex.view for vertex in part.sV]
        _spread(boxes, layout.xspace)
        shift = width - min(box.xy[0] - box.w / 2 for box in boxes)
        for box in boxes:
            box.xy = (box.xy[0] + shift, -box.xy[1])
        for edge in part.sE:
            edge.view.points = [(x + shift, -y) for x, y in reversed(edge.view.points)]
        width = max(box.xy[0] + box.w / 2 for box in boxes) + layout.xspace
    return _page([v.view for v in vertices], [e.view.points for e in edges], shown)


def _spread(boxes: list[_Box], space: float) -> None:
    """Push boxes of a layer to the right where they overlap, which grandalf lets wide ones do."""
    layers: dict[float, list[_Box]] = {}
    for box in boxes:
        layers.setdefault(round(box.xy[1], 3), []).append(box)
    for layer in layers.values():
        layer.sort(key=lambda box: box.xy[0])
        for left, right in itertools.pairwise(layer):
            least = left.xy[0] + (left.w + right.w) / 2 + space
            right.xy = (max(right.xy[0], least), right.xy[1])


class _Box:
    """What grandalf places: a node with its size, ``xy`` its middle."""

    def __init__(self, place: int, lines: list[str]) -> None:
        self.place, self.lines = place, lines
        self.w = max(map(len, lines)) * _CHARACTER + 2 * _MARGIN
        self.h = len(lines) * _LINE + _MARGIN
        self.xy = (0.0, 0.0)


class _Path:
    """The way of an edge, from the middle of one box to that of the other."""

    points: list[Any]

    def setpath(self, points: list[Any]) -> None:
        self.points = points


def _page(boxes: list[_Box], paths: list[list[Any]], shown: Graph) -> str:
    from html import escape

    xs = [x for box in boxes for x in (box.xy[0] - box.w / 2, box.xy[0] + box.w / 2)]
    ys = [y for box in boxes for y in (box.xy[1] - box.h / 2, box.xy[1] + box.h / 2)]
    xs += [x for points in paths for x, _ in points]
    left, top = min(xs) - _MARGIN, min(ys) - _MARGIN
    width, height = max(xs) + _MARGIN - left, max(ys) + _MARGIN - top
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}">',
        '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#555"/></marker></defs>',
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
        'fill="white"/>',
    ]
    ends = [(j, i) for i, row in enumerate(shown.nodes) for j in row.inputs]
    for points, (tail, head) in zip(paths, ends, strict=True):
        between = points[1:-1]
        first = _outside(boxes[tail], between[0] if between else boxes[head].xy)
        last = _outside(boxes[head], between[-1] if between else boxes[tail].xy)
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in (first, *between, last))
        out.append(f'<polyline points="{way}" fill="none" stroke="#555" marker-end="url(#to)"/>')
    for box in boxes:
        x, y = box.xy
        out.append(
            f'<rect x="{x - box.w / 2:.1f}" y="{y - box.h / 2:.1f}" width="{box.w:.1f}" '
            f'height="{box.h:.1f}" rx="5" fill="{shown.colour(box.place)}" stroke="#333"/>'
        )
        start = y - (len(box.lines) - 1) * _LINE / 2 + 4
        out += [
            f'<text x="{x:.1f}" y="{start + k * _LINE:.1f}" {_STYLE}'
            + (' font-weight="bold">' if k == 0 else ">")
            + f"{escape(text)}</text>"
            for k, text in enumerate(box.lines)
        ]
    return "\n".join([*out, "</svg>\n"])


def _outside(box: _Box, towards: Any) -> tuple[float, float]:
    """Where the line from the middle of ``box`` leaves it."""
    dx, dy = towards[0] - box.xy[0], towards[1] - box.xy[1]
    share = min(
        box.w / 2 / abs(dx) if dx else float("inf"),
        box.h / 2 / abs(dy) if dy else float("inf"),
        1.0,
    )
    return box.xy[0] + share * dx, box.xy[1] + share * dy


def _by_graphviz(program: str, text: str) -> str:
    import subprocess

    done = subprocess.run([program, "-Tsvg"], input=text, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"graph: dot failed: {done.stderr.strip()}")
    return done.stdout
