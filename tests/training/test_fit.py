"""fit does what it was asked: so many epochs, the same numbers, nothing lost on the way."""

from __future__ import annotations

import signal

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch.utils.data import DataLoader, TensorDataset

from pyrnn import CTRNN, GRU, LSTM, RNN, LowRankRNN, RNNBase
from pyrnn.tasks import FlipFlop, PerceptualDecision
from pyrnn.training import mse
from tests.training.cases import TASK, fit, make


@pytest.mark.parametrize(
    "rnn",
    [
        CTRNN(3, 32, 3, dale_ratio=0.8, autapses=False, seed=0),
        RNN(3, 32, 3, seed=0),
        LowRankRNN(3, 32, 3, rank=3, seed=0),
        GRU(3, 32, 3, seed=0),
        LSTM(3, 32, 3, seed=0, train_initial_state=True),
    ],
    ids=lambda rnn: type(rnn).__name__,
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


def test_lbfgs_learns_with_the_default_clipping() -> None:
    task = FlipFlop(n_bits=2, n_trials=32, online=False)
    rnn = CTRNN(2, 16, 2, seed=0)
    history = rnn.fit(
        task, epochs=6, optimizer="lbfgs", lr=1.0, batch_size=None, seed=0, progress=False
    )
    assert history.loss[-1] < 0.5 * history.loss[0]
