"""Kinks of a step that rectifies: where a curve meets one, and how it goes on behind it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics.branches._curve import Curve
from pyrnn.dynamics.branches._samples import Samples

__all__ = ["Borders", "find_borders", "step_across"]

_REACHES = tuple(1e-6 * 4.0**k for k in range(7))  # how far behind a kink to look
_JUMP = 1e-3  # of the derivative, in units of its size
_SHORTEST = 1e-12
_N_HALVINGS = 40
_SHARPEST = 10.0  # distance of a corner from the middle of two samples around it


def step_across(curve: Curve, z: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return the next state behind a kink and the tangent there, None if there is no kink.

    Args:
        curve: The equations.
        z: A state close before the kink, ``(1, state_size + 1)``.
        tangent: The tangent there.
    """
    before = curve.derivative(z)
    for reach in _REACHES:
        behind = curve.derivative(z + reach * tangent)
        jump = (behind - before).norm()
        if jump < _JUMP * before.norm():
            continue
        along = torch.linalg.svd(behind)[2][:, -1]
        for ahead in (along, -along):
            new, has_converged = curve.correct(z + reach * ahead, ahead)
            is_behind = (curve.derivative(new) - behind).norm() < 0.1 * jump
            if has_converged and is_behind and (new - z).norm() < 4 * reach:
                return new, ahead
    return None


@dataclass(frozen=True)
class Borders:
    """Curves cut into smooth pieces at the kinks that they pass.

    Attributes:
        pieces: Samples of the pieces, each a curve of its own.
        origin: Number of the curve that each piece is from, ``(n_pieces,)``.
        before: The sample before each kink, with the curve as owner.
        z: Where the kinks are, ``(n, state_size + 1)``.
        turns: Whether the parameter turns back there, ``(n,)``.
    """

    pieces: Samples
    origin: Tensor
    before: Samples
    z: Tensor
    turns: Tensor


def find_borders(curve: Curve, samples: Samples) -> Borders:
    """Find the kinks on some curves by halving the intervals in which the derivative jumps.

    Args:
        curve: The equations.
        samples: Samples of the curves, ordered.

    Returns:
        The pieces between the kinks, and the kinks.
    """
    i = samples.intervals
    a, b = samples[i], samples[i + 1]
    before, after = [a[i[:0]]], [b[i[:0]]]
    for _ in range(_N_HALVINGS):
        if not len(a):
            break
        middle, is_good = _middle(curve, a, b)
        first, half, last = (_signature(curve, part.z) for part in (a, middle, b))
        least = _JUMP * first.norm(dim=-1).maximum(last.norm(dim=-1))
        is_good &= b.place - a.place > _SHORTEST
        is_kink = ~is_good & ((last - first).norm(dim=-1) > least)
        before.append(a[is_kink])
        after.append(b[is_kink])
        goes_on = is_good & ((first - 2 * half + last).norm(dim=-1) > least)
        a, middle, b = a[goes_on], middle[goes_on], b[goes_on]
        a, b = Samples.cat([a, middle]), Samples.cat([middle, b])
    return _cut(samples, Samples.cat(before), Samples.cat(after))


def _middle(curve: Curve, a: Samples, b: Samples) -> tuple[Samples, Tensor]:
    chord = functional.normalize(b.z - a.z, dim=-1)
    z, has_converged = curve.correct((a.z + b.z) / 2, chord)
    has_converged &= (z - (a.z + b.z) / 2).norm(dim=-1) <= b.place - a.place
    return curve.sample(z, chord).at(a.owner, (a.place + b.place) / 2), has_converged


def _signature(curve: Curve, z: Tensor) -> Tensor:
    """Return a product with the derivative, of which any jump shows."""
    numbers = torch.cos(torch.arange(z.shape[1]).to(z))
    return curve.derivative(z) @ numbers


def _cut(samples: Samples, before: Samples, after: Samples) -> Borders:
    """Cut curves between the last samples before kinks and the first ones after them."""
    together = Samples.cat([samples, before, after]).ordered()
    begins = torch.ones_like(together.owner, dtype=torch.bool)
    begins[1:] = together.owner[1:] != together.owner[:-1]
    for owner, place in zip(after.owner, after.place, strict=True):
        begins |= (together.owner == owner) & (together.place == place)
    pieces = together.at(begins.cumsum(0) - 1, together.place)
    turns = before.tangent[:, -1] * after.tangent[:, -1] < 0
    return Borders(pieces, together.owner[begins], before, _corner(before, after), turns)


def _corner(a: Samples, b: Samples) -> Tensor:
    """Return where the tangents at the samples on either side of kinks meet."""
    gap, sides = b.z - a.z, torch.stack([a.tangent, b.tangent], dim=-1)
    share = torch.linalg.lstsq(sides, gap[..., None]).solution[..., 0]
    corner = (a.z + share[:, :1] * a.tangent + b.z - share[:, 1:] * b.tangent) / 2
    middle, length = (a.z + b.z) / 2, (b.place - a.place)[:, None]
    is_corner = (corner - middle).norm(dim=-1, keepdim=True) < _SHARPEST * length
    return torch.where(is_corner, corner, middle)
