"""``python -m pyforge doctor script.py``: runs a training script under a monitor."""

from __future__ import annotations

import gc
import logging
import runpy
import sys
from pathlib import Path

from .. import nn
from ..diagnose import Monitor
from ..optim import Optimizer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class _Doctor:
    """Attaches one monitor to all optimisers that a script makes, and to their models."""

    def __init__(self) -> None:
        self._optimizers: list[Any] = []
        self.monitors: list[Monitor] = []

    def admit(self, optimizer: Any) -> None:
        """Watch ``optimizer`` together with the ones before it."""
        self._optimizers.append(optimizer)
        roots = _roots(self._optimizers)
        if not roots:
            return
        for monitor in self.monitors:
            monitor.detach()
        model = roots[0] if len(roots) == 1 else nn.ModuleList(roots)
        self.monitors.append(Monitor(model, self._optimizers, on_error="log").attach())


def _roots(optimizers: list[Any]) -> list[nn.Module]:
    """The outermost modules that hold parameters of the optimisers."""
    wanted = {id(p) for o in optimizers for group in o.param_groups for p in group["params"]}
    modules = [m for m in gc.get_objects() if issubclass(type(m), nn.Module)]
    inner = {id(child) for m in modules for child in m.modules() if child is not m}
    return [
        m for m in modules if id(m) not in inner and any(id(p) in wanted for p in m.parameters())
    ]


def run(script: str, args: Sequence[str]) -> int:
    """Run ``script`` and print the report; 1 if there was an error in it, else 0."""
    doctor = _Doctor()
    plain = Optimizer.__init__

    def admitted(self: Any, *given: Any, **named: Any) -> None:
        plain(self, *given, **named)
        doctor.admit(self)

    logging.getLogger("pyforge.diagnose").addHandler(logging.NullHandler())
    argv, path = sys.argv, list(sys.path)
    sys.argv = [script, *args]
    sys.path.insert(0, str(Path(script).resolve().parent))
    Optimizer.__init__ = admitted  # type: ignore[method-assign]
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        Optimizer.__init__ = plain  # type: ignore[method-assign]
        sys.argv, sys.path[:] = argv, path
        for monitor in doctor.monitors:
            monitor.detach()
            print(monitor.report(), end="")
    if not doctor.monitors:
        print("the script made no optimiser of a model's parameters")
    return int(any(v.severity == "error" for m in doctor.monitors for v in m.verdicts))
