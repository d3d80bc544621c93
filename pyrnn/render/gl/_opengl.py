"""Whether OpenGL works here, found out before it can crash the user's session."""

from __future__ import annotations

import ctypes.util
import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ADVICE",
    "OpenGL",
    "begin_probe",
    "choose_window",
    "has_display",
    "probe_opengl",
    "require_opengl",
]

ADVICE = (
    "apt-get install -y --no-install-recommends libegl1 libgl1-mesa-dri"
    if sys.platform.startswith("linux")
    else "update the graphics driver of this machine"
)

_SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "swrast", "osmesa")
_started: list[subprocess.Popen[str]] = []  # at most one probe that runs and was not yet read


@dataclass(frozen=True)
class OpenGL:
    """What a probe of OpenGL found.

    Args:
        ok: Whether a sphere was drawn and seen.
        renderer: Name of the renderer, for instance ``"llvmpipe"``; empty if there is none.
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
        """Whether the processor draws, because there is no graphics card."""
        return any(name in self.renderer.lower() for name in _SOFTWARE)


@functools.cache
def probe_opengl(timeout: float = 120.0) -> OpenGL:
    """Draw a sphere in a child process, and look at its pixels.

    Without OpenGL, VTK ends the whole process by a segmentation fault, which no ``try`` can catch.
    The answer is kept for the rest of the session.

    Args:
        timeout: Seconds to wait for the child.

    Returns:
        What was found. If OpenGL does not work, the message names the packages to install.

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
    """Start the child process of :func:`probe_opengl`, without waiting for its answer.

    Example:
        >>> begin_probe()
        >>> probe_opengl() is probe_opengl()
        True
    """
    if not _started and not probe_opengl.cache_info().currsize:
        _started.append(_start())


def _start() -> subprocess.Popen[str]:
    choose_window()
    command = [sys.executable, str(Path(__file__).with_name("_probe.py"))]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=quiet)


def require_opengl() -> OpenGL:
    """Return what draws on this machine.

    Raises:
        RuntimeError: If OpenGL does not work; the message says what to install.

    Example:
        >>> if probe_opengl().ok:
        ...     assert require_opengl().renderer
    """
    found = probe_opengl()
    if not found.ok:
        raise RuntimeError(found.message)
    return found


def choose_window() -> None:
    """Tell VTK which window to open if Linux has no display: EGL, or else OSMesa.

    Call it before the first window. A choice that the user made in ``VTK_DEFAULT_OPENGL_WINDOW``
    is kept.

    Example:
        >>> choose_window()
    """
    if has_display() or "VTK_DEFAULT_OPENGL_WINDOW" in os.environ:
        return
    if ctypes.util.find_library("EGL"):
        os.environ["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkEGLRenderWindow"
    elif ctypes.util.find_library("OSMesa"):
        os.environ["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkOSOpenGLRenderWindow"


def has_display() -> bool:
    """Return whether a window can appear on a screen.

    Example:
        >>> has_display() in (True, False)
        True
    """
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY"))


def _failure(what: str) -> OpenGL:
    message = (
        f"expected working OpenGL to draw 3D scenes, but it {what}; to draw without a screen: "
        f"{ADVICE}. A scene can still be saved as a web page (.html), which needs no OpenGL here."
    )
    return OpenGL(False, "", message)
