"""The loss is redrawn while a network trains."""

from __future__ import annotations

import sys
import types

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from pyrnn import RNN
from pyrnn.plot import live_plot
from pyrnn.tasks import FlipFlop

TASK = FlipFlop(n_bits=1, n_trials=8, duration=100.0)


def test_live_plot_in_a_window() -> None:
    with mpl.rc_context({"backend": "agg"}):
        RNN(1, 4, 1).fit(TASK, epochs=4, callbacks=live_plot(every=2), progress=False)
        (number,) = plt.get_fignums()
        assert plt.figure(number).axes[0].lines
        plt.close("all")


def test_live_plot_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    display = types.ModuleType("IPython.display")
    display.clear_output = lambda wait: shown.append("clear")  # type: ignore[attr-defined]
    display.display = shown.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    with mpl.rc_context({"backend": "agg"}):
        monkeypatch.setattr(plt, "get_backend", lambda: "module://matplotlib_inline")
        RNN(1, 4, 1).fit(TASK, epochs=2, callbacks=live_plot(), progress=False)
        assert shown[::2] == ["clear", "clear"]
        plt.close("all")


@pytest.mark.parametrize(("every", "error"), [(0, ValueError), (1.5, TypeError)])
def test_refused_intervals(every: object, error: type) -> None:
    with pytest.raises(error, match="every to be a whole number of at least 1"):
        live_plot(every)
