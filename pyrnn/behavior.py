"""How choices and reaction times depend on the evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from pyrnn.result import Report, Result
from pyrnn.statistics import LARGEST_LAPSE, fit_logistic, wilson_interval
from pyrnn.tasks import Task, Trial
from pyrnn.tasks.scores import last_scored
from pyrnn.validate import as_number, check_kind, check_tensors

__all__ = [
    "ChronometricCurve",
    "PsychometricCurve",
    "chronometric",
    "psychometric",
    "reaction_times",
]

_LEAST_GAIN = 1.92  # of the log likelihood, to tell a slope: half the 95 % point of chi squared


class _Curve(Result):
    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, Tensor):  # a file holds tensors
                object.__setattr__(self, name, value.numpy())

    def _frame(self) -> dict[str, list[object]]:
        columns = {k: v for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        return {name: list(column) for name, column in columns.items()}


@dataclass(frozen=True, eq=False, repr=False)
class PsychometricCurve(_Curve):
    r"""Share of positive choices at each level of evidence, with a logistic fit.

    .. math:: P(\text{positive} \mid x)
        = \frac{\lambda}{2} + \frac{1 - \lambda}{1 + e^{-(x - b) / w}}

    A share :math:`\lambda` of the choices, the lapses, does not depend on the evidence.

    Attributes:
        evidence: Levels of the evidence, increasing, ``(n_levels,)``.
        share: Share of positive choices, ``(n_levels,)``.
        n_trials: Number of trials, ``(n_levels,)``.
        low: Lower end of the 95 % interval of the share (Wilson's), ``(n_levels,)``.
        high: Upper end, ``(n_levels,)``.
        bias: Evidence :math:`b` at which both choices are equally likely. Beyond the levels of
            evidence it is extrapolated.
        width: Width :math:`w` of the curve, negative if choices fall with the evidence; the slope
            at the bias is ``(1 - lapse) / (4 * width)``.
        lapse: Share :math:`\lambda` of lapses.
        bias_error: Standard error of the bias.
        width_error: Standard error of the width.
        lapse_error: Standard error of the lapse.

    Example:
        >>> curve = PsychometricCurve.fit([-1, -1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1])
        >>> curve.share, bool(curve(1.0) > curve(0.0))
        (array([0. , 0.5, 1. ]), True)
        >>> curve.status, curve.threshold < 0.1
        ('complete', True)
    """

    evidence: np.ndarray
    share: np.ndarray
    n_trials: np.ndarray
    low: np.ndarray
    high: np.ndarray
    bias: float
    width: float
    lapse: float = 0.0
    bias_error: float = np.nan
    width_error: float = np.nan
    lapse_error: float = np.nan

    @classmethod
    def fit(
        cls, evidence: ArrayLike, is_positive: ArrayLike, *, lapse: float | None = None
    ) -> PsychometricCurve:
        """Return the shares at each level, with a logistic fit by maximum likelihood.

        Args:
            evidence: Signed evidence of each trial, ``(n_trials,)``, finite.
            is_positive: Whether the choice was the positive one, ``(n_trials,)``: 1, 0, or 1/2 for
                a trial without a choice.
            lapse: Share of lapses; fitted, between 0 and 1/2, by default. 0 fits a plain logistic
                curve, which lapses would make wider.

        Returns:
            The curve. Its width is at least a twentieth of the smallest distance of two levels.
            Numbers that the choices do not tell are NaN; ``status`` says why. So are standard
            errors of numbers at a limit.

        Raises:
            ValueError: If there are fewer than two levels of evidence, or a value is impossible.

        Example:
            >>> evidence = torch.tensor([-2.0, -1.0, -1.0, 1.0, 1.0, 2.0])
            >>> curve = PsychometricCurve.fit(evidence, torch.tensor([0, 0, 1, 0, 1, 1]))
            >>> curve.share, round(abs(curve.bias), 3)
            (array([0. , 0.5, 0.5, 1. ]), 0.0)

        References:
            Wichmann & Hill, *The psychometric function*, Perception & Psychophysics 63 (2001).
        """
        x, positive = _pairs(evidence, is_positive)
        if lapse is not None:
            lapse = as_number("lapse", lapse, low=0, high=LARGEST_LAPSE)
        if not ((positive >= 0) & (positive <= 1)).all():
            raise ValueError("expected choices of 1, 0 or 1/2 (none), got other numbers or NaN")
        levels, index = np.unique(x + 0.0, return_inverse=True)  # -0 becomes 0
        if len(levels) < 2:
            raise ValueError(f"expected at least two levels of evidence, got {levels.tolist()}")
        n = np.bincount(index)
        k = np.bincount(index, weights=positive)
        return cls(levels, k / n, n, *wilson_interval(k, n), *fit_logistic(levels, k, n, lapse))

    def __call__(self, evidence: ArrayLike) -> np.ndarray:
        """Return the fitted share of positive choices at any evidence."""
        from scipy.special import expit

        z = (np.asarray(evidence, dtype=float) - self.bias) / self.width
        return self.lapse / 2 + (1 - self.lapse) * expit(z)

    @property
    def threshold(self) -> float:
        """Distance from the bias at which 75 % of the choices that are no lapses are right."""
        return float(np.log(3) * abs(self.width))

    @property
    def status(self) -> str:
        """Verdict in words: complete, reversed, or what the choices do not determine."""
        if np.ptp(self.share) == 0 and self.share[0] in (0, 1):
            return "undecided: all choices are the same"
        if not self._gain() > _LEAST_GAIN:
            return "undecided: choices do not depend on the evidence"
        if not ((self.share > 0) & (self.share < 1)).any():
            return "undecided: no level has both choices, so that the width is an upper bound"
        if not self.evidence[0] <= self.bias <= self.evidence[-1]:
            return "undecided: the bias lies beyond the evidence, where it is extrapolated"
        if self.lapse > LARGEST_LAPSE - 1e-6:
            return f"undecided: the share of lapses is at its limit of {LARGEST_LAPSE:g}"
        return "complete" if self.width > 0 else "reversed: choices fall as the evidence rises"

    def _gain(self) -> float:
        """Return by how much the curve is more likely than a constant share, in log units."""
        likelihoods = []
        for p in (self(self.evidence), np.average(self.share, weights=self.n_trials)):
            p = np.clip(p, 1e-15, 1 - 1e-15)
            terms = self.share * np.log(p) + (1 - self.share) * np.log1p(-p)
            likelihoods.append(self.n_trials @ terms)
        return float(likelihoods[0] - likelihoods[1])

    def _report(self) -> Report:
        rows = [
            (f"{x:g}", f"{share:.3f}", f"{low:.3f} to {high:.3f}", str(n))
            for x, share, low, high, n in zip(
                self.evidence, self.share, self.low, self.high, self.n_trials, strict=True
            )
        ]
        numbers = [
            f"{name} {getattr(self, name):.3g} ± {getattr(self, f'{name}_error'):.2g}"
            for name in ("bias", "width", "lapse")
        ]
        headings = ("evidence", "share positive", "95 % interval", "trials")
        title = f"psychometric curve: {', '.join(numbers)}"
        return Report(title.replace(" ± nan", ""), headings, rows, [self.status])


@dataclass(frozen=True, eq=False, repr=False)
class ChronometricCurve(_Curve):
    """Mean reaction time at each level of absolute evidence.

    Attributes:
        evidence: Absolute evidence, increasing, ``(n_levels,)``.
        time: Mean reaction time in ms, ``(n_levels,)``; NaN where no trial was decided.
        error: Standard error of the mean, ``(n_levels,)``; NaN below two decided trials.
        share_decided: Share of the trials with a decision, ``(n_levels,)``.

    Example:
        >>> ChronometricCurve.fit([0.1, 0.1, -0.4], [500.0, 300.0, 200.0]).time
        array([400., 200.])
    """

    evidence: np.ndarray
    time: np.ndarray
    error: np.ndarray
    share_decided: np.ndarray

    @classmethod
    def fit(cls, evidence: ArrayLike, times: ArrayLike) -> ChronometricCurve:
        """Return the average reaction time over trials of the same absolute evidence.

        Args:
            evidence: Evidence of each trial, ``(n_trials,)``, finite.
            times: Reaction times in ms, ``(n_trials,)``; NaN where no decision was reached.

        Example:
            >>> times = torch.tensor([300.0, 200.0, 100.0])
            >>> curve = ChronometricCurve.fit(torch.tensor([-1, 1, 2]), times)
            >>> curve.evidence, curve.time
            (array([1., 2.]), array([250., 100.]))
        """
        x, t = _pairs(evidence, times)
        levels, index = np.unique(np.abs(x), return_inverse=True)
        groups = [t[(index == level) & ~np.isnan(t)] for level in range(len(levels))]
        mean = [group.mean() if len(group) else np.nan for group in groups]
        error = [g.std(ddof=1) / len(g) ** 0.5 if len(g) > 1 else np.nan for g in groups]
        share = [len(group) for group in groups] / np.bincount(index)
        return cls(levels, np.array(mean), np.array(error), share)

    @property
    def status(self) -> str:
        """Verdict in words: complete, or how many levels have no decided trial."""
        n_missing = int((self.share_decided == 0).sum())
        return f"undecided: {n_missing} levels without a decision" if n_missing else "complete"

    def _report(self) -> Report:
        rows = [
            (f"{x:g}", f"{time:.1f}", f"{error:.1f}", f"{share:.3f}")
            for x, time, error, share in zip(
                self.evidence, self.time, self.error, self.share_decided, strict=True
            )
        ]
        headings = ("|evidence|", "time (ms)", "standard error", "share decided")
        return Report("chronometric curve", headings, rows, [self.status])


def psychometric(
    task: Task,
    outputs: Tensor,
    batch: Trial,
    *,
    evidence: str = "coherence",
    lapse: float | None = None,
) -> PsychometricCurve:
    """Return how a network's choices depend on the evidence.

    A choice is the sign of the task's ``decision_variable`` at the last scored step. A decision
    variable of zero counts as half a choice for either side. Evidence that the trials lack, and
    outputs of other trials, are refused with a ``ValueError``.

    Args:
        task: Task that made the trials.
        outputs: The network's outputs, ``(n_trials, time, output_size)``.
        batch: The trials.
        evidence: Name in ``batch.info`` of the signed evidence.
        lapse: Share of lapses; fitted by default, see :meth:`PsychometricCurve.fit`.

    Example:
        >>> from pyrnn.tasks import MultisensoryIntegration
        >>> task = MultisensoryIntegration(coherences=(0.1, 0.4), seed=0)
        >>> batch = task.batch(64)
        >>> psychometric(task, batch.targets, batch).share  # the right answers
        array([0., 0., 1., 1.])
    """
    signed = _evidence(batch, evidence)
    variable = _decision_variable(task, outputs, batch).unsqueeze(-1)
    choices = last_scored(variable, batch.mask.to(outputs.device)).squeeze(-1)
    is_positive = torch.where(choices.isnan(), torch.nan, (choices.sign() + 1) / 2)
    return PsychometricCurve.fit(signed, is_positive, lapse=lapse)


def chronometric(
    task: Task,
    outputs: Tensor,
    batch: Trial,
    *,
    evidence: str = "coherence",
    threshold: float,
    since: str = "stimulus",
) -> ChronometricCurve:
    """Return how a network's reaction times depend on the evidence.

    Evidence or an epoch that the trials lack, outputs of other trials and a threshold that is not
    positive are refused with a ``ValueError``.

    Args:
        task: Task that made the trials.
        outputs: The network's outputs, ``(n_trials, time, output_size)``.
        batch: The trials.
        evidence: Name in ``batch.info`` of the evidence.
        threshold: Size of the decision variable at which the network has decided.
        since: Name of the epoch whose onset is time 0.

    Example:
        >>> from pyrnn.tasks import MultisensoryIntegration
        >>> task = MultisensoryIntegration(coherences=(0.1, 0.4), seed=0)
        >>> batch = task.batch(64)
        >>> chronometric(task, batch.targets, batch, threshold=0.5).time
        array([1020., 1020.])
    """
    times = reaction_times(task, outputs, batch, threshold=threshold, since=since)
    return ChronometricCurve.fit(_evidence(batch, evidence), times)


def reaction_times(
    task: Task, outputs: Tensor, batch: Trial, *, threshold: float, since: str = "stimulus"
) -> Tensor:
    """Return the time at which each trial's decision variable first reaches a threshold.

    Args:
        task: Task that made the trials.
        outputs: The network's outputs, ``(n_trials, time, output_size)``.
        batch: The trials.
        threshold: Size of the decision variable at which the network has decided.
        since: Name of the epoch whose onset is time 0.

    Returns:
        Times in ms, ``(n_trials,)``; NaN where the threshold is not reached.

    Raises:
        ValueError: If the trials have no such epoch, the threshold is not positive, or the outputs
            are those of other trials.

    Example:
        >>> from pyrnn.tasks import MultisensoryIntegration
        >>> task = MultisensoryIntegration(seed=0)
        >>> batch = task.batch(2)
        >>> reaction_times(task, batch.targets, batch, threshold=0.5)  # targets begin after 1 s
        tensor([1020., 1020.])
    """
    threshold = as_number("threshold", threshold, above=0)
    check_kind("batch", batch, Trial, "take one of task.batch(64)")
    if not isinstance(since, str) or since not in batch.epochs:
        raise ValueError(f"expected since to be one of {sorted(batch.epochs)}, got {since!r}")
    variable = _decision_variable(task, outputs, batch)
    onset = batch.epochs[since][:, :1].to(outputs)
    time = (torch.arange(outputs.shape[-2]).to(onset) + 1) * task.dt - onset
    is_reached = (variable.abs() >= threshold) & (time > 0)
    first = time.gather(-1, is_reached.double().argmax(-1, keepdim=True)).squeeze(-1)
    return torch.where(is_reached.any(-1), first, torch.nan)


def _decision_variable(task: Task, outputs: Tensor, batch: Trial) -> Tensor:
    check_kind("task", task, Task, "take the one that made the trials")
    check_tensors(outputs=outputs)
    if outputs.ndim != 3 or outputs.shape[:2] != batch.mask.shape:
        raise ValueError(
            "expected outputs of shape (n_trials, time, output_size) for trials with a mask "
            f"(n_trials, time), got {tuple(outputs.shape)} and {tuple(batch.mask.shape)}; pass "
            "the outputs for this batch"
        )
    return task.decision_variable(outputs)


def _evidence(batch: Trial, name: str) -> Tensor:
    check_kind("batch", batch, Trial, "take one of task.batch(64)")
    if not isinstance(name, str) or name not in batch.info:
        raise ValueError(f"expected evidence to be one of {sorted(batch.info)}, got {name!r}")
    return batch.info[name]


def _pairs(evidence: ArrayLike, values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    # evidence and another value of each trial, both (n_trials,)
    x, y = (torch.as_tensor(v).detach().cpu().double().numpy().ravel() for v in (evidence, values))
    if x.shape != y.shape or len(x) == 0:
        raise ValueError(
            f"expected one value of each for every trial, got {len(x)} and {len(y)} values"
        )
    if not np.isfinite(x).all():
        raise ValueError("expected finite evidence, got NaN or infinity")
    return x, y
