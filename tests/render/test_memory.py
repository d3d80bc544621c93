"""Scenes that are closed leave nothing behind."""

from __future__ import annotations

import os

import pytest

from pyrnn.render import Scene
from pyrnn.render.gl._stage import Stage

from . import scenes

pytestmark = [pytest.mark.render, pytest.mark.usefixtures("opengl")]


def resident() -> float:
    """Return the memory of this process in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_thirty_scenes_grow_by_less_than_thirty_megabytes():
    scene = Scene(scenes.trials(3, 40), scenes.points())

    def draw() -> None:
        stage = Stage(scene.drawing, (120, 90))
        stage.pixels()
        stage.close()

    for _ in range(3):
        draw()
    before = resident()
    for _ in range(30):
        draw()
    assert resident() - before < 30
