"""How long it takes to see something: first picture, window, page, film, and a million states.

Run ``python benchmarks/rendering.py``. Every row runs in a fresh process, on a scene like that of
the 3-bit flip-flop: 64 trials of 100 steps, 27 fixed points, their graph. Importing scikit-learn,
matplotlib and VTK is timed in a row of its own; looking for OpenGL belongs to the first picture.
"""

from __future__ import annotations

import functools
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx
import numpy as np
from rich.console import Console
from rich.table import Table

BUDGETS = {  # seconds
    "imports": None,
    "first picture": 3.0,
    "window, first frame": 3.0,
    "page": 1.0,
    "page, 1000 x 1000 states": 5.0,
    "window, 1000 x 1000 states": 5.0,
    "film, 75 frames": None,
}
WINDOW = (1280, 860)


class Point:
    """A fixed point on a lattice: as many unstable modes as zeros among its coordinates."""

    def __init__(self, corner: np.ndarray, hidden_size: int) -> None:
        self.state = np.concatenate([3 * corner, np.zeros(hidden_size - 3)])
        self.n_unstable, self.speed = int((corner == 0).sum()), 0.0
        self.eigenvalues = np.full(hidden_size, 0.8 + 0j)
        self.eigenvalues[:3] = np.where(corner == 0, 1.1, 0.7)
        self.eigenvectors = np.eye(hidden_size, dtype=complex)


@functools.cache
def flipflop(
    n_trials: int = 64, n_steps: int = 100, hidden_size: int = 64
) -> tuple[Any, Any, Any]:
    """Return states, points and graph of a network with 27 fixed points."""
    rng = np.random.default_rng(0)
    corners = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3), -1).reshape(-1, 3)
    points = [Point(corner, hidden_size) for corner in corners]
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(27))
    for i, source in enumerate(corners):
        for j, target in enumerate(corners):
            agrees = ((source == 0) | (source == target)).all()
            if agrees and target.all() and i != j:
                graph.add_edge(i, j, probability=0.5 ** (source == 0).sum(), count=10)
    states = rng.normal(0, 0.4, (n_trials, n_steps, hidden_size)).cumsum(axis=1)
    return np.tanh(states / 4) * 4, points, graph


def imports(folder: Path) -> None:
    for name in ("sklearn.decomposition", "pyrnn.render.gl._film", "pyrnn.render.gl._stage"):
        importlib.import_module(name)


def first_picture(folder: Path) -> None:
    from pyrnn.render import Scene

    Scene(*flipflop()).screenshot(folder / "scene.png")


def window(folder: Path, n_trials: int = 64, n_steps: int = 100) -> None:
    from pyrnn.render import Scene
    from pyrnn.render.gl._stage import Stage

    stage = Stage(Scene(*flipflop(n_trials, n_steps, 16)).drawing, WINDOW)
    stage.render()
    stage.close()


def large_window(folder: Path) -> None:
    window(folder, 1000, 1000)


def page(folder: Path, n_trials: int = 64, n_steps: int = 100) -> None:
    from pyrnn.render import Scene

    Scene(*flipflop(n_trials, n_steps, 16)).save(folder / "scene.html")


def large_page(folder: Path) -> None:
    page(folder, 1000, 1000)


def film(folder: Path) -> None:
    from pyrnn.render import Scene

    Scene(*flipflop()).save(folder / "scene.gif", seconds=5.0, fps=15, size=(640, 480))


ACTIONS = imports, first_picture, window, page, large_page, large_window, film
SMALL, LARGE = (64, 100, 16), (1000, 1000, 16)
SHAPES = dict(zip(BUDGETS, (None, (), SMALL, SMALL, LARGE, LARGE, ()), strict=True))
CASES: dict[str, Callable[[Path], None]] = dict(zip(BUDGETS, ACTIONS, strict=True))


def measure(name: str) -> dict[str, Any]:
    """Run one case in this process; return seconds, processor seconds, MB and file size."""
    import pyrnn  # noqa: F401  (torch is loaded in any session before something is drawn)

    if name != "imports":
        imports(Path())
        flipflop(*SHAPES[name])  # random numbers are no part of drawing
    with tempfile.TemporaryDirectory() as folder:
        began, worked = time.perf_counter(), time.process_time()
        CASES[name](Path(folder))
        seconds, work = time.perf_counter() - began, time.process_time() - worked
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "work": work, "peak": peak, "size": size}


def main() -> None:
    table = Table("case", "seconds", "CPU seconds", "budget", "peak MB", "file MB")
    for name, budget in BUDGETS.items():
        child = [sys.executable, __file__, name]
        output = subprocess.run(child, capture_output=True, text=True, check=True).stdout
        row = json.loads(output.splitlines()[-1])
        numbers = f"{row['seconds']:.2f}", f"{row['work']:.2f}", f"{budget or ''}"
        table.add_row(name, *numbers, f"{row['peak']:.0f}", f"{row['size']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
