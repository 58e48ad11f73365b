"""A recorded graph as text, as a picture, folded by module."""

from __future__ import annotations

import math
import os
import time

from .._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..nn import Module

__all__ = ["Graph", "GraphNode"]


class GraphNode:
    """One recorded op, or (folded) several.

    Attributes:
        name: such as ``"TanhBackward0"``; of a leaf: the parameter's name, or ``"leaf"``.
        shape: of its first output.
        dtype: of its first output, as text.
        saved: bytes kept for the backward pass.
        source: ``"file.py:12, in f"``, empty for leaves.
        group: the module it is counted to, else the line.
        inputs: places of its inputs in ``Graph.nodes``.
        leaf: it is a tensor that gradients are accumulated into.
        time: seconds its backward function took; None before it ran.
        grad_norm: 2-norm of the gradient of its output; None before it ran.
        ops: how many recorded ops it stands for.
        sequence: order of recording; of leaves: -1.
    """

    __slots__ = (
        "dtype", "grad_norm", "group", "inputs", "leaf", "name", "ops", "saved", "sequence",
        "shape", "source", "started", "time",
    )  # fmt: skip

    def __init__(
        self, name: str, shape: Sequence[int], dtype: str, saved: int, source: str
    ) -> None:
        self.name, self.shape, self.dtype = name, list(shape), dtype
        self.saved, self.source, self.group = saved, source, ""
        self.inputs: list[int] = []
        self.leaf = False
        self.time: float | None = None
        self.grad_norm: float | None = None
        self.ops = 1
        self.sequence = -1
        self.started = 0

    def describe(self) -> str:
        """Shape, dtype and what else is known, in one line."""
        parts = [f"{self.shape} {self.dtype}" if self.dtype else ""]
        if self.saved:
            parts.append(f"saved {_bytes(self.saved)}")
        if self.ops > 1:
            parts.append(f"{self.ops} {'leaves' if self.leaf else 'ops'}")
        if self.time is not None:
            parts.append(f"{self.time * 1e6:.1f} us")
        if self.grad_norm is not None:
            parts.append(f"|grad| {self.grad_norm:.3g}")
        return "  ".join(p for p in (*parts, self.source) if p)

    def label(self) -> list[str]:
        """The lines of its box in a picture."""
        texts = [self.name, *self.describe().removesuffix(self.source).split("  ")]
        return [t for t in (*texts, os.path.basename(self.source)) if t]


