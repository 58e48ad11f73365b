"""Derivatives of many elements, checked by random projections."""

from __future__ import annotations

from .. import _C
from .._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = ["drawn_like", "projected"]

_SAMPLED = 24  # elements looked at one by one
_EPS, _ATOL, _RTOL = 1e-6, 1e-5, 1e-3  # as in gradcheck


def drawn_like(t: Tensor, seed: int = 0) -> Tensor:
    """Normal random numbers in the shape and dtype of ``t``, the same at each call."""
    import numpy as np

    drawn = np.random.default_rng(seed).standard_normal(tuple(t.shape))
    return _C.from_numpy(np.ascontiguousarray(drawn)).to(t.dtype)


def projected(
    func: Callable[..., Sequence[Tensor]], tensors: list[Tensor], wrt: list[int]
) -> tuple[int, str] | None:
    """Compare ``v @ J`` with differences along random directions, ``v`` random.

    A direction that disagrees is halved until one element is left; that element, and a sample of
    others, decide. The cost is some hundred calls, whatever the number of elements.

    Returns:
        None, or the position of the wrong input and the text of the report.
    """
    import numpy as np

    from ..autograd import grad

    outputs = func(*tensors)
    seeds = [drawn_like(o, 1 + k) for k, o in enumerate(outputs)]
    recorded = [(o, s) for o, s in zip(outputs, seeds, strict=True) if o.requires_grad]
    grads: Sequence[Tensor | None] = [None] * len(wrt)
    if recorded:
        grads = grad(
            [o for o, _ in recorded],
            [tensors[i] for i in wrt],
            [s for _, s in recorded],
            allow_unused=True,
        )
    size = sum(float(abs(o.detach().numpy()).max()) for o in outputs if o.numel())
    noise = 1e-9 * (1 + size) * sum(o.numel() for o in outputs) ** 0.5
    weights = [s.numpy() for s in seeds]

    for i, g in zip(wrt, grads, strict=True):
        data = tensors[i].detach().numpy()
        kept = data.copy()
        have = np.zeros(kept.shape) if g is None else g.detach().numpy().copy()

        def numeric(u: Array, data: Array = data, kept: Array = kept) -> float:
            values = []
            try:
                for sign in (1, -1):
                    data[...] = kept + sign * _EPS * u.reshape(kept.shape)
                    values.append([o.detach().numpy().copy() for o in func(*tensors)])
            finally:
                data[...] = kept
            total = sum(
                float((w * (a - b)).sum()) for w, a, b in zip(weights, *values, strict=True)
            )
            return total / (2 * _EPS)

        flat = have.reshape(-1)
        random = np.random.default_rng(i)
        suspects: list[int] = [int(e) for e in random.integers(0, flat.size, _SAMPLED)]
        for _ in range(3):
            u = random.standard_normal(flat.size)
            part = np.arange(flat.size)

            def gap(part: Array, u: Array = u, flat: Array = flat) -> float:
                along = np.zeros(flat.size)
                along[part] = u[part]
                return abs(float(flat @ along) - numeric(along))

            if not gap(part) <= noise + 1e-6 * float(np.sqrt(((flat * u) ** 2).sum())):
                while part.size > 1:
                    halves = np.array_split(part, 2)
                    part = max(halves, key=gap)
                suspects.insert(0, int(part[0]))
        report = _look_at(flat, kept.shape, suspects, numeric, g is not None)
        if report:
            return i, report
    return None


def _look_at(
    flat: Array,
    shape: tuple[int, ...],
    suspects: list[int],
    numeric: Callable[[Array], float],
    reached: bool,
) -> str | None:
    import numpy as np

    from ..autograd.gradcheck_report import Mismatch

    elements = np.array(list(dict.fromkeys(suspects)))
    want = np.zeros(len(elements))
    for k, e in enumerate(elements):
        unit = np.zeros(flat.size)
        unit[e] = 1
        want[k] = numeric(unit)
    have = flat[elements]
    bad = ~(abs(have - want) <= _ATOL + _RTOL * abs(want))
    if not bad.any():
        return None
    worst = np.flatnonzero(bad)[np.argsort(-abs(have - want)[bad], kind="stable")[:3]]
    lines = [f"{int(bad.sum())} of {len(elements)} elements looked at differ:"]
    for k in worst:
        at = tuple(int(n) for n in np.unravel_index(elements[k], shape)) if shape else ()
        lines.append(f"  at element {at}: gradient {have[k]:.6g}, numeric {want[k]:.6g}")
    column = (slice(None), None)
    sample = Mismatch(
        0, (), 0, (len(elements),), have[column], want[column],
        np.zeros((len(elements), 1)), bad[column],
    )  # fmt: skip
    lines.append(sample.verdict(reached, _ATOL))
    return "\n".join(lines)
