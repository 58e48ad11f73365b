"""A registered op without a row fails here."""

from __future__ import annotations

from optable import ROWS

import pyforge as pf


def test_every_registered_op_has_a_row() -> None:
    covered = {name for op in ROWS for name in (op.name, op.inplace, op.method, *op.covers)}
    covered |= {op.call.rpartition(".")[2] for op in ROWS if isinstance(op.call, str)}
    missing = sorted(set(pf._C._registered_ops()) - covered)
    assert not missing, f"registered ops without a row in tests/optable: {missing}"
