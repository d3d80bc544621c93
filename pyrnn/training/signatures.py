"""Signatures: whether a user's function takes what it will be given."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

__all__ = ["check_takes"]


def check_takes(name: str, function: Any, *arguments: str) -> None:
    """Refuse a function that can't be called with some positional arguments.

    Args:
        name: What to call it in the message.
        function: The function; those that don't tell their signature are let through.
        *arguments: Names of what it will be given.

    Raises:
        TypeError: If it takes fewer arguments, or more without a default.

    Example:
        >>> check_takes("loss", lambda y, t: ((y - t) ** 2).mean(), "outputs", "targets", "mask")
        Traceback (most recent call last):
        ...
        TypeError: expected loss(outputs, targets, mask), got one of (y, t); wrap it: ...
    """
    called = function.forward if isinstance(function, nn.Module) else function
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):
        return
    is_torch_loss = getattr(called, "__module__", "") == "torch.nn.functional"  # takes no mask
    if is_torch_loss or not _binds(signature, arguments):
        wanted = ", ".join(arguments)
        raise TypeError(
            f"expected {name}({wanted}), got one of {signature}; wrap it: lambda {wanted}: ..."
        )


def _binds(signature: inspect.Signature, arguments: tuple[str, ...]) -> bool:
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True
