"""Where a network almost stands still: ghosts, and states on slow manifolds."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps import Map, Network, ScaledMap, analysis, as_map, state_scale
from pyrnn.dynamics.points._seeding import distances_to, mixtures
from pyrnn.dynamics.points.points import SlowPoints
from pyrnn.progress import track
from pyrnn.validate import as_boolean, as_integer, as_number, as_rng

__all__ = ["find_slow_points", "slow_manifold"]

logger = logging.getLogger(__name__)

_LENGTHS = (1.0, 0.5, 0.25, 0.0625, 0.015625)
_STILL = 1e-9  # slope of q, relative to the speed, at which a minimum counts as reached
_MERGE = 1e-6


@analysis
def find_slow_points(
    network: Network,
    starts: States,
    x: States | None = None,
    *,
    tol: float = 1e-9,
    max_speed: float = 0.1,
    n_starts: int = 256,
    rng: torch.Generator | int | None = None,
) -> SlowPoints:
    r"""Find the states where the speed has a minimum that is not zero.

    .. math:: q(h) = \tfrac{1}{2} |F(h, x) - h|^2, \qquad \nabla q = 0, \quad q > 0

    by damped Newton iterations on :math:`q` from mixtures of the states given. These are no
    fixed points: the network passes through them, slowly.

    Args:
        network: A network, or any batched ``step(h, x)`` that can be differentiated twice.
        starts: States to start from, ``(..., state_size)``.
        x: Constant input, ``(input_size,)``; by default zero.
        tol: Speed below which a point is a fixed point, and left out; in units of the usual size
            of the states, rounded to 1 if it is of that order.
        max_speed: Speed above which a point is not called slow, in the same unit.
        n_starts: Number of mixtures to start from.
        rng: Random generator on the CPU, or a seed; by default 0.

    Returns:
        Minima of the speed without duplicates. None found is an empty result.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.find_fixed_points`.
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if the inputs differ.

    Example:
        >>> starts = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
        >>> (ghost,) = find_slow_points(lambda h, x: torch.tanh(2 * h + x), starts, [0.55])
        >>> round(float(ghost.state), 6), round(ghost.speed, 6)
        (-0.715687, 0.00858)

    References:
        Sussillo & Barak, *Neural Computation* 25:626 (2013).
    """
    tol, max_speed = as_number("tol", tol, above=0), as_number("max_speed", max_speed, above=0)
    n_starts, rng = as_integer("n_starts", n_starts, low=1), as_rng(rng)
    step = as_map(network, starts, x)
    pool, inputs = step.states(starts), step.one_input(x)
    pool = pool.reshape(-1, pool.shape[-1])
    scale = state_scale(pool.abs().amax(-1))
    scaled = ScaledMap(step, scale)
    h = mixtures(pool / scale, n_starts, rng)
    given = inputs.expand(len(h), -1)
    h, slope = _minimize(scaled, h, given)
    speed = (scaled(h, given) - h).norm(dim=-1)
    kept = (slope <= _STILL * speed) & (speed > tol) & (speed < max_speed)
    h = _distinct_states(h[kept]) * scale
    points = _as_points(step, h, given[: len(h)], pool)
    if not len(points):
        logger.warning("no slow point found between tol=%g and max_speed=%g", tol, max_speed)
    return points


@analysis
def slow_manifold(
    network: Network,
    states: States,
    x: States | None = None,
    *,
    damping: float = 0.05,
    n_iterations: int = 5,
    progress: bool = True,
) -> Tensor:
    r"""Move each state onto the slow manifold next to it, and keep its place along it.

    .. math:: h \leftarrow h + (A^\top A + \kappa^2 I)^{-1} A^\top (F(h, x) - h), \qquad A = I - J

    With fixed damping :math:`\kappa`, fast directions relax and slow ones stay.

    Args:
        network: A network, or any batched ``step(h, x)``.
        states: States, ``(..., state_size)``.
        x: Constant input, ``(input_size,)``, or one for each state.
        damping: Directions with ``|1 - λ|`` well below this are slow.
        n_iterations: Number of iterations.
        progress: Whether to show a progress bar.

    Returns:
        States on the manifold, ``(..., state_size)``, float64.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.find_fixed_points`.
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`.

    Example:
        >>> step = lambda h, x: h * torch.tensor([1.0, 0.5])
        >>> slow_manifold(step, torch.ones(1, 2)).round(decimals=3)
        tensor([[1., 0.]], dtype=torch.float64)
    """
    damping = as_number("damping", damping, above=0)
    n_iterations = as_integer("n_iterations", n_iterations, low=1)
    progress = as_boolean("progress", progress)
    step = as_map(network, states, x)
    h = step.states(states, "states")
    inputs, shape = step.inputs(x, h), h.shape
    h, inputs = (values.reshape(-1, values.shape[-1]) for values in (h, inputs))
    chunk = max(1, 2**23 // h.shape[-1] ** 2)
    parts = list(zip(h.split(chunk), inputs.split(chunk), strict=True))
    moved = [
        _relax(step, *part, damping, n_iterations)
        for part in track(parts, "relaxing", enabled=progress)
    ]
    return torch.cat(moved).reshape(shape)


def _relax(step: Map, h: Tensor, x: Tensor, damping: float, n_iterations: int) -> Tensor:
    eye = torch.eye(h.shape[-1], dtype=h.dtype, device=h.device)
    for _ in range(n_iterations):
        a = eye - step.jacobian(h, x)
        factor, _ = torch.linalg.cholesky_ex(a.mT @ a + damping**2 * eye)
        h = h + torch.cholesky_solve(a.mT @ (step(h, x) - h)[..., None], factor)[..., 0]
    return h


def _minimize(step: Map, h: Tensor, x: Tensor, n_iterations: int = 60) -> tuple[Tensor, Tensor]:
    """Go down q by Newton steps whose curvatures are made positive; return states and slopes."""
    h, slope = h.clone(), torch.full_like(h[:, 0], torch.inf)
    active = torch.arange(len(h), device=h.device)
    for _ in range(n_iterations):
        gradient, curvature, speed = _derivatives(step, h[active], x[active])
        slope[active] = gradient.norm(dim=-1)
        goes_on = (slope[active] > 0.1 * _STILL * speed) & gradient.isfinite().all(-1)
        goes_on &= curvature.isfinite().all(-1).all(-1) & (speed > 1e-12)
        active = active[goes_on]
        if not len(active):
            break
        direction = _descent(gradient[goes_on], curvature[goes_on])
        h[active] = _best_along(step, h[active], x[active], direction)
    return h, slope


def _derivatives(step: Map, h: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return gradient and second derivatives of q, and the speed."""
    with torch.enable_grad():
        h = h.detach().requires_grad_()
        speed = (step(h, x) - h).norm(dim=-1)
        (gradient,) = torch.autograd.grad(speed.square().sum() / 2, h, create_graph=True)
    rows = torch.eye(h.shape[-1], dtype=h.dtype, device=h.device)[:, None].expand(-1, *h.shape)
    (curvature,) = torch.autograd.grad(
        gradient, h, rows, is_grads_batched=True, allow_unused=True, materialize_grads=True
    )
    return gradient.detach(), curvature.movedim(0, -2), speed.detach()


def _descent(gradient: Tensor, curvature: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh((curvature + curvature.mT) / 2)
    floor = 1e-10 * values.abs().amax(-1, keepdim=True) + torch.finfo(values.dtype).tiny
    along = (vectors.mT @ gradient[..., None])[..., 0] / values.abs().clamp(min=floor)
    return -(vectors @ along[..., None])[..., 0]


def _best_along(step: Map, h: Tensor, x: Tensor, direction: Tensor) -> Tensor:
    cap = 1 + h.norm(dim=-1, keepdim=True)
    length = direction.norm(dim=-1, keepdim=True)
    direction = direction * (cap / length.clamp(min=cap))
    trials = h + h.new_tensor(_LENGTHS).view(-1, 1, 1) * direction
    flat = trials.flatten(0, 1)
    speed = (step(flat, x.repeat(len(_LENGTHS), 1)) - flat).norm(dim=-1)
    best = speed.nan_to_num(nan=torch.inf).view(len(_LENGTHS), -1).argmin(0)
    return trials[best, torch.arange(len(h), device=h.device)]


def _distinct_states(h: Tensor) -> Tensor:
    """Return one of each group of states that lie together."""
    reach = _MERGE * (0.1 + h.norm(dim=-1, keepdim=True))
    distance = torch.cdist(h, h, compute_mode="donot_use_mm_for_euclid_dist")
    return h[~(distance < reach).tril(-1).any(1)]


def _as_points(step: Map, h: Tensor, x: Tensor, pool: Tensor) -> SlowPoints:
    """Take speed, Jacobian and distance at each slow point."""
    parts = zip(h.split(64), x.split(64), strict=True)
    jacobians = torch.cat([step.jacobian(*part) for part in parts])
    speeds = (step(h, x) - h).norm(dim=-1)
    return SlowPoints(h, x, speeds, jacobians, distances_to(pool, h)).in_order()
