"""Where the kind of a fixed point changes along a curve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.branches._curve import FixedPointCurve
from pyrnn.result import Report, Result

__all__ = ["Bifurcation", "bifurcations_between"]

_N_BISECTIONS = 30
_NUDGE = 1e-4
_FLAT = 1e-2


@dataclass(frozen=True, eq=False, repr=False)
class Bifurcation(Result):
    """A change in the number or kind of fixed points.

    Args:
        kind: ``"fold"``, ``"pitchfork"``, ``"transcritical"``, ``"Neimark-Sacker"``, ``"Hopf"`` or
            ``"period doubling"``.
        parameter: Where it happens.
        state: The fixed point there, ``(state_size,)``.
        eigenvalues: Of its Jacobian, ``(state_size,)``, complex.

    Example:
        >>> Bifurcation("fold", 0.5, torch.zeros(1), torch.ones(1))
        fold at 0.500000

    References:
        Kuznetsov, *Elements of Applied Bifurcation Theory* (2004), chapters 3 to 5.
    """

    kind: str
    parameter: float
    state: Tensor
    eigenvalues: Tensor

    def __repr__(self) -> str:
        return f"{self.kind} at {self.parameter:.6f}"

    def _report(self) -> Report:
        rows = [("kind", self.kind), ("parameter", f"{self.parameter:.9g}")]
        return Report("bifurcation", rows=rows)

    def _frame(self) -> dict[str, list[object]]:
        return {"kind": [self.kind], "parameter": [self.parameter]}


def bifurcations_between(
    curve: FixedPointCurve, z: Tensor, tangent: Tensor
) -> Iterator[Bifurcation]:
    """Yield the bifurcations on a curve, each found by bisection.

    Args:
        curve: The equations of the curve.
        z: States along the curve, ``(n, state_size + 1)``.
        tangent: Tangents there, ``(n, state_size + 1)``.

    Example:
        >>> list(bifurcations_between(None, torch.zeros(0, 2), torch.zeros(0, 2)))
        []
    """
    if not len(z):
        return
    signs = _signs(curve, z, tangent)
    changes = (signs[1:] != signs[:-1]).nonzero().tolist()
    turns_back = {i for i, test in changes if test == 0}
    for i, test in changes:
        if test == 1 and i in turns_back:  # at a fold, the determinant changes its sign too
            continue
        at = _bisect(curve, z[i], z[i + 1], tangent[i], test)
        kind = _kind(curve, at, test)
        parameter = float(curve.parameters(at)[0])
        yield Bifurcation(kind, parameter, at[0, :-1], curve.spectrum(at).eigenvalues[0])


def _signs(curve: FixedPointCurve, z: Tensor, tangent: Tensor) -> Tensor:
    """Return what changes at a fold, a branch point, a turning pair and a flip, ``(n, 4)``."""
    values = curve.spectrum(z).eigenvalues
    grows = (values.real if curve.is_flow else values.abs()) > 1
    turning = (values.imag.abs() > 1e-9) & grows
    flips = (1 + values).prod(-1).real if not curve.is_flow else torch.ones_like(z[:, 0])
    columns = [tangent[:, -1] > 0, (1 - values).prod(-1).real > 0, turning.sum(-1) // 2, flips > 0]
    return torch.stack([column.long() for column in columns], dim=-1)


def _bisect(curve: FixedPointCurve, a: Tensor, b: Tensor, tangent: Tensor, test: int) -> Tensor:
    """Return the state between two where a sign changes, ``(1, hidden_size + 1)``."""
    chord, low, high = (b - a)[None], 0.0, 1.0
    at_a = _signs(curve, a[None], tangent[None])[0, test]
    z = a[None]
    for _ in range(_N_BISECTIONS):
        middle = (low + high) / 2
        z, _ = curve.correct(a + middle * chord, chord)
        along = curve.tangent(z, chord)
        if _signs(curve, z, along)[0, test] == at_a:
            low = middle
        else:
            high = middle
    return z


def _kind(curve: FixedPointCurve, z: Tensor, test: int) -> str:
    if test == 1:
        return "pitchfork" if _is_symmetric(curve, z) else "transcritical"
    if test == 0 and _is_branch_point(curve, z):
        return "pitchfork"
    return ("fold", "", "Hopf" if curve.is_flow else "Neimark-Sacker", "period doubling")[test]


def _is_symmetric(curve: FixedPointCurve, z: Tensor) -> bool:
    """Return whether the second derivative along the critical mode vanishes."""
    mode, across = _critical_mode(curve, z)
    nudge = torch.nn.functional.pad(_NUDGE * mode, (0, 1))
    change = curve.jacobian(z + nudge) - curve.jacobian(z - nudge)
    curvature = across @ (change[0] / (2 * _NUDGE)) @ mode
    return bool(curvature.abs() < _FLAT * across.norm())


def _is_branch_point(curve: FixedPointCurve, z: Tensor) -> bool:
    """Return whether the parameter does not push along the critical mode: no mere fold."""
    _, across = _critical_mode(curve, z)
    push = across @ curve.derivative(z)[0, :, -1] / curve.width
    return bool(push.abs() < _FLAT * across.norm())


def _critical_mode(curve: FixedPointCurve, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return right and left eigenvector of the eigenvalue nearest to 1."""
    values, vectors = torch.linalg.eig(curve.jacobian(z)[0])
    i = int((values - 1).abs().argmin())
    return vectors[:, i].real, torch.linalg.pinv(vectors)[i].real
