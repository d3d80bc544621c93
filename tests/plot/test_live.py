from __future__ import annotations

import sys
import types

import matplotlib.pyplot as plt
import pytest

from pyrnn import RNN
from pyrnn.plot import live_plot
from pyrnn.tasks import FlipFlop

TASK = FlipFlop(n_bits=1, n_trials=8, duration=100.0)


def test_one_figure_shows_the_loss_up_to_the_latest_drawing():
    RNN(1, 4, 1).fit(TASK, epochs=5, batch_size=4, callbacks=live_plot(every=2), progress=False)
    (number,) = plt.get_fignums()
    (line,) = plt.figure(number).axes[0].lines
    assert len(line.get_ydata()) == 8  # four epochs of two steps


def test_a_notebook_replaces_the_picture_in_place(monkeypatch):
    shown = []
    display = types.ModuleType("IPython.display")
    display.clear_output = lambda wait: shown.append("clear")
    display.display = shown.append
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(plt, "get_backend", lambda: "module://matplotlib_inline")
    RNN(1, 4, 1).fit(TASK, epochs=2, callbacks=live_plot(), progress=False)
    assert shown[::2] == ["clear", "clear"]
    assert shown[1] is shown[3] is plt.gcf()


@pytest.mark.parametrize(("every", "error"), [(0, ValueError), (1.5, TypeError)])
def test_epochs_are_counted_in_whole_numbers(every, error):
    with pytest.raises(error, match="every"):
        live_plot(every)
