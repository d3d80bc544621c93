"""Evaluation measures what is said, and changes nothing."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import r2_score
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from pyrnn import CTRNN, RNN
from pyrnn.tasks import FlipFlop, PerceptualDecision, ReadySetGo, Task, WhiteNoiseIntegrator
from pyrnn.tasks.scores import r_squared
from pyrnn.training import cross_entropy, evaluate, mse

TASK = FlipFlop(n_bits=2, n_trials=20, duration=200.0)


@pytest.fixture
def rnn() -> CTRNN:
    rnn = CTRNN(2, 8, 2, noise=0.5)
    nn.init.normal_(rnn.w_out.weight)
    return rnn


def test_loss_and_metric_are_those_of_all_trials_at_once(rnn: CTRNN) -> None:
    inputs, targets, mask = TASK.batch(20)
    outputs = rnn.predict(inputs).outputs
    found = evaluate(rnn, TASK, batch_size=7)
    assert found["loss"] == pytest.approx(float(mse(outputs, targets, mask)))
    assert found["accuracy"] == pytest.approx(TASK.accuracy(outputs, targets, mask), abs=1e-3)


@pytest.mark.parametrize("task", [WhiteNoiseIntegrator(n_trials=40), ReadySetGo(n_trials=40)])
def test_the_metric_does_not_depend_on_the_batch_size(task: Task) -> None:
    """R² was .925 with one trial at a time and .984 with all; long intervals weighed more."""
    rnn = RNN(task.input_size, 8, 1, seed=0)
    nn.init.normal_(rnn.w_out.weight, generator=rnn.generator)
    rnn.w_out.bias = torch.ones(1)
    _, targets, mask = batch = task.batch(40)
    expected = task.metric(rnn.predict(batch.inputs).outputs, targets, mask)
    found = [evaluate(rnn, task, batch_size=size)[task.metric_name] for size in (1, 7, 16, 40)]
    assert found == pytest.approx([expected] * 4, rel=1e-9)


class Scored:
    """A score of outputs that is not the mean over trials."""

    metric_name = "R²"

    def metric(self, outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> float:
        return r_squared(outputs, targets, mask)


def test_the_metric_of_trials_of_unequal_length_is_that_of_all_at_once(rnn: CTRNN) -> None:
    trials = [(torch.randn(n, 2), torch.randn(n, 2)) for n in (3, 7, 5, 5, 9)]
    outputs = torch.cat([rnn.predict(inputs).outputs for inputs, _ in trials])
    targets = torch.cat([targets for _, targets in trials])
    expected = r2_score(targets, outputs, multioutput="variance_weighted")
    found = [evaluate(rnn, trials, task=Scored(), batch_size=size)["R²"] for size in (1, 2, 5)]
    assert found == pytest.approx([expected] * 3)


def test_the_loss_is_the_one_that_fit_minimizes() -> None:
    """A task with classes was refused: ``evaluate`` took the mean squared error of its targets."""
    task, rnn = PerceptualDecision(n_trials=20), RNN(3, 8, 3, seed=0)
    _, classes, mask = batch = task.batch(20)
    outputs = rnn.predict(batch.inputs).outputs
    surprise = torch.nn.functional.cross_entropy(outputs.mT, classes, reduction="none")
    expected = float((mask * surprise).sum() / mask.sum())
    assert evaluate(rnn, task)["loss"] == pytest.approx(expected)
    frozen = {"optimizer": "sgd", "lr": 1e-12, "batch_size": 20, "progress": False}
    assert rnn.fit(task.epoch(0), epochs=1, **frozen).loss[0] == pytest.approx(expected)


def test_nothing_is_changed(rnn: CTRNN) -> None:
    before = [p.clone() for p in rnn.parameters()]
    state = rnn.generator.get_state()
    for mode in (True, False):
        evaluate(rnn.train(mode), TASK)
        assert rnn.training is mode
    assert torch.equal(state, rnn.generator.get_state())
    assert all(torch.equal(p, q) for p, q in zip(before, rnn.parameters(), strict=True))


def test_a_plain_dataset_has_no_metric_unless_a_task_lends_its_own(rnn: CTRNN) -> None:
    data = TensorDataset(*TASK.batch(20))
    assert set(evaluate(rnn, data)) == {"loss"}
    assert evaluate(rnn, data, task=TASK) == pytest.approx(evaluate(rnn, TASK))


def test_another_loss(rnn: CTRNN) -> None:
    data = TensorDataset(torch.zeros(3, 4, 2), torch.ones(3, 4, dtype=torch.long))
    outputs = rnn.predict(torch.zeros(3, 4, 2)).outputs
    expected = float(cross_entropy(outputs, torch.ones(3, 4, dtype=torch.long)))
    assert evaluate(rnn, data, loss=cross_entropy)["loss"] == pytest.approx(expected)


def test_an_empty_dataset(rnn: CTRNN) -> None:
    with pytest.raises(ValueError, match="at least one trial"):
        evaluate(rnn, [])


def test_a_mask_of_zeros_is_told() -> None:
    trials = [(torch.zeros(4, 3), torch.zeros(4, 3), torch.zeros(4))] * 2
    with pytest.raises(ValueError, match="mask that scores some step, got zeros throughout"):
        evaluate(RNN(3, 8, 3), trials)


def test_the_loss_is_that_of_fit() -> None:
    """Targets of a classification task are no numbers, on which MSE would raise."""
    task = PerceptualDecision(n_trials=16, seed=0)
    rnn = CTRNN(task.input_size, 8, task.output_size, seed=0)
    rnn.fit(task, epochs=1, progress=False)
    inputs, targets, mask = task.batch(16)
    expected = cross_entropy(rnn.predict(inputs).outputs, targets, mask)
    assert evaluate(rnn, task)["loss"] == pytest.approx(float(expected), rel=1e-6)
    assert evaluate(rnn, task, loss="cross_entropy") == evaluate(rnn, task)


def test_a_loss_of_the_network_s_own_goes_before_that_of_the_task() -> None:
    class OwnLoss(CTRNN):
        def loss(self, outputs: Tensor, targets: Tensor, mask: Tensor | None = None) -> Tensor:
            return outputs.new_tensor(7.0)

    assert evaluate(OwnLoss(2, 8, 2), TASK)["loss"] == pytest.approx(7.0)
    plain = CTRNN(2, 8, 2)
    plain.loss = lambda outputs, targets, mask: outputs.new_tensor(8.0)
    assert evaluate(plain, TASK)["loss"] == pytest.approx(8.0)


def test_the_mode_is_restored_whatever_is_raised(rnn: CTRNN) -> None:
    with pytest.raises(ValueError, match="finite inputs"):
        evaluate(rnn, [(torch.full((4, 2), torch.nan), torch.zeros(4, 2))])
    assert rnn.training


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size to be a whole number of at least 1, got 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size to be a whole number of at least 1"),
        ({"loss": "mae"}, ValueError, "loss among mse, cross_entropy"),
    ],
)
def test_refused_arguments(rnn: CTRNN, options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        evaluate(rnn, TASK, **options)
