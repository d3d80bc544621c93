"""Gated networks, with the weights laid out as in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pyrnn import cells
from pyrnn.base import RNNBase
from pyrnn.constraints import Constraint
from pyrnn.networks._torch import Readout, check_module, copy_of
from pyrnn.unroll import GATED, GRU_FORM, has_form

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from pyrnn.options import Options

__all__ = ["GRU", "LSTM"]


class _Gated(RNNBase):
    """What gated networks share: they have one initialization, and no constraints on gates."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        dt: float = 10.0,
        **options: Unpack[Options],
    ) -> None:
        name, init = type(self).__name__, options.setdefault("init", "torch")
        if not isinstance(init, str) or init != "torch":
            raise ValueError(
                f"expected init='torch' for {name}, got {init!r}; that of the others is for a "
                "square matrix of recurrent weights"
            )
        activation = options.get("activation", "tanh")
        if not isinstance(activation, str) or activation != "tanh":
            raise ValueError(
                f"expected no activation for {name}, as its gates have their own, got "
                f"{activation!r}"
            )
        super().__init__(input_size, hidden_size, output_size, dt=dt, **options)

    def _has_bias(self, layer: str) -> bool:
        return self.bias if isinstance(self.bias, bool) else layer in self.bias

    def _constraints(self) -> dict[str, list[Constraint]]:
        constraints = super()._constraints()
        if constraints["w_rec"] or constraints["w_in"]:
            raise ValueError(
                f"expected no constraint on the gates of {type(self).__name__}, got dale_ratio, "
                "autapses=False or connectivity; use RNN, CTRNN or RateRNN with these"
            )
        return constraints


