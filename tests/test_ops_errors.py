"""Error rows: the exception type and key phrase of PyTorch, and the op's name."""

from __future__ import annotations

import re

import pytest
from optable import ROWS
from optable.model import Err, Op, Sample
from support import Call, describe, quiet, torch

import pyforge as pf

CASES = [pytest.param(op, err, id=f"{op}-{k}") for op in ROWS for k, err in enumerate(op.errors)]
cases = pytest.mark.parametrize(("op", "err"), CASES)


def sample_of(err: Err) -> Sample:
    return Sample(err.args, err.kwargs)


@cases
def test_error(op: Op, err: Err) -> None:
    what = f"{op}({describe(sample_of(err))})"
    with pytest.raises(err.kind) as info:
        Call(pf, op, sample_of(err))()
    message = str(info.value)
    assert re.search(err.phrase, message, re.IGNORECASE), f"{what}: {message}"
    name = err.names
    if name is None:
        name = op.name.rpartition(".")[2].partition(" ")[0]
    assert re.search(name, message), f"{what} does not name the op: {message}"


@pytest.mark.torch
@cases
def test_error_is_pytorchs(op: Op, err: Err) -> None:
    """The rows themselves are right: PyTorch raises one of the types and says the phrase."""
    with pytest.raises(err.kind) as info:
        quiet(Call(torch, op, sample_of(err)))
    assert re.search(err.phrase, str(info.value), re.IGNORECASE), str(info.value)


@cases
def test_error_leaves_the_engine_usable(op: Op, err: Err) -> None:
    with pytest.raises(err.kind):
        Call(pf, op, sample_of(err))()
    x = pf.ones(3, requires_grad=True)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]
