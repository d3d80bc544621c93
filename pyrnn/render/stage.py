"""A drawing set up in a VTK window: actors, axes, legend and camera, on a screen or not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import vedo
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkPlane
from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

from pyrnn.palette import RULE
from pyrnn.render import camera
from pyrnn.render.actors import GHOST, Actor, Cursors
from pyrnn.render.camera import VIEW_ANGLE, Pose
from pyrnn.render.layers import Array, Curves, Drawing
from pyrnn.render.opengl import OpenGL, require_opengl
from pyrnn.render.overlay import Overlay

SETTINGS = {
    "default_backend": "vtk",
    "enable_default_keyboard_callbacks": False,  # its Esc ends the user's session
    "enable_default_mouse_callbacks": False,
    "use_depth_peeling": False,
}
ROOM = 0.55, 1.5, 900.0  # least and largest size of text, and the height where it is 1
SAMPLES = 8  # a pixel


class Stage:
    """A drawing in a window of its own, or in a part of one.

    Args:
        drawing: What to draw.
        size: Width and height in pixels.
        offscreen: Whether the window stays invisible.
        ratio: Pixels drawn for each pixel asked for.
        text: Size of texts, relative to that in a window.
        part: A window that :func:`open_window` opened, and which of its parts to use.

    Raises:
        RuntimeError: If OpenGL does not work; the message says what to install.
    """

    def __init__(
        self,
        drawing: Drawing,
        size: tuple[int, int],
        *,
        offscreen: bool = True,
        ratio: float = 1.0,
        text: float = 1.0,
        part: tuple[vedo.Plotter, int] | None = None,
    ) -> None:
        self.drawing = drawing
        self.plotter, index = part or (open_window(size, offscreen=offscreen, ratio=ratio), 0)
        self.window, self.renderer = self.plotter.window, self.plotter.renderers[index]
        self.actors = {layer.key: Actor(layer, ratio) for layer in drawing.layers}
        timed = [x for x in drawing.layers if isinstance(x, Curves) and x.times is not None]
        self.ghosts = {layer.key: Actor(layer, ratio) for layer in timed}
        self.cursors = {layer.key: Cursors(layer, ratio) for layer in timed}
        self.walls = [
            [_grid(lines, ratio) for lines in pair] for pair in camera.walls(drawing.box)
        ]
        self.overlay = Overlay(drawing, ratio * text)
        self.step: int | None = None
        self.left = 0.0  # pixels that the scene leaves free at the left, for controls
        self._populate()
        self._clip()
        self.set_step(None)
        self.look("iso")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the part of the window that is drawn on, in pixels."""
        width, height = self.renderer.GetSize()
        return width, height

    @staticmethod
    def text_for(height: int) -> float:
        """Return the size of text that suits a picture of some height."""
        least, largest, usual = ROOM
        return float(np.clip(height / usual, least, largest))

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
        direction = self.drawing.iso if view == "iso" else camera.view_direction(view)
        self.pose(camera.fit_camera(self.drawing.box, direction, (width - self.left) / height))
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
        """Cut off what lies outside the axes, where a layer wants it."""
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
        """Whether a layer, or the axes, is shown."""
        if key == "axes":
            return self.overlay.axes_visible
        return bool(self.actors[key].mesh.actor.GetVisibility())

    def set_visible(self, key: str, visible: bool) -> None:
        """Show or hide a layer, or the axes."""
        if key == "axes":
            self.overlay.axes_visible = visible
            return
        self.actors[key].mesh.actor.SetVisibility(visible)
        if key in self.ghosts:
            self._show_time(key)

    def set_step(self, step: int | None) -> None:
        """Show trajectories up to a step, what comes later as a ghost; all for ``None``."""
        self.step = step if step is None or step < self.drawing.n_steps - 1 else None
        for key in self.ghosts:
            self.actors[key].set_step(self.step)
            self._show_time(key)

    def _show_time(self, key: str) -> None:
        """Show what is to come and what is now, unless the layer is hidden or over."""
        shown = self.step is not None and self.is_visible(key)
        self.ghosts[key].mesh.actor.SetVisibility(shown)
        self.cursors[key].set_step(self.step if shown else None)

    def render(self) -> None:
        """Draw a frame."""
        self.window.Render()

    def pixels(self, transparent: bool = False) -> Array:
        """Draw a frame and return it, ``(height, width, 3)``, or with alpha if transparent."""
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
        frame: Array = flat.reshape(height, width, -1)[::-1].copy()
        return frame

    def close(self) -> None:
        """Free the window; vedo alone would keep that of a hidden one."""
        window = self.window
        self.renderer.RemoveObserver(self._observer)
        self.renderer.RemoveAllViewProps()
        self.plotter.close()
        window.Finalize()
        self.__dict__.clear()

    def _before_frame(self, *_: Any) -> None:
        """Show the walls behind the scene, and put the labels at their edges."""
        eye, box = self.renderer.GetActiveCamera(), self.drawing.box
        position = np.array(eye.GetPosition())
        far = camera.far_walls(box, position)
        for pair, side in zip(self.walls, far, strict=True):
            for wall, shown in zip(pair, (side == 0, side == 1), strict=True):
                wall.actor.SetVisibility(shown and self.overlay.axes_visible)
        ends = self.to_pixels(camera.label_edges(box, position).reshape(-1, 3))
        self.overlay.place(self.size, ends.reshape(3, 2, 3)[..., :2])


