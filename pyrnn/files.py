"""Writing files: a process that is killed leaves the old one or the new one, never half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replacing"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Provide a temporary file to write to, and move it to its path when it is complete.

    Missing folders are created. After an error or Ctrl-C the old file is still there.

    Args:
        path: Path of the file; a file there is overwritten.

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
