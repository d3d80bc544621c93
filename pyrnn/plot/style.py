"""The look that all figures share, used by context: the user's own settings stay as they are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

STYLE_SHEET = str(Path(__file__).with_name("pyrnn.mplstyle"))

P = ParamSpec("P")
R = TypeVar("R")


def styled(plot: Callable[P, R]) -> Callable[P, R]:
    """Make a function draw in the style of pyrnn, and leave matplotlib's settings untouched.

    Example:
        >>> @styled
        ... def font_size():
        ...     return plt.rcParams["font.size"]
        >>> font_size(), plt.rcParams["axes.spines.top"]
        (9.0, True)
    """

    @functools.wraps(plot)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with plt.style.context(STYLE_SHEET):
            return plot(*args, **kwargs)

    return drawn


def axes_or_new(ax: Axes | None) -> Axes:
    """Return the given axes, or those of a new figure."""
    return plt.subplots()[1] if ax is None else ax


def heading(ax: Axes, title: str, x: str = "", y: str = "") -> None:
    """Write title and axis labels, keeping a title that is already there."""
    if not ax.get_title(loc="left"):
        ax.set_title(title, loc="left")
    ax.set_xlabel(x)
    ax.set_ylabel(y)


def legend_above(ax: Axes) -> None:
    """Put the legend on the line of the title, where it hides no data."""
    n = len(ax.get_legend_handles_labels()[1])
    tight: dict[str, Any] = {"borderpad": 0, "handletextpad": 0.3, "columnspacing": 1.0}
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=n, borderaxespad=0.3, **tight)
