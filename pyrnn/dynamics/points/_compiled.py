"""Newton's method for the built-in equations in the compiled kernel, ``newton.h``."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import torch
from torch import Tensor

from pyrnn.dynamics.maps import CellMap, EquationMap, Map, ScaledMap
from pyrnn.dynamics.points._known import Known
from pyrnn.progress import is_interrupted
from pyrnn.threads import single_threaded
from pyrnn.unroll import CURRENT, DTYPES, KERNEL_ACTIVATIONS, RATE, Starts, kernel

__all__ = ["CompiledMap", "compiled_form", "equation_of", "newton_compiled", "settle_compiled"]

_MOST_UNITS = 128  # LAPACK is faster beyond
_WORTH_A_THREAD = 2**21  # multiplications of an iteration
_FORMS = (RATE, CURRENT, "gated")  # in the order of the kernel's own list


class CompiledMap(NamedTuple):
    """A map whose equation the kernel solves.

    Attributes:
        step: The map.
        form: Its form, one of three.
        activation: Name of its activation.
        unit: Unit in which ``newton`` measures states.
    """

    step: EquationMap | CellMap
    form: str
    activation: str
    unit: float

    def weights(self) -> dict[str, Tensor | None]:
        """Return recurrent weights, Euler steps and the inner bias of gates."""
        step = self.step
        if isinstance(step, EquationMap):
            alpha = step.alpha.expand(step.weight.shape[0]).contiguous()
            return {"w_rec": step.weight.contiguous(), "alpha": alpha}
        layer = step.layers[0]
        n = layer.w_rec.shape[1]
        inner = None if layer.b_rec is None else layer.b_rec[2 * n :].contiguous()
        return {"w_rec": layer.w_rec.contiguous(), "inner": inner}

    def drive(self, x: Tensor) -> Tensor:
        """Return the constant currents that inputs make, a row for each row of the weights."""
        step = self.step
        if isinstance(step, EquationMap):
            return step.drive(x)
        layer = step.layers[0]
        n = layer.w_rec.shape[1]
        drive = torch.nn.functional.linear(x, layer.w_in, layer.b_in)
        if layer.b_rec is not None:
            drive[..., : 2 * n] += layer.b_rec[: 2 * n]
        return drive


def compiled_form(step: Map) -> CompiledMap | None:
    """Return the equation that the kernel solves for a map.

    Args:
        step: The map.

    Returns:
        None for maps that only torch can solve.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> compiled_form(as_map(lambda h, x: h / 2, torch.zeros(1))) is None
        True
    """
    equation, unit = equation_of(step), step.scale if isinstance(step, ScaledMap) else 1.0
    is_small = (step.state_size or 0) <= _MOST_UNITS and step.device.type == "cpu"
    if kernel() is None or not is_small:
        return None
    if isinstance(equation, EquationMap) and equation.activation in KERNEL_ACTIVATIONS:
        return CompiledMap(equation, equation.form, equation.activation, unit)
    if isinstance(equation, CellMap) and equation.kind == "GRU" and len(equation.layers) == 1:
        return CompiledMap(equation, "gated", "tanh", unit)
    return None


def equation_of(step: Map) -> EquationMap | CellMap | None:
    """Return the built-in equation of a map in any unit, None for a function of a user.

    Args:
        step: The map.

    Example:
        >>> from pyrnn.dynamics import as_map
        >>> equation_of(ScaledMap(as_map(torch.nn.GRUCell(1, 2)), 0.5)).kind
        'GRU'
    """
    once = step.once if isinstance(step, ScaledMap) else step
    return once if isinstance(once, (EquationMap, CellMap)) else None


def newton_compiled(
    compiled: CompiledMap,
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
        compiled: The map.
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
    step, unit = compiled.step, compiled.unit
    h = (h * unit).contiguous()
    residual = step(h, x.to(step.dtype)) - h
    speed = torch.linalg.vector_norm(residual, dim=-1)
    drawn = torch.full((len(h),), -1)
    arrays = {"residual": residual, "speed": speed, "drawn": drawn}
    if known is not None and owner is not None:
        n = len(known.inverse)
        arrays |= {
            "owner": owner.contiguous(),
            "owner_known": known.owner[:n].contiguous(),
            "points": known.h[:n].to(step.dtype) * unit,
            "inverse": known.inverse.to(step.dtype).contiguous(),
        }
    arrays |= _arrays(compiled, h, x)
    starts = _starts(compiled, arrays)
    starts.known = 0 if known is None else len(known.inverse)
    starts.tol, starts.cap, starts.unit = tol * unit, cap * unit, unit
    iterate = getattr(kernel(), f"newton_{DTYPES[step.dtype]}")
    for starts.few in few:
        if is_interrupted() or not iterate(ctypes.byref(starts)):
            break
    return h / unit, speed.nan_to_num(nan=torch.inf, posinf=torch.inf) / unit, drawn


def settle_compiled(
    compiled: CompiledMap, h: Tensor, x: Tensor, moves: Tensor, *, is_wary: bool
) -> Tensor:
    """Do what ``settle`` does, see there.

    Args:
        compiled: The map.
        h: Starts.
        x: Their inputs.
        moves: Numbers of steps.
        is_wary: Whether a start stops where a step does not lead nearer.

    Returns:
        Where the starts are then.
    """
    h = (h * compiled.unit).contiguous()
    arrays = _arrays(compiled, h, x) | {"moves": moves.contiguous()}
    starts = _starts(compiled, arrays)
    starts.is_wary = is_wary
    getattr(kernel(), f"settle_{DTYPES[compiled.step.dtype]}")(ctypes.byref(starts))
    return h / compiled.unit


def _arrays(compiled: CompiledMap, h: Tensor, x: Tensor) -> dict[str, Tensor | None]:
    """Return what the kernel needs to make a step from every start."""
    drive = compiled.drive(x.to(h.dtype)).expand(len(h), -1).contiguous()
    return compiled.weights() | {"h": h, "drive": drive}


def _starts(compiled: CompiledMap, arrays: dict[str, Tensor | None]) -> Starts:
    h = arrays["h"]
    assert h is not None
    return Starts(
        starts=h.shape[0],
        units=h.shape[1],
        form=_FORMS.index(compiled.form),
        activation=KERNEL_ACTIVATIONS.index(compiled.activation),
        threads=_thread_count(h),
        **{name: array.data_ptr() for name, array in arrays.items() if array is not None},
    )


def _thread_count(h: Tensor) -> int:
    """Return how many threads an iteration from some starts is worth."""
    with single_threaded() as n_threads:
        return min(n_threads, 1 + h.numel() * h.shape[-1] ** 2 // _WORTH_A_THREAD)
