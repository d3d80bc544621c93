"""Equations of networks as regressions of one step on the step before."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.recordings._links import IDENTITY, Link
from pyrnn.recordings._transitions import Transitions

__all__ = ["Model"]


@dataclass(frozen=True)
class Model:
    r"""A regression: the rates after a step, given rates and input before.

    In the rate form, :math:`d = (r_t - (1 - \alpha) r_{t-1}) / \alpha = f(z)` with
    :math:`z = W r_{t-1} + U x_t + b`. In the current form the states are
    :math:`h = f^{-1}(r)` and :math:`z = (h_t - (1 - \alpha) h_{t-1}) / \alpha` is linear.

    Args:
        activation: The activation :math:`f`.
        alpha: Euler step :math:`\alpha`; 1 in discrete time.
        is_current: Whether the states are currents.
    """

    activation: Link
    alpha: float = 1.0
    is_current: bool = False

    @property
    def link(self) -> Link:
        """Link between the linear predictor and the targets."""
        return IDENTITY if self.is_current else self.activation

    def states(self, rates: Tensor) -> Tensor:
        """Return the states of a network whose rates are known.

        Args:
            rates: Rates, ``(..., units)``.
        """
        return self.activation.current(rates) if self.is_current else rates

    def targets(self, data: Transitions, units: Tensor | slice = slice(None)) -> Tensor:
        """Return what the link of the linear predictor should be, ``(n, units)``.

        Args:
            data: The transitions.
            units: Which units; all by default.
        """
        before, after = self.states(data.before[:, units]), self.states(data.after[:, units])
        return (after - (1 - self.alpha) * before) / self.alpha

    def share_clipped(self, data: Transitions) -> float:
        """Return the share of targets that no current, or rates that no state, can cause.

        Args:
            data: The transitions.
        """
        values = data.after if self.is_current else self.targets(data)
        return float(self.activation.is_beyond(values).double().mean())

    def predicted(
        self, weights: Tensor, data: Transitions, units: Tensor | slice = slice(None)
    ) -> Tensor:
        """Return the states after each step, ``(n, units)``.

        Args:
            weights: Weights of these units, ``(n_regressors, units)``.
            data: The transitions.
            units: Which units; all by default.
        """
        drive = self.link.rate(data.regressors @ weights)
        return (1 - self.alpha) * self.states(data.before[:, units]) + self.alpha * drive

    def r2(
        self, weights: Tensor, data: Transitions, units: Tensor | slice = slice(None)
    ) -> Tensor:
        """Return the share of the variance of each unit's changes that is predicted, ``(units,)``.

        Args:
            weights: Weights of these units, ``(n_regressors, units)``.
            data: The transitions.
            units: Which units; all by default.
        """
        states = self.predicted(weights, data, units)
        rates = self.activation.rate(states) if self.is_current else states
        change = (data.after - data.before)[:, units]
        error, total = data.after[:, units] - rates, (change - change.mean(0)).square().sum(0)
        return torch.where(total > 0, 1 - error.square().sum(0) / total, torch.nan)

    def propagated(self, weights: Tensor, data: Transitions, errors: Tensor) -> Tensor:
        """Return what errors of the states before a step are after it, to first order.

        Args:
            weights: Weights, ``(n_regressors, units)``.
            data: The transitions.
            errors: Errors of the states before, ``(n, units)``.
        """
        recurrent = weights[: errors.shape[1]]
        if self.is_current:
            slope = self.activation.slope(self.states(data.before))
            return (1 - self.alpha) * errors + self.alpha * ((slope * errors) @ recurrent)
        slope = self.link.slope(data.regressors @ weights)
        return (1 - self.alpha) * errors + self.alpha * slope * (errors @ recurrent)
