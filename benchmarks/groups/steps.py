"""Whole training steps, forward to optimiser; and a policy asked one state at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy

from ..builds import Step, training
from ..case import Case
from . import models

Sizes = Sequence[int]


def batch(size: int, features: int, classes: int) -> Callable[[Any], Any]:
    return lambda rng: (
        rng.standard_normal((size, features), dtype=numpy.float32),
        rng.integers(0, classes, size),
    )


def classifier(model_of: Callable[[Any], Any], *shape: int) -> Callable[..., Step]:
    def make(P: Any, x: Any, target: Any) -> Any:
        model = model_of(P)
        x, target = P.tensor(x).view(-1, *shape), P.tensor(target)
        loss = P.nn.functional.cross_entropy
        optimiser = P.optim.Adam(model.parameters(), lr=1e-3)
        return model, lambda: loss(model(x), target), optimiser

    return training(make)


def numpy_mlp(sizes: Sizes, activation: str) -> Callable[..., Step]:
    def build(np: Any, x: Any, target: Any) -> Step:
        model = models.NumpyMLP(sizes, activation)

        def run() -> Any:
            return model.step(x, target)

        def check() -> Any:
            loss, gradients = run()
            return [[loss, run()[0], run()[0]], gradients]

        return Step(run, check)

    return build


def jax_mlp(sizes: Sizes, activation: str) -> Callable[..., Step]:
    def build(jax: Any, x: Any, target: Any) -> Step:
        step = models.jax_mlp_step(jax, activation)
        ps = [jax.numpy.asarray(p) for p in models.linear_values(sizes)]
        zeros = [jax.numpy.zeros_like(p) for p in ps]
        state: list[Any] = [ps, zeros, zeros, jax.numpy.int32(0)]
        x, target = jax.numpy.asarray(x), jax.numpy.asarray(target)

        def run() -> Any:
            *state[:], loss, gradients = jax.block_until_ready(step(*state, x, target))
            return loss, gradients

        def check() -> Any:
            loss, gradients = run()
            return [[loss, run()[0], run()[0]], gradients]

        return Step(run, check)

    return build


def mlp_case(name: str, sizes: Sizes, activation: str, size: int, **options: Any) -> Case:
    build = classifier(lambda P: models.mlp(P, sizes, activation), sizes[0])
    products = [a * b for a, b in pairwise(sizes)]
    return Case(
        name,
        {
            "pyforge": build,
            "torch": build,
            "numpy": numpy_mlp(sizes, activation),
            "jax": jax_mlp(sizes, activation),
        },
        batch(size, sizes[0], sizes[-1]),
        flops=2.0 * size * (3 * sum(products) - products[0]),
        **options,
    )


SMALL = mlp_case(
    "MLP 64-64-10 tanh, batch 32, Adam",
    (64, 64, 10),
    "Tanh",
    32,
    at_least={"torch": 12, "jax": 2, "numpy": 1},
    quick=True,
)


def mlps() -> list[Case]:
    deep = (100,) * 10 + (10,)
    return [
        SMALL,
        mlp_case(
            "MLP 784-512-512-10 relu, batch 128, Adam",
            (784, 512, 512, 10),
            "ReLU",
            128,
            at_least={"best": 1.2},
            quick=True,
        ),
        mlp_case(
            "ten-layer sigmoid MLP, 100 wide, batch 64, Adam",
            deep,
            "Sigmoid",
            64,
            at_least={"best": 1.5},
            quick=True,
        ),
    ]


def compiled(case: Case, model_of: Callable[[Any], Any], *shape: int) -> Case:
    """The row with pyforge's model compiled; the others run as in `case`."""
    build = classifier(lambda P: P.compile(model_of(P)), *shape)
    builds = {**case.builds, "pyforge": build}
    return replace(case, name=f"{case.name}, compiled", builds=builds, at_least={"best": 1.0})


def images(rng: Any) -> Any:
    return rng.standard_normal((64, 784), dtype=numpy.float32), rng.integers(0, 10, 64)


def lenet() -> Case:
    build = classifier(models.lenet, 1, 28, 28)
    macs = 784 * 6 * 25 + 100 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10
    return Case(
        "LeNet-like CNN 28x28, batch 64, Adam",
        {"pyforge": build, "torch": build},
        images,
        flops=2.0 * 64 * (3 * macs - 784 * 6 * 25),
        at_least={"best": 1.3},
        quick=True,
    )


def language_model(model_of: Callable[[Any], Any]) -> Callable[..., Step]:
    def make(P: Any, text: Any) -> Any:
        model = model_of(P)
        x, target = P.tensor(text[:, :-1].copy()), P.tensor(text[:, 1:].copy()).reshape(-1)
        loss = P.nn.functional.cross_entropy
        optimiser = P.optim.AdamW(model.parameters(), lr=1e-3)
        return model, lambda: loss(model(x).flatten(0, 1), target), optimiser

    return training(make)


