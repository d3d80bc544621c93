"""What is written over a scene: title, legend, color scale and axis labels."""

from __future__ import annotations

import functools
import textwrap
import warnings
from pathlib import Path

import matplotlib
import numpy as np
from vtkmodules.vtkRenderingCore import vtkActor2D, vtkTextActor

from pyrnn.arrays import Array
from pyrnn.coloring import ColorBar
from pyrnn.palette import INK, colormap, rgb
from pyrnn.render._drawing import Drawing
from pyrnn.render.gl._images import image_actor

__all__ = ["MARGIN", "Overlay", "text"]

MARGIN = 38  # pixels from the left edge
_ROW = 29  # between rows of the legend, in pixels
_TITLE = 36  # from the upper edge to the title, in pixels
_LETTERS, _TITLE_LETTERS = 30, 44  # of a line of the legend, of the title; longer ones wrap
_LETTER = 0.58  # mean width of a letter, as a share of the size of the text
_HALF_LETTER = 3.9  # half the width of a letter of an axis label, in pixels
_BAR = 190, 12  # width and height of the color scale, in pixels


class Overlay:
    """Texts over a drawing, in pixels from its upper left corner.

    Args:
        drawing: What the texts are about.
        ratio: Pixels drawn for each pixel on the screen.

    Example:
        >>> box = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
        >>> legend = (("stable (2)", "#009E73"),)
        >>> drawing = Drawing((), box, ("PC1", "PC2", "PC3"), np.ones(3), "memory", legend)
        >>> overlay = Overlay(drawing, ratio=1.0)
        >>> [prop.GetInput() for prop in overlay.props]
        ['PC1', 'PC2', 'PC3', 'memory', '●', 'stable (2)']
        >>> overlay.write("note", 38, 200, 12).GetInput()
        'note'
        >>> overlay.place((800, 600), np.full((3, 2, 2), 300.0))
        >>> overlay.props[3].GetPosition()
        (38.0, 564.0)
    """

    def __init__(self, drawing: Drawing, ratio: float) -> None:
        self.ratio, self.axes_visible = ratio, True
        self.labels = [text(label, 15 * ratio, center=True) for label in drawing.labels]
        self.fixed: list[tuple[vtkActor2D, float, float]] = []
        self.card = 0, 0  # width and height of the upper right corner that a card covers
        self.column = 0.0  # right edge of the texts at the left, which labels must not cross
        self.bottom = 40.0
        for line in textwrap.wrap(drawing.title, _TITLE_LETTERS):
            self.write(line, MARGIN, self.bottom - 4, 20, bold=True)
            self.bottom += _ROW
        self.bottom += 27 if drawing.title else 0
        for entry, color in drawing.legend:
            self.write("●", MARGIN, self.bottom, 17, color)
            for line in textwrap.wrap(entry, _LETTERS) or [""]:
                self.write(line, MARGIN + 26, self.bottom, 14.5)
                self.bottom += _ROW
        if drawing.bar:
            self._add_bar(drawing.bar)

    @property
    def props(self) -> list[vtkActor2D]:
        """All actors, to be added to a renderer."""
        return [*self.labels, *(actor for actor, _, _ in self.fixed)]

    def write(
        self, words: str, x: float, y: float, size: float, color: str = INK, *, bold: bool = False
    ) -> vtkTextActor:
        """Return a new line of text, whose middle is ``y`` below the upper edge."""
        actor = text(words, size * self.ratio, color, bold=bold)
        self.fixed.append((actor, x, y))
        if y > _TITLE:
            self.column = max(self.column, x + _LETTER * size * len(words))
        return actor

    def _add_bar(self, bar: ColorBar) -> None:
        width, height = _BAR
        ramp = colormap(bar.scale.colormap)(np.linspace(0, 1, 256))[:, :3]
        columns = np.linspace(0, 255, round(width * self.ratio)).round().astype(int)
        row = (ramp[columns] * 255).astype(np.uint8)
        picture = np.tile(row, (round(height * self.ratio), 1, 1))
        top = self.bottom + 8
        self.write(bar.label, MARGIN, top, 14.5)
        self.fixed.append((image_actor(picture), MARGIN, top + 28))
        low, high = bar.scale.ends
        self.write(low, MARGIN, top + 44, 12.5)
        end = self.write(high, MARGIN + width, top + 44, 12.5)
        end.GetTextProperty().SetJustificationToRight()
        self.bottom = top + 44 + _ROW

    def place(self, size: tuple[int, int], edges: Array) -> None:
        """Put every text at its place in a picture.

        Args:
            size: Width and height in pixels.
            edges: Ends of the edge that each axis label belongs to, ``(3, 2, 2)`` in pixels.
        """
        for actor, x, y in self.fixed:
            actor.SetPosition(x * self.ratio, size[1] - y * self.ratio)
        for label, ends in zip(self.labels, edges, strict=True):
            label.SetVisibility(self.axes_visible)
            self._place_label(label, size, ends)

    def _place_label(self, label: vtkTextActor, size: tuple[int, int], ends: Array) -> None:
        """Put a label outside of its edge, off the legend and inside the picture."""
        place = ends.mean(axis=0)
        across = np.array([ends[0, 1] - ends[1, 1], ends[1, 0] - ends[0, 0]])
        across = across / (np.linalg.norm(across) or 1)
        outward = across if across @ (place - np.array(size) / 2) >= 0 else -across
        half = _HALF_LETTER * len(label.GetInput())
        x, y = place + outward * (20 + half * abs(outward[0])) * self.ratio
        lowest = max((below for _, _, below in self.fixed), default=0.0)
        if size[1] - y < (lowest + _ROW / 2) * self.ratio:
            x = max(x, (self.column + half + 6) * self.ratio)
        edge, width = (half + 6) * self.ratio, size[0]
        if size[1] - y < self.card[1] + _ROW / 2 * self.ratio:
            width -= self.card[0]
        label.SetPosition(max(edge, min(x, width - edge)), y)


def text(
    words: str, size: float, color: str = INK, *, bold: bool = False, center: bool = False
) -> vtkTextActor:
    """Return a line of text in the font that comes with matplotlib.

    Example:
        >>> text("PC1", 15).GetTextProperty().GetFontSize()
        15
    """
    missing = sorted({letter for letter in words if not _has_glyph(letter, bold)})
    if missing:
        warnings.warn(
            f"the font of windows and pictures has no {', '.join(missing)}, which is left out of "
            f"{words!r}; a page shows it, scene.save('scene.html')",
            stacklevel=2,
        )
    actor = vtkTextActor()
    actor.SetInput(words)
    style = actor.GetTextProperty()
    style.SetFontFamily(4)  # VTK_FONT_FILE
    style.SetFontFile(_font_file(bold))
    style.SetFontSize(round(size))
    style.SetColor(*(channel / 255 for channel in rgb(color)))
    style.SetVerticalJustificationToCentered()
    if center:
        style.SetJustificationToCentered()
    return actor


@functools.cache
def _glyphs(bold: bool) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(_font_file(bold)).get_charmap())


def _has_glyph(letter: str, bold: bool) -> bool:
    return letter.isspace() or ord(letter) in _glyphs(bold)


def _font_file(bold: bool) -> str:
    """Return the path of the DejaVu Sans that comes with matplotlib."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name)
