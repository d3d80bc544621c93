from __future__ import annotations

import math

import pytest
import torch

from pyrnn import RNN
from pyrnn.tasks import (
    ContextIntegration,
    CountPulses,
    DelayedMatchToSample,
    DelayedResponse,
    MultiTask,
    PerceptualDecision,
    Task,
    Trial,
    TrialRandom,
    check_task,
)


def yang(**options):
    rules = {rule: DelayedResponse(rules=(rule,)) for rule in ("pro", "anti")}
    return MultiTask(rules, **options)


def test_a_trial_is_one_of_the_tasks_with_its_rule():
    parts = {"context": ContextIntegration(), "count": CountPulses(), "go": DelayedResponse()}
    task = MultiTask(parts, seed=5)
    batch = task.batch(30)
    assert (task.input_size, task.output_size, task.n_steps) == (7, 3, 155)
    for i, (inputs, targets, mask) in enumerate(batch.unbind()):
        k = int(batch.info["task"][i])
        rule = torch.zeros(3)
        rule[k] = 1
        assert torch.equal(inputs[:, 4:], rule.expand(155, 3))
        part = list(parts.values())[k]
        draws = TrialRandom(5, [i])
        draws.integers(0, 3)  # the rule is drawn first
        alone = part.trials(draws).unbind()[0]
        n = len(alone.mask)
        assert torch.equal(inputs[:n, : alone.inputs.shape[1]], alone.inputs)
        assert torch.equal(targets[:n, : alone.targets.shape[1]], alone.targets)
        assert torch.equal(mask[:n], alone.mask)
        assert (inputs[n:, :4] == 0).all()
        assert (mask[n:] == 0).all()


def test_tasks_are_equally_frequent():
    counts = torch.bincount(yang().batch(1000).info["task"])
    assert (counts - 500).abs().max() < 60


def test_each_task_has_its_own_score():
    task = yang()
    batch = task.batch(100)
    outputs = batch.targets.clone()
    anti = batch.info["task"] == 1
    outputs[anti, :, 1:] *= -1
    assert task.accuracies(outputs, batch) == {"pro": 1.0, "anti": 0.0}
    assert task.accuracy(batch.targets, batch.targets, batch.mask) == 1
    assert task.accuracy(outputs, batch.targets, batch.mask) == pytest.approx(
        float((~anti).double().mean()), abs=0.05
    )


def test_a_task_without_trials_has_no_score():
    task = yang()
    batch = task.batch([int((task.batch(20).info["task"] == 0).long().argmax())])
    scores = task.accuracies(batch.targets, batch)
    assert scores["pro"] == 1
    assert math.isnan(scores["anti"])


def test_classes_can_be_mixed():
    parts = {name: PerceptualDecision(coherences=(c,)) for name, c in (("a", 10.0), ("b", 50.0))}
    task = MultiTask(parts, dt=100.0)
    _, targets, mask = batch = task.batch(20)
    assert task.loss == "cross_entropy"
    outputs = torch.nn.functional.one_hot(targets, 3).double()
    assert task.accuracy(outputs, targets, mask) == 1
    assert task.accuracies(outputs, batch) == {"a": 1.0, "b": 1.0}


class Bits(Task):
    """Whether each of two inputs is positive, as bits."""

    loss = "binary_cross_entropy"

    def trial(self, rng):
        inputs = torch.randn(2, generator=rng).expand(10, 2)
        return Trial(inputs, (inputs > 0).double(), info={"first": float(inputs[0, 0])})


