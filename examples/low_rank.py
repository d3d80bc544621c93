"""A decision in one dimension.

In a network with W = m nᵀ / N (Mastrogiuseppe & Ostojic 2018), recurrence moves the state along m
only. The network computes a single latent variable κ, which has an equation of its own. Trained
to decide from noisy evidence, the network is a bistable switch: without input κ has two stable
points, one for each choice, and an unstable one between them.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from pyrnn import LowRankRNN
from pyrnn.dynamics import find_fixed_points
from pyrnn.palette import GRAY, stability_color
from pyrnn.plot import STYLE_SHEET
from pyrnn.tasks import MultisensoryIntegration

OUT = Path("out/low_rank")


def main(epochs=40, n_units=128, show=True):
    plt.style.use(STYLE_SHEET)

    # %%
    # The network has rank one: its recurrence knows one direction, m.
    task = MultisensoryIntegration(seed=0)
    rnn = LowRankRNN(2, n_units, 1, rank=1, tau=100.0, dt=20.0, bias=False, seed=0)
    history = rnn.fit(task, epochs=epochs, clip_norm=1.0, seed=0, progress=show)
    trials = task.batch(512, start=10**6)  # never seen in training
    outputs, states = rnn.predict(trials.inputs)
    accuracy = task.accuracy(outputs, trials.targets, trials.mask)
    points = find_fixed_points(rnn, states, x=torch.zeros(2))
    print(f"{100 * accuracy:.1f} % right after {history.n_steps} steps")
    print(points.summary())

    # %%
    # κ is the share of m in a state. Without input it moves by an equation of its own, which we
    # compare with a step of the whole network.
    m = rnn.m.detach()[:, 0]
    kappa = latent(states, m)
    grid = torch.linspace(-1.3, 1.3, 201) * kappa.abs().max()
    with torch.no_grad():
        on_line = grid[:, None] * m
        flow = latent(rnn.step(on_line, torch.zeros(2)), m) - grid
        by_equation = rnn.alpha * ((rnn.f(on_line) @ rnn.n[:, 0]) / n_units - grid)
    figure = draw(task, trials, kappa, grid, flow, points, m)
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "low_rank.png")

    torch.testing.assert_close(flow, by_equation, rtol=1e-3, atol=1e-4)
    if history.n_steps >= 600:
        assert accuracy > 0.9
        assert points.n_unstable.tolist() == [0, 0, 1]
    return points


def latent(states, m):
    """Return κ, the share of m in each state."""
    return states @ m / m.square().sum()


def draw(task, trials, kappa, grid, flow, points, m):
    """Draw κ during trials, and how it moves without input."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    time = torch.arange(task.n_steps) * task.dt
    colors = plt.get_cmap("coolwarm")(trials.info["coherence"].numpy() / 1.6 + 0.5)
    for k in range(100):
        axes[0].plot(time, kappa[k], color=colors[k], linewidth=0.7)
    axes[0].set(title="latent variable in 100 trials", xlabel="time (ms)", ylabel="κ")
    axes[1].axhline(0, color=GRAY, linewidth=0.8)
    axes[1].plot(grid, flow, label="one step without input")
    for point in points:
        color = stability_color(point.n_unstable)
        at = latent(point.state.float(), m)
        axes[1].plot(at, 0, "o", color=color, markeredgecolor="white", markersize=8)
    axes[1].set(title="flow of κ, fixed points", xlabel="κ", ylabel="change of κ in a step")
    return figure


if __name__ == "__main__":
    main()
