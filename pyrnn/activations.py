"""Activation functions by name."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pyrnn.validate import check_callable

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "activation_function",
    "identity",
    "register_activation",
    "retanh",
]

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


_OF_TORCH = {
    "torch": "abs arctan asinh atan cos erf exp log1p relu selu sigmoid sin square tanh",
    "torch.nn.functional": "celu elu hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish "
    "relu relu6 selu sigmoid silu softsign tanh tanhshrink",
    "torch._C._nn": "gelu softplus",
}
_registered = {f"{module}:{name}" for module, names in _OF_TORCH.items() for name in names.split()}
_HOW_TO_FIND = (
    "; define it with @pyrnn.activations.register_activation and import its module first, or give "
    "a saved network the function: pyrnn.load(path, activation=function)"
)


def register_activation(function: Activation) -> Activation:
    """Let files name a function of yours as an activation; a decorator.

    A file can name the functions of ``ACTIVATIONS``, those of torch that are activations, and the
    ones registered here. A network that is built with a function registers it, too.

    Args:
        function: An elementwise function at the top of a module.

    Returns:
        The function.

    Raises:
        TypeError: If it is no function.

    Example:
        >>> @register_activation
        ... def bump(x):
        ...     return torch.exp(-x.square())
        >>> bump(torch.zeros(1))
        tensor([1.])
    """
    check_callable("activation", function, "x")
    for attribute in ("__qualname__", "__name__"):
        _registered.add(
            f"{getattr(function, '__module__', '')}:{getattr(function, attribute, '')}"
        )
    return function


def activation_function(activation: str | Activation) -> Activation:
    """Return the function of a name, or the function itself.

    Args:
        activation: One of ``ACTIVATIONS``, an elementwise function, or ``"module:name"`` of a
            registered function, see :func:`register_activation`.

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
        return register_activation(activation)
    if not isinstance(activation, str):
        raise TypeError(
            f"expected an activation's name or a function of tensors, got {activation!r}; take a "
            "name such as 'relu', or a function such as torch.relu"
        )
    if activation in ACTIVATIONS:
        return ACTIVATIONS[activation]
    module, _, name = activation.partition(":")
    is_known = activation in _registered
    found = getattr(sys.modules.get(module), name, None) if is_known else None
    if not callable(found):
        raise ValueError(
            f"expected an activation among {', '.join(ACTIVATIONS)}, or a callable, got "
            f"{activation!r}" + (_HOW_TO_FIND if name else "")
        )
    return found
