"""Pictures drawn without a display, looked at by their pixels."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pyrnn.palette import GREEN, ORANGE, PURPLE, SKY, TRACE, rgb
from pyrnn.render import Panels, Scene
from pyrnn.render._box import corners_of
from pyrnn.render.gl import _picture
from pyrnn.render.gl._film import gif_delays
from pyrnn.render.gl._overlay import Overlay, _font_file
from pyrnn.render.gl._stage import Stage

from . import scenes

pytestmark = [pytest.mark.render, pytest.mark.usefixtures("opengl")]
SIZE = (480, 360)


def share_of(pixels: np.ndarray, color: str, tolerance: float = 0.06) -> float:
    """Return the share of pixels with about this hue and saturation."""
    wanted = np.array(rgb(color), float)
    seen = pixels[..., :3].astype(float)
    brightness = (seen @ wanted / (wanted @ wanted))[..., None]
    alike = np.abs(seen - brightness * wanted).max(-1) < 255 * tolerance
    return float((alike & (brightness[..., 0] > 0.4) & (seen.min(-1) < 235)).mean())


def share_drawn(pixels: np.ndarray) -> float:
    return float((pixels[..., :3].min(-1) < 250).mean())


@pytest.fixture(scope="module")
def picture(flipflop, tmp_path_factory) -> np.ndarray:
    path = tmp_path_factory.mktemp("picture") / "scene.png"
    assert flipflop.screenshot(path, size=SIZE) == path
    return np.asarray(Image.open(path))


def test_picture_has_the_size_asked_for(picture):
    assert picture.shape == (360, 480, 3)


def test_picture_is_neither_empty_nor_black(picture):
    assert 0.02 < share_drawn(picture) < 0.9
    assert (picture.max(-1) < 30).mean() < 0.05


@pytest.mark.parametrize("color", [GREEN, ORANGE, SKY, PURPLE])
def test_every_class_of_fixed_points_is_seen(picture, color):
    assert share_of(picture, color) > 2e-4


@pytest.mark.parametrize(
    ("key", "color"),
    [
        ("trajectories", TRACE),
        ("fixed points", GREEN),
        ("unstable modes", PURPLE),
        ("transition graph", SKY),
    ],
)
def test_each_layer_draws_its_color(flipflop, key, color):
    stage = Stage(flipflop.drawing, SIZE)
    for other in stage.actors:
        stage.set_visible(other, False)
    without = share_of(stage.pixels(), color)
    stage.set_visible(key, True)
    shown = share_of(stage.pixels(), color)
    stage.close()
    assert shown > without + 3e-4


def test_axes_can_be_hidden(flipflop):
    stage = Stage(flipflop.drawing, SIZE)
    before = share_drawn(stage.pixels())
    stage.set_visible("axes", False)
    after = share_drawn(stage.pixels())
    stage.close()
    assert after < before - 0.005


def test_time_hides_what_comes_later():
    scene = Scene(scenes.trials(6))
    stage = Stage(scene.drawing, SIZE)
    shares = []
    for step in (0, 60, None):
        stage.set_step(step)
        stage.cursors["trajectories"].set_step(None)
        shares.append((stage.pixels().max(-1) < 200).mean())  # darker than what is to come
    stage.close()
    assert shares[0] < shares[1] < shares[2]


@pytest.mark.parametrize("size", [(480, 360), (200, 300)])
def test_labels_stay_inside_and_off_the_legend(flipflop, size):
    """Labels of flat scenes once stuck out at the left."""
    for scene in (flipflop, Scene(scenes.trials(6))):
        stage = Stage(scene.drawing, size)
        stage.render()
        legend = stage.overlay.column if scene is flipflop else 0
        for label in stage.overlay.labels:
            left, right, top = _extent(label, stage)
            assert left >= 0
            assert right <= size[0]
            assert legend + (right - left) > size[0] or size[1] - top > 160 or left > legend
        stage.close()


def _extent(label, stage):
    box = [0.0, 0.0, 0.0, 0.0]
    label.GetBoundingBox(stage.renderer, box)
    x, y = label.GetPosition()
    return x + box[0], x + box[1], y + box[3]


def test_transients_are_cut_off_at_the_axes():
    states = scenes.trials(8)
    states[:, :20] *= 6
    stage = Stage(Scene(states, scenes.points()).drawing, SIZE)
    assert stage.actors["trajectories"].layer.clip
    stage.set_step(60)
    for key in ("fixed points", "unstable modes", "axes"):
        stage.set_visible(key, False)
    shown = np.argwhere(stage.pixels()[:, 220:].min(-1) < 235)  # right of the legend
    corners = stage.to_pixels(corners_of(stage.drawing.box))
    stage.close()
    assert len(shown)
    assert shown[:, 1].max() + 220 <= corners[:, 0].max() + 2
    assert shown[:, 0].max() <= SIZE[1] - corners[:, 1].min() + 2


def test_views_differ_and_unknown_ones_are_refused(flipflop, tmp_path):
    pictures = [
        np.asarray(Image.open(flipflop.screenshot(tmp_path / f"{view}.png", size=SIZE, view=view)))
        for view in ("front", "side")
    ]
    assert (pictures[0] != pictures[1]).mean() > 0.02
    with pytest.raises(ValueError, match="got 'back'"):
        flipflop.screenshot(tmp_path / "x.png", view="back")


def test_background_can_be_transparent(flipflop, tmp_path):
    path = flipflop.save(tmp_path / "scene.png", size=SIZE, transparent=True)
    alpha = np.asarray(Image.open(path))[..., 3]
    assert (alpha == 0).mean() > 0.4
    assert (alpha > 200).mean() > 0.01


def test_two_scenes_photograph_themselves(flipflop):
    other = Scene(scenes.trials(3), color="time")
    first, second = Stage(flipflop.drawing, SIZE), Stage(other.drawing, SIZE)
    pictures = [first.pixels(), second.pixels(), first.pixels()]
    first.close()
    second.close()
    assert share_of(pictures[0], PURPLE) > 2e-4 > share_of(pictures[1], PURPLE)
    np.testing.assert_array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize("motion", ["turntable", "trials"])
def test_gif_moves(flipflop, tmp_path, motion):
    options = {"seconds": 0.3, "fps": 10, "size": (160, 128)}
    path = flipflop.save(tmp_path / "film.gif", motion=motion, **options)
    with Image.open(path) as film:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 3
    assert all(0.02 < share_drawn(frame) < 0.9 for frame in frames)
    assert (frames[0] != frames[1]).mean() > 0.005


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # imageio's pipes
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_mp4_plays(flipflop, tmp_path):
    imageio = pytest.importorskip("imageio.v2")
    pytest.importorskip("imageio_ffmpeg")
    path = flipflop.save(tmp_path / "film.mp4", seconds=0.3, fps=10, size=(160, 128))
    with imageio.get_reader(path) as film:
        frames = [frame for frame in film]  # list() would ask for a length that it does not know
    assert len(frames) == 3
    assert 0.02 < share_drawn(np.asarray(frames[1])) < 0.9


def test_mp4_without_its_tools_says_what_to_install(flipflop, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ImportError, match=r"pyrnn\[video\]"):
        flipflop.save(tmp_path / "film.mp4")


def test_panels_stand_side_by_side(flipflop, tmp_path):
    path = Panels([flipflop, Scene(scenes.trials(3))]).save(tmp_path / "two.png", size=(200, 160))
    pixels = np.asarray(Image.open(path))
    assert pixels.shape == (160, 400, 3)
    assert share_of(pixels[:, :200], PURPLE) > 2e-4 > share_of(pixels[:, 200:], PURPLE)


def test_unknown_motion_is_refused(flipflop, tmp_path):
    with pytest.raises(ValueError, match="got 'dance'"):
        flipflop.save(tmp_path / "film.gif", motion="dance")


def test_film_of_panels_shows_them_side_by_side_and_how_far_it_is(flipflop, tmp_path, monkeypatch):
    from pyrnn.render.gl import _film as films

    said = []
    monkeypatch.setattr(
        films, "track", lambda items, words, enabled: said.append((words, enabled)) or items
    )
    path = tmp_path / "two.gif"
    options = {"seconds": 0.2, "fps": 10, "size": (96, 64)}
    Panels([flipflop, flipflop]).film(path, **options)
    with Image.open(path) as film:
        assert (film.size, film.n_frames) == ((192, 64), 2)
    flipflop.film(path, progress=False, **options)
    assert said == [("filming two.gif", True), ("filming two.gif", False)]


@pytest.mark.parametrize("name", ["scene.png", "scene.gif"])
def test_an_interrupted_write_leaves_the_old_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_text("old")
    options = {"seconds": 0.2, "progress": False} if name.endswith("gif") else {}

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Scene(scenes.trials(2)).save(path, size=(64, 48), **options)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_large_picture_is_not_black(monkeypatch):
    """What OpenGL cannot draw at twice the size is drawn at its own; it once was black."""
    monkeypatch.setattr(_picture, "_LARGEST", 900)
    pixels = _picture.draw_picture(Scene(scenes.trials(6)).drawing, SIZE)
    assert pixels.shape == (360, 480, 3)
    assert (pixels.max(-1) < 30).mean() < 0.05
    assert share_drawn(pixels) > 0.02


def test_a_picture_too_large_for_opengl_is_refused(flipflop, tmp_path):
    with pytest.raises(ValueError, match="expected at most 16384 pixels along a side"):
        flipflop.screenshot(tmp_path / "scene.png", size=(20_000, 20_000))


@pytest.mark.parametrize("fps", [7, 15, 30, 50])
def test_a_gif_lasts_as_long_as_asked(fps):
    delays = gif_delays(round(6 * fps), fps)
    assert sum(delays) == 6000
    assert {delay % 10 for delay in delays} == {0}
    assert min(delays) >= 20


def test_a_gif_that_browsers_would_slow_down_is_refused(flipflop, tmp_path):
    with pytest.raises(ValueError, match="at most 50 frames per second in a GIF, got fps=60"):
        flipflop.film(tmp_path / "scene.gif", fps=60)


def test_the_column_of_the_legend_is_as_wide_as_its_longest_line(flipflop):
    stage = Stage(flipflop.drawing, (720, 500))
    ends = [
        x + actor.GetTextProperty().GetFontSize() * 0.4 * len(actor.GetInput())
        for actor, x, below in stage.overlay.fixed
        if actor.IsA("vtkTextActor") and below > 60
    ]
    assert max(ends) <= stage.overlay.column < 2 * max(ends)
    fonts = {
        actor.GetTextProperty().GetFontFile()
        for actor in stage.overlay.props
        if actor.IsA("vtkTextActor")
    }
    assert fonts == {_font_file(False), _font_file(True)}
    stage.close()


def test_long_names_wrap_and_letters_without_a_glyph_are_named():
    title = "a title that is far too long for one line of the picture above the scene"
    scene = Scene(scenes.trials(4), color=["a condition whose name is long enough to wrap"] * 4)
    overlay = Overlay(replace(scene.drawing, title=title), ratio=1.0)
    lines = [actor.GetInput() for actor, *_ in overlay.fixed]
    assert max(map(len, lines)) <= 44
    assert " ".join(lines[:2]) == title
    assert "a condition whose name is long enough to wrap" in " ".join(lines)
    heights = [below for _, _, below in overlay.fixed]
    assert len({*heights[:2], *heights[3:]}) == len(heights) - 1
    with pytest.warns(UserWarning, match="has no 日, 本, which is left out of '日本 net'; a page"):
        Overlay(replace(scene.drawing, title="日本 net"), ratio=1.0)
