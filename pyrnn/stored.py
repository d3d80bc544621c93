"""Files of results, histories and graphs: plain data with a checksum, read without pickle."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pyrnn.files import check_seal, read_bytes, sealed, write_bytes
from pyrnn.serialize import decode, decode_arrays, encode, encode_arrays

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Stored", "load"]

_FORMAT = "pyrnn result/3"
_FORMER_FORMATS = ("pyrnn result/2", "pyrnn.dynamics/1")  # of files without a checksum
_MOST_BYTES = 2**29  # that a small file may become in memory
_DAMAGES = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    RecursionError,
    zipfile.BadZipFile,
    zlib.error,
)


class Stored:
    """Something that can be written to a file and read again.

    Subclassing:
        Register the class, see ``pyrnn.serialize.register``, and keep every argument of
        ``__init__`` as an attribute of the same name; or write ``_to_plain``.

    Example:
        >>> from pyrnn.training import History
        >>> path = History(epochs={"loss": [0.5]}).save(getfixture("tmp_path") / "history.npz")
        >>> History.load(path).epochs
        {'loss': [0.5]}
    """

    _is_compressed: ClassVar[bool] = True  # which takes long where nothing is gained

    def _to_plain(self) -> object:
        """Return plain data that stands for the object."""
        return encode(self, type(self).__name__)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to an ``.npz`` file with a checksum, readable without pickle.

        The bytes are read once before they replace an old file.

        Args:
            path: Where to write. The name is kept as it is.

        Returns:
            The path.

        Raises:
            ValueError: If it could not be read again.
        """
        tree, arrays = encode_arrays(self._to_plain())
        header = json.dumps({"format": _FORMAT, "result": tree})
        file = io.BytesIO()
        write = np.savez_compressed if self._is_compressed else np.savez
        write(file, header=np.array(header), **arrays)  # type: ignore[arg-type]
        content = sealed(file.getvalue())
        try:
            _decoded(content, is_sealed=True)
        except _DAMAGES as error:
            raise ValueError(
                f"expected a {type(self).__name__} that its file can hold, got {error}; register "
                "the classes of its parts"
            ) from error
        return write_bytes(path, content)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read an object of this class that ``save`` wrote.

        Args:
            path: The file.

        Returns:
            The object.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged or holds something else.
        """
        found = load(path)
        if type(found) is not cls:
            raise ValueError(
                f"expected a file with {cls.__name__}, got {type(found).__name__} in {path}; "
                "read it with pyrnn.dynamics.load"
            )
        return found


def load(path: str | os.PathLike[str]) -> Stored | list[Stored]:
    """Read any result, history or graph that its ``save`` wrote.

    Args:
        path: The file.

    Returns:
        The result, of the class that was saved; a list, if version 0.1 wrote a list of results.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no result, or damaged.

    Example:
        >>> load(getfixture("tmp_path") / "nothing.npz")
        Traceback (most recent call last):
        ...
        FileNotFoundError: ...
    """
    content = read_bytes(path, "the save() of a result")
    is_sealed = check_seal(content, path)
    try:
        found = _decoded(content, is_sealed=is_sealed)
    except _DAMAGES as error:
        raise ValueError(
            f"expected a file that the save() of a result wrote, got {path} ({error}); "
            "run the analysis again or choose another file"
        ) from error
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(item, Stored) for item in items):
        raise ValueError(f"expected a result in {path}, got {type(found).__name__}")
    return found  # type: ignore[return-value]


def _decoded(content: bytes, *, is_sealed: bool) -> object:
    """Return what the bytes of a file stand for."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > max(_MOST_BYTES, 100 * len(content)):
        raise ValueError(f"it would take {size / 2**20:.0f} MB of memory")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        header = json.loads(str(file["header"]))
        if header["format"] not in (_FORMAT, *_FORMER_FORMATS):
            raise ValueError(f"the format is {header['format']!r}, not {_FORMAT!r}")
        if header["format"] == _FORMAT and not is_sealed:
            raise ValueError("its checksum is missing")
        return decode(decode_arrays(header["result"], file))
