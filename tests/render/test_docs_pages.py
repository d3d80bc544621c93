"""Pages of the documentation on three screens, light and dark; run after ``make docs``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

HTML = Path(__file__).parents[2] / "docs" / "_build" / "html"
PAGES = (
    "index",
    "quickstart",
    "concepts",
    "glossary",
    "coming_from",
    "reproductions",
    "howto/perturb",
    "howto/your_network",
    "api/generated/pyrnn.dynamics",
    "api/generated/pyrnn.tasks",
    "gallery/index",
    "gallery/flipflop",
)

pytestmark = [
    pytest.mark.render,
    pytest.mark.skipif(not HTML.exists(), reason="make docs builds the pages"),
]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (768, 1024), (1280, 800)])
def test_pages_fit_the_screen_and_follow_its_mode(browser, width, height, dark):
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.call("Emulation.setEmulatedMedia", features=[scheme])
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    try:
        for page in PAGES:
            browser.open(HTML / f"{page}.html", ready="document.readyState == 'complete'")
            seen, room = browser.js("[document.documentElement.scrollWidth, innerWidth]")
            assert seen <= room, page
            ground = np.median(browser.screenshot().reshape(-1, 3), axis=0)
            assert (ground.max() < 60) == dark, page
    finally:
        browser.call("Emulation.clearDeviceMetricsOverride")
        browser.call("Emulation.setEmulatedMedia", features=[])


def test_a_scene_fills_its_frame_on_a_phone(browser):
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    try:
        ready = "document.readyState == 'complete' && document.querySelector('iframe.scene')"
        browser.open(HTML / "gallery" / "flipflop.html", ready=ready)
        width = browser.js("document.querySelector('iframe.scene').getBoundingClientRect().width")
        assert width > 0.6 * 390
    finally:
        browser.call("Emulation.clearDeviceMetricsOverride")
