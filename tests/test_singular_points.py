"""Value and gradient at singular points: the rows of docs/singular_points.md, which must agree."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from support import torch

import pyforge as pf
from pyforge.autograd import singular_points

INF, NAN = math.inf, math.nan
DOC = Path(__file__).parent.parent / "docs" / "singular_points.md"


class Row(NamedTuple):
    """``text`` is evaluated with P (pyforge or torch), F and x, y; None: as the default mode."""

    text: str
    x: Any
    value: Any
    grad: Any
    torch_grad: Any
    reason: str
    y: Any = None
    grad_y: Any = None
    torch_grad_y: Any = None


MASKED = "the branch is masked, so no gradient arrives and none is passed on"
ROWS = [
    Row("P.where(x > 0, P.sqrt(x), 0.0)", [-1.0, 4.0], [0, 2], [0, 0.25], [NAN, 0.25], MASKED),
    Row("P.where(x != 0, 1 / x, 0.0)", [0.0, 4.0], [0, 0.25], [0, -0.0625], [NAN, -0.0625], MASKED),
    Row("P.where(x > 0, P.log(x), 0.0)", [0.0, 4.0], [0, math.log(4)], [0, 0.25], [NAN, 0.25], MASKED),
    Row("P.where(x < 9, x * P.exp(x), x)", [1000.0, 0.0], [1000, 0], [1, 1], [NAN, 1], MASKED),
    Row("P.where(x != 0, x**-0.5, 0.0)", [0.0, 4.0], [0, 0.5], [0, -0.0625], [NAN, -0.0625], MASKED),
    Row("P.where(x != x * 0, x / x.norm(), 0.0)", [0.0, 0.0], [0, 0], [0, 0], [NAN, NAN], MASKED),
    Row("P.where(P.isfinite(x), x, 0.0) * 2", [-INF, 3.0], [0, 6], [0, 2], None, "the mask comes first"),
    Row("x.softmax(1)[1:]", [[-INF, -INF], [0.0, 0.0]], [[0.5, 0.5]], [[0, 0], [0, 0]], [[NAN, NAN], [0, 0]], "the row that is NaN is not used"),
    Row("x.log_softmax(1)[1:, 0]", [[-INF, -INF], [0.0, 0.0]], [-math.log(2)], [[0, 0], [0.5, -0.5]], [[NAN, NAN], [0.5, -0.5]], "the row that is NaN is not used"),
    Row("P.sqrt(x)", [0.0], [0], [INF], None, "its limit"),
    Row("x.norm()", [0.0, 0.0], 0, [0, 0], None, "the subgradient of least norm"),
    Row("x.norm(1)", [0.0, -2.0], 2, [0, -1], None, "the subgradient of least norm"),
    Row("x.norm(3)", [0.0, 0.0], 0, [0, 0], None, "the subgradient of least norm"),
    Row("x.norm(float('inf'))", [2.0, -2.0, 1.0], 2, [0.5, -0.5, 0], None, "ties share"),
    Row("x.std()", [2.0, 2.0], 0, [0, 0], None, "the subgradient of least norm, as norm"),
    Row("x.std()", [2.0], NAN, [NAN], None, "0 / 0: one value has no deviation; `correction=0` gives 0"),
    Row("x.var()", [2.0, 2.0], 0, [0, 0], None, "smooth there"),
    Row("x.var()", [2.0], NAN, [NAN], None, "0 / 0"),
    Row("x**0.5", [0.0], [0], [INF], None, "as sqrt"),
    Row("x**0", [0.0], [1], [0], None, "constant"),
    Row("x**2", [0.0], [0], [0], None, "smooth there"),
    Row("x**-1", [0.0], [INF], [-INF], None, "its limit from above"),
    Row("x**y", [0.0], [1], [0], None, "0**0 is 1; 0 where its logarithm is not defined", [0.0], [0]),
    Row("x**y", [0.0], [0], [0], None, "0**y is constant for y > 0", [2.0], [0]),
    Row("x**y", [-1.0], [1], [-2], None, "y may not vary: the logarithm of -1", [2.0], [NAN]),
    Row("P.log(x)", [0.0], [-INF], [INF], None, "its limit"),
    Row("x.logsumexp(0)", [-INF, -INF], -INF, [0, 0], [NAN, NAN], "every element is masked, so none has a share"),
    Row("x.logsumexp(0)", [-INF, 0.0], 0, [0, 1], None, "a masked element has no share"),
    Row("x.softmax(0)", [-INF, -INF], [NAN, NAN], [NAN, NAN], None, "0 / 0: no element can have a share, and hiding that would hide a bug"),
    Row("x.softmax(0)", [-INF, 0.0], [0, 1], [0, 0], None, "a masked element has no share"),
    Row("x.log_softmax(0)", [-INF, -INF], [NAN, NAN], [NAN, NAN], None, "as softmax"),
    Row("P.abs(x)", [0.0], [0], [0], None, "the subgradient of least norm"),
    Row("P.relu(x)", [0.0], [0], [0], None, "the subgradient of least norm"),
    Row("x.max()", [1.0, 1.0, 0.0], 1, [0.5, 0.5, 0], None, "ties share"),
    Row("x.amin()", [1.0, 1.0, 2.0], 1, [0.5, 0.5, 0], None, "ties share"),
    Row("x.max(0)[0]", [1.0, 1.0, 0.0], 1, [1, 0, 0], None, "the element whose index is returned"),
    Row("P.maximum(x, y)", [1.0], [1], [0.5], None, "ties share", [1.0], [0.5]),
    Row("P.minimum(x, y)", [1.0], [1], [0.5], None, "ties share", [1.0], [0.5]),
    Row("x.clamp(0, 1)", [0.0, 1.0, 2.0], [0, 1, 1], [1, 1, 0], None, "the limits belong to the range"),
    Row("x / y", [1.0], [INF], [INF], None, "its limit", [0.0], [-INF]),
    Row("x / y", [0.0], [NAN], [INF], None, "0 / 0 in use is an error: see `explain_nan`", [0.0], [NAN]),
    Row("P.xlogy(x, y)", [0.0], [0], [0], None, "0 log 0 is 0; its gradient in y is 0 / 0", [0.0], [NAN]),
    Row("P.xlogy(x, y)", [0.0], [0], [math.log(2)], None, "smooth there", [2.0], [0]),
    Row("P.atan2(x, y)", [0.0], [0], [0], None, "no direction: 0", [0.0], [0]),
    Row("P.hypot(x, y)", [0.0], [0], [0], [NAN], "the subgradient of least norm, as norm; **in both modes**", [0.0], [0], [NAN]),
    Row("P.cdist(x, x[:1])", [[1.0, 2.0], [1.0, 2.0]], [[0], [0]], [[0, 0], [0, 0]], None, "the subgradient of least norm"),
    Row("P.rsqrt(x)", [0.0], [INF], [-INF], None, "its limit"),
    Row("x.prod()", [0.0, 0.0, 2.0], 0, [0, 0, 0], None, "smooth there; no division by x"),
    Row("F.normalize(x, dim=0)", [0.0, 0.0], [0, 0], [1e12, 1e12], None, "the norm is kept above eps = 1e-12"),
    Row("F.cosine_similarity(x, y, dim=0)", [0.0, 0.0], 0, [0, 0], None, "the norms are kept above eps", [0.0, 0.0], [0, 0]),
]  # fmt: skip


def run(P: Any, row: Row) -> list[np.ndarray]:
    """Value, gradient of x and, if there is a y, of y."""
    x, y = (
        None if v is None else P.tensor(v, dtype=P.float64, requires_grad=True)
        for v in (row.x, row.y)
    )
    value = eval(row.text, {"P": P, "F": P.nn.functional, "x": x, "y": y})
    value.sum().backward()
    return [
        np.asarray(t.detach().numpy()) for t in (value, x.grad, *([] if y is None else [y.grad]))
    ]


def in_both_modes(row: Row) -> bool:
    return "in both modes" in row.reason


def expected(row: Row, mode: str) -> list[Any]:
    exact = mode == "torch" and not in_both_modes(row)
    grad = row.torch_grad if exact and row.torch_grad is not None else row.grad
    grad_y = row.torch_grad_y if exact and row.torch_grad_y is not None else row.grad_y
    return [row.value, grad, *([] if row.y is None else [grad_y])]


def number(v: Any) -> str:
    if isinstance(v, list):
        return f"[{', '.join(number(e) for e in v)}]"
    return "NaN" if math.isnan(v) else "inf" if v == INF else "-inf" if v == -INF else f"{v:.4g}"


def table() -> str:
    lines = [
        "| Expression | at | Value | Gradient | PyTorch, if not the same | Reason |",
        "|---|---|---|---|---|---|",
    ]
    for r in ROWS:
        at = f"x = {number(r.x)}" + ("" if r.y is None else f", y = {number(r.y)}")
        both = number(r.grad) + ("" if r.y is None else f", {number(r.grad_y)}")
        other = (
            ""
            if r.torch_grad is None and r.torch_grad_y is None
            else number(r.torch_grad or r.grad)
        )
        if r.torch_grad_y is not None:
            other += f", {number(r.torch_grad_y)}"
        lines.append(f"| `{r.text}` | {at} | {number(r.value)} | {both} | {other} | {r.reason} |")
    return "\n".join(lines)


@pytest.mark.parametrize("mode", ["masked", "torch"])
@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.text} at {r.x}")
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_row(row: Row, mode: str) -> None:
    with singular_points(mode):
        got = run(pf, row)
    for a, b in zip(got, expected(row, mode), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    if torch is not None and mode == "torch" and not in_both_modes(row):
        for a, b in zip(got, run(torch, row), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_the_document_has_the_table() -> None:
    assert table() in DOC.read_text(encoding="utf-8")


def second(x: pf.Tensor, y: pf.Tensor) -> pf.Tensor:
    (first,) = pf.autograd.grad(y.sum(), x, create_graph=True)
    return pf.autograd.grad(first.sum(), x)[0]


def test_masked_in_higher_order_and_never_where_a_gradient_may_come_back() -> None:
    x = pf.tensor([0.0, 4.0], dtype=pf.float64, requires_grad=True)
    assert second(x, pf.where(x > 0, x.sqrt(), x * x)).tolist() == [2.0, -0.03125]
    # log(x)^2 at 1: the gradient into log is 0 there, its derivative is not.
    one = pf.tensor([1.0], dtype=pf.float64, requires_grad=True)
    assert second(one, one.log() ** 2).tolist() == [2.0]


def test_every_vector_and_tail_is_masked() -> None:
    for n in (1, 7, 33, 1000):
        for dtype in (pf.float32, pf.float64):
            x = pf.zeros(n, dtype=dtype, requires_grad=True)
            (x.sqrt() * 0).sum().backward()
            assert x.grad.tolist() == [0.0] * n
            wide = pf.tensor([[float("inf"), 1.0]] * n, dtype=dtype, requires_grad=True)
            pf.where(wide > 9, 0.0, wide.sigmoid() * wide).sum().backward()
            assert bool((wide.grad[:, 0] == 0).all())


def test_modes() -> None:
    assert pf.autograd.get_singular_points() == "masked"
    with pytest.raises(ValueError, match="mode must be one of"):
        pf.autograd.set_singular_points("numpy")
    with singular_points("torch"):
        assert pf.autograd.get_singular_points() == "torch"
    assert pf.autograd.get_singular_points() == "masked"


if __name__ == "__main__":
    print(table())
