"""The eager unroll: any ``step``, one call per time step, everything else out of the loop."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Constant", "Linear", "unroll_eager"]

# What an unroll has worked out ahead of its loop, by module. A context variable, because two
# threads may unroll at once.
_ahead: ContextVar[dict[int, Callable[..., Tensor]]] = ContextVar("_ahead")
_NOTHING: dict[int, Callable[..., Tensor]] = {}


class Linear(nn.Linear):
    """An ``nn.Linear`` that an unroll may evaluate ahead of its loop.

    A weight may be given as a tensor or an array, whether it is constrained or not.

    Example:
        >>> layer = Linear(2, 1, bias=False)
        >>> layer.weight = [[1.0, -1.0]]
        >>> layer(torch.tensor([3.0, 2.0])).item()
        1.0
    """

    def __setattr__(self, name: str, value: Any) -> None:
        known = getattr(self, name, None) if name in ("weight", "bias") else None
        is_free = name in self.__dict__.get("_parameters", ())
        if isinstance(known, Tensor) and not (
            value is None or (is_free and isinstance(value, nn.Parameter))
        ):
            value = torch.as_tensor(value).detach().to(known)
            if value.shape != known.shape:
                raise ValueError(
                    f"expected a {name} of shape {tuple(known.shape)}, got {tuple(value.shape)}; "
                    "rows are postsynaptic, columns presynaptic"
                )
            if is_free:
                known.data.copy_(value)
                return
        super().__setattr__(name, value)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x @ weight.T + bias``."""
        known = _ahead.get(_NOTHING).get(id(self))
        return super().forward(x) if known is None else known(x)


class Constant(nn.Module):
    """A parameter, perhaps constrained, that an unroll evaluates once.

    Args:
        value: Its initial value.

    Example:
        >>> Constant(torch.tensor([10.0, 20.0]))().tolist()
        [10.0, 20.0]
    """

    def __init__(self, value: Tensor):
        super().__init__()
        self.weight = nn.Parameter(value)

    def forward(self) -> Tensor:
        """Return the value."""
        known = _ahead.get(_NOTHING).get(id(self))
        return self.weight if known is None else known()


def unroll_eager(rnn: nn.Module, inputs: Tensor, h: Tensor, noise: Tensor | None = None) -> Tensor:
    r"""Return the states :math:`h_t = \mathrm{step}(h_{t-1}, x_t)` of a sequence of inputs.

    Inside the loop, ``w_in(x)`` looks up its row of one product over all time steps, to which
    the private noise was added, and every other layer uses a weight worked out once.

    Args:
        rnn: A module with ``step(h, x)`` and ``w_in``.
        inputs: Inputs, ``(..., time, input_size)``.
        h: Initial state, ``(..., state_size)``.
        noise: Added to the input current, ``(..., time, w_in.out_features)``.

    Returns:
        States, ``(..., time, state_size)``.

    Example:
        >>> from pyrnn import RNN
        >>> unroll_eager(RNN(3, 16, 2), torch.zeros(5, 20, 3), torch.zeros(5, 16)).shape
        torch.Size([5, 20, 16])
    """
    xs = inputs.unbind(-2)
    token = _ahead.set(_work_ahead(rnn, inputs, xs, noise))
    states: list[Tensor] = []
    try:
        for x in xs:
            new = rnn.step(h, x)  # type: ignore[operator]
            if not states:
                _check_step(rnn, h, new)
            h = new
            states.append(h)
    finally:
        _ahead.reset(token)
    return torch.stack(states, dim=-2)


def _check_step(rnn: nn.Module, h: Tensor, new: Tensor) -> None:
    if not isinstance(new, Tensor) or new.shape != h.shape:
        got = tuple(new.shape) if isinstance(new, Tensor) else type(new).__name__
        raise ValueError(
            f"expected step(h, x) of {type(rnn).__name__} to return a state of the shape of h, "
            f"{tuple(h.shape)}, got {got}; pyrnn.testing.check_rnn tells more"
        )


def _work_ahead(
    rnn: nn.Module, inputs: Tensor, xs: tuple[Tensor, ...], noise: Tensor | None
) -> dict[int, Callable[..., Tensor]]:
    """Evaluate the input layer on all inputs, and the constrained weights of all layers."""
    ahead: dict[int, Callable[..., Tensor]] = {}
    for module in rnn.modules():
        if isinstance(module, Linear):
            ahead[id(module)] = partial(functional.linear, weight=module.weight, bias=module.bias)
        elif isinstance(module, Constant):
            ahead[id(module)] = partial(_return, module.weight)
    project = ahead.get(id(rnn.w_in))
    if project is not None:
        drive = project(inputs) if noise is None else project(inputs) + noise
        rows = {id(x): row for x, row in zip(xs, drive.unbind(-2), strict=True)}
        # a step may give w_in something else than its input: that is projected as it comes
        ahead[id(rnn.w_in)] = lambda x: rows[id(x)] if id(x) in rows else project(x)
    return ahead


def _return(value: Tensor) -> Tensor:
    return value
