from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from pyrnn.dynamics import find_attractors, find_branches, find_fixed_points, flow_field
from pyrnn.palette import GREEN, ORANGE
from pyrnn.plot import plot_basins, plot_bifurcation, plot_flow
from pyrnn.projection import Projection

WEIGHT = torch.diag(torch.tensor([2.0, 0.5], dtype=torch.float64))


def step(h, x):
    """Bistable along the first axis, decaying along the second."""
    return torch.tanh(h @ WEIGHT.to(h)) + 0 * x[..., :1]


@pytest.fixture
def points():
    return find_fixed_points(step, torch.randn(20, 30, 2), x=torch.zeros(2))


@pytest.fixture
def field():
    return flow_field(step, torch.eye(2), torch.zeros(2), extent=1.5, n=31)


def marks(ax):
    return [line for line in ax.get_lines() if line.get_marker() == "o"]


def test_stable_points_are_filled_and_unstable_ones_hollow(field, points):
    drawn = {
        round(float(mark.get_xdata()[0]), 3): mark
        for mark in marks(plot_flow(field, points=points))
    }
    assert set(drawn) == {-0.958, 0.0, 0.958}
    fills = {place: mark.get_markerfacecolor() for place, mark in drawn.items()}
    assert fills == {-0.958: GREEN, 0.958: GREEN, 0.0: "#ffffff"}
    assert drawn[0.0].get_markeredgecolor() == ORANGE


def test_nullclines_are_where_a_coordinate_stands_still(field):
    with_lines, without = plot_flow(field), plot_flow(field, nullclines=False)
    assert len(with_lines.collections) == len(without.collections) + 2
    second = with_lines.collections[-1]
    heights = np.concatenate([path.vertices[:, 1] for path in second.get_paths()])
    np.testing.assert_allclose(heights, 0, atol=1e-9)


def test_points_are_projected_to_the_plane(field, points):
    projection = Projection.onto(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))  # swaps the axes
    ax = plot_flow(field, points=points, projection=projection)
    assert sorted(round(float(mark.get_ydata()[0]), 3) for mark in marks(ax)) == [-0.958, 0, 0.958]
    assert ax.get_xlabel() == "axis 1"


def test_branches_are_dashed_where_unstable_and_folds_are_marked():
    starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
    branches = find_branches(lambda h, x: torch.tanh(2 * h + x), starts, (-1.0, 1.0))
    ax = plot_bifurcation(branches, label="input")
    styles = {line.get_linestyle() for line in ax.get_lines()}
    assert {"-", "--"} <= styles
    folds = [line for line in ax.get_lines() if line.get_marker() == "s"]
    assert sorted(float(fold.get_xdata()[0]) for fold in folds) == pytest.approx(
        [-0.53284, 0.53284]
    )
    for line in ax.get_lines():
        if line.get_linestyle() == "--":
            assert np.abs(line.get_ydata()).max() < 0.8
    assert "fold" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_stretches_of_a_branch_share_their_ends_and_change_with_stability():
    starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
    (branch,) = find_branches(lambda h, x: torch.tanh(2 * h + x), starts, (-1.0, 1.0))
    curves = [line for line in plot_bifurcation(branch).get_lines() if len(line.get_xdata()) > 1]
    heights = branch.states[:, 0].tolist()
    drawn = [line.get_ydata().tolist() for line in curves]
    assert len(curves) == 3
    assert [a[-1] for a in drawn[:-1]] == [b[0] for b in drawn[1:]]
    assert drawn[0] + drawn[1][1:] + drawn[2][1:] == heights
    is_stable = (branch.n_unstable == 0).tolist()
    first = 0
    for line, stretch in zip(curves, drawn, strict=True):
        last = first + len(stretch) - 1  # where the next stretch starts, or the branch ends
        looks = {is_stable[i] for i in range(first, last)}
        assert looks == {line.get_linestyle() == "-"}
        first = last


def test_observed_quantity_may_be_a_function():
    starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
    branches = find_branches(lambda h, x: torch.tanh(0.5 * h + x), starts, (-1.0, 1.0))
    ax = plot_bifurcation(branches, observe=lambda states: 10 * states[..., 0])
    assert max(np.abs(line.get_ydata()).max() for line in ax.get_lines()) > 5


def test_basins_as_shares_add_up():
    attractors = find_attractors(step, torch.randn(200, 2), torch.zeros(2))
    bars = plot_basins(attractors).patches
    assert sum(bar.get_height() for bar in bars) == pytest.approx(1)
    assert len(bars) == 2


def test_basins_as_a_map_have_a_color_each(field):
    ends = (field.points[..., 0] > 0).long()
    mesh = plot_basins(ends, places=field.points).collections[0]
    colors = {to_hex(color) for color in mesh.to_rgba(mesh.get_array()).reshape(-1, 4)}
    assert len(colors) == 2


def test_starts_that_end_nowhere_stay_white():
    places = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0]), axis=-1)
    mesh = plot_basins([[-1, 0], [0, 0]], places=places).collections[0]
    assert to_hex(mesh.to_rgba(mesh.get_array()).reshape(-1, 4)[0]) == "#ffffff"


@pytest.mark.parametrize("plot", [plot_flow, plot_bifurcation, plot_basins])
def test_what_was_not_computed_yet_is_named(plot, points):
    with pytest.raises(TypeError, match=r"expected .*, got .*; .*(flow_field|find_)"):
        plot(points)


def test_a_single_branch_is_drawn():
    starts = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
    (branch,) = find_branches(lambda h, x: torch.tanh(0.5 * h + x), starts, (-1.0, 1.0))
    assert len(plot_bifurcation(branch).get_lines()) == 1


@pytest.mark.parametrize("ends", [[], [0, np.nan], [0.5], [-2]])
def test_what_are_no_attractors_is_refused(ends):
    with pytest.raises(ValueError, match="ends to be the index of an attractor for each start"):
        plot_basins(ends)


def test_places_of_other_starts_are_refused(field):
    with pytest.raises(ValueError, match=r"got \(31, 31, 2\) for \(4,\)"):
        plot_basins([0, 0, 1, -1], places=field.points)


def test_ten_basins_have_ten_colors():
    bars = plot_basins(np.arange(10)).patches
    assert len({bar.get_facecolor() for bar in bars}) == 10


def test_branches_can_be_drawn_along_an_axis_and_their_marks_once():
    starts = torch.linspace(-1, 1, 9)[:, None].expand(-1, 3)
    branches = find_branches(
        lambda h, x: torch.tanh(2 * h + x * torch.tensor([1.0, 0, 0])),
        starts * torch.tensor([1.0, 0, 0]),
        (-1.0, 1.0),
    )
    axis = Projection(np.array([[2.0, 0.0, 0.0]]), np.zeros(3), names=["choice"])
    ax, plain = (plot_bifurcation(branches, observe=x) for x in (axis, 0))
    assert ax.get_ylabel() == "choice"
    pairs = zip(ax.get_lines(), plain.get_lines(), strict=True)
    assert all(np.allclose(a.get_ydata(), 2 * b.get_ydata()) for a, b in pairs)
    widths = {line.get_linestyle(): line.get_linewidth() for line in plain.get_lines()}
    assert widths["--"] < widths["-"]
    twice = plot_bifurcation([*branches, *branches])
    n_marks = [sum(x.get_linestyle() == "None" for x in a.get_lines()) for a in (plain, twice)]
    assert n_marks[0] == n_marks[1] > 0
