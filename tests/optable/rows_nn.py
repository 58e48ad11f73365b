"""Softmax, losses, and the layers of networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from .model import Const, Err, Gen, Kink, Op, S, Sample

ZEROS = np.zeros
X = ZEROS((2, 3))
I64 = np.array([0, 1])
RANGE = "Dimension out of range"
REDUCTIONS = ("mean", "sum", "none")


def reduced(loss: Any, reduction: str) -> Any:
    return {"none": lambda v: v, "sum": np.sum, "mean": np.mean}[reduction](loss)


def np_log_softmax(x: Any, dim: int) -> Any:
    if x.ndim == 0 or x.size == 0:
        return np.zeros_like(x)
    z = x - x.max(axis=dim, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=dim, keepdims=True))


def softmax_samples(g: Gen) -> list[Sample]:
    extreme = np.array([[1000.0, -1000.0, 0.0], [-1e30, 0.0, 1e30]], dtype=g.dtype)
    minus = g(2, 4)
    minus[0, 1] = minus[1, 3] = -np.inf
    return [
        S(g(5), 0),
        S(g(3, 4), 0),
        S(g(3, 4), -1),
        S(g(2, 3, 4), 1),
        S(g(3, 67), dim=1),
        S(g(67, 3), dim=0),
        S(g(), 0),
        S(g(0, 3), 1),
        S(g(3, 1), 1),
        Kink(extreme, 1),
        Kink(minus, 1),
    ]


def np_nll(
    x: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    """Class in dim 1 (dim 0 of a vector), as `nll_loss` has it."""
    single = x.ndim == 1
    if single:
        x, target = x[None], np.asarray(target)[None]
    if isinstance(weight, Const):
        weight = weight.array
    w = np.ones(x.shape[1]) if weight is None else weight
    keep = target != ignore_index
    safe = np.where(keep, target, 0)
    picked = np.take_along_axis(x, safe[:, None], 1).squeeze(1)
    scale = np.where(keep, w[safe], 0)
    loss = -picked * scale
    if reduction == "mean":
        with np.errstate(all="ignore"):
            return loss.sum() / scale.sum()
    loss = loss[0] if single else loss
    return reduced(loss, reduction)


def np_cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    dim = 0 if x.ndim == 1 else 1
    logp = np_log_softmax(x, dim)
    classes = x.shape[dim]
    if isinstance(weight, Const):
        weight = weight.array
    shape = [1] * x.ndim
    shape[dim] = classes
    w = np.ones(classes) if weight is None else weight
    wide = w.reshape(shape)
    if target.dtype.kind == "f":
        p = target * (1 - label_smoothing) + label_smoothing / classes
        loss = -(p * logp * wide).sum(axis=dim)
        if reduction == "mean":
            return loss.sum() / (x.size / classes)
        return reduced(loss, reduction)
    args = (target, weight, ignore_index, reduction)
    plain = np_nll(logp, *args)
    if label_smoothing == 0:
        return plain
    keep = target != ignore_index
    smooth = np.where(keep, -(logp * wide).sum(axis=dim), 0)
    if reduction == "mean":
        smooth = smooth.sum() / np.where(keep, w[np.where(keep, target, 0)], 0).sum()
    else:
        smooth = reduced(smooth, reduction)
    return (1 - label_smoothing) * plain + label_smoothing / classes * smooth


def nll_samples(g: Gen) -> list[Sample]:
    some = np.array([0, -100, 3, 1, -100])
    w = Const(g.positive(4))
    out = [S(g(5, 4), g.index(5, high=4), reduction=r) for r in REDUCTIONS]
    out += [S(g(5, 4), some, reduction=r) for r in REDUCTIONS]
    out += [S(g(5, 4), some, weight=w, reduction=r) for r in REDUCTIONS]
    out += [S(g(5, 4), np.array([0, 2, 3, 2, 1]), ignore_index=2)]
    out += [S(g(4), np.asarray(2)), S(g(2, 4, 3), g.index(2, 3, high=4))]
    out += [S(g(2, 4, 3), g.index(2, 3, high=4), w, reduction="none")]
    return [*out, S(g(67, 33), g.index(67, high=33)), Kink(g(2, 4), np.array([-100, -100]))]


def cross_entropy_samples(g: Gen) -> list[Sample]:
    some = np.array([0, -100, 3, 1, -100])
    w = Const(g.positive(4))
    p = g.probabilities
    out = nll_samples(g)
    out += [S(g(5, 4), some, w, label_smoothing=0.1, reduction=r) for r in REDUCTIONS]
    out += [S(g(5, 4), g.index(5, high=4), label_smoothing=0.2)]
    out += [S(g(5, 4), p(5, 4), reduction=r) for r in REDUCTIONS]
    out += [S(g(5, 4), p(5, 4), w, reduction=r, label_smoothing=0.1) for r in REDUCTIONS]
    out += [S(g(4), p(4, dim=0)), S(g(2, 4, 3), p(2, 4, 3))]
    extreme = np.array([[1000.0, -1000.0, 0.0]], dtype=g.dtype)
    return [*out, *(Kink(extreme.copy(), np.array([k])) for k in range(3))]


def pair_samples(g: Gen) -> list[Sample]:
    out = [S(g(3, 4), g(3, 4), reduction=r) for r in REDUCTIONS]
    return [*out, S(g(), g()), S(g(67), g(67)), S(g(2, 3, 4), g(2, 3, 4))]


def apart_samples(g: Gen) -> list[Sample]:
    """The two arguments are never equal, so |a - b| is smooth."""
    out = []
    for shape in [(3, 4), (), (67,)]:
        a = g(*shape)
        out += [S(a.copy(), (a + g(*shape)).astype(g.dtype), reduction=r) for r in REDUCTIONS]
    same = g(3)
    return [*out, Kink(same, same.copy())]


def smooth_l1_samples(g: Gen) -> list[Sample]:
    a = g(3, 4)
    near, far = (a + g(3, 4) * 0.3).astype(g.dtype), (a + g(3, 4) * 10).astype(g.dtype)
    out = [S(a.copy(), b, reduction=r) for r in REDUCTIONS for b in (near.copy(), far.copy())]
    return [*out, S(a.copy(), far.copy(), beta=0.5), S(a.copy(), far.copy(), beta=0.0)]


def np_smooth_l1(a: Any, b: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    d = np.abs(a - b)
    quadratic = 0.5 * d * d / beta if beta else d
    return reduced(np.where(d < beta, quadratic, d - 0.5 * beta), reduction)


def bce_samples(g: Gen) -> list[Sample]:
    def inside(*shape: int) -> np.ndarray:
        return g(*shape, domain=(0.05, 0.95))

    out = [S(inside(3, 4), inside(3, 4), reduction=r) for r in REDUCTIONS]
    out += [S(inside(3, 4), Const(g.bools(3, 4).astype(g.dtype)), Const(g.positive(4)))]
    out += [S(inside(67), inside(67)), S(inside(), inside())]
    ends = np.array([0.0, 1.0, 0.0, 1.0], g.dtype)
    return [*out, Kink(ends, Const(np.array([0.0, 1.0, 1.0, 0.0], g.dtype)))]


def np_bce(x: Any, y: Any, weight: Any = 1.0, reduction: str = "mean") -> Any:
    y = getattr(y, "array", y)
    with np.errstate(all="ignore"):
        loss = -(y * np.maximum(np.log(x), -100) + (1 - y) * np.maximum(np.log1p(-x), -100))
    return reduced(loss * getattr(weight, "array", weight), reduction)


def bce_logits_samples(g: Gen) -> list[Sample]:
    def prob(*shape: int) -> np.ndarray:
        return g(*shape, domain=(0.05, 0.95))

    out = [S(g(3, 4), prob(3, 4), reduction=r) for r in REDUCTIONS]
    out += [S(g(3, 4), prob(3, 4), Const(g.positive(3, 4)))]
    out += [S(g(3, 4), prob(3, 4), pos_weight=Const(g.positive(4)))]
    out += [S(g(67), prob(67)), S(g(), prob())]
    far = np.array([1000.0, -1000.0, 1000.0, -1000.0, 0.0], g.dtype)
    return [*out, Kink(far, Const(np.array([1.0, 0.0, 0.0, 1.0, 0.5], g.dtype)))]


def np_bce_logits(
    x: Any, y: Any, weight: Any = 1.0, pos_weight: Any = 1.0, reduction: str = "mean"
) -> Any:
    x, y = np.asarray(x), getattr(y, "array", y)
    p = getattr(pos_weight, "array", pos_weight)
    softplus_minus = np.logaddexp(0, -x)
    loss = (1 - y) * x + (1 + (p - 1) * y) * softplus_minus
    return reduced(loss * getattr(weight, "array", weight), reduction)


def np_huber(a: Any, b: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    d = np.abs(a - b)
    return reduced(np.where(d < delta, 0.5 * d * d, delta * (d - 0.5 * delta)), reduction)


def np_kl_div(x: Any, y: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    loss = np.exp(y) * (y - x) if log_target else y * (np.log(y) - x)
    return loss.sum() / len(x) if reduction == "batchmean" else reduced(loss, reduction)


def np_group_norm(
    x: Any, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    wide = [1, -1] + [1] * (x.ndim - 2)
    rows = x.reshape(len(x), groups, -1)
    mean, var = rows.mean(axis=2, keepdims=True), rows.var(axis=2, keepdims=True)
    y = ((rows - mean) / np.sqrt(var + eps)).reshape(x.shape)
    y = y if weight is None else y * weight.reshape(wide)
    return y if bias is None else y + bias.reshape(wide)


def instance_norm_samples(g: Gen) -> list[Sample]:
    mean, var = Const(g(4)), Const(g.positive(4))
    return [
        S(g(3, 4, 5)),
        S(g(2, 4, 3, 2), None, None, g(4), g(4)),
        S(g(2, 4, 3, 2), mean, var, g(4), g(4), True, 0.3, 1e-3),
        S(g(2, 4, 5), mean, var, g(4), g(4), False),
    ]


def np_instance_norm(
    x: Any,
    mean: Any = None,
    var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    if use_input_stats:
        return np_group_norm(x, x.shape[1], weight, bias, eps)
    return np_batch_norm(x, mean, var, weight, bias, False, momentum, eps)


def np_rms_norm(x: Any, shape: Any, weight: Any = 1.0, eps: float | None = None) -> Any:
    dims = tuple(range(-len(shape), 0))
    eps = np.finfo(x.dtype).eps if eps is None else eps
    return x / np.sqrt((x * x).mean(axis=dims, keepdims=True) + eps) * weight


def np_embedding(index: Any, weight: Any, padding_idx: int | None = None) -> Any:
    return weight[index]


def layer_norm_samples(g: Gen) -> list[Sample]:
    return [
        S(g(3, 4), (4,)),
        S(g(3, 4), (4,), g(4), g(4)),
        S(g(3, 4), (4,), g(4)),
        S(g(2, 3, 4), (3, 4), g(3, 4), g(3, 4)),
        S(g(2, 3, 4), [4], eps=1e-3),
        S(g(5, 67), (67,), g(67), g(67)),
        S(g(0, 4), (4,), g(4), g(4)),
    ]


def np_layer_norm(x: Any, shape: Any, weight: Any = 1.0, bias: Any = 0.0, eps: float = 1e-5) -> Any:
    dims = tuple(range(-len(shape), 0))
    m, v = x.mean(axis=dims, keepdims=True), x.var(axis=dims, keepdims=True)
    return (x - m) / np.sqrt(v + eps) * weight + bias


def batch_norm_samples(g: Gen) -> list[Sample]:
    mean, var = Const(g(4)), Const(g.positive(4))
    return [
        S(g(6, 4), mean, var),
        S(g(6, 4), mean, var, g(4), g(4)),
        S(g(6, 4), None, None, g(4), g(4), True),
        S(g(6, 4), mean, var, g(4), g(4), training=True, momentum=0.3),
        S(g(3, 4, 5), None, None, None, None, True, 0.1, 1e-3),
        S(g(2, 4, 3, 2), mean, var, g(4), g(4), True),
        S(g(67, 33), None, None, g(33), g(33), True),
    ]


def np_batch_norm(
    x: Any,
    mean: Any,
    var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    dims = tuple(d for d in range(x.ndim) if d != 1)
    wide = [1, -1] + [1] * (x.ndim - 2)
    m = x.mean(axis=dims) if training else mean.array
    v = x.var(axis=dims) if training else var.array
    y = (x - m.reshape(wide)) / np.sqrt(v.reshape(wide) + eps)
    if weight is not None:
        y = y * weight.reshape(wide)
    return y if bias is None else y + bias.reshape(wide)


def dropout(P: Any, x: Any, *args: Any, **kw: Any) -> Any:
    P.manual_seed(5)
    return P.nn.functional.dropout(x, *args, **kw)


def loss(name: str, samples: Any, numpy: Any, **kw: Any) -> Op:
    wrong = Err((X, X), (ValueError, RuntimeError), "not a valid|reduction", {"reduction": "x"}, "")
    errors = (*kw.pop("errors", ()), wrong)
    return Op(name, samples, call=f"nn.functional.{name}", numpy=numpy, errors=errors, **kw)


TARGETS = (
    Err((X, np.array([0, 3])), IndexError, "target .*out of (bounds|range)"),
    Err((X, np.array([0, 1, 2])), (ValueError, RuntimeError), "batch|size"),
    Err((X, np.array([-1, 0])), IndexError, "target .*out of (bounds|range)"),
)

ROWS = [
    Op(
        "softmax",
        softmax_samples,
        numpy=lambda x, dim: np.exp(np_log_softmax(x, dim)) if x.ndim else np.ones_like(x),
        method="softmax",
        large=lambda g: S(g(701, 303), 1),
        errors=(Err((X, 2), IndexError, RANGE),),
    ),
    Op(
        "nn.functional.softmax",
        lambda g: [S(g(3, 4), dim=1)],
        numpy=lambda x, dim: np.exp(np_log_softmax(x, dim)),
    ),
    Op(
        "log_softmax",
        softmax_samples,
        numpy=np_log_softmax,
        method="log_softmax",
        large=lambda g: S(g(701, 303), 1),
        errors=(Err((X, 2), IndexError, RANGE),),
    ),
    Op(
        "log_softmax over columns",
        lambda g: [S(g(67, 3), 0), S(g(2, 5, 19), 1)],
        call="nn.functional.log_softmax",
        numpy=np_log_softmax,
        large=lambda g: S(g(301, 503), 0),
    ),
    loss("nll_loss", nll_samples, np_nll, errors=TARGETS),
    loss(
        "cross_entropy",
        cross_entropy_samples,
        np_cross_entropy,
        large=lambda g: S(g(1001, 301), g.index(1001, high=301)),
        errors=(
            *TARGETS,
            Err((X, X[:, :2]), RuntimeError, "size|shape|0D or 1D target"),
            Err((X, I64), RuntimeError, "weight", {"weight": ZEROS(5)}),
        ),
        layouts=("transposed", "stepped", "negative"),
        tol=2,
    ),
    loss("mse_loss", pair_samples, lambda a, b, reduction="mean": reduced((a - b) ** 2, reduction)),
    loss(
        "l1_loss",
        apart_samples,
        lambda a, b, reduction="mean": reduced(np.abs(a - b), reduction),
        domain=((-2.0, -0.2), (0.2, 2.0)),
        layouts=("transposed", "stepped", "negative"),
    ),
    loss(
        "smooth_l1_loss",
        smooth_l1_samples,
        np_smooth_l1,
        domain=((-2.0, -0.25), (0.25, 2.0)),
        layouts=("transposed", "stepped", "negative"),
    ),
    loss(
        "huber_loss",
        lambda g: [
            s if "beta" not in s.kwargs else S(*s.args, delta=0.7) for s in smooth_l1_samples(g)
        ],
        np_huber,
        domain=((-2.0, -0.25), (0.25, 2.0)),
        layouts=("transposed", "stepped", "negative"),
    ),
    loss(
        "kl_div",
        lambda g: [
            *(S(g(3, 4), g.probabilities(3, 4), reduction=r) for r in ("sum", "none", "batchmean")),
            S(g(5), g(5), log_target=True, reduction="sum"),
        ],
        np_kl_div,
    ),
    loss(
        "binary_cross_entropy",
        bce_samples,
        np_bce,
        errors=(
            Err((np.array([0.5, 1.5]), np.array([0.0, 1.0])), RuntimeError, "between 0 and 1"),
            Err((X, ZEROS((2, 2))), ValueError, "size"),
        ),
    ),
    loss(
        "binary_cross_entropy_with_logits",
        bce_logits_samples,
        np_bce_logits,
        errors=(Err((X, ZEROS((2, 2))), ValueError, "size"),),
    ),
    Op(
        "dropout",
        lambda g: [S(g(3, 4)), S(g(67), 0.3), S(g(3, 4), p=0.0), S(g(3), 1.0), S(g(5), 0.5, False)],
        call=dropout,
        random=True,
        errors=(
            Err((X, 1.5), ValueError, "between 0 and 1"),
            Err((X, -0.1), ValueError, "between 0 and 1"),
        ),
        layouts=(),
    ),
    Op(
        "embedding",
        lambda g: [
            S(g.index(5, high=7), g(7, 3)),
            S(g.index(2, 4, high=7), g(7, 3)),
            S(np.asarray(2), g(7, 3)),
            S(np.array([1, 1, 1]), g(7, 3)),
            S(g.index(0, high=7), g(7, 3)),
        ],
        call="nn.functional.embedding",
        numpy=np_embedding,
        large=lambda g: S(g.index(3000, high=500), g(500, 70)),
        errors=(
            Err((np.array([7]), ZEROS((7, 3))), IndexError, "out of range"),
            Err((np.array([-1]), ZEROS((7, 3))), IndexError, "out of range"),
            Err((ZEROS(2), ZEROS((7, 3))), RuntimeError, "(integer|Long|Int|indices)"),
        ),
    ),
    Op(
        "embedding with padding",
        lambda g: [Kink(np.array([1, 0, 2, 0]), g(7, 3), padding_idx=0)],
        call="nn.functional.embedding",
        numpy=np_embedding,
    ),
    Op(
        "layer_norm",
        layer_norm_samples,
        call="nn.functional.layer_norm",
        numpy=np_layer_norm,
        layouts=("transposed", "stepped", "negative"),
        large=lambda g: S(g(701, 303), (303,), g(303), g(303)),
        errors=(
            Err((X, (4,)), RuntimeError, "normalized_shape"),
            Err((X, (3,), ZEROS(4)), RuntimeError, "weight"),
        ),
        tol=4,
    ),
    Op(
        "batch_norm",
        batch_norm_samples,
        call="nn.functional.batch_norm",
        numpy=np_batch_norm,
        layouts=("transposed", "stepped", "negative"),
        large=lambda g: S(g(701, 303), None, None, g(303), g(303), True),
        errors=(
            Err(
                (ZEROS((1, 3)), None, None, None, None, True),
                ValueError,
                "more than 1 value",
                {},
                "",
            ),
            Err((X, ZEROS(4), ZEROS(4)), RuntimeError, "running_mean|size|elements"),
        ),
        tol=4,
    ),
    Op(
        "group_norm",
        lambda g: [
            S(g(3, 4), 2),
            S(g(2, 4, 5), 2, g(4), g(4)),
            S(g(2, 6, 3, 2), 3, g(6), g(6), 1e-3),
            S(g(5, 4, 7), 1),
        ],
        call="nn.functional.group_norm",
        numpy=np_group_norm,
        layouts=("transposed", "stepped", "negative"),
        errors=(Err((X, 2), RuntimeError, "divisible"),),
        large=lambda g: S(g(70, 12, 303), 3, g(12), g(12)),
        tol=8,
    ),
    Op(
        "instance_norm",
        instance_norm_samples,
        call="nn.functional.instance_norm",
        numpy=np_instance_norm,
        layouts=("transposed", "stepped", "negative"),
        errors=(
            Err((ZEROS((2, 3, 1)),), ValueError, "more than 1 spatial", {}, ""),
            Err((ZEROS((2, 3, 4)), None, None, None, None, False), RuntimeError, "running_mean"),
            Err((ZEROS((2, 3, 4)), None, None, ZEROS(4)), RuntimeError, "weight|size|elements"),
        ),
        tol=8,
    ),
    Op(
        "rms_norm",
        lambda g: [S(g(3, 4), (4,)), S(g(2, 3, 4), (3, 4), g(3, 4)), S(g(5, 67), (67,), eps=1e-3)],
        call="nn.functional.rms_norm",
        large=lambda g: S(g(701, 303), (303,), g(303)),
        numpy=np_rms_norm,
        layouts=("transposed", "stepped", "negative"),
        errors=(Err((X, (4,)), RuntimeError, "normalized_shape"),),
        tol=4,
    ),
]
