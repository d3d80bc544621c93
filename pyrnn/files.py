"""Writing files: a process that is killed leaves the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_seal", "read_bytes", "replacing", "sealed", "write_bytes"]

_SEAL = b"pyrnn sha256 "
_SEAL_SIZE = len(_SEAL) + 64
_NO_COMMENT = b"\0\0"  # length of the comment of a zip archive, its last two bytes


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Provide a temporary file to write to, and move it to its path when it is complete.

    Missing folders are created, ``~`` is the home folder, and the file behind a link is replaced,
    not the link. After an error or Ctrl-C the old file is still there. What killed processes of
    this machine have left of the same file is removed.

    Args:
        path: Path of the file; a file there is overwritten.

    Yields:
        An empty file in the same folder, with the same suffix.

    Raises:
        OSError: If it cannot be written.

    Example:
        >>> path = getfixture("tmp_path") / "results" / "notes.txt"
        >>> with replacing(path) as partial:
        ...     size = partial.write_text("all of it")
        >>> path.read_text(), len(list(path.parent.iterdir()))
        ('all of it', 1)
    """
    path = Path(path).expanduser()
    path = path.resolve() if path.is_symlink() else path
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(path)
    partial = path.with_name(f"{_prefix(path)}{os.getpid()}.{secrets.token_hex(4)}{path.suffix}")
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))  # less the umask
    try:
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        if path.exists():
            partial.chmod(path.stat().st_mode)
        os.replace(partial, path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise OSError(
                errno.ENOSPC, f"expected room for {path} on its disk, got a full disk", str(path)
            ) from error
        raise


def _prefix(path: Path) -> str:
    """Return how the names of temporary files of this machine begin."""
    host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]
    return f".{path.stem[:100]}.{host}-"


def _remove_orphans(path: Path) -> None:
    """Remove the temporary files of processes that are no more."""
    prefix = _prefix(path)
    for name in os.listdir(path.parent):  # a population has thousands of files in a folder
        if not (name.startswith(prefix) and name.endswith(path.suffix)):
            continue
        number = name[len(prefix) :].partition(".")[0]
        if number.isdecimal() and not _is_alive(int(number)):
            with contextlib.suppress(OSError):
                path.with_name(name).unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def write_bytes(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file whole or not at all, see :func:`replacing`.

    Args:
        path: Path of the file.
        content: What to write.

    Returns:
        The path.

    Example:
        >>> write_bytes(getfixture("tmp_path") / "notes.txt", b"all of it").read_bytes()
        b'all of it'
    """
    with replacing(path) as partial:
        partial.write_bytes(content)
    return Path(path).expanduser()


def read_bytes(path: str | os.PathLike[str], writer: str) -> bytes:
    """Return the content of a file.

    Args:
        path: Path of the file.
        writer: What writes such files, for the message.

    Returns:
        The content.

    Raises:
        FileNotFoundError: If there is no such file.

    Example:
        >>> read_bytes(getfixture("tmp_path") / "nothing.pt", "rnn.save")
        Traceback (most recent call last):
        ...
        FileNotFoundError: expected a file that rnn.save wrote, got no file at ...
    """
    found = Path(path).expanduser()
    if not found.is_file():
        raise FileNotFoundError(f"expected a file that {writer} wrote, got no file at {path}")
    return found.read_bytes()


def sealed(archive: bytes) -> bytes:
    """Return a zip archive with the checksum of its content as its comment.

    Args:
        archive: The archive, without a comment.

    Returns:
        The archive, which other programs read as before.

    Raises:
        ValueError: If it is no zip archive, or has a comment.

    Example:
        >>> import io, zipfile
        >>> file = io.BytesIO()
        >>> with zipfile.ZipFile(file, "w") as archive:
        ...     archive.writestr("notes", "all of it")
        >>> whole = sealed(file.getvalue())
        >>> check_seal(whole, "notes.zip"), zipfile.ZipFile(io.BytesIO(whole)).namelist()
        (True, ['notes'])
        >>> check_seal(whole.replace(b"all of", b"alm of"), "notes.zip")
        Traceback (most recent call last):
        ...
        ValueError: expected notes.zip as it was written, got other bytes: it is damaged; ...
    """
    if archive[-22:-18] != b"PK\5\6" or archive[-2:] != _NO_COMMENT:
        raise ValueError("expected a zip archive without a comment to seal, got other bytes")
    comment = _SEAL + hashlib.sha256(archive).hexdigest().encode()
    return archive[:-2] + len(comment).to_bytes(2, "little") + comment


def check_seal(content: bytes, path: str | os.PathLike[str]) -> bool:
    """Return whether a file has a checksum, which must be right.

    Args:
        content: Bytes of the file.
        path: Its path, for the message.

    Returns:
        False for a file without a checksum, as earlier versions wrote them.

    Raises:
        ValueError: If the file is not as it was written.

    Example:
        >>> check_seal(b"of an earlier version", "notes.zip")
        False
    """
    size, comment = content[-_SEAL_SIZE - 2 : -_SEAL_SIZE], content[-_SEAL_SIZE:]
    if not comment.startswith(_SEAL):
        return False
    digest = hashlib.sha256(memoryview(content)[: -_SEAL_SIZE - 2])  # without a copy
    digest.update(_NO_COMMENT)
    is_whole = size == _SEAL_SIZE.to_bytes(2, "little")
    if not is_whole or comment != _SEAL + digest.hexdigest().encode():
        raise ValueError(
            f"expected {path} as it was written, got other bytes: it is damaged; take another "
            "copy of it"
        )
    return True
