"""Working memory: remember a stimulus during a delay."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch

from pyrnn.tasks._arguments import Duration, NonNegative, PositiveDuration, as_numbers
from pyrnn.tasks._choice import ChoiceTask
from pyrnn.tasks._timeline import white_noise
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.validate import as_list

__all__ = ["DelayedMatchToSample", "ParametricWorkingMemory"]


@dataclass(eq=False)
class DelayedMatchToSample(ChoiceTask):
    r"""Decide after a delay whether a test stimulus is the same as the sample.

    .. math:: y = 2\,[s = t] - 1, \qquad s, t = A \text{ or } B

    Sample :math:`s` and test :math:`t` are drawn independently from two stimuli, so that half of
    the trials match.

    Args:
        sample: Duration of the sample, in ms.
        delay: Time from the sample to the test, in ms.
        test: Duration of the test, in ms.
        decision: Time to decide, in ms; only these steps are scored.
        noise: Standard deviation :math:`\sigma` of the input noise at ``dt`` = 20 ms.

    Shapes:
        inputs ``(time, 2)``: one channel per stimulus. targets ``(time, 1)``: 1 match, -1 no
        match. The metric is the share of right choices.

    Raises:
        ValueError: If a time is shorter than ``dt``.

    Example:
        >>> trial = DelayedMatchToSample(delay=1000.0, seed=0)[0]
        >>> {name: span.tolist() for name, span in trial.epochs.items()}["delay"]
        [500.0, 1500.0]

    References:
        Miyashita, *Neuronal correlate of visual associative long-term memory in the primate
        temporal cortex*, Nature 335 (1988); Chaisangmongkon et al., *Computing by robust
        transience*, Neuron 93 (2017).
    """

    _: KW_ONLY
    dt: float = 20.0
    sample: Duration = 500.0
    delay: Duration = (500.0, 3000.0)
    test: Duration = 500.0
    decision: PositiveDuration = 1000.0
    noise: NonNegative = 0.03

    input_names: ClassVar[tuple[str, ...]] = ("A", "B")
    cues: ClassVar[tuple[str | tuple[str, ...], ...]] = ("sample", "test", "delay")

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        sample, test = draws.integers(0, 2, 2).unbind(-1)
        time = self.timeline(draws, "sample", "delay", "test", "decision")
        first, second = time.during("sample"), time.during("test")
        shown = [first & (sample == k)[:, None] | second & (test == k)[:, None] for k in (0, 1)]
        inputs = white_noise(draws, self.noise, self.dt, time.n_steps, 2)
        inputs += torch.stack(shown, dim=-1)
        info = {"sample": sample, "test": test, "delay": time.duration("delay")}
        return self.decided(inputs, time, info | {"choice": 1.0 - 2.0 * (sample != test)})


@dataclass(eq=False)
class ParametricWorkingMemory(ChoiceTask):
    r"""Decide which of two vibrations had the higher frequency.

    .. math:: x(t) = \frac{f(t)}{f_{max}} + \sigma N(0, 1), \qquad y = \mathrm{sign}(f_1 - f_2)

    The input is the frequency of the present vibration, as a share of the highest frequency.

    Args:
        pairs: Pairs of frequencies in Hz; each pair and each order is equally likely.
        first: Duration of the first vibration, in ms.
        delay: Time between the two, in ms.
        second: Duration of the second vibration, in ms.
        decision: Time to decide, in ms; only these steps are scored.
        noise: Standard deviation :math:`\sigma` of the input noise at ``dt`` = 20 ms.

    Shapes:
        inputs ``(time, 1)``. targets ``(time, 1)``: the sign of the first frequency minus the
        second. The metric is the share of right choices.

    Raises:
        ValueError: If a time is shorter than ``dt``, or a pair holds the same frequency twice.

    Example:
        >>> info = ParametricWorkingMemory(seed=0).batch(64).info
        >>> info["f1"].min(), info["f1"].max()
        (tensor(10., dtype=torch.float64), tensor(34., dtype=torch.float64))

    References:
        Romo et al., *Neuronal correlates of parametric working memory in the prefrontal cortex*,
        Nature 399 (1999).
    """

    pairs: tuple[tuple[float, float], ...] = ((18, 10), (22, 14), (26, 18), (30, 22), (34, 26))
    _: KW_ONLY
    dt: float = 20.0
    first: Duration = 500.0
    delay: Duration = (500.0, 2000.0)
    second: Duration = 500.0
    decision: PositiveDuration = 100.0
    noise: NonNegative = 0.01

    input_names: ClassVar[tuple[str, ...]] = ("vibration",)
    cues: ClassVar[tuple[str | tuple[str, ...], ...]] = ("f1", "f2", "delay")

    def __post_init__(self) -> None:
        super().__post_init__()
        listed = as_list("pairs", self.pairs, "pairs of frequencies")
        pairs = [as_numbers("each of pairs", pair, above=0, size=2) for pair in listed]
        if not pairs or any(f1 == f2 for f1, f2 in pairs):
            raise ValueError(f"expected pairs of different frequencies, got {self.pairs}")
        self.pairs = tuple((f1, f2) for f1, f2 in pairs)

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        table = torch.tensor(self.pairs, dtype=torch.float64)
        pairs = table[draws.integers(0, len(table))]
        f1, f2 = torch.where(draws.sign(1) > 0, pairs, pairs.flip(-1)).unbind(-1)
        time = self.timeline(draws, "first", "delay", "second", "decision")
        noise = white_noise(draws, self.noise, self.dt, time.n_steps)
        vibration = time.during("first") * f1[:, None] + time.during("second") * f2[:, None]
        inputs = vibration / table.max() + noise
        info = {"f1": f1, "f2": f2, "difference": f1 - f2, "delay": time.duration("delay")}
        return self.decided(inputs.unsqueeze(-1), time, info | {"choice": (f1 - f2).sign()})
