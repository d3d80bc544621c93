"""What a card of the window says, and that all of it is on the card."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from pyrnn.render._drawing import Card
from pyrnn.render.gl import _card

EIGENVALUES = np.array([1.2, 0.5 + 0.3j, 0.5 - 0.3j, -0.25])


def drawn(card: Card, monkeypatch: pytest.MonkeyPatch) -> Figure:
    """Return the figure of a card, laid out."""
    figures: list[Figure] = []
    pixels = _card.figure_pixels
    monkeypatch.setattr(_card, "figure_pixels", lambda f: (figures.append(f), pixels(f))[1])
    _card.card_pixels(card)
    return figures[0]


def test_every_line_is_on_the_card_and_on_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    card = Card("fixed point 3", "1 unstable mode", "#D55E00", EIGENVALUES, ("speed 1e-15",))
    figure = drawn(card, monkeypatch)
    frame, boxes = figure.bbox, [text.get_window_extent() for text in figure.texts]
    assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 for b in boxes)
    assert all(frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    words = [text.get_text() for text in figure.texts]
    heads = ["fixed point 3", "1 unstable mode", "speed 1e-15", "leading eigenvalues", "|λ|"]
    assert words[:5] == heads
    assert words[5:9] == [" 1.200 + 0.000 i", "1.200", " 0.500 + 0.300 i", "0.583"]
    assert words[-2:] == ["−0.250 + 0.000 i", "0.250"]


def test_the_spectrum_shows_all_eigenvalues_and_the_unit_circle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (ax,) = drawn(Card("3", "", "#D55E00", EIGENVALUES), monkeypatch).axes
    stable, unstable = (np.asarray(dots.get_offsets()) for dots in ax.collections)
    assert unstable.tolist() == [[1.2, 0.0]]
    assert stable.tolist() == [[0.5, 0.3], [0.5, -0.3], [-0.25, 0.0]]
    (circle,) = ax.patches
    assert circle.radius == 1
    assert ax.get_xlim() == ax.get_ylim() == pytest.approx((-1.296, 1.296))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Re λ", "Im λ")
