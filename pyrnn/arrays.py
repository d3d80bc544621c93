"""NumPy arrays from whatever holds numbers: tensors, arrays, nested lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, Union, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Array", "ArrayLike", "HasStates", "States", "as_array", "as_numbers"]

Array: TypeAlias = npt.NDArray[Any]
ArrayLike: TypeAlias = Union[Tensor, npt.ArrayLike, Sequence[Tensor]]  # noqa: UP007 (3.10)


@runtime_checkable
class HasStates(Protocol):
    """Something that holds states, such as the ``Rollout`` of a network or fixed points.

    Example:
        >>> from pyrnn import RNN
        >>> isinstance(RNN(1, 2, 1).predict([[0.0]]), HasStates)
        True
    """

    @property
    def states(self) -> Tensor:
        """States, ``(..., state_size)``."""


States: TypeAlias = Union[ArrayLike, HasStates]  # noqa: UP007 (3.10)
"""States as users have them: a tensor, an array, a tuple of several states, or their holder."""


def as_array(values: ArrayLike, advice: str = "pass the numbers themselves") -> Array:
    """Return numbers as a NumPy array: tensors are detached and moved to the CPU.

    Masked values become NaN.

    Args:
        values: Numbers, real or complex, or names of conditions.
        advice: What to pass instead, for the message.

    Returns:
        The array; it shares memory with ``values`` where possible.

    Raises:
        TypeError: If the values are something else, such as a network.

    Example:
        >>> as_array(torch.ones(2, requires_grad=True)).tolist()
        [1.0, 1.0]
        >>> as_array(torch.nn.Linear(2, 2), "pass its weight")
        Traceback (most recent call last):
        ...
        TypeError: expected a tensor, an array or numbers, got Linear; pass its weight
    """
    try:
        array = np.asarray(_on_cpu(values))
    except (TypeError, ValueError):  # nested lists of unequal length
        array = np.empty(0, object)
    if array.dtype == object and array.size and all(isinstance(v, str) for v in array.flat):
        array = array.astype(str)  # names of conditions in a column of pandas
    if array.dtype.kind in "OSVmM":
        kind = type(values).__name__
        raise TypeError(f"expected a tensor, an array or numbers, got {kind}; {advice}")
    return array


def as_numbers(values: ArrayLike, advice: str = "pass the numbers themselves") -> Array:
    """Return real numbers as a NumPy array.

    Args:
        values: A tensor, an array or nested lists.
        advice: What to pass instead, for the message.

    Returns:
        The array; it shares memory with ``values`` where possible.

    Raises:
        TypeError: If the values are something else, such as complex numbers or text.

    Example:
        >>> as_numbers("pca", "pass states")
        Traceback (most recent call last):
        ...
        TypeError: expected real numbers, got <U3; pass states
    """
    array = as_array(values, advice)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"expected real numbers, got {array.dtype}; {advice}")
    return array


def _on_cpu(values: object) -> object:
    """Return tensors, alone or in a list, in a form that NumPy can read."""
    if isinstance(values, Tensor) and values.device.type == "meta":
        return object()
    if isinstance(values, Tensor):
        values = values.to_dense() if values.layout is not torch.strided else values
        tensor = values.detach().cpu().resolve_conj()
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    if isinstance(values, (list, tuple)) and any(isinstance(value, Tensor) for value in values):
        return [_on_cpu(value) for value in values]
    if isinstance(values, np.ma.MaskedArray) and values.mask.any():
        return np.ma.filled(values.astype(float), np.nan)
    return values
