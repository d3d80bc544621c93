"""Save and load: weights and plain-data config in one file, read without running code."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from pyrnn.activations import Activation
from pyrnn.files import replacing
from pyrnn.serialize import decode, encode

__all__ = ["PathLike", "load", "save"]

PathLike: TypeAlias = "str | os.PathLike[str]"

FORMAT = "pyrnn network"
VERSION = 1


def save(rnn: nn.Module, path: PathLike) -> Path:
    """Write a network to a file: class, arguments, weights, history, state of its training.

    The file is written beside its place and moved there in one step, so a killed process leaves
    the old file or the new one, never half of one.

    Args:
        rnn: The network.
        path: Where to; overwritten without asking.

    Returns:
        The path.

    Raises:
        ValueError: If an argument of the network can't be written as plain data.

    Example:
        >>> import tempfile, pyrnn
        >>> path = Path(tempfile.mkdtemp()) / "network.pt"
        >>> pyrnn.load(pyrnn.RNN(3, 8, 2, dale_ratio=0.8).save(path)).dale_ratio
        0.8
    """
    content = _content(rnn)
    with replacing(path) as partial, open(partial, "wb") as file:
        torch.save(content, file)
    return Path(path)


def load(
    path: PathLike,
    *,
    device: str | torch.device = "cpu",
    activation: str | Activation | None = None,
) -> Any:
    """Read a network from a file; no code of the file is run.

    Args:
        path: A file that ``save`` wrote.
        device: Where to put the network.
        activation: Its activation, where the file names a function that can't be found, such as
            one of the script that saved it; by default the one that is named.

    Returns:
        The network, of the class that was saved, with its history.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is truncated, foreign, or of a class that isn't imported.

    Example:
        >>> import tempfile, pyrnn
        >>> path = pyrnn.CTRNN(3, 8, 2).save(Path(tempfile.mkdtemp()) / "network.pt")
        >>> type(pyrnn.load(path)).__name__
        'CTRNN'
    """
    content = _read(Path(path))
    if activation is not None:
        content["network"]["config"]["activation"] = activation
        content["beside"]["attributes"].pop("activation", None)
    try:
        return _build(content).to(device)
    except (KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise ValueError(
            f"expected {path} to fit the network's class as it is now, got: {error}; "
            "has its code changed since the file was written?"
        ) from error


def to_bytes(rnn: nn.Module) -> bytes:
    """Return the content of a network's file: how a network is pickled.

    Example:
        >>> import pickle, pyrnn
        >>> pickle.loads(pickle.dumps(pyrnn.RNN(3, 8, 2, dale_ratio=0.8))).dale_ratio
        0.8
    """
    file = io.BytesIO()
    torch.save(_content(rnn), file)
    return file.getvalue()


def from_bytes(cls: type, content: bytes) -> Any:
    """Return the network of ``to_bytes``; ``cls`` makes pickle import its module."""
    return _build(torch.load(io.BytesIO(content), weights_only=True))


def _content(rnn: nn.Module) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "network": encode(rnn, type(rnn).__name__),
        "beside": rnn.beside_weights(),  # type: ignore[operator]
        "weights": rnn.state_dict(),
    }


def _build(content: dict[str, Any]) -> Any:
    rnn = decode(content["network"])
    rnn.restore_beside_weights(content["beside"])
    rnn.load_state_dict(content["weights"])
    return rnn


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a network's file, or say in one error what is wrong with it."""
    if not path.is_file():
        raise FileNotFoundError(f"expected a file that rnn.save wrote, got no file at {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"expected a file that rnn.save wrote, got {path}, which can't be read "
            f"({type(error).__name__}): it is truncated or of another program"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(
            f"expected a file that rnn.save wrote, got {path}, which holds a "
            f"{type(content).__name__} of another program; load it with torch.load"
        )
    if content["version"] > VERSION:
        raise ValueError(
            f"expected a file of version {VERSION} or older, got version {content['version']} "
            f"in {path}; update pyrnn"
        )
    return content
