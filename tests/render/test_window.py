"""Interaction, by synthetic events on a window that nobody sees."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pyrnn.render import Scene
from pyrnn.render._camera import fit_camera
from pyrnn.render.gl._plotter import open_window
from pyrnn.render.gl._stage import Stage

from . import scenes

pytestmark = [pytest.mark.render, pytest.mark.usefixtures("opengl")]
SIZE = (720, 500)


@pytest.fixture
def hand(flipflop):
    from .events import Hand

    stage = Stage(flipflop.drawing, SIZE)
    yield Hand(stage)
    stage.close()


def place(hand, key: str, index: int) -> tuple[float, float]:
    layer = hand.stage.actors[key].layer
    if key == "fixed points":
        point = layer.centers[index]
    else:
        point = layer.vertices.reshape(len(layer.lengths), -1, 3)[index, 14]
    x, y, _ = hand.stage.to_pixels(point[None])[0]
    return x, y


def test_drag_turns_the_scene(hand):
    before = hand.stage.pixels()
    hand.drag((450, 250), (520, 280))
    after = hand.stage.pixels()
    assert (before != after).any(-1).mean() > 0.02
    assert hand.viewer.card is None


def test_click_on_a_fixed_point_opens_its_card(hand):
    before = hand.stage.pixels()
    hand.click(*place(hand, "fixed points", 13))
    assert hand.viewer.card.title == "fixed point 13"
    np.testing.assert_allclose(hand.viewer.card.eigenvalues[:3], [3.0, 2.0, 1.5])
    corner = np.s_[30:300, -280:-40]
    assert (hand.stage.pixels()[corner] != before[corner]).any(-1).mean() > 0.3


def test_click_beside_everything_closes_the_card(hand):
    hand.click(*place(hand, "fixed points", 13))
    hand.click(SIZE[0] - 20, 100)
    assert hand.viewer.card is None


def test_click_on_an_edge_shows_its_probability(hand):
    edges = list(scenes.graph().edges(data=True))
    lone = next(i for i, (source, *_) in enumerate(edges) if source == 13)
    hand.click(*place(hand, "transition graph", lone))
    source, target, data = edges[lone]
    assert hand.viewer.card.title == f"{source} → {target}"
    assert f"{data['probability']:.2f}" in hand.viewer.card.detail


def test_hover_names_what_is_under_the_pointer(hand):
    hand.move(*place(hand, "fixed points", 13))
    assert hand.viewer.tip.GetInput().strip() == "fixed point 13 · 3+ unstable modes"
    hand.move(SIZE[0] - 10, 90)
    assert not hand.viewer.tip.GetVisibility()


def test_check_boxes_toggle_layers(hand):
    for (x, from_top, *_), key in zip(hand.viewer.controls.areas, hand.stage.actors, strict=False):
        before = hand.stage.is_visible(key)
        hand.click(x + 30, SIZE[1] - from_top)
        assert hand.stage.is_visible(key) is not before
        mark = hand.viewer.controls.boxes[key].GetInput()[0]
        assert mark == ("☐" if before else "☑")


def test_hidden_things_cannot_be_clicked(hand):
    spot = place(hand, "fixed points", 13)
    for key in list(hand.stage.actors):
        hand.stage.set_visible(key, False)
    hand.click(*spot)
    assert hand.viewer.card is None


def test_slider_moves_through_time(hand):
    camera = hand.stage.renderer.GetActiveCamera().GetPosition()
    slider = hand.viewer.slider
    hand.drag((slider.x_of(119), 52), (slider.x_of(40), 52))
    assert slider.step == hand.stage.step == 40
    assert hand.stage.renderer.GetActiveCamera().GetPosition() == camera
    hand.move(slider.x_of(90), 52)
    assert slider.step == 40


def test_play_moves_on_and_stops_at_the_end(hand, monkeypatch):
    from pyrnn.render.gl import _window as window

    clock = [0.0]
    monkeypatch.setattr(window.time, "monotonic", lambda: clock[0])
    hand.key("space")
    assert hand.viewer.playing
    for now, step in ((0.5, 30), (1.0, 60), (9.0, 119)):
        clock[0] = now
        hand.interactor.InvokeEvent("TimerEvent")
        assert hand.viewer.slider.step == step
    assert not hand.viewer.playing


def test_play_button_plays(hand):
    hand.click(hand.viewer.slider.left - 28, 52)
    assert hand.viewer.playing


def test_keys_choose_views_and_steps(hand):
    def direction():
        return np.array(hand.stage.renderer.GetActiveCamera().GetDirectionOfProjection())

    hand.key("4")
    np.testing.assert_allclose(direction(), [0, 0, -1], atol=1e-6)
    hand.key("2")
    np.testing.assert_allclose(direction(), [0, -1, 0], atol=1e-6)
    hand.key("Left")
    assert hand.viewer.slider.step == 118


def test_view_buttons_turn_the_camera(hand):
    (x, from_top, *_) = hand.viewer.controls.areas[-1]
    hand.click(x + 10, SIZE[1] - from_top)
    direction = hand.stage.renderer.GetActiveCamera().GetDirectionOfProjection()
    np.testing.assert_allclose(direction, [0, 0, -1], atol=1e-6)


def test_p_saves_what_is_seen_and_overwrites_nothing(hand, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hand.key("p")
    hand.key("p")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scene-2.png", "scene.png"]


@pytest.mark.parametrize("key", ["Escape", "q"])
def test_escape_ends_the_window_and_not_python(hand, key):
    ended = []
    hand.interactor.TerminateApp = lambda: ended.append(True)
    hand.key(key)
    assert ended


def test_script_goes_on_without_a_display(flipflop, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.warns(UserWarning, match="DISPLAY is not set"):
        flipflop.show()


def test_settings_of_vedo_stay_as_they_were(flipflop):
    import vedo

    before = str(vedo.settings)
    stage = Stage(flipflop.drawing, (100, 100))
    stage.close()
    assert str(vedo.settings) == before


def test_scene_without_time_has_no_slider():
    from .events import Hand

    stage = Stage(Scene(scenes.trials(3, n_steps=1)).drawing, (200, 160))
    hand = Hand(stage)
    assert not hand.viewer.slider.press(hand.viewer.slider.left, 52)
    stage.close()


@pytest.fixture
def hands(flipflop):
    """Two scenes side by side, each with its own viewer."""
    from .events import Hand

    window = open_window((900, 500), n_parts=2)
    stages = [Stage(flipflop.drawing, (900, 500), part=(window, i)) for i in range(2)]
    first = Hand(stages[0])
    second = Hand(stages[1], first.interactor, first.viewer.style)
    yield first, second
    for stage in stages:
        stage.close()


def test_panels_share_a_window_and_nothing_else(hands):
    first, second = hands
    assert first.stage.size == second.stage.size == (450, 500)
    x, y = place(second, "fixed points", 13)
    first.click(450 + x, y)
    assert first.viewer.card is None
    assert second.viewer.card.title == "fixed point 13"
    left = np.array(first.stage.renderer.GetActiveCamera().GetPosition())
    first.drag((750, 250), (800, 280))
    np.testing.assert_array_equal(first.stage.renderer.GetActiveCamera().GetPosition(), left)
    assert (second.stage.renderer.GetActiveCamera().GetPosition() != left).any()
    first.move(700, 300)
    first.key("Left")
    assert (first.viewer.slider.step, second.viewer.slider.step) == (119, 118)


def test_panels_have_their_check_boxes(hands):
    _, second = hands
    (x, from_top, *_), key = second.viewer.controls.areas[0], "trajectories"
    second.click(450 + x + 30, 500 - from_top)
    assert [hand.stage.is_visible(key) for hand in hands] == [True, False]


@pytest.mark.parametrize(("width", "shown"), [(1280, "drag"), (600, "1–4"), (200, "")])
def test_keys_are_listed_as_far_as_they_fit(width, shown):
    from pyrnn.render.gl._controls import _fitting_keys

    assert _fitting_keys(width).startswith(shown)
    assert len(_fitting_keys(width)) * 6 < width


def test_the_scene_is_drawn_again_after_every_action(hand, monkeypatch):
    drawn, viewer = [], hand.viewer
    draw = hand.stage.render
    monkeypatch.setattr(hand.stage, "render", lambda: (drawn.append(1), draw()))
    card = hand.stage.drawing.layers[1].cards[13]
    for action in (
        lambda: viewer.toggle("axes"),
        lambda: viewer.look("iso"),
        lambda: viewer.set_step(3),
        viewer.toggle_play,
        lambda: viewer.show_card(card),
        lambda: viewer.show_card(None),
    ):
        drawn.clear()
        action()
        assert drawn


def test_controls_lie_side_by_side_in_the_window(hand):
    controls = hand.viewer.controls
    boxes, buttons = controls.areas[: len(controls.boxes)], controls.areas[len(controls.boxes) :]
    assert len({area.left for area in boxes}) == len({area.middle for area in buttons}) == 1
    for upper, lower in itertools.pairwise(boxes):
        assert lower.middle - upper.middle >= 14.5  # the size of their text
    for left, right in itertools.pairwise(buttons):
        assert 0 < left.left + left.width < right.left
    assert buttons[0].middle > boxes[-1].middle
    assert buttons[-1].left + buttons[-1].width < SIZE[0]
    written = [x for _, x, y in hand.stage.overlay.fixed if y == buttons[0].middle]
    places = zip(written, buttons, strict=True)
    assert all(area.left <= x <= area.left + area.width for x, area in places)


def test_the_list_of_keys_is_in_the_middle_of_the_bottom(hand):
    hand.stage.render()
    keys = hand.viewer.controls.keys
    assert "Esc closes" in keys.GetInput()
    assert keys.GetPosition()[0] == SIZE[0] / 2


def test_labels_make_room_for_the_card(hand):
    hand.viewer.show_card(hand.stage.drawing.layers[1].cards[13])
    width, height = hand.viewer._card_size
    box = hand.stage.drawing.box
    for degrees in range(0, 360, 30):
        turn = np.radians(degrees)
        direction = np.array([np.cos(turn), np.sin(turn), 0.4])
        hand.stage.pose(fit_camera(box, direction / np.linalg.norm(direction), 1.2))
        hand.stage.render()
        for label in hand.stage.overlay.labels:
            extent = [0.0, 0.0, 0.0, 0.0]
            label.GetBoundingBox(hand.stage.renderer, extent)
            x, y = label.GetPosition()
            is_beside = x + extent[1] <= SIZE[0] - width - 20
            assert is_beside or y + extent[3] <= SIZE[1] - height - 20
    hand.viewer.show_card(None)
    assert hand.stage.overlay.card == (0, 0)
