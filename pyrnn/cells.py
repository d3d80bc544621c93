"""The formulas of gated cells, written once: networks train them, analyses differentiate them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["gru", "gru_slopes", "lstm"]


def gru(h: Tensor, from_input: Tensor, from_state: Tensor) -> Tensor:
    r"""Return the next state of a gated recurrent unit.

    .. math::
        r &= \sigma(a_r + b_r), \qquad z = \sigma(a_z + b_z) \\
        n &= \tanh(a_n + r \odot b_n) \\
        h' &= (1 - z) \odot n + z \odot h

    with :math:`a` from the input and :math:`b` from the state, in torch's order of the gates:
    reset :math:`r`, update :math:`z`, new :math:`n`.

    Args:
        h: State, ``(..., n)``.
        from_input: Input projection :math:`a`, ``(..., 3 * n)``.
        from_state: Recurrent projection :math:`b`, ``(..., 3 * n)``.

    Returns:
        Next state, ``(..., n)``.

    Example:
        >>> zero = torch.zeros(3)  # both gates are half open
        >>> gru(torch.tensor([0.8]), zero, zero).item()
        0.4...

    References:
        Cho et al., *EMNLP* (2014).
    """
    reset_x, update_x, new_x = from_input.chunk(3, -1)
    reset_h, update_h, new_h = from_state.chunk(3, -1)
    update = torch.sigmoid(update_x + update_h)
    new = torch.tanh(new_x + torch.sigmoid(reset_x + reset_h) * new_h)
    return new + update * (h - new)


def gru_slopes(h: Tensor, from_input: Tensor, from_state: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return the derivatives of the next state of ``gru`` by the state and by its projection.

    .. math::
        \frac{\partial h'}{\partial h} &= z, \qquad g = (1 - z)(1 - n^2) \\
        \frac{\partial h'}{\partial b} &= (g\, b_n\, r (1 - r),\ (h - n)\, z (1 - z),\ g\, r)

    Args:
        h: State, ``(..., n)``.
        from_input: Input projection, ``(..., 3 * n)``.
        from_state: Recurrent projection :math:`b`, ``(..., 3 * n)``.

    Returns:
        Both derivatives, ``(..., n)`` and ``(..., 3 * n)``.

    Example:
        >>> zero = torch.zeros(3)
        >>> stays, gains = gru_slopes(torch.tensor([0.8]), zero, zero)
        >>> stays, gains
        (tensor([0.5000]), tensor([0.0000, 0.2000, 0.2500]))
    """
    reset_x, update_x, new_x = from_input.chunk(3, -1)
    reset_h, update_h, new_h = from_state.chunk(3, -1)
    reset, update = torch.sigmoid(reset_x + reset_h), torch.sigmoid(update_x + update_h)
    new = torch.tanh(new_x + reset * new_h)
    inner = (1 - update) * (1 - new.square())
    gains = inner * new_h * reset * (1 - reset), (h - new) * update * (1 - update), inner * reset
    return update, torch.cat(gains, dim=-1)


def lstm(c: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return the next output and the next memory of a long short-term memory.

    .. math::
        c' &= \sigma(g_f) \odot c + \sigma(g_i) \odot \tanh(g_g) \\
        h' &= \sigma(g_o) \odot \tanh(c')

    with the gates :math:`g` in torch's order: input :math:`i`, forget :math:`f`, content
    :math:`g`, output :math:`o`.

    Args:
        c: Memory, ``(..., n)``.
        gates: Sum of input and recurrent projection, ``(..., 4 * n)``.

    Returns:
        Next output and next memory, ``(..., n)`` each.

    Example:
        >>> h, c = lstm(torch.tensor([0.8]), torch.zeros(4))
        >>> c.item()  # the forget gate is half open
        0.4...

    References:
        Hochreiter & Schmidhuber, *Neural Computation* (1997).
    """
    enter, forget, content, leave = gates.chunk(4, -1)
    c = torch.sigmoid(forget) * c + torch.sigmoid(enter) * torch.tanh(content)
    return torch.sigmoid(leave) * torch.tanh(c), c
