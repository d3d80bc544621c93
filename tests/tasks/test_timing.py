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


@pytest.mark.parametrize("late", [-100.0, 0.0, 50.0])
def test_production_is_when_the_ramp_crosses_the_threshold(late):
    """A ramp of another slope produces another interval, exactly, between the steps too."""
    task = ReadySetGo(noise=0.0)
    batch = task.batch(50)
    asked = batch.info["produced"]
    outputs = batch.targets * (asked / (asked + late))[:, None, None]
    produced = task.produced(outputs, batch.targets)
    assert torch.allclose(produced, asked + late, atol=1e-6)
    assert task.metric(outputs, batch.targets, batch.mask) == pytest.approx(abs(late), abs=1e-6)


def ramps_until(task, batch, asked):
    """Outputs that rise from 0 at the set pulse to 1 after some ms, in plain Python."""
    outputs = torch.zeros_like(batch.targets)
    for i, (start, _) in enumerate(batch.epochs["produce"].tolist()):
        for step in range(task.n_steps):
            elapsed = step * task.dt - start
            outputs[i, step, 0] = max(0.0, elapsed) / float(asked[i])
    return outputs


@pytest.mark.parametrize("always", [700.0, 850.0, 1000.0, 1190.0])
def test_an_answer_is_read_to_the_end_of_the_trial(always):
    """Times after 1.2 intervals counted as 1.2 intervals: 1200 ms, say, as 460 to 1180 ms."""
    task = ReadySetGo(noise=0.0)
    batch = task.batch(300)
    asked = batch.info["interval"]
    fits = batch.epochs["produce"][:, 0] + always <= (task.n_steps - 1) * 20
    batch = batch.rows(fits.nonzero().squeeze(1))
    assert fits.double().mean() > 0.98
    outputs = ramps_until(task, batch, torch.full((len(asked),), always))
    produced = task.produced(outputs, batch.targets)
    assert torch.allclose(produced, torch.full_like(produced, always))
    expected = float((always - asked[fits]).abs().mean())
    assert task.metric(outputs, batch.targets, batch.mask) == pytest.approx(expected)
    assert task.share_answered(outputs, batch.targets) == 1


@pytest.mark.parametrize("beyond", [0.12, 0.2, 0.5])
def test_a_network_that_never_answers_produces_nothing(beyond):
    """It seemed to produce 1.2 intervals, with a correlation of .9996, and was right if beyond
    was 0.1 or less."""
    task = ReadySetGo(beyond=beyond, noise=0.0)
    batch = task.batch(300)
    for level in (0.0, 0.5, -3.0):
        outputs = torch.full_like(batch.targets, level)
        assert task.produced(outputs, batch.targets).isnan().all()
        assert task.share_answered(outputs, batch.targets) == 0
        assert task.accuracy(outputs, batch.targets, batch.mask) == 0
        error = task.metric(outputs, batch.targets, batch.mask)
        assert error == pytest.approx(float(batch.info["interval"].mean()))
    mean = torch.full((300,), 700.0)
    assert task.metric(ramps_until(task, batch, mean), batch.targets, batch.mask) < error / 3


def test_some_trials_without_an_answer_are_a_share():
    task = ReadySetGo(interval=500.0, noise=0.0)
    _, targets, mask = task.batch(4)
    outputs = targets * torch.tensor([1.0, 0.5, 1.0, 0.9])[:, None, None]
    assert task.share_answered(outputs, targets) == 0.75
    assert task.accuracy(outputs, targets, mask) == 0.5
    produced = task.produced(outputs, targets)
    assert produced[1].isnan()
    assert produced[3] == pytest.approx(500 / 0.9)
    assert task.metric(outputs, targets, mask) == pytest.approx((500 + 500 / 0.9 - 500) / 4)


def test_an_output_above_the_threshold_from_the_start_produces_nothing_but_zero():
    task = ReadySetGo(noise=0.0)
    _, targets, mask = task.batch(10)
    high = torch.full_like(targets, 2.0)
    assert (task.produced(high, targets) == 0).all()
    assert task.accuracy(high, targets, mask) == 0


def test_targets_always_reach_the_threshold():
    """With beyond = 0 they did not, so that a perfect network did not answer."""
    for dt in (5.0, 20.0, 50.0):
        for interval in ((400.0, 1000.0), 410.0, [200.0, 300.0]):
            task = ReadySetGo(interval=interval, gains=(0.8, 1.0), dt=dt, pulse=dt, beyond=0.5)
            batch = task.batch(200)
            produced = task.produced(batch.targets, batch.targets)
            assert torch.allclose(produced.double(), batch.info["produced"])


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


@pytest.mark.parametrize(
    ("difference", "dt", "expected"), [(70, 20, 80), (30, 20, 40), (60, 7, 63)]
)
def test_rounding_to_steps_leaves_the_smallest_difference(difference, dt, expected):
    """Both durations were rounded on their own: 70 ms became 60, and 30 ms 20."""
    task = IntervalDiscrimination(difference=difference, dt=dt)
    differences = task.batch(5000).info["difference"].abs()
    assert differences.min() == expected
    assert (differences >= difference).all()


def test_intervals_differ_enough_and_are_balanced():
    info = IntervalDiscrimination().batch(3000).info
    assert info["difference"].abs().min() >= 60
    assert info["choice"].mean().abs() < 0.06
    for name in ("first", "second"):
        assert info[name].min() >= 300
        assert info[name].max() <= 600
    assert (info["choice"] != 0).all()


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (ReadySetGo, {"pulse": 500.0}, "and the shortest interval, got 500.0"),
        (ReadySetGo, {"beyond": 0.1}, "beyond of at least 0.12 for these intervals, as answers"),
        (ReadySetGo, {"beyond": 0.05}, "up to 10% too late are right, got 0.05"),
        (ReadySetGo, {"beyond": 0.0}, "beyond of at least 0.12"),
        (ReadySetGo, {"interval": 100.0, "beyond": 0.2}, "beyond of at least 0.3"),
        (ReadySetGo, {"gains": ()}, "gains to be a list of one or more numbers"),
        (ReadySetGo, {"gains": (-1.0,)}, "each of gains to be a number > 0, got -1.0"),
        (ReadySetGo, {"interval": (1000.0, 400.0)}, r"range \(low, high\)"),
        (IntervalDiscrimination, {"difference": 300.0}, "fits into the intervals"),
        (IntervalDiscrimination, {"difference": 290.0, "dt": 50.0}, "fits into the intervals"),
        (IntervalDiscrimination, {"difference": 10.0}, "at least dt = 20.0 ms"),
    ],
)
def test_impossible_parameters_are_refused(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
