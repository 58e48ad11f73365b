"""Functions of nn.functional that are Python over native operations."""

from __future__ import annotations

from typing import Any

import numpy as np

from .model import Const, Err, Gen, Kink, Op, S, Sample

X = np.zeros
REDUCTIONS = ("mean", "sum", "none")
VALUE = (ValueError, RuntimeError)


def F(name: str, samples: Any, **kw: Any) -> Op:
    return Op(name, samples, call=f"nn.functional.{name}", **kw)


def signs(g: Gen, *shape: int) -> Const:
    return Const(np.where(g.bools(*shape), 1, -1).astype(g.dtype))


def ranking(g: Gen) -> list[Sample]:
    out = [S(g(6), g(6), signs(g, 6), 0.3, reduction=r) for r in REDUCTIONS]
    return [*out, S(g(3, 4), g(3, 4), signs(g, 3, 4)), S(g(), g(), signs(g))]


def one_input(g: Gen) -> list[Sample]:
    out = [S(g(3, 4), signs(g, 3, 4), reduction=r) for r in REDUCTIONS]
    return [*out, S(g(67), signs(g, 67)), S(g(), signs(g))]


def soft_margin(g: Gen) -> list[Sample]:
    return [*one_input(g), S(g(3) * 20, Const(np.array([1, 1, -1], g.dtype)))]


def cosine_embedding(g: Gen) -> list[Sample]:
    out = [S(g(5, 4), g(5, 4), signs(g, 5), 0.1, reduction=r) for r in REDUCTIONS]
    return [*out, S(g(4), g(4), signs(g))]


def poisson(g: Gen) -> list[Sample]:
    counts = Const(g.index(3, 4, high=6).astype(g.dtype))
    out = [S(g(3, 4), counts, full=f, reduction=r) for r in REDUCTIONS for f in (False, True)]
    return [*out, S(g.positive(3, 4), counts, log_input=False), S(g(67), g.positive(67))]


def gaussian(g: Gen) -> list[Sample]:
    out = [S(g(3, 4), g(3, 4), g.positive(3, 4), reduction=r) for r in REDUCTIONS]
    out += [S(g(3, 4), g(3, 4), g.positive(3), full=True), S(g(3, 4), g(3, 4), g.positive(3, 1))]
    return [*out, S(g(3, 4), g(3, 4), 0.7), Kink(g(2), g(2), np.array([0.0, 1e-9], g.dtype))]


def multi_margin(g: Gen) -> list[Sample]:
    w = Const(g.positive(4))
    out = [
        S(g.distinct(5, 4) * 1.03, g.index(5, high=4), p, reduction=r)
        for p in (1, 2)
        for r in REDUCTIONS
    ]
    apart = g.distinct(5, 4) * 1.03
    out += [S(apart.copy(), g.index(5, high=4), weight=w, reduction=r) for r in REDUCTIONS]
    return [*out, S(g(4), np.asarray(2)), S(g(4), np.asarray(1), 2, reduction="none")]


def multilabel_margin(g: Gen) -> list[Sample]:
    labels = np.array([[3, 0, -1, 1], [-1, 2, 2, 2], [0, 1, 2, 3], [2, -1, -1, -1]])
    out = [S(g.distinct(4, 4) * 1.03, labels, reduction=r) for r in REDUCTIONS]
    return [*out, S(g(4), labels[0]), S(g(4), labels[1], reduction="none")]


def multilabel_soft(g: Gen) -> list[Sample]:
    y = Const(g.bools(3, 4).astype(g.dtype))
    out = [S(g(3, 4), y, reduction=r) for r in REDUCTIONS]
    return [*out, S(g(3, 4), y, Const(g.positive(4))), S(g(4), Const(y.array[0]))]


def triplet(g: Gen) -> list[Sample]:
    def three(*shape: int) -> list[np.ndarray]:
        return [g(*shape) for _ in range(3)]

    out = [S(*three(5, 4), reduction=r) for r in REDUCTIONS]
    return [*out, S(*three(5, 4), swap=True, margin=2.0), S(*three(2, 3, 4), p=3.0), S(*three(4))]


def triplet_distance(P: Any, a: Any, p: Any, n: Any, **kw: Any) -> Any:
    def distance(x: Any, y: Any) -> Any:
        return 1 - P.nn.functional.cosine_similarity(x, y, -1)

    return P.nn.functional.triplet_margin_with_distance_loss(
        a, p, n, distance_function=distance, **kw
    )


def bag(g: Gen) -> list[Sample]:
    index, ends = g.index(7, high=6), np.array([0, 3, 3, 5])
    table = g.distinct(6, 4)
    out = [S(index, table.copy(), ends, mode=m) for m in ("sum", "mean", "max")]
    out += [S(g.index(3, 2, high=6), table.copy(), mode=m) for m in ("sum", "mean", "max")]
    out += [
        S(index, table.copy(), ends, mode=m, padding_idx=int(index[1]))
        for m in ("sum", "mean", "max")
    ]
    out += [S(index, table.copy(), ends, mode="sum", per_sample_weights=g(7))]
    last = np.array([0, 3, 3, 7])
    return out + [
        S(index, table.copy(), last, mode=m, include_last_offset=True) for m in ("sum", "max")
    ]


def seeded(name: str, *before: Any, **kw: Any) -> Any:
    def call(P: Any, x: Any) -> Any:
        P.manual_seed(5)
        return getattr(P.nn.functional, name)(x, *before, **kw)

    return call


def random(name: str, *shapes: tuple[int, ...], **kw: Any) -> Op:
    """PyTorch's stream from the same seed, so its values as well."""
    return Op(name, lambda g: [S(g(*s)) for s in shapes], call=seeded(name, **kw), layouts=())


