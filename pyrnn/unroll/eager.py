"""The eager unroll: any ``step``, called once for each time step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional

from pyrnn.linear import Linear, evaluated_once, has_hooks
from pyrnn.unroll.forms import form_of

__all__ = ["unroll_eager"]

# Numbers of an input projection up to which the CPU's cache makes it faster in one piece
_IN_CACHE = 2**21


def unroll_eager(rnn: nn.Module, inputs: Tensor, h: Tensor, noise: Tensor | None = None) -> Tensor:
    r"""Return the states :math:`h_t = \mathrm{step}(h_{t-1}, x_t)` of a sequence of inputs.

    Constrained weights are evaluated once. The noise of a time step is added to whatever ``w_in``
    returns in that step. A step that returns no state, or that does not call ``w_in`` although
    there is noise, is refused.

    Args:
        rnn: A module with ``step(h, x)`` and ``w_in``.
        inputs: Inputs, ``(..., time, input_size)``.
        h: Initial state, ``(..., state_size)``.
        noise: Added to the input current, ``(..., time, n)`` with the ``n`` outputs of ``w_in``.

    Returns:
        States, ``(..., time, state_size)``.

    Example:
        >>> from pyrnn import RNN
        >>> unroll_eager(RNN(3, 16, 2), torch.zeros(5, 20, 3), torch.zeros(5, 16)).shape
        torch.Size([5, 20, 16])
    """
    w_in: nn.Module = rnn.w_in  # type: ignore[assignment]
    rows = _project_ahead(rnn, w_in, inputs, noise)
    added = None if noise is None or rows is not None else _AddedNoise(type(rnn).__name__, noise)
    stands_in = added.after(w_in) if added is not None and _looks_up(w_in) else rows
    replaced = {} if stands_in is None else {w_in: stands_in}
    states: list[Tensor] = []
    with evaluated_once(rnn, replaced), _hooked(w_in, None if replaced else added):
        for x in inputs.unbind(-2):
            new = rnn.step(h, x)  # type: ignore[operator]
            if not states:
                _check_step(rnn, h, new)
            if added is not None:
                added.advance()
            h = new
            states.append(h)
    return torch.stack(states, dim=-2)


def _project_ahead(
    rnn: nn.Module, w_in: nn.Module, inputs: Tensor, noise: Tensor | None
) -> Callable[[Tensor], Tensor] | None:
    """Return what stands in for ``w_in`` if the projection of all inputs is computed at once.

    The steps that are known by their form call ``w_in`` once, with the input. Only for these can
    each call take the next row. It saves a tenth of the time of a small network, and more on a
    GPU; a large projection would leave the cache.
    """
    step = type(rnn).step  # type: ignore[attr-defined]
    is_known = "step" not in vars(rnn) and form_of(step) != ""
    if not is_known or not _looks_up(w_in) or has_hooks(w_in):
        return None
    if inputs.is_cpu and inputs[..., 0].numel() * w_in.out_features > _IN_CACHE:
        return None
    projection = w_in(inputs) if noise is None else w_in(inputs) + noise
    rows = iter(projection.unbind(-2))
    return lambda x: next(rows)


def _looks_up(layer: nn.Module) -> TypeGuard[Linear]:
    # whether it can be replaced within a loop
    return isinstance(layer, Linear) and type(layer).forward is Linear.forward


class _AddedNoise:
    """The noise of the present time step, added to whatever the input layer returns.

    Args:
        name: Name of the network's class, for messages.
        noise: Noise of all time steps, ``(..., time, n)``.
    """

    def __init__(self, name: str, noise: Tensor) -> None:
        self.name, self.rows = name, noise.unbind(-2)
        self.now, self.was_called = 0, False

    def __call__(self, current: Tensor) -> Tensor:
        self.was_called = True
        return current + self.rows[self.now]

    def after(self, layer: Linear) -> Callable[[Tensor], Tensor]:
        """Return the layer with the noise added to its output."""
        weight, bias = layer.weight, layer.bias
        return lambda x: self(functional.linear(x, weight, bias))

    def advance(self) -> None:
        # go on to the next time step, and refuse to lose the noise of the present one
        if not self.was_called:
            raise ValueError(
                f"expected step(h, x) of {self.name} to call self.w_in(...), which adds the "
                "noise, got a step without this call; call the layer itself, or build the network "
                "with noise=0"
            )
        self.now, self.was_called = self.now + 1, False


@contextmanager
def _hooked(layer: nn.Module, added: _AddedNoise | None) -> Iterator[None]:
    """Let a layer that cannot be replaced add the noise, in this thread."""
    if added is None:
        yield
        return
    thread = threading.get_ident()

    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], current: Tensor) -> Tensor:
        return added(current) if threading.get_ident() == thread else current

    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _check_step(rnn: nn.Module, h: Tensor, new: object) -> None:
    if not isinstance(new, Tensor) or new.shape != h.shape:
        got = tuple(new.shape) if isinstance(new, Tensor) else type(new).__name__
        raise ValueError(
            f"expected step(h, x) of {type(rnn).__name__} to return a state of the shape of h, "
            f"{tuple(h.shape)}, got {got}; pyrnn.testing.check_rnn tells more"
        )
