"""Colours that mean the same in every figure and scene, readable by the colour-blind.

The categorical palette is that of Okabe and Ito; nothing is told by red against green alone.

References:
    Okabe & Ito, *Color Universal Design* (2008), https://jfly.uni-koeln.de/color.
"""

from __future__ import annotations

GREEN, ORANGE, SKY, PURPLE = "#009E73", "#E69F00", "#56B4E9", "#CC79A7"
BLUE, VERMILION, YELLOW = "#0072B2", "#D55E00", "#F0E442"

INK = "#1F2328"  # text
SLATE = "#4A5460"  # secondary text, stable eigenvalues
GREY = "#8A94A0"  # guides
TRACE = "#AEB6C0"  # trajectories that mean nothing in particular
RULE = "#D0D4DA"  # grid lines, borders

CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, SLATE)
STABILITY = (GREEN, ORANGE, SKY, PURPLE)  # by number of unstable modes: 0, 1, 2, 3 or more


def stability_color(n_unstable: int) -> str:
    """Return the colour of a fixed point with so many unstable modes.

    Example:
        >>> stability_color(0), stability_color(12)
        ('#009E73', '#CC79A7')
    """
    return STABILITY[min(int(n_unstable), 3)]


def stability_label(n_unstable: int) -> str:
    """Name the class of a fixed point with so many unstable modes.

    Example:
        >>> [stability_label(n) for n in (0, 1, 2, 7)]
        ['stable', '1 unstable mode', '2 unstable modes', '3+ unstable modes']
    """
    names = ("stable", "1 unstable mode", "2 unstable modes", "3+ unstable modes")
    return names[min(int(n_unstable), 3)]


def rgb(color: str) -> tuple[int, int, int]:
    """Split a hexadecimal colour into red, green and blue, each from 0 to 255.

    Example:
        >>> rgb("#E69F00")
        (230, 159, 0)
    """
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
