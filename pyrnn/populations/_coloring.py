"""Colors of networks: by class, by a setting or score, or by any value."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from pyrnn.arrays import Array, ArrayLike, as_array
from pyrnn.coloring import Coloring, color_trials
from pyrnn.palette import CYCLE, GRAY, TRACE, rgb
from pyrnn.populations.classes import UNDECIDED, Classes
from pyrnn.populations.distances import Distances

__all__ = ["Colored", "class_color", "color_networks", "labels_of"]

_OTHERS = len(CYCLE)

Colored: TypeAlias = "str | Classes | ArrayLike | None"
"""Name of a setting or score, classes, or one value for each network."""


def color_networks(distances: Distances, by: Colored) -> Coloring:
    """Return the color of each network, with a legend or a scale.

    Raises:
        KeyError: If there is no such setting.
        ValueError: If there is not one value for each network.
    """
    if by is None:
        return Coloring(np.tile(np.array(rgb(CYCLE[0]), np.uint8), (len(distances), 1)))
    if isinstance(by, Classes):
        labels = np.minimum(labels_of(distances, by), _OTHERS)
        colors = np.array([rgb(class_color(label)) for label in labels], np.uint8)
        different = sorted(set(labels.tolist()), key=_last)
        return Coloring(
            colors, tuple((_name(each, labels), class_color(each)) for each in different)
        )
    values, label = _values(distances, by)
    coloring = color_trials([np.zeros((1, 2))] * len(distances), values, label)
    legend = tuple((f"{label} {name}".strip(), color) for name, color in coloring.legend)
    return coloring._replace(legend=legend)


def labels_of(distances: Distances, classes: Classes) -> Array:
    """Return the class of each network.

    Raises:
        ValueError: If the classes are those of other networks.
    """
    if not len(distances) or distances.index.max() >= len(classes.labels):
        raise ValueError(
            f"expected classes of the same networks, got {len(classes.labels)} labels for "
            f"{len(distances)} networks; take both of the same population"
        )
    return np.asarray(classes.labels[distances.index])


def class_color(label: int) -> str:
    """Return the color of a class; small ones, beyond the last color, share one."""
    if label == UNDECIDED:
        return GRAY
    return TRACE if label >= _OTHERS else CYCLE[label]


def _values(distances: Distances, by: str | ArrayLike) -> tuple[Array, str]:
    """Return one value for each network, numbers where all are, and their name.

    Raises:
        KeyError: If there is no such setting.
    """
    if not isinstance(by, str):
        return as_array(by, "pass a setting, classes, or one value for each network"), ""
    known = sorted({name for row in distances.rows for name in row})
    if by not in known:
        raise KeyError(f"expected color to be a setting of {known}, got {by!r}")
    values = [row.get(by) for row in distances.rows]
    is_number = all(isinstance(v, (int, float)) and np.isfinite(v) for v in values)
    return np.array(values if is_number else [str(v) for v in values]), by


def _last(label: int) -> float:
    return np.inf if label == UNDECIDED else label


def _name(label: int, labels: Array) -> str:
    names = {UNDECIDED: "undecided", _OTHERS: "other classes"}
    return f"{names.get(label, f'class {label}')} ({int((labels == label).sum())})"
