"""Trials of NeuroGym's environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from pyrnn.tasks._arguments import Positive
from pyrnn.tasks._base import Task
from pyrnn.tasks._trial import Trial
from pyrnn.tasks.scores import last_class_accuracy, r_squared
from pyrnn.validate import as_number

__all__ = ["NeurogymTask"]

_Kind = TypeVar("_Kind")
_N_TRIED = 3  # trials that are made to see whether an environment can be learned


class _TrialEnvironment(Protocol):
    """What NeuroGym's ``TrialEnv`` says about the trial that it has made."""

    dt: float
    trial: Mapping[str, object] | None
    timing: Mapping[str, object]
    start_ind: Mapping[str, int]
    end_ind: Mapping[str, int]


@runtime_checkable
class _HasTruth(Protocol):
    """An environment whose trial has observations and a ground truth."""

    ob: np.ndarray
    gt: np.ndarray


@runtime_checkable
class _Discrete(Protocol):
    """A space of ``n`` actions."""

    n: int


class _Continuous(Protocol):
    """A space of real numbers."""

    shape: tuple[int, ...]


class _Environment(Protocol):
    """An environment, perhaps wrapped."""

    action_space: _Discrete | _Continuous
    unwrapped: _TrialEnvironment


@runtime_checkable
class _Wrapper(Protocol):
    env: object


@runtime_checkable
class _MakesTrials(Protocol):
    def new_trial(self) -> object: ...


@runtime_checkable
class _Resets(Protocol):
    def reset(self) -> object: ...


@runtime_checkable
class _Seeded(Protocol):
    def seed(self, seed: int) -> object: ...


