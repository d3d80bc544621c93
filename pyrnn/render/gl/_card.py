"""The card of a clicked fixed point or edge, drawn by matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from pyrnn.arrays import Array
from pyrnn.palette import GRAY, INK, RULE, SLATE, VERMILION
from pyrnn.render._drawing import Card
from pyrnn.render.gl._images import figure_pixels

__all__ = ["card_pixels"]

_WIDTH, _DPI = 3.0, 100  # inches, dots per inch
_LEADING = 5  # how many eigenvalues are listed
_EDGE = 0.18  # room at the left and the right, in inches


def card_pixels(card: Card, ratio: float = 1.0) -> Array:
    """Return a picture of a card, ``(height, width, 4)``.

    Args:
        card: What to write.
        ratio: Pixels drawn for each pixel on the screen.

    Example:
        >>> card_pixels(Card("0 → 1", "probability 0.50", "#009E73", facts=("16 runs",))).shape
        (84, 300, 4)
    """
    tall = bool(len(card.eigenvalues))
    height = 4.7 if tall else 0.62 + 0.22 * len(card.facts)
    figure = Figure((_WIDTH, height), dpi=_DPI * ratio, facecolor="#FBFCFE", edgecolor=RULE)
    figure.patch.set_linewidth(2)
    _write(figure, _EDGE, 0.28, card.title, size=12, bold=True)
    _write(figure, _EDGE, 0.52, card.detail, color=card.color, bold=True)
    for i, fact in enumerate(card.facts):
        _write(figure, _EDGE, 0.74 + 0.22 * i, fact, color=SLATE)
    if tall:
        _list(figure, card.eigenvalues, 0.80 + 0.22 * len(card.facts))
        _draw_spectrum(figure, card.eigenvalues)
    return figure_pixels(figure)


def _write(
    figure: Figure,
    x: float,
    y: float,
    words: str,
    *,
    size: float = 9,
    color: str = INK,
    bold: bool = False,
    mono: bool = False,
) -> None:
    """Write text at inches from the upper left corner; from the right if ``x < 0``."""
    place = (x if x >= 0 else _WIDTH + x) / _WIDTH, 1 - y / figure.get_figheight()
    style: dict[str, Any] = {"fontsize": size, "color": color, "va": "center"}
    style |= {"weight": "bold"} if bold else {}
    style |= {"family": "DejaVu Sans Mono"} if mono else {}
    figure.text(*place, words, ha="left" if x >= 0 else "right", **style)


def _list(figure: Figure, eigenvalues: Array, top: float) -> None:
    _write(figure, _EDGE, top, "leading eigenvalues", color=SLATE)
    _write(figure, -0.2, top, "|λ|", color=SLATE)
    for i, value in enumerate(eigenvalues[:_LEADING]):
        y = top + 0.18 * (i + 1)
        color = VERMILION if abs(value) > 1 else INK
        _write(figure, _EDGE, y, _complex(value), size=8.5, color=color, mono=True)
        _write(figure, -0.2, y, f"{abs(value):.3f}", size=8.5, color=color, mono=True)


def _complex(value: complex) -> str:
    """Return a complex number as it is usually written, such as ``−0.250 − 1.000 i``."""
    real = f"{'−' if value.real < 0 else ' '}{abs(value.real):.3f}"
    return f"{real} {'−' if value.imag < 0 else '+'} {abs(value.imag):.3f} i"


def _draw_spectrum(figure: Figure, eigenvalues: Array) -> None:
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
