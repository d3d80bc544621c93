"""Meshes, boxes and cameras, against the equations that define them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pyrnn.render._box import choose_box, corners_of
from pyrnn.render._camera import VIEW_ANGLE, far_walls, fit_camera, label_edges, view_direction
from pyrnn.render._geometry import (
    _tangents,
    _tangents_and_normals,
    bezier,
    cones,
    merge,
    normalized,
    perpendicular,
    resample,
    segments,
    spheres,
    tubes,
)

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


# ------------------------------------------------------------------------- surfaces of meshes


def edges_of(mesh):
    """Return the directed edges of the faces, with vertices at the same place as one."""
    _, place = np.unique(mesh.vertices.round(9), axis=0, return_inverse=True)
    faces = place.reshape(-1)[mesh.faces]
    faces = [face for face in faces.tolist() if len(set(face)) == 3]  # none at the poles
    edges = [(face[k], face[k - 2]) for face in faces for k in range(3)]
    return faces, edges


def euler_characteristic(mesh):
    faces, edges = edges_of(mesh)
    corners = {corner for face in faces for corner in face}
    return len(corners) - len({frozenset(edge) for edge in edges}) + len(faces)


def a_cone():
    return cones(
        np.array([[1.0, 2, 3]]), np.array([[1.0, 1, 1]]), np.array([2.0]), np.array([0.5])
    )


@pytest.mark.parametrize(
    "mesh", [spheres(np.ones((1, 3)), np.array([2.0]), rings=7), a_cone()], ids=["sphere", "cone"]
)
def test_the_surface_is_closed_and_turns_one_way(mesh):
    """Every edge is passed once in either direction."""
    _, edges = edges_of(mesh)
    assert len(set(edges)) == len(edges)
    assert {(b, a) for a, b in edges} == set(edges)
    assert euler_characteristic(mesh) == 2


def test_a_tube_is_open_at_its_two_ends():
    mesh = tubes(np.cumsum(rng.uniform(0.5, 1, (6, 3)), axis=0), np.array([6]), np.array([0.1]), 5)
    _, edges = edges_of(mesh)
    assert len(set(edges)) == len(edges)
    assert len(set(edges) - {(b, a) for a, b in edges}) == 2 * 5
    assert euler_characteristic(mesh) == 0


@pytest.mark.parametrize(
    "mesh",
    [
        spheres(np.array([[5.0, 0, 0], [0, 0, 0]]), np.array([2.0, 0.1])),
        cones(np.eye(3)[:2], np.array([[0.0, 0, 3], [-1, -1, -1]]), np.ones(2), np.full(2, 0.4)),
        tubes(np.array([[0.0, 0, 0], [1, 0, 0], [2, 1, 0]]), np.array([3]), np.array([0.2])),
    ],
    ids=["spheres", "cones", "tube"],
)
def test_faces_turn_to_where_their_normals_point(mesh):
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    outward = mesh.normals[mesh.faces].mean(axis=1)
    is_face = np.linalg.norm(across, axis=1) > 1e-9
    assert ((across * outward).sum(axis=1)[is_face] > 0).all()
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1)


def test_spheres_have_their_own_centers_and_radii():
    centers, radii = rng.normal(size=(4, 3)), np.array([0.1, 1.0, 2.0, 0.5])
    mesh = spheres(centers, radii, rings=6)
    spokes = mesh.vertices - centers[mesh.source]
    np.testing.assert_allclose(np.linalg.norm(spokes, axis=1), radii[mesh.source])
    np.testing.assert_allclose(spokes / radii[mesh.source, None], mesh.normals, atol=1e-12)
    assert (mesh.source[mesh.faces] == mesh.source[mesh.faces[:, :1]]).all()
    assert spokes[mesh.source == 2].max(axis=0) == pytest.approx([2, 2, 2])


def test_a_cone_ends_at_its_tip():
    mesh, along = a_cone(), np.ones(3) / np.sqrt(3)
    apart = mesh.vertices - [1, 2, 3]
    height = apart @ along
    width = np.linalg.norm(apart - height[:, None] * along, axis=1)
    pairs = set(zip((height + 0.0).round(9), width.round(9), strict=True))
    assert pairs == {(0.0, 0.0), (-2.0, 0.5), (-2.0, 0.0)}
    side = mesh.normals[:32]
    np.testing.assert_allclose(side @ along, 0.5 / np.hypot(0.5, 2), atol=1e-12)  # of the slope
    np.testing.assert_allclose(mesh.normals[32:], np.tile(-along, (32, 1)))


def test_merged_faces_keep_their_own_vertices():
    parts = [
        spheres(np.ones((2, 3)), np.ones(2), rings=3),
        a_cone(),
        spheres(np.zeros((1, 3)), np.ones(1)),
    ]
    mesh = merge(*parts)
    corners = np.concatenate([part.vertices[part.faces] for part in parts])
    np.testing.assert_array_equal(mesh.vertices[mesh.faces], corners)
    normals = np.concatenate([part.normals[part.faces] for part in parts])
    np.testing.assert_array_equal(mesh.normals[mesh.faces], normals)
    assert mesh.source.tolist() == [n for part in parts for n in part.source]


# ------------------------------------------------------------------------------------- curves


def test_a_bezier_curve_is_its_polynomial():
    start, control, end = rng.normal(size=(3, 3))
    path = bezier(start, control, end, 5)
    for t, point in zip((0, 0.25, 0.5, 0.75, 1), path, strict=True):
        first, second = start + t * (control - start), control + t * (end - control)
        np.testing.assert_allclose(point, first + t * (second - first))  # de Casteljau


def test_a_resampled_path_runs_from_its_start_to_its_end():
    path = np.array([[0.0, 0, 0], [1, 0, 0], [1, 3, 0]])
    assert resample(path, 5).tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 2, 0], [1, 3, 0]]


def test_tangents_halve_the_corners():
    corner = np.array([[0.0, 0, 0], [1, 0, 0], [1, 5, 0]])
    half = np.sqrt(0.5)
    expected = [[1, 0, 0], [half, half, 0], [0, 1, 0]]
    both = _tangents(np.concatenate([corner, corner[::-1]]), np.array([3, 3]))
    np.testing.assert_allclose(both[:3], expected, atol=1e-12)
    np.testing.assert_allclose(both[3:], -np.array(expected[::-1]), atol=1e-12)


def test_a_curve_that_rests_keeps_its_direction():
    path = np.array([[0.0, 0, 0], [0, 2, 0], [0, 2, 0], [0, 2, 0], [7, 7, 7], [7, 7, 7]])
    tangents = _tangents(path, np.array([4, 2]))
    assert tangents.tolist() == [[0, 1, 0]] * 4 + [[1, 0, 0]] * 2


def test_the_ring_of_a_tube_is_not_twisted_around_a_planar_curve():
    """Carried along a curve in a plane, a normal keeps its part across that plane."""
    angle = np.linspace(0, 3, 40)
    path = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    tangents, normals = _tangents_and_normals(path, np.array([40]))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    np.testing.assert_allclose((normals * tangents).sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(normals[:, 2], normals[0, 2], atol=1e-9)


def test_perpendicular_vectors_are_units_at_right_angles():
    given = np.concatenate([np.eye(3), -np.eye(3), rng.normal(size=(20, 3))])
    across = perpendicular(given)
    np.testing.assert_allclose(np.linalg.norm(across, axis=1), 1)
    np.testing.assert_allclose((across * given).sum(axis=1), 0, atol=1e-12)
    assert normalized(np.zeros((1, 3))).tolist() == [[0, 0, 0]]


def test_neighbors_on_curves_are_joined_and_curves_are_not():
    assert segments(np.array([2, 1, 3])).tolist() == [[0, 1], [3, 4], [4, 5]]


def test_thousands_of_spheres_have_few_faces():
    few, many = (spheres(np.zeros((n, 3)), np.ones(n)).faces for n in (200, 3000))
    assert len(few) == 200 * 1600
    assert len(many) < 3000 * 160
