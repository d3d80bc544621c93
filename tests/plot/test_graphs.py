from __future__ import annotations

from types import SimpleNamespace

import networkx
import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

from pyrnn.plot import plot_transition_graph


@pytest.fixture
def graph():
    """Two attractors and a saddle between them."""
    built = networkx.DiGraph()
    for node, (place, n) in enumerate([(-1.0, 0), (1.0, 0), (0.0, 1)]):
        point = SimpleNamespace(state=np.array([place, 0.1 * place, 0.0]), n_unstable=n)
        built.add_node(node, point=point)
    built.add_edge(2, 0, probability=0.75)
    built.add_edge(2, 1, probability=0.25)
    built.add_edge(0, 0, probability=1.0)
    return built


def arrows(ax):
    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


@pytest.mark.parametrize("layout", ["layered", "pca"])
def test_edges_between_points_are_arrows_as_wide_as_probable(graph, layout):
    ax = plot_transition_graph(graph, layout=layout)
    wide, narrow = (arrow.get_linewidth() for arrow in arrows(ax))
    assert wide > narrow
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["stable (2)", "1 unstable mode (1)"]


def test_layers_put_attractors_below(graph):
    ax = plot_transition_graph(graph)
    heights = [each.get_offsets()[0, 1] for each in ax.collections]
    assert heights == [0, 0, 1]


def test_plane_shows_points_at_their_place(graph):
    ax = plot_transition_graph(graph, layout="pca")
    places = np.array([each.get_offsets()[0] for each in ax.collections])
    assert abs(places[2, 0]) < 1e-9
    assert ax.get_xlabel() == "PC1 (100%)"


@pytest.mark.parametrize("layout", ["layered", "pca"])
def test_empty_graphs_and_single_points_are_drawn(graph, layout):
    assert not arrows(plot_transition_graph(networkx.DiGraph(), layout=layout))
    assert len(plot_transition_graph(graph.subgraph([0]), layout=layout).collections) == 1


def test_unknown_layout_is_refused(graph):
    with pytest.raises(ValueError, match="got 'spiral'"):
        plot_transition_graph(graph, layout="spiral")


def test_graph_without_points_is_refused():
    with pytest.raises(ValueError, match="2 nodes have a fixed point each, got 0"):
        plot_transition_graph(networkx.DiGraph([(0, 1)]))


def test_points_without_a_graph_are_refused():
    with pytest.raises(TypeError, match="transition_graph"):
        plot_transition_graph([])


@pytest.mark.parametrize("layout", ["layered", "pca"])
def test_legend_stands_below_all_labels(graph, layout):
    ax = plot_transition_graph(graph, layout=layout)
    ax.figure.draw_without_rendering()
    legend = ax.get_legend().get_window_extent()
    lowest = ax.xaxis.get_tightbbox().y0 if ax.axison else ax.get_window_extent().y0
    assert legend.y1 <= lowest + 1
    assert legend.y0 >= 0
