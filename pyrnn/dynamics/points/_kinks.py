"""Fixed points at a kink of a step that rectifies: there the derivative depends on the side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.linalg import vector_norm
from torch.nn.functional import normalize

from pyrnn.validate import as_rng

if TYPE_CHECKING:
    from pyrnn.dynamics.maps import Map

__all__ = ["Kinks", "find_kinks"]

_STEP = 1e-9  # probes lie this far from the point
_BENT = 1e-4  # a smooth step differs less between the two sides
_N_PROBES, _N_DIRECTIONS = 4, 64
_N_ITERATIONS = 200
_SETTLED = 1e-6  # a direction that changes less under the step is an eigenvector of its cone


@dataclass(frozen=True)
class Kinks:
    """Which points lie at a kink, and how fast their fastest direction grows.

    Attributes:
        growth: Factor by which the fastest growing direction grows in a step, ``(n,)``; NaN where
            the step is smooth.
        jacobians: Jacobians, ``(n, state_size, state_size)``; at a kink those of the cone that
            holds this direction.
    """

    growth: Tensor
    jacobians: Tensor


def find_kinks(step: Map, h: Tensor, x: Tensor, jacobians: Tensor) -> Kinks:
    r"""Find points at a kink, and follow directions there through the one-sided derivative.

    .. math:: D(v) = \lim_{s \downarrow 0} \frac{F(h + s v) - F(h)}{s}

    At a kink :math:`D(-v) \ne -D(v)`. The point is unstable if any direction grows when
    :math:`D` is applied again and again.

    Args:
        step: The map, in units of its states.
        h: Fixed points, ``(n, state_size)``.
        x: Their inputs, ``(n, input_size)``.
        jacobians: Jacobians there, ``(n, state_size, state_size)``.

    Returns:
        What was found.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> h, x = torch.zeros(2, 1, 1, dtype=torch.float64)
        >>> find_kinks(as_map(lambda h, x: (2 * h).relu(), h), h, x, h[..., None])
        Kinks(growth=tensor([2.], dtype=torch.float64), jacobians=tensor([[[2.]]], ...))
    """
    growth = torch.full_like(h[:, 0], torch.nan)
    if step.is_smooth or not len(h):
        return Kinks(growth, jacobians)
    at = _is_bent(step, h, x).nonzero()[:, 0]
    jacobians = jacobians.clone()
    for i in at.tolist():
        growth[i], jacobians[i] = _fastest(step, h[i], x[i])
    return Kinks(growth, jacobians)


def _is_bent(step: Map, h: Tensor, x: Tensor) -> Tensor:
    """Return at which states the two sides of a line have different derivatives, ``(n,)``."""
    v = _directions(_N_PROBES, h)
    forth, back = (_derivative(step, h[:, None], x[:, None], each) for each in (v, -v))
    bend = vector_norm(forth + back, dim=-1)
    size = vector_norm(forth, dim=-1) + vector_norm(back, dim=-1)
    return (bend > _BENT * size.clamp(min=_BENT)).any(-1)


def _directions(n: int, h: Tensor) -> Tensor:
    v = torch.randn(n, h.shape[-1], generator=as_rng(0), dtype=torch.float64)
    return normalize(v, dim=-1).to(h)


def _derivative(step: Map, h: Tensor, x: Tensor, v: Tensor) -> Tensor:
    """Return the one-sided derivative along ``v``."""
    return (step(h + _STEP * v, x) - step(h, x)) / _STEP


def _fastest(step: Map, h: Tensor, x: Tensor) -> tuple[float, Tensor]:
    """Return the largest growth of all directions, and the Jacobian of the cone where it is."""
    v = torch.cat([_directions(_N_DIRECTIONS, h), *(s * torch.eye(len(h)).to(h) for s in (1, -1))])
    logs = []
    for _ in range(_N_ITERATIONS):
        after = _derivative(step, h, x, v)
        size = vector_norm(after, dim=-1)
        logs.append(size.log())
        before, v = v, torch.where(size[:, None] > 0, after / size[:, None], v)
    rates = torch.stack(logs[_N_ITERATIONS // 2 :]).mean(0)
    is_settled = vector_norm(v - before, dim=-1) < _SETTLED
    rates = torch.where(is_settled, logs[-1], rates)  # exact where the direction stays
    best = int(rates.argmax())
    jacobian = step.jacobian((h + _STEP * v[best])[None], x[None])[0]
    return float(rates[best].exp()), jacobian
