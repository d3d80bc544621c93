"""A real window on a virtual screen, driven by a mouse and a keyboard."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pyrnn.palette import PURPLE
from pyrnn.render import Scene
from pyrnn.render.gl._stage import Stage

from . import scenes
from .conftest import need
from .events import Hand
from .test_picture import share_of

pytestmark = [pytest.mark.render, pytest.mark.slow, pytest.mark.usefixtures("opengl")]
PROGRAMS = ("Xvfb", "xdotool", "import")
SIZE = (900, 640)
SCRIPT = f"""
from pyrnn.render import Scene
from tests.render import scenes
Scene(scenes.trials(), scenes.points(), scenes.graph(), title="flip").show(size={SIZE})
print("still alive")
"""


class Screen:
    """A virtual screen with a window on it."""

    def __init__(self, folder: Path) -> None:
        reader, writer = os.pipe()
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1000x700x24", "-nolisten"]
        self.server = subprocess.Popen([*command, "tcp"], pass_fds=[writer], stderr=-3)
        os.close(writer)
        with os.fdopen(reader) as numbers:
            display = f":{numbers.readline().strip()}"
        self.environment = {**os.environ, "DISPLAY": display, "PYTHONPATH": os.getcwd()}
        self.environment.pop("VTK_DEFAULT_OPENGL_WINDOW", None)
        self.folder = folder
        self.child = subprocess.Popen(
            [sys.executable, "-c", SCRIPT], env=self.environment, stdout=-1, text=True
        )
        self.run("xdotool", "search", "--sync", "--onlyvisible", "--name", "pyrnn")
        self.wait_until(lambda pixels: share_of(pixels, PURPLE) > 1e-4)

    def run(self, *command: str) -> None:
        subprocess.run(command, env=self.environment, check=True, timeout=60, stdout=-3)

    def pixels(self) -> np.ndarray:
        path = self.folder / "screen.png"
        self.run("import", "-window", "root", str(path))
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))

    def wait_until(self, happened, seconds: float = 60.0) -> np.ndarray:
        deadline = time.monotonic() + seconds
        while not happened(pixels := self.pixels()):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.1)
        return pixels

    def close(self) -> None:
        for process in (self.child, self.server):
            process.terminate()
            process.wait(20)


@pytest.fixture
def screen(tmp_path):
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    need(not missing, f"there is no {missing}: apt-get install xvfb xdotool imagemagick")
    opened = Screen(tmp_path)
    yield opened
    opened.close()


def center_of_point(index: int) -> tuple[int, int]:
    """Return where a fixed point is in such a window, from its upper left corner."""
    scene = Scene(scenes.trials(), scenes.points(), scenes.graph())
    stage = Stage(scene.drawing, SIZE)
    Hand(stage)
    points = next(layer for layer in scene.drawing.layers if layer.key == "fixed points")
    x, y, _ = stage.to_pixels(points.centers[[index]])[0]
    stage.close()
    return round(x), SIZE[1] - round(y)


def changed(before: np.ndarray, share: float = 0.01):
    return lambda pixels: (pixels != before).any(-1).mean() > share


def test_person_turns_clicks_presses_and_closes_a_window(screen):
    before = screen.pixels()

    screen.run("xdotool", "mousemove", "450", "300", "mousedown", "1")
    for x in range(460, 560, 20):
        screen.run("xdotool", "mousemove", str(x), "320")
    screen.run("xdotool", "mouseup", "1")
    turned = screen.wait_until(changed(before))

    screen.run("xdotool", "mousemove", "80", "215", "click", "1")  # first check-box
    hidden = screen.wait_until(changed(turned, 0.001))

    screen.run("xdotool", "key", "4")  # from above
    above = screen.wait_until(changed(hidden))

    screen.run("xdotool", "key", "1")
    back = screen.wait_until(changed(above))
    x, y = center_of_point(13)
    screen.run("xdotool", "mousemove", str(x), str(y), "click", "1")
    screen.wait_until(lambda pixels: (pixels != back)[30:400, 620:860].any(-1).mean() > 0.5)

    screen.run("xdotool", "key", "Escape")
    output, _ = screen.child.communicate(timeout=60)
    assert output == "still alive\n"
    assert screen.child.returncode == 0
