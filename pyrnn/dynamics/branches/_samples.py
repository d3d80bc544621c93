"""States along several curves at once, and the modes that grow at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

__all__ = ["Samples", "between"]


@dataclass(frozen=True, eq=False)
class Samples:
    """States along several curves, with what is known there.

    Attributes:
        owner: Number of the curve of each, ``(n,)``.
        place: Length along the curve, ``(n,)``, from its first state.
        z: States and parameters, ``(n, state_size + 1)``.
        tangent: Unit tangents, ``(n, state_size + 1)``.
        orientation: Signs that change at branch points only, ``(n,)``; zero where unclear.
        eigenvalues: Of the Jacobians, those that grow most first, ``(n, state_size)``, complex.
        counts: Growing modes, see ``Curve.count_modes``, ``(n, 3)``.
        n_marginal: Modes that neither grow nor shrink, ``(n,)``.
    """

    owner: Tensor
    place: Tensor
    z: Tensor
    tangent: Tensor
    orientation: Tensor
    eigenvalues: Tensor
    counts: Tensor
    n_marginal: Tensor

    def __len__(self) -> int:
        return len(self.owner)

    def __getitem__(self, index: Tensor) -> Samples:
        """Return the samples of these numbers, or those that a mask marks."""
        return Samples(*(getattr(self, field.name)[index] for field in fields(self)))

    @staticmethod
    def cat(parts: Sequence[Samples]) -> Samples:
        """Return all samples together."""
        names = [field.name for field in fields(Samples)]
        return Samples(*(torch.cat([getattr(part, name) for part in parts]) for name in names))

    def at(self, owner: Tensor, place: Tensor) -> Samples:
        """Return the same states on other curves, or elsewhere along them."""
        return replace(self, owner=owner, place=place)

    def ordered(self) -> Samples:
        """Return the samples curve by curve, in order along each, no place twice."""
        by_place = self.place.argsort(stable=True)
        ordered = self[by_place[self.owner[by_place].argsort(stable=True)]]
        is_new = torch.ones_like(ordered.owner, dtype=torch.bool)
        is_new[1:] = ordered.owner[1:] != ordered.owner[:-1]
        is_new[1:] |= ordered.place[1:] != ordered.place[:-1]
        return ordered if is_new.all() else ordered[is_new]

    def reversed(self) -> Samples:
        """Return the same states on curves walked in the other direction."""
        return replace(
            self, place=-self.place, tangent=-self.tangent, orientation=-self.orientation
        )

    def put(self, index: Tensor, new: Samples) -> None:
        """Replace some of the samples in place."""
        for field in fields(self):
            getattr(self, field.name)[index] = getattr(new, field.name)

    @property
    def intervals(self) -> Tensor:
        """Numbers of the samples that are followed by another one of the same curve."""
        return (self.owner[1:] == self.owner[:-1]).nonzero()[:, 0]

    @property
    def is_decided(self) -> Tensor:
        """Whether no mode is marginal at a sample but for those marginal all along its curve."""
        fewest = torch.full_like(self.n_marginal, self.eigenvalues.shape[1])
        fewest.scatter_reduce_(0, self.owner, self.n_marginal, "amin")
        return self.n_marginal == fewest[self.owner]


def between(a: Samples, b: Samples, share: Tensor) -> Tensor:
    """Return points on the cubic curves between samples.

    Args:
        a: Samples.
        b: The next ones.
        share: How far to go from one to the other, 0 to 1, ``(n,)``.
    """
    s = share[:, None]
    length = (b.place - a.place)[:, None]
    ends = (1 + 2 * s) * (1 - s) ** 2 * a.z + s**2 * (3 - 2 * s) * b.z
    return ends + length * s * (1 - s) * ((1 - s) * a.tangent - s * b.tangent)
