"""The time slider of the window, with its play button."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pyrnn.palette import SLATE
from pyrnn.render.gl._images import image_actor
from pyrnn.render.gl._overlay import text
from pyrnn.render.gl._stage import Stage

__all__ = ["Slider"]

_LENGTH = 430  # of the track, in pixels
_BOTTOM = 52  # pixels from the lower edge of the window to the track
_REACH = 14  # pixels from the track or the button within which a press counts
_SIDES = 170  # pixels left free for the button and the step, in narrow windows
_BUTTON = 28  # pixels from the button to the track


class Slider:
    """A track with a knob, the present step, and a button that plays.

    Args:
        stage: Where it is drawn.
        move: Called with the step that the user chooses.
        play: Called when the button is clicked.

    Example:
        >>> from pyrnn.render import Scene, probe_opengl
        >>> drawing, chosen = Scene(np.random.randn(3, 11, 4)).drawing, []
        >>> if probe_opengl().ok:
        ...     stage = Stage(drawing, (600, 400))
        ...     slider = Slider(stage, chosen.append, lambda: None)
        ...     slider.place(600)
        ...     assert slider.press(slider.x_of(5), 52)
        ...     assert slider.drag(slider.x_of(2)) and slider.release()
        ...     assert chosen == [5, 2]
        ...     stage.close()
    """

    def __init__(
        self, stage: Stage, move: Callable[[int], None], play: Callable[[], None]
    ) -> None:
        self.drawing, self.n_steps = stage.drawing, stage.drawing.n_steps
        self.length = round(min(_LENGTH, max(60, stage.size[0] - _SIDES)))
        self.step = self.n_steps - 1
        self.playing, self.dragged, self.left = False, False, 0.0
        self._move, self._play = move, play
        pixels = np.full((4, self.length, 3), 225, np.uint8)
        self.track = image_actor(pixels)
        self.knob = text("●", 22, SLATE, center=True)
        self.button = text("▶", 17, SLATE, center=True)
        self.clock = text("", 14.5, SLATE)
        for actor in (self.track, self.knob, self.button, self.clock):
            actor.SetVisibility(self.n_steps > 1)
            stage.renderer.AddViewProp(actor)

    def place(self, width: int) -> None:
        """Lay the slider out in a window of some width."""
        self.left = (width - self.length) / 2
        self.track.SetPosition(self.left, _BOTTOM - 2)
        self.knob.SetPosition(self.x_of(self.step), _BOTTOM)
        self.button.SetPosition(self.left - _BUTTON, _BOTTOM)
        self.button.SetInput("▮▮" if self.playing else "▶")
        self.clock.SetPosition(self.left + self.length + 18, _BOTTOM)
        self.clock.SetInput(self.drawing.moment(self.step))

    def x_of(self, step: int) -> float:
        """Return where the knob stands at a step, in pixels from the left."""
        return self.left + self.length * step / max(self.n_steps - 1, 1)

    def press(self, x: float, y: float) -> bool:
        """Return whether a press of the mouse was on the slider, after acting on it."""
        if self.n_steps < 2 or abs(y - _BOTTOM) > _REACH:
            return False
        if abs(x - (self.left - _BUTTON)) <= _REACH:
            self._play()
            return True
        self.dragged = self.left - _REACH <= x <= self.left + self.length + _REACH
        return self.drag(x)

    def drag(self, x: float) -> bool:
        """Return whether the knob is held, after moving it to the pointer."""
        if self.dragged:
            self._move(round((x - self.left) / self.length * (self.n_steps - 1)))
        return self.dragged

    def release(self) -> bool:
        """Return whether the knob was held, after letting it go."""
        held, self.dragged = self.dragged, False
        return held
