"""The web page, in a real browser that can reach nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pyrnn.palette import GREEN, ORANGE, PURPLE, SKY
from pyrnn.render import Scene

from . import scenes
from .test_picture import share_of

VIEWER = "pyrnn.viewers[0]"
RESET = f"""{{
    const viewer = {VIEWER};
    viewer.play(false);
    viewer.card.hidden = viewer.tip.hidden = true;
    viewer.setStep(Infinity);
    viewer.data.layers.forEach((layer) => viewer.toggle(layer.key, layer.visible));
    viewer.look("iso");
}}"""


@pytest.fixture(scope="module")
def path(flipflop, tmp_path_factory):
    return flipflop.save(tmp_path_factory.mktemp("page") / "scene.html")


@pytest.fixture(scope="module")
def opened(browser, path):
    browser.open(path)
    return browser


@pytest.fixture
def page(opened):
    """The page as it was when it was opened."""
    opened.js(RESET)
    return opened


def test_page_is_small_enough_to_send(path):
    assert path.stat().st_size < 1_500_000


def test_page_keeps_hostile_titles_harmless(tmp_path):
    scene = Scene(scenes.trials(2), title="</script><script>alert(1)</script>")
    document = scene.html()
    assert "<script>alert" not in document
    payload = document.split('type="application/json">')[1].split("</script>")[0]
    assert json.loads(payload)["scenes"][0]["title"].startswith("</script>")


def test_notebook_frame_holds_the_page(flipflop):
    frame = flipflop._repr_html_()
    assert frame.startswith("<iframe srcdoc=")
    assert "<script" not in frame


@pytest.mark.render
class TestInBrowser:
    def test_nothing_is_requested_and_nothing_fails(self, page, path):
        assert page.errors() == []
        assert set(page.requests()) <= {path.resolve().as_uri(), "data:,"}

    @pytest.mark.parametrize("color", [GREEN, ORANGE, SKY, PURPLE])
    def test_colors_are_seen(self, page, color):
        assert share_of(page.screenshot()[:, 200:], color) > 3e-4

    def test_drag_turns_the_scene(self, page):
        before = page.screenshot()
        page.drag((440, 250), (540, 280))
        assert (page.screenshot() != before).any(-1).mean() > 0.01

    def test_labels_follow_the_axes(self, page):
        """Labels once lagged a frame behind the camera, and flew out of the page in a drag."""
        page.drag((440, 250), (540, 280))
        page.wait(f"!{VIEWER}.waiting")
        rectangles = page.js(
            "[...document.querySelectorAll('.axis')].map(each => each.getBoundingClientRect())"
            ".map(each => [each.left, each.right, each.top, each.bottom])"
        )
        width, height = page.js("[innerWidth, innerHeight]")
        left, right, top, bottom = np.transpose(rectangles)
        assert ((left > 0) & (right < width) & (top > 0) & (bottom < height)).all()

    def test_check_box_hides_a_layer(self, page):
        before = share_of(page.screenshot()[:, 200:], PURPLE)
        for key in ("fixed points", "transition graph"):
            page.js(f"document.querySelector('[data-layer=\"{key}\"]').click()")
        assert share_of(page.screenshot()[:, 200:], PURPLE) < before / 5

    def test_check_boxes_are_reached_and_ticked_by_keys(self, page):
        page.js("document.activeElement.blur()")
        for _ in range(12):
            page.type("Tab", 9)
            key = page.js("document.activeElement.dataset.layer")
            if key == "fixed points":
                break
        assert key == "fixed points"
        assert page.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        before = share_of(page.screenshot()[:, 200:], GREEN)
        page.type(" ", 32, " ")
        assert not page.js(f"{VIEWER}.layers['fixed points'].group.visible")
        assert share_of(page.screenshot()[:, 200:], GREEN) < before / 2
        assert not page.js(f"{VIEWER}.playing")

    def test_space_plays_after_a_click_on_a_check_box(self, page):
        x, y = page.js(
            "(() => {const b = document.querySelector('[data-layer]').getBoundingClientRect();"
            "return [b.left + b.width / 2, b.top + b.height / 2]})()"
        )
        page.click(x, y)
        page.js(f"{VIEWER}.setStep(0)")
        page.type(" ", 32, " ")
        page.wait(f"{VIEWER}.step > 3")
        assert not page.js(f"{VIEWER}.layers['trajectories'].group.visible")

    def test_slider_moves_through_time(self, page):
        before = page.screenshot()
        x, y, width = page.js(
            "(() => {const b = document.querySelector('nav input').getBoundingClientRect();"
            "return [b.left, b.top + b.height / 2, b.width]})()"
        )
        page.drag((x + width - 8, y), (x + 0.3 * width, y))
        step = page.js(f"{VIEWER}.step")
        assert 25 < step < 50
        assert page.js("document.querySelector('output').textContent") == str(step)
        assert (page.screenshot() != before).any(-1).mean() > 0.003

    def test_play_moves_on(self, page):
        page.js(f"{VIEWER}.setStep(0)")
        page.key(" ")
        page.wait(f"{VIEWER}.step > 3")
        page.key(" ")
        assert not page.js(f"{VIEWER}.playing")

    @pytest.mark.parametrize("index", [0, 13])
    def test_click_on_a_fixed_point_opens_its_card(self, page, index):
        x, y, _ = page.js(f"{VIEWER}.place('fixed points', {index})")
        page.click(x, y)
        card = page.js("document.querySelector('.card').innerText")
        assert f"fixed point {index}" in card
        values = np.abs(scenes.points()[index].eigenvalues)
        for value in np.sort(values)[::-1][:3]:
            assert f"{value:.3f}" in card
        assert page.js("document.querySelectorAll('.spectrum circle').length") == 1 + 12

    def test_hover_and_click_on_an_edge_show_its_probability(self, page):
        index = next(i for i, (source, _) in enumerate(scenes.graph().edges) if source == 13)
        x, y, _ = page.js(f"{VIEWER}.place('transition graph', {index})")
        page.mouse("mouseMoved", x, y)
        assert "probability" in page.js("document.querySelector('.tip').textContent")
        page.click(x, y)
        assert "probability" in page.js("document.querySelector('.card').innerText")

    def test_escape_closes_the_card(self, page):
        x, y, _ = page.js(f"{VIEWER}.place('fixed points', 13)")
        page.click(x, y)
        page.key("Escape")
        assert page.js("document.querySelector('.card').hidden")

    def test_keys_and_buttons_choose_views(self, page):
        page.key("3")
        side = page.js(f"{VIEWER}.camera.position.toArray()")
        page.js(
            "[...document.querySelectorAll('button')].find(b => b.textContent == 'top').click()"
        )
        top = page.js(f"{VIEWER}.camera.position.toArray()")
        assert np.abs(side).argmax() == 0
        assert np.abs(top).argmax() == 2

    def test_snapshot_is_a_picture(self, page):
        page.js("HTMLAnchorElement.prototype.click = function () {window.saved = this}")
        page.key("p")
        assert page.js("window.saved.download") == "three flip-flops.png"
        assert page.js("window.saved.href").startswith("data:image/png;base64,")
