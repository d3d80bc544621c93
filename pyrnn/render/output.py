"""Output of scenes and panels: windows, pictures, films, pages, notebooks."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pyrnn.files import replacing
from pyrnn.render._camera import VIEWS
from pyrnn.render._drawing import Drawing
from pyrnn.render._page import iframe, page
from pyrnn.render.gl._opengl import begin_probe, has_display
from pyrnn.validate import as_boolean, as_choice, as_integer, as_number

__all__ = ["Output"]

_PAGES, _FILMS = (".html", ".htm"), (".gif", ".mp4")
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
_OPAQUE = (".jpg", ".jpeg")
_VECTORS = (".svg", ".pdf", ".eps", ".ps")
_MOTIONS = ("turntable", "trials")
_MOST_PIXELS = 16_384  # along a side of what OpenGL draws
_GIF_FPS = 50  # browsers slow down a GIF that is faster


class Output(ABC):
    """One or more drawings side by side, as a window, a page, a picture or a film.

    Subclassing:
        Write the property ``drawings``. Everything else then works.

    Example:
        >>> import torch
        >>> from pyrnn.render import Scene
        >>> class Twice(Output):
        ...     drawings = [Scene(torch.randn(4, 50, 8)).drawing] * 2
        >>> len(Twice().drawings), Twice().html().count('"nSteps": 50')
        (2, 2)
    """

    @property
    @abstractmethod
    def drawings(self) -> list[Drawing]:
        """What is shown, from left to right."""

    def show(self, *, size: tuple[int, int] = (1280, 860)) -> None:
        """Open an interactive window, and return when it is closed.

        Without a display, as on a cluster, it warns and returns, so that a script goes on.

        Args:
            size: Width and height in pixels.

        Raises:
            RuntimeError: If there is a display but no OpenGL.
            TypeError: If the size is not two whole numbers.
            ValueError: If one of them is not positive.

        Example:
            >>> import torch
            >>> from pyrnn.render import Scene
            >>> Scene(torch.randn(4, 50, 8)).show()  # doctest: +SKIP
        """
        size = _size(size)
        if has_display():
            begin_probe()
        from pyrnn.render.gl._window import show

        show(self.drawings, size)

    def screenshot(
        self,
        path: str | os.PathLike[str],
        *,
        size: tuple[int, int] = (1500, 1100),
        view: str = "iso",
        step: int | None = None,
        transparent: bool = False,
    ) -> Path:
        """Write a picture, with or without a display.

        Args:
            path: Where to write it: a ``.png``, ``.jpg``, ``.tif`` or ``.webp``.
            size: Width and height of each scene, in pixels.
            view: ``"iso"``, ``"front"``, ``"side"`` or ``"top"``.
            step: Where the time slider stands; by default at its end.
            transparent: Whether to leave the background out.

        Returns:
            The path.

        Raises:
            RuntimeError: If OpenGL does not work; the message says what to install.
            TypeError: If an argument is of another kind.
            ValueError: If the suffix, the size or the view is not allowed, or there is no such
                step.

        Example:
            >>> import torch
            >>> from pyrnn.render import Scene, probe_opengl
            >>> scene, path = Scene(torch.randn(4, 50, 8)), getfixture("tmp_path") / "scene.png"
            >>> if probe_opengl().ok:
            ...     assert scene.screenshot(path, size=(80, 60)) == path
        """
        suffix = _suffix(path, _PICTURES)
        size, view = _size(size), as_choice("view", view, VIEWS)
        step = None if step is None else self._step(step)
        if as_boolean("transparent", transparent) and suffix in _OPAQUE:
            raise ValueError(
                f"expected a format with transparency, got {str(path)!r}; write a .png"
            )
        begin_probe()  # it runs while what projects and draws is imported
        from pyrnn.render.gl._picture import draw_picture

        pictures = [
            draw_picture(drawing, size, view=view, step=step, transparent=transparent)
            for drawing in self.drawings
        ]
        with replacing(path) as partial:
            Image.fromarray(np.concatenate(pictures, axis=1)).save(partial)
        return Path(path)

    def _step(self, step: object) -> int:
        """Return a step that the time slider reaches.

        Raises:
            ValueError: If it does not.
        """
        step, last = as_integer("step", step, low=0), max(d.n_steps for d in self.drawings) - 1
        if step > last:
            raise ValueError(f"expected a step from 0 to {max(last, 0)}, got {step}")
        return step

    def film(
        self,
        path: str | os.PathLike[str],
        *,
        motion: str = "turntable",
        seconds: float = 6.0,
        fps: float = 15,
        size: tuple[int, int] = (720, 528),
        progress: bool = True,
    ) -> Path:
        """Write a film: the scene turns, or the trials unfold in time.

        Args:
            path: Where to write it: a ``.gif`` of at most 50 frames per second, or an ``.mp4``
                (``pip install "pyrnn[video]"``).
            motion: ``"turntable"`` or ``"trials"``.
            seconds: Duration.
            fps: Frames per second.
            size: Width and height of each scene, in pixels; rounded to multiples of 16.
            progress: Whether to show a progress bar.

        Returns:
            The path.

        Raises:
            ImportError: If the path ends in ``.mp4`` and the tools for that are missing.
            RuntimeError: If OpenGL does not work; the message says what to install.
            TypeError: If an argument is of another kind.
            ValueError: If the suffix, the motion, the duration or the size is not allowed.

        Example:
            >>> import torch
            >>> from pyrnn.render import Scene, probe_opengl
            >>> scene, path = Scene(torch.randn(4, 50, 8)), getfixture("tmp_path") / "scene.gif"
            >>> options = {"motion": "trials", "seconds": 1, "fps": 2, "size": (64, 48)}
            >>> if probe_opengl().ok:
            ...     assert scene.film(path, progress=False, **options) == path
        """
        suffix = _suffix(path, _FILMS)
        motion, size = as_choice("motion", motion, _MOTIONS), _size(size)
        seconds, fps = as_number("seconds", seconds, above=0), as_number("fps", fps, above=0)
        progress = as_boolean("progress", progress)
        if suffix == ".gif" and fps > _GIF_FPS:
            raise ValueError(
                f"expected at most {_GIF_FPS} frames per second in a GIF, got fps={fps:g}; "
                "write an .mp4"
            )
        begin_probe()
        from pyrnn.render.gl._film import write_film

        return write_film(
            self.drawings,
            Path(path),
            motion=motion,
            seconds=seconds,
            fps=fps,
            size=size,
            progress=progress,
        )

    def save(self, path: str | os.PathLike[str], **options: object) -> Path:
        """Write what the suffix says: an .html page, a .png still, a .gif or .mp4 film.

        Args:
            path: Where to write it.
            **options: Options of :meth:`screenshot` for stills, of :meth:`film` for films.

        Returns:
            The path.

        Raises:
            TypeError: If an option is unknown, or of another kind.
            ValueError: If the suffix is unknown.

        Example:
            >>> import torch
            >>> from pyrnn.render import Scene
            >>> path = getfixture("tmp_path") / "scene.html"
            >>> Scene(torch.randn(4, 50, 8)).save(path) == path
            True
        """
        suffix = _suffix(path, (*_PAGES, *_FILMS, *_PICTURES), (".html", ".png", ".gif", ".mp4"))
        if suffix not in _PAGES:
            write: Callable[..., Path] = self.film if suffix in _FILMS else self.screenshot
            return write(path, **options)
        if options:
            raise TypeError(f"expected no options for a page, got {', '.join(options)}")
        document = self.html()
        with replacing(path) as partial:
            partial.write_text(document, encoding="utf-8")
        return Path(path)

    def html(self) -> str:
        """Return one web page that needs no network and no other file.

        Returns:
            The document, to be written to an ``.html`` file or sent to a browser.

        Example:
            >>> import torch
            >>> from pyrnn.render import Scene
            >>> Scene(torch.randn(4, 50, 8)).html()[:15]
            '<!DOCTYPE html>'
        """
        return page(self.drawings)

    def _repr_html_(self) -> str:
        return iframe(self.html())


def _suffix(
    path: str | os.PathLike[str], allowed: Sequence[str], named: Sequence[str] | None = None
) -> str:
    """Return the suffix of a path, which says what to write.

    Args:
        path: The path.
        allowed: All suffixes that can be written.
        named: Those that the message lists; all by default.

    Raises:
        TypeError: If it is no path.
        ValueError: If the suffix is not allowed.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"expected path to be a str or a Path, got {type(path).__name__}")
    suffix = Path(path).suffix.lower()
    if suffix in allowed:
        return suffix
    advice = "the suffix says what to write"
    if suffix in _VECTORS:
        advice = "a scene is made of pixels: write a .png as large as it will be printed"
    elif suffix in (*_PAGES, *_FILMS, *_PICTURES):
        advice = "save() writes pages, pictures and films"
    *first, last = named or allowed
    names = f"{', '.join(first)} or {last}"
    raise ValueError(f"expected a path ending in {names}, got {str(path)!r}; {advice}")


def _size(size: object) -> tuple[int, int]:
    """Return width and height in pixels.

    Raises:
        TypeError: If these are not two whole numbers.
        ValueError: If one is not positive, or more than can be drawn.
    """
    if not isinstance(size, (tuple, list, np.ndarray)) or len(size) != 2:
        raise TypeError(f"expected size to be (width, height) in pixels, got {size!r}")
    width, height = size
    size = as_integer("width", width, low=1), as_integer("height", height, low=1)
    if max(size) > _MOST_PIXELS:
        raise ValueError(
            f"expected at most {_MOST_PIXELS} pixels along a side, which is what OpenGL draws, "
            f"got {size[0]} x {size[1]}; write a smaller picture"
        )
    return size
