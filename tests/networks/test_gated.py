"""Gated networks: the numbers of torch, and what a gate can't have."""

from __future__ import annotations

import pytest
import torch

from pyrnn import GRU, LSTM, RNNBase

gated = pytest.mark.parametrize("cls", [GRU, LSTM])


@gated
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dale_ratio": 0.8}, "no constraint on the gates of "),
        ({"autapses": False}, "no constraint on the gates of "),
        ({"connectivity": torch.ones(5, 5)}, "no constraint on the gates of "),
        ({"connectivity": {"w_in": torch.ones(15, 2)}}, "no constraint on the gates of "),
        ({"activation": "relu"}, "no activation for "),
        ({"init": "orthogonal"}, "init='torch' for "),
    ],
)
def test_gates_refuse(cls: type[RNNBase], options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message + f"{cls.__name__}"):
        cls(2, 5, 1, **options)


def test_mask_of_the_readout() -> None:
    rnn = LSTM(2, 5, 1, connectivity={"w_out": torch.tensor([[1, 0, 0, 0, 1]])})
    assert (rnn.w_out.weight[:, 1:4] == 0).all()
    assert rnn.state_size == 10


@gated
def test_biases(cls: type[RNNBase]) -> None:
    assert cls(2, 5, 1).w_in.bias is not None
    assert cls(2, 5, 1, bias=False).w_rec.bias is None
    assert cls(2, 5, 1, bias=["w_rec"]).w_in.bias is None


@gated
def test_weights_are_drawn_as_in_torch(cls: type[RNNBase]) -> None:
    """Uniformly within 1/sqrt(N); ``gain`` scales those of the recurrence."""
    rnn = cls(50, 100, 1, gain=2.0, seed=0)
    for parameter, bound in (
        (rnn.w_in.weight, 0.1),
        (rnn.w_rec.weight, 0.2),
        (rnn.w_in.bias, 0.1),
    ):
        assert 0.98 * bound < parameter.abs().max() <= bound
        assert abs(parameter.std() / bound - 3**-0.5) < 0.03
    assert not rnn.w_out.weight.any()
