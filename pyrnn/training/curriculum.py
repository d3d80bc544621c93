"""Curriculum: a task that gets harder as the network gets better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Curriculum"]


class Curriculum:
    """Stages that change parameters of the task, by step count or by how good the network is.

    Args:
        steps: Optimizer steps at which the next stage begins, one fewer than stages.
        metric: Value of the task's metric, on the last batch of an epoch, at which the next
            stage begins; instead of ``steps``.
        goal: ``"max"`` if a larger metric is better, ``"min"`` for errors.
        **parameters: For each parameter of the task its value in every stage.

    Raises:
        ValueError: If the stages don't fit together.

    Example:
        >>> curriculum = Curriculum(steps=[200, 500], duration=[200.0, 500.0, 1000.0])
        >>> curriculum.parameters(1)
        {'duration': 500.0}
        >>> curriculum.stage(now=0, step=450, metric=None)
        1

    References:
        Elman, *Cognition* (1993); Bengio, Louradour, Collobert & Weston (2009).
    """

    def __init__(
        self,
        *,
        steps: Sequence[int] | None = None,
        metric: float | None = None,
        goal: str = "max",
        **parameters: Sequence[Any],
    ):
        if (steps is None) == (metric is None):
            raise ValueError("expected either steps=[...] or metric=..., got both or neither")
        if goal not in ("max", "min"):
            raise ValueError(f"expected goal 'max' or 'min', got {goal!r}")
        if not parameters:
            raise ValueError("expected at least one parameter of the task to change, got none")
        lengths = {name: len(values) for name, values in parameters.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(
                f"expected the same number of stages for every parameter, got {lengths}"
            )
        self.n_stages = next(iter(lengths.values()))
        if steps is not None and (len(steps) != self.n_stages - 1 or list(steps) != sorted(steps)):
            raise ValueError(
                f"expected {self.n_stages - 1} increasing steps for {self.n_stages} stages, got "
                f"{list(steps)}"
            )
        self.steps, self.metric, self.goal = steps, metric, goal
        self._parameters = parameters

    def parameters(self, stage: int) -> dict[str, Any]:
        """Return the task's parameters in a stage."""
        return {name: values[stage] for name, values in self._parameters.items()}

    def stage(self, now: int, step: int, metric: float | None) -> int:
        """Return the stage to be in.

        Args:
            now: The present stage.
            step: Number of optimizer steps made.
            metric: Latest value of the metric, None if there is no new one.
        """
        if self.steps is not None:
            return sum(step >= start for start in self.steps)
        if metric is None or now == self.n_stages - 1:
            return now
        sign = 1 if self.goal == "max" else -1
        return now + int(sign * metric >= sign * (self.metric or 0.0))
