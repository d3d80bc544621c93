"""What every network shares: shapes, noise, prediction, refused arguments."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, LSTM, RNN, RateRNN, RNNBase
from pyrnn.tasks import FlipFlop

N = 6


class Leaky(RNNBase):
    """All that a user writes."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return 0.9 * h + 0.1 * torch.tanh(self.w_rec(h) + self.w_in(x))


def test_a_subclass_that_writes_only_step_trains_and_predicts() -> None:
    rnn = Leaky(1, 16, 1, dale_ratio=0.8, seed=0)
    history = rnn.fit(FlipFlop(n_bits=1, n_trials=128), epochs=3, progress=False, seed=0)
    assert history.epochs["loss"][-1] < history.epochs["loss"][0]
    assert rnn.predict(torch.zeros(2, 5, 1)).states.shape == (2, 5, 16)


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_any_number_of_batch_axes(shape: tuple[int, ...]) -> None:
    outputs, states = CTRNN(3, N, 2)(torch.randn(*shape, 7, 3))
    assert (outputs.shape, states.shape) == ((*shape, 7, 2), (*shape, 7, N))


@pytest.mark.parametrize("cls", [RNN, GRU, LSTM])
def test_a_sequence_may_be_split(cls: type[RNNBase]) -> None:
    rnn = cls(3, N, 2)
    inputs = torch.randn(4, 9, 3)
    first = rnn(inputs[:, :5])
    second = rnn(inputs[:, 5:], first.states[:, -1])
    assert_close(torch.cat([first.states, second.states], 1), rnn(inputs).states)


def test_trials_do_not_meet() -> None:
    rnn, inputs = CTRNN(3, N, 2), torch.randn(5, 7, 3)
    order = torch.randperm(5)
    assert_close(rnn(inputs[order]).states, rnn(inputs).states[order])


def test_initial_state_is_expanded_over_trials() -> None:
    rnn, h = RNN(3, N, 2), torch.randn(N)
    inputs = torch.randn(4, 5, 3)
    assert_close(rnn(inputs, h).states, rnn(inputs, h.expand(4, N)).states)


def test_initial_state_learns() -> None:
    rnn = CTRNN(1, N, 1, train_initial_state=True)
    rnn(torch.zeros(2, 3, 1)).states.sum().backward()
    assert rnn.h0.grad.abs().min() > 0
    assert "h0" not in dict(CTRNN(1, N, 1).named_parameters())


# ------------------------------------------------------------------ noise


@pytest.mark.parametrize(("cls", "alpha"), [(RNN, 1.0), (CTRNN, 0.1), (RateRNN, 0.1)])
def test_noise_has_the_scale_of_the_field(cls: type, alpha: float) -> None:
    """sqrt(2/alpha) sigma in the current: with weights of zero the states show it."""
    rnn = cls(1, 400, 1, noise=0.05, activation="identity", gain=0.0, seed=0)
    states = rnn(torch.zeros(50, 1, 1)).states
    assert_close(states.std(), torch.tensor(alpha * (2 / alpha) ** 0.5 * 0.05), rtol=0.02, atol=0)


def test_noise_is_for_training_only_and_seeded() -> None:
    rnn, inputs = CTRNN(2, N, 1, noise=0.5, seed=3), torch.randn(4, 5, 2)
    assert not torch.equal(rnn(inputs).states, rnn(inputs).states)
    assert torch.equal(rnn.predict(inputs).states, rnn.predict(inputs).states)
    assert torch.equal(rnn.eval()(inputs).states, rnn(inputs).states)
    same = [CTRNN(2, N, 1, noise=0.5, seed=3)(inputs).states for _ in range(2)]
    assert torch.equal(*same)


# ------------------------------------------------------------------ predict


def test_predict_takes_arrays_of_any_type() -> None:
    rnn, inputs = CTRNN(2, N, 1), np.ones((4, 5, 2), dtype=np.int32)
    outputs, states = rnn.predict(inputs, np.zeros(N, dtype=np.float32))
    assert not states.requires_grad
    assert_close(states, rnn(torch.ones(4, 5, 2)).states.detach())
    assert outputs.shape == (4, 5, 1)


