"""Whether two networks lead from point to point in the same way."""

from __future__ import annotations

import hashlib

import networkx as nx

from pyrnn.validate import as_number, check_kind

__all__ = ["node_kinds", "same_transitions", "transitions_key"]

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


def node_kinds(graph: nx.DiGraph, n_rounds: int | None = None) -> dict[object, str]:
    """Return a text for each node that tells what it is and what is around it.

    In each round the text of a node is joined with those of its successors and predecessors, as
    Weisfeiler and Leman have it. Nodes that a map between two graphs could exchange have the same
    text; the opposite is not true.

    Args:
        graph: A graph that ``same_transitions`` takes.
        n_rounds: Number of rounds; by default until the texts tell no more nodes apart.

    Returns:
        The text of each node.

    Example:
        >>> graph = nx.DiGraph([(2, 0), (2, 1)])
        >>> kinds = node_kinds(graph)
        >>> kinds[0] == kinds[1], kinds[0] == kinds[2]
        (True, False)

    References:
        Shervashidze et al., *Weisfeiler-Lehman graph kernels*, JMLR 12 (2011).
    """
    plain = _plain(graph, None)
    kinds = {node: repr(sorted(about.items())) for node, about in plain.nodes(data=True)}
    for _ in range(len(plain) if n_rounds is None else n_rounds):
        seen = {
            node: (
                kinds[node],
                sorted((kinds[j], about.get("keys")) for j, about in plain.succ[node].items()),
                sorted((kinds[j], about.get("keys")) for j, about in plain.pred[node].items()),
            )
            for node in plain
        }
        known = len(set(kinds.values()))
        kinds = {node: _short(repr(around)) for node, around in seen.items()}
        if n_rounds is None and len(set(kinds.values())) == known:
            break
    return kinds


def transitions_key(graph: nx.DiGraph) -> str:
    """Return a text that two graphs share if ``same_transitions`` holds, and rarely otherwise.

    Args:
        graph: A graph that ``same_transitions`` takes.

    Example:
        >>> transitions_key(nx.DiGraph([(0, 1)])) == transitions_key(nx.DiGraph([("b", "a")]))
        True
    """
    return _short(repr(sorted(node_kinds(graph).values())))


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


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
