"""How choices and reaction times depend on the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from pyrnn.tasks.scores import last_scored
from pyrnn.tasks.trial import Trial

if TYPE_CHECKING:
    from pyrnn.tasks.base import Task


@dataclass(frozen=True, eq=False)
class PsychometricCurve:
    r"""How often each level of evidence leads to the positive choice, and a logistic fit.

    .. math:: P(\text{positive} \mid x) = \frac{1}{1 + e^{-(x - b) / w}}

    Attributes:
        evidence: Levels of the evidence, increasing, ``(n_levels,)``.
        share: Share of positive choices, ``(n_levels,)``.
        n_trials: Number of trials, ``(n_levels,)``.
        low: Lower end of the 95 % interval of the share (Wilson's), ``(n_levels,)``.
        high: Upper end, ``(n_levels,)``.
        bias: Evidence :math:`b` at which both choices are equally likely.
        width: Width :math:`w` of the curve; ``1 / width`` is its slope.

    Example:
        >>> curve = psychometric([-1, -1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1])
        >>> curve.share, bool(curve(1.0) > curve(0.0))
        (array([0. , 0.5, 1. ]), True)
    """

    evidence: np.ndarray
    share: np.ndarray
    n_trials: np.ndarray
    low: np.ndarray
    high: np.ndarray
    bias: float
    width: float

    def __call__(self, evidence: Any) -> np.ndarray:
        """Return the fitted share of positive choices at any evidence."""
        return _logistic(np.asarray(evidence, dtype=float), self.bias, self.width)

    @property
    def threshold(self) -> float:
        """Distance from the bias at which 75 % of the choices are positive."""
        return float(np.log(3) * self.width)


@dataclass(frozen=True, eq=False)
class ChronometricCurve:
    """How long each level of evidence takes to a decision.

    Attributes:
        evidence: Absolute evidence, increasing, ``(n_levels,)``.
        time: Mean reaction time in ms, ``(n_levels,)``; NaN where no trial was decided.
        error: Standard error of the mean, ``(n_levels,)``; NaN below two decided trials.
        share_decided: Share of the trials with a decision, ``(n_levels,)``.

    Example:
        >>> chronometric([0.1, 0.1, -0.4], [500.0, 300.0, 200.0]).time
        array([400., 200.])
    """

    evidence: np.ndarray
    time: np.ndarray
    error: np.ndarray
    share_decided: np.ndarray


def psychometric(evidence: Any, is_positive: Any) -> PsychometricCurve:
    """Measure a psychometric curve and fit a logistic to it by maximum likelihood.

    Args:
        evidence: Signed evidence of each trial, ``(n_trials,)``.
        is_positive: Whether the choice was the positive one, ``(n_trials,)``.

    Returns:
        Shares with binomial intervals at each level, and the fit. Where choices separate
        perfectly, the width is the narrowest that the levels can tell.

    Raises:
        ValueError: If the shapes differ, or there are fewer than two levels of evidence.

    Example:
        >>> evidence = torch.tensor([-2.0, -1.0, -1.0, 1.0, 1.0, 2.0])
        >>> curve = psychometric(evidence, torch.tensor([0, 0, 1, 0, 1, 1]))
        >>> curve.share, round(abs(curve.bias), 3)
        (array([0. , 0.5, 0.5, 1. ]), 0.0)

    References:
        Wichmann & Hill, *The psychometric function*, Perception & Psychophysics 63 (2001).
    """
    from scipy.stats import binomtest

    x, positive = _flat(evidence) + 0.0, _flat(is_positive) > 0  # -0 becomes 0
    _check_same_trials(x, positive)
    levels, index = np.unique(x, return_inverse=True)
    if len(levels) < 2:
        raise ValueError(f"expected at least two levels of evidence, got {levels.tolist()}")
    n = np.bincount(index)
    k = np.bincount(index, weights=positive).astype(int)
    intervals = [
        binomtest(int(hits), int(tries)).proportion_ci(method="wilson")
        for hits, tries in zip(k, n, strict=True)
    ]
    low, high = (np.array(ends) for ends in zip(*intervals, strict=True))
    bias, width = _fit_logistic(levels, k, n)
    return PsychometricCurve(levels, k / n, n, low, high, bias, width)


def chronometric(evidence: Any, times: Any) -> ChronometricCurve:
    """Average reaction times over trials of the same absolute evidence.

    Args:
        evidence: Evidence of each trial, ``(n_trials,)``.
        times: Reaction times in ms, ``(n_trials,)``; NaN where no decision was reached.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> curve = chronometric(torch.tensor([-1, 1, 2]), torch.tensor([300.0, 200.0, 100.0]))
        >>> curve.evidence, curve.time
        (array([1., 2.]), array([250., 100.]))
    """
    x, t = np.abs(_flat(evidence)), _flat(times)
    _check_same_trials(x, t)
    levels, index = np.unique(x, return_inverse=True)
    groups = [t[(index == level) & ~np.isnan(t)] for level in range(len(levels))]
    mean = [group.mean() if len(group) else np.nan for group in groups]
    error = [g.std(ddof=1) / len(g) ** 0.5 if len(g) > 1 else np.nan for g in groups]
    share = [len(group) for group in groups] / np.bincount(index)
    return ChronometricCurve(levels, np.array(mean), np.array(error), share)


def psychometric_of(
    task: Task, outputs: Tensor, batch: Trial, *, evidence: str = "coherence"
) -> PsychometricCurve:
    """Relate a network's choices to the evidence, see :func:`pyrnn.tasks.psychometric`.

    Args:
        task: Where the trials come from; it says what a choice is read from.
        outputs: The network's answers, ``(n_trials, time, output_size)``.
        batch: The trials.
        evidence: Name in ``batch.info`` of the signed evidence.

    Raises:
        ValueError: If the trials do not know this evidence.
    """
    return psychometric(evidence_of(batch, evidence), choices(task, outputs, batch) > 0)


def chronometric_of(
    task: Task, outputs: Tensor, batch: Trial, *, evidence: str = "coherence", **options: Any
) -> ChronometricCurve:
    """Relate a network's reaction times to the evidence, see :func:`pyrnn.tasks.chronometric`.

    Args:
        task: Where the trials come from; it says what a choice is read from.
        outputs: The network's answers, ``(n_trials, time, output_size)``.
        batch: The trials.
        evidence: Name in ``batch.info`` of the evidence.
        **options: ``threshold`` and ``since``, see :func:`pyrnn.tasks.reaction_times`.

    Raises:
        ValueError: If the trials do not know this evidence.
    """
    times = reaction_times(task, outputs, batch, **options)
    return chronometric(evidence_of(batch, evidence), times)


def choices(task: Task, outputs: Tensor, batch: Trial) -> Tensor:
    """Return each trial's choice at its last scored step, -1 or 1, ``(n_trials,)``."""
    variable = task.decision_variable(outputs).unsqueeze(-1)
    return last_scored(variable, batch.mask).squeeze(-1).sign()


def reaction_times(
    task: Task, outputs: Tensor, batch: Trial, *, threshold: float, since: str = "stimulus"
) -> Tensor:
    """Return when each trial's decision variable first reaches a threshold.

    Args:
        task: Where the trials come from; it says what a choice is read from.
        outputs: A network's answers, ``(n_trials, time, output_size)``.
        batch: The trials.
        threshold: Size of the decision variable at which the network has decided.
        since: Name of the epoch from whose onset time counts.

    Returns:
        Times in ms, ``(n_trials,)``; NaN where the threshold is not reached.

    Raises:
        ValueError: If the trials have no such epoch, or the threshold is not positive.

    Example:
        >>> from pyrnn.tasks import MultisensoryIntegration
        >>> task = MultisensoryIntegration(seed=0)
        >>> batch = task.batch(2)
        >>> reaction_times(task, batch.targets, batch, threshold=0.5)  # perfect, hence late
        tensor([1020., 1020.])
    """
    if since not in batch.epochs:
        raise ValueError(f"expected an epoch among {sorted(batch.epochs)}, got {since!r}")
    if not threshold > 0:
        raise ValueError(f"expected a positive threshold, got {threshold}")
    onset = batch.epochs[since][:, :1].to(outputs)
    time = (torch.arange(outputs.shape[-2]).to(onset) + 1) * task.dt - onset
    reached = (task.decision_variable(outputs).abs() >= threshold) & (time > 0)
    first = time.gather(-1, reached.double().argmax(-1, keepdim=True)).squeeze(-1)
    return torch.where(reached.any(-1), first, torch.nan)


def evidence_of(batch: Trial, name: str) -> Tensor:
    """Look up the evidence of each trial.

    Raises:
        ValueError: If the trials do not know it.
    """
    if name not in batch.info:
        raise ValueError(f"expected evidence among {sorted(batch.info)}, got {name!r}")
    return batch.info[name]


def _flat(values: Any) -> np.ndarray:
    return torch.as_tensor(values).detach().cpu().double().numpy().ravel()


def _check_same_trials(x: np.ndarray, y: np.ndarray) -> None:
    if x.shape != y.shape or len(x) == 0:
        raise ValueError(
            f"expected one value of each for every trial, got {len(x)} and {len(y)} values"
        )


def _logistic(x: np.ndarray, bias: float, width: float) -> np.ndarray:
    from scipy.special import expit

    return expit((x - bias) / width)


def _fit_logistic(levels: np.ndarray, k: np.ndarray, n: np.ndarray) -> tuple[float, float]:
    """Maximize the binomial likelihood of ``k`` of ``n``; return bias and width."""
    from scipy.optimize import minimize

    span, step = np.ptp(levels), np.diff(levels).min()

    def surprise(parameters: np.ndarray) -> float:
        z = (levels - parameters[0] * span) / np.exp(parameters[1])
        return float(k @ np.logaddexp(0, -z) + (n - k) @ np.logaddexp(0, z))

    center = levels.mean() / span
    limits = [(levels[0] / span, levels[-1] / span), (np.log(step / 20), np.log(20 * span))]
    found = minimize(surprise, [center, np.log(span / 4)], bounds=limits, method="L-BFGS-B")
    return float(found.x[0] * span), float(np.exp(found.x[1]))
