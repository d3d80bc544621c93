"""A scene: what a network's states, fixed points and transitions look like in three dimensions."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrnn.dynamics import velocity
from pyrnn.palette import INK, stability_color, stability_label
from pyrnn.projection import Projection, as_array
from pyrnn.render import build, given
from pyrnn.render.camera import view_direction
from pyrnn.render.coloring import color_trials
from pyrnn.render.flow import Flow, flow
from pyrnn.render.frame import clear_view, frame, is_clipped
from pyrnn.render.layers import Array, Drawing, Layer
from pyrnn.render.output import Output

if TYPE_CHECKING:
    import networkx


class Scene(Output):
    r"""Show states in three dimensions, with fixed points and transitions.

    Args:
        states: States, ``(trials, time, hidden_size)`` or ``(time, hidden_size)``, or a list of
            trials of unequal duration, or what ``rnn.predict`` returned; ``None`` for none.
        points: Fixed points, as ``find_fixed_points`` returns them; those of the graph by default.
        graph: Transitions among them, as ``transition_graph`` returns them.
        projection: A :class:`~pyrnn.projection.Projection` or a basis ``(hidden_size, 3)``; the
            principal components of the states by default, or of the points without states.
        color: Color of the trajectories: ``"time"``, ``"speed"``, one value or condition a trial,
            or one value a state.
        color_label: What these values are.
        period: A full turn, such as 360 or ``2 * math.pi``, where ``color`` holds angles: the
            colors then go round and both ends look alike.
        sizes: How large fixed points are drawn, one number each, such as their basins' shares.
        title: Heading of the picture.

    Raises:
        TypeError: If something is not what it should be, such as fixed points in place of states.
        ValueError: If states, points, graph, projection, colors or sizes do not fit together.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> scene = Scene(rng.normal(size=(4, 50, 8)).cumsum(axis=1), color="time")
        >>> [layer.key for layer in scene.drawing.layers]
        ['trajectories']
        >>> scene.html()[:15]
        '<!DOCTYPE html>'
    """

    def __init__(
        self,
        states: Any = None,
        points: Any = None,
        graph: networkx.DiGraph | None = None,
        *,
        projection: Any = None,
        color: Any = None,
        color_label: str = "",
        period: float | None = None,
        sizes: Any = None,
        title: str = "",
    ) -> None:
        self.trials = given.split_trials(states)
        self.points, self.graph = given.split_points(points, graph)
        self._given = given.as_projection(projection, self._everything().shape[-1])
        self.title = title
        self._coloring = color, color_label, period
        self._sizes = given.check_sizes(sizes, len(self.points))
        self._paths: list[tuple[str, Array, bool]] = []
        self._flows: list[Flow] = []
        self._visible: dict[str, bool] = {}

    @functools.cached_property
    def projection(self) -> Projection:
        """How states come into the picture; principal components are found when first needed."""
        states = self._everything()
        return self._given or Projection.fit(states.repeat(2, 0) if len(states) == 1 else states)

    def _everything(self) -> Array:
        """Return all states, or those of the fixed points where there are no others."""
        places = self.trials or [as_array(point.state)[None] for point in self.points]
        if not places:
            raise ValueError("expected states or fixed points, got neither; pass one of them")
        return np.concatenate(places)

    def add_path(
        self, states: Any, name: str = "line attractor", *, closed: bool = False
    ) -> Scene:
        """Add a line attractor, a ring or a limit cycle, drawn as a dark tube.

        Args:
            states: States along it, ``(n, hidden_size)``, in order.
            name: What the legend calls it.
            closed: Whether the last state is followed by the first.

        Returns:
            The scene itself, so that calls can be chained.

        Raises:
            ValueError: If these are no states of the network that is shown.

        Example:
            >>> import torch
            >>> circle = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
            >>> scene = Scene(torch.randn(4, 50, 3)).add_path(circle, "ring", closed=True)
            >>> scene.drawing.layers[1].lengths.tolist()
            [5]
        """
        self._paths.append((name, self._project(states), closed))
        return self._changed()

    def add_flow(self, rnn: Any, x: Any = None, *, level: float = 0.0, n: int = 15) -> Scene:
        """Add the flow under constant input, drawn as arrows on the plane of the first two axes.

        Args:
            rnn: A network or its step.
            x: The input, ``(input_size,)``; by default zero.
            level: Where the plane crosses the third axis.
            n: Arrows along each side.

        Returns:
            The scene itself.

        Raises:
            ValueError: If network, input and states do not fit together.

        Example:
            >>> import torch
            >>> scene = Scene(torch.randn(4, 50, 3)).add_flow(lambda h, x: 0.9 * h, n=5)
            >>> len(scene.drawing.layers[1].lengths)
            25
        """
        velocity(rnn, self.projection.mean[None], x)  # refuses what does not fit
        self._flows.append(Flow(rnn, x, level, n))
        return self._changed()

    def set_visible(self, layer: str, visible: bool = True) -> Scene:
        """Choose whether a layer, such as ``"slow modes"``, is shown at first.

        Args:
            layer: Its name, as its check-box says it.
            visible: Whether it is shown.

        Returns:
            The scene itself.

        Raises:
            ValueError: If there is no such layer.

        Example:
            >>> import torch
            >>> scene = Scene(torch.randn(4, 50, 3)).set_visible("trajectories", False)
            >>> scene.drawing.layers[0].visible
            False
        """
        keys = [each.key for each in self.drawing.layers]
        if layer not in keys:
            raise ValueError(f"expected a layer among {keys}, got {layer!r}; choose one")
        self._visible[layer] = visible
        return self._changed()

    def _changed(self) -> Scene:
        """Forget the drawing, which is made anew when it is needed."""
        self.__dict__.pop("drawing", None)
        return self

    @functools.cached_property
    def drawing(self) -> Drawing:
        """The scene as layers of plain arrays, the same for every backend."""
        lengths = [len(trial) for trial in self.trials]
        kept = build.chosen_trials(lengths)
        centers = self._project([as_array(point.state) for point in self.points])
        shown = [self._project(self.trials[i]) for i in kept]
        everywhere = np.concatenate([*shown, *(path for _, path, _ in self._paths), centers])
        box = frame(everywhere, centers)
        unit = float(np.linalg.norm(box[1] - box[0]))
        coloring = color_trials(self.trials, *self._coloring).of_trials(kept, lengths)
        note = f"{len(kept)} of {len(lengths)} trials" if len(kept) < len(lengths) else ""
        clip = is_clipped(everywhere, box)
        layers: list[Layer | None] = []
        if shown:
            layers.append(build.trajectories(shown, coloring, unit, note, clip))
        layers += [build.attractor(path, name, unit, closed) for name, path, closed in self._paths]
        layers += self._point_layers(centers, unit)
        layers += [flow(each, self.projection, box) for each in self._flows]
        return Drawing(
            tuple(self._with_choice(layer) for layer in layers if layer is not None),
            box,
            self._labels(),
            clear_view(centers, view_direction("iso")),
            self.title,
            self._legend() + coloring.legend,
            coloring.bar,
            max(lengths, default=0),
        )

    @property
    def drawings(self) -> list[Drawing]:
        """The drawing alone, as pages, pictures and films want it."""
        return [self.drawing]

    def _labels(self) -> tuple[str, str, str]:
        x, y, z, *_ = *self.projection.labels, "", ""
        return x, y, z

    def _point_layers(self, centers: Array, unit: float) -> list[Layer | None]:
        if not self.points:
            return []
        balls = build.fixed_points(self.points, centers, unit, self._sizes)
        unstable = build.modes(self.points, centers, self.projection, unit)
        slow = build.modes(self.points, centers, self.projection, unit, slow=True)
        if self.graph is None:
            return [balls, unstable, slow]
        hidden = unstable and replace(unstable, visible=False)
        return [balls, hidden, slow, build.edges(self.graph, balls, unit)]

    def _with_choice(self, layer: Layer) -> Layer:
        """Return a layer shown or hidden as the user chose."""
        return replace(layer, visible=self._visible.get(layer.key, layer.visible))

    def _legend(self) -> tuple[tuple[str, str], ...]:
        counts = np.bincount([min(point.n_unstable, 3) for point in self.points], minlength=4)
        classes = tuple(
            (f"{stability_label(n)} ({count})", stability_color(n))
            for n, count in enumerate(counts)
            if count
        )
        return tuple((name, INK) for name, _, _ in self._paths) + classes

    def _project(self, states: Any) -> Array:
        if not len(states):
            return np.zeros((0, 3))
        return build.pad3(self.projection.transform(np.asarray(as_array(states), float)))
