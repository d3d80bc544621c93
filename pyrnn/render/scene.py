"""A scene: a network's states, fixed points and transitions in three dimensions."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import networkx
import numpy as np

from pyrnn.arrays import Array, ArrayLike, States, as_array
from pyrnn.coloring import color_trials
from pyrnn.dynamics import Proof, velocity
from pyrnn.palette import INK, SLATE, TRACE, stability_color, stability_label
from pyrnn.projection import Projection
from pyrnn.render import _arguments as arguments
from pyrnn.render._arrows import Flow, Step, edge_arrows, flow_arrows, mode_arrows
from pyrnn.render._box import choose_box, is_clipped
from pyrnn.render._camera import clear_view, view_direction
from pyrnn.render._crowd import chosen_trials, fading, stroke_for
from pyrnn.render._drawing import Drawing, Layer
from pyrnn.render._inputs import colored_by_input, input_scale
from pyrnn.render._motion import Motion, by_input, motion_layers, motion_of
from pyrnn.render._shapes import (
    attractor,
    fixed_points,
    one_input_each,
    pad3,
    still,
    trajectories,
    undecided_boxes,
)
from pyrnn.render.output import Output
from pyrnn.validate import as_boolean, as_choice, as_integer, as_number

__all__ = ["Scene"]


class Scene(Output):
    r"""States in three dimensions, with fixed points and transitions.

    Args:
        states: States, ``(trials, time, hidden_size)`` or ``(time, hidden_size)``; or a list of
            trials, which may differ in duration; or what ``rnn.predict`` returned.
        points: Fixed points, as ``find_fixed_points`` returns them; by default those of ``graph``.
            Those of ``follow`` and ``follow_training`` move with the time slider. Those of
            ``prove_complete`` come with the boxes that may hold others. Without states, the slider
            chooses among the inputs of points that were searched under several.
        graph: Transitions between the points, as ``transition_graph`` returns them.
        projection: A :class:`~pyrnn.projection.Projection` or a basis ``(hidden_size, 3)``; the
            principal components of the states by default, or of the points if there are no states.
        color: Color of the trajectories: ``"time"``, ``"speed"``, one value or condition for each
            trial, or one value for each state.
        color_label: Name of these values, for the color bar.
        period: A full turn, such as 360 or ``2 * math.pi``, if the values are angles. The two ends
            of the color scale then look alike.
        color_points: ``"stability"`` or ``"input"``; by default the input if there are states and
            points under several inputs. Choosing a point shows both.
        sizes: Size of each fixed point or branch, such as the share of its basin; equal by
            default.
        n_trials: How many trajectories to draw, evenly chosen; by default all, up to 200,000
            states. The name of the layer says how many are drawn of how many. Their width and
            opacity follow from how much of the picture they cover.
        title: Heading of the picture.

    Raises:
        TypeError: If an argument is of the wrong kind, such as fixed points instead of states.
        ValueError: If states, points, graph, projection, colors or sizes do not fit together.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> scene = Scene(rng.normal(size=(4, 50, 8)).cumsum(axis=1), color="time")
        >>> [layer.key for layer in scene.drawing.layers], len(scene.drawings)
        (['trajectories'], 1)
        >>> scene.projection.labels
        ('PC1 (48%)', 'PC2 (23%)', 'PC3 (12%)')
        >>> scene.html()[:15]
        '<!DOCTYPE html>'
    """

    def __init__(
        self,
        states: States | None = None,
        points: arguments.Points | networkx.DiGraph | None = None,
        graph: networkx.DiGraph | None = None,
        *,
        projection: Projection | ArrayLike | None = None,
        color: str | ArrayLike | None = None,
        color_label: str = "",
        period: float | None = None,
        color_points: str | None = None,
        sizes: ArrayLike | None = None,
        n_trials: int | None = None,
        title: str = "",
    ) -> None:
        self.trials = arguments.as_scene_trials(states)
        self.points, self.graph = arguments.as_points(points, graph)
        self.tracks = arguments.as_tracks(points, self.trials)
        self.boxes = points.undecided if isinstance(points, Proof) else None
        number, names = by_input(points)
        self._number, self._inputs = (number[:0], ()) if self.trials else (number, names)
        self._of_input = [names[i] for i in number]
        default = "input" if self.trials and names and self.graph is None else "stability"
        choice = as_choice(
            "color_points",
            default if color_points is None else color_points,
            ("stability", "input"),
        )
        self._input_scale = input_scale(points) if choice == "input" else None
        hidden_size = arguments.as_hidden_size(self.trials, self.points, self.tracks, self.boxes)
        self._given = arguments.as_projection(projection, hidden_size)
        n_sizes = len(self.points if self.tracks is None else self.tracks)
        self._sizes = arguments.as_point_sizes(sizes, n_sizes)
        self._n_trials = None if n_trials is None else as_integer("n_trials", n_trials, low=1)
        self.title = arguments.as_text("title", title)
        label = arguments.as_text("color_label", color_label)
        self._coloring = color_trials(self.trials, color, label, period)
        self._paths: list[tuple[str, Array, bool]] = []
        self._flows: list[Flow] = []
        self._visible: dict[str, bool] = {}

    @functools.cached_property
    def projection(self) -> Projection:
        """How states come into the picture; computed at the first use."""
        if self._given is not None:
            return self._given
        states = np.concatenate(self.trials or self._places)
        return Projection.fit(states.repeat(2, 0) if len(states) == 1 else states)

    @property
    def _places(self) -> list[Array]:
        """States of everything but trials, ``(n, hidden_size)`` each."""
        places = [as_array(point.state)[None] for point in self.points]
        places += [self._motion.states] if self._motion else []
        is_drawn = self.boxes is not None and self.boxes.is_finite
        return places + ([as_array(self.boxes.centers)] if self.boxes and is_drawn else [])

    @functools.cached_property
    def _motion(self) -> Motion | None:
        return None if self.tracks is None else motion_of(self.tracks)

    def add_path(
        self, states: ArrayLike, name: str = "line attractor", *, closed: bool = False
    ) -> Scene:
        """Add a line attractor, a ring or a limit cycle, drawn as a dark tube.

        Args:
            states: States along it, ``(n, hidden_size)``, in order.
            name: Its name in the legend.
            closed: Whether the last state is followed by the first.

        Returns:
            The scene itself, so that calls can be chained.

        Raises:
            TypeError: If an argument is of another kind.
            ValueError: If these are no states of the network that is shown.

        Example:
            >>> import torch
            >>> circle = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
            >>> scene = Scene(torch.randn(4, 50, 3)).add_path(circle, "ring", closed=True)
            >>> scene.drawing.layers[1].lengths.tolist()
            [5]
        """
        path = self._project(arguments.as_path(states))
        name, closed = arguments.as_text("name", name), as_boolean("closed", closed)
        self._paths.append((name, path, closed))
        return self._changed()

    def add_flow(
        self, network: Step, x: States | None = None, *, level: float = 0.0, n: int = 15
    ) -> Scene:
        """Add the flow under constant input, as arrows on the plane of two axes.

        Args:
            network: A network, or any batched ``step(h, x)``.
            x: The input, ``(input_size,)``; by default zero.
            level: Where the plane, that of the first two axes, crosses the third.
            n: Arrows along each side.

        Returns:
            The scene itself, so that calls can be chained.

        Raises:
            TypeError: If an argument is of another kind.
            ValueError: If network, input and states do not fit together.

        Example:
            >>> import torch
            >>> scene = Scene(torch.randn(4, 50, 3)).add_flow(lambda h, x: 0.9 * h, n=5)
            >>> len(scene.drawing.layers[1].lengths)
            25
        """
        level, n = as_number("level", level), as_integer("n", n, low=1)
        velocity(network, self.projection.mean[None], x)  # refuses what does not fit
        self._flows.append(Flow(network, x, level, n))
        return self._changed()

    def set_visible(self, layer: str, visible: bool = True) -> Scene:
        """Choose whether a layer, such as ``"slow modes"``, is shown at first.

        Args:
            layer: Its name, as its check-box says it.
            visible: Whether it is shown.

        Returns:
            The scene itself, so that calls can be chained.

        Raises:
            TypeError: If an argument is of another kind.
            ValueError: If there is no such layer.

        Example:
            >>> import torch
            >>> scene = Scene(torch.randn(4, 50, 3)).set_visible("trajectories", False)
            >>> scene.drawing.layers[0].visible
            False
        """
        layer = as_choice("layer", layer, [each.key for each in self.drawing.layers])
        self._visible[layer] = as_boolean("visible", visible)
        return self._changed()

    def _changed(self) -> Scene:
        """Return the scene without its drawing, which is out of date."""
        self.__dict__.pop("drawing", None)
        return self

    @functools.cached_property
    def drawing(self) -> Drawing:
        """The scene as layers of plain arrays."""
        lengths = [len(trial) for trial in self.trials]
        kept = chosen_trials(lengths, self._n_trials)
        centers = self._project(np.concatenate(self._places or [np.zeros((0, 1))]))
        shown = [self._project(self.trials[i]) for i in kept]
        everywhere = np.concatenate([*shown, *(path for _, path, _ in self._paths), centers])
        box = choose_box(everywhere, centers)
        unit = float(np.linalg.norm(box[1] - box[0]))
        view = clear_view(centers, view_direction("iso"))
        coloring = self._coloring.of_trials(kept, lengths)
        layers: list[Layer | None] = []
        note = f"{len(kept)} of {len(lengths)} trials" if len(kept) < len(lengths) else ""
        if shown:
            stroke = stroke_for(shown, box, view, vivid=bool(coloring.legend or coloring.bar))
            clip = is_clipped(everywhere, box)
            fades = fading(shown, unit)
            layers.append(trajectories(shown, coloring, stroke, fades=fades, note=note, clip=clip))
            layers.append(still(shown, coloring, unit))
        layers += [attractor(path, name, unit, closed) for name, path, closed in self._paths]
        layers += self._point_layers(centers, unit)
        layers += [flow_arrows(flow, self.projection, box) for flow in self._flows]
        drawing = Drawing(
            tuple(self._as_chosen(layer) for layer in _numbered(layers)),
            box,
            self._labels(),
            view,
            self.title,
            self._legend() + coloring.legend + (((note, TRACE),) if note else ()),
            coloring.bar or (self._input_scale and self._input_scale[1]),
            self._n_steps(lengths),
            self._moments(),
        )
        return drawing.centered()

    @property
    def drawings(self) -> list[Drawing]:
        """The drawing, as a list of one."""
        return [self.drawing]

    def _labels(self) -> tuple[str, str, str]:
        x, y, z, *_ = *self.projection.labels, "", ""
        return x, y, z

    def _n_steps(self, lengths: list[int]) -> int:
        if self.tracks is not None:
            return int(self.tracks.states.shape[1])
        return len(self._inputs) + 1 if self._inputs else max(lengths, default=0)

    def _moments(self) -> tuple[str, ...]:
        """Return what the slider says, if it says more than the number of a step."""
        if self.tracks is not None:
            return tuple(f"{self.tracks.unit} {t}" for t in range(self._n_steps([])))
        return (*self._inputs, "all inputs") if self._inputs else ()

    def _point_layers(self, centers: Array, unit: float) -> list[Layer | None]:
        layers: list[Layer | None] = []
        if self._motion and self.tracks:
            layers += motion_layers(self.tracks, self._motion, self._project, unit, self._sizes)
        if self.points:
            layers += self._resting_layers(centers[: len(self.points)], unit)
        if self.boxes:
            layers.append(undecided_boxes(self.boxes, self.projection, unit))
        return layers

    def _resting_layers(self, centers: Array, unit: float) -> list[Layer | None]:
        balls = fixed_points(self.points, centers, unit, self._sizes)
        if self._input_scale:
            balls = colored_by_input(balls, *self._input_scale, self._of_input)
        unstable = mode_arrows(self.points, centers, self.projection, unit)
        slow = mode_arrows(self.points, centers, self.projection, unit, slow=True)
        hidden = unstable and replace(unstable, visible=False)
        if self._inputs:
            return [one_input_each(balls, self._number, len(self._inputs)), hidden, slow]
        if self.graph is None:
            return [balls, hidden if self._input_scale else unstable, slow]
        return [balls, hidden, slow, edge_arrows(self.graph, balls, unit)]

    def _as_chosen(self, layer: Layer) -> Layer:
        """Return a layer that is shown or hidden as the user chose."""
        return replace(layer, visible=self._visible.get(layer.key, layer.visible))

    def _legend(self) -> tuple[tuple[str, str], ...]:
        counts = self._motion.counts() if self._motion else _counts(self.points)
        classes = tuple(
            (f"{stability_label(n)} ({count})", SLATE if self._input_scale else stability_color(n))
            for n, count in enumerate(counts)
            if count
        )
        paths = tuple((name, INK) for name in dict.fromkeys(name for name, _, _ in self._paths))
        events = self.tracks.events if self.tracks is not None else ()
        births = ((f"births and deaths ({len(events)})", INK),) if events else ()
        boxes = ((f"undecided boxes ({len(self.boxes)})", SLATE),) if self.boxes else ()
        return paths + classes + births + boxes

    def _project(self, states: Array) -> Array:
        """Return places ``(n, 3)`` of states ``(n, hidden_size)``."""
        if not len(states):
            return np.zeros((0, 3))
        return pad3(self.projection.transform(states.astype(float, copy=False)))


def _counts(points: list[arguments.Point]) -> list[str]:
    """Return how many points there are with 0, 1, 2, 3 or more unstable modes."""
    counts = np.bincount([min(point.n_unstable, 3) for point in points], minlength=4)
    return [str(count) if count else "" for count in counts]


def _numbered(layers: Iterable[Layer | None]) -> Iterator[Layer]:
    """Number layers of the same name, so that each has its own check-box.

    Yields:
        The layers that are not ``None``.
    """
    seen = Counter({"axes": 1})  # a check-box of this name is there already
    for layer in layers:
        if layer is not None:
            seen[layer.key] += 1
            n = seen[layer.key]
            yield layer if n == 1 else replace(layer, key=f"{layer.key} {n}")
