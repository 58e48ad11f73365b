"""One step of an optimiser, and clipping, over many small tensors and one large one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..case import Case, Step

SETS = {
    "3,000 tensors of 3,500": (3000, 3500),
    "10 million in 10 tensors": (10, 10**6),
    "100 tensors of 64": (100, 64),
}
# Bytes to and from memory for each parameter.
TRAFFIC = {"Adam": 28, "AdamW": 28, "SGD": 20, "RMSprop": 20}


def parameters(P: Any, count: int, size: int) -> list[Any]:
    with P.no_grad():
        base = P.sin(P.arange(size, dtype=P.float32))
        tensors = [(base * (1 + k % 7)).requires_grad_() for k in range(count)]
        for k, p in enumerate(tensors):
            p.grad = base * (0.1 + k % 5)
    return tensors


def stepping(kind: str, count: int, size: int, **options: Any) -> Callable[..., Step]:
    """`options` that name PyTorch's implementations mean nothing to pyforge, which has one."""

    def build(P: Any) -> Step:
        tensors = parameters(P, count, size)
        optimiser = getattr(P.optim, kind)(tensors, lr=1e-4, **options)
        return Step(
            optimiser.step, lambda: [optimiser.step(), *tensors[:: max(1, count // 10)]][1:]
        )

    return build


def case(kind: str, which: str, way: str, goal: float, **options: Any) -> Case:
    count, size = SETS[which]
    common = {k: v for k, v in options.items() if k not in ("fused", "foreach", "quick")}
    theirs = {k: v for k, v in options.items() if k != "quick"}
    large = count * size > 5 * 10**6
    return Case(
        f"{kind} {which}, PyTorch {way}",
        {
            "pyforge": stepping(kind, count, size, **common),
            "torch": stepping(kind, count, size, **theirs),
        },
        bytes=TRAFFIC[kind] * count * size if large else 0,
        at_least={"torch": goal},
        quick=options.get("quick", False),
    )


def adam() -> Any:
    for which in SETS:
        small = which.startswith("100")
        yield case("Adam", which, "default", 5, quick=not which.startswith("10 "))
        yield case("Adam", which, "foreach", 1, foreach=True)
        yield case("Adam", which, "fused", 1, fused=True, quick=small)


def clipping(count: int, size: int) -> Callable[..., Step]:
    def build(P: Any) -> Step:
        tensors = parameters(P, count, size)
        clip = P.nn.utils.clip_grad_norm_
        return Step(lambda: clip(tensors, 1e9))

    return build


def clip_case(which: str) -> Case:
    build = clipping(*SETS[which])
    builds = {"pyforge": build, "torch": build}
    return Case(f"clip_grad_norm_ {which}", builds, at_least={"torch": 1})


def clipped(count: int, size: int) -> dict[str, Callable[..., Step]]:
    """A step by gradients clipped to a common norm: in the same pass, and as two calls."""

    def build(P: Any, within: bool) -> Step:
        tensors = parameters(P, count, size)
        optimiser = P.optim.Adam(tensors, lr=1e-4)

        def step() -> None:
            if within:
                optimiser.step(max_grad_norm=1.0)
            else:
                P.nn.utils.clip_grad_norm_(tensors, 1.0)
                optimiser.step()

        return Step(step, lambda: [step(), *tensors[:: max(1, count // 10)]][1:])

    return {"pyforge": lambda P: build(P, True), "torch": lambda P: build(P, False)}


CASES = [
    *adam(),
    case("AdamW", "3,000 tensors of 3,500", "default", 5, weight_decay=0.01),
    case("SGD", "3,000 tensors of 3,500", "default", 1, momentum=0.9),
    case("SGD", "3,000 tensors of 3,500", "fused", 1, momentum=0.9, fused=True),
    case("RMSprop", "3,000 tensors of 3,500", "default", 1),
    clip_case("3,000 tensors of 3,500"),
    clip_case("100 tensors of 64"),
    Case("Adam with clipping 3,000 tensors of 3,500", clipped(3000, 3500), at_least={"torch": 5}),
]
