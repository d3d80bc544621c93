"""Scenes and pages of the documentation in Firefox, on three screens, light and dark."""

from __future__ import annotations

import numpy as np
import pytest

from pyrnn.palette import GREEN
from pyrnn.render import Scene

from . import scenes
from .test_docs_pages import HTML, PAGES
from .test_picture import share_of

pytestmark = pytest.mark.render
SCREENS = [(390, 844), (768, 1024), (1280, 800)]
FITS = "document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    scene = Scene(scenes.trials(), scenes.points(), scenes.graph(), title="three flip-flops")
    return scene.save(tmp_path_factory.mktemp("page") / "scene.html")


def test_scene_fits_the_screen_and_follows_its_mode(firefox, path):
    for width, height in SCREENS:
        firefox.resize(width, height)
        firefox.open(path, "document.querySelector('main[data-drawn]')")
        firefox.js("pyrnn.viewers.forEach(viewer => viewer.paint())")
        assert firefox.js(FITS)
        assert firefox.js("document.documentElement.scrollHeight <= innerHeight")
        pixels = firefox.screenshot()
        ground = np.median(pixels.reshape(-1, 3), axis=0)
        assert (ground.max() < 40) == firefox.dark
        assert share_of(pixels, GREEN) > 3e-4
        drawn = np.abs(pixels.astype(int) - ground).max(-1)[60:-60] > 12
        assert np.ptp(np.flatnonzero(drawn.any(axis=0))) > 0.6 * width


@pytest.mark.skipif(not HTML.exists(), reason="make docs builds the pages")
def test_pages_fit_the_screen_and_follow_its_mode(firefox):
    for width, height in SCREENS:
        firefox.resize(width, height)
        for page in PAGES:
            firefox.open(HTML / f"{page}.html")
            assert firefox.js(FITS), page
            ground = np.median(firefox.screenshot().reshape(-1, 3), axis=0)
            assert (ground.max() < 60) == firefox.dark, page
