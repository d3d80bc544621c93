from __future__ import annotations

import itertools

import pytest
import torch

from pyrnn import CTRNN, LSTM
from pyrnn.plot import plot_summary
from pyrnn.tasks import FlipFlop

PANELS = ["weights", "spectrum at the mean state", "trajectories", "dimensionality", "activity"]


def titles(figure):
    return [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]


def assert_facts_are_named(ax):
    """Each fact has its name on a line of its own, inside of the frame."""
    places = {text.get_text(): text.get_position() for text in ax.texts}
    for name, value in (("network", "CTRNN"), ("task", "FlipFlop")):
        assert places[name][0] < places[value][0]
        assert places[name][1] == places[value][1]
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    frame = ax.get_window_extent()
    assert all(frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)


def test_trained_network_fills_the_page():
    task = FlipFlop(n_bits=2, n_trials=8, duration=200.0)
    rnn = CTRNN(2, 8, 2, dale_ratio=0.75)
    rnn.fit(task, epochs=1, batch_size=4, progress=False)
    figure = plot_summary(rnn, task, n_trials=4)
    assert titles(figure)[:3] == ["trial", "summary", "training loss"]
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert {"CTRNN", "FlipFlop", "6 E, 2 I"} <= set(words)
    assert all(ax.has_data() or ax.texts for ax in figure.axes)
    figure.draw_without_rendering()
    assert_facts_are_named(figure.axes[1])


@pytest.mark.parametrize("network", [CTRNN(2, 8, 2), LSTM(2, 8, 2)])
def test_untrained_networks_of_any_kind_are_summarized(network):
    figure = plot_summary(network, FlipFlop(n_bits=2, duration=200.0), n_trials=4)
    words = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert "not trained" in words
    assert titles(figure) == ["trial", "summary", *PANELS]


@pytest.mark.parametrize(
    ("network", "task"), [(torch.nn.GRU(2, 8), FlipFlop(n_bits=2)), (CTRNN(2, 8, 2), None)]
)
def test_other_things_are_refused(network, task):
    with pytest.raises(TypeError, match=f"got {type(network).__name__} and.*from_torch"):
        plot_summary(network, task)


def test_network_of_another_task_is_refused():
    with pytest.raises(ValueError, match=r"expected a network with \(3, 3\).*got \(2, 2\)"):
        plot_summary(CTRNN(2, 8, 2), FlipFlop(n_bits=3))
