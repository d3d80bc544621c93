"""Which input moves which attractor to which, and whether two networks do the same."""

from __future__ import annotations

from typing import Any

import networkx as nx
import torch

from pyrnn.dynamics.inputs import as_inputs
from pyrnn.dynamics.points import FixedPoints
from pyrnn.dynamics.step import frozen_step, one_thread
from pyrnn.dynamics.transitions import arrivals


def state_machine(
    rnn: Any, points: FixedPoints, pulses: Any, *, pulse_steps: int = 5, n_steps: int = 5000
) -> nx.MultiDiGraph:
    r"""Find where each input pulse takes the network from each stable point.

    .. math:: h = F^m(h^*_i, x_k), \qquad F^t(h, x) \to h^*_j

    From every stable point, each pulse is given for ``pulse_steps``; then the network runs under
    the constant input of the point until it is near a stable one. All runs go in one batch.

    Args:
        rnn: A network, or any batched ``step(h, x)``.
        points: Fixed points under one constant input.
        pulses: Inputs, ``(n_pulses, input_size)``.
        pulse_steps: Steps for which each is given.
        n_steps: Most steps afterwards.

    Returns:
        A graph whose nodes are the indices of the stable points, with their ``point``. The edge
        ``(i, j, k)`` says that pulse ``k`` leads from ``i`` to ``j``, with ``pulse`` and ``time``
        in steps; what leads to no stable point is counted in the graph's ``lost``.

    Raises:
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
    stable = points.is_stable.nonzero()[:, 0]
    if not len(stable):
        raise ValueError(
            "expected at least one stable point, got none; a network without them may remember in "
            "cycles: see find_attractors"
        )
    given = torch.as_tensor(pulses)
    if given.dim() != 2:
        raise ValueError(
            f"expected pulses of shape (n_pulses, input_size), got {tuple(given.shape)}"
        )
    given = as_inputs(given, points.states[:1].expand(len(given), -1), rnn)
    start = stable.repeat_interleave(len(given))
    pulse = torch.arange(len(given), device=stable.device).repeat(len(stable))
    with one_thread(), torch.no_grad():
        step = frozen_step(rnn, points.states[:2], points.inputs[:2])
        h, x = points.states[start], given[pulse]
        for _ in range(pulse_steps):
            h = step(h, x)
        ends, times = arrivals(step, h, points.inputs[start], points, n_steps)
    graph = nx.MultiDiGraph(lost=int((ends < 0).sum()), pulse_steps=pulse_steps)
    graph.add_nodes_from((i, {"point": points[i]}) for i in stable.tolist())
    for i, j, k, time in torch.stack([start, ends, pulse, times], dim=-1).tolist():
        if j >= 0:
            graph.add_edge(i, j, key=k, pulse=given[k], time=time)
    return graph


def are_isomorphic(first: nx.DiGraph, second: nx.DiGraph, *, min_probability: float = 0.0) -> bool:
    """Return whether two transition graphs are the same but for the names of their nodes.

    Nodes can only stand for each other if they have the same number of unstable modes.

    Args:
        first: A graph of :func:`~pyrnn.dynamics.transition_graph`.
        second: Another one, of another network perhaps.
        min_probability: Edges below it are left out.

    Returns:
        Whether there is a one-to-one map between the nodes that keeps every edge.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points, transition_graph
        >>> starts, graphs = torch.linspace(-1, 1, 20)[:, None], []
        >>> for gain in (2.0, 3.0):
        ...     step = lambda h, x: torch.tanh(gain * h)
        ...     graphs.append(transition_graph(step, find_fixed_points(step, starts)))
        >>> are_isomorphic(*graphs)
        True

    References:
        Maheswaranathan et al., *NeurIPS* 32 (2019).
    """
    plain = [_plain(graph, min_probability) for graph in (first, second)]
    match = nx.algorithms.isomorphism.categorical_node_match("n_unstable", -1)
    return bool(nx.is_isomorphic(*plain, node_match=match))


def _plain(graph: nx.DiGraph, min_probability: float) -> nx.DiGraph:
    plain = nx.DiGraph()
    for i, about in graph.nodes(data=True):
        plain.add_node(i, n_unstable=about["point"].n_unstable)
    for i, j, about in graph.edges(data=True):
        if about.get("probability", 1.0) >= min_probability:
            plain.add_edge(i, j)
    return plain
