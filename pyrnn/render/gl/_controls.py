"""Check-boxes, buttons and the list of keys, written over the scene in a window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from vtkmodules.vtkRenderingCore import vtkTextActor

from pyrnn.palette import SLATE
from pyrnn.render._camera import VIEWS
from pyrnn.render.gl._overlay import MARGIN, text
from pyrnn.render.gl._stage import Stage

__all__ = ["Controls"]

_ROW, _BUTTON = 25, 52  # height of a check-box, width of a button; in pixels
_SLACK = 4  # pixels to the left of a text that belong to it
_BOX = 200  # width of a check-box with its text, in pixels
_KEYS = (
    "drag to rotate · wheel to zoom · click a fixed point or an edge",
    "1–4 views · space plays · ← → step · p saves a picture · Esc closes",
)
_LETTER = 6.3  # width of a letter in the list of keys, in pixels


class _Area(NamedTuple):
    """A rectangle that can be clicked, in pixels from the upper left corner."""

    left: float
    middle: float  # from the upper edge to its middle
    width: float
    act: Callable[[], None]

    def holds(self, x: float, from_top: float) -> bool:
        """Return whether a place lies inside."""
        is_beside = self.left <= x <= self.left + self.width
        return is_beside and abs(from_top - self.middle) <= _ROW / 2


class Controls:
    """A check-box for each layer, a button for each view, and the list of keys.

    Args:
        stage: Where they are written.
        toggle: Called with the name of the layer whose check-box is clicked.
        look: Called with the view whose button is clicked.

    Example:
        >>> import numpy as np
        >>> from pyrnn.render import Scene, probe_opengl
        >>> drawing, clicked = Scene(np.eye(11)[:, :4]).drawing, []
        >>> if probe_opengl().ok:
        ...     stage = Stage(drawing, (600, 400))
        ...     controls = Controls(stage, clicked.append, clicked.append)
        ...     controls.place(600)
        ...     for area in controls.areas[1:3]:
        ...         assert controls.press(area.left + 5, 400 - area.middle)
        ...     assert clicked == ["axes", "iso"]
        ...     stage.set_visible("axes", False)
        ...     controls.mark("axes")
        ...     assert controls.boxes["axes"].GetInput() == "☐ axes"
        ...     stage.close()
    """

    def __init__(
        self, stage: Stage, toggle: Callable[[str], None], look: Callable[[str], None]
    ) -> None:
        self.stage = stage
        self.areas: list[_Area] = []
        self.boxes: dict[str, vtkTextActor] = {}
        before = len(stage.overlay.fixed)
        self._add_boxes(toggle)
        self._add_buttons(look)
        for actor, _, _ in stage.overlay.fixed[before:]:
            stage.renderer.AddViewProp(actor)
        self.keys = text("", 11.5, SLATE, center=True)
        stage.renderer.AddViewProp(self.keys)

    def _add_boxes(self, toggle: Callable[[str], None]) -> None:
        y = self.stage.overlay.bottom + 16
        for key in [*self.stage.actors, "axes"]:
            self.boxes[key] = self.stage.overlay.write("", MARGIN, y, 14.5)
            self.areas.append(_Area(MARGIN - _SLACK, y, _BOX, partial(toggle, key)))
            self.mark(key)
            y += _ROW

    def _add_buttons(self, look: Callable[[str], None]) -> None:
        overlay = self.stage.overlay
        y = overlay.bottom + 16 + _ROW * len(self.boxes) + 8
        for i, view in enumerate(VIEWS):
            x = MARGIN + i * _BUTTON
            overlay.write(view, x, y, 14, SLATE)
            self.areas.append(_Area(x - _SLACK, y, _BUTTON - _SLACK, partial(look, view)))
        overlay.column = max(overlay.column, MARGIN + len(VIEWS) * _BUTTON)

    def mark(self, key: str) -> None:
        """Tick or clear a check-box, as its layer is shown or hidden."""
        on = self.stage.is_visible(key)
        note = "" if key == "axes" else self.stage.actors[key].layer.note
        self.boxes[key].SetInput(f"{'☑' if on else '☐'} {key}{f' ({note})' if note else ''}")
        shade = 0.12 if on else 0.5
        self.boxes[key].GetTextProperty().SetColor(shade, shade, shade)

    def press(self, x: float, y: float) -> bool:
        """Return whether a press of the mouse was on a control, after acting on it."""
        for area in self.areas:
            if area.holds(x, self.stage.size[1] - y):
                area.act()
                return True
        return False

    def place(self, width: float) -> None:
        """Write the list of keys, as far as it fits into a window of some width."""
        self.keys.SetInput(_fitting_keys(width))
        self.keys.SetPosition(width / 2, 14)


def _fitting_keys(width: float) -> str:
    """Return the list of keys, or the part of it that fits into some width."""
    for words in (" · ".join(_KEYS), _KEYS[1]):
        if _LETTER * len(words) < width:
            return words
    return ""
