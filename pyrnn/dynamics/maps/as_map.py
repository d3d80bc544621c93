"""From anything with a step to a map: the first line of every analysis."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps._modules import module_map
from pyrnn.dynamics.maps.equation import equation_map
from pyrnn.dynamics.maps.function import function_map
from pyrnn.dynamics.maps.map import Map, Network
from pyrnn.dynamics.maps.torch_cells import cell_map
from pyrnn.threads import single_threaded

__all__ = ["analysis", "as_map"]

# In this order; the first one that knows what it is given makes the map.
_MAKERS = (equation_map, cell_map, module_map, function_map)

_P = ParamSpec("_P")
_R = TypeVar("_R")


def analysis(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run a function without gradients and on one thread, as every analysis is; a decorator.

    Args:
        function: The function.

    Returns:
        A function with the same signature.

    Example:
        >>> analysis(torch.is_grad_enabled)(), torch.is_grad_enabled()
        (False, True)
    """

    @functools.wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with single_threaded(), torch.no_grad():
            return function(*args, **kwargs)

    return run


@analysis
def as_map(network: Network, states: States | None = None, x: States | None = None) -> Map:
    r"""Turn anything with a step into a checked and frozen map :math:`h' = F(h, x)` in float64.

    ===============================================  =============================================
    a network of pyrnn, or a subclass                its ``step``
    ``nn.RNN``, ``nn.GRU``, ``nn.LSTM``              any number of layers, one direction
    ``nn.RNNCell``, ``nn.GRUCell``, ``nn.LSTMCell``  the cell
    a module with ``step(h, x)``                     that step
    a module with ``forward``                        of state and input; a trial finds their order
    a function ``step(h, x)``                        of any dtype, also of a tuple of states
    ===============================================  =============================================

    The network is copied, cast, put into evaluation mode and left as it was; whatever happens to
    it later, the map stays the same. Constants of a function are cast as they are used. A network
    on a device without float64 (MPS) is analyzed on the CPU.

    The states of stacked layers and of LSTM cells are concatenated in torch's order: ``h`` of
    every layer, then ``c`` of every layer. ``map.split(h)`` gives them back.

    Args:
        network: The network, module, function, or a map, which is returned as it is.
        states: States to try the step on, ``(..., state_size)``; a tuple of several states if the
            function takes a tuple. Functions need them to be checked.
        x: Their inputs, ``(..., input_size)``; zero by default.

    Returns:
        The map.

    Raises:
        TypeError: If there is nothing to call, or the step returns no tensor.
        ValueError: If the step is not differentiable, not batched, random, changes the shape,
            fails or returns NaN; if state and input of a module cannot be told apart.

    Warns:
        UserWarning: If the step rounds to single precision.

    Example:
        >>> step = as_map(torch.nn.GRU(3, 8, num_layers=2))
        >>> step.state_size, [part.shape[-1] for part in step.split(torch.zeros(16))]
        (16, [8, 8])
        >>> as_map(lambda h, x: torch.tanh(2 * h + x), torch.zeros(5, 4)).state_size
        4
    """
    made = (make(network, states, x) for make in _MAKERS)
    step = network if isinstance(network, Map) else next(step for step in made if step is not None)
    return step if step.is_checked and states is None else _tried(step, states, x)


def _tried(step: Map, states: States | None, x: States | None) -> Map:
    """Try a step on the states given, or on some of its width."""
    if states is None:
        if step.state_size is None:
            return step  # an analysis will bring states
        rng = torch.Generator().manual_seed(0)
        h = torch.randn(4, step.state_size, generator=rng, dtype=step.dtype).to(step.device)
    else:
        h = step.states(states)
    given = step.inputs(x, h) if _has_one_each(x, h) else step.distinct_inputs(x)[:1]
    h, given = h.reshape(-1, h.shape[-1])[:4], given.reshape(-1, given.shape[-1])[:4]
    return step.tried_on(h, given.expand(len(h), -1))


def _has_one_each(x: States | None, h: Tensor) -> bool:
    """Return whether there is an input for each state."""
    return isinstance(x, Tensor) and x.dim() > 1 and x.shape[:-1] == h.shape[:-1]
