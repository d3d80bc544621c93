"""The map and the matrix of many networks."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from pyrnn.palette import CYCLE, GRAY
from pyrnn.plot import plot_distances, plot_population_map, plot_transition_graph
from pyrnn.populations import Classes, Distances
from pyrnn.populations._coloring import color_networks

LABELS = np.array([1, 0, 0, -1, 0, 1])
ROWS = tuple({"lr": 0.1 * i, "dale_ratio": None if i < 3 else 0.8} for i in range(6))


def distances(n: int = 6, ceiling: float = 1.5) -> Distances:
    """Return distances of places in three groups."""
    places = 10.0 * LABELS[:n, None] + np.random.default_rng(0).normal(size=(n, 2))
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    return Distances(apart, 0.0, ceiling, "shape", ROWS[:n])


def skeleton() -> nx.DiGraph:
    graph = nx.DiGraph([(2, 0), (2, 1), (3, "cycle 0")])
    about = {0: ("point", 0), 1: ("point", 0), 2: ("point", 1), 3: ("point", 1)}
    for node, (kind, n) in {**about, "cycle 0": ("cycle", 0)}.items():
        graph.nodes[node].update(kind=kind, n_unstable=n)
    return graph


def classes() -> Classes:
    links = nx.node_link_data(skeleton(), edges="edges")
    reasons = tuple("incomplete" if label < 0 else "" for label in LABELS)
    return Classes(LABELS, reasons, (links, links), ROWS)


def legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_places_are_as_far_apart_as_networks() -> None:
    found = distances()
    ax = plot_population_map(found)
    places = np.asarray(ax.collections[0].get_offsets())
    apart = np.linalg.norm(places[:, None] - places, axis=-1)
    np.testing.assert_allclose(apart, found.matrix, atol=1e-5)
    assert ax.get_title(loc="left") == "shape: 6 networks, stress 0.00"
    assert ax.get_aspect() == 1


def test_colors_are_classes_settings_or_numbers() -> None:
    ax = plot_population_map(distances(), color=classes())
    assert legend(ax) == ["class 0 (3)", "class 1 (2)", "undecided (1)"]
    colors = np.asarray(ax.collections[0].get_facecolor())
    assert len(np.unique(colors, axis=0)) == 3
    assert (colors[LABELS == 0] == colors[1]).all()
    assert len(ax.child_axes) == 2, "a small skeleton for each class"
    settings = plot_population_map(distances(), color="dale_ratio")
    assert sorted(legend(settings)) == ["dale_ratio 0.8", "dale_ratio None"]
    numbers = plot_population_map(distances(), color="lr")
    assert numbers.figure.axes[-1].get_ylabel() == "lr"
    plot_population_map(distances(), color=np.arange(6))


def test_networks_of_a_class_stay_together() -> None:
    ax = plot_distances(distances(), classes())
    drawn = np.asarray(ax.images[0].get_array())
    assert (drawn[:3, :3] < 5).all()
    assert (drawn[3:5, 3:5] < 5).all()
    assert (drawn[:3, 3:5] > 5).all()
    assert {text.get_text() for text in ax.texts} == {"0", "1", "?"}
    assert "ceiling 1.5" in ax.figure.axes[-1].get_ylabel()
    open_ended = plot_distances(distances(ceiling=float("nan")))
    assert "ceiling" not in open_ended.figure.axes[-1].get_ylabel()


def test_colors_of_distances_start_at_zero() -> None:
    found = distances()
    image = plot_distances(found).images[0]
    assert image.get_clim() == (0, found.matrix.max())
    assert image.get_array().shape == (6, 6)


def test_strips_and_lines_part_the_classes() -> None:
    ax = plot_distances(distances(), classes())
    strips = [
        (each.get_y(), each.get_height(), to_hex(each.get_facecolor())) for each in ax.patches
    ]
    colors = [each.lower() for each in (CYCLE[0], CYCLE[1], GRAY)]
    assert strips == list(zip([-0.5, 2.5, 4.5], [3, 2, 1], colors, strict=True))
    assert all(each.get_x() + each.get_width() < -0.5 for each in ax.patches)
    middles = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert middles == {"0": 1, "1": 3.5, "?": 5}
    across = [line.get_ydata()[0] for line in ax.get_lines() if len(set(line.get_ydata())) == 1]
    assert across == [2.5, 4.5]
    assert len(ax.get_lines()) == 4


def test_the_ruler_is_as_long_as_it_says() -> None:
    ax = plot_population_map(distances())
    (ruler,), (text,) = ax.get_lines(), ax.texts
    assert np.ptp(ruler.get_xdata()) == pytest.approx(float(text.get_text()))
    width = np.ptp(ax.get_xlim())
    assert width / 10 < np.ptp(ruler.get_xdata()) <= width / 4
    assert np.ptp(ax.get_ylim()) == pytest.approx(width)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    places = np.asarray(ax.collections[0].get_offsets())
    assert (places > [left, low]).all()
    assert (places < [right, high]).all()
    assert left < min(ruler.get_xdata()) < left + width / 8
    assert low < ruler.get_ydata()[0] < text.get_position()[1] < low + width / 8


@pytest.mark.parametrize("n", [1, 2])
def test_few_networks_are_drawn(n: int) -> None:
    plot_population_map(distances(n))
    plot_distances(distances(n))


def test_skeletons_are_graphs() -> None:
    assert legend(plot_transition_graph(skeleton())) == ["stable (3)", "1 unstable mode (2)"]


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="take those of compare"):
        plot_population_map(np.eye(3))  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="a setting of"):
        plot_population_map(distances(), color="speed")
    fewer = Classes(LABELS[:3], ("",) * 3, ({}, {}), ROWS[:3])
    with pytest.raises(ValueError, match="same population"):
        plot_distances(distances(), fewer)
    with pytest.raises(TypeError, match="find_classes"):
        plot_distances(distances(), LABELS)  # type: ignore[arg-type]


def test_small_classes_share_a_color() -> None:
    """There are seven colors that can be told apart."""
    places = np.arange(10.0)
    many = Distances(abs(places[:, None] - places), 0.0, 9.0, "shape", ({},) * 10)
    labels = Classes(np.arange(10) - 1, ("",) * 10, ({},) * 9, ({},) * 10)
    found = color_networks(many, labels)
    assert [name for name, _ in found.legend][-3:] == [
        "class 6 (1)",
        "other classes (2)",
        "undecided (1)",
    ]
    assert len({color for _, color in found.legend}) == 9
