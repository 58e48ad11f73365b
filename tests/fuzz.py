"""Calls ops with bad input; run as a program by `test_bad_input.py`, so that a crash is seen.

Prints one line before each call, so the last line names the call that never came back, and one
after it with the outcome.
"""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np
import programs
from optable import ROWS
from optable.model import Op, Sample
from support import Call, is_tensor

import pyforge as pf

HUGE = 1 << 62


def bad_tensors() -> list[Any]:
    nan = pf.full((2, 3), float("nan"))
    return [
        nan,
        nan.requires_grad_(),
        pf.full((3,), float("inf")),
        pf.zeros(0),
        pf.zeros(2, 0, 3),
        pf.zeros(3, dtype=pf.int64),
        pf.full((3,), -7, dtype=pf.int64),
        pf.full((3,), 1 << 40, dtype=pf.int64),
        pf.ones(2, dtype=pf.bool),
        pf.tensor(5),
        pf.zeros(2, 3, 4, dtype=pf.float64).permute(2, 0, 1),
        pf.zeros(1).expand(10, 100, 1000),
        pf.zeros(2, 3, dtype=pf.int8),
    ]


BAD_VALUES: list[Any] = [
    None,
    "abc",
    b"abc",
    "cuda",
    object(),
    float("nan"),
    float("inf"),
    -1,
    0,
    7,
    -(1 << 63),
    (1 << 63) - 1,
    1 << 64,
    HUGE,
    1.5,
    1e300,
    True,
    1 + 2j,
    (),
    [],
    (0, 0),
    (-1, -1),
    (HUGE, HUGE),
    [None],
    [[1, 2], [3]],
    {},
    {1, 2},
    lambda: None,
    int,
    slice(None),
    Ellipsis,
    np.zeros(3),
    np.zeros(3, dtype=complex),
    range(3),
]

NAMES = ["dim", "dtype", "keepdim", "out", "device", "alpha", "p", "reduction", "nonsense", ""]


def show(value: Any) -> str:
    if is_tensor(value):
        return f"{str(value.dtype).rpartition('.')[2]}{list(value.shape)}"
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."


def attempt(label: str, call: Any) -> None:
    print("try", label, flush=True)
    try:
        call()
    except Exception as error:
        text = str(error).replace("\n", " ")
        print("raised", type(error).__name__, text[:300], flush=True)
    else:
        print("ok", flush=True)


def fuzz(op: Op, rng: random.Random, rounds: int) -> None:
    samples = [s for s in op.draw(op.dtypes[-1]) if s.args][:6]
    pool = [*BAD_VALUES, *bad_tensors()]
    base = Call(pf, op, Sample((), {})).fn
    for _ in range(rounds):
        sample = rng.choice(samples)
        call = Call(pf, op, sample, grad=rng.random() < 0.3 and op.grad)
        args, kwargs = list(call.args), dict(call.kwargs)
        what = rng.random()
        if what < 0.6:
            args[rng.randrange(len(args))] = rng.choice(pool)
        elif what < 0.7:
            args.append(rng.choice(pool))
        elif what < 0.8:
            args.pop(rng.randrange(len(args)))
        elif what < 0.9:
            kwargs[rng.choice(NAMES)] = rng.choice(pool)
        else:
            args = [rng.choice(pool) for _ in args]
        label = ", ".join([show(a) for a in args] + [f"{k}={show(v)}" for k, v in kwargs.items()])

        def run(args: list[Any] = args, kwargs: dict[str, Any] = kwargs) -> None:
            out = base(*args, **kwargs)
            if is_tensor(out) and out.requires_grad and out.numel() < 1_000_000:
                out.sum().backward()

        attempt(f"{op.name}({label})", run)


def main() -> None:
    """fuzz.py SEED ROUNDS NAME...: the named rows, or all."""
    programs.limit_memory()
    seed, rounds, names = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    for op in ROWS:
        if not names or op.name in names:
            fuzz(op, random.Random(f"{seed} {op.name}"), rounds)
    x = pf.ones(3, requires_grad=True)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]
    print("done", flush=True)


if __name__ == "__main__":
    main()
