"""The twenty rules, compared with a replay of the published description step by step."""

from __future__ import annotations

import math

import pytest
import torch

from pyrnn.tasks import DelayedResponse, MultiTask, Yang2019
from tests.tasks.laws import assert_follows

ALL = Yang2019().rules
COUNT = 32


def bump(angle, strength=1.0):
    """0.8 exp(-(8 d / pi)^2 / 2) with d around the circle."""
    around = [abs(angle - 2 * math.pi * k / COUNT) for k in range(COUNT)]
    nearest = [min(d, 2 * math.pi - d) for d in around]
    return [strength * 0.8 * math.exp(-0.5 * (8 * d / math.pi) ** 2) for d in nearest]


def shown_strengths(trial, step):
    """Read the strength of a stimulus on each ring off the inputs: that of its bump."""
    rings = trial.inputs[step, 1:65].reshape(2, COUNT).double()
    columns = torch.tensor(
        [bump(float(trial.info[name])) for name in ("angle", "angle 2")]
    ).double()
    return torch.linalg.lstsq(columns.mT, rings.mT).solution.mT  # (ring, stimulus)


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)


@pytest.mark.parametrize("name", ALL)
def test_a_rule_follows_its_description(name):
    task = Yang2019(noise=0.0).tasks[name]
    for trial in task.batch(4).unbind():
        assert_follows(trial, 20.0, law(name, trial))


def law(name, trial):
    """Return what is shown and asked at a step, from what was drawn."""
    first, second = float(trial.info["angle"]), float(trial.info["angle 2"])
    responds, response = bool(trial.info["responds"]), float(trial.info["response"])
    compares = name in ("dmsgo", "dmsnogo", "dmcgo", "dmcnogo")
    reacts = name.startswith("react")
    decides = "dm" in name and not compares
    starts = {phase: float(span[0]) for phase, span in trial.epochs.items()}

    def rule(phase, elapsed):
        now = starts[phase] + elapsed
        fixation = 1 if phase != "response" or compares or reacts else 0
        rings = trial.inputs[round(now / 20), 1:].tolist()  # strengths are compared elsewhere
        if not decides:
            angle = second if compares and phase == "response" else first
            is_on = phase == "stimulus" or (
                phase == "response" and (compares or reacts or name.startswith("fd"))
            )
            ring = bump(angle) if is_on else [0.0] * COUNT
            lit = sum(rings[:COUNT]) >= sum(rings[COUNT:])
            rings = [*ring, *([0.0] * COUNT)] if lit else [*([0.0] * COUNT), *ring]
        elif phase not in ("stimulus", "stimulus 2"):
            rings = [0.0] * (2 * COUNT)
        goes = responds and phase == "response"
        target = [0.05 if goes else 0.8, *(0.05 + goes * v for v in bump(response))]
        weight = (5 if elapsed >= 100 else 0) if phase == "response" else (1 if now >= 100 else 0)
        return [fixation, *rings], target, weight

    return rule


