"""The built-in networks: one class per equation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pyrnn.base import RNNBase
from pyrnn.constraints import Bounds, Constraint, constrain
from pyrnn.recurrence import Constant

__all__ = ["CTRNN", "RNN", "LowRankRNN", "RateRNN", "TorchRNN"]

_Step = TypeVar("_Step", bound=Callable[..., Tensor])


def equation(name: str) -> Callable[[_Step], _Step]:
    """Mark a ``step`` whose equation the fused engines know; an override carries no mark.

    Example:
        >>> RNN.step.equation, CTRNN.step.equation
        ('rate', 'current')
    """

    def mark(step: _Step) -> _Step:
        step.equation = name  # type: ignore[attr-defined]
        return step

    return mark


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

    @equation("rate")
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
        train_tau: Whether the time constants, one per unit, are learnt.
        tau_bounds: Smallest and largest learnt time constant, in ms; held by parametrization.
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
        return self.dt / self.tau

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

    @equation("current")
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next current, ``(..., hidden_size)``."""
        alpha = self.alpha
        return (1 - alpha) * h + alpha * (self.w_rec(self.f(h)) + self.w_in(x))

    def readout(self, states: Tensor) -> Tensor:
        """Return the outputs: they read the rates ``f(h)``."""
        return self.w_out(self.f(states))

    readout.reads = "f(h)"  # type: ignore[attr-defined]


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

    @equation("rate")
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next rates, ``(..., hidden_size)``."""
        alpha = self.alpha
        return (1 - alpha) * h + alpha * self.f(self.w_rec(h) + self.w_in(x))


class LowRankRNN(LeakyRNN):
    r"""A network in its current form whose recurrent weights have low rank.

    .. math:: W_{rec} = \frac{1}{N} m n^\top + \frac{g}{\sqrt N} \chi

    with :math:`m, n` of shape ``(hidden_size, rank)`` learnt and :math:`\chi` a fixed random
    matrix; otherwise as ``CTRNN``. Without the random part the state lives in the span of
    :math:`m` and of the inputs: for rank one, :math:`h = m \kappa + I` with

    .. math:: \kappa' = (1-\alpha)\kappa + \frac{\alpha}{N}\sum_i n_i f(m_i \kappa + I_i) .

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        output_size: Number of output channels.
        rank: Number of columns of ``m`` and ``n``.
        random_gain: Strength :math:`g` of the fixed random part.
        **options: The options of ``CTRNN``, but for constraints on the recurrent weights.

    Raises:
        ValueError: If the rank exceeds the number of units, or a constraint on the recurrent
            weights is asked for: a low-rank matrix can't keep it.

    Example:
        >>> rnn = LowRankRNN(1, 32, 1, rank=2)
        >>> rnn.m.shape, torch.linalg.matrix_rank(rnn.w_rec.weight).item()
        (torch.Size([32, 2]), 2)

    References:
        Mastrogiuseppe & Ostojic, *Neuron* (2018); Dubreuil et al., *Nat. Neurosci.* (2022).
    """

    step = CTRNN.step
    readout = CTRNN.readout

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        rank: int = 1,
        random_gain: float = 0.0,
        **options: Any,
    ):
        if not 1 <= rank <= hidden_size:
            raise ValueError(f"expected rank in 1..{hidden_size} (hidden_size), got {rank}")
        if random_gain < 0:
            raise ValueError(f"expected random_gain >= 0, got {random_gain}")
        self.rank, self.random_gain = rank, random_gain
        super().__init__(input_size, hidden_size, output_size, **options)

    @property
    def m(self) -> Tensor:
        """Left vectors, ``(hidden_size, rank)``: the directions that recurrence drives."""
        return self.w_rec.parametrizations.weight.original0  # type: ignore[union-attr, return-value]

    @property
    def n(self) -> Tensor:
        """Right vectors, ``(hidden_size, rank)``: the directions that recurrence reads."""
        return self.w_rec.parametrizations.weight.original1  # type: ignore[union-attr, return-value]

    def _initialise(self) -> None:
        super()._initialise()
        size = self.hidden_size
        with torch.no_grad():
            chi = self.random_gain / size**0.5 * torch.randn(size, size, generator=self.generator)
            parametrize.register_parametrization(self.w_rec, "weight", _LowRank(self.rank, chi))
            for vectors in (self.m, self.n):
                vectors.normal_(generator=self.generator)

    def _constraints(self) -> dict[str, list[Constraint]]:
        constraints = super()._constraints()
        if constraints["w_rec"]:
            raise ValueError(
                "expected no constraint on the recurrent weights of a LowRankRNN, got dale_ratio, "
                "autapses=False or connectivity; use CTRNN with these, or constrain w_in and w_out"
            )
        return constraints


class _LowRank(nn.Module):
    """Parametrize a matrix as ``m n^T / N`` plus a fixed part."""

    fixed: Tensor

    def __init__(self, rank: int, fixed: Tensor):
        super().__init__()
        self.rank = rank
        self.register_buffer("fixed", fixed)

    def forward(self, m: Tensor, n: Tensor) -> Tensor:
        return m @ n.mT / len(m) + self.fixed

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors of the nearest matrix of this rank (Eckart & Young 1936)."""
        u, s, vh = torch.linalg.svd((weight - self.fixed) * len(weight))
        root = s[: self.rank].sqrt()
        return u[:, : self.rank] * root, vh[: self.rank].mT * root


