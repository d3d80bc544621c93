from __future__ import annotations

import pytest
import torch

from pyrnn.tasks import ContextIntegration, MultisensoryIntegration, PerceptualDecision
from tests.tasks.laws import assert_follows


def test_perceptual_decision_follows_its_law():
    task = PerceptualDecision(noise=0.0, dt=50.0, stimulus=(500.0, 1000.0))
    for trial in task.batch(20).unbind():
        coherence, right = float(trial.info["coherence"]), trial.info["choice"] > 0

        def rule(phase, elapsed, c=coherence, right=right):
            if phase == "decision":
                return [0, 0, 0], 2 if right else 1, 5
            shown = [0.5 - c / 200, 0.5 + c / 200] if phase == "stimulus" else [0, 0]
            return [1, *shown], 0, 1

        assert_follows(trial, 50.0, rule)


def test_evidence_is_the_cosine_of_the_angle_between_channel_and_motion():
    """The formula of the reference, with the channels at 0 (left) and pi (right)."""
    trial = PerceptualDecision(coherences=(51.2,), noise=0.0).batch(10)
    for inputs, choice in zip(trial.inputs, trial.info["choice"], strict=True):
        truth = torch.pi if choice > 0 else 0.0
        expected = 0.5 + torch.cos(torch.tensor([0.0, torch.pi]) - truth) * 51.2 / 200
        assert torch.allclose(inputs[5, 1:], expected)


def test_evidence_noise_is_that_of_the_reference():
    loud = PerceptualDecision(coherences=(0.0,)).batch(500)
    assert abs(loud.inputs[:, 1:21, 1:].std() - 1 / 100**0.5) < 0.002


@pytest.mark.parametrize("dt", [10.0, 20.0, 50.0, 100.0])
def test_evidence_integrates_to_the_same_at_any_step(dt):
    """Over 2 s the channels differ by 2 s c / 100, with a deviation of sqrt(2 * 2000 ms)."""
    batch = PerceptualDecision(coherences=(12.8,), dt=dt).batch(2000)
    difference = (batch.inputs[..., 2] - batch.inputs[..., 1]).sum(1) * dt * batch.info["choice"]
    assert float(difference.mean()) == pytest.approx(256, abs=4 * 63.25 / 2000**0.5)
    assert float(difference.std()) == pytest.approx(63.25, rel=0.06)


def test_choice_is_read_at_the_last_step_only():
    task = PerceptualDecision(coherences=(51.2,))
    _, targets, mask = task.batch(30)
    outputs = torch.nn.functional.one_hot(targets, 3).double()
    outputs[:, :-1] = torch.randn(30, 21, 3)
    assert task.accuracy(outputs, targets, mask) == 1
    outputs[:, -1] = torch.tensor([1.0, 0.0, 0.0])  # still fixating is wrong
    assert task.accuracy(outputs, targets, mask) == 0


def test_context_integration_follows_its_law():
    task = ContextIntegration(noise=0.0)
    for trial in task.batch(20).unbind():
        streams = [float(trial.info["motion"]), float(trial.info["color"])]
        context = int(trial.info["context"])

        def rule(phase, elapsed, streams=streams, context=context):
            sensory = streams if phase == "stimulus" else [0, 0]
            cue = [0.0, 0.0]
            if phase != "fixation":
                cue[context] = 0.1
            decide = phase == "decision"
            answer = (1 if streams[context] > 0 else -1) if decide else 0
            return [*sensory, *cue], [answer], float(decide)

        assert_follows(trial, 20.0, rule)


def test_contexts_and_coherences_are_balanced_and_independent():
    info = ContextIntegration().batch(3000).info
    assert set(info["motion"].abs().unique().tolist()) == {0.1, 0.2, 0.4}
    columns = torch.stack([info["motion"], info["color"], info["context"].double()])
    assert (torch.corrcoef(columns) - torch.eye(3)).abs().max() < 0.06
    assert abs(info["context"].double().mean() - 0.5) < 0.04


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_multisensory_integration_follows_its_law(noise):
    task = MultisensoryIntegration(noise=noise)
    for trial in task.batch(30).unbind():
        c, modality = float(trial.info["coherence"]), int(trial.info["modality"])
        takes_part = [modality in (0, 2), modality in (1, 2)]
        for k in (0, 1):
            if noise and takes_part[k]:
                assert 0.2 < (trial.inputs[5:55, k] - c).std() < 0.8
                trial.inputs[5:55, k] = c

        def rule(phase, elapsed, c=c, takes_part=takes_part):
            shown = [c if part and phase == "stimulus" else 0 for part in takes_part]
            decide = phase == "decision"
            return shown, [((c > 0) - (c < 0)) if decide else 0], float(decide)

        assert_follows(trial, 20.0, rule)


@pytest.mark.parametrize("make", [ContextIntegration, MultisensoryIntegration])
def test_coherences_without_a_right_answer_are_refused(make):
    for coherences in ((0.0, 0.1), (-0.1,)):
        with pytest.raises(ValueError, match="each of coherences to be a number > 0, got"):
            make(coherences=coherences)
    with pytest.raises(ValueError, match="a list of one or more numbers, got 0 of them"):
        make(coherences=())


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (PerceptualDecision, {"stimulus": 40.0}, "stimulus to last 0 or at least dt = 100.0 ms"),
        (
            PerceptualDecision,
            {"decision": 0.0},
            "decision to last at least dt = 100.0 ms, got 0.0",
        ),
        (PerceptualDecision, {"fixation": (300.0, 100.0)}, r"range \(low, high\)"),
        (ContextIntegration, {"decision": 5.0}, "decision to last 0 or at least dt = 20.0 ms"),
        (ContextIntegration, {"delay": -20.0}, r"delay to be a number >= 0 \(in ms\), got -20.0"),
        (MultisensoryIntegration, {"fixation": []}, "fixation to list some values, got none"),
    ],
)
def test_impossible_timings_are_refused_when_the_task_is_made(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
