"""Random numbers that depend on the seed and on the trial's index, and on nothing else."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from pyrnn.validate import as_integer, as_tensor

__all__ = ["TrialRandom"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio, made odd
_MASK = 2**64 - 1
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def _mix(z: np.ndarray) -> np.ndarray:
    """Return scrambled bits: the finalizer of SplitMix64, a bijection of 64 bits."""
    z = z ^ (z >> _SHIFTS[0])
    z *= _FACTORS[0]
    z ^= z >> _SHIFTS[1]
    z *= _FACTORS[1]
    z ^= z >> _SHIFTS[2]
    return z


def _to_float(bits: np.ndarray, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return bits below 2**63 as real numbers; as signed integers they convert faster."""
    return torch.from_numpy(bits.view(np.int64)).to(dtype)


class TrialRandom:
    r"""Random numbers for many trials at once; each row depends on the seed and its trial only.

    The generator has no state but a counter. The ``k``-th number of trial ``i`` of seed ``s`` is

    .. math:: \mathrm{mix}\big(\mathrm{key}(s, i) + k\,\gamma\big), \qquad
        \mathrm{key}(s, i) = \mathrm{mix}\big(\mathrm{mix}(s + \gamma) + i\,\gamma\big),

    with SplitMix64's scrambler and odd constant :math:`\gamma`. A trial is hence the same in any
    batch, order, worker or process. All draws are vectorized.

    Args:
        seed: Any integer, taken modulo 2**64.
        indices: Indices of the trials. Each draw has one row for each of them.

    Raises:
        TypeError: If the seed is no integer.

    Example:
        >>> batch, alone = TrialRandom(0, [3, 1, 2]), TrialRandom(0, [2])
        >>> torch.equal(batch.uniform(5)[2], alone.uniform(5)[0])
        True
        >>> batch.n_trials, batch.normal(20, 2).shape, batch.sign().shape
        (3, torch.Size([3, 20, 2]), torch.Size([3]))
        >>> batch.integers(0, 4).max() < 4, batch.choice([0.1, 0.2], 5).shape
        (tensor(True), torch.Size([3, 5]))

    References:
        Steele, Lea & Flood, *Fast splittable pseudorandom number generators*, OOPSLA (2014).
    """

    def __init__(self, seed: int, indices: Sequence[int] | Tensor | np.ndarray) -> None:
        seed_bits = np.array([as_integer("seed", seed) & _MASK], dtype=np.uint64)
        rows = as_tensor("indices", indices).detach().cpu().numpy()
        if rows.ndim != 1 or (rows.dtype.kind not in "iu" and rows.size):
            raise TypeError(f"expected indices to be whole numbers in a row, got {indices!r}")
        index_bits = rows.astype(np.int64).astype(np.uint64)
        self._keys = _mix(_mix(seed_bits + _GOLDEN) + index_bits * _GOLDEN)
        self._counter = 1

    @classmethod
    def from_generator(cls, rng: torch.Generator) -> TrialRandom:
        """Return random numbers of a single trial whose seed a torch generator draws.

        Args:
            rng: The generator.

        Example:
            >>> TrialRandom.from_generator(torch.Generator().manual_seed(0)).n_trials
            1
        """
        return cls(int(torch.randint(2**62, (), generator=rng)), [0])

    def rows(self, which: Tensor) -> TrialRandom:
        """Return the random numbers of some of the trials, from here on.

        Args:
            which: Rows of the trials, ``(n,)``, int64.

        Example:
            >>> TrialRandom(0, range(10)).rows(torch.tensor([3, 5])).n_trials
            2
        """
        some = copy.copy(self)
        some._keys = self._keys[which.numpy()]
        return some

    @property
    def n_trials(self) -> int:
        """Number of trials, the leading axis of every draw."""
        return len(self._keys)

    def generators(self) -> Iterator[torch.Generator]:
        """Yield a torch generator for each trial, for code that makes one trial at a time.

        Yields:
            The generators, in the order of the trials.

        Example:
            >>> [generator.device.type for generator in TrialRandom(0, [3, 5]).generators()]
            ['cpu', 'cpu']
        """
        for key in self._keys:
            yield torch.Generator().manual_seed(int(key >> np.uint64(1)))

    def _bits(self, n: int) -> np.ndarray:
        """Return the next ``n`` 64-bit numbers of each trial, ``(n_trials, n)``."""
        steps = np.arange(self._counter, self._counter + n, dtype=np.uint64) * _GOLDEN
        self._counter += n
        return _mix(self._keys[:, None] + steps)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Return uniform numbers of ``[low, high)``, ``(n_trials, *shape)``, float64."""
        u = _to_float(self._bits(math.prod(shape)) >> np.uint64(11)).mul_(2.0**-53)
        u = u if (low, high) == (0.0, 1.0) else low + (high - low) * u
        return u.reshape(self.n_trials, *shape)

    def normal(self, *shape: int) -> Tensor:
        """Return standard normal numbers by Box-Muller, ``(n_trials, *shape)``, float32.

        They lie within 6 standard deviations.
        """
        size = math.prod(shape)
        bits = self._bits((size + 1) // 2)  # 24 bits each for a radius and an angle
        radius = _to_float(bits >> np.uint64(40), torch.float32).add_(0.5).mul_(2.0**-24)
        radius = radius.log_().mul_(-2).sqrt_()
        angle = _to_float(bits & np.uint64(2**24 - 1), torch.float32)
        angle.mul_(2 * math.pi * 2.0**-24)
        pairs = torch.empty(*angle.shape[:1], 2, *angle.shape[1:], dtype=torch.float32)
        torch.mul(radius, angle.cos(), out=pairs[:, 0])
        torch.mul(radius, angle.sin_(), out=pairs[:, 1])
        return pairs.flatten(1)[:, :size].reshape(self.n_trials, *shape)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Return integers from ``low`` to ``high - 1``, ``(n_trials, *shape)``, int64."""
        return low + (self.uniform(*shape) * (high - low)).long()

    def choice(self, values: Sequence[float] | Tensor, *shape: int) -> Tensor:
        """Return values of a list, all equally likely, ``(n_trials, *shape)``."""
        table = torch.from_numpy(np.asarray(values))  # in double precision whatever the default
        return table[self.integers(0, len(table), *shape)]

    def sign(self, *shape: int) -> Tensor:
        """Return -1 or 1, equally likely, ``(n_trials, *shape)``, float64."""
        return torch.where(self.uniform(*shape) < 0.5, 1.0, -1.0).double()
