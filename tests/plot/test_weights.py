from __future__ import annotations

import numpy as np
import pytest
import torch

from pyrnn import CTRNN, RNN
from pyrnn.connectivity import MultiRegion, Region
from pyrnn.plot import plot_time_constants, plot_weights


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_excitatory_units_come_first_on_both_sides():
    """Unit 1 is the inhibitory one: its column, all negative, is drawn last."""
    weight = torch.tensor([[1.0, -2.0, 3.0], [4.0, -5.0, 6.0], [7.0, -8.0, 9.0]])
    ax = plot_weights(weight, signs=[1, -1, 1])
    shown = ax.images[0].get_array()
    np.testing.assert_array_equal(shown[:, 2], [-2, -8, -5])
    np.testing.assert_array_equal(shown[2], [4, 6, -5])
    assert ticks(ax.xaxis) == ticks(ax.yaxis) == ["E", "I"]


def test_colors_are_symmetric_about_zero():
    low, high = plot_weights(np.array([[0.5, -2.0], [0.1, 0.0]])).images[0].get_clim()
    assert low == -high
    assert 1.9 < high <= 2.0


def test_input_weights_keep_their_channels_and_sort_their_units():
    layer = torch.nn.Linear(2, 3)
    ax = plot_weights(layer, signs=[-1, 1, 1])
    np.testing.assert_array_equal(ax.images[0].get_array()[2], layer.weight[0].detach())
    assert ax.get_xlabel() == "from channel"
    assert ticks(ax.yaxis) == ["E", "I"]


def test_regions_have_borders_and_names():
    brain = MultiRegion(Region("cortex", 3), Region("thalamus", 2)).build(1, 1)
    for given in ({"cortex": slice(0, 3), "thalamus": slice(3, 5)}, brain):
        ax = plot_weights(torch.randn(5, 5), regions=given)
        assert ticks(ax.xaxis) == ["cortex", "thalamus"]
        assert [line.get_xdata()[0] for line in ax.get_lines()[:1]] == [2.5]


def test_zero_weights_are_no_error():
    assert plot_weights(np.zeros((3, 3))).images[0].get_clim() == (-1, 1)


def test_time_constants_before_and_after_share_their_bins():
    ax = plot_time_constants(torch.tensor([50.0, 60.0, 130.0]), initial=torch.full((3,), 100.0))
    counts = [patch.get_height() for patch in ax.patches]
    assert sum(counts) == 6
    labels = ax.get_legend_handles_labels()[1]
    assert "median 60 ms" in labels
    assert {"initial", "trained"} <= set(labels)


@pytest.mark.parametrize("tau", [torch.tensor([np.inf, 10.0]), [10.0]])
def test_endless_time_constants_are_left_out(tau):
    assert sum(patch.get_height() for patch in plot_time_constants(tau).patches) == 1


def test_a_network_stands_for_its_recurrent_weights():
    rnn = CTRNN(2, 5, 1, dale_ratio=0.6)
    ax = plot_weights(rnn)
    np.testing.assert_array_equal(ax.images[0].get_array(), rnn.w_rec.weight.detach())
    assert ticks(ax.xaxis) == ["E", "I"]


def test_a_network_of_regions_shows_them():
    brain = MultiRegion(Region("cortex", 3), Region("thalamus", 2))
    brain = brain.connect("thalamus", "cortex", 0.5).input("thalamus").output("cortex")
    ax = plot_weights(CTRNN(2, 5, 1, connectivity=brain.build(input_size=2, output_size=1)))
    assert ticks(ax.yaxis) == ["cortex", "thalamus"]


def test_a_network_stands_for_its_time_constants():
    ax = plot_time_constants(CTRNN(2, 5, 1, tau=50.0))
    assert "median 50 ms" in ax.get_legend_handles_labels()[1]


@pytest.mark.parametrize(
    ("plot", "given", "error", "message"),
    [
        (plot_time_constants, RNN(2, 5, 1), TypeError, "timescales"),
        (plot_time_constants, [np.inf], ValueError, "got 1 without one"),
        (plot_weights, torch.nn.GRU(2, 5), TypeError, r"got GRU; pass a layer"),
        (plot_weights, torch.ones(5), ValueError, r"got shape \(5,\)"),
    ],
)
def test_what_has_no_such_numbers_is_refused(plot, given, error, message):
    with pytest.raises(error, match=message):
        plot(given)


def test_signs_that_are_no_numbers_are_refused():
    with pytest.raises(TypeError, match=r"expected real numbers, got <U1; pass rnn\.signs"):
        plot_weights(torch.eye(2), signs=["E", "I"])


def test_signs_of_another_network_are_refused():
    with pytest.raises(ValueError, match="3 units on a side"):
        plot_weights(torch.ones(5, 5), signs=[1, 1, -1])


@pytest.mark.parametrize("regions", [5, {}, {"cortex": [0, 1, 2]}])
def test_what_are_no_regions_is_refused(regions):
    with pytest.raises(TypeError, match="regions as slices by name"):
        plot_weights(torch.ones(5, 5), regions=regions)


def test_a_missing_weight_changes_no_color_of_the_others():
    weights = np.random.default_rng(0).normal(size=(8, 8))
    limits = plot_weights(weights).images[0].get_clim()
    weights[0, 0] = np.nan
    assert np.allclose(plot_weights(weights).images[0].get_clim(), limits, rtol=0.2)


@pytest.mark.parametrize("weights", [np.zeros((0, 0)), np.full((2, 2), np.nan)])
def test_weights_without_a_number_are_refused(weights):
    with pytest.raises(ValueError, match="without one finite number; pass a layer"):
        plot_weights(weights)
