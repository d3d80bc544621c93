"""The page on any screen, light and dark, and in browsers that run out of memory."""

from __future__ import annotations

import html
import json
import time

import numpy as np
import pytest

from pyrnn.palette import GREEN, INK
from pyrnn.render import Scene

from . import scenes
from .test_picture import share_of

pytestmark = pytest.mark.render
VIEWER = "pyrnn.viewers[0]"
SCREENS = [(390, 844), (768, 700), (1280, 800)]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    title = "three flip-flops with a title that is too long for any of the small screens"
    scene = Scene(scenes.trials(), scenes.points(), scenes.graph(), title=title)
    circle = scenes.trials(1)[0]
    return scene.add_path(circle, "a path").save(tmp_path_factory.mktemp("page") / "scene.html")


@pytest.fixture
def screen(browser, path):
    """A function that opens the page on a screen."""

    def show(width=390, height=844, dark=False, document=path):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.call("Emulation.setEmulatedMedia", features=[scheme])
        browser.call("Emulation.setDeviceMetricsOverride", **size)
        browser.open(document)
        return browser

    yield show
    browser.call("Emulation.clearDeviceMetricsOverride")
    browser.call("Emulation.setEmulatedMedia", features=[])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_page_fits_the_screen_and_follows_its_mode(screen, width, height, dark):
    page = screen(width, height, dark)
    assert page.js("document.documentElement.scrollWidth <= innerWidth")
    assert page.js("document.documentElement.scrollHeight <= innerHeight")
    pixels = page.screenshot()
    ground = np.median(pixels.reshape(-1, 3), axis=0)
    assert (ground.max() < 40) == dark
    assert (ground.min() > 250) == (not dark)
    assert share_of(pixels, GREEN) > 3e-4
    drawn = np.abs(pixels.astype(int) - ground).max(-1)[60:-60] > 12
    columns = np.flatnonzero(drawn.any(axis=0))
    assert np.ptp(columns) > 0.6 * width
    assert page.errors() == []


def test_controls_of_a_phone_are_in_a_drawer(screen):
    page = screen()
    state = "getComputedStyle(document.querySelector('aside')).display"
    assert page.js(state) == "none"
    page.js("document.querySelector('.drawer').click()")
    assert page.js(state) == "block"
    assert page.js("document.querySelector('aside').getBoundingClientRect().right <= innerWidth")
    page.js(f"{VIEWER}.dismiss()")
    assert page.js(state) == "none"


def test_a_tap_beside_a_point_opens_its_card(screen):
    page = screen()
    x, y, _ = page.js(f"{VIEWER}.place('fixed points', 26)")
    touch = {"x": x + 9, "y": y + 6}
    page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[touch])
    page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    page.wait(f"!{VIEWER}.card.hidden")
    left, right = page.js(
        f"(() => {{const b = {VIEWER}.card.getBoundingClientRect(); return [b.left, b.right]}})()"
    )
    assert left >= 0
    assert right <= 390


def test_labels_make_room_for_the_card(screen):
    page = screen(1280, 800)
    x, y, _ = page.js(f"{VIEWER}.place('fixed points', 26)")
    page.click(x, y)
    for turn in range(0, 360, 45):
        direction = [float(np.cos(np.radians(turn))), float(np.sin(np.radians(turn))), 0.4]
        page.js(f"{VIEWER}.data.iso = {json.dumps(direction)}, {VIEWER}.look('iso')")
        page.js(f"{VIEWER}.paint()")
        overlaps = page.js(
            f"(() => {{const c = {VIEWER}.card.getBoundingClientRect();"
            "return [...document.querySelectorAll('.axis')].map(e => e.getBoundingClientRect())"
            ".filter(b => b.right > c.left && b.top < c.bottom && b.bottom > c.top).length})()"
        )
        assert overlaps == 0


def test_what_is_drawn_in_ink_is_seen_on_a_dark_page(screen):
    page = screen(1280, 800, dark=True)
    page.js(f"{VIEWER}.data.layers.forEach((x) => {VIEWER}.toggle(x.key, x.key === 'a path'))")
    page.js(f"{VIEWER}.toggle('axes', false)")
    pixels = page.screenshot()[:, 300:, :].astype(int)
    assert (pixels[:700].min(-1) > 110).sum() > 200
    assert INK == "#1F2328"


