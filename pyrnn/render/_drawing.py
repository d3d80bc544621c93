"""Drawings: plain arrays that windows, pictures and pages show."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias, Union

import numpy as np

from pyrnn.arrays import Array
from pyrnn.coloring import ColorBar

__all__ = ["Balls", "Card", "Curves", "Drawing", "Layer"]

_FAR = 100  # diagonals from the origin to the box


@dataclass(frozen=True, eq=False)
class Card:
    """What is shown about a fixed point or an edge that the user points at.

    Args:
        title: Its name, for instance ``"fixed point 3"``.
        detail: Its class or probability, in words.
        color: Hexadecimal color of the detail.
        eigenvalues: Spectrum, ``(hidden_size,)`` complex, largest first; empty for edges.
        facts: More lines of text.

    Example:
        >>> Card("fixed point 3", "stable", "#009E73").tip
        'fixed point 3 · stable'
    """

    title: str
    detail: str
    color: str
    eigenvalues: Array = field(default_factory=lambda: np.zeros(0, complex))
    facts: tuple[str, ...] = ()

    @property
    def tip(self) -> str:
        """The line shown under the pointer."""
        return f"{self.title} · {self.detail}"


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves one after the other in one array: trajectories, attractors, arrows.

    Args:
        key: Name of the layer, unique in its scene.
        vertices: The vertices of all curves, ``(n_vertices, 3)``.
        lengths: Number of vertices of each curve, ``(n_curves,)``.
        colors: Red, green and blue of each vertex, ``(n_vertices, 3)`` from 0 to 255.
        radii: Radius of each curve, ``(n_curves,)``. If all are zero, curves are lines instead of
            tubes.
        alpha: Opacity.
        fades: Opacity of each vertex relative to that, ``(n_vertices,)``; by default all alike.
        heads: Whether each curve ends in an arrow head.
        times: Step of each vertex, ``(n_vertices,)``, if the time slider hides later ones.
        clip: Whether to cut off what lies outside the axes.
        cards: What to show about each curve, if it can be picked.
        visible: Whether the layer is shown at first.
        note: Text in brackets after the name of the layer.

    Example:
        >>> line = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
        >>> Curves("line", line, np.array([2]), np.zeros((2, 3)), np.zeros(1)).are_lines
        True
    """

    key: str
    vertices: Array
    lengths: Array
    colors: Array
    radii: Array
    alpha: float = 1.0
    fades: Array | None = None
    heads: bool = False
    times: Array | None = None
    clip: bool = False
    cards: tuple[Card, ...] = ()
    visible: bool = True
    note: str = ""

    @property
    def are_lines(self) -> bool:
        """Whether the curves are lines of one pixel."""
        return not np.any(self.radii > 0)


@dataclass(frozen=True, eq=False)
class Balls:
    """Spheres that can be picked: fixed points, at rest or moving.

    Args:
        key: Name of the layer, unique in its scene.
        centers: ``(n, 3)``.
        radii: ``(n,)``.
        colors: Red, green and blue of each, ``(n, 3)`` from 0 to 255.
        cards: What to show about each.
        visible: Whether the layer is shown at first.
        note: Text in brackets after the name of the layer.
        spans: First and last step at which the time slider shows each, ``(n, 2)``; by default
            they are shown at all steps. A point that moves is one sphere for each of its places.

    Example:
        >>> places = np.zeros((2, 3)), np.ones(2), np.zeros((2, 3), np.uint8)
        >>> Balls("points", *places).shown(5).tolist()
        [True, True]
        >>> Balls("points", *places, spans=np.array([[0, 4], [5, 9]])).shown(5).tolist()
        [False, True]
    """

    key: str
    centers: Array
    radii: Array
    colors: Array
    cards: tuple[Card, ...] = ()
    visible: bool = True
    note: str = ""
    spans: Array | None = None

    def shown(self, step: int) -> Array:
        """Return which spheres are shown at a step, ``(n,)``."""
        if self.spans is None:
            return np.ones(len(self.centers), bool)
        shown: Array = (self.spans[:, 0] <= step) & (step <= self.spans[:, 1])
        return shown


Layer: TypeAlias = Union[Curves, Balls]  # noqa: UP007 (3.10)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A whole scene as layers of plain arrays.

    Args:
        layers: What is drawn.
        box: Lower and upper corner of the axes, ``(2, 3)``.
        labels: Names of the three axes.
        iso: Direction from the scene to the camera, at first.
        title: Heading.
        legend: Text and hexadecimal color of every entry.
        bar: Color scale of the trajectories, if they have one.
        n_steps: Number of steps of the time slider: those of the longest trajectory.
        moments: What the slider says at each step; by default its number.

    Example:
        >>> box = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 2.0]])
        >>> Drawing((), box, ("x", "y", "z"), np.array([0.0, 0.0, 1.0])).diagonal
        3.0
    """

    layers: tuple[Layer, ...]
    box: Array
    labels: tuple[str, str, str]
    iso: Array
    title: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    bar: ColorBar | None = None
    n_steps: int = 0
    moments: tuple[str, ...] = ()

    def moment(self, step: int) -> str:
        """Return what the slider says at a step.

        Example:
            >>> drawing = Drawing((), np.zeros((2, 3)), ("x", "y", "z"), np.ones(3), n_steps=9)
            >>> drawing.moment(3)
            '3'
        """
        return self.moments[step] if self.moments else str(step)

    @property
    def diagonal(self) -> float:
        """Length of the diagonal of the box, the unit of all sizes."""
        return float(np.linalg.norm(self.box[1] - self.box[0]))

    def centered(self) -> Drawing:
        """Return the drawing, moved to the origin if it is far from there.

        OpenGL computes with 7 digits, too few for a small scene far away.
        """
        middle = self.box.mean(axis=0)
        if np.linalg.norm(middle) < _FAR * self.diagonal:
            return self
        layers = (
            replace(layer, vertices=layer.vertices - middle)
            if isinstance(layer, Curves)
            else replace(layer, centers=layer.centers - middle)
            for layer in self.layers
        )
        return replace(self, layers=tuple(layers), box=self.box - middle)
