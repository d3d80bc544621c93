"""A function that fit could not call is refused before the first step."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pyrnn import RNN
from pyrnn.tasks import FlipFlop
from pyrnn.training import L1, evaluate, mse
from pyrnn.validate import check_callable

TASK = FlipFlop(n_bits=1, n_trials=8, duration=100.0)


class OwnLoss(RNN):
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:  # type: ignore[override]
        return (outputs - targets).square().mean()


@pytest.mark.parametrize(
    "loss", [nn.MSELoss(), functional.mse_loss, lambda y, t: mse(y, t), lambda *, y: y]
)
def test_losses_that_take_no_mask(loss: Callable[..., Tensor]) -> None:
    with pytest.raises(TypeError, match=r"loss\(outputs, targets, mask\), got one of \(.*lambda"):
        RNN(1, 4, 1).fit(TASK, loss=loss, progress=False)
    with pytest.raises(TypeError, match=r"loss\(outputs, targets, mask\)"):
        evaluate(RNN(1, 4, 1), TASK, loss=loss)


def test_the_loss_of_a_network() -> None:
    with pytest.raises(TypeError, match=r"loss\(outputs, targets, mask\).*\(outputs.*targets"):
        OwnLoss(1, 4, 1).fit(TASK, progress=False)


def test_penalties_and_callbacks() -> None:
    rnn = RNN(1, 4, 1)
    with pytest.raises(TypeError, match=r"expected energy\(rnn, rollout\), got one of \(rnn\)"):
        rnn.fit(TASK, penalties={"l1": L1(0.1), "energy": lambda rnn: 0}, progress=False)
    with pytest.raises(TypeError, match=r"expected callback\(training\), got one of \(\)"):
        rnn.fit(TASK, callbacks=[lambda: True], progress=False)
    assert rnn.history is None


@pytest.mark.parametrize("function", [torch.mul, mse, lambda *fields: 0, RNN(1, 4, 1).loss])
def test_what_may_be_called_is_let_through(function: Callable[..., Tensor]) -> None:
    check_callable("loss", function, "outputs", "targets")
