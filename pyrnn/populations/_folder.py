"""The folder of a population: the files of a run, and what they say."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from pyrnn.files import replacing
from pyrnn.populations.grid import Settings
from pyrnn.serialize import encode

__all__ = [
    "Row",
    "Run",
    "described",
    "differences",
    "digest",
    "known_runs",
    "read",
    "texts",
    "write",
]

Row: TypeAlias = dict[str, object]
"""What is known of a run, by the name of the column."""

_FORMAT = "pyrnn population/1"


class Run:
    """The files of one run.

    ``NAME.json`` has the settings and what ``make`` built from them, ``NAME.row.json`` the
    results; the latter exists only when the run is finished. ``NAME.pt`` is the network, and
    ``NAME.part.pt`` its last checkpoint while it trains. Each analysis, test or function has a
    file ``NAME.KEY.json``, written last; an analysis has its points in ``NAME.KEY.npz``.

    Args:
        folder: The folder.
        name: Name of the run.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.about = folder / f"{name}.json"
        self.row = folder / f"{name}.row.json"
        self.network = folder / f"{name}.pt"
        self.partial = folder / f"{name}.part.pt"

    @property
    def has_network(self) -> bool:
        """Whether there is a network, finished or not."""
        return self.network.exists() or self.partial.exists()

    def answer(self, key: str, suffix: str = ".json") -> Path:
        """Return the path of the answer to a question about the network."""
        return self.folder / f"{self.name}.{key}{suffix}"


def digest(data: object) -> str:
    """Return a short name for plain data, the same on every machine."""
    text = json.dumps(data, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def described(thing: object) -> object:
    """Return what describes an object in JSON: class and arguments, arrays by their digest."""
    try:
        return texts(encode(thing, type(thing).__name__))
    except (ValueError, TypeError):  # such as a dataset of the user's, or a method
        function = thing if callable(thing) and not isinstance(thing, type) else type(thing)
        return f"{function.__module__}.{getattr(function, '__qualname__', type(thing).__name__)}"


def texts(data: object) -> object:
    """Return plain data for JSON, with a digest of each tensor."""
    if isinstance(data, Tensor):
        content = data.detach().cpu().contiguous()
        code = hashlib.blake2b(content.numpy().tobytes(), digest_size=8).hexdigest()
        return f"tensor {tuple(data.shape)} {data.dtype} {code}"
    if isinstance(data, Mapping):
        return {str(key): texts(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [texts(value) for value in data]
    return str(data) if isinstance(data, torch.dtype) else data


def write(path: Path, content: Mapping[str, object]) -> None:
    """Write JSON, whole or not at all."""
    with replacing(path) as partial:
        text = json.dumps({"format": _FORMAT, **content}, indent=1)
        partial.write_text(text + "\n", encoding="utf-8")


def write_once(path: Path, content: Mapping[str, object]) -> None:
    """Write JSON unless the file exists; of several processes, the first one writes."""
    own = path.with_name(f"{path.stem}.{os.getpid()}{path.suffix}")
    write(own, content)
    with contextlib.suppress(FileExistsError):
        os.link(own, path)
    own.unlink()


def read(path: Path) -> dict[str, object]:
    """Read JSON that ``write`` wrote.

    Returns:
        The content, with the key ``format``.

    Raises:
        ValueError: If the file holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise ValueError(f"the format is {content['format']!r}, not {_FORMAT!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"expected a file of a population, got {path} ({error}); choose another folder, or "
            "remove the file"
        ) from error
    return dict(content)


def known_runs(folder: Path) -> dict[str, tuple[Settings, object]]:
    """Return settings and description of every run in a folder, by name."""
    found: dict[str, tuple[Settings, object]] = {}
    for path in sorted(folder.glob("*.json")):
        if "." not in path.stem:  # the others are rows and results
            content = read(path)
            found[path.stem] = content["settings"], content["built"]  # type: ignore[assignment]
    return found


def differences(before: object, now: object, name: str = "") -> list[str]:
    """Return where two descriptions differ, as sentences."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = [*before, *(key for key in now if key not in before)]
        parts = [
            differences(before.get(key), now.get(key), f"{name}.{key}".strip("."))
            for key in keys
            if key != "__class__" or before.get(key) != now.get(key)
        ]
        return [sentence for part in parts for sentence in part]
    return [] if before == now else [f"{name.replace('.config', '')} was {before}, is {now}"]
