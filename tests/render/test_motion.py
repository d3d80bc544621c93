"""Fixed points that move with the time slider; points of several inputs; undecided boxes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from pyrnn import LowRankRNN
from pyrnn.dynamics import Tracks, find_fixed_points, follow, follow_training, prove_complete
from pyrnn.palette import GREEN, INK, ORANGE, SLATE, STABILITY, rgb
from pyrnn.render import Scene
from pyrnn.render._drawing import Balls, Curves
from pyrnn.render.gl._pick import find_card
from pyrnn.render.gl._stage import Stage

from .test_picture import share_of

N_STEPS = 41
SIZE = (480, 360)
render = [pytest.mark.render, pytest.mark.usefixtures("opengl")]


def three_units(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """One bistable unit that the input drives, and two that forget."""
    return torch.cat([torch.tanh(2 * h[..., :1] + x), torch.tanh(h[..., 1:] / 2)], -1)


@pytest.fixture(scope="module")
def tracks() -> Tracks:
    """Three points between x = 0 and the fold at x = .5328, and one after it."""
    torch.set_default_dtype(torch.float64)
    inputs = torch.linspace(0, 1, N_STEPS)[:, None]
    starts = torch.cartesian_prod(*3 * [torch.linspace(-1, 1, 5)])
    return follow(three_units, find_fixed_points(three_units, starts, inputs[0]), inputs)


@pytest.fixture(scope="module")
def scene(tracks) -> Scene:
    angle = torch.linspace(0, 6, N_STEPS)
    trial = 0.3 * torch.stack([angle.cos(), angle.sin(), angle / 6], -1)
    return Scene(trial, tracks, title="a ramp")


def layer(scene: Scene, key: str) -> Balls | Curves:
    return next(layer for layer in scene.drawing.layers if layer.key == key)


def test_points_stand_where_the_tracks_are_at_every_step(scene, tracks):
    balls = layer(scene, "fixed points")
    for step in range(N_STEPS):
        states = tracks.at(step).states.numpy()
        shown = balls.centers[balls.shown(step)]
        np.testing.assert_allclose(shown, scene.projection.transform(states), atol=1e-12)


def test_points_have_the_color_of_their_kind_at_every_step(scene, tracks):
    balls = layer(scene, "fixed points")
    for step in range(N_STEPS):
        kinds = tracks.at(step).n_unstable.tolist()
        expected = [rgb(STABILITY[min(kind, 3)]) for kind in kinds]
        assert balls.colors[balls.shown(step)].tolist() == [list(color) for color in expected]


def test_a_change_of_kind_without_birth_or_death_is_dated_to_the_step():
    """The origin loses its stability to a cycle, between two of the frames looked at first."""

    def step(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        turned = torch.stack([-h[..., 1], h[..., 0], 0 * h[..., 2]], -1)
        return (0.5 + x) * torch.tanh(turned)

    inputs = torch.linspace(0, 1, 101)[:, None]
    moving = follow(step, find_fixed_points(step, torch.zeros(1, 3), inputs[0]), inputs)
    balls = layer(Scene(points=moving), "fixed points")
    is_green = [
        bool((balls.colors[balls.shown(t)] == rgb(GREEN)).all(1).any()) for t in range(101)
    ]
    assert is_green == [moving.at(t).n_unstable[0] == 0 for t in range(101)]
    assert sum(is_green) == pytest.approx(50.5, abs=0.6)


def test_paths_lead_to_the_place_of_the_fold(scene, tracks):
    (event,) = tracks.events
    paths = layer(scene, "paths of points")
    ends = paths.vertices[np.cumsum(paths.lengths) - 1]
    fold = scene.projection.transform(event.state.numpy()[None])
    assert (np.linalg.norm(ends - fold, axis=1) < 1e-12).tolist() == [
        branch in event.branches for branch in range(3)
    ]
    np.testing.assert_allclose(layer(scene, "births and deaths").centers, fold)
    assert layer(scene, "births and deaths").cards[0].tip.startswith("death at step 21.31")


def test_births_are_at_the_start_of_a_path(tracks):
    backwards = tracks.inputs.flip(0)
    points = tracks.at(-1)
    born = follow(three_units, points, backwards)
    scene = Scene(points=born)
    paths, (event,) = layer(scene, "paths of points"), born.events
    starts = paths.vertices[np.cumsum(paths.lengths) - paths.lengths]
    place = scene.projection.transform(event.state.numpy()[None])
    assert (np.linalg.norm(starts - place, axis=1) < 1e-9).sum() == 2


def test_legend_tells_how_many_points_there_are_over_time(scene):
    assert scene.drawing.legend[:3] == (
        ("stable (1–2)", GREEN),
        ("1 unstable mode (0–1)", ORANGE),
        ("births and deaths (1)", INK),
    )


def test_slider_has_the_steps_of_the_tracks_and_names_them(scene):
    assert scene.drawing.n_steps == N_STEPS
    assert scene.drawing.moment(7) == "step 7"


def test_checkpoints_are_named_so():
    networks = [lambda h, x, w=w: torch.tanh(w * h + 0.05) for w in (0.5, 1.0, 2.0)]
    moving = follow_training(networks, torch.linspace(-1, 1, 9)[:, None])
    drawing = Scene(points=moving).drawing
    assert (drawing.n_steps, drawing.moment(2)) == (3, "checkpoint 2")


def test_sizes_are_those_of_branches(tracks):
    balls = layer(Scene(points=tracks, sizes=[1.0, 2.0, 1.0]), "fixed points")
    at_start = balls.radii[balls.shown(0)]
    np.testing.assert_allclose(at_start / at_start.max(), [0.5, 1.0, 0.5])


def test_trials_of_other_durations_are_refused(tracks):
    with pytest.raises(ValueError, match=r"the 30 steps of the trials, got 41 steps"):
        Scene(torch.zeros(2, 30, 3), tracks)
    with pytest.raises(ValueError, match="units"):
        Scene(torch.zeros(2, N_STEPS, 4), tracks)


def test_tracks_and_a_graph_are_refused(tracks):
    import networkx

    with pytest.raises(ValueError, match="tracks without a graph"):
        Scene(None, tracks, networkx.DiGraph())
    with pytest.raises(TypeError, match="pass fixed points after the states"):
        Scene(tracks)


def test_points_of_several_inputs_are_shown_one_input_at_a_time():
    x = torch.tensor([[0.0, 0, 0], [0.9, 0, 0]])
    points = find_fixed_points(lambda h, x: torch.tanh(2 * h + x), torch.randn(60, 3), x)
    scene = Scene(points=points)
    balls = layer(scene, "fixed points")
    assert [scene.drawing.moment(i) for i in range(3)] == [
        "x = 0, 0, 0",
        "x = 0.9, 0, 0",
        "all inputs",
    ]
    for step, own in enumerate([*x, None]):
        is_here = (points.inputs == own).all(1) if own is not None else slice(None)
        expected = scene.projection.transform(points.states[is_here].numpy())
        np.testing.assert_allclose(balls.centers[balls.shown(step)], expected)


def ring(n: int) -> LowRankRNN:
    angle = 2 * math.pi * torch.arange(n) / n
    rnn = LowRankRNN(1, n, 1, rank=2)
    rnn.m.data = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    rnn.n.data = 2 * rnn.m.data
    return rnn


def test_undecided_boxes_of_a_ring_are_a_closed_band():
    proof = prove_complete(ring(64), min_width=1e-2)
    scene = Scene(points=proof)
    band = layer(scene, "undecided boxes")
    places = band.centers[:, :2]
    radius = 2.50290142 * 2 * math.sqrt(32)  # of the ring, in units of states
    away = np.abs(np.linalg.norm(places, axis=1) - radius)
    assert (away < 2 * band.radii).all()
    angles = np.sort(np.arctan2(places[:, 1], places[:, 0]))
    gaps = np.diff(np.r_[angles, angles[0] + 2 * math.pi]) * radius
    assert gaps.max() < band.radii.min() + band.radii.max()  # spheres overlap all around
    assert ("undecided boxes (416)", SLATE) in scene.drawing.legend


def test_boxes_without_bounds_are_not_drawn():
    rnn = LowRankRNN(1, 4, 1, rank=2, activation="relu")
    rnn.m.data = torch.eye(4)[:, :2]
    rnn.n.data = 4 * torch.eye(4)[:, :2]  # a continuum: every state with rates that map to itself
    proof = prove_complete(rnn, max_boxes=1)
    assert not proof.undecided.is_finite
    with_state = Scene(torch.randn(5, 4), proof)
    assert [each.key for each in with_state.drawing.layers][:1] == ["trajectories"]
    assert not any(each.key == "undecided boxes" for each in with_state.drawing.layers)


class TestPictures:
    pytestmark = render

    @pytest.fixture
    def stage(self, scene):
        stage = Stage(scene.drawing, SIZE)
        stage.set_visible("paths of points", False)
        yield stage
        stage.close()

    def test_points_vanish_at_their_fold(self, stage):
        stage.set_visible("fixed points", False)
        legend = [share_of(stage.pixels(), color) for color in (GREEN, ORANGE)]
        stage.set_visible("fixed points", True)

        def seen(step: int) -> list[float]:
            stage.set_step(step)
            pixels = stage.pixels()
            seen = [share_of(pixels, color) for color in (GREEN, ORANGE)]
            return [a - b for a, b in zip(seen, legend, strict=True)]

        green, orange = seen(5)
        assert green > 3e-4
        assert orange > 1e-4
        few, none = seen(30)
        assert 0.3 < few / green < 0.7
        assert none == 0
        assert seen(5) == [green, orange]

    def test_points_move(self, stage):
        stage.set_step(0)
        before = stage.pixels()
        stage.set_step(15)
        balls = stage.actors["fixed points"].layer
        moved = stage.to_pixels(balls.centers[balls.shown(15)])[:, :2].round().astype(int)
        for x, y in moved:
            spot = np.s_[SIZE[1] - 1 - y, x]
            assert tuple(stage.pixels()[spot]) != (255, 255, 255)
        assert (stage.pixels() != before).any(-1).mean() > 1e-3

    def test_only_points_of_the_present_step_can_be_picked(self, stage, tracks):
        balls = stage.actors["fixed points"].layer
        saddle = next(b for b in range(3) if tracks.at(0).n_unstable[b])
        at_start = stage.to_pixels(balls.centers[balls.shown(0)])[saddle]
        stage.set_step(0)
        assert find_card(stage, *at_start[:2]).tip == f"branch {saddle} · 1 unstable mode"
        stage.set_step(N_STEPS - 1)
        assert find_card(stage, *at_start[:2]) is None

    def test_slider_of_the_window_moves_the_points(self, scene):
        from .events import Hand

        stage = Stage(scene.drawing, (720, 500))
        hand = Hand(stage)
        slider = hand.viewer.slider
        hand.drag((slider.x_of(N_STEPS - 1), 52), (slider.x_of(5), 52))
        assert stage.moment == 5
        assert slider.clock.GetInput() == "step 5"
        polygons = stage.actors["fixed points"].mesh.mapper.GetInput().GetNumberOfPolys()
        hand.key("Right")
        hand.viewer.set_step(30)
        after = stage.actors["fixed points"].mesh.mapper.GetInput().GetNumberOfPolys()
        assert polygons == 3 * after
        stage.close()

    def test_still_of_a_step(self, scene, tmp_path):
        early = scene.screenshot(tmp_path / "early.png", size=SIZE, step=3)
        late = scene.screenshot(tmp_path / "late.png", size=SIZE)
        early, late = (np.asarray(Image.open(path))[110:] for path in (early, late))
        assert share_of(early, ORANGE) > share_of(late, ORANGE) + 1e-4
        with pytest.raises(ValueError, match="a step from 0 to 40, got 41"):
            scene.screenshot(tmp_path / "no.png", step=41)

    def test_film_shows_points_vanish(self, scene, tmp_path):
        path = scene.film(
            tmp_path / "film.gif", motion="trials", seconds=1, fps=3, size=SIZE, progress=False
        )
        with Image.open(path) as film:
            frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
        orange = [share_of(frame[110:], ORANGE) for frame in frames]
        assert orange[0] > orange[-1] + 1e-4

    def test_band_is_seen(self, tmp_path):
        scene = Scene(points=prove_complete(ring(64), min_width=0.05))
        path = scene.screenshot(tmp_path / "ring.png", size=SIZE)
        assert share_of(np.asarray(Image.open(path))[80:, 120:], SLATE) > 2e-3


class TestInBrowser:
    pytestmark = pytest.mark.render

    @pytest.fixture
    def page(self, browser, scene, tmp_path):
        path = scene.save(tmp_path / "scene.html")
        browser.open(path)
        browser.js("pyrnn.viewers[0].toggle('paths of points', false)")
        return browser, path

    def test_slider_moves_and_removes_points(self, page):
        browser, path = page
        browser.js("pyrnn.viewers[0].setStep(5)")
        early = browser.screenshot()[180:]
        assert browser.js("document.querySelector('output').textContent") == "step 5"
        browser.js("pyrnn.viewers[0].setStep(30)")
        late = browser.screenshot()[180:]
        assert share_of(early, ORANGE) > 1e-4
        assert share_of(late, ORANGE) == 0
        assert 0.3 < share_of(late, GREEN) / share_of(early, GREEN) < 0.7
        assert browser.errors() == []
        assert set(browser.requests()) <= {path.resolve().as_uri(), "data:,"}

    def test_click_opens_the_card_of_the_present_place(self, page, tracks):
        browser, _ = page
        browser.js("pyrnn.viewers[0].setStep(11)")
        balls = "pyrnn.viewers[0].layers['fixed points']"
        shown = browser.js(
            f"[...{balls}.radii.keys()].filter(i => {balls}.spans[2 * i] <= 11 && "
            f"11 <= {balls}.spans[2 * i + 1])"
        )
        assert len(shown) == 3
        for branch, index in enumerate(shown):
            x, y, _ = browser.js(f"pyrnn.viewers[0].place('fixed points', {index})")
            browser.key("Escape")  # a card may lie over a point
            browser.click(x, y)
            words = browser.js("document.querySelector('.card').innerText")
            assert f"branch {branch}" in words
            largest = tracks.at(11).eigenvalues.abs().amax(1)[branch]
            assert f"{float(largest):.3f}" in words


@pytest.mark.render
def test_births_and_deaths_are_seen_on_a_dark_page(scene, browser, tmp_path):
    browser.call(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-color-scheme", "value": "dark"}],
    )
    try:
        browser.open(scene.save(tmp_path / "scene.html"))
        (x, y, _) = browser.js("pyrnn.viewers[0].place('births and deaths', 0)")
        around = browser.screenshot()[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3]
    finally:
        browser.call("Emulation.setEmulatedMedia", features=[])
    assert around.min(-1).max() > 150