@pytest.mark.parametrize("h", [None, torch.ones(N), torch.rand(7, N)])
def test_predict_in_batches_is_the_same(h: Tensor | None, capsys) -> None:
    rnn, inputs = CTRNN(2, N, 1), torch.randn(7, 5, 2)
    assert_close(rnn.predict(inputs, h, batch_size=3).states, rnn.predict(inputs, h).states)


def test_predict_leaves_the_mode_alone() -> None:
    rnn = CTRNN(2, N, 1)
    for mode in (True, False):
        rnn.train(mode).predict(torch.zeros(3, 2))
        assert rnn.training is mode


# ------------------------------------------------------------------ layers


def test_layers_that_are_frozen_do_not_learn() -> None:
    rnn = RNN(1, N, 1, frozen=["w_in", "w_out"], dale_ratio=0.5)
    learns = {name.split(".")[0] for name, p in rnn.named_parameters() if p.requires_grad}
    assert learns == {"w_rec"}


@pytest.mark.parametrize(
    ("bias", "layers"),
    [(True, ["w_rec", "w_out"]), (False, []), (["w_in", "w_out"], ["w_in", "w_out"])],
)
def test_bias_layer_by_layer(bias: bool | list[str], layers: list[str]) -> None:
    rnn = RNN(1, N, 1, bias=bias)
    found = [k for k in ("w_in", "w_rec", "w_out") if getattr(rnn, k).bias is not None]
    assert found == layers


def test_dale_signs() -> None:
    assert RNN(1, 5, 1, dale_ratio=0.8).signs.tolist() == [1, 1, 1, 1, -1]
    assert RNN(1, 5, 1, dale_ratio=np.float32(0.6)).signs.sum() == 1
    assert RNN(1, 3, 1, dale_ratio=[1, -1, 0]).signs.tolist() == [1, -1, 0]
    assert RNN(1, 3, 1).signs is None


def test_a_unit_of_sign_zero_may_have_weights_of_either() -> None:
    rnn = RNN(1, N, 1, dale_ratio=[1, 1, 1, 0, -1, -1], seed=0)
    rnn.fit(FlipFlop(n_bits=1, n_trials=64), epochs=2, progress=False, seed=0)
    signs = rnn.w_rec.weight.sign()
    assert signs[:, 3].unique().tolist() == [-1, 1]
    assert bool((signs[:, :3] >= 0).all() and (signs[:, 4:] <= 0).all())


@pytest.mark.parametrize("options", [{}, {"dale_ratio": 0.5}])
@pytest.mark.parametrize("convert", [Tensor.clone, Tensor.numpy, Tensor.tolist, nn.Parameter])
def test_a_weight_is_assigned(options: dict, convert: Callable[[Tensor], Any]) -> None:
    """Constrained or not, from a tensor, an array or a parameter."""
    rnn = RNN(2, 4, 1, **options)
    weight = torch.rand(4, 4) * torch.tensor([1.0, 1.0, -1.0, -1.0])
    n_parameters = len(list(rnn.parameters()))
    rnn.w_rec.weight = convert(weight)
    rnn.w_rec.bias = convert(torch.ones(4))
    assert torch.equal(rnn.w_rec.weight, weight)
    assert torch.equal(rnn.w_rec.bias, torch.ones(4))
    assert len(list(rnn.parameters())) == n_parameters
    with pytest.raises(ValueError, match=r"a weight of shape \(4, 4\), got \(2, 4\)"):
        rnn.w_rec.weight = convert(weight)[:2]
    assert torch.equal(pickle.loads(pickle.dumps(rnn)).w_rec.weight, weight)


