"""Helpers around the engine."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import data as data


def __getattr__(name: str) -> object:
    if name == "data":
        import importlib

        return importlib.import_module(f"{__name__}.data")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
