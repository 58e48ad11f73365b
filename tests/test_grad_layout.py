"""`.grad` has the strides of a dense leaf, else it is contiguous: what is a view of one is one of both."""

from __future__ import annotations

from typing import Any

import pytest

import pyforge as pf

LEAVES = {
    "contiguous": (lambda P: P.ones(3, 4, 5), (20, 5, 1)),
    "reversed": (lambda P: P.ones(5, 4, 3).permute(2, 1, 0), (1, 3, 12)),
    "turned": (lambda P: P.ones(4, 5, 3).permute(2, 0, 1), (1, 15, 3)),
    "with holes": (lambda P: P.ones(6, 4, 5)[::2], (20, 5, 1)),
    "expanded": (lambda P: P.ones(1, 4, 5).expand(3, 4, 5), (20, 5, 1)),
}
LOSSES: dict[str, Any] = {
    "sum": lambda P, x: x.sum(),
    "permuted": lambda P, x: (x.permute(2, 0, 1) * P.ones(5, 3, 4)).sum(),
    "two gradients": lambda P, x: (x + x.square()).sum(),
    "einsum": lambda P, x: P.einsum("bik,ilk->bil", x, P.ones(4, 2, 5)).sum(),
    "product": lambda P, x: (x[0].t() @ P.ones(4, 2)).square().sum(),
}


@pytest.mark.filterwarnings("ignore:Using backward")
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("leaf", LEAVES)
def test_strides(leaf: str, loss: str, create_graph: bool) -> None:
    make, want = LEAVES[leaf]
    x = make(pf).detach().requires_grad_()
    grads = []
    for _ in range(2):
        LOSSES[loss](pf, x).backward(create_graph=create_graph)
        assert x.grad.stride() == want
        grads.append(x.grad.detach().clone())
    assert pf.equal(2 * grads[0], grads[1])
