"""What every task can do once it can make a trial."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor
from torch.utils.data import Dataset

from pyrnn.result import Report, Reported
from pyrnn.serialize import argument_names
from pyrnn.tasks._arguments import Count, check_arguments, to_steps
from pyrnn.tasks._timeline import Timeline
from pyrnn.tasks._trial import Trial, join_batches, stack_trials
from pyrnn.tasks._trial_random import TrialRandom
from pyrnn.tasks.scores import class_accuracy, r_squared, sign_accuracy
from pyrnn.validate import as_boolean, as_integer, as_number, as_tensor

AnyTask = TypeVar("AnyTask", bound="Task")

_HELD_OUT = 2**48  # where an online task's validation trials begin: training never gets there
_IN_BULK = 1024  # trials made at once for an epoch: with more of them only memory grows
_LARGEST_EPOCH = 2**24  # numbers that may be kept of it


@dataclass(kw_only=True, eq=False)
class Task(Dataset[Trial], Reported):
    """A dataset of trials: trial ``i`` of a seed is always the same trial.

    Trials are made when asked for. With ``online=True`` every epoch of training sees new ones,
    reproducibly; with ``online=False`` every epoch sees the same ``n_trials``.

    Args:
        n_trials: Length of the dataset, hence of an epoch.
        seed: Which trials; another seed gives others.
        dt: Duration of a step, in ms.
        online: Whether each epoch has trials of its own.

    Attributes:
        loss: Name of the loss to train with: ``"mse"``, ``"cross_entropy"`` or
            ``"binary_cross_entropy"``.
        metric_name: What :meth:`metric` measures.
        metric_goal: ``"max"`` or ``"min"``.

    Subclassing:
        Write ``trial(rng)``, drawing from the generator it is given, and the rest works:
        indexing, batches, workers, splits, ``fit``. Trials may differ in duration. To generate a
        batch at once, write ``trials(draws)`` instead. Parameters are keyword arguments kept
        under their own names; a dataclass does that. ``accuracy`` may be overridden too. Run
        :func:`pyrnn.testing.check_task` on the result.

    Raises:
        TypeError: If the seed or the number of trials is no integer.
        ValueError: If there is no trial, or ``dt`` is not positive.

    Example:
        >>> class Copy(Task):
        ...     def trial(self, rng):
        ...         inputs = torch.randn(20, 1, generator=rng)
        ...         return Trial(inputs, inputs)
        >>> task = Copy(seed=1)
        >>> inputs, targets, mask = task[5]
        >>> task.batch(64).inputs.shape
        torch.Size([64, 20, 1])
        >>> torch.equal(task.batch([8, 5]).inputs[1], inputs)
        True
    """

    n_trials: Count = 1024
    seed: int = 0
    dt: float = 10.0
    online: bool = True

    loss: ClassVar[str] = "mse"
    metric_name: ClassVar[str] = "accuracy"
    metric_goal: ClassVar[str] = "max"

    _first = 0  # index of the first trial; a view of the same task begins elsewhere
    _is_kept = False  # whether all trials are made at once and kept, as in a view of an epoch

    def __post_init__(self) -> None:
        self.seed = as_integer("seed", self.seed)
        self.dt = as_number("dt", self.dt, above=0, unit="ms")
        self.online = as_boolean("online", self.online)
        check_arguments(self, self.dt)

    # What a subclass writes: one of these two.

    def trial(self, rng: torch.Generator) -> Trial:
        """Make one trial, drawing from ``rng`` only."""
        if type(self).trials is Task.trials:
            raise NotImplementedError(f"{type(self).__name__} must write trial(rng)")
        return self.trials(TrialRandom.from_generator(rng)).unbind()[0]

    def trials(self, draws: TrialRandom) -> Trial:
        """Make a batch of trials, one per row of ``draws``."""
        made = [self.trial(rng) for rng in draws.generators()]
        for trial in made:
            if not isinstance(trial, Trial):
                raise TypeError(
                    f"expected trial() of {type(self).__name__} to return a Trial, got "
                    f"{type(trial).__name__}; write return Trial(inputs, targets, mask)"
                )
        return stack_trials(made)

    # What then works.

    def batch(self, trials: int | Sequence[int] | Tensor, *, start: int = 0) -> Trial:
        """Make many trials at once.

        Args:
            trials: How many, or which ones by index; indices beyond ``n_trials`` are welcome.
            start: Index of the first one, if ``trials`` is a number.

        Returns:
            A batch in torch's default precision: inputs ``(n, time, input_size)`` and so on.

        Raises:
            ValueError: If no trial is asked for, or one with a negative index.
        """
        indices = _as_indices(trials, start)
        if self._is_kept and int(indices.max()) < self.n_trials:
            return self._all.rows(indices)
        return self._make(indices)

    def _make(self, indices: Tensor) -> Trial:
        made = self.trials(TrialRandom(self.seed, indices + self._first))
        return made.to(torch.get_default_dtype())

    @cached_property
    def _all(self) -> Trial:
        """All trials of an epoch, made in bulk, which takes a fraction of the time."""
        parts = torch.arange(self.n_trials).split(_IN_BULK)
        return join_batches([self._make(part) for part in parts])

    def __len__(self) -> int:
        return self.n_trials

    def __getitem__(self, index: int) -> Trial:
        index = as_integer("index", index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"expected an index below {len(self)}, got {index}")
        return self.batch([index % len(self)]).unbind()[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Trial]:
        """Make a list of trials in one go: what a torch ``DataLoader`` calls."""
        return self.batch(indices).unbind()

    def epoch(self: AnyTask, k: int) -> AnyTask:
        """Return the trials of epoch ``k`` of training: new ones if online, else the same.

        Trials that are vectorized are made in bulk and kept as long as the epoch is.
        """
        first = self._first + as_integer("k", k, low=0) * self.n_trials * self.online
        is_vectorized = type(self).trials is not Task.trials
        size = self.n_trials * sum(field.numel() for field in self._example)
        return self._view(first, _is_kept=is_vectorized and size <= _LARGEST_EPOCH)

    def split(self: AnyTask, validation: float = 0.1) -> tuple[AnyTask, AnyTask]:
        """Split into trials to train on and trials to validate with, which never meet.

        Args:
            validation: Share of the trials to hold out, between 0 and 1.

        Returns:
            Training and validation task; the latter shows the same trials in every epoch.

        Raises:
            ValueError: If a part would be empty.
        """
        n_held_out = round(self.n_trials * as_number("validation", validation))
        if not 0 < n_held_out < self.n_trials:
            raise ValueError(
                f"expected validation to leave trials in both parts, got {validation} of "
                f"{self.n_trials} trials"
            )
        train = self._view(self._first, n_trials=self.n_trials - n_held_out)
        after = _HELD_OUT if self.online else train.n_trials
        return train, self._view(self._first + after, n_trials=n_held_out, online=False)

    def _view(self: AnyTask, first: int, **changes: Any) -> AnyTask:
        view = copy.copy(self)
        vars(view).pop("_all", None)
        vars(view).update({"_first": first, "_is_kept": False, **changes})
        return view

    @property
    def config(self) -> dict[str, Any]:
        """The arguments that make this task again, as plain data."""
        return {name: getattr(self, name) for name in argument_names(type(self))}

    def replace(self: AnyTask, **changes: Any) -> AnyTask:
        """Return the same task with some parameters changed.

        Example:
            >>> from pyrnn.tasks import FlipFlop
            >>> FlipFlop(seed=3).replace(n_bits=2).config["seed"]
            3
        """
        unknown = changes.keys() - self.config.keys()
        if unknown:
            raise TypeError(
                f"expected parameters of {type(self).__name__}, got {sorted(unknown)}; "
                f"it has {sorted(self.config)}"
            )
        changed = type(self)(**{**self.config, **changes})
        return changed._view(self._first)

    # Sizes are those of the first trial, unless a subclass declares them.

    @cached_property
    def _example(self) -> Trial:
        return self.batch(1)

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
        """Names of the outputs."""
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
        """Number of steps of a trial; of the first one, where trials differ in duration."""
        return self._example.inputs.shape[-2]

    # How good is an answer?

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Score outputs between 0 and 1, scored steps only.

        The default depends on the loss: the share of steps with the right class or the right
        bits, or, for real targets, the explained variance.

        Args:
            outputs: A network's answer, ``(..., time, output_size)``.
            targets: The right one, ``(..., time, output_size)`` or ``(..., time)``.
            mask: Weight of each step, ``(..., time)``.
        """
        if self.loss == "cross_entropy":
            return class_accuracy(outputs, targets, mask)
        if self.loss == "binary_cross_entropy":
            return sign_accuracy(outputs, 2.0 * targets - 1.0, mask)
        return max(0.0, r_squared(outputs, targets, mask))

    def metric(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the number that the literature reports; the accuracy unless overridden."""
        return self.accuracy(outputs, targets, mask)

    def decision_variable(self, outputs: Tensor) -> Tensor:
        """Return what a choice is read from, its sign, at each step, ``(..., time)``."""
        return outputs[..., 0]

    # What is it?

    def describe(self) -> Report:
        """Return a table of sizes, channels, epochs, metadata, metric and parameters.

        ``print`` shows it as text. In a notebook and in rich, the task itself looks like this.

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
        trial, n_steps = self._example, self.n_steps
        facts = {
            "inputs": _listed(self.input_size, self.input_names),
            "outputs": _listed(self.output_size, self.output_names),
            "trial": f"{n_steps} steps of {self.dt:g} ms = {n_steps * self.dt:g} ms",
            "epochs": " → ".join(trial.epochs),
            "metadata": ", ".join(trial.info),
            "loss": self.loss,
            "metric": f"{self.metric_name} ({self.metric_goal})",
        }
        rows = [(name, value) for name, value in facts.items() if value]
        for name, value in self.config.items():
            rows.append((name, textwrap.shorten(str(value), 80, placeholder=" …")))
        return Report(type(self).__name__, rows=rows, notes=_first_line(type(self)))

    def _report(self) -> Report:
        return self.describe()

    # Time, for subclasses.

    def steps(self, duration: float) -> int:
        """Convert a duration in ms into a number of steps, at least one unless it is 0."""
        return to_steps("duration", duration, self.dt)

    def timeline(self, draws: TrialRandom, *phases: str) -> Timeline:
        """Lay phases end to end whose durations are attributes of their names."""
        return Timeline(draws, self.dt, {name: getattr(self, name) for name in phases})


def _as_indices(trials: int | Sequence[int] | Tensor, start: int) -> Tensor:
    if isinstance(trials, int):
        indices = torch.arange(start, start + trials)
    else:
        indices = as_tensor("trials", trials, "pass a number of trials or a list of indices")
    if indices.ndim == 0:  # a whole number of NumPy or torch
        return _as_indices(as_integer("trials", trials), start)
    if (
        indices.ndim != 1
        or len(indices) == 0
        or indices.is_floating_point()
        or int(indices.min()) < 0
    ):
        raise ValueError(
            f"expected a positive number of trials or a list of indices >= 0, got {trials}"
        )
    return indices.to(torch.int64)


def _listed(size: int, names: Sequence[str]) -> str:
    shown = names if len(names) <= 8 else (*names[:3], "…", *names[-3:])
    return f"{size}: {', '.join(shown)}"


def _first_line(cls: type) -> list[str]:
    """Return the first line of a class's docstring, none where a dataclass wrote it."""
    lines = (cls.__doc__ or "").strip().splitlines()
    return [] if not lines or lines[0].startswith(f"{cls.__name__}(") else lines[:1]
