"""Which solutions did they find?

Networks that do a task equally well may do it in different ways (Maheswaranathan et al. 2019).
Forty small networks learn to remember two bits, and are not trained for long. On new trials all of
them are right at least 98 % of the time. Yet only some have a stable point for each of the four
memories; in the others some memories fade, which nobody notices as long as pulses are frequent.
When pulses are rare, the class of a network tells how well it remembers.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from pyrnn import CTRNN
from pyrnn.plot import STYLE_SHEET, plot_distances, plot_population_map
from pyrnn.populations import compare, find_classes, grid, train_population
from pyrnn.tasks import FlipFlop

OUT = Path("out/solutions")
RARE = {"duration": 10000.0, "pulse_probability": 0.002, "n_trials": 128}


def make(seed, dale_ratio, n_units, epochs):
    """Return a network, its task and options of fit, from the settings of a run."""
    rnn = CTRNN(2, n_units, 2, dale_ratio=dale_ratio, seed=seed)
    return rnn, FlipFlop(2, seed=seed), {"lr": 0.02, "epochs": epochs}


def main(epochs=8, n_units=16, n_seeds=20, show=True):
    plt.style.use(STYLE_SHEET)

    # %%
    # Forty runs in a folder; a second call trains only what is missing.
    runs = grid(seed=range(n_seeds), dale_ratio=[None, 0.8], n_units=[n_units], epochs=[epochs])
    population = train_population(make, runs, OUT / "runs", progress=show)
    population = population.analyze(tests={"rare pulses": RARE}, progress=show)

    # %%
    # Networks of a class have the same skeleton of fixed points.
    classes = find_classes(population)
    print(classes.summary())
    print(classes.agreement("dale_ratio").summary())

    # %%
    # Distances between all pairs make a map, on which the classes are colored.
    distances = compare(population, "spectra")
    figure, axes = plt.subplots(1, 3, figsize=(14, 3.8), width_ratios=[1.2, 1.1, 1])
    plot_population_map(distances, color=classes, ax=axes[0])
    plot_distances(distances, classes, ax=axes[1])
    memories, scores = (population.column(name) for name in ("attractors", "rare pulses"))
    shift = np.random.default_rng(0).uniform(-0.12, 0.12, len(memories))
    axes[2].scatter(memories + shift, population.column("score"), label="usual trials", s=16)
    axes[2].scatter(memories + shift, scores, label="rare pulses", s=16)
    axes[2].set(xlabel="attractors", ylabel="accuracy", xticks=range(1, 5))
    axes[2].set_title("usual trials hide it, rare pulses show it", loc="left")
    axes[2].legend(loc="lower right")
    if show:
        figure.savefig(OUT / "solutions.png")
    if epochs >= 8:
        assert population.column("score").min() > 0.97
        assert scores[memories == 4].min() > 0.99 > scores[memories < 3].max()
    return classes


if __name__ == "__main__":
    main()
