"""Newton's method for the built-in equations in the compiled kernel, ``newton.h``."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from pyrnn.dynamics.maps import EquationMap, Map, ScaledMap
from pyrnn.dynamics.points._known import Known
from pyrnn.progress import is_interrupted
from pyrnn.unroll import CURRENT, KERNEL_ACTIVATIONS, Starts, kernel

__all__ = ["compiled_form", "newton_compiled"]

_MOST_UNITS = 128  # LAPACK is faster beyond
_NAMES = {torch.float32: "newton_float32", torch.float64: "newton_float64"}


def compiled_form(step: Map) -> tuple[EquationMap, float] | None:
    """Return the equation that the kernel solves for a map, and the unit of its states.

    Args:
        step: The map.

    Returns:
        Equation and unit; None for maps that only torch can solve.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> compiled_form(as_map(lambda h, x: h / 2, torch.zeros(1))) is None
        True
    """
    step, unit = (step.once, step.scale) if isinstance(step, ScaledMap) else (step, 1.0)
    if kernel() is None or not isinstance(step, EquationMap) or step.device.type != "cpu":
        return None
    if step.activation not in KERNEL_ACTIVATIONS or step.weight.shape[0] > _MOST_UNITS:
        return None
    return step, unit


def newton_compiled(
    step: EquationMap,
    unit: float,
    h: Tensor,
    x: Tensor,
    tol: float,
    few: list[int],
    cap: float,
    known: Known | None,
    owner: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Do what ``newton`` does, see there.

    Args:
        step: The equation.
        unit: Unit of the states, of ``tol`` and of ``cap``.
        h: Starts.
        x: Their inputs.
        tol: Residual below which a start has converged.
        few: For each iteration, the number of starts that do not make it worthwhile.
        cap: Longest step.
        known: Points that are known.
        owner: The input, by number, of each start.

    Returns:
        States, lengths of the residuals, and the known points that starts lead to, -1 for none.
    """
    h, x = (h * unit).contiguous(), x.to(step.dtype)
    residual = step(h, x) - h
    speed = torch.linalg.vector_norm(residual, dim=-1)
    drawn = torch.full((len(h),), -1)
    arrays = {
        "w_rec": step.weight.contiguous(),
        "alpha": step.alpha.expand(h.shape[-1]).contiguous(),
        "drive": step.drive(x).expand(len(h), -1).contiguous(),
        "h": h,
        "residual": residual,
        "speed": speed,
        "drawn": drawn,
    }
    if known is not None and owner is not None:
        n = len(known.inverse)
        arrays |= {
            "owner": owner.contiguous(),
            "owner_known": known.owner[:n].contiguous(),
            "points": known.h[:n].to(step.dtype) * unit,
            "inverse": known.inverse.to(step.dtype).contiguous(),
        }
    starts = Starts(
        starts=len(h),
        units=h.shape[-1],
        current=step.form == CURRENT,
        activation=KERNEL_ACTIVATIONS.index(step.activation),
        known=0 if known is None else len(known.inverse),
        tol=tol * unit,
        cap=cap * unit,
        unit=unit,
        **{name: array.data_ptr() for name, array in arrays.items()},
    )
    iterate = getattr(kernel(), _NAMES[step.dtype])
    for starts.few in few:
        if is_interrupted() or not iterate(ctypes.byref(starts)):
            break
    return h / unit, speed.nan_to_num(nan=torch.inf, posinf=torch.inf) / unit, drawn
