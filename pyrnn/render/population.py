"""PopulationPage: a map of many networks, in which a click opens the scene of one."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np

from pyrnn.arrays import Array
from pyrnn.coloring import Coloring
from pyrnn.files import replacing
from pyrnn.populations import Analysis, Distances, Population, align
from pyrnn.populations._coloring import Colored, color_networks
from pyrnn.render._drawing import Drawing
from pyrnn.render._page import as_json, fill, iframe, ramp, scene_page, scenes_data
from pyrnn.render.scene import Scene
from pyrnn.validate import as_integer, as_path, check_kind

__all__ = ["PopulationPage"]

_SIDE = 1000.0  # of the map
_EDGE = 40.0
_PLACE = "\0"  # of the data in the page of a scene


class PopulationPage:
    """A page that works offline: a map of networks; a click on one opens its 3D scene.

    Networks that are alike are near each other, as in
    :func:`~pyrnn.plot.plot_population_map`. Beside the map are the settings and scores of the
    chosen network, its states, fixed points and skeleton. All scenes are turned to agree with
    that of the network that is nearest to all others, see :func:`~pyrnn.populations.align`.

    Args:
        networks: The population, or the analyses, that the distances belong to.
        distances: Distances, of :func:`~pyrnn.populations.compare`.
        color: A setting or score by its name, classes, or one value for each network.
        n_trials: Number of trajectories in each scene, which the size of the page follows from:
            about 50 kB for each network with 16 of them.

    Raises:
        TypeError: If these are no distances, or no networks with an analysis.
        KeyError: If there is no such setting.
        ValueError: If the distances are those of other networks.

    Example:
        >>> import torch
        >>> from pyrnn import RNN
        >>> from pyrnn.populations import analyze, compare
        >>> inputs = torch.randn(8, 20, 1)
        >>> analyses = [analyze(RNN(1, n, 1, seed=n), inputs) for n in (4, 8, 8)]
        >>> page = PopulationPage(analyses, compare(analyses), color=[4, 8, 8])
        >>> page.html().count("<circle")
        3
    """

    def __init__(
        self,
        networks: Population | Sequence[Analysis],
        distances: Distances,
        *,
        color: Colored = None,
        n_trials: int = 16,
    ) -> None:
        check_kind("distances", distances, Distances, "take those of compare(population)")
        self.networks, self.distances = networks, distances
        self._n_trials = as_integer("n_trials", n_trials, low=1)
        n = len(networks)
        if not len(distances) or distances.index.max() >= n:
            raise ValueError(
                f"expected distances of the same networks, got those of {len(distances)} for {n} "
                "networks; take compare(population) of the same population"
            )
        self._coloring = color_networks(distances, color)
        self._reference = int(distances.matrix.sum(0).argmin())

    def html(self) -> str:
        """Return the page as text.

        Example:
            >>> import torch
            >>> from pyrnn import RNN
            >>> from pyrnn.populations import analyze, compare
            >>> one = [analyze(RNN(1, 4, 1, seed=0), torch.randn(8, 20, 1))]
            >>> PopulationPage(one, compare(one)).html()[:15]
            '<!DOCTYPE html>'
        """
        places = self.distances.embedding()
        stress = self.distances.stress(places)
        title = f"{self.distances.measure}: {len(self.distances)} networks, stress {stress:.2f}"
        return fill(
            "population.html",
            title=html.escape(title),
            map=self._map(places),
            legend=_legend(self._coloring),
            reference=self._name(self._reference),
            frame=as_json(scene_page("a network", _PLACE).split(_PLACE)),
            rows=as_json([self._row(i) for i in range(len(self.distances))]),
            scenes="\n".join(self._scenes()),
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page.

        Args:
            path: Where to write it: a ``.html``.

        Returns:
            The path.

        Raises:
            ValueError: If the suffix is another one.

        Example:
            >>> import torch
            >>> from pyrnn import RNN
            >>> from pyrnn.populations import analyze, compare
            >>> one = [analyze(RNN(1, 4, 1, seed=0), torch.randn(8, 20, 1))]
            >>> page = PopulationPage(one, compare(one))
            >>> page.save(getfixture("tmp_path") / "map.html").name
            'map.html'
        """
        target = as_path("path", path)
        if target.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"expected a path that ends in .html, got {str(path)!r}")
        with replacing(target) as partial:
            partial.write_text(self.html(), encoding="utf-8")
        return target

    def _repr_html_(self) -> str:
        return iframe(self.html())

    def _name(self, i: int) -> str:
        return str(int(self.distances.index[i]))

    def _row(self, i: int) -> dict[str, object]:
        """Return what stands beside the map for a network."""
        row = self.distances.rows[i]
        values = [[name, _text(value)] for name, value in row.items() if value is not None]
        return {"name": f"network {self._name(i)}", "values": values}

    def _map(self, places: Array) -> str:
        """Return the map as SVG; the reference, which is chosen first, is the first."""
        span = float(np.ptp(places, axis=0).max()) or 1.0
        center = (places.max(0) + places.min(0)) / 2
        scale = (_SIDE - 2 * _EDGE) / span
        at = (places - center) * scale * [1, -1] + _SIDE / 2
        radius = np.clip(160 / np.sqrt(len(at)), 5, 16)
        order = [self._reference, *(i for i in range(len(at)) if i != self._reference)]
        dots = (
            f'<circle cx="{at[i, 0]:.1f}" cy="{at[i, 1]:.1f}" r="{radius:.1f}" data-row="{i}" '
            f'fill="#{bytes(self._coloring.colors[i].tolist()).hex()}">'
            f"<title>network {self._name(i)}</title></circle>"
            for i in order
        )
        label = "map of the networks: choose one with the arrow keys"
        head = f'<svg viewBox="0 0 {_SIDE:g} {_SIDE:g}" tabindex="0" aria-label="{label}">'
        return "\n".join([head, *dots, "</svg>"])

    def _scenes(self) -> Iterator[str]:
        """Yield the scenes as script elements, one after the other, all seen from one side."""
        reference = self._analysis(self._reference)
        side = self._drawing(self._reference, reference).iso
        for i in range(len(self.distances)):
            drawing = replace(self._drawing(i, reference), iso=side)
            data = scenes_data([drawing])
            yield f'<script type="application/json" id="scene-{i}">{data}</script>'

    def _drawing(self, i: int, reference: Analysis) -> Drawing:
        """Return the scene of a network, turned to agree with the reference."""
        analysis = self._analysis(i)
        return Scene(
            analysis.states,
            analysis.points if len(analysis.points) else None,
            _graph_of(analysis),
            projection=align(analysis.states, reference.states),
            n_trials=min(self._n_trials, len(analysis.states)),
            title=f"network {self._name(i)}",
        ).drawing

    def _analysis(self, i: int) -> Analysis:
        """Return the analysis of a network.

        Raises:
            TypeError: If it is none.
        """
        k, networks = int(self.distances.index[i]), self.networks
        found = networks.analysis(k) if isinstance(networks, Population) else networks[k]
        check_kind("networks", found, Analysis, "pass a population after analyze(), or analyses")
        return found


def _graph_of(analysis: Analysis) -> nx.DiGraph | None:
    """Return the skeleton among the fixed points; attractors of other kinds have no place."""
    if not len(analysis.points):
        return None
    return nx.DiGraph(analysis.skeleton.subgraph(range(len(analysis.points))))


def _legend(coloring: Coloring) -> str:
    """Return the legend or the scale of the map."""
    if coloring.bar is not None:
        low, high = coloring.bar.scale.ends
        colors = ",".join(ramp(coloring.bar))
        label = html.escape(coloring.bar.label)
        strip = f'<i style="background:linear-gradient(to right,{colors})"></i>'
        ends = f"<div><span>{low}</span><span>{high}</span></div>"
        return f'<div class="bar">{label}{strip}{ends}</div>'
    marks = (
        f'<span style="--mark:{color}">{html.escape(name)}</span>'
        for name, color in coloring.legend
    )
    return f'<div class="legend">{"".join(marks)}</div>'


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
