"""The same memory in a vanilla network, a GRU and an LSTM.

Maheswaranathan et al. (2019) found that networks of different kinds solve a task by the same
dynamics. Here three networks learn to remember three bits, and the same analysis finds the fixed
points of each. An LSTM has two states, which are concatenated into one. All three networks have
eight stable points, the corners of a cube.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn import GRU, LSTM, RNN
from pyrnn.dynamics import find_fixed_points
from pyrnn.palette import stability_color
from pyrnn.plot import STYLE_SHEET, plot_trajectories
from pyrnn.projection import Projection
from pyrnn.tasks import FlipFlop

OUT = Path("out/gated")
UNITS = {"vanilla": 64, "GRU": 32, "LSTM": 32}
BIASES = ["w_in", "w_rec", "w_out"]  # as many as the vanilla cell of torch has


def main(epochs=30, n_units=None, show=True):
    plt.style.use(STYLE_SHEET)

    # %%
    # The same task, the same trials and the same calls for all three networks.
    task = FlipFlop(n_bits=3, seed=0)
    trials = task.batch(128, start=10**6)  # never seen in training
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6))
    memories = {}
    for ax, (cell, size) in zip(axes, UNITS.items(), strict=True):
        rnn = make(cell, n_units or size)
        rnn.fit(task, epochs=epochs, seed=0, progress=show)
        outputs, states = rnn.predict(trials.inputs)
        accuracy = task.accuracy(outputs, trials.targets, trials.mask)

        # %%
        # The readout of the stable points says which bits they stand for.
        points = find_fixed_points(rnn, states, x=torch.zeros(3), max_rounds=24)
        stable = points[points.is_stable]
        bits = rnn.readout(stable.states.float()).detach().sign().unique(dim=0)
        memories[cell] = len(bits)
        print(f"{cell}: {100 * accuracy:.2f} % of the bits right, {len(points)} fixed points")
        print(f"{len(stable)} of them stable, for {len(bits)} of 8 patterns of bits")
        draw(ax, cell, states, points)
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "gated.png")
    if epochs >= 30:
        assert memories == {"vanilla": 8, "GRU": 8, "LSTM": 8}
    return memories


def make(cell, n_units):
    """Return a network with three inputs and three outputs, one for each bit."""
    if cell == "vanilla":
        return RNN(3, n_units, 3, init="torch", bias=BIASES, seed=0)
    return {"GRU": GRU, "LSTM": LSTM}[cell](3, n_units, 3, seed=0)


def draw(ax, cell, states, points):
    """Draw trajectories and fixed points in the plane of two principal components."""
    plane = Projection.fit(states, n_components=2)
    ax.set_title(f"{cell}: {len(points)} fixed points")
    plot_trajectories(states[:30], projection=plane, ax=ax)
    for point in points:
        ax.plot(
            *plane.transform(point.state[None]).T,
            "o",
            color=stability_color(point.n_unstable),
            markersize=8,
            markeredgecolor="white",
        )


if __name__ == "__main__":
    main()
