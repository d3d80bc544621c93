from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
from rich.console import Console

from pyrnn.tasks import DelayedResponse, FlipFlop, PerceptualDecision


def test_the_table_tells_what_a_task_is():
    console = Console(width=100)
    with console.capture() as shown:
        console.print(PerceptualDecision().describe())
    text = shown.get()
    for fact in (
        "PerceptualDecision",
        "fixation, left, right",
        "22 steps of 100 ms = 2200 ms",
        "fixation → stimulus → decision",
        "coherence, choice",
        "cross_entropy",
        "accuracy (max)",
        "decision_weight",
        "Tell from noisy evidence",
    ):
        assert fact in text


def test_many_channels_are_abridged():
    console = Console(width=100)
    with console.capture() as shown:
        console.print(DelayedResponse(ring_size=32).describe())
    assert "34: fixation, ring 0, ring 1, …, ring 30, ring 31, rule" in shown.get()


@pytest.mark.parametrize("task", [FlipFlop(), PerceptualDecision(), DelayedResponse()])
def test_a_trial_is_drawn_with_its_channels_named(task):
    ax = task.plot_trial(2)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[: task.input_size] == list(task.input_names)
    plt.close(ax.figure)


def test_outputs_are_drawn_into_given_axes():
    task = FlipFlop()
    _, axes = plt.subplots()
    assert task.plot_trial(0, task[0].targets, ax=axes) is axes
    plt.close(axes.figure)
