"""The graph of what leads where: a networkx graph that shows itself and becomes a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import networkx as nx
import torch
from torch import Tensor

from pyrnn.dynamics.graphs._arrivals import runs_from
from pyrnn.files import replacing
from pyrnn.result import Report, Reported
from pyrnn.serialize import encode, register_former
from pyrnn.stored import Stored

if TYPE_CHECKING:
    import pandas

    from pyrnn.dynamics.maps import Network
    from pyrnn.dynamics.points import FixedPoint

__all__ = ["TransitionGraph"]


class TransitionGraph(nx.DiGraph, Reported, Stored):  # type: ignore[misc]
    """A ``networkx.DiGraph`` of fixed points and of where runs from them end.

    Nodes have a ``point`` and the number of runs ``lost``; edges have ``count``, ``probability``
    and its 95 % interval ``low .. high``, mean travel ``time`` in steps, and the ``start`` of a
    run.

    Example:
        >>> from pyrnn.dynamics import find_fixed_points, transition_graph
        >>> step = lambda h, x: torch.tanh(2 * h)
        >>> points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
        >>> graph = transition_graph(step, points, directions="modes")
        >>> graph.status, graph.to_pandas()["probability"].tolist()
        ('complete', [0.5, 0.5])
        >>> path = graph.save(getfixture("tmp_path") / "graph.graphml")
        >>> nx.read_graphml(path).nodes["2"]["stability"]
        'unstable node'
        >>> path = graph.save(getfixture("tmp_path") / "graph.npz")
        >>> TransitionGraph.load(path).nodes[2]["point"].stability
        'unstable node'
        >>> run = graph.sample_paths(step)[2, 0]
        >>> bool((run[-1] - points[0].state).abs() < 0.05)
        True
    """

    @property
    def status(self) -> str:
        """Verdict in words."""
        n_lost = self.graph.get("lost", 0)
        return f"{n_lost} runs reached no stable point" if n_lost else "complete"

    def sample_paths(self, network: Network) -> dict[tuple[int, int], Tensor]:
        """Return one run for each edge.

        Args:
            network: The network whose graph it is.

        Returns:
            For each edge the states of a run, ``(n_steps, state_size)``.

        Raises:
            TypeError: As :func:`~pyrnn.dynamics.as_map`.
            ValueError: As :func:`~pyrnn.dynamics.as_map`.
        """
        edges = list(self.edges(data=True))
        if not edges:
            return {}
        h = torch.stack([about["start"] for *_, about in edges])
        x = torch.stack([self.nodes[i]["point"].input for i, _, _ in edges])
        steps = [about["start_time"] for *_, about in edges]
        runs = runs_from(network, h, x, max(steps))
        return {(i, j): run[: n + 1] for (i, j, _), run, n in zip(edges, runs, steps, strict=True)}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the graph, by the ending of the name.

        ``.npz`` holds all of it with a checksum, for ``load``. GraphML and JSON are for other
        programs: a node's point becomes its ``stability``, ``n_unstable``, ``speed``, ``state``
        and ``input`` (lists as JSON text in GraphML).

        Args:
            path: Name that ends in ``.npz``, ``.graphml`` or ``.json``.

        Returns:
            The path.

        Raises:
            ValueError: If the name ends otherwise.
        """
        suffix = Path(path).suffix.lower()
        if suffix == ".npz":
            return super().save(path)
        if suffix not in (".graphml", ".json"):
            raise ValueError(
                f"expected a name ending in .npz, .graphml or .json, got {str(path)!r}"
            )
        about = dict(self.graph)
        if "skeleton" in about:
            about["skeleton"] = [list(edge) for edge in about["skeleton"].edges]
        plain = nx.DiGraph(**{key: _plain(value, suffix) for key, value in about.items()})
        for node, about in self.nodes(data=True):
            about = dict(about)
            about |= _described(about.pop("point", None))
            plain.add_node(node, **{key: _plain(value, suffix) for key, value in about.items()})
        for i, j, about in self.edges(data=True):
            plain.add_edge(i, j, **{key: _plain(value, suffix) for key, value in about.items()})
        with replacing(path) as partial:
            if suffix == ".graphml":
                nx.write_graphml(plain, str(partial))
            else:
                partial.write_text(json.dumps(nx.node_link_data(plain, edges="edges"), indent=1))
        return Path(path).expanduser()

    def _to_plain(self) -> object:
        return _as_data(self)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with one row for each edge; needs ``pip install pyrnn[pandas]``."""
        import pandas

        names = ("count", "probability", "low", "high", "time")
        rows = [
            {"from": i, "to": j} | {name: about.get(name) for name in names}
            for i, j, about in self.edges(data=True)
        ]
        return pandas.DataFrame(rows, columns=["from", "to", *names])

    def _report(self) -> Report:
        rows = [
            (
                f"{i} → {j}",
                f"{about['probability']:.2f} ({about['low']:.2f} to {about['high']:.2f})",
                f"{about['time']:.0f}",
            )
            for i, j, about in self.edges(data=True)
        ]
        title = f"{self.number_of_nodes()} points, {self.number_of_edges()} transitions"
        columns = ("edge", "probability (95 %)", "steps")
        return Report(title, columns, rows, [f"status: {self.status}"])


def _described(point: FixedPoint | None) -> dict[str, object]:
    if point is None:
        return {}
    return {
        "stability": point.stability,
        "n_unstable": point.n_unstable,
        "speed": point.speed,
        "state": point.state,
        "input": point.input,
    }


def _plain(value: object, suffix: str) -> object:
    """Turn a value into what the format can hold."""
    value = value.tolist() if isinstance(value, Tensor) else value
    if suffix == ".graphml" and not isinstance(value, (bool, int, float, str)):
        return json.dumps(value)
    return value


_NAMES = {TransitionGraph: "pyrnn.TransitionGraph", nx.DiGraph: "networkx.DiGraph"}


def _as_data(value: object) -> object:
    """Return a graph as plain data that names its class; other values as ``encode`` does."""
    if not isinstance(value, nx.DiGraph):
        return encode(value, "a value of the graph")
    nodes = [[node, _all_as_data(about)] for node, about in value.nodes(data=True)]
    edges = [[i, j, _all_as_data(about)] for i, j, about in value.edges(data=True)]
    config = {"nodes": nodes, "edges": edges, "about": _all_as_data(value.graph)}
    return {"__class__": _NAMES[type(value)], "config": config}


def _all_as_data(about: Mapping[str, object]) -> dict[str, object]:
    return {name: _as_data(value) for name, value in about.items()}


class _Builds(Protocol):
    def __call__(
        self,
        nodes: list[tuple[int, dict[str, object]]],
        edges: list[tuple[int, int, dict[str, object]]],
        about: dict[str, object],
    ) -> nx.DiGraph: ...


def _builder(cls: type[nx.DiGraph]) -> _Builds:
    def build(
        nodes: list[tuple[int, dict[str, object]]],
        edges: list[tuple[int, int, dict[str, object]]],
        about: dict[str, object],
    ) -> nx.DiGraph:
        graph = cls(**about)
        graph.add_nodes_from(nodes)
        graph.add_edges_from(edges)
        return graph

    return build


for _cls, _name in _NAMES.items():
    register_former(_name, _builder(_cls))
