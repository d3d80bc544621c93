"""A network from recordings.

A network learns to remember three bits. We record half of its units, with noise in its dynamics,
and fit a network to the recording. The fit has the eight memories of the teacher. Its saddles are
farther from those of the teacher, because the network is seldom there, and its weights are only
roughly those between the recorded units: attractors are easier to find than weights.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from pyrnn import RateRNN
from pyrnn.dynamics import find_fixed_points
from pyrnn.plot import STYLE_SHEET, plot_trajectories
from pyrnn.recordings import fit_recordings
from pyrnn.tasks import FlipFlop

OUT = Path("out/from_recordings")


def main(epochs=15, n_units=64, show=True):
    plt.style.use(STYLE_SHEET)

    # %%
    # The teacher stands for a circuit of the brain.
    task = FlipFlop(n_bits=3, seed=0)
    teacher = RateRNN(3, n_units, 3, tau=50.0, dt=10.0, seed=0)
    teacher.fit(task, epochs=epochs, seed=0, progress=show)
    inputs = task.batch(128).inputs
    rates = record(teacher, inputs)

    # %%
    # Half of its units are recorded. One call fits a network to them.
    seen = torch.randperm(n_units, generator=torch.Generator().manual_seed(0))[: n_units // 2]
    fit = fit_recordings(rates[..., seen], inputs, dt=10.0, tau=50.0)
    print(fit.summary())

    # %%
    # The same search finds the fixed points of the teacher and of the fit.
    x = torch.zeros(3)
    true = find_fixed_points(teacher, rates[:, ::5], x=x)
    found = find_fixed_points(fit.network, rates[:, ::5][..., seen], x=x)
    print(found.summary())

    distances = nearest(true, found, seen)
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    draw_weights(teacher.w_rec.weight[seen][:, seen], fit.network.w_rec.weight, axes[0])
    plot_trajectories(rates[:16, :, seen], ax=axes[1])
    draw_distances(distances, true.n_unstable, axes[2])
    if show:
        OUT.mkdir(parents=True, exist_ok=True)
        figure.savefig(OUT / "fit.png")

    if epochs >= 15:
        memories, saddles = distances[true.is_stable], distances[~true.is_stable]
        print(f"{int((memories < 0.1).sum())} of {len(memories)} memories were found")
        print(f"{int((saddles < 0.1).sum())} of {len(saddles)} saddles were found")
        assert (memories < 0.1).sum() == len(memories) == 8
    return fit


def record(rnn, inputs, noise=0.1):
    """Return the rates of a network with private noise in its currents."""
    rng = torch.Generator().manual_seed(0)
    h, rates = rnn.initial_state(inputs.shape[:1]), []
    with torch.no_grad():
        for x in inputs.unbind(1):
            xi = noise * torch.randn(h.shape, generator=rng)
            drive = rnn.f(rnn.w_rec(h) + rnn.w_in(x) + xi)
            h = (1 - rnn.alpha) * h + rnn.alpha * drive
            rates.append(h)
    return torch.stack(rates, dim=1)


def nearest(true, found, seen):
    """Return how far the nearest point of the fit is from each of the teacher, for each unit."""
    difference = true.states[:, None, seen].double() - found.states.double()
    return difference.square().mean(-1).sqrt().amin(1)


def draw_distances(distances, n_unstable, ax):
    """Draw how far points of the fit are from those of the teacher, by kind."""
    ax.plot(n_unstable, distances, ".")
    ax.axhline(0.1, linestyle="--", linewidth=1)
    ax.set(
        xlabel="unstable modes", ylabel="distance of the nearest point, per unit", ylim=(0, None)
    )
    ax.set_xticks(range(int(n_unstable.max()) + 1))
    ax.set_title("fixed points of the teacher")


def draw_weights(true, found, ax):
    """Draw the weights of the fit over those of the teacher."""
    true, found = (weight.detach().double().numpy().ravel() for weight in (true, found))
    ax.plot(true, found, ".", markersize=2)
    ax.set(xlabel="weight of the teacher", ylabel="weight of the fit")
    ax.set_title(f"correlation {np.corrcoef(true, found)[0, 1]:.2f}")


if __name__ == "__main__":
    main()
