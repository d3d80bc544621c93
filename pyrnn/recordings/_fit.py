"""Fit a network to recorded activity."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pyrnn.base import RNNBase
from pyrnn.recordings._model import Model
from pyrnn.recordings._transitions import Transitions
from pyrnn.result import Report, Result

__all__ = ["Fit", "as_weights", "initial_states", "with_weights"]


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Result):
    """A network that was fitted to recorded activity, and how far to trust it.

    Attributes:
        design: A network of the same design, whose weights were not fitted.
        weights: Fitted weights: ``w_rec``, ``w_in`` and ``bias``.
        r2: Share of the variance of each unit's changes from step to step that the network
            predicts in data that were held out, ``(units,)``; NaN for a unit that never changes.
        samples_per_weight: Number of known steps for each weight of a unit.
        n_dimensions: Number of weights of a unit.
        effective_dimensions: Number of dimensions in which the data determine the weights.
        share_clipped: Share of the increments that are larger than the activation allows.
        method: ``"inverse"``: least squares through the inverse of the activation, exact for data
            without noise; or ``"convex"``: a convex loss that tolerates noise.
        ridge: Penalty that was used.
        tau: Time constant in ms; None for a network in discrete time.
        taus: Time constants that were tried, if it was not known, ``(n,)``.
        tau_r2: Held-out share of variance of each.
        initial_states: State at the first known step of each trial, ``(n_trials, units)``.
        warnings: A sentence for each reason to doubt the weights.
        weight_error: Standard deviation of the recurrent weights over bootstraps,
            ``(units, units)``; empty without bootstraps.
        n_points: Number of fixed points without input, and of stable ones, for each bootstrap,
            ``(n_bootstrap, 2)``.

    Example:
        >>> from pyrnn import RateRNN
        >>> teacher = RateRNN(2, 8, 1, seed=0, gain=1.5).double()
        >>> inputs = torch.randn(20, 100, 2).double()
        >>> from pyrnn.recordings import fit_recordings
        >>> fit = fit_recordings(teacher(inputs).states, inputs, dt=10.0, tau=100.0)
        >>> torch.allclose(fit.network.w_rec.weight, teacher.w_rec.weight, atol=1e-8)
        True
        >>> fit.method, fit.status, fit.r2.min().item() > 0.999999
        ('inverse', 'complete', True)
    """

    design: RNNBase
    weights: Mapping[str, Tensor]
    r2: Tensor
    samples_per_weight: float
    n_dimensions: int
    effective_dimensions: float
    share_clipped: float
    method: str
    ridge: float
    tau: float | None
    taus: Tensor
    tau_r2: Tensor
    initial_states: Tensor
    warnings: Sequence[str]
    weight_error: Tensor
    n_points: Tensor

    @cached_property
    def network(self) -> RNNBase:
        """The fitted network, in double precision; its outputs are the rates."""
        return with_weights(self.design, self.weights)

    @property
    def status(self) -> str:
        """Verdict in words: complete, or the first reason to doubt the weights."""
        return f"undecided: {self.warnings[0]}" if self.warnings else "complete"

    def _frame(self) -> dict[str, list[object]]:
        return {"unit": list(range(len(self.r2))), "r2": self.r2.tolist()}

    def _report(self) -> Report:
        rows = [
            ("held-out R² of changes", f"{self.r2.nanmedian():.4f} (median)"),
            ("worst unit", f"{self.r2[~self.r2.isnan()].min():.4f}"),
            ("samples per weight", f"{self.samples_per_weight:.1f}"),
            ("dimensions", f"{self.effective_dimensions:.1f} of {self.n_dimensions}"),
            ("method", f"{self.method}, ridge {self.ridge:g}"),
        ]
        if self.tau is not None:
            rows.append(("tau", f"{self.tau:g} ms{' (fitted)' if len(self.taus) else ''}"))
        if len(self.n_points):
            low, high = self.n_points.amin(0).tolist(), self.n_points.amax(0).tolist()
            text = f"{low[0]} to {high[0]}, {low[1]} to {high[1]} stable"
            rows.append((f"points of {len(self.n_points)} bootstraps", text))
        name = type(self.design).__name__
        return Report(f"{name} fitted to {len(self.r2)} units", (), rows, tuple(self.warnings))


def with_weights(design: RNNBase, weights: Mapping[str, Tensor]) -> RNNBase:
    """Return a copy of a network with other weights, which reads its rates.

    Args:
        design: The network.
        weights: ``w_rec``, ``w_in`` and ``bias``.
    """
    rnn = copy.deepcopy(design).double()
    eye = torch.eye(rnn.hidden_size, dtype=torch.float64)
    for layer, name, value in (
        (rnn.w_rec, "weight", weights["w_rec"]),
        (rnn.w_rec, "bias", weights["bias"]),
        (rnn.w_in, "weight", weights["w_in"]),
        (rnn.w_out, "weight", eye),
        (rnn.w_out, "bias", torch.zeros_like(eye[0])),
    ):
        setattr(layer, name, value)
    return rnn.eval()


def as_weights(weights: Tensor, n_units: int) -> dict[str, Tensor]:
    """Return the weights of a regression as those of layers.

    Args:
        weights: Weights, ``(n_regressors, units)``.
        n_units: Number of units.
    """
    w_in = weights[n_units:-1].mT
    return {
        "w_rec": weights[:n_units].mT.contiguous(),
        "w_in": (w_in if w_in.numel() else weights.new_zeros(n_units, 1)).contiguous(),
        "bias": weights[-1].clone(),
    }


def initial_states(model: Model, data: Transitions) -> Tensor:
    """Return the first known state of each trial, ``(n_trials, units)``.

    Args:
        model: The regression.
        data: The transitions.
    """
    names, index = data.trial.unique(return_inverse=True)
    first = torch.stack([(index == i).nonzero()[0, 0] for i in range(len(names))])
    return model.states(data.before[first])
