"""Why does it not learn? Watches training and names the layer, the cause and the cure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .bad_step import Replay as Replay
    from .bad_step import replay as replay
    from .check import CheckReport as CheckReport
    from .check import check as check
    from .data import DataReport as DataReport
    from .data import check_data as check_data
    from .monitor import Monitor as Monitor
    from .verdict import DiagnosticError as DiagnosticError
    from .verdict import DiagnosticWarning as DiagnosticWarning
    from .verdict import Verdict as Verdict

__all__ = [
    "CheckReport",
    "DataReport",
    "DiagnosticError",
    "DiagnosticWarning",
    "Monitor",
    "Replay",
    "Verdict",
    "check",
    "check_data",
    "replay",
]

_HOME = {
    "CheckReport": "check",
    "DataReport": "data",
    "DiagnosticError": "verdict",
    "DiagnosticWarning": "verdict",
    "Monitor": "monitor",
    "Replay": "bad_step",
    "Verdict": "verdict",
    "check": "check",
    "check_data": "data",
    "replay": "bad_step",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'pyforge.diagnose' has no attribute '{name}'")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
