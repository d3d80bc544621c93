"""The equations: discrete time, and continuous time in its current and its rate form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from pyrnn.base import RNNBase
from pyrnn.constraints import Bounds, constrain
from pyrnn.linear import Constant
from pyrnn.networks._torch import Readout, check_module, copy_of
from pyrnn.options import Options
from pyrnn.unroll import CURRENT, RATE, has_form
from pyrnn.validate import as_boolean, as_number, as_tensor

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["CTRNN", "RNN", "LeakyOptions", "LeakyRNN", "RateRNN"]


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

    @classmethod
    def from_torch(
        cls,
        module: nn.RNN | nn.RNNCell,
        *,
        readout: Readout | None = None,
        initial_state: Tensor | None = None,
    ) -> Self:
        """Copy a vanilla network of torch: its weights, nonlinearity, dtype and device.

        Inputs are ``(..., time, input_size)``, with ``batch_first`` or without. ``w_in`` and
        ``w_rec`` both have a bias, as in torch. A module with several layers or directions is
        refused; ``pyrnn.dynamics.as_map`` takes any depth.

        Args:
            module: An ``nn.RNN`` with one layer and one direction, or an ``nn.RNNCell``.
            readout: An ``nn.Linear``, or a pair of weight and bias. By default the outputs are
                the states, as in torch: the readout is the identity and does not learn.
            initial_state: State before the first step, ``(hidden_size,)``; zero by default. An
                ``nn.Parameter`` learns.

        Returns:
            The network.

        Example:
            >>> module = torch.nn.RNN(3, 16, nonlinearity="relu", batch_first=True)
            >>> rnn, inputs = RNN.from_torch(module), torch.randn(5, 20, 3)
            >>> torch.allclose(rnn(inputs).outputs, module(inputs)[0], atol=1e-6)
            True
        """
        check_module(module, cls, nn.RNN, nn.RNNCell)
        return copy_of(cls, module, readout, initial_state, activation=module.nonlinearity)


class LeakyOptions(Options, total=False):
    """Options of networks that integrate in continuous time; ``LeakyRNN`` documents them.

    Example:
        >>> options: LeakyOptions = {"tau": 50.0, "dt": 5.0}
        >>> CTRNN(3, 10, 2, **options).alpha
        0.1
    """

    tau: float | Tensor | Sequence[float]
    dt: float
    train_tau: bool
    tau_bounds: tuple[float, float] | None


class LeakyRNN(RNNBase):
    r"""Networks that integrate in continuous time, by Euler's method.

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        output_size: Number of output channels.
        tau: Time constant in ms: one number, or one per unit, ``(hidden_size,)``.
        dt: Time step in ms, at most ``tau``; :math:`\alpha = \Delta t / \tau`.
        train_tau: Whether the time constants are learned, one per unit. What learns is their
            logarithm in units of ``tau``: at a learning rate of 0.01, a step of Adam changes a
            time constant by about 1 %, whatever its size, and weight decay pulls it to ``tau``.
        tau_bounds: Smallest and largest learned time constant, in ms, kept by a parametrization;
            ``(dt, inf)`` by default.
        **options: The options of ``RNNBase``.

    Raises:
        TypeError: If an option is of the wrong kind.
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
        **options: Unpack[Options],
    ) -> None:
        super().__init__(input_size, hidden_size, output_size, dt=dt, **options)
        self.train_tau = as_boolean("train_tau", train_tau)
        self.tau_bounds = self._checked_bounds(tau_bounds)
        values = self._checked_tau(tau).to(self.h0.dtype)
        if self.train_tau:
            self._learn_tau(values.expand(self.hidden_size).clone())
        elif values.ndim == 0:
            self.time_constant = float(tau)  # type: ignore[arg-type]
        else:
            self.register_buffer("time_constant", values)

    @property
    def tau(self) -> float | Tensor:
        """Time constant in ms: a number, or ``(hidden_size,)``."""
        if not self.train_tau:
            return self.time_constant
        return (self.initial_tau * self.log_tau().exp()).clamp(*self._tau_limits)

    @property
    def alpha(self) -> float | Tensor:
        r"""Euler step :math:`\alpha = \Delta t / \tau`, a number or one per unit."""
        tau = self.tau
        return self.dt / tau if isinstance(tau, float) else tau.reciprocal() * self.dt

    @property
    def _alpha(self) -> float | Tensor:
        return self.alpha

    @property
    def _noise_scale(self) -> float | Tensor:
        r"""Standard deviation :math:`\sqrt{2/\alpha}\,\sigma` of the noise in the current."""
        return (2 / self.alpha) ** 0.5 * self.noise

    @property
    def _dt(self) -> float | None:
        return self.dt

    @property
    def _tau_limits(self) -> tuple[float, float]:
        return self.tau_bounds or (self.dt, torch.inf)

    def _learn_tau(self, initial: Tensor) -> None:
        """Learn the logarithm of the time constants, in units of the initial ones."""
        self.register_buffer("initial_tau", initial, persistent=False)
        self.log_tau = Constant(torch.zeros_like(initial))
        limits = [(limit / initial).log() for limit in self._tau_limits]
        constrain(self.log_tau, Bounds(*limits))

    def _checked_tau(self, tau: float | Tensor | Sequence[float]) -> Tensor:
        values = as_tensor("tau", tau).detach().clone()
        if values.shape not in ((), (self.hidden_size,)):
            raise ValueError(
                f"expected tau as one number or of shape ({self.hidden_size},), got "
                f"{tuple(values.shape)}"
            )
        low, high = self._tau_limits
        wrong = ~((values > 0) & values.isfinite())
        if wrong.any():
            raise ValueError(f"expected finite tau > 0 (in ms), got {values[wrong][0]:g}")
        if (values < self.dt).any():
            raise ValueError(
                f"expected dt <= tau, got dt={self.dt:g} and tau={values.min():g} ms; take a "
                "smaller dt, as the Euler step overshoots"
            )
        if (values < low).any() or (values > high).any():
            raise ValueError(
                f"expected tau within tau_bounds [{low:g}, {high:g}] ms, got {values.min():g} to "
                f"{values.max():g}"
            )
        return values

    def _checked_bounds(self, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is None:
            return None
        if not self.train_tau:
            raise ValueError("expected train_tau=True for tau_bounds, got False")
        is_list = isinstance(bounds, (Sequence, np.ndarray, Tensor)) and not isinstance(
            bounds, str
        )
        if not is_list or len(bounds) != 2:
            raise TypeError(f"expected tau_bounds as a pair of numbers, got {bounds!r}")
        low = as_number("tau_bounds[0]", bounds[0], above=0, unit="ms")
        high = (
            float(bounds[1]) if bounds[1] == torch.inf else as_number("tau_bounds[1]", bounds[1])
        )
        if low < self.dt:
            raise ValueError(
                f"expected tau_bounds of at least dt={self.dt:g} ms, got {low:g}; take a smaller "
                "dt, as the Euler step would overshoot"
            )
        if not low < high:
            raise ValueError(f"expected tau_bounds in increasing order, got {low:g} and {high:g}")
        return low, float(high)

    def extra_repr(self) -> str:
        """Return the text that ``print(rnn)`` shows above the layers."""
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

    def rates(self, states: Tensor) -> Tensor:
        """Return the firing rates ``f(h)``, ``(..., hidden_size)``."""
        return self.f(states)


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
