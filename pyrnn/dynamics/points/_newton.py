"""Newton's method for many fixed points at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.linalg import vector_norm

from pyrnn.dynamics.points._compiled import compiled_form, equation_of, newton_compiled
from pyrnn.dynamics.points._known import Known
from pyrnn.progress import is_interrupted
from pyrnn.threads import in_threads

if TYPE_CHECKING:
    from pyrnn.dynamics.maps import Map

__all__ = ["Solution", "newton"]

_LENGTHS = 0.5 ** torch.arange(5)[:, None, None]
_TOO_LONG = 100.0  # in units of the cap: the matrix is nearly singular
_FEWEST = 2  # iterations that also the last starts get
_MAX_ELEMENTS = 2**24  # of the Jacobians of one batch: 128 MB in float64
_IN_THREADS = 2**21  # the same where threads share the work


class Solution(NamedTuple):
    """Where starts went.

    Attributes:
        states: States, ``(n, hidden_size)``.
        residuals: Lengths of ``F(h) - h`` there, ``(n,)``; infinite for starts that were removed.
        drawn: Number of the known point that each was on the way to, ``(n,)``; -1 for none.
    """

    states: Tensor
    residuals: Tensor
    drawn: Tensor


def newton(
    step: Map,
    h: Tensor,
    x: Tensor,
    *,
    tol: float,
    n_iterations: int,
    cap: float,
    n_stragglers: int = 0,
    known: Known | None = None,
    owner: Tensor | None = None,
) -> Solution:
    r"""Solve :math:`F(h, x) = h` from every start; converged starts are removed from the batch.

    .. math:: h \leftarrow h + t (I - J)^{-1} (F(h, x) - h)

    with the length :math:`t` that leaves the smallest residual. Where :math:`I - J` is nearly
    singular the direction is Levenberg and Marquardt's. Each factorization serves a second step,
    taken where it leaves a smaller residual, which makes the convergence cubic. Small networks
    with a built-in equation are solved by the compiled kernel.

    Args:
        step: The map.
        h: Starts, ``(n, hidden_size)``.
        x: Their inputs, ``(n, input_size)``.
        tol: Residual ``|F(h) - h|`` below which a start has converged.
        n_iterations: Most iterations.
        cap: Longest step.
        n_stragglers: After some iterations the search ends when no more than this number of
            starts are left.
        known: Points that are known: starts on the way to one of them are removed.
        owner: The input of each start, by its number in ``known``, ``(n,)``.

    Returns:
        States, residuals, and the known points that starts were on the way to.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> step = as_map(lambda h, x: h / 2 + 1, torch.zeros(1))
        >>> h, x = torch.zeros(2, 1, 1, dtype=torch.float64)
        >>> states, residuals, drawn = newton(step, h, x, tol=1e-12, n_iterations=9, cap=10.0)
        >>> states.item(), residuals.item(), drawn.item()
        (2.0, 0.0, -1)

    References:
        Shamanskii, *Ukrainian Mathematical Journal* 19:118 (1967), for the second step.
    """
    few = [n_stragglers if i >= _FEWEST else 0 for i in range(n_iterations)]
    if known is not None and not len(known.h):
        known = None
    if compiled := compiled_form(step):
        return Solution(*newton_compiled(compiled, h, x, tol, few, cap, known, owner))
    h = h.clone()
    residual = step(h, x) - h
    speed = vector_norm(residual, dim=-1)
    drawn = torch.full((len(h),), -1, device=h.device)
    is_known = equation_of(step) is not None  # and not a user's function, which threads may break
    chunk = max(1, (_IN_THREADS if is_known else _MAX_ELEMENTS) // h.shape[-1] ** 2)
    for n in few:
        active = ((speed > tol) & (speed < torch.inf)).nonzero()[:, 0]
        if known is not None and owner is not None:
            point = known.drawn_to(_rows(h, active), _rows(residual, active), owner[active])
            is_drawn = point >= 0
            drawn.index_copy_(0, active, point)
            speed.index_fill_(0, active[is_drawn], torch.inf)
            active = active[~is_drawn]
        if is_interrupted() or len(active) <= n:
            break
        for some in _by_eights(active.split(chunk)):
            if is_interrupted():
                break
            parts = in_threads(partial(_improve, step, h, x, residual, cap), some)
            for column, new in zip((h, residual, speed), zip(*parts, strict=True), strict=True):
                column.index_copy_(0, torch.cat(list(some)), torch.cat(new))
    return Solution(h, speed.nan_to_num(nan=torch.inf, posinf=torch.inf), drawn)


def _rows(values: Tensor, index: Tensor) -> Tensor:
    """Return ``values[index]``, in a fifth of the time."""
    return values.index_select(0, index)


def _by_eights(parts: Sequence[Tensor]) -> list[Sequence[Tensor]]:
    """Return groups of parts, so that Ctrl-C need not wait for all."""
    return [parts[i : i + 8] for i in range(0, len(parts), 8)]


def _improve(
    step: Map, h: Tensor, x: Tensor, residual: Tensor, cap: float, some: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Take two steps with one Jacobian, the first as long as is best, the second if it helps.

    Returns:
        Of some starts, states, residuals, and the lengths of these.
    """
    h, x, residual = (_rows(each, some) for each in (h, x, residual))
    a = step.jacobian(h, x).neg_()
    a.diagonal(dim1=-2, dim2=-1).add_(1)
    lu, pivots, _ = torch.linalg.lu_factor_ex(a)
    direction = _limited(_solved(lu, pivots, residual), a, residual, cap)
    h, residual, speed = _best_length(step, h, x, direction)
    direction = _solved(lu, pivots, residual)
    moved = h + direction * (vector_norm(direction, dim=-1, keepdim=True) <= cap)
    left = step(moved, x) - moved
    left_speed = vector_norm(left, dim=-1)
    is_better = (left_speed < speed)[:, None]
    h, residual = torch.where(is_better, moved, h), torch.where(is_better, left, residual)
    return h, residual, torch.fmin(left_speed, speed)