def open_window(
    size: tuple[int, int], *, offscreen: bool = True, ratio: float = 1.0, n_parts: int = 1
) -> vedo.Plotter:
    """Open a window of one or more parts side by side.

    Args:
        size: Width and height in pixels.
        offscreen: Whether it stays invisible.
        ratio: Pixels drawn for each pixel asked for.
        n_parts: How many drawings it will show.

    Raises:
        RuntimeError: If OpenGL does not work; the message says what to install.
    """
    with _settings(**_smoothing(require_opengl(), ratio)):
        pixels = tuple(round(side * ratio) for side in size)
        shape: dict[str, Any] = {"shape": (1, n_parts), "sharecam": False}
        return vedo.Plotter(size=pixels, offscreen=offscreen, title="pyrnn", axes=0, **shape)


def _grid(lines: Array, ratio: float) -> vedo.Lines:
    return vedo.Lines(lines[:, 0], lines[:, 1]).c(RULE).linewidth(1.1 * ratio).lighting("off")


def _sides(box: Array) -> list[vtkPlane]:
    """Return the planes of a box, facing inwards."""
    planes = []
    for axis, side in itertools.product(range(3), range(2)):
        plane = vtkPlane()
        plane.SetOrigin(*box[side])
        plane.SetNormal(*(np.eye(3)[axis] * (1 - 2 * side)))
        planes.append(plane)
    return planes


def _smoothing(opengl: OpenGL, ratio: float) -> dict[str, Any]:
    """Return how edges are made smooth; several samples and FXAA together would draw black.

    Pictures that are drawn larger and shrunk need nothing; a graphics card takes several samples a
    pixel for free; where the processor draws, smoothing the finished picture is four times faster.
    """
    if ratio > 1:
        return {"multi_samples": 0, "use_fxaa": False}
    if opengl.is_software:
        return {"multi_samples": 0, "use_fxaa": True}
    return {"multi_samples": SAMPLES, "use_fxaa": False}


@contextmanager
def _settings(**more: Any) -> Iterator[None]:
    """Make a window with the settings that work, and leave the user's as they were."""
    wanted = {**SETTINGS, **more}
    before = {name: getattr(vedo.settings, name) for name in wanted}
    current = vedo.current_plotter()
    for name, value in wanted.items():
        setattr(vedo.settings, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(vedo.settings, name, value)
        vedo.set_current_plotter(current)
