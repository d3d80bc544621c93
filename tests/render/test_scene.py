"""What a scene contains, before anything draws it."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
import torch

from pyrnn import RNN
from pyrnn.dynamics import FixedPoints, find_fixed_points
from pyrnn.palette import STABILITY, rgb
from pyrnn.projection import Projection
from pyrnn.render import Panels, Scene
from pyrnn.render._drawing import Balls, Curves

from . import scenes


def layer(scene: Scene, key: str):
    return next(layer for layer in scene.drawing.layers if layer.key == key)


def test_fixed_points_stand_where_the_projection_puts_them(flipflop):
    balls = layer(flipflop, "fixed points")
    states = np.stack([point.state for point in scenes.points()])
    np.testing.assert_allclose(balls.centers, flipflop.projection.transform(states))


def test_colors_tell_the_number_of_unstable_modes(flipflop):
    balls = layer(flipflop, "fixed points")
    for n, count in scenes.COUNTS.items():
        assert (balls.colors == rgb(STABILITY[n])).all(axis=1).sum() == count


def test_legend_counts_each_class(flipflop):
    assert [text for text, _ in flipflop.drawing.legend] == [
        "stable (8)",
        "1 unstable mode (12)",
        "2 unstable modes (6)",
        "3+ unstable modes (1)",
    ]


def test_unstable_modes_point_along_the_flip_they_cause(flipflop):
    """A point with the first bit undecided is pushed along the first pattern, both ways."""
    scene = Scene(scenes.trials(), [scenes.points()[scenes.corners().index((0, 1, 1))]])
    arrows = layer(scene, "unstable modes")
    directions = arrows.vertices[1::2] - arrows.vertices[::2]
    pattern = np.concatenate([scenes.PATTERNS[0], np.zeros(8)])
    expected = scene.projection.directions(pattern)
    cosines = directions @ expected / np.linalg.norm(directions, axis=1) / np.linalg.norm(expected)
    np.testing.assert_allclose(np.sort(cosines), [-1, 1], atol=1e-9)


def test_complex_unstable_pair_spans_two_directions():
    values = np.array([0.9 + 0.8j, 0.9 - 0.8j, 0.1 + 0j])
    vectors = np.array([[1, 1, 0], [1j, -1j, 0], [0, 0, 1]]) / np.sqrt([2, 2, 1])
    point = scenes.Point(np.zeros(3), 0.0, values, vectors)
    scene = Scene(np.random.default_rng(0).normal(size=(3, 20, 3)), [point])
    assert len(layer(scene, "unstable modes").lengths) == 4


def test_every_edge_runs_from_sphere_to_sphere(flipflop):
    balls, edges = layer(flipflop, "fixed points"), layer(flipflop, "transition graph")
    assert len(edges.lengths) == 12 * 2 + 6 * 4 + 1 * 8
    paths = edges.vertices.reshape(len(edges.lengths), -1, 3)
    for path, (source, target) in zip(paths, scenes.graph().edges, strict=True):
        away = np.linalg.norm(path[0] - balls.centers[source]) / balls.radii[source]
        close = np.linalg.norm(path[-1] - balls.centers[target]) / balls.radii[target]
        step = np.linalg.norm(path[1] - path[0])
        assert 0.9 <= away < 0.9 + step / balls.radii[source]
        assert 1.05 <= close < 1.05 + step / balls.radii[target]


def test_edges_are_thicker_where_transitions_are_more_probable(flipflop):
    edges = layer(flipflop, "transition graph")
    probabilities = [data["probability"] for *_, data in scenes.graph().edges(data=True)]
    order = np.argsort(probabilities, kind="stable")
    assert (np.diff(edges.radii[order]) >= 0).all()
    assert edges.radii.max() > 1.5 * edges.radii.min()


def test_card_lists_eigenvalues_largest_first(flipflop):
    card = layer(flipflop, "fixed points").cards[13]
    np.testing.assert_allclose(card.eigenvalues[:3], [3.0, 2.0, 1.5])
    assert card.tip == "fixed point 13 · 3+ unstable modes"


def test_tensors_lists_and_single_trials_are_accepted():
    states = torch.randn(3, 20, 5, requires_grad=True)
    alike = [Scene(states), Scene(states.detach().numpy()), Scene(list(states))]
    places = [layer(scene, "trajectories").vertices for scene in alike]
    np.testing.assert_allclose(places[0], places[1])
    np.testing.assert_allclose(places[0], places[2])
    assert len(layer(Scene(states[0]), "trajectories").lengths) == 1


def test_trials_of_unequal_duration_keep_their_lengths():
    scene = Scene([torch.randn(10, 4), torch.randn(25, 4)])
    assert layer(scene, "trajectories").lengths.tolist() == [10, 25]
    assert scene.drawing.n_steps == 25


def test_flat_dynamics_are_drawn_in_a_plane():
    scene = Scene(torch.randn(4, 30, 2))
    assert np.ptp(layer(scene, "trajectories").vertices[:, 2]) == 0
    assert (scene.drawing.box[1] > scene.drawing.box[0]).all()


def test_given_basis_names_its_axes():
    scene = Scene(torch.randn(4, 30, 6), projection=torch.eye(6)[:, :3])
    assert scene.drawing.labels == ("axis 1", "axis 2", "axis 3")


def test_given_projection_is_used():
    states = np.random.default_rng(0).normal(size=(4, 30, 6))
    projection = Projection.fit(states[:2])
    assert Scene(states, projection=projection).projection is projection


@pytest.mark.parametrize(
    ("color", "colormap"),
    [
        ("time", "viridis"),
        ("speed", "plasma"),
        (np.array([-0.5, -0.1, 0.1, 0.3]), "coolwarm"),
        (np.random.default_rng(0).random((4, 30)), "viridis"),
    ],
)
def test_values_color_trajectories_by_a_scale(color, colormap):
    scene = Scene(torch.randn(4, 30, 6), color=color, color_label="value")
    assert scene.drawing.bar.scale.colormap == colormap
    assert len(np.unique(layer(scene, "trajectories").colors, axis=0)) >= 4


def test_signed_values_have_a_symmetric_scale():
    bar = Scene(torch.randn(2, 30, 6), color=np.array([-0.5, 0.2])).drawing.bar
    assert (bar.scale.low, bar.scale.high) == (-0.5, 0.5)


def test_conditions_get_a_color_and_a_legend_each():
    scene = Scene(torch.randn(4, 30, 6), color=["go", "stop", "go", "stop"])
    assert [text for text, _ in scene.drawing.legend] == ["go", "stop"]
    colors = layer(scene, "trajectories").colors.reshape(4, 30, 3)
    assert (colors[0] == colors[2]).all()
    assert (colors[0] != colors[1]).any()


def test_style_follows_the_size_and_is_said():
    small, medium = Scene(np.random.randn(4, 50, 3)), Scene(np.random.randn(100, 300, 3))
    large = Scene(np.random.randn(500, 500, 3))
    assert not layer(small, "trajectories").are_lines
    assert layer(medium, "trajectories").are_lines
    assert medium.drawing.layers[0].note == ""
    assert large.drawing.layers[0].note == "400 of 500 trials"
    assert layer(large, "trajectories").lengths.sum() == 200_000


def test_added_path_appears_in_the_legend():
    scene = Scene(torch.randn(4, 30, 6)).add_path(torch.randn(12, 6), "ring", closed=True)
    path = layer(scene, "ring")
    np.testing.assert_allclose(path.vertices[0], path.vertices[-1])
    assert scene.drawing.legend[0][0] == "ring"


def test_flow_moves_as_the_step_does():
    """Under h' = h / 2 everything moves half-way towards the origin."""
    scene = Scene(torch.randn(4, 30, 3), projection=torch.eye(3))
    arrows = layer(scene.add_flow(lambda h, x: h / 2, torch.zeros(2), n=5), "flow")
    starts, ends = arrows.vertices[::2], arrows.vertices[1::2]
    assert len(starts) == 25
    np.testing.assert_array_equal(starts[:, 2], 0)
    cosines = ((ends - starts) * -starts).sum(1)
    cosines /= np.linalg.norm(ends - starts, axis=1) * np.linalg.norm(starts, axis=1)
    np.testing.assert_allclose(cosines, 1)
    lengths = np.linalg.norm(ends - starts, axis=1)
    far, near = np.linalg.norm(starts, axis=1).argmax(), np.linalg.norm(starts, axis=1).argmin()
    assert lengths[far] > lengths[near]


