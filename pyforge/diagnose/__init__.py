"""Why does it not learn? Watches training and names the layer, the cause and the cure.

``Monitor`` watches a loop, ``check`` looks at a model before training and ``check_data`` at arrays;
``python -m pyforge doctor script.py`` does it for a script as it is. See docs/diagnostics.md.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .data import check_data as check_data
    from .dump import load_dump as load_dump
    from .dump import replay as replay
    from .monitor import Monitor as Monitor
    from .precheck import check as check
    from .report import Report as Report
    from .verdict import DiagnosticError as DiagnosticError
    from .verdict import DiagnosticWarning as DiagnosticWarning
    from .verdict import Verdict as Verdict

__all__ = [
    "DiagnosticError",
    "DiagnosticWarning",
    "Monitor",
    "Report",
    "Verdict",
    "check",
    "check_data",
    "load_dump",
    "replay",
]

_HOME = {
    "DiagnosticError": "verdict",
    "DiagnosticWarning": "verdict",
    "Monitor": "monitor",
    "Report": "report",
    "Verdict": "verdict",
    "check": "precheck",
    "check_data": "data",
    "load_dump": "dump",
    "replay": "dump",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'pyforge.diagnose' has no attribute '{name}'")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
