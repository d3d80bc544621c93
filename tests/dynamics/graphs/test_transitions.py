"""The graph of a system whose basins are known."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from torch import Tensor

from pyrnn.dynamics import (
    FixedPoints,
    TransitionGraph,
    find_fixed_points,
    state_machine,
    transition_graph,
)
from tests.systems import FLIP_FLOP_SIGNS, product_flip_flop, rotation_map, rotation_matrix, tanh1


@pytest.fixture(scope="module")
def points() -> FixedPoints:
    system = product_flip_flop()
    return find_fixed_points(system.step, system.starts, system.x)


@pytest.fixture(scope="module")
def graph(points: FixedPoints) -> TransitionGraph:
    return transition_graph(product_flip_flop().step, points, n_runs=128)


def test_saddles_lead_to_the_attractors_next_to_them(
    graph: TransitionGraph, points: FixedPoints
) -> None:
    """A saddle with k zeros leads to the 2^k attractors that agree with it elsewhere."""
    sign = points.states.round(decimals=3).sign()
    for i, point in enumerate(points):
        is_zero = sign[i] == 0
        agrees = ((sign == sign[i]) | is_zero).all(1) & points.is_stable
        assert set(graph.successors(i)) == set(agrees.nonzero()[:, 0].tolist())
        assert len(list(graph.successors(i))) == 2**point.n_unstable


def test_probabilities_and_lost_runs_add_up(graph: TransitionGraph) -> None:
    for i in graph:
        share = sum(about["probability"] for *_, about in graph.out_edges(i, data=True))
        assert share == pytest.approx(1)
        assert graph.nodes[i]["lost"] == 0
    assert graph.graph["lost"] == 0


def test_a_saddle_between_two_attractors_divides_evenly(graph: TransitionGraph) -> None:
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
def test_graph_can_be_written(graph: TransitionGraph, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"graph.{suffix}"
    assert graph.save(path) == path
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
    with pytest.raises(ValueError, match="n_runs to be a whole number of at least 1"):
        transition_graph(step, points, n_runs=0)
    with pytest.raises(ValueError, match=r"graphml or \.json"):
        TransitionGraph().save(tmp_path / "graph.xml")


def test_unstable_manifolds_make_the_edges_of_a_cube(points: FixedPoints) -> None:
    """From each saddle with one zero, one way to either side: 24 edges, 12 of the cube."""
    graph = transition_graph(product_flip_flop().step, points, directions="modes")
    saddles = (points.n_unstable == 1).nonzero()[:, 0].tolist()
    assert sum(graph.out_degree(i) for i in saddles) == 24
    sign = points.states.round(decimals=3).sign()
    for i in saddles:
        one, other = graph.successors(i)
        assert int((sign[one] != sign[other]).sum()) == 4  # one group of four units
    assert all(graph.out_degree(i) == 0 for i in range(8))
    assert graph.graph["lost"] == 0


def test_turning_modes_span_their_plane() -> None:
    """A complex pair gives two independent directions to leave by."""
    step = lambda h, x: torch.tanh(1.3 * h @ torch.tensor([[0.6, -0.8], [0.8, 0.6]]))  # noqa: E731
    points = find_fixed_points(step, torch.rand(9, 2))
    graph = transition_graph(step, points, directions="modes", n_steps=20)
    assert graph.nodes[0]["n_runs"] == graph.nodes[0]["lost"] == 4


def test_edges_know_their_error_and_travel_time(graph: TransitionGraph) -> None:
    for _, _, about in graph.edges(data=True):
        assert 0 <= about["low"] <= about["probability"] <= about["high"] <= 1
        assert about["time"] >= 10
    certain = graph.edges[0, 0]
    assert certain["high"] == 1
    assert certain["low"] == pytest.approx(0.971, abs=1e-3)  # 128 of 128


def test_sample_paths_lead_from_point_to_point(
    graph: TransitionGraph, points: FixedPoints
) -> None:
    paths = graph.sample_paths(product_flip_flop().step)
    assert set(paths) == set(graph.edges)
    for (i, j), path in paths.items():
        assert (path[0] - points.states[i]).norm() < 1
        assert (path[-1] - points.states[j]).norm() < 0.2
    assert TransitionGraph().sample_paths(product_flip_flop().step) == {}


def test_pulses_set_the_bits_of_the_flip_flop(points: FixedPoints) -> None:
    """A pulse along a group's pattern writes that bit and leaves the others alone."""
    pattern = torch.block_diag(*torch.tensor(FLIP_FLOP_SIGNS)[:, None])
    pulses = 3 * torch.cat([pattern, -pattern])
    machine = state_machine(product_flip_flop().step, points, pulses)
    bits = (points.states @ pattern.T).sign()
    assert machine.number_of_edges() == 8 * 6
    assert machine.graph["lost"] == 0
    for i, j, k in machine.edges:
        expected = bits[i].clone()
        expected[k % 3] = 1 if k < 3 else -1
        assert torch.equal(bits[j], expected)