def _best_length(
    step: Map, h: Tensor, x: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the states with the smallest residuals along a direction, these and their lengths."""
    trials = torch.addcmul(h, _LENGTHS.to(h), direction).flatten(0, 1)
    residuals = step(trials, torch.cat([x] * len(_LENGTHS))) - trials
    speeds = vector_norm(residuals, dim=-1).nan_to_num_(nan=torch.inf).view(-1, len(h))
    speed, length = speeds.min(0)
    best = torch.arange(len(h), device=h.device).add_(length, alpha=len(h))
    return _rows(trials, best), _rows(residuals, best), speed


def _solved(lu: Tensor, pivots: Tensor, residual: Tensor) -> Tensor:
    return torch.linalg.lu_solve(lu, pivots, residual[..., None])[..., 0]


def _limited(direction: Tensor, a: Tensor, residual: Tensor, cap: float) -> Tensor:
    """Make directions no longer than ``cap``, and damped where ``a`` is nearly singular."""
    length = vector_norm(direction, dim=-1, keepdim=True)
    if not bool(length.max() <= _TOO_LONG * cap):
        is_bad = ~(length[:, 0] <= _TOO_LONG * cap)
        direction[is_bad] = _damped_direction(a[is_bad], residual[is_bad])
        length = vector_norm(direction, dim=-1, keepdim=True)
    return direction * (cap / length.clamp(min=cap))


def _damped_direction(a: Tensor, residual: Tensor) -> Tensor:
    """Solve ``(aᵀa + |residual| I) d = aᵀ residual``: quadratic, isolated root or not."""
    damping = vector_norm(residual, dim=-1).clamp(min=torch.finfo(a.dtype).eps)[..., None, None]
    eye = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    factor, _ = torch.linalg.cholesky_ex(a.mT @ a + damping * eye)
    return torch.cholesky_solve(a.mT @ residual[..., None], factor)[..., 0].nan_to_num()
