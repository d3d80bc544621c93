"""What a scene is made of, as plain arrays that the window, the pictures and the page all draw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyrnn.palette import Scale

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Card:
    """What is shown of a fixed point or an edge that was pointed at.

    Args:
        title: Its name, for instance ``"fixed point 3"``.
        detail: Its class or probability, in words.
        color: Hexadecimal color of the detail.
        eigenvalues: Spectrum, ``(hidden_size,)`` complex, largest first; empty for edges.
        facts: Further lines of text.
    """

    title: str
    detail: str
    color: str
    eigenvalues: Array = field(default_factory=lambda: np.zeros(0, complex))
    facts: tuple[str, ...] = ()

    @property
    def tip(self) -> str:
        """The one line shown under the pointer."""
        return f"{self.title} · {self.detail}"


@dataclass(frozen=True, eq=False)
class Curves:
    """Trajectories, attractors, arrows: curves one after the other in one array.

    Args:
        key: Name of the layer, unique in its scene.
        vertices: All curves, ``(n_vertices, 3)``.
        lengths: Vertices of each curve, ``(n_curves,)``.
        colors: Red, green, blue of each vertex, ``(n_vertices, 3)`` from 0 to 255.
        radii: Radius of each curve, ``(n_curves,)``; all zero draws lines instead of tubes.
        alpha: Opacity.
        heads: Whether each curve ends in an arrow head.
        times: Step of each vertex, ``(n_vertices,)``, where time may hide what comes later.
        clip: Whether what lies outside the axes is cut off.
        cards: What to show of each curve that can be picked.
        visible: Whether it is shown at first.
        note: What else its check-box says.
    """

    key: str
    vertices: Array
    lengths: Array
    colors: Array
    radii: Array
    alpha: float = 1.0
    heads: bool = False
    times: Array | None = None
    clip: bool = False
    cards: tuple[Card, ...] = ()
    visible: bool = True
    note: str = ""

    @property
    def are_lines(self) -> bool:
        """Whether the curves are drawn as lines one pixel wide."""
        return not np.any(self.radii > 0)


@dataclass(frozen=True, eq=False)
class Balls:
    """Spheres that can be picked: fixed points.

    Args:
        key: Name of the layer, unique in its scene.
        centers: ``(n, 3)``.
        radii: ``(n,)``.
        colors: Red, green, blue of each, ``(n, 3)`` from 0 to 255.
        cards: What to show of each.
        visible: Whether it is shown at first.
    """

    key: str
    centers: Array
    radii: Array
    colors: Array
    cards: tuple[Card, ...] = ()
    visible: bool = True
    note: str = ""


Layer = Curves | Balls


class ColorBar(NamedTuple):
    """A scale of colors, and what it measures."""

    label: str
    scale: Scale


@dataclass(frozen=True, eq=False)
class Drawing:
    """A whole scene, ready to be drawn by any backend.

    Args:
        layers: What is drawn.
        box: Lower and upper corner of the axes, ``(2, 3)``.
        labels: Names of the three axes.
        iso: Direction to the camera, at first.
        title: Heading.
        legend: Text and hexadecimal color of every entry.
        bar: Color scale of the trajectories, if they have one.
        n_steps: Length of the longest trajectory, in steps.
    """

    layers: tuple[Layer, ...]
    box: Array
    labels: tuple[str, str, str]
    iso: Array
    title: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    bar: ColorBar | None = None
    n_steps: int = 0

    @property
    def diagonal(self) -> float:
        """Length of the box's diagonal, the unit in which sizes are chosen."""
        return float(np.linalg.norm(self.box[1] - self.box[0]))
