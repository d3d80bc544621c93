"""How far to trust the weights that were fitted to a recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.recordings._model import Model
from pyrnn.recordings._transitions import Transitions

__all__ = ["Trust"]

_EXACT = 1e-8  # unexplained share of the variance of data without noise
_IDENTIFIED = 0.9  # share of the dimensions
_ROUNDING = 1e-14  # of the largest eigenvalue
_MOST_WORK = 2e9  # multiplications to measure residuals


@dataclass(frozen=True)
class Trust:
    """What the data say about the weights.

    Args:
        samples_per_weight: Number of transitions for each weight of a unit.
        n_dimensions: Number of weights of a unit: dimensions of the regressors.
        effective_dimensions: Number of these in which the data determine the weights.
        share_clipped: Share of the increments that the activation cannot cause.
        echo: Correlation of the residuals with those of the step before, carried on by the
            network; measurement noise makes it negative.
        persistence: Correlation of the residuals with those of the step before; what was not
            recorded makes it positive.
        r2: Median over units of the held-out share of variance.
        share_known: Share of the transitions in which all numbers are known.
    """

    samples_per_weight: float
    n_dimensions: int
    effective_dimensions: float
    share_clipped: float
    echo: float
    persistence: float
    r2: float
    share_known: float

    @classmethod
    def of(cls, model: Model, weights: Tensor, data: Transitions, r2: Tensor) -> Trust:
        """Measure how well data determine weights.

        Args:
            model: The regression.
            weights: Weights, ``(n_regressors, units)``.
            data: All transitions.
            r2: Held-out share of the variance of each unit, ``(units,)``.

        Returns:
            The measures.
        """
        n_free = float((weights != 0).sum(0).double().mean()) or 1.0
        median, few = float(r2.nanmedian()), data.rows(slice(int(_MOST_WORK / weights.numel())))
        errors = model.states(few.after) - model.predicted(weights, few)
        pairs = few.follow_each_other()
        carried = model.propagated(weights, few.rows(pairs + 1), errors[pairs])
        later = errors[pairs + 1]
        return cls(
            len(data) / n_free,
            round(n_free),
            _effective_dimensions(model, weights, data, few, 1 - median),
            model.share_clipped(data),
            _correlation(carried, later),
            _correlation(errors[pairs], later),
            median,
            data.share_known,
        )

    @property
    def is_exact(self) -> bool:
        """Whether the data have no noise to speak of."""
        return 1 - self.r2 < _EXACT

    def warnings(self) -> Iterator[str]:
        """Yield a sentence for each reason to doubt the weights."""
        if self.effective_dimensions < _IDENTIFIED * self.n_dimensions:
            yield (
                f"the data determine the weights in {self.effective_dimensions:.0f} of "
                f"{self.n_dimensions} dimensions only, so that the weights are not identified; "
                "fixed points can be right nevertheless: compare them with n_bootstrap=20"
            )
        if self.share_clipped > 0.01:
            yield (
                f"{self.share_clipped:.1%} of the increments are larger than the activation "
                "allows: the rates are noisy, need another scale, or tau is wrong"
            )
        least = 0.1 + 1 / self.samples_per_weight  # few data make residuals alike or opposite
        if not self.is_exact and self.echo < -least:
            yield (
                "residuals swing back in the next step: the rates have measurement noise, which "
                "makes weights too small (average or smooth them, or record more trials), or, in "
                "discrete time, something that drives these units was not recorded"
            )
        if not self.is_exact and self.persistence > least:
            yield (
                "residuals last for several steps: something that was not recorded drives these "
                "units, such as other units or inputs"
            )
        if self.r2 < 0.3:
            yield (
                f"the fit predicts {max(self.r2, 0):.0%} of the change from step to step only; to "
                'counts of spikes in single trials, fit a network with loss="poisson" instead'
            )
        if self.share_known < 0.5:
            yield (
                f"only {self.share_known:.0%} of the steps are known for all units; leave out "
                "units that are missing in many trials"
            )


def _effective_dimensions(
    model: Model, weights: Tensor, data: Transitions, few: Transitions, unexplained: float
) -> float:
    r"""Return :math:`\sum_i \lambda_i / (\lambda_i + \sigma^2 / s^2)`, averaged over units.

    :math:`\lambda_i` are eigenvalues of the Gram matrix of the regressors, :math:`\sigma^2` is the
    variance of the noise in the linear predictor, :math:`s^2` that of the weights.
    """
    scale = (data.gram.diagonal() / len(data)).sqrt().clamp(min=1e-30)
    gram = data.gram / scale / scale[:, None]
    errors = model.states(few.after) - model.predicted(weights, few)
    slope = model.link.slope(few.regressors @ weights).square().mean(0).clamp(min=1e-12)
    noise = ((errors / model.alpha).square().mean(0) / slope).mean()
    noise = noise if unexplained > _EXACT else torch.zeros(())
    sized = weights * scale[:, None]
    size = float(sized[weights != 0].square().mean())
    is_dense = bool((weights != 0).all())
    units = range(weights.shape[1])[:1] if is_dense else range(weights.shape[1])[:20]
    return sum(_identified(gram, weights[:, k] != 0, float(noise), size) for k in units) / len(
        units
    )


def _identified(gram: Tensor, free: Tensor, noise: float, size: float) -> float:
    """Return the number of dimensions of the free weights that the data determine."""
    if not free.any():
        return 0.0
    eigenvalues = torch.linalg.eigvalsh(gram[free][:, free])
    known = eigenvalues[eigenvalues > _ROUNDING * eigenvalues[-1]]
    blur = float((noise / known).sum()) / len(eigenvalues)
    ratio = noise / max(size - blur, 0.05 * size, 1e-30)
    return float((known / (known + ratio)).sum())


def _correlation(a: Tensor, b: Tensor) -> float:
    if not len(a):
        return 0.0
    size = float((a.square().sum() * b.square().sum()).sqrt())
    return float((a * b).sum()) / size if size else 0.0
