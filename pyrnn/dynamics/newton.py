"""Newton's method for many fixed points at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pyrnn.dynamics.jacobian import jacobian
from pyrnn.dynamics.step import Step

_LENGTHS = 0.5 ** torch.arange(5)
_TOO_LONG = 100.0  # in units of the cap: the matrix is nearly singular
_MAX_ELEMENTS = 2**24  # of the Jacobians of one batch: 128 MB in float64


def newton(
    step: Step,
    h: Tensor,
    x: Tensor,
    *,
    tol: float,
    n_iterations: int,
    cap: float,
    n_stragglers: int = 0,
    is_known: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Solve :math:`F(h, x) = h` from every start; who has arrived leaves the batch.

    .. math:: h \leftarrow h + t (I - J)^{-1} (F(h, x) - h)

    with the length :math:`t` that leaves the smallest residual. Where :math:`I - J` is nearly
    singular the direction is Levenberg and Marquardt's.

    Args:
        step: Batched map from one state to the next.
        h: Starts, ``(n, hidden_size)``.
        x: Their inputs, ``(n, input_size)``.
        tol: Residual ``|F(h) - h|`` below which a start has arrived.
        n_iterations: Most iterations.
        cap: Longest step.
        n_stragglers: Number of starts that it is not worth going on for.
        is_known: Given states, their residuals and the numbers of their starts, says which of
            them are on the way to a point that is known: these are left out.

    Returns:
        States ``(n, hidden_size)`` and residuals ``(n,)``, infinite for those left out.
    """
    h = h.clone()
    residual = step(h, x) - h
    chunk = max(1, _MAX_ELEMENTS // h.shape[-1] ** 2)
    for _ in range(n_iterations):
        speed = residual.norm(dim=-1)
        active = ((speed > tol) & (speed < torch.inf)).nonzero()[:, 0]
        if is_known is not None:
            left_out = is_known(h[active], residual[active], active)
            residual[active[left_out]] = torch.inf
            active = active[~left_out]
        if len(active) <= n_stragglers:
            break
        for part in active.split(chunk):
            h[part], residual[part] = _improve(step, h[part], x[part], residual[part], cap)
    return h, residual.norm(dim=-1).nan_to_num(nan=torch.inf)


def _improve(
    step: Step, h: Tensor, x: Tensor, residual: Tensor, cap: float
) -> tuple[Tensor, Tensor]:
    a = jacobian(step, h, x).neg_()
    a.diagonal(dim1=-2, dim2=-1).add_(1)
    direction = _direction(a, residual, cap)
    lengths = _LENGTHS.to(h)[:, None, None]
    trials = torch.addcmul(h, lengths, direction).flatten(0, 1)
    residuals = step(trials, x.repeat(len(lengths), 1)) - trials
    speeds = residuals.norm(dim=-1).nan_to_num_(nan=torch.inf).view(len(lengths), -1)
    best = torch.arange(len(h), device=h.device).add_(speeds.argmin(0), alpha=len(h))
    return trials[best], residuals[best]


def _direction(a: Tensor, residual: Tensor, cap: float) -> Tensor:
    """Solve ``a @ d = residual``, no longer than ``cap``; damped where it is nearly singular."""
    direction = torch.linalg.solve_ex(a, residual)[0]
    length = direction.norm(dim=-1, keepdim=True)
    if not bool(length.max() <= _TOO_LONG * cap):
        is_bad = ~(length[:, 0] <= _TOO_LONG * cap)
        direction[is_bad] = _damped_direction(a[is_bad], residual[is_bad])
        length = direction.norm(dim=-1, keepdim=True)
    return direction * (cap / length.clamp(min=cap))


def _damped_direction(a: Tensor, residual: Tensor) -> Tensor:
    """Solve ``(aᵀa + |residual| I) d = aᵀ residual``: quadratic, isolated root or not."""
    damping = residual.norm(dim=-1).clamp(min=torch.finfo(a.dtype).eps)[..., None, None]
    eye = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    factor, _ = torch.linalg.cholesky_ex(a.mT @ a + damping * eye)
    return torch.cholesky_solve(a.mT @ residual[..., None], factor)[..., 0].nan_to_num()
