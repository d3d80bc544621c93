"""The fixed point equation of a built-in network in its currents, in the form that suits it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pyrnn.dynamics.points._enclosures import ActivationCurve
from pyrnn.dynamics.points._equation import Equation, Roots
from pyrnn.dynamics.points._factors import factors, remainder_of
from pyrnn.dynamics.points._intervals import OUTWARD, gamma
from pyrnn.dynamics.points._low_rank import LowRank
from pyrnn.dynamics.points._prune import Pruned, outer_bound, prune
from pyrnn.dynamics.points._reduced import Reduced
from pyrnn.dynamics.points._regions import MOST_UNITS, search_regions
from pyrnn.dynamics.points.certificate import certify
from pyrnn.dynamics.points.points import FixedPoints

if TYPE_CHECKING:
    from pyrnn.dynamics.maps import EquationMap

__all__ = ["Problem"]

_MOST_RANK = 6
_FEW_UNITS = 3  # networks that need no reduction
_DENSE = 256  # units up to which eigenvalues are those of whole Jacobians


class Problem:
    r"""All solutions of :math:`u = W f(u) + d`.

    Args:
        step: The map.
        curve: Its activation.
        x: The constant input, ``(input_size,)``.

    Raises:
        ValueError: If no proof is known for its weights and activation.
    """

    def __init__(self, step: EquationMap, curve: ActivationCurve, x: Tensor) -> None:
        self.step, self.curve, self.x = step, curve, x
        self.weight = step.weight.cpu()
        self.drive = step.drive(x).cpu()
        size = step.input_weight.abs() @ x.abs()
        for layer in (step.network.w_in, step.network.w_rec):
            size = size if layer.bias is None else size + layer.bias.abs()
        self.drive_error = gamma(len(x) + 2) * size.cpu() * OUTWARD
        self.pair = None if self._is_piecewise_linear else factors(self.weight, _MOST_RANK)
        self.equation = None if self._is_piecewise_linear else self._smooth_equation()

    @property
    def _is_piecewise_linear(self) -> bool:
        is_ramp = self.step.activation == "relu" and len(self.weight) <= MOST_UNITS
        return is_ramp or self.step.activation == "identity"

    def _smooth_equation(self) -> Equation:
        n, terms = len(self.weight), (self.drive, self.drive_error, self.curve)
        has_few = self.pair is not None and (self.pair[0].shape[1] < n or n <= _FEW_UNITS)
        if self.pair is not None and (has_few or not self.curve.is_bounded):
            return LowRank(*terms, self.pair, remainder_of(self.weight, self.pair))
        if not self.curve.is_bounded:
            raise ValueError(
                f"expected weights of rank up to {_MOST_RANK} for a proof with the unbounded "
                f"activation {self.step.activation} (relu: or up to {MOST_UNITS} units), got {n} "
                "units with weights of a larger rank; find_fixed_points searches them"
            )
        return Reduced(self.weight, *terms, self._n_directions(), self._certified)

    def _n_directions(self) -> int:
        """Return along how many directions activity may sustain itself."""
        values = torch.linalg.eigvals(self.weight).real * self.curve.slope
        return min(max(int((values > 1).sum()), 1), _MOST_RANK)

    @property
    def contraction(self) -> float:
        """Row sum that tells whether a proof is affordable."""
        return 0.0 if self.equation is None else self.equation.contraction

    def prune(self, max_boxes: int, min_width: float, stop: Callable[[], bool]) -> Pruned:
        """Enclose all solutions."""
        if self.equation is None:
            rectifies = self.step.activation == "relu"
            terms = self.weight, self.drive, self.drive_error
            return search_regions(*terms, rectifies=rectifies, max_boxes=max_boxes, stop=stop)
        if isinstance(self.equation, LowRank) and not self.curve.is_bounded:
            self.equation.reach = outer_bound(self.equation)
        return prune(self.equation, min_width, max_boxes, stop)

    def _certified(self, u: Tensor) -> Roots:
        """Prove that solutions are near some currents, with the certificates of the states."""
        h = self.states(u)
        x = self.x.expand(len(h), -1)
        no_number, no_matrix = torch.zeros_like(h[:, 0]), h.new_zeros(len(h), 0, 0)
        points = FixedPoints(h, x, no_number, no_matrix, no_number)
        proof = certify(self.step, points)
        radius, unique = proof.radius.cpu(), proof.unique_within.cpu()
        if self.step.form == "rate":
            u = h.cpu() @ self.weight.mT + self.drive
            size, rows = self.weight.abs(), self.weight.abs().sum(1).max() * OUTWARD
            rounding = 2 * gamma(len(self.weight)) * (h.cpu().abs() @ size.mT + self.drive.abs())
            radius = radius * rows + (rounding + self.drive_error).amax(-1)
            unique = unique / self.curve.slope / OUTWARD
        return Roots(u, radius, unique, radius.isfinite())

    def states(self, u: Tensor) -> Tensor:
        """Return the states of currents, ``(n, state_size)``."""
        u = u.to(self.step.device)
        return self.curve.f(u) if self.step.form == "rate" else u

    def state_radius(self, radius: Tensor) -> Tensor:
        """Return how far states are off where currents are off by a radius."""
        if self.step.form == "rate":
            radius = self.curve.slope * radius * OUTWARD + gamma(4)
        return radius

    def state_boxes(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return bounds on the states in boxes of the equation."""
        if self.equation is not None and bool((low.isfinite() & high.isfinite()).all()):
            low, high = self.equation.currents(low, high)
        elif self.equation is not None:
            high = self.drive.new_full((len(low), len(self.drive)), math.inf)
            low = -high
        return self.curve.range(low, high) if self.step.form == "rate" else (low, high)

    def axes(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coordinates of boxes that tell which of them touch."""
        n = self.equation.rank if self.equation is not None else low.shape[1]
        return low[:, :n], high[:, :n]

    def eigenvalues(self, slopes: Tensor) -> Tensor:
        """Return the eigenvalues of the Jacobians, ``(n, state_size)``, sorted by size."""
        jacobians, n = self.step.jacobians_at(slopes), slopes.shape[-1]
        is_uniform = self.step.alpha.dim() == 0
        if n <= _DENSE or not isinstance(self.equation, LowRank) or not is_uniform:
            values = torch.linalg.eigvals(jacobians.dense())
        else:  # all others are those of a network without recurrence
            equation, slopes = self.equation, slopes.cpu()
            small = (slopes @ equation.products).unflatten(-1, (equation.rank, equation.rank))
            values = torch.zeros(slopes.shape, dtype=torch.complex128)
            values[:, : equation.rank] = torch.linalg.eigvals(small)
            alpha = self.step.alpha.cpu()
            values = (1 - alpha + alpha * values).to(self.step.device)
        order = values.abs().argsort(dim=-1, descending=True)
        return values.gather(-1, order)
