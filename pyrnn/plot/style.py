"""The style of all figures; the user's settings of matplotlib stay as they are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import ScaledTranslation, Transform

from pyrnn.palette import SLATE
from pyrnn.validate import check_kind

__all__ = [
    "DARK_STYLE_SHEET",
    "STYLE_SHEET",
    "axes_or_new",
    "color_bar",
    "heading",
    "ink",
    "legend_above",
    "legend_below",
    "muted",
    "paper",
    "styled",
    "text_size",
]

STYLE_SHEET = str(Path(__file__).with_name("pyrnn.mplstyle"))
DARK_STYLE_SHEET = str(Path(__file__).with_name("pyrnn-dark.mplstyle"))

_PALE = "#98A2AD"  # slate, on a dark ground
_LINES = 3.3  # of text below axes: their ticks and their label
_ABOVE = "above"  # marks a legend in the line of the title
_BARS = "pyrnn color bar"  # label of the axes of color bars, to find them again

_P = ParamSpec("_P")
_R = TypeVar("_R")


def styled(plot: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make a plot function draw in the style of pyrnn; a decorator.

    If the function draws into axes of the user, its text has the size and the colors of the
    labels there. A new figure is dark if the user's figures are, as after
    ``plt.style.use("dark_background")`` or ``plt.style.use(DARK_STYLE_SHEET)``.

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
        sheets: list[Any] = [STYLE_SHEET]
        if isinstance(ax, Axes):
            sheets.append(_look_of(ax))
        elif _is_dark(plt.rcParams["figure.facecolor"]):
            sheets.append(DARK_STYLE_SHEET)
        with plt.style.context(sheets):
            drawing = plot(*args, **kwargs)
            is_interactive = plt.isinteractive()  # a notebook turns it on at its first figure
        plt.interactive(is_interactive)
        if isinstance(drawing, (Axes, Figure)):
            show = functools.partial(_show_in_notebook, drawing)
            drawing._ipython_display_ = show  # type: ignore[union-attr]
        return drawing

    return drawn


def _show_in_notebook(drawing: Axes | Figure) -> None:
    """Show nothing, once, where pyplot shows the figure at the end of the cell anyway.

    Without this a notebook would show a returned figure twice, and a line of text for axes.

    Raises:
        NotImplementedError: If pyplot does not show it; IPython then displays it as usual.
    """
    figure = drawing.get_figure(root=True) if isinstance(drawing, Axes) else drawing
    is_shown = "inline" in plt.get_backend() and getattr(figure, "number", 0) in plt.get_fignums()
    if not is_shown:
        raise NotImplementedError
    del drawing._ipython_display_  # type: ignore[union-attr]


def _is_dark(color: object) -> bool:
    """Return whether white text is easier to read on a color than black text."""
    red, green, blue = to_rgb(color)  # type: ignore[arg-type]
    return 0.3 * red + 0.59 * green + 0.11 * blue < 0.4


def _look_of(ax: Axes) -> dict[str, Any]:
    """Return the settings that make text and lines fit to axes of the user."""
    ground: Any = ax.get_facecolor()
    if to_rgba(ground)[3] < 0.5:
        ground = ax.get_figure(root=True).get_facecolor()  # type: ignore[union-attr]
    words, ticks = ax.xaxis.label.get_color(), ax.xaxis.get_tick_params().get("color")
    numbers = ax.xaxis.get_tick_params().get("labelcolor")
    return {
        "font.size": text_size(ax),
        "text.color": words,
        "axes.labelcolor": words,
        "axes.titlecolor": words,
        "axes.facecolor": ground,
        "axes.edgecolor": ax.spines["left"].get_edgecolor(),
        **{f"{axis}tick.color": ticks or words for axis in "xy"},
        **{f"{axis}tick.labelcolor": numbers or words for axis in "xy"},
    }


def ink() -> str:
    """Return the color of text, and of lines that must be seen on any ground.

    Example:
        >>> with plt.style.context(STYLE_SHEET):
        ...     ink()
        '#1F2328'
    """
    return str(plt.rcParams["text.color"])


def muted() -> str:
    """Return the color of what is less than text, such as stable eigenvalues.

    Example:
        >>> with plt.style.context([STYLE_SHEET, DARK_STYLE_SHEET]):
        ...     muted()
        '#98A2AD'
    """
    return _PALE if _is_dark(plt.rcParams["axes.facecolor"]) else SLATE


def paper() -> str:
    """Return the color of the ground.

    Example:
        >>> with plt.style.context(STYLE_SHEET):
        ...     paper()
        '#ffffff'
    """
    return to_hex(plt.rcParams["axes.facecolor"])


def axes_or_new(ax: Axes | None) -> Axes:
    """Return the given axes, or those of a new figure.

    Raises:
        TypeError: If these are no axes of a plane.

    Example:
        >>> ax = axes_or_new(None)
        >>> axes_or_new(ax) is ax
        True
    """
    if ax is None:
        return plt.subplots()[1]
    check_kind("ax", ax, Axes, "take one of plt.subplots()")
    if ax.name != "rectilinear":
        raise TypeError(
            f"expected ax to be axes of a plane, got {ax.name!r} axes; draw states in three "
            "dimensions with pyrnn.render.Scene"
        )
    return ax


def color_bar(ax: Axes, measured: ScalarMappable, label: str) -> Colorbar:
    """Draw a color bar beside axes, in the place of the one that an earlier call drew.

    Args:
        ax: The axes.
        measured: What has the colors.
        label: What they mean.

    Returns:
        The bar.

    Example:
        >>> ax = axes_or_new(None)
        >>> for limit in (1, 2):
        ...     bar = color_bar(ax, ax.imshow([[0, limit]]), "weight")
        >>> len(ax.figure.axes), float(bar.vmax)
        (2, 2.0)
    """
    earlier = [child for child in ax.figure.axes if child.get_label() == _BARS]
    beside = [child for child in earlier if getattr(child, "of", None) is ax]
    for child in beside:
        child.clear()
    place: dict[str, Any] = {"cax": beside[0]} if beside else {"ax": ax, "shrink": 0.8}
    bar = ax.figure.colorbar(measured, label=label, **place)
    bar.ax.set_label(_BARS)
    bar.ax.of = ax  # type: ignore[attr-defined]
    return bar


def text_size(ax: Axes) -> float:
    """Return the size of the labels of axes, in points.

    Example:
        >>> text_size(plt.subplots()[1])
        10.0
    """
    return float(ax.xaxis.label.get_fontsize())


def heading(ax: Axes, title: str, x: str = "", y: str = "") -> None:
    """Write axis labels, and a title unless there is one; a later title of the user replaces it.

    Example:
        >>> ax = axes_or_new(None)
        >>> heading(ax, "spectrum", "Re λ", "Im λ")
        >>> ax.get_title(loc="left"), ax.get_xlabel()
        ('spectrum', 'Re λ')
    """
    if not any(ax.get_title(loc=place) for place in ("left", "center", "right")):
        ours = ax.set_title(title, loc="left")
        for theirs in (ax.title, ax._right_title):  # type: ignore[attr-defined]
            theirs.add_callback(functools.partial(_make_room, ours))
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
        text.set_usetex(False)  # in TeX, the % of a share would begin a comment


def _make_room(ours: Text, theirs: Artist) -> None:
    """Remove our title once the user writes one elsewhere, and move a legend off its line."""
    if not isinstance(theirs, Text) or not theirs.get_text():
        return
    ours.set_text("")
    legend = ours.axes.get_legend() if ours.axes else None
    if legend is not None and legend.get_gid() == _ABOVE:
        legend.set_loc("upper right")
        legend.set_bbox_to_anchor((1, 0), transform=_below(legend.axes, _LINES))


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
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0.3}
    ax.legend(ncols=n, **place, **tight).set_gid(_ABOVE)


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
    drop = _below(ax, _LINES if labeled else 0.2)
    tight: dict[str, Any] = {"handletextpad": 0.2, "columnspacing": 1.2, "borderaxespad": 0.2}
    place: dict[str, Any] = {"bbox_to_anchor": (0.5, 0), "bbox_transform": drop}
    ax.legend(handles=handles, loc="upper center", ncols=2, **place, **tight)


def _below(ax: Axes, lines: float) -> Transform:
    """Return coordinates of axes, moved down by some lines of text."""
    drop = ScaledTranslation(0, -lines * text_size(ax) / 72, ax.figure.dpi_scale_trans)
    return ax.transAxes + drop
