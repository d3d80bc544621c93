"""Any function ``step(h, x)`` as a map, differentiated automatically."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from pyrnn.arrays import HasStates, States
from pyrnn.dynamics.maps._check import check_step, check_values, warn_if_rounded
from pyrnn.dynamics.maps._freeze import Casting, device_for
from pyrnn.dynamics.maps.map import CPU, Map, Network, Step

__all__ = ["FunctionMap", "function_map"]


def function_map(network: Network, states: States | None = None, x: States | None = None) -> Map:
    """Return the map of a function; widths come from the states and inputs given.

    Args:
        network: Function ``step(h, x)``; of a tuple of states if ``states`` is one.
        states: States to try it on.
        x: Not needed.

    Raises:
        TypeError: If it is no function.

    Example:
        >>> states = torch.ones(5, 1), torch.ones(5, 3)
        >>> step = function_map(lambda h, x: (h[0] + x, h[1] / 2), states)
        >>> step.parts
        (1, 3)
    """
    if not callable(network):
        raise TypeError(
            f"expected a network with step(h, x) or a function step(h, x), got "
            f"{type(network).__name__}; write the map from one state to the next"
        )
    is_tuple = isinstance(states, tuple) and not isinstance(states, HasStates)
    pieces = [part for part in states if isinstance(part, Tensor)] if is_tuple else []  # type: ignore[union-attr]
    device = states.device if isinstance(states, Tensor) else CPU
    return FunctionMap(
        lambda dtype: network,
        parts=tuple(part.shape[-1] for part in pieces),
        is_tuple=bool(pieces),
        device=device_for(device),
    )


@dataclass(frozen=True, eq=False, repr=False)
class FunctionMap(Map):
    """The map of a function ``step(h, x)``.

    Args:
        step_in: Function that returns the step for a dtype.
        state_size: Length of a state, ``None`` if unknown.
        input_size: Number of input channels, ``None`` if unknown.
        parts: Lengths of several states that the function takes as a tuple; empty for one state.
        dt: Duration of a step in ms.
        is_smooth: Whether the step has a derivative everywhere.
        dtype: Dtype of states and inputs.
        device: Device of states and inputs.
        is_tuple: Whether the function takes its states, and returns them, as a tuple.
        is_cast: Whether constants of the function have to be cast as they are used.
        is_checked: Whether the function was tried on states.

    Example:
        >>> step = FunctionMap(lambda dtype: lambda h, x: h / 2 + x)
        >>> step(torch.ones(3, 2), torch.ones(1))[0]
        tensor([1.5000, 1.5000], dtype=torch.float64)
        >>> step.tried_on(torch.ones(3, 2).double(), torch.zeros(3, 1).double()).state_size
        2
    """

    step_in: Callable[[torch.dtype], Step]
    state_size: int | None = None
    input_size: int | None = None
    parts: tuple[int, ...] = ()
    dt: float = 1.0
    is_smooth: bool = True
    dtype: torch.dtype = torch.float64
    device: torch.device = CPU
    is_tuple: bool = False
    is_cast: bool = False
    is_checked: bool = False
    _step: Step = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_step", self.step_in(self.dtype))

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next states, ``(..., state_size)``."""
        if h.dim() != 2:  # many a function of a user takes one batch axis and no more
            return self._flat(h, x)
        given = h.split(self.parts, dim=-1) if self.is_tuple else h
        if not self.is_cast:
            return self._taken(self._step(given, x))
        with Casting(self.dtype):
            result = self._taken(self._step(given, x))
        return result.to(self.dtype) if isinstance(result, Tensor) else result

    def _flat(self, h: Tensor, x: Tensor) -> Tensor:
        """Call the function with all leading axes in one."""
        x = x.expand(*h.shape[:-1], x.shape[-1])
        flat = self.step(h.reshape(-1, h.shape[-1]), x.reshape(-1, x.shape[-1]))
        return flat.reshape(*h.shape[:-1], -1)

    def _taken(self, result: object) -> Tensor:
        """Join a tuple of states; what is no tensor is found by the check."""
        if self.is_tuple and isinstance(result, (tuple, list)):
            return torch.cat(tuple(result), dim=-1)
        return result  # type: ignore[return-value]

    def to(self, dtype: torch.dtype) -> FunctionMap:
        """Return the same map in another dtype."""
        return self if dtype == self.dtype else replace(self, dtype=dtype)._cast_if_needed()

    def tried_on(self, h: Tensor, x: Tensor) -> FunctionMap:
        """Return this map with its widths, checked on a few states.

        Args:
            h: States, ``(n, state_size)``.
            x: Their inputs, ``(n, input_size)``.

        Raises:
            TypeError: As :func:`~pyrnn.dynamics.as_map`.
            ValueError: As :func:`~pyrnn.dynamics.as_map`.
        """
        if self.is_checked:
            check_values(self(h, x))
            return self
        sized = replace(self, state_size=h.shape[-1], input_size=x.shape[-1])
        step = sized._cast_if_needed(h[:2], x[:2])
        is_smooth = check_step(step, h, x)
        if step.dtype == torch.float64:
            warn_if_rounded(step, h[:2], x[:2])
        return replace(step, is_smooth=is_smooth, is_checked=True)

    def _cast_if_needed(self, h: Tensor | None = None, x: Tensor | None = None) -> FunctionMap:
        """Find out whether constants of the function have another dtype than the states."""
        if h is None or x is None:
            h = torch.zeros(2, self.state_size or 1, dtype=self.dtype, device=self.device)
            x = torch.zeros(2, self.input_size or 1, dtype=self.dtype, device=self.device)
        return replace(self, is_cast=not replace(self, is_cast=False)._keeps_dtype(h, x))

    def _keeps_dtype(self, h: Tensor, x: Tensor) -> bool:
        try:
            result = self(h, x)
        except (RuntimeError, TypeError, IndexError, ValueError, AttributeError) as error:
            return not ("dtype" in str(error) or "scalar type" in str(error))
        return not isinstance(result, Tensor) or result.dtype == h.dtype
