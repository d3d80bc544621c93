"""A change in the number or kind of fixed points, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pyrnn.result import Report, Result

__all__ = ["Bifurcation"]


@dataclass(frozen=True, eq=False, repr=False)
class Bifurcation(Result):
    """A change in the number or kind of fixed points.

    Args:
        kind: ``"fold"``, ``"pitchfork"``, ``"transcritical"``, ``"Neimark-Sacker"``, ``"Hopf"``,
            ``"period doubling"`` or ``"border collision"``.
        parameter: Where it happens.
        state: The fixed point there, ``(state_size,)``.
        eigenvalues: Of its Jacobian, ``(state_size,)``, complex.
        multiplicity: How many modes, or pairs of them, cross at once: more than one in networks
            with symmetries.
        turns: Whether the branch turns back there, as at a fold.

    Example:
        >>> import torch
        >>> Bifurcation("fold", 0.5, torch.zeros(1), torch.ones(1))
        fold at 0.500000

    References:
        Kuznetsov, *Elements of Applied Bifurcation Theory* (2004), chapters 3 to 5.
    """

    kind: str
    parameter: float
    state: Tensor
    eigenvalues: Tensor
    multiplicity: int = 1
    turns: bool = False

    def __repr__(self) -> str:
        times = f" of {self.multiplicity} modes" if self.multiplicity > 1 else ""
        return f"{self.kind}{times} at {self.parameter:.6f}"

    def _report(self) -> Report:
        rows = [("kind", self.kind), ("parameter", f"{self.parameter:.9g}")]
        if self.multiplicity > 1:
            rows.append(("modes", str(self.multiplicity)))
        return Report("bifurcation", rows=rows)

    def _frame(self) -> dict[str, list[object]]:
        return {
            "kind": [self.kind],
            "parameter": [self.parameter],
            "multiplicity": [self.multiplicity],
        }