def test_a_picture_whose_memory_is_lost_says_so_and_comes_back(screen):
    page = screen(1280, 800)
    before = page.screenshot()
    page.js(f"{VIEWER}.renderer.forceContextLoss()")
    page.wait("!document.querySelector('.lost').hidden")
    page.js(f"{VIEWER}.renderer.forceContextRestore()")
    page.wait("document.querySelector('.lost').hidden")
    after = page.screenshot()
    assert (np.abs(after.astype(int) - before).max(-1) > 40).mean() < 0.005


def test_a_scene_is_light_on_paper(screen):
    page = screen(1280, 800, dark=True)
    page.js("dispatchEvent(new Event('beforeprint'))")
    assert np.median(page.screenshot()) == 255
    page.js("dispatchEvent(new Event('afterprint'))")
    assert np.median(page.screenshot()) < 40


def test_zoom_ends_before_the_scene_vanishes(screen):
    page = screen(1280, 800)
    for wheel in (3000, -6000):
        for _ in range(12):
            page.call(
                "Input.dispatchMouseEvent", type="mouseWheel", x=700, y=400, deltaX=0,
                deltaY=wheel,
            )  # fmt: skip
        pixels = page.screenshot()
        assert (pixels[100:700, 300:].min(-1) < 200).sum() > 300
        assert page.errors() == []


def test_arrow_keys_step_through_time(screen):
    page = screen(1280, 800)
    page.js(f"{VIEWER}.setStep(50)")
    for key, step in (("ArrowLeft", 49), ("ArrowRight", 50), ("ArrowRight", 51)):
        page.type(key, {"ArrowLeft": 37, "ArrowRight": 39}[key])
        assert page.js(f"{VIEWER}.step") == step


def test_a_low_frame_has_neither_scroll_bar_nor_overlapping_controls(screen):
    page = screen(700, 300)
    assert page.js("document.documentElement.scrollHeight <= innerHeight")
    assert page.js("getComputedStyle(document.querySelector('aside')).display") == "none"


def test_two_pages_in_one_document_show_their_own_scenes(screen, tmp_path):
    first, second = (Scene(scenes.trials(n), title=f"{n} trials").html() for n in (3, 5))
    path = tmp_path / "both.html"
    path.write_text(first + second, encoding="utf-8")
    page = screen(1280, 800, document=path)
    page.wait("document.querySelectorAll('main[data-drawn]').length == 2")
    titles = page.js("[...document.querySelectorAll('h1')].map(each => each.textContent)")
    assert titles == ["3 trials", "5 trials"]
    page.js("void (pyrnn.active = pyrnn.viewers[1])")
    page.js("pyrnn.viewers.forEach((each) => each.setStep(50))")
    page.type("ArrowLeft", 37)
    assert page.js("pyrnn.viewers.map((each) => each.step)") == [50, 49]


def test_thousands_of_points_have_few_triangles(screen, tmp_path):
    base = scenes.points()[0]
    places = np.random.default_rng(0).normal(size=(3000, 12))
    many = [scenes.Point(h, 0.0, base.eigenvalues, base.eigenvectors) for h in places]
    scene = Scene(points=many)
    page = screen(1280, 800, document=scene.save(tmp_path / "many.html"))
    each = page.js(f"{VIEWER}.layers['fixed points'].body.geometry.index.count / 3")
    assert each == 2  # squares that are shaded as spheres
    assert share_of(page.screenshot(), GREEN) > 0.01


def test_a_scene_out_of_sight_frees_its_memory_and_is_back_when_seen(screen, tmp_path):
    """Browsers keep 16 pictures; the first of 20 in a notebook once stayed blank."""
    document = html.escape(Scene(scenes.trials(3), scenes.points()).html(), quote=True)
    frame = f'<iframe style="width: 700px; height: 500px" srcdoc="{document}"></iframe>'
    path = tmp_path / "frames.html"
    path.write_text(f"<!doctype html>{frame}<p style='height: 3000px'></p>{frame}", "utf-8")
    frames = "[...document.querySelectorAll('iframe')]"
    drawn = "f => f.contentDocument?.querySelector('main[data-drawn]')"
    drawn = f"{frames}.length == 2 && {frames}.every({drawn})"
    page = screen(800, 560)
    page.open(path, ready=drawn)
    first = "document.querySelector('iframe')"
    lost = f"{first}.contentWindow.pyrnn.viewers[0].renderer.getContext().isContextLost()"
    page.js("document.querySelectorAll('iframe')[1].scrollIntoView()")
    page.wait(lost)
    page.js(f"{first}.scrollIntoView()")
    page.wait(f"!({lost}) && {first}.contentDocument.querySelector('.lost').hidden")
    time.sleep(0.5)
    assert share_of(page.screenshot(), GREEN) > 3e-4
