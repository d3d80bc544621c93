from __future__ import annotations

import time

import pytest
import torch

from pyrnn.tasks import FlipFlop


def flipflop_loop(inputs, width):
    """Replay a trial pulse by pulse: targets and mask from the inputs alone."""
    n_steps, n_bits = inputs.shape
    targets, mask = torch.zeros(n_steps, n_bits), torch.ones(n_steps)
    for k in range(n_bits):
        bit = 0.0
        for t in range(n_steps):
            if inputs[t, k] != 0:
                bit = inputs[t, k]
                mask[t] = 0
            targets[t, k] = bit
    return targets, mask


@pytest.mark.parametrize("options", [{}, {"n_bits": 1, "dt": 5.0}, {"pulse_duration": 10.0}])
def test_targets_hold_the_sign_of_the_last_pulse(options):
    task = FlipFlop(**options)
    for inputs, targets, mask in task.batch(20).unbind():
        held, scored = flipflop_loop(inputs, task.steps(task.pulse_duration))
        assert torch.equal(targets, held)
        assert torch.equal(mask, scored)


def test_a_pulse_opens_every_channel_and_lasts():
    inputs = FlipFlop(pulse_probability=0.0).batch(8).inputs
    assert (inputs[:, :5].abs() == 1).all()
    assert (inputs[:, 5:] == 0).all()


@pytest.mark.parametrize("dt", [5.0, 10.0, 25.0])
def test_the_rate_of_pulses_does_not_depend_on_dt(dt):
    task = FlipFlop(dt=dt, duration=2000.0, pulse_duration=dt)
    n_pulses = (task.batch(400).inputs[:, 1:] != 0).sum((1, 2)) / 3
    expected = (2000.0 / dt - 1) * (1 - 0.95 ** (dt / 10.0))
    assert abs(n_pulses.mean() - expected) / expected < 0.02


@pytest.mark.parametrize(
    ("dt", "expected"), [(5.0, 2.52), (10.0, 2.475), (20.0, 2.39), (50.0, 2.15)]
)
def test_bits_switch_as_often_as_is_said(dt, expected):
    """Poisson pulses that fall into one step cancel or repeat: fewer switches at a larger dt."""
    targets = FlipFlop(dt=dt).batch(1500).targets
    switches = (targets.diff(dim=1) != 0).double().sum((1, 2)) / 3
    error = float(switches.std()) / 1500**0.5
    assert float(switches.mean()) == pytest.approx(expected, abs=0.01 + 3 * error)


def test_a_pulse_lasts_whole_steps():
    inputs = FlipFlop(dt=20.0, pulse_probability=0.0).batch(4).inputs  # 50 ms are 2.5 steps
    assert (inputs[:, :2].abs() == 1).all()
    assert (inputs[:, 2:] == 0).all()


def test_signs_are_balanced_and_channels_independent():
    bits = FlipFlop().batch(4000).targets[:, [0, -1]].flatten(1)
    assert bits.mean(0).abs().max() < 0.06
    assert (torch.corrcoef(bits.T)[:3, :3] - torch.eye(3)).abs().max() < 0.06


def test_accuracy_counts_bits():
    task = FlipFlop()
    _, targets, mask = task.batch(200)
    outputs = targets.clone()
    assert task.accuracy(outputs, targets, mask) == 1
    outputs[..., 0] *= -1
    assert task.accuracy(outputs, targets, mask) == pytest.approx(2 / 3)
    assert abs(task.accuracy(torch.randn_like(targets), targets, mask) - 0.5) < 0.02


def test_a_batch_is_made_quickly():
    """A batch of 64 trials is budgeted at half a millisecond; the bound leaves room for CI."""
    task, seconds = FlipFlop(), []
    for _ in range(20):
        start = time.perf_counter()
        task.batch(64)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 5e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bits": 0}, "n_bits to be a whole number of at least 1, got 0"),
        ({"pulse_probability": 1.5}, "pulse_probability to be a number >= 0 and <= 1, got 1.5"),
        ({"pulse_duration": 2.0}, "at least dt = 10.0 ms, got 2.0"),
        ({"pulse_duration": 2000.0}, "between dt = 10.0 and duration"),
        ({"duration": -5.0}, r"duration to be a number >= 0 \(in ms\), got -5.0"),
    ],
)
def test_impossible_parameters_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        FlipFlop(**options)
