"""The smallest shock that carries a network from an attractor over the border of its basin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from pyrnn.arrays import States
from pyrnn.dynamics import FixedPoint, Spectrum
from pyrnn.dynamics.maps import Map, Network, analysis, as_map
from pyrnn.dynamics.points import Attraction
from pyrnn.result import Report, Result
from pyrnn.validate import as_integer, as_number

__all__ = ["Shock", "minimal_shock"]

_NEAR = 0.05  # of the distance from attractor to saddle: a run this near has come back
_REACH = 4.0  # how far to look for the border, in units of that distance
_N_CELLS, _N_SECTIONS = 64, 128
_COARSE = 1e-10  # how exactly the border is found until the direction has converged
_WIDTH = 1e-3  # of the interval around a guess
_AT_REST = 1e-10  # a run that moves so little, away from the saddle, is at another attractor
_AT_SADDLE = 0.2  # a run from the border that comes no nearer belongs to another saddle
_N_NEWTON = 8  # steps, from single to double precision
_CLOSE = 1e-7  # a run has arrived at the saddle
_CHECK_EVERY = 10
_AT_ONCE = 128  # Jacobians
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
        if self.nearest > _AT_SADDLE:
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
    border = _Border(step, a, s, given, at_s, n_steps)
    return border.nearest(tol, max_rounds)


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


class _Border:
    """The border of a basin that belongs to a saddle.

    Args:
        step: The map.
        a: The attractor.
        s: The saddle.
        x: The input.
        at_s: Spectrum there.
        n_steps: Most steps of a run.
    """

    def __init__(
        self, step: Map, a: Tensor, s: Tensor, x: Tensor, at_s: Spectrum, n_steps: int
    ) -> None:
        self.step, self.a, self.s, self.x = step, a, s, x
        left = normalize(at_s.left[0].real, dim=-1)
        self.left = left if left @ (s - a) >= 0 else -left
        self.right = at_s.right[:, 0].real
        self.n_steps = n_steps
        self.scale = float((s - a).norm())
        self.attraction = Attraction.of(a[None], step.jacobian(a, x)[None], self.scale)

    def nearest(self, tol: float, max_rounds: int) -> Shock:
        """Turn the direction to the normal of the border until they are parallel."""
        d, guess, width, precision = self.left, math.inf, 0.0, _COARSE
        if not math.isfinite(self.distance(d, _WIDTH)):
            d = (self.s - self.a) / self.scale  # which leads to the border for sure
        angle = near = math.inf
        for n in range(1, max_rounds + 1):
            r = self.distance(d, precision, guess, width)
            if not math.isfinite(r):
                break
            p = self.a + r * d
            normal, near = self.normal(p)
            normal = normal * (1 if normal @ d >= 0 else -1)
            angle = 2 * math.asin(min(1.0, float((normal - d).norm()) / 2))
            if angle <= tol or n == max_rounds:
                break
            d = normalize(d + normal, dim=-1)
            guess = float(normal @ (p - self.a)) / float(normal @ d)  # if the border were flat
            width, precision = min(_WIDTH, 3 * angle**2), max(_COARSE, 1e-4 * angle)
        r = self.distance(d, 0.0, r, 2 * precision)
        estimate = float(self.left @ (self.s - self.a))
        return Shock(r, d, self.a, self.s, self.x, estimate, angle, near, n)

    def distance(
        self, d: Tensor, precision: float, guess: float = math.inf, width: float = 0.0
    ) -> float:
        """Return how far the border is in a direction, infinite if it is not met.

        Args:
            d: The direction.
            precision: How exactly, in units of the distance from attractor to saddle.
            guess: Where to look first.
            width: How far to look on both sides of the guess, in the same units.
        """
        reach = (width + precision) * self.scale
        found = self._section(d, guess - reach, guess + reach) if math.isfinite(guess) else None
        if found is None:
            lengths = torch.linspace(0, _REACH * self.scale, _N_CELLS + 1).to(self.a)
            has_left = self._has_left(lengths[1:], d)
            if not has_left.any():
                return math.inf
            i = int(has_left.double().argmax())
            found = float(lengths[i]), float(lengths[i + 1])
        low, high = found
        while high - low > precision * self.scale and low < (low + high) / 2 < high:
            found = self._section(d, low, high)
            if found is None:  # rounding decides
                break
            low, high = found
        return high

    def _section(self, d: Tensor, low: float, high: float) -> tuple[float, float] | None:
        """Return the part of an interval that holds the border, None if the interval does not."""
        shares = torch.linspace(0, 1, _N_SECTIONS + 1, dtype=self.a.dtype)
        lengths = low + (high - low) * shares.to(self.a.device)
        has_left = self._has_left(lengths, d)
        if has_left[0] or not has_left[-1]:
            return None
        i = int(has_left.double().argmax())
        return float(lengths[i - 1]), float(lengths[i])

    def _has_left(self, lengths: Tensor, d: Tensor) -> Tensor:
        return ~self.comes_back(self.a + lengths[:, None] * d)

    def comes_back(self, h: Tensor) -> Tensor:
        """Return whether the network comes back to the attractor from each state."""
        back = torch.zeros(len(h), dtype=torch.bool, device=h.device)
        running, x = torch.arange(len(h), device=h.device), self.x.expand(len(h), -1)
        for i in range(1, self.n_steps + 1):
            h, before = self.step(h, x), h
            if i % _CHECK_EVERY:
                continue
            is_back = (h - self.a).norm(dim=-1) < _NEAR * self.scale
            near = is_back.nonzero()[:, 0]
            only = torch.zeros_like(near)
            is_back[near] = self.attraction.draws(self.step, h[near], x[near], only)
            back[running[is_back]] = True
            moved = (h - before).norm(dim=-1)
            is_far = (h - self.s).norm(dim=-1) > _NEAR * self.scale
            rests = is_far & (moved < _AT_REST * self.scale)  # elsewhere
            goes_on = ~is_back & ~rests & h.isfinite().all(-1)
            h, x, running = h[goes_on], x[goes_on], running[goes_on]
            if not len(running):
                break
        return back

    def normal(self, p: Tensor) -> tuple[Tensor, float]:
        """Return the normal of the border at a point, and how near its run comes to the saddle.

        The run leaves the saddle, as the point is not exactly on the border. From where it is
        nearest, it goes on within the plane of the stable modes.
        """
        states = self._run(p, is_free=True)
        near = float((states[-1] - self.s).norm()) / self.scale
        states = torch.cat([states[:-1], self._run(states[-1], is_free=False)])
        normal = self.left
        for part in reversed(states[:-1].split(_AT_ONCE)):
            for jacobian in self.step.jacobian(part, self.x.expand(len(part), -1)).flip(0):
                normal = normalize(jacobian.mT @ normal, dim=-1)
        return normal, near

    def _run(self, h: Tensor, *, is_free: bool) -> Tensor:
        """Return the states of a run until it is at the saddle, or nearest to it."""
        run, distances = [h], [float((h - self.s).norm())]
        for _ in range(self.n_steps):
            h = self.step(h, self.x)
            if not is_free:
                h = h - (self.left @ (h - self.s)) / (self.left @ self.right) * self.right
            run.append(h)
            distances.append(float((h - self.s).norm()))
            has_passed = is_free and distances[-1] > max(_AT_SADDLE * self.scale, min(distances))
            is_past = has_passed and min(distances) < _AT_SADDLE * self.scale / 2
            if is_past or distances[-1] < _CLOSE * self.scale:
                break
        n = min(range(len(run)), key=distances.__getitem__)
        return torch.stack(run[: n + 1])
