"""The built-in equations, whose Jacobians have a closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor, nn

from pyrnn.activations import ACTIVATIONS
from pyrnn.arrays import States
from pyrnn.dynamics.maps._arguments import HasStep
from pyrnn.dynamics.maps._check import check_step
from pyrnn.dynamics.maps._freeze import device_of, frozen_copy, owner_of
from pyrnn.dynamics.maps.map import Map, Network
from pyrnn.serialize import register
from pyrnn.unroll import CURRENT, RATE, form_of

__all__ = ["EquationJacobians", "EquationMap", "equation_map"]

_KINKED = ("relu", "retanh")


def _name_of(network: _Network) -> str:
    return next((name for name, f in ACTIVATIONS.items() if f is network.f), "")


def _is_smooth(network: _Network) -> bool:
    if name := _name_of(network):
        return name not in _KINKED
    weight = network.w_rec.weight
    return check_step(lambda h, _: network.f(h), weight[:1].detach(), weight[:1].detach())


class _Network(Protocol):
    """What a built-in network has."""

    input_size: int
    hidden_size: int
    dt: float
    activation: object
    _alpha: float | Tensor
    f: Callable[[Tensor], Tensor]
    w_in: nn.Linear
    w_rec: nn.Linear

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next state."""


def equation_map(
    network: Network, states: States | None = None, x: States | None = None
) -> Map | None:
    """Return the map of a network with a built-in equation, ``None`` for anything else.

    Args:
        network: What an analysis was given.
        states: Not needed.
        x: Not needed.

    Example:
        >>> from pyrnn import CTRNN
        >>> equation_map(CTRNN(1, 4, 1)).form
        'current'
        >>> equation_map(nn.GRUCell(1, 4))
    """
    module = owner_of(network)
    if not isinstance(module, HasStep) or "step" in vars(module):
        return None
    form = form_of(type(module).step)
    if form not in (RATE, CURRENT):
        return None
    return EquationMap(form, frozen_copy(module, torch.float64, device_of(module)))


@register
@dataclass(frozen=True, eq=False)
class EquationJacobians:
    r"""Jacobians of a built-in equation by their factors.

    .. math::
        \text{rate:} \quad J &= 1 - \alpha + \alpha\, D W \\
        \text{current:} \quad J &= 1 - \alpha + \alpha\, W D

    with the slopes :math:`D` of the activation.

    Args:
        form: ``"rate"`` or ``"current"``.
        weight: Recurrent weights, ``(n, n)``.
        slopes: Slopes of the activation at each state, ``(..., n)``.
        alpha: Euler step, one number or one per unit; None for 1.

    Example:
        >>> EquationJacobians("rate", torch.ones(1, 1), torch.full((3, 1), 0.5)).dense().shape
        torch.Size([3, 1, 1])
    """

    form: str
    weight: Tensor
    slopes: Tensor
    alpha: Tensor | None = None

    def __getitem__(self, index: Tensor) -> EquationJacobians:
        """Return the Jacobians at some of the states."""
        return replace(self, slopes=self.slopes[index])

    def dense(self) -> Tensor:
        """Return the Jacobians, ``(..., n, n)``."""
        weight, slopes = self.weight, self.slopes
        if self.alpha is not None:
            weight = self.alpha.expand(slopes.shape[-1])[:, None] * weight
        columns = slopes[..., None, :] if self.form == RATE else slopes[..., None]
        scaled = (weight.mT * columns).mT  # by columns, as LAPACK wants it
        if self.alpha is not None:
            scaled.diagonal(dim1=-2, dim2=-1).add_(1 - self.alpha)
        return scaled


