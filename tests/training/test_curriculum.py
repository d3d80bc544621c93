"""A curriculum changes the task's parameters, by step count or by how good the network is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from pyrnn import RNN
from pyrnn.tasks import FlipFlop, HeadingIntegrator
from pyrnn.training import Curriculum, Training, early_stopping


def lengths(rnn: RNN) -> list[int]:
    """Return the length of every sequence that the network is given, as it happens."""
    found: list[int] = []
    rnn.register_forward_pre_hook(lambda module, args: found.append(args[0].shape[1]))
    return found


def test_stages_by_steps_begin_within_an_epoch() -> None:
    rnn = RNN(1, 4, 1)
    seen = lengths(rnn)
    curriculum = Curriculum(steps=[3, 5], duration=[100.0, 200.0, 300.0])
    task = FlipFlop(n_bits=1, n_trials=40)
    rnn.fit(task, epochs=2, batch_size=10, curriculum=curriculum, progress=False)
    assert seen == [10, 10, 10, 20, 20, 30, 30, 30]


def test_stages_by_metric_begin_with_an_epoch() -> None:
    seen_stages = []

    def note(training: Training) -> None:
        seen_stages.append(training.stage)

    rnn = RNN(1, 4, 1)
    seen = lengths(rnn)
    curriculum = Curriculum(metric=0.0, duration=[100.0, 200.0, 300.0])
    task = FlipFlop(n_bits=1, n_trials=20)
    rnn.fit(
        task, epochs=4, batch_size=10, curriculum=curriculum, callbacks=note, progress=False
    )  # an accuracy of 0 is always reached
    assert seen == [10, 10, 20, 20, 30, 30, 30, 30]
    assert seen_stages == [1, 2, 2, 2]


def test_a_metric_to_minimize() -> None:
    curriculum = Curriculum(metric=10.0, goal="min", noise=[0.0, 0.1])
    assert curriculum.stage(0, 100, 11.0) == 0
    assert curriculum.stage(0, 100, 9.0) == 1
    assert curriculum.stage(1, 100, 9.0) == 1
    assert curriculum.stage(0, 100, None) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"duration": [1.0]}, r"either steps=\[...\] or metric=..., got both or neither"),
        ({"steps": [1], "metric": 1.0, "dt": [1, 2]}, "got both or neither"),
        ({"steps": [1], "dt": [1, 2, 3]}, r"2 increasing steps for 3 stages, got \[1\]"),
        ({"steps": [5, 2], "dt": [1, 2, 3]}, r"2 increasing steps for 3 stages, got \[5, 2\]"),
        ({"steps": [1], "dt": [1, 2], "noise": [0]}, "same number of stages.*'noise': 1"),
        ({"metric": 1.0, "goal": "best", "dt": [1]}, "goal to be one of max, min; got 'best'"),
        ({"steps": []}, "at least one parameter"),
    ],
)
def test_refused_curricula(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Curriculum(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": "1", "dt": [1, 2]}, "steps to be a list of values, got '1'"),
        ({"steps": [1.5], "dt": [1, 2]}, "every step in steps to be a whole number"),
        ({"metric": "high", "dt": [1, 2]}, "metric to be a number, got 'high'"),
        ({"metric": 1.0, "dt": 3.0}, "dt to be a list of values, got 3.0"),
    ],
)
def test_curricula_of_the_wrong_kind(options: dict, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Curriculum(**options)


def test_stages_may_be_arrays() -> None:
    curriculum = Curriculum(steps=np.array([3]), duration=np.array([100.0, 200.0]))
    assert curriculum.parameters(1) == {"duration": 200.0}
    assert [curriculum.stage(0, step, None) for step in (2, 3)] == [0, 1]


def test_a_parameter_that_the_task_does_not_have() -> None:
    curriculum = Curriculum(steps=[1], color=["red", "blue"])
    with pytest.raises(TypeError, match="color"):
        RNN(1, 4, 1).fit(FlipFlop(n_bits=1), curriculum=curriculum, progress=False)


def test_a_dataset_without_parameters() -> None:
    data = TensorDataset(torch.zeros(4, 5, 1), torch.zeros(4, 5, 1))
    with pytest.raises(TypeError, match="expected a Task for a curriculum, got TensorDataset"):
        RNN(1, 4, 1).fit(data, curriculum=Curriculum(steps=[1], n=[1, 2]), progress=False)


def test_a_metric_that_the_dataset_does_not_have() -> None:
    class Plain(TensorDataset):
        def replace(self, n: int) -> Plain:
            return self

    data = Plain(torch.zeros(4, 5, 1), torch.zeros(4, 5, 1))
    with pytest.raises(TypeError, match="metric"):
        RNN(1, 4, 1).fit(data, curriculum=Curriculum(metric=1.0, n=[1, 2]), progress=False)


@pytest.mark.slow
def test_a_ring_integrator_is_learned_in_three_lines() -> None:
    """Eight seeds, and some without a curriculum, are in benchmarks/curriculum.py."""
    torch.set_default_dtype(torch.float32)
    task = HeadingIntegrator(seed=0)
    rnn = RNN(3, 100, 2, dt=20.0, seed=0)
    history = rnn.fit(
        task,
        epochs=125,
        lr=3e-3,
        scheduler="cosine",
        clip_norm=1.0,
        curriculum=Curriculum(steps=[200, 500, 900], duration=[300.0, 500.0, 1000.0, 2000.0]),
        validation=task.replace(seed=1000, n_trials=256, online=False),
        callbacks=early_stopping("validation_angle error (deg)", below=8.0),
        seed=0,
        progress=False,
    )
    assert history.epochs["validation_angle error (deg)"][-1] < 8.0
    assert history.n_steps < 1300
