from __future__ import annotations

import numpy as np
import pytest
import torch

from pyrnn import RNN
from pyrnn.plot import plot_explained_variance, plot_states, plot_trajectories
from pyrnn.projection import Projection


@pytest.fixture
def bumps():
    """Unit i peaks at step 10 * (7 * i mod 10)."""
    peaks = 10 * (7 * np.arange(10) % 10)
    return np.exp(-((np.arange(100)[:, None] - peaks) ** 2) / 50)


def test_units_are_sorted_by_their_peak(bumps):
    shown = plot_states(bumps).images[0].get_array()
    assert shown.shape == (10, 100)
    np.testing.assert_array_equal(shown.argmax(axis=1), np.arange(0, 100, 10))


def test_units_keep_their_order_on_request(bumps):
    shown = plot_states(bumps, sort=False).images[0].get_array()
    np.testing.assert_array_equal(shown.argmax(axis=1), bumps.argmax(axis=0))


def test_trials_are_averaged(bumps):
    later = np.roll(bumps, 30, axis=0)
    shown = (
        plot_states(torch.as_tensor(np.stack([bumps, later])), sort=False).images[0].get_array()
    )
    mean = (bumps + later).T / 2
    low, high = mean.min(1, keepdims=True), mean.max(1, keepdims=True)
    np.testing.assert_allclose(shown, (mean - low) / (high - low), atol=1e-12)


def test_silent_units_are_no_error():
    assert plot_states(np.zeros((20, 3))).images[0].get_array().max() == 0


def test_lines_stand_above_each_other(bumps):
    ax = plot_states(bumps, style="lines", n=5)
    levels = [line.get_ydata().mean() for line in ax.get_lines()]
    assert len(levels) == 5
    assert (np.diff(levels) > 0).all()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "2", "4", "7", "9"]


def test_lines_are_sorted_on_request(bumps):
    """Unit i peaks at 10 * (7 * i mod 10), hence unit 3 second and unit 7 last."""
    ax = plot_states(bumps, style="lines", sort=True)
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert shown == ["0", "3", "6", "9", "2", "5", "8", "1", "4", "7"]


def test_a_heat_map_of_some_units(bumps):
    shown = plot_states(bumps, n=4).images[0].get_array()
    np.testing.assert_array_equal(shown.argmax(axis=1), [0, 30, 60, 90])


def test_trajectories_lie_where_the_projection_puts_them():
    states = np.random.default_rng(0).normal(size=(3, 20, 6))
    projection = Projection.fit(states, n_components=2)
    ax = plot_trajectories(states, projection=projection, path=states[0])
    drawn = np.stack(ax.collections[0].get_segments())
    np.testing.assert_allclose(drawn, projection.transform(states))
    np.testing.assert_allclose(np.column_stack(ax.get_lines()[0].get_data()), drawn[0])
    assert ax.get_xlabel() == projection.labels[0]


@pytest.mark.parametrize(("values", "low"), [([-0.2, 0.5], -0.5), ([0.1, 0.5], 0.1)])
def test_trials_are_colored_by_value(values, low):
    ax = plot_trajectories(torch.randn(2, 20, 6), color=values, color_label="coherence")
    assert len(np.unique(ax.collections[0].get_colors(), axis=0)) == 2
    bar = ax.figure.axes[-1]
    assert bar.get_ylabel() == "coherence"
    assert bar.get_ylim() == pytest.approx((low, 0.5))


def test_explained_variance_adds_up_and_counts_dimensions():
    """Three equal directions of five: three components, participation ratio three."""
    states = np.concatenate([np.eye(5)[:3], -np.eye(5)[:3]])
    ax = plot_explained_variance(states)
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches[:3]], 100 / 3)
    assert ax.get_lines()[0].get_ydata()[-1] == pytest.approx(100)
    assert ax.texts[0].get_text() == "3 PCs for 95%\nPR = 3.0"


@pytest.mark.parametrize("shape", [(3, 20, 1), (20, 1)])
def test_one_unit_is_drawn_along_one_axis(shape):
    states = torch.randn(*shape)
    ax = plot_trajectories(states, path=torch.linspace(-1, 1, 5)[:, None])
    for segment in ax.collections[0].get_segments():
        assert (segment[:, 1] == 0).all()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("PC1 (100%)", "")


def test_single_trial_is_one_line():
    assert len(plot_trajectories(torch.randn(20, 6)).collections[0].get_segments()) == 1


def test_angles_go_round():
    """Just above and just below half a turn look alike, unlike on a scale with two ends."""
    ax = plot_trajectories(torch.randn(3, 20, 6), color=[179.0, -179.0, 0.0], period=360)
    above, below, zero = ax.collections[0].get_colors()[:, :3]
    assert np.abs(above - below).max() < 0.05
    assert np.abs(above - zero).max() > 0.5
    assert [t.get_text() for t in ax.figure.axes[-1].get_yticklabels()] == ["−180", "0", "180"]


