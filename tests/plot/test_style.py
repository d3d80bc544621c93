from __future__ import annotations

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text

import pyrnn.plot
from pyrnn.plot import (
    DARK_STYLE_SHEET,
    plot_explained_variance,
    plot_spectrum,
    plot_states,
    plot_trajectories,
    plot_trial,
    plot_weights,
)
from pyrnn.plot.style import styled
from pyrnn.tasks import FlipFlop


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


@pytest.fixture
def states():
    return np.random.default_rng(0).normal(size=(4, 50, 8)).cumsum(axis=1)


def contrast(first, second):
    """Contrast of two colors as the guidelines of the web define it, 1 to 21."""
    channels = [np.array(to_rgb(color)) for color in (first, second)]
    linear = [np.where(c <= 0.04, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in channels]
    light = [float(each @ [0.2126, 0.7152, 0.0722]) for each in linear]
    return (max(light) + 0.05) / (min(light) + 0.05)


def texts(figure):
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


@pytest.mark.parametrize("given", [False, True], ids=["own axes", "given axes"])
@pytest.mark.parametrize("sheet", ["dark_background", DARK_STYLE_SHEET, "default", "ggplot"])
def test_text_can_be_read_on_any_ground(states, sheet, given):
    with plt.style.context(sheet):
        for plot in (plot_trajectories, plot_explained_variance, plot_states, plot_spectrum):
            data = states[0, :8] if plot is plot_spectrum else states
            options = {"color": [0.0, 1.0, 2.0, 3.0]} if plot is plot_trajectories else {}
            ax = plot(data, ax=plt.subplots()[1] if given else None, **options)
            ground = ax.figure.get_facecolor()
            is_dark = sheet in ("dark_background", DARK_STYLE_SHEET)
            assert (contrast(ground, "white") > 10) == is_dark
            for text in texts(ax.figure):
                assert contrast(text.get_color(), ground) > 4, text
            plt.close(ax.figure)


@pytest.mark.parametrize("sheet", ["ggplot", "seaborn-v0_8"])
def test_own_figures_have_neither_the_ground_nor_the_grid_of_a_sheet(states, sheet):
    with plt.style.context(sheet):
        ax = plot_explained_variance(states)
    assert to_hex(ax.get_facecolor()) == "#ffffff"
    assert not any(line.get_visible() for line in ax.get_xgridlines())


@pytest.mark.parametrize("loc", ["left", "center", "right"])
def test_a_title_of_the_user_replaces_ours(states, loc):
    ax = plot_trajectories(states)
    assert ax.get_title(loc="left") == "trajectories"
    ax.set_title("attend motion", loc=loc)
    titles = [ax.get_title(loc=place) for place in ("left", "center", "right")]
    assert [title for title in titles if title] == ["attend motion"]
    plot_trajectories(states, ax=ax)
    assert ax.get_title(loc=loc) == "attend motion"


@pytest.mark.parametrize("plot", [plot_states, plot_trajectories, plot_weights])
def test_layout_of_the_user_is_possible_and_a_second_drawing_reuses_the_color_bar(states, plot):
    data = states[0, :8] if plot is plot_weights else states
    options = {"color": [0.0, 1.0, 2.0, 3.0]} if plot is plot_trajectories else {}
    ax = plot(data, **options)
    width = ax.get_position().width
    plot(data, ax=ax, **options)
    assert len(ax.figure.axes) == 2
    assert abs(ax.get_position().width - width) < 0.01
    plt.tight_layout()


def test_axes_that_are_no_plane_are_refused(states):
    ax = plt.figure().add_subplot(projection="3d")
    with pytest.raises(TypeError, match="expected ax to be axes of a plane, got '3d' axes; draw"):
        plot_states(states, ax=ax)


def test_a_share_is_no_comment_of_tex(states):
    with plt.rc_context({"text.usetex": True}):
        own, given = plot_trajectories(states), plot_trajectories(states, ax=plt.subplots()[1])
    assert not own.xaxis.label.get_usetex()
    assert not given.xaxis.label.get_usetex()
    plt.close("all")  # there is no TeX here to draw the numbers of given axes


def test_a_title_of_the_user_is_not_printed_on_the_legend():
    task = FlipFlop(n_bits=2)
    ax = plot_trial(task, np.zeros((task.n_steps, 2)))
    ax.set_title("a trial in which the memory of the second bit is lost")
    ax.figure.draw_without_rendering()
    title, legend = ax.title.get_window_extent(), ax.get_legend().get_window_extent()
    assert not title.overlaps(legend)
    assert legend.y1 < ax.get_window_extent().y0
    assert not legend.overlaps(ax.xaxis.label.get_window_extent())