def test_masks_of_every_layer() -> None:
    masks = {
        "w_in": torch.tensor([[1, 0]] * 3),
        "w_rec": np.triu(np.ones((3, 3))),
        "w_out": torch.tensor([[0, 1, -1]]),
    }
    rnn = RNN(2, 3, 1, connectivity=masks)
    assert bool((rnn.w_in.weight[:, 1] == 0).all())
    assert bool((rnn.w_rec.weight.tril(-1) == 0).all())
    with torch.no_grad():
        rnn.w_out.parametrizations.weight.original.fill_(-2.0)
    assert rnn.w_out.weight.tolist() == [[0.0, 2.0, -2.0]]


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dale_ratio": 1.2}, "dale_ratio, .* to be a number >= 0 and <= 1, got 1.2"),
        ({"dale_ratio": -0.1}, "dale_ratio, .* to be a number >= 0 and <= 1, got -0.1"),
        ({"dale_ratio": torch.nan}, "dale_ratio, .* to be a number >= 0 and <= 1, got nan"),
        ({"dale_ratio": [1, -1]}, r"one sign per unit, \(6,\), got \(2,\)"),
        ({"dale_ratio": [1, 1, 1, 0.8, -1, -1]}, "one sign per unit, 1, -1 or 0.*got 0.8"),
        ({"dale_ratio": [True] * 5 + [False]}, "one sign per unit.*got True; of a mask m write 2"),
        ({"connectivity": torch.ones(3, 3)}, r"mask of shape \(6, 6\), got \(3, 3\)"),
        ({"connectivity": torch.full((6, 6), 0.5)}, "connectivity of 0 and 1.*such as 0.5"),
        ({"connectivity": {"w_hid": None}}, "connectivity of w_in, w_rec, w_out, got 'w_hid'"),
        (
            {"connectivity": -torch.ones(6, 6), "dale_ratio": 0.5},
            r"constraints that agree, got Dale, SignedMask with no value left for entry \[0, 0\]",
        ),
        ({"activation": "tan"}, "activation among tanh, relu.*got 'tan'"),
        ({"activation": "lab:swish"}, "got 'lab:swish'; define it with @pyrnn.activations"),
        ({"noise": -0.1}, "noise to be a number >= 0, got -0.1"),
        ({"gain": -1.0}, "gain to be a number >= 0, got -1.0"),
        ({"gain": torch.inf}, "gain to be a number >= 0, got inf"),
        ({"dt": 0.0}, r"dt to be a number > 0 \(in ms\), got 0.0"),
        ({"dt": torch.nan}, r"dt to be a number > 0 \(in ms\), got nan"),
        ({"bias": ["w_hid"]}, "name in bias to be one of w_in, w_rec, w_out; got 'w_hid'"),
        ({"frozen": ["w"]}, "name in frozen to be one of w_in, w_rec, w_out; got 'w'"),
        ({"init": "zeros"}, "init to be one of normal, .*torch; got 'zeros'"),
        ({"seed": 2**64}, "seed to be a whole number of 64 bits"),
        ({"dale_ratio": 0.8, "init": "identity", "autapses": False}, "identity' to meet a conn"),
    ],
)
def test_refused_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RNN(2, N, 1, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dale_ratio": True}, "dale_ratio, .* to be a number"),
        ({"dale_ratio": "0.8"}, "dale_ratio, .* to be a number"),
        (
            {"dale_ratio": [[1], [1, -1]]},
            "tensor, an array or numbers, .*; pass dale_ratio as one",
        ),
        ({"activation": lambda: 0}, r"expected activation\(x\), got one of \(\)"),
        ({"autapses": "no"}, "autapses to be True or False, got 'no'"),
        ({"connectivity": "sparse"}, "connectivity as a tensor or an array"),
        ({"noise": "0.1"}, "noise to be a number"),
        ({"bias": "w_in"}, "bias to be True or False, got 'w_in'"),
        ({"bias": 1}, "bias to be True or False, got 1"),
        ({"frozen": "w_in"}, "frozen to be a list of names, got 'w_in'; choose among w_in, w_rec"),
        ({"init": None}, "init to be one of"),
        ({"gain": None}, "gain to be a number"),
        ({"train_initial_state": 1}, "train_initial_state to be True or False, got 1"),
        ({"dt": "10"}, "dt to be a number"),
        ({"train_tau": "yes"}, "train_tau to be True or False"),
        ({"tau": "slow"}, "tau to be a tensor or an array"),
        ({"tau": True}, "tau to be real numbers"),
        ({"train_tau": True, "tau_bounds": 20.0}, "tau_bounds as a pair"),
    ],
)
def test_options_of_the_wrong_kind(options: dict, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        CTRNN(2, N, 1, **options)


def test_numbers_of_numpy_become_plain_ones() -> None:
    rnn = CTRNN(
        np.int64(2), np.int32(6), np.uint8(1),
        noise=np.float32(0.5), dt=torch.tensor(5.0), autapses=np.bool_(False), seed=np.int64(3),
    )  # fmt: skip
    found = rnn.input_size, rnn.noise, rnn.dt, rnn.autapses, rnn.seed
    assert [type(value) for value in found] == [int, float, float, bool, int]


@pytest.mark.parametrize("sizes", [(0, 4, 1), (2, -1, 1)])
def test_refused_sizes(sizes: tuple) -> None:
    with pytest.raises(ValueError, match="size to be a whole number of at least 1"):
        RNN(*sizes)


@pytest.mark.parametrize("sizes", [(2, 4, 1.5), (2, True, 1), ("2", 4, 1)])
def test_sizes_of_the_wrong_kind(sizes: tuple) -> None:
    with pytest.raises(TypeError, match="size to be a whole number of at least 1"):
        RNN(*sizes)


@pytest.mark.parametrize(
    ("activation", "got"), [(3, "3"), (nn.ReLU(), "ReLU"), (nn.ReLU, "class"), (np.tanh, "ufunc")]
)
def test_an_activation_of_the_wrong_kind(activation: object, got: str) -> None:
    with pytest.raises(TypeError, match=f"name or a function of tensors, got .*{got}.*torch.relu"):
        RNN(2, N, 1, activation=activation)  # type: ignore[arg-type]


def test_an_unknown_option() -> None:
    with pytest.raises(TypeError, match="dale"):
        CTRNN(2, N, 1, dale=0.8)


@pytest.mark.parametrize("shape", [(4, 5, 3), (2,), (4, 0, 2)])
def test_inputs_of_the_wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"inputs of shape \(..., time, 2\).*got \(.*channels"):
        RNN(2, N, 1)(torch.zeros(shape))


