"""The time slider of the window, with its play button."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pyrnn.palette import SLATE
from pyrnn.render.image import image_actor
from pyrnn.render.overlay import text
from pyrnn.render.stage import Stage

LENGTH, BOTTOM, REACH = 430, 52, 14  # of the track, its height in the window, for a hit; pixels
SIDES = 170  # pixels left for button and step, in narrow windows


class Slider:
    """A track, a knob, the present step, and a button that plays.

    Args:
        stage: Where it is drawn.
        move: Called with the step that the user wants.
        play: Called when the button is clicked.
    """

    def __init__(
        self, stage: Stage, move: Callable[[int], None], play: Callable[[], None]
    ) -> None:
        self.n_steps = stage.drawing.n_steps
        self.length = round(min(LENGTH, max(60, stage.size[0] - SIDES)))
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
        self.track.SetPosition(self.left, BOTTOM - 2)
        self.knob.SetPosition(self.x_of(self.step), BOTTOM)
        self.button.SetPosition(self.left - 28, BOTTOM)
        self.button.SetInput("▮▮" if self.playing else "▶")
        self.clock.SetPosition(self.left + self.length + 18, BOTTOM)
        self.clock.SetInput(f"{self.step}")

    def x_of(self, step: int) -> float:
        """Return where the knob stands for a step, in pixels from the left."""
        return self.left + self.length * step / max(self.n_steps - 1, 1)

    def press(self, x: float, y: float) -> bool:
        """Take a press of the mouse; whether it was meant for the slider."""
        if self.n_steps < 2 or abs(y - BOTTOM) > REACH:
            return False
        if abs(x - (self.left - 28)) <= REACH:
            self._play()
            return True
        self.dragged = self.left - REACH <= x <= self.left + self.length + REACH
        return self.drag(x)

    def drag(self, x: float) -> bool:
        """Follow the pointer; whether the knob is held."""
        if self.dragged:
            self._move(round((x - self.left) / self.length * (self.n_steps - 1)))
        return self.dragged

    def release(self) -> bool:
        """Let the knob go; whether it was held."""
        held, self.dragged = self.dragged, False
        return held
