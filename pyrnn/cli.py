"""The command ``pyrnn``: ``pyrnn demo``, ``pyrnn train`` and ``pyrnn doctor``."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import runpy
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

import pyrnn
from pyrnn.unroll import fused

if TYPE_CHECKING:
    import networkx
    from matplotlib.figure import Figure

    from pyrnn.dynamics import FixedPoints
    from pyrnn.render import Scene
    from pyrnn.tasks import FlipFlop, Trial

__all__ = ["demo", "doctor", "main", "train"]

_PACKAGES = ("numpy", "scipy", "matplotlib", "scikit-learn", "networkx", "vedo", "vtk", "rich")

_KERNELS = {
    "_kernel": "any processor",
    "_kernel_v3": "x86-64-v3 (AVX2)",
    "_kernel_v4": "x86-64-v4 (AVX-512)",
}

_console = Console()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Arguments of the command line; ``sys.argv`` by default.

    Returns:
        Exit code: 0, or 2 if an argument is wrong.

    Example:
        >>> import tempfile
        >>> main(["demo", "--units", "0", "--out", tempfile.mkdtemp()])
        pyrnn demo: expected hidden_size to be a whole number of at least 1, got 0
        2
    """
    parser = argparse.ArgumentParser(prog="pyrnn", description=pyrnn.__doc__)
    parser.add_argument("--version", action="version", version=f"pyrnn {pyrnn.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    show = commands.add_parser("demo", help="train the 3-bit flip-flop and map its dynamics")
    show.add_argument("--out", type=Path, default=Path("out/flipflop"), help="folder to write to")
    show.add_argument("--epochs", type=int, default=20, help="epochs of 16 steps (default 20)")
    show.add_argument("--units", type=int, default=64, help="units of the network (default 64)")
    show.add_argument("--seed", type=int, default=0, help="seed of everything (default 0)")
    many = commands.add_parser("train", help="run a script that trains a population of networks")
    many.add_argument("script", type=Path, help="the script, which calls train_population")
    many.add_argument("--shard", default="0/1", help="i/n: train part i, from 0, of n parts")
    commands.add_parser("doctor", help="show versions, devices, engine and OpenGL")
    options = parser.parse_args(arguments)
    if options.command == "doctor":
        return doctor()
    if options.command == "train":
        return train(options.script, options.shard)
    try:
        return demo(options.out, epochs=options.epochs, units=options.units, seed=options.seed)
    except ValueError as error:
        _console.print(f"[red]pyrnn demo:[/] {error}")
        return 2


def demo(out: Path, *, epochs: int = 20, units: int = 64, seed: int = 0) -> int:
    """Train a network on the 3-bit flip-flop, and draw how it works.

    Args:
        out: Folder for model, points, graph, figures and web page.
        epochs: Epochs of 1024 trials.
        units: Size of the network.
        seed: Seed of network, trials and search.

    Returns:
        Exit code: 0.

    Example:
        >>> demo(Path("out/flipflop"))  # doctest: +SKIP
        0
    """
    from pyrnn.dynamics import find_fixed_points, transition_graph
    from pyrnn.render import Scene
    from pyrnn.tasks import FlipFlop

    out.mkdir(parents=True, exist_ok=True)
    timer = _Timer()
    task = FlipFlop(n_bits=3, seed=seed)
    rnn = pyrnn.CTRNN(3, units, 3, tau=100.0, dt=10.0, dale_ratio=0.8, autapses=False, seed=seed)
    with timer("training"):
        rnn.fit(task, epochs=epochs, seed=seed)
    rnn.save(out / "model.pt")
    trials = task.batch(64)
    outputs, states = rnn.predict(trials.inputs)
    with timer("fixed points"):
        points = find_fixed_points(rnn, states, x=torch.zeros(3))
    points.save(out / "points.npz")
    with timer("transition graph"):
        graph = transition_graph(rnn, points)
    graph.save(out / "graph.graphml")
    with timer("figures"):
        _draw_figures(out, rnn, task, trials, outputs, points, graph)
    scene = Scene(_settled_states(rnn, task), points, graph, title="3-bit flip-flop")
    with timer("web page"):
        scene.save(out / "scene.html")
    with timer("picture of the scene"):
        _draw_scene(scene, out / "scene.png")
    accuracy = task.accuracy(outputs, trials.targets, trials.mask)
    _console.print(_summary(rnn, accuracy, points, graph, timer))
    _console.print(_contents(out))
    return 0


def _draw_figures(
    out: Path,
    rnn: pyrnn.RNNBase,
    task: FlipFlop,
    trials: Trial,
    outputs: Tensor,
    points: FixedPoints,
    graph: networkx.DiGraph,
) -> None:
    import matplotlib.pyplot as plt

    from pyrnn.plot import plot_loss, plot_spectrum, plot_transition_graph, plot_trial

    axes = {
        "loss": plot_loss(rnn),
        "trial": plot_trial(trials.unbind()[0], outputs[0], dt=task.dt),
        "graph": plot_transition_graph(graph),
    }
    if len(points):
        axes["spectrum"] = plot_spectrum(points[-1])
    for name, ax in axes.items():
        figure = cast("Figure", ax.figure)
        figure.savefig(out / f"{name}.png", dpi=200)
        plt.close(figure)


def _settled_states(rnn: pyrnn.RNNBase, task: FlipFlop) -> Tensor:
    """Return states of trials with few pulses, which rest at every memory."""
    settling = 20  # steps after the pulses with which every trial begins
    rare = task.replace(pulse_probability=task.pulse_probability / 5)
    return rnn.predict(rare.batch(40).inputs).states[:, settling:]


def _draw_scene(scene: Scene, path: Path) -> None:
    try:
        scene.screenshot(path)
    except RuntimeError as error:
        _console.print(f"[yellow]no picture of the scene:[/] {error}")


def _summary(
    rnn: pyrnn.RNNBase,
    accuracy: float,
    points: FixedPoints,
    graph: networkx.DiGraph,
    timer: _Timer,
) -> Table:
    table = Table(title="3-bit flip-flop", show_header=False)
    table.add_column(justify="right", style="dim")
    table.add_column()
    table.add_row("network", f"CTRNN, {rnn.hidden_size} units, Dale 80/20, no autapses")
    if rnn.history is not None:
        table.add_row("final loss", f"{rnn.history.epochs['loss'][-1]:.4f}")
    table.add_row("correct bits", f"{100 * accuracy:.2f} %")
    table.add_row("fixed points", f"[bold]{len(points)}[/]")
    for k in range(4):
        name = "stable" if k == 0 else f"{k} unstable mode{'s' * (k > 1)}"
        table.add_row(name, str(int((points.n_unstable == k).sum())))
    if len(points):
        table.add_row("largest speed", f"{float(points.speeds.max()):.1e}")
    table.add_row("transitions", f"{graph.number_of_edges()} edges")
    for name, seconds in timer.seconds.items():
        table.add_row(name, f"{seconds:.1f} s")
    return table


def _contents(out: Path) -> Table:
    table = Table(title=f"written to {out}/", show_header=False)
    notes = {
        "model.pt": "the network: pyrnn.load(path)",
        "points.npz": "the fixed points: FixedPoints.load(path)",
        "graph.graphml": "the transition graph, for networkx, Gephi, Cytoscape",
        "scene.html": "the scene, interactive, in any browser",
    }
    for path in sorted(out.iterdir()):
        table.add_row(path.name, notes.get(path.name, "figure"))
    return table


class _Timer:
    """Seconds that each part of the demo took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began


def train(script: Path, shard: str = "0/1") -> int:
    """Run a script in which ``train_population`` trains one part of its runs.

    Args:
        script: The script.
        shard: Which part, ``"i/n"`` with i from 0 to n - 1; by default all runs.

    Returns:
        Exit code: 0, or 2 if an argument is wrong.

    Example:
        >>> train(Path("sweep.py"), "4/4")
        pyrnn train: expected a shard i/n with i from 0 to n - 1, such as 0/4, got '4/4'
        2
    """
    from pyrnn.populations.training import parse_shard, shard_of

    try:
        parse_shard(shard)
        message = "" if script.is_file() else f"expected a script to run, got no file {script}"
    except ValueError as error:
        message = str(error)
    if message:
        _console.print(f"[red]pyrnn train:[/] {message}", soft_wrap=True)
        return 2
    sys.path.insert(0, str(script.resolve().parent))
    try:
        with shard_of(shard):
            runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.path.pop(0)
    return 0


def doctor() -> int:
    """Print versions, devices, the engine of networks, and whether OpenGL works.

    Returns:
        Exit code: 0.

    Example:
        >>> doctor()  # doctest: +SKIP
        0
    """
    from pyrnn.render import probe_opengl

    table = Table(title="pyrnn doctor", show_header=False)
    table.add_row("pyrnn", pyrnn.__version__)
    table.add_row("Python", f"{platform.python_version()} on {platform.platform()}")
    table.add_row("torch", torch.__version__)
    for name in _PACKAGES:
        table.add_row(name, _version(name))
    table.add_row("engine", _engine())
    table.add_row("threads", str(torch.get_num_threads()))
    table.add_row("CUDA", _cuda())
    table.add_row("MPS", "yes" if torch.backends.mps.is_available() else "no")
    table.add_row("OpenGL", probe_opengl().message)
    _console.print(table)
    return 0


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "[red]missing[/]"


def _engine() -> str:
    """Return what runs the built-in networks on the CPU."""
    library = fused.library()
    if library is None:
        return (
            "[yellow]bptt[/], in torch: the kernel was not built at install, or is of another "
            "version; install a C++ compiler, then pyrnn again"
        )
    variant = Path(library._name).name.partition(".")[0]
    return f"fused, by the kernel for {_KERNELS[variant]}"


def _cuda() -> str:
    if not torch.cuda.is_available():
        return "no"
    return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))


if __name__ == "__main__":
    sys.exit(main())
