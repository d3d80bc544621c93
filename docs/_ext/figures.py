"""Put the figures of an example into its page, light and dark, and choose its thumbnail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import scenes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import Collection
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from pyrnn.render import probe_opengl

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

__all__ = ["darken", "scrape"]

PANELS = {  # example: the figure and the panel that stand for it, where it has no scene
    "anatomy": (2, 4),
    "context_integration": (1, 0),
    "forgetting": (1, 2),
    "from_recordings": (1, 1),
    "gated": (1, 1),
    "low_rank": (1, 1),
    "white_noise_integrator": (1, 6),
    "yang2019": (1, 1),
}
IMAGE = """.. image:: /{path}
   :alt: {alt}
   :class: only-{mode}

"""
COLORS = {  # names of colors that an artist may have
    Text: ("color",),
    Line2D: ("color", "markerfacecolor", "markeredgecolor"),
    Patch: ("facecolor", "edgecolor"),
    Collection: ("facecolor", "edgecolor"),
}
GRAY = 0.25  # saturation up to which a color is ink or paper
PAPER = 0.91  # how far lightness is turned around, as for pictures in the style sheet


def scrape(
    block: tuple[object, ...], block_vars: Mapping[str, object], gallery_conf: Mapping[str, str]
) -> str:
    """Save every open figure twice, and a thumbnail before them; return what shows them."""
    name = Path(str(block_vars["src_file"])).stem
    paths: Iterator[str] = block_vars["image_path_iterator"]  # type: ignore[assignment]
    figures = [plt.figure(number) for number in plt.get_fignums()]
    scene = scenes.saved.pop("last", None)
    if figures:
        thumbnail = Path(next(paths))
        if scene is not None and probe_opengl().ok:
            scene.screenshot(thumbnail, size=(640, 448))
        else:
            number, panel = PANELS.get(name, (1, 0))
            save_panel(figures[number - 1], panel, thumbnail)
    parts = []
    for figure, path in zip(figures, map(Path, paths), strict=False):
        alt = ", ".join(
            filter(None, (ax.get_title() or ax.get_title("left") for ax in figure.axes))
        )
        for mode in ("light", "dark"):
            target = path
            if mode == "dark":
                target = path.with_stem(f"{path.stem}_dark")
                darken(figure)
            figure.savefig(target)
            place = target.relative_to(gallery_conf["src_dir"]).as_posix()
            parts.append(IMAGE.format(path=place, alt=alt or name, mode=mode))
    plt.close("all")
    return "".join(parts)


def save_panel(figure: Figure, panel: int, path: Path) -> None:
    """Save one panel of a figure."""
    figure.canvas.draw()
    box = figure.axes[panel].get_tightbbox().padded(8)
    figure.savefig(path, bbox_inches=box.transformed(figure.dpi_scale_trans.inverted()), dpi=150)


def darken(figure: Figure) -> None:
    """Make ink light and paper dark; what a color map has colored stays.

    Example:
        >>> figure, ax = plt.subplots()
        >>> darken(figure)
        >>> round(to_rgb(figure.get_facecolor())[0], 2), round(to_rgb(ax.title.get_color())[0], 2)
        (0.09, 0.91)
    """
    for artist in figure.findobj():
        kind = next((kind for kind in COLORS if isinstance(artist, kind)), None)
        if kind and not (isinstance(artist, ScalarMappable) and artist.get_array() is not None):
            for which in COLORS[kind]:
                turn(artist, which)


def turn(artist: Artist, which: str) -> None:
    """Turn the lightness of one color of an artist, or of several, if they are gray."""
    given = plt.getp(artist, which)
    if isinstance(given, str) and given in {"none", "auto"}:
        return
    if getattr(given, "ndim", 1) == 2:
        plt.setp(artist, **{which: [turned(color) for color in given]})
    else:
        plt.setp(artist, **{which: turned(given)})


def turned(color: object) -> tuple[float, ...]:
    """Return a gray with its lightness turned around, and any other color as it is."""
    red, green, blue, *alpha = (*to_rgb(color), *(color[3:] if not isinstance(color, str) else ()))
    if max(red, green, blue) - min(red, green, blue) > GRAY:
        return (red, green, blue, *alpha)
    lightness = PAPER + (1 - 2 * PAPER) * (red + green + blue) / 3
    return (lightness, lightness, lightness, *alpha)
