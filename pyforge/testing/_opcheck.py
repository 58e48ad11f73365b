"""``opcheck``: what a custom op has to get right, checked on the user's own inputs."""

from __future__ import annotations

from .. import _C
from .._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["OpCheckError", "opcheck"]


class OpCheckError(AssertionError):
    """An op does not keep a promise; the text names check, input and element."""


def opcheck(
    op: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    kwargs: dict[str, Any] | None = None,
    *,
    gradients: bool = True,
    second: bool = True,
) -> list[str]:
    """Check an op on ``inputs``, and on variants of them that it must treat alike.

    Repeatability, elements that are never written, writes past the end of an output, inputs changed
    behind the caller's back, outputs that share memory, strided inputs, float32 against float64,
    empty and 0-d inputs (which the op may refuse), one thread against several bit for bit, NaN that
    is swallowed, memory that is not returned, first and second derivative.

    Args:
        op: a custom op, or any callable.
        inputs: its arguments; float64 tensors that require grad get their
            derivatives checked.
        kwargs: its keyword arguments.
        gradients: check the first derivative.
        second: check the second derivative as well.

    Returns:
        The names of the checks that ran.

    Raises:
        OpCheckError: at the first check that fails.
    """
    args = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    check = _Check(op, args, kwargs or {})
    done = []
    for name, run in check.plan(gradients, second):
        try:
            run()
        except OpCheckError as error:
            raise OpCheckError(f"opcheck({check.name}): {name}: {error}") from None
        done.append(name)
    return done


