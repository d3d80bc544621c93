"""Trials of NeuroGym's environments, whole and seeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyrnn.tasks._arguments import Positive
from pyrnn.tasks._base import Task
from pyrnn.tasks._trial import Trial
from pyrnn.tasks.scores import last_class_accuracy, r_squared
from pyrnn.validate import as_number


@dataclass(eq=False)
class NeurogymTask(Task):
    """Make trials of a NeuroGym environment.

    Each trial seeds the environment anew, so that it depends on seed and index only (unless the
    environment works in blocks of trials), and ends where the environment ends it. What the
    environment would do in reply to actions plays no role: the targets are its ground truth.

    NeuroGym is no dependency of this package. It pins old versions of NumPy and Gymnasium;
    install it into an environment of its own.

    Args:
        env: An environment, or its name, e.g. ``"PerceptualDecisionMaking-v0"``.
        dt: Duration of a step, in ms; 0 takes the environment's own.
        options: Arguments to make the environment with, if it is given by name.
        decision_weight: How much more the steps of the period called "decision" count.

    Shapes:
        inputs ``(time, observation size)``. targets ``(time,)``, classes, if actions are
        discrete, else ``(time, action size)``. The metric is the share of right actions at the
        last step, or the explained variance. ``info`` holds what is a number in ``env.trial``,
        ``epochs`` the environment's periods.

    Raises:
        ModuleNotFoundError: If NeuroGym is missing.
        TypeError: If ``env`` makes no trials, or has no ground truth.
        ValueError: If the name is unknown, or ``dt`` is not that of the environment.

    Example:
        >>> task = NeurogymTask("PerceptualDecisionMaking-v0", dt=20)  # doctest: +SKIP
        >>> rnn.fit(task)  # doctest: +SKIP

    References:
        Molano-Mazón et al., *NeuroGym: an open resource for developing and sharing neuroscience
        tasks*, PsyArXiv (2022).
    """

    env: Any
    _: KW_ONLY
    dt: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)
    decision_weight: Positive = 1.0

    def __post_init__(self) -> None:
        as_number("dt", self.dt, low=0, unit="ms")
        if isinstance(self.env, str):
            options = {**self.options, "dt": self.dt} if self.dt else dict(self.options)
            self._env = _make(self.env, options)
        else:
            self._env = self.env
        self._trials, self._seeded = (_outermost(self._env, m) for m in ("new_trial", "seed"))
        own = float(self._env.unwrapped.dt)
        if self.dt not in (0, own):
            raise ValueError(
                f"expected dt = {own} ms as the environment has it, got {self.dt} ms; "
                "give the environment by name to make it with another dt"
            )
        self.dt = own
        is_discrete = hasattr(self._env.action_space, "n")
        self.loss = "cross_entropy" if is_discrete else "mse"  # type: ignore[misc]
        super().__post_init__()

    @cached_property
    def output_size(self) -> int:
        """Number of actions, or of their dimensions."""
        space = self._env.action_space
        return int(space.n) if hasattr(space, "n") else int(np.prod(space.shape))

    def trial(self, rng: torch.Generator) -> Trial:
        """Seed the environment and make a trial."""
        self._seeded.seed(int(torch.randint(2**32 - 1, (), generator=rng)))
        if self._trials is not self._env.unwrapped:
            self._trials.reset()  # a wrapper may have chosen the next trial's rules already
        self._trials.new_trial()
        env = self._env.unwrapped
        if not (hasattr(env, "ob") and hasattr(env, "gt")):
            raise TypeError(
                f"expected an environment with a ground truth to learn, got "
                f"{type(env).__name__}, which rewards actions only"
            )
        inputs = torch.tensor(np.reshape(env.ob, (len(env.ob), -1)))
        targets = torch.tensor(env.gt)
        targets = targets.long() if self.loss == "cross_entropy" else targets.to(inputs)
        info = {k: v for k, v in (env.trial or {}).items() if np.isscalar(v)}
        return Trial(inputs, targets, self._weights(len(inputs)), info, self._epochs())

    def _weights(self, n_steps: int) -> Tensor:
        weights, env = torch.ones(n_steps), self._env.unwrapped
        if "decision" in env.start_ind:
            weights[env.start_ind["decision"] : env.end_ind["decision"]] = self.decision_weight
        return weights

    def _epochs(self) -> dict[str, tuple[float, float]]:
        env = self._env.unwrapped
        return {
            name: (env.start_ind[name] * self.dt, env.end_ind[name] * self.dt)
            for name in env.timing
            if name in env.start_ind
        }

    def accuracy(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> float:
        """Return the share of right actions at the last step, or the explained variance."""
        if self.loss == "cross_entropy":
            return last_class_accuracy(outputs, targets, mask)
        return max(0.0, r_squared(outputs, targets, mask))


def _make(name: str, options: Mapping[str, Any]) -> Any:
    """Make an environment by name."""
    try:
        import neurogym
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"expected neurogym to be installed for {name!r}, got none; run pip install neurogym "
            "in an environment of its own, for it pins old versions of NumPy and Gymnasium"
        ) from error
    import gymnasium  # type: ignore[import-not-found]

    try:
        return neurogym.make(name, **options)
    except gymnasium.error.Error as error:
        raise ValueError(
            f"expected the name of a NeuroGym environment, got {name!r}: {error}"
        ) from error


def _outermost(env: Any, method: str) -> Any:
    """Return the outermost wrapper that has a method of its own."""
    while not hasattr(type(env), method):
        if not hasattr(env, "env"):
            raise TypeError(
                f"expected a NeuroGym environment that makes trials, got {type(env).__name__}, "
                f"which has no {method}()"
            )
        env = env.env
    return env
