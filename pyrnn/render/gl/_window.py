"""The interactive window: rotate, point, click, hide layers, move through time."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from PIL import Image
from vtkmodules.vtkInteractionStyle import vtkInteractorStyleTrackballCamera
from vtkmodules.vtkRenderingCore import vtkActor2D, vtkRenderWindowInteractor

from pyrnn.files import replacing
from pyrnn.render._camera import VIEWS
from pyrnn.render._drawing import Card, Drawing
from pyrnn.render.gl._controls import Controls
from pyrnn.render.gl._images import image_actor
from pyrnn.render.gl._opengl import has_display
from pyrnn.render.gl._overlay import text
from pyrnn.render.gl._pick import find_card
from pyrnn.render.gl._plotter import open_window
from pyrnn.render.gl._slider import Slider
from pyrnn.render.gl._stage import Stage

__all__ = ["Viewer", "show"]

log = logging.getLogger(__name__)

_CLICK = 5  # pixels that the pointer may move during a click
_PANEL = 120.0, 200.0  # pixels kept free for check-boxes, in wide and in narrow windows
_NARROW = 1000  # width of a window below which the scene would lie under the check-boxes
_FRAME, _STEPS_PER_SECOND = 40, 60  # milliseconds from frame to frame, speed of play
_CORNER = 20  # pixels from the card to the edges of the window


def show(drawings: Sequence[Drawing], size: tuple[int, int]) -> None:
    """Open a window, as :meth:`~pyrnn.render.Scene.show` does.

    Example:
        >>> show([], (1280, 860))  # doctest: +SKIP
    """
    if not has_display():
        warnings.warn(
            "expected a display to open a window on, got none (DISPLAY is not set): nothing is "
            "shown; scene.save('scene.html') and scene.screenshot('scene.png') need no display",
            stacklevel=3,
        )
        return
    window = open_window(size, offscreen=False, n_parts=len(drawings))
    with ExitStack() as opened:
        style, viewers = vtkInteractorStyleTrackballCamera(), []
        for index, drawing in enumerate(drawings):
            stage = Stage(drawing, size, part=(window, index))
            opened.callback(stage.close)
            viewers.append(Viewer(stage, window.interactor, style))
        viewers[0].start()


class Viewer:
    """What a window does when the user moves the mouse, clicks or presses a key.

    Args:
        stage: What is seen.
        interactor: Where VTK reports events: that of a window, or one that a test feeds.
        style: How the camera is turned; the viewers of one window share it.

    Example:
        >>> import numpy as np
        >>> from pyrnn.render import Scene, probe_opengl
        >>> drawing = Scene(np.random.default_rng(0).normal(size=(3, 11, 4))).drawing
        >>> path = getfixture("tmp_path") / "seen.png"
        >>> if probe_opengl().ok:
        ...     stage = Stage(drawing, (600, 400))
        ...     viewer = Viewer(stage, vtkRenderWindowInteractor())
        ...     viewer.toggle("trajectories")
        ...     viewer.look("top")
        ...     viewer.set_step(3)
        ...     viewer.toggle_play()
        ...     viewer.show_card(Card("fixed point 0", "stable", "#009E73"))
        ...     assert viewer.save_picture(path) == path
        ...     viewer.close()
        ...     stage.close()
        >>> viewer.start()  # doctest: +SKIP
    """

    def __init__(
        self,
        stage: Stage,
        interactor: vtkRenderWindowInteractor,
        style: vtkInteractorStyleTrackballCamera | None = None,
    ) -> None:
        self.stage, self.interactor = stage, interactor
        self.style = style or vtkInteractorStyleTrackballCamera()
        self.card: Card | None = None
        self.playing, self._began = False, (0.0, 0)
        self._pressed: tuple[int, int] | None = None
        self._card_actor: vtkActor2D | None = None
        self._card_size = 0, 0
        self.controls = Controls(stage, self.toggle, self.look)
        self.tip = text("", 14, "#FFFFFF")
        self.tip.GetTextProperty().SetBackgroundColor(0.12, 0.14, 0.16)
        self.tip.GetTextProperty().SetBackgroundOpacity(0.88)
        self.tip.SetVisibility(False)
        stage.renderer.AddViewProp(self.tip)
        width = stage.size[0]
        stage.left = min(_PANEL[width < _NARROW], 0.3 * width)
        stage.look("iso")
        self.slider = Slider(stage, self.set_step, self.toggle_play)
        self._connect()

    def _connect(self) -> None:
        self.interactor.SetInteractorStyle(self.style)
        self.interactor.RemoveObservers("CharEvent")  # VTK's own keys: q, w, s …
        self._tags = {  # the stubs of VTK know no events by name
            name: self.interactor.AddObserver(name, action, 1.0)  # type: ignore[arg-type]
            for name, action in (
                ("LeftButtonPressEvent", self._press),
                ("LeftButtonReleaseEvent", self._release),
                ("MouseMoveEvent", self._move),
                ("KeyPressEvent", self._key),
                ("TimerEvent", self._tick),
            )
        }
        self.style.AddObserver("EndInteractionEvent", self._end_drag)  # type: ignore[arg-type]
        self.stage.renderer.AddObserver("StartEvent", self._layout, 1.0)

    def start(self) -> None:
        """Open the window and wait until it is closed."""
        self.interactor.Initialize()
        self.stage.render()
        self.interactor.CreateRepeatingTimer(_FRAME)
        self.interactor.Start()

    def _layout(self, *_: object) -> None:
        width, height = self.stage.size
        self.controls.place(width)
        self.slider.place(width)
        if self._card_actor:
            left, top = (width - self._card_size[0], height - self._card_size[1])
            self._card_actor.SetPosition(left - _CORNER, top - _CORNER)
            self.stage.overlay.card = self._card_size[0] + _CORNER, self._card_size[1] + _CORNER

    # what can be done

    def toggle(self, key: str) -> None:
        """Show a hidden layer, hide a shown one."""
        self.stage.set_visible(key, not self.stage.is_visible(key))
        self.controls.mark(key)
        self.stage.render()

    def look(self, view: str) -> None:
        """Move the camera to a named view."""
        self.stage.look(view)
        self.stage.render()

    def set_step(self, step: int) -> None:
        """Move to a step in time."""
        self.slider.step = max(0, min(step, self.stage.drawing.n_steps - 1))
        self.stage.set_step(self.slider.step)
        self.stage.render()

    def toggle_play(self) -> None:
        """Pause; or play from here, or from the start if this is the end."""
        self.playing = not self.playing
        over = self.slider.step >= self.stage.drawing.n_steps - 1
        self._began = time.monotonic(), 0 if over else self.slider.step
        self.slider.playing = self.playing
        self.stage.render()

    def show_card(self, card: Card | None) -> None:
        """Show the card of a fixed point or an edge; none for ``None``."""
        if self._card_actor:
            self.stage.renderer.RemoveViewProp(self._card_actor)
            self._card_actor, self.stage.overlay.card = None, (0, 0)
        self.card = card
        if card:
            from pyrnn.render.gl._card import card_pixels  # matplotlib takes time to import

            pixels = card_pixels(card, self.stage.overlay.ratio)
            self._card_actor, self._card_size = image_actor(pixels), pixels.shape[1::-1]
            self.stage.renderer.AddViewProp(self._card_actor)
        self.stage.render()

    def save_picture(self, path: str | os.PathLike[str] = "scene.png") -> Path:
        """Write what is seen to a new file.

        Args:
            path: Where to write it. If that exists, a number is added to the name.

        Returns:
            The path that was written.
        """
        wanted = Path(path)
        names = (wanted.with_stem(f"{wanted.stem}-{i}") for i in range(2, 10_000))
        free = wanted if not wanted.exists() else next(n for n in names if not n.exists())
        with replacing(free) as unfinished:
            Image.fromarray(self.stage.pixels()).save(unfinished)
        log.info("saved %s", free)
        return free

    def close(self) -> None:
        """Close the window; Python goes on."""
        self.playing = False
        self.interactor.TerminateApp()

    # events

    def _pointer(self) -> tuple[int, int]:
        """Return where the pointer is in this part of the window."""
        x, y = self.interactor.GetEventPosition()
        left, bottom = self.stage.renderer.GetOrigin()
        return x - left, y - bottom

    def _is_meant(self) -> bool:
        """Return whether the pointer is over this part of the window."""
        over = self.interactor.FindPokedRenderer(*self.interactor.GetEventPosition())
        return over is self.stage.renderer

    def _stop(self, event: str) -> None:
        """Keep an event from turning the camera."""
        self.interactor.GetCommand(self._tags[event]).SetAbortFlag(1)

    def _press(self, _: object, event: str) -> None:
        self._pressed = self._pointer() if self._is_meant() else None
        if self._pressed and (
            self.controls.press(*self._pressed) or self.slider.press(*self._pressed)
        ):
            self._stop(event)

    def _release(self, _: object, event: str) -> None:
        if self.slider.release():
            self._stop(event)

    def _move(self, _: object, event: str) -> None:
        x, y = self._pointer()
        if self.slider.drag(x):
            self._stop(event)
        elif self.style.GetState() == 0:  # not turning
            self._hover(x, y)

    def _hover(self, x: int, y: int) -> None:
        """Name what is under the pointer."""
        found = find_card(self.stage, x, y) if self._is_meant() else None
        words = f" {found.tip} " if found else ""
        if words == self.tip.GetInput() and not words:
            return
        self.tip.SetInput(words)
        self.tip.SetVisibility(bool(words))
        self.tip.SetPosition(x + 14, y - 20)
        self.stage.render()

    def _end_drag(self, *_: object) -> None:
        """Show the card of what was clicked, if the mouse hardly moved."""
        if self._pressed is None:
            return
        (x, y), (x0, y0) = self._pointer(), self._pressed
        if abs(x - x0) < _CLICK and abs(y - y0) < _CLICK:
            self.show_card(find_card(self.stage, x, y))

    def _key(self, *_: object) -> None:
        if not self._is_meant():
            return
        step = self.slider.step
        actions: dict[str, Callable[[], object]] = {
            "Escape": self.close,
            "q": self.close,
            "space": self.toggle_play,
            "p": self.save_picture,
            "Left": partial(self.set_step, step - 1),
            "Right": partial(self.set_step, step + 1),
        }
        actions |= {str(i): partial(self.look, view) for i, view in enumerate(VIEWS, start=1)}
        key = self.interactor.GetKeySym()
        if key in actions:
            actions[key]()

    def _tick(self, *_: object) -> None:
        if not self.playing:
            return
        began, first = self._began
        self.set_step(first + int((time.monotonic() - began) * _STEPS_PER_SECOND))
        if self.slider.step >= self.stage.drawing.n_steps - 1:
            self.toggle_play()
