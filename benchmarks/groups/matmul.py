"""Products of matrices: square, skinny, of one row, transposed, batched; share of the FMA peak."""

from __future__ import annotations

from typing import Any

from ..builds import op

SQUARE = (16, 32, 64, 128, 256, 512, 1024, 2048)
QUICK = {(64, "float32"), (512, "float32"), (256, "float64")}


def pair(dtype: str, a: tuple[int, ...], b: tuple[int, ...]) -> Any:
    return lambda rng: tuple(rng.standard_normal(s).astype(dtype) for s in (a, b))


def product(name: str, a: tuple[int, ...], b: tuple[int, ...], **options: Any) -> Any:
    """`a @ b`, with the flops of its shapes; `view` changes the operands first."""
    view = options.pop("view", lambda x, y: (x, y))
    dtype = options.pop("dtype", "float32")
    flops = options.pop("flops")

    def f(P: Any, x: Any, y: Any) -> Any:
        x, y = view(x, y)
        return x @ y

    return op(
        f"{name} {dtype}",
        f,
        pair(dtype, a, b),
        array=f,
        flops=flops,
        double=dtype == "float64",
        **options,
    )


def square() -> Any:
    for dtype in ("float32", "float64"):
        for n in SQUARE:
            goal: dict[str, Any] = {"best": 1.5 if n <= 64 else 1.0}
            if dtype == "float32" and n >= 256:
                goal["limit"] = (0.93, 0.88)
            yield product(
                f"{n}x{n}",
                (n, n),
                (n, n),
                dtype=dtype,
                flops=2 * n**3,
                at_least=goal,
                quick=(n, dtype) in QUICK,
            )


def shapes() -> Any:
    best = {"best": 1.0}
    skinny = [(1, 1024, 1024), (1, 784, 512), (8, 1024, 1024), (32, 64, 64), (2048, 64, 64)]
    skinny += [(64, 4096, 64), (2048, 16, 2048), (1024, 1024, 1), (128, 784, 512), (1, 64, 64)]
    for dtype in ("float32", "float64"):
        for m, k, n in skinny if dtype == "float32" else skinny[:3]:
            yield product(
                f"{m}x{k} @ {k}x{n}",
                (m, k),
                (k, n),
                dtype=dtype,
                flops=2 * m * k * n,
                at_least=best,
                quick=(m, k) == (1, 1024) and dtype == "float32",
            )
        for n in (64, 512):
            for name, view in {
                "A^T B": lambda x, y: (x.T, y),
                "A B^T": lambda x, y: (x, y.T),
            }.items():
                yield product(
                    f"{name} {n}x{n}",
                    (n, n),
                    (n, n),
                    view=view,
                    dtype=dtype,
                    flops=2 * n**3,
                    at_least=best,
                    quick=n == 512 and dtype == "float32",
                )
    batched = [((256, 16, 16), (256, 16, 16)), ((64, 64, 64), (64, 64, 64))]
    batched += [((16, 8, 64, 32), (16, 8, 32, 64)), ((32, 64, 128), (128, 128))]
    batched += [((32, 1, 64, 64), (8, 64, 64))]
    for a, b in batched:
        batch = 1
        for p, q in zip(
            [1] * 4 + list(a[:-2]), [1] * (4 + len(a) - len(b)) + list(b[:-2]), strict=True
        ):
            batch *= max(p, q)
        name = " @ ".join("x".join(map(str, s)) for s in (a, b))
        flops = 2 * batch * a[-2] * a[-1] * b[-1]
        yield product(name, a, b, flops=flops, at_least=best, quick=a == (64, 64, 64))


def linear() -> Any:
    for m, k, n in ((32, 64, 64), (128, 784, 512), (1, 64, 64)):
        yield op(
            f"linear {m}x{k} -> {n}, forward + backward",
            lambda P, x, w, b: P.nn.functional.linear(x, w, b),
            lambda rng, s=((m, k), (n, k), (n,)): tuple(
                rng.standard_normal(t).astype("float32") for t in s
            ),
            "forward + backward",
            array=lambda np, x, w, b: x @ w.T + b,
            flops=6 * m * k * n,
            at_least={"best": 1.0},
            quick=m == 128,
        )


CASES = [*square(), *shapes(), *linear()]
