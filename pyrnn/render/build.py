"""Turn states, fixed points and graphs into the layers of a scene."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrnn.palette import GRAY, INK, rgb, stability_color, stability_label
from pyrnn.projection import Projection, as_array
from pyrnn.render.coloring import Coloring
from pyrnn.render.geometry import bezier, normalized, perpendicular, resample
from pyrnn.render.layers import Array, Balls, Card, Curves

if TYPE_CHECKING:
    import networkx

log = logging.getLogger(__name__)

MAX_TUBES, MAX_LINES = 20_000, 200_000  # states drawn as tubes, as lines; beyond, fewer trials
TUBE, MODE, ATTRACTOR, BALL = 0.0016, 0.0020, 0.0045, 0.0095  # radii, as shares of the diagonal
SMALLEST = 0.25  # size of fixed points that would else be too small to be seen
FINE = 0.0008  # radius of trajectories that would else hide the fixed points in their middle
MODE_LENGTH = 0.085  # of an arrow along an unstable direction, as a share of the diagonal
CLIPPED_ALPHA = 0.4  # trajectories that leave the picture stay behind what it is about
LINE_ALPHA = 0.55  # many thin lines shine through each other
EDGE_STEPS = 28  # vertices of a graph edge


def chosen_trials(lengths: Sequence[int]) -> Array:
    """Return the indices of the trials to draw: all, or evenly many if they are too large."""
    total = sum(lengths)
    kept = max(min(1, len(lengths)), int(len(lengths) * min(1.0, MAX_LINES / max(total, 1))))
    if kept < len(lengths):
        log.info("drawing %d of %d trials (%d states)", kept, len(lengths), total)
    return np.unique(np.linspace(0, len(lengths) - 1, kept).round().astype(int))


def trajectories(
    trials: list[Array], coloring: Coloring, unit: float, note: str = "", clip: bool = False
) -> Curves:
    """Draw projected trials ``(time, 3)``: as tubes, or as lines if they are many."""
    lengths = np.array([len(trial) for trial in trials])
    radius = (FINE if clip else TUBE) * unit if lengths.sum() <= MAX_TUBES else 0.0
    return Curves(
        "trajectories",
        np.concatenate(trials),
        lengths,
        coloring.colors,
        np.full(len(trials), radius),
        alpha=CLIPPED_ALPHA if radius and clip else 1.0 if radius else LINE_ALPHA,
        times=np.concatenate([np.arange(n) for n in lengths]),
        clip=clip,
        note=note,
    )


def fixed_points(
    points: Iterable[Any], centers: Array, unit: float, sizes: Array | None = None
) -> Balls:
    """Draw fixed points as spheres, colored by their number of unstable modes."""
    points = list(points)
    radii = np.array([1.15 if not point.n_unstable else 1.0 for point in points])
    if sizes is not None:
        radii = np.maximum(1.5 * sizes, SMALLEST)
    colors = [rgb(stability_color(point.n_unstable)) for point in points]
    return Balls(
        "fixed points",
        centers,
        BALL * unit * radii,
        np.array(colors, np.uint8).reshape(-1, 3),
        tuple(_point_card(i, point) for i, point in enumerate(points)),
    )


def _point_card(index: int, point: Any) -> Card:
    values = as_array(point.eigenvalues)
    return Card(
        f"fixed point {index}",
        stability_label(point.n_unstable),
        stability_color(point.n_unstable),
        values[np.argsort(-np.abs(values), kind="stable")],
        (f"speed {float(point.speed):.1e}",),
    )


def modes(
    points: Iterable[Any], centers: Array, projection: Projection, unit: float, slow: bool = False
) -> Curves | None:
    """Draw unstable (or slow) directions of fixed points as pairs of arrows.

    An arrow is as long as its direction's share in the drawn space: a direction that leaves the
    picture looks short.

    Args:
        points: Fixed points.
        centers: Their places, ``(n, 3)``.
        projection: Takes directions into the drawn space.
        unit: Diagonal of the scene.
        slow: Draw the slowest decaying direction of each point instead of the growing ones.
    """
    arrows, colors = [], []
    for center, point in zip(centers, points, strict=True):
        chosen = _slow_directions(point) if slow else _unstable_directions(point)
        for direction in pad3(projection.directions(chosen)):
            for sign in (-1, 1):
                tip = center + sign * MODE_LENGTH * unit * direction
                arrows.append(np.stack([center, tip]))
                colors.append(rgb(GRAY if slow else stability_color(point.n_unstable)))
    if not arrows:
        return None
    return Curves(
        "slow modes" if slow else "unstable modes",
        np.concatenate(arrows),
        np.full(len(arrows), 2),
        np.array(colors, np.uint8).repeat(2, axis=0),
        np.full(len(arrows), MODE * unit),
        heads=True,
        visible=not slow,
    )


def _unstable_directions(point: Any) -> Array:
    return _real_directions(point, lambda magnitudes: magnitudes > 1)


def _slow_directions(point: Any) -> Array:
    """Return the direction of the slowest mode that still decays."""

    def slowest(magnitudes: Array) -> Array:
        decaying = np.where(magnitudes <= 1, magnitudes, -1)
        return decaying >= decaying.max() - 1e-9

    return _real_directions(point, slowest)


def _real_directions(point: Any, wanted: Any) -> Array:
    """Return unit directions ``(n, hidden_size)``: two for each pair of complex modes."""
    values, vectors = as_array(point.eigenvalues), as_array(point.eigenvectors)
    chosen = wanted(np.abs(values)) & (values.imag >= 0)
    columns = [
        part
        for value, vector in zip(values[chosen], vectors.T[chosen], strict=True)
        for part in ((vector.real, vector.imag) if abs(value.imag) > 1e-12 else (vector.real,))
    ]
    return normalized(np.array(columns).reshape(-1, len(vectors)))


def edges(graph: networkx.DiGraph, balls: Balls, unit: float) -> Curves | None:
    """Draw a transition graph as curved arrows, thicker where transitions are more probable."""
    paths, radii, colors, cards = [], [], [], []
    middle = balls.centers.mean(axis=0)
    for source, target, data in graph.edges(data=True):
        if source == target:
            continue
        probability = float(data.get("probability", 1.0))
        paths.append(_edge_path(balls, source, target, middle, unit))
        radii.append(unit * (0.0009 + 0.0036 * probability))
        colors.append(balls.colors[source])
        cards.append(
            Card(
                f"{source} → {target}",
                f"probability {probability:.2f}",
                "#{:02x}{:02x}{:02x}".format(*balls.colors[source]),
                facts=(f"{data['count']} runs",) if "count" in data else (),
            )
        )
    if not paths:
        return None
    return Curves(
        "transition graph",
        np.concatenate(paths),
        np.full(len(paths), EDGE_STEPS),
        np.array(colors, np.uint8).repeat(EDGE_STEPS, axis=0),
        np.array(radii),
        heads=True,
        cards=tuple(cards),
    )


def _edge_path(balls: Balls, source: int, target: int, middle: Array, unit: float) -> Array:
    """Return a curve between two spheres, bulging away from the middle, cut at both."""
    start, end = balls.centers[[source, target]]
    chord = end - start
    outward = (start + end) / 2 - middle
    along = normalized(chord)
    outward = outward - (outward @ along) * along
    if np.linalg.norm(outward) < 1e-3 * unit:
        outward = perpendicular(along[None])[0]
    bulge = 0.28 * np.linalg.norm(chord) * normalized(outward)
    path = bezier(start, (start + end) / 2 + bulge, end, 96)
    outside = np.linalg.norm(path - start, axis=1) >= 0.9 * balls.radii[source]
    outside &= np.linalg.norm(path - end, axis=1) >= 1.05 * balls.radii[target]
    return resample(path[outside] if outside.sum() > 1 else path, EDGE_STEPS)


def attractor(path: Array, key: str, unit: float, closed: bool = False) -> Curves:
    """Draw a line or ring attractor, or a limit cycle, as a dark tube."""
    if closed:
        path = np.concatenate([path, path[:1]])
    colors = np.tile(np.array(rgb(INK), np.uint8), (len(path), 1))
    return Curves(key, path, np.array([len(path)]), colors, np.array([ATTRACTOR * unit]))


def pad3(coordinates: Array) -> Array:
    """Return coordinates with three columns: zeros where the projection has fewer axes."""
    missing = 3 - coordinates.shape[-1]
    if missing < 0:
        return coordinates[..., :3]
    return np.concatenate([coordinates, np.zeros((*coordinates.shape[:-1], missing))], axis=-1)
