"""Distances of all pairs: those of each pair alone, metrics, and zero for renamed units."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from pyrnn import CTRNN, RNNBase
from pyrnn.populations import (
    Analysis,
    Distances,
    analyze,
    compare,
    dsa_distance,
    grid,
    shape_distance,
    train_population,
)
from pyrnn.tasks import FlipFlop
from tests.populations.systems import Bits, Potts, permuted, trained

MEASURES = ("shape", "spectra", "cka", "dsa")


def inputs(n_trials: int = 32) -> torch.Tensor:
    return FlipFlop(2, seed=0).batch(n_trials).inputs


def same_functions(n: int) -> list[RNNBase]:
    return [trained(0), *(permuted(trained(0), seed) for seed in range(n - 1))]


@pytest.mark.parametrize("measure", MEASURES)
def test_renamed_units_change_nothing(measure: str) -> None:
    distances = compare(same_functions(3), measure, inputs=inputs())
    assert distances.matrix.max() <= 1e-7
    if measure != "dsa":
        assert distances.floor <= 1e-7
    assert distances.ceiling > 0.3


def test_known_solutions() -> None:
    """Units of other scales change the geometry alone; four patterns are other dynamics."""
    networks = [Bits(), Bits(turn=3), Bits(scale=2.0), Potts()]
    found = {measure: compare(networks, measure, inputs=inputs()) for measure in MEASURES}
    for measure in ("shape", "cka"):
        turned, scaled, potts = found[measure].matrix[0, 1:]
        assert turned <= 1e-7
        assert 0.1 < scaled < potts
    turned, scaled, potts = found["spectra"].matrix[0, 1:]
    assert max(turned, scaled) <= 1e-6
    assert potts > 0.5
    assert found["spectra"].details == {"n_modes": 10, "price": 1.0}


def test_all_pairs_are_those_of_each_pair() -> None:
    networks = [*(CTRNN(2, n, 2, seed=n) for n in (3, 8, 5)), trained(0), trained(1)]
    analyses = [analyze(rnn, inputs()) for rnn in networks]
    shape, dsa = compare(analyses), compare(analyses[3:], "dsa", rank=6)
    for i, j in itertools.combinations(range(5), 2):
        one = shape_distance(analyses[i].states, analyses[j].states)
        assert shape.matrix[i, j] == pytest.approx(one, abs=1e-7)
    one = dsa_distance(analyses[3].states, analyses[4].states, rank=6)
    assert dsa.matrix[0, 1] == pytest.approx(one)


def states_as_networks(n: int) -> list[Analysis]:
    """Return analyses with states and points of their own, not far from each other."""
    rng = torch.Generator().manual_seed(0)
    base = analyze(trained(0), inputs(4))
    made = []
    for _ in range(n):
        size = float(torch.rand(1, generator=rng))
        states = base.states + size * torch.randn(base.states.shape, generator=rng)
        noise = size * torch.randn(base.eigenvalues.shape, generator=rng)
        count = int(torch.randint(1, len(base.points) + 1, (1,), generator=rng))
        links = {**base.links, "nodes": base.links["nodes"][:count], "edges": []}
        values = (base.eigenvalues + noise)[:count]
        parts = (base.points[:count], base.certificates, values, links)
        made.append(Analysis(*parts, states, base.inputs_key))
    return made


@pytest.mark.parametrize("measure", ["shape", "spectra", "cka"])
def test_they_are_metrics(measure: str) -> None:
    """In all triples of 100 networks, some of them with fewer points."""
    d = compare(states_as_networks(100), measure).matrix
    np.testing.assert_array_equal(d, d.T)
    assert np.diag(d).max() == 0
    excess = d[:, None, :] - d[:, :, None] - d[None, :, :]
    assert excess.max() <= 1e-7
    assert len(np.unique(d.round(6))) > 1000


def test_a_population_leaves_out_what_failed(tmp_path: Path) -> None:
    def make(seed: int, n_units: int) -> object:
        if seed == 1:
            raise RuntimeError("no such seed")
        return CTRNN(2, n_units, 2, seed=seed), FlipFlop(2, n_trials=64), {"epochs": 1}

    runs = grid(seed=range(3), n_units=[3, 4])
    population = train_population(make, runs, tmp_path, progress=False)  # type: ignore[arg-type]
    population = population.analyze(progress=False)
    distances = compare(population)
    assert distances.index.tolist() == [0, 1, 4, 5]
    assert [row["n_units"] for row in distances.rows] == [3, 4, 3, 4]
    again = Distances.load(distances.save(tmp_path / "distances.npz"))
    np.testing.assert_array_equal(again.matrix, distances.matrix)
    assert (again.rows, again.measure, again.floor) == (
        distances.rows,
        "shape",
        distances.floor,
    )
    assert "ceiling" in again.summary()

    def larger(first: RNNBase, second: RNNBase) -> float:
        return abs(first.hidden_size - second.hidden_size)

    assert compare(population, larger).matrix[0].tolist() == [0, 1, 0, 1]
    assert compare(population, larger).measure == "larger"


def test_an_embedding_of_places_is_those_places() -> None:
    places = np.random.default_rng(0).normal(size=(30, 2))
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    distances = Distances(apart, 0.0, 1.0, "apart", ({},) * 30)
    found = distances.embedding()
    assert distances.stress(found) < 1e-6
    np.testing.assert_allclose(np.linalg.norm(found[:, None] - found, axis=-1), apart, atol=1e-6)


def test_an_order_has_those_alike_side_by_side() -> None:
    label = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], 5))
    distances = Distances(1.0 * (label[:, None] != label), 0.0, 1.0, "x", ({},) * 15)
    assert np.count_nonzero(np.diff(label[distances.order()])) == 2


def test_wrong_arguments_are_refused() -> None:
    rnn = trained(0)
    other = analyze(rnn, FlipFlop(2, seed=1).batch(32).inputs)
    with pytest.raises(ValueError, match="under the same inputs"):
        compare([analyze(rnn, inputs()), other])
    assert compare([analyze(rnn, inputs()), other], "spectra").matrix.max() <= 1e-7
    with pytest.raises(ValueError, match="measure"):
        compare([other, other], "procrustes")
    with pytest.raises(ValueError, match="at least one"):
        compare([])
    with pytest.raises(TypeError, match="networks and inputs="):
        compare([rnn, rnn])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="the distance"):
        compare([rnn, rnn], lambda first, second: "far")  # type: ignore[arg-type,return-value]
