"""The settings of many runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
from torch import Tensor

from pyrnn.validate import as_list

__all__ = ["Settings", "grid", "plain_settings"]

Plain: TypeAlias = "bool | int | float | str | list[Plain] | None"
Settings: TypeAlias = dict[str, Plain]
"""Arguments of ``make``, by name: numbers, texts, None, and lists of them."""


def grid(**values: Iterable[object]) -> list[Settings]:
    """Combine every value of each setting with every value of the others.

    Args:
        **values: Values of each setting. The last setting changes fastest.

    Returns:
        One dict of plain data for each run.

    Raises:
        TypeError: If the values of a setting are no collection, or not plain data.
        ValueError: If a setting has no value.

    Example:
        >>> grid(seed=range(2), dale_ratio=[None, 0.8])
        [{'seed': 0, 'dale_ratio': None}, {'seed': 0, 'dale_ratio': 0.8},
         {'seed': 1, 'dale_ratio': None}, {'seed': 1, 'dale_ratio': 0.8}]
    """
    columns = [[(name, value) for value in _listed(name, given)] for name, given in values.items()]
    return [plain_settings(dict(row)) for row in itertools.product(*columns)]


def _listed(name: str, given: object) -> list[object]:
    found = as_list(name, given, "values", f"write {name}=[{given!r}]")
    if not found:
        raise ValueError(f"expected {name} to have at least one value, got none")
    return found


def plain_settings(row: Mapping[str, object]) -> Settings:
    """Check the settings of a run, and turn numbers of NumPy and torch into those of Python.

    Args:
        row: The settings.

    Returns:
        The same as plain data.

    Raises:
        TypeError: If something is neither a number, a text, None nor a list of them.

    Example:
        >>> plain_settings({"seed": np.int64(3), "sizes": (8, 16)})
        {'seed': 3, 'sizes': [8, 16]}
    """
    if not isinstance(row, Mapping) or not all(isinstance(name, str) for name in row):
        raise TypeError(f"expected a run to be a dict of settings by name, got {row!r}")
    return {name: _plain(name, value) for name, value in row.items()}


def _plain(name: str, value: object) -> Plain:
    if isinstance(value, (np.ndarray, np.generic, Tensor)):
        value = value.tolist()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(name, item) for item in value]
    raise TypeError(
        f"expected {name} to be a number, a text, None or a list of them, got a "
        f"{type(value).__name__}; pass what names it, and build it in make"
    )