def test_slow_modes_are_hidden_until_asked_for(flipflop):
    scene = Scene(scenes.trials(3), scenes.points())
    assert not layer(scene, "slow modes").visible
    assert layer(scene.set_visible("slow modes"), "slow modes").visible
    with pytest.raises(ValueError, match="got 'fast modes'"):
        scene.set_visible("fast modes")


def test_points_may_have_sizes():
    sizes = np.ones(27)
    sizes[5] = 3
    balls = layer(Scene(scenes.trials(3), scenes.points(), sizes=sizes), "fixed points")
    np.testing.assert_allclose(balls.radii[5], 3 * balls.radii[4])


def test_transients_do_not_dwarf_the_fixed_points():
    states = scenes.trials(8)
    states[:, :20] *= 6
    scene = Scene(states, scenes.points(), projection=Projection.fit(scenes.trials(8)))
    drawn, box = layer(scene, "trajectories"), scene.drawing.box
    centers = layer(scene, "fixed points").centers
    assert drawn.clip
    assert 0 < drawn.radii.max() < layer(scene, "fixed points").radii.min() / 6  # hides no point
    assert ((box[0] < centers) & (centers < box[1])).all()
    assert (box[1] - box[0]).max() < 2 * np.ptp(centers, axis=0).max()


def test_first_view_keeps_points_apart(flipflop):
    """The cube of fixed points is not seen along an edge, where points hide each other."""
    seen = flipflop.drawing.iso
    assert seen[2] > 0.2
    right = np.cross([0, 0, 1], seen) / np.linalg.norm(np.cross([0, 0, 1], seen))
    flat = layer(flipflop, "fixed points").centers @ np.stack([right, np.cross(seen, right)]).T
    apart = np.linalg.norm(flat[:, None] - flat, axis=2) + 9 * np.eye(27)
    assert apart.min() > 0.02 * flipflop.drawing.diagonal


