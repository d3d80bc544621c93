"""Scenes stay readable: width, opacity and number of trajectories follow from coverage."""

from __future__ import annotations

import numpy as np
import pytest

from pyrnn.render import Scene
from pyrnn.render._crowd import fading, stroke_for
from pyrnn.render.gl._stage import Stage

from . import scenes

SIZE = (480, 360)
BOX = np.array([[-1.0] * 3, [1.0] * 3])


@pytest.mark.render
@pytest.mark.usefixtures("opengl")
@pytest.mark.parametrize("n", [4, 64, 1000, 4000])
def test_trajectories_hide_neither_points_nor_graph(n):
    stage = Stage(Scene(scenes.trials(n), scenes.points(), scenes.graph()).drawing, SIZE)
    pictures = {}
    for shown in ("all", "front", "none"):
        stage.set_visible("trajectories", shown == "all")
        for key in ("fixed points", "transition graph"):
            stage.set_visible(key, shown != "none")
        pictures[shown] = stage.pixels().astype(int)
    centers = stage.to_pixels(stage.drawing.layers[1].centers)[:, :2].round().astype(int)
    stage.close()
    rows, columns = SIZE[1] - 1 - centers[:, 1], centers[:, 0]
    assert np.array_equal(
        pictures["all"][rows, columns], pictures["front"][rows, columns]
    )  # the middle of each of the 27 points has its color
    in_front = np.abs(pictures["front"] - pictures["none"]).max(-1) > 100
    changed = np.abs(pictures["all"] - pictures["front"]).max(-1) > 40
    assert changed[in_front].mean() < 0.02
    covered = np.abs(pictures["all"] - pictures["front"]).max(-1) > 12
    assert 0.002 < covered.mean() < 0.6


def test_a_few_trajectories_are_opaque_tubes_and_many_are_faint_lines():
    rng = np.random.default_rng(0)
    trials = list(0.05 * rng.normal(size=(2000, 60, 3)).cumsum(axis=1))
    strokes = [stroke_for(trials[:n], BOX, np.ones(3)) for n in (1, 8, 64, 300, 2000)]
    assert strokes[0].alpha == 1
    for name in ("radius", "alpha"):
        values = [getattr(stroke, name) for stroke in strokes]
        assert values == sorted(values, reverse=True)
    assert strokes[-1].radius == 0
    assert strokes[-1].alpha >= 0.05


def test_stroke_does_not_depend_on_units():
    trials = list(np.random.default_rng(0).normal(size=(50, 60, 3)))
    usual, large = (
        stroke_for([k * trial for trial in trials], k * BOX, np.ones(3)) for k in (1, 1e6)
    )
    assert np.isclose(usual.alpha, large.alpha)
    assert np.isclose(1e6 * usual.radius, large.radius)


def test_colors_that_say_something_are_more_opaque_than_gray():
    states = np.random.default_rng(0).normal(size=(500, 60, 3)).cumsum(axis=1)
    values = np.linspace(-1, 1, 500)
    gray, colored = (Scene(states, color=by).drawing.layers[0].alpha for by in (None, values))
    assert 1.5 * gray < colored < 1


def test_jumps_are_pale_and_evenly_fast_trials_are_not():
    steps = np.full((50, 1), 0.005) * [1.0, 0, 0]
    steps[20] = 0.3
    fades = fading([np.cumsum(steps, axis=0)], unit=1.0)
    assert (fades[[19, 20]] < 0.1).all()
    assert (np.delete(fades, [19, 20]) == 1).all()
    assert np.allclose(fading([np.cumsum(60 * np.delete(steps, 20, 0), axis=0)], unit=1.0), 1)


def test_the_number_of_trials_is_stated_and_can_be_chosen():
    states = np.random.default_rng(0).normal(size=(5000, 100, 3))
    for n, drawn in ((None, 2000), (10, 10), (5000, 5000)):
        drawing = Scene(states, n_trials=n).drawing
        assert len(drawing.layers[0].lengths) == drawn
        note = "" if drawn == 5000 else f"{drawn} of 5000 trials"
        assert drawing.layers[0].note == note
        assert [name for name, _ in drawing.legend] == ([note] if note else [])
