"""Models in the API of pyforge and PyTorch, and perceptrons by hand for NumPy and JAX."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy

Array = Any


def values(k: int, shape: Sequence[int]) -> Array:
    """Initial values of parameter number `k`: alike in every engine."""
    rng = numpy.random.default_rng(1000 + k)
    scale = 1 / numpy.sqrt(shape[-1] if len(shape) < 3 else numpy.prod(shape[1:]))
    return (scale * rng.standard_normal(tuple(shape))).astype(numpy.float32)


def fill(P: Any, model: Any) -> Any:
    """Gives a model the same weights in every engine; normalisations keep their ones and zeros."""
    with P.no_grad():
        for k, (name, p) in enumerate(model.named_parameters()):
            if "norm" not in name:
                p.copy_(P.tensor(values(k, p.shape)))
    return model


def mlp(P: Any, sizes: Sequence[int], activation: str) -> Any:
    layers = []
    for a, b in pairwise(sizes):
        layers += [P.nn.Linear(a, b), getattr(P.nn, activation)()]
    return fill(P, P.nn.Sequential(*layers[:-1]))


def lenet(P: Any) -> Any:
    nn = P.nn
    return fill(
        P,
        nn.Sequential(
            *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
        ),
    )


def lstm(P: Any, symbols: int, hidden: int) -> Any:
    class Model(P.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = P.nn.Embedding(symbols, hidden)
            self.lstm = P.nn.LSTM(hidden, hidden, batch_first=True)
            self.head = P.nn.Linear(hidden, symbols)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(self.embedding(x))[0])

    return fill(P, Model())


def gpt(
    P: Any, symbols: int, width: int, heads: int, layers: int, context: int, fused: bool
) -> Any:
    """A character GPT; attention is the library's function or, not `fused`, written out."""
    nn = P.nn

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            batch, length, _ = x.shape
            q, k, v = (
                part.view(batch, length, heads, width // heads).transpose(1, 2)
                for part in self.qkv(self.norm1(x)).split(width, 2)
            )
            if fused:
                y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            else:
                scores = q @ k.transpose(-2, -1) * (width // heads) ** -0.5
                y = P.softmax(scores.masked_fill(hidden, float("-inf")), -1) @ v
            x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
            return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))

    class GPT(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.symbols, self.places = nn.Embedding(symbols, width), nn.Embedding(context, width)
            self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, symbols)

        def forward(self, x: Any) -> Any:
            return self.head(self.norm(self.blocks(self.symbols(x) + self.places(places))))

    places = P.arange(context)
    hidden = P.ones(context, context).triu(1).bool()
    return fill(P, GPT())


def linear_values(sizes: Sequence[int]) -> list[Array]:
    """Weights and biases in the order and shapes of `mlp`."""
    shapes: list[tuple[int, ...]] = []
    for a, b in pairwise(sizes):
        shapes += [(b, a), (b,)]
    return [values(k, s) for k, s in enumerate(shapes)]


ACTIVATIONS: dict[str, tuple[Any, Any]] = {  # and the derivative, from the result
    "Tanh": (lambda np, x: np.tanh(x), lambda y: 1 - y * y),
    "Sigmoid": (lambda np, x: 1 / (1 + np.exp(-x)), lambda y: y * (1 - y)),
    "ReLU": (lambda np, x: np.maximum(x, 0), lambda y: y > 0),
}


def apply_mlp(np: Any, parameters: Sequence[Array], x: Array, activation: str) -> list[Array]:
    """The input and the result of each layer, for NumPy and jax.numpy."""
    f = ACTIVATIONS[activation][0]
    results = [x]
    for k in range(0, len(parameters), 2):
        z = results[-1] @ parameters[k].T + parameters[k + 1]
        results.append(z if k + 2 == len(parameters) else f(np, z))
    return results


def mean_cross_entropy(np: Any, z: Array, target: Array) -> tuple[Array, Array]:
    """The loss and log-probabilities."""
    z = z - z.max(axis=1, keepdims=True)
    logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -logs[np.arange(len(target)), target].mean(), logs


class NumpyMLP:
    """Forward, backward and Adam as one writes them by hand."""

    def __init__(self, sizes: Sequence[int], activation: str, lr: float = 1e-3) -> None:
        self.parameters = linear_values(sizes)
        self.activation, self.lr, self.count = activation, lr, 0
        self.means = [numpy.zeros_like(p) for p in self.parameters]
        self.squares = [numpy.zeros_like(p) for p in self.parameters]

    def gradients(self, x: Array, target: Array) -> tuple[Array, list[Array]]:
        derivative = ACTIVATIONS[self.activation][1]
        results = apply_mlp(numpy, self.parameters, x, self.activation)
        loss, logs = mean_cross_entropy(numpy, results[-1], target)
        g = numpy.exp(logs)
        g[numpy.arange(len(target)), target] -= 1
        g /= numpy.float32(len(target))
        gradients: list[Array] = []
        for k in range(len(self.parameters) - 2, -1, -2):
            y = results[k // 2]
            gradients += [g.sum(axis=0), g.T @ y]
            if k:
                g = (g @ self.parameters[k]) * derivative(y)
        return loss, gradients[::-1]

    def step(self, x: Array, target: Array) -> tuple[Array, list[Array]]:
        loss, gradients = self.gradients(x, target)
        self.count += 1
        rate = self.lr / (1 - 0.9**self.count)
        correction = (1 - 0.999**self.count) ** -0.5
        state = zip(self.parameters, gradients, self.means, self.squares, strict=True)
        for p, g, mean, square in state:
            mean *= 0.9
            mean += 0.1 * g
            square *= 0.999
            square += 0.001 * g * g
            p -= rate * mean / (numpy.sqrt(square) * correction + 1e-8)
        return loss, gradients


def jax_mlp_step(jax: Any, activation: str, lr: float = 1e-3) -> Any:
    """A compiled step; it takes the state and the batch, gives the state, loss and gradients."""
    jnp = jax.numpy

    def loss_of(parameters: Any, x: Array, target: Array) -> Array:
        return mean_cross_entropy(jnp, apply_mlp(jnp, parameters, x, activation)[-1], target)[0]

    def step(ps: Any, ms: Any, vs: Any, count: Array, x: Array, target: Array) -> Any:
        loss, gs = jax.value_and_grad(loss_of)(ps, x, target)
        count = count + 1
        ms = [0.9 * m + 0.1 * g for m, g in zip(ms, gs, strict=True)]
        vs = [0.999 * v + 0.001 * g * g for v, g in zip(vs, gs, strict=True)]
        rate = lr / (1 - jnp.float32(0.9) ** count)
        correction = (1 - jnp.float32(0.999) ** count) ** -0.5
        ps = [
            p - rate * m / (jnp.sqrt(v) * correction + 1e-8)
            for p, m, v in zip(ps, ms, vs, strict=True)
        ]
        return ps, ms, vs, count, loss, gs

    return jax.jit(step)