def test_panels_need_a_scene():
    with pytest.raises(ValueError, match="got none"):
        Panels([])


def test_panels_share_a_page(flipflop, tmp_path):
    panels = Panels([flipflop, flipflop])
    assert panels.html().count("three flip-flops") == 4  # scenes, and both in the page's title
    assert panels._repr_html_().startswith("<iframe")
    assert panels.save(tmp_path / "two.html").stat().st_size < 1_500_000


def test_no_points_and_no_edges_leave_their_layers_out():
    scene = Scene(torch.randn(4, 30, 6), [], networkx.DiGraph())
    assert [each.key for each in scene.drawing.layers] == ["trajectories"]


def test_layers_are_plain_arrays(flipflop):
    assert all(isinstance(each, (Balls, Curves)) for each in flipflop.drawing.layers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"states": torch.zeros(5)}, r"got \[\(5,\)\]"),
        ({"states": []}, "got"),
        ({"states": torch.full((2, 5, 3), float("nan"))}, "finite"),
        ({"states": torch.randn(2, 5, 3), "color": "loud"}, "got 'loud'"),
        ({"states": torch.randn(2, 5, 3), "color": np.zeros(7)}, r"got shape \(7,\)"),
        ({"states": torch.randn(2, 5, 3), "projection": torch.zeros(3)}, "column"),
        ({"states": torch.randn(2, 5, 3), "graph": networkx.DiGraph([(0, 1)])}, "got 2 nodes"),
        ({"states": torch.randn(2, 5, 3), "points": scenes.points()}, "got 3 and 12 units"),
        ({"states": [torch.randn(5, 3), torch.randn(5, 4)]}, r"got \[\(5, 3\), \(5, 4\)\]"),
        ({"states": torch.randn(2, 5, 3), "projection": torch.eye(4)}, "3 units, got one for 4"),
        ({"states": torch.randn(2, 5, 3), "color": [1.0, np.nan]}, "finite"),
        ({"states": torch.randn(9, 5, 3), "color": list("abcdefghi")}, "got 9"),
        ({"points": scenes.points(), "sizes": np.ones(5)}, r"27 fixed points.*shape \(5,\)"),
        ({"points": scenes.points(), "sizes": np.full(27, np.nan)}, "got nan"),
        ({"points": scenes.points(), "sizes": -np.ones(27)}, r"got -1\.0"),
        ({}, "got neither"),
        ({"points": scenes.points(), "color": "time"}, "leave color out"),
        ({"states": torch.randn(2, 5, 3), "color": [0.0, 1.0], "period": -1}, "period"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Scene(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"states": RNN(2, 3, 1)}, r"got RNN; pass states"),
        ({"states": torch.randn(2, 5, 3), "projection": "pca"}, "got <U3; pass a Projection"),
        ({"states": torch.randn(2, 5, 3), "points": torch.randn(4, 3)}, "got Tensor"),
        ({"states": torch.randn(2, 5, 3), "points": 3}, "got int"),
        ({"states": torch.randn(2, 5, 3), "graph": networkx.path_graph(2)}, "got Graph"),
        ({"states": torch.randn(2, 5, 3), "color": RNN(2, 3, 1)}, "got RNN; use 'time'"),
        ({"states": torch.randn(2, 5, 3), "color": [["a"] * 5] * 2}, "real numbers"),
        ({"states": torch.randn(2, 5, 3), "color": "time", "color_label": 1}, "color_label"),
        ({"states": torch.randn(2, 5, 3), "title": None}, "title to be text, got None"),
        ({"points": scenes.points(), "sizes": "large"}, "pass one size"),
    ],
)
def test_other_things_are_refused(arguments, message):
    with pytest.raises(TypeError, match=message):
        Scene(**arguments)


