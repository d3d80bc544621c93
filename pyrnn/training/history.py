"""History: what happened in a training, step by step and epoch by epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from rich.table import Table

__all__ = ["History"]


@dataclass(eq=False, repr=False)
class History:
    """The record of a training.

    Attributes:
        steps: One number per optimizer step: ``loss``, ``learning_rate``, ``gradient_norm``;
            with penalties also ``task`` (the loss without them) and each penalty by its name.
        epochs: One number per epoch: ``loss`` (the mean), ``seconds``, the task's metric, and
            ``validation_loss`` and the like where there was a validation set.
        n_parameters: How many numbers could learn.
        interrupted: Whether Ctrl-C ended the training.

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
    """

    steps: dict[str, list[float]] = field(default_factory=dict)
    epochs: dict[str, list[float]] = field(default_factory=dict)
    n_parameters: int = 0
    interrupted: bool = False

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
        """How many optimizer steps were made."""
        return len(self.loss)

    @property
    def n_epochs(self) -> int:
        """How many epochs were finished."""
        return len(self.epochs.get("loss", []))

    @property
    def seconds(self) -> float:
        """Duration of all finished epochs."""
        return sum(self.epochs.get("seconds", []))

    @property
    def monitored(self) -> str:
        """Which loss tells good epochs from bad ones: that of validation, if there is one."""
        return "validation_loss" if "validation_loss" in self.epochs else "loss"

    @property
    def best_epoch(self) -> int | None:
        """Index of the epoch of the smallest (validation) loss; None if there is none."""
        values = self.epochs.get(self.monitored, [])
        known = [i for i, value in enumerate(values) if not math.isnan(value)]
        return min(known, key=values.__getitem__, default=None)

    def record_epoch(self, **values: float) -> None:
        """Append one epoch; what wasn't measured before or isn't now is NaN.

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

    def record_steps(self, columns: dict[str, list[float]]) -> None:
        """Append steps, likewise.

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
        """Return plain data that ``from_dict`` takes.

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
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> History:
        """Build a history from plain data.

        Example:
            >>> History.from_dict({"epochs": {"loss": [0.5]}}).n_epochs
            1
        """
        return cls(**data)

    def to_pandas(self, per: str = "epoch") -> pandas.DataFrame:
        """Return a table, one row per epoch or per step; needs ``pip install pyrnn[pandas]``.

        Args:
            per: ``"epoch"`` or ``"step"``.

        Raises:
            ValueError: If it is neither.
            ImportError: If pandas isn't installed.

        Example:
            >>> History(epochs={"loss": [0.5, 0.25]}).to_pandas()
                   loss
            epoch
            0      0.50
            1      0.25
        """
        import pandas

        if per not in ("epoch", "step"):
            raise ValueError(f"expected per='epoch' or 'step', got {per!r}")
        return pandas.DataFrame(self.epochs if per == "epoch" else self.steps).rename_axis(per)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the loss; see ``pyrnn.plot.plot_loss``.

        Example:
            >>> from matplotlib.figure import Figure
            >>> axes = Figure().subplots()
            >>> History(steps={"loss": [0.5, 0.25]}).plot(ax=axes) is axes
            True
        """
        from pyrnn.plot import plot_loss

        return plot_loss(self, ax=ax)

    def __repr__(self) -> str:
        rows = ", ".join(f"{name}: {value}" for name, value in self._report().items())
        return f"<History {rows}>"

    def __rich__(self) -> Table:
        from rich.table import Table

        table = Table(title="training", show_header=False)
        for name, value in self._report().items():
            table.add_row(name, value)
        return table

    def _report(self) -> dict[str, str]:
        """Return the rows of the printed report."""
        report = {
            "parameters": f"{self.n_parameters:,}",
            "epochs, steps": f"{self.n_epochs}, {self.n_steps}",
            "time": f"{self.seconds:.1f} s",
        }
        report |= {
            f"final {name.replace('_', ' ')}": f"{values[-1]:.4g}"
            for name, values in self.epochs.items()
            if name != "seconds"
        }
        if self.best_epoch is not None:
            best = self.epochs[self.monitored][self.best_epoch]
            report["best epoch"] = f"{self.best_epoch + 1} ({self.monitored} {best:.4g})"
        if self.interrupted:
            report["interrupted"] = "yes: what was learned is kept"
        return report
