"""Backpropagation called by hand does what autograd does."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from pyrnn import CTRNN, GRU, RNN, LowRankRNN, RateRNN, RNNBase
from pyrnn.base import Rollout
from pyrnn.unroll import _autograd


class OwnReadout(CTRNN):
    def readout(self, states: Tensor) -> Tensor:
        return self.w_out(states) ** 2


class OwnForward(RNN):
    def forward(self, inputs: Tensor, h: Tensor | None = None) -> Rollout:
        outputs, states = super().forward(2 * inputs, h)
        return Rollout(outputs + 1, states)


NETWORKS: dict[str, Callable[[], RNNBase]] = {
    "rate": partial(RateRNN, 3, 20, 2, tau=50.0),
    "current": partial(CTRNN, 3, 20, 2, bias=["w_in", "w_rec"]),
    "constrained": partial(CTRNN, 3, 20, 2, dale_ratio=0.8, autapses=False),
    "learned tau in the noise": partial(RateRNN, 3, 20, 2, train_tau=True, noise=0.2, seed=1),
    "learned state": partial(RNN, 3, 20, 2, train_initial_state=True),
    "low rank": partial(LowRankRNN, 3, 20, 2, rank=2),
    "frozen": partial(RNN, 3, 20, 2, frozen=["w_rec", "w_out"]),
    "own readout": partial(OwnReadout, 3, 20, 2),
    "own forward": partial(OwnForward, 3, 20, 2),
    "eager": partial(GRU, 3, 20, 2),
}
LOSSES: dict[str, Callable[[Rollout], Tensor]] = {
    "outputs": lambda rollout: (rollout.outputs - 1).square().mean(),
    "states": lambda rollout: rollout.states.square().mean(),
    "both": lambda rollout: (rollout.outputs - 1).square().mean() + rollout.states.abs().mean(),
    "in place": lambda rollout: rollout.outputs.sub_(1).square().mean(),
}


def gradients(rnn: RNNBase) -> dict[str, Tensor | None]:
    return {name: p.grad for name, p in rnn.named_parameters()}


def by_hand(rnn: RNNBase, inputs: Tensor, loss: Callable[[Rollout], Tensor]) -> float:
    with rnn.training_loop() as forward:
        rollout, backward = forward(inputs)
        value = loss(rollout)
        backward(value)
    return value.item()


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_autograd(network: str, loss: str) -> None:
    torch.manual_seed(0)
    rnn, inputs = NETWORKS[network](), torch.randn(5, 30, 3)
    if "out" not in rnn.frozen:
        nn.init.normal_(rnn.w_out.weight)
    state = rnn.generator.get_state()
    expected = LOSSES[loss](rnn(inputs))
    expected.backward()
    theirs = gradients(rnn)
    rnn.zero_grad()
    rnn.generator.set_state(state)
    assert by_hand(rnn, inputs, LOSSES[loss]) == pytest.approx(expected.item(), rel=1e-12)
    for name, ours in gradients(rnn).items():
        other = theirs[name]
        zero = 0 if other is None else other  # nothing flows: no gradient, or a zero one
        assert_close(torch.zeros(()) if ours is None else ours, torch.zeros(()) + zero)


@pytest.mark.parametrize("network", NETWORKS)
def test_without_a_private_name_of_torch_autograd_does_the_same(
    network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    rnn, inputs = NETWORKS[network](), torch.randn(5, 30, 3)
    state = rnn.generator.get_state()
    by_hand(rnn, inputs, LOSSES["both"])
    expected = gradients(rnn)
    rnn.zero_grad()
    rnn.generator.set_state(state)
    monkeypatch.setattr(_autograd, "_hooks_of", None)
    by_hand(rnn, inputs, LOSSES["both"])
    assert_close(gradients(rnn), expected)


def test_gradients_add_up() -> None:
    rnn, inputs = CTRNN(3, 20, 2), torch.randn(5, 30, 3)
    by_hand(rnn, inputs, LOSSES["outputs"])
    once = {name: gradient.clone() for name, gradient in gradients(rnn).items()}
    by_hand(rnn, inputs, LOSSES["outputs"])
    assert_close(gradients(rnn), {name: 2 * gradient for name, gradient in once.items()})


def test_a_penalty_on_weights_adds_to_the_gradient_of_the_loss() -> None:
    rnn, inputs = RNN(3, 20, 2), torch.randn(5, 30, 3)
    by_hand(rnn, inputs, LOSSES["outputs"])
    alone = rnn.w_rec.weight.grad.clone()
    rnn.zero_grad()
    by_hand(rnn, inputs, lambda rollout: LOSSES["outputs"](rollout) + rnn.w_rec.weight.sum())
    assert_close(rnn.w_rec.weight.grad, alone + 1)


@pytest.mark.parametrize("register", ["register_hook", "register_post_accumulate_grad_hook"])
def test_hooks_of_parameters_are_called(register: str) -> None:
    rnn, seen = RNN(3, 20, 2), []
    getattr(rnn.w_rec.weight, register)(lambda given: seen.append(given.shape))
    by_hand(rnn, torch.randn(5, 30, 3), LOSSES["outputs"])
    assert seen == [(20, 20)]


def test_hooks_of_the_network_are_called() -> None:
    rnn, seen = RNN(3, 20, 2), []
    rnn.register_forward_hook(lambda *given: seen.append(len(given)))
    by_hand(rnn, torch.randn(5, 30, 3), LOSSES["outputs"])
    assert seen == [3]


def test_a_forward_that_was_put_in_its_place_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    rnn = RNN(3, 20, 2)
    monkeypatch.setattr(rnn, "forward", lambda inputs: Rollout(inputs, inputs))
    with rnn.training_loop() as forward:
        rollout, _ = forward(torch.ones(5, 30, 3))
    assert rollout.outputs.shape == (5, 30, 3)


def test_a_loss_without_the_rollout_changes_nothing() -> None:
    rnn = RNN(3, 20, 2)
    by_hand(rnn, torch.randn(5, 30, 3), lambda rollout: rnn.w_in.weight.sum())
    assert rnn.w_rec.weight.grad is None
