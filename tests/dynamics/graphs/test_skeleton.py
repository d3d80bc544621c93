"""The skeleton: where the arms of saddles lead, whatever the random numbers."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from torch import Tensor

from pyrnn.dynamics import (
    FixedPoints,
    find_fixed_points,
    same_transitions,
    skeleton,
    transition_graph,
)
from tests.systems import product_flip_flop


@pytest.fixture(scope="module")
def points() -> FixedPoints:
    system = product_flip_flop()
    return find_fixed_points(system.step, system.starts, system.x, progress=False)


def test_three_bits_are_a_cube(points: FixedPoints) -> None:
    """Each of 12 saddles with one unstable mode lies on an edge of a cube of 8 attractors."""
    graph = skeleton(product_flip_flop().step, points)
    cube = nx.hypercube_graph(3)
    edges = [set(graph.successors(i)) for i in graph if graph.nodes[i]["n_unstable"] == 1]
    found = nx.Graph([tuple(ends) for ends in edges])
    assert len(edges) == 12
    assert nx.is_isomorphic(found, cube)
    assert all(graph.out_degree(i) == 0 for i in graph if graph.nodes[i]["n_unstable"] != 1)
    assert {about["n_arms"] for *_, about in graph.edges(data=True)} == {1}


def test_it_does_not_depend_on_chance_or_on_the_order_of_units(points: FixedPoints) -> None:
    system = product_flip_flop()
    graphs = [transition_graph(system.step, points, rng=seed, n_runs=8) for seed in range(20)]
    assert all(same_transitions(graphs[0], graph) for graph in graphs)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    step = lambda h, x: system.step(h[..., order.argsort()], x)[..., order]  # noqa: E731
    other = find_fixed_points(step, system.starts[:, order], system.x, progress=False)
    assert same_transitions(graphs[0], transition_graph(step, other))
    assert same_transitions(graphs[0], skeleton(step, other))


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e8])
def test_it_does_not_depend_on_the_unit_of_the_states(points: FixedPoints, scale: float) -> None:
    system = product_flip_flop()
    step = lambda h, x: scale * system.step(h / scale, x)  # noqa: E731
    starts = scale * system.starts
    scaled = find_fixed_points(step, starts, system.x, progress=False)
    graph = transition_graph(step, scaled)
    assert graph.graph["lost"] == 0
    assert same_transitions(graph, transition_graph(system.step, points))


def flipping(h: Tensor, x: Tensor) -> Tensor:
    """One unit chooses a sign, the other changes it in every step."""
    return torch.cat([torch.tanh(2 * h[..., :1]), torch.tanh(-2 * h[..., 1:])], dim=-1)


def test_arms_may_lead_to_cycles() -> None:
    points = find_fixed_points(flipping, torch.rand(50, 2) * 2 - 1, progress=False)
    assert points.n_unstable.tolist() == [1, 1, 2]
    graph = skeleton(flipping, points)
    assert sorted(graph.edges(data="n_arms")) == [(0, "cycle 0", 2), (1, "cycle 1", 2)]
    assert graph.nodes["cycle 0"] == {"kind": "cycle", "n_unstable": 0, "period": 2}


def test_arms_may_lead_to_saddles_by_symmetry() -> None:
    """Along the diagonal the arm of one saddle ends at another."""

    def step(h: Tensor, x: Tensor) -> Tensor:
        a, b = h[..., :1], h[..., 1:]
        return torch.cat([a + 0.1 * (a - a**3), b + 0.1 * b * (a - 0.5)], dim=-1)

    points = find_fixed_points(step, torch.randn(200, 2), progress=False)
    by_place = {tuple(p.state.round().tolist()): i for i, p in enumerate(points)}
    graph = skeleton(step, points)
    assert set(graph.successors(by_place[0.0, 0.0])) == {by_place[1.0, 0.0], by_place[-1.0, 0.0]}
    assert points[by_place[1.0, 0.0]].n_unstable == 1


def test_graphs_of_different_networks_differ(points: FixedPoints) -> None:
    graph = transition_graph(product_flip_flop().step, points)
    assert not same_transitions(graph, nx.DiGraph())
    fewer = graph.graph["skeleton"].copy()
    fewer.remove_edge(*next(iter(fewer.edges)))
    assert not same_transitions(graph, fewer)
    assert not same_transitions(graph, fewer, min_probability=0.05)
