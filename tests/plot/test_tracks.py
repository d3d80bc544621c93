from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from pyrnn.dynamics import find_fixed_points, follow
from pyrnn.palette import GREEN, ORANGE
from pyrnn.plot import plot_tracks


def step(h, x):
    return torch.cat([torch.tanh(2 * h[..., :1] + x), h[..., 1:] / 2], -1)


@pytest.fixture
def tracks():
    inputs = torch.linspace(0, 1, 41)[:, None]
    starts = torch.stack([torch.linspace(-1, 1, 9)] * 2, 1)
    return follow(step, find_fixed_points(step, starts, inputs[0]), inputs)


def test_each_branch_is_a_line_in_the_color_of_its_stability(tracks):
    ax = plot_tracks(tracks, observe=0)
    assert len(ax.collections) == 3
    for branch, line in enumerate(ax.collections):
        expected = ORANGE if tracks.at(0).n_unstable[branch] else GREEN
        assert {to_hex(color).upper() for color in line.get_colors()} == {expected}
        start = line.get_segments()[0][0]
        np.testing.assert_allclose(start, [0, tracks.states[branch, 0, 0]])


def test_the_lines_that_meet_end_in_the_dot_of_their_death(tracks):
    ax, (event,) = plot_tracks(tracks, observe=0), tracks.events
    (dot,) = ax.get_lines()
    np.testing.assert_allclose(dot.get_xydata(), [[event.time, event.state[0]]])
    for branch in event.branches:
        np.testing.assert_allclose(
            ax.collections[branch].get_segments()[-1][1], dot.get_xydata()[0]
        )


def test_the_first_principal_component_is_drawn_by_default(tracks):
    ax = plot_tracks(tracks)
    assert ax.get_ylabel() == "PC1 (100%)"
    assert ax.get_xlabel() == "step"
    by_function = plot_tracks(tracks, observe=lambda h: 3 * h[..., 0])
    np.testing.assert_allclose(
        by_function.collections[0].get_segments()[0][0], [0, 3 * tracks.states[0, 0, 0]]
    )


def test_points_are_refused(tracks):
    with pytest.raises(TypeError, match="take those of follow"):
        plot_tracks(tracks.at(0))
