"""Write stills: drawn at twice the size, then shrunk, which makes thin things crisp."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from pyrnn.render.layers import Drawing
from pyrnn.render.opengl import require_opengl

RATIO = 2  # pixels drawn for each pixel written, along each side


def write_picture(
    drawing: Drawing, path: str | Path, size: tuple[int, int], view: str, transparent: bool
) -> Path:
    """Draw a still of a drawing into a file; see :meth:`~pyrnn.render.Scene.screenshot`."""
    require_opengl()
    from pyrnn.render.stage import Stage

    stage = Stage(drawing, size, ratio=RATIO)
    try:
        stage.look(view)
        pixels = stage.pixels(transparent)
    finally:
        stage.close()
    Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS).save(path)
    return Path(path)
