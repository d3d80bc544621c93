"""The interactive window: rotate, point at things, click them, hide layers, move through time."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from PIL import Image
from vtkmodules.vtkInteractionStyle import vtkInteractorStyleTrackballCamera

from pyrnn.files import replacing
from pyrnn.palette import SLATE
from pyrnn.render.camera import VIEWS
from pyrnn.render.image import image_actor
from pyrnn.render.layers import Card, Drawing
from pyrnn.render.opengl import has_display
from pyrnn.render.overlay import MARGIN, text
from pyrnn.render.pick import find_card
from pyrnn.render.slider import Slider
from pyrnn.render.stage import Stage, open_window

log = logging.getLogger(__name__)

CLICK = 5  # pixels the pointer may move during a click
ROW, BUTTON = 25, 52  # height of a check-box, width of a button; in pixels
PANEL = 120.0, 200.0  # pixels kept free for check-boxes, in wide and in narrow windows
NARROW = 1000  # width of a window whose scene would else lie below the check-boxes
FRAME, STEPS_PER_SECOND = 40, 60  # milliseconds between frames, speed of play
KEYS = (
    "drag to rotate · wheel to zoom · click a fixed point or an edge",
    "1–4 views · space plays · ← → step · p saves a picture · Esc closes",
)
LETTER = 6.3  # width of one in the list of keys, in pixels


def show(drawings: Sequence[Drawing], size: tuple[int, int]) -> None:
    """Open a window and return when it is closed; see :meth:`~pyrnn.render.Scene.show`."""
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
    """The behavior of a window: what happens when the user moves, clicks, or presses a key.

    Args:
        stage: What is seen.
        interactor: VTK's source of events: a window's own, or a generic one fed by a test.
        style: How the camera is turned; shared by the viewers of one window.
    """

    def __init__(self, stage: Stage, interactor: Any, style: Any = None) -> None:
        self.stage, self.interactor = stage, interactor
        self.style = style or vtkInteractorStyleTrackballCamera()
        self.card: Card | None = None
        self.playing, self._began = False, (0.0, 0)
        self._pressed: tuple[int, int] | None = None
        self._card_actor: Any = None
        self._areas: list[tuple[float, float, float, Callable[[], None]]] = []
        self._boxes: dict[str, Any] = {}
        self._add_controls()
        self.tip = text("", 14, "#FFFFFF")
        self.tip.GetTextProperty().SetBackgroundColor(0.12, 0.14, 0.16)
        self.tip.GetTextProperty().SetBackgroundOpacity(0.88)
        self.tip.SetVisibility(False)
        stage.renderer.AddViewProp(self.tip)
        width = stage.size[0]
        stage.left = min(PANEL[width < NARROW], 0.3 * width)
        stage.look("iso")
        self.slider = Slider(stage, self.set_step, self.toggle_play)
        self._connect()

    def _add_controls(self) -> None:
        """Write check-boxes, buttons and the list of keys."""
        overlay = self.stage.overlay
        before = len(overlay.fixed)
        y = overlay.bottom + 16
        for key in [*self.stage.actors, "axes"]:
            self._boxes[key] = overlay.write("", MARGIN, y, 14.5)
            self._areas.append((MARGIN - 4, y, 200, lambda key=key: self.toggle(key)))  # type: ignore[misc]
            self._mark(key)
            y += ROW
        for i, view in enumerate(VIEWS):
            x = MARGIN + i * BUTTON
            overlay.write(view, x, y + 8, 14, SLATE)
            self._areas.append((x - 4, y + 8, BUTTON - 4, lambda view=view: self.look(view)))  # type: ignore[misc]
        overlay.column = max(overlay.column, MARGIN + len(VIEWS) * BUTTON)
        for actor, _, _ in overlay.fixed[before:]:
            self.stage.renderer.AddViewProp(actor)
        self.keys = text("", 11.5, SLATE, center=True)
        self.stage.renderer.AddViewProp(self.keys)

    def _mark(self, key: str) -> None:
        """Tick or clear a check-box."""
        on = self.stage.is_visible(key)
        note = "" if key == "axes" else self.stage.actors[key].layer.note
        self._boxes[key].SetInput(f"{'☑' if on else '☐'} {key}{f' ({note})' if note else ''}")
        shade = 0.12 if on else 0.5
        self._boxes[key].GetTextProperty().SetColor(shade, shade, shade)

    def _connect(self) -> None:
        self.interactor.SetInteractorStyle(self.style)
        self.interactor.RemoveObservers("CharEvent")  # q, w, s … of VTK
        listen: Any = self.interactor
        self._tags = {
            name: listen.AddObserver(name, action, 1.0)
            for name, action in (
                ("LeftButtonPressEvent", self._press),
                ("LeftButtonReleaseEvent", self._release),
                ("MouseMoveEvent", self._move),
                ("KeyPressEvent", self._key),
                ("TimerEvent", self._tick),
            )
        }
        style: Any = self.style
        style.AddObserver("EndInteractionEvent", self._end_drag)
        self.stage.renderer.AddObserver("StartEvent", self._layout, 1.0)

    def start(self) -> None:
        """Open the window and wait until it is closed."""
        self.interactor.Initialize()
        self.stage.render()
        self.interactor.CreateRepeatingTimer(FRAME)
        self.interactor.Start()

    def _layout(self, *_: Any) -> None:
        width, height = self.stage.size
        self.keys.SetInput(_fitting_keys(width))
        self.keys.SetPosition(width / 2, 14)
        self.slider.place(width)
        if self._card_actor:
            columns, rows = self._card_actor.GetMapper().GetInput().GetDimensions()[:2]
            self._card_actor.SetPosition(width - columns - 20, height - rows - 20)

    # what can be done

    def toggle(self, key: str) -> None:
        """Show a hidden layer, hide a shown one."""
        self.stage.set_visible(key, not self.stage.is_visible(key))
        self._mark(key)
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
        """Play from here, or from the start if this is the end; or pause."""
        self.playing = not self.playing
        over = self.slider.step >= self.stage.drawing.n_steps - 1
        self._began = time.monotonic(), 0 if over else self.slider.step
        self.slider.playing = self.playing
        self.stage.render()

    def show_card(self, card: Card | None) -> None:
        """Show the card of a fixed point or an edge; none for ``None``."""
        if self._card_actor:
            self.stage.renderer.RemoveViewProp(self._card_actor)
            self._card_actor = None
        self.card = card
        if card:
            from pyrnn.render.card import card_pixels

            self._card_actor = image_actor(card_pixels(card, self.stage.overlay.ratio))
            self.stage.renderer.AddViewProp(self._card_actor)
        self.stage.render()

    def save_picture(self, path: str | Path = "scene.png") -> Path:
        """Write what is seen to a file that does not exist yet."""
        wanted = Path(path)
        names = (wanted.with_stem(f"{wanted.stem}-{i}") for i in range(2, 10_000))
        free = wanted if not wanted.exists() else next(n for n in names if not n.exists())
        with replacing(free) as partial:
            Image.fromarray(self.stage.pixels()).save(partial)
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
        """Whether the pointer is over this part of the window, or over none and this is first."""
        over = self.interactor.FindPokedRenderer(*self.interactor.GetEventPosition())
        return over is self.stage.renderer

    def _stop(self, event: str) -> None:
        """Keep an event from turning the camera."""
        self.interactor.GetCommand(self._tags[event]).SetAbortFlag(1)

    def _press(self, _: Any, event: str) -> None:
        self._pressed = self._pointer() if self._is_meant() else None
        if self._pressed is None:
            return None
        x, y = self._pressed
        from_top = self.stage.size[1] - y
        for left, middle, width, act in self._areas:
            if left <= x <= left + width and abs(from_top - middle) <= ROW / 2:
                act()
                return self._stop(event)
        if self.slider.press(x, y):
            self._stop(event)

    def _release(self, _: Any, event: str) -> None:
        if self.slider.release():
            self._stop(event)

    def _move(self, _: Any, event: str) -> None:
        x, y = self._pointer()
        if self.slider.drag(x):
            return self._stop(event)
        if self.style.GetState() == 0:  # not turning
            self._hover(x, y)
        return None

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

    def _end_drag(self, *_: Any) -> None:
        """A press that was hardly moved is a click."""
        if self._pressed is None:
            return
        (x, y), (x0, y0) = self._pointer(), self._pressed
        if abs(x - x0) < CLICK and abs(y - y0) < CLICK:
            self.show_card(find_card(self.stage, x, y))

    def _key(self, *_: Any) -> None:
        key = self.interactor.GetKeySym()
        if not self._is_meant():
            return
        actions: dict[str, Callable[[], Any]] = {
            "Escape": self.close,
            "q": self.close,
            "space": self.toggle_play,
            "p": self.save_picture,
            "Left": lambda: self.set_step(self.slider.step - 1),
            "Right": lambda: self.set_step(self.slider.step + 1),
        }
        for i, view in enumerate(VIEWS):
            actions[str(i + 1)] = lambda view=view: self.look(view)  # type: ignore[misc]
        if key in actions:
            actions[key]()

    def _tick(self, *_: Any) -> None:
        if not self.playing:
            return
        began, first = self._began
        self.set_step(first + int((time.monotonic() - began) * STEPS_PER_SECOND))
        if self.slider.step >= self.stage.drawing.n_steps - 1:
            self.toggle_play()


def _fitting_keys(width: float) -> str:
    """Return the list of keys, or as much of it as can be read in a window of some width."""
    for words in (" · ".join(KEYS), KEYS[1]):
        if LETTER * len(words) < width:
            return words
    return ""