def test_points_in_place_of_states_are_told_where_they_belong():
    points = find_fixed_points(lambda h, x: torch.tanh(2 * h), torch.linspace(-1, 1, 9)[:, None])
    with pytest.raises(TypeError, match=r"got FixedPoints; .*Scene\(points=points\)"):
        Scene(points)
    assert Scene(points=points).drawing.n_steps == 0
    assert Scene(points=points[:1]).html()


def test_graph_brings_its_points():
    graph = scenes.graph()
    networkx.set_node_attributes(graph, dict(enumerate(scenes.points())), "point")
    for scene in (Scene(scenes.trials(3), graph), Scene(scenes.trials(3), graph=graph)):
        assert len(layer(scene, "fixed points").radii) == 27
        assert layer(scene, "transition graph").cards


def test_what_predict_returns_is_accepted():
    rollout = RNN(2, 6, 1).predict(torch.randn(3, 20, 2))
    assert layer(Scene(rollout), "trajectories").lengths.tolist() == [20, 20, 20]


def test_points_of_size_zero_can_still_be_found():
    balls = layer(Scene(points=scenes.points(), sizes=np.eye(27)[4]), "fixed points")
    assert balls.radii.min() > 0.1 * balls.radii.max()


def test_angles_go_round():
    scene = Scene(torch.randn(3, 20, 6), color=[3.1, -3.1, 0.0], period=2 * np.pi)
    assert scene.drawing.bar.scale.ends == ("−π", "π")
    above, below, zero = layer(scene, "trajectories").colors.reshape(3, 20, 3)[:, 0].astype(float)
    assert np.abs(above - below).max() < 15
    assert np.abs(above - zero).max() > 100
    assert Scene(torch.randn(2, 9, 6), color=[0, 1], period=2).drawing.bar  # no conditions


