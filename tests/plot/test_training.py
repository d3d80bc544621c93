from __future__ import annotations

import numpy as np
import pytest
import torch

from pyrnn import RNN
from pyrnn.plot import plot_history, plot_loss
from pyrnn.training import History


def trained(history: History) -> RNN:
    rnn = RNN(1, 2, 1)
    rnn.history = history
    return rnn


def test_loss_is_drawn_step_by_step_on_a_log_scale():
    values = np.geomspace(1, 0.01, 20)
    ax = plot_loss(History({"loss": values.tolist(), "learning_rate": [0.1] * 20}))
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_ydata(), values)
    assert ax.get_yscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("training step", "loss")


def test_terms_are_named_and_the_total_comes_first():
    terms = {"task": [0.8] * 5, "loss": [1.0] * 5, "gradient_norm": [3.0] * 5}
    labels = plot_loss(History(terms)).get_legend_handles_labels()[1]
    assert labels == ["loss", "task"]


def test_long_noisy_curves_are_smoothed():
    values = 1 + np.random.default_rng(0).random(400)
    faint, bold = plot_loss(values).get_lines()
    assert faint.get_alpha() < 1
    assert np.std(bold.get_ydata()) < 0.5 * np.std(faint.get_ydata())
    assert len(bold.get_ydata()) == 400


def test_validation_is_drawn_where_its_epochs_end():
    data = History({"loss": [1.0, 0.9, 0.8, 0.7]}, {"validation_loss": [0.95, 0.75]})
    line = plot_loss(data).get_lines()[-1]
    assert line.get_xdata().tolist() == [2, 4]


def test_losses_below_zero_keep_a_linear_scale():
    assert plot_loss({"loss": [1.0, -1.0]}).get_yscale() == "linear"


def test_empty_history_gives_empty_axes():
    assert plot_loss(History()).get_ylabel() == "loss"


def test_a_term_that_is_zero_keeps_the_logarithmic_scale():
    ax = plot_loss({"loss": [1.0, 0.5, 0.1], "unused penalty": [0.0, 0.0, 0.0]})
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[0] > 1e-3


def test_learning_rate_starts_at_zero():
    rates = {"loss": [1.0] * 3, "learning_rate": [0.1, 0.05, 0.02]}
    ax = plot_history(History(rates), "learning_rate")
    assert ax.get_lines()[0].get_ydata().tolist() == [0.1, 0.05, 0.02]
    assert ax.get_ylim()[0] == 0
    assert ax.get_yscale() == "linear"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("training step", "learning rate")


def test_gradient_norms_are_logarithmic_unless_told_otherwise():
    history = History({"loss": [1.0, 1.0], "gradient_norm": [3.0, 2.0]})
    ax = plot_history(history, "gradient_norm")
    assert ax.get_lines()[0].get_ydata().tolist() == [3.0, 2.0]
    assert ax.get_yscale() == "log"
    assert plot_history(history, "gradient_norm", log=False).get_yscale() == "linear"


def test_numbers_of_epochs_are_drawn_by_epoch():
    history = History({"loss": [1.0] * 4}, {"accuracy": [0.5, 0.75]})
    ax = plot_history(history, "accuracy")
    assert ax.get_lines()[0].get_xdata().tolist() == [1, 2]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "accuracy")


def test_unknown_numbers_are_refused_with_those_that_are_known():
    history = History({"loss": [1.0]}, {"accuracy": [0.5]})
    with pytest.raises(ValueError, match="one of loss, accuracy; got 'r2'"):
        plot_history(history, "r2")


def test_a_trained_network_stands_for_its_history():
    rnn = trained(History({"loss": [1.0, 0.5], "learning_rate": [0.1, 0.1]}))
    assert plot_loss(rnn).get_lines()[0].get_ydata().tolist() == [1.0, 0.5]
    assert plot_history(rnn, "learning_rate").get_lines()[0].get_ydata().tolist() == [0.1, 0.1]


@pytest.mark.parametrize("history", [None, History()])
def test_a_network_that_was_not_trained_is_told_from_one_that_was(history):
    with pytest.raises(ValueError, match=r"rnn\.fit"):
        plot_loss(trained(history))


@pytest.mark.parametrize("draw", [plot_loss, lambda source: plot_history(source, "loss")])
def test_other_things_are_refused(draw):
    with pytest.raises(TypeError, match=r"got GRU; pass what rnn\.fit"):
        draw(torch.nn.GRU(1, 2))
