"""When did the attractor appear?

A network is trained to remember two bits, and a copy is kept after every epoch. Between two copies
the weights go along a straight line, and all fixed points are followed on it: each of them is
either followed to the next copy, or has met another one and vanished, or was born on the way. The
dates of births and deaths lie under the loss: the loss falls when memories appear. The balance of
points must come out right on every line, so that nothing happens unseen between two copies.
"""

from copy import deepcopy
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn import RNN
from pyrnn.dynamics import follow_training
from pyrnn.palette import GRAY
from pyrnn.plot import STYLE_SHEET, plot_tracks
from pyrnn.render import Scene
from pyrnn.tasks import FlipFlop

OUT = Path("out/when_attractors_appear")


def main(epochs=20, n_units=32, show=True):
    plt.style.use(STYLE_SHEET)
    task = FlipFlop(n_bits=2, seed=0)
    rnn = RNN(2, n_units, 2, seed=0)
    networks = [deepcopy(rnn)]

    def keep(training):
        networks.append(deepcopy(training.rnn))

    history = rnn.fit(task, epochs=epochs, lr=1e-3, seed=0, callbacks=keep, progress=show)
    states = rnn.predict(task.batch(64).inputs).states

    # %%
    # Follow all fixed points without input from each copy to the next.
    tracks = follow_training(networks, states, progress=show)
    print(tracks.summary())

    figure = draw(history, tracks)
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "when_attractors_appear.png")
        Scene(points=tracks, title="two bits are learned").save(OUT / "scene.html")

    assert tracks.balance
    if epochs >= 20:
        assert int(tracks.n_points[-1]) == 9
        assert int((tracks.n_unstable[:, -1] == 0).sum()) == 4  # one for each pair of bits
    return tracks


def draw(history, tracks):
    """Draw the loss with the dates of births and deaths, and the points over the training."""
    figure, axes = plt.subplots(2, 1, figsize=(7, 6), height_ratios=(2, 3), sharex=True)
    steps = torch.linspace(0, history.n_epochs, history.n_steps)
    axes[0].semilogy(steps, history.loss, linewidth=1.2)
    axes[0].set_title("loss", loc="left")
    for event in tracks.events:
        axes[0].axvline(event.time, color=GRAY, linewidth=0.7, zorder=0)
    plot_tracks(tracks, ax=axes[1])
    axes[1].set_xlabel("epoch")
    return figure


if __name__ == "__main__":
    main()
