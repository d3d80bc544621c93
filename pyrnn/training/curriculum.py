"""Curriculum: a task that becomes harder as the network improves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from pyrnn.validate import as_choice, as_integer, as_list, as_number, check_tensors

__all__ = ["Curriculum"]


class Curriculum:
    """Stages that change parameters of the task, by number of steps or by the task's metric.

    Args:
        steps: Optimizer steps at which the next stages begin, one fewer than stages.
        metric: Value of the task's metric, on the last batch of an epoch, at which the next
            stage begins; instead of ``steps``.
        goal: ``"max"`` if a larger metric is better, ``"min"`` for errors.
        **parameters: Values of a parameter of the task, one for each stage, by its name.

    Raises:
        TypeError: If steps, metric or a parameter is of the wrong kind.
        ValueError: If the stages do not fit together.

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
    ) -> None:
        if (steps is None) == (metric is None):
            raise ValueError("expected either steps=[...] or metric=..., got both or neither")
        self.goal = as_choice("goal", goal, ("max", "min"))
        self.metric = None if metric is None else as_number("metric", metric)
        self._parameters = {name: _as_list(name, values) for name, values in parameters.items()}
        self.n_stages = _number_of_stages(self._parameters)
        self.steps = None if steps is None else _checked_steps(steps, self.n_stages)

    def parameters(self, stage: int) -> dict[str, Any]:
        """Return the task's parameters in a stage.

        Args:
            stage: Index of the stage.
        """
        return {name: values[stage] for name, values in self._parameters.items()}

    def stage(self, now: int, step: int, metric: float | None) -> int:
        """Return the stage that is due.

        Args:
            now: The present stage.
            step: Number of optimizer steps so far.
            metric: New value of the metric; None if there is none.
        """
        if self.steps is not None:
            return sum(step >= start for start in self.steps)
        if metric is None or now == self.n_stages - 1:
            return now
        sign = 1 if self.goal == "max" else -1
        return now + int(sign * metric >= sign * (self.metric or 0.0))


def _as_list(name: str, values: Sequence[Any] | np.ndarray | Tensor) -> list[Any]:
    if isinstance(values, Tensor):
        check_tensors(**{name: values})
    if isinstance(values, (np.ndarray, Tensor)) and values.ndim:
        values = values.tolist()
    return as_list(name, values, "values")


def _number_of_stages(parameters: dict[str, list[Any]]) -> int:
    if not parameters:
        raise ValueError("expected at least one parameter of the task to change, got none")
    lengths = {name: len(values) for name, values in parameters.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"expected the same number of stages for every parameter, got {lengths}")
    return next(iter(lengths.values()))


def _checked_steps(steps: Sequence[int], n_stages: int) -> list[int]:
    checked = [as_integer("every step in steps", step, low=0) for step in _as_list("steps", steps)]
    if len(checked) != n_stages - 1 or checked != sorted(checked):
        raise ValueError(
            f"expected {n_stages - 1} increasing steps for {n_stages} stages, got {checked}"
        )
    return checked