def test_states_may_have_a_color_each():
    values = np.arange(60.0).reshape(3, 20)
    lines = plot_trajectories(torch.randn(3, 20, 6), color=values).collections[0]
    assert len(lines.get_segments()) == 3 * 19
    assert len(np.unique(lines.get_colors(), axis=0)) > 40


def test_what_predict_returns_is_accepted(bumps):
    rollout = RNN(2, 6, 1).predict(torch.randn(3, 20, 2))
    for plot in (plot_states, plot_trajectories, plot_explained_variance):
        assert plot(rollout).get_xlabel()


@pytest.mark.parametrize(
    ("plot", "given", "error", "message"),
    [
        (plot_states, torch.randn(5), ValueError, r"got \(5,\)"),
        (plot_trajectories, RNN(2, 6, 1), TypeError, "got RNN; pass states"),
        (plot_explained_variance, RNN(2, 6, 1), TypeError, "got RNN; pass states"),
    ],
)
def test_what_are_no_states_is_refused(plot, given, error, message):
    with pytest.raises(error, match=message):
        plot(given)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"style": "bars"}, ValueError, "one of heat, lines; got 'bars'"),
        ({"style": None}, TypeError, "got None"),
        ({"n": 2.5}, TypeError, "got 2.5"),
    ],
)
def test_options_are_checked(bumps, options, error, message):
    with pytest.raises(error, match=message):
        plot_states(bumps, **options)


def test_colors_that_are_no_numbers_are_refused():
    with pytest.raises(TypeError, match="expected real numbers, got complex128; name whole"):
        plot_trajectories(torch.randn(2, 20, 6), color=np.ones((2, 20), complex))


def test_colors_of_other_trials_are_refused():
    with pytest.raises(ValueError, match=r"each of 3 trials or of 60 states, got shape \(4,\)"):
        plot_trajectories(torch.randn(3, 20, 6), color=np.arange(4.0))


def test_missing_states_are_left_out_of_the_mean_and_leave_others_as_they_are():
    states = np.random.default_rng(0).normal(size=(4, 50, 8))
    states[0, 3, 2] = np.nan
    masked = np.ma.masked_invalid(states)
    for given in (states, masked):
        lines = plot_states(given, style="lines").get_lines()
        assert all(np.isfinite(line.get_ydata()).all() for line in lines)
        assert np.isfinite(np.asarray(plot_states(given).images[0].get_array())).all()
    alone = plot_states(states[0], style="lines").get_lines()
    assert [int(np.isnan(line.get_ydata()).sum()) for line in alone] == [0, 0, 1, 0, 0, 0, 0, 0]


def test_masked_states_are_not_drawn():
    states = np.ones((50, 3)) * np.linspace(0, 1, 50)[:, None]
    states[40:] = 999
    image = plot_states(np.ma.masked_greater(states, 900)).images[0].get_array()
    assert np.isnan(np.asarray(image)[:, 40:]).all()
    assert np.nanmax(np.asarray(image)[:, 39]) == 1


def test_states_without_a_number_are_refused():
    with pytest.raises(ValueError, match="without one finite number; the network may have div"):
        plot_states(np.full((50, 3), np.nan))


def test_a_color_that_is_missing_is_refused():
    with pytest.raises(ValueError, match="expected finite values to color by"):
        plot_trajectories(torch.randn(4, 20, 6), color=[0, float("nan"), 1, 2])


def test_trajectories_take_what_scenes_take():
    trials = [torch.randn(50, 6), torch.randn(30, 6)]
    legend = plot_trajectories(trials, color=["go", "stop"]).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["go", "stop"]
    ax = plot_trajectories(trials, color="time")
    assert [len(lines.get_segments()) for lines in ax.collections] == [49 + 29]
    assert ax.figure.axes[1].get_ylabel() == "time step"


def test_a_trial_that_does_not_move_is_a_dot():
    ax = plot_trajectories(np.ones((4, 1, 6)))
    assert len(ax.collections[1].get_offsets()) == 4
    (line, *_) = plot_states(np.ones((1, 6)), style="lines").get_lines()
    assert line.get_marker() == "o"


@pytest.mark.parametrize("kind", [np.float16, int, np.float32])
def test_variance_of_numbers_of_any_kind(kind):
    states = (10 * np.random.default_rng(0).normal(size=(100, 4))).astype(kind)
    assert "PCs for 95%" in plot_explained_variance(states).texts[0].get_text()


def test_states_that_do_not_vary_have_no_dimension():
    assert plot_explained_variance(np.ones((10, 8))).texts[0].get_text() == "no variance"
