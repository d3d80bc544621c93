"""Windows of vedo, opened with our settings and without changing the user's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import vedo

from pyrnn.render.gl._opengl import OpenGL, require_opengl

__all__ = ["open_window"]

_SETTINGS = {
    "default_backend": "vtk",
    "enable_default_keyboard_callbacks": False,  # its Esc ends the user's session
    "enable_default_mouse_callbacks": False,
    "use_depth_peeling": False,
}
_SAMPLES = 8  # of each pixel, by which a graphics card makes edges smooth


def open_window(
    size: tuple[int, int], *, offscreen: bool = True, ratio: float = 1.0, n_parts: int = 1
) -> vedo.Plotter:
    """Return a new window of one or more parts side by side.

    Args:
        size: Width and height in pixels.
        offscreen: Whether it is invisible.
        ratio: Pixels drawn for each pixel on the screen.
        n_parts: How many drawings it will show.

    Raises:
        RuntimeError: If OpenGL does not work; the message says what to install.

    Example:
        >>> from pyrnn.render import probe_opengl
        >>> if probe_opengl().ok:
        ...     window = open_window((120, 90), n_parts=2)
        ...     assert len(window.renderers) == 2
        ...     window = window.close()
    """
    with _settings(_SETTINGS | _smoothing(require_opengl(), ratio)):
        pixels = tuple(round(side * ratio) for side in size)
        shape: dict[str, Any] = {"shape": (1, n_parts), "sharecam": False}
        return vedo.Plotter(size=pixels, offscreen=offscreen, title="pyrnn", axes=0, **shape)


def _smoothing(opengl: OpenGL, ratio: float) -> dict[str, int | bool]:
    """Return how edges are made smooth.

    Pictures that are drawn larger and then shrunk are smooth already. A graphics card takes
    several samples of each pixel at no cost. If the processor draws, it is four times faster to
    smooth the finished picture (FXAA). Both together would draw black.
    """
    if ratio > 1:
        return {"multi_samples": 0, "use_fxaa": False}
    if opengl.is_software:
        return {"multi_samples": 0, "use_fxaa": True}
    return {"multi_samples": _SAMPLES, "use_fxaa": False}


@contextmanager
def _settings(wanted: Mapping[str, object]) -> Iterator[None]:
    """Give vedo some settings for a while, and the user's settings back afterwards.

    Yields:
        Nothing.
    """
    before = {name: getattr(vedo.settings, name) for name in wanted}
    current = vedo.current_plotter()
    for name, value in wanted.items():
        setattr(vedo.settings, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(vedo.settings, name, value)
        vedo.set_current_plotter(current)
