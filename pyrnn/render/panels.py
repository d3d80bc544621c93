"""Several scenes side by side: networks, regions, or conditions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from pyrnn.render.page import frame, page

if TYPE_CHECKING:
    from pyrnn.render.scene import Scene


class Panels:
    """Show several scenes next to each other, in one page or one picture.

    Args:
        scenes: The scenes, from left to right.

    Raises:
        ValueError: If there is none.

    Example:
        >>> from pyrnn.render import Scene
        >>> states = np.random.default_rng(0).normal(size=(2, 4, 30, 6))
        >>> panels = Panels([Scene(states[0], title="before"), Scene(states[1], title="after")])
        >>> "before · after" in panels.html()
        True
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        if not scenes:
            raise ValueError("expected at least one scene, got none")
        self.scenes = list(scenes)

    def html(self) -> str:
        """Return one self-contained web page with all scenes."""
        return page([scene.drawing for scene in self.scenes])

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write a page (.html) or a picture (any other suffix, see :meth:`screenshot`)."""
        if Path(path).suffix.lower() in (".html", ".htm"):
            Path(path).write_text(self.html(), encoding="utf-8")
            return Path(path)
        return self.screenshot(path, **options)

    def screenshot(
        self, path: str | Path, *, size: tuple[int, int] = (1000, 800), **options: Any
    ) -> Path:
        """Write a picture; see :meth:`Scene.screenshot <pyrnn.render.Scene.screenshot>`.

        Args:
            path: Where to write it.
            size: Width and height of each scene, in pixels.
            **options: Further options of the scenes' own screenshots.
        """
        from pyrnn.render.picture import draw_picture

        pictures = [draw_picture(scene.drawing, size, **options) for scene in self.scenes]
        Image.fromarray(np.concatenate(pictures, axis=1)).save(path)
        return Path(path)

    def _repr_html_(self) -> str:
        return frame(self.html())
