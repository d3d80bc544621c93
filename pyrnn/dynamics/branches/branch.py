"""Branches of fixed points over a parameter, as values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from pyrnn.dynamics.branches.bifurcations import Bifurcation
from pyrnn.dynamics.maps import Spectrum
from pyrnn.result import Report, Result, Results
from pyrnn.serialize import register_former

__all__ = ["Branch", "Branches"]


@dataclass(frozen=True, eq=False, repr=False)
class Branch(Result):
    """A curve of fixed points over a parameter.

    Args:
        parameters: Parameter, ``(n,)``, in order along the curve.
        states: Fixed points, ``(n, state_size)``.
        eigenvalues: Of the Jacobian at each, ``(n, state_size)``, complex.
        bifurcations: Where the number of growing modes changes, in order along the curve.
        is_flow: Whether stability is that of the flow.
        is_closed: Whether the curve is closed; its last state is then its first one, again.
        verdict: Whether the branch is complete, or why it ends inside the interval.

    Example:
        >>> from pyrnn.dynamics import find_branches
        >>> starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
        >>> (branch,) = find_branches(lambda h, x: torch.tanh(h / 2 + x), starts, (0.0, 1.0))
        >>> branch, int(branch.n_unstable.max()), bool(branch.is_stable.all()), branch.status
        (Branch(0 .. 1, []), 0, True, 'complete')
    """

    parameters: Tensor
    states: Tensor
    eigenvalues: Tensor
    bifurcations: tuple[Bifurcation, ...]
    is_flow: bool = False
    is_closed: bool = False
    verdict: str = "complete"

    @property
    def status(self) -> str:
        """Verdict in words."""
        return self.verdict

    @cached_property
    def spectrum(self) -> Spectrum:
        """Spectra along the curve.

        Example:
            >>> from pyrnn.dynamics import find_branches
            >>> starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
            >>> (branch,) = find_branches(lambda h, x: torch.tanh(h / 2 + x), starts, (0.0, 1.0))
            >>> set(branch.spectrum.stability)
            {'stable node'}
        """
        return Spectrum.from_eigenvalues(self.eigenvalues, is_flow=self.is_flow)

    @property
    def n_unstable(self) -> Tensor:
        """Number of growing modes at each point, ``(n,)``."""
        return self.spectrum.n_unstable

    @property
    def is_stable(self) -> Tensor:
        """Whether every mode shrinks at each point, ``(n,)``."""
        return self.spectrum.is_stable

    def __len__(self) -> int:
        return len(self.parameters)

    def __repr__(self) -> str:
        low, high = float(self.parameters.min()), float(self.parameters.max())
        return f"Branch({low:.4g} .. {high:.4g}, {list(self.bifurcations)})"

    def _report(self) -> Report:
        low, high = float(self.parameters.min()), float(self.parameters.max())
        rows = [(event.kind, f"{event.parameter:.9g}") for event in self.bifurcations]
        return Report(f"branch from {low:.4g} to {high:.4g}", ("bifurcation", "parameter"), rows)

    def _frame(self) -> dict[str, list[object]]:
        columns = {"parameter": self.parameters.tolist(), "n_unstable": self.n_unstable.tolist()}
        return columns | {f"h{i}": unit.tolist() for i, unit in enumerate(self.states.T)}


def _former_branch(n_unstable: Tensor | None = None, **fields: object) -> Branch:
    """Build a branch that version 0.1 saved: it kept the number of growing modes."""
    branch = Branch(**fields)  # type: ignore[arg-type]
    is_flow = n_unstable is not None and not torch.equal(n_unstable, branch.n_unstable)
    return Branch(**fields, is_flow=is_flow)  # type: ignore[arg-type]


register_former("Branch", _former_branch)


@dataclass(frozen=True, eq=False, repr=False)
class Branches(Results[Branch]):
    """The curves of fixed points that a continuation found: a sequence of :class:`Branch`.

    Example:
        >>> from pyrnn.dynamics import find_branches
        >>> starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
        >>> print(find_branches(lambda h, x: torch.tanh(2 * h + x), starts, (-1.0, 1.0)).summary())
        1 branch
          branch  bifurcation  parameter
          0       fold         0.532839975
          0       fold         -0.532839975
        status: complete as far as the search tells
    """

    def _report(self) -> Report:
        rows = [
            (str(i), event.kind, f"{event.parameter:.9g}")
            for i, branch in enumerate(self)
            for event in branch.bifurcations
        ]
        title = f"{len(self)} branch{'es' if len(self) != 1 else ''}"
        columns = ("branch", "bifurcation", "parameter")
        return Report(title, columns, rows, [f"status: {self.status}"])

    def _frame(self) -> dict[str, list[object]]:
        rows = [(i, event) for i, branch in enumerate(self) for event in branch.bifurcations]
        return {
            "branch": [i for i, _ in rows],
            "bifurcation": [event.kind for _, event in rows],
            "parameter": [event.parameter for _, event in rows],
        }