def test_flow_without_input_is_that_of_zero_input():
    rnn = RNN(2, 3, 1)
    states = rnn.predict(torch.randn(3, 20, 2)).states
    bare, zero = (Scene(states).add_flow(rnn, x) for x in (None, torch.zeros(2)))
    np.testing.assert_array_equal(layer(bare, "flow").vertices, layer(zero, "flow").vertices)
    with pytest.raises(ValueError, match=r"got \(5,\)"):
        bare.add_flow(rnn, torch.zeros(5))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda s: s.film("x.png"), r"\.gif or \.mp4, got 'x\.png'; save\(\)"),
        (lambda s: s.film("x.gif", motion="jump"), "got 'jump'"),
        (lambda s: s.film("x.gif", seconds=0), "seconds to be a number > 0, got 0"),
        (lambda s: s.film("x.gif", fps=np.inf), "fps"),
        (lambda s: s.screenshot("x.html"), r"got 'x\.html'; save\(\)"),
        (lambda s: s.screenshot("x.pdf"), r"pixels: write a \.png"),
        (lambda s: s.save("x.svg"), r"pixels: write a \.png"),
        (lambda s: s.screenshot("x.jpg", transparent=True), r"write a \.png"),
        (lambda s: s.screenshot("x.png", size=(300, 0)), "height .* got 0"),
        (lambda s: s.screenshot("x.png", view="back"), "iso, front, side, top; got 'back'"),
        (lambda s: s.add_path(torch.zeros(2, 5, 12)), "got 2 paths"),
        (lambda s: s.add_path(torch.zeros(5, 3)), r"\(\.\.\., 12\), got \(5, 3\)"),
        (lambda s: s.add_flow(lambda h, x: h, n=0), "n to be a whole number"),
    ],
)
def test_what_cannot_be_written_is_refused(flipflop, write, message):
    with pytest.raises(ValueError, match=message):
        write(flipflop)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda s: s.save(3), "path to be a str or a Path, got int"),
        (lambda s: s.film("x.gif", size=300), "width, height.* got 300"),
        (lambda s: s.film("x.gif", seconds="6"), "seconds"),
        (lambda s: s.film("x.gif", progress=1), "progress"),
        (lambda s: s.film("x.gif", motion=None), "motion"),
        (lambda s: s.show(size=(1, 2, 3)), r"got \(1, 2, 3\)"),
        (lambda s: s.screenshot("x.png", size=(300.5, 200)), "width"),
        (lambda s: s.screenshot("x.png", transparent="yes"), "transparent"),
        (lambda s: s.save("x.png", motion="trials"), "unexpected keyword argument 'motion'"),
        (lambda s: s.save("x.html", size=(3, 2)), "no options for a page, got size"),
        (lambda s: s.add_path(torch.zeros(5, 12), 3), "name"),
        (lambda s: s.add_path(torch.zeros(5, 12), closed="yes"), "closed"),
        (lambda s: s.add_flow(lambda h, x: h, level="low"), "level"),
        (lambda s: s.set_visible("trajectories", 1), "visible"),
    ],
)
def test_what_is_of_another_kind_is_refused(flipflop, write, message):
    with pytest.raises(TypeError, match=message):
        write(flipflop)


@pytest.mark.parametrize(
    ("scenes", "message"),
    [([torch.zeros(3)], "got Tensor; make a Scene"), (Scene(torch.zeros(3, 2)), "got one Scene")],
)
def test_panels_of_other_things_are_refused(scenes, message):
    with pytest.raises(TypeError, match=message):
        Panels(scenes)


def test_layers_of_the_same_name_are_numbered_and_share_an_entry_of_the_legend():
    """Of several paths with the default name, all but the last once vanished from pictures."""
    scene = Scene(torch.randn(4, 30, 6))
    for _ in range(2):
        scene.add_path(torch.randn(12, 6)).add_flow(lambda h, x: h / 2, n=3)
    keys = [each.key for each in scene.drawing.layers]
    assert keys == ["trajectories", "line attractor", "line attractor 2", "flow", "flow 2"]
    assert [text for text, _ in scene.drawing.legend] == ["line attractor"]
    assert not layer(scene.set_visible("flow 2", False), "flow 2").visible


def test_a_path_may_be_named_like_a_check_box():
    keys = [
        each.key
        for each in Scene(torch.randn(9, 6)).add_path(torch.randn(5, 6), "axes").drawing.layers
    ]
    assert keys == ["trajectories", "axes 2"]


