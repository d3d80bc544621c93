from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

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


class Recorded(Task):
    """A vectorized task that remembers how many trials it was asked for."""

    def __init__(self, **options):
        super().__init__(**options)
        self.made = []

    def trials(self, draws):
        self.made.append(draws.n_trials)
        inputs = draws.normal(5, 1)
        spans = torch.tensor([0.0, 50.0]).expand(draws.n_trials, 2)
        return Trial(inputs, inputs, info={"first": inputs[:, 0, 0]}, epochs={"all": spans})


TASKS = [FlipFlop(n_trials=40), Echo(n_trials=40), Configured(n_trials=40)]


def assert_same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        n = min(a.shape[0], b.shape[0])
        assert torch.equal(a[:n], b[:n])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_a_trial_is_the_same_in_any_company(task):
    order = torch.randperm(40).tolist()
    batch = task.batch(order).unbind()
    for i, trial in zip(order, batch, strict=True):
        assert_same(trial, task[i])
    listed = task.__getitems__(order[:3])
    for ours, theirs in zip(listed, batch, strict=False):
        assert_same(ours, theirs)
    assert_same(task.batch(4, start=10), task.batch(range(10, 14)))


@pytest.mark.parametrize("n_workers", [0, 2])
def test_workers_make_the_same_trials(n_workers):
    task = FlipFlop(n_trials=12)
    loader = DataLoader(task, batch_size=5, num_workers=n_workers)
    inputs = torch.cat([inputs for inputs, _, _ in loader])
    assert torch.equal(inputs, task.batch(12).inputs)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_tasks_keep_their_promises(task):
    check_task(task)


def test_online_epochs_are_new_and_reproducible():
    task = FlipFlop(n_trials=8)
    first, second = task.epoch(0), task.epoch(1)
    assert_same(first[3], task[3])
    assert_same(second[3], task.batch([11]).unbind()[0])
    assert len(second) == 8
    assert_same(task.replace(online=False).epoch(5)[3], task[3])


def test_an_epochs_trials_are_made_once_and_are_those_of_the_task():
    task = Recorded(n_trials=1100, seed=4)
    epoch = task.epoch(1)
    for indices in ([5, 1099, 256], [0, 5]):
        ours, theirs = epoch.batch(indices), task.batch([i + 1100 for i in indices])
        assert_same(ours, theirs)
        assert torch.equal(ours.info["first"], theirs.info["first"])
        assert torch.equal(ours.epochs["all"], theirs.epochs["all"])
    assert epoch.made == [1, 1024, 76, 3, 2]  # an example, the epoch, those to compare with


def test_an_epoch_does_not_pass_its_trials_on():
    epoch = FlipFlop(n_trials=8).epoch(1)
    epoch.batch(8)
    assert_same(epoch.epoch(1)[0], FlipFlop().batch([16]).unbind()[0])
    assert_same(epoch.batch([8]).unbind()[0], FlipFlop().batch([16]).unbind()[0])
    assert_same(epoch.split(0.5)[0][3], epoch[3])


def test_what_is_too_large_or_made_one_by_one_is_not_kept():
    for task in (FlipFlop(n_trials=10**9), Configured(n_trials=10**9)):
        assert len(task.epoch(3).batch([2]).inputs) == 1


def test_a_number_of_trials_may_be_one_of_numpy():
    assert len(FlipFlop().batch(np.int64(3)).inputs) == 3
    assert_same(FlipFlop().batch(np.array([4])).unbind()[0], FlipFlop()[4])


def test_trials_can_be_iterated():
    assert len(list(FlipFlop(n_trials=3))) == 3
    assert_same(FlipFlop(n_trials=3)[-1], FlipFlop(n_trials=3)[2])


@pytest.mark.parametrize("online", [True, False])
def test_split_keeps_validation_apart(online):
    task = FlipFlop(n_trials=20, online=online)
    train, validation = task.split(validation=0.25)
    assert (len(train), len(validation)) == (15, 5)
    held_out = validation.batch(5).inputs
    assert torch.equal(held_out, validation.epoch(3).batch(5).inputs)
    seen = torch.cat([train.epoch(k).batch(15).inputs for k in range(4)])
    assert not any(torch.equal(a, b) for a in held_out for b in seen)
    if not online:
        everything = torch.cat([train.batch(15).inputs, held_out])
        assert torch.equal(everything, task.batch(20).inputs)


def test_config_rebuilds_the_task():
    for task in (FlipFlop(n_bits=2, seed=5, dt=5.0), Configured(gain=3.0, seed=7)):
        again = type(task)(**task.config)
        assert again.config == task.config
        assert_same(again[4], task[4])
    assert Configured(gain=3.0).replace(seed=9).gain == 3.0


def test_replace_keeps_the_place_in_an_epoch():
    task = FlipFlop(n_trials=8).epoch(2)
    assert_same(task.replace(n_trials=4)[1], task[1])


def test_precision_is_torchs_default():
    torch.set_default_dtype(torch.float32)
    single = FlipFlop(n_trials=4).batch(4)
    torch.set_default_dtype(torch.float64)
    double = FlipFlop(n_trials=4).batch(4)
    assert single.inputs.dtype == torch.float32
    assert torch.equal(single.inputs.double(), double.inputs)


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


def test_impossible_requests_are_refused():
    task = FlipFlop(n_trials=4)
    for bad in (0, [-1], [], [0.5], [[1]]):
        with pytest.raises(ValueError, match="positive number of trials"):
            task.batch(bad)
    for bad in ("3", None, 2.0, slice(3)):
        with pytest.raises(TypeError, match="expected trials to be"):
            task.batch(bad)
    with pytest.raises(TypeError, match="expected index to be a whole number, got slice"):
        task[:2]
    with pytest.raises(ValueError, match="expected k to be a whole number of at least 0, got -1"):
        task.epoch(-1)
    with pytest.raises(ValueError, match="expected validation to be a number, got nan"):
        task.split(float("nan"))
    with pytest.raises(IndexError, match="below 4, got 4"):
        task[4]
    for share in (0.0, 1.0, 0.01):
        with pytest.raises(ValueError, match="leave trials in both parts"):
            task.split(validation=share)
    with pytest.raises(TypeError, match=r"got \['bits'\]"):
        task.replace(bits=4)


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