@dataclass(eq=False)
class NeurogymTask(Task):
    """A NeuroGym environment as a task.

    The environment is seeded for each trial, which then depends on seed and index only (unless
    the environment works in blocks of trials). Targets are the environment's ground truth; its
    replies to actions are not used.

    NeuroGym is no dependency of this package. It needs old versions of NumPy and Gymnasium;
    install it into a virtual environment of its own.

    Args:
        env: An environment, or its name, such as ``"PerceptualDecisionMaking-v0"``.
        dt: Duration of a step, in ms; 0 stands for that of the environment.
        options: Arguments of the environment, if it is given by name.
        decision_weight: Weight of the steps of the period called "decision"; the others have
            weight 1.

    Shapes:
        inputs ``(time, observation size)``. targets ``(time,)``, classes, if actions are
        discrete, else ``(time, action size)``. The metric is the share of right actions at the
        last step, or the explained variance. ``info`` holds the numbers in ``env.trial``, and
        ``epochs`` the periods of the environment.

    Raises:
        ModuleNotFoundError: If NeuroGym is missing.
        TypeError: If ``env`` makes no trials, or has no ground truth.
        ValueError: If the name is unknown, ``dt`` is not that of the environment or too long for
            one of its periods, ``options`` come without a name or are not known, or the ground
            truth names actions that do not exist.

    Example:
        >>> task = NeurogymTask("PerceptualDecisionMaking-v0", dt=20)  # doctest: +SKIP
        >>> rnn.fit(task)  # doctest: +SKIP

    References:
        Molano-Mazón et al., *NeuroGym: an open resource for developing and sharing neuroscience
        tasks*, PsyArXiv (2022).
    """

    env: str | _Environment
    _: KW_ONLY
    dt: float = 0.0
    options: Mapping[str, object] = field(default_factory=dict)
    decision_weight: Positive = 1.0

    def __post_init__(self) -> None:
        as_number("dt", self.dt, low=0, unit="ms")
        env = self.env
        if self.options and not isinstance(env, str):
            raise ValueError(
                "expected options with the name of an environment, got them with an environment "
                "that is made already; give the name, or make it with these options"
            )
        if isinstance(env, str):
            env = _make(env, {**self.options, "dt": self.dt} if self.dt else dict(self.options))
        self._env = env
        self._trials = _outermost(env, _MakesTrials, "new_trial")  # type: ignore[type-abstract]
        self._seeded = _outermost(env, _Seeded, "seed")  # type: ignore[type-abstract]
        own = float(env.unwrapped.dt)
        if self.dt not in (0, own):
            raise ValueError(
                f"expected dt = {own} ms as the environment has it, got {self.dt} ms; "
                "give the environment by name to make it with another dt"
            )
        self.dt = own
        is_discrete = isinstance(env.action_space, _Discrete)
        self.loss = "cross_entropy" if is_discrete else "mse"  # type: ignore[misc]
        super().__post_init__()
        for seed in range(_N_TRIED):
            self._check(self.trial(torch.Generator().manual_seed(seed)))

    def _check(self, trial: Trial) -> None:
        """Refuse an environment that could not be learned, before anybody tries."""
        env = self._env.unwrapped
        for name, start in env.start_ind.items():
            duration = env.timing.get(name)  # a number, or a law of random durations
            is_fixed = isinstance(duration, (int, float)) and duration > 0
            if is_fixed and env.end_ind[name] == start:
                raise ValueError(
                    f"expected dt short enough for the {duration:g} ms of the period {name!r}, "
                    f"got dt={self.dt:g} ms, of which it has no step; take a smaller dt"
                )
        if self.loss == "cross_entropy" and int(trial.targets.max()) >= self.output_size:
            raise ValueError(
                f"expected a ground truth among the {self.output_size} actions of "
                f"{type(env).__name__}, got {int(trial.targets.max())}; it rewards actions that "
                "its ground truth does not name"
            )

    @cached_property
    def output_size(self) -> int:
        """Number of actions, or of their dimensions."""
        space = self._env.action_space
        return int(space.n) if isinstance(space, _Discrete) else int(np.prod(space.shape))

    def trial(self, rng: torch.Generator) -> Trial:
        """Return a trial of the environment, seeded by a generator.

        Raises:
            TypeError: If the environment has no ground truth.
        """
        self._seeded.seed(int(torch.randint(2**32 - 1, (), generator=rng)))
        env = self._env.unwrapped
        if self._trials is not env and isinstance(self._trials, _Resets):
            self._trials.reset()  # a wrapper may have chosen the next trial's rules already
        self._trials.new_trial()
        if not isinstance(env, _HasTruth):
            raise TypeError(
                f"expected an environment with a ground truth to learn, got "
                f"{type(env).__name__}, which rewards actions only"
            )
        inputs = torch.tensor(np.reshape(env.ob, (len(env.ob), -1)))
        targets = torch.tensor(env.gt)
        targets = targets.long() if self.loss == "cross_entropy" else targets.to(inputs)
        return Trial(inputs, targets, self._weights(len(inputs)), self._info(), self._epochs())

    def _weights(self, n_steps: int) -> Tensor:
        weights, env = torch.ones(n_steps), self._env.unwrapped
        if "decision" in env.start_ind:
            weights[env.start_ind["decision"] : env.end_ind["decision"]] = self.decision_weight
        return weights

    def _info(self) -> dict[str, object]:
        trial = self._env.unwrapped.trial or {}
        return {name: value for name, value in trial.items() if np.isscalar(value)}

    def _epochs(self) -> dict[str, tuple[float, float]]:
        env = self._env.unwrapped
        return {
            name: (start * self.dt, env.end_ind[name] * self.dt)
            for name, start in env.start_ind.items()
        }

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of right actions at the last step, or the explained variance."""
        if self.loss == "cross_entropy":
            return last_class_accuracy(outputs, targets, mask)
        return max(0.0, r_squared(outputs, targets, mask))


def _make(name: str, options: Mapping[str, object]) -> _Environment:
    try:
        import neurogym
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"expected neurogym to be installed for {name!r}, got none; run pip install neurogym "
            "in a virtual environment of its own, as it needs old versions of NumPy and Gymnasium"
        ) from error
    import gymnasium  # type: ignore[import-not-found]

    try:
        made: _Environment = neurogym.make(name, **options)
    except gymnasium.error.Error as error:
        raise ValueError(
            f"expected the name of a NeuroGym environment, got {name!r}: {error}"
        ) from error
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"expected options and a dt that the environment {name!r} takes, got {options}: "
            f"{error}"
        ) from error
    return made


def _outermost(env: object, kind: type[_Kind], method: str) -> _Kind:
    # its class has the method; a wrapper's instance has all attributes of what it wraps
    while not issubclass(type(env), kind):
        if not isinstance(env, _Wrapper):
            raise TypeError(
                f"expected a NeuroGym environment that makes trials, got {type(env).__name__}, "
                f"which has no {method}()"
            )
        env = env.env
    return env  # type: ignore[return-value]
