"""The graph of a system whose basins are known."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import networkx as nx
import pytest
import torch

from pyrnn.dynamics import FixedPoints, find_fixed_points, save_graph, transition_graph
from tests.systems import product_flip_flop, rotation_map, tanh1


@pytest.fixture(scope="module")
def points() -> FixedPoints:
    system = product_flip_flop()
    return find_fixed_points(system.step, system.starts, system.x)


@pytest.fixture(scope="module")
def graph(points: FixedPoints) -> nx.DiGraph:
    return transition_graph(product_flip_flop().step, points, n_runs=128)


def test_saddles_lead_to_the_attractors_next_to_them(
    graph: nx.DiGraph, points: FixedPoints
) -> None:
    """A saddle with k zeros leads to the 2^k attractors that agree with it elsewhere."""
    sign = points.states.round(decimals=3).sign()
    for i, point in enumerate(points):
        is_zero = sign[i] == 0
        agrees = ((sign == sign[i]) | is_zero).all(1) & points.is_stable
        assert set(graph.successors(i)) == set(agrees.nonzero()[:, 0].tolist())
        assert len(list(graph.successors(i))) == 2**point.n_unstable


def test_probabilities_and_lost_runs_add_up(graph: nx.DiGraph) -> None:
    for i in graph:
        share = sum(about["probability"] for *_, about in graph.out_edges(i, data=True))
        assert share == pytest.approx(1)
        assert graph.nodes[i]["lost"] == 0
    assert graph.graph["lost"] == 0


def test_a_saddle_between_two_attractors_divides_evenly(graph: nx.DiGraph) -> None:
    for i in range(8, 20):
        for _, _, about in graph.out_edges(i, data=True):
            assert about["probability"] == pytest.approx(0.5, abs=4 * (0.25 / 128) ** 0.5)


def test_runs_that_reach_no_point_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    system = rotation_map()
    points = find_fixed_points(system.step, system.starts, system.x)
    with caplog.at_level(logging.WARNING):
        graph = transition_graph(system.step, points, n_runs=8, n_steps=100)
    assert graph.graph["lost"] == graph.nodes[0]["lost"] == 8
    assert graph.number_of_edges() == 0
    assert len(caplog.records) == 1


def test_points_of_different_inputs_are_not_connected() -> None:
    x = torch.tensor([[0.0], [0.2]])
    step = lambda h, x: torch.tanh(2 * h + x)  # noqa: E731
    points = find_fixed_points(step, torch.zeros(2, 1), x)
    graph = transition_graph(step, points)
    assert graph.number_of_edges() == 8
    for i, j in graph.edges:
        assert torch.equal(points.inputs[i], points.inputs[j])


def test_diverging_runs_are_lost() -> None:
    step = lambda h, x: h + h**3  # noqa: E731
    points = find_fixed_points(lambda h, x: 3 * h, torch.randn(5, 1))
    assert transition_graph(step, points, n_runs=4).graph["lost"] == 4


@pytest.mark.parametrize("suffix", ["graphml", "json"])
def test_graph_can_be_written(graph: nx.DiGraph, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"graph.{suffix}"
    save_graph(graph, path)
    if suffix == "json":
        read = nx.node_link_graph(json.loads(path.read_text()), edges="edges")
    else:
        read = nx.read_graphml(path, node_type=int)
    assert set(read.edges) == set(graph.edges)
    assert read.nodes[26]["n_unstable"] == 3
    assert read.edges[8, next(graph.successors(8))]["probability"] > 0.3


def test_bad_input_gets_one_clear_error(points: FixedPoints, tmp_path: Path) -> None:
    step = tanh1(2.0, 0.0).step
    with pytest.raises(ValueError, match="at least one fixed point, got none"):
        transition_graph(step, points[:0])
    with pytest.raises(ValueError, match="positive n_runs"):
        transition_graph(step, points, n_runs=0)
    with pytest.raises(ValueError, match=r"graphml or \.json"):
        save_graph(nx.DiGraph(), tmp_path / "graph.xml")
