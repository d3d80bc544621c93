"""Which input pulse leads from which attractor to which."""

from __future__ import annotations

import networkx as nx
import torch

from pyrnn.arrays import States
from pyrnn.dynamics.graphs._arrivals import arrivals, check_points
from pyrnn.dynamics.maps import Network, analysis, as_map
from pyrnn.dynamics.points import FixedPoints
from pyrnn.validate import as_integer, as_tensor

__all__ = ["state_machine"]


@analysis
def state_machine(
    network: Network,
    points: FixedPoints,
    pulses: States,
    *,
    pulse_steps: int = 5,
    n_steps: int = 5000,
) -> nx.MultiDiGraph:
    r"""Find where each input pulse takes the network from each stable point.

    .. math:: h = F^m(h^*_i, x_k), \qquad F^t(h, x) \to h^*_j

    From every stable point, each pulse is given for ``pulse_steps``; then the network runs under
    the constant input of the point until it is near a stable one. All runs go in one batch.

    Args:
        network: A network, or any batched ``step(h, x)``.
        points: Fixed points under one constant input.
        pulses: Inputs, ``(n_pulses, input_size)``.
        pulse_steps: Steps for which each is given.
        n_steps: Most steps afterwards.

    Returns:
        A graph whose nodes are the indices of the stable points, with their ``point``. The edge
        ``(i, j, k)`` says that pulse ``k`` leads from ``i`` to ``j``, with ``pulse`` and ``time``
        in steps; what leads to no stable point is counted in the graph's ``lost``.

    Raises:
        TypeError: If an option is of the wrong kind.
        ValueError: If no point is stable, or the pulses have the wrong shape.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points
        >>> step = lambda h, x: torch.tanh(2 * h + x)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> sorted(state_machine(step, points, [[-3.0], [3.0]]).edges)
        [(0, 0, 0), (0, 1, 1), (1, 0, 0), (1, 1, 1)]

    References:
        Maheswaranathan et al., *NeurIPS* 32 (2019).
    """
    pulse_steps = as_integer("pulse_steps", pulse_steps, low=1)
    n_steps = as_integer("n_steps", n_steps, low=1)
    check_points(points)
    stable = points.is_stable.nonzero()[:, 0]
    if not len(stable):
        raise ValueError(
            "expected at least one stable point, got none; a network without them may remember in "
            "cycles: see find_attractors"
        )
    given = as_tensor("pulses", pulses)
    if given.dim() != 2:
        raise ValueError(
            f"expected pulses of shape (n_pulses, input_size), got {tuple(given.shape)}"
        )
    step = as_map(network, points, points.inputs)
    given = step.inputs(given, points.states[:1].expand(len(given), -1))
    start = stable.repeat_interleave(len(given))
    pulse = torch.arange(len(given), device=stable.device).repeat(len(stable))
    h, x = points.states[start], given[pulse]
    for _ in range(pulse_steps):
        h = step(h, x)
    runs = arrivals(step, h, points.inputs[start], points, n_steps)
    ends, times = runs.ends, runs.times
    graph = nx.MultiDiGraph(lost=int((ends < 0).sum()), pulse_steps=pulse_steps)
    graph.add_nodes_from((i, {"point": points[i]}) for i in stable.tolist())
    for i, j, k, time in torch.stack([start, ends, pulse, times], dim=-1).tolist():
        if j >= 0:
            graph.add_edge(i, j, key=k, pulse=given[k], time=time)
    return graph
