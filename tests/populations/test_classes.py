"""A class is a skeleton: the same for renamed units, another for another solution."""

from __future__ import annotations

import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from torch import Tensor

from pyrnn import CTRNN, RNNBase
from pyrnn.dynamics import FixedPoints, Map, find_fixed_points, same_transitions, skeleton
from pyrnn.dynamics.graphs._arms import Arms
from pyrnn.dynamics.graphs.same_transitions import transitions_key
from pyrnn.populations import Classes, analyze, find_classes, grid, train_population
from pyrnn.populations.analysis import kinds_of
from pyrnn.tasks import FlipFlop
from pyrnn.training import fit_many
from tests.populations.systems import Bits, Potts, permuted, trained

skeletons = sys.modules[skeleton.__module__]
INPUTS = FlipFlop(2, seed=0).batch(32).inputs


def of(*networks: RNNBase, certified: bool = False) -> Classes:
    return find_classes([analyze(rnn, INPUTS.double()) for rnn in networks], certified=certified)


def test_two_solutions_of_one_task_are_two_classes() -> None:
    """Two independent bits have 9 points, four patterns that compete have 15."""
    classes = of(Bits(), Potts(), Bits(turn=1), Potts(turn=2), Bits(scale=2.0))
    assert classes.labels.tolist() == [0, 1, 0, 1, 0]
    assert [len(graph) for graph in classes.skeletons] == [9, 15]
    assert classes.status == "complete"


def test_units_have_no_names_and_no_signs() -> None:
    rnn = trained(seed=0)
    classes = of(rnn, *(permuted(rnn, seed) for seed in range(4)), certified=True)
    assert classes.labels.tolist() == [0] * 5
    assert len(classes.skeletons[0]) == 9


def test_the_class_is_that_of_any_inputs() -> None:
    """They only say where the search begins."""
    rnn = trained(seed=0)
    others = [FlipFlop(2, seed=seed).batch(16).inputs for seed in range(1, 6)]
    assert find_classes([analyze(rnn, inputs) for inputs in others]).sizes == [5]


