"""Files that are there in full or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[str]:
    """The name of a new file beside ``path`` that takes its place when the block ends well.

    Raises:
        OSError: if the folder does not exist or cannot be written.
    """
    folder, leaf = os.path.split(os.path.abspath(os.fspath(path)))
    handle, temporary = tempfile.mkstemp(f".{leaf}", ".pyforge-", folder)
    os.close(handle)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
