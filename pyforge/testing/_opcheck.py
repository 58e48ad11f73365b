"""``opcheck``: what a custom op has to get right, checked on the user's own inputs."""

from __future__ import annotations

from .. import _C
from .._C import Tensor
from ._derivative import drawn_like, projected
from ._inputs import Arguments, difference, far, laid_out, shared, tiled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["OpCheckError", "OpCheckReport", "opcheck"]

_FEW = 400  # elements of inputs and outputs: up to here every entry of the Jacobian is looked at


class OpCheckError(AssertionError):
    """An op does not keep a promise; the text names check, input and element."""


class OpCheckReport(list[str]):
    """The names of the checks that were done; ``skipped`` has the others and why they were not."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped: dict[str, str] = {}

    def __repr__(self) -> str:
        lines = ["done: " + ", ".join(self)]
        lines += [f"not done: {name} ({reason})" for name, reason in self.skipped.items()]
        return "\n".join(lines)


class _NotDone(Exception):
    """A check that does not apply; the text says why."""


def opcheck(
    op: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    kwargs: dict[str, Any] | None = None,
    *,
    gradients: bool = True,
    second: bool = True,
) -> OpCheckReport:
    """Check an op on ``inputs``, and on variants of them that it must treat alike.

    Values and gradients: the same twice, inputs changed behind the caller's back, outputs that
    share memory, elements that are never written, writes past the end, strided inputs, strided and
    expanded gradients, float32 against float64, empty and 0-d inputs (which the op may refuse), one
    thread against several bit for bit (on the inputs and on larger ones made of them), NaN that is
    swallowed, memory that is not returned. First derivative, gradients under ``create_graph``
    against those without, second derivative: every entry of small inputs, random projections of
    large ones.

    Args:
        op: a custom op, or any callable.
        inputs: its arguments. Tensors may be in lists. The derivatives with respect to those that
            require grad are checked, or to all floating ones if none does; in float64, whatever the
            dtype here, if the op takes it.
        kwargs: its keyword arguments; tensors among them are treated alike.
        gradients: check derivatives.
        second: check the second derivative as well.

    Returns:
        A list of the checks that were done; its ``skipped`` says which were not, and why.

    Raises:
        OpCheckError: at the first check that fails.
        TypeError: if ``inputs`` is a NumPy array.
    """
    if hasattr(inputs, "__array_interface__") and not isinstance(inputs, Tensor):
        raise TypeError(
            "opcheck: inputs is a NumPy array; expected a Tensor or a sequence of arguments "
            "(pyforge.from_numpy makes a tensor of it)"
        )
    args = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    check = _Check(op, Arguments(args, kwargs or {}))
    report = OpCheckReport()
    threads = _C.get_num_threads()
    _C.set_num_threads(1)  # what several threads do wrong shows in its own check
    try:
        check.prepare(gradients)
        for name, run in check.plan(gradients, second):
            try:
                run()
            except _NotDone as reason:
                report.skipped[name] = str(reason)
                continue
            except OpCheckError as error:
                raise OpCheckError(f"opcheck({check.name}): {name}: {error}") from None
            except Exception as error:
                raise OpCheckError(
                    f"opcheck({check.name}): {name}: {type(error).__name__}: {error}"
                ) from error
            report.append(name)
    finally:
        _C.set_num_threads(threads)
    report.skipped.update(check.notes)
    return report


class _Check:
    def __init__(self, op: Callable[..., Any], given: Arguments):
        self.op, self.given = op, given
        self.name = str(getattr(op, "qualified_name", getattr(op, "__name__", repr(op))))
        self.labels = given.labels
        self.mutated = _declared(op, given)
        self.wrt = [k for k, t in enumerate(given.tensors) if t.requires_grad]
        self.explicit = bool(self.wrt)
        self.no_gradient = ""  # why there is none to check
        self.notes: dict[str, str] = {}
        self.doubles = [t.double() if t.is_floating_point() else t for t in self.plain()]
        self.takes_double = True

    def prepare(self, gradients: bool) -> None:
        """Find out what the op takes and which gradients it has. Its own errors pass through."""
        import numpy as np

        try:
            self.run(self.plain())
        except TypeError as error:
            if any(isinstance(a, np.ndarray) for a in self.given.args):
                raise TypeError(f"{error} (an input is a NumPy array: use from_numpy)") from None
            raise
        try:
            self.run([t.clone() for t in self.doubles])
        except (NotImplementedError, RuntimeError, TypeError, ValueError):
            self.takes_double, self.doubles = False, self.plain()
        if not gradients:
            self.wrt, self.no_gradient = [], "gradients=False"
            return
        if not self.explicit:
            self.wrt = [k for k, t in enumerate(self.doubles) if t.is_floating_point()]
        try:
            found = self.gradients([t.clone() for t in self.doubles])
        except Exception as error:
            self.no_gradient = f"{type(error).__name__}: {error}"
            return
        if not self.explicit:
            self.wrt = [k for k, g in zip(self.wrt, found, strict=True) if g is not None]
            if not self.wrt:
                self.no_gradient = "no input requires grad, and none gets a gradient"
        for k, t in enumerate(self.doubles):
            if t.is_floating_point() and k not in self.wrt and self.wrt:
                self.notes[f"derivative of {self.labels[k]}"] = (
                    "it does not require grad" if self.explicit else "it gets no gradient"
                )

    def plan(self, gradients: bool, second: bool) -> list[tuple[str, Callable[[], None]]]:
        steps: list[tuple[str, Callable[[], None]]] = [
            ("inputs unchanged", self.inputs_unchanged),
            ("same result twice", self.same_twice),
            ("every element written", self.every_element_written),
            ("strided inputs", self.strided),
            ("float32", self.float32),
            ("empty and 0-d", self.small),
            ("threads", self.threads),
            ("NaN", self.nan),
            ("memory", self.memory),
        ]
        if gradients:
            steps.append(("first derivative", self.first))
            steps.append(("strided gradients", self.strided_gradients))
            steps.append(("float32 gradients", self.float32_gradients))
            if second:
                steps.append(("create_graph", self.create_graph))
                steps.append(("second derivative", self.second))
        return steps

    # Calls

    def plain(self) -> list[Tensor]:
        return [t.detach().clone() for t in self.given.tensors]

    def run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The tensors that the op returns; an input that it changes is copied if recorded."""
        given = [
            t.clone() if k in self.mutated and t.requires_grad else t for k, t in enumerate(tensors)
        ]
        args, kwargs = self.given.with_tensors(given)
        result = self.op(*args, **kwargs)
        found = list(result) if isinstance(result, (tuple, list)) else [result]
        return [t for t in found if isinstance(t, Tensor)]

    def floating(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(t for t in self.run(tensors) if t.is_floating_point())

    def leaves(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return [t.detach().requires_grad_(k in self.wrt) for k, t in enumerate(tensors)]

    def gradients(
        self,
        tensors: Sequence[Tensor],
        seed: Callable[[Tensor], Tensor] = drawn_like,
        create_graph: bool = False,
    ) -> list[Tensor | None]:
        """Per checked input its gradient, ``seed(output)`` arriving at each output."""
        from ..autograd import grad

        leaves = self.leaves(tensors)
        outputs = [t for t in self.floating(*leaves) if t.requires_grad]
        if not outputs:
            return [None] * len(self.wrt)
        seeds = [seed(t.detach()) for t in outputs]
        found = grad(
            outputs, [leaves[k] for k in self.wrt], seeds,
            create_graph=create_graph, allow_unused=True,
        )  # fmt: skip
        return list(found)

    def everything(self, tensors: Sequence[Tensor]) -> list[tuple[str, Tensor]]:
        """Outputs and gradients, named."""
        # A gradient first: the call without may change its inputs.
        found = [] if self.no_gradient else self.gradients(tensors)
        named = [(f"output {o}", t) for o, t in enumerate(self.run(tensors))]
        for k, g in zip(self.wrt, found, strict=False):
            if g is not None:
                named.append((f"the gradient of {self.labels[k]}", g))
        return named

    def need_gradient(self) -> None:
        if self.no_gradient:
            raise _NotDone(self.no_gradient)

    # Checks of values

    def same_twice(self) -> None:
        _C._set_output_fill(0x3C)  # what is never written is found elsewhere
        try:
            first, again = self.everything(self.plain()), self.everything(self.plain())
        finally:
            _C._set_output_fill(-1)
        self.compare(
            again, first, "in the second of two equal calls", "random numbers, or state that is "
            "kept between calls",
        )  # fmt: skip

    def compare(
        self,
        got: list[tuple[str, Tensor]],
        want: list[tuple[str, Tensor]],
        what: str,
        guess: str,
        tolerance: float | None = None,
    ) -> None:
        if len(got) != len(want):
            raise OpCheckError(f"{what} there are {len(got)} results, not {len(want)}: {guess}")
        for (name, a), (_, b) in zip(got, want, strict=True):
            if a.shape != b.shape:
                raise OpCheckError(
                    f"{what} {name} has shape {tuple(a.shape)}, not {tuple(b.shape)}: {guess}"
                )
            if tolerance is None and a.dtype != b.dtype:
                raise OpCheckError(f"{what} {name} has dtype {a.dtype}, not {b.dtype}: {guess}")
            at = difference(a, b) if tolerance is None else far(a, b, tolerance)
            if at is not None:
                raise OpCheckError(f"{what} {name} differs at element {at}: {guess}")

    def inputs_unchanged(self) -> None:
        tensors, before = self.plain(), self.plain()
        versions = [t._version for t in tensors]
        outputs = self.run(tensors)
        known = self.mutated is not _UNKNOWN
        for k, (t, old) in enumerate(zip(tensors, before, strict=True)):
            returned = any(out is t for out in outputs)
            if k in self.mutated or (not known and (returned or self.name.endswith("_"))):
                continue
            label, at = self.labels[k], difference(t, old)
            if at is not None or t._version != versions[k]:
                where = f" at element {at}" if at is not None else ""
                raise OpCheckError(
                    f"{label} was changed{where} without being declared: mark it Tensor(a!) in the "
                    "schema, name it in mutates_args, or work on a copy"
                )
            for o, out in enumerate(outputs):
                if out is t and t.numel():
                    raise OpCheckError(f"output {o} is {label} itself: return a new tensor")
                if known and shared(out, t):
                    raise OpCheckError(
                        f"output {o} shares memory with {label}, so a change of one changes the "
                        "other: return a copy"
                    )
        for o, out in enumerate(outputs if known else []):
            for p in range(o):
                if shared(out, outputs[p]):
                    raise OpCheckError(f"outputs {p} and {o} share memory: return a copy")

    def every_element_written(self) -> None:
        results = []
        try:
            for byte in (0xFF, 0x3C):  # all NaN, then an ordinary number
                _C._set_output_fill(byte)
                results.append([(n, t.clone()) for n, t in self.everything(self.plain())])
        finally:
            _C._set_output_fill(-1)
        for (name, a), (_, b) in zip(*results, strict=True):
            if (at := difference(a, b)) is not None:
                raise OpCheckError(
                    f"element {at} of {name} is never written: the loop leaves out a part, often "
                    "the last few elements"
                )

    def strided(self) -> None:
        tensors = self.plain()
        tolerance = 1e-3 if self.single() else 1e-9
        want = self.everything(tensors)
        for layout in ("transposed", "stepped"):
            args = [laid_out(t, layout) for t in self.plain()]
            named = [(f"output {o}", t) for o, t in enumerate(self.run(args))]
            self.compare(
                named, want[: len(named)], f"with {layout} inputs",
                "the kernel ignores strides; use contiguous() or the strides of the view",
                tolerance,
            )  # fmt: skip
            args = [laid_out(t, layout) for t in self.plain()]
            self.compare(
                self.everything(args), want, f"with {layout} inputs",
                "backward ignores the strides of what was saved; use contiguous(x) there too",
                tolerance,
            )  # fmt: skip

    def single(self) -> bool:
        return any(t.is_floating_point() and t.dtype != _C.float64 for t in self.given.tensors)

    def pair(self) -> tuple[list[Tensor], list[Tensor]]:
        """The inputs in float32, and the same rounded values in float64."""
        floating = [t.is_floating_point() for t in self.given.tensors]
        if not any(floating):
            raise _NotDone("no floating input")
        if not self.takes_double:
            raise _NotDone("the op refuses float64")
        singles = [t.float() if f else t for t, f in zip(self.plain(), floating, strict=True)]
        try:
            self.run([t.clone() for t in singles])
        except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
            raise _NotDone(f"the op refuses float32: {error}") from None
        return singles, [t.double() if f else t for t, f in zip(singles, floating, strict=True)]

    def float32(self) -> None:
        singles, rounded = self.pair()
        got, want = self.run(singles), self.run(rounded)
        for o, (a, b) in enumerate(zip(got, want, strict=True)):
            if a.shape != b.shape:
                raise OpCheckError(f"output {o} has shape {tuple(a.shape)} in float32, but "
                                   f"{tuple(b.shape)} in float64")  # fmt: skip
            if b.is_floating_point() and (at := far(a, b, 1e-3)) is not None:
                raise OpCheckError(f"output {o} in float32 is far from that in float64 at element "
                                   f"{at}: is the data read as the wrong type?")  # fmt: skip

    def float32_gradients(self) -> None:
        self.need_gradient()
        singles, rounded = self.pair()
        for k, a, b in zip(self.wrt, self.gradients(singles), self.gradients(rounded), strict=True):
            if (a is None) != (b is None):
                raise OpCheckError(f"{self.labels[k]} has a gradient in one dtype only")
            if a is not None and b is not None and (at := far(a, b, 1e-3)) is not None:
                raise OpCheckError(
                    f"the gradient of {self.labels[k]} in float32 is far from that in float64 at "
                    f"element {at}: does the kernel of the derivative treat float32 differently?"
                )

    def small(self) -> None:
        """Nothing in a dimension, and no dimension: a result or a Python exception."""
        refused = []
        for what in ("empty", "0-d"):
            args = [
                (t[:0] if what == "empty" else t.reshape(-1)[0]) if t.dim() and t.numel() else t
                for t in self.plain()
            ]
            _C._set_output_fill(0xFF)
            try:
                outputs = self.run(args)
            except (ValueError, TypeError, IndexError, NotImplementedError, RuntimeError) as error:
                if "past the end" in str(error):
                    raise OpCheckError(f"with {what} inputs: {error}") from None
                refused.append(f"{what} inputs: {error}")
                continue
            finally:
                _C._set_output_fill(-1)
            given = [t for t in args if t.is_floating_point() and t.numel()]
            clean = not any(bool(t.isnan().any()) for t in given)
            unwritten = [o for o, t in enumerate(outputs) if t.numel() and _all_ones(t)]
            if what == "0-d" and clean and unwritten:
                raise OpCheckError(f"output {unwritten[0]} is never written for 0-d inputs")
        if len(refused) == 2:
            raise _NotDone("the op refuses " + "; ".join(refused))

    def threads(self) -> None:
        """One against four, on the inputs and on two ways to make them large."""
        import time

        self.threads_agree(self.plain())
        accepted = 0
        for sizes in tiled(self.plain()):
            for tensors in sizes:
                start = time.perf_counter()
                try:
                    self.run([t.clone() for t in tensors])
                except Exception:  # not shapes that it takes
                    break
                self.threads_agree(tensors)
                accepted += 1
                if time.perf_counter() - start > 0.3:
                    break
            if accepted >= 3:
                break
        if not accepted:
            raise _NotDone("the op takes no larger inputs made of these; short loops never divide")

    def threads_agree(self, tensors: list[Tensor]) -> None:
        shape = next((tuple(t.shape) for t in tensors if t.dim()), ())
        what = f"with inputs of shape {shape} and 4 threads"
        want = self.everything([t.clone() for t in tensors])
        _C.set_num_threads(4)
        try:
            runs = [self.everything([t.clone() for t in tensors]) for _ in range(4)]
        finally:
            _C.set_num_threads(1)
        for again in runs[1:]:
            self.compare(
                again, runs[0], what + " two equal calls disagree:",
                "two ranges of a parallel loop write the same place (a shared sum or buffer)",
            )  # fmt: skip
        self.compare(
            runs[0], want, what + " instead of 1",
            "the result depends on how a parallel loop is divided: is an index taken from the "
            "beginning of the range, or a sum kept per range?",
        )  # fmt: skip

    def nan(self) -> None:
        for k, a in enumerate(self.given.tensors):
            if not (a.is_floating_point() and a.numel()):
                continue

            def with_first(value: float, k: int = k) -> list[Tensor]:
                tensors = self.plain()
                tensors[k].reshape(-1)[:1].fill_(value)
                return self.run(tensors)

            outputs = [t for t in with_first(float("nan")) if t.is_floating_point()]
            if not outputs or any(bool(t.isnan().any()) for t in outputs):
                continue
            # Is the element read at all?
            pairs = zip(with_first(0.375), with_first(0.75), strict=True)
            if any(difference(b, c) is not None for b, c in pairs):
                raise OpCheckError(
                    f"NaN at element 0 of {self.labels[k]} reaches no output: a comparison "
                    "swallows it (max and min in C do)"
                )

    def memory(self) -> None:
        tensors = self.plain()
        for what in ("", " with a backward pass"):
            call = self.everything if what else self.run
            call(tensors)
            before = _C._memory_stats()["live_bytes"]
            for _ in range(3):
                call(tensors)
            if (kept := _C._memory_stats()["live_bytes"] - before) > 0:
                raise OpCheckError(f"{kept} bytes are not returned after three calls{what}")

    # Checks of derivatives

    def first(self) -> None:
        from ..autograd import gradcheck

        if self.no_gradient:
            if self.explicit:
                raise OpCheckError(self.no_gradient)
            raise _NotDone(self.no_gradient)
        self.linear()
        self.derivative(self.floating, self.leaves(self.doubles), gradcheck, {}, self.labels)

    def linear(self) -> None:
        """A gradient is linear in the one that arrives."""
        once = self.gradients(self.doubles)
        twice = self.gradients(self.doubles, lambda t: drawn_like(t) * 2)
        for k, a, b in zip(self.wrt, once, twice, strict=True):
            if a is None or b is None or far(b, a * 2, 1e-4) is None:
                continue
            same = far(b, a, 1e-9) is None
            raise OpCheckError(
                f"the gradient of {self.labels[k]} "
                + ("stays the same" if same else "does not double")
                + " when the gradient g of the output doubles: is g forgotten in the formula?"
            )

    def strided_gradients(self) -> None:
        self.need_gradient()
        tolerance = 1e-9 if self.takes_double else 1e-3

        def expanded(t: Tensor) -> Tensor:
            # NaN follows the element, for a kernel that reads on.
            row = _C.full([t.numel() + 1], float("nan"), dtype=t.dtype)
            row[0] = 1
            return row[0].expand(t.shape)

        for what, seed, plain in (
            ("expanded", expanded, _C.ones_like),
            ("transposed", lambda t: laid_out(drawn_like(t), "transposed"), drawn_like),
            ("stepped", lambda t: laid_out(drawn_like(t), "stepped"), drawn_like),
        ):
            got, want = self.gradients(self.doubles, seed), self.gradients(self.doubles, plain)
            for k, a, b in zip(self.wrt, got, want, strict=True):
                if a is not None and b is not None and (at := far(a, b, tolerance)) is not None:
                    raise OpCheckError(
                        f"when the gradient of the output is {what}, as after sum() or a "
                        f"transpose, the gradient of {self.labels[k]} differs at element {at}: "
                        "backward ignores the strides of g; use contiguous(g)"
                    )

    def create_graph(self) -> None:
        self.need_gradient()
        plain = self.gradients(self.doubles)
        try:
            graph = self.gradients(self.doubles, create_graph=True)
        except RuntimeError as error:
            raise _NotDone(_once(error)) from None
        for k, a, b in zip(self.wrt, graph, plain, strict=True):
            if (a is None) != (b is None):
                raise OpCheckError(f"{self.labels[k]} has a gradient in one of the two only")
            if a is None or b is None:
                continue
            if (at := far(a.detach(), b, 1e-6 if self.takes_double else 1e-3)) is not None:
                raise OpCheckError(
                    f"the gradient of {self.labels[k]} under create_graph differs from that "
                    f"without at element {at}: the two branches of backward compute different "
                    "things"
                )

    def second(self) -> None:
        from ..autograd import grad, gradcheck

        self.need_gradient()
        leaves = self.leaves(self.doubles)
        outputs = self.floating(*leaves)
        weights = [drawn_like(t).requires_grad_() for t in outputs if t.requires_grad]
        n = len(leaves)
        names: dict[int, str] = {}

        def gradient(*both: Tensor) -> tuple[Tensor, ...]:
            outputs = [t for t in self.floating(*both[:n]) if t.requires_grad]
            found = grad(
                outputs, [both[k] for k in self.wrt], list(both[n:]),
                create_graph=True, allow_unused=True,
            )  # fmt: skip
            kept = [(k, g) for k, g in zip(self.wrt, found, strict=True) if g is not None]
            names.update({i: f"the gradient of {self.labels[k]}" for i, (k, _) in enumerate(kept)})
            return tuple(g for _, g in kept)

        if not weights:
            raise _NotDone("no output requires grad")
        labels = self.labels + [f"g of output {o}" for o in range(len(weights))]
        try:
            self.derivative(gradient, leaves + weights, gradcheck, names, labels)
        except RuntimeError as error:
            raise _NotDone(_once(error)) from None

    def derivative(
        self,
        func: Callable[..., tuple[Tensor, ...]],
        tensors: list[Tensor],
        gradcheck: Callable[..., bool],
        names: dict[int, str],
        labels: list[str],
    ) -> None:
        """Every entry for few elements, projections for many; float32 with a coarse step."""
        import re
        import warnings

        from ..autograd import GradcheckError

        wrt = [k for k, t in enumerate(tensors) if t.requires_grad]
        outputs = func(*tensors)
        if not outputs:
            raise _NotDone("no floating output")
        size = sum(tensors[k].numel() for k in wrt) + sum(t.numel() for t in outputs)
        if size > _FEW and self.takes_double:
            if (wrong := projected(func, tensors, wrt)) is not None:
                raise OpCheckError(f"with respect to {labels[wrong[0]]} {wrong[1]}")
            return
        coarse = {} if self.takes_double else {"eps": 1e-2, "atol": 1e-2, "rtol": 2e-2}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                gradcheck(func, tensors, fast_mode=size > _FEW, **coarse)
        except GradcheckError as error:
            text = re.sub(r"\binput (\d+)", lambda m: labels[int(m[1])], str(error))
            text = re.sub(r"\boutput (\d+)", lambda m: names.get(int(m[1]), m[0]), text)
            if "Looks like a kink" in text and not self.explicit:
                raise _NotDone("the inputs, none of which requires grad, are at a kink") from None
            raise OpCheckError(text) from None


_UNKNOWN: set[int] = set()  # of a plain function nothing is declared


def _declared(op: Callable[..., Any], given: Arguments) -> set[int]:
    """The tensors that the op says it changes."""
    names: list[str]
    if (signature := getattr(op, "_signature", None)) is not None:  # an op in Python
        names, changed = list(signature.parameters), set(op._mutates)  # type: ignore[attr-defined]
    elif type(op).__name__ == "op_function":
        schema = (op.__doc__ or "").partition("\n")[0]
        inside = schema.partition("(")[2].rpartition(") ->")[0]
        items = [item.strip() for item in inside.split(",") if item.strip() not in ("", "*")]
        names = [item.partition("=")[0].split()[-1] for item in items]
        changed = {n for n, item in zip(names, items, strict=True) if "!" in item.split()[0]}
        if getattr(op, "__name__", "").endswith("_") and names:
            changed.add(names[0])
    else:
        return _UNKNOWN
    return {
        k
        for k, top in enumerate(given.tops)
        if (names[top] if isinstance(top, int) and top < len(names) else top) in changed
    }


def _once(error: RuntimeError) -> str:
    """That the op is once differentiable; any other error passes on."""
    if "differentiate twice" in str(error) or "once_differentiable" in str(error):
        return "the op is marked once differentiable"
    raise error


def _all_ones(t: Tensor) -> bool:
    """Whether every bit is set: what the checked memory was filled with."""
    import numpy as np

    if t.dtype == _C.bfloat16:
        return bool(t.isnan().all())
    return bool((np.ascontiguousarray(t.detach().numpy()).view(np.uint8) == 0xFF).all())
