from __future__ import annotations

import pytest
import torch

from pyrnn.tasks import FlipFlop, Task, Trial, check_task


class Echo(Task):
    """A user's task: only ``trial`` is written, of varying duration."""

    def trial(self, rng):
        n_steps = 10 + int(torch.randint(5, (), generator=rng))
        inputs = torch.randn(n_steps, 2, generator=rng)
        return Trial(inputs, inputs.cumsum(0), info={"n": n_steps})


class Configured(Task):
    """A user's task with a plain constructor."""

    loss = "cross_entropy"
    output_size = 2

    def __init__(self, gain=2.0, **options):
        super().__init__(**options)
        self.gain = gain

    def trial(self, rng):
        inputs = self.gain * torch.randn(5, 1, generator=rng)
        return Trial(inputs, (inputs[:, 0] > 0).long())


TASKS = [FlipFlop(n_trials=40), Echo(n_trials=40), Configured(n_trials=40)]


def assert_same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        n = min(a.shape[0], b.shape[0])
        assert torch.equal(a[:n], b[:n])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_tasks_keep_their_promises(task):
    check_task(task)


def test_config_rebuilds_the_task():
    for task in (FlipFlop(n_bits=2, seed=5, dt=5.0), Configured(gain=3.0, seed=7)):
        again = type(task)(**task.config)
        assert again.config == task.config
        assert_same(again[4], task[4])
    assert Configured(gain=3.0).replace(seed=9).gain == 3.0


def test_replace_keeps_the_place_in_an_epoch():
    task = FlipFlop(n_trials=8).epoch(2)
    assert_same(task.replace(n_trials=4)[1], task[1])


def test_sizes_are_those_of_the_trials():
    task = FlipFlop(n_bits=2, dt=20.0)
    assert (task.input_size, task.output_size, task.n_steps) == (2, 2, 50)
    assert Echo().batch(30).mask.sum(1).min() < 14
    assert Echo().batch(30).info["n"].dtype == torch.int64


def test_default_accuracy_follows_the_loss():
    inputs, targets, mask = Configured().batch(64)
    logits = torch.cat([-inputs, inputs], dim=-1)
    assert Configured().accuracy(logits, targets, mask) == 1
    assert Configured().metric(-logits, targets, mask) == 0
    bits = Echo()
    bits.loss = "binary_cross_entropy"
    targets = torch.randint(2, (3, 5, 2)).double()
    assert bits.accuracy(2 * targets - 1, targets, torch.ones(3, 5)) == 1
    _, targets, mask = Echo().batch(8)
    assert Echo().accuracy(targets, targets, mask) == 1
    assert Echo().accuracy(torch.zeros_like(targets), targets, mask) == 0


def test_one_trial_from_a_generator():
    ours = FlipFlop().trial(torch.Generator().manual_seed(1))
    again = FlipFlop().trial(torch.Generator().manual_seed(1))
    assert_same(ours, again)
    assert ours.inputs.shape == (100, 3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seed": 1.5}, TypeError, "expected seed to be a whole number, got 1.5"),
        ({"seed": "1"}, TypeError, "expected seed to be a whole number"),
        ({"seed": True}, TypeError, "expected seed to be a whole number"),
        ({"n_trials": 2.5}, TypeError, "expected n_trials to be a whole number"),
        ({"online": "yes"}, TypeError, "expected online to be True or False, got 'yes'"),
        ({"n_trials": 0}, ValueError, "n_trials to be a whole number of at least 1, got 0"),
        ({"dt": 0.0}, ValueError, r"expected dt to be a number > 0 \(in ms\)"),
        ({"dt": float("nan")}, ValueError, r"expected dt to be a number > 0 \(in ms\)"),
    ],
)
def test_impossible_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        Echo(**options)


def test_a_task_without_trials_says_what_to_write():
    with pytest.raises(NotImplementedError, match=r"must write trial\(rng\)"):
        Task().batch(2)
    with pytest.raises(NotImplementedError, match=r"must write trial\(rng\)"):
        Task().trial(torch.Generator())


def test_a_trial_that_is_none_is_refused():
    class Wrong(Task):
        def trial(self, rng):
            return torch.zeros(3, 2), torch.zeros(3, 2)

    with pytest.raises(TypeError, match="to return a Trial, got tuple"):
        Wrong().batch(2)


def test_classes_must_be_counted():
    class Uncounted(Task):
        def trial(self, rng):
            return Trial(torch.rand(3, 2, generator=rng), torch.tensor([0, 1, 0]))

    with pytest.raises(NotImplementedError, match="output_size ="):
        _ = Uncounted().output_size


def test_unknown_parameters_are_refused():
    with pytest.raises(TypeError, match=r"got \['bits'\]"):
        FlipFlop().replace(bits=4)
