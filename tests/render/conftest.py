"""Scenes and a browser, made once; and no silent skipping where rendering is required."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from pyrnn.render import Scene, probe_opengl

from . import scenes
from .browser import CHROMIUM, Browser
from .firefox import FIREFOX, Firefox

REQUIRED = bool(os.environ.get("PYRNN_REQUIRE_RENDER"))


def need(available: bool, reason: str) -> None:
    """Skip without some program, unless everything is required."""
    if available:
        return
    if REQUIRED:
        pytest.fail(f"PYRNN_REQUIRE_RENDER is set, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def opengl() -> None:
    need(probe_opengl().ok, probe_opengl().message)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    need(CHROMIUM is not None, "there is no Chromium: apt-get install chromium")
    opened = Browser()
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=[False, True], ids=["light", "dark"])
def firefox(request: pytest.FixtureRequest) -> Iterator[Firefox]:
    """Firefox where people prefer light pages, and where they prefer dark ones."""
    need(FIREFOX is not None, "there is no Firefox: apt-get install firefox-esr")
    need(shutil.which("xvfb-run") is not None, "there is no display: apt-get install xvfb xauth")
    opened = Firefox(dark=request.param)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def flipflop() -> Scene:
    """Trajectories, 27 fixed points and their graph."""
    return Scene(scenes.trials(), scenes.points(), scenes.graph(), title="three flip-flops")
