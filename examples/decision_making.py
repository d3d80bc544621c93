"""Deciding from noisy evidence.

In the network of Yang & Wang (2020), 64 rectified leaky units watch two noisy channels. At a
signal they report which channel was stronger. The equation is not built into pyrnn, so the
example writes its ``step``. Under the input of a trial without evidence, the trained network has
a line of almost-fixed points along which it adds up evidence: one mode neither grows nor decays,
all others decay.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn import CTRNN
from pyrnn.behavior import psychometric
from pyrnn.dynamics import find_manifolds
from pyrnn.palette import INK
from pyrnn.plot import (
    STYLE_SHEET,
    plot_loss,
    plot_psychometric,
    plot_spectrum,
    plot_trajectories,
)
from pyrnn.projection import Projection
from pyrnn.render import Scene
from pyrnn.tasks import PerceptualDecision

OUT = Path("out/decision_making")


class RectifiedLeaky(CTRNN):
    def step(self, h, x):
        return torch.relu((1 - self.alpha) * h + self.alpha * (self.w_rec(h) + self.w_in(x)))

    def readout(self, states):
        return self.w_out(states)  # the state is a rate already


def main(epochs=40, n_units=64, show=True):
    plt.style.use(STYLE_SHEET)

    # %%
    # A time step takes 100 ms, as long as the time constant.
    task = PerceptualDecision(seed=0)
    rnn = RectifiedLeaky(3, n_units, 3, tau=100.0, dt=100.0, init="identity", gain=0.5, seed=0)
    history = rnn.fit(task, epochs=epochs, lr=0.005, scheduler="cosine", seed=0, progress=show)

    trials = task.batch(4096, start=10**6)  # never seen in training
    outputs, states = rnn.predict(trials.inputs)
    accuracy = task.accuracy(outputs, trials.targets, trials.mask)

    # %%
    # The psychometric curve describes behavior. What the network does in the meantime is seen in
    # its states while the stimulus is on: we look for a line of slow points among them.
    curve = psychometric(task, outputs, trials)
    watched = states[:, 1:-1]  # while the stimulus is on
    no_evidence = torch.tensor([1.0, 0.5, 0.5])
    lines = find_manifolds(rnn, watched[:160:4], no_evidence, tol=0.05, max_speed=0.5)
    print(f"{100 * accuracy:.1f} % right after {history.n_steps} steps; 90 % is the best possible")
    print(lines)
    print(f"75 % right at a coherence of {curve.threshold:.1f} %")

    # %%
    # In the scene, trials are colored by their coherence; the black curve is the line attractor.
    if show and lines:
        OUT.mkdir(parents=True, exist_ok=True)
        figure = draw(history, trials, watched, lines, curve)
        figure.savefig(OUT / "decision_making.png")
        coherence = trials.info["coherence"][:60]
        scene = Scene(watched[:60], color=coherence, color_label="coherence (%)")
        for line in lines:
            scene.add_path(line.states)
        scene.save(OUT / "scene.html")

    if history.n_steps >= 600:
        assert accuracy >= 0.87
        assert (lines[0].slow_modes.abs() - 1).abs().min() < 0.01
    return lines


def draw(history, trials, watched, lines, curve):
    """Draw the loss, trials with the line attractor, its spectrum, and the behavior."""
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.2))
    plot_loss(history, ax=axes[0])
    plane = Projection.fit(watched, n_components=2)
    label, color = "coherence (%)", trials.info["coherence"][:80]
    plot_trajectories(watched[:80], projection=plane, color=color, color_label=label, ax=axes[1])
    for line in lines:
        axes[1].plot(*plane.transform(line.states).T, color=INK, linewidth=3)
    axes[1].set_title("line attractor")
    slowest = (lines[0].slow_modes.abs() - 1).abs().argmin()
    plot_spectrum(lines[0].eigenvalues[slowest], ax=axes[2])
    plot_psychometric(curve, label=label, ax=axes[3])
    return figure


if __name__ == "__main__":
    main()
