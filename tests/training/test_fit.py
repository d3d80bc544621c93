"""fit does what it was asked: so many epochs, the same numbers, nothing lost on the way."""

from __future__ import annotations

import copy
import logging
import os
import signal
import threading
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils.data import DataLoader, TensorDataset

import pyrnn
from pyrnn import CTRNN, RNN, LowRankRNN, RNNBase, TorchRNN
from pyrnn.tasks import FlipFlop, PerceptualDecision
from pyrnn.training import Training, mse

TASK = FlipFlop(n_bits=1, n_trials=32, duration=200.0, seed=0)


def make(**options: object) -> CTRNN:
    return CTRNN(1, 12, 1, seed=0, **options)


def fit(rnn: RNNBase, **options: object):
    return rnn.fit(TASK, **{"epochs": 2, "batch_size": 8, "progress": False, "seed": 0} | options)


def assert_same(first: nn.Module, second: nn.Module) -> None:
    pairs = zip(first.state_dict().items(), second.state_dict().items(), strict=True)
    for (name, mine), (_, theirs) in pairs:
        assert torch.equal(mine, theirs), name


@pytest.mark.parametrize(
    "rnn",
    [
        CTRNN(3, 32, 3, dale_ratio=0.8, autapses=False, seed=0),
        RNN(3, 32, 3, seed=0),
        LowRankRNN(3, 32, 3, rank=3, seed=0),
        TorchRNN(3, 32, 3, cell="gru", seed=0),
        TorchRNN(3, 32, 3, cell="lstm", seed=0, train_initial_state=True),
    ],
    ids=lambda rnn: getattr(rnn, "cell", type(rnn).__name__),
)
def test_every_network_learns(rnn: RNNBase) -> None:
    task = FlipFlop(n_trials=512, duration=300.0)
    history = rnn.double().fit(task, epochs=5, seed=0, progress=False)
    assert history.epochs["loss"][-1] < 0.75 * history.epochs["loss"][0]


def test_epochs_steps_and_record() -> None:
    history = fit(make(), epochs=5)
    assert (history.n_epochs, history.n_steps) == (5, 20)
    assert {"loss", "learning_rate", "gradient_norm"} == set(history.steps)
    assert {"loss", "seconds", "accuracy"} == set(history.epochs)
    assert_close(history.epochs["loss"][1], sum(history.loss[4:8]) / 4, rtol=0.02, atol=0)
    assert history.n_parameters == 12 * (1 + 12 + 1 + 1) + 1


def test_same_seed_same_numbers() -> None:
    runs = []
    for seed in (0, 0, 1):
        rnn = make(noise=0.1)
        torch.manual_seed(len(runs))  # what happens around it doesn't matter
        runs.append(fit(rnn, seed=seed).loss)
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_global_seed_governs_what_has_none() -> None:
    runs = []
    for _ in range(2):
        torch.manual_seed(5)
        rnn = CTRNN(1, 12, 1, noise=0.1)
        runs.append(fit(rnn, seed=None).loss)
    assert runs[0] == runs[1]


def test_fit_leaves_the_world_as_it_was() -> None:
    rnn = make().eval()
    before = torch.get_rng_state()
    handler = signal.getsignal(signal.SIGINT)
    fit(rnn)
    assert torch.equal(before, torch.get_rng_state())
    assert signal.getsignal(signal.SIGINT) is handler
    assert not rnn.training


