"""``python -m pyforge doctor script.py``: runs a training script under a monitor."""

from __future__ import annotations

import ast
import gc
import logging
import os
import runpy
import sys
import traceback
from pathlib import Path

from .. import _C, nn
from .._C import Tensor
from ..diagnose import Monitor
from ..diagnose.layers import Variable
from ..optim import Optimizer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType
    from typing import Any

    from ..diagnose.verdict import Verdict


class _Loose:
    """Stands for a model where the trained tensors belong to none."""

    def __init__(self, tensors: list[Any]) -> None:
        names = _variables()
        self._named = [(Variable(names.get(id(t), f"tensor{i}")), t) for i, t in enumerate(tensors)]

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """The tensors by the names of the script's variables, or numbered."""
        return iter(self._named)

    def named_modules(self) -> Iterator[tuple[str, Any]]:
        """None."""
        return iter(())


class _Doctor:
    """Attaches one monitor to all optimisers that a script makes, and to their models.

    Without an optimiser, to what the first backward pass gives gradients to.
    """

    def __init__(self) -> None:
        self._passes = _C._GradientWatches([])
        self._passes.listen(self._pass, every_pass=True)
        self._optimizers: list[Any] = []
        self.monitors: list[Monitor] = []
        self.failure: Verdict | None = None

    def admit(self, optimizer: Any) -> None:
        """Watch ``optimizer`` together with the ones before it."""
        self._passes.remove()
        self._optimizers.append(optimizer)
        for monitor in self.monitors:
            monitor.detach()
        model = _model(_tensors(self._optimizers))
        monitor = Monitor(model, self._optimizers, on_error="log", anomaly=True)
        self.monitors.append(monitor.attach())

    def _pass(self, roots: list[Any], done: bool) -> None:
        tensors = [] if done else [t for root in roots for t in _C._graph_leaves(root)]
        if not tensors:
            return
        self._passes.remove()
        monitor = Monitor(_model(tensors), on_error="log", anomaly=True)
        self.monitors.append(monitor._attach(within_pass=True))

    def failed(self, error: Exception) -> None:
        """Take in the exception that ended the script."""
        if self.monitors:
            self.monitors[-1].failed(error)
        else:
            from ..diagnose.failure import from_exception

            self.failure = from_exception(error)

    def finish(self) -> list[Monitor]:
        """Watch no more; the monitors that have something to tell."""
        self._passes.remove()
        for monitor in self.monitors:
            monitor.detach()
        return [m for m in self.monitors if m.verdicts or m.snapshot().courses]


def _tensors(optimizers: list[Any]) -> list[Any]:
    return [p for o in optimizers for group in o.param_groups for p in group["params"]]


def _model(tensors: list[Any]) -> Any:
    """The outermost modules that hold the tensors, else the tensors alone."""
    wanted = {id(p) for p in tensors}
    modules = [m for m in gc.get_objects() if issubclass(type(m), nn.Module)]
    inner = {id(child) for m in modules for child in m.modules() if child is not m}
    roots = [
        m for m in modules if id(m) not in inner and any(id(p) in wanted for p in m.parameters())
    ]
    if not roots:
        return _Loose(tensors)
    return roots[0] if len(roots) == 1 else nn.ModuleList(roots)


def _variables() -> dict[int, str]:
    """The names that the script's running functions have for tensors, also in its lists."""
    names: dict[int, str] = {}
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith("pyforge."):
            for name, value in [*frame.f_locals.items(), *frame.f_globals.items()]:
                if isinstance(value, Tensor):
                    names.setdefault(id(value), name)
                elif isinstance(value, (list, tuple)):
                    for i, item in enumerate(value):
                        if isinstance(item, Tensor):
                            names.setdefault(id(item), f"{name}[{i}]")
        frame = frame.f_back
    return names


def _for_pytorch(script: str) -> bool:
    """Whether the script imports torch and not pyforge."""
    try:
        tree = ast.parse(Path(script).read_bytes())
    except SyntaxError:
        return False  # running it will say so
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return "torch" in names and "pyforge" not in names


def run(
    script: str,
    args: Sequence[str],
    *,
    dropin: bool = False,
    html: str | None = None,
    png: str | None = None,
    jsonl: str | None = None,
) -> int:
    """Run ``script`` and print the report.

    Args:
        script: a Python file; one that imports torch and not pyforge gets pyforge in its place.
        args: what the script finds in ``sys.argv[1:]``.
        dropin: put pyforge in the place of PyTorch whatever the script imports.
        html, png, jsonl: where to write the report as a page, a picture, and JSON lines.

    Returns:
        1 if there was an error in it or the script failed, 2 if it cannot be run, else its own.
    """
    problem = _problem(script, html, png, jsonl)
    if not problem and (dropin or _for_pytorch(script)):
        from ..dropin import install

        try:
            install()
        except RuntimeError as error:
            problem = str(error)
    if problem:
        print(f"pyforge doctor: {problem}", file=sys.stderr)
        return 2
    doctor = _Doctor()
    logging.getLogger("pyforge.diagnose").addHandler(logging.NullHandler())
    status = 130
    try:
        status = _execute(script, args, doctor)
    finally:
        monitors = doctor.finish()
        for monitor in monitors:
            monitor.print()
        if doctor.failure:
            print(doctor.failure)
        _save(monitors, html, png, jsonl)
    if not monitors:
        print("nothing to judge: no backward() of the script was followed by an update")
    found = [v for m in monitors for v in m.verdicts]
    return 1 if any(v.severity == "error" for v in found) else status


def _execute(script: str, args: Sequence[str], doctor: _Doctor) -> int:
    plain = Optimizer.__init__

    def admitted(self: Any, *given: Any, **named: Any) -> None:
        plain(self, *given, **named)
        doctor.admit(self)

    argv, path = sys.argv, list(sys.path)
    sys.argv = [script, *args]
    sys.path.insert(0, str(Path(script).resolve().parent))
    Optimizer.__init__ = admitted  # type: ignore[method-assign]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else int(exit.code is not None)
    except Exception as error:
        traceback.print_exc()
        doctor.failed(error)
        return 1
    finally:
        Optimizer.__init__ = plain  # type: ignore[method-assign]
        sys.argv, sys.path[:] = argv, path
    return 0


def _problem(script: str, *targets: str | None) -> str | None:
    """Why it cannot be done, found out before the script runs."""
    if not os.path.isfile(script):
        return f"there is no script {script!r}"
    for target in targets:
        folder = os.path.dirname(os.path.abspath(target or "."))
        if target and not os.access(folder, os.W_OK):
            return f"cannot write {target}: {folder} is not a folder to write to"
    from importlib.util import find_spec

    if any(targets[:2]) and find_spec("matplotlib") is None:
        return "pictures need matplotlib: pip install matplotlib"
    return None


def _save(monitors: list[Monitor], html: str | None, png: str | None, jsonl: str | None) -> None:
    for k, monitor in enumerate(monitors):
        for path, save in (
            (html, monitor.save_html), (png, monitor.save_png), (jsonl, monitor.save_jsonl),
        ):  # fmt: skip
            if path:
                stem, suffix = os.path.splitext(path)
                name = f"{stem}-{k + 1}{suffix}" if k else path
                save(name)
                print(f"written: {name}")
