"""Different networks, the same mechanism.

Four kinds of networks learn three tasks: to remember two bits, to integrate a number, and to
integrate a velocity into a heading. Two gated networks are among them. What they do is the same in
all (Maheswaranathan et al. 2019): one stable point for each memory, a line of slow states for the
number, a ring for the heading, which is closed in some networks and has gaps in others. How the
states lie in space is not the same: in the maps, networks of one kind are near each other.
Topology is a property of the task, geometry is one of the architecture.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from pyrnn import CTRNN, GRU, LSTM, RateRNN
from pyrnn.dynamics import find_fixed_points, find_manifolds
from pyrnn.plot import STYLE_SHEET, plot_population_map
from pyrnn.populations import compare, grid, train_population
from pyrnn.render import PopulationPage
from pyrnn.tasks import FlipFlop, HeadingIntegrator, WhiteNoiseIntegrator

OUT = Path("out/universality")
KINDS = {"CTRNN": CTRNN, "RateRNN": RateRNN, "GRU": GRU, "LSTM": LSTM}
TASKS = {
    "two bits": FlipFlop(2, duration=500.0, pulse_probability=0.06),
    "a number": WhiteNoiseIntegrator(duration=600.0, n_trials=1024),
    "a heading": HeadingIntegrator(duration=1000.0),
}
TOPOLOGIES = {
    "two bits": {"4 points"},
    "a number": {"line"},
    "a heading": {"ring", "line"},  # a ring with a gap is a line
}
RECIPES = {  # share of the epochs, learning rate, largest norm of the gradient
    "two bits": (0.25, 0.02, 0.1),
    "a number": (0.4, 0.01, 1.0),
    "a heading": (1.0, 0.005, 1.0),
}


def make(task, kind, seed, epochs, n_units):
    """Return a network, its task and options of fit, from the settings of a run."""
    data = TASKS[task].replace(seed=seed)
    size = n_units if task == "a heading" else n_units // 2
    rnn = KINDS[kind](data.input_size, size, data.output_size, dt=data.dt, seed=seed)
    share, lr, clip_norm = RECIPES[task]
    options = {"epochs": max(1, int(share * epochs)), "lr": lr, "clip_norm": clip_norm}
    return rnn, data, {**options, "scheduler": "cosine"}


def topology(network):
    """Return where states go when nothing comes in: to points, along a line or around a ring."""
    sizes = {task.input_size: task for task in TASKS.values()}
    task = sizes[network.input_size].replace(seed=99)
    states = network.predict(task.batch(128).inputs).states[:, ::10].flatten(0, 1)
    if task.input_size == 2:
        points = find_fixed_points(network, states, torch.zeros(2), progress=False)
        return f"{int(points.is_stable.sum())} points"
    rest = torch.zeros(len(states), 50, network.input_size)
    settled = network.predict(rest, h=states).states[:, -1]
    found = find_manifolds(network, settled, tol=0.03, n_points=80, progress=False)
    return found[0].kind if found else "none"


def main(epochs=80, n_units=48, n_seeds=2, show=True):
    # %%
    # Two networks of each kind learn each task, and each says what it has made of it.
    populations, settings = {}, {"epochs": [epochs], "n_units": [n_units]}
    for task in TASKS:
        runs = grid(task=[task], kind=list(KINDS), seed=range(n_seeds), **settings)
        population = train_population(make, runs, OUT / task.split()[-1], progress=show)
        populations[task] = population.analyze(measures={"topology": topology}, progress=show)

    # %%
    # The maps show how alike the states lie in space, whatever the axes are.
    plt.style.use(STYLE_SHEET)
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
    for ax, (task, population) in zip(axes, populations.items(), strict=True):
        distances = compare(population)
        plot_population_map(distances, color="kind", ax=ax)
        kind, found = (population.column(name) for name in ("kind", "topology"))
        alike = kind[:, None] == kind
        within = distances.matrix[alike & ~np.eye(len(kind), dtype=bool)].mean()
        between = distances.matrix[~alike].mean()
        ax.set_title(f"{task}: {', '.join(sorted(set(found)))}", loc="left")
        print(task, *(f"{k}: {f}" for k, f in zip(kind, found, strict=True)), sep="\n  ")
        print(f"  shape distance {within:.2f} within a kind, {between:.2f} between kinds")
        if epochs >= 80:
            assert set(found) <= TOPOLOGIES[task]
            assert within < 0.8 * between

    # %%
    # Every dot of the page opens the states of a network in three dimensions.
    if show:
        figure.savefig(OUT / "universality.png")
        PopulationPage(population, distances, color="kind").save(OUT / "scene.html")
    return population


if __name__ == "__main__":
    main()
