"""A frozen step does what the network's own does."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, LSTM, RNN, LowRankRNN, RateRNN, RNNBase
from pyrnn.dynamics import as_map

NETWORKS = [
    RNN(2, 5, 1, seed=0),
    CTRNN(2, 5, 1, seed=0, dale_ratio=0.6, autapses=False),
    RateRNN(2, 5, 1, seed=0),
    LowRankRNN(2, 5, 1, seed=0),
    GRU(2, 5, 1, seed=0),
    LSTM(2, 5, 1, seed=0),
]


def assert_same_step(rnn: RNNBase) -> None:
    h, x = torch.randn(7, rnn.h0.shape[-1]), torch.randn(7, 2)
    rnn.double()
    h, x = h.double(), x.double()
    assert_close(as_map(rnn)(h, x), rnn.step(h, x).detach())


@pytest.mark.parametrize("rnn", NETWORKS, ids=lambda rnn: type(rnn).__name__)
def test_networks(rnn: RNNBase) -> None:
    assert_same_step(rnn)


def test_a_layer_with_a_hook() -> None:
    rnn = RNN(2, 5, 1, seed=0)
    rnn.w_rec.register_forward_hook(lambda layer, given, result: 2 * result)
    assert_same_step(rnn)


def test_a_layer_with_a_forward_of_its_own() -> None:
    rnn = RNN(2, 5, 1, seed=0)
    rnn.w_rec.forward = torch.sin  # type: ignore[method-assign]
    assert_same_step(rnn)


def test_layers_of_a_class_of_ones_own() -> None:
    class Doubled(torch.nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(input)

    class Mine(RNN):
        def __init__(self) -> None:
            super().__init__(2, 5, 1, seed=0)
            self.more = Doubled(5, 5)
            self.plain = torch.nn.Linear(5, 5)

        def step(self, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            return super().step(self.plain(h), x) + self.more(h)

    assert_same_step(Mine())
