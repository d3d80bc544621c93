"""Find out whether OpenGL works here, before it can crash the user's session."""

from __future__ import annotations

import ctypes.util
import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ADVICE = (
    "apt-get install -y --no-install-recommends libegl1 libgl1-mesa-dri"
    if sys.platform.startswith("linux")
    else "update the graphics driver of this machine"
)

_started: list[subprocess.Popen[str]] = []  # the child that was begun and not yet asked

SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "swrast", "osmesa")


@dataclass(frozen=True)
class OpenGL:
    """What a probe of OpenGL found.

    Args:
        ok: Whether a sphere was drawn and seen.
        renderer: Name of the renderer, for instance ``"llvmpipe"``; empty where there is none.
        message: One line that says what works, or what to install.

    Example:
        >>> OpenGL(True, "llvmpipe (LLVM 15.0.6, 256 bits)", "OpenGL works").is_software
        True
    """

    ok: bool
    renderer: str
    message: str

    @property
    def is_software(self) -> bool:
        """Whether the processor draws, for want of a graphics card."""
        return any(name in self.renderer.lower() for name in SOFTWARE)


@functools.cache
def probe_opengl(timeout: float = 120.0) -> OpenGL:
    """Draw a sphere in a child process and look at its pixels.

    VTK answers a missing OpenGL by a segmentation fault, which no ``try`` can catch: only a child
    may find out. The answer is kept for the rest of the session.

    Args:
        timeout: Seconds after which the child is given up.

    Returns:
        The verdict, with a message that names the packages to install where it is negative.

    Example:
        >>> probe_opengl().ok in (True, False)
        True
    """
    child = _started.pop() if _started else _start()
    try:
        output, _ = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return _failure(f"drew nothing for {timeout:.0f} s")
    if child.returncode:
        return _failure(f"stopped a child process with status {child.returncode}")
    found = json.loads(output.splitlines()[-1])
    if not found["drawn"]:
        return _failure("drew an empty picture")
    return OpenGL(True, found["renderer"], f"OpenGL works ({found['renderer']})")


def begin_probe() -> None:
    """Start the child that :func:`probe_opengl` waits for, while something else is prepared."""
    if not _started and not probe_opengl.cache_info().currsize:
        _started.append(_start())


def _start() -> subprocess.Popen[str]:
    choose_window()
    script = str(Path(__file__).with_name("probe.py"))
    quiet: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, script], text=True, **quiet)


def require_opengl() -> OpenGL:
    """Return what draws here, or raise a ``RuntimeError`` that says what to install."""
    found = probe_opengl()
    if not found.ok:
        raise RuntimeError(found.message)
    return found


def choose_window() -> None:
    """Tell VTK which kind of window to open where Linux has no display.

    Must run before the first window. EGL is preferred, then OSMesa; a choice that the user made in
    ``VTK_DEFAULT_OPENGL_WINDOW`` is respected.
    """
    if has_display() or "VTK_DEFAULT_OPENGL_WINDOW" in os.environ:
        return
    if ctypes.util.find_library("EGL"):
        os.environ["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkEGLRenderWindow"
    elif ctypes.util.find_library("OSMesa"):
        os.environ["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkOSOpenGLRenderWindow"


def has_display() -> bool:
    """Whether a window can appear on a screen."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY"))


def _failure(what: str) -> OpenGL:
    message = (
        f"expected working OpenGL to draw 3D scenes, but it {what}; to draw without a screen: "
        f"{ADVICE}. A scene can still be saved as a web page (.html), which needs no OpenGL here."
    )
    return OpenGL(False, "", message)
