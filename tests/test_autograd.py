"""The tape: accumulation, its errors, modes, hooks, inspection, higher orders."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pyforge as pf


def leaf(*values: float) -> Any:
    return pf.tensor(list(values), dtype=pf.float64, requires_grad=True)


def line_of(marker: str) -> int:
    with open(__file__) as source:
        return next(n for n, text in enumerate(source, 1) if text.rstrip().endswith(f"# {marker}"))


def test_one_neuron() -> None:
    x, w, b = leaf(1.0), leaf(-2.0), leaf(3.0)
    y = pf.tanh(w * x + b)
    y.backward()
    assert y.item() == pytest.approx(0.7616, abs=5e-5)
    assert w.grad.item() == pytest.approx(0.4200, abs=5e-5)
    assert b.grad.item() == pytest.approx(0.4200, abs=5e-5)


def test_grad_accumulates_over_backwards() -> None:
    x = leaf(1.0, 2.0)
    for k in range(1, 4):
        (x * x).sum().backward()
        assert x.grad.tolist() == [2.0 * k, 4.0 * k]


def test_accumulated_grad_keeps_its_identity() -> None:
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    first = x.grad
    (x * 2).sum().backward()
    assert x.grad is first
    assert first.tolist() == [4.0, 4.0]


def test_grads_of_two_leaves_do_not_share_memory() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (a + b).sum().backward()
    a.grad.mul_(10.0)
    assert b.grad.tolist() == [1.0, 1.0]
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    g = pf.ones(2, dtype=pf.float64)
    (a + b).backward(g)
    a.grad.mul_(10.0)
    assert (b.grad.tolist(), g.tolist()) == ([1.0, 1.0], [1.0, 1.0])


def test_grad_does_not_alias_the_users_gradient() -> None:
    x, g = leaf(1.0, 2.0), pf.ones(2, dtype=pf.float64)
    (x * 1).backward(g)
    (x * 1).backward(g)
    assert g.tolist() == [1.0, 1.0]
    y = leaf(1.0, 2.0)
    y.view(2).backward(g)
    y.grad.zero_()
    assert g.tolist() == [1.0, 1.0]


def test_expanded_gradients_are_materialised() -> None:
    x = leaf(1.0, 2.0, 3.0)
    x.sum().backward()
    x.grad[0] = 7.0
    assert x.grad.tolist() == [7.0, 1.0, 1.0]


def test_diamond_and_reuse() -> None:
    x = leaf(3.0)
    a = x * x
    b = a * x + a
    (b * a).backward()
    # x^5 + x^4
    assert x.grad.item() == 5 * 3.0**4 + 4 * 3.0**3


def test_leaf_as_root() -> None:
    x = leaf(2.0)
    x.backward()
    assert x.grad.tolist() == [1.0]


def test_many_uses_of_one_value() -> None:
    x = leaf(1.0)
    y = x * 2
    total = sum((y * k for k in range(100)), start=y * 0)
    total.backward()
    assert x.grad.item() == 2 * sum(range(100))


def test_unused_branch_is_not_visited() -> None:
    x, y = leaf(1.0), leaf(1.0)
    unused = y * 3
    (x * 2).backward()
    assert y.grad is None
    assert unused.requires_grad


def test_backward_of_a_function_of_several() -> None:
    x = leaf(1.0, 2.0)
    pf.autograd.backward([x.sum(), (x * x).sum()])
    assert x.grad.tolist() == [3.0, 5.0]
    pf.autograd.backward([x * 2, x * 3], [pf.ones(2, dtype=pf.float64)] * 2)
    assert x.grad.tolist() == [8.0, 10.0]


def test_backward_inputs_limits_accumulation() -> None:
    a, b = leaf(1.0), leaf(2.0)
    (a * b).backward(inputs=[a])
    assert a.grad.item() == 2.0
    assert b.grad is None
    y = a * 3
    (y * b).backward(inputs=[b])
    assert b.grad.item() == 3.0


def test_gradient_argument() -> None:
    x = leaf(1.0, 2.0)
    (x * x).backward(pf.tensor([1.0, 10.0], dtype=pf.float64))
    assert x.grad.tolist() == [2.0, 40.0]
    with pytest.raises(RuntimeError, match=r"[Mm]ismatch in shape"):
        (x * x).backward(pf.ones(3, dtype=pf.float64))


def test_mixed_dtypes_get_grads_of_their_own() -> None:
    a = pf.ones(2, dtype=pf.float32, requires_grad=True)
    b = pf.ones(2, dtype=pf.float64, requires_grad=True)
    (a * b).sum().backward()
    assert a.grad.dtype == pf.float32
    assert b.grad.dtype == pf.float64


def test_grad_property() -> None:
    x = leaf(1.0)
    assert x.grad is None
    x.grad = pf.tensor([5.0], dtype=pf.float64)
    (x * 2).backward()
    assert x.grad.item() == 7.0
    x.grad = None
    assert x.grad is None
    with pytest.raises((RuntimeError, TypeError)):
        x.grad = 3.0
    with pytest.raises(RuntimeError, match=r"size|shape"):
        x.grad = pf.ones(2, dtype=pf.float64)


def test_second_backward() -> None:
    x = leaf(2.0)
    y = (x * x).tanh()
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


def test_second_backward_through_a_shared_part() -> None:
    x = leaf(2.0)
    shared = x.exp()
    (shared * 2).backward()
    with pytest.raises(RuntimeError, match="second time"):
        (shared * 3).backward()


def test_retain_graph() -> None:
    x = leaf(2.0)
    y = x.exp()
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == pytest.approx(3 * np.exp(2.0))
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_failed_second_backward_adds_nothing() -> None:
    x = leaf(2.0)
    y = x.exp()
    y.backward()
    before = x.grad.item()
    with pytest.raises(RuntimeError):
        (y * 2).backward()
    assert x.grad.item() == before


def test_non_scalar() -> None:
    x = leaf(1.0, 2.0)
    message = "grad can be implicitly created only for scalar outputs"
    with pytest.raises(RuntimeError, match=message) as info:
        (x * 2).backward()
    if pf.__name__ == "pyforge":
        assert "[2]" in str(info.value) or "(2,)" in str(info.value)
    with pytest.raises(RuntimeError, match=message):
        pf.autograd.grad(x * 2, x)


def test_no_graph() -> None:
    message = "element 0 of tensors does not require grad and does not have a grad_fn"
    for make in (lambda: pf.ones(1), lambda: pf.ones(1) * 2, lambda: leaf(1.0).detach()):
        with pytest.raises(RuntimeError, match=message):
            make().backward()
    with pf.no_grad():
        y = leaf(1.0) * 2
    with pytest.raises(RuntimeError, match=message):
        y.backward()


def test_integers_cannot_require_grad() -> None:
    with pytest.raises(RuntimeError, match="floating"):
        pf.ones(2, dtype=pf.int64, requires_grad=True)
    with pytest.raises(RuntimeError, match="floating"):
        pf.ones(2, dtype=pf.int64).requires_grad_()


def test_leaf_changed_in_place() -> None:
    message = "a leaf Variable that requires grad is being used in an in-place operation"
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=message):
        x.add_(1)
    with pytest.raises(RuntimeError, match=message):
        x.mul_(x)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[0] = 5.0
    assert x.tolist() == [1.0, 2.0]
    with pf.no_grad():
        x.add_(1)
    assert x.tolist() == [2.0, 3.0]
    x.data.mul_(2)
    assert x.tolist() == [4.0, 6.0]


OVERWRITTEN = (
    "one of the variables needed for gradient computation has been modified by an inplace operation"
)


def test_overwritten_saved_value() -> None:
    x = leaf(0.5, 1.5)
    y = x.tanh()  # saver
    y.mul_(2.0)  # overwriter
    with pytest.raises(RuntimeError, match=OVERWRITTEN) as info:
        y.sum().backward()
    if pf.__name__ != "pyforge":
        return
    message = str(info.value)
    assert "Tanh" in message
    assert "[2]" in message or "(2,)" in message
    places = re.findall(r"test_autograd\.py[^0-9]{1,12}(\d+)", message)
    assert [int(p) for p in places] == [line_of("saver"), line_of("overwriter")], message


def test_overwritten_input() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match=OVERWRITTEN):
        z.sum().backward()


def test_overwritten_through_a_view_and_through_data() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    z = y.exp()
    z[0] = 0.0
    with pytest.raises(RuntimeError, match=OVERWRITTEN):
        z.sum().backward()
    y = x * 1
    z = y * y
    y.view(2, 1)[0].zero_()
    with pytest.raises(RuntimeError, match=OVERWRITTEN):
        z.sum().backward()


def test_overwriting_what_nobody_saved_is_fine() -> None:
    x = leaf(1.0, 2.0)
    y = x + 1
    z = y + 2
    y.mul_(5)
    z.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    x.grad = None
    w = x * 3  # keeps x and 3, not the result
    w.add_(1).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_failed_backward_leaves_the_engine_usable() -> None:
    x = leaf(1.0, 2.0)
    y = x.tanh()
    z = y.sum()
    y.mul_(2)
    with pytest.raises(RuntimeError):
        z.backward()
    w = leaf(3.0)
    (w * w).backward()
    assert w.grad.item() == 6.0


def test_grad_returns_and_leaves_grad_alone() -> None:
    x, y = leaf(2.0), leaf(3.0)
    gx, gy = pf.autograd.grad(x * y, (x, y))
    assert (gx.item(), gy.item()) == (3.0, 2.0)
    assert x.grad is None
    (g,) = pf.autograd.grad([x * 2, x * y], [x])
    assert g.item() == 5.0


def test_grad_of_intermediate_values() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y
    gy, gx = pf.autograd.grad(z, [y, x])
    assert (gy.item(), gx.item()) == (8.0, 32.0)
    with pytest.raises(RuntimeError, match="second time"):
        z.backward()


def test_grad_same_input_twice_and_output_as_input() -> None:
    x = leaf(2.0)
    y = x * 3
    assert [g.item() for g in pf.autograd.grad(y, [x, x], retain_graph=True)] == [3.0, 3.0]
    assert [g.item() for g in pf.autograd.grad(y, [y, x])] == [1.0, 3.0]


def test_grad_unused() -> None:
    x, unused = leaf(2.0), leaf(3.0)
    y = x * x
    with pytest.raises(RuntimeError, match=r"appears? to not have been used in the graph"):
        pf.autograd.grad(y, [x, unused], retain_graph=True)
    g, none = pf.autograd.grad(y, [x, unused], allow_unused=True, retain_graph=True)
    assert g.item() == 4.0
    assert none is None
    g, zero = pf.autograd.grad(y, [x, unused], materialize_grads=True)
    assert zero.tolist() == [0.0]


def test_grad_of_what_needs_none() -> None:
    x = leaf(2.0)
    with pytest.raises(RuntimeError, match="does not require grad"):
        pf.autograd.grad(x * x, pf.ones(1))
    with pytest.raises(RuntimeError, match="does not require grad"):
        pf.autograd.grad(pf.ones(1), x)


def test_grad_outputs() -> None:
    x = leaf(1.0, 2.0)
    (g,) = pf.autograd.grad(x * x, x, pf.tensor([1.0, 0.5], dtype=pf.float64))
    assert g.tolist() == [2.0, 2.0]


def test_no_grad_nests_and_restores() -> None:
    x = leaf(1.0)
    assert pf.is_grad_enabled()
    with pf.no_grad():
        assert not pf.is_grad_enabled()
        assert not (x * 2).requires_grad
        with pf.enable_grad():
            assert (x * 2).requires_grad
        with pf.set_grad_enabled(True):
            assert pf.is_grad_enabled()
        assert not pf.is_grad_enabled()
    assert pf.is_grad_enabled()
    with contextlib.suppress(ValueError), pf.no_grad():
        raise ValueError
    assert pf.is_grad_enabled()


def test_modes_as_decorators() -> None:
    x = leaf(1.0)

    @pf.no_grad()
    def quiet(k: int) -> Any:
        """Doc."""
        return x * k

    @pf.enable_grad()
    def loud() -> Any:
        return x * 2

    @pf.inference_mode()
    def inference() -> Any:
        return x * 2

    @pf.no_grad
    def bare() -> bool:
        return pf.is_grad_enabled()

    assert not quiet(k=2).requires_grad
    assert quiet.__name__ == "quiet"
    assert quiet.__doc__ == "Doc."
    with pf.no_grad():
        assert loud().requires_grad
    assert not inference().requires_grad
    assert bare() is False
    assert pf.is_grad_enabled()


def test_modes_on_generators() -> None:
    @pf.no_grad()
    def numbers() -> Iterator[bool]:
        yield pf.is_grad_enabled()
        yield pf.is_grad_enabled()

    states = []
    for state in numbers():
        states += [state, pf.is_grad_enabled()]
    assert states == [False, True, False, True]


def test_set_grad_enabled_as_a_call() -> None:
    pf.set_grad_enabled(False)
    try:
        assert not pf.is_grad_enabled()
    finally:
        pf.set_grad_enabled(True)
    assert pf.is_grad_enabled()


def test_inference_mode() -> None:
    x = leaf(1.0, 2.0)
    with pf.inference_mode():
        y = x * 2
        assert pf.is_inference_mode_enabled()
        assert not pf.is_grad_enabled()
        y.add_(1)
    assert y.is_inference()
    assert not y.requires_grad
    assert not pf.is_inference_mode_enabled()
    with pytest.raises(RuntimeError, match=r"[Ii]nference tensor"):
        (x * y).sum().backward()
    with pf.inference_mode(False):
        assert (x * 2).requires_grad


def test_detach_shares_memory_and_version() -> None:
    x = leaf(1.0, 2.0)
    y = x.tanh()
    d = y.detach()
    assert not d.requires_grad
    assert d.data_ptr() == y.data_ptr()
    d.zero_()
    with pytest.raises(RuntimeError, match=OVERWRITTEN):
        y.sum().backward()
    z = x * 1
    assert z.detach_() is z
    assert z.is_leaf


def test_requires_grad_flag() -> None:
    x = pf.ones(2)
    assert x.requires_grad_() is x
    assert x.is_leaf
    y = x * 2
    assert not y.is_leaf
    with pytest.raises(RuntimeError, match="leaf"):
        y.requires_grad = False
    x.requires_grad = False
    assert not (x * 2).requires_grad
