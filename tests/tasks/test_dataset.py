from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from pyrnn.tasks import FlipFlop, Task, Trial
from pyrnn.tasks._dataset import TrialDataset
from tests.tasks.test_base import TASKS, Configured, assert_same


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


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_a_trial_is_the_same_in_any_batch(task):
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


def test_precision_is_torchs_default():
    torch.set_default_dtype(torch.float32)
    single = FlipFlop(n_trials=4).batch(4)
    torch.set_default_dtype(torch.float64)
    double = FlipFlop(n_trials=4).batch(4)
    assert single.inputs.dtype == torch.float32
    assert torch.equal(single.inputs.double(), double.inputs)


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


def test_a_dataset_needs_trials_but_no_names_or_scores():
    class Noise(TrialDataset):
        def trials(self, draws):
            inputs = draws.normal(5, 1)
            return Trial(inputs, inputs)

    epoch = Noise(n_trials=10).epoch(2)
    assert_same(epoch[3], Noise().batch([23]).unbind()[0])
    with pytest.raises(NotImplementedError, match=r"must write trials\(draws\)"):
        TrialDataset().batch(2)
