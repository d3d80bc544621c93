"""Answers at the end of trials are scored on the scale of what is asked for."""

from __future__ import annotations

import math

import pytest
import torch

from pyrnn.tasks import (
    MultiTask,
    ReadySetGo,
    SineGenerator,
    WhiteNoiseIntegrator,
)
from pyrnn.tasks._last_values import LastValues
from pyrnn.tasks.phases import Fixation, Phase, Response, Stimulus


def columns(*values):
    """Make trials of one step with these values, and their mask."""
    targets = torch.tensor(values, dtype=torch.float64).reshape(len(values), 1, -1)
    return targets, torch.ones(len(values), 1)


def phase_task(draw, scale=1.0):
    return Stimulus(100.0, "a", draw={"a": draw}) >> Response(100.0, lambda a: scale * a)


def accuracy_of_constant(task, value, n=4000):
    _, targets, mask = task.batch(n)
    return task.accuracy(torch.full_like(targets, value), targets, mask)


def test_the_nearest_of_a_few_values_is_the_answer():
    targets, mask = columns(0.0, 1.0, 5.0, 5.0)
    answers, _ = columns(-9.0, 2.9, 3.1, 99.0)
    values = LastValues(targets, mask)
    assert values.accuracy(answers, targets, mask) == 1
    wrong, _ = columns(0.6, 3.1, 2.9, 0.4)
    assert values.accuracy(wrong, targets, mask) == 0


def test_between_two_values_an_answer_is_a_guess():
    targets, mask = columns(-1.0, 1.0, 1.0, -1.0)
    assert LastValues(targets, mask).accuracy(0 * targets, targets, mask) == 0.5
    both, mask = columns((-1.0, 1.0), (1.0, -1.0))
    assert LastValues(both, mask).accuracy(0 * both, both, mask) == 0.25


def test_nan_is_no_answer():
    for targets, mask in (columns(-1.0, 1.0), columns(*torch.randn(50)), columns(2.0, 2.0)):
        nan = torch.full_like(targets, torch.nan)
        assert LastValues(targets, mask).accuracy(nan, targets, mask) == 0


def test_many_values_are_met_within_a_fifth_of_their_standard_deviation():
    values = torch.randn(100).double()
    targets, mask = columns(*values)
    deviation = float(values.std(correction=0))
    for share, expected in ((0.19, 1.0), (-0.19, 1.0), (0.21, 0.0), (-0.21, 0.0)):
        outputs = targets + share * deviation
        assert LastValues(targets, mask).accuracy(outputs, targets, mask) == expected


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_constant_answer_is_near_chance_on_any_scale(scale):
    """Within 0.5, the constant 0.5 was right in all trials of a target between 0 and 1."""
    uniform = phase_task((0.0, 1.0), scale)
    window = 2 * 0.2 / math.sqrt(12)  # of a uniform variable between 0 and 1
    assert accuracy_of_constant(uniform, 0.5 * scale) == pytest.approx(window, abs=0.02)
    assert accuracy_of_constant(phase_task([0.0, 1.0], scale), 0.9 * scale) < 0.53
    three = accuracy_of_constant(phase_task([0.0, 1.0, 5.0], scale), 0.9 * scale)
    assert three == pytest.approx(1 / 3, abs=0.03)


def test_constants_in_a_mixture_are_near_chance():
    """They were right in .456 of the trials of the integrator, in .316 of those of the sine."""
    noise = MultiTask({"noise": WhiteNoiseIntegrator(dt=20.0)})
    _, targets, _ = noise.batch(4000)
    ends, middle = targets[:, -1], float(targets[:, -1].mean())
    within = (ends - middle).abs() < 0.2 * targets.std()
    accuracy = accuracy_of_constant(noise, middle)
    assert accuracy == pytest.approx(float(within.double().mean()), abs=0.02)
    assert accuracy < 0.15
    sine = MultiTask({"sine": SineGenerator()})
    assert max(accuracy_of_constant(sine, value) for value in torch.linspace(-1, 1, 21)) < 0.31


def test_a_target_that_always_ends_the_same_says_nothing():
    """As MultiTask says: all ramps of ReadySetGo end a little below 1.2."""
    task = MultiTask({"produce": ReadySetGo()})
    assert accuracy_of_constant(task, 1.17) == 1
    assert accuracy_of_constant(task, 1.0) == 0
    batch = task.batch(200)
    scores = task.accuracies(torch.full_like(batch.targets, 1.17), batch)
    assert scores["produce"] > 600  # ms


def test_an_output_that_is_zero_at_the_end_may_be_one_before():
    """The fixation output of a trial must be nearer to 0 than to 1 at its end."""
    task = Fixation(100.0, weight=1.0) >> Response(100.0, 0.0)
    task = Phase(100.0, targets=(1.0,), weight=1.0) >> task
    _, targets, mask = task.batch(5)
    assert task.accuracy(targets + 0.49, targets, mask) == 1
    assert task.accuracy(targets + 0.51, targets, mask) == 0


@pytest.mark.parametrize(
    "task", [phase_task((0.0, 1.0)), MultiTask({"noise": WhiteNoiseIntegrator(dt=20.0)})]
)
def test_the_score_depends_on_neither_seed_nor_batch(task):
    _, targets, mask = task.batch(60)
    outputs = targets + 0.1 * torch.randn_like(targets)
    whole = task.accuracy(outputs, targets, mask)
    rows = zip(outputs.split(1), targets.split(1), mask.split(1), strict=True)
    parts = [task.accuracy(*row) for row in rows]
    assert sum(parts) / 60 == pytest.approx(whole)
    other = task.replace(seed=5).epoch(3)
    assert other.accuracy(outputs, targets, mask) == whole


def test_epochs_share_what_is_known_of_the_values():
    task = phase_task((0.0, 1.0))
    assert task.epoch(1)._answers is task.epoch(2)._answers