@pytest.mark.parametrize(
    "name", [name for name in ALL if "dm" in name and name[:3] not in ("dms", "dmc")]
)
def test_the_stronger_stimulus_on_the_relevant_ring_is_the_answer(name):
    task = Yang2019(noise=0.0).tasks[name]
    coherences = (0.08, 0.16, 0.32) if "delay" in name else (0.01, 0.02, 0.04, 0.08)
    for trial in task.batch(40).unbind():
        first, second = ("stimulus", "stimulus 2" if "delay" in name else "stimulus")
        steps = [int(trial.epochs[phase][0]) // 20 for phase in (first, second)]
        strength = torch.stack([shown_strengths(trial, s)[:, k] for k, s in enumerate(steps)], 1)
        silent = {"1": 1, "2": 0}.get(name[-1]) if name.startswith(("dm", "delay")) else None
        if silent is not None:
            assert strength[silent].abs().max() < 1e-9
        counts = strength.sum(0) if name.startswith("multi") else strength[int(name[-1]) - 1]
        difference = float(counts[0] - counts[1]) / (4 if name.startswith("multi") else 2)
        assert min(abs(abs(difference) - c) for c in coherences) < 1e-9
        winner = trial.info["angle" if difference > 0 else "angle 2"]
        assert trial.info["response"] == winner
        apart = abs(float(trial.info["angle"] - trial.info["angle 2"]))
        assert math.pi / 2 - 1e-9 <= min(apart, 2 * math.pi - apart)


def test_answers_are_those_of_the_rules():
    for name, task in Yang2019().tasks.items():
        info = task.batch(200).info
        first, second = info["angle"], info["angle 2"]
        response, responds = info["response"], info["responds"]
        if name.endswith("anti"):
            assert torch.allclose((response - first).cos(), -torch.ones(200))
        if name in ("fdgo", "reactgo", "delaygo"):
            assert torch.equal(response, first)
        if not name.startswith(("dms", "dmc")):
            assert responds.all()
            continue
        halves = (first < math.pi) == (second < math.pi)
        match = halves if name.startswith("dmc") else first == second
        assert torch.equal(responds, ~match if name.endswith("nogo") else match)
        assert torch.equal(response, second)
        assert abs(float(responds.double().mean()) - 0.5) < 0.12


DURATIONS = {  # of stimulus, delay, second stimulus and response
    "fdgo": ((500, 1500), 0, 0, [500]),
    "reactanti": (0, 0, 0, [500]),
    "delaygo": ([200, 400, 600], [200, 400, 800, 1600], 0, [500]),
    "contextdm1": ([400, 800, 1600], 0, 0, [500]),
    "multidelaydm": ([200, 400, 600], [200, 400, 800, 1600], [200, 400, 600], [500]),
    "dmsgo": ([200, 400, 600], [200, 400, 800, 1600], 0, [500]),
    "dmcnogo": ([200, 400, 600], [200, 400, 800, 1600], 0, [200, 400, 600]),
}


@pytest.mark.parametrize("name", DURATIONS)
def test_phases_last_as_published(name):
    epochs = Yang2019().tasks[name].batch(300).epochs
    phases = ("stimulus", "delay", "stimulus 2", "response")
    for phase, expected in zip(phases, DURATIONS[name], strict=True):
        durations = (epochs[phase][:, 1] - epochs[phase][:, 0]).unique().tolist()
        if isinstance(expected, tuple):
            assert expected[0] <= min(durations) < max(durations) <= expected[1]
            assert len(durations) > 10
        else:
            assert durations == (expected or [0])


def test_the_response_weighs_five_times_as_much():
    """0 in the first 100 ms and in the grace, 5 afterwards in the response, 1 elsewhere."""
    for task in (Yang2019(), DelayedResponse()):
        assert set(task.batch(20).mask.unique().tolist()) == {0.0, 1.0, 5.0}


def test_noise_is_on_fixation_and_rings():
    task = Yang2019(seed=3)
    loud, quiet = task.batch(40), task.replace(noise=0.0).batch(40)
    noise = loud.inputs - quiet.inputs
    assert abs(float(noise[loud.mask > 0][:, :65].std()) / (0.01 * 10**0.5) - 1) < 0.01
    assert (noise[..., 65:] == 0).all()
    assert torch.equal(loud.targets, quiet.targets)


@pytest.mark.parametrize(("degrees", "right"), [(35, True), (-35, True), (37, False)])
def test_the_tolerance_is_36_degrees(degrees, right):
    task = Yang2019()
    batch = task.batch(300)
    turned = torch.zeros_like(batch.targets)
    turned[..., 0] = batch.targets[..., 0]
    angle = batch.info["response"] + math.radians(degrees)
    k = torch.arange(COUNT) * (2 * math.pi / COUNT)
    turned[..., 1:] = (angle[:, None] - k).cos()[:, None]
    responds = float(batch.info["responds"].double().mean())
    expected = 1.0 if right else 1 - responds
    assert task.accuracy(turned, batch.targets, batch.mask) == pytest.approx(expected)


def test_fixation_must_be_released_and_kept():
    task = Yang2019()
    batch = task.batch(300)
    outputs, responds = batch.targets.clone(), float(batch.info["responds"].double().mean())
    for fixation, expected in ((0.51, 1 - responds), (0.49, responds)):
        outputs[..., 0] = fixation
        assert task.accuracy(outputs, batch.targets, batch.mask) == pytest.approx(expected)


def test_some_rules_have_channels_of_their_own():
    task = Yang2019(rules=("dm1", "contextdm2"), ring_size=8)
    assert task.input_names[-2:] == ("dm1", "contextdm2")
    assert task.input_names[1] == "ring 1 unit 1"
    assert (task.input_size, task.output_size) == (19, 9)
    assert list(task.tasks) == ["dm1", "contextdm2"]
    batch = MultiTask({"alone": task.tasks["dm1"]}).batch(5)  # a rule is a task of its own
    assert batch.inputs.shape[-1] == 18


def test_impossible_parameters_are_refused():
    with pytest.raises(ValueError, match=r"rules to be one of fdgo, .*; got 'dm3'"):
        Yang2019(rules=("dm3",))
    with pytest.raises(ValueError, match=r"rules among fdgo, .* got none"):
        Yang2019(rules=())
    with pytest.raises(ValueError, match=r"grace below 200\.0 ms, got 200\.0"):
        Yang2019(grace=200.0)
    with pytest.raises(ValueError, match="coherences to be a number > 0, got -1"):
        Yang2019(coherences=(0.1, -1))
