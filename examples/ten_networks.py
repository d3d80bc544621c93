"""Ten networks trained alike.

Weights differ from seed to seed, but networks may still compute in the same way (Maheswaranathan
et al. 2019). Here ten networks learn to remember two bits. For each of them the example finds the
fixed points and the graph of transitions between them, and then compares the graphs. Nearly all
networks have four memories, four saddles between them and one saddle in the center.
"""

from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import networkx
import torch

from pyrnn import CTRNN
from pyrnn.dynamics import find_fixed_points, same_transitions, transition_graph
from pyrnn.plot import STYLE_SHEET, plot_transition_graph
from pyrnn.tasks import FlipFlop

OUT = Path("out/ten_networks")


def main(epochs=12, n_units=32, n_seeds=10, show=True):
    plt.style.use(STYLE_SHEET)
    task = FlipFlop(n_bits=2, seed=0)
    inputs = task.batch(64).inputs
    graphs = []
    for seed in range(n_seeds):
        rnn = CTRNN(2, n_units, 2, tau=100.0, dt=10.0, dale_ratio=0.8, autapses=False, seed=seed)
        rnn.fit(task, epochs=epochs, lr=0.02, seed=seed, progress=False)
        points = find_fixed_points(rnn, rnn.predict(inputs).states, x=torch.zeros(2))
        graphs.append(transition_graph(rnn, points) if len(points) else networkx.DiGraph())
        print(f"seed {seed}: loss {rnn.history.epochs['loss'][-1]:.4f}, {kinds(graphs[-1])}")
    groups = alike(graphs)
    sizes = [len(group) for group in groups]
    print(f"{n_seeds} networks, {len(groups)} solution(s), shared by {sizes}")

    figure, axes = plt.subplots(1, len(groups), figsize=(4.6 * len(groups), 3.4), squeeze=False)
    for ax, group in zip(axes[0], groups, strict=True):
        ax.set_title(f"{len(group)} of {n_seeds} networks")
        plot_transition_graph(group[0], ax=ax)
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "ten_networks.png")
    assert sum(sizes) == n_seeds
    if epochs >= 12:
        assert max(sizes) >= 0.7 * n_seeds
    return groups


def kinds(graph):
    """Return how many fixed points have how many unstable modes."""
    return dict(Counter(point.n_unstable for _, point in graph.nodes(data="point")))


def alike(graphs):
    """Group graphs that are the same up to the names of their nodes, most common first."""
    groups = []
    for graph in graphs:
        for group in groups:
            if same_transitions(graph, group[0]):
                group.append(graph)
                break
        else:
            groups.append([graph])
    return sorted(groups, key=len, reverse=True)


if __name__ == "__main__":
    main()
