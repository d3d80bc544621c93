"""What interventions do to a network, as a value."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.result import Report, Result

__all__ = ["Effects"]

_N_ROWS = 10  # of a summary


@dataclass(frozen=True, eq=False, repr=False)
class Effects(Result):
    """The effects of several interventions, each compared with the intact network.

    Args:
        labels: What each intervention acts on, in words.
        strengths: Strength of each, ``(n,)``: what is left by a lesion, the value of a clamp, the
            current of a pulse.
        outputs: Outputs under each intervention, ``(n, trials, time, output_size)``.
        last_states: States at the end, ``(n, trials, state_size)``.
        intact_outputs: Outputs without intervention, ``(trials, time, output_size)``.
        intact_last_states: Their states at the end, ``(trials, state_size)``.
        scores: Score of the task under each, ``(n,)``; NaN without a task.
        intact_score: Score without intervention; NaN without a task.
        score_name: What the score measures; empty without a task.
        survivors: Whether each stable point survives each lesion, ``(n, n_points)``; empty unless
            points were given.

    Example:
        >>> from pyrnn import RNN
        >>> from pyrnn.interventions import lesion
        >>> rnn = RNN(1, 3, 1, seed=0)
        >>> effects = lesion(rnn, torch.ones(4, 10, 1), units="each")
        >>> effects, len(effects), effects.outputs.shape, effects.status
        (Effects(3), 3, torch.Size([3, 4, 10, 1]), 'complete')
        >>> effects.changes.shape, effects.order.sort().values
        (torch.Size([3]), tensor([0, 1, 2]))
    """

    labels: list[str]
    strengths: Tensor
    outputs: Tensor
    last_states: Tensor
    intact_outputs: Tensor
    intact_last_states: Tensor
    scores: Tensor
    intact_score: float
    score_name: str
    survivors: Tensor

    @property
    def changes(self) -> Tensor:
        """Root mean square of the change of the outputs under each intervention, ``(n,)``."""
        return (self.outputs - self.intact_outputs).square().flatten(1).mean(1).sqrt()

    @property
    def order(self) -> Tensor:
        """Indices of the interventions, the largest change of the outputs first, ``(n,)``."""
        return self.changes.nan_to_num(nan=torch.inf).argsort(stable=True).flip(0)

    @property
    def status(self) -> str:
        """Verdict in words: complete, or how many runs left the finite numbers."""
        n_lost = int((~self.outputs.isfinite()).flatten(1).any(1).sum())
        return f"{n_lost} of {len(self)} interventions diverged" if n_lost else "complete"

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)})"

    def _columns(self) -> dict[str, list[object]]:
        columns: dict[str, list[object]] = {
            "target": list(self.labels),
            "strength": self.strengths.tolist(),
            "change": self.changes.tolist(),
        }
        if self.score_name:
            columns["score"] = self.scores.tolist()
        if self.survivors.shape[1]:
            columns["survivors"] = self.survivors.sum(1).tolist()
        return columns

    def _report(self) -> Report:
        """Return one row for each intervention, the largest effects first."""
        columns = self._columns()
        order = self.order[:_N_ROWS].tolist()
        rows = [[_shown(column[i]) for column in columns.values()] for i in order]
        notes = [f"status: {self.status}"]
        if self.score_name:
            notes.append(f"score: {self.score_name}, intact {self.intact_score:.4g}")
        if len(self) > _N_ROWS:
            notes.append(f"the {_N_ROWS} largest effects of {len(self)}")
        title = f"{len(self)} intervention{'s' if len(self) != 1 else ''}"
        return Report(title, list(columns), rows, notes)

    def _frame(self) -> dict[str, list[object]]:
        return self._columns()


def _shown(cell: object) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
