"""Feed a viewer with events as a person would make them, without a screen."""

from __future__ import annotations

from typing import Any

from vtkmodules.vtkRenderingUI import vtkGenericRenderWindowInteractor

from pyrnn.render.gl._stage import Stage
from pyrnn.render.gl._window import Viewer


class Hand:
    """A mouse and a keyboard for a window that nobody sees."""

    def __init__(self, stage: Stage, interactor: Any = None, style: Any = None) -> None:
        self.stage = stage
        self.interactor = interactor or vtkGenericRenderWindowInteractor()
        if interactor is None:
            self.interactor.SetRenderWindow(stage.window)
            self.interactor.Initialize()
        self.viewer = Viewer(stage, self.interactor, style)
        stage.render()

    def _event(self, name: str, x: float, y: float) -> None:
        self.interactor.SetEventInformation(round(x), round(y), 0, 0, "\0", 0, "")
        self.interactor.InvokeEvent(name)

    def move(self, x: float, y: float) -> None:
        self._event("MouseMoveEvent", x, y)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self._event("LeftButtonPressEvent", *start)
        for share in (0.25, 0.5, 0.75, 1.0):
            x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
            self.move(x, y)
        self._event("LeftButtonReleaseEvent", *end)

    def click(self, x: float, y: float) -> None:
        self.move(x, y)
        self._event("LeftButtonPressEvent", x, y)
        self._event("LeftButtonReleaseEvent", x, y)

    def key(self, symbol: str) -> None:
        self.interactor.SetKeySym(symbol)
        self.interactor.InvokeEvent("KeyPressEvent")
