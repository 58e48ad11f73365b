"""The dictionaries of a module's parameters, buffers and children."""

from __future__ import annotations

import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Registry(dict[str, "Any"]):
    """A dictionary that writes each of its entries through to its owner's ``__dict__``.

    Reading ``module.weight`` is then an ordinary attribute lookup, without the ``__getattr__``
    fallback that would slow down every other attribute of the module too.
    """

    __slots__ = ("_owner",)

    def __init__(self, owner: object, entries: dict[str, Any] | None = None) -> None:
        super().__init__()
        self._owner = weakref.ref(owner)
        if entries:
            self.update(entries)

    def _mirror(self) -> dict[str, Any]:
        owner = self._owner()
        return {} if owner is None else owner.__dict__

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        owner = self._owner()
        # What the class has under this name comes first, as in PyTorch.
        if owner is not None and (name in owner.__dict__ or not hasattr(type(owner), name)):
            owner.__dict__[name] = value

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._mirror().pop(name, None)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set every given entry."""
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The entry ``name``, set to ``default`` first if there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def pop(self, name: str, *default: Any) -> Any:
        """Remove the entry ``name`` and return it.

        Raises:
            KeyError: if there is none and no default is given.
        """
        if name not in self and default:
            return default[0]
        value = self[name]
        del self[name]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove and return the last entry."""
        name = next(reversed(self))
        return name, self.pop(name)

    def clear(self) -> None:
        """Remove every entry."""
        for name in list(self):
            del self[name]

    def __reduce__(self) -> tuple[Any, ...]:
        return (dict, (dict(self),))
