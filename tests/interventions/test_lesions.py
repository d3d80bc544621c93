"""What lesions do, computed by hand."""

from __future__ import annotations

import copy
import time

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, LSTM, RNN, LowRankRNN, RateRNN, RNNBase
from pyrnn.connectivity import MultiRegion, Region
from pyrnn.dynamics import find_fixed_points, skeleton
from pyrnn.interventions import Effects, lesion, lesioned
from pyrnn.result import load
from pyrnn.tasks import FlipFlop

BUILT_IN = (RNN, CTRNN, RateRNN, LowRankRNN, GRU, LSTM)


def made(cls: type[RNNBase] = RNN, n: int = 8, **options: object) -> RNNBase:
    rnn = cls(3, n, 2, seed=0, **options)
    rng = torch.Generator().manual_seed(1)
    rnn.w_out.weight = torch.randn(2, n, generator=rng)
    return rnn


def inputs(n_trials: int = 5, n_steps: int = 12) -> Tensor:
    return torch.randn(n_trials, n_steps, 3, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("cls", BUILT_IN)
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_a_lesion_scales_what_units_send(cls: type[RNNBase], strength: float) -> None:
    rnn, x = made(cls), inputs()
    factor = torch.ones(8)
    factor[[1, 4]] = strength
    other = copy.deepcopy(rnn)
    weights = {name: getattr(rnn, name).weight.detach() * factor for name in ("w_rec", "w_out")}
    for name, weight in weights.items():
        layer = nn.Linear(*weight.shape[::-1], bias=True)
        layer.weight.data, bias = weight, getattr(rnn, name).bias
        layer.bias.data = bias.detach()
        other._modules[name] = layer
    effects = lesion(rnn, x, [1, 4], strength=strength)
    assert_close(effects.outputs[0], other.predict(x).outputs)
    with lesioned(rnn, [1, 4], strength=strength):
        assert_close(rnn.predict(x).outputs, effects.outputs[0])


def test_a_silent_rate_is_masked_in_the_state() -> None:
    rnn, x, mask = made(RNN, activation="softplus"), inputs(), torch.ones(8)
    mask[3] = 0
    h, outputs = rnn.h0.expand(5, 8), []
    for x_t in x.unbind(1):
        h = rnn.step(h, x_t) * mask
        outputs.append(rnn.readout(h))
    assert_close(lesion(rnn, x, 3).outputs[0], torch.stack(outputs, 1).detach())


@pytest.mark.parametrize("cls", BUILT_IN)
def test_many_lesions_are_each_equal_to_the_single_one_bit_for_bit(cls: type[RNNBase]) -> None:
    rnn, x = made(cls), inputs()
    together = lesion(rnn, x, "each", strength=0.25)
    for i in range(8):
        alone = lesion(rnn, x, [i], strength=0.25)
        assert torch.equal(alone.outputs[0], together.outputs[i])
    assert torch.equal(together.intact_outputs, alone.intact_outputs)
    assert_close(together.intact_outputs, rnn.predict(x).outputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_lesion_of_one_block_leaves_the_other_untouched(dtype: torch.dtype) -> None:
    rnn = RNN(2, 16, 2, seed=0).to(dtype)
    mask = torch.block_diag(torch.ones(8, 8), torch.ones(8, 8))
    rnn.w_rec.weight = rnn.w_rec.weight.detach() * mask * 1.5
    readout = torch.zeros(2, 16)
    readout[0, :8] = readout[1, 8:] = 1.0
    rnn.w_out.weight = readout
    x = torch.randn(6, 50, 2, generator=torch.Generator().manual_seed(0)).to(dtype)
    effects = lesion(rnn, x, {"first": slice(8), "second": range(8, 16)})
    assert torch.equal(effects.outputs[0, ..., 1], effects.intact_outputs[..., 1])
    assert torch.equal(effects.outputs[1, ..., 0], effects.intact_outputs[..., 0])
    assert (effects.outputs[0, ..., 0] == rnn.w_out.bias[0]).all()
    intact = rnn.predict(x).outputs
    with lesioned(rnn, slice(8)):
        assert torch.equal(rnn.predict(x).outputs[..., 1], intact[..., 1])


def test_256_lesions_are_fast() -> None:
    torch.set_default_dtype(torch.float32)
    rnn, task = RNN(3, 64, 3, seed=0), FlipFlop(seed=0)
    groups = [[i % 64, (7 * i + 1) % 64] for i in range(256)]
    lesion(rnn, task, groups[:1], n_trials=16)
    start = time.process_time()
    assert len(lesion(rnn, task, groups, n_trials=16)) == 256
    assert time.process_time() - start < 1.0  # .12 s on a machine that is not busy


@pytest.mark.parametrize("cls", BUILT_IN)
def test_lesioned_leaves_no_trace(cls: type[RNNBase]) -> None:
    options = {} if cls in (LowRankRNN, GRU, LSTM) else {"dale_ratio": 0.5, "autapses": False}
    rnn, x = made(cls, **options), inputs()
    before, intact = copy.deepcopy(rnn.state_dict()), rnn.predict(x).outputs
    names = [(name, id(value)) for name, value in rnn.named_parameters()]
    layers = [(type(layer), vars(layer).copy()) for layer in rnn.children()]
    with lesioned(rnn, [0, 5]) as same:
        assert same is rnn
        assert not torch.equal(rnn.predict(x).outputs, intact)
    assert [(name, id(value)) for name, value in rnn.named_parameters()] == names
    assert [(type(layer), vars(layer)) for layer in rnn.children()] == layers
    assert all(torch.equal(value, before[name]) for name, value in rnn.state_dict().items())
    assert torch.equal(rnn.predict(x).outputs, intact)


def test_lesioned_is_undone_after_an_error_and_when_nested() -> None:
    rnn, x = made(dale_ratio=0.5), inputs()
    weight = rnn.w_rec.weight.detach().clone()
    with pytest.raises(IndexError), lesioned(rnn, 0), lesioned(rnn, 1):
        rnn.w_rec.weight[9]
    assert torch.equal(rnn.w_rec.weight, weight)
    with lesioned(rnn, 0), lesioned(rnn, 1):
        both = rnn.predict(x).outputs
    assert_close(both, lesion(rnn, x, [0, 1]).outputs[0])


@pytest.mark.parametrize("cls", [RNN, CTRNN, RateRNN, GRU])
def test_a_silent_unit_is_at_rest(cls: type[RNNBase]) -> None:
    rnn = made(cls)
    with lesioned(rnn, 3):
        assert not rnn.predict(inputs()).states[..., 3].any()


def test_connections_layers_and_regions() -> None:
    brain = MultiRegion(Region("thalamus", 3), Region("cortex", 5)).connect("thalamus", "cortex")
    rnn = made(CTRNN, connectivity=brain.build(3, 2), bias=False)
    x = inputs()
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[3:, :3] = True
    effects = lesion(
        rnn, x, ["thalamus", [0, 1, 2], "thalamus -> cortex", mask, "w_in", "w_rec", "w_out"]
    )
    assert torch.equal(effects.outputs[0], effects.outputs[1])
    assert torch.equal(effects.outputs[2], effects.outputs[3])
    assert not effects.outputs[[4, 6]].any()
    for i, name in ((2, "thalamus -> cortex"), (5, "w_rec"), (4, "w_in")):
        with lesioned(rnn, name):
            assert_close(rnn.predict(x).outputs, effects.outputs[i])
    with lesioned(rnn, "thalamus -> cortex"):
        assert not rnn.w_rec.weight[3:, :3].any()


def test_strengths_of_one_target_are_as_many_lesions() -> None:
    effects = lesion(made(), inputs(), [2, 3], strength=[0.0, 0.5, 1.0])
    assert effects.strengths.tolist() == [0.0, 0.5, 1.0]
    assert torch.equal(effects.outputs[2], effects.intact_outputs)
    assert effects.order.tolist() == [0, 1, 2]


class Memory(CTRNN):
    """Its units forget by themselves."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return 0.5 * h + torch.relu(self.w_rec(h) + self.w_in(x))

    def readout(self, states: Tensor) -> Tensor:
        return self.w_out(states)


class Coupled(CTRNN):
    """Its units act on each other without a layer."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(self.w_rec(h) + self.w_in(x) + h.mean(-1, keepdim=True))


def test_a_step_of_its_own() -> None:
    rnn, x = made(Memory), inputs()
    effects = lesion(rnn, x, [0, 2])
    with lesioned(rnn, [0, 2]):
        assert_close(rnn.predict(x).outputs, effects.outputs[0])
    with pytest.raises(ValueError, match="units that act through w_rec and w_out alone, got step"):
        lesion(made(Coupled), x, 0)


def test_the_stable_points_that_survive() -> None:
    """Two bistable pairs; a lesion of one unit takes the memory of its pair, and no other."""
    torch.set_default_dtype(torch.float64)
    rnn = RNN(1, 4, 1, bias=False)
    rnn.w_rec.weight = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)) * 0.9
    points = find_fixed_points(rnn, torch.randn(50, 4))
    assert int(points.is_stable.sum()) == 4
    effects = lesion(rnn, torch.zeros(1, 5, 1), [0, [0, 2]], strength=0.0, points=points)
    assert effects.survivors.sum(1).tolist() == [0, 0]
    weak = lesion(rnn, torch.zeros(1, 5, 1), 0, strength=[1.0, 0.5, 0.0], points=points)
    assert weak.survivors.sum(1).tolist() == [4, 4, 0]
    with lesioned(rnn, 0):
        fewer = find_fixed_points(rnn, torch.randn(50, 4))
        assert int(fewer.is_stable.sum()) == 2
        assert len(skeleton(rnn, fewer)) == 3


