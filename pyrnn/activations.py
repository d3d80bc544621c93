"""Activation functions by name."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ACTIVATIONS", "Activation", "activation_function", "identity", "retanh"]

Activation = Callable[[Tensor], Tensor]


def retanh(x: Tensor) -> Tensor:
    r"""Return the rectified hyperbolic tangent :math:`\max(\tanh x, 0)`.

    Args:
        x: Input currents.

    Example:
        >>> retanh(torch.tensor([-1.0, 0.0])).tolist()
        [0.0, 0.0]
    """
    return torch.tanh(x).relu()


def identity(x: Tensor) -> Tensor:
    """Return ``x``, for a linear network.

    Args:
        x: Input currents.

    Example:
        >>> identity(torch.tensor([0.5])).item()
        0.5
    """
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


_HOW_TO_FIND = (
    "; import its module first, or give a saved network the function: "
    "pyrnn.load(path, activation=function)"
)


def activation_function(activation: str | Activation) -> Activation:
    """Return the function of a name, or the function itself.

    Args:
        activation: One of ``ACTIVATIONS``, an elementwise function, or ``"module:name"`` of a
            function in a module that has been imported.

    Raises:
        TypeError: If it is neither a name nor a function of tensors. A module such as
            ``nn.ReLU()`` has no name that a file could store, and NumPy's functions have no
            gradient.
        ValueError: If the name is unknown.

    Example:
        >>> activation_function("relu")(torch.tensor([-1.0])).item()
        0.0
    """
    if callable(activation) and not isinstance(activation, (nn.Module, type, np.ufunc)):
        return activation
    if not isinstance(activation, str):
        raise TypeError(
            f"expected an activation's name or a function of tensors, got {activation!r}; take a "
            "name such as 'relu', or a function such as torch.relu"
        )
    if activation in ACTIVATIONS:
        return ACTIVATIONS[activation]
    module, _, name = activation.partition(":")
    found = getattr(sys.modules.get(module), name, None) if name else None
    if not callable(found):
        raise ValueError(
            f"expected an activation among {', '.join(ACTIVATIONS)}, or a callable, got "
            f"{activation!r}" + (_HOW_TO_FIND if name else "")
        )
    return found
