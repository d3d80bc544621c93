from __future__ import annotations

import math

import pytest
import torch

from pyrnn.tasks import HeadingIntegrator, WhiteNoiseIntegrator


@pytest.mark.parametrize("dt", [10.0, 20.0, 50.0])
def test_heading_is_the_integral_of_velocity(dt):
    task = HeadingIntegrator(dt=dt, duration=1000.0)
    for inputs, targets, mask in task.batch(10).unbind():
        angle = math.atan2(inputs[0, 2], inputs[0, 1])
        for step, (velocity, cos, sin) in enumerate(inputs.tolist()):
            is_cue = step * dt < 100
            assert (velocity == 0 and cos**2 + sin**2 > 0.99) if is_cue else cos == sin == 0
            angle += velocity * 15.0 * dt / 1000
            assert abs(targets[step, 0] - math.cos(angle)) < 1e-9
            assert abs(targets[step, 1] - math.sin(angle)) < 1e-9
            assert mask[step] == (not is_cue)


def test_heading_at_a_time_does_not_depend_on_dt():
    coarse = HeadingIntegrator(dt=20.0).batch(20).targets
    fine = HeadingIntegrator(dt=5.0).batch(20).targets
    assert torch.allclose(coarse, fine[:, 3::4])


def test_velocity_stays_in_its_range_and_fills_it():
    velocity = HeadingIntegrator().batch(200).inputs[:, 5:, 0]
    assert velocity.abs().max() <= 1 + 1e-12
    assert abs(velocity.square().mean() - 1 / 3) < 0.01


def test_heading_error_is_in_degrees():
    task = HeadingIntegrator()
    _, targets, mask = task.batch(20)
    angle = torch.atan2(targets[..., 1], targets[..., 0]) + math.radians(12)
    turned = 3 * torch.stack([angle.cos(), angle.sin()], dim=-1)
    assert task.metric(turned, targets, mask) == pytest.approx(12)
    assert task.accuracy(turned, targets, mask) == 0


def test_white_noise_is_summed():
    """At 40 ms, the plain cumulative sum of the reference."""
    inputs, targets, mask = WhiteNoiseIntegrator().batch(20)
    total = torch.zeros(20, 1)
    for t in range(25):
        total = total + inputs[:, t]
        assert torch.allclose(targets[:, t], total)
    assert (mask == 1).all()


@pytest.mark.parametrize("dt", [10.0, 40.0])
def test_white_noise_has_the_spread_of_the_reference_at_any_dt(dt):
    batch = WhiteNoiseIntegrator(dt=dt).batch(4000)
    bias, noise = 0.01 * 2 * 25, 0.025 / 0.04**0.5 * 25**0.5
    assert abs(batch.targets[:, -1].mean() + bias / 2) < 0.06  # some standard errors
    assert abs(batch.targets[:, -1].std() / math.hypot(bias, noise) - 1) < 0.05
    half = batch.targets[:, batch.targets.shape[1] // 2 - 1] - batch.targets[:, -1]
    assert half.std() > 0.4 * noise


def test_white_noise_accuracy_is_explained_variance():
    task = WhiteNoiseIntegrator()
    _, targets, mask = task.batch(2000)
    noisy = targets + 0.5 * targets.std() * torch.randn_like(targets)
    assert abs(task.metric(noisy, targets, mask) - 0.75) < 0.02


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (HeadingIntegrator, {"cue": 2000.0}, "a cue between dt = 20.0 and duration"),
        (HeadingIntegrator, {"cue": 5.0}, "at least dt = 20.0 ms, got 5.0"),
        (HeadingIntegrator, {"hold": 0.0}, "hold to be a number > 0, got 0.0"),
        (
            WhiteNoiseIntegrator,
            {"duration": 0.0},
            "duration to last at least dt = 40.0 ms, got 0.0",
        ),
    ],
)
def test_impossible_parameters_are_refused(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize("dt", [20.0, 40.0])
def test_the_bias_of_white_noise_has_the_mean_that_is_said(dt):
    """b = 2 beta (N(0, 1) - 1/2): mean -beta, standard deviation 2 beta."""
    n, batch = 20000, WhiteNoiseIntegrator(dt=dt).batch(20000)
    bias = batch.info["bias"]
    assert float(bias.mean()) == pytest.approx(-0.01, abs=4 * 0.02 / n**0.5)
    assert float(bias.std()) == pytest.approx(0.02, rel=0.03)
    ends = batch.targets[:, -1, 0]  # after 25 units of time
    assert float(ends.mean()) == pytest.approx(-0.25, abs=4 * float(ends.std()) / n**0.5)