def text(size: int, length: int, symbols: int) -> Callable[[Any], Any]:
    return lambda rng: (rng.integers(0, symbols, (size, length + 1)),)


def language_models() -> Any:
    for fused in (False, True):
        build = language_model(lambda P, fused=fused: models.gpt(P, 65, 128, 4, 4, 64, fused))
        tokens = 16 * 64
        yield Case(
            "character GPT 4 layers x 128, context 64, batch 16, "
            + ("fused attention" if fused else "attention by formula"),
            {"pyforge": build, "torch": build},
            text(16, 64, 65),
            flops=6.0 * tokens * (4 * (12 * 128 * 128 + 2 * 64 * 128) + 128 * 65),
            at_least={"best": 1.4},
            quick=not fused,
        )
    build = language_model(lambda P: models.lstm(P, 65, 128))
    yield Case(
        "character LSTM 128, 64 steps, batch 32",
        {"pyforge": build, "torch": build},
        text(32, 64, 65),
        flops=6.0 * 32 * 64 * (8 * 128 * 128 + 128 * 65),
        at_least={"best": 1.3},
    )


POLICY = (4, 64, 64, 2)


def policy(P: Any) -> Any:
    return models.mlp(P, POLICY, "Tanh")


def compiled_policy(P: Any) -> Any:
    return P.compile(policy(P))


def policy_forward(P: Any, state: Any, action: Any, model_of: Callable[[Any], Any] = policy) -> Any:
    model, x = model_of(P), P.tensor(state)

    def run() -> Any:
        with P.no_grad():
            return model(x)

    return run


def policy_step(P: Any, state: Any, action: Any, model_of: Callable[[Any], Any] = policy) -> Step:
    model, x, a = model_of(P), P.tensor(state), P.tensor(action)
    parameters = list(model.parameters())

    def run() -> Any:
        for p in parameters:
            p.grad = None
        loss = P.nn.functional.cross_entropy(model(x), a)
        loss.backward()
        return loss

    return Step(run, lambda: [run(), *(p.grad for p in parameters)])


def numpy_policy_forward(np: Any, state: Any, action: Any) -> Any:
    parameters = models.linear_values(POLICY)
    return lambda: models.apply_mlp(np, parameters, state, "Tanh")[-1]


def numpy_policy_step(np: Any, state: Any, action: Any) -> Any:
    model = models.NumpyMLP(POLICY, "Tanh")
    return lambda: model.gradients(state, action)


def jax_policy(gradient: bool) -> Callable[..., Any]:
    def build(jax: Any, state: Any, action: Any) -> Any:
        jnp = jax.numpy
        ps = [jnp.asarray(p) for p in models.linear_values(POLICY)]
        x, a = jnp.asarray(state), jnp.asarray(action)

        def outputs(ps: Any, x: Any) -> Any:
            return models.apply_mlp(jnp, ps, x, "Tanh")[-1]

        def loss(ps: Any, x: Any, a: Any) -> Any:
            return models.mean_cross_entropy(jnp, outputs(ps, x), a)[0]

        if not gradient:
            f = jax.jit(outputs)
            return lambda: jax.block_until_ready(f(ps, x))
        g = jax.jit(jax.value_and_grad(loss))
        return lambda: jax.block_until_ready(g(ps, x, a))

    return build


def policies() -> list[Case]:
    return [
        Case(
            "policy 4-64-64-2, batch 1, forward",
            {
                "pyforge": policy_forward,
                "torch": policy_forward,
                "numpy": numpy_policy_forward,
                "jax": jax_policy(False),
            },
            batch(1, 4, 2),
            at_least={"best": 2},
            quick=True,
        ),
        Case(
            "policy 4-64-64-2, batch 1, forward + backward",
            {
                "pyforge": policy_step,
                "torch": policy_step,
                "numpy": numpy_policy_step,
                "jax": jax_policy(True),
            },
            batch(1, 4, 2),
            at_least={"best": 3},
            quick=True,
        ),
    ]


def compiled_models() -> Any:
    small, medium = mlps()[:2]
    yield compiled(small, lambda P: models.mlp(P, (64, 64, 10), "Tanh"), 64)
    yield compiled(medium, lambda P: models.mlp(P, (784, 512, 512, 10), "ReLU"), 784)
    yield compiled(lenet(), models.lenet, 1, 28, 28)
    for case, run in zip(policies(), (policy_forward, policy_step), strict=True):
        build = partial(run, model_of=compiled_policy)
        builds = {**case.builds, "pyforge": build}
        yield replace(case, name=f"{case.name}, compiled", builds=builds)


CASES = [*mlps(), lenet(), *language_models(), *policies(), *compiled_models()]

# What a small step costs is overhead: that group shows it too.
OVERHEAD = replace(SMALL, at_least={"torch": 8})
