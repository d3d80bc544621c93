"""What can be done with something drawn: show it, save it, film it, put it in a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pyrnn.files import replacing
from pyrnn.render import given
from pyrnn.render.layers import Drawing
from pyrnn.render.opengl import begin_probe, has_display


class Output:
    """A window, a page, a picture or a film of one or more drawings side by side.

    *Subclassing*: write ``drawings``; everything else then works.

    Example:
        >>> import torch
        >>> from pyrnn.render import Scene
        >>> class Twice(Output):
        ...     drawings = [Scene(torch.randn(4, 50, 8)).drawing] * 2
        >>> Twice().html().count('"nSteps": 50')
        2
    """

    @property
    def drawings(self) -> list[Drawing]:
        """What is shown, from left to right."""
        raise NotImplementedError

    def show(self, *, size: tuple[int, int] = (1280, 860)) -> None:
        """Open an interactive window, and return when it is closed.

        Without a display, as on a cluster, it warns and returns, so that a script goes on.

        Args:
            size: Width and height in pixels.

        Raises:
            RuntimeError: If there is a display but no OpenGL.
            ValueError: If the size is not two positive numbers.

        Example:
            >>> import torch
            >>> from pyrnn.render import Scene
            >>> Scene(torch.randn(4, 50, 8)).show()  # doctest: +SKIP
        """
        size = given.check_size(size)
        if has_display():
            begin_probe()
        from pyrnn.render.window import show

        show(self.drawings, size)

    def screenshot(
        self,
        path: str | Path,
        *,
        size: tuple[int, int] = (1500, 1100),
        view: str = "iso",
        transparent: bool = False,
    ) -> Path:
        """Write a picture, with or without a display.

        Args:
            path: Where to write it: a ``.png``, ``.jpg``, ``.tif`` or ``.webp``.
            size: Width and height of each scene, in pixels.
            view: ``"iso"``, ``"front"``, ``"side"`` or ``"top"``.
            transparent: Leave the background out.

        Returns:
            The path.

        Raises:
            RuntimeError: If OpenGL does not work; the message says what to install.
            ValueError: If suffix, size or view are not among these.

        Example:
            >>> import torch
            >>> from pyrnn.render import Scene
            >>> scene = Scene(torch.randn(4, 50, 8))
            >>> scene.screenshot("scene.png", size=(800, 600))  # doctest: +SKIP
            PosixPath('scene.png')
        """
        suffix = given.check_suffix(path, given.PICTURES)
        if transparent and suffix in given.OPAQUE:
            raise ValueError(
                f"expected a format with transparency, got {str(path)!r}; write a .png"
            )
        size = given.check_size(size)
        begin_probe()  # beside the imports of what projects and draws
        from pyrnn.render.picture import draw_picture

        style: dict[str, Any] = {"view": view, "transparent": transparent}
        pictures = [draw_picture(drawing, size, **style) for drawing in self.drawings]
        with replacing(path) as partial:
            Image.fromarray(np.concatenate(pictures, axis=1)).save(partial)
        return Path(path)

    def film(
        self,
        path: str | Path,
        *,
        motion: str = "turntable",
        seconds: float = 6.0,
        fps: int = 15,
        size: tuple[int, int] = (720, 528),
        progress: bool = True,
    ) -> Path:
        """Write a film: the scene turning, or the trials unfolding in time.

        Args:
            path: A ``.gif``, or a ``.mp4`` (``pip install "pyrnn[video]"``).
            motion: ``"turntable"`` or ``"trials"``.
            seconds: Duration.
            fps: Frames a second.
            size: Width and height of each scene, in pixels; rounded to multiples of 16.
            progress: Whether to show a bar that says how far it has got.

        Returns:
            The path.

        Raises:
            ImportError: If an ``.mp4`` is wanted and the extra is not installed.
            RuntimeError: If OpenGL does not work.
            ValueError: If suffix, motion, duration or size are not among these.

        Example:
            >>> import torch
            >>> from pyrnn.render import Scene
            >>> scene = Scene(torch.randn(4, 50, 8), color="time")
            >>> scene.film("scene.gif", motion="trials", seconds=3)  # doctest: +SKIP
            PosixPath('scene.gif')
        """
        given.check_suffix(path, given.FILMS)
        size = given.check_size(size)
        begin_probe()
        from pyrnn.render.film import write_film

        return write_film(self.drawings, Path(path), motion, seconds, fps, size, progress)

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write what the suffix asks for: .html page, .png still, .gif or .mp4 film.

        Args:
            path: Where to write it.
            **options: Options of :meth:`screenshot` for stills, of :meth:`film` for films.

        Returns:
            The path.

        Raises:
            ValueError: If the suffix is unknown.

        Example:
            >>> import tempfile, torch
            >>> from pyrnn.render import Scene
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     Scene(torch.randn(4, 50, 8)).save(folder + "/scene.html").name
            'scene.html'
        """
        known = (*given.PAGES, *given.FILMS, *given.PICTURES)
        suffix = given.check_suffix(path, known, (".html", ".png", ".gif", ".mp4"))
        if suffix in given.PAGES:
            page = self.html(**options)
            with replacing(path) as partial:
                partial.write_text(page, encoding="utf-8")
            return Path(path)
        return (self.film if suffix in given.FILMS else self.screenshot)(path, **options)

    def html(self) -> str:
        """Return one self-contained web page, which needs no network.

        Returns:
            The document, to be written to a ``.html`` file or sent to a browser.

        Example:
            >>> import torch
            >>> from pyrnn.render import Scene
            >>> Scene(torch.randn(4, 50, 8)).html()[:15]
            '<!DOCTYPE html>'
        """
        from pyrnn.render.page import page

        return page(self.drawings)

    def _repr_html_(self) -> str:
        from pyrnn.render.page import frame

        return frame(self.html())
