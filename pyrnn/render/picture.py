"""Draw stills: at twice the size, then shrunk, which makes thin things crisp."""

from __future__ import annotations

import numpy as np
from PIL import Image

from pyrnn.render.layers import Array, Drawing
from pyrnn.render.stage import Stage

RATIO = 2  # pixels drawn for each pixel wanted, along each side


def draw_picture(
    drawing: Drawing, size: tuple[int, int], *, view: str = "iso", transparent: bool = False
) -> Array:
    """Return a still of a drawing, ``(height, width, 3)``, or with alpha if transparent.

    Args:
        drawing: What to draw.
        size: Width and height in pixels.
        view: ``"iso"``, ``"front"``, ``"side"`` or ``"top"``.
        transparent: Leave the background out.

    Raises:
        RuntimeError: If OpenGL does not work; the message says what to install.
        ValueError: If the view is unknown.
    """
    stage = Stage(drawing, size, ratio=RATIO, text=Stage.text_for(size[1]))
    try:
        stage.look(view)
        pixels = stage.pixels(transparent)
    finally:
        stage.close()
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
