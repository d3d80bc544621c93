"""The cells of torch, as networks of pyrnn."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyrnn.base import RNNBase
from pyrnn.constraints import Constraint

__all__ = ["TorchRNN"]


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
    def _initialize(self) -> None:
        if self.init != "torch":
            if self.cell != "rnn":
                raise ValueError(
                    f"expected init='torch' for cell={self.cell!r}, got {self.init!r}"
                )
            return super()._initialize()
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
