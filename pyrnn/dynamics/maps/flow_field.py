"""How a network moves on a plane through its state space."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pyrnn.arrays import States
from pyrnn.dynamics.maps.as_map import analysis, as_map
from pyrnn.dynamics.maps.map import Network
from pyrnn.result import Report, Result
from pyrnn.validate import as_integer, as_number

__all__ = ["FlowField", "flow_field"]


@dataclass(frozen=True, eq=False, repr=False)
class FlowField(Result):
    r"""How a network moves on a plane through its state space, :math:`P (F(h, x) - h)`.

    Args:
        points: Coordinates on the plane, ``(n, n, 2)``; the first axis is the second coordinate,
            as ``matplotlib`` wants it.
        vectors: Moves per step, projected onto the plane, ``(n, n, 2)``.
        speeds: Length of the whole move, off the plane too, ``(n, n)``.

    Example:
        >>> flow_field(lambda h, x: 0.5 * h, torch.eye(2), n=3).points.shape
        torch.Size([3, 3, 2])
    """

    points: Tensor
    vectors: Tensor
    speeds: Tensor

    def _frame(self) -> dict[str, list[object]]:
        columns = torch.cat([self.points, self.vectors], dim=-1).reshape(-1, 4).T
        names = ("x", "y", "move x", "move y")
        frame = {name: column.tolist() for name, column in zip(names, columns, strict=True)}
        return frame | {"speed": self.speeds.flatten().tolist()}

    def _report(self) -> Report:
        n = len(self.points)
        slowest, fastest = float(self.speeds.min()), float(self.speeds.max())
        rows = [("slowest", f"{slowest:.3g}"), ("fastest", f"{fastest:.3g}")]
        return Report(f"flow on a plane, {n} x {n} states", ("", "speed per step"), rows)


@analysis
def flow_field(
    network: Network,
    axes: States,
    x: States | None = None,
    *,
    origin: States | None = None,
    extent: float = 1.0,
    n: int = 25,
) -> FlowField:
    r"""Take the velocity on a grid of a plane, ready for a quiver plot.

    .. math:: v = P\, (F(h_0 + P^\top p, x) - h_0 - P^\top p)

    at the points :math:`p`, with the axes in the rows of :math:`P`.

    Args:
        network: A network, or any batched ``step(h, x)``.
        axes: Two directions that span the plane, ``(2, state_size)``. They are made orthonormal;
            the first one keeps its direction.
        x: Constant input, ``(input_size,)``; by default zero.
        origin: State at the center, ``(state_size,)``; by default zero.
        extent: The grid goes from ``-extent`` to ``extent`` along both axes.
        n: Grid points along each axis.

    Returns:
        Points, moves and speeds on the grid.

    Raises:
        TypeError: As :func:`~pyrnn.dynamics.as_map`, or if an argument is no number.
        ValueError: If the axes are not two independent directions, or an argument is not positive.

    Example:
        >>> field = flow_field(lambda h, x: 0.5 * h, torch.eye(2), n=3)
        >>> field.vectors[0, 0]
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    extent, n = as_number("extent", extent, above=0), as_integer("n", n, low=1)
    step = as_map(network, axes, x)
    plane = step.states(axes, "axes")
    if plane.shape[:-1] != (2,) or torch.linalg.matrix_rank(plane) < 2:
        raise ValueError(
            f"expected two independent axes of shape (2, state_size), got {tuple(plane.shape)}; "
            "take e.g. the first two principal components"
        )
    q, r = torch.linalg.qr(plane.mT)
    q = (q * r.diagonal().sign()).mT
    center = torch.zeros_like(plane[0]) if origin is None else step.states(origin, "origin")
    ticks = torch.linspace(-extent, extent, n, dtype=plane.dtype, device=plane.device)
    points = torch.stack(torch.meshgrid(ticks, ticks, indexing="xy"), dim=-1)
    states = center + points @ q
    moves = step(states, step.inputs(x, states)) - states
    return FlowField(points, moves @ q.mT, moves.norm(dim=-1))
