"""The node of an op and the nodes before it: names, number and order as PyTorch has them."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import pyforge as pf

torch = pytest.importorskip("torch")

# Numbers as operands, the common ops, views, and ops in place; `x`, `y`, `M` are leaves of 2x2,
# `v` of 2, `C` of 1x2x4, `b` is a mask, `i` an index of 2x2. Ops that PyTorch composes of others
# than pyforge does (take, threshold, x.max over windows, ...) are not here.
EXPRESSIONS = """
x+2; 2+x; x-2; 2-x; x*2; 2*x; x*True; x/2; x//2; x**2; x**0.5; 2**x; x%2; x.fmod(2); x.remainder(2)
x+y; x-y; x*y; x/y; x**y; x.fmod(y); x.remainder(y); x.pow(2); T.pow(x,2); T.pow(2.,x); T.rsub(x,2)
x+s; x-s; x*s; x/s; x**s; s+x; s-x; s*x; s/x; s**x; x.detach()*y; x*y.detach(); x.detach()-y; x//y
T.xlogy(x,y); T.xlogy(x,2); T.xlogy(2,x); T.copysign(x,y); T.copysign(x,2); x.heaviside(y)
x.float_power(2); x.true_divide(2); x.div(2,rounding_mode='floor'); T.atan2(x,y); T.hypot(x,y)
T.maximum(x,y); T.fmax(x,y); T.logaddexp(x,y); T.lerp(x,y,0.5); T.lerp(x,y,y); T.where(b,x,2.)
T.where(b,2.,x); T.where(b,x,y); T.addcmul(x,x,y,value=2); T.addcdiv(x,x,y); x.clamp(0,1)
x.clamp(min=0); x.clamp(y,y+1); x.masked_fill(b,1.); x.masked_fill(b,s); x.index_fill(0,i[0],1.)
x.index_fill(0,i[0],s); -x; x.abs(); x.exp(); x.log(); x.sqrt(); x.tanh(); x.sigmoid(); x.relu()
x.round(); x.floor(); x.sign(); x.reciprocal(); x.rsqrt(); x.erf(); x.nan_to_num()
x.sum(); x.sum(0); x.mean(); x.mean(0); x.max(); x.max(0)[0]; x.amax(0); x.prod(); x.std(); x.var(0)
x.norm(); x.logsumexp(0); x.softmax(0); x.log_softmax(0); x.cumsum(0); x.sort()[0]; x.topk(2)[0]
x.view(-1); x.reshape(4); x.t(); x.transpose(0,1); x.unsqueeze(0); x.squeeze(); x.expand(3,2,2)
x.repeat(2,1); x.flip(0); T.cat([x,y]); T.cat([x,x.detach()]); T.stack([x,y]); x.split(1)[0]
x.gather(0,i); x.index_select(0,i[0]); x.scatter(0,i,y); x.scatter_add(0,i,y); x.tril(); x.clone()
x.double(); x.narrow(0,0,1); x.masked_select(b); x.flatten(); x.diagonal(); x.unbind()[0]
x[0]; x[:,0]; x[0:1]; x[:]; x[:,:]; x[...]; x[None]; x[...,0]; x[0,0]; x[b]; x[i[0]]; x[:,i[0]]
x[0,i[0]]; x[:,None]
x@y; x@v; T.dot(v,v); T.outer(v,v); T.addmm(v,x,M); T.addmm(x,y,M); T.bmm(C,C.transpose(1,2))
T.linalg.inv(x); T.linalg.norm(x)
F.gelu(x); F.elu(x); F.leaky_relu(x); F.softplus(x); F.silu(x); F.hardtanh(x); F.mse_loss(x,y)
F.smooth_l1_loss(x,y); F.nll_loss(x,i[0]); F.dropout(x); F.layer_norm(x,(2,),v,v); F.pad(x,(1,1))
F.embedding(i,x)
(x*1).add_(1); (x*1).mul_(2); (x*1).sub_(y); (x*1).pow_(2); (x*1).div_(2); (x*1).relu_()
(x*1).clamp_(0,1); (x*1).masked_fill_(b,0.); (x*1).fill_(1.); (x*1).fill_(s); (x*1).zero_()
(x*1).copy_(y); (x*1)[0].mul_(2)
"""


def nodes(L: Any, expression: str) -> tuple[str, list[Any]]:
    L.manual_seed(0)
    names = {
        "T": L,
        "F": L.nn.functional,
        "x": L.tensor([[0.3, 0.6], [0.2, 0.7]], requires_grad=True),
        "y": L.tensor([[0.5, 0.1], [0.4, 0.9]], requires_grad=True),
        "M": L.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True),
        "v": L.tensor([0.5, 0.25], requires_grad=True),
        "C": L.ones(1, 2, 4, requires_grad=True),
        "b": L.tensor([[True, False], [True, True]]),
        "i": L.tensor([[0, 1], [0, 1]]),
        "s": L.tensor(2.0),
    }
    node = eval(expression, names).grad_fn
    return node.name(), [(n and n.name(), number) for n, number in node.next_functions]


@pytest.mark.parametrize(
    "expression", [e.strip() for line in EXPRESSIONS.split("\n") for e in line.split(";") if e]
)
def test_nodes(expression: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert nodes(pf, expression) == nodes(torch, expression)


def test_hooks_get_a_gradient_per_edge() -> None:
    seen: list[list[Any]] = [[], []]
    grads = []
    for L, rows in zip((pf, torch), seen, strict=True):
        x = L.tensor([0.5, 2.0], requires_grad=True)
        for y in (x**2, 2**x, 2 - x, 2 + x, x % 2, x.masked_fill(x > 1, 0.0)):
            y.grad_fn.register_hook(
                lambda ins, outs, rows=rows: rows.append([g is not None for g in ins])
            )
            y.sum().backward()
        grads.append(x.grad.tolist())
    assert seen[0] == seen[1]
    assert grads[0] == pytest.approx(grads[1])
