"""Reading states and inputs as users give them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def as_states(states: Any, rnn: Any, name: str = "starts") -> Tensor:
    """Return states as finite float64 of the width, and on the device, that the network has.

    Args:
        states: ``(..., hidden_size)``, tensor or array; or what has them as ``states``, such as
            the ``Rollout`` of a network.
        rnn: The network, or a callable, whose width is then not known.
        name: What the caller calls them.

    Raises:
        TypeError: If they are not real numbers.
        ValueError: If there are none, their width is wrong, or one is not finite.
    """
    h = _as_tensor(getattr(states, "states", states), name).detach()
    if h.dtype == torch.bool or h.is_complex():
        raise TypeError(f"expected real {name}, got dtype {h.dtype}; pass the hidden states")
    owner = getattr(rnn, "__self__", rnn)
    size = getattr(owner, "state_size", getattr(owner, "hidden_size", None))
    if h.dim() == 0 or h.numel() == 0 or (isinstance(size, int) and h.shape[-1] != size):
        raise ValueError(
            f"expected {name} of shape (..., {size or 'hidden_size'}) with at least one state, "
            f"got {tuple(h.shape)}; pass the states that the network visits, e.g. of predict()"
        )
    weight = next(owner.parameters(), h) if isinstance(owner, nn.Module) else h
    return _finite(h.to(weight.device).double(), name)


def as_inputs(x: Any, h: Tensor, rnn: Any) -> Tensor:
    """Return one finite input for each state, in the dtype of the states.

    Args:
        x: ``(input_size,)``, one input for each state, or ``None`` for zero.
        h: States, ``(..., hidden_size)``.
        rnn: The network, or a callable, whose input width is then not known.

    Returns:
        Inputs, ``(..., input_size)``.

    Raises:
        ValueError: If the width is wrong, the leading axes are not those of the states, or a
            value is not finite.
    """
    size = getattr(getattr(rnn, "__self__", rnn), "input_size", None)
    given = h.new_zeros(size or 1) if x is None else torch.as_tensor(x).detach()
    width = size if isinstance(size, int) else given.shape[-1] if given.dim() else None
    if given.dim() == 0 or given.shape[-1] != width:
        raise ValueError(
            f"expected an input of shape ({width or 'input_size'},), or one for each state, got "
            f"{tuple(given.shape)}; the last axis holds the input channels"
        )
    given = _finite(given.to(h), "x")
    try:
        return given.expand(*h.shape[:-1], given.shape[-1])
    except RuntimeError as error:
        raise ValueError(
            f"expected one input, or one for each of the states of shape {tuple(h.shape)}, got "
            f"{tuple(given.shape)}; give the input the leading axes of the states"
        ) from error


def one_input(rnn: Any, states: Any, x: Any) -> tuple[Tensor, Tensor]:
    """Return flat states, ``(n, hidden_size)``, and the single input, ``(1, input_size)``.

    Args:
        rnn: The network, or a callable.
        states: ``(..., hidden_size)``.
        x: ``(input_size,)``, or ``None`` for zero.

    Raises:
        ValueError: As :func:`as_states` and :func:`as_inputs`, or if the inputs differ.
    """
    pool = as_states(states, rnn)
    given = as_inputs(x, pool, rnn)
    pool, given = (values.reshape(-1, values.shape[-1]) for values in (pool, given))
    if not (given == given[0]).all():
        raise ValueError(
            "expected one constant input of shape (input_size,), got different ones; "
            "make a call for each input"
        )
    return pool, given[:1]


def distinct_inputs(x: Any, h: Tensor, rnn: Any) -> Tensor:
    """Return each of some inputs once, in the dtype of the states, ``(n_inputs, input_size)``.

    Args:
        x: ``(..., input_size)``, or ``None`` for zero.
        h: States, for device and dtype.
        rnn: The network, or a callable, whose input width is then not known.

    Raises:
        ValueError: As :func:`as_inputs`.
    """
    shape = () if x is None else torch.as_tensor(x).shape[:-1]
    inputs = as_inputs(x, h.new_empty(*shape, 0), rnn)
    return torch.unique(inputs.reshape(-1, inputs.shape[-1]), dim=0)


def _as_tensor(values: Any, name: str) -> Tensor:
    try:
        return torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"expected {name} to be a tensor or an array, got {type(values).__name__} ({error}); "
            "pass the hidden states, e.g. rnn.predict(inputs).states"
        ) from error


def _finite(values: Tensor, name: str) -> Tensor:
    if not values.sum().isfinite() and not values.isfinite().all():  # a sum is far quicker
        n_bad = int((~values.isfinite()).sum())
        raise ValueError(
            f"expected finite {name}, got {n_bad} values that are NaN or infinite; "
            "leave them out, or find out where the run diverges"
        )
    return values
