"""What a search did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchRecord:
    """What a search did.

    Args:
        n_starts: Starts used; of those of the first round that the network takes to the same
            place, only one is.
        n_converged: Starts whose coarse search arrived near a point.
        n_new: New points of each round, over all inputs.
        was_stopped: Whether Ctrl-C or the limit of rounds ended it.

    Example:
        >>> SearchRecord(128, 120, (3, 0), False).n_rounds
        2
    """

    n_starts: int = 0
    n_converged: int = 0
    n_new: tuple[int, ...] = ()
    was_stopped: bool = False

    @property
    def n_rounds(self) -> int:
        """Number of rounds."""
        return len(self.n_new)

    def __str__(self) -> str:
        share = 100 * self.n_converged / max(self.n_starts, 1)
        stopped = ", stopped early" if self.was_stopped else ""
        return f"{self.n_rounds} rounds, {self.n_starts} starts, {share:.0f} % arrived{stopped}"
