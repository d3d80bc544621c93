"""What is written over a scene: title, legend, color scale and axis labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from vtkmodules.vtkRenderingCore import vtkTextActor

from pyrnn.palette import INK, colormap, rgb
from pyrnn.render.image import image_actor
from pyrnn.render.layers import Array, ColorBar, Drawing

MARGIN, ROW = 38, 29  # from the corner, between rows of the legend; in pixels
TITLE = 36  # how far below the upper edge the title stands, in pixels
LETTER = 0.58  # mean width of a letter, as a share of the size of the text


class Overlay:
    """Texts laid over a drawing, in pixels from its upper left corner.

    Args:
        drawing: What the texts are about.
        ratio: Pixels drawn for each pixel asked for.
    """

    def __init__(self, drawing: Drawing, ratio: float) -> None:
        self.ratio, self.axes_visible = ratio, True
        self.labels = [text(label, 15 * ratio, center=True) for label in drawing.labels]
        self.fixed: list[tuple[Any, float, float]] = []
        self.column = 0.0  # width of what is written at the left, which labels keep off
        if drawing.title:
            self.write(drawing.title, MARGIN, TITLE, 20, bold=True)
        self.bottom = 96.0 if drawing.title else 40.0
        for entry, color in drawing.legend:
            self.write("●", MARGIN, self.bottom, 17, color)
            self.write(entry, MARGIN + 26, self.bottom, 14.5)
            self.bottom += ROW
        if drawing.bar:
            self._add_bar(drawing.bar)

    @property
    def props(self) -> list[Any]:
        """All actors, to be added to a renderer."""
        return [*self.labels, *(actor for actor, _, _ in self.fixed)]

    def write(
        self, words: str, x: float, y: float, size: float, color: str = INK, **style: Any
    ) -> Any:
        """Add a line of text whose middle stands ``y`` below the upper edge."""
        actor = text(words, size * self.ratio, color, **style)
        self.fixed.append((actor, x, y))
        if y > TITLE:
            self.column = max(self.column, x + LETTER * size * len(words))
        return actor

    def _add_bar(self, bar: ColorBar) -> None:
        ramp = colormap(bar.scale.colormap)(np.linspace(0, 1, 256))[None].repeat(12, axis=0)
        width = round(190 * self.ratio)
        columns = np.linspace(0, 255, width).round().astype(int)
        rows = np.linspace(0, 11, round(12 * self.ratio)).round().astype(int)
        picture = (ramp[rows][:, columns] * 255).astype(np.uint8)
        top = self.bottom + 8
        self.write(bar.label, MARGIN, top, 14.5)
        self.fixed.append((image_actor(picture), MARGIN, top + 28))
        low, high = bar.scale.ends
        self.write(low, MARGIN, top + 44, 12.5)
        end = self.write(high, MARGIN + 190, top + 44, 12.5)
        end.GetTextProperty().SetJustificationToRight()
        self.bottom = top + 44 + ROW

    def place(self, size: tuple[int, int], edges: Array) -> None:
        """Put every text at its place in a picture of some size.

        Args:
            size: Width and height in pixels.
            edges: Ends of the edge that each axis label belongs to, ``(3, 2, 2)`` in pixels.
        """
        height = size[1]
        for actor, x, y in self.fixed:
            actor.SetPosition(x * self.ratio, height - y * self.ratio)
        for actor, ends in zip(self.labels, edges, strict=True):
            actor.SetVisibility(self.axes_visible)
            place = ends.mean(axis=0)
            across = np.array([ends[0, 1] - ends[1, 1], ends[1, 0] - ends[0, 0]])
            across = across / (np.linalg.norm(across) or 1)
            outward = across if across @ (place - np.array(size) / 2) >= 0 else -across
            half = 3.9 * len(actor.GetInput())
            x, y = place + outward * (20 + half * abs(outward[0])) * self.ratio
            lowest = max((below for _, _, below in self.fixed), default=0.0)
            if height - y < (lowest + ROW / 2) * self.ratio:
                x = max(x, (self.column + half + 6) * self.ratio)
            edge = (half + 6) * self.ratio
            actor.SetPosition(max(edge, min(x, size[0] - edge)), y)


def text(
    words: str, size: float, color: str = INK, *, bold: bool = False, center: bool = False
) -> Any:
    """Return a line of text in matplotlib's own font, which no machine lacks."""
    actor = vtkTextActor()
    actor.SetInput(words)
    style = actor.GetTextProperty()
    style.SetFontFamily(4)  # VTK_FONT_FILE
    style.SetFontFile(font_file(bold))
    style.SetFontSize(round(size))
    style.SetColor(*(channel / 255 for channel in rgb(color)))
    style.SetVerticalJustificationToCentered()
    if center:
        style.SetJustificationToCentered()
    return actor


def font_file(bold: bool = False) -> str:
    """Return the path of the DejaVu Sans that comes with matplotlib."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name)