@dataclass(frozen=True, eq=False, repr=False)
class EquationMap(Map):
    r"""The map of a network with one of the built-in equations.

    .. math::
        \text{rate:} \quad h' &= (1-\alpha) h + \alpha f(W h + d) \\
        \text{current:} \quad h' &= (1-\alpha) h + \alpha (W f(h) + d)

    with the drive :math:`d = W_{in} x + b`.

    Args:
        form: ``"rate"`` or ``"current"``.
        network: A frozen copy of the network.
        dtype: Its dtype.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.dynamics import as_map
        >>> step = as_map(RNN(1, 4, 1, activation="relu"))
        >>> step.form, step.activation, step.is_smooth
        ('rate', 'relu', False)
        >>> step.weight.shape, step.input_weight.shape, step.is_leaky, float(step.alpha)
        (torch.Size([4, 4]), torch.Size([4, 1]), False, 1.0)
        >>> h, x = torch.zeros(4).double(), torch.zeros(1).double()
        >>> step.drive(x).tolist(), step.slope(h, x).tolist()
        ([0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0])
    """

    form: str
    network: _Network
    dtype: torch.dtype = torch.float64

    def __post_init__(self) -> None:
        network = self.network
        known = {
            "state_size": network.hidden_size,
            "input_size": network.input_size,
            "parts": (network.hidden_size,),
            "dt": network.dt,
            "device": self.weight.device,
            "is_smooth": _is_smooth(network),
        }
        for name, value in known.items():
            object.__setattr__(self, name, value)

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next states, ``(..., state_size)``."""
        return self.network.step(h, x)

    def to(self, dtype: torch.dtype) -> EquationMap:
        """Return the same map in another dtype."""
        if dtype == self.dtype:
            return self
        copy = frozen_copy(self.network, dtype, self.device)  # type: ignore[type-var]
        return EquationMap(self.form, copy, dtype)

    @property
    def activation(self) -> str:
        """Name of the activation; empty for a function that is none of pyrnn's."""
        return _name_of(self.network)

    @property
    def weight(self) -> Tensor:
        """Recurrent weights, ``(hidden_size, hidden_size)``."""
        return self.network.w_rec.weight.detach()

    @property
    def input_weight(self) -> Tensor:
        """Input weights, ``(hidden_size, input_size)``."""
        return self.network.w_in.weight.detach()

    @cached_property
    def is_leaky(self) -> bool:
        """Whether a part of the state stays; without a leak alpha is 1."""
        alpha = self.network._alpha
        return isinstance(alpha, Tensor) or alpha != 1

    @cached_property
    def alpha(self) -> Tensor:
        """Euler step, one number or one per unit."""
        return torch.as_tensor(self.network._alpha, dtype=self.dtype, device=self.device).detach()

    def drive(self, x: Tensor) -> Tensor:
        """Return the constant current that an input makes, ``(..., hidden_size)``."""
        bias = self.network.w_rec.bias
        current = self.network.w_in(x)
        return current if bias is None else current + bias

    def slope(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the derivative of ``f`` where the equation applies it, ``(..., hidden_size)``."""
        u = h
        if self.form == RATE:
            u = self.network.w_rec(h) + self.network.w_in(x)
        return self.slope_of(u)

    def slope_of(self, u: Tensor) -> Tensor:
        """Return the derivative of ``f`` at currents, of their shape.

        Args:
            u: Currents, ``(..., hidden_size)``.

        Example:
            >>> from pyrnn import RNN
            >>> from pyrnn.dynamics import as_map
            >>> as_map(RNN(1, 4, 1)).slope_of(torch.zeros(1)).tolist()
            [1.0]
        """
        if self.network.f is torch.tanh:
            return torch.tanh(u).square().neg_().add_(1)
        with torch.enable_grad():
            u = u.detach().requires_grad_()
            value = self.network.f(u).sum()
        return torch.autograd.grad(value, u)[0]

    def _jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the Jacobians with respect to the state, ``(..., hidden_size, hidden_size)``."""
        return self.jacobians_at(self.slope(h, x)).dense()

    def jacobians_at(self, slopes: Tensor) -> EquationJacobians:
        """Return the Jacobians at some slopes; they need little memory before they are read.

        Args:
            slopes: Slopes of the activation at each state, ``(..., hidden_size)``.

        Example:
            >>> from pyrnn import RNN
            >>> from pyrnn.dynamics import as_map
            >>> as_map(RNN(1, 4, 1)).jacobians_at(torch.ones(5, 4)).dense().shape
            torch.Size([5, 4, 4])
        """
        alpha = self.alpha if self.is_leaky else None
        return EquationJacobians(self.form, self.weight, slopes, alpha)

    def _input_jacobian(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the Jacobians with respect to the input, ``(..., hidden_size, input_size)``."""
        size = h.shape[-1]
        gain = self.alpha.expand(size)
        if self.form == RATE:
            gain = gain * self.slope(h, x)
        return gain.expand(*h.shape[:-1], size)[..., None] * self.input_weight
