"""The smallest shock that carries a network from an attractor over the border of its basin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics import FixedPoint, Spectrum
from pyrnn.dynamics.maps import Map, Network, analysis, as_map
from pyrnn.interventions._border import AT_SADDLE, Border
from pyrnn.result import Report, Result
from pyrnn.validate import as_integer, as_number

__all__ = ["Shock", "minimal_shock"]

_N_NEWTON = 8  # steps, from single to double precision
_PARALLEL = 1e-5  # largest angle between shock and normal, in radians


@dataclass(frozen=True, eq=False, repr=False)
class Shock(Result):
    r"""The smallest change of the state that leads over one part of the border of a basin.

    Args:
        size: Its length; infinite if no border was found.
        direction: Its direction, of unit length, ``(state_size,)``.
        attractor: Where it starts, ``(state_size,)``.
        saddle: The saddle whose stable manifold is the border, ``(state_size,)``.
        input: The constant input, ``(input_size,)``.
        estimate: What the linear part of the step at the saddle predicts for the size.
        angle: Angle between the shock and the normal of the border, in radians.
        nearest: How near the run from the border comes to the saddle, as a share of the distance
            from attractor to saddle.
        n_rounds: Rounds of the iteration.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> shock = minimal_shock(step, points[1], points[2])
        >>> round(shock.size, 6), shock.status
        (0.957504, 'complete')
        >>> shock.vector.tolist() == [-shock.size], shock.end.abs().item() < 1e-12
        (True, True)
    """

    size: float
    direction: Tensor
    attractor: Tensor
    saddle: Tensor
    input: Tensor
    estimate: float
    angle: float
    nearest: float
    n_rounds: int

    @property
    def vector(self) -> Tensor:
        """The shock itself, ``(state_size,)``."""
        return self.size * self.direction

    @property
    def end(self) -> Tensor:
        """The point of the border that it leads to, ``(state_size,)``."""
        return self.attractor + self.vector

    @property
    def status(self) -> str:
        """Verdict in words."""
        if not math.isfinite(self.size):
            return "no border found: the saddle does not bound the basin of this attractor"
        if self.nearest > AT_SADDLE:
            return "undecided: the border found there belongs to another saddle"
        if self.angle > _PARALLEL:
            return f"not converged: {self.angle:.1e} rad between the shock and the normal"
        return "complete"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.size:.6g})"

    def _report(self) -> Report:
        rows = [
            ("size", f"{self.size:.6g}"),
            ("linear estimate", f"{self.estimate:.6g}"),
            ("straight to the saddle", f"{float((self.saddle - self.attractor).norm()):.6g}"),
            ("angle to the normal", f"{self.angle:.1e} rad"),
        ]
        return Report("smallest shock", rows=rows, notes=[f"status: {self.status}"])

    def _frame(self) -> dict[str, list[object]]:
        numbers = ("size", "estimate", "angle", "nearest", "n_rounds")
        return {name: [getattr(self, name)] for name in numbers} | {"status": [self.status]}


@analysis
def minimal_shock(
    network: Network,
    attractor: FixedPoint | States,
    saddle: FixedPoint | States,
    x: States | None = None,
    *,
    tol: float = 1e-6,
    max_rounds: int = 40,
    max_steps: int = 20_000,
) -> Shock:
    r"""Find the smallest change of the state after which a network leaves its attractor.

    The border of the basin is the stable manifold of a saddle with one unstable mode. At the point
    :math:`p` of the border nearest to the attractor :math:`a`, the shock is parallel to the
    normal:

    .. math:: p - a = r\, n, \qquad n \propto J(h_0)^\top J(h_1)^\top \cdots l,
        \qquad h_0 = p, \quad h_{t+1} = F(h_t, x)

    with the left unstable vector :math:`l` of the saddle, pulled back along the run from
    :math:`p`. Each round finds the border in one direction by sections, and turns the direction
    to the normal there.

    Args:
        network: A network, or any batched ``step(h, x)``.
        attractor: A stable fixed point, or its state ``(state_size,)``.
        saddle: A fixed point with one unstable mode, or its state.
        x: Constant input, ``(input_size,)``; that of the attractor, or zero, by default.
        tol: Angle between the shock and the normal at which the search ends, in radians.
        max_rounds: Most rounds.
        max_steps: Most steps of a run.

    Returns:
        The shock, a local minimum for this saddle. For the smallest one of an attractor take the
        least over the saddles.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`.
        ValueError: If the attractor is not a stable fixed point, the saddle not a fixed point
            with one unstable mode, or the step is not smooth.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = lambda h, x: torch.tanh(h @ torch.diag(torch.tensor([1.5, 2.0])))
        >>> points = find_fixed_points(step, torch.randn(50, 2))
        >>> saddles = points[points.n_unstable == 1]
        >>> shocks = [minimal_shock(step, points[0], saddle) for saddle in saddles]
        >>> round(min(shock.size for shock in shocks), 6)  # tanh(1.5 m) = m
        0.85856
    """
    tol = as_number("tol", tol, above=0)
    max_rounds = as_integer("max_rounds", max_rounds, low=1)
    max_steps = as_integer("max_steps", max_steps, low=1)
    if x is None and isinstance(attractor, FixedPoint):
        x = attractor.input
    step, (a, s), given = _problem(network, attractor, saddle, x)
    at_a, at_s = (Spectrum(step.jacobian(h, given)) for h in (a, s))
    _check_kinds(at_a, at_s)
    n_steps = min(_settling(at_a, at_s), max_steps)
    found = Border(step, a, s, given, at_s, n_steps).nearest(tol, max_rounds)
    return Shock(found.size, found.direction, a, s, given, *found[2:])


def _problem(
    network: Network, attractor: FixedPoint | States, saddle: FixedPoint | States, x: States | None
) -> tuple[Map, tuple[Tensor, Tensor], Tensor]:
    """Return the map, attractor and saddle, and the input."""
    ends = [p.state if isinstance(p, FixedPoint) else p for p in (attractor, saddle)]
    step = as_map(network, ends[0], x)
    read = []
    for name, h in zip(("attractor", "saddle"), ends, strict=True):
        state = step.states(h, name)
        if state.numel() != state.shape[-1]:
            raise ValueError(f"expected one {name}, got states of shape {tuple(state.shape)}")
        read.append(state.reshape(-1))
    a, s = read
    given = step.one_input(x)[0]
    if not step.is_smooth:
        raise ValueError(
            "expected a smooth step, got one that rectifies: its borders have no normal; use a "
            "smooth activation, such as softplus"
        )
    scale = float((s - a).norm())
    if not scale > 1e-9 * float(a.norm() + s.norm()):
        raise ValueError("expected attractor and saddle at different places, got the same state")
    for name, h in (("attractor", a), ("saddle", s)):
        moved = float((step(h, given) - h).norm())
        if moved > 1e-5 * scale:
            raise ValueError(
                f"expected a fixed point as the {name}, got a state that moves by {moved:.1e} in "
                "a step; take it from find_fixed_points, under the same input x"
            )
    return step, (_polished(step, a, given), _polished(step, s, given)), given


def _polished(step: Map, h: Tensor, x: Tensor) -> Tensor:
    """Return a fixed point to double precision, given one in single precision."""
    eye = torch.eye(len(h), dtype=h.dtype, device=h.device)
    for _ in range(_N_NEWTON):
        moved = step(h, x) - h
        new = h + torch.linalg.solve_ex(eye - step.jacobian(h, x), moved).result
        if not bool((step(new, x) - new).norm() < moved.norm()):
            break
        h = new
    return h


def _check_kinds(at_a: Spectrum, at_s: Spectrum) -> None:
    if not at_a.is_stable:
        raise ValueError(
            f"expected a stable fixed point as the attractor, got a point of kind "
            f"{at_a.stability!r}; a network without stable points has no basin to leave"
        )
    if int(at_s.n_unstable) != 1:
        raise ValueError(
            f"expected a saddle with one unstable mode, got a point with "
            f"{int(at_s.n_unstable)}; others do not bound a basin: take points[points.n_unstable "
            "== 1]"
        )


def _settling(at_a: Spectrum, at_s: Spectrum) -> int:
    """Return in how many steps a run at 1e-13 of the border has left the saddle and settled."""
    leaving = math.log(1e13) / math.log(float(at_s.eigenvalues.abs()[..., 0]))
    slowest = max(float(at_a.eigenvalues.abs()[..., 0]), 1e-3)
    return math.ceil(leaving + math.log(1e4) / -math.log(slowest)) + 50
