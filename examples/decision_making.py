"""Deciding from noisy evidence, along a line attractor.

The network of Yang & Wang (2020): 64 rectified leaky units watch two noisy channels and say, when
told to, which was stronger. Its equation isn't one of pyrnn's, so ``step`` is written out. Under
the input of a trial without evidence, the trained network has a line of almost-fixed points, along
which evidence adds up: one mode neither grows nor decays, all others decay.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.collections import LineCollection

from pyrnn import CTRNN
from pyrnn.dynamics.manifolds import find_manifolds
from pyrnn.palette import GREY, INK
from pyrnn.plot import STYLE_SHEET, plot_loss, plot_spectrum
from pyrnn.projection import Projection
from pyrnn.render import Scene
from pyrnn.tasks import PerceptualDecision

OUT = Path("out/decision_making")


class RectifiedLeaky(CTRNN):
    def step(self, h, x):
        return torch.relu((1 - self.alpha) * h + self.alpha * (self.w_rec(h) + self.w_in(x)))

    def readout(self, states):
        return self.w_out(states)  # the state is a rate already


def main(epochs=60, n_units=64, show=True):
    plt.style.use(STYLE_SHEET)
    task = PerceptualDecision(seed=0)
    rnn = RectifiedLeaky(3, n_units, 3, tau=100.0, dt=100.0, init="identity", gain=0.5, seed=0)
    history = rnn.fit(task, epochs=epochs, lr=0.01, scheduler="cosine", seed=0, progress=show)

    trials = task.batch(4096, start=10**6)  # never seen in training
    outputs, states = rnn.predict(trials.inputs)
    accuracy = task.accuracy(outputs, trials.targets, trials.mask)
    curve = task.psychometric(outputs, trials)
    watched = states[:, 1:-1]  # while the stimulus is on
    no_evidence = torch.tensor([1.0, 0.5, 0.5])
    lines = find_manifolds(rnn, watched[:160:4], no_evidence, tolerance=0.05, max_speed=0.5)
    print(
        f"{100 * accuracy:.1f} % right after {history.n_steps} steps (a fifth can but be guessed)"
    )
    print(lines)
    print(f"75 % right at a coherence of {curve.threshold:.1f} %")

    if show and lines:
        OUT.mkdir(parents=True, exist_ok=True)
        figure = draw(history, trials, watched, lines[0], curve)
        figure.savefig(OUT / "decision_making.png")
        coherence = trials.info["coherence"][:60]
        scene = Scene(watched[:60], color=coherence, color_label="coherence (%)")
        scene.add_path(lines[0].states).save(OUT / "scene.html")

    if history.n_steps >= 900:
        assert accuracy >= 0.87
        assert (lines[0].slow_modes.abs() - 1).abs().min() < 0.01
    return lines


def draw(history, trials, watched, line, curve):
    """Draw the loss, trials with the line attractor, its spectrum, and the behaviour."""
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.2))
    plot_loss(history, ax=axes[0])
    plane = Projection.fit(watched.flatten(0, 1), n_components=2)
    coherence = trials.info["coherence"]
    paths = [plane.transform(states) for states in watched[:80]]
    collection = LineCollection(paths, array=coherence[:80], cmap="coolwarm", linewidths=0.7)
    axes[1].add_collection(collection)
    axes[1].autoscale()
    axes[1].plot(*plane.transform(line.states).T, color=INK, linewidth=3, label="line attractor")
    axes[1].set(title="trials", xlabel=plane.labels[0], ylabel=plane.labels[1])
    axes[1].legend(loc="lower center")
    figure.colorbar(collection, ax=axes[1], label="coherence (%)")
    best = (line.slow_modes.abs() - 1).abs().argmin()
    plot_spectrum(line.eigenvalues[best], ax=axes[2])
    axes[2].set_title("modes on the line")
    errors = abs(np.stack([curve.low, curve.high]) - curve.share)
    x = np.linspace(curve.evidence[0], curve.evidence[-1], 200)
    axes[3].axvline(0, color=GREY, linewidth=0.8)
    axes[3].plot(x, curve(x))
    axes[3].errorbar(curve.evidence, curve.share, errors, fmt="o", color=INK, markersize=4)
    axes[3].set(
        title="psychometric curve", xlabel="coherence (%)", ylabel="share of right choices"
    )
    return figure


if __name__ == "__main__":
    main()
