"""Twenty tasks in one network.

Yang et al. (2019) trained one network on twenty tasks, with a rule input for each. Its units form
clusters: those of a cluster vary in the same tasks. The tasks of a cluster are those in which its
units vary at least half as much as in any. Silencing a cluster costs 0.71 of the accuracy in its
own tasks and 0.17 in the others, averaged over all clusters. One cluster takes part in nearly all
tasks.

The network of this page was trained by this program with ``epochs=156``. This takes seven minutes
on one core; 19 of the 20 tasks are above 90 %. Rounding decides about the last ones: another run
had 18. By default, the program loads the network.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import pyrnn
from pyrnn import RateRNN
from pyrnn.interventions import lesion
from pyrnn.plot import STYLE_SHEET
from pyrnn.representation import cluster_units, task_variance, valid_steps
from pyrnn.tasks import Yang2019
from pyrnn.training import Curriculum

OUT = Path("out/yang2019")
TRAINED = Path(pyrnn.__file__).parents[1] / "examples" / "networks" / "yang2019.pt"
EASY_TO_HARD = {  # by how much the strengths of stimuli differ; the last ones are the published
    "coherences": [(0.1, 0.2, 0.4), (0.04, 0.08, 0.16), (0.01, 0.02, 0.04, 0.08)],
    "delayed_coherences": [(0.32, 0.64), (0.16, 0.32, 0.64), (0.08, 0.16, 0.32)],
}


def main(epochs=0, n_units=256, show=True):
    plt.style.use(STYLE_SHEET)

    # %%
    # The network was trained before; ``epochs=156`` trains it anew.
    task = Yang2019(dt=50.0, n_trials=4096, seed=0)
    rnn = train(task, epochs, n_units, show) if epochs else pyrnn.load(TRAINED)

    trials = task.batch(2000, start=10**6)
    outputs, states = rnn.predict(trials.inputs)
    accuracies = task.accuracies(outputs, trials)
    n_learned = sum(value > 0.9 for value in accuracies.values())
    print(f"{n_learned} of {len(accuracies)} tasks have an accuracy above 90 %")

    # %%
    # Task variance says how much each unit varies in each task. Units with similar profiles are a
    # cluster.
    valid = valid_steps(trials, task.dt)
    variance = task_variance(rnn.rates(states), trials, names=tuple(task.tasks), valid=valid)
    clusters = cluster_units(variance, range(4, 16), rng=0)
    print(clusters.summary())

    # %%
    # Each cluster is silenced in turn, in one unroll. How well is each task done then?
    groups = {f"cluster {k + 1}": clusters.units(k).tolist() for k in range(clusters.n_clusters)}
    effects = lesion(rnn, trials.inputs, groups)
    after = np.array([list(task.accuracies(y, trials).values()) for y in effects.outputs])
    change = after - np.array(list(accuracies.values()))
    own = clusters.is_selective
    in_own, in_others = -change[own].mean(), -change[~own].mean()
    print(f"lesions cost {in_own:.2f} in the tasks of the cluster, {in_others:.2f} in others")

    figure, axes = plt.subplots(1, 3, figsize=(14, 4.6), layout="constrained", sharey=True)
    names = list(accuracies)
    axes[0].barh(names, list(accuracies.values()))
    axes[0].set(xlim=(0, 1), title="accuracy")
    order = np.argsort(clusters.labels, kind="stable")
    order = order[(clusters.labels < 0).sum() :]  # without units that never vary
    draw(variance.normalized[:, order], "task variance", "units, by cluster", "viridis", axes[1])
    label = "lesioned cluster (dots: its tasks)"
    draw(change.T, "change of accuracy", label, "RdBu_r", axes[2], (-1, 1))
    edges = np.flatnonzero(np.diff(clusters.labels[order])) + 0.5
    for edge in edges:
        axes[1].axvline(edge, color="white", linewidth=0.8)
    axes[2].plot(*np.nonzero(own), "k.")
    axes[2].set_xticks(range(len(groups)), [str(k + 1) for k in range(len(groups))])
    if not epochs:
        assert n_learned >= 16
        assert in_own > 3 * in_others
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "yang2019.png")
    return accuracies, clusters, change


def train(task, epochs, n_units, show):
    """Train a network from easy to hard decisions."""
    options = {"tau": 100.0, "dt": task.dt, "activation": "relu", "seed": 0}
    rnn = RateRNN(task.input_size, n_units, task.output_size, **options)
    n = epochs * len(task) // 64 // 5  # a fifth of the steps for each of the two easy stages
    rnn.fit(
        task,
        epochs=epochs,
        lr=0.002,
        scheduler="cosine",
        clip_norm=1.0,
        curriculum=Curriculum(steps=[n, 2 * n], **EASY_TO_HARD),
        seed=0,
        progress=show,
    )
    return rnn


def draw(values, title, label, colors, ax, limits=(0, 1)):
    """Draw a matrix with one row for each task."""
    image = ax.imshow(values, aspect="auto", cmap=colors, vmin=limits[0], vmax=limits[1])
    ax.figure.colorbar(image, ax=ax)
    ax.set(title=title, xlabel=label)


if __name__ == "__main__":
    main()
