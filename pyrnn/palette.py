"""Colors that mean the same in every figure and scene.

Color-blind readers can tell them apart: the palette is that of Okabe and Ito.

References:
    Okabe & Ito, *Color Universal Design* (2008), https://jfly.uni-koeln.de/color.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

__all__ = [
    "BLUE",
    "CYCLE",
    "GRAY",
    "GREEN",
    "INK",
    "ORANGE",
    "PURPLE",
    "RULE",
    "SKY",
    "SLATE",
    "STABILITY",
    "TRACE",
    "VERMILION",
    "YELLOW",
    "Scale",
    "color_scale",
    "colormap",
    "rgb",
    "stability_color",
    "stability_label",
]

GREEN, ORANGE, SKY, PURPLE = "#009E73", "#E69F00", "#56B4E9", "#CC79A7"
BLUE, VERMILION, YELLOW = "#0072B2", "#D55E00", "#F0E442"

INK = "#1F2328"  # text
SLATE = "#4A5460"  # secondary text, stable eigenvalues
GRAY = "#8A94A0"  # guides
TRACE = "#AEB6C0"  # trajectories without a color of their own
RULE = "#D0D4DA"  # grid lines, borders

CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, SLATE)
STABILITY = (GREEN, ORANGE, SKY, PURPLE)  # by number of unstable modes: 0, 1, 2, 3 or more
_TURN = (  # for angles, once around: light, blue, dark, vermilion, light
    "#F0C750", "#8DB57E", "#3C93B4", "#3563A6", "#37307A",
    "#2D1440", "#6A1B52", "#B03A3E", "#DD7031", "#EE9F3A",
)  # fmt: skip


def stability_color(n_unstable: int) -> str:
    """Return the color of fixed points with a given number of unstable modes.

    Example:
        >>> stability_color(0), stability_color(12)
        ('#009E73', '#CC79A7')
    """
    return STABILITY[min(int(n_unstable), 3)]


def stability_label(n_unstable: int) -> str:
    """Return the name of fixed points with a given number of unstable modes.

    Example:
        >>> [stability_label(n) for n in (0, 1, 2, 7)]
        ['stable', '1 unstable mode', '2 unstable modes', '3+ unstable modes']
    """
    names = ("stable", "1 unstable mode", "2 unstable modes", "3+ unstable modes")
    return names[min(int(n_unstable), 3)]


def rgb(color: str) -> tuple[int, int, int]:
    """Return red, green and blue of a hexadecimal color, each from 0 to 255.

    Example:
        >>> rgb("#E69F00")
        (230, 159, 0)
    """
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def colormap(name: str) -> Colormap:
    """Return a color map of matplotlib, or ``"turn"``, whose two ends look alike.

    Example:
        >>> turn = colormap("turn")
        >>> turn(0.0) == turn(1.0)
        True
    """
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap

    if name == "turn":
        return LinearSegmentedColormap.from_list(name, [*_TURN, _TURN[0]], N=360)
    return colormaps[name]


class Scale(NamedTuple):
    """A scale of colors: a color map, and the values at its two ends.

    Example:
        >>> gray = Scale("gray", 0.0, 10.0)
        >>> gray(np.array([0.0, 10.0])).tolist()
        [[0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
        >>> gray.ends
        ('0', '10')
    """

    colormap: str
    low: float
    high: float

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return red, green, blue, opacity of values ``(...)``, ``(..., 4)`` from 0 to 1."""
        shares = (values - self.low) / ((self.high - self.low) or 1.0)
        return np.asarray(colormap(self.colormap)(shares))

    @property
    def ends(self) -> tuple[str, str]:
        """Text of the values at the two ends.

        Example:
            >>> Scale("turn", -np.pi, np.pi).ends
            ('−π', 'π')
        """
        if np.isclose(self.high, np.pi) and self.low == -self.high:
            return "−π", "π"
        digits = 3
        largest = max(abs(self.low), abs(self.high))
        if 1e-3 <= largest < 1e6:  # as many digits as tell the ends apart, without an exponent
            step = (self.high - self.low) / 100 or largest
            digits = max(3, int(np.floor(np.log10(largest)) - np.floor(np.log10(step))))
            digits = max(digits, int(np.log10(largest)) + 1 if largest >= 1 else 0)
        low, high = (f"{end:.{digits}g}".replace("-", "−") for end in (self.low, self.high))
        return low, high


def color_scale(values: NDArray[Any], period: float | None = None) -> tuple[Scale, NDArray[Any]]:
    """Choose a scale of colors for some values.

    Args:
        values: What is colored.
        period: A full turn, such as 360, if the values are angles. The two ends of the scale then
            look alike.

    Returns:
        The scale, symmetric about zero where values have both signs; and the values, where angles
        lie between minus and plus half a turn.

    Example:
        >>> scale, values = color_scale(np.array([10.0, 350.0]), period=360)
        >>> scale.ends, values.tolist()
        (('−180', '180'), [10.0, -10.0])
    """
    if period is not None:
        half = period / 2
        return Scale("turn", -half, half), (values + half) % period - half
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    reach = max(-low, high)
    if low < 0 < high:
        return Scale("coolwarm", -reach, reach), values
    return Scale("viridis", low, high), values