def test_a_run_has_arrived_when_it_stays() -> None:
    """Inside an unstable cycle of radius 0.02 runs stay near the focus, outside they leave."""
    turn = rotation_matrix(0.3)

    def focus(h: Tensor, x: Tensor) -> Tensor:
        q = h.square().sum(-1, keepdim=True)
        growth = 1 + 0.02 * (q - 4e-4) / (q + 4e-4) * (1 - q)
        return growth * (h @ torch.tensor(turn).to(h))

    points = find_fixed_points(focus, 0.5 * torch.randn(200, 2), progress=False)
    assert points.stability == ["stable focus"]
    graph = transition_graph(focus, points, n_runs=2000)
    truth = 1 - np.exp(-(0.02**2) / 0.05**2)  # of a normal nudge of mean square 0.05²
    assert graph.edges[0, 0]["low"] < truth < graph.edges[0, 0]["high"]
    assert graph.graph["lost"] == graph.nodes[0]["lost"] > 1600


def test_state_machine_needs_something_stable(points: FixedPoints) -> None:
    step = product_flip_flop().step
    with pytest.raises(ValueError, match="at least one stable point"):
        state_machine(step, points[~points.is_stable], torch.zeros(1, 12))
    with pytest.raises(ValueError, match=r"got \(12,\)"):
        state_machine(step, points, torch.zeros(12))


def test_intervals_hold_the_true_probability_as_often_as_they_say() -> None:
    """The origin of two bistable units leads to four corners; Wilson's coverage is .951 there."""
    step = lambda h, x: torch.tanh(2 * h)  # noqa: E731
    points = find_fixed_points(step, torch.randn(200, 2))
    inside = []
    for seed in range(100):
        graph = transition_graph(step, points, n_runs=100, rng=seed)
        for _, end, edge in graph.out_edges(8, data=True):
            if points.is_stable[end]:
                inside.append(edge["low"] <= 0.25 <= edge["high"])
    assert len(inside) == 400
    assert 0.92 < sum(inside) / len(inside) < 0.98  # .951, standard error .011


def test_modes_are_those_of_a_jacobian_that_is_not_symmetric() -> None:
    """Coordinates along (1, 0) and (1, 1): one bistable, the other one shrinks."""
    shear = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    inverse = torch.linalg.inv(shear)

    def step(h: Tensor, x: Tensor) -> Tensor:
        u = h @ inverse.to(h).T
        new = torch.stack([0.3 * u[..., 0], torch.tanh(2 * u[..., 1])], dim=-1)
        return new @ shear.to(h).T

    points = find_fixed_points(step, torch.randn(100, 2))
    graph = transition_graph(step, points, directions="modes", scale=1e-3)
    (saddle,) = points.n_unstable.nonzero()[:, 0].tolist()
    starts = torch.stack([edge["start"] for *_, edge in graph.out_edges(saddle, data=True)])
    along = starts - points.states[saddle]
    assert torch.allclose(along[:, 0], along[:, 1], rtol=1e-6)
    assert along.norm(dim=-1).tolist() == pytest.approx([1e-3, 1e-3], rel=1e-6)


def test_times_of_edges_are_those_of_the_runs() -> None:
    """A nudge of tanh(2 h) from zero, followed until it is near for good; times are in tens."""
    step = lambda h, x: torch.tanh(2 * h)  # noqa: E731
    points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
    graph = transition_graph(step, points, directions="modes", scale=1e-6)
    h, time = 1e-6, 0
    stable = float(points.states[points.is_stable].max())
    while abs(h - stable) > 0.05 * stable:
        h, time = float(np.tanh(2 * h)), time + 1
    for *_, edge in graph.edges(data=True):
        assert edge["time"] == 10 * -(-time // 10)


def test_paths_run_under_the_input_of_the_point_that_they_leave() -> None:
    step = lambda h, x: torch.tanh(2 * h + x)  # noqa: E731
    points = find_fixed_points(
        step, torch.linspace(-1, 1, 20)[:, None], torch.tensor([[0.0], [0.3]])
    )
    graph = transition_graph(step, points, directions="modes")
    paths = graph.sample_paths(step)
    assert len(paths) == 4
    for (i, j), path in paths.items():
        assert torch.equal(points.inputs[i], points.inputs[j])
        again = step(path[:-1], points.inputs[i])
        assert torch.allclose(again, path[1:])


def test_a_graph_is_a_file(tmp_path: Path) -> None:
    """One unit with two attractors and a saddle: a file holds points, runs and skeleton."""

    def step(h: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(2 * h)

    points = find_fixed_points(step, torch.linspace(-1, 1, 20)[:, None])
    graph = transition_graph(step, points, directions="modes")
    again = TransitionGraph.load(graph.save(tmp_path / "graph.npz"))
    assert again.summary() == graph.summary()
    assert list(again.edges) == list(graph.edges)
    assert list(again.graph["skeleton"].edges) == list(graph.graph["skeleton"].edges)
    for node, about in graph.nodes(data=True):
        assert torch.equal(again.nodes[node]["point"].state, about["point"].state)
    for key, run in graph.sample_paths(step).items():
        assert torch.equal(again.sample_paths(step)[key], run)