def test_a_point_whose_modes_all_grow_has_no_slow_mode():
    """Its growing modes were once drawn as slow ones, too."""
    point = scenes.Point(np.zeros(2), 0.0, np.array([2.0, 1.5]), np.eye(2))
    keys = [each.key for each in Scene(points=[point]).drawing.layers]
    assert keys == ["fixed points", "unstable modes"]


def test_trials_of_one_step_have_no_speed():
    assert Scene(torch.randn(3, 1, 6), color="speed").drawing.bar.scale.high == 0


def test_flow_of_a_single_arrow():
    arrows = layer(Scene(torch.randn(9, 6)).add_flow(lambda h, x: h / 2, n=1), "flow")
    assert arrows.lengths.tolist() == [2]


def test_unknown_suffix_is_refused(flipflop, tmp_path):
    with pytest.raises(ValueError, match=r"\.html, \.png, \.gif or \.mp4, got"):
        flipflop.save(tmp_path / "scene.docx")


def test_a_trial_at_rest_is_a_dot():
    states = np.stack([np.zeros((20, 4)), np.random.default_rng(0).normal(size=(20, 4))])
    drawing = Scene(states).drawing
    assert [layer.key for layer in drawing.layers] == ["trajectories", "states at rest"]
    assert len(drawing.layers[1].centers) == 1
    assert len(Scene(states[:, :1]).drawing.layers[1].centers) == 2


def test_a_scene_far_from_the_origin_keeps_its_digits():
    states = np.random.default_rng(0).normal(size=(4, 50, 3))
    near, far = (Scene(states + shift, projection=np.eye(3)).drawing for shift in (0, 1e6))
    paths = [d.layers[0].vertices.astype(np.float32) - d.box.mean(axis=0) for d in (near, far)]
    assert np.allclose(*paths, atol=1e-5)


def test_padded_trials_are_refused_with_a_way_out():
    states = np.random.default_rng(0).normal(size=(4, 50, 3))
    states[2, 30:] = np.nan
    for options in ({}, {"projection": np.eye(3)}):
        with pytest.raises(
            ValueError, match=r"in trial 2, first at state 30; if trials were padd"
        ):
            Scene(states, **options)
    masked = np.ma.masked_invalid(np.nan_to_num(states, nan=999.0))
    masked[2, 30:] = np.ma.masked
    with pytest.raises(ValueError, match=r"in trial 2, first at state 30"):
        Scene(masked)


def points_under(inputs: torch.Tensor) -> FixedPoints:
    starts = torch.linspace(-2, 2, 41)[:, None].expand(-1, 3)
    return find_fixed_points(lambda h, x: torch.tanh(1.5 * h + x[..., :1]), starts, inputs)


def test_points_under_several_inputs_are_colored_by_them():
    inputs = torch.zeros(5, 2)
    inputs[:, 0] = torch.linspace(-0.1, 0.1, 5)
    points = points_under(inputs)
    drawing = Scene(torch.randn(4, 20, 3), points).drawing
    balls = next(layer for layer in drawing.layers if layer.key == "fixed points")
    assert drawing.bar.label == "input 0"
    assert np.allclose(drawing.bar.scale[1:], (-0.1, 0.1))
    for group in points.groups():
        chosen = (points.inputs == group.inputs[0]).all(dim=1).numpy()
        assert len(np.unique(balls.colors[chosen], axis=0)) == 1
    assert len(np.unique(balls.colors, axis=0)) == 5
    assert balls.cards[0].facts[1].startswith("x = ")
    assert not next(x for x in drawing.layers if x.key == "unstable modes").visible
    by_kind = Scene(torch.randn(4, 20, 3), points, color_points="stability").drawing
    assert by_kind.bar is None


def test_inputs_of_several_channels_are_colored_along_their_first_component():
    inputs = torch.linspace(-0.1, 0.1, 5)[:, None] * torch.tensor([1.0, 0.5])
    drawing = Scene(torch.randn(4, 20, 3), points_under(inputs)).drawing
    assert drawing.bar.label == "input, first PC"
    assert np.isclose(drawing.bar.scale.high, 0.1 * 1.25**0.5)