class _Check:
    def __init__(self, op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.op, self.args, self.kwargs = op, args, kwargs
        self.name = getattr(op, "__name__", repr(op))
        self.differentiable = any(
            isinstance(a, Tensor) and a.requires_grad and a.dtype == _C.float64 for a in args
        )

    def plan(self, gradients: bool, second: bool) -> list[tuple[str, Callable[[], None]]]:
        steps: list[tuple[str, Callable[[], None]]] = [
            ("inputs unchanged", self.inputs_unchanged),
            ("every element written", self.every_element_written),
            ("strided inputs", self.strided),
            ("float32", self.float32),
            ("empty and 0-d", self.small),
            ("threads", self.threads),
            ("NaN", self.nan),
            ("memory", self.memory),
        ]
        if gradients and self.differentiable:
            steps.append(("first derivative", self.first))
            if second:
                steps.append(("second derivative", self.second))
        return steps

    def plain(self) -> list[Any]:
        return [a.detach().clone() if isinstance(a, Tensor) else a for a in self.args]

    def run(self, args: Sequence[Any]) -> list[Tensor]:
        result = self.op(*args, **self.kwargs)
        found = list(result) if isinstance(result, (tuple, list)) else [result]
        return [t for t in found if isinstance(t, Tensor)]

    def inputs_unchanged(self) -> None:
        args = self.plain()
        versions = [a._version if isinstance(a, Tensor) else 0 for a in args]
        before = self.plain()
        outputs = self.run(args)
        for i, (a, b, v) in enumerate(zip(args, before, versions, strict=True)):
            if isinstance(a, Tensor) and a._version == v and _difference(a, b) is not None:
                raise OpCheckError(
                    f"input {i} was changed at element {_difference(a, b)} without being declared: "
                    "mark it Tensor(a!) in the schema, or work on a copy"
                )
            for o, out in enumerate(outputs):
                if isinstance(a, Tensor) and a.numel() and a._version == v and out is a:
                    raise OpCheckError(f"output {o} is input {i} itself: return a new tensor")

    def every_element_written(self) -> None:
        results = []
        try:
            for byte in (0xFF, 0x3C, 0x3C):  # all NaN, then an ordinary number
                _C._set_output_fill(byte)
                results.append([t.clone() for t in self.run(self.plain())])
        except RuntimeError as error:
            if "past the end" in str(error):
                raise OpCheckError(str(error)) from None
            raise
        finally:
            _C._set_output_fill(-1)
        for o, (a, b, c) in enumerate(zip(*results, strict=True)):
            if (at := _difference(b, c)) is not None:
                raise OpCheckError(f"output {o} differs between two equal calls at element {at}")
            if (at := _difference(a, b)) is not None:
                raise OpCheckError(
                    f"element {at} of output {o} is never written: the loop leaves out a part, "
                    "often the last few elements"
                )

    def strided(self) -> None:
        want = self.run(self.plain())
        for layout in ("transposed", "stepped"):
            args = [_laid_out(a, layout) if isinstance(a, Tensor) else a for a in self.plain()]
            self.compare(
                self.run(args), want, f"{layout} inputs",
                "the kernel ignores strides; use contiguous() or the strides of the view",
            )  # fmt: skip

    def float32(self) -> None:
        """The result in float32, where the op takes it, near that in float64."""
        doubles = [isinstance(a, Tensor) and a.dtype == _C.float64 for a in self.args]
        if not any(doubles):
            return
        args = self.plain()
        singles = [a.float() if d else a for a, d in zip(args, doubles, strict=True)]
        try:
            got = self.run(singles)
        except (NotImplementedError, RuntimeError, TypeError):
            return
        rounded = [a.double() if d else a for a, d in zip(singles, doubles, strict=True)]
        for o, (a, b) in enumerate(zip(got, self.run(rounded), strict=True)):
            if not b.is_floating_point() or not b.numel():
                continue
            if a.shape != b.shape:
                raise OpCheckError(f"output {o} has shape {tuple(a.shape)} in float32, but "
                                   f"{tuple(b.shape)} in float64")  # fmt: skip
            finite = b[b.isfinite()].abs()
            size = finite.max().item() if finite.numel() else 0.0
            bad = ((a.double() - b).abs() > 1e-3 * max(size, 1e-30)).numpy()
            if bad.any():
                at = tuple(int(i[0]) for i in bad.nonzero()) if bad.ndim else ()
                raise OpCheckError(f"output {o} in float32 is far from that in float64 at element "
                                   f"{at}: is the data read as the wrong type?")  # fmt: skip

    def small(self) -> None:
        """Nothing in a dimension, and no dimension: a result or a Python exception."""
        for what in ("empty", "0-d"):
            args = [
                (a[:0] if what == "empty" else a.reshape(-1)[0])
                if isinstance(a, Tensor) and a.dim() and a.numel()
                else a
                for a in self.plain()
            ]
            _C._set_output_fill(0xFF)
            try:
                outputs = self.run(args)
            except (ValueError, TypeError, IndexError, NotImplementedError):
                continue
            except RuntimeError as error:
                if "past the end" in str(error):
                    raise OpCheckError(f"with {what} inputs: {error}") from None
                continue
            finally:
                _C._set_output_fill(-1)
            given = [a for a in args if isinstance(a, Tensor) and a.is_floating_point()]
            clean = not any(bool(a.isnan().any()) for a in given if a.numel())
            unwritten = [o for o, t in enumerate(outputs) if t.numel() and _all_ones(t)]
            if what == "0-d" and clean and unwritten:
                raise OpCheckError(f"output {unwritten[0]} is never written for 0-d inputs")

    def threads(self) -> None:
        before = _C.get_num_threads()
        try:
            results = []
            for n in (1, 4):
                _C.set_num_threads(n)
                results.append(self.run(self.plain()))
        finally:
            _C.set_num_threads(before)
        self.compare(
            results[1], results[0], "4 threads instead of 1",
            "two ranges of a parallel loop write the same place, or sums depend on the division",
        )  # fmt: skip

    def compare(self, got: list[Tensor], want: list[Tensor], what: str, guess: str) -> None:
        for o, (a, b) in enumerate(zip(got, want, strict=True)):
            if a.shape != b.shape or a.dtype != b.dtype:
                raise OpCheckError(f"with {what} output {o} has another shape or dtype: {guess}")
            if (at := _difference(a, b)) is not None:
                raise OpCheckError(f"with {what} output {o} differs at element {at}: {guess}")

    def nan(self) -> None:
        for i, a in enumerate(self.args):
            if not (isinstance(a, Tensor) and a.is_floating_point() and a.numel()):
                continue
            args = self.plain()
            args[i].numpy().reshape(-1)[0] = float("nan")
            outputs = [t for t in self.run(args) if t.is_floating_point()]
            if not outputs or any(bool(t.isnan().any()) for t in outputs):
                continue
            numbers = []  # is the element read at all?
            for value in (0.375, 0.75):
                args[i].numpy().reshape(-1)[0] = value
                numbers.append(self.run(args))
            if any(_difference(b, c) is not None for b, c in zip(*numbers, strict=True)):
                raise OpCheckError(
                    f"NaN at element 0 of input {i} reaches no output: a comparison swallows it "
                    "(max and min in C do)"
                )

    def memory(self) -> None:
        args = self.plain()
        self.run(args)
        before = _C._memory_stats()["live_bytes"]
        for _ in range(3):
            self.run(args)
        if (kept := _C._memory_stats()["live_bytes"] - before) > 0:
            raise OpCheckError(f"{kept} bytes are not returned after three calls")

    def first(self) -> None:
        from ..autograd import gradcheck

        self.derivative(gradcheck)

    def second(self) -> None:
        from ..autograd import gradgradcheck

        self.derivative(gradgradcheck)

    def derivative(self, check: Callable[..., bool]) -> None:
        try:
            check(lambda *args: self.op(*args, **self.kwargs), self.args)
        except (RuntimeError, ValueError) as error:
            raise OpCheckError(str(error)) from None


def _all_ones(t: Tensor) -> bool:
    """Whether every bit is set: what the checked memory was filled with."""
    import numpy as np

    return bool((np.ascontiguousarray(t.detach().numpy()).view(np.uint8) == 0xFF).all())


def _difference(a: Tensor, b: Tensor) -> tuple[int, ...] | None:
    """The first element that differs; NaN equals NaN."""
    import numpy as np

    x, y = a.detach().numpy(), b.detach().numpy()
    unequal = ~((x == y) | ((x != x) & (y != y)))
    found = np.argwhere(unequal)
    return tuple(int(i) for i in found[0]) if len(found) else None


def _laid_out(t: Tensor, layout: str) -> Tensor:
    """The same values in other strides."""
    if layout == "transposed" and t.dim() >= 2:
        return t.transpose(-1, -2).contiguous().transpose(-1, -2)
    if layout == "stepped" and t.dim() >= 1:
        wide = _C.zeros([*t.shape[:-1], 2 * t.shape[-1]], dtype=t.dtype)
        view = wide[..., ::2]
        view.copy_(t)
        return view
    return t