def test_tasks_with_different_losses_are_mixed_as_one_of_squares():
    """Up to 0.1 they were refused, so that half of the library could not be mixed."""
    parts = {
        "classes": PerceptualDecision(dt=20.0),
        "values": ContextIntegration(),
        "bits": Bits(dt=20.0),
    }
    task = MultiTask(parts, seed=1)
    assert task.loss == "mse"
    assert task.output_size == 3
    batch = task.batch(60)
    perfect = torch.where(batch.mask[..., None] > 0, batch.targets, -3.0)
    assert task.accuracies(perfect, batch) == {"classes": 1.0, "values": 1.0, "bits": 1.0}
    for i, trial in enumerate(batch.unbind()):
        k = int(trial.info["task"])
        draws = TrialRandom(1, [i])
        draws.integers(0, 3)
        alone = list(parts.values())[k].trials(draws).unbind()[0]
        n = len(alone.mask)
        if k == 0:
            assert torch.equal(trial.targets[:n].argmax(-1), alone.targets)
            assert torch.equal(trial.targets[:n].sum(-1), torch.ones(n))
        if k == 2:
            assert torch.equal(trial.targets[:n, :2] > 0, alone.targets > 0)
            assert torch.equal(trial.targets[:n, :2].abs(), torch.ones(n, 2))
    wrong = -batch.targets
    assert task.accuracies(wrong, batch) == {"classes": 0.0, "values": 0.0, "bits": 0.0}
    check_task(task)


def test_a_mixture_of_losses_trains():
    task = MultiTask({"classes": PerceptualDecision(dt=20.0), "bits": Bits(dt=20.0)}, n_trials=64)
    history = RNN(task.input_size, 16, task.output_size, seed=0).fit(
        task, epochs=20, lr=0.01, seed=0, progress=False
    )
    assert history.loss[-1] < 0.5 * history.loss[0]


def test_what_all_tasks_tell_is_kept():
    batch = yang().batch(20)
    assert set(batch.info) == {"task", "angle", "rule", "response", "delay"}
    assert list(batch.epochs) == ["fixation", "stimulus", "delay", "go"]
    for trial, rule in zip(batch.unbind(), batch.info["task"], strict=True):
        assert float(trial.info["rule"]) == 1 - 2 * float(rule)
    mixed = MultiTask({"go": DelayedResponse(), "context": ContextIntegration()}).batch(5)
    assert set(mixed.info) == {"task"}
    assert mixed.epochs == {}


class Uneven(Task):
    """Trials of 5 to 40 steps; the answer is the mean of the inputs, at the last step."""

    dt = 20.0

    def trial(self, rng):
        n_steps = int(torch.randint(5, 41, (), generator=rng))
        inputs = torch.randn(n_steps, 1, generator=rng)
        mask = torch.zeros(n_steps)
        mask[-1] = 1
        return Trial(inputs, inputs.mean().expand(n_steps, 1), mask)


def uneven(**options):
    parts = {"uneven": Uneven(dt=20.0), "even": ContextIntegration(stimulus=100.0)}
    return MultiTask(parts, **options)


def test_trials_of_unequal_length_are_padded():
    """Up to 0.1 the first trial was taken as the longest, and a longer one could not be made."""
    task = MultiTask({"uneven": Uneven(dt=20.0)}, seed=3)
    lengths = []
    for i, (inputs, targets, mask) in enumerate(task.batch(50).unbind()):
        draws = TrialRandom(3, [i])
        draws.integers(0, 1)
        alone = Uneven(dt=20.0).trials(draws).unbind()[0]
        n = len(alone.mask)
        lengths.append(n)
        assert torch.equal(inputs[:n, :1], alone.inputs)
        assert torch.equal(targets[:n], alone.targets)
        assert torch.equal(mask[:n], alone.mask)
        assert mask[n:].sum() == 0
    assert len(set(lengths)) > 10
    assert task.batch(50).mask.shape[1] == max(*lengths, task.n_steps)


def test_trials_of_unequal_length_train_and_are_scored():
    task = uneven(n_trials=1500)
    check_task(task)
    batch = task.epoch(1).batch(1500)
    assert batch.inputs.shape[0] == 1500
    assert task.accuracies(batch.targets, batch) == {"uneven": 1.0, "even": 1.0}
    history = RNN(task.input_size, 8, task.output_size).fit(
        task.replace(n_trials=40), epochs=2, progress=False
    )
    assert history.n_epochs == 2


def test_impossible_mixtures_are_refused():
    with pytest.raises(ValueError, match="at least one task, got none"):
        MultiTask({})
    with pytest.raises(TypeError, match="expected 'a' to be a Task, got int"):
        MultiTask({"a": 3})
    with pytest.raises(ValueError, match=r"got 10\.0 ms in 'a'; use task\.replace\(dt=20\.0\)"):
        MultiTask({"a": CountPulses(dt=10.0)})
    assert DelayedMatchToSample().dt == 20.0
