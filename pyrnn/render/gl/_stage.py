"""A drawing in a VTK window, visible or not: actors, axes, legend and camera."""

from __future__ import annotations

import itertools

import numpy as np
import vedo
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkPlane
from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

from pyrnn.arrays import Array
from pyrnn.palette import RULE
from pyrnn.render._box import wall_grids
from pyrnn.render._camera import (
    VIEW_ANGLE,
    Pose,
    far_walls,
    fit_camera,
    label_edges,
    view_direction,
)
from pyrnn.render._drawing import Balls, Curves, Drawing, Layer
from pyrnn.render.gl._actors import GHOST, Actor, Cursors, MovingActor
from pyrnn.render.gl._overlay import Overlay
from pyrnn.render.gl._plotter import open_window

__all__ = ["Stage"]

_TEXT_SIZES = 0.55, 1.5  # smallest and largest, relative to that in a window
_USUAL_HEIGHT = 900.0  # of a picture whose text has the size of that in a window, in pixels


class Stage:
    """A drawing in a window of its own, or in a part of one.

    Args:
        drawing: What to draw.
        size: Width and height in pixels.
        ratio: Pixels drawn for each pixel on the screen.
        text: Size of texts, relative to that in a window.
        part: A window that ``open_window`` opened, and which of its parts to use; by default
            an invisible window.

    Raises:
        RuntimeError: If OpenGL does not work; the message says what to install.

    Example:
        >>> from pyrnn.render import Scene, probe_opengl
        >>> drawing = Scene(np.random.default_rng(0).normal(size=(3, 20, 4))).drawing
        >>> if probe_opengl().ok:
        ...     stage = Stage(drawing, (120, 90), text=Stage.text_for(90))
        ...     stage.look("top")
        ...     stage.pose(fit_camera(drawing.box, drawing.iso, aspect=1.2))
        ...     stage.set_step(5)
        ...     stage.set_visible("axes", False)
        ...     assert stage.is_visible("trajectories")
        ...     stage.render()
        ...     assert stage.size == (120, 90) and stage.pixels().shape == (90, 120, 3)
        ...     middle = stage.to_pixels(drawing.box.mean(axis=0)[None])[0]
        ...     assert abs(middle[0] - 60) < 15 and abs(middle[1] - 45) < 15
        ...     stage.close()
    """

    def __init__(
        self,
        drawing: Drawing,
        size: tuple[int, int],
        *,
        ratio: float = 1.0,
        text: float = 1.0,
        part: tuple[vedo.Plotter, int] | None = None,
    ) -> None:
        self.drawing = drawing
        self.plotter, index = part or (open_window(size, ratio=ratio), 0)
        self.window, self.renderer = self.plotter.window, self.plotter.renderers[index]
        self.actors = {layer.key: _actor(layer, ratio) for layer in drawing.layers}
        timed = [x for x in drawing.layers if isinstance(x, Curves) and x.times is not None]
        self.ghosts = {layer.key: Actor(layer, ratio) for layer in timed}
        self.cursors = {layer.key: Cursors(layer, ratio) for layer in timed}
        self.walls = [[_lines(grid, ratio) for grid in pair] for pair in wall_grids(drawing.box)]
        self.overlay = Overlay(drawing, ratio * text)
        self.step: int | None = None
        self.left = 0.0  # pixels that the scene leaves free at the left, for controls
        self._populate()
        self._clip()
        self.set_step(None)
        self.look("iso")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of this part of the window, in pixels."""
        width, height = self.renderer.GetSize()
        return width, height

    @property
    def moment(self) -> int:
        """The step that is shown: the last one, if all of them are."""
        return max(self.drawing.n_steps - 1, 0) if self.step is None else self.step

    @staticmethod
    def text_for(height: int) -> float:
        """Return the size of texts that suits a picture of some height."""
        return float(np.clip(height / _USUAL_HEIGHT, *_TEXT_SIZES))

    def _populate(self) -> None:
        for key, actor in self.actors.items():
            self.renderer.AddActor(actor.mesh.actor)
            actor.mesh.actor.SetVisibility(actor.layer.visible)
            if key in self.ghosts:
                self.renderer.AddActor(self.ghosts[key].mesh.alpha(GHOST).actor)
                self.renderer.AddActor(self.cursors[key].mesh.actor)
        for wall in (wall for pair in self.walls for wall in pair):
            self.renderer.AddActor(wall.actor)
        for prop in self.overlay.props:
            self.renderer.AddViewProp(prop)
        self._observer = self.renderer.AddObserver("StartEvent", self._before_frame)

    def look(self, view: str) -> None:
        """Move the camera to a named view."""
        width, height = self.size
        direction = self.drawing.iso if view == "iso" else view_direction(view)
        self.pose(fit_camera(self.drawing.box, direction, (width - self.left) / height))
        self.renderer.GetActiveCamera().SetWindowCenter(-self.left / width, 0)

    def pose(self, pose: Pose) -> None:
        """Move the camera."""
        eye = self.renderer.GetActiveCamera()
        eye.SetViewAngle(VIEW_ANGLE)
        eye.SetPosition(pose.position)
        eye.SetFocalPoint(pose.focus)
        eye.SetViewUp(pose.up)
        self.renderer.ResetCameraClippingRange()

    def _clip(self) -> None:
        """Cut off what lies outside the axes, in layers that are clipped."""
        for key, actor in self.actors.items():
            if isinstance(actor.layer, Curves) and actor.layer.clip:
                for part in (actor, self.ghosts[key], self.cursors[key]):
                    for plane in _sides(self.drawing.box):
                        part.mesh.mapper.AddClippingPlane(plane)

    def to_pixels(self, places: Array) -> Array:
        """Return where places ``(n, 3)`` are seen: pixels from the lower left, and depth."""
        eye, (width, height) = self.renderer.GetActiveCamera(), self.size
        matrix = eye.GetCompositeProjectionTransformMatrix(width / height, -1, 1)
        rows = np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])
        seen = np.c_[places, np.ones(len(places))] @ rows.T
        seen = seen[:, :3] / seen[:, 3:]
        seen[:, :2] = (seen[:, :2] + 1) / 2 * [width, height]
        return seen

    def is_visible(self, key: str) -> bool:
        """Return whether a layer is shown, or the axes."""
        if key == "axes":
            return self.overlay.axes_visible
        return bool(self.actors[key].mesh.actor.GetVisibility())

    def set_visible(self, key: str, visible: bool) -> None:
        """Show or hide a layer or the axes."""
        if key == "axes":
            self.overlay.axes_visible = visible
            return
        self.actors[key].mesh.actor.SetVisibility(visible)
        if key in self.ghosts:
            self._show_time(key)

    def set_step(self, step: int | None) -> None:
        """Show trajectories up to a step, and later steps pale; all of them for ``None``."""
        self.step = step if step is None or step < self.drawing.n_steps - 1 else None
        for key, actor in self.actors.items():
            if key in self.ghosts or isinstance(actor, MovingActor):
                actor.set_step(self.step)
            if key in self.ghosts:
                self._show_time(key)

    def _show_time(self, key: str) -> None:
        """Show the later part and the present states of a layer that is seen and not over."""
        shown = self.step is not None and self.is_visible(key)
        self.ghosts[key].mesh.actor.SetVisibility(shown)
        self.cursors[key].set_step(self.step if shown else None)

    def render(self) -> None:
        """Draw a frame."""
        self.window.Render()

    def pixels(self, transparent: bool = False) -> Array:
        """Return a new frame, ``(height, width, 3)``, or with alpha if transparent."""
        self.window.SetAlphaBitPlanes(1)
        self.renderer.SetBackgroundAlpha(0.0 if transparent else 1.0)
        self.render()
        grab = vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.ShouldRerenderOff()
        if transparent:
            grab.SetInputBufferTypeToRGBA()
        grab.Update()
        image = grab.GetOutput()
        width, height, _ = image.GetDimensions()
        flat = vtk_to_numpy(image.GetPointData().GetScalars())
        pixels: Array = flat.reshape(height, width, -1)[::-1].copy()
        return pixels

    def close(self) -> None:
        """Free the window, which vedo alone does not do for an invisible one."""
        window = self.window
        self.renderer.RemoveObserver(self._observer)
        self.renderer.RemoveAllViewProps()
        self.plotter.close()
        window.Finalize()
        self.__dict__.clear()

    def _before_frame(self, *_: object) -> None:
        """Show the walls behind the scene, and put the labels at their edges."""
        eye, box = self.renderer.GetActiveCamera(), self.drawing.box
        position = np.array(eye.GetPosition())
        far = far_walls(box, position)
        for pair, side in zip(self.walls, far, strict=True):
            for wall, shown in zip(pair, (side == 0, side == 1), strict=True):
                wall.actor.SetVisibility(shown and self.overlay.axes_visible)
        ends = self.to_pixels(label_edges(box, position).reshape(-1, 3))
        self.overlay.place(self.size, ends.reshape(3, 2, 3)[..., :2])


def _actor(layer: Layer, ratio: float) -> Actor:
    if isinstance(layer, Balls) and layer.spans is not None:
        return MovingActor(layer, ratio)
    return Actor(layer, ratio)


def _lines(grid: Array, ratio: float) -> vedo.Lines:
    return vedo.Lines(grid[:, 0], grid[:, 1]).c(RULE).linewidth(1.1 * ratio).lighting("off")


def _sides(box: Array) -> list[vtkPlane]:
    """Return the planes of a box, which face inwards."""
    planes = []
    for axis, side in itertools.product(range(3), range(2)):
        plane = vtkPlane()
        plane.SetOrigin(*box[side])
        plane.SetNormal(*(np.eye(3)[axis] * (1 - 2 * side)))
        planes.append(plane)
    return planes
