"""Parameters in one buffer: the same training, and nothing left of it afterwards."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pyrnn import CTRNN
from pyrnn.tasks import FlipFlop
from pyrnn.training._flat import Flat, flatten

TASK = FlipFlop(n_bits=1, n_trials=64, duration=200.0)


def network() -> CTRNN:
    return CTRNN(1, 8, 1, dale_ratio=0.75, train_tau=True, seed=0)


def fit(rnn: CTRNN, **options: Any) -> CTRNN:
    rnn.fit(TASK, **({"epochs": 3, "batch_size": 16, "seed": 0, "progress": False} | options))
    return rnn


def weights(rnn: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in rnn.parameters()])


@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD", "RMSprop", "Rprop"])
def test_weights_are_those_of_an_optimizer_that_sees_every_parameter(name: str) -> None:
    optimizer = getattr(torch.optim, name)
    whole = fit(network(), optimizer=name.lower())
    apart = fit(network(), optimizer=partial(optimizer))
    torch.testing.assert_close(weights(whole), weights(apart), rtol=1e-9, atol=1e-12)


def test_parameters_have_memory_of_their_own_after_fit() -> None:
    rnn = fit(network())
    for p in rnn.parameters():
        assert p.untyped_storage().nbytes() == p.numel() * p.element_size()
        assert p.grad is None


def test_weights_that_a_callback_gives_are_trained_on() -> None:
    given = torch.full((8, 1), 0.3)

    def give(training: Any) -> None:
        if training.epoch == 1:
            training.rnn.w_in.weight.data = given.clone()
        if training.epoch == 2:
            seen.append(training.rnn.w_in.weight.detach().clone())

    seen: list[torch.Tensor] = []
    rnn = fit(network(), callbacks=give, lr=1e-4)
    assert 0 < (seen[0] - given).abs().max() < 1e-2
    assert (rnn.w_in.weight != seen[0]).any()


def test_weights_that_a_callback_freezes_stay_where_they_are() -> None:
    def freeze(training: Any) -> None:
        training.rnn.w_rec.requires_grad_(False)
        seen.append(training.rnn.w_rec.weight.detach().clone())

    seen: list[torch.Tensor] = []
    rnn = fit(network(), callbacks=freeze)
    torch.testing.assert_close(rnn.w_rec.weight, seen[0], rtol=0, atol=0)
    assert (rnn.w_in.weight != network().w_in.weight).any()


def test_optimizers_of_one_and_of_many_parameters_do_not_resume_each_other(tmp_path: Path) -> None:
    rnn = fit(network(), checkpoint=tmp_path / "rnn.pt")
    with pytest.raises(ValueError, match=r"expected to resume the run as it began.*sizes"):
        fit(rnn, optimizer=torch.optim.Adam, checkpoint=tmp_path / "rnn.pt", resume=True)


def test_each_dtype_has_a_buffer_of_its_own() -> None:
    parameters = [nn.Parameter(torch.ones(2, dtype=d)) for d in (torch.float32, torch.float64)]
    assert [flat.whole.dtype for flat in flatten(parameters)] == [torch.float32, torch.float64]


def test_gradients_flow_into_the_whole() -> None:
    layer = nn.Linear(2, 1)
    flat = Flat(layer.parameters())
    layer(torch.tensor([3.0, 4.0])).sum().backward()
    assert flat.whole.grad is not None
    assert flat.whole.grad.tolist() == [3.0, 4.0, 1.0]