def shrink(g: Gen) -> list[Sample]:
    return [S(g(3, 4)), S(g(67), 0.3), S(g()), S(g(0)), Kink(np.array([0.5, -0.5, 0], g.dtype))]


IMAGE = (4, 6, 3, 3)
LABELS = np.array([0, 1])

ROWS = [
    F(
        "margin_ranking_loss",
        ranking,
        errors=[Err((X(2), X((2, 2)), X(2)), RuntimeError, "same dimension")],
    ),
    F("hinge_embedding_loss", one_input, domain=((-2, 0.9), (1.1, 3))),
    F("soft_margin_loss", soft_margin),
    F(
        "cosine_embedding_loss",
        cosine_embedding,
        errors=[Err((X((2, 3)), X((2, 3)), X((2, 2))), RuntimeError, "multi-target", names="")],
        tol=4,
    ),
    F("poisson_nll_loss", poisson),
    F(
        "gaussian_nll_loss",
        gaussian,
        errors=[
            Err((X(2), X(2), -np.ones(2)), ValueError, "negative", names=""),
            Err((X(2), X(2), np.ones(3)), ValueError, "incorrect size", names=""),
        ],
    ),
    F(
        "multi_margin_loss",
        multi_margin,
        errors=[
            Err((X((2, 3)), LABELS, 3), ValueError, "p == 1", names=""),
            Err((X((2, 3)), LABELS + 2), VALUE, "out of range", names=""),
        ],
    ),
    F(
        "multilabel_margin_loss",
        multilabel_margin,
        errors=[Err((X((1, 3)), np.array([[3, 0, 0]])), RuntimeError, "out of range", names="")],
    ),
    F("multilabel_soft_margin_loss", multilabel_soft),
    F(
        "triplet_margin_loss",
        triplet,
        tol=4,
        errors=[Err((X(2), X(2), X(2), -1.0), ValueError, "greater than 0", names="")],
    ),
    Op(
        "triplet_margin_with_distance_loss",
        lambda g: [S(g(5, 4), g(5, 4), g(5, 4), swap=s, margin=1.7) for s in (False, True)],
        call=triplet_distance,
        tol=4,
    ),
    F(
        "cosine_similarity",
        lambda g: [
            S(g(3, 4), g(3, 4)),
            S(g(2, 3, 4), g(3, 1), 1),
            S(g(4), g(4), -1),
            Kink(g(2, 5), g(2, 5), dim=0, eps=0.9),
        ],
        tol=4,
        errors=[Err((LABELS, LABELS, 0), RuntimeError, "floating point", names="")],
    ),
    F(
        "pairwise_distance",
        lambda g: [
            S(g(3, 4), g(3, 4)),
            S(g(3, 4), g(4), 3.0),
            S(g(4), g(4), keepdim=True),
            S(g(2, 3, 4), g(2, 3, 4), 1.0, 0.1),
        ],
    ),
    F(
        "pdist",
        lambda g: [S(g(5, 3)), S(g(2, 4), 1.0), S(g(6, 2), 3.0)],
        errors=[Err((X((2, 2, 2)),), RuntimeError, "2D")],
    ),
    F(
        "normalize",
        lambda g: [S(g(3, 4)), S(g(3, 4), 1.0, 0), S(g(2, 3, 4), dim=-1), S(g(4), dim=0)],
    ),
    F(
        "bilinear",
        lambda g: [
            S(g(3, 2), g(3, 4), g(5, 2, 4), g(5)),
            S(g(2, 3, 2), g(2, 3, 4), g(1, 2, 4)),
            S(g(2), g(4), g(3, 2, 4), g(3)),
        ],
        errors=[Err((X((3, 2)), X((3, 4)), X((5, 3, 4))), RuntimeError, "does not match")],
    ),
    F(
        "embedding_bag",
        bag,
        layouts=("transposed",),
        errors=[
            Err((LABELS, X((3, 2))), ValueError, "offsets has to be a 1D", names=""),
            Err((LABELS, X((3, 2)), LABELS, None, 2, False, "x"), ValueError, "mode", names=""),
            Err(
                (LABELS + 2, X((3, 2)), X(1, np.int64)),
                (IndexError, RuntimeError),
                "range|found idx",
                names="",
            ),
            Err((LABELS, X((3, 2)), LABELS + 1), RuntimeError, r"offsets\[0\]", names=""),
        ],
    ),
    F(
        "glu",
        lambda g: [S(g(3, 4)), S(g(4, 3), 0), S(g(2, 6, 3), dim=1)],
        errors=[Err((X((2, 3)),), RuntimeError, "must be even", names="")],
    ),
    F("softmin", lambda g: [S(g(3, 4), 1), S(g(5), dim=0)]),
    F("hardshrink", shrink),
    F("softshrink", shrink, errors=[Err((X(2), -1.0), RuntimeError, "lambda must be", names="")]),
    F(
        "channel_shuffle",
        lambda g: [S(g(2, 6, 3), 3), S(g(1, 4, 2, 2), 2)],
        errors=[Err((X((1, 3, 2)), 2), RuntimeError, "divisible", names="")],
    ),
    random("rrelu", (5, 7), (), training=True),
    random("dropout1d", (4, 6, 3), (6, 3), p=0.4),
    random("dropout2d", IMAGE, p=0.4),
    random("dropout3d", (2, 3, 2, 2, 2), (3, 2, 2, 2)),
    random("alpha_dropout", (5, 40), (), training=True),
    random("feature_alpha_dropout", IMAGE, training=True),
    random("gumbel_softmax", (5, 7), tau=0.7),
]
