"""How many fixed points there are under each of the inputs between two, proved in stretches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.result import Report, Result

__all__ = ["InputProof", "counted"]


@dataclass(frozen=True, eq=False, repr=False)
class InputProof(Result):
    """How many fixed points there are under each input on the way from one to another.

    Args:
        low: Where each stretch of the way starts, from 0 to 1, ``(n,)``.
        high: Where it ends, ``(n,)``.
        n_points: Its proved number of fixed points, the same under all of its inputs, ``(n,)``;
            -1 where it is undecided, as it is around a bifurcation.
        n_boxes: Number of boxes that were looked at.
        was_stopped: Whether ``max_boxes`` or Ctrl-C ended the proof.

    Example:
        >>> ends = torch.tensor([0.0, 0.5, 0.51, 1.0])
        >>> proof = InputProof(ends[:-1], ends[1:], torch.tensor([3, -1, 1]), 40)
        >>> proof, proof.is_complete, round(proof.share, 2)
        (InputProof(3 stretches, proved on 99 % of the way), False, 0.99)
    """

    low: Tensor
    high: Tensor
    n_points: Tensor
    n_boxes: int
    was_stopped: bool = False

    @property
    def share(self) -> float:
        """Share of the way on which the number is proved."""
        return float((self.high - self.low)[self.n_points >= 0].sum())

    @property
    def is_complete(self) -> bool:
        """Whether the number is proved on the whole way."""
        return bool((self.n_points >= 0).all())

    @property
    def status(self) -> str:
        """Verdict in words."""
        stopped = "stopped early: " if self.was_stopped else ""
        return f"{stopped}proved on {100 * self.share:.4g} % of the way"

    @property
    def _title(self) -> str:
        return f"{len(self.low)} stretch{'es' if len(self.low) != 1 else ''}"

    def __repr__(self) -> str:
        return f"InputProof({self._title}, {self.status})"

    def _report(self) -> Report:
        columns = ("from", "to", "fixed points")
        rows = [
            (f"{low:.6g}", f"{high:.6g}", str(n) if n >= 0 else "undecided")
            for low, high, n in zip(*self._frame().values(), strict=True)
        ]
        return Report(self._title, columns, rows, [f"status: {self.status}"])

    def _frame(self) -> dict[str, list[object]]:
        return {name: getattr(self, name).tolist() for name in ("low", "high", "n_points")}


def counted(
    count: Callable[[float, float], tuple[int, int]],
    min_width: float,
    max_boxes: int,
    stop: Callable[[], bool],
) -> InputProof:
    """Count the fixed points on the way from 0 to 1, and split stretches that are undecided.

    Args:
        count: Returns the number of points of a stretch, -1 if it is undecided, and the number of
            boxes.
        min_width: Stretches narrower than this are not split.
        max_boxes: Most boxes to look at.
        stop: Ends the work early.

    Returns:
        The stretches, in order; neighbors with the same number are one.

    Example:
        >>> counted(lambda low, high: (3 if high < 0.5 else -1, 1), 0.3, 100, lambda: False)
        InputProof(2 stretches, proved on 25 % of the way)
    """
    todo, ends, numbers = [(0.0, 1.0)], [0.0], list[int]()
    n_boxes, was_stopped = 0, False
    while todo:
        low, high = todo.pop()
        was_stopped |= n_boxes >= max_boxes or stop()
        n, n_looked = (-1, 0) if was_stopped else count(low, high)
        n_boxes += n_looked
        if n < 0 and not was_stopped and high - low >= min_width:
            middle = (low + high) / 2
            todo += [(middle, high), (low, middle)]
        elif numbers and numbers[-1] == n:
            ends[-1] = high
        else:
            ends.append(high)
            numbers.append(n)
    edges = torch.tensor(ends, dtype=torch.float64)
    return InputProof(edges[:-1], edges[1:], torch.tensor(numbers), n_boxes, was_stopped)
