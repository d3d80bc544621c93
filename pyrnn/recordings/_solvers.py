r"""Regressions of many units on the same regressors.

All units share the regressors, so that one factorization serves all of them. Weights have shape
``(n_regressors, units)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.recordings._links import Link

__all__ = ["Limits", "least_squares", "newton"]

_STABILIZER = 1e-13  # of the mean squared regressor, added to what is factored, not to the problem
_LARGE = 1e10  # multiplications for one Gram matrix; beyond that, single precision


@dataclass(frozen=True)
class Limits:
    """Interval of each weight.

    Args:
        low: Smallest values, ``(n_regressors, units)``.
        high: Largest values, of the same shape.
    """

    low: Tensor
    high: Tensor

    @property
    def are_open(self) -> bool:
        """Whether every weight is free."""
        return bool(self.low.isneginf().all() and self.high.isposinf().all())

    @property
    def is_free(self) -> Tensor:
        """Which weights are not fixed."""
        return self.low < self.high

    @property
    def start(self) -> Tensor:
        """Weights nearest to zero."""
        return torch.zeros_like(self.low).clamp(self.low, self.high)


def least_squares(x: Tensor, gram: Tensor, z: Tensor, ridge: float, limits: Limits) -> Tensor:
    r"""Minimize :math:`|X w - z|^2 + \lambda |w|^2` within limits.

    Args:
        x: Regressors :math:`X`, ``(n, n_regressors)``.
        gram: Their Gram matrix :math:`X^T X`.
        z: Targets, ``(n, units)``.
        ridge: Penalty :math:`\lambda`.
        limits: Interval of each weight.

    Returns:
        Weights, ``(n_regressors, units)``.
    """
    right = x.mT @ z
    if limits.are_open:
        return _refined(x, gram, z, right, ridge)

    def solve(free: Tensor, start: Tensor) -> Tensor:
        w = start.clone()
        for k in range(z.shape[1]):
            chosen = free[:, k]
            part = gram[chosen][:, chosen]
            rest = right[chosen, k] - gram[chosen][:, ~chosen] @ w[~chosen, k]
            w[chosen, k] = torch.cholesky_solve(rest[:, None], _factor(part, ridge))[:, 0]
        return w

    return _within(limits, solve, lambda w: gram @ w - right + ridge * w)


def newton(
    x: Tensor,
    gram: Tensor,
    d: Tensor,
    link: Link,
    ridge: float,
    limits: Limits,
    start: Tensor | None = None,
) -> Tensor:
    r"""Minimize :math:`\sum_n F(z_n) - d_n z_n + \frac{\lambda}{2} |w|^2`, :math:`z = X w`.

    Newton's method for all units at once. Its linear systems are solved by conjugate gradients,
    which one Cholesky factor preconditions for all units: that of the Gram matrix times the mean
    slope of the activation.

    Args:
        x: Regressors :math:`X`, ``(n, n_regressors)``.
        gram: Their Gram matrix :math:`X^T X`.
        d: Target rates, ``(n, units)``.
        link: Activation :math:`f`, with its potential :math:`F`.
        ridge: Penalty :math:`\lambda`.
        limits: Interval of each weight.
        start: Weights to start with.

    Returns:
        Weights, ``(n_regressors, units)``.

    References:
        Dinc, Shai, Schnitzer & Tanaka, *CORNN: Convex optimization of recurrent neural networks
        for rapid inference of neural dynamics*, NeurIPS (2023), for the convex loss.
    """
    d = d.clamp(link.low, link.high)
    is_large = x.numel() * x.shape[1] > _LARGE
    tol, dtype = (1e-3, torch.float32) if is_large else (1e-9, x.dtype)
    x_, gram_, d_ = x.to(dtype), gram.to(dtype), d.to(dtype)
    if start is None and not link.slope(x.new_zeros(1)).any():  # flat at zero: start elsewhere
        start = least_squares(x, gram, d, ridge, limits)
    first = limits.start if start is None else start.clamp(limits.low, limits.high)

    def solve(free: Tensor, start: Tensor) -> Tensor:
        w = _minimize(x_, gram_, d_, link, ridge, free.to(dtype), start.to(dtype), tol)
        return w.to(x.dtype)

    if limits.are_open:
        return solve(limits.is_free, first)
    return _within(limits, solve, lambda w: x.mT @ (link.rate(x @ w) - d) + ridge * w, first)


def _factor(gram: Tensor, ridge: float) -> Tensor:
    """Return the Cholesky factor of a Gram matrix with a penalty, stabilized."""
    scale = float(gram.diagonal().mean()) or 1.0
    stabilizer = _STABILIZER if gram.dtype == torch.float64 else 1e-6
    for _ in range(8):
        lifted = gram.clone()
        lifted.diagonal().add_(ridge + stabilizer * scale)
        factor, failed = torch.linalg.cholesky_ex(lifted)
        if not failed:
            return factor
        stabilizer *= 10
    return torch.linalg.cholesky(lifted)


def _refined(x: Tensor, gram: Tensor, z: Tensor, right: Tensor, ridge: float) -> Tensor:
    """Solve normal equations, and refine the solution with the residuals of the data."""
    factor = _factor(gram, ridge)
    w = torch.cholesky_solve(right, factor)
    unexplained = z.square().sum() - (w * (2 * right - gram @ w)).sum()
    if unexplained > 1e-6 * z.square().sum():  # noise is far larger than rounding errors
        return w
    for _ in range(3):
        w = w + torch.cholesky_solve(x.mT @ (z - x @ w) - ridge * w, factor)
    return w


def _within(
    limits: Limits,
    solve: Callable[[Tensor, Tensor], Tensor],
    gradient: Callable[[Tensor], Tensor],
    start: Tensor | None = None,
) -> Tensor:
    """Find the minimum within limits: a weight at a limit is fixed until its gradient frees it."""
    w = limits.start if start is None else start
    free = limits.is_free
    for round_ in range(20):
        w = solve(free, w)
        beyond = (w < limits.low) | (w > limits.high)
        w = w.clamp(limits.low, limits.high)
        slope = gradient(w)
        inward = ((w == limits.low) & (slope < 0)) | ((w == limits.high) & (slope > 0))
        freed = ~free & limits.is_free & inward if round_ < 10 else torch.zeros_like(free)
        if not (beyond & free).any() and not freed.any():
            break
        free = (free & ~beyond) | freed
    return w


def _minimize(
    x: Tensor,
    gram: Tensor,
    d: Tensor,
    link: Link,
    ridge: float,
    free: Tensor,
    w: Tensor,
    tol: float,
) -> Tensor:
    """Minimize the convex loss over the weights that are free."""
    z = x @ w
    scale = (x.mT @ d).norm(dim=0).clamp(min=1e-30)
    for _ in range(40):
        slope = link.slope(z)
        gradient = (x.mT @ (link.rate(z) - d) + ridge * w) * free
        error = float((gradient.norm(dim=0) / scale).max())
        if error < tol:
            break
        factor = _factor(gram * slope.mean(), ridge)
        step = _newton_step(x, factor, slope, gradient, ridge, free, min(0.1, error**0.5))
        along = x @ step
        size = _line_search(z, along, w, step, d, link, ridge)
        if not size.any():
            break
        w, z = w + size * step, z + size * along
    return w


def _newton_step(
    x: Tensor,
    factor: Tensor,
    slope: Tensor,
    gradient: Tensor,
    ridge: float,
    free: Tensor,
    tol: float,
) -> Tensor:
    """Solve the Newton systems of all units by preconditioned conjugate gradients."""
    step, residual = torch.zeros_like(gradient), -gradient
    y = torch.cholesky_solve(residual, factor) * free
    direction, size = y.clone(), (residual * y).sum(0)
    target = tol * residual.norm(dim=0)
    for _ in range(25):
        curved = (x.mT @ (slope * (x @ direction)) + ridge * direction) * free
        curvature = (direction * curved).sum(0)
        alpha = torch.where(curvature > 0, size / curvature.clamp(min=1e-30), 0.0)
        step, residual = step + alpha * direction, residual - alpha * curved
        if (residual.norm(dim=0) <= target).all():
            break
        y = torch.cholesky_solve(residual, factor) * free
        new = (residual * y).sum(0)
        direction, size = y + (new / size.clamp(min=1e-30)) * direction, new
    return step


def _line_search(
    z: Tensor, along: Tensor, w: Tensor, step: Tensor, d: Tensor, link: Link, ridge: float
) -> Tensor:
    """Return the step size of each unit: 1, or the first half of it that lowers the loss."""

    def loss(size: Tensor) -> Tensor:
        current, weights = z + size * along, w + size * step
        return (link.potential(current) - d * current).sum(0) + ridge / 2 * weights.square().sum(0)

    size = torch.ones(z.shape[1], dtype=z.dtype)
    before = loss(torch.zeros_like(size))
    slack = 1e-12 if z.dtype == torch.float64 else 1e-6
    for _ in range(25):
        is_worse = loss(size) > before + slack * before.abs()
        if not is_worse.any():
            return size
        size = torch.where(is_worse, size / 2, size)
    return torch.where(is_worse, 0.0, size)
