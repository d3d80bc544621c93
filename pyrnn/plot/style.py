"""The style of all figures; the user's settings of matplotlib stay as they are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from pyrnn.validate import check_kind

__all__ = [
    "STYLE_SHEET",
    "axes_or_new",
    "heading",
    "legend_above",
    "legend_below",
    "styled",
    "text_size",
]

STYLE_SHEET = str(Path(__file__).with_name("pyrnn.mplstyle"))

_P = ParamSpec("_P")
_R = TypeVar("_R")


def styled(plot: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make a plot function draw in the style of pyrnn; a decorator.

    If the function draws into axes of the user, its text has the size of the labels there.

    Args:
        plot: The function.

    Returns:
        A function with the same signature.

    Example:
        >>> @styled
        ... def font_size():
        ...     return plt.rcParams["font.size"]
        >>> font_size(), plt.rcParams["axes.spines.top"]
        (9.0, True)
    """

    @functools.wraps(plot)
    def drawn(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        ax = kwargs.get("ax")
        size = {"font.size": text_size(ax)} if isinstance(ax, Axes) else {}
        with plt.style.context([STYLE_SHEET, size]):
            drawing = plot(*args, **kwargs)
            is_interactive = plt.isinteractive()  # a notebook turns it on at its first figure
        plt.interactive(is_interactive)
        return drawing

    return drawn


def axes_or_new(ax: Axes | None) -> Axes:
    """Return the given axes, or those of a new figure.

    Example:
        >>> ax = axes_or_new(None)
        >>> axes_or_new(ax) is ax
        True
    """
    if ax is None:
        return plt.subplots()[1]
    check_kind("ax", ax, Axes, "take one of plt.subplots()")
    return ax


def text_size(ax: Axes) -> float:
    """Return the size of the labels of axes, in points.

    Example:
        >>> text_size(plt.subplots()[1])
        10.0
    """
    return float(ax.xaxis.label.get_fontsize())


def heading(ax: Axes, title: str, x: str = "", y: str = "") -> None:
    """Write axis labels, and a title unless there is one.

    Example:
        >>> ax = axes_or_new(None)
        >>> heading(ax, "spectrum", "Re λ", "Im λ")
        >>> ax.get_title(loc="left"), ax.get_xlabel()
        ('spectrum', 'Re λ')
    """
    if not ax.get_title(loc="left"):
        ax.set_title(title, loc="left")
    ax.set_xlabel(x)
    ax.set_ylabel(y)


def legend_above(ax: Axes) -> None:
    """Put the legend in the line of the title, where it hides no data.

    Example:
        >>> ax = axes_or_new(None)
        >>> lines = ax.plot([0, 1], label="loss")
        >>> legend_above(ax)
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['loss']
    """
    n = len(ax.get_legend_handles_labels()[1])
    tight: dict[str, Any] = {"borderpad": 0, "handletextpad": 0.5, "columnspacing": 1.2}
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=n, borderaxespad=0.3, **tight)


def legend_below(ax: Axes, handles: Sequence[Artist], *, labeled: bool = True) -> None:
    """Put a legend of two columns below the axes.

    Args:
        ax: The axes.
        handles: What the legend explains.
        labeled: Whether the axes have ticks and labels, which need room.

    Example:
        >>> ax = axes_or_new(None)
        >>> legend_below(ax, ax.plot([0, 1], label="loss"))
        >>> ax.get_legend().get_texts()[0].get_text()
        'loss'
    """
    lines = 3.3 if labeled else 0.2  # height of tick labels and axis label
    inches = ax.figure.dpi_scale_trans
    drop = ScaledTranslation(0, -lines * text_size(ax) / 72, inches)
    tight: dict[str, Any] = {"handletextpad": 0.2, "columnspacing": 1.2, "borderaxespad": 0.2}
    place: dict[str, Any] = {"bbox_to_anchor": (0.5, 0), "bbox_transform": ax.transAxes + drop}
    ax.legend(handles=handles, loc="upper center", ncols=2, **place, **tight)
