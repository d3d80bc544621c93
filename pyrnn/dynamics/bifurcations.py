"""Where the kind of a fixed point changes along a curve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.dynamics.family import Family

_N_BISECTIONS = 30
_NUDGE = 1e-4
_FLAT = 1e-2


@dataclass(frozen=True, eq=False)
class Bifurcation:
    """A change in the number or kind of fixed points.

    Args:
        kind: ``"fold"``, ``"pitchfork"``, ``"transcritical"``, ``"Neimark-Sacker"``, ``"Hopf"`` or
            ``"period doubling"``.
        parameter: Where it happens.
        state: The fixed point there, ``(hidden_size,)``.
        eigenvalues: Of its Jacobian, ``(hidden_size,)``, complex.

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


def bifurcations_between(family: Family, z: Tensor, tangent: Tensor) -> Iterator[Bifurcation]:
    """Yield the bifurcations on a curve, each found by bisection.

    Args:
        family: Whose fixed points these are.
        z: States along the curve, ``(n, hidden_size + 1)``.
        tangent: Tangents there, ``(n, hidden_size + 1)``.
    """
    if not len(z):
        return
    signs = _signs(family, z, tangent)
    changes = (signs[1:] != signs[:-1]).nonzero().tolist()
    turns_back = {i for i, test in changes if test == 0}
    for i, test in changes:
        if test == 1 and i in turns_back:  # at a fold, the determinant changes its sign too
            continue
        at = _bisect(family, z[i], z[i + 1], tangent[i], test)
        kind = _kind(family, at, test)
        parameter = float(family.parameters(at)[0])
        yield Bifurcation(kind, parameter, at[0, :-1], family.eigenvalues(at)[0])


def _signs(family: Family, z: Tensor, tangent: Tensor) -> Tensor:
    """Return what changes at a fold, a branch point, a turning pair and a flip, ``(n, 4)``."""
    values = torch.cat([family.eigenvalues(part) for part in z.split(64)])
    turning = (values.imag.abs() > 1e-9) & family.grows(values)
    flips = (1 + values).prod(-1).real if not family.is_flow else torch.ones_like(z[:, 0])
    columns = [tangent[:, -1] > 0, (1 - values).prod(-1).real > 0, turning.sum(-1) // 2, flips > 0]
    return torch.stack([column.long() for column in columns], dim=-1)


def _bisect(family: Family, a: Tensor, b: Tensor, tangent: Tensor, test: int) -> Tensor:
    """Return the state between two where a sign changes, ``(1, hidden_size + 1)``."""
    chord, low, high = (b - a)[None], 0.0, 1.0
    at_a = _signs(family, a[None], tangent[None])[0, test]
    z = a[None]
    for _ in range(_N_BISECTIONS):
        middle = (low + high) / 2
        z, _ = family.correct(a + middle * chord, chord)
        along = family.tangent(z, chord)
        if _signs(family, z, along)[0, test] == at_a:
            low = middle
        else:
            high = middle
    return z


def _kind(family: Family, z: Tensor, test: int) -> str:
    if test == 1:
        return "pitchfork" if _is_symmetric(family, z) else "transcritical"
    if test == 0 and _is_branch_point(family, z):
        return "pitchfork"
    return ("fold", "", "Hopf" if family.is_flow else "Neimark-Sacker", "period doubling")[test]


def _is_symmetric(family: Family, z: Tensor) -> bool:
    """Return whether the second derivative along the critical mode vanishes."""
    mode, across = _critical_mode(family, z)
    nudge = torch.nn.functional.pad(_NUDGE * mode, (0, 1))
    change = family.jacobian(z + nudge) - family.jacobian(z - nudge)
    curvature = across @ (change[0] / (2 * _NUDGE)) @ mode
    return bool(curvature.abs() < _FLAT * across.norm())


def _is_branch_point(family: Family, z: Tensor) -> bool:
    """Return whether the parameter does not push along the critical mode: no mere fold."""
    _, across = _critical_mode(family, z)
    push = across @ family.derivative(z)[0, :, -1] / family.width
    return bool(push.abs() < _FLAT * across.norm())


def _critical_mode(family: Family, z: Tensor) -> tuple[Tensor, Tensor]:
    """Return right and left eigenvector of the eigenvalue nearest to 1."""
    values, vectors = torch.linalg.eig(family.jacobian(z)[0])
    i = int((values - 1).abs().argmin())
    return vectors[:, i].real, torch.linalg.pinv(vectors)[i].real
