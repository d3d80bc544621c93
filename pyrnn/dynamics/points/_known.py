"""What a search knows: the points found so far, how often each, and what may be missing."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.maps import Spectrum, index_signs
from pyrnn.dynamics.points._kinks import Kinks

__all__ = ["Known", "estimated_unseen"]

_APPROACH = 0.2  # a step that leaves so little of the distance to a known point leads there
_MAX_ELEMENTS = 2**24  # of all inverses, and of those looked up at a time


@dataclass
class Known:
    """Points of a few inputs; ``owner`` tells the input of each.

    Attributes:
        h: Points, ``(n, state_size)``.
        owner: Number of the input of each, ``(n,)``.
        sign: Index of each, ``(n,)``; zero where it is degenerate.
        multiplicity: How many roots meet in each, ``(n,)``; zero where that is unknown.
        jacobians: Jacobian at each, ``(n, state_size, state_size)``.
        eigenvalues: Its eigenvalues, ``(n, state_size)``.
        growth: Growth at kinks, ``(n,)``; NaN where the step is smooth.
        is_stable: Whether each is stable, ``(n,)``.
        hits: How many starts led to each, ``(n,)``.
        inverse: Inverses of :math:`I - J`, float32, of as many points as there is memory for.
        quiet: Starts since the last new point, for each input.
        hits_before: Starts that had led to points when the last new one was found, for each input.
        n_pairs: Pairs of stable points whose midpoints were searched, for each input.
        continuum: Dimension of the continuum of points, for each input; zero if there is none.
    """

    h: Tensor
    owner: Tensor
    sign: Tensor
    multiplicity: Tensor
    jacobians: Tensor
    eigenvalues: Tensor
    growth: Tensor
    is_stable: Tensor
    hits: Tensor
    inverse: Tensor
    quiet: Tensor
    hits_before: Tensor
    n_pairs: Tensor
    continuum: Tensor

    @classmethod
    def nothing(cls, pool: Tensor, n_inputs: int) -> Known:
        """Return the knowledge before the first round."""
        nobody = torch.zeros(0, dtype=torch.long, device=pool.device)
        none = torch.zeros(n_inputs, dtype=torch.long)
        matrices = pool.new_zeros(0, pool.shape[-1], pool.shape[-1])
        return cls(
            pool[:0],
            nobody,
            pool.new_zeros(0),
            nobody,
            matrices,
            pool[:0].to(torch.complex128),
            pool.new_zeros(0),
            nobody.bool(),
            nobody,
            matrices.float(),
            none,
            none.clone(),
            none.clone(),
            none.clone(),
        )

    def add(
        self,
        h: Tensor,
        owner: Tensor,
        kinks: Kinks,
        inverses: Tensor,
        multiplicity: Tensor,
    ) -> None:
        """Take in new points with their Jacobians and the inverses of :math:`I - J`."""
        is_bent = ~kinks.growth.isnan()
        sign = index_signs(kinks.jacobians).masked_fill((multiplicity != 1) | is_bent, 0)
        spectrum = Spectrum(kinks.jacobians)
        is_stable = torch.where(is_bent, kinks.growth < 1, spectrum.is_stable)
        is_stable &= multiplicity == 1
        self.h, self.owner = torch.cat([self.h, h]), torch.cat([self.owner, owner])
        self.sign = torch.cat([self.sign, sign])
        self.multiplicity = torch.cat([self.multiplicity, multiplicity])
        self.jacobians = torch.cat([self.jacobians, kinks.jacobians])
        self.eigenvalues = torch.cat([self.eigenvalues, spectrum.eigenvalues])
        self.growth = torch.cat([self.growth, kinks.growth])
        self.is_stable = torch.cat([self.is_stable, is_stable])
        self.hits = torch.cat([self.hits, torch.ones_like(owner)])
        room = max(1, _MAX_ELEMENTS // h.shape[-1] ** 2) - len(self.inverse)
        self.inverse = torch.cat([self.inverse, inverses[:room].float()])
        self.quiet[owner.cpu()] = 0
        for k in owner.unique().tolist():
            self.hits_before[k] = self.hits[self.owner == k].sum()

    def drawn_to(self, h: Tensor, residual: Tensor, owner: Tensor) -> Tensor:
        """Return to which point a Newton step with its Jacobian takes each state, -1 for none."""
        n = len(self.inverse)
        points = self.h[:n].float()
        distance = torch.cdist(h, points)
        if len(self.quiet) > 1:
            distance.masked_fill_(owner[:, None] != self.owner[:n], torch.inf)
        before, nearest = distance.min(1)
        chunk = max(1, _MAX_ELEMENTS // h.shape[-1] ** 2)
        parts = [slice(start, start + chunk) for start in range(0, max(1, h.shape[0]), chunk)]
        moves = [self.inverse.index_select(0, nearest[i]) @ residual[i, :, None] for i in parts]
        after = h + torch.cat(moves)[..., 0] - points.index_select(0, nearest)
        is_drawn = (after.norm(dim=-1) < _APPROACH * before) & (before < torch.inf)
        return torch.where(is_drawn, nearest, -1)

    def hit(self, points: Tensor) -> None:
        """Count starts that led to points, by their numbers."""
        self.hits += torch.bincount(points, minlength=len(self.hits))

    def n_told(self, k: int) -> int:
        """Return how many starts under input ``k`` led to points since the last new one."""
        return int(self.hits[self.owner == k].sum() - self.hits_before[k])

    def n_points(self, k: int) -> int:
        """Return the number of points under input ``k``."""
        return int((self.owner == k).sum())

    def unseen(self, k: int) -> float:
        """Return the estimated number of points under input ``k`` that were not found."""
        return estimated_unseen(self.hits[self.owner == k])

    def is_balanced(self, k: int) -> bool:
        """Return whether the indices of the points under input ``k`` may add up to 1."""
        sign = self.sign[self.owner == k]
        return bool((sign == 0).any() or sign.sum() == 1)

    def stable(self, k: int) -> Tensor:
        """Return the stable points under input ``k``, ``(n, state_size)``."""
        return self.h[(self.owner == k) & self.is_stable]


def estimated_unseen(hits: Tensor) -> float:
    r"""Estimate how many points were missed from how often the others were found.

    .. math:: \frac{f_1 (f_1 - 1)}{2 (f_2 + 1)}

    with :math:`f_k` the number of points found exactly :math:`k` times.

    Args:
        hits: How often each point was found, ``(n,)``.

    Returns:
        The estimate, a lower bound on average.

    Example:
        >>> estimated_unseen(torch.tensor([5, 1, 1, 1, 2])), estimated_unseen(torch.tensor([9, 7]))
        (1.5, 0.0)

    References:
        Chao, *Scandinavian Journal of Statistics* 11:265 (1984); Good, *Biometrika* 40:237 (1953).
    """
    once, twice = int((hits <= 1).sum()), int((hits == 2).sum())
    return once * (once - 1) / (2 * (twice + 1))
