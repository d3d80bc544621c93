"""The equations: discrete time, and continuous time in its current and its rate form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyrnn.base import RNNBase
from pyrnn.constraints import Bounds, constrain
from pyrnn.linear import Constant
from pyrnn.unroll import CURRENT, RATE, has_form

__all__ = ["CTRNN", "RNN", "LeakyRNN", "RateRNN"]


class RNN(RNNBase):
    r"""The discrete-time network of Elman.

    .. math:: h_t = f(W_{rec} h_{t-1} + W_{in} x_t + b), \qquad y_t = W_{out} h_t + c

    Takes the options of ``RNNBase``.

    Example:
        >>> RNN(3, 16, 2)(torch.zeros(5, 20, 3)).outputs.shape
        torch.Size([5, 20, 2])

    References:
        Elman, *Cognitive Science* (1990).
    """

    @has_form(RATE)
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next state, ``(..., hidden_size)``."""
        return self.f(self.w_rec(h) + self.w_in(x))


class LeakyRNN(RNNBase):
    r"""Networks that integrate in continuous time, by Euler's method.

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        output_size: Number of output channels.
        tau: Time constant in ms; one number, or one per unit, ``(hidden_size,)``.
        dt: Time step in ms, at most ``tau``; :math:`\alpha = \Delta t / \tau`.
        train_tau: Whether the time constants, one per unit, are learned.
        tau_bounds: Smallest and largest learned time constant, in ms; held by parametrization.
            ``None`` stands for ``(dt, inf)``.
        **options: The options of ``RNNBase``.

    Raises:
        ValueError: If ``tau`` is not positive, smaller than ``dt``, outside its bounds or of the
            wrong shape.

    Example:
        >>> rnn = CTRNN(3, 16, 2, tau=50.0, dt=10.0, train_tau=True, tau_bounds=(20.0, 200.0))
        >>> rnn.tau.shape, rnn.alpha.max().item() <= 0.5
        (torch.Size([16]), True)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        tau: float | Tensor | Sequence[float] = 100.0,
        dt: float = 10.0,
        train_tau: bool = False,
        tau_bounds: tuple[float, float] | None = None,
        **options: Any,
    ):
        super().__init__(input_size, hidden_size, output_size, dt=dt, **options)
        self.train_tau, self.tau_bounds = train_tau, tau_bounds
        values = self._check_tau(torch.as_tensor(tau, dtype=self.h0.dtype).detach().clone())
        if train_tau:
            self.time_constants = Constant(values.expand(hidden_size).clone())
            constrain(self.time_constants, self._check_bounds(values))
        elif values.ndim == 0:
            self.time_constant = float(tau)  # type: ignore[arg-type]
        else:
            self.register_buffer("time_constant", values)

    @property
    def tau(self) -> float | Tensor:
        """Time constant in ms: a number, or ``(hidden_size,)``."""
        return self.time_constants() if self.train_tau else self.time_constant

    @property
    def alpha(self) -> float | Tensor:
        r"""Euler step :math:`\alpha = \Delta t / \tau`, a number or one per unit."""
        tau = self.tau
        return self.dt / tau if isinstance(tau, float) else tau.reciprocal() * self.dt

    @property
    def noise_scale(self) -> float | Tensor:
        r"""Standard deviation :math:`\sqrt{2/\alpha}\,\sigma` of the noise in the current."""
        return (2 / self.alpha) ** 0.5 * self.noise

    def _check_tau(self, tau: Tensor) -> Tensor:
        if tau.shape not in ((), (self.hidden_size,)):
            raise ValueError(
                f"expected tau as one number or of shape ({self.hidden_size},), "
                f"got {tuple(tau.shape)}"
            )
        if not (tau > 0).all():
            raise ValueError(f"expected tau > 0 (in ms), got {tau.min():g}")
        if (tau < self.dt).any():
            raise ValueError(
                f"expected dt <= tau, got dt={self.dt:g} and tau={tau.min():g} ms; the Euler step "
                "overshoots: take a smaller dt"
            )
        if self.tau_bounds is not None and not self.train_tau:
            raise ValueError("expected train_tau=True for tau_bounds, got False")
        return tau

    def _check_bounds(self, tau: Tensor) -> Bounds:
        low, high = self.tau_bounds or (self.dt, math.inf)
        if low < self.dt:
            raise ValueError(
                f"expected tau_bounds of at least dt={self.dt:g} ms, got {low:g}; the Euler step "
                "would overshoot"
            )
        if (tau < low).any() or (tau > high).any():
            raise ValueError(
                f"expected tau within tau_bounds [{low:g}, {high:g}] ms, got {tau.min():g} to "
                f"{tau.max():g}"
            )
        return Bounds(low, high)

    def extra_repr(self) -> str:
        """Return what ``print(rnn)`` says of the network itself."""
        tau = self.tau if isinstance(self.tau, float) else "per unit"
        return f"{super().extra_repr()}, tau={tau}"


class CTRNN(LeakyRNN):
    r"""The continuous-time network in its current form: the state is the synaptic current.

    .. math::
        h_t = (1-\alpha) h_{t-1} + \alpha \left(W_{rec} f(h_{t-1}) + W_{in} x_t + b\right),
        \qquad y_t = W_{out} f(h_t) + c

    which is :math:`\tau \dot h = -h + W_{rec} f(h) + W_{in} x + b` with
    :math:`\alpha = \Delta t / \tau`. Takes ``tau`` and ``dt`` in ms, ``train_tau``,
    ``tau_bounds`` and the options of ``RNNBase``.

    Example:
        >>> rnn = CTRNN(3, 16, 2, tau=100.0, dt=10.0, dale_ratio=0.8, autapses=False)
        >>> rnn.alpha, rnn(torch.zeros(5, 20, 3)).outputs.shape
        (0.1, torch.Size([5, 20, 2]))

    References:
        Sompolinsky, Crisanti & Sommers (1988); Beer (1995); Sussillo & Barak (2013).
    """

    @has_form(CURRENT)
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next current, ``(..., hidden_size)``."""
        alpha = self.alpha
        return (1 - alpha) * h + alpha * (self.w_rec(self.f(h)) + self.w_in(x))

    @has_form(CURRENT)
    def readout(self, states: Tensor) -> Tensor:
        """Return the outputs: they read the rates ``f(h)``."""
        return self.w_out(self.f(states))


class RateRNN(LeakyRNN):
    r"""The continuous-time network in its rate form: the state is the firing rate.

    .. math::
        h_t = (1-\alpha) h_{t-1} + \alpha f\left(W_{rec} h_{t-1} + W_{in} x_t + b\right),
        \qquad y_t = W_{out} h_t + c

    with :math:`\alpha = \Delta t / \tau`. Takes ``tau`` and ``dt`` in ms, ``train_tau``,
    ``tau_bounds`` and the options of ``RNNBase``.

    Example:
        >>> RateRNN(3, 16, 2, tau=50.0, dt=10.0)(torch.zeros(5, 20, 3)).states.shape
        torch.Size([5, 20, 16])

    References:
        Wilson & Cowan (1972); Miller & Fumarola, *Neural Computation* (2012), who compare the
        two forms.
    """

    @has_form(RATE)
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next rates, ``(..., hidden_size)``."""
        alpha = self.alpha
        return (1 - alpha) * h + alpha * self.f(self.w_rec(h) + self.w_in(x))
