"""analyze: fixed points, skeleton and states of one network, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import networkx as nx
import torch
from torch import Tensor

from pyrnn.arrays import ArrayLike
from pyrnn.base import RNNBase
from pyrnn.dynamics import (
    Certificates,
    FixedPoints,
    certify,
    find_attractors,
    find_fixed_points,
    skeleton,
)
from pyrnn.populations._folder import digest, texts
from pyrnn.result import Report, Result
from pyrnn.validate import as_tensor, check_finite, check_kind

__all__ = ["Analysis", "analyze", "as_inputs", "key_of", "kinds_of"]

_UNDECIDED = ("not settled", "marginal", "unstable")  # ends of arms that are no attractors
_COMPLETE = ("complete", "proved complete")


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Result):
    """Fixed points, skeleton and states of a network.

    Args:
        points: The fixed points.
        certificates: What is proven of each.
        eigenvalues: Eigenvalues at each point, ``(n, state_size)``, complex.
        links: The skeleton as plain data, see ``networkx.node_link_data``.
        states: States under the shared inputs, ``(n_trials, time, state_size)``.
        inputs_key: Digest of these inputs. Only states of the same inputs can be compared.

    Example:
        >>> from pyrnn import RNN
        >>> analysis = analyze(RNN(1, 4, 1, seed=0), torch.randn(8, 20, 1))
        >>> analysis, analysis.skeleton, analysis.reasons(), analysis.status
        (Analysis(1 point), <networkx.classes.digraph.DiGraph ...>, (), 'complete')
    """

    points: FixedPoints
    certificates: Certificates
    eigenvalues: Tensor
    links: dict[str, Any]  # type: ignore[explicit-any]  # of networkx
    states: Tensor
    inputs_key: str

    _is_compressed: ClassVar[bool] = False  # states do not become smaller

    def __post_init__(self) -> None:
        vars(self.points.spectrum)["eigenvalues"] = self.eigenvalues  # slow to take again

    @cached_property
    def skeleton(self) -> nx.DiGraph:
        """Where the arms of saddles lead, see :func:`~pyrnn.dynamics.skeleton`.

        If a network has no stable point, the other attractors that its states settle to are
        nodes, too.
        """
        return nx.node_link_graph(self.links, directed=True, multigraph=False, edges="edges")

    def reasons(self, *, certified: bool = True) -> tuple[str, ...]:
        """Return why the skeleton may not be that of the network; nothing if it is.

        Args:
            certified: Whether every point needs a certificate.
        """
        n_uncertified = int((~self.certificates.is_certified).sum())
        ends = {about["kind"] for _, about in self.skeleton.nodes(data=True)}
        found = [
            *([self.points.status] if self._has_doubt else []),
            *(["no attractor found"] if not len(self.skeleton) else []),
            *(f"an arm is {end}" for end in _UNDECIDED if end in ends),
            *([f"{n_uncertified} points not certified"] if certified and n_uncertified else []),
        ]
        return tuple(found)

    @property
    def status(self) -> str:
        """Verdict in words."""
        return "; ".join(self.reasons()) or "complete"

    @property
    def _has_doubt(self) -> bool:
        points = self.points
        is_odd = points.is_degenerate | points.is_one_sided
        has_cycles = not len(points) and len(self.skeleton)  # what the search says of points
        return bool(is_odd.any()) or not (has_cycles or points.status.startswith(_COMPLETE))

    def __repr__(self) -> str:
        n = len(self.points)
        return f"Analysis({n} point{'s' if n != 1 else ''})"

    def _frame(self) -> dict[str, list[object]]:
        return {
            "stability": list(self.points.stability),
            "n_unstable": self.points.n_unstable.tolist(),
            "is_certified": self.certificates.is_certified.tolist(),
        }

    def _report(self) -> Report:
        counts = ", ".join(f"{n} {kind}" for kind, n in kinds_of(self.skeleton).items())
        rows = [
            ("skeleton", counts or "empty"),
            ("certified", f"{int(self.certificates.is_certified.sum())} of {len(self.points)}"),
            ("states", " x ".join(map(str, self.states.shape))),
        ]
        return Report(repr(self), rows=rows, notes=[f"status: {self.status}"])


def kinds_of(graph: nx.DiGraph) -> dict[str, int]:
    """Return how many nodes of each kind a skeleton has, attractors first.

    Args:
        graph: The skeleton.

    Example:
        >>> graph = nx.DiGraph()
        >>> graph.add_node(0, kind="point", n_unstable=1)
        >>> graph.add_node("cycle 0", kind="cycle", n_unstable=0)
        >>> kinds_of(graph)
        {'cycle': 1, '1-unstable': 1}
    """
    counts: dict[str, int] = {}
    nodes = sorted(graph.nodes(data=True), key=lambda node: int(node[1]["n_unstable"]))
    for _, about in nodes:
        n = about["n_unstable"]
        name = ("stable" if n == 0 else f"{n}-unstable") if about["kind"] == "point" else ""
        name = name or about["kind"]
        counts[name] = counts.get(name, 0) + 1
    return counts


def analyze(network: RNNBase, inputs: ArrayLike, x: ArrayLike | None = None) -> Analysis:
    """Find the fixed points and the skeleton of a network from its states under some inputs.

    Args:
        network: The network.
        inputs: Inputs that all networks share, ``(n_trials, time, input_size)``.
        x: Constant input of the fixed points, ``(input_size,)`` or several, ``(n, input_size)``;
            by default zero.

    Returns:
        The analysis, with its verdict.

    Raises:
        TypeError: If this is no network of pyrnn.
        ValueError: If inputs do not fit the network.

    Example:
        >>> from pyrnn import RNN
        >>> analysis = analyze(RNN(1, 4, 1, seed=0), torch.randn(8, 20, 1))
        >>> analysis.points.n_unstable, analysis.states.shape
        (tensor([0]), torch.Size([8, 20, 4]))
    """
    check_kind("network", network, RNNBase, "give one network of pyrnn")
    shared = as_inputs(inputs)
    states = network.predict(shared).states
    still = torch.zeros(network.input_size) if x is None else as_tensor("x", x)
    points = find_fixed_points(network, states, still, progress=False)
    graph = skeleton(network, points) if len(points) else nx.DiGraph()
    if not any(
        graph.out_degree(node) == 0 and about["n_unstable"] == 0
        for node, about in graph.nodes(data=True)
    ):
        _add_attractors(graph, network, states[..., -1, :], still)
    return Analysis(
        points,
        certify(network, points),
        points.eigenvalues,
        nx.node_link_data(graph, edges="edges"),
        states,
        key_of(shared),
    )


def as_inputs(inputs: ArrayLike) -> Tensor:
    """Check inputs that networks share.

    Args:
        inputs: The inputs.

    Returns:
        A tensor, ``(n_trials, time, input_size)``.

    Raises:
        TypeError: If these are no numbers.
        ValueError: If they have another number of axes, or are not finite.

    Example:
        >>> as_inputs([[[0.0], [1.0]]]).shape
        torch.Size([1, 2, 1])
    """
    found = as_tensor("inputs", inputs, "pass those of task.batch(64)")
    if found.ndim != 3 or not found.numel():
        raise ValueError(
            "expected inputs of shape (n_trials, time, input_size), got "
            f"{tuple(found.shape)}; pass those of task.batch(64)"
        )
    return check_finite("inputs", found)


def key_of(inputs: Tensor) -> str:
    """Return a digest of inputs.

    Args:
        inputs: The inputs.

    Example:
        >>> key_of(torch.zeros(1, 2, 1)) == key_of(torch.ones(1, 2, 1))
        False
    """
    return digest(texts(inputs.double()))


def _add_attractors(graph: nx.DiGraph, network: RNNBase, states: Tensor, x: Tensor) -> None:
    """Add attractors that are no points to the graph of a network without stable points."""
    for each in x.reshape(-1, x.shape[-1]):
        found = find_attractors(network, states, each)
        first = len(graph)
        for i, cycle in enumerate(found.cycles):
            graph.add_node(f"cycle {first + i}", kind="cycle", n_unstable=0, period=cycle.period)
        for fate in found.fates:
            graph.add_node(fate, kind=fate, n_unstable=0, period=0)
