"""Steps of the network that starts take before a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.linalg import vector_norm

from pyrnn.dynamics.points._compiled import compiled_form, settle_compiled

if TYPE_CHECKING:
    from pyrnn.dynamics.maps import Map

__all__ = ["settle"]


def settle(step: Map, h: Tensor, x: Tensor, moves: Tensor, *, is_wary: bool = False) -> Tensor:
    """Return where starts are after some steps of the network, each after a number of its own.

    Args:
        step: The map.
        h: Starts, ``(n, state_size)``, in its dtype.
        x: Their inputs, ``(n, input_size)``.
        moves: Numbers of steps, ``(n,)``.
        is_wary: Whether a start stops before a step that does not leave a smaller residual.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> step = as_map(lambda h, x: h / 2, torch.zeros(1))
        >>> h, x = torch.ones(2, 1, dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64)
        >>> settle(step, h, x, torch.tensor([0, 3])).flatten().tolist()
        [1.0, 0.125]
    """
    if compiled := compiled_form(step):
        return settle_compiled(compiled, h, x, moves, is_wary=is_wary)
    h = h.clone()
    for i in range(int(moves.max()) if len(moves) else 0):
        active = (moves > i).nonzero()[:, 0].to(h.device)
        before, given = h.index_select(0, active), x.index_select(0, active)
        after = step(before, given)
        if is_wary:
            left = vector_norm(step(after, given) - after, dim=-1)
            is_nearer = left < vector_norm(after - before, dim=-1)
            after = torch.where(is_nearer[:, None], after, before)
        h.index_copy_(0, active, after)
    return h
