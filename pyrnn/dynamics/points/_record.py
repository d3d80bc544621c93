"""What a search did."""

from __future__ import annotations

from dataclasses import dataclass

from pyrnn.serialize import register

__all__ = ["PROVED", "TELLING", "SearchRecord"]

PROVED = "proved complete"
"""Verdict of a proof that leaves nothing undecided."""

TELLING = 0.1
"""Share of the starts that must converge for a search to tell anything."""

_SOME = 0.5  # points; fewer are none


@register
@dataclass(frozen=True)
class SearchRecord:
    """What a search did.

    Args:
        n_starts: Starts used. Of the starts of the first round that lead to the same place, only
            one is used.
        n_converged: Starts whose coarse search converged.
        n_new: New points of each round, over all inputs.
        was_stopped: Whether Ctrl-C or the limit of rounds ended it.
        n_unseen: Estimated number of points not found, from how often each was found.
        n_unbalanced: Inputs under which the indices of the points do not add up to +1.
        unit: Usual size of the starts, as a power of 2; 1 if it is of that order.
        dimension: Dimension of a continuum of points, zero if all are isolated.
        proof: What a proof says, see :func:`~pyrnn.dynamics.prove_complete`; empty without one.

    Example:
        >>> record = SearchRecord(128, 120, (3, 0), False)
        >>> record.n_rounds, record.status
        (2, 'complete as far as the search tells')
        >>> print(record)
        2 rounds, 128 starts, 94 % converged
    """

    n_starts: int = 0
    n_converged: int = 0
    n_new: tuple[int, ...] = ()
    was_stopped: bool = False
    n_unseen: float = 0.0
    n_unbalanced: int = 0
    dimension: int = 0
    unit: float = 1.0
    proof: str = ""

    @property
    def n_rounds(self) -> int:
        """Number of rounds."""
        return len(self.n_new)

    @property
    def status(self) -> str:
        """Verdict in words."""
        if self.proof == PROVED:
            return self.proof
        return f"{self._verdict}; the proof is {self.proof}" if self.proof else self._verdict

    @property
    def _verdict(self) -> str:
        unseen = f"an estimated {self.n_unseen:.1f} or more points are missing"
        if self.was_stopped:
            return (
                f"stopped early: {unseen if self.n_unseen >= _SOME else 'points may be missing'}"
            )
        if self.dimension:
            return f"a continuum of points of dimension {self.dimension}, of which some are shown"
        if self.n_unseen >= _SOME:
            return f"incomplete: {unseen}"
        if self.n_unbalanced:
            return "incomplete if the network is bounded: the indices do not add up to +1"
        if self.n_converged < TELLING * self.n_starts:
            share = 100 * self.n_converged / self.n_starts
            return (
                f"undecided: only {share:.0f} % of the starts converged, so points may be missing"
            )
        return "complete as far as the search tells"

    def __str__(self) -> str:
        if self.proof and not self.n_starts:
            return "no search was needed"
        share = 100 * self.n_converged / max(self.n_starts, 1)
        stopped = ", stopped early" if self.was_stopped else ""
        return f"{self.n_rounds} rounds, {self.n_starts} starts, {share:.0f} % converged{stopped}"
