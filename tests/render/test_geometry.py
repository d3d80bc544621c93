"""Meshes, boxes and cameras, against the equations that define them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pyrnn.render._box import choose_box, corners_of
from pyrnn.render._camera import VIEW_ANGLE, far_walls, fit_camera, label_edges, view_direction
from pyrnn.render._geometry import bezier, cones, normalized, resample, spheres, tubes

rng = np.random.default_rng(0)
BOX = np.array([[-1.0, -2.0, 0.0], [3.0, 1.0, 5.0]])


def test_rings_of_a_tube_are_circles_across_the_curve():
    lengths, radii = np.array([40, 25]), np.array([0.3, 0.7])
    curves = [rng.normal(0, 0.1, (n, 3)).cumsum(axis=0) for n in lengths]
    mesh = tubes(np.concatenate(curves), lengths, radii, sides=8)
    rings = mesh.vertices.reshape(65, 8, 3)
    np.testing.assert_allclose(rings.mean(axis=1), np.concatenate(curves))
    spokes = rings - np.concatenate(curves)[:, None]
    np.testing.assert_allclose(
        np.linalg.norm(spokes, axis=2), radii.repeat(lengths)[:, None] + 0 * spokes[..., 0]
    )
    chords = curves[0][1] - curves[0][0]
    np.testing.assert_allclose(spokes[0] @ chords, 0, atol=1e-12)


def test_a_tube_survives_a_curve_that_rests_or_turns_back():
    path = np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]], float)
    mesh = tubes(path, np.array([5]), np.array([0.1]))
    assert np.isfinite(mesh.vertices).all()
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1)


def test_faces_of_a_tube_are_in_the_order_of_its_segments():
    mesh = tubes(rng.normal(size=(6, 3)), np.array([4, 2]), np.full(2, 0.1), sides=5)
    first = mesh.source[mesh.faces].min(axis=1).reshape(-1, 10)
    assert first.tolist() == [[k] * 10 for k in (0, 1, 2, 4)]  # none from 3 to 4


def test_volume_and_normals_of_a_sphere():
    mesh = spheres(np.array([[5.0, 0, 0]]), np.array([2.0]), rings=60)
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    volume = np.einsum("ni,ni->n", a, np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(4 / 3 * np.pi * 8, rel=5e-3)  # positive: faces turn outwards
    np.testing.assert_allclose(mesh.normals, (mesh.vertices - [5, 0, 0]) / 2, atol=1e-12)


def test_volume_of_a_cone():
    mesh = cones(
        np.array([[0.0, 0, 9]]), rng.normal(size=(1, 3)), np.array([3.0]), np.ones(1), 200
    )
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    assert np.einsum("ni,ni->n", a, np.cross(b, c)).sum() / 6 == pytest.approx(np.pi, rel=1e-3)


def test_resampled_paths_have_equal_steps():
    path = resample(bezier(np.zeros(3), np.array([1.0, 4, 0]), np.array([2.0, 0, 1]), 2000), 9)
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.05)  # a chord is shorter than its arc
    assert resample(np.ones((4, 3)), 3).tolist() == [[1, 1, 1]] * 3


@pytest.mark.parametrize("view", ["iso", "front", "side", "top"])
@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.0])
def test_the_box_fills_its_share_of_the_picture(view, aspect):
    """Seen through a pinhole, the corners reach 80 % of the half width or of the half height."""
    pose = fit_camera(BOX, view_direction(view), aspect, fill=0.8)
    toward = normalized(pose.position - pose.focus)
    axes = np.stack([np.cross(pose.up, toward), pose.up, -toward], axis=1)
    x, y, depth = ((corners_of(BOX) - pose.position) @ axes).T
    half = np.tan(np.radians(VIEW_ANGLE / 2))
    reach = [np.abs(x / depth).max() / half / aspect, np.abs(y / depth).max() / half]
    assert max(reach) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("position", list(itertools.product((-9, 9), repeat=3)))
def test_labels_stand_at_edges_between_a_far_wall_and_a_near_one(position):
    far = far_walls(BOX, np.array(position))
    assert far == tuple(int(x < 0) for x in position)
    for axis, edge in enumerate(label_edges(BOX, np.array(position, float))):
        np.testing.assert_array_equal(edge[:, axis], BOX[:, axis])
        others = [k for k in range(3) if k != axis]
        sides = [int(edge[0, k] == BOX[1, k]) == far[k] for k in others]
        assert sorted(sides) == [False, True]


def test_the_box_holds_all_states():
    states = rng.uniform(-1, 1, (100, 3))
    for centers in (np.zeros((0, 3)), np.zeros((1, 3)), rng.uniform(-0.01, 0.01, (5, 3))):
        low, high = choose_box(states, centers)
        assert (low < states.min(axis=0)).all()
        assert (high > states.max(axis=0)).all()


def test_the_box_ends_a_bit_beyond_fixed_points_that_are_far_from_each_other():
    centers = corners_of(np.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]))
    low, high = choose_box(rng.uniform(-5, 5, (100, 3)), centers)
    np.testing.assert_allclose([low, high], [[-1.44] * 3, [1.44] * 3])
