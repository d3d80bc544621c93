"""Results as files: arrays in an ``.npz``, the rest as JSON in it, nothing that runs code."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyrnn.files import replacing

_FORMAT = "pyrnn.dynamics/1"


def save_result(result: Any, path: str | Path) -> None:
    """Write a result of this package to a file, readable without pickle.

    Args:
        result: Points, cycles, attractors, branches, manifolds, certificates, …, or a list of
            them.
        path: Where to write; the name is kept as it is.

    Raises:
        TypeError: If the result holds something else than numbers, text, tensors and results.

    Example:
        >>> from pyrnn.dynamics import find_cycles
        >>> cycles = find_cycles(lambda h, x: torch.tanh(-2 * h), torch.ones(9, 1), periods=[2])
        >>> path = getfixture("tmp_path") / "cycles.npz"
        >>> save_result(cycles, path)
        >>> load_result(path)[0].period
        2
    """
    arrays: dict[str, np.ndarray] = {}
    tree = _encode(result, arrays)
    header = json.dumps({"format": _FORMAT, "result": tree})
    with replacing(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, header=np.array(header), **arrays)  # type: ignore[arg-type]


def load_result(path: str | Path) -> Any:
    """Read what :func:`save_result` wrote.

    Args:
        path: The file.

    Returns:
        What was saved.

    Raises:
        ValueError: If it holds something else.
        FileNotFoundError: If there is no file.

    Example:
        >>> from pyrnn.dynamics import SearchRecord
        >>> path = getfixture("tmp_path") / "record.npz"
        >>> save_result(SearchRecord(64, 60, (3, 0)), path)
        >>> load_result(path).n_new
        (3, 0)
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            if header["format"] != _FORMAT:
                raise ValueError(f"the format is {header['format']!r}, not {_FORMAT!r}")
            return _decode(header["result"], file)
    except FileNotFoundError:
        raise
    except (KeyError, TypeError, ValueError, EOFError, OSError) as error:
        raise ValueError(
            f"expected a file written by save_result, got {path} ({error}); "
            "run the analysis again or point to another file"
        ) from error


def _encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, Tensor):
        name = f"array_{len(arrays)}"
        arrays[name] = value.detach().cpu().numpy()
        return {"array": name}
    if is_dataclass(value) and not isinstance(value, type):
        content = {f.name: _encode(getattr(value, f.name), arrays) for f in fields(value)}
        return {"kind": type(value).__name__, "fields": content}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [_encode(item, arrays) for item in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"expected a result of pyrnn.dynamics, got {type(value).__name__}")


def _decode(tree: Any, arrays: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return torch.from_numpy(arrays[tree["array"]])
    if "kind" in tree:
        content = {name: _decode(item, arrays) for name, item in tree["fields"].items()}
        return _kind(tree["kind"])(**content)
    ((container, items),) = tree.items()
    return {"list": list, "tuple": tuple}[container](_decode(item, arrays) for item in items)


def _kind(name: str) -> Any:
    """Return a class of results; no other name of this package will do."""
    import pyrnn.dynamics as dynamics

    kind = getattr(dynamics, name, None) if name in dynamics.__all__ else None
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise ValueError(f"{name!r} is no kind of result")
    return kind
