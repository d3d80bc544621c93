"""How fixed points move, appear and vanish as a parameter changes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.branches._curve import FixedPointCurve
from pyrnn.dynamics.branches.bifurcations import Bifurcation, bifurcations_between
from pyrnn.dynamics.maps import FamilyMap, Map, Network, Spectrum, analysis, as_map
from pyrnn.dynamics.points import Search
from pyrnn.result import Report, Result, Results
from pyrnn.serialize import register_former
from pyrnn.validate import as_boolean, as_number

__all__ = ["Branch", "Branches", "find_branches"]

logger = logging.getLogger(__name__)

_SMALLEST = 1e-5
_SHARPEST_TURN = 0.95  # cosine between tangents of neighboring states
_MAX_STATES = 5000


@dataclass(frozen=True, eq=False, repr=False)
class Branch(Result):
    """A curve of fixed points over a parameter.

    Args:
        parameters: Parameter, ``(n,)``, in order along the curve.
        states: Fixed points, ``(n, state_size)``.
        eigenvalues: Of the Jacobian at each, ``(n, state_size)``, complex.
        bifurcations: Where the number of growing modes changes, in order along the curve.
        is_flow: Whether stability is that of the flow.

    Example:
        >>> starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
        >>> (branch,) = find_branches(lambda h, x: torch.tanh(h / 2 + x), starts, (0.0, 1.0))
        >>> branch, int(branch.n_unstable.max()), bool(branch.is_stable.all())
        (Branch(0 .. 1, []), 0, True)
    """

    parameters: Tensor
    states: Tensor
    eigenvalues: Tensor
    bifurcations: tuple[Bifurcation, ...]
    is_flow: bool = False

    @cached_property
    def spectrum(self) -> Spectrum:
        """Spectra along the curve.

        Example:
            >>> starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
            >>> (branch,) = find_branches(lambda h, x: torch.tanh(h / 2 + x), starts, (0.0, 1.0))
            >>> set(branch.spectrum.stability)
            {'stable node'}
        """
        return Spectrum.from_eigenvalues(self.eigenvalues, is_flow=self.is_flow)

    @property
    def n_unstable(self) -> Tensor:
        """Number of growing modes at each point, ``(n,)``."""
        return self.spectrum.n_unstable

    @property
    def is_stable(self) -> Tensor:
        """Whether every mode shrinks at each point, ``(n,)``."""
        return self.spectrum.is_stable

    def __len__(self) -> int:
        return len(self.parameters)

    def __repr__(self) -> str:
        low, high = float(self.parameters.min()), float(self.parameters.max())
        return f"Branch({low:.4g} .. {high:.4g}, {list(self.bifurcations)})"

    def _report(self) -> Report:
        low, high = float(self.parameters.min()), float(self.parameters.max())
        rows = [(event.kind, f"{event.parameter:.9g}") for event in self.bifurcations]
        return Report(f"branch from {low:.4g} to {high:.4g}", ("bifurcation", "parameter"), rows)

    def _frame(self) -> dict[str, list[object]]:
        columns = {"parameter": self.parameters.tolist(), "n_unstable": self.n_unstable.tolist()}
        return columns | {f"h{i}": unit.tolist() for i, unit in enumerate(self.states.T)}


def _former_branch(n_unstable: Tensor | None = None, **fields: object) -> Branch:
    """Build a branch that version 0.1 saved: it kept the number of growing modes."""
    branch = Branch(**fields)  # type: ignore[arg-type]
    is_flow = n_unstable is not None and not torch.equal(n_unstable, branch.n_unstable)
    return Branch(**fields, is_flow=is_flow)  # type: ignore[arg-type]


register_former("Branch", _former_branch)


@dataclass(frozen=True, eq=False, repr=False)
class Branches(Results[Branch]):
    """The curves of fixed points that a continuation found: a sequence of :class:`Branch`.

    Example:
        >>> starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
        >>> print(find_branches(lambda h, x: torch.tanh(2 * h + x), starts, (-1.0, 1.0)).summary())
        1 branch
          branch  bifurcation  parameter
          0       fold         0.532839975
          0       fold         -0.532839975
        status: complete as far as the search tells
    """

    def _report(self) -> Report:
        rows = [
            (str(i), event.kind, f"{event.parameter:.9g}")
            for i, branch in enumerate(self)
            for event in branch.bifurcations
        ]
        title = f"{len(self)} branch{'es' if len(self) != 1 else ''}"
        columns = ("branch", "bifurcation", "parameter")
        return Report(title, columns, rows, [f"status: {self.status}"])

    def _frame(self) -> dict[str, list[object]]:
        rows = [(i, event) for i, branch in enumerate(self) for event in branch.bifurcations]
        return {
            "branch": [i for i, _ in rows],
            "bifurcation": [event.kind for _, event in rows],
            "parameter": [event.parameter for _, event in rows],
        }


@analysis
def find_branches(
    network: Network,
    starts: States,
    bounds: tuple[float, float],
    *,
    x: States | None = None,
    direction: States | None = None,
    max_step: float = 0.05,
    is_flow: bool = False,
    progress: bool = True,
) -> Branches:
    r"""Follow all fixed points while a parameter goes through an interval.

    .. math:: F(h, x_0 + p\, d) = h, \qquad p \in [p_{min}, p_{max}]

    by pseudo-arclength continuation from the fixed points at five values of :math:`p`, which goes
    around folds. The parameter is an input channel; for any other one, a gain say, write a step
    whose input is that parameter: ``lambda h, p: torch.tanh(p * (h @ W.T))``.

    Args:
        network: A network, or any batched ``step(h, x)``.
        starts: States to start searches from, ``(..., state_size)``.
        bounds: Smallest and largest parameter.
        x: Input :math:`x_0`, ``(input_size,)``; by default zero.
        direction: Direction :math:`d`, ``(input_size,)``; by default the first channel.
        max_step: Longest step along a curve, with the interval scaled to length 1.
        is_flow: Judge stability by the flow whose Euler step this is: a mode grows where the real
            part of its eigenvalue is above 1, and Hopf bifurcations are found.
        progress: Whether to show a progress bar when it takes longer than a second.

    Returns:
        Branches with their folds, pitchforks and transcritical, Neimark-Sacker (Hopf, for a flow)
        and period-doubling bifurcations, ready to plot.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.find_fixed_points`, or if the bounds are no numbers.
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
    low, high = _interval(bounds)
    max_step = as_number("max_step", max_step, above=0, high=1)
    is_flow, progress = as_boolean("is_flow", is_flow), as_boolean("progress", progress)
    step = as_map(network, starts, direction if x is None else x)
    pool = step.states(starts)
    pool = pool.reshape(-1, pool.shape[-1])
    family = FamilyMap(step, *_line(step, x, direction))
    curve = FixedPointCurve(family, low, high - low, is_flow)
    seeds = _seeds(curve, Search(step, pool, 1e-9, progress=progress))
    curves = _trace(curve, seeds, max_step)
    kept = _without_repeats(curves, seeds, max_step)
    branches = tuple(_branch(curve, z, tangent) for z, tangent in kept)
    verdict = "complete as far as the search tells"
    if not branches:
        verdict = f"no fixed point found between {low:g} and {high:g}: give more starts"
        logger.warning(verdict)
    return Branches(branches, verdict)


def _interval(bounds: Sequence[float]) -> tuple[float, float]:
    if not isinstance(bounds, (tuple, list, Tensor, np.ndarray)) or len(bounds) != 2:
        raise TypeError(f"expected two numbers as bounds (low, high), got {bounds}")
    low, high = as_number("bounds[0]", bounds[0]), as_number("bounds[1]", bounds[1])
    if not low < high:
        raise ValueError(f"expected bounds (low, high) with low < high, got {bounds}")
    return low, high


def _line(step: Map, x: States | None, direction: States | None) -> tuple[Tensor, Tensor]:
    """Return the input at parameter zero, and what one unit of the parameter adds to it."""
    if direction is None:
        origin = step.one_input(x)[0]
        return origin, torch.eye(len(origin)).to(origin)[0]
    along = step.one_input(direction)[0]
    origin = torch.zeros_like(along) if x is None else step.one_input(x)[0]
    if along.shape != origin.shape or not along.any():
        raise ValueError(
            f"expected a direction of shape {tuple(origin.shape)}, like x, that is not zero, got "
            f"{direction}; it says which input channels the parameter moves"
        )
    return origin, along


def _seeds(curve: FixedPointCurve, search: Search, n_values: int = 5) -> Tensor:
    """Return fixed points at a few parameters, ``(n, state_size + 1)``."""
    values = (torch.arange(n_values) + 0.5).to(curve.family.origin) / n_values + 1e-3
    inputs = curve.family.at(curve.low + curve.width * values[:, None])
    h, x, *_ = search.run(inputs)
    which = (x[:, None] - inputs).abs().sum(-1).argmin(1)
    return torch.cat([h, values[which, None]], dim=-1)


_Curve = tuple[Tensor, Tensor]


def _trace(curve: FixedPointCurve, seeds: Tensor, max_step: float) -> list[_Curve]:
    """Follow the curves through all seeds at once, both ways; return states and tangents."""
    if not len(seeds):
        return []
    ahead = torch.zeros_like(seeds)
    ahead[:, -1] = 1
    z, tangent = seeds.repeat(2, 1), torch.cat([ahead, -ahead])
    tangent = curve.tangent(z, tangent)
    half = len(seeds)
    tangent[half:] = -tangent[:half]
    paths = [[(z[i].clone(), tangent[i].clone())] for i in range(len(z))]
    size = torch.full((len(z),), max_step, dtype=z.dtype, device=z.device)
    active = torch.arange(len(z), device=z.device)
    for _ in range(_MAX_STATES):
        guess = z[active] + size[active, None] * tangent[active]
        new, has_converged = curve.correct(guess, tangent[active])
        turned = curve.tangent(new, tangent[active])
        accepted = has_converged & ((turned * tangent[active]).sum(-1) > _SHARPEST_TURN)
        longer = (1.3 * size[active]).clamp(max=max_step)
        size[active] = torch.where(accepted, longer, size[active] / 2)
        new = _stop_at_bounds(curve, z[active], new)
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


def _stop_at_bounds(curve: FixedPointCurve, old: Tensor, new: Tensor) -> Tensor:
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
        new[is_beyond] = curve.correct(guess[is_beyond], fixed[is_beyond])[0]
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


def _branch(curve: FixedPointCurve, z: Tensor, tangent: Tensor) -> Branch:
    return Branch(
        parameters=curve.parameters(z),
        states=z[:, :-1],
        eigenvalues=curve.spectrum(z).eigenvalues,
        bifurcations=tuple(bifurcations_between(curve, z, tangent)),
        is_flow=curve.is_flow,
    )
