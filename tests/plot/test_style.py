from __future__ import annotations

import inspect

import matplotlib.pyplot as plt
import pytest

import pyrnn.plot
from pyrnn.plot.style import styled


@pytest.mark.parametrize("name", [n for n in pyrnn.plot.__all__ if n.startswith("plot_")])
def test_every_plot_takes_axes(name):
    parameters = inspect.signature(getattr(pyrnn.plot, name)).parameters
    if name != "plot_summary":
        assert parameters["ax"].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters["ax"].default is None


def test_given_axes_are_used_and_no_figure_is_made():
    _, ax = plt.subplots()
    before = plt.get_fignums()
    assert pyrnn.plot.plot_loss([1.0, 0.5], ax=ax) is ax
    assert plt.get_fignums() == before


def test_settings_stay_as_they_were():
    before = dict(plt.rcParams)
    pyrnn.plot.plot_loss([1.0, 0.5])
    assert dict(plt.rcParams) == before


def test_interactive_mode_stays_on_when_the_first_figure_turns_it_on():
    """A notebook's backend is loaded by its first figure; without it, later ones aren't shown."""
    styled(plt.ion)()
    try:
        assert plt.isinteractive()
    finally:
        plt.ioff()


def test_own_title_is_kept():
    _, ax = plt.subplots()
    ax.set_title("mine", loc="left")
    assert pyrnn.plot.plot_loss([1.0], ax=ax).get_title(loc="left") == "mine"


def test_text_in_given_axes_is_as_large_as_their_labels():
    with plt.style.context([pyrnn.plot.STYLE_SHEET, {"font.size": 18}]):
        _, ax = plt.subplots()
    pyrnn.plot.plot_loss({"loss": [1.0, 0.5], "task": [0.9, 0.4]}, ax=ax)
    assert ax.get_legend().get_texts()[0].get_size() == pytest.approx(0.833 * 18)
