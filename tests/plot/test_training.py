from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import LogNorm

from pyrnn.plot import plot_gradient_norm, plot_learning_rate, plot_loss, plot_loss_surface


def history(**steps):
    return SimpleNamespace(steps=steps, epochs={}, learning_rate=steps.get("learning_rate", []))


def test_loss_is_drawn_step_by_step_on_a_log_scale():
    values = np.geomspace(1, 0.01, 20)
    ax = plot_loss(history(loss=values.tolist(), learning_rate=[0.1] * 20))
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_ydata(), values)
    assert ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("training step", "loss")


def test_terms_are_named_and_the_total_comes_first():
    terms = {"task": [0.8] * 5, "loss": [1.0] * 5, "gradient_norm": [3.0] * 5}
    labels = plot_loss(history(**terms)).get_legend_handles_labels()[1]
    assert labels == ["loss", "task"]


def test_long_noisy_curves_are_smoothed():
    values = 1 + np.random.default_rng(0).random(400)
    faint, bold = plot_loss(values).get_lines()
    assert faint.get_alpha() < 1
    assert np.std(bold.get_ydata()) < 0.5 * np.std(faint.get_ydata())
    assert len(bold.get_ydata()) == 400


def test_validation_is_drawn_where_its_epochs_end():
    data = history(loss=[1.0, 0.9, 0.8, 0.7])
    data.epochs = {"validation_loss": [0.95, 0.75]}
    line = plot_loss(data).get_lines()[-1]
    assert line.get_xdata().tolist() == [2, 4]


def test_losses_below_zero_keep_a_linear_scale():
    assert plot_loss({"loss": [1.0, -1.0]}).get_yscale() == "linear"


def test_empty_history_gives_empty_axes():
    assert plot_loss(history(loss=[])).get_ylabel() == "loss"


def test_learning_rate_starts_at_zero():
    ax = plot_learning_rate(history(loss=[1.0] * 3, learning_rate=[0.1, 0.05, 0.02]))
    assert ax.get_lines()[0].get_ydata().tolist() == [0.1, 0.05, 0.02]
    assert ax.get_ylim()[0] == 0


def test_gradient_norms_are_counted_back_from_the_end():
    ax = plot_gradient_norm({"exploding": 2.0 ** np.arange(6)[::-1], "steady": np.ones(6)})
    first = ax.get_lines()[0]
    assert first.get_xdata().tolist() == [-5, -4, -3, -2, -1, 0]
    assert ax.get_yscale() == "log"
    assert ax.get_legend_handles_labels()[1] == ["exploding", "steady"]


def test_gradient_norms_of_a_training_are_drawn_by_step():
    ax = plot_gradient_norm(history(loss=[1.0, 1.0], gradient_norm=[3.0, 2.0]))
    assert ax.get_lines()[0].get_ydata().tolist() == [3.0, 2.0]
    assert ax.get_xlabel() == "training step"


def test_loss_surface_shows_the_way_from_ring_to_star():
    x, y = np.linspace(-2, 2, 9), np.linspace(-1, 3, 7)
    losses = x[None] ** 2 + (y[:, None] - 1) ** 2 + 0.1
    way = np.array([[-2.0, 3.0], [-1.0, 2.0], [0.0, 1.0]])
    ax = plot_loss_surface(x, y, losses, path=way, points=[[1.0, 2.0]])
    line, ring, star, mark = ax.get_lines()
    np.testing.assert_allclose(np.column_stack(line.get_data()), way)
    assert np.ravel(ring.get_data()).tolist() == [-2, 3]
    assert star.get_marker() == "*"
    assert np.ravel(mark.get_data()).tolist() == [1, 2]
    assert (ax.get_xlim(), ax.get_ylim()) == ((-2, 2), (-1, 3))


def test_loss_surface_may_be_negative():
    assert plot_loss_surface([0, 1], [0, 1], [[-1.0, 0.0], [1.0, 2.0]]).collections


def test_a_term_that_is_zero_keeps_the_logarithmic_scale():
    ax = plot_loss({"loss": [1.0, 0.5, 0.1], "unused penalty": [0.0, 0.0, 0.0]})
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[0] > 1e-3


def test_a_trained_network_stands_for_its_history():
    data = history(loss=[1.0, 0.5], learning_rate=[0.1, 0.1], gradient_norm=[1.0, 2.0])
    data.n_steps = 2
    network = SimpleNamespace(fit=None, history=data)
    for plot in (plot_loss, plot_learning_rate, plot_gradient_norm):
        assert len(plot(network).get_lines()[0].get_ydata()) == 2


def test_a_network_that_was_not_trained_is_told_from_one_that_was():
    with pytest.raises(ValueError, match=r"rnn\.fit"):
        plot_loss(SimpleNamespace(fit=None, history=None))


def test_loss_surface_marks_more_points_than_there_are_colors():
    marks = np.random.default_rng(0).uniform(size=(9, 2))
    ax = plot_loss_surface([0, 1], [0, 1], [[1.0, 2.0], [3.0, 4.0]], points=marks)
    drawn = np.array([np.ravel(line.get_data()) for line in ax.get_lines()])
    np.testing.assert_allclose(drawn, marks)


def test_loss_surface_with_a_zero_stays_logarithmic():
    x = np.linspace(-1, 1, 5)
    ax = plot_loss_surface(x, x, x**2 + x[:, None] ** 2)
    (filled,) = ax.collections
    assert filled.norm.vmin == pytest.approx(0.25)
    assert isinstance(filled.norm, LogNorm)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_flat_loss_surface_is_no_error(value):
    assert plot_loss_surface([0, 1], [0, 1], np.full((2, 2), value)).collections


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"losses": np.ones((3, 2))}, r"\(2, 3\), got \(3, 2\)"),
        ({"path": np.ones((4, 3))}, r"path of shape \(n, 2\), got \(4, 3\)"),
        ({"points": [1.0, 2.0]}, r"points of shape \(n, 2\), got \(2,\)"),
    ],
)
def test_misshapen_loss_surface_is_refused(changes, message):
    given = {"x": [0, 1, 2], "y": [0, 1], "losses": np.ones((2, 3)), **changes}
    with pytest.raises(ValueError, match=message):
        plot_loss_surface(**given)
