"""Stills, drawn at twice the size and then shrunk, so that thin things are sharp."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pyrnn.arrays import Array
from pyrnn.render._drawing import Drawing
from pyrnn.render.gl._stage import Stage

__all__ = ["draw_picture"]

_RATIO = 2  # pixels drawn for each pixel of the picture, along each side
_LARGEST = 16_384  # pixels along a side that OpenGL draws; beyond that all is black


def draw_picture(
    drawing: Drawing,
    size: tuple[int, int],
    *,
    view: str = "iso",
    step: int | None = None,
    transparent: bool = False,
) -> Array:
    """Return a still of a drawing, ``(height, width, 3)``, or 4 if transparent.

    Args:
        drawing: What to draw.
        size: Width and height in pixels.
        view: ``"iso"``, ``"front"``, ``"side"`` or ``"top"``.
        step: Where the time slider stands; by default at its end.
        transparent: Whether to leave the background out.

    Raises:
        RuntimeError: If OpenGL does not work; the message says what to install.

    Example:
        >>> from pyrnn.render import Scene, probe_opengl
        >>> scene = Scene(np.random.default_rng(0).normal(size=(3, 20, 4)))
        >>> if probe_opengl().ok:
        ...     assert draw_picture(scene.drawing, (80, 60)).shape == (60, 80, 3)
    """
    ratio = _RATIO if _RATIO * max(size) <= _LARGEST else 1
    stage = Stage(drawing, size, ratio=ratio, text=Stage.text_for(size[1]))
    try:
        stage.look(view)
        stage.set_step(step)
        pixels = stage.pixels(transparent)
    finally:
        stage.close()
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
