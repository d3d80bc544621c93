"""Activation functions by name."""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["ACTIVATIONS", "Activation", "activation_function"]

Activation = Callable[[Tensor], Tensor]


def retanh(x: Tensor) -> Tensor:
    r"""Return the rectified hyperbolic tangent :math:`\max(\tanh x, 0)`.

    Example:
        >>> retanh(torch.tensor([-1.0, 0.0])).tolist()
        [0.0, 0.0]
    """
    return torch.tanh(x).relu()


def identity(x: Tensor) -> Tensor:
    """Return ``x``: a linear network."""
    return x


ACTIVATIONS: dict[str, Activation] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": functional.softplus,
    "sigmoid": torch.sigmoid,
    "retanh": retanh,
    "gelu": functional.gelu,
    "identity": identity,
}


def activation_function(activation: str | Activation) -> Activation:
    """Return the function of a name, or the function itself.

    Args:
        activation: One of ``ACTIVATIONS``, an elementwise callable, or the
            ``"module:name"`` of one in a module that has been imported.

    Raises:
        ValueError: If the name is unknown.
        TypeError: If it is neither a name nor callable.

    Example:
        >>> activation_function("relu")(torch.tensor([-1.0])).item()
        0.0
    """
    if callable(activation):
        return activation
    if not isinstance(activation, str):
        raise TypeError(f"expected an activation's name or a callable, got {activation!r}")
    if activation in ACTIVATIONS:
        return ACTIVATIONS[activation]
    module, _, name = activation.partition(":")
    found = getattr(sys.modules.get(module), name, None) if name else None
    if not callable(found):
        raise ValueError(
            f"expected an activation among {', '.join(ACTIVATIONS)}, or a callable, got "
            f"{activation!r}" + ("; import its module first" if name else "")
        )
    return found
