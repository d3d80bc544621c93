"""Transition graphs as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import networkx as nx
from torch import Tensor

from pyrnn.dynamics.points import FixedPoint
from pyrnn.files import replacing


def save_graph(graph: nx.DiGraph, path: str | Path) -> None:
    """Write a transition graph as GraphML or JSON, by the ending of the name.

    A node's point becomes its ``stability``, ``n_unstable``, ``speed``, ``state`` and ``input``
    (lists as JSON text in GraphML).

    Args:
        graph: A graph of :func:`transition_graph`.
        path: Name that ends in ``.graphml`` or ``.json``.

    Raises:
        ValueError: If the name ends otherwise.

    Example:
        >>> import torch
        >>> from pyrnn.dynamics import find_fixed_points, transition_graph
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> path = getfixture("tmp_path") / "graph.graphml"
        >>> save_graph(transition_graph(step, points), path)
        >>> nx.read_graphml(path).nodes["2"]["stability"]
        'unstable node'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".graphml", ".json"):
        raise ValueError(f"expected a name ending in .graphml or .json, got {str(path)!r}")
    plain = nx.DiGraph(**{key: _plain(value, suffix) for key, value in graph.graph.items()})
    for node, about in graph.nodes(data=True):
        point = about.get("point")
        about = {key: value for key, value in about.items() if key != "point"}
        about |= _describe(point) if isinstance(point, FixedPoint) else {}
        plain.add_node(node, **{key: _plain(value, suffix) for key, value in about.items()})
    for i, j, about in graph.edges(data=True):
        plain.add_edge(i, j, **{key: _plain(value, suffix) for key, value in about.items()})
    with replacing(path) as partial:
        if suffix == ".graphml":
            nx.write_graphml(plain, str(partial))
        else:
            partial.write_text(json.dumps(nx.node_link_data(plain, edges="edges"), indent=1))


def _describe(point: FixedPoint) -> dict[str, Any]:
    return {
        "stability": point.stability,
        "n_unstable": point.n_unstable,
        "speed": point.speed,
        "state": point.state,
        "input": point.input,
    }


def _plain(value: Any, suffix: str) -> Any:
    """Turn a value into what the format can hold."""
    value = value.tolist() if isinstance(value, Tensor) else value
    if suffix == ".graphml" and not isinstance(value, (bool, int, float, str)):
        return json.dumps(value)
    return value
