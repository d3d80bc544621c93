"""The page of many networks: each dot opens the scene of its network."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from pyrnn import RNN
from pyrnn.populations import analyze, compare, find_classes
from pyrnn.render import PopulationPage

from .test_picture import share_of

SCENE = "document.querySelector('iframe').contentDocument"
DRAWN = f"{SCENE}?.querySelector('main[data-drawn]')"
GREEN = "#009E73"


@pytest.fixture(scope="module")
def analyses():
    """Networks of which some have two stable points and a saddle."""
    inputs = torch.randn(6, 20, 1, generator=torch.Generator().manual_seed(0))
    networks = [RNN(1, n, 1, seed=n) for n in (4, 5, 6, 7)]
    with torch.no_grad():
        for rnn in networks[2:]:
            rnn.w_rec.weight.mul_(0.1).add_(2 * torch.eye(rnn.hidden_size)[:, :1])
    return [analyze(rnn, inputs) for rnn in networks]


@pytest.fixture(scope="module")
def path(analyses, tmp_path_factory):
    page = PopulationPage(analyses, compare(analyses), color=find_classes(analyses))
    return page.save(tmp_path_factory.mktemp("population") / "map.html")


def test_a_page_holds_a_scene_for_each_network(path, analyses):
    text = path.read_text()
    assert len(re.findall("<circle", text)) == 4
    scenes = [
        json.loads(found)["scenes"][0]
        for found in re.findall(r'id="scene-\d+">(.*?)</script>', text, re.DOTALL)
    ]
    assert [scene["title"] for scene in scenes] == [f"network {i}" for i in range(4)]
    assert len({tuple(scene["iso"]) for scene in scenes}) == 1
    for scene, analysis in zip(scenes, analyses, strict=True):
        (balls,) = (layer for layer in scene["layers"] if layer["key"] == "fixed points")
        assert len(balls["cardOf"]) == len(analysis.points)
        arms = [layer for layer in scene["layers"] if layer["key"] == "skeleton"]
        assert bool(arms) == bool(analysis.skeleton.edges)
    assert any(analysis.skeleton.edges for analysis in analyses)


def test_names_cannot_break_the_page(analyses):
    names = [f"<script>alert({i})</script>" for i in range(4)]
    assert "<script>alert" not in PopulationPage(analyses, compare(analyses), color=names).html()


def test_a_scale_stands_for_numbers(analyses):
    page = PopulationPage(analyses, compare(analyses), color=np.linspace(0, 1, 4))
    assert "linear-gradient" in page.html()
    assert page._repr_html_().startswith("<iframe")


def test_wrong_arguments_are_refused(analyses, tmp_path):
    distances = compare(analyses)
    with pytest.raises(ValueError, match="distances of the same networks"):
        PopulationPage(analyses[:2], distances)
    with pytest.raises(TypeError, match="distances"):
        PopulationPage(analyses, distances.matrix)
    with pytest.raises(ValueError, match=r"\.html"):
        PopulationPage(analyses, distances).save(tmp_path / "map.png")
    with pytest.raises(TypeError, match="after analyze"):
        PopulationPage([RNN(1, 4, 1)] * 4, distances).html()


@pytest.mark.render
def test_a_click_opens_the_scene_of_a_network(browser, path):
    browser.open(path, DRAWN)
    heading, title = "document.querySelector('h2').textContent", f"{SCENE}.querySelector('h1')"
    first = browser.js(heading)
    assert browser.js(f"{title}.textContent") == first
    x, y = browser.js(
        "(() => { const r = document.querySelector('[data-row=\"3\"]').getBoundingClientRect();"
        "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
    )
    browser.click(x, y)
    browser.wait(f"{DRAWN} && {title}.textContent === 'network 3'")
    assert browser.js(heading) == "network 3"
    assert share_of(browser.screenshot(), GREEN) > 1e-4
    for arrow in ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"):
        browser.js(
            f"document.querySelector('svg').dispatchEvent(new KeyboardEvent('keydown', "
            f"{{key: '{arrow}'}}))"
        )
        if browser.js(heading) != "network 3":
            break
    assert browser.js(heading) != "network 3"
    assert browser.errors() == []
    assert set(browser.requests()) <= {path.resolve().as_uri(), "data:,", "about:srcdoc"}
