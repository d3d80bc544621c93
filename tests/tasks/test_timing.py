from __future__ import annotations

import pytest
import torch

from pyrnn.tasks import IntervalDiscrimination, ReadySetGo
from tests.tasks.laws import assert_follows


def test_ready_set_go_follows_its_law():
    task = ReadySetGo(gains=(1.0, 1.5), noise=0.0)
    for trial in task.batch(30).unbind():
        gain, interval = float(trial.info["gain"]), float(trial.info["interval"])

        def rule(phase, elapsed, gain=gain, asked=gain * interval):
            pulse = elapsed < 60
            ready, is_set = pulse and phase == "interval", pulse and phase == "produce"
            ramp = elapsed / asked if phase == "produce" else 0.0
            scored = phase != "produce" or elapsed < round(1.2 * asked / 20) * 20
            return [ready, is_set, gain], [ramp if scored else 0.0], float(scored)

        assert list(trial.epochs) == ["fixation", "interval", "produce"]
        assert_follows(trial, 20.0, rule)


@pytest.mark.parametrize("late", [-100.0, 0.0, 60.0])
def test_production_is_when_the_ramp_crosses_the_threshold(late):
    """A ramp of another slope produces another interval, exactly, between the steps too."""
    task = ReadySetGo(noise=0.0)
    batch = task.batch(50)
    asked = batch.info["produced"]
    outputs = batch.targets * (asked / (asked + late))[:, None, None]
    produced = task.produced(outputs, batch.targets)
    assert torch.allclose(produced, asked + late, atol=1e-6)
    assert task.metric(outputs, batch.targets, batch.mask) == pytest.approx(abs(late), abs=1e-6)


def test_a_ramp_that_never_gets_there_counts_to_the_end():
    task = ReadySetGo(noise=0.0, interval=500.0)
    _, targets, mask = task.batch(4)
    produced = task.produced(torch.zeros_like(targets), targets)
    assert torch.allclose(produced, torch.full((4,), 580.0))
    assert task.accuracy(torch.zeros_like(targets), targets, mask) == 0


def test_an_answer_before_the_set_pulse_does_not_count():
    task = ReadySetGo(noise=0.0)
    batch = task.batch(10)
    early = batch.targets.clone()
    early[:, 0] = 5.0
    assert task.metric(early, batch.targets, batch.mask) == 0


def test_interval_discrimination_follows_its_law():
    task = IntervalDiscrimination(noise=0.0)
    for trial in task.batch(30).unbind():
        first, second = float(trial.info["first"]), float(trial.info["second"])

        def rule(phase, elapsed, longer=first > second):
            decide = phase == "decision"
            shown = [phase == "first", phase == "second"]
            return shown, [(1 if longer else -1) if decide else 0], float(decide)

        assert_follows(trial, 20.0, rule)
        durations = [float(stop - start) for start, stop in trial.epochs.values()]
        assert durations[1] == first
        assert durations[3] == second


def test_intervals_differ_enough_and_are_balanced():
    info = IntervalDiscrimination().batch(3000).info
    assert info["difference"].abs().min() >= 60 - 20  # rounded to steps
    assert info["choice"].mean().abs() < 0.06
    for name in ("first", "second"):
        assert info[name].min() >= 300
        assert info[name].max() <= 600
    assert (info["choice"] != 0).all()


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (ReadySetGo, {"pulse": 500.0}, "and the shortest interval, got 500.0"),
        (ReadySetGo, {"gains": ()}, "gains to be a list of one or more numbers"),
        (ReadySetGo, {"gains": (-1.0,)}, "each of gains to be a number > 0, got -1.0"),
        (ReadySetGo, {"interval": (1000.0, 400.0)}, r"range \(low, high\)"),
        (IntervalDiscrimination, {"difference": 300.0}, "fits into the intervals"),
        (IntervalDiscrimination, {"difference": 10.0}, "at least dt = 20.0 ms"),
    ],
)
def test_impossible_parameters_are_refused(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
