"""The eager unroll: any ``step``, called once for each time step."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pyrnn.linear import evaluated_once

__all__ = ["unroll_eager"]


class _NoisyInput:
    """The input layer within an unroll: it adds the noise of the present time step.

    Args:
        weight: Weight of the layer.
        bias: Its bias, or None.
        noise: Noise of all time steps, ``(..., time, out_features)``.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, noise: Tensor) -> None:
        self.weight, self.bias, self.noise = weight, bias, noise.unbind(-2)
        self.now, self.was_called = 0, False

    def __call__(self, x: Tensor) -> Tensor:
        self.was_called = True
        return functional.linear(x, self.weight, self.bias) + self.noise[self.now]


def unroll_eager(rnn: nn.Module, inputs: Tensor, h: Tensor, noise: Tensor | None = None) -> Tensor:
    r"""Return the states :math:`h_t = \mathrm{step}(h_{t-1}, x_t)` of a sequence of inputs.

    Constrained weights are evaluated once. The private noise of a time step is added to whatever
    ``w_in`` returns in that step.

    Args:
        rnn: A module with ``step(h, x)`` and ``w_in``.
        inputs: Inputs, ``(..., time, input_size)``.
        h: Initial state, ``(..., state_size)``.
        noise: Added to the input current, ``(..., time, w_in.out_features)``.

    Returns:
        States, ``(..., time, state_size)``.

    Raises:
        ValueError: If ``step`` returns something else than a state, or does not call ``w_in``
            although there is noise.

    Example:
        >>> from pyrnn import RNN
        >>> unroll_eager(RNN(3, 16, 2), torch.zeros(5, 20, 3), torch.zeros(5, 16)).shape
        torch.Size([5, 20, 16])
    """
    w_in: nn.Linear = rnn.w_in  # type: ignore[assignment]
    noisy = None if noise is None else _NoisyInput(w_in.weight, w_in.bias, noise)
    states: list[Tensor] = []
    with evaluated_once(rnn, {w_in: noisy} if noisy else None):
        for x in inputs.unbind(-2):
            new = rnn.step(h, x)  # type: ignore[operator]
            if not states:
                _check_step(rnn, h, new)
            if noisy is not None:
                _check_noise(rnn, noisy)
            h = new
            states.append(h)
    return torch.stack(states, dim=-2)


def _check_step(rnn: nn.Module, h: Tensor, new: object) -> None:
    if not isinstance(new, Tensor) or new.shape != h.shape:
        got = tuple(new.shape) if isinstance(new, Tensor) else type(new).__name__
        raise ValueError(
            f"expected step(h, x) of {type(rnn).__name__} to return a state of the shape of h, "
            f"{tuple(h.shape)}, got {got}; pyrnn.testing.check_rnn tells more"
        )


def _check_noise(rnn: nn.Module, noisy: _NoisyInput) -> None:
    """Go on to the noise of the next time step; refuse to lose that of the present one."""
    if not noisy.was_called:
        raise ValueError(
            f"expected step(h, x) of {type(rnn).__name__} to call self.w_in(...), which adds the "
            "noise, got a step without this call; call the layer itself, or build the network "
            "with noise=0"
        )
    noisy.now, noisy.was_called = noisy.now + 1, False
