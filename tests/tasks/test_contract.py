"""What every task promises, asked of all of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader

from pyrnn.tasks import (
    ContextIntegration,
    CountOnes,
    CountPulses,
    DelayedMatchToSample,
    DelayedResponse,
    FlipFlop,
    HeadingIntegrator,
    IntervalDiscrimination,
    MultisensoryIntegration,
    MultiTask,
    ParametricWorkingMemory,
    PerceptualDecision,
    PulseToChirp,
    ReadySetGo,
    SineGenerator,
    WhiteNoiseIntegrator,
    Yang2019,
    check_task,
)
from pyrnn.tasks.phases import Fixation, Response, Stimulus


def composed(**options):
    task = (
        Fixation((100, 300)) >> Stimulus(200, "c", draw={"c": [-1.0, 1.0]}) >> Response(100, "c")
    )
    return task.replace(**options)


def mixed(**options):
    options = {"dt": 20.0, **options}
    dt = options["dt"]
    tasks = {"context": ContextIntegration(dt=dt), "match": DelayedMatchToSample(dt=dt)}
    return MultiTask(tasks, **options)


ALL = [
    FlipFlop,
    HeadingIntegrator,
    WhiteNoiseIntegrator,
    SineGenerator,
    PulseToChirp,
    PerceptualDecision,
    ContextIntegration,
    MultisensoryIntegration,
    DelayedMatchToSample,
    ParametricWorkingMemory,
    DelayedResponse,
    ReadySetGo,
    IntervalDiscrimination,
    CountOnes,
    CountPulses,
    Yang2019,
    composed,
    mixed,
]

CHANCE = {
    FlipFlop: 0.5,
    PerceptualDecision: 0.5,
    ContextIntegration: 0.5,
    MultisensoryIntegration: 0.5,
    DelayedMatchToSample: 0.5,
    ParametricWorkingMemory: 0.5,
    IntervalDiscrimination: 0.5,
    DelayedResponse: 0.2,  # 72 of 360 degrees
    CountPulses: 1 / 6,
    CountOnes: 46189 / 2**18,  # two binomials of 10 agree: C(20, 10) / 2^20
    HeadingIntegrator: 20 / 360,
    WhiteNoiseIntegrator: 0.0,
    SineGenerator: 0.0,
    composed: 0.5,
    mixed: 0.5,
}

PARAMETERS = {  # fixed durations that are multiples of both steps, and no noise
    SineGenerator: {},
    PulseToChirp: {"dt": 4.0, "noise": 0.0, "silence": 100.0, "pulse": 48.0, "rest": 1100.0},
    PerceptualDecision: {"noise": 0.0},
    ContextIntegration: {"noise": 0.0, "context": 360.0},
    MultisensoryIntegration: {"noise": 0.0},
    DelayedMatchToSample: {"noise": 0.0, "delay": [500.0, 1000.0]},
    ParametricWorkingMemory: {"noise": 0.0, "delay": [500.0, 1000.0]},
    DelayedResponse: {"noise": 0.0, "fixation": [400.0, 500.0]},
    ReadySetGo: {"noise": 0.0, "fixation": 100.0, "interval": [400.0, 600.0]},
    CountOnes: {},
    CountPulses: {"noise": 0.0},
}

each = pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)


def same(ours, theirs):
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@each
def test_keeps_its_promises(make):
    check_task(make(seed=11))


@each
def test_shuffled_batches_hold_the_same_trials(make):
    task = make(n_trials=7, seed=2)
    order = torch.randperm(7).tolist()
    loader = DataLoader(task, batch_size=3, sampler=order)
    seen = [row for batch in loader for row in zip(*batch, strict=True)]
    for i, trial in zip(order, seen, strict=True):
        assert same(trial, task[i])


def test_worker_processes_make_the_same_trials():
    """Every task goes through two workers; they start slowly, so that all tasks share them."""
    tasks = [make(n_trials=7, seed=2) for make in ALL]
    order = torch.randperm(7 * len(tasks)).tolist()
    loader = DataLoader(
        ConcatDataset(tasks), batch_size=5, sampler=order, num_workers=2, collate_fn=list
    )
    seen = [trial for batch in loader for trial in batch]
    for i, trial in zip(order, seen, strict=True):
        task = tasks[i // 7]
        assert same(trial, task[i % 7]), task


@each
def test_metadata_has_a_row_per_trial(make):
    batch = make().batch(6)
    for column in (*batch.info.values(), *batch.epochs.values()):
        assert len(column) == 6
    for i, trial in enumerate(batch.unbind()):
        for name, value in make().batch([i]).info.items():
            assert torch.equal(torch.as_tensor(trial.info[name]), value[0])


@each
def test_epochs_lie_in_the_trial_and_follow_one_another(make):
    task = make()
    spans = list(task.batch(20).epochs.values())
    for span, following in pairwise(spans):
        assert torch.equal(span[:, 1], following[:, 0])
    for span in spans:
        assert (span[:, 0] >= 0).all()
        assert (span[:, 0] <= span[:, 1]).all()
        assert (span[:, 1] <= task.n_steps * task.dt).all()


@each
def test_perfect_outputs_are_perfect(make):
    task = make()
    outputs, targets, mask = answers(task, 200)
    assert task.accuracy(outputs, targets, mask) == 1
    assert task.metric(outputs, targets, mask) == (1 if task.metric_goal == "max" else 0)


@each
def test_scores_of_trials_in_several_axes_are_those_of_a_batch(make):
    task = make()
    outputs, targets, mask = answers(task, 12)
    outputs = outputs + 0.3 * torch.randn_like(outputs)
    several = [tensor.unflatten(0, (3, 4)) for tensor in (outputs, targets, mask)]
    for score in (task.metric, task.accuracy):
        assert score(*several) == pytest.approx(score(outputs, targets, mask), abs=1e-12)


@each
def test_the_metric_sees_scored_steps_only(make):
    task = make()
    outputs, targets, mask = answers(task, 50)
    spoiled = torch.where(mask.unsqueeze(-1) > 0, outputs, torch.full_like(outputs, -7.0))
    assert task.accuracy(spoiled, targets, mask) == 1
    spoiled = torch.where(mask.unsqueeze(-1) > 0, -outputs - 3, outputs)
    assert task.accuracy(spoiled, targets, mask) < 0.7


@pytest.mark.parametrize("make", CHANCE, ids=lambda make: make.__name__)
def test_blind_answers_are_at_chance(make):
    """Blind are a random sign, or the answer to another trial that has the same timing."""
    task = make()
    outputs, targets, mask = answers(task, 1500)
    blind = outputs.roll(1, 0)
    if outputs.shape[-1] == 1 and CHANCE[make] == 0.5:
        blind = torch.randn(1500, 1, 1).sign().expand_as(outputs)
    assert abs(task.accuracy(blind, targets, mask) - CHANCE[make]) < 0.05


@pytest.mark.parametrize("make", PARAMETERS, ids=lambda make: make.__name__)
def test_half_the_step_is_the_same_task(make):
    """Every other step of a trial made with dt / 2 is that of the trial made with dt."""
    coarse = make(**PARAMETERS[make])
    fine = coarse.replace(dt=coarse.dt / 2)
    ours, theirs = coarse.batch(20), fine.batch(20)
    for a, b in zip(ours, theirs, strict=True):
        if make is CountOnes and a is ours.mask:
            continue  # its last step is half as long
        assert torch.allclose(a.double(), b[:, ::2].double(), atol=1e-9)
    assert ours.info.keys() == theirs.info.keys()
    for name in ours.info:
        assert torch.equal(ours.info[name], theirs.info[name])
    for name in ours.epochs:
        assert torch.equal(ours.epochs[name], theirs.epochs[name])


@pytest.mark.parametrize("noise", [0.03, 0.5])
@pytest.mark.parametrize("make", [DelayedMatchToSample, CountPulses, ReadySetGo])
def test_noise_integrates_to_the_same_at_any_step(make, noise):
    """The time integral of white noise has a variance that does not depend on dt."""
    spread = []
    for dt in (10.0, 20.0):
        loud, quiet = (make(dt=dt, noise=level).batch(500) for level in (noise, 0.0))
        integral = (loud.inputs - quiet.inputs)[:, : round(400 / dt)].sum(1) * dt
        spread.append(integral.std())
    assert abs(spread[0] / spread[1] - 1) < 0.08
    assert abs(spread[1] / (noise * 20 * 20**0.5) - 1) < 0.08


def answers(task, n):
    """Perfect outputs for a batch, with its targets and mask."""
    _, targets, mask = task.batch(n)
    outputs = targets
    if targets.ndim == 2:
        outputs = torch.nn.functional.one_hot(targets, task.output_size).double()
    return outputs, targets, mask
