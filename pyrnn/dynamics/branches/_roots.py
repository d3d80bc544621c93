"""Where a mode crosses, or the parameter turns back, between two samples of a curve."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pyrnn.dynamics.branches._crossings import SHORTEST
from pyrnn.dynamics.branches._curve import Curve
from pyrnn.dynamics.branches._samples import Samples, between

__all__ = ["find_roots"]

_N_ITERATIONS = 60
_EXACT = 1e-14


def find_roots(curve: Curve, samples: Samples, i: Tensor, is_turn: Tensor) -> Samples:
    """Find where a mode has modulus 1, or the parameter turns back, by regula falsi.

    Args:
        curve: The equations.
        samples: Samples of some curves, ordered.
        i: Those that are followed by the intervals to look into.
        is_turn: In which intervals the parameter turns back.

    Returns:
        The states there, ``len(i)`` of them.
    """
    bracket = _Bracket(curve, samples[i], samples[i + 1], is_turn)
    for _ in range(_N_ITERATIONS):
        if not bracket.narrow():
            break
    return bracket.best


class _Bracket:
    """Intervals with a change of sign, each narrowed until it is as short as rounding allows."""

    def __init__(self, curve: Curve, a: Samples, b: Samples, is_turn: Tensor) -> None:
        self.curve, self.a, self.b, self.is_turn = curve, a, b, is_turn
        n_growing = [part.counts @ part.counts.new_tensor([1, 1, 2]) for part in (a, b)]
        self.mode = torch.minimum(*n_growing).clamp(max=a.eigenvalues.shape[1] - 1)
        everything = torch.arange(len(a), device=a.z.device)
        self.at_low, self.at_high = self._value(a, everything), self._value(b, everything)
        self.low, self.high = torch.zeros_like(a.place), torch.ones_like(a.place)
        self.side = torch.zeros_like(everything)
        self.length = b.place - a.place
        self.chord = functional.normalize(b.z - a.z, dim=-1)
        share = (self.at_low / (self.at_low - self.at_high)).nan_to_num(nan=0.5).clamp(0, 1)
        self.best = curve.sample(between(a, b, share), self.chord)
        self.best = self.best.at(a.owner, a.place + share * self.length)
        self.active = everything[self.length > 2 * SHORTEST]

    def _value(self, at: Samples, k: Tensor) -> Tensor:
        """Return what changes its sign, at states in intervals ``k``."""
        values = at.eigenvalues
        size = values.real if self.curve.is_flow else values.abs()
        excess = size.gather(1, self.mode[k, None])[:, 0] - 1
        return torch.where(self.is_turn[k], at.tangent[:, -1], excess)

    def narrow(self) -> bool:
        """Narrow the intervals once; return whether some are left."""
        k = self.active
        if not len(k):
            return False
        low, high, at_low, at_high = (
            part[k] for part in (self.low, self.high, self.at_low, self.at_high)
        )
        share = ((low * at_high - high * at_low) / (at_high - at_low)).nan_to_num(nan=0.5)
        share = share.clamp(min=low, max=high)
        new = self._sample(k, share)
        self.best.put(k, new)
        value = self._value(new, k)
        is_right = value * at_low > 0  # the root is right of the new state
        stays = torch.where(is_right, 1, -1)
        fewer = torch.where(stays == self.side[k], 0.5, 1.0)  # Illinois: for an end that stays
        self.low[k], self.high[k] = (
            torch.where(is_right, share, low),
            torch.where(is_right, high, share),
        )
        self.at_low[k] = torch.where(is_right, value, fewer * at_low)
        self.at_high[k] = torch.where(is_right, fewer * at_high, value)
        self.side[k] = stays
        is_done = (value.abs() < _EXACT) | ((self.high - self.low)[k] * self.length[k] < _EXACT)
        self.active = k[~is_done]
        return True

    def _sample(self, k: Tensor, share: Tensor) -> Samples:
        guess = between(self.a[k], self.b[k], share)
        z, _ = self.curve.correct(guess, self.chord[k])
        is_near = (z - guess).norm(dim=-1, keepdim=True) < self.length[k, None]
        new = self.curve.sample(torch.where(is_near, z, guess), self.chord[k])
        return new.at(self.a.owner[k], self.a.place[k] + share * self.length[k])