class GRU(_Gated):
    r"""The gated recurrent unit, with the weights of ``torch.nn.GRU``.

    .. math::
        r_t &= \sigma(W_{ir} x_t + b_{ir} + W_{hr} h_{t-1} + b_{hr}) \\
        z_t &= \sigma(W_{iz} x_t + b_{iz} + W_{hz} h_{t-1} + b_{hz}) \\
        n_t &= \tanh(W_{in} x_t + b_{in} + r_t \odot (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}, \qquad y_t = W_{out} h_t + c

    ``w_in`` and ``w_rec`` hold the rows of :math:`r, z, n`, one block after the other. Both have
    a bias.

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        output_size: Number of output channels.
        **options: The options of ``RNNBase``, except for ``activation``, ``init`` and constraints
            on ``w_in`` and ``w_rec``: a gate has no sign.

    Raises:
        ValueError: If an option makes no sense for gates.

    Example:
        >>> gru = GRU(3, 16, 2)
        >>> gru(torch.zeros(5, 20, 3)).states.shape, gru.w_rec.weight.shape
        (torch.Size([5, 20, 16]), torch.Size([48, 16]))

    References:
        Cho et al., *EMNLP* (2014).
    """

    _n_gates = 3

    @has_form(GRU_FORM)
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next state, ``(..., hidden_size)``."""
        return cells.gru(h, self.w_in(x), self.w_rec(h))

    @classmethod
    def from_torch(
        cls,
        module: nn.GRU | nn.GRUCell,
        *,
        readout: Readout | None = None,
        initial_state: Tensor | None = None,
    ) -> Self:
        """Copy a GRU of torch: its weights, dtype and device.

        Inputs are ``(..., time, input_size)``, with ``batch_first`` or without. A module with
        several layers or directions is refused; ``pyrnn.dynamics.as_map`` takes any depth.

        Args:
            module: An ``nn.GRU`` with one layer and one direction, or an ``nn.GRUCell``.
            readout: An ``nn.Linear``, or a pair of weight and bias. By default the outputs are
                the states, as in torch: the readout is the identity and does not learn.
            initial_state: State before the first step, ``(hidden_size,)``; zero by default. An
                ``nn.Parameter`` learns.

        Returns:
            The network.

        Example:
            >>> module = torch.nn.GRU(3, 16, batch_first=True)
            >>> gru, inputs = GRU.from_torch(module), torch.randn(5, 20, 3)
            >>> torch.allclose(gru(inputs).outputs, module(inputs)[0], atol=1e-6)
            True
        """
        check_module(module, cls, nn.GRU, nn.GRUCell)
        return copy_of(cls, module, readout, initial_state)


class LSTM(_Gated):
    r"""The long short-term memory, with the weights of ``torch.nn.LSTM``.

    .. math::
        i_t &= \sigma(W_{ii} x_t + b_{ii} + W_{hi} h_{t-1} + b_{hi}) \\
        f_t &= \sigma(W_{if} x_t + b_{if} + W_{hf} h_{t-1} + b_{hf}) \\
        g_t &= \tanh(W_{ig} x_t + b_{ig} + W_{hg} h_{t-1} + b_{hg}) \\
        o_t &= \sigma(W_{io} x_t + b_{io} + W_{ho} h_{t-1} + b_{ho}) \\
        c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
        h_t &= o_t \odot \tanh(c_t), \qquad y_t = W_{out} h_t + c

    The state is :math:`(h, c)` in one tensor of length ``2 * hidden_size``, so that every
    analysis works on it. ``w_in`` and ``w_rec`` hold the rows of :math:`i, f, g, o`, one block
    after the other. Both have a bias.

    Args:
        input_size: Number of input channels.
        hidden_size: Number of units.
        output_size: Number of output channels.
        **options: The options of ``RNNBase``, except for ``activation``, ``init`` and constraints
            on ``w_in`` and ``w_rec``: a gate has no sign.

    Raises:
        ValueError: If an option makes no sense for gates.

    Example:
        >>> lstm = LSTM(3, 16, 2)
        >>> lstm(torch.zeros(5, 20, 3)).states.shape, lstm.state_size, lstm.state_parts
        (torch.Size([5, 20, 32]), 32, (16, 16))

    References:
        Hochreiter & Schmidhuber, *Neural Computation* (1997).
    """

    _n_gates = 4

    @property
    def state_size(self) -> int:
        """Length of the state vector, twice ``hidden_size``."""
        return 2 * self.hidden_size

    @property
    def state_parts(self) -> tuple[int, int]:
        """Lengths of the states :math:`h` and :math:`c` in the state vector."""
        return self.hidden_size, self.hidden_size

    @has_form(GATED)
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        """Return the next state, ``(..., 2 * hidden_size)``."""
        output, memory = h.chunk(2, -1)
        gates = self.w_in(x) + self.w_rec(output)
        return torch.cat(cells.lstm(memory, gates), -1)

    def readout(self, states: Tensor) -> Tensor:
        """Return the outputs. They read :math:`h`, not the memory :math:`c`."""
        return self.w_out(self.rates(states))

    def rates(self, states: Tensor) -> Tensor:
        """Return :math:`h`, ``(..., hidden_size)``, without the memory :math:`c`."""
        return states[..., : self.hidden_size]

    @classmethod
    def from_torch(
        cls,
        module: nn.LSTM | nn.LSTMCell,
        *,
        readout: Readout | None = None,
        initial_state: Tensor | None = None,
    ) -> Self:
        """Copy an LSTM of torch: its weights, dtype and device.

        Inputs are ``(..., time, input_size)``, with ``batch_first`` or without. A module with
        several layers, directions or projections is refused; ``pyrnn.dynamics.as_map`` takes any
        depth.

        Args:
            module: An ``nn.LSTM`` with one layer, one direction and no projection, or an
                ``nn.LSTMCell``.
            readout: An ``nn.Linear``, or a pair of weight and bias. By default the outputs are
                :math:`h`, as in torch: the readout is the identity and does not learn.
            initial_state: State before the first step, ``torch.cat([h, c])`` of shape
                ``(2 * hidden_size,)``; zero by default. An ``nn.Parameter`` learns.

        Returns:
            The network.

        Example:
            >>> module = torch.nn.LSTM(3, 16, batch_first=True)
            >>> lstm, inputs = LSTM.from_torch(module), torch.randn(5, 20, 3)
            >>> torch.allclose(lstm(inputs).outputs, module(inputs)[0], atol=1e-6)
            True
        """
        check_module(module, cls, nn.LSTM, nn.LSTMCell)
        return copy_of(cls, module, readout, initial_state)
