"""The card of a clicked fixed point or edge, drawn by matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from pyrnn.palette import GRAY, INK, RULE, SLATE, VERMILION
from pyrnn.render.image import figure_pixels
from pyrnn.render.layers import Array, Card

WIDTH, DPI, LEADING = 3.0, 100, 5  # inches; how many eigenvalues are listed


def card_pixels(card: Card, ratio: float = 1.0) -> Array:
    """Return a picture of a card, ``(height, width, 4)``."""
    tall = bool(len(card.eigenvalues))
    height = 4.7 if tall else 0.62 + 0.22 * len(card.facts)
    figure = Figure((WIDTH, height), dpi=DPI * ratio, facecolor="#FBFCFE", edgecolor=RULE)
    figure.patch.set_linewidth(2)
    write = _writer(figure, height)
    write(0.18, 0.28, card.title, size=12, weight="bold")
    write(0.18, 0.52, card.detail, color=card.color, weight="bold")
    for i, fact in enumerate(card.facts):
        write(0.18, 0.74 + 0.22 * i, fact, color=SLATE)
    if tall:
        _list(write, card.eigenvalues, 0.80 + 0.22 * len(card.facts))
        _spectrum(figure, card.eigenvalues)
    return figure_pixels(figure)


def _writer(figure: Figure, height: float) -> Any:
    """Return a function that writes text at inches from the upper left corner."""

    def write(
        x: float, y: float, words: str, size: float = 9, color: str = INK, **style: Any
    ) -> None:
        place = x / WIDTH, 1 - y / height
        figure.text(*place, words, fontsize=size, color=color, va="center", **style)

    return write


def _list(write: Any, eigenvalues: Array, top: float) -> None:
    write(0.18, top, "leading eigenvalues", color=SLATE)
    write(WIDTH - 0.2, top, "|λ|", color=SLATE, ha="right")
    for i, value in enumerate(eigenvalues[:LEADING]):
        y = top + 0.18 * (i + 1)
        style = {"family": "DejaVu Sans Mono", "color": VERMILION if abs(value) > 1 else INK}
        write(0.18, y, describe(value), size=8.5, **style)
        write(WIDTH - 0.2, y, f"{abs(value):.3f}", size=8.5, ha="right", **style)


def describe(value: complex) -> str:
    """Write a complex number as it is read.

    Example:
        >>> describe(-0.25 - 1j)
        '−0.250 − 1.000 i'
    """
    real = f"{'−' if value.real < 0 else ' '}{abs(value.real):.3f}"
    return f"{real} {'−' if value.imag < 0 else '+'} {abs(value.imag):.3f} i"


def _spectrum(figure: Figure, eigenvalues: Array) -> None:
    ax = figure.add_axes((0.19, 0.095, 0.74, 0.46))
    grows = np.abs(eigenvalues) > 1
    ax.add_patch(Circle((0, 0), 1, fill=False, color=GRAY, linewidth=0.9))
    ax.axhline(0, color=RULE, linewidth=0.7, zorder=0)
    for mask, color, size in ((~grows, SLATE, 14), (grows, VERMILION, 30)):
        ax.scatter(eigenvalues[mask].real, eigenvalues[mask].imag, s=size, color=color, lw=0)
    reach = 1.08 * max(1.0, np.abs(eigenvalues).max())
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.set_xlabel("Re λ", fontsize=8.5, labelpad=1)
    ax.set_ylabel("Im λ", fontsize=8.5, labelpad=1)
    ax.tick_params(labelsize=7.5, length=2.5)
    ax.spines[:].set_color(GRAY)
