"""User-defined `autograd.Function`."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import pyforge as pf

Function: Any = pf.autograd.Function


def leaf(*values: float) -> Any:
    return pf.tensor(list(values), dtype=pf.float64, requires_grad=True)


class Square(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * x * g


class MulAdd(Function):
    """a * b + c * k, with a number among the arguments."""

    @staticmethod
    def forward(ctx: Any, a: Any, b: Any, c: Any, k: float) -> Any:
        ctx.save_for_backward(a, b)
        ctx.k = k
        return a * b + c * k

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        a, b = ctx.saved_tensors
        return g * b, g * a, g * ctx.k, None


def test_forward_and_backward() -> None:
    x = leaf(1.0, 2.0)
    y = Square.apply(x)
    assert y.tolist() == [1.0, 4.0]
    assert type(y.grad_fn).__name__ == "SquareBackward"
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_arguments_that_are_not_tensors() -> None:
    a, b, c = leaf(2.0), leaf(3.0), leaf(4.0)
    MulAdd.apply(a, b, c, 5.0).backward()
    assert (a.grad.item(), b.grad.item(), c.grad.item()) == (3.0, 2.0, 5.0)


def test_double_backward_through_recorded_ops() -> None:
    x = leaf(3.0)
    (g,) = pf.autograd.grad(Square.apply(Square.apply(x)), x, create_graph=True)
    (h,) = pf.autograd.grad(g, x)
    assert (g.item(), h.item()) == (108.0, 108.0)


def test_forward_is_not_recorded_and_backward_follows_create_graph() -> None:
    modes = []

    class Probe(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            modes.append(pf.is_grad_enabled())
            y = x * 2
            assert not y.requires_grad
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            modes.append(pf.is_grad_enabled())
            return g * 2

    x = leaf(1.0)
    Probe.apply(x).backward()
    pf.autograd.grad(Probe.apply(x), x, create_graph=True)
    assert modes == [False, False, False, True]


def test_without_gradients_nothing_is_recorded() -> None:
    y = Square.apply(pf.ones(2))
    assert not y.requires_grad
    with pf.no_grad():
        assert not Square.apply(leaf(1.0)).requires_grad


def test_needs_input_grad() -> None:
    seen: list[tuple[bool, ...]] = []

    class Probe(Function):
        @staticmethod
        def forward(ctx: Any, a: Any, k: int, b: Any) -> Any:
            seen.append(tuple(ctx.needs_input_grad))
            return a * k + b

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            seen.append(tuple(ctx.needs_input_grad))
            return (g if ctx.needs_input_grad[0] else None), None, None

    Probe.apply(leaf(1.0), 2, pf.ones(1, dtype=pf.float64)).backward()
    assert seen == [(True, False, False)] * 2


def test_several_outputs() -> None:
    class Both(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, ga: Any, gb: Any) -> Any:
            return ga * 2 + gb * 3

    x = leaf(1.0)
    a, b = Both.apply(x)
    assert a.grad_fn is b.grad_fn
    assert (a.output_nr, b.output_nr) == (0, 1)
    (a + 10 * b).backward()
    assert x.grad.item() == 32.0


def test_missing_gradients_are_zeros_or_none() -> None:
    got: list[Any] = []

    def make(materialise: bool) -> Any:
        class Both(Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.set_materialize_grads(materialise)
                return x * 2, x.sum()

            @staticmethod
            def backward(ctx: Any, ga: Any, gb: Any) -> Any:
                got.append((ga, gb))
                return ga * 2

        return Both

    for materialise in (True, False):
        x = leaf(1.0, 2.0)
        a, _ = make(materialise).apply(x)
        a.sum().backward()
        assert x.grad.tolist() == [2.0, 2.0]
    assert got[0][1].item() == 0.0
    assert got[1][1] is None


def test_mark_non_differentiable() -> None:
    class Top(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            index = (x > 1).to(pf.float64)
            ctx.mark_non_differentiable(index)
            ctx.save_for_backward(index)
            return x * index, index

        @staticmethod
        def backward(ctx: Any, g: Any, unused: Any) -> Any:
            (index,) = ctx.saved_tensors
            assert unused is None or unused.tolist() == [0.0, 0.0]
            return g * index

    x = leaf(1.0, 2.0)
    y, index = Top.apply(x)
    assert y.requires_grad
    assert not index.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]


def test_once_differentiable() -> None:
    class Once(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @pf.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            assert not pf.is_grad_enabled()
            return 2 * x * g

    x = leaf(3.0)
    Once.apply(x).backward()
    assert x.grad.item() == 6.0
    (g,) = pf.autograd.grad(Once.apply(x), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"once_differentiable|differentiate twice"):
        g.backward()


def test_mark_dirty() -> None:
    class AddInPlace(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.add_(1)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 10

    x = leaf(1.0)
    y = x * 2
    z = AddInPlace.apply(y)
    assert z is y
    assert type(y.grad_fn).__name__ == "AddInPlaceBackward"
    z.backward()
    assert (y.item(), x.grad.item()) == (3.0, 20.0)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        AddInPlace.apply(leaf(1.0))


def test_returning_an_input_gives_a_new_tensor() -> None:
    class Pass(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 7

    x = leaf(1.0)
    y = Pass.apply(x)
    assert y is not x
    y.backward()
    assert x.grad.item() == 7.0


def test_saving_an_output() -> None:
    class Exp(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (y,) = ctx.saved_tensors
            return g * y

    x = leaf(0.5)
    y = x
    for _ in range(3):
        (y,) = pf.autograd.grad(Exp.apply(x), x, create_graph=True)
        assert y.item() == pytest.approx(np.exp(0.5))
    out = Exp.apply(x)
    out.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


def test_functions_that_hold_their_outputs_are_freed() -> None:
    """Memory returns without the garbage collector."""

    class Exp(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (y,) = ctx.saved_tensors
            return g * y

    x = pf.ones(1000, requires_grad=True)
    Exp.apply(x).sum().backward()
    x.grad = None
    gc.collect()
    gc.disable()
    try:
        before = pf.memory.live_bytes()
        for _ in range(3):
            y = Exp.apply(x)
            alive = weakref.ref(y)
            del y
            assert alive() is None
            Exp.apply(x).sum().backward()
            x.grad = None
            assert pf.memory.live_bytes() == before
    finally:
        gc.enable()


def test_saved_tensors_are_released_after_backward() -> None:
    x = leaf(1.0)
    y = Square.apply(x)
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
    y = Square.apply(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 6.0


def test_exception_in_forward_and_backward() -> None:
    class Broken(Function):
        where = "backward"

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            if Broken.where == "forward":
                raise ZeroDivisionError("mine")
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise LookupError("mine")

    x = leaf(1.0)
    y = Broken.apply(x * 2)
    with pytest.raises(LookupError, match="mine"):
        y.backward()
    Broken.where = "forward"
    with pytest.raises(ZeroDivisionError, match="mine"):
        Broken.apply(x)
    assert pf.is_grad_enabled()
    (x * 2).backward()
    assert x.grad.item() == 2.0


def returning(result: Any) -> Any:
    class Returns(Function):
        @staticmethod
        def forward(ctx: Any, a: Any, b: Any) -> Any:
            return a * b

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return result(g)

    return Returns


def test_wrong_number_of_gradients() -> None:
    a, b = leaf(1.0), leaf(2.0)
    for result in (lambda g: g, lambda g: (g,)):
        with pytest.raises(RuntimeError, match="returned an incorrect number of gradients"):
            returning(result).apply(a, b).backward()
    returning(lambda g: (g, g, None)).apply(a, b).backward()  # trailing None is accepted


def test_wrong_shape_or_type_of_gradient() -> None:
    a, b = leaf(1.0, 2.0), leaf(2.0, 3.0)
    with pytest.raises(RuntimeError, match=r"shape|size"):
        returning(lambda g: (pf.ones(3, dtype=pf.float64), g)).apply(a, b).sum().backward()
    with pytest.raises((RuntimeError, TypeError)):
        returning(lambda g: ("x", g)).apply(a, b).sum().backward()


def test_outputs_that_are_not_tensors_pass_through() -> None:
    class Tagged(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2, "text", 3

        @staticmethod
        def backward(ctx: Any, g: Any, *rest: Any) -> Any:
            return g * 2

    x = leaf(1.0)
    y, text, three = Tagged.apply(x)
    assert (text, three) == ("text", 3)
    y.backward()
    assert x.grad.item() == 2.0


def test_function_without_backward() -> None:
    class Half(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

    with pytest.raises((NotImplementedError, RuntimeError), match="backward"):
        Half.apply(leaf(1.0)).backward()


def test_none_gradients_stop_there() -> None:
    a, b = leaf(2.0), leaf(3.0)
    returning(lambda g: (None, g)).apply(a * 1, b).backward()
    assert a.grad is None
    assert b.grad.item() == 1.0


def test_setup_context_style() -> None:
    class Cube(Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return x**3

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(inputs[0])

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 3 * x * x * g

    x = leaf(2.0)
    Cube.apply(x).backward()
    assert x.grad.item() == 12.0


class Checkpoint(Function):
    """Recomputes its part in backward: a backward inside a backward."""

    @staticmethod
    def forward(ctx: Any, run: Any, x: Any) -> Any:
        ctx.run = run
        ctx.save_for_backward(x)
        return run(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        inner = x.detach().requires_grad_()
        with pf.enable_grad():
            y = ctx.run(inner)
        y.backward(g)
        return None, inner.grad


def test_nested_backward() -> None:
    w = leaf(0.5)

    def block(x: Any) -> Any:
        return (x * w).tanh() + x

    def plain(x: Any) -> Any:
        for _ in range(4):
            x = block(x)
        return x

    def checkpointed(x: Any) -> Any:
        for _ in range(4):
            x = Checkpoint.apply(block, x)
        return x

    grads = []
    for f in (plain, checkpointed):
        w.grad = None
        x = leaf(0.3)
        y = x * 2
        (f(y) * y + f(y * 3)).backward()
        grads.append((x.grad.item(), w.grad.item()))
    assert grads[0] == pytest.approx(grads[1], rel=1e-14)


def test_nested_backward_many_levels() -> None:
    def nest(depth: int) -> Any:
        if depth == 0:
            return lambda x: x.sin()
        return lambda x: Checkpoint.apply(nest(depth - 1), x * 1.1)

    x = leaf(0.3)
    nest(20)(x).backward()
    scale = 1.1**20
    assert x.grad.item() == pytest.approx(scale * np.cos(0.3 * scale))


def test_nested_backward_that_fails() -> None:
    class Inner(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            a = leaf(1.0)
            with pf.enable_grad():
                b = a.exp()
            b.backward()
            with pytest.raises(RuntimeError, match="second time"):
                b.backward()
            return g * a.grad

    x = leaf(2.0)
    y = x * 3
    (Inner.apply(y) + y * y).backward()
    assert x.grad.item() == pytest.approx(3 * np.e + 2 * 6 * 3)


def test_inner_backward_into_the_same_leaf() -> None:
    w = leaf(2.0)

    class Adds(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            with pf.enable_grad():
                (w * 100).backward()
            return g

    (Adds.apply(w * 1) * 3).backward()
    assert w.grad.item() == 103.0


def test_gradcheck_accepts_a_right_function_and_refuses_a_wrong_one() -> None:
    x = leaf(0.5, 1.5)
    assert pf.autograd.gradcheck(Square.apply, (x,))
    assert pf.autograd.gradgradcheck(Square.apply, (x,))

    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return x * g

    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        pf.autograd.gradcheck(Wrong.apply, (x,))
