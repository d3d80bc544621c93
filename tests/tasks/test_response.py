from __future__ import annotations

import math

import pytest
import torch

from pyrnn.tasks import DelayedResponse
from tests.tasks.laws import assert_follows


@pytest.mark.parametrize("ring_size", [0, 32])
def test_delayed_response_follows_its_law(ring_size):
    task = DelayedResponse(noise=0.0, ring_size=ring_size)
    for trial in task.batch(20).unbind():
        angle, rule_sign = float(trial.info["angle"]), float(trial.info["rule"])

        def rule(phase, elapsed, angle=angle, sign=rule_sign):
            code = [math.cos(angle), math.sin(angle)] if not ring_size else bump(angle, ring_size)
            shown = code if phase == "stimulus" else [0] * len(code)
            if phase != "go":
                return [1, *shown, sign], [1, 0, 0], 1
            aim = angle if sign > 0 else angle + math.pi
            weight = 5 if elapsed >= 100 else 0
            return [0, *shown, sign], [0, math.cos(aim), math.sin(aim)], weight

        assert_follows(trial, 20.0, rule)


def bump(angle, n):
    """Yang et al.'s tuning: 0.8 exp(-(8 d / pi)^2 / 2) with d around the circle."""
    values = []
    for k in range(n):
        d = abs(angle - 2 * math.pi * k / n)
        d = min(d, 2 * math.pi - d)
        values.append(0.8 * math.exp(-0.5 * (8 * d / math.pi) ** 2))
    return values


def test_rules_and_delays_are_those_asked_for():
    assert (DelayedResponse(rules=("anti",)).batch(20).info["rule"] == -1).all()
    info = DelayedResponse().batch(500).info
    assert set(info["delay"].tolist()) == {200.0, 400.0, 800.0, 1600.0}
    assert set(info["rule"].tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize(("degrees", "correct"), [(35, 1.0), (-35, 1.0), (37, 0.0), (180, 0.0)])
def test_the_tolerance_is_36_degrees(degrees, correct):
    task = DelayedResponse()
    _, targets, mask = task.batch(20)
    angle = torch.atan2(targets[..., 2], targets[..., 1]) + math.radians(degrees)
    outputs = torch.stack([targets[..., 0], angle.cos(), angle.sin()], dim=-1)
    assert task.accuracy(outputs, targets, mask) == correct


def test_an_answer_without_releasing_fixation_is_wrong():
    task = DelayedResponse()
    _, targets, mask = task.batch(20)
    outputs = targets.clone()
    outputs[..., 0] = 1
    assert task.accuracy(outputs, targets, mask) == 0


def test_channels_are_named():
    assert DelayedResponse().input_names == ("fixation", "cos", "sin", "rule")
    assert len(DelayedResponse(ring_size=32).input_names) == 34


def test_impossible_parameters_are_refused():
    with pytest.raises(ValueError, match="rules to be one of pro, anti; got 'sideways'"):
        DelayedResponse(rules=("sideways",))
    with pytest.raises(ValueError, match="rules to hold pro, anti or both, got none"):
        DelayedResponse(rules=())
    with pytest.raises(ValueError, match=r"grace shorter than go = 500\.0 ms, got 500\.0"):
        DelayedResponse(grace=500.0)


def test_what_differs_from_the_reference_is_said():
    text = " ".join(DelayedResponse.__doc__.split())
    for difference in (
        "on two rings",
        "each rule has an input channel",
        "counts twice in the loss",
    ):
        assert difference in text