def _bytes(n: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if n < 1024:
            return f"{n:.4g} {unit}"
        n /= 1024  # type: ignore[assignment]
    return f"{n:.4g} GiB"


class Graph:
    """The graph behind a loss. ``print()`` it before or after ``backward()``.

    Attributes:
        nodes: every op and leaf; ``nodes[0]`` made the loss, inputs come after what reads them.
    """

    def __init__(self, loss: Tensor, model: Module | None = None, *, watch: bool = True) -> None:
        if not isinstance(loss, Tensor):
            raise TypeError(f"graph: expected a tensor, got {type(loss).__name__}")
        if model is not None and not hasattr(model, "named_parameters"):
            raise TypeError(f"graph: model must be an nn.Module, not {type(model).__name__}")
        names = {} if model is None else {id(p): n for n, p in model.named_parameters()}
        found = _collect(loss)
        place = {node: i for i, node in enumerate(found)}
        self.nodes: list[GraphNode] = []
        for node in found:
            row = _read(node, names)
            inputs = {place[n]: None for n, _ in node.next_functions if n is not None}
            row.inputs = list(inputs)  # once each, in order
            self.nodes.append(row)
            if watch:
                _watch(node, row)
        self._group()

    def _group(self) -> None:
        """The module of a node is that of its own parameters, else of the input made last."""
        for row in reversed(self.nodes):
            if row.leaf:
                row.group = row.name.rpartition(".")[0]
                continue
            inner = [self.nodes[i] for i in row.inputs]
            own = [n.group for n in inner if n.leaf and n.name != "leaf"]
            made = max((n for n in inner if n.group), default=None, key=lambda n: n.sequence)
            row.group = own[0] if own else made.group if made else ""

    def fold(self, depth: int | None = None) -> Graph:
        """Ops of a module as one node, modules deeper than ``depth`` as part of their parent.

        Without a model, ops of one line are one node.
        """
        named = any(n.group for n in self.nodes)

        def key(row: GraphNode) -> str:
            if row.leaf:
                return f"leaves of {cut(row.group)}" if named else "leaves"
            if not named:
                return row.source
            return cut(row.group)

        def cut(group: str) -> str:
            return group if depth is None else ".".join(group.split(".")[:depth])

        folded = Graph.__new__(Graph)
        folded.nodes = []
        place: dict[str, int] = {}
        at: list[int] = []
        for row in self.nodes:
            k = key(row)
            if k not in place:
                place[k] = len(folded.nodes)
                new = GraphNode(
                    k or "(no module)", row.shape, row.dtype, 0, row.source if named else ""
                )
                new.leaf, new.ops, new.group = row.leaf, 0, row.group
                new.grad_norm = None if row.leaf else row.grad_norm  # of what leaves the group
                folded.nodes.append(new)
            at.append(place[k])
            new = folded.nodes[place[k]]
            new.ops += 1
            new.saved += row.saved
            new.sequence = max(new.sequence, row.sequence)
            if row.leaf and row.grad_norm is not None:
                new.grad_norm = math.hypot(new.grad_norm or 0.0, row.grad_norm)
            if row.time is not None:
                new.time = (new.time or 0.0) + row.time
        for i, row in enumerate(self.nodes):
            into = folded.nodes[at[i]]
            for j in row.inputs:
                if at[j] != at[i] and at[j] not in into.inputs:
                    into.inputs.append(at[j])
        return folded

    def _fit(self, rows: int) -> Graph:
        """Folded as little as needed to have at most ``rows`` nodes."""
        if len(self.nodes) <= rows:
            return self
        depths = {g.count(".") + 1 for n in self.nodes if (g := n.group)}
        best = self.fold()
        for depth in range(max(depths, default=1), 0, -1):
            if len(best.nodes) <= rows:
                break
            best = self.fold(depth)
        return best

    @property
    def saved_bytes(self) -> int:
        """Bytes kept for the backward pass, by all nodes."""
        return sum(n.saved for n in self.nodes)

    def text(self, max_rows: int = 200) -> str:
        """A tree from the loss to the leaves; graphs of more nodes are folded by module."""
        shown = self._fit(max_rows)
        ops = sum(not n.leaf for n in self.nodes)
        lines = [
            f"{ops} ops, {len(self.nodes) - ops} leaves, {_bytes(self.saved_bytes)} saved"
            + ("" if shown is self else f", folded to {len(shown.nodes)} nodes")
        ]
        nodes = shown.nodes
        # A node that several read is shown in full where it was read first, and named elsewhere.
        first: dict[int, int] = {}
        for i, row in enumerate(nodes):
            for j in row.inputs:
                if j not in first or row.sequence < nodes[first[j]].sequence:
                    first[j] = i
        seen: set[int] = set()
        # Leaves of loops between folded modules are reached last.
        stack = [(i, 0, first.get(i, -1)) for i in range(len(nodes) - 1, -1, -1)]
        while stack and len(lines) <= max_rows:
            i, depth, reader = stack.pop()
            if i in seen and reader == first.get(i, -1):
                continue
            row = nodes[i]
            if reader != first.get(i, -1):
                lines.append(
                    f"{'  ' * depth}#{i} {row.name}  ({'above' if i in seen else 'below'})"
                )
                continue
            lines.append(f"{'  ' * depth}#{i} {row.name}  {row.describe()}")
            seen.add(i)
            # What was recorded last goes on at this depth; the rest is indented before it.
            main = max(
                (j for j in row.inputs if not nodes[j].leaf),
                default=None,
                key=lambda j: nodes[j].sequence,
            )
            if main is not None:
                stack.append((main, depth, i))
            stack += [(j, depth + 1, i) for j in reversed(row.inputs) if j != main]
        if stack:
            lines.append(f"... {len(nodes) - len(seen)} more nodes")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()

    def dot(self, max_nodes: int = 200) -> str:
        """The graph in Graphviz's language, from the leaves down to the loss."""
        shown = self._fit(max_nodes)
        lines = [
            "digraph pyforge {",
            '  node [shape=box, style="filled,rounded", margin="0.3,0.08", fontsize=10,',
            '        fontname="Helvetica,Arial,sans-serif"];',
            '  edge [color="#555555"];',
        ]
        for i, row in enumerate(shown.nodes):
            label = "\\n".join(map(_escape, row.label()))
            lines.append(f'  n{i} [label="{label}", fillcolor="{shown.colour(i)}"];')
        lines += [f"  n{j} -> n{i};" for i, row in enumerate(shown.nodes) for j in row.inputs]
        return "\n".join([*lines, "}"])

    def svg(self, path: str | None = None, max_nodes: int = 200) -> str:
        """The drawn graph, also written to ``path``.

        Raises:
            RuntimeError: there is neither Graphviz's program ``dot`` nor the library grandalf.
        """
        from .._files import replacing
        from .graph_svg import draw

        picture = draw(self._fit(max_nodes))
        if path is not None:
            with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
                file.write(picture)
        return picture

    def colour(self, place: int) -> str:
        """Of leaves, of the loss, and of what lies between."""
        return "#cfe3f5" if self.nodes[place].leaf else "#f7f7f7" if place else "#fbe3c0"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _collect(loss: Tensor) -> list[Any]:
    """Nodes with what reads them before them."""
    from .graph import get_gradient_edge

    if loss.grad_fn is None:
        return [] if not loss.requires_grad else [get_gradient_edge(loss).node]
    readers: dict[Any, int] = {loss.grad_fn: 0}
    stack = [loss.grad_fn]
    while stack:
        for child, _ in stack.pop().next_functions:
            if child is None:
                continue
            if child not in readers:
                readers[child] = 0
                stack.append(child)
            readers[child] += 1
    order, ready = [], [loss.grad_fn]
    while ready:
        node = ready.pop()
        order.append(node)
        for child, _ in node.next_functions:
            if child is None:
                continue
            readers[child] -= 1
            if readers[child] == 0:
                ready.append(child)
    return order


def _read(node: Any, names: dict[int, str]) -> GraphNode:
    shapes, dtypes = node.output_shapes, node.output_dtypes
    if type(node).__name__ == "AccumulateGrad":
        leaf = node.variable
        dtype = str(leaf.dtype).removeprefix("pyforge.")
        row = GraphNode(names.get(id(leaf), "leaf"), leaf.shape, dtype, 0, "")
        row.leaf = True
        return row
    dtype = str(dtypes[0]).removeprefix("pyforge.") if dtypes else ""
    shape = shapes[0] if shapes else ()
    row = GraphNode(type(node).__name__, shape, dtype, node.saved_bytes, node.source)
    row.sequence = node._sequence_nr()
    return row


def _watch(node: Any, row: GraphNode) -> None:
    def before(grads: tuple[Tensor | None, ...]) -> None:
        if grads and grads[0] is not None:
            row.grad_norm = float(grads[0].detach().norm().item())
        row.started = time.perf_counter_ns()

    def after(inputs: Any, outputs: Any) -> None:
        row.time = (time.perf_counter_ns() - row.started) * 1e-9

    node.register_prehook(before)
    if not row.leaf:
        node.register_hook(after)
