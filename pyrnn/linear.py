"""Layers whose weights a loop of calls evaluates once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Constant", "Linear", "evaluated_once", "has_hooks"]

# Functions that replace layers within a loop, by the id of the layer. A context variable, because
# two threads may be within two loops.
_replaced: ContextVar[dict[int, Callable[..., Tensor]]] = ContextVar("_replaced")
_NOTHING: dict[int, Callable[..., Tensor]] = {}


class Linear(nn.Linear):
    """A linear layer whose weight is set by assignment: ``layer.weight = values``.

    The values are a tensor, an array or nested lists. A constrained weight takes them, too, if
    they obey its constraints. Within :func:`evaluated_once` it is computed once for all calls.

    Example:
        >>> layer = Linear(2, 1, bias=False)
        >>> layer.weight = [[1.0, -1.0]]
        >>> layer(torch.tensor([3.0, 2.0])).item()
        1.0
    """

    def __setattr__(self, name: str, value: object) -> None:
        known = getattr(self, name, None) if name in ("weight", "bias") else None
        if not isinstance(known, Tensor) or value is None:
            super().__setattr__(name, value)  # type: ignore[arg-type]
            return
        given = torch.as_tensor(value)
        if given.shape != known.shape:
            raise ValueError(
                f"expected a {name} of shape {tuple(known.shape)}, got {tuple(given.shape)}; "
                "rows are postsynaptic, columns presynaptic"
            )
        is_free = name in self._parameters
        if is_free and not isinstance(value, nn.Parameter):
            known.data.copy_(given.detach())
        else:  # another parameter, or the value of one that is constrained
            super().__setattr__(name, given if is_free else given.detach().to(known))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x @ weight.T + bias``.

        Args:
            x: Input, ``(..., in_features)``.
        """
        known = _replaced.get(_NOTHING).get(id(self))
        return super().forward(x) if known is None else known(x)


class Constant(nn.Module):
    """A parameter, perhaps constrained, that a loop evaluates once.

    Args:
        value: Initial value.

    Example:
        >>> Constant(torch.tensor([10.0, 20.0]))().tolist()
        [10.0, 20.0]
    """

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(value)

    def forward(self) -> Tensor:
        """Return the value."""
        known = _replaced.get(_NOTHING).get(id(self))
        return self.weight if known is None else known()


@contextmanager
def evaluated_once(
    module: nn.Module, replace: dict[nn.Module, Callable[[Tensor], Tensor]] | None = None
) -> Iterator[None]:
    """Evaluate the weights of all layers, with their constraints, once for a loop of calls.

    Args:
        module: The module with the layers.
        replace: Functions to call in place of some of its layers.

    Yields:
        Nothing.

    Example:
        >>> layer = Linear(2, 1, bias=False)
        >>> with evaluated_once(layer, {layer: lambda x: 2 * x}):
        ...     layer(torch.ones(1, 2))
        tensor([[2., 2.]])
    """
    known: dict[int, Callable[..., Tensor]] = {}
    for part in module.modules():
        if isinstance(part, Linear):
            known[id(part)] = partial(functional.linear, weight=part.weight, bias=part.bias)
        elif isinstance(part, Constant):
            known[id(part)] = partial(_same, part.weight)
    known |= {id(layer): function for layer, function in (replace or {}).items()}
    token = _replaced.set(known)
    try:
        yield
    finally:
        _replaced.reset(token)


def has_hooks(module: nn.Module) -> bool:
    """Return whether functions are called before or after each call of a module.

    Args:
        module: The module.

    Example:
        >>> has_hooks(nn.Linear(2, 1))
        False
    """
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )


def _same(value: Tensor) -> Tensor:
    return value
