"""Helpers around the engine."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import benchmark as benchmark
    from . import checkpoint as checkpoint
    from . import cpp_extension as cpp_extension
    from . import data as data
    from . import dlpack as dlpack
    from . import hooks as hooks
    from . import model_zoo as model_zoo
    from . import tensorboard as tensorboard

_SUBMODULES = frozenset(
    {
        "benchmark",
        "checkpoint",
        "cpp_extension",
        "data",
        "dlpack",
        "hooks",
        "model_zoo",
        "tensorboard",
    }
)


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