def test_online_tasks_show_new_trials_in_every_epoch() -> None:
    seen: list[Tensor] = []

    def loss(outputs: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
        seen.append(targets)
        return mse(outputs, targets, mask)

    rnn = make()
    rnn.fit(TASK, epochs=2, batch_size=None, shuffle=False, loss=loss, progress=False)
    fixed = TASK.replace(online=False)
    rnn.fit(fixed, epochs=2, batch_size=None, shuffle=False, loss=loss, progress=False)
    assert not torch.equal(seen[0], seen[1])
    assert torch.equal(seen[2], seen[3])


def test_a_loader_will_do() -> None:
    for loader in (
        DataLoader(TASK, batch_size=8),
        DataLoader(TensorDataset(*TASK.batch(32)), batch_size=8),
    ):
        history = make().fit(loader, epochs=2, validation=loader, progress=False)
        assert history.n_steps == 8
        assert history.epochs["validation_loss"][-1] < history.epochs["loss"][0]


def test_gradient_is_clipped() -> None:
    options = {"optimizer": "sgd", "lr": 1.0, "epochs": 1, "batch_size": None}
    for clip, size in (({"clip_norm": 1e-3}, 1e-3), ({"clip_norm": None, "clip_value": 1e-5}, 0)):
        rnn = make()
        before = nn.utils.parameters_to_vector(rnn.parameters()).detach()
        fit(rnn, **options, **clip)
        change = nn.utils.parameters_to_vector(rnn.parameters()).detach() - before
        if size:
            assert_close(change.norm(), torch.tensor(size), rtol=1e-3, atol=0)
        assert change.abs().max() <= max(size, 1e-5) * 1.001


# ------------------------------------------------------------------ losses and validation


def test_loss_of_the_task() -> None:
    task = PerceptualDecision(n_trials=16)
    rnn = RNN(task.input_size, 8, task.output_size)
    history = rnn.fit(task, epochs=1, progress=False)
    assert history.loss[0] == pytest.approx(torch.tensor(3.0).log().item(), rel=1e-6)


def test_loss_of_the_network_goes_before_that_of_the_task() -> None:
    class Strange(RNN):
        def loss(self, outputs: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
            return 42 + 0 * outputs.sum()

    assert Strange(1, 4, 1).fit(TASK, epochs=1, progress=False).loss == [42.0]


def test_validation_has_trials_of_its_own() -> None:
    fit(make(), validation=0.25)
    train, held_out = TASK.split(0.25)
    history = fit(make(), validation=TASK.replace(seed=1))
    assert set(history.epochs) == {"loss", "seconds", "accuracy", "validation_loss"} | {
        "validation_accuracy"
    }
    assert len(train) + len(held_out) == len(TASK)


def test_validation_is_without_noise_and_without_learning() -> None:
    rnn = make(noise=1.0)
    task = TASK.replace(seed=1, n_trials=16, online=False)
    history = fit(rnn, validation=task, epochs=1)
    with torch.no_grad():
        inputs, targets, mask = task.batch(16)
        expected = mse(rnn.predict(inputs).outputs, targets, mask)
    assert history.epochs["validation_loss"][0] == pytest.approx(float(expected))


def test_share_of_a_plain_dataset_is_held_out() -> None:
    data = TensorDataset(torch.zeros(10, 5, 1), torch.zeros(10, 5, 1))
    history = make().fit(data, batch_size=1, epochs=1, validation=0.3, progress=False)
    assert history.n_steps == 7


# ------------------------------------------------------------------ going on


def test_a_second_fit_goes_on_where_the_first_ended() -> None:
    """Optimiser state and epoch count included: two and two epochs are four."""
    in_one, in_two = make(noise=0.1), make(noise=0.1)
    fit(in_one, epochs=4)
    fit(in_two, epochs=2)
    history = fit(in_two, epochs=2)
    assert history.n_epochs == 4
    assert history.loss == in_one.history.loss
    assert_same(in_one, in_two)


def test_a_second_fit_may_change_everything() -> None:
    rnn = make()
    fit(rnn, optimizer="sgd")
    history = fit(rnn, optimizer="adam", lr=0.003)
    assert history.learning_rate[-1] == 0.003
    copied = copy.deepcopy(rnn)
    fit(copied)
    assert copied.history.n_epochs == 6
    assert rnn.history.n_epochs == 4


# ------------------------------------------------------------------ Ctrl-C


def press_ctrl_c(at_step: int):
    """Return a loss during whose n-th call somebody presses Ctrl-C."""
    calls = [0]

    def loss(outputs: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
        calls[0] += 1
        if calls[0] == at_step:
            os.kill(os.getpid(), signal.SIGINT)
        return mse(outputs, targets, mask)

    return loss


@pytest.mark.parametrize("at_step", [1, 4, 6, 8])
def test_ctrl_c_keeps_what_was_learnt_and_can_be_resumed(
    at_step: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Step 4 is the last one of an epoch: that epoch is finished, and no step made twice."""
    whole, path = make(noise=0.1), tmp_path / "rnn.pt"
    fit(whole, epochs=3)
    cut = make(noise=0.1)
    with caplog.at_level(logging.WARNING):
        history = fit(cut, epochs=3, loss=press_ctrl_c(at_step), checkpoint=path)
    assert history.interrupted
    assert history.n_steps == at_step
    assert f"interrupted at step {at_step}" in caplog.text
    again = make(noise=0.1)
    history = fit(again, epochs=3, checkpoint=path, resume=True)
    assert not history.interrupted
    assert history.loss == whole.history.loss
    assert history.epochs["loss"] == whole.history.epochs["loss"]
    assert_same(again, whole)


def test_ctrl_c_while_torch_loads_is_held_until_it_has(tmp_path: Path) -> None:
    """Building the first optimiser imports hundreds of modules; cut in half, they stay broken."""

    def interrupted_sgd(parameters: list[Tensor], lr: float) -> torch.optim.Optimizer:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
        return torch.optim.SGD(parameters, lr)

    rnn, whole, path = make(), make(), tmp_path / "rnn.pt"
    history = fit(rnn, optimizer=interrupted_sgd, checkpoint=path)
    assert history.interrupted
    assert history.n_steps == 0
    assert_same(rnn, make())
    fit(whole, optimizer=torch.optim.SGD)
    fit(rnn, optimizer=torch.optim.SGD, checkpoint=path, resume=True)
    assert_same(rnn, whole)


def test_fit_runs_in_a_thread() -> None:
    rnn = make()
    thread = threading.Thread(target=fit, args=(rnn,))
    thread.start()
    thread.join()
    assert rnn.history.n_epochs == 2


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs to be a whole number of at least 1, got 0"),
        ({"epochs": 2.5}, ValueError, "epochs to be a whole number of at least 1, got 2.5"),
        ({"batch_size": 0}, ValueError, "batch_size of at least 1, or None.*got 0"),
        ({"clip_norm": 0.0}, ValueError, "clip_norm > 0, or None for no clipping, got 0.0"),
        ({"clip_value": -1.0}, ValueError, "clip_value > 0, or None"),
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every to be a whole number"),
        ({"validation": 3}, TypeError, "validation to be a dataset or a share.*got int"),
        ({"validation": 1.5}, ValueError, "trials in both parts, got 1.5"),
        ({"resume": True}, ValueError, "checkpoint=.* for resume=True"),
        ({"learning_rate": 3}, TypeError, "unexpected keyword argument 'learning_rate'"),
    ],
)
def test_refused_arguments(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        fit(make(), **options)


def test_share_of_a_loader() -> None:
    with pytest.raises(TypeError, match="dataset of its own for a loader, got a share"):
        make().fit(DataLoader(TASK), validation=0.1, progress=False)


def test_all_of_a_loader() -> None:
    with pytest.raises(TypeError, match="batch_size as a number for a DataLoader, got None"):
        make().fit(DataLoader(TASK), batch_size=None, progress=False)


def test_a_loss_of_nan_stops_before_the_weights_are_spoilt() -> None:
    rnn = make(activation="relu")
    with pytest.raises(
        FloatingPointError, match=r"finite \w+, got \w+: the weights have grown too large"
    ):
        fit(rnn, optimizer="sgd", lr=1e150, epochs=20)
    assert all(bool(p.isfinite().all()) for p in rnn.parameters())
    assert rnn.history.n_steps > 0


def test_nan_in_the_validation_set_is_told() -> None:
    bad = [(torch.full((4, 1), torch.nan), torch.zeros(4, 1))]
    with pytest.raises(ValueError, match="finite inputs, got nan"):
        fit(make(), validation=bad)


def test_scheduler_of_a_stream_of_unknown_length() -> None:
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter([(torch.zeros(4, 1), torch.zeros(4, 1))] * 3)

    with pytest.raises(ValueError, match="dataset with a length for scheduler='cosine'"):
        make().fit(Stream(), scheduler="cosine", progress=False)
    assert make().fit(Stream(), epochs=2, batch_size=2, progress=False).n_steps == 4


def test_device_by_name() -> None:
    rnn = make()
    fit(rnn, device="cpu")
    assert rnn.device == torch.device("cpu")


def test_bar_shows_loss_and_metric(capsys: pytest.CaptureFixture[str]) -> None:
    fit(make(), progress=True, validation=0.25)
    text = capsys.readouterr().out
    assert "epoch 2/2" in text
    assert "val loss" in text
    assert "accuracy" in text


# ------------------------------------------------------------------ checkpoints


def test_checkpoint_is_written_every_few_epochs_and_at_the_end(tmp_path: Path) -> None:
    path, found = tmp_path / "rnn.pt", []

    def look(training: Training) -> None:
        found.append(pyrnn.load(path).history.n_epochs if path.exists() else 0)

    fit(make(), epochs=5, checkpoint=path, checkpoint_every=2, callbacks=look)
    assert found == [0, 0, 2, 2, 4]
    assert pyrnn.load(path).history.n_epochs == 5


def test_checkpoint_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "rnn.pt"
    fit(CTRNN(1, 5, 1), checkpoint=path)
    with pytest.raises(ValueError, match="resume the run as it began"):
        fit(make(), checkpoint=path, resume=True)
    with pytest.raises(ValueError, match=r"expected a RNN in .*got a CTRNN"):
        fit(RNN(1, 12, 1), checkpoint=path, resume=True)


def test_a_loaded_network_can_be_resumed(tmp_path: Path) -> None:
    whole = make(noise=0.1)
    fit(whole, epochs=3)
    path = tmp_path / "rnn.pt"
    fit(make(noise=0.1), epochs=3, callbacks=lambda training: training.epoch == 2, checkpoint=path)
    again = pyrnn.load(path)
    fit(again, epochs=3, resume=True)
    assert_same(again, whole)


def test_lbfgs_learns_with_the_default_clipping() -> None:
    task = FlipFlop(n_bits=2, n_trials=32, online=False)
    rnn = CTRNN(2, 16, 2, seed=0)
    history = rnn.fit(
        task, epochs=6, optimizer="lbfgs", lr=1.0, batch_size=None, seed=0, progress=False
    )
    assert history.loss[-1] < 0.5 * history.loss[0]


@pytest.mark.parametrize(
    ("changes", "options"),
    [({"tau": 30.0}, {}), ({}, {"lr": 0.5}), ({}, {"optimizer": "sgd"}), ({}, {"seed": 8})],
)
def test_resume_refuses_another_run(
    tmp_path: Path, changes: dict[str, float], options: dict[str, object]
) -> None:
    task, path = FlipFlop(n_bits=2, n_trials=8), tmp_path / "run.pt"
    known = {"seed": 1, "checkpoint": path, "progress": False}
    CTRNN(2, 4, 2, tau=100.0).fit(task, epochs=1, **known)
    with pytest.raises(ValueError, match="resume the run as it began"):
        CTRNN(2, 4, 2, **{"tau": 100.0, **changes}).fit(
            task, epochs=2, resume=True, **{**known, **options}
        )


def test_network_that_cannot_be_saved_is_refused_before_training(tmp_path: Path) -> None:
    rnn = RNN(2, 4, 2, activation=lambda x: x.tanh())
    with pytest.raises(ValueError, match="named on load"):
        rnn.fit(FlipFlop(n_bits=2, n_trials=8), checkpoint=tmp_path / "x.pt", progress=False)
    assert rnn.history is None or rnn.history.n_steps == 0


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


def test_losses_of_the_wrong_kind_are_named() -> None:
    rnn, task = RNN(2, 4, 2), FlipFlop(n_bits=2, n_trials=8)
    with pytest.raises(TypeError, match="expected loss to return a tensor with one number"):
        rnn.fit(task, loss=lambda outputs, targets, mask: outputs - targets, progress=False)
    with pytest.raises(TypeError, match="TensorDataset"):
        rnn.fit((torch.zeros(4, 5, 2), torch.zeros(4, 5, 2)), progress=False)


@pytest.mark.parametrize(("cls", "warns"), [(CTRNN, True), (RNN, False)])
def test_steps_of_another_length_than_the_task_s(
    cls: type, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Only where a time constant gives the steps of the network a meaning."""
    cls(1, 4, 1, dt=20.0).fit(TASK, epochs=1, progress=False)
    assert ("the task makes steps of 10 ms, the network of 20" in caplog.text) is warns
    caplog.clear()
    cls(1, 4, 1, dt=10.0).fit(TASK, epochs=1, progress=False)
    assert not caplog.records