def test_effects_of_a_task_are_saved_and_become_a_table(tmp_path: object) -> None:
    rnn, task = RNN(3, 6, 3, seed=0), FlipFlop(seed=0)
    effects = lesion(rnn, task, "each", n_trials=4)
    inputs, targets, mask = task.batch(4)
    with lesioned(rnn, 2):
        assert effects.scores[2] == task.metric(rnn.predict(inputs).outputs, targets, mask)
    path = effects.save(f"{tmp_path}/effects.npz")
    again = load(path)
    assert isinstance(again, Effects)
    assert torch.equal(again.outputs, effects.outputs)
    assert again.labels == effects.labels
    assert effects.to_pandas()["target"][3] == "unit 3"
    assert "accuracy" in effects.summary()


@pytest.mark.parametrize(
    ("units", "error", "message"),
    [
        (8, ValueError, "units among 0..7, got 8"),
        ([], ValueError, "at least one"),
        ("cortex", ValueError, "region .*got 'cortex'"),
        (1.5, TypeError, "whole number"),
        (torch.ones(3, dtype=torch.bool), ValueError, r"mask of units of shape \(8,\)"),
        (torch.ones(3, 3, dtype=torch.bool), ValueError, "mask of connections"),
    ],
)
def test_unknown_units_are_refused(units: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        lesion(made(), inputs(), units)  # type: ignore[arg-type]


def test_what_makes_no_sense_is_refused() -> None:
    rnn, x = made(), inputs()
    with pytest.raises(TypeError, match=r"network of pyrnn, got GRU; .*GRU\.from_torch"):
        lesion(nn.GRU(3, 8), x, 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="network of pyrnn"), lesioned(lambda h, x: h, 0):  # type: ignore[type-var]
        pass
    with pytest.raises(ValueError, match="strength between 0"):
        lesion(rnn, x, 0, strength=2.0)
    with pytest.raises(ValueError, match="each of the 8 targets, got 3"):
        lesion(rnn, x, "each", strength=[0.0, 0.5, 1.0])
    with pytest.raises(ValueError, match=r"inputs of shape \(trials, time, 3\), got"):
        lesion(rnn, x[..., :2], 0)
    with pytest.raises(ValueError, match="initial states h"):
        lesion(rnn, x, 0, h=torch.zeros(5, 7))
