"""Tasks that consist of phases: ``Fixation(300) >> Stimulus(800, …) >> Response(200, …)``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import TypeAlias

import torch
from torch import Tensor

from pyrnn.tasks._arguments import Duration, NonNegative, Spread, as_spread, check_arguments
from pyrnn.tasks._last_values import LastValueTask
from pyrnn.tasks._timeline import Timeline, draw_spread, white_noise
from pyrnn.tasks._trial import Trial
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.validate import as_boolean, as_number

__all__ = ["Delay", "Fixation", "Phase", "PhaseTask", "Response", "Stimulus"]

Channel: TypeAlias = float | str | Callable[..., Tensor]
"""A number, the name of a variable, or a function whose arguments are named like variables."""


@dataclass(frozen=True, eq=False)
class Phase:
    """A phase of a trial: its duration, its inputs and its targets.

    Phases are chained with ``>>`` into a task. :class:`Fixation`, :class:`Stimulus`,
    :class:`Delay` and :class:`Response` are the usual kinds.

    Args:
        duration: In ms: a number, a range ``(low, high)`` or a list of equally likely values.
        inputs: Values of the input channels after fixation: a number, the name of a variable or a
            function of variables for each channel.
        targets: Values of the targets, in the same way.
        draw: Variables that are drawn once for each trial, by name: a range ``(low, high)`` or a
            list of values. All phases may use them.
        fixate: Whether the fixation channel is on.
        noise: Standard deviation of noise on the inputs at ``dt`` = 20 ms.
        weight: Weight of the steps in the loss; 0 means not scored.
        name: Name of the phase.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If a duration, the noise or the weight is negative, or a number is not finite.

    Example:
        >>> flash = Phase(100.0, inputs=("c",), draw={"c": [-1.0, 1.0]}, fixate=False)
        >>> (flash >> Response(200.0, "c")).batch(64).inputs.shape
        torch.Size([64, 15, 2])
    """

    duration: Duration
    inputs: tuple[Channel, ...] = ()
    targets: tuple[Channel, ...] = ()
    _: KW_ONLY
    draw: Mapping[str, Spread] = field(default_factory=dict)
    fixate: bool = True
    noise: NonNegative = 0.0
    weight: NonNegative = 0.0
    name: str = "phase"

    def __post_init__(self) -> None:
        check_arguments(self)
        as_boolean("fixate", self.fixate)
        if not isinstance(self.draw, Mapping):
            raise TypeError(f"expected draw to map names to values, got {self.draw!r}")
        draw = {name: as_spread(f"draw[{name!r}]", spread) for name, spread in self.draw.items()}
        object.__setattr__(self, "draw", draw)
        for name, channels in (("inputs", self.inputs), ("targets", self.targets)):
            if not isinstance(channels, tuple | list):
                raise TypeError(f"expected {name} to be a tuple of channels, got {channels!r}")
            for channel in channels:
                if not isinstance(channel, str) and not callable(channel):
                    as_number(f"a channel of {name}, if no name and no function,", channel)

    def __rshift__(self, after: Phase | PhaseTask) -> PhaseTask:
        """Return a task with another phase, or another task, behind this one."""
        return PhaseTask([self]) >> after


class Fixation(Phase):
    """A phase that shows the fixation channel only; all targets are 0.

    Args:
        duration: In ms, as in :class:`Phase`.
        weight: Weight of the steps in the loss.
        name: Name of the phase.

    Example:
        >>> task = Fixation((100.0, 300.0)) >> Response(100.0, 1.0)  # drawn for each trial
        >>> sorted(task[0].epochs)
        ['fixation', 'response']
    """

    def __init__(self, duration: Duration, *, weight: float = 0.0, name: str = "fixation") -> None:
        super().__init__(duration, weight=weight, name=name)


class Stimulus(Phase):
    """A phase that shows something on the channels after fixation; all targets are 0.

    Args:
        duration: In ms, as in :class:`Phase`.
        *inputs: A number, the name of a variable or a function of variables for each channel.
        draw: Variables to draw, by name.
        noise: Standard deviation of noise on these channels at ``dt`` = 20 ms.
        weight: Weight of the steps in the loss.
        name: Name of the phase.

    Example:
        >>> both = Stimulus(200.0, "a", lambda a: a**2, draw={"a": (0.0, 1.0)})
        >>> inputs, _, _ = (both >> Response(100.0, "a"))[0]
        >>> bool(torch.allclose(inputs[0, 1] ** 2, inputs[0, 2]))
        True
    """

    def __init__(
        self,
        duration: Duration,
        *inputs: Channel,
        draw: Mapping[str, Spread] | None = None,
        noise: float = 0.0,
        weight: float = 0.0,
        name: str = "stimulus",
    ) -> None:
        super().__init__(
            duration,
            inputs,
            draw={} if draw is None else draw,
            noise=noise,
            weight=weight,
            name=name,
        )


class Delay(Fixation):
    """A fixation phase between stimulus and response; all targets are 0.

    Args:
        duration: In ms, as in :class:`Phase`.
        weight: Weight of the steps in the loss.
        name: Name of the phase.

    Example:
        >>> cue = Stimulus(100.0, "a", draw={"a": [-1.0, 1.0]})
        >>> (cue >> Delay([200.0, 400.0]) >> Response(100.0, "a")).n_steps  # of 20 ms each
        30
    """

    def __init__(self, duration: Duration, *, weight: float = 0.0, name: str = "delay") -> None:
        super().__init__(duration, weight=weight, name=name)


class Response(Phase):
    """A phase with targets, in which the fixation channel is off.

    Args:
        duration: In ms, as in :class:`Phase`.
        *targets: A number, the name of a variable or a function of variables for each output.
        weight: Weight of the steps in the loss.
        name: Name of the phase.

    Example:
        >>> cue = Stimulus(100.0, "a", draw={"a": [-1.0, 1.0]})
        >>> targets = (cue >> Response(100.0, "a", lambda a: -a)).batch(64).targets
        >>> bool((targets[..., 0] == -targets[..., 1]).all())
        True
    """

    def __init__(
        self, duration: Duration, *targets: Channel, weight: float = 1.0, name: str = "response"
    ) -> None:
        super().__init__(duration, (), targets, fixate=False, weight=weight, name=name)


@dataclass(eq=False)
class PhaseTask(LastValueTask):
    """A task of phases that follow one another.

    It is usually written with ``>>``; ``replace`` sets its options.

    Args:
        phases: The phases, in order.

    Shapes:
        inputs ``(time, 1 + channels)``: fixation, then the stimuli. targets ``(time, outputs)``.
        ``info`` holds the variables, and the durations of those phases that differ between trials.

        The metric is the share of trials that end with every output right: nearest to its target
        among the values that it takes at scored steps, or, where these are more than 20, within a
        fifth of their standard deviation. A constant answer is hence right in 12 % of the trials
        if the target is uniformly distributed, and in 1 of ``k`` if it is one of ``k`` values.

    Raises:
        TypeError: If something is no phase.
        ValueError: If a variable is drawn twice. Trials raise it if a phase is shorter than
            ``dt``, no phase with targets is scored, or a variable is not drawn.

    Example:
        >>> from pyrnn.tasks.phases import Delay, Fixation, Response, Stimulus
        >>> task = (
        ...     Fixation(300)
        ...     >> Stimulus(500, "f1", draw={"f1": [10.0, 20.0, 30.0]}, noise=0.1)
        ...     >> Delay((500, 1500))
        ...     >> Stimulus(500, "f2", draw={"f2": [15.0, 25.0]}, noise=0.1)
        ...     >> Response(200, lambda f1, f2: torch.sign(f1 - f2))
        ... ).replace(dt=20.0, seed=1)
        >>> list(task[0].epochs)
        ['fixation', 'stimulus', 'delay', 'stimulus 2', 'response']
        >>> task.batch(64).inputs.shape
        torch.Size([64, 150, 2])
    """

    phases: Sequence[Phase]
    _: KW_ONLY
    dt: float = 20.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.phases, tuple | list):
            raise TypeError(f"expected a list of phases, got {type(self.phases).__name__}")
        for phase in self.phases:
            if not isinstance(phase, Phase):
                raise TypeError(f"expected phases, got {type(phase).__name__}")
        drawn = [name for phase in self.phases for name in phase.draw]
        if len(drawn) != len(set(drawn)):
            raise ValueError(f"expected each variable to be drawn once, got {sorted(drawn)}")

    def __rshift__(self, after: Phase | PhaseTask) -> PhaseTask:
        """Return a task with another phase, or another task, behind this one."""
        phases = after.phases if isinstance(after, PhaseTask) else [after]
        return self.replace(phases=[*self.phases, *phases])

    @property
    def cues(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the variables, if there are several."""
        names = tuple(name for phase in self.phases for name in phase.draw)
        return names if len(names) > 1 else ()

    @cached_property
    def _names(self) -> list[str]:
        """Names of the phases; a number is added to a name that occurs again."""
        names = [phase.name for phase in self.phases]
        counts = [names[: k + 1].count(name) for k, name in enumerate(names)]
        return [f"{n} {k}" if k > 1 else n for n, k in zip(names, counts, strict=True)]

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials."""
        self._check_asked()
        known = {
            name: draw_spread(draws, values)
            for phase in self.phases
            for name, values in phase.draw.items()
        }
        durations = {n: p.duration for n, p in zip(self._names, self.phases, strict=True)}
        time = Timeline(draws, self.dt, durations)
        inputs = self._sum(time, "inputs", known)
        targets = self._sum(time, "targets", known)
        fixate, mask = inputs.new_zeros(2, *inputs.shape[:2])
        for name, phase in zip(self._names, self.phases, strict=True):
            during = time.during(name)
            fixate, mask = fixate + during * phase.fixate, mask + during * phase.weight
            noise = white_noise(draws, phase.noise, self.dt, *inputs.shape[1:])
            inputs = inputs + during.unsqueeze(-1) * noise
        varying = {n for n, d in durations.items() if isinstance(d, tuple | list)}
        info = known | {name: time.duration(name) for name in time.starts if name in varying}
        return Trial(
            torch.cat([fixate.unsqueeze(-1), inputs], dim=-1), targets, mask, info, time.epochs
        )

    def _check_asked(self) -> None:
        if not any(phase.targets and phase.weight > 0 for phase in self.phases):
            raise ValueError(
                "expected a phase with targets that are scored, got none; end with Response(…)"
            )

    def _sum(self, time: Timeline, which: str, known: dict[str, Tensor]) -> Tensor:
        """Return the inputs or the targets of all phases, ``(n_trials, time, n)``."""
        wanted = [getattr(phase, which) for phase in self.phases]
        size = max(len(channels) for channels in wanted)
        columns = []
        for channel in range(size):
            parts = [
                time.during(name) * _value(channels[channel], known)
                for name, channels in zip(self._names, wanted, strict=True)
                if channel < len(channels)
            ]
            columns.append(torch.stack(parts).sum(0))
        n = len(time.during(self._names[0]))
        empty = torch.zeros(n, time.n_steps, 0, dtype=torch.float64)
        return torch.stack(columns, dim=-1) if columns else empty


def _value(channel: Channel, known: Mapping[str, Tensor]) -> Tensor:
    # a value for each trial, (n_trials, 1), or a single number
    if not isinstance(channel, str) and not callable(channel):
        return torch.tensor(float(channel), dtype=torch.float64)
    names = list(inspect.signature(channel).parameters) if callable(channel) else [channel]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"expected variables that some phase draws, {sorted(known)}, got {unknown}; "
            'write e.g. Stimulus(500, "angle", draw={"angle": (0, 6.28)})'
        )
    values = [known[name] for name in names]
    value = channel(*values) if callable(channel) else values[0]
    return torch.as_tensor(value).double().reshape(-1, 1)
