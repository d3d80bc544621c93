"""Reading states and inputs as users give them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from pyrnn.arrays import HasStates, States
from pyrnn.validate import as_tensor, check_finite

__all__ = [
    "HasInputs",
    "HasStep",
    "Shaped",
    "broadcast_inputs",
    "read_inputs",
    "read_states",
]


@runtime_checkable
class HasInputs(Protocol):
    """Something that holds the inputs of its states as well, such as fixed points.

    Example:
        >>> isinstance(torch.zeros(1), HasInputs)
        False
    """

    @property
    def inputs(self) -> Tensor:
        """Inputs, ``(..., input_size)``."""


@runtime_checkable
class HasStep(Protocol):
    """A network that tells its dynamics.

    Example:
        >>> from pyrnn import RNN
        >>> isinstance(RNN(1, 2, 1), HasStep)
        True
    """

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next state."""


class Shaped(Protocol):
    """What must be known of a map to read its states and inputs."""

    @property
    def state_size(self) -> int | None:
        """Length of a state."""

    @property
    def input_size(self) -> int | None:
        """Number of input channels."""

    @property
    def parts(self) -> tuple[int, ...]:
        """Lengths of the states that a state consists of."""

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of states and inputs."""

    @property
    def device(self) -> torch.device:
        """Device of states and inputs."""


def read_states(values: States, step: Shaped, name: str = "starts") -> Tensor:
    """Return states as finite numbers of a map's width, dtype and device.

    Args:
        values: ``(..., state_size)``, or a tuple of states that are concatenated.
        step: The map.
        name: Name of the argument, for messages.

    Raises:
        TypeError: If these are no real numbers.
        ValueError: If there are none, their width is wrong, or one is not finite.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> read_states([[1, 2]], as_map(lambda h, x: h))
        tensor([[1., 2.]], dtype=torch.float64)
    """
    h = _joined(values, name).detach()
    size = h.shape[-1:] if step.state_size is None else (step.state_size,)
    if h.dim() == 0 or h.numel() == 0 or h.shape[-1:] != torch.Size(size):
        wanted = step.state_size or "state_size"
        advice = "pass the states that the network visits, e.g. of predict()"
        if step.parts:
            advice = (
                f"a state consists of {len(step.parts)} states of lengths {step.parts}; "
                "as_map(network).unroll(inputs) returns such states"
            )
        raise ValueError(
            f"expected {name} of shape (..., {wanted}) with at least one state, got "
            f"{tuple(h.shape)}; {advice}"
        )
    return check_finite(name, h.to(step.device, step.dtype))


def _joined(values: States, name: str) -> Tensor:
    """Return states as one tensor; several states of a tuple are concatenated."""
    if isinstance(values, HasStates):
        values = values.states
    advice = "pass the hidden states, e.g. rnn.predict(inputs).states"
    if not isinstance(values, tuple) or not any(
        isinstance(v, (Tensor, np.ndarray)) for v in values
    ):
        return as_tensor(name, values, advice)
    parts = [as_tensor(f"each part of {name}", part, advice) for part in values]
    try:
        return torch.cat(parts, dim=-1)
    except RuntimeError as error:
        shapes = ", ".join(str(tuple(part.shape)) for part in parts)
        raise ValueError(
            f"expected {name} as a tuple of states with the same leading axes, got shapes "
            f"{shapes}; {advice}"
        ) from error


def read_inputs(x: States | None, step: Shaped, name: str = "x") -> Tensor:
    """Return inputs as finite numbers of a map's width, dtype and device.

    Args:
        x: ``(..., input_size)``; ``None`` stands for zero, of one channel if the width is unknown.
        step: The map.
        name: Name of the argument, for messages.

    Raises:
        TypeError: If these are no real numbers.
        ValueError: If their width is wrong, or one is not finite.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> read_inputs(None, as_map(lambda h, x: h))
        tensor([0.], dtype=torch.float64)
    """
    size = step.input_size
    if x is None:
        return torch.zeros(1 if size is None else size, dtype=step.dtype, device=step.device)
    given = as_tensor(name, x).detach()
    if given.dim() == 0 or given.shape[-1] == 0 or (size is not None and given.shape[-1] != size):
        raise ValueError(
            f"expected {name} of shape ({size or 'input_size'},), or with leading axes, got "
            f"{tuple(given.shape)}; the last axis holds the input channels"
        )
    return check_finite(name, given.to(step.device, step.dtype))


def broadcast_inputs(x: Tensor, h: Tensor) -> Tensor:
    """Return one input for each state.

    Args:
        x: Inputs, ``(..., input_size)``.
        h: States, ``(..., state_size)``.

    Returns:
        Inputs with the leading axes of the states, ``(..., input_size)``.

    Raises:
        ValueError: If the leading axes do not fit.

    Example:
        >>> broadcast_inputs(torch.zeros(3), torch.zeros(5, 8)).shape
        torch.Size([5, 3])
    """
    try:
        return x.expand(*h.shape[:-1], x.shape[-1])
    except RuntimeError as error:
        raise ValueError(
            f"expected one input, or one for each of the states of shape {tuple(h.shape)}, got "
            f"{tuple(x.shape)}; give the input the leading axes of the states"
        ) from error
