"""The gated cells: one definition each, for the networks of pyrnn and for those of torch."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["gru", "lstm"]


def gru(h: Tensor, from_input: Tensor, from_state: Tensor) -> Tensor:
    r"""Return the next state of a gated recurrent unit.

    .. math::
        r &= \sigma(a_r + b_r), \qquad z = \sigma(a_z + b_z), \\
        n &= \tanh(a_n + r \, b_n), \qquad h' = n + z (h - n)

    Args:
        h: State, ``(..., n)``.
        from_input: Input currents :math:`a` of reset, update and new state, ``(..., 3 n)``.
        from_state: Recurrent currents :math:`b` of the same, ``(..., 3 n)``.

    Returns:
        Next state, ``(..., n)``.

    Example:
        >>> gru(torch.ones(1), torch.zeros(3), torch.zeros(3))
        tensor([0.5000])

    References:
        Cho et al., *EMNLP* (2014).
    """
    reset_x, update_x, new_x = from_input.chunk(3, -1)
    reset_h, update_h, new_h = from_state.chunk(3, -1)
    update = torch.sigmoid(update_x + update_h)
    new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
    return new + update * (h - new)


def lstm(h: Tensor, c: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return the next state and memory of a long short-term memory cell.

    .. math::
        c' = \sigma(f) c + \sigma(i) \tanh(g), \qquad h' = \sigma(o) \tanh(c')

    Args:
        h: State, ``(..., n)``; it acts through the gates alone.
        c: Memory, ``(..., n)``.
        gates: Currents of input gate, forget gate, content and output gate, ``(..., 4 n)``.

    Returns:
        Next state and memory, ``(..., n)`` each.

    Example:
        >>> lstm(torch.zeros(1), torch.ones(1), torch.zeros(4))[1]
        tensor([0.5000])

    References:
        Hochreiter & Schmidhuber, *Neural Computation* (1997).
    """
    enter, forget, content, leave = gates.chunk(4, -1)
    c = torch.sigmoid(forget) * c + torch.sigmoid(enter) * torch.tanh(content)
    return torch.sigmoid(leave) * torch.tanh(c), c
