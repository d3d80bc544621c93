"""How fixed points move, appear and vanish as a parameter changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyrnn.dynamics.bifurcations import Bifurcation, bifurcations_between
from pyrnn.dynamics.family import Family
from pyrnn.dynamics.inputs import as_inputs, as_states
from pyrnn.dynamics.search import Search, steps_for_search
from pyrnn.dynamics.seeding import default_rng
from pyrnn.dynamics.step import one_thread

_SMALLEST = 1e-5
_SHARPEST_TURN = 0.95  # cosine between tangents of neighboring states
_MAX_STATES = 5000


@dataclass(frozen=True, eq=False)
class Branch:
    """A curve of fixed points over a parameter.

    Args:
        parameters: Parameter, ``(n,)``, in order along the curve.
        states: Fixed points, ``(n, hidden_size)``.
        eigenvalues: Of the Jacobian at each, ``(n, hidden_size)``, complex.
        n_unstable: Number of growing modes at each, ``(n,)``.
        bifurcations: Where this number changes, in order along the curve.

    Example:
        >>> starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
        >>> (branch,) = find_branches(lambda h, x: torch.tanh(h / 2 + x), starts, (0.0, 1.0))
        >>> branch
        Branch(0 .. 1, [])
    """

    parameters: Tensor
    states: Tensor
    eigenvalues: Tensor
    n_unstable: Tensor
    bifurcations: tuple[Bifurcation, ...]

    def __len__(self) -> int:
        return len(self.parameters)

    def __repr__(self) -> str:
        low, high = float(self.parameters.min()), float(self.parameters.max())
        return f"Branch({low:.4g} .. {high:.4g}, {list(self.bifurcations)})"


def find_branches(
    rnn: Any,
    starts: Any,
    bounds: tuple[float, float],
    *,
    x: Any = None,
    direction: Any = None,
    max_step: float = 0.05,
    is_flow: bool = False,
) -> list[Branch]:
    r"""Follow all fixed points while a parameter goes through an interval.

    .. math:: F(h, x_0 + p\, d) = h, \qquad p \in [p_{min}, p_{max}]

    by pseudo-arclength continuation from the fixed points at five values of :math:`p`, which goes
    around folds. The parameter is an input channel; for any other one, a gain say, write a step
    whose input is that parameter: ``lambda h, p: torch.tanh(p * (h @ W.T))``.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        starts: States to start searches from, ``(..., hidden_size)``.
        bounds: Smallest and largest parameter.
        x: Input :math:`x_0`, ``(input_size,)``; by default zero.
        direction: Direction :math:`d`, ``(input_size,)``; by default the first channel.
        max_step: Longest step along a curve, with the interval scaled to length 1.
        is_flow: Judge stability by the flow whose Euler step this is: a mode grows where the real
            part of its eigenvalue is above 1, and Hopf bifurcations are found.

    Returns:
        Branches with their folds, pitchforks and transcritical, Neimark-Sacker (Hopf, for a flow)
        and period-doubling bifurcations, ready to plot.

    Raises:
        ValueError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if the bounds are no finite
            interval, the direction is zero or not like ``x``, or ``max_step`` not in (0, 1].

    Example:
        >>> step = lambda h, x: torch.tanh(2 * h + x)
        >>> starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
        >>> (branch,) = find_branches(step, starts, (-1.0, 1.0))
        >>> branch.bifurcations
        (fold at 0.532840, fold at -0.532840)

    References:
        Kuznetsov, *Elements of Applied Bifurcation Theory* (2004), chapter 10.
    """
    low, high = _interval(bounds, max_step)
    pool = as_states(starts, rnn)
    pool = pool.reshape(-1, pool.shape[-1])
    origin, direction = _line(rnn, pool[0], x, direction)
    with one_thread(), torch.no_grad():
        fine, coarse = steps_for_search(rnn, pool, (origin + low * direction)[None])
        family = Family(fine, origin, direction, low, high - low, is_flow)
        seeds = _seeds(family, Search(fine, coarse, pool, 1e-9, rng=default_rng()))
        curves = _trace(family, seeds, max_step)
        kept = _without_repeats(curves, seeds, max_step)
        return [_branch(family, curve, tangent) for curve, tangent in kept]


def _interval(bounds: Any, max_step: float) -> tuple[float, float]:
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected two numbers as bounds (low, high), got {bounds}") from error
    if not -math.inf < low < high < math.inf:
        raise ValueError(f"expected finite bounds (low, high) with low < high, got {bounds}")
    if not 0 < max_step <= 1:
        raise ValueError(
            f"expected max_step in (0, 1], got {max_step}; it is a share of the interval"
        )
    return low, high


def _line(rnn: Any, h: Tensor, x: Any, direction: Any) -> tuple[Tensor, Tensor]:
    """Return the input at parameter zero, and what one unit of the parameter adds to it."""
    if direction is None:
        origin = as_inputs(x, h, rnn)
        return origin, torch.eye(len(origin)).to(h)[0]
    along = as_inputs(direction, h, rnn)
    origin = as_inputs(torch.zeros_like(along) if x is None else x, h, rnn)
    if along.shape != origin.shape or not along.any():
        raise ValueError(
            f"expected a direction of shape {tuple(origin.shape)}, like x, that is not zero, got "
            f"{direction}; it says which input channels the parameter moves"
        )
    return origin, along


def _seeds(family: Family, search: Search, n_values: int = 5) -> Tensor:
    """Return fixed points at a few parameters, ``(n, hidden_size + 1)``."""
    values = (torch.arange(n_values) + 0.5).to(family.origin) / n_values + 1e-3
    inputs = family.inputs(values[:, None])
    h, x, _ = search.run(inputs)
    which = (x[:, None] - inputs).abs().sum(-1).argmin(1)
    return torch.cat([h, values[which, None]], dim=-1)


_Curve = tuple[Tensor, Tensor]


def _trace(family: Family, seeds: Tensor, max_step: float) -> list[_Curve]:
    """Follow the curves through all seeds at once, both ways; return states and tangents."""
    if not len(seeds):
        return []
    ahead = torch.zeros_like(seeds)
    ahead[:, -1] = 1
    z, tangent = seeds.repeat(2, 1), torch.cat([ahead, -ahead])
    tangent = family.tangent(z, tangent)
    half = len(seeds)
    tangent[half:] = -tangent[:half]
    paths = [[(z[i].clone(), tangent[i].clone())] for i in range(len(z))]
    size = torch.full((len(z),), max_step, dtype=z.dtype, device=z.device)
    active = torch.arange(len(z), device=z.device)
    for _ in range(_MAX_STATES):
        guess = z[active] + size[active, None] * tangent[active]
        new, has_converged = family.correct(guess, tangent[active])
        turned = family.tangent(new, tangent[active])
        accepted = has_converged & ((turned * tangent[active]).sum(-1) > _SHARPEST_TURN)
        longer = (1.3 * size[active]).clamp(max=max_step)
        size[active] = torch.where(accepted, longer, size[active] / 2)
        new = _stop_at_bounds(family, z[active], new)
        moved = active[accepted]
        z[moved], tangent[moved] = new[accepted], turned[accepted]
        for i in moved.tolist():
            paths[i].append((z[i].clone(), tangent[i].clone()))
        is_inside = (z[active, -1] > 0) & (z[active, -1] < 1)
        is_back = _has_closed(paths, active, max_step)
        active = active[is_inside & (size[active] > _SMALLEST) & ~is_back]
        if not len(active):
            break
    return [_join(paths[i + half], paths[i]) for i in range(half)]


def _stop_at_bounds(family: Family, old: Tensor, new: Tensor) -> Tensor:
    """Replace states beyond a bound by those on it."""
    bound = new[:, -1:].clamp(0, 1)
    change = new[:, -1:] - old[:, -1:]
    share = torch.where(bound == new[:, -1:], 1.0, (bound - old[:, -1:]) / change)
    fixed = torch.zeros_like(new)
    fixed[:, -1] = 1
    is_beyond = share[:, 0] != 1
    guess = old + share * (new - old)
    guess[:, -1:] = torch.where(is_beyond[:, None], bound, guess[:, -1:])
    if is_beyond.any():
        new = new.clone()
        new[is_beyond] = family.correct(guess[is_beyond], fixed[is_beyond])[0]
    return new


def _has_closed(paths: list[list[tuple[Tensor, Tensor]]], active: Tensor, reach: float) -> Tensor:
    """Mark curves that came back to where they began."""
    closed = []
    for i in active.tolist():
        (start, along), (now, ahead) = paths[i][0], paths[i][-1]
        is_near = len(paths[i]) > 10 and bool((now - start).norm() < 0.7 * reach)
        closed.append(is_near and bool((along * ahead).sum() > _SHARPEST_TURN))
    return torch.tensor(closed, dtype=torch.bool, device=active.device)


def _join(back: list[tuple[Tensor, Tensor]], ahead: list[tuple[Tensor, Tensor]]) -> _Curve:
    """Make one curve of the two halves, from low to high parameters."""
    states = [z for z, _ in back[:0:-1]] + [z for z, _ in ahead]
    tangents = [-t for _, t in back[:0:-1]] + [t for _, t in ahead]
    z, tangent = torch.stack(states), torch.stack(tangents)
    return (z, tangent) if z[0, -1] <= z[-1, -1] else (z.flip(0), -tangent.flip(0))


def _without_repeats(curves: list[_Curve], seeds: Tensor, max_step: float) -> list[_Curve]:
    """Keep one curve of those that lie on each other."""
    kept: list[_Curve] = []
    for (z, tangent), seed in zip(curves, seeds, strict=True):
        if all(_distance(seed, other) > max_step**2 for other, _ in kept):
            kept.append((z, tangent))
    return kept


def _distance(point: Tensor, curve: Tensor) -> Tensor:
    """Return the distance from a point to a chain of line segments."""
    if len(curve) < 2:
        return (curve - point).norm(dim=-1).min()
    start, along = curve[:-1], curve[1:] - curve[:-1]
    share = ((point - start) * along).sum(-1) / along.square().sum(-1).clamp(min=1e-300)
    nearest = start + share.clamp(0, 1)[:, None] * along
    return (nearest - point).norm(dim=-1).min()


def _branch(family: Family, z: Tensor, tangent: Tensor) -> Branch:
    eigenvalues = torch.cat([family.eigenvalues(part) for part in z.split(64)])
    return Branch(
        parameters=family.parameters(z),
        states=z[:, :-1],
        eigenvalues=eigenvalues,
        n_unstable=family.grows(eigenvalues).sum(-1),
        bifurcations=tuple(bifurcations_between(family, z, tangent)),
    )
