"""The look that all figures share, used by context: the user's own settings stay as they are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

STYLE_SHEET = str(Path(__file__).with_name("pyrnn.mplstyle"))

P = ParamSpec("P")
R = TypeVar("R")


def styled(plot: Callable[P, R]) -> Callable[P, R]:
    """Make a function draw in the style of pyrnn, and leave matplotlib's settings untouched.

    What is written into given axes is as large as their own labels, on paper as on a slide.

    Example:
        >>> @styled
        ... def font_size():
        ...     return plt.rcParams["font.size"]
        >>> font_size(), plt.rcParams["axes.spines.top"]
        (9.0, True)
    """

    @functools.wraps(plot)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        ax = kwargs.get("ax")
        size = {"font.size": text_size(ax)} if isinstance(ax, Axes) else {}
        with plt.style.context([STYLE_SHEET, size]):
            drawing = plot(*args, **kwargs)
            is_interactive = plt.isinteractive()  # a notebook turns it on at its first figure
        plt.interactive(is_interactive)
        return drawing

    return drawn


def axes_or_new(ax: Axes | None) -> Axes:
    """Return the given axes, or those of a new figure."""
    return plt.subplots()[1] if ax is None else ax


def text_size(ax: Axes) -> float:
    """Return the size of the labels of axes, in points."""
    return float(ax.xaxis.label.get_fontsize())


def heading(ax: Axes, title: str, x: str = "", y: str = "") -> None:
    """Write title and axis labels, keeping a title that is already there."""
    if not ax.get_title(loc="left"):
        ax.set_title(title, loc="left")
    ax.set_xlabel(x)
    ax.set_ylabel(y)


def legend_above(ax: Axes) -> None:
    """Put the legend on the line of the title, where it hides no data."""
    n = len(ax.get_legend_handles_labels()[1])
    tight: dict[str, Any] = {"borderpad": 0, "handletextpad": 0.5, "columnspacing": 1.2}
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=n, borderaxespad=0.3, **tight)


def legend_below(ax: Axes, handles: Sequence[Any], *, labeled: bool = True) -> None:
    """Put a legend of two columns below the axes and their labels, where width is scarce."""
    lines = 3.3 if labeled else 0.2  # height of tick labels and axis label
    drop = ScaledTranslation(0, -lines * text_size(ax) / 72, _inches(ax))
    tight: dict[str, Any] = {"handletextpad": 0.2, "columnspacing": 1.2, "borderaxespad": 0.2}
    place: dict[str, Any] = {"bbox_to_anchor": (0.5, 0), "bbox_transform": ax.transAxes + drop}
    ax.legend(handles=handles, loc="upper center", ncols=2, **place, **tight)


def _inches(ax: Axes) -> Any:
    """Return the transform from inches to pixels of the figure that axes belong to."""
    figure: Any = ax.figure
    return figure.dpi_scale_trans
