"""The task: a dataset of trials with names, sizes and scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from pyrnn.result import Report, Reported
from pyrnn.serialize import argument_names
from pyrnn.tasks._arguments import check_arguments, to_steps
from pyrnn.tasks._dataset import TrialDataset
from pyrnn.tasks._describe import describe
from pyrnn.tasks._timeline import Timeline
from pyrnn.tasks._trial import Trial, stack_trials
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.tasks.scores import class_accuracy, r_squared, sign_accuracy
from pyrnn.validate import as_number

__all__ = ["Task"]

_SHORTEST = 1e-6  # step, in ms

_Own = TypeVar("_Own", bound="Task")


@dataclass(kw_only=True, eq=False)
class Task(TrialDataset, Reported):
    """A dataset of trials: trial ``i`` of a seed is always the same trial.

    Trials are made when they are asked for. With ``online=True`` every epoch of training has new
    trials, the same ones in each run; with ``online=False`` every epoch has the same ``n_trials``.

    Args:
        n_trials: Number of trials in the dataset, hence in an epoch.
        seed: Seed of the trials.
        dt: Duration of a step, in ms.
        online: Whether each epoch has trials of its own.

    Attributes:
        loss: Name of the loss to train with: ``"mse"``, ``"cross_entropy"`` or
            ``"binary_cross_entropy"``.
        metric_name: What :meth:`metric` measures.
        metric_goal: ``"max"`` or ``"min"``.
        cues: Names in ``info`` of cues that do not tell the answer on their own, or tuples of such
            names; ``check_task`` measures how far each of them leads alone.

    Subclassing:
        Write ``trial(rng)`` and draw from the generator that it is given. Indexing, batches,
        workers, splits and ``fit`` then work. Trials may differ in duration. To make a whole
        batch at once, write ``trials(draws)`` instead. Parameters are keyword arguments that are
        kept under their own names, as in a dataclass; those annotated with
        ``pyrnn.tasks.Duration`` are checked at construction. Where targets are classes, declare
        ``output_size``. ``accuracy``, ``metric``, ``decision_variable`` and ``strategies`` may be
        overridden. Run :func:`pyrnn.testing.check_task` on the result.

    Raises:
        TypeError: If an argument is of another kind.
        ValueError: If there is no trial, ``dt`` is not positive, or a duration is impossible.

    Example:
        >>> class Copy(Task):
        ...     def trial(self, rng):
        ...         inputs = torch.randn(20, 1, generator=rng)
        ...         return Trial(inputs, inputs)
        >>> task = Copy(seed=1)
        >>> inputs, targets, mask = task[5]
        >>> torch.equal(task.batch([8, 5]).inputs[1], inputs)
        True
        >>> outputs, targets, mask = task.batch(64)
        >>> outputs.shape, task.accuracy(outputs, targets, mask)
        (torch.Size([64, 20, 1]), 1.0)
        >>> task.input_size, task.output_size, task.n_steps
        (1, 1, 20)
        >>> task.replace(dt=20.0).config
        {'n_trials': 1024, 'seed': 1, 'online': True, 'dt': 20.0}
    """

    dt: float = 10.0

    loss: ClassVar[str] = "mse"
    metric_name: ClassVar[str] = "accuracy"
    metric_goal: ClassVar[str] = "max"
    cues: ClassVar[tuple[str | tuple[str, ...], ...]] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        dt = as_number("dt", self.dt, above=0, unit="ms")
        self.dt = as_number("dt", dt, low=_SHORTEST, unit="ms")
        check_arguments(self, self.dt)

    # A subclass writes one of these two.

    def trial(self, rng: torch.Generator) -> Trial:
        """Return a trial that is drawn from a generator.

        Args:
            rng: The generator.

        Raises:
            NotImplementedError: If the class writes neither ``trial`` nor ``trials``.

        Example:
            >>> from pyrnn.tasks import FlipFlop
            >>> FlipFlop().trial(torch.Generator().manual_seed(0)).inputs.shape
            torch.Size([100, 3])
        """
        if type(self).trials is Task.trials:
            raise NotImplementedError(f"{type(self).__name__} must write trial(rng)")
        return self.trials(TrialRandom.from_generator(rng)).unbind()[0]

    def trials(self, draws: TrialRandom) -> Trial:
        """Return a batch of trials, one for each row of random numbers.

        Args:
            draws: Random numbers of the trials.

        Raises:
            TypeError: If ``trial`` returns something else than a trial.

        Example:
            >>> from pyrnn.tasks import FlipFlop
            >>> FlipFlop().trials(TrialRandom(seed=0, indices=[4, 9])).inputs.shape
            torch.Size([2, 100, 3])
        """
        made = [self.trial(rng) for rng in draws.generators()]
        for trial in made:
            if not isinstance(trial, Trial):
                raise TypeError(
                    f"expected trial() of {type(self).__name__} to return a Trial, got "
                    f"{type(trial).__name__}; write return Trial(inputs, targets, mask)"
                )
        return stack_trials(made)

    @property
    def _is_vectorized(self) -> bool:
        return type(self).trials is not Task.trials

    @property
    def config(self) -> dict[str, Any]:
        """Arguments that make this task again, as plain data."""
        return {name: getattr(self, name) for name in argument_names(type(self))}

    def replace(self: _Own, **changes: object) -> _Own:
        """Return the same task with some parameters changed.

        Args:
            **changes: The parameters.

        Raises:
            TypeError: If the task has no such parameter.
        """
        config = self.config
        unknown = changes.keys() - config.keys()
        if unknown:
            raise TypeError(
                f"expected parameters of {type(self).__name__}, got {sorted(unknown)}; "
                f"it has {sorted(config)}"
            )
        config.update(changes)
        return type(self)(**config)._view(self._first)

    # Sizes are those of the first trial, unless a subclass declares them.

    @cached_property
    def input_size(self) -> int:
        """Number of input channels."""
        return self._example.inputs.shape[-1]

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """Names of the input channels, for tables and figures."""
        return tuple(f"in {k + 1}" for k in range(self.input_size))

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, for tables and figures."""
        return tuple(f"out {k + 1}" for k in range(self.output_size))

    @cached_property
    def output_size(self) -> int:
        """Number of outputs that the targets need; with classes, a subclass must declare it."""
        targets = self._example.targets
        if targets.ndim == 3:
            return targets.shape[-1]
        raise NotImplementedError(
            f"{type(self).__name__} has targets that are classes: declare how many there are, "
            "output_size = ..."
        )

    @cached_property
    def n_steps(self) -> int:
        """Number of steps of a trial; of the first trial, where they differ in duration."""
        return self._example.inputs.shape[-2]

    # Scores of outputs.

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return a score between 0 and 1 of the outputs at scored steps.

        By default it depends on the loss: the share of steps with the right class, the share of
        right bits, or, for real targets, the explained variance.

        Args:
            outputs: A network's outputs, ``(..., time, output_size)``.
            targets: Targets, ``(..., time, output_size)`` or ``(..., time)``.
            mask: Weight of each step, ``(..., time)``.
        """
        if self.loss == "cross_entropy":
            return class_accuracy(outputs, targets, mask)
        if self.loss == "binary_cross_entropy":
            return sign_accuracy(outputs, 2.0 * targets - 1.0, mask)
        return max(0.0, r_squared(outputs, targets, mask))

    def metric(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the number that papers on the task report, by default the accuracy.

        Arguments are those of :meth:`accuracy`; ``metric_goal`` says what is better.

        Example:
            >>> from pyrnn.tasks import HeadingIntegrator
            >>> task = HeadingIntegrator()
            >>> inputs, targets, mask = task.batch(64)
            >>> task.metric_name, task.metric(targets, targets, mask)
            ('angle error (deg)', 0.0)
        """
        return self.accuracy(outputs, targets, mask)

    def decision_variable(self, outputs: Tensor) -> Tensor:
        """Return the number whose sign is the choice, by default the first output.

        Args:
            outputs: A network's outputs, ``(..., time, output_size)``.

        Returns:
            The number at each step, ``(..., time)``.

        Example:
            >>> from pyrnn.tasks import PerceptualDecision
            >>> PerceptualDecision().decision_variable(torch.tensor([[0.0, 0.2, 0.9]]))
            tensor([0.7000])
        """
        return outputs[..., 0]

    def strategies(self, batch: Trial) -> dict[str, Tensor]:
        """Return outputs of strategies that ignore part of the inputs, by name; none by default.

        ``check_task`` measures how far they get, as it does with ``cues``.

        Args:
            batch: The trials.

        Example:
            >>> from pyrnn.tasks import ReadySetGo
            >>> task = ReadySetGo()
            >>> {name: outputs.shape for name, outputs in task.strategies(task.batch(2)).items()}
            {'mean interval': torch.Size([2, 125, 1])}
        """
        return {}

    # A task as a table.

    def describe(self) -> Report:
        """Return a table of sizes, channels, epochs, metadata, metric and parameters.

        ``print`` shows it as text. A notebook and rich show the task itself like this.

        Example:
            >>> from pyrnn.tasks import FlipFlop
            >>> print(FlipFlop(n_bits=2).describe())
            FlipFlop
              inputs             2: in 1, in 2
              outputs            2: out 1, out 2
              trial              100 steps of 10 ms = 1000 ms
              loss               mse
              metric             accuracy (max)
              n_bits             2
              ...
            Remember the sign of the last pulse of each channel.
        """
        return describe(self)

    def _report(self) -> Report:
        return self.describe()

    # Time, for subclasses.

    def steps(self, duration: float) -> int:
        """Return the number of steps of a duration, at least one unless it is 0.

        Args:
            duration: The duration, in ms.

        Example:
            >>> from pyrnn.tasks import FlipFlop
            >>> FlipFlop(dt=20.0).steps(110.0)
            6
        """
        return to_steps("duration", duration, self.dt)

    def timeline(self, draws: TrialRandom, *phases: str) -> Timeline:
        """Return a timeline of phases whose durations are attributes of the task.

        Args:
            draws: Random numbers of the trials.
            *phases: Names of the attributes, in order.

        Example:
            >>> from pyrnn.tasks import PerceptualDecision
            >>> draws = TrialRandom(seed=0, indices=[0])
            >>> PerceptualDecision().timeline(draws, "fixation", "stimulus").n_steps
            21
        """
        return Timeline(draws, self.dt, {name: getattr(self, name) for name in phases})
