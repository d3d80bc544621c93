"""Regions, the projections between them, and networks that keep to them exactly."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor

import pyrnn
from pyrnn import CTRNN, GRU, RNN, LowRankRNN, RateRNN
from pyrnn.connectivity import Connectivity, MultiRegion, Region
from pyrnn.constraints import Bounds, constrain
from pyrnn.tasks import FlipFlop
from pyrnn.testing import check_rnn


def three_regions(seed: int = 0) -> MultiRegion:
    """Thalamus only excitatory, cortex 80/20, basal ganglia only inhibitory."""
    return (
        MultiRegion(
            Region("thalamus", 10, dale_ratio=1.0, density=0.3),
            Region("cortex", 20, dale_ratio=0.8, autapses=False),
            Region("basal ganglia", 8, dale_ratio=0.0, density=0.5, tonic=0.5),
            seed=seed,
        )
        .connect("thalamus", "cortex", 0.5)
        .connect("cortex", "thalamus", 0.3, source_cells="excitatory")
        .connect("cortex", "basal ganglia", 0.4, source_cells="excitatory")
        .connect("basal ganglia", "thalamus", 0.6)
        .connect("thalamus", "cortex", 1.0, target_cells="inhibitory")
        .input("thalamus", [0])
        .input("cortex", [0, 1])
        .output("cortex", cells="excitatory")
    )


CONNECTIVITY = three_regions().build(2, 2)
THALAMUS, CORTEX, GANGLIA = slice(0, 10), slice(10, 30), slice(30, 38)


def assert_exact(rnn: RNN | CTRNN) -> None:
    w_in, weight, w_out = (getattr(rnn, k).weight.detach() for k in ("w_in", "w_rec", "w_out"))
    assert bool((weight[:, :10] >= 0).all())
    assert bool((weight[:, 10:26] >= 0).all())
    assert bool((weight[:, 26:] <= 0).all())
    assert bool((weight[CORTEX, CORTEX].diagonal() == 0).all())
    assert bool((weight[CORTEX, GANGLIA] == 0).all())  # never connected
    assert bool((weight[GANGLIA, THALAMUS] == 0).all())
    assert bool((weight[GANGLIA, 26:30] == 0).all())  # inhibitory cells of cortex
    assert bool((weight[THALAMUS, 26:30] == 0).all())
    assert bool((weight[~CONNECTIVITY["w_rec"]] == 0).all())
    assert bool((w_in[THALAMUS, 1] == 0).all())
    assert bool((w_in[GANGLIA] == 0).all())
    assert bool((w_out[:, THALAMUS] == 0).all())
    assert bool((w_out[:, 26:] == 0).all())
    assert bool((rnn.w_rec.bias[GANGLIA] == 0.5).all())


def test_masks_and_signs() -> None:
    assert CONNECTIVITY.n_units == 38
    assert CONNECTIVITY.signs.tolist() == [1] * 26 + [-1] * 12
    assert set(CONNECTIVITY) == {"w_in", "w_rec", "w_out"}
    assert len(CONNECTIVITY) == 3
    assert CONNECTIVITY["w_in"].shape == (38, 2)
    assert CONNECTIVITY["w_out"].shape == (2, 38)


def test_shares_of_connections_are_the_probabilities() -> None:
    def share(target: slice, source: slice) -> float:
        return float(CONNECTIVITY["w_rec"][target, source].double().mean())

    assert abs(share(slice(10, 26), THALAMUS) - 0.5) < 0.1
    assert share(slice(26, 30), THALAMUS) == 1
    assert abs(share(GANGLIA, slice(10, 26)) - 0.4) < 0.12
    assert abs(share(THALAMUS, GANGLIA) - 0.6) < 0.15
    assert abs(share(THALAMUS, THALAMUS) - 0.3) < 0.12


def test_draws_depend_on_seed_and_ends_alone() -> None:
    assert torch.equal(three_regions().build(2, 2)["w_rec"], CONNECTIVITY["w_rec"])
    assert not torch.equal(three_regions(seed=1).build(2, 2)["w_rec"], CONNECTIVITY["w_rec"])
    more = three_regions().connect("basal ganglia", "cortex", 0.1).build(2, 2)["w_rec"]
    changed = more != CONNECTIVITY["w_rec"]
    assert changed[CORTEX, GANGLIA].any()
    changed[CORTEX, GANGLIA] = False
    assert not changed.any()


@pytest.mark.parametrize("cls", [RNN, CTRNN, RateRNN])
def test_any_network_takes_it(cls: type) -> None:
    rnn = cls(2, 38, 2, connectivity=CONNECTIVITY)
    assert_exact(rnn)
    assert torch.equal(rnn.signs, CONNECTIVITY.signs)
    check_rnn(rnn)


@pytest.mark.parametrize("optimizer", ["adamw", "rprop"])
def test_everything_is_exact_after_training_and_moving(optimizer: str, tmp_path: Path) -> None:
    rnn = CTRNN(2, 38, 2, connectivity=CONNECTIVITY, seed=0)
    before = rnn.w_rec.weight.detach().clone()
    task = FlipFlop(n_bits=2, n_trials=64, duration=100.0)
    history = rnn.fit(task, epochs=50, optimizer=optimizer, progress=False, seed=0)
    assert history.epochs["loss"][-1] < 0.9 * history.epochs["loss"][0]
    assert not torch.equal(before, rnn.w_rec.weight)
    assert_exact(rnn)
    assert_exact(copy.deepcopy(rnn))
    assert_exact(rnn.to(torch.float32))
    again = pyrnn.load(rnn.save(tmp_path / "rnn.pt"))
    assert_exact(again)
    assert isinstance(again.connectivity, Connectivity)
    assert again.connectivity.regions == CONNECTIVITY.regions
    again.fit(task, epochs=1, progress=False)
    assert_exact(again)


def test_initial_weights_are_balanced() -> None:
    rnn = CTRNN(2, 38, 2, connectivity=CONNECTIVITY, gain=1.3)
    assert abs(torch.linalg.eigvals(rnn.w_rec.weight).abs().max() - 1.3) < 1e-6
    both = (rnn.w_rec.weight > 0).any(1) & (rnn.w_rec.weight < 0).any(1)
    assert rnn.w_rec.weight.sum(1)[both].abs().max() < 1e-6


def test_views_by_name() -> None:
    states = torch.randn(4, 5, 38)
    cortex = CONNECTIVITY.regions["cortex"].of(states)
    assert torch.equal(cortex, states[..., 10:30])
    cortex.zero_()
    assert not states[..., 10:30].any()
    weight = torch.arange(38 * 38).reshape(38, 38)
    assert torch.equal(CONNECTIVITY.block(weight, "thalamus", "cortex"), weight[THALAMUS, CORTEX])


def test_tonic_input_drives_the_region_and_nothing_else() -> None:
    brain = MultiRegion(Region("a", 2, tonic=0.7, density=0.0), Region("b", 3, density=0.0))
    rnn = CTRNN(1, 5, 1, connectivity=brain.build(1, 1), tau=20.0, dt=10.0)
    first = rnn.predict(torch.zeros(1, 1)).states[0]
    assert torch.allclose(first, torch.tensor([0.35, 0.35, 0, 0, 0]))


def test_regions_without_dale() -> None:
    connectivity = MultiRegion(Region("a", 3), Region("b", 2)).connect("a", "b").build(1, 1)
    rnn = RNN(1, 5, 1, connectivity=connectivity)
    assert rnn.signs is None
    assert set(connectivity) == {"w_rec"}
    assert (rnn.w_rec.weight[:3, 3:] == 0).all()
    assert {float(s) for s in rnn.w_rec.weight[:3, :3].detach().sign().flatten()} == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Region("a", 0), "size of region 'a' to be a whole number of at least 1, got 0"),
        (
            lambda: Region("a", 3, dale_ratio=1.5),
            "dale_ratio of region 'a' to be a number >= 0 and <= 1, got 1.5",
        ),
        (
            lambda: Region("a", 3, density=-1),
            "density of region 'a' to be a number >= 0 and <= 1, got -1",
        ),
        (lambda: MultiRegion(), "at least one Region, got none"),
        (
            lambda: MultiRegion(Region("a", 3), Region("a", 2)),
            r"different names, got \['a', 'a'\]",
        ),
        (lambda: three_regions().connect("cortex", "moon"), "among thalamus, .*got 'moon'"),
        (lambda: three_regions().connect("cortex", "cortex"), "two different regions"),
        (
            lambda: three_regions().connect("cortex", "thalamus", 2),
            "probability to be a number >= 0 and",
        ),
        (
            lambda: three_regions().connect("cortex", "thalamus", source_cells="pyramidal"),
            "cells to be one of all, excitatory, inhibitory; got 'pyramidal'",
        ),
        (
            lambda: three_regions().connect("thalamus", "cortex", source_cells="inhibitory"),
            "inhibitory units in 'thalamus', got none with dale_ratio=1.0",
        ),
        (
            lambda: three_regions().input("cortex", [2]).build(2, 2),
            "input channels in 0..1, got 2",
        ),
        (lambda: three_regions().output("moon"), "got 'moon'"),
        (lambda: three_regions().build(0, 2), "input_size to be a whole number of at least 1"),
        (lambda: Region("a", 3, tonic=torch.nan), "tonic of region 'a' to be a number, got nan"),
        (
            lambda: Connectivity({"a": Region("a", 3)}, None, torch.ones(2, 2), None),
            r"mask of w_rec for the 3 units of the regions, got shape \(2, 2\)",
        ),
        (
            lambda: CTRNN(2, 30, 2, connectivity=CONNECTIVITY),
            r"mask of shape \(30, 2\), got \(38, 2\)",
        ),
        (lambda: CTRNN(3, 38, 2, connectivity=CONNECTIVITY), r"mask of shape \(38, 3\), got"),
        (
            lambda: CTRNN(2, 38, 2, connectivity=CONNECTIVITY, dale_ratio=0.5),
            "constraints that agree, got Dale, Dale, Mask with no value left",
        ),
        (
            lambda: CTRNN(2, 38, 2, connectivity=CONNECTIVITY, bias=False),
            "units with a bias for the tonic input",
        ),
        (lambda: LowRankRNN(2, 38, 2, connectivity=CONNECTIVITY), "no constraint on the recurr"),
        (lambda: GRU(2, 38, 2, connectivity=CONNECTIVITY), "on the gates"),
    ],
)
def test_refused(build, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Region(3, 3), "name of a Region as text, got 3"),
        (lambda: Region("a", 2.5), "size of region 'a' to be a whole number"),
        (lambda: Region("a", 3, autapses="no"), "autapses of region 'a' to be True or False"),
        (lambda: Region("a", 3, density="0.1"), "density of region 'a' to be a number"),
        (lambda: MultiRegion("a"), "every region as a Region, got str"),
        (lambda: MultiRegion(Region("a", 3), seed=0.5), "seed to be a whole number"),
        (lambda: three_regions().input("cortex", 2), "channels as a list of indices, got 2"),
        (lambda: three_regions().connect("cortex", "thalamus", "0.1"), "probability to be a num"),
        (lambda: Connectivity({"a": 3}, None, torch.ones(3, 3), None), "as a Region, got int"),
    ],
)
def test_arguments_of_the_wrong_kind(build, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        build()


def test_mapping_has_no_other_layer() -> None:
    with pytest.raises(KeyError):
        CONNECTIVITY["w_hidden"]


def test_bounds_of_a_bias_come_back(tmp_path: Path) -> None:
    rnn = RNN(1, 3, 1)
    constrain(rnn.w_out, Bounds(0.1, 0.2), name="bias")
    again = pyrnn.load(rnn.save(tmp_path / "rnn.pt"))
    value: Tensor = again.w_out.bias
    assert 0.1 <= float(value.detach()) <= 0.2


def test_gradients_are_those_of_the_plain_loop() -> None:
    """Masked layers and a pinned bias reach the fast engines as any other weight does."""
    inputs, gradients = torch.randn(6, 9, 2), []
    for engine in (None, "eager"):
        rnn = CTRNN(2, 38, 2, connectivity=CONNECTIVITY, seed=0)
        torch.nn.init.ones_(rnn.w_out.parametrizations.weight.original)
        rnn.engine = engine
        rnn(inputs).outputs.square().sum().backward()
        gradients.append([p.grad for p in rnn.parameters()])
    torch.testing.assert_close(*gradients)
