"""Ctrl-C ends a training cleanly, whenever it comes: nothing is lost, nothing made twice."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from pyrnn import RNN
from pyrnn.tasks import FlipFlop
from pyrnn.training import mse
from pyrnn.unroll import fused
from tests.training.cases import assert_same, fit, make


def press_ctrl_c(at_step: int):
    """Return a loss during whose n-th call somebody presses Ctrl-C."""
    calls = [0]

    def loss(outputs: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
        calls[0] += 1
        if calls[0] == at_step:
            signal.raise_signal(signal.SIGINT)
        return mse(outputs, targets, mask)

    return loss


def press_in_schedule(at_step: int):
    """Return a scheduler that keeps the rate, and presses Ctrl-C after the n-th step."""

    def rate(step: int) -> float:
        if step == at_step > 0:
            signal.raise_signal(signal.SIGINT)
        return 1.0

    return lambda optimizer: LambdaLR(optimizer, rate)


PRESS = {"torch": ("loss", press_ctrl_c), "kernel": ("scheduler", press_in_schedule)}


@pytest.mark.parametrize("engine", PRESS)
@pytest.mark.parametrize("at_step", [1, 4, 6, 8])
def test_ctrl_c_keeps_what_was_learned_and_can_be_resumed(
    at_step: int, engine: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Step 4 is the last one of an epoch: that epoch is finished, and no step made twice."""
    (option, press), whole, path = PRESS[engine], make(noise=0.1), tmp_path / "rnn.pt"
    fit(whole, epochs=3, **{option: press(0)})
    cut = make(noise=0.1)
    with caplog.at_level(logging.WARNING):
        history = fit(cut, epochs=3, checkpoint=path, **{option: press(at_step)})
    assert history.interrupted
    assert history.n_steps == at_step
    assert f"interrupted at step {at_step}" in caplog.text
    again = make(noise=0.1)
    history = fit(again, epochs=3, checkpoint=path, resume=True, **{option: press(0)})
    assert not history.interrupted
    assert history.loss == whole.history.loss
    assert history.epochs["loss"] == whole.history.epochs["loss"]
    assert history.engine.startswith(engine) or not fused.is_available()
    assert_same(again, whole)


def test_ctrl_c_while_torch_loads_is_held_until_it_has(tmp_path: Path) -> None:
    """Building the first optimizer imports hundreds of modules; cut in half, they stay broken."""

    def interrupted_sgd(parameters: list[Tensor], lr: float) -> torch.optim.Optimizer:
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        return torch.optim.SGD(parameters, lr)

    rnn, whole, path = make(), make(), tmp_path / "rnn.pt"
    history = fit(rnn, optimizer=interrupted_sgd, checkpoint=path)
    assert history.interrupted
    assert history.n_steps == 0
    assert_same(rnn, make())
    fit(whole, optimizer=torch.optim.SGD)
    fit(rnn, optimizer=torch.optim.SGD, checkpoint=path, resume=True)
    assert_same(rnn, whole)


def test_second_interrupt_within_a_step_leaves_the_checkpoint(tmp_path: Path) -> None:
    path, before = tmp_path / "run.pt", []

    def interrupt_at_step_three(rnn: torch.nn.Module, rollout: object) -> Tensor:
        if len(before) == 3:
            before.append(path.read_bytes())
            raise KeyboardInterrupt
        before.append(b"")
        return torch.zeros(())

    rnn = RNN(2, 4, 2)
    task = FlipFlop(n_bits=2, n_trials=16)
    history = rnn.fit(
        task,
        epochs=5,
        batch_size=8,
        penalties={"stop": interrupt_at_step_three},
        checkpoint=path,
        progress=False,
    )
    assert history.interrupted
    assert path.read_bytes() == before[-1]
    assert rnn.training_state is None


def test_fit_runs_in_a_thread() -> None:
    rnn = make()
    thread = threading.Thread(target=fit, args=(rnn,))
    thread.start()
    thread.join()
    assert rnn.history.n_epochs == 2
