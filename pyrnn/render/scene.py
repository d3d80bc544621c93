"""A scene: what a network's states, fixed points and transitions look like in three dimensions."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from pyrnn.palette import INK, stability_color, stability_label
from pyrnn.projection import Projection, as_array
from pyrnn.render import build
from pyrnn.render.camera import view_direction
from pyrnn.render.coloring import color_trials
from pyrnn.render.flow import Flow, flow
from pyrnn.render.frame import clear_view, frame, is_clipped
from pyrnn.render.layers import Array, Drawing, Layer

if TYPE_CHECKING:
    import networkx


class Scene:
    r"""Show states in three dimensions, with fixed points and transitions.

    Args:
        states: States, ``(trials, time, hidden_size)`` or ``(time, hidden_size)``, or a list of
            trials of unequal duration. Tensors or arrays.
        points: Fixed points, as ``find_fixed_points`` returns them.
        graph: Transitions among them, as ``transition_graph`` returns them.
        projection: A :class:`~pyrnn.projection.Projection` or a basis ``(hidden_size, 3)``; the
            principal components of the states by default.
        color: Colour of the trajectories: ``"time"``, ``"speed"``, one value or condition a trial,
            or one value a state.
        color_label: What these values are.
        sizes: How large fixed points are drawn, one number each, such as their basins' shares.
        title: Heading of the picture.

    Raises:
        ValueError: If states, points and graph do not belong together.

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
        states: Any,
        points: Any = None,
        graph: networkx.DiGraph | None = None,
        *,
        projection: Any = None,
        color: Any = None,
        color_label: str = "",
        sizes: Any = None,
        title: str = "",
    ) -> None:
        self.trials = build.split_trials(states)
        self.points = list(points) if points is not None else []
        self.graph = graph
        self.projection = _as_projection(projection, self.trials)
        self.title = title
        self._coloring, self._sizes = (color, color_label), sizes
        self._paths: list[tuple[str, Array, bool]] = []
        self._flows: list[Flow] = []
        self._visible: dict[str, bool] = {}
        build.check_graph(graph, len(self.points))

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
        """
        self._paths.append((name, self._project(states), closed))
        return self._changed()

    def add_flow(self, rnn: Any, x: Any, *, level: float = 0.0, n: int = 15) -> Scene:
        """Add the flow under constant input, drawn as arrows on the plane of the first two axes.

        Args:
            rnn: A network or its step.
            x: The input, ``(input_size,)``.
            level: Where the plane crosses the third axis.
            n: Arrows along each side.

        Returns:
            The scene itself.
        """
        self._flows.append(Flow(getattr(rnn, "step", rnn), x, level, n))
        return self._changed()

    def set_visible(self, layer: str, visible: bool = True) -> Scene:
        """Choose whether a layer, such as ``"slow modes"``, is shown at first.

        Returns:
            The scene itself.

        Raises:
            ValueError: If there is no such layer.
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
        everywhere = np.concatenate([*shown, *(path for _, path, _ in self._paths)])
        box = frame(everywhere, centers)
        unit = float(np.linalg.norm(box[1] - box[0]))
        by, label = self._coloring
        coloring = color_trials(self.trials, by, label).of_trials(kept, lengths)
        note = f"{len(kept)} of {len(lengths)} trials" if len(kept) < len(lengths) else ""
        clip = is_clipped(everywhere, box)
        layers: list[Layer | None] = [build.trajectories(shown, coloring, unit, note, clip)]
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
            max(lengths),
        )

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

    def show(self, *, size: tuple[int, int] = (1280, 860)) -> None:
        """Open an interactive window, and return when it is closed.

        Without a display, as on a cluster, it warns and returns, so that a script goes on.

        Args:
            size: Width and height in pixels.

        Raises:
            RuntimeError: If there is a display but no OpenGL.
        """
        from pyrnn.render.window import show

        show(self.drawing, size)

    def screenshot(
        self,
        path: str | Path,
        *,
        size: tuple[int, int] = (1500, 1100),
        view: str = "iso",
        transparent: bool = False,
    ) -> Path:
        """Write a picture, with or without a display.

        Args:
            path: Where to write it; the suffix says the format, such as ``.png``.
            size: Width and height in pixels.
            view: ``"iso"``, ``"front"``, ``"side"`` or ``"top"``.
            transparent: Leave the background out.

        Returns:
            The path.

        Raises:
            RuntimeError: If OpenGL does not work; the message says what to install.
        """
        from pyrnn.render.picture import draw_picture

        pixels = draw_picture(self.drawing, size, view=view, transparent=transparent)
        Image.fromarray(pixels).save(path)
        return Path(path)

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write the scene as its suffix asks: .html page, .png still, .gif or .mp4 film.

        Args:
            path: Where to write it.
            **options: Options of :meth:`screenshot` for stills, of :meth:`film` for films.

        Returns:
            The path.

        Raises:
            ValueError: If the suffix is unknown.
        """
        suffix = Path(path).suffix.lower()
        if suffix in (".html", ".htm"):
            Path(path).write_text(self.html(**options), encoding="utf-8")
            return Path(path)
        if suffix in (".png", ".jpg", ".jpeg", ".tif", ".tiff"):
            return self.screenshot(path, **options)
        if suffix in (".gif", ".mp4"):
            return self.film(path, **options)
        raise ValueError(
            f"expected a path ending in .html, .png, .gif or .mp4, got {str(path)!r}; "
            "the suffix says what to write"
        )

    def film(
        self,
        path: str | Path,
        *,
        motion: str = "turntable",
        seconds: float = 6.0,
        fps: int = 15,
        size: tuple[int, int] = (720, 528),
    ) -> Path:
        """Write a film: the scene turning, or the trials unfolding in time.

        Args:
            path: A ``.gif``, or a ``.mp4`` (``pip install "pyrnn[video]"``).
            motion: ``"turntable"`` or ``"trials"``.
            seconds: Duration.
            fps: Frames a second.
            size: Width and height in pixels.

        Returns:
            The path.

        Raises:
            RuntimeError: If OpenGL does not work.
            ValueError: If the motion is unknown.
        """
        from pyrnn.render.film import write_film

        return write_film(self.drawing, path, motion, seconds, fps, size)

    def html(self) -> str:
        """Return the scene as one self-contained web page, which needs no network."""
        from pyrnn.render.page import page

        return page([self.drawing])

    def _repr_html_(self) -> str:
        from pyrnn.render.page import frame

        return frame(self.html())


def _as_projection(projection: Any, trials: list[Array]) -> Projection:
    if projection is None:
        return Projection.fit(np.concatenate(trials), n_components=3)
    return projection if isinstance(projection, Projection) else Projection.onto(projection)