class TorchRNN(RNNBase):
    r"""The cells of torch: vanilla, GRU and LSTM, with the weights laid out as in torch.

    ``w_in`` and ``w_rec`` hold the rows of all gates, in torch's order (``weight_ih_l0`` and
    ``weight_hh_l0``); each has its bias. The state of an LSTM is :math:`(h, c)` in one tensor of
    length ``2 * hidden_size``, so that every analysis works on it unchanged.

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        output_size: Number of output channels.
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        init: Initial weights: ``"torch"`` (uniform within :math:`1/\sqrt N`) or, for
            ``cell="rnn"``, the names of ``RNNBase``.
        **options: The options of ``RNNBase``. Dale's law, autapses and connectivity are for
            ``cell="rnn"``: a gate has no sign.

    Raises:
        ValueError: If the cell is unknown or has no such option.

    Example:
        >>> TorchRNN(3, 16, 2, cell="lstm")(torch.zeros(5, 20, 3)).states.shape
        torch.Size([5, 20, 32])

    References:
        Elman (1990); Cho et al. (2014); Hochreiter & Schmidhuber (1997).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        cell: str = "rnn",
        init: str = "torch",
        **options: Any,
    ):
        if cell not in _GATES:
            raise ValueError(f"expected cell among {', '.join(_GATES)}, got {cell!r}")
        if cell != "rnn" and options.get("activation", "tanh") != "tanh":
            raise ValueError(f"expected no activation for cell={cell!r}: its gates have their own")
        self.cell, self.n_gates = cell, _GATES[cell]
        super().__init__(input_size, hidden_size, output_size, init=init, **options)

    @property
    def state_size(self) -> int:
        """Length of the state vector: ``hidden_size``, twice that for an LSTM."""
        return (2 if self.cell == "lstm" else 1) * self.hidden_size

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next state, ``(..., state_size)``."""
        return getattr(self, f"_{self.cell}")(h, self.w_in(x))

    def readout(self, states: Tensor) -> Tensor:
        """Return the outputs: they read :math:`h`, not the memory :math:`c` of an LSTM."""
        return self.w_out(states[..., : self.hidden_size])

    def _rnn(self, h: Tensor, drive: Tensor) -> Tensor:
        return self.f(drive + self.w_rec(h))

    def _gru(self, h: Tensor, drive: Tensor) -> Tensor:
        reset_x, update_x, new_x = drive.chunk(3, -1)
        reset_h, update_h, new_h = self.w_rec(h).chunk(3, -1)
        update = torch.sigmoid(update_x + update_h)
        new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
        return new + update * (h - new)

    def _lstm(self, state: Tensor, drive: Tensor) -> Tensor:
        h, c = state.chunk(2, -1)
        enter, forget, content, leave = (drive + self.w_rec(h)).chunk(4, -1)
        c = torch.sigmoid(forget) * c + torch.sigmoid(enter) * torch.tanh(content)
        return torch.cat([torch.sigmoid(leave) * torch.tanh(c), c], -1)

    def _has_bias(self, layer: str) -> bool:
        return self.bias if isinstance(self.bias, bool) else layer in self.bias

    @torch.no_grad()
    def _initialise(self) -> None:
        if self.init != "torch":
            if self.cell != "rnn":
                raise ValueError(
                    f"expected init='torch' for cell={self.cell!r}, got {self.init!r}"
                )
            return super()._initialise()
        bound = self.hidden_size**-0.5
        for parameter in (*self.w_in.parameters(), *self.w_rec.parameters()):
            parameter.uniform_(-bound, bound, generator=self.generator)
        for parameter in self.w_out.parameters():
            parameter.zero_()

    def _constraints(self) -> dict[str, list[Constraint]]:
        constraints = super()._constraints()
        if self.cell != "rnn" and (constraints["w_rec"] or constraints["w_in"]):
            raise ValueError(
                f"expected no constraint on the gates of cell={self.cell!r}, got dale_ratio, "
                "autapses=False or connectivity; use cell='rnn', RNN or CTRNN with these"
            )
        return constraints


_GATES = {"rnn": 1, "gru": 3, "lstm": 4}
