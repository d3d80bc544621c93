"""Meshes as plain arrays: tubes, spheres and cones, without a graphics library."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pyrnn.arrays import Array

__all__ = [
    "Mesh",
    "bezier",
    "cones",
    "merge",
    "normalized",
    "perpendicular",
    "resample",
    "segments",
    "spheres",
    "tubes",
]

_ROUND, _COARSE = 20, 6  # rings of a sphere, and of one among thousands
_FEW = 200  # spheres up to which all are round


class Mesh(NamedTuple):
    """Triangles, with the curve or sphere that each vertex belongs to.

    Example:
        >>> spheres(np.zeros((2, 3)), np.ones(2)).source[[0, -1]].tolist()
        [0, 1]
    """

    vertices: Array  # (n_vertices, 3)
    normals: Array  # (n_vertices, 3), pointing outwards
    faces: Array  # (n_faces, 3) indices of vertices
    source: Array  # (n_vertices,) index of the curve's vertex or of the sphere


def bezier(start: Array, control: Array, end: Array, n: int = 64) -> Array:
    """Return points ``(n, 3)`` of a quadratic Bézier curve from start to end.

    Example:
        >>> bezier(np.zeros(3), np.array([1.0, 1.0, 0.0]), np.array([2.0, 0.0, 0.0]), 3).tolist()
        [[0.0, 0.0, 0.0], [1.0, 0.5, 0.0], [2.0, 0.0, 0.0]]
    """
    t = np.linspace(0, 1, n)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end


def resample(path: Array, n: int) -> Array:
    """Return ``n`` points at equal distances along a path ``(m, 3)``.

    Example:
        >>> resample(np.array([[0.0, 0, 0], [3.0, 0, 0], [4.0, 0, 0]]), 3)[:, 0].tolist()
        [0.0, 2.0, 4.0]
    """
    along = np.r_[0, np.linalg.norm(np.diff(path, axis=0), axis=1).cumsum()]
    if along[-1] == 0:
        return np.repeat(path[:1], n, axis=0)
    wanted = np.linspace(0, along[-1], n)
    return np.stack([np.interp(wanted, along, column) for column in path.T], axis=1)


def perpendicular(directions: Array) -> Array:
    """Return one unit vector at right angles to each direction, ``(n, 3)``.

    Example:
        >>> directions = np.array([[1.0, 2.0, 3.0]])
        >>> round(float((directions * perpendicular(directions)).sum()), 12)
        0.0
    """
    smallest = np.eye(3)[np.abs(directions).argmin(axis=1)]
    return normalized(np.cross(directions, smallest))


def normalized(vectors: Array) -> Array:
    """Return vectors of length one; zero stays zero.

    Example:
        >>> normalized(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[0.6, 0.8], [0.0, 0.0]]
    """
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def segments(lengths: Array) -> Array:
    """Return the pairs ``(n, 2)`` of neighboring vertices in curves of given lengths.

    Example:
        >>> segments(np.array([3, 2])).tolist()
        [[0, 1], [1, 2], [3, 4]]
    """
    first = np.arange(int(np.sum(lengths)) - 1)
    last = np.cumsum(lengths)[:-1] - 1
    kept = np.delete(first, last)
    return np.stack([kept, kept + 1], axis=1)


def tubes(vertices: Array, lengths: Array, radii: Array, sides: int = 8) -> Mesh:
    """Return a tube around every curve, twisted as little as possible.

    Args:
        vertices: Curves one after the other, ``(n_vertices, 3)``.
        lengths: Number of vertices of each curve, ``(n_curves,)``.
        radii: Radius of each curve, ``(n_curves,)``.
        sides: Corners of the cross section.

    Returns:
        A mesh whose faces are in the order of the curves' segments, ``2 * sides`` for each.

    Example:
        >>> line = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
        >>> tube = tubes(line, np.array([2]), np.array([0.5]))
        >>> tube.faces.shape, np.linalg.norm(tube.vertices[:, 1:], axis=1).round(9).tolist()[:2]
        ((16, 3), [0.5, 0.5])
    """
    tangents, normals = _tangents_and_normals(vertices, np.asarray(lengths))
    binormals = np.cross(tangents, normals)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.cos(angle)[:, None] * normals[:, None] + np.sin(angle)[:, None] * binormals[:, None]
    swept = vertices[:, None] + np.repeat(radii, lengths)[:, None, None] * ring
    here, there = segments(lengths).T[:, :, None] * sides
    corner = np.arange(sides)
    following = (corner + 1) % sides
    a, b, c, d = here + corner, here + following, there + corner, there + following
    faces = np.stack([np.stack([a, b, d], -1), np.stack([a, d, c], -1)], 2)
    source = np.arange(len(vertices)).repeat(sides)
    return Mesh(swept.reshape(-1, 3), ring.reshape(-1, 3), faces.reshape(-1, 3), source)


def _tangents_and_normals(vertices: Array, lengths: Array) -> tuple[Array, Array]:
    """Return the tangent and a normal at every vertex, carried along each curve."""
    tangents = _tangents(vertices, lengths)
    starts = np.cumsum(lengths) - lengths
    normals = np.zeros_like(tangents)
    normal = perpendicular(tangents[starts])
    for step in range(int(lengths.max())):
        alive = np.flatnonzero(step < lengths)
        tangent = tangents[starts[alive] + step]
        moved = normal[alive] - (normal[alive] * tangent).sum(1, keepdims=True) * tangent
        lost = np.linalg.norm(moved, axis=1) < 1e-6
        moved[lost] = perpendicular(tangent[lost])
        normal[alive] = normals[starts[alive] + step] = normalized(moved)
    return tangents, normals


def _tangents(vertices: Array, lengths: Array) -> Array:
    """Return unit tangents ``(n, 3)``; where a curve rests, its last direction."""
    ahead = np.zeros_like(vertices)
    pairs = segments(lengths)
    ahead[pairs[:, 0]] = normalized(vertices[pairs[:, 1]] - vertices[pairs[:, 0]])
    ends = np.cumsum(lengths) - 1
    ahead[ends] = np.where((lengths > 1)[:, None], ahead[ends - 1], 0)
    behind = np.r_[ahead[:1], ahead[:-1]]
    starts = ends - lengths + 1
    behind[starts] = ahead[starts]
    tangents = normalized(ahead + behind)
    moving = np.linalg.norm(tangents, axis=1) > 0
    tangents[starts] = np.where(moving[starts][:, None], tangents[starts], [1.0, 0.0, 0.0])
    moving[starts] = True
    latest = np.maximum.accumulate(np.where(moving, np.arange(len(vertices)), 0))
    kept: Array = tangents[latest]
    return kept


def spheres(centers: Array, radii: Array, rings: int | None = None) -> Mesh:
    """Return one sphere around every center.

    Args:
        centers: ``(n, 3)``.
        radii: ``(n,)``.
        rings: Rings of faces of each sphere; by default 20, and fewer if there are hundreds.

    Example:
        >>> ball = spheres(np.array([[1.0, 0.0, 0.0]]), np.array([2.0]))
        >>> np.allclose(np.linalg.norm(ball.vertices - [1.0, 0.0, 0.0], axis=1), 2.0)
        True
    """
    if rings is None:
        rings = max(_COARSE, round(_ROUND * min(1.0, (_FEW / max(len(centers), 1)) ** 0.5)))
    polar = np.linspace(0, np.pi, rings + 1)
    around = np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False)
    unit = np.stack(
        [
            np.outer(np.sin(polar), np.cos(around)),
            np.outer(np.sin(polar), np.sin(around)),
            np.outer(np.cos(polar), np.ones_like(around)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    faces = _grid_faces(rings, 2 * rings)
    vertices = centers[:, None] + radii[:, None, None] * unit
    return _copies(vertices, np.broadcast_to(unit, vertices.shape), faces)


def cones(tips: Array, directions: Array, lengths: Array, radii: Array, sides: int = 16) -> Mesh:
    """Return one arrow head for every tip, pointing along its direction.

    Example:
        >>> up, tip = np.array([[0.0, 0.0, 1.0]]), np.array([[0.0, 0.0, 5.0]])
        >>> head = cones(tip, up, np.array([2.0]), np.array([0.5]))
        >>> head.vertices.min(axis=0).tolist(), head.vertices.max(axis=0).tolist()
        ([-0.5, -0.5, 3.0], [0.5, 0.5, 5.0])
    """
    along = normalized(directions)
    normal = perpendicular(along)
    binormal = np.cross(along, normal)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.cos(angle)[:, None] * normal[:, None] + np.sin(angle)[:, None] * binormal[:, None]
    tip = np.broadcast_to(tips[:, None], ring.shape)
    axis = np.broadcast_to(along[:, None], ring.shape)
    base = tip - lengths[:, None, None] * axis
    rim = base + radii[:, None, None] * ring
    slant = normalized(lengths[:, None, None] * ring + radii[:, None, None] * axis)
    corner = np.arange(sides)
    following = (corner + 1) % sides
    side = np.stack([corner, sides + corner, sides + following], axis=1)
    bottom = np.stack([3 * sides + corner, 2 * sides + following, 2 * sides + corner], axis=1)
    vertices = np.concatenate([tip, rim, rim, base], axis=1)
    normals = np.concatenate([slant, slant, -axis, -axis], axis=1)
    return _copies(vertices, normals, np.concatenate([side, bottom]))


def merge(*meshes: Mesh) -> Mesh:
    """Return several meshes as one; each keeps its own sources.

    Example:
        >>> ball = spheres(np.zeros((1, 3)), np.ones(1))
        >>> len(merge(ball, ball).faces) == 2 * len(ball.faces)
        True
    """
    offsets = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    faces = [mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=True)]
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate(faces),
        np.concatenate([mesh.source for mesh in meshes]),
    )


def _grid_faces(rows: int, columns: int) -> Array:
    """Return the triangles of a grid that is closed along its columns."""
    row, column = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    following = (column + 1) % columns
    a, b = row * columns + column, row * columns + following
    c, d = a + columns, b + columns
    both = np.stack([np.stack([a, c, d], -1), np.stack([a, d, b], -1)], 2)
    faces: Array = both.reshape(-1, 3)
    return faces


def _copies(vertices: Array, normals: Array, faces: Array) -> Mesh:
    """Return copies of a template as one mesh, from vertices ``(n, n_template, 3)``."""
    n, size = vertices.shape[:2]
    shifted = faces + size * np.arange(n)[:, None, None]
    source = np.arange(n).repeat(size)
    return Mesh(vertices.reshape(-1, 3), normals.reshape(-1, 3), shifted.reshape(-1, 3), source)
