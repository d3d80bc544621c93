"""Each network is analyzed once; its folder keeps what was found."""

from __future__ import annotations

import time
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from torch import Tensor

from pyrnn import CTRNN, RNN, RNNBase
from pyrnn.dynamics import find_fixed_points, same_transitions, skeleton
from pyrnn.populations import (
    Analysis,
    Population,
    analyze,
    grid,
    open_population,
    train_population,
)
from pyrnn.tasks import FlipFlop
from pyrnn.training import evaluate

LONGER = FlipFlop(2, duration=2000.0, n_trials=32, seed=5)


def make(seed: int) -> tuple[RNNBase, FlipFlop, dict[str, float]]:
    return (
        CTRNN(2, 12, 2, seed=seed),
        FlipFlop(2, n_trials=128, seed=seed),
        {"epochs": 40, "lr": 0.03},
    )


def largest(network: RNNBase) -> float:
    return float(network.w_rec.weight.detach().abs().max())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Population:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # as in every test
    folder = tmp_path_factory.mktemp("population")
    population = train_population(make, grid(seed=range(3)), folder, progress=False)
    torch.set_default_dtype(before)
    return population


def analyzed(population: Population, **options: int) -> Population:
    tests = {"longer": LONGER, "slower": {"pulse_probability": 0.02}}
    return population.analyze(
        tests=tests, measures={"largest": largest}, progress=False, **options
    )


def test_it_is_what_each_function_gives_alone(trained: Population) -> None:
    population = analyzed(trained)
    inputs = FlipFlop(2, n_trials=128, seed=0).batch(64).inputs
    for i, rnn in enumerate(population):
        found = population.analysis(i)
        states = rnn.predict(inputs).states
        points = find_fixed_points(rnn, states, torch.zeros(2), progress=False)
        assert torch.equal(found.points.states, points.states)
        assert torch.equal(found.states, states)
        assert same_transitions(found.skeleton, skeleton(rnn, points))
        assert found.certificates.is_certified.all()
        row = population.rows[i]
        assert row["largest"] == largest(rnn)
        assert row["longer"] == evaluate(rnn, LONGER)["accuracy"]
        own = FlipFlop(2, n_trials=128, seed=i)
        assert row["slower"] == evaluate(rnn, own.replace(pulse_probability=0.02))["accuracy"]
        assert row["score"] == evaluate(rnn, own.split(0.25)[1])["accuracy"]
        assert (row["points"], row["verdict"]) == (len(points), "complete")
    assert population.scores == ("score", "longer", "slower", "largest")


def test_a_second_call_reads_and_a_new_test_adds(trained: Population) -> None:
    first = analyzed(trained)
    folder = Path(first.folder)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    began = time.process_time()
    again = analyzed(open_population(folder))
    assert time.process_time() - began < 0.02 * len(again)
    assert again.rows == first.rows
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    more = first.analyze(tests={"short": {"duration": 100.0}}, progress=False)
    assert more.scores == ("score", "short")
    assert len(list(folder.iterdir())) == len(before) + len(first)


def test_selections_and_larger_grids_share_their_inputs(tmp_path: Path) -> None:
    two = train_population(make, grid(seed=[1, 2]), tmp_path, progress=False)
    keys = [two[1:].analyze(progress=False).analysis_key, two.analyze(progress=False).analysis_key]
    three = train_population(make, grid(seed=range(3)), tmp_path, progress=False)
    assert {three.analyze(progress=False).analysis_key, *keys} == {keys[0]}
    assert len(open_population(tmp_path)) == 3


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_find_the_same(trained: Population, tmp_path: Path, backend: str) -> None:
    other = train_population(make, grid(seed=range(3)), tmp_path, progress=False)
    with joblib.parallel_config(backend):
        assert analyzed(other, n_jobs=2).rows[1]["longer"] == analyzed(trained).rows[1]["longer"]
    assert torch.equal(other.analyze().analysis(0).states, analyzed(trained).analysis(0).states)


def test_a_failure_is_a_row_with_its_reason(trained: Population) -> None:
    def fragile(network: RNNBase) -> float:
        raise RuntimeError("no such thing")

    population = trained.analyze(measures={"fragile": fragile}, progress=False)
    assert population.rows[0]["failed"] == "measure: RuntimeError: no such thing"
    assert population.rows[0]["verdict"] == "complete"


class Turning(RNNBase):
    """A rotation that saturates: a closed curve around an unstable point."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        turn = h.new_tensor([[0.9, -0.5], [0.5, 0.9]])
        return torch.tanh(1.5 * h @ turn.mT + self.w_in(x) * 0)


def test_attractors_that_are_no_points_are_nodes() -> None:
    rnn = Turning(1, 2, 1, seed=0, train_initial_state=True)
    with torch.no_grad():
        rnn.h0.add_(0.1)
    found = analyze(rnn, torch.zeros(1, 60, 1))
    assert found.points.n_unstable.tolist() == [2]
    kinds = sorted(about["kind"] for _, about in found.skeleton.nodes(data=True))
    assert kinds in (["aperiodic", "point"], ["cycle", "point"])
    assert found.reasons(certified=False) == ()
    assert found.reasons() == ("1 points not certified",)


def test_a_line_attractor_is_not_decided() -> None:
    """Its points are no isolated nodes of a skeleton."""
    rnn = RNN(1, 3, 1, activation="identity", bias=False, seed=0)
    rnn.w_rec.weight = torch.diag(torch.tensor([1.0, 0.5, 0.2]))
    found = analyze(rnn, torch.randn(8, 20, 1))
    assert found.reasons(certified=False)
    assert "continuum" in found.status


def test_an_analysis_is_a_file(trained: Population, tmp_path: Path) -> None:
    found = analyzed(trained).analysis(0)
    again = Analysis.load(found.save(tmp_path / "analysis.npz"))
    assert torch.equal(again.eigenvalues, found.eigenvalues)
    assert torch.equal(again.points.n_unstable, found.points.n_unstable)
    assert "certified" in again.summary()


def test_wrong_arguments_are_refused(trained: Population) -> None:
    with pytest.raises(ValueError, match="'seed' twice"):
        trained.analyze(tests={"seed": LONGER})
    with pytest.raises(TypeError, match="largest"):
        trained.analyze(measures={"largest": 3})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="call population"):
        trained.analysis(0)
    with pytest.raises(ValueError, match="shape"):
        analyze(RNN(1, 3, 1), np.zeros((3, 1)))
    with pytest.raises(TypeError, match="network of pyrnn"):
        analyze(torch.nn.RNN(1, 3), np.zeros((3, 5, 1)))  # type: ignore[arg-type]
