"""A drawing set up in a VTK window: actors, axes, legend and camera, on a screen or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import vedo
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

from ..palette import RULE
from .actors import GHOST, Actor
from .camera import VIEW_ANGLE, Pose, far_walls, fit_camera, label_edges, view_direction, walls
from .layers import Array, Curves, Drawing
from .opengl import choose_window
from .overlay import Overlay

SETTINGS = {
    "default_backend": "vtk",
    "enable_default_keyboard_callbacks": False,  # its Esc ends the user's session
    "enable_default_mouse_callbacks": False,
    "multi_samples": 0,  # with FXAA or peeling, anything else draws black
    "use_depth_peeling": True,
    "max_number_of_peels": 6,
    "use_fxaa": True,
}


class Stage:
    """A drawing in a window of its own.

    Args:
        drawing: What to draw.
        size: Width and height in pixels.
        offscreen: Whether the window stays invisible.
        ratio: Pixels drawn for each pixel asked for; texts grow with it.
        controls: Whether room is kept for a window's check-boxes and keys.
    """

    def __init__(
        self,
        drawing: Drawing,
        size: tuple[int, int],
        *,
        offscreen: bool = True,
        ratio: float = 1.0,
    ) -> None:
        self.drawing = drawing
        choose_window()
        with _settings():
            pixels = tuple(round(side * ratio) for side in size)
            self.plotter = vedo.Plotter(size=pixels, offscreen=offscreen, title="pyrnn", axes=0)
        self.window, self.renderer = self.plotter.window, self.plotter.renderer
        self.actors = {layer.key: Actor(layer) for layer in drawing.layers}
        self.ghosts = {
            key: Actor(actor.layer)
            for key, actor in self.actors.items()
            if isinstance(actor.layer, Curves) and actor.layer.times is not None
        }
        self.walls = [[_grid(lines, ratio) for lines in pair] for pair in walls(drawing.box)]
        self.overlay = Overlay(drawing, ratio)
        self.step: int | None = None
        self._populate()
        self.look("iso")

    def _populate(self) -> None:
        for key, actor in self.actors.items():
            self.renderer.AddActor(actor.mesh.actor)
            actor.mesh.actor.SetVisibility(actor.layer.visible)
            if key in self.ghosts:
                ghost = self.ghosts[key].mesh.alpha(GHOST).actor
                ghost.SetVisibility(False)
                self.renderer.AddActor(ghost)
        for wall in (wall for pair in self.walls for wall in pair):
            self.renderer.AddActor(wall.actor)
        for prop in self.overlay.props:
            self.renderer.AddViewProp(prop)
        self._observer = self.renderer.AddObserver("StartEvent", self._before_frame)

    def look(self, view: str) -> None:
        """Move the camera to a named view."""
        width, height = self.window.GetSize()
        self.pose(fit_camera(self.drawing.box, view_direction(view), width / height))

    def pose(self, pose: Pose) -> None:
        """Move the camera."""
        camera = self.renderer.GetActiveCamera()
        camera.SetViewAngle(VIEW_ANGLE)
        camera.SetPosition(pose.position)
        camera.SetFocalPoint(pose.focus)
        camera.SetViewUp(pose.up)
        self.renderer.ResetCameraClippingRange()

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
            self.ghosts[key].mesh.actor.SetVisibility(visible and self.step is not None)

    def set_step(self, step: int | None) -> None:
        """Show trajectories up to a step, what comes later as a ghost; all for ``None``."""
        self.step = step if step is None or step < self.drawing.n_steps - 1 else None
        for key, ghost in self.ghosts.items():
            self.actors[key].set_step(self.step)
            ghost.mesh.actor.SetVisibility(self.step is not None and self.is_visible(key))

    def render(self) -> None:
        """Draw a frame."""
        self.window.Render()

    def pixels(self, transparent: bool = False) -> Array:
        """Draw a frame and return it, ``(height, width, 3)``; with four channels if transparent."""
        self.window.SetAlphaBitPlanes(1)
        self.renderer.SetBackgroundAlpha(0.0 if transparent else 1.0)
        self.render()
        grab = vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
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
        camera = self.renderer.GetActiveCamera()
        position, box = np.array(camera.GetPosition()), self.drawing.box
        far = far_walls(box, position)
        for pair, side in zip(self.walls, far, strict=True):
            for wall, shown in zip(pair, (side == 0, side == 1), strict=True):
                wall.actor.SetVisibility(shown and self.overlay.axes_visible)
        self.overlay.place(self.renderer, label_edges(box, position))


def _grid(lines: Array, ratio: float) -> vedo.Lines:
    return vedo.Lines(lines[:, 0], lines[:, 1]).c(RULE).linewidth(1.1 * ratio).lighting("off")


@contextmanager
def _settings() -> Iterator[None]:
    """Make a window with the settings that work, and leave the user's as they were."""
    before = {name: getattr(vedo.settings, name) for name in SETTINGS}
    current = vedo.current_plotter()
    for name, value in SETTINGS.items():
        setattr(vedo.settings, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(vedo.settings, name, value)
        vedo.set_current_plotter(current)
