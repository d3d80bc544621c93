"""Writing files so that a killed process leaves the old one or the new one, never half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path to write to, beside the one wanted, and move the file there when it is whole.

    Missing folders are made. Whatever goes wrong, Ctrl-C included, leaves the old file alone.

    Args:
        path: Where the file belongs; overwritten without asking.

    Yields:
        An empty file in the same folder, with the same suffix.

    Example:
        >>> path = getfixture("tmp_path") / "results" / "notes.txt"
        >>> with replacing(path) as partial:
        ...     size = partial.write_text("all of it")
        >>> path.read_text(), len(list(path.parent.iterdir()))
        ('all of it', 1)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(path.suffix, f".{path.stem}.", path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        partial.chmod(path.stat().st_mode if path.exists() else 0o644)  # mkstemp gives 0o600
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
