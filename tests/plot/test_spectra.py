from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Circle

from pyrnn import RNN
from pyrnn.dynamics import find_fixed_points
from pyrnn.palette import VERMILION
from pyrnn.plot import plot_lyapunov, plot_spectrum

VALUES = np.array([0.5, 0.2 + 0.3j, 0.2 - 0.3j, 1.2])


def dots(ax, label):
    found = next(each for each in ax.collections if each.get_label() == label)
    return {complex(x, y) for x, y in found.get_offsets()}


def test_growing_modes_stand_out():
    ax = plot_spectrum(VALUES)
    assert dots(ax, "unstable") == {1.2}
    assert dots(ax, "stable") == {0.5, 0.2 + 0.3j, 0.2 - 0.3j}
    unstable = next(each for each in ax.collections if each.get_label() == "unstable")
    assert to_hex(unstable.get_facecolor()[0]).upper() == VERMILION


def test_unit_circle_is_drawn_round_and_whole():
    ax = plot_spectrum(VALUES)
    (circle,) = (patch for patch in ax.patches if isinstance(patch, Circle))
    assert circle.radius == 1
    assert ax.get_aspect() == 1
    assert ax.get_xlim()[0] < -1 < 1.2 < ax.get_xlim()[1]


def test_continuous_modes_grow_right_of_the_axis():
    ax = plot_spectrum([-1.5, 0.5j - 0.1, 0.2], continuous=True)
    assert dots(ax, "unstable") == {0.2}
    assert not ax.patches
    assert [list(line.get_xdata()) for line in ax.get_lines()[:1]] == [[0, 0]]
    assert "1/s" in ax.get_xlabel()


@pytest.mark.parametrize("kind", [torch.tensor, np.asarray])
def test_matrices_are_decomposed(kind):
    ax = plot_spectrum(kind([[0.0, 2.0], [2.0, 0.0]]), initial=kind([[0.5, 0.0], [0.0, 0.5]]))
    assert {round(value.real) for value in dots(ax, "unstable")} == {-2, 2}
    assert dots(ax, "initial") == {0.5}


def test_zoom_leaves_the_circle_out_of_sight():
    ax = plot_spectrum([1.001, 1.0], zoom=True)
    assert ax.get_xlim()[0] > 0


def test_magnitudes_fall_and_show_the_border_of_stability():
    ax = plot_spectrum([0.5, -1.2, 0.9j], style="magnitudes", n=2)
    heights = [line.get_ydata() for line in ax.get_lines()]
    assert [list(each) for each in heights[:2]] == [[0.9], [1.2]]
    assert list(heights[2]) == [1, 1]
    stems = ax.collections[0].get_segments()
    assert all(0 <= low < high for (_, low), (_, high) in map(np.asarray, stems))
    low = plot_spectrum([0.1, 0.9], style="magnitudes").collections[0].get_segments()
    assert low[0][0][1] == 0


def test_lyapunov_spectrum_shows_the_range_of_runs():
    ax = plot_lyapunov(torch.tensor([[0.1, -0.2], [0.3, -0.4]]))
    means = np.concatenate([line.get_ydata() for line in ax.get_lines()[2:]])
    np.testing.assert_allclose(np.sort(means), [-0.3, 0.2])
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((-0.4, 0.3))


def test_single_lyapunov_run_has_no_range():
    assert not plot_lyapunov([0.0, -0.5]).collections


@pytest.fixture
def points():
    starts = torch.linspace(-1, 1, 9)[:, None].expand(9, 2)
    return find_fixed_points(lambda h, x: torch.tanh(h @ torch.diag(h.new([2.0, 0.5]))), starts)


def test_fixed_points_are_drawn_together(points):
    ax = plot_spectrum(points)
    assert sum(len(each.get_offsets()) for each in ax.collections) == 3 * 2
    assert plot_spectrum(points[:1]).collections


def test_magnitudes_are_those_of_one_point(points):
    assert len(plot_spectrum(points[:1], style="magnitudes").get_lines()) == 3
    with pytest.raises(ValueError, match=r"got 3; choose one"):
        plot_spectrum(points, style="magnitudes")


def test_only_the_largest_are_drawn_on_request():
    ax = plot_spectrum([0.1, -1.2, 0.9j, 0.2], n=2)
    assert dots(ax, "stable") | dots(ax, "unstable") == {-1.2, 0.9j}


def test_magnitudes_before_training_are_circles():
    ax = plot_spectrum([0.5, 1.2], initial=[-0.3, 0.1], style="magnitudes")
    before = next(line for line in ax.get_lines() if line.get_label() == "initial")
    assert before.get_ydata().tolist() == [0.3, 0.1]
    assert before.get_fillstyle() == "none"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": "circle"}, "one of plane, magnitudes; got 'circle'"),
        ({"style": "magnitudes", "continuous": True}, "style='plane'"),
        ({"n": 0}, "n to be a whole number of at least 1, got 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        plot_spectrum(VALUES, **options)


def test_layer_is_decomposed():
    layer = torch.nn.Linear(2, 2)
    torch.nn.init.eye_(layer.weight)
    assert dots(plot_spectrum(layer), "stable") == {1.0}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (RNN(2, 5, 1), TypeError, "got RNN; pass a fixed point"),
        (np.ones((2, 3)), ValueError, r"got \(2, 3\)"),
        (np.ones((4, 2, 2)), ValueError, r"got \(4, 2, 2\)"),
        ([], ValueError, r"got float64 of shape \(0,\)"),
    ],
)
def test_what_has_no_modes_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        plot_spectrum(given)


def test_the_frame_holds_all_eigenvalues_and_little_more():
    ax = plot_spectrum(np.array([2.0 + 1.5j, 2.0 - 1.5j, -0.5]), zoom=True)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert left < -0.5 < 2.0 < right
    assert low < -1.5 < 1.5 < high
    assert right - left < 1.5 * 3.0
    assert high - low < 1.5 * 3.0
