"""Recorded trials as transitions from one step to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from pyrnn.arrays import Array, ArrayLike, HasStates, States, as_numbers
from pyrnn.projection import as_states

__all__ = ["Transitions"]

_HELD_OUT = 0.2  # share of the data


@dataclass(frozen=True, eq=False)
class Transitions:
    """Rates before and after each step, with the input that arrives in it.

    Args:
        before: Rates, ``(n, units)``.
        after: Rates one step later, ``(n, units)``.
        inputs: Input of the step, ``(n, input_size)``.
        trial: Number of the trial, ``(n,)``.
        step: Number of the step, ``(n,)``.
        share_known: Share of the transitions of the recording in which all numbers are known.
    """

    before: Tensor
    after: Tensor
    inputs: Tensor
    trial: Tensor
    step: Tensor
    share_known: float = 1.0

    @classmethod
    def of(cls, rates: States, inputs: ArrayLike | None) -> Transitions:
        """Return the transitions of trials in which all numbers are known.

        Args:
            rates: Rates, ``(n_trials, time, units)``, or a list of trials; NaN for unknown ones.
            inputs: Inputs of the same trials, or None.

        Raises:
            ValueError: If the shapes do not fit together, or no transition is known.
        """
        trials = _as_list("rates", rates)
        driven = (
            [np.zeros((len(t), 1)) for t in trials]
            if inputs is None
            else _as_list("inputs", inputs)
        )
        _check_alike(trials, driven)
        before, after, x = (
            np.concatenate(parts)
            for parts in zip(
                *((r[:-1], r[1:], u[1:]) for r, u in zip(trials, driven, strict=True)), strict=True
            )
        )
        trial = np.repeat(np.arange(len(trials)), [len(t) - 1 for t in trials])
        step = np.concatenate([np.arange(len(t) - 1) for t in trials])
        known = np.isfinite(np.concatenate([before, after, x], axis=1)).all(1)
        if not known.any():
            raise ValueError(
                "expected steps at which all units and inputs are known, got none; leave out "
                "units that are missing in many trials"
            )
        b, a, u, k, t = (torch.as_tensor(v[known]) for v in (before, after, x, trial, step))
        return cls(b, a, u, k, t, float(known.mean()))

    def __len__(self) -> int:
        return len(self.before)

    @cached_property
    def regressors(self) -> Tensor:
        """Rates before, inputs and a constant, ``(n, n_regressors)``."""
        return torch.cat([self.before, self.inputs, torch.ones_like(self.before[:, :1])], dim=1)

    @cached_property
    def gram(self) -> Tensor:
        """Gram matrix of the regressors, ``(n_regressors, n_regressors)``."""
        return self.regressors.mT @ self.regressors

    def rows(self, which: Tensor | slice) -> Transitions:
        """Return some of the transitions.

        Args:
            which: Indices, a boolean for each, or a slice.
        """
        b, a, u = self.before[which], self.after[which], self.inputs[which]
        return Transitions(b, a, u, self.trial[which], self.step[which], self.share_known)

    def is_held_out(self, rng: torch.Generator) -> Tensor:
        """Return which transitions to hold out: whole trials, or the ends of fewer than five.

        Args:
            rng: Random generator.
        """
        names, index = self.trial.unique(return_inverse=True)
        if len(names) >= 5:
            n_out = math.ceil(_HELD_OUT * len(names))
            return torch.isin(index, torch.randperm(len(names), generator=rng)[:n_out])
        last = torch.stack([self.step[index == i].max() for i in range(len(names))])
        return self.step > (1 - _HELD_OUT) * last[index]

    def resampled(self, rng: torch.Generator) -> Transitions:
        """Return as many trials, drawn with replacement; blocks of time of fewer than five.

        Args:
            rng: Random generator.
        """
        names, block = self.trial.unique(return_inverse=True)
        if len(names) < 5:
            block = torch.arange(len(self)) * 20 // len(self)
        parts = [(block == i).nonzero()[:, 0] for i in range(int(block.max()) + 1)]
        drawn = torch.randint(len(parts), (len(parts),), generator=rng)
        return self.rows(torch.cat([parts[i] for i in drawn.tolist()]))

    def follow_each_other(self) -> Tensor:
        """Return the indices of transitions whose successor comes next, ``(n_pairs,)``."""
        is_next = (self.trial[1:] == self.trial[:-1]) & (self.step[1:] == self.step[:-1] + 1)
        return is_next.nonzero()[:, 0]


def _as_list(name: str, trials: States) -> list[Array]:
    """Return trials as a list of ``(time, channels)``; NaN is allowed."""
    if isinstance(trials, (list, tuple)) and not isinstance(trials, HasStates):
        arrays = [as_numbers(trial) for trial in trials]
    else:
        array = as_states(trials)
        arrays = list(array) if array.ndim == 3 else [array]
    if not arrays or any(a.ndim != 2 or len(a) < 2 for a in arrays):
        raise ValueError(
            f"expected {name} of shape (n_trials, time, channels), or a list of trials "
            f"(time, channels) with at least 2 steps, got {[a.shape for a in arrays[:3]]}"
        )
    return [a.astype(np.float64) for a in arrays]


def _check_alike(trials: list[Array], driven: list[Array]) -> None:
    if [len(t) for t in trials] != [len(t) for t in driven]:
        raise ValueError(
            f"expected inputs for each step of the rates, got {len(trials)} and {len(driven)} "
            f"trials of {[len(t) for t in trials[:3]]} ... and {[len(t) for t in driven[:3]]} ... "
            "steps"
        )
    for name, arrays in (("rates", trials), ("inputs", driven)):
        if len({a.shape[1] for a in arrays}) > 1:
            raise ValueError(f"expected {name} with the same channels in every trial")
        if any(np.isinf(a).any() for a in arrays):
            raise ValueError(f"expected finite {name}, or NaN where unknown, got infinity")
    is_lost = np.stack([np.isnan(t).all(0) for t in trials]).all(0)
    if is_lost.any():
        raise ValueError(
            f"expected units that are recorded at least once, got none of "
            f"{np.flatnonzero(is_lost).tolist()}; leave them out"
        )
