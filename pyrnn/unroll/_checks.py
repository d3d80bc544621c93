"""Checks of what a network is given: its inputs and its initial state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = ["check_inputs", "convert", "expand_state"]


def check_inputs(inputs: Tensor, n_channels: int, dtype: torch.dtype) -> None:
    """Check that inputs fit a network.

    Args:
        inputs: What was given.
        n_channels: Number of input channels.
        dtype: Dtype of the network.

    Raises:
        TypeError: If the inputs are no tensor of this dtype.
        ValueError: If their shape does not fit.

    Example:
        >>> check_inputs(torch.zeros(20, 3), 2, torch.float32)
        Traceback (most recent call last):
        ...
        ValueError: expected inputs of shape (..., time, 2) with at least one time step, got ...
    """
    if not isinstance(inputs, Tensor):
        raise TypeError(
            f"expected inputs as a tensor, got {type(inputs).__name__}; predict takes arrays"
        )
    if inputs.ndim < 2 or inputs.shape[-1] != n_channels or inputs.shape[-2] == 0:
        raise ValueError(
            f"expected inputs of shape (..., time, {n_channels}) with at least one time step, got "
            f"{tuple(inputs.shape)}; the last axis holds the input channels"
        )
    if inputs.dtype != dtype:
        raise TypeError(
            f"expected inputs of the network's dtype {dtype}, got {inputs.dtype}; convert them "
            "with inputs.to(rnn.h0.dtype), or call predict"
        )


def convert(values: Tensor | np.ndarray, like: Tensor) -> Tensor:
    """Return numbers in the dtype and on the device of another tensor.

    Args:
        values: A tensor or an array of any real type.
        like: The other tensor.

    Raises:
        TypeError: If these are no real numbers.

    Example:
        >>> convert(np.ones(2, dtype=np.int32), torch.zeros(1)).dtype
        torch.float32
    """
    try:
        tensor = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"expected a tensor or an array of numbers, got {type(values).__name__}"
        ) from error
    if tensor.is_complex():
        raise TypeError(f"expected a tensor or an array of real numbers, got {tensor.dtype}")
    return tensor.to(like)


def expand_state(h: Tensor, batch_shape: Sequence[int], state_size: int) -> Tensor:
    """Return an initial state for every trial, ``(*batch_shape, state_size)``.

    Args:
        h: State, ``(..., state_size)``.
        batch_shape: Shape of the batch.
        state_size: Length of a state.

    Raises:
        TypeError: If the state is no tensor.
        ValueError: If its shape does not fit.

    Example:
        >>> expand_state(torch.zeros(4), (2, 3), 4).shape
        torch.Size([2, 3, 4])
    """
    if not isinstance(h, Tensor):
        raise TypeError(
            f"expected an initial state as a tensor, got {type(h).__name__}; predict takes arrays"
        )
    shape = (*batch_shape, state_size)
    try:
        return h.expand(shape)
    except RuntimeError as error:
        raise ValueError(
            f"expected an initial state of shape (..., {state_size}) that fits {shape}, got "
            f"{tuple(h.shape)}"
        ) from error
