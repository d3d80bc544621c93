"""Whether two networks lead from point to point in the same way."""

from __future__ import annotations

import networkx as nx

from pyrnn.validate import as_number, check_kind

__all__ = ["same_transitions"]

_NAMES = ("kind", "n_unstable", "period")  # of nodes, that must be the same


def same_transitions(
    first: nx.DiGraph, second: nx.DiGraph, *, min_probability: float | None = None
) -> bool:
    """Return whether two graphs are the same but for the names of their nodes.

    Transition graphs are compared by their skeletons, which do not depend on chance. Nodes can
    only stand for each other if they are of one kind: points with the same number of unstable
    modes, or cycles of the same period.

    Args:
        first: A graph of :func:`~pyrnn.dynamics.transition_graph`,
            :func:`~pyrnn.dynamics.skeleton` or :func:`~pyrnn.dynamics.state_machine`.
        second: Another one, of another network perhaps.
        min_probability: If given, compare the edges of transition graphs with at least this
            probability instead.

    Returns:
        Whether there is a one-to-one map between the nodes that keeps every edge.

    Raises:
        TypeError: If one is no graph, or ``min_probability`` no number.
        ValueError: If it is not between 0 and 1.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points, transition_graph
        >>> starts, graphs = torch.linspace(-1, 1, 20)[:, None], []
        >>> for gain in (2.0, 3.0):
        ...     step = lambda h, x: torch.tanh(gain * h)
        ...     graphs.append(transition_graph(step, find_fixed_points(step, starts)))
        >>> same_transitions(*graphs)
        True

    References:
        Maheswaranathan et al., *NeurIPS* 32 (2019).
    """
    for name, graph in (("first", first), ("second", second)):
        check_kind(name, graph, nx.DiGraph, "make one with transition_graph(network, points)")
    if min_probability is not None:
        min_probability = as_number("min_probability", min_probability, low=0, high=1)
    plain = [_plain(graph, min_probability) for graph in (first, second)]
    alike = nx.algorithms.isomorphism.categorical_node_match(list(_NAMES), ["point", -1, 0])
    keys = nx.algorithms.isomorphism.categorical_edge_match("keys", ())
    return bool(nx.is_isomorphic(*plain, node_match=alike, edge_match=keys))


def _plain(graph: nx.DiGraph, min_probability: float | None) -> nx.DiGraph:
    """Return nodes and edges with what counts; of pulses, which of them lead along an edge."""
    if min_probability is None:
        graph = graph.graph.get("skeleton", graph)
    plain = nx.DiGraph()
    for i, about in graph.nodes(data=True):
        point = about.get("point")
        kind = about if point is None else {"n_unstable": point.n_unstable}
        plain.add_node(i, **{name: kind[name] for name in _NAMES if name in kind})
    for i, j, about in graph.edges(data=True):
        if about.get("probability", 1.0) >= (min_probability or 0.0):
            plain.add_edge(i, j)
    if graph.is_multigraph():
        for i, j in plain.edges:
            plain.edges[i, j]["keys"] = tuple(sorted(graph[i][j]))
    return plain
