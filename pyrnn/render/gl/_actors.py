"""Layers of a drawing as vedo meshes, whose cells are in the order of time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import vedo
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import VTK_UNSIGNED_CHAR, vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

from pyrnn.arrays import Array
from pyrnn.palette import SLATE
from pyrnn.render._drawing import Balls, Curves, Layer
from pyrnn.render._geometry import Mesh, cones, merge, normalized, segments, spheres, tubes

__all__ = ["GHOST", "Actor", "Cursors", "MovingActor"]

GHOST = 0.13  # opacity of the part of a trajectory that lies in the future
_IN_FRONT = "gl_FragDepth = 0.01 * gl_FragCoord.z;\n"  # of all trajectories, which hide nothing
_HEAD = 3.4, 2.6  # length and radius of an arrow head, in radii of its shaft


class Actor:
    """A layer as a mesh whose cells are sorted by time.

    A trajectory up to some step is then the first cells of the mesh, which is fast to show.

    Args:
        layer: What to draw.
        ratio: Pixels drawn for each pixel on the screen.

    Example:
        >>> path = np.arange(15.0).reshape(5, 3)
        >>> colors, radii = np.zeros((5, 3), np.uint8), np.zeros(1)
        >>> line = Curves("line", path, np.array([5]), colors, radii, times=np.arange(5))
        >>> actor = Actor(line)
        >>> actor.set_step(2)
        >>> actor.mesh.dataset.GetNumberOfLines()
        2
    """

    def __init__(self, layer: Layer, ratio: float = 1.0) -> None:
        self.layer = layer
        shape, times = _geometry(layer)
        order = np.argsort(times, kind="stable")
        self.cells, self.times = np.ascontiguousarray(shape.faces[order]), times[order]
        polydata = _polydata(shape, _rgba(layer)[shape.source])
        self._fill(polydata, len(self.cells))  # vedo draws vertices as dots where no cells are
        self.mesh = vedo.Mesh(polydata)
        self._shade(ratio)

    def set_step(self, step: int | None) -> None:
        """Show what happens up to a step; everything for ``None``."""
        shown = len(self.cells) if step is None else int(self.times.searchsorted(step, "right"))
        self._fill(self.mesh.dataset, shown)

    def _fill(self, polydata: vtkPolyData, shown: int) -> None:
        """Give a mesh its first cells."""
        cells = vtkCellArray()
        width = self.cells.shape[1]
        offsets = np.arange(0, width * shown + 1, width)
        cells.SetData(
            numpy_to_vtkIdTypeArray(offsets, deep=1),
            numpy_to_vtkIdTypeArray(self.cells[:shown].reshape(-1), deep=1),
        )
        (polydata.SetLines if width == 2 else polydata.SetPolys)(cells)
        polydata.Modified()

    def _shade(self, ratio: float) -> None:
        mesh, layer = self.mesh, self.layer
        if isinstance(layer, Balls) or layer.times is None:
            shader = mesh.actor.GetShaderProperty()
            shader.AddFragmentShaderReplacement("//VTK::Depth::Impl", True, _IN_FRONT, False)
        if isinstance(layer, Curves) and layer.are_lines:
            mesh.linewidth(0.9 * ratio).lighting("off").alpha(layer.alpha)
            return
        is_trace = isinstance(layer, Curves) and layer.times is not None
        ambient, diffuse = (0.8, 0.3) if is_trace else (0.42, 0.62)  # fine tubes would be dark
        mesh.lighting("default", ambient, diffuse, 0.18, 24).phong()
        if isinstance(layer, Curves):
            mesh.alpha(layer.alpha)


class MovingActor(Actor):
    """Spheres of which each step shows some: fixed points that move.

    Args:
        layer: What to draw.
        ratio: Pixels drawn for each pixel on the screen.

    Example:
        >>> places = np.zeros((2, 3)), np.ones(2), np.zeros((2, 3), np.uint8)
        >>> actor = MovingActor(Balls("points", *places, spans=np.array([[0, 4], [3, 9]])))
        >>> actor.set_step(3)
        >>> both = actor.mesh.mapper.GetInput().GetNumberOfPolys()
        >>> actor.set_step(5)
        >>> both / actor.mesh.mapper.GetInput().GetNumberOfPolys()
        2.0
    """

    def __init__(self, layer: Balls, ratio: float = 1.0) -> None:
        self.balls = layer
        super().__init__(_chosen(layer, np.zeros(len(layer.centers), bool)), ratio)
        self.layer = layer
        self.set_step(None)

    def set_step(self, step: int | None) -> None:
        """Show the spheres of a step; those of the last one for ``None``."""
        last = int(self.balls.spans[:, 1].max()) if self.balls.spans is not None else 0
        now = _chosen(self.balls, self.balls.shown(last if step is None else step))
        shape, _ = _geometry(now)
        polydata = _polydata(shape, now.colors[shape.source])
        self.cells = np.ascontiguousarray(shape.faces)
        self._fill(polydata, len(self.cells))
        self.mesh.mapper.SetInputData(polydata)


def _chosen(balls: Balls, which: Array) -> Balls:
    """Return some of the spheres."""
    centers, radii, colors = balls.centers[which], balls.radii[which], balls.colors[which]
    return replace(balls, centers=centers, radii=radii, colors=colors)


class Cursors:
    """A dot at the present state of every trajectory.

    Args:
        curves: The trajectories.
        ratio: Pixels drawn for each pixel on the screen.

    Example:
        >>> path = np.arange(15.0).reshape(5, 3)
        >>> line = Curves("line", path, np.array([5]), np.zeros((5, 3), np.uint8), np.zeros(1))
        >>> cursors = Cursors(line, ratio=1.0)
        >>> cursors.set_step(2)
        >>> cursors.mesh.points.tolist()
        [[6.0, 7.0, 8.0]]
    """

    def __init__(self, curves: Curves, ratio: float) -> None:
        self.curves = curves
        self.starts = np.cumsum(curves.lengths) - curves.lengths
        self.mesh = vedo.Points(curves.vertices[self.starts], r=8.5 * ratio, c=SLATE)
        self.mesh.properties.SetRenderPointsAsSpheres(True)

    def set_step(self, step: int | None) -> None:
        """Move the dots to a step; hide them for ``None``."""
        self.mesh.actor.SetVisibility(step is not None)
        if step is not None:
            now = self.starts + np.minimum(step, self.curves.lengths - 1)
            self.mesh.points = self.curves.vertices[now]


def _rgba(layer: Layer) -> Array:
    """Return the colors of vertices or spheres, with their opacity if it varies."""
    if isinstance(layer, Balls) or layer.fades is None:
        return layer.colors
    return np.column_stack([layer.colors, (255 * layer.fades).round()]).astype(np.uint8)


def _geometry(layer: Layer) -> tuple[Mesh, Array]:
    """Return the mesh of a layer and the time of each of its cells."""
    if isinstance(layer, Balls):
        balls = spheres(layer.centers, layer.radii)
        return balls, np.zeros(len(balls.faces))
    times = np.zeros(len(layer.vertices)) if layer.times is None else layer.times
    mesh = _curves(layer)
    return mesh, times[mesh.source[mesh.faces]].max(axis=1)


def _curves(layer: Curves) -> Mesh:
    """Return tubes, arrows, or lines, whose cells have two vertices."""
    if layer.are_lines:
        everyone = np.arange(len(layer.vertices))
        upward = np.tile([0.0, 0.0, 1.0], (len(everyone), 1))
        return Mesh(layer.vertices, upward, segments(layer.lengths), everyone)
    if layer.heads:
        return _arrows(layer)
    return tubes(layer.vertices, layer.lengths, layer.radii)


def _arrows(curves: Curves) -> Mesh:
    """Return shafts that end where their heads begin, and the heads."""
    last = np.cumsum(curves.lengths) - 1
    tips = curves.vertices[last]
    directions = normalized(tips - curves.vertices[last - 1])
    long, wide = (factor * curves.radii for factor in _HEAD)
    head = cones(tips, directions, long, wide)
    shafts = curves.vertices.copy()
    reach = np.linalg.norm(shafts - tips.repeat(curves.lengths, axis=0), axis=1)
    inside = reach < long.repeat(curves.lengths)
    shafts[inside] = (tips - long[:, None] * directions).repeat(curves.lengths, axis=0)[inside]
    shaft = tubes(shafts, curves.lengths, curves.radii)
    return merge(shaft, head._replace(source=last[head.source]))


def _polydata(mesh: Mesh, colors: Array) -> vtkPolyData:
    """Return vertices, normals and colors in the classes of VTK, without cells."""
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(mesh.vertices, np.float32), deep=1))
    polydata = vtkPolyData()
    polydata.SetPoints(points)
    rgb = numpy_to_vtk(np.ascontiguousarray(colors), deep=1, array_type=VTK_UNSIGNED_CHAR)
    polydata.GetPointData().SetScalars(rgb)
    normals = numpy_to_vtk(np.ascontiguousarray(mesh.normals, np.float32), deep=1)
    polydata.GetPointData().SetNormals(normals)
    return polydata
