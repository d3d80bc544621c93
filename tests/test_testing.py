"""check_rnn accepts every network that is allowed, and says what is wrong with any other."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch import Tensor

from pyrnn import CTRNN, GRU, LSTM, RNN, LowRankRNN, RateRNN, Rollout
from pyrnn.activations import ACTIVATIONS
from pyrnn.testing import check_rnn

N = 5
MASK = torch.rand(N, N, generator=torch.Generator().manual_seed(0)) < 0.6
SIGNED = MASK * torch.tensor([1, 1, 1, 1, -1])
CONSTRAINTS = {
    "free": {},
    "dale": {"dale_ratio": 0.8},
    "signs": {"dale_ratio": [1, 1, 1, 0, -1]},
    "no autapses": {"autapses": False},
    "mask": {"connectivity": MASK},
    "signed mask": {"connectivity": SIGNED},
    "all": {"dale_ratio": 0.8, "autapses": False, "connectivity": {"w_rec": SIGNED}},
}
LAYERS = {"connectivity": {"w_in": torch.tensor([[1, 0]] * N), "w_out": SIGNED[:1]}}


def combinations() -> list[tuple[type, dict]]:
    found: list[tuple[type, dict]] = []
    for activation in ACTIVATIONS:
        for cls, options in itertools.product((RNN, CTRNN, RateRNN), CONSTRAINTS.values()):
            found.append((cls, {"activation": activation, **options}))
        for options in CONSTRAINTS.values():
            found.append((RNN, {"init": "torch", "activation": activation, **options}))
        for options in ({"rank": 2}, {"random_gain": 0.5}, LAYERS):
            found.append((LowRankRNN, {"activation": activation, **options}))
    readout = {"connectivity": {"w_out": SIGNED[:1]}}
    found += [(cls, options) for cls in (GRU, LSTM) for options in ({}, readout)]
    return found


@pytest.mark.parametrize(("cls", "options"), combinations())
def test_every_combination_keeps_the_contract(cls: type, options: dict) -> None:
    check_rnn(cls(2, N, 1, noise=0.1, **options))


@pytest.mark.parametrize("cls", [CTRNN, RateRNN, LowRankRNN])
@pytest.mark.parametrize(
    "options",
    [
        {"tau": [20.0, 30.0, 40.0, 50.0, 60.0]},
        {"train_tau": True},
        {"train_tau": True, "tau_bounds": (100.0, 500.0), "tau": 200.0},
        {"train_initial_state": True, "bias": False, "frozen": ["w_in", "w_out"]},
    ],
)
def test_every_leaky_network_keeps_the_contract(cls: type, options: dict) -> None:
    check_rnn(cls(2, N, 1, **options))


class Noisy(CTRNN):
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return super().step(h, x) + 0.1 * torch.randn_like(h)


class Stateful(CTRNN):
    calls = 0

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        self.calls += 1
        return super().step(h, x) + self.calls


class Short(CTRNN):
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return super().step(h, x)[..., 1:]


class Unbatched(CTRNN):
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return self.w_rec.weight @ h + self.w_in.weight @ x


class InPlace(CTRNN):
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        h *= 0.5
        return h + self.w_in(x)


class Mixing(CTRNN):
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        new = super().step(h, x)
        return new - new.mean(0, keepdim=True) if h.ndim > 1 else new


class Detached(CTRNN):
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return super().step(h, x) + self.w_rec(h).detach()


class Numpy(CTRNN):
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return torch.as_tensor(super().step(h, x).detach().numpy())


class Unrolled(CTRNN):
    def forward(self, inputs: Tensor, h: Tensor | None = None) -> Rollout:
        outputs, states = super().forward(inputs, h)
        return Rollout(outputs, states + 1)


class Unsaved(CTRNN):
    def __init__(self, *sizes: int, **options: object):
        super().__init__(*sizes, **options)
        self.offset = torch.rand(self.hidden_size)

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return super().step(h, x) + self.offset


class Deaf(CTRNN):
    """Takes its input past ``w_in``, and with it the noise."""

    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(self.w_rec(h) + x @ self.w_in.weight.mT)


class WideReadout(CTRNN):
    def readout(self, states: Tensor) -> Tensor:
        return states


class WideStart(CTRNN):
    def initial_state(self, batch_shape=()) -> Tensor:
        return torch.zeros(*batch_shape, 1)


class NoTensor(CTRNN):
    def step(self, h: Tensor, x: Tensor) -> Tensor:
        return (super().step(h, x),)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Noisy, r"step\(h, x\) of Noisy without noise"),
        (Stateful, r"of Stateful without a memory of its own"),
        (Short, r"shape of h, \(8,\), got \(7,\)"),
        (NoTensor, r"shape of h, \(8,\), got tuple"),
        (Unbatched, r"to take states \(2, 8\) and inputs \(2, 2\).*any number of leading axes"),
        (InPlace, "to leave h and x alone"),
        (Mixing, "to treat every trial alone"),
        (Detached, "derivative of step.*is part of it detached"),
        (Numpy, "to be differentiable"),
        (Unrolled, "predict of Unrolled to follow step"),
        (Unsaved, "same after save and load"),
        (WideReadout, r"readout of WideReadout to return \(1,\), got \(8,\)"),
        (WideStart, r"initial_state\(\(\)\) of WideStart to return \(8,\), got \(1,\)"),
    ],
)
def test_a_broken_promise_has_a_message_of_its_own(cls: type, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_rnn(cls(2, 8, 1))


def test_noise_that_never_arrives() -> None:
    check_rnn(Deaf(2, 8, 1))
    with pytest.raises(ValueError, match=r"step\(h, x\) of Deaf to call self.w_in"):
        check_rnn(Deaf(2, 8, 1, noise=0.1))


def test_what_is_no_network() -> None:
    with pytest.raises(TypeError, match="subclass of RNNBase, got GRU"):
        check_rnn(torch.nn.GRU(2, 3))  # type: ignore[arg-type]


def test_the_network_and_the_generator_are_left_alone() -> None:
    rnn = CTRNN(2, 8, 1).float()
    before, rng = copy.deepcopy(rnn.state_dict()), torch.get_rng_state()
    check_rnn(rnn)
    assert rnn.h0.dtype == torch.float32
    assert all(torch.equal(before[k], v) for k, v in rnn.state_dict().items())
    assert torch.equal(rng, torch.get_rng_state())
