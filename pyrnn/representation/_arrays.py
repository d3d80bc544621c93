"""Results that hold NumPy arrays."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from pyrnn.result import Result

__all__ = ["ArrayResult"]


class ArrayResult(Result):
    """A result whose fields are NumPy arrays, also when they come from a file.

    Subclassing:
        As ``Result``.

    Example:
        >>> from pyrnn.representation import ConditionMeans
        >>> issubclass(ConditionMeans, ArrayResult)
        True
    """

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, _plain(value))


def _plain(value: object) -> object:
    """Return tensors of a file as arrays, and arrays of text as lists that a file can hold."""
    if isinstance(value, Tensor):
        return value.numpy()
    if isinstance(value, np.ndarray) and value.dtype.kind in "US":
        return value.tolist()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
