"""Memory of bits: the flip-flop."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np
import torch
from torch import Tensor

from pyrnn.tasks._arguments import Count, FixedDuration
from pyrnn.tasks._base import Task
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.tasks.scores import sign_accuracy
from pyrnn.validate import as_number

__all__ = ["FlipFlop"]


@dataclass(eq=False)
class FlipFlop(Task):
    r"""Remember the sign of the last pulse of each channel.

    Each channel shows pulses :math:`\pm 1` at the times of a Poisson process, the first one at
    :math:`t = 0`. With :math:`t_k(t)` the onset of the last pulse of channel ``k`` and :math:`s`
    its sign,

    .. math:: x_k(t) = s_k(t_k)\,[t - t_k < d], \qquad y_k(t) = s_k(t_k) .

    A network with a time constant needs time to switch. Steps during a pulse on any channel are
    therefore not scored. A trained network typically has :math:`3^n` fixed points; :math:`2^n` of
    them are stable, one for each memory.

    Args:
        n_bits: Number of channels.
        duration: Duration of a trial, in ms.
        pulse_duration: Duration :math:`d` of a pulse, in ms, rounded to whole steps. Half of the
            network's time constant works well.
        pulse_probability: Probability :math:`p` that a pulse begins within 10 ms, for each
            channel, whatever ``dt``. Of pulses that begin in the same step only the last is seen.
            On :math:`n` steps of ``dt`` ms, a bit switches
            :math:`(n - 1)\,(1 - (1 - p)^{dt / 10}) / 2` times on average: with the defaults 2.5
            times at 5 ms and 2.1 times at 50 ms.

    Shapes:
        inputs and targets ``(time, n_bits)``. The metric is the share of correct bits.

    Raises:
        ValueError: If there is no channel, a time is impossible, or the probability is not
            between 0 and 1.

    Example:
        >>> task = FlipFlop(n_bits=3, seed=0)
        >>> inputs, targets, mask = task.batch(64)
        >>> inputs.shape, task.accuracy(targets, targets, mask)
        (torch.Size([64, 100, 3]), 1.0)

    References:
        Sussillo & Barak, *Opening the black box*, Neural Computation 25 (2013);
        Maheswaranathan et al., *Universality and individuality*, NeurIPS (2019).
    """

    n_bits: Count = 3
    _: KW_ONLY
    duration: FixedDuration = 1000.0
    pulse_duration: FixedDuration = 50.0
    pulse_probability: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        probability = as_number("pulse_probability", self.pulse_probability, low=0, high=1)
        self.pulse_probability = probability
        if self.steps(self.pulse_duration) >= self.steps(self.duration):
            raise ValueError(
                f"expected a pulse_duration between dt = {self.dt} and duration = "
                f"{self.duration} ms, got {self.pulse_duration}"
            )

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        begins = 1 - (1 - self.pulse_probability) ** (self.dt / 10.0)
        u = draws.uniform(self.steps(self.duration), self.n_bits)
        is_onset, is_up = u < begins, u < begins / 2
        is_onset[:, 0], is_up[:, 0] = True, draws.sign(self.n_bits) > 0
        step = torch.arange(u.shape[1], dtype=torch.int32)[:, None]
        pulses = is_onset * (2 * step + is_up)  # onset and sign in one number, the last is largest
        last = torch.from_numpy(np.maximum.accumulate(pulses.numpy(), axis=1))
        targets = 2.0 * (last & 1) - 1.0
        is_pulse = step - (last >> 1) < self.steps(self.pulse_duration)
        return Trial(targets * is_pulse, targets, 1.0 - is_pulse.any(-1).to(targets))

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of correct bits."""
        return sign_accuracy(outputs, targets, mask)
