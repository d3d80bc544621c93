from __future__ import annotations

import math

import pytest
import torch

from pyrnn.tasks import PulseToChirp, SineGenerator


def test_sine_follows_its_law():
    """The 51 frequencies and cues of the paper, one unit of time being 100 ms."""
    task = SineGenerator()
    for trial in task.batch(40).unbind():
        cue = float(trial.inputs[0, 0])
        j = round((cue - 0.25) * 51)
        assert cue == pytest.approx(j / 51 + 0.25)
        w = 0.1 + 0.5 * j / 50
        assert float(trial.info["frequency"]) == pytest.approx(w * 10 / (2 * math.pi))
        for t in range(task.n_steps):
            assert trial.inputs[t].tolist() == [cue, float(t * 20 < 100)]
            assert float(trial.targets[t, 0]) == pytest.approx(math.sin(w * t / 5), abs=1e-9)
    cues = SineGenerator().batch(1000).inputs[:, 0, 0].unique()
    assert len(cues) == 51


@pytest.mark.parametrize("n", [1, 5, 101])
def test_the_cue_spans_the_same_range_for_any_number_of_frequencies(n):
    """Up to 0.1 the cue was j / 51 + 1/4 for any n, up to 2.21 for 101 frequencies."""
    cues = SineGenerator(n_frequencies=n).batch(2000).inputs[:, 0, 0].unique()
    assert torch.allclose(cues, torch.arange(n) / n + 0.25)


def test_chirp_follows_its_law():
    task = PulseToChirp(n_periods=2, noise=0.0)
    inputs, targets, mask = task[0]
    for step in range(0, 6000, 7):
        t = (step % 3000) - 1000  # ms since the pulse
        assert inputs[step, 0] == float(0 <= t < 50)
        chirp = math.sin(2 * math.pi * t / 1000 * 10 * t / 1000) if 0 <= t < 1000 else 0.0
        assert float(targets[step, 0]) == pytest.approx(chirp, abs=1e-9)
    assert len(mask) == 6000
    assert (mask == 1).all()


def test_the_pulse_says_when_to_chirp_if_silences_differ():
    task = PulseToChirp(n_periods=2, dt=5.0, silence=(200.0, 600.0), rest=1300.0, noise=0.0)
    batch = task.batch(20)
    onsets = set()
    for inputs, targets, mask in batch.unbind():
        pulses = [t for t in range(1, len(inputs)) if inputs[t, 0] > inputs[t - 1, 0]]
        assert len(pulses) == 2
        expected = torch.zeros(len(inputs))
        for onset in pulses:
            for t in range(200):
                expected[onset + t] = math.sin(2 * math.pi * 10 * (t * 0.005) ** 2)
        assert torch.allclose(targets[:, 0], expected, atol=1e-9)
        assert inputs.sum() == 2 * 10
        assert int(mask.sum()) == pulses[1] + 260
        onsets.add(pulses[0])
    assert min(onsets) >= 40
    assert max(onsets) <= 120
    assert len(onsets) > 5
    spans = batch.epochs
    assert torch.equal(spans["chirp"][:, 0], spans["silence"][:, 1])
    assert spans["silence"][:, 1].unique().numel() == len(onsets)


def test_without_the_pulse_a_chirp_can_be_told_only_if_silences_are_the_same():
    """The mean over trials knows the time since the start, and no input."""

    def error_of_the_mean(silence):
        _, targets, mask = PulseToChirp(dt=5.0, silence=silence).batch(100)
        error = (targets - targets.mean(0)).square()[mask > 0].mean()
        return float(error), float(targets.square()[mask > 0].mean())

    told, silent = error_of_the_mean(1000.0)
    assert told < 1e-20
    assert silent == pytest.approx(0.157, abs=0.001)
    untold, silent = error_of_the_mean((500.0, 1500.0))
    assert untold > 0.8 * silent


def test_chirp_is_scored_by_mean_squared_error():
    task = PulseToChirp(dt=5.0)
    _, targets, mask = task.batch(3)
    assert task.metric(targets + 0.1, targets, mask) == pytest.approx(0.01)
    assert task.metric_goal == "min"
    assert task.accuracy(torch.zeros_like(targets), targets, mask) < 0.01


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (SineGenerator, {"n_frequencies": 0}, "n_frequencies to be a whole number of at least 1"),
        (SineGenerator, {"low": 0.9}, "expected low <= high, got 0.9 and 0.6"),
        (SineGenerator, {"start_pulse": 5000.0}, "start_pulse between dt"),
        (PulseToChirp, {"n_periods": 0}, "n_periods to be a whole number of at least 1"),
        (PulseToChirp, {"silence": 0.3}, "silence to last 0 or at least dt = 1.0 ms, got 0.3"),
        (PulseToChirp, {"chirp": 2500.0}, "a chirp that ends within rest = 2000.0 ms"),
        (PulseToChirp, {"pulse": 0.0}, "pulse to last at least dt = 1.0 ms, got 0.0"),
        (PulseToChirp, {"dt": 40.0, "pulse": 80.0}, "2 steps per cycle, got a chirp up to 20"),
    ],
)
def test_impossible_parameters_are_refused(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
