"""The cells of torch: the same numbers, and what a gate can't have."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from pyrnn import TorchRNN


@pytest.mark.parametrize(("theirs", "cell"), [(nn.RNN, "rnn"), (nn.GRU, "gru"), (nn.LSTM, "lstm")])
def test_torch_cells(theirs: type, cell: str) -> None:
    reference = theirs(3, 7, batch_first=True)
    rnn = TorchRNN(3, 7, 2, cell=cell)
    with torch.no_grad():
        rnn.w_in.weight.copy_(reference.weight_ih_l0)
        rnn.w_in.bias.copy_(reference.bias_ih_l0)
        rnn.w_rec.weight.copy_(reference.weight_hh_l0)
        rnn.w_rec.bias.copy_(reference.bias_hh_l0)
    inputs = torch.randn(4, 12, 3)
    states, last = reference(inputs)
    mine = rnn(inputs).states
    assert_close(mine[..., :7], states)
    if cell == "lstm":
        assert_close(mine[:, -1, 7:], last[1][0])


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dale_ratio": 0.8}, "no constraint on the gates of cell="),
        ({"autapses": False}, "no constraint on the gates of cell="),
        ({"connectivity": torch.ones(5, 5)}, "no constraint on the gates of cell="),
        ({"connectivity": {"w_in": torch.ones(15, 2)}}, "no constraint on the gates of cell="),
        ({"activation": "relu"}, "no activation for cell=.*gates have their own"),
        ({"init": "orthogonal"}, "init='torch' for cell=.*got 'orthogonal'"),
    ],
)
def test_gates_refuse(cell: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TorchRNN(2, 5, 1, cell=cell, **options)


def test_unknown_cell() -> None:
    with pytest.raises(ValueError, match="cell among rnn, gru, lstm, got 'mgu'"):
        TorchRNN(2, 5, 1, cell="mgu")


def test_constraints_on_the_vanilla_cell() -> None:
    rnn = TorchRNN(2, 5, 1, cell="rnn", dale_ratio=0.6, autapses=False, init="spectral")
    assert bool((rnn.w_rec.weight[:, 3:] <= 0).all())
    assert rnn.state_size == 5


def test_frozen_mask_and_readout_of_an_lstm() -> None:
    rnn = TorchRNN(2, 5, 1, cell="lstm", connectivity={"w_out": torch.tensor([[1, 0, 0, 0, 1]])})
    assert (rnn.w_out.weight[:, 1:4] == 0).all()
    assert rnn.state_size == 10
