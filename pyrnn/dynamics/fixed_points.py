"""The search for all fixed points of a step under constant input."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor

from pyrnn.dynamics.inputs import as_inputs, as_states, distinct
from pyrnn.dynamics.jacobian import jacobian
from pyrnn.dynamics.newton import newton
from pyrnn.dynamics.points import FixedPoints
from pyrnn.dynamics.seeding import midpoints, mixtures, spread, spread_out
from pyrnn.dynamics.stability import count_unstable, index_signs
from pyrnn.dynamics.step import Step, frozen_step, one_thread

logger = logging.getLogger(__name__)

_INPUTS_AT_ONCE = 16
_QUIET_ROUNDS, _MAX_QUIET_ROUNDS = 2, 8
_RUN_EVERY, _RUN_STEPS = 4, 32
_COARSE, _COARSE_MERGE = 1e-2, 1e-3
_FINE, _FINE_MERGE = 1e-13, 1e-6


def find_fixed_points(
    rnn: Any,
    starts: Any,
    x: Any = None,
    *,
    tol: float = 1e-9,
    round_size: int = 64,
    max_rounds: int = 64,
    rng: torch.Generator | None = None,
) -> FixedPoints:
    r"""Find the fixed points of a network under a constant input.

    .. math:: F(h^*, x) = h^*

    The search goes in rounds of starts: mixtures of the states given, and midpoints between the
    points already found; a quarter of them first follows the network for a while. Each round
    runs batched Newton iterations in float32, merges what arrives and polishes the new ones in
    float64. It ends after two rounds that bring nothing new,
    provided that the indices :math:`\mathrm{sign}\det(I - J)` add up to +1, which they must for
    a network with bounded states; otherwise, starting ever further out, after eight.
    The network is copied, cast to float64 and left as it was.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        starts: States to start from, usually those visited during the task,
            ``(..., hidden_size)``.
        x: Constant input ``(input_size,)``, or one per start ``(..., input_size)``: each distinct
            input is searched from all starts. By default zero.
        tol: Largest speed ``|F(h, x) - h|`` of a point that is returned.
        round_size: Starts per round and input.
        max_rounds: Most rounds, whatever they bring.
        rng: Random generator on the CPU; by default one with seed 0.

    Returns:
        Points without duplicates, sorted by number of unstable modes and then by state. None
        found is an empty result, and one line in the log.

    Raises:
        TypeError: If ``rnn`` cannot be called or the states are not numbers.
        ValueError: If starts or inputs have the wrong width, are empty or not finite, or the
            step is not differentiable, not batched, noisy or changes the shape.

    Example:
        >>> starts = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
        >>> points = find_fixed_points(lambda h, x: torch.tanh(2 * h + x), starts, [0.2])
        >>> points.states[:, 0]
        tensor([-0.9303,  0.9730, -0.2029], dtype=torch.float64)

    References:
        Sussillo & Barak, *Neural Computation* 25:626 (2013);
        Golub & Sussillo, *JOSS* 3:1003 (2018).
    """
    pool = as_states(starts, rnn)
    inputs = distinct(as_inputs(x, pool, rnn))
    pool = pool.reshape(-1, pool.shape[-1])
    _check_options(tol, round_size, max_rounds)
    rng = rng if rng is not None else torch.Generator().manual_seed(0)
    with one_thread(), torch.no_grad():
        search = _Search(rnn, pool, inputs, round_size, max_rounds, rng)
        parts = [search.run(part) for part in inputs.split(_INPUTS_AT_ONCE)]
        h, x = (torch.cat(column) for column in zip(*parts, strict=True))
        points = _measure(search.fine, h, x, pool, tol)
    if not len(points):
        logger.warning(
            "no fixed point found below tol=%g; give more starts, or look for cycles", tol
        )
    return points


def _check_options(tol: float, round_size: int, max_rounds: int) -> None:
    if not tol > 0:
        raise ValueError(f"expected a positive tol, got {tol}; the default is 1e-9")
    if round_size < 1 or max_rounds < 1:
        raise ValueError(
            f"expected at least one start and one round, got round_size={round_size} and "
            f"max_rounds={max_rounds}; the defaults are 64"
        )


class _Search:
    """Rounds of starts for a few inputs at a time; ``owner`` says whose input a point has."""

    def __init__(
        self,
        rnn: Any,
        pool: Tensor,
        inputs: Tensor,
        round_size: int,
        max_rounds: int,
        rng: torch.Generator,
    ) -> None:
        first = inputs[:1].expand(2, -1)
        self.fine: Step = frozen_step(rnn, pool[:2], first)
        self.coarse: Step = frozen_step(rnn, pool[:2].float(), first.float())
        self.pool, self.round_size, self.max_rounds, self.rng = pool, round_size, max_rounds, rng
        sample = pool[:: 1 + len(pool) // 1024]
        self.scale = spread(sample)
        self.cap = 2 * max(1.0, float(sample.square().mean().sqrt())) * pool.shape[-1] ** 0.5

    def run(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the points of these inputs and the input of each."""
        h, owner = self.pool[:0], torch.zeros(0, dtype=torch.long, device=self.pool.device)
        sign = self.pool.new_zeros(0)
        quiet = torch.zeros(len(inputs), dtype=torch.long)
        for _ in range(self.max_rounds):
            active = [k for k in range(len(inputs)) if not self._is_done(k, quiet, owner, sign)]
            if not active:
                break
            starts = [self._starts(h[owner == k], int(quiet[k])) for k in active]
            whose = torch.tensor(active, device=h.device).repeat_interleave(self.round_size)
            new_h, new_owner = self._round(torch.cat(starts), whose, inputs, h, owner)
            new_sign = index_signs(jacobian(self.fine, new_h, inputs[new_owner]))
            quiet[active] += 1
            quiet[new_owner[new_sign != 0].cpu()] = 0  # a continuum would bring new ones for ever
            h, owner = torch.cat([h, new_h]), torch.cat([owner, new_owner])
            sign = torch.cat([sign, new_sign])
        return h, inputs[owner]

    def _is_done(self, k: int, quiet: Tensor, owner: Tensor, sign: Tensor) -> bool:
        is_whole = sign[owner == k].sum() == 1
        return bool(quiet[k] >= (_QUIET_ROUNDS if is_whole else _MAX_QUIET_ROUNDS))

    def _starts(self, found: Tensor, n_quiet: int) -> Tensor:
        n = self.round_size
        n_between = n // 2 if len(found) > 1 else 0
        mixed = mixtures(self.pool, n - n_between, self.rng)
        starts = torch.cat([mixed, midpoints(found, n_between, self.rng)]) if n_between else mixed
        return spread_out(starts, 0.25 * n_quiet * self.scale, self.rng)

    def _round(
        self, starts: Tensor, whose: Tensor, inputs: Tensor, known: Tensor, owner: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the points that a round adds: coarse search, merge, polish, merge."""
        x = inputs[whose]
        coarse, coarse_x = starts.float(), x.float()
        for _ in range(_RUN_STEPS):  # towards the attractors, which mixtures may miss
            coarse[::_RUN_EVERY] = self.coarse(coarse[::_RUN_EVERY], coarse_x[::_RUN_EVERY])
        coarse, residual = newton(
            self.coarse,
            coarse,
            coarse_x,
            tol=1e-5,
            n_iterations=12,
            cap=self.cap,
            n_stragglers=len(starts) // 16,
        )
        kept = (residual < _COARSE).nonzero()[:, 0]
        kept = kept[residual[kept].argsort()]
        kept = kept[_is_new(coarse[kept].double(), whose[kept], known, owner, _COARSE_MERGE)]
        h, residual = newton(
            self.fine, coarse[kept].double(), x[kept], tol=_FINE, n_iterations=6, cap=self.cap
        )
        whose, order = whose[kept], residual.argsort()
        order = order[residual[order] < 1e-9]
        order = order[_is_new(h[order], whose[order], known, owner, _FINE_MERGE)]
        return h[order], whose[order]


def _is_new(h: Tensor, whose: Tensor, known: Tensor, owner: Tensor, radius: float) -> Tensor:
    """Mark states that repeat neither a known point nor an earlier state of their own input."""
    reach = radius * (0.1 + h.norm(dim=-1, keepdim=True))
    exactly = "donot_use_mm_for_euclid_dist"
    is_known = torch.cdist(h, known, compute_mode=exactly) < reach
    is_known &= whose[:, None] == owner
    is_repeat = torch.cdist(h, h, compute_mode=exactly) < reach
    is_repeat &= whose[:, None] == whose
    return ~(is_known.any(1) | is_repeat.tril(-1).any(1))


def _measure(step: Step, h: Tensor, x: Tensor, pool: Tensor, tol: float) -> FixedPoints:
    """Take speed, Jacobian and distance at each point; sort by unstable modes, then by state."""
    speeds = (step(h, x) - h).norm(dim=-1)
    kept = speeds < tol
    h, x, speeds = h[kept], x[kept], speeds[kept]
    parts = zip(h.split(64), x.split(64), strict=True)
    jacobians = torch.cat([jacobian(step, *part) for part in parts])
    distances = torch.cdist(h, pool).min(1).values
    points = FixedPoints(h, x, speeds, jacobians, distances)
    n_unstable = count_unstable(points.eigenvalues).tolist()
    keys = zip(n_unstable, x.tolist(), h.round(decimals=6).tolist(), strict=True)
    order = sorted(range(len(h)), key=dict(enumerate(keys)).__getitem__)
    return points[torch.tensor(order, dtype=torch.long, device=h.device)]