def test_the_class_is_that_of_any_generator() -> None:
    """Of the twenty that draw the starts of the search."""
    rnn = trained(seed=0)
    states = rnn.predict(INPUTS).states
    found = [find_fixed_points(rnn, states, rng=seed, progress=False) for seed in range(20)]
    first, *others = (skeleton(rnn, points) for points in found)
    assert len(first) == 9
    assert all(same_transitions(first, other) for other in others)


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 4.0])
def test_the_class_is_that_of_any_start_length(
    factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the arms of saddles, up to four times as far out as they are straight."""
    rnn, arms_of = trained(seed=0), skeletons.arms_of

    def moved(step: Map, points: FixedPoints) -> Arms:
        arms = arms_of(step, points)
        saddles = points.states[arms.origin]
        return Arms(saddles + factor * (arms.starts - saddles), arms.origin)

    usual = analyze(rnn, INPUTS)
    monkeypatch.setattr(skeletons, "arms_of", moved)
    assert same_transitions(usual.skeleton, skeleton(rnn, usual.points))


@pytest.mark.slow
def test_networks_of_the_readme_are_one_class() -> None:
    networks = [CTRNN(3, 64, 3, dale_ratio=0.8, autapses=False, seed=seed) for seed in range(3)]
    tasks = [FlipFlop(seed=seed) for seed in range(3)]
    fit_many(networks, tasks, each=[{"seed": i} for i in range(3)], epochs=20, progress=False)
    inputs = FlipFlop().batch(64).inputs
    classes = find_classes([analyze(rnn, inputs) for rnn in networks])
    assert classes.sizes == [3]
    assert kinds_of(classes.skeletons[0]) == {
        "stable": 8,
        "1-unstable": 12,
        "2-unstable": 6,
        "3-unstable": 1,
    }


def test_a_ring_and_two_triangles_have_one_hash_and_are_two_classes() -> None:
    ring = nx.cycle_graph(6, create_using=nx.DiGraph)
    pair = nx.disjoint_union(*[nx.cycle_graph(3, create_using=nx.DiGraph)] * 2)
    assert transitions_key(ring) == transitions_key(pair)
    assert not same_transitions(ring, pair)


def test_the_hash_tells_directions_apart() -> None:
    """Out of one node and into one node."""
    out = nx.DiGraph([(0, 1), (0, 2)])
    assert transitions_key(out) != transitions_key(out.reverse())
    assert transitions_key(out) == transitions_key(nx.relabel_nodes(out, {0: "a", 1: 7, 2: 0}))


class Relay(RNNBase):
    """The same network with the eager equation of a user, for which there is no certificate."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(0.5 * h + self.w_in(x))


def test_what_is_not_certain_is_in_no_class(tmp_path: Path) -> None:
    assert of(Relay(2, 3, 2, seed=0), certified=True).labels.tolist() == [-1]
    line = CTRNN(2, 3, 2, activation="identity", bias=False, seed=0)
    line.w_rec.weight = torch.diag(torch.tensor([1.0, 0.5, 0.2]))
    classes = of(line, Relay(2, 3, 2, seed=0), line)
    assert classes.labels.tolist() == [-1, 0, -1]
    assert (classes.n_undecided, classes.sizes) == (2, [1])
    assert "2 of 3 undecided, such as: a continuum" in classes.status
    again = Classes.load(classes.save(tmp_path / "classes.npz"))
    assert again.labels.tolist() == [-1, 0, -1]
    assert same_transitions(again.skeletons[0], classes.skeletons[0])


def test_a_population_has_its_table_by_class(tmp_path: Path) -> None:
    def make(seed: int, n_units: int) -> object:
        if seed == 2:
            raise RuntimeError("no such seed")
        rnn = CTRNN(2, n_units, 2, seed=seed)
        return rnn, FlipFlop(2, n_trials=64), {"epochs": 1}

    runs = grid(n_units=[3, 4], seed=range(3))
    population = train_population(make, runs, tmp_path, progress=False)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="call population"):
        find_classes(population)
    classes = find_classes(population.analyze(progress=False))
    assert classes.labels.tolist() == [0, 0, -1, 0, 0, -1]
    assert classes.reasons[2] == "RuntimeError: no such seed"
    assert classes.table.groupby("label")["score"].count().tolist() == [0, 4]
    assert "0.0" not in classes.summary().splitlines()[0]
    agreement = classes.agreement("n_units")
    assert agreement.values == ("3", "4")
    assert agreement.probability.tolist() == [[1, 1], [1, 1]]
    with pytest.raises(KeyError, match="a setting of"):
        classes.agreement("lr")


def test_agreement_is_that_of_all_pairs() -> None:
    labels = np.random.default_rng(0).integers(-1, 3, size=30)
    rows = tuple({"group": int(i % 2)} for i in range(30))
    classes = Classes(labels, ("",) * 30, ({},) * 3, rows)
    for by, first, second in ((None, None, None), ("group", 0, 0), ("group", 0, 1)):
        known = [i for i in range(30) if labels[i] >= 0]
        a = [i for i in known if first is None or i % 2 == first]
        b = [i for i in known if second is None or i % 2 == second]
        pairs = [labels[i] == labels[j] for i in a for j in b if i != j]
        found = classes.agreement(by)
        place = (first or 0, second or 0)
        assert found.probability[place] == pytest.approx(np.mean(pairs))
        assert found.low[place] < found.probability[place] < found.high[place]


def test_the_interval_of_agreement_holds() -> None:
    """Of samples from known shares, at least 95 % of the intervals hold the true agreement."""
    rng, shares = np.random.default_rng(0), np.array([0.6, 0.3, 0.1])
    holds = []
    for _ in range(400):
        labels = rng.choice(3, size=20, p=shares)
        found = Classes(labels, ("",) * 20, ({},) * 3, ({},) * 20).agreement()
        holds.append(found.low[0, 0] <= (shares**2).sum() <= found.high[0, 0])
    assert np.mean(holds) >= 0.95


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match=r"analyze\(network, inputs\)"):
        find_classes([CTRNN(1, 2, 1)])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="certified"):
        find_classes([], certified="yes")  # type: ignore[arg-type]
