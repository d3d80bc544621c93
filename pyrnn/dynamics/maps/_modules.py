"""Modules as maps: their own ``step``, or ``forward`` of state and input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from pyrnn.arrays import States
from pyrnn.dynamics.maps._arguments import HasStep, read_inputs, read_states
from pyrnn.dynamics.maps._freeze import Casting, device_of, frozen_copy, owner_of
from pyrnn.dynamics.maps.function import FunctionMap
from pyrnn.dynamics.maps.map import Map, Network, Step

__all__ = ["module_map"]


@runtime_checkable
class HasStateSize(Protocol):
    """A module whose state has another length than it has units."""

    state_size: int


@runtime_checkable
class HasStateParts(Protocol):
    """A module whose state consists of several."""

    state_parts: tuple[int, ...]


@runtime_checkable
class HasHiddenSize(Protocol):
    """A module that tells how many units it has."""

    hidden_size: int


@runtime_checkable
class HasInputSize(Protocol):
    """A module that tells how many input channels it has."""

    input_size: int


@runtime_checkable
class HasDt(Protocol):
    """A module that tells the duration of a step."""

    dt: float


def module_map(
    network: Network, states: States | None = None, x: States | None = None
) -> Map | None:
    """Return the map of a module with a step of its own, ``None`` for anything else.

    Args:
        network: What an analysis was given.
        states: States to try it on.
        x: Their inputs.

    Raises:
        TypeError: If there are no states to try it on.
        ValueError: If it takes no state and input, or these cannot be told apart.

    Example:
        >>> class Mine(nn.Module):
        ...     def forward(self, x, h):
        ...         return torch.tanh(h + x @ torch.ones(3, 4).to(x))
        >>> step = module_map(Mine(), torch.zeros(5, 4), torch.zeros(3))
        >>> step(torch.zeros(5, 4), torch.ones(5, 3)).shape
        torch.Size([5, 4])
    """
    module = owner_of(network)
    if module is None:
        return None
    device = device_of(module)
    frozen = frozen_copy(module, torch.float64, device)
    name = "step" if isinstance(module, HasStep) else "forward"
    sized = FunctionMap(
        partial(_method, frozen, name),
        state_size=_state_size(module),
        input_size=module.input_size if isinstance(module, HasInputSize) else None,
        parts=module.state_parts if isinstance(module, HasStateParts) else (),
        dt=float(module.dt) if isinstance(module, HasDt) else 1.0,
        device=device,
    )
    if name == "step":
        return sized
    call = _order(module, frozen, *_examples(module, sized, states, x))
    return replace(sized, step_in=lambda dtype: partial(call, _method(frozen, "forward", dtype)))


def _method(frozen: nn.Module, name: str, dtype: torch.dtype) -> Step:
    """Return a method of a frozen copy in some dtype."""
    tensors = [*frozen.parameters(), *frozen.buffers()]
    device = tensors[0].device if tensors else torch.device("cpu")
    is_other = any(t.is_floating_point() and t.dtype != dtype for t in tensors)
    step: Step = getattr(frozen_copy(frozen, dtype, device) if is_other else frozen, name)
    return step


def _state_size(module: nn.Module) -> int | None:
    if isinstance(module, HasStateSize):
        return module.state_size
    return module.hidden_size if isinstance(module, HasHiddenSize) else None


def _examples(
    module: nn.Module, sized: FunctionMap, states: States | None, x: States | None
) -> tuple[Tensor, Tensor]:
    """Return two states and two inputs to try ``forward`` on."""
    if states is None and sized.state_size is None:
        raise TypeError(
            f"expected states to try forward of {type(module).__name__} on, got none; pass them, "
            "or give the module a method step(h, x)"
        )
    example = torch.zeros(sized.state_size or 1) if states is None else states
    h = read_states(example, sized)
    h = h.reshape(-1, h.shape[-1])[:1]
    given = read_inputs(x, sized)
    return h.expand(2, -1), given.reshape(-1, given.shape[-1])[:1].expand(2, -1)


def _order(
    module: nn.Module, frozen: nn.Module, h: Tensor, x: Tensor
) -> Callable[[Step, Tensor, Tensor], Tensor]:
    """Find out by trial calls in which order ``forward`` takes state and input."""
    found, problem = [], Exception()
    for call in (_state_first, _input_first):
        try:
            with torch.no_grad(), Casting(h.dtype):
                call(frozen.forward, h, x)
            found.append(call)
        except Exception as error:  # whatever the code of a user raises: it says no
            problem = error
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"expected a module whose arguments can be told apart, got {type(module).__name__}, "
            "whose forward takes state and input in either order; write lambda h, x: module(x, h) "
            "or lambda h, x: module(h, x), whichever it means"
        )
    raise ValueError(_no_step(module, h, x, problem))


def _state_first(forward: Step, h: Tensor, x: Tensor) -> Tensor:
    return _state_of(forward(h, x), h)


def _input_first(forward: Step, h: Tensor, x: Tensor) -> Tensor:
    return _state_of(forward(x, h), h)


def _state_of(result: object, h: Tensor) -> Tensor:
    """Return the next state among what ``forward`` returns, which may be outputs, too."""
    items = result if isinstance(result, (tuple, list)) else [result]
    states = [item for item in items if isinstance(item, Tensor) and item.shape == h.shape]
    if len(states) != 1:
        raise ValueError(f"{len(states)} of the tensors returned have the shape of the state")
    return states[0]


def _no_step(module: nn.Module, h: Tensor, x: Tensor, error: Exception) -> str:
    name = type(module).__name__
    inside = [key for key, part in module.named_modules() if key and _is_recurrent(part)]
    advice = f"; pass module.{inside[0]}, which has a step" if inside else ""
    return (
        "expected a network with step(h, x), or a module whose forward takes a state and an "
        f"input, got {name}, whose forward takes no states {tuple(h.shape)} and inputs "
        f"{tuple(x.shape)} ({type(error).__name__}: {error}){advice}; otherwise write a function: "
        "lambda h, x: ..."
    )


def _is_recurrent(module: nn.Module) -> bool:
    return isinstance(module, (nn.RNNBase, nn.RNNCellBase, HasStep))
