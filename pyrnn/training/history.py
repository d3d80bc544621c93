"""History: the numbers of a training, step by step and epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyrnn.result import Report, Reported
from pyrnn.serialize import register
from pyrnn.stored import Stored
from pyrnn.validate import as_boolean, as_choice, as_integer, as_list, as_number, check_kind

if TYPE_CHECKING:
    import pandas
    from typing_extensions import Self

__all__ = ["History"]


@register
@dataclass(eq=False, repr=False)
class History(Reported, Stored):
    """The record of all trainings of a network.

    Args:
        steps: One number for each optimizer step: ``loss``, ``learning_rate``, ``gradient_norm``;
            with penalties also ``task`` (the loss without them) and each penalty by its name.
        epochs: One number for each epoch: ``loss`` (the mean), ``seconds``, the task's metric,
            and, with a validation set, the same with ``validation_`` before the name.
        n_parameters: Number of parameters that learned.
        interrupted: Whether Ctrl-C ended the training.
        engine: What made the latest steps: ``"kernel"``, where a step is one call of the compiled
            kernel, or ``"torch: ..."`` with the reason. The numbers are the same to rounding.

    Raises:
        TypeError: If a column does not consist of numbers.
        ValueError: If columns differ in length.

    Example:
        >>> steps = {"loss": [0.6, 0.4, 0.25, 0.3], "learning_rate": [0.01] * 4}
        >>> epochs = {"loss": [0.5, 0.25, 0.3], "seconds": [0.1, 0.1, 0.1]}
        >>> history = History(steps=steps, epochs=epochs)
        >>> history.n_epochs, history.monitored, history.best_epoch
        (3, 'loss', 1)
        >>> history.n_steps, history.loss[-1], history.learning_rate[-1]
        (4, 0.3, 0.01)
        >>> round(history.seconds, 1)
        0.3
        >>> print(history.summary())
        training
          parameters     0
          epochs, steps  3, 4
          time           0.3 s
          final loss     0.3
          best epoch     2 (loss 0.25)
    """

    steps: dict[str, list[float]] = field(default_factory=dict)
    epochs: dict[str, list[float]] = field(default_factory=dict)
    n_parameters: int = 0
    interrupted: bool = False
    engine: str = ""

    def __post_init__(self) -> None:
        self.steps = _checked_columns("steps", self.steps)
        self.epochs = _checked_columns("epochs", self.epochs)
        self.n_parameters = as_integer("n_parameters", self.n_parameters, low=0)
        self.interrupted = as_boolean("interrupted", self.interrupted)
        check_kind("engine", self.engine, str)

    @property
    def loss(self) -> list[float]:
        """Loss of every step."""
        return self.steps.get("loss", [])

    @property
    def learning_rate(self) -> list[float]:
        """Learning rate of every step."""
        return self.steps.get("learning_rate", [])

    @property
    def n_steps(self) -> int:
        """Number of optimizer steps."""
        return len(self.loss)

    @property
    def n_epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.epochs.get("loss", []))

    @property
    def seconds(self) -> float:
        """Duration of all finished epochs, in seconds."""
        return sum(self.epochs.get("seconds", []))

    @property
    def monitored(self) -> str:
        """Name of the loss by which epochs are compared: that of validation, if there is one."""
        return "validation_loss" if "validation_loss" in self.epochs else "loss"

    @property
    def best_epoch(self) -> int | None:
        """Index of the epoch with the smallest monitored loss; None if there is no epoch."""
        values = self.epochs.get(self.monitored, [])
        known = [i for i, value in enumerate(values) if not math.isnan(value)]
        return min(known, key=values.__getitem__, default=None)

    def record_epoch(self, **values: float) -> None:
        """Append an epoch; NaN stands for what was not measured.

        Args:
            **values: Numbers by name.

        Example:
            >>> history = History(epochs={"loss": [0.5]})
            >>> history.record_epoch(loss=0.25, accuracy=1.0)
            >>> history.epochs
            {'loss': [0.5, 0.25], 'accuracy': [nan, 1.0]}
        """
        n = self.n_epochs
        for name in {**self.epochs, **values}:
            column = self.epochs.setdefault(name, [math.nan] * n)
            column.append(float(values.get(name, math.nan)))

    def record_steps(self, columns: Mapping[str, Sequence[float]]) -> None:
        """Append steps; NaN stands for what was not measured.

        Args:
            columns: One number for each step, by name; ``loss`` is needed.

        Example:
            >>> history = History()
            >>> history.record_steps({"loss": [0.5, 0.25]})
            >>> history.loss
            [0.5, 0.25]
        """
        n, new = self.n_steps, len(columns["loss"])
        for name in {**self.steps, **columns}:
            column = self.steps.setdefault(name, [math.nan] * n)
            column.extend(columns.get(name, [math.nan] * new))

    def to_dict(self) -> dict[str, Any]:
        """Return the history as plain data, for ``from_dict``.

        Example:
            >>> history = History(epochs={"loss": [0.5]})
            >>> History.from_dict(history.to_dict()).epochs
            {'loss': [0.5]}
        """
        return {
            "steps": {name: list(values) for name, values in self.steps.items()},
            "epochs": {name: list(values) for name, values in self.epochs.items()},
            "n_parameters": self.n_parameters,
            "interrupted": self.interrupted,
            "engine": self.engine,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a history from what ``to_dict`` returned.

        Args:
            data: Plain data.

        Returns:
            The history.

        Example:
            >>> History.from_dict({"epochs": {"loss": [0.5]}}).n_epochs
            1
        """
        return cls(**data)

    def to_pandas(self, per: str = "epoch") -> pandas.DataFrame:
        """Return a table with one row for each epoch or step; needs ``pip install pyrnn[pandas]``.

        Args:
            per: ``"epoch"`` or ``"step"``.

        Raises:
            ImportError: If pandas is not installed.

        Example:
            >>> History(epochs={"loss": [0.5, 0.25]}).to_pandas()
                   loss
            epoch
            0      0.50
            1      0.25
        """
        per = as_choice("per", per, ("epoch", "step"))
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "expected pandas to be installed for to_pandas(); pip install pyrnn[pandas]"
            ) from error
        return pandas.DataFrame(self.epochs if per == "epoch" else self.steps).rename_axis(per)

    def __repr__(self) -> str:
        return f"<History {', '.join(f'{name}: {value}' for name, value in self._rows())}>"

    def _report(self) -> Report:
        return Report("training", rows=self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        rows = [
            ("parameters", f"{self.n_parameters:,}"),
            ("epochs, steps", f"{self.n_epochs}, {self.n_steps}"),
            ("time", f"{self.seconds:.1f} s"),
        ]
        for name, values in self.epochs.items():
            if values and name != "seconds":
                rows.append((f"final {name.replace('_', ' ')}", f"{values[-1]:.4g}"))
        if self.best_epoch is not None:
            best = self.epochs[self.monitored][self.best_epoch]
            rows.append(("best epoch", f"{self.best_epoch + 1} ({self.monitored} {best:.4g})"))
        if self.interrupted:
            rows.append(("interrupted", "yes: what was learned is kept"))
        return rows


def _checked_columns(what: str, columns: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    if not isinstance(columns, Mapping):
        raise TypeError(f"expected {what} as a mapping of columns, got {type(columns).__name__}")
    checked = {name: _checked_column(f"{what}[{name!r}]", c) for name, c in columns.items()}
    lengths = {name: len(values) for name, values in checked.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"expected {what} in columns of the same length, got {lengths}")
    return checked


def _checked_column(name: str, values: Sequence[float]) -> list[float]:
    listed = as_list(name, values, "numbers")
    return [v if type(v) is float else as_number(name, v, is_finite=False) for v in listed]
