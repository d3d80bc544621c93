from __future__ import annotations

import pytest
import torch

from pyrnn.tasks import PhaseTask, check_task
from pyrnn.tasks.phases import Delay, Fixation, Phase, Response, Stimulus
from tests.tasks.laws import assert_follows


def compare(a, b):
    return torch.sign(a - b)


def task_of_two(**options):
    return (
        Fixation(100, weight=0.5)
        >> Stimulus(200, "a", 0.25, draw={"a": [1.0, 2.0, 3.0]})
        >> Delay((100, 300))
        >> Stimulus(200, "b", draw={"b": (0.0, 4.0)})
        >> Response(100, compare, lambda a: -a)
    ).replace(**options)


def test_phases_show_and_ask_what_they_say():
    task = task_of_two()
    for trial in task.batch(20).unbind():
        a, b = float(trial.info["a"]), float(trial.info["b"])

        def rule(phase, elapsed, a=a, b=b):
            shown = {"stimulus": [a, 0.25], "stimulus 2": [b, 0]}.get(phase, [0, 0])
            if phase == "response":
                return [0, *shown], [(a > b) - (a < b), -a], 1
            return [1, *shown], [0, 0], 0.5 if phase == "fixation" else 0

        assert_follows(trial, 20.0, rule)


def test_a_composed_task_is_a_task():
    check_task(task_of_two())
    fine = task_of_two(dt=10.0, seed=4)
    assert (fine.dt, fine.seed, fine.n_steps) == (10.0, 4, 90)
    assert set(fine.batch(3).info) == {"a", "b", "delay"}


def test_chains_can_be_chained():
    start = Fixation(100) >> Stimulus(100, 1.0)
    whole = start >> (Delay(100) >> Response(100, 1.0))
    assert list(whole.batch(1).epochs) == ["fixation", "stimulus", "delay", "response"]
    again = Phase(100, (2.0,)) >> whole
    assert again.n_steps == 25


def test_noise_is_added_to_its_phase_only():
    task = Stimulus(200, 1.0, noise=0.5) >> Response(200, 1.0)
    inputs = task.batch(200).inputs
    assert abs(inputs[:, :10, 1].std() - 0.5) < 0.03
    assert (inputs[:, 10:, 1] == 0).all()
    assert (inputs[:, :10, 0] == 1).all()


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            lambda: Fixation(100) >> Stimulus(100, 1.0),
            "targets that are scored, got none; end with",
        ),
        (
            lambda: Fixation(100) >> Response(100, "angle"),
            r"some phase draws, \[\], got \['angle'",
        ),
        (lambda: Fixation(100) >> Response(100, lambda q: q), r"got \['q'\]"),
        (lambda: Delay(5) >> Response(100, 1.0), r"expected delay to last 0 or at least dt = 20"),
    ],
)
def test_a_bad_chain_says_so(task, message):
    with pytest.raises(ValueError, match=message):
        task().batch(2)


def test_impossible_chains_are_refused():
    with pytest.raises(TypeError, match="expected phases, got int"):
        PhaseTask([3])
    with pytest.raises(TypeError, match="expected a list of phases, got Fixation"):
        PhaseTask(Fixation(100))
    with pytest.raises(ValueError, match="to be drawn once, got"):
        Stimulus(100, "a", draw={"a": [1.0]}) >> Stimulus(100, "a", draw={"a": [2.0]})