def test_inputs_of_the_wrong_type() -> None:
    rnn = RNN(2, N, 1)
    with pytest.raises(TypeError, match="inputs as a tensor, got ndarray; predict takes arrays"):
        rnn(np.zeros((4, 5, 2)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"dtype torch.float64, got torch.float32"):
        rnn(torch.zeros(4, 5, 2, dtype=torch.float32))
    with pytest.raises(TypeError, match="an array of numbers, got list"):
        rnn.predict(["a"])  # type: ignore[arg-type]


def test_initial_state_of_the_wrong_shape() -> None:
    with pytest.raises(ValueError, match=r"initial state of shape \(..., 6\).*got \(5,\)"):
        RNN(2, N, 1)(torch.zeros(4, 5, 2), torch.zeros(5))
    with pytest.raises(ValueError, match=r"initial state of shape .* got \(3, 6\)"):
        RNN(2, N, 1)(torch.zeros(4, 5, 2), torch.zeros(3, N))


def test_print_tells_sizes_and_equation() -> None:
    assert "CTRNN(\n  2, 6, 1, activation=tanh, dt=10.0, tau=50.0" in str(CTRNN(2, N, 1, tau=50.0))


class TwoStates(RNNBase):
    """A cell with a second state variable, and the readout of cells with one."""

    @property
    def state_size(self) -> int:
        return 2 * self.hidden_size

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        rate, adaptation = h.chunk(2, -1)
        rate = torch.tanh(self.w_rec(rate) + self.w_in(x) - adaptation)
        return torch.cat([rate, 0.9 * adaptation + 0.1 * rate], -1)


def test_a_longer_state_needs_a_readout() -> None:
    with pytest.raises(ValueError, match=r"TwoStates to write a readout.* 12 numbers for 6 units"):
        TwoStates(3, N, 2)(torch.zeros(5, 3))


@pytest.mark.parametrize("seed", [1.5, "1", True])
def test_a_seed_is_an_integer(seed: object) -> None:
    with pytest.raises(TypeError, match="expected seed to be a whole number, got"):
        RNN(3, N, 2, seed=seed)
    with pytest.raises(TypeError, match="expected seed to be a whole number, got"):
        RNN(3, N, 3).fit(FlipFlop(n_trials=8), epochs=1, seed=seed, progress=False)
