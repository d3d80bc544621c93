"""The probe of OpenGL, and what happens without it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pyrnn.render.gl import _opengl as opengl

SCRIPT = """
import numpy as np
from pyrnn.render import Scene, probe_opengl
scene = Scene(np.random.default_rng(0).normal(size=(3, 20, 4)))
assert not probe_opengl().ok
try:
    scene.screenshot("never.png")
except RuntimeError as error:
    print("refused:", error)
print("page:", len(scene.save("page.html").read_text()))
"""


def test_missing_opengl_is_an_error_and_the_page_still_works(tmp_path):
    """A window class that cannot work stands for a machine without OpenGL."""
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"}
    environment |= {"VTK_DEFAULT_OPENGL_WINDOW": "vtkOSOpenGLRenderWindow"}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, capture_output=True,
        text=True, timeout=200,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    assert "refused: expected working OpenGL" in child.stdout
    assert opengl.ADVICE in child.stdout
    assert (tmp_path / "page.html").stat().st_size > 300_000
    assert not (tmp_path / "never.png").exists()


def test_a_page_needs_no_graphics_library():
    code = """
import sys, numpy as np
from pyrnn.render import Scene
Scene(np.random.default_rng(0).normal(size=(3, 20, 4))).html()
print([name for name in ("vedo", "vtkmodules", "matplotlib.pyplot") if name in sys.modules])"""
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert child.stdout == "[]\n", child.stderr


@pytest.mark.render
@pytest.mark.usefixtures("opengl")
def test_probe_names_the_renderer():
    found = opengl.probe_opengl()
    assert found.ok
    assert found.renderer
    assert found.renderer in found.message


def test_slow_probe_is_given_up_and_ended(monkeypatch):
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    child = subprocess.Popen(sleep, stdout=subprocess.PIPE, text=True)
    monkeypatch.setattr(opengl, "_started", [child])
    found = opengl.probe_opengl.__wrapped__(timeout=0.001)
    assert child.returncode not in (None, 0)
    assert not found.ok
    assert "drew nothing" in found.message


def test_user_choice_of_window_is_respected(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("VTK_DEFAULT_OPENGL_WINDOW", "mine")
    opengl.choose_window()
    assert os.environ["VTK_DEFAULT_OPENGL_WINDOW"] == "mine"


@pytest.mark.parametrize(
    ("library", "window"),
    [("EGL", "vtkEGLRenderWindow"), ("OSMesa", "vtkOSOpenGLRenderWindow"), ("none", None)],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lacks displays")
def test_window_follows_the_libraries(monkeypatch, library, window):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("VTK_DEFAULT_OPENGL_WINDOW", "to be restored")
    monkeypatch.delenv("VTK_DEFAULT_OPENGL_WINDOW")
    monkeypatch.setattr(opengl.ctypes.util, "find_library", lambda name: name == library)
    opengl.choose_window()
    assert os.environ.pop("VTK_DEFAULT_OPENGL_WINDOW", None) == window
